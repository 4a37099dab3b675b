"""The portal: deposits, the market for L2 gas, proven and finalised withdrawals."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.harness import (
    Contract,
    L1System,
    Reverted,
    account,
    deploy_l1,
    hex_address,
    storage_proof,
)

USER = account("user")
TARGET = account("target")


@pytest.fixture
def l1() -> L1System:
    return deploy_l1()


def opaque(mint: int, value: int, gas: int, is_creation: bool, data: bytes) -> bytes:
    return mint.to_bytes(32, "big") + value.to_bytes(32, "big") + gas.to_bytes(8, "big") + bytes([is_creation]) + data


# --- Deposits ---------------------------------------------------------------------------------------------------------


def test_a_deposit_logs_its_fields_packed(l1: L1System) -> None:
    result = l1.portal.send("depositTransaction", TARGET, 5, 100_000, False, b"\xca\xfe", sender=USER, value=9)
    (event,) = l1.portal.events(result, "TransactionDeposited")
    assert event["from"] == hex_address(USER)
    assert event["to"] == hex_address(TARGET)
    assert event["version"] == 0
    assert event["opaqueData"] == opaque(9, 5, 100_000, False, b"\xca\xfe")
    assert result.logs[0].topics[0].hex().startswith("b3813568")
    assert l1.chain.balance(l1.portal.address) == 9


def test_plain_eth_becomes_a_deposit_to_its_sender(l1: L1System) -> None:
    result = l1.chain.send(l1.portal.address, value=3, sender=USER)
    (event,) = l1.portal.events(result, "TransactionDeposited")
    assert (event["from"], event["to"]) == (hex_address(USER), hex_address(USER))
    assert event["opaqueData"] == opaque(3, 3, 100_000, False, b"")


def test_donated_eth_is_no_deposit(l1: L1System) -> None:
    assert l1.portal.send("donateETH", value=3, sender=USER).logs == ()


def aggregate(l1: L1System, call: bytes) -> tuple[bytes, bytes]:
    """Call data with which Multicall3, a contract, makes the call."""
    multicall = l1.chain.at("Multicall3", l1.addresses.Multicall3)
    return multicall.address, multicall.artifact.encode_call("aggregate3", [(l1.portal.address, False, call)])


def test_a_contract_deposits_under_its_alias(l1: L1System) -> None:
    call = l1.portal.artifact.encode_call("depositTransaction", TARGET, 0, 100_000, False, b"")
    multicall, data = aggregate(l1, call)
    (event,) = l1.portal.events(l1.chain.send(multicall, data, sender=USER), "TransactionDeposited")
    alias = (int.from_bytes(multicall, "big") + 0x1111000000000000000000000000000000001111) % 2**160
    assert event["from"] == hex_address(alias.to_bytes(20, "big"))


def test_an_account_with_delegated_code_keeps_its_address(l1: L1System) -> None:
    multicall, data = aggregate(
        l1, l1.portal.artifact.encode_call("depositTransaction", TARGET, 0, 100_000, False, b"")
    )
    delegated = account("delegated")
    l1.chain.set_code(delegated, b"\xef\x01\x00" + multicall)
    result = l1.chain.send(delegated, data, sender=USER)
    (event,) = l1.portal.events(result, "TransactionDeposited")
    assert event["from"] == hex_address(delegated)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((TARGET, 0, 100_000, True, b""), "OptimismPortal_BadTarget"),
        ((TARGET, 0, 20_999, False, b""), "OptimismPortal_GasLimitTooLow"),
        ((TARGET, 0, 21_039, False, b"\x01"), "OptimismPortal_GasLimitTooLow"),
        ((TARGET, 0, 10_000_000, False, bytes(120_001)), "OptimismPortal_CalldataTooLarge"),
        ((TARGET, 0, 20_000_001, False, b""), "OutOfGas"),
    ],
)
def test_deposits_that_l2_could_not_run_are_refused(l1: L1System, arguments: tuple[object, ...], error: str) -> None:
    with pytest.raises(Reverted, match=error):
        l1.portal.send("depositTransaction", *arguments, sender=USER)


def test_the_largest_data_and_the_smallest_gas_limit_pass(l1: L1System) -> None:
    l1.portal.send("depositTransaction", TARGET, 0, 21_000 + 40 * 120_000, False, bytes(120_000), sender=USER)
    l1.portal.send("depositTransaction", TARGET, 0, 21_040, False, b"\x01", sender=USER)


def test_a_creation_deposit_goes_to_nobody(l1: L1System) -> None:
    result = l1.portal.send("depositTransaction", bytes(20), 0, 100_000, True, b"\x60", sender=USER)
    assert l1.portal.events(result, "TransactionDeposited")[0]["opaqueData"][72] == 1


def test_the_gas_of_one_block_is_sold_once(l1: L1System) -> None:
    # A dear L1 makes L2's gas cheap in terms of L1's: less to burn.
    l1.chain.set_base_fee(10**12)
    l1.chain.auto_mine = False
    l1.portal.send("depositTransaction", TARGET, 0, 12_000_000, False, b"", sender=USER)
    with pytest.raises(Reverted, match="OutOfGas"):
        l1.portal.send("depositTransaction", TARGET, 0, 8_000_001, False, b"", sender=USER)
    l1.portal.send("depositTransaction", TARGET, 0, 8_000_000, False, b"", sender=USER)
    l1.chain.mine()
    l1.portal.send("depositTransaction", TARGET, 0, 8_000_001, False, b"", sender=USER)


def test_the_base_fee_follows_demand_and_decays_in_idle_blocks(l1: L1System) -> None:
    l1.chain.set_base_fee(10**12)

    def base_fee() -> int:
        fee: int = l1.portal.call("params")[0]
        return fee

    def deposit(gas: int) -> None:
        l1.portal.send("depositTransaction", TARGET, 0, gas, False, b"", sender=USER)

    deposit(12_000_000)
    assert base_fee() == 10**9
    deposit(2_000_000)
    # 12M bought against a target of 2M: 10^9 * (1 + (12 - 2) / 2 / 8).
    assert base_fee() == 10**9 + 10**9 * 10 // 2 // 8 == 1_625_000_000
    deposit(21_000)
    assert base_fee() == 1_625_000_000
    l1.chain.mine()
    l1.chain.mine()
    deposit(21_000)
    # 21,000 bought, then two idle blocks.
    stepped = 1_625_000_000 - (1_625_000_000 * (2_000_000 - 21_000)) // (2_000_000 * 8)
    assert base_fee() == stepped * 49 // 64
    for _ in range(20):
        l1.chain.mine()
    deposit(21_000)
    assert base_fee() == 10**9


def test_l2_gas_is_paid_by_burning_l1_gas(l1: L1System) -> None:
    cheap = l1.portal.send("depositTransaction", TARGET, 0, 21_000, False, b"", sender=USER).gas_used
    dear = l1.portal.send("depositTransaction", TARGET, 0, 3_000_000, False, b"", sender=USER).gas_used
    # The market starts at 1 gwei, which is also L1's base fee here: one for one.
    assert cheap < 120_000
    assert 3_000_000 <= dear < 3_060_000


# --- Withdrawals ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawal on an imagined L2, and what proves it."""

    transaction: tuple[int, bytes, bytes, int, int, bytes]
    output: tuple[bytes, bytes, bytes, bytes]
    proof: list[bytes]

    @property
    def hash(self) -> bytes:
        types = ["uint256", "address", "address", "uint256", "uint256", "bytes"]
        return keccak(encode(types, self.transaction))

    @property
    def root(self) -> bytes:
        return keccak(b"".join(self.output))


def withdrawal(
    target: bytes = TARGET, value: int = 10**15, gas: int = 100_000, data: bytes = b"", others: int = 50
) -> Withdrawal:
    transaction = ((1 << 240) + 7, account("l2 sender"), target, value, gas, data)
    digest = keccak(encode(["uint256", "address", "address", "uint256", "uint256", "bytes"], transaction))

    def slot(message: bytes) -> bytes:
        return keccak(message + bytes(32))

    storage = {slot(digest): 1, **{slot(keccak(bytes([number]))): 1 for number in range(others)}}
    root, proof = storage_proof(storage, slot(digest))
    output = (bytes(32), keccak(text="state"), root, keccak(text="head"))
    return Withdrawal(transaction, output, proof)


def prove(l1: L1System, item: Withdrawal, index: int = 0, sender: bytes = USER) -> None:
    l1.portal.send("proveWithdrawalTransaction", item.transaction, index, item.output, item.proof, sender=sender)


def resolve(l1: L1System, game: Contract) -> None:
    """Lets an unanswered game end."""
    l1.chain.mine(l1.params.delays.max_clock)
    game.send("resolveClaim", 0, 0)
    game.send("resolve")


def ready(l1: L1System, item: Withdrawal) -> Contract:
    """Proves a withdrawal and waits until it can be executed."""
    l1.chain.set_balance(l1.portal.address, 10**18)
    game = l1.create_game(item.root, 16)
    prove(l1, item)
    resolve(l1, game)
    l1.chain.mine(l1.params.delays.proof_maturity + l1.params.delays.game_finality)
    return game


def test_a_withdrawal_is_proven_and_executed(l1: L1System) -> None:
    item = withdrawal()
    l1.chain.set_balance(l1.portal.address, 10**18)
    game = l1.create_game(item.root, 16)
    result = l1.portal.send("proveWithdrawalTransaction", item.transaction, 0, item.output, item.proof, sender=USER)
    assert l1.portal.events(result, "WithdrawalProven")[0]["withdrawalHash"] == item.hash
    assert l1.portal.events(result, "WithdrawalProvenExtension1")[0]["proofSubmitter"] == hex_address(USER)
    assert l1.portal.call("numProofSubmitters", item.hash) == 1
    assert l1.portal.call("proofSubmitters", item.hash, 0) == hex_address(USER)
    assert l1.portal.call("provenWithdrawals", item.hash, USER)[0] == game.hex
    with pytest.raises(Reverted, match="OptimismPortal_ProofNotOldEnough"):
        l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=USER)
    l1.chain.mine(l1.params.delays.proof_maturity)
    with pytest.raises(Reverted, match="OptimismPortal_InvalidRootClaim"):
        l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=USER)
    resolve(l1, game)
    with pytest.raises(Reverted, match="OptimismPortal_InvalidRootClaim"):
        l1.portal.call("checkWithdrawal", item.hash, USER)
    l1.chain.mine(l1.params.delays.game_finality)
    l1.portal.call("checkWithdrawal", item.hash, USER)
    result = l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=USER)
    assert l1.portal.events(result, "WithdrawalFinalized") == [{"withdrawalHash": item.hash, "success": True}]
    assert l1.chain.balance(TARGET) == 10**15
    assert l1.portal.call("finalizedWithdrawals", item.hash) is True
    with pytest.raises(Reverted, match="OptimismPortal_AlreadyFinalized"):
        l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=USER)


def test_the_selectors_and_topics_are_the_ones_clients_use(l1: L1System) -> None:
    portal, registry, factory = l1.portal.artifact, l1.registry.artifact, l1.factory.artifact
    game = l1.chain.at("FaultDisputeGame", l1.addresses.FaultDisputeGame).artifact
    expected = {
        "depositTransaction": "e9e05c42",
        "proveWithdrawalTransaction": "4870496f",
        "finalizeWithdrawalTransaction": "8c3152e9",
        "finalizeWithdrawalTransactionExternalProof": "43ca1c50",
        "numProofSubmitters": "513747ab",
        "proofSubmitters": "a3860f48",
        "provenWithdrawals": "bb2c727e",
        "proofMaturityDelaySeconds": "bf653a5c",
        "checkWithdrawal": "71c1566e",
        "finalizedWithdrawals": "a14238e7",
        "anchorStateRegistry": "5c0cba33",
        "respectedGameType": "3c9f397c",
        "version": "54fd4d50",
    }
    assert {name: portal.selector(name).hex() for name in expected} == expected
    assert registry.selector("isGameProper").hex() == "496b9c16"
    assert registry.selector("isGameRespected").hex() == "04e50fed"
    assert registry.selector("isGameFinalized").hex() == "0314d2b3"
    assert factory.selector("gameCount").hex() == "4d1975b4"
    assert factory.selector("findLatestGames").hex() == "254bd683"
    assert game.selector("l2SequenceNumber").hex() == "99735e32"
    assert portal.event_topic("WithdrawalProven").hex().startswith("67a6208c")
    assert portal.event_topic("WithdrawalFinalized").hex().startswith("db5c7652")


def test_a_bystander_executes_with_somebody_elses_proof_only_by_naming_them(l1: L1System) -> None:
    item = withdrawal()
    ready(l1, item)
    other = account("other")
    with pytest.raises(Reverted, match="OptimismPortal_Unproven"):
        l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=other)
    l1.portal.send("finalizeWithdrawalTransactionExternalProof", item.transaction, USER, sender=other)
    assert l1.chain.balance(TARGET) == 10**15


def test_a_second_proof_by_another_does_not_reset_the_first(l1: L1System) -> None:
    item = withdrawal()
    ready(l1, item)
    prove(l1, item, sender=account("griefer"))
    l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=USER)
    assert l1.chain.balance(TARGET) == 10**15


def test_a_changed_withdrawal_has_no_proof(l1: L1System) -> None:
    item = withdrawal()
    l1.create_game(item.root, 16)
    changed = (*item.transaction[:3], item.transaction[3] + 1, *item.transaction[4:])
    with pytest.raises(Reverted, match="MerkleTrie_InvalidProof"):
        l1.portal.send("proveWithdrawalTransaction", changed, 0, item.output, item.proof, sender=USER)


def test_the_output_root_must_be_the_games(l1: L1System) -> None:
    item = withdrawal()
    l1.create_game(item.root, 16)
    wrong = (item.output[0], keccak(text="other state"), *item.output[2:])
    with pytest.raises(Reverted, match="OptimismPortal_InvalidOutputRootProof"):
        l1.portal.send("proveWithdrawalTransaction", item.transaction, 0, wrong, item.proof, sender=USER)


def test_a_withdrawal_to_the_portal_is_refused(l1: L1System) -> None:
    item = withdrawal(target=l1.portal.address)
    l1.create_game(item.root, 16)
    with pytest.raises(Reverted, match="OptimismPortal_BadTarget"):
        prove(l1, item)


def test_nothing_is_proven_in_the_second_of_the_games_creation(l1: L1System) -> None:
    item = withdrawal()
    l1.chain.auto_mine = False
    l1.create_game(item.root, 16)
    with pytest.raises(Reverted, match="OptimismPortal_InvalidProofTimestamp"):
        prove(l1, item)


def test_games_that_were_taken_out_prove_nothing(l1: L1System) -> None:
    item = withdrawal()
    game = l1.create_game(item.root, 16)
    l1.registry.send("blacklistDisputeGame", game.address, sender=account("guardian"))
    assert l1.portal.call("disputeGameBlacklist", game.address) is True
    with pytest.raises(Reverted, match="OptimismPortal_ImproperDisputeGame"):
        prove(l1, item)


def test_a_game_blacklisted_in_the_air_gap_pays_nothing_out(l1: L1System) -> None:
    item = withdrawal()
    game = ready(l1, item)
    l1.registry.send("blacklistDisputeGame", game.address, sender=account("guardian"))
    with pytest.raises(Reverted, match="OptimismPortal_InvalidRootClaim"):
        l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=USER)


def test_games_of_a_type_that_does_not_count_prove_nothing(l1: L1System) -> None:
    item = withdrawal()
    l1.registry.send("setRespectedGameType", 1, sender=account("guardian"))
    l1.create_game(item.root, 16)
    with pytest.raises(Reverted, match="OptimismPortal_InvalidDisputeGame"):
        prove(l1, item)


def test_a_paused_chain_proves_and_executes_nothing_but_takes_deposits(l1: L1System) -> None:
    item = withdrawal()
    game = ready(l1, item)
    l1.superchain.send("pause", l1.portal.address, sender=account("guardian"))
    assert l1.portal.call("paused") is True
    with pytest.raises(Reverted, match="OptimismPortal_CallPaused"):
        prove(l1, item)
    with pytest.raises(Reverted, match="OptimismPortal_CallPaused"):
        l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=USER)
    l1.portal.send("depositTransaction", TARGET, 0, 100_000, False, b"", sender=USER)
    l1.chain.mine(7_884_000)
    assert l1.portal.call("paused") is False
    assert l1.registry.call("isGameClaimValid", game.address) is True
    l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=USER)


def test_a_failing_withdrawal_is_used_up(l1: L1System) -> None:
    # WETH refuses an unwrap that the portal cannot back.
    data = l1.weth.artifact.encode_call("unlock", USER, 1)[:5]
    item = withdrawal(target=l1.registry.address, value=1, data=data)
    ready(l1, item)
    result = l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=USER)
    assert l1.portal.events(result, "WithdrawalFinalized") == [{"withdrawalHash": item.hash, "success": False}]
    assert l1.portal.call("finalizedWithdrawals", item.hash) is True
    assert l1.portal.call("l2Sender") == "0x000000000000000000000000000000000000dead"


def test_gas_estimation_sees_a_failing_withdrawal_as_a_failure(l1: L1System) -> None:
    item = withdrawal(target=l1.registry.address, value=1)
    ready(l1, item)
    data = l1.portal.artifact.encode_call("finalizeWithdrawalTransactionExternalProof", item.transaction, USER)
    with pytest.raises(Reverted, match="OptimismPortal_GasEstimation"):
        l1.chain.call(l1.portal.address, data, sender=(1).to_bytes(20, "big"))


def test_the_target_gets_the_gas_it_was_promised(l1: L1System) -> None:
    item = withdrawal(gas=3_000_000)
    ready(l1, item)
    data = l1.portal.artifact.encode_call("finalizeWithdrawalTransaction", item.transaction)
    with pytest.raises(Reverted, match="SafeCall_NotEnoughGas"):
        l1.chain.send(l1.portal.address, data, sender=USER, gas=3_000_000)
    l1.chain.send(l1.portal.address, data, sender=USER, gas=3_300_000)


def test_a_withdrawal_cannot_execute_another_inside(l1: L1System) -> None:
    inner = withdrawal()
    data = l1.portal.artifact.encode_call("finalizeWithdrawalTransactionExternalProof", inner.transaction, USER)
    multicall, call = aggregate(l1, data)
    outer = withdrawal(target=multicall, value=0, gas=2_000_000, data=call)
    ready(l1, outer)
    result = l1.portal.send("finalizeWithdrawalTransaction", outer.transaction, sender=USER)
    assert l1.portal.events(result, "WithdrawalFinalized") == [{"withdrawalHash": outer.hash, "success": False}]


def test_the_sender_on_l2_is_known_during_the_call_only(l1: L1System) -> None:
    multicall, call = aggregate(l1, l1.portal.artifact.encode_call("l2Sender"))
    item = withdrawal(target=multicall, value=0, gas=500_000, data=call)
    ready(l1, item)
    result = l1.portal.send("finalizeWithdrawalTransaction", item.transaction, sender=USER)
    assert l1.portal.events(result, "WithdrawalFinalized")[0]["success"] is True
    assert l1.portal.call("l2Sender") == "0x000000000000000000000000000000000000dead"


def test_the_storage_layout_is_the_counterparts(l1: L1System) -> None:
    slots = {
        "_initialized": 0,
        "params": 1,
        "l2Sender": 50,
        "finalizedWithdrawals": 51,
        "systemConfig": 55,
        "provenWithdrawals": 57,
        "proofSubmitters": 60,
        "anchorStateRegistry": 62,
    }
    assert {name: l1.portal.artifact.storage_variable(name).slot for name in slots} == slots
