"""Money goes in and out with web3.py alone: ether and a token, deposited, withdrawn, proven, finalised, to the wei."""

import time
from dataclasses import dataclass
from typing import Any

import pytest
import rlp
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError
from web3.logs import DISCARD

from contracts.artifacts import load_artifact
from tests.e2e.conftest import QUICK, StartDevnet
from tests.e2e.running_devnet import RunningDevnet, wait_until
from tests.e2e.web3_kit import (
    connect,
    contract_at,
    deploy,
    fresh_address,
    l1_contract,
    mined,
    predeploy,
)

ETHER = 10**18
GAME_TYPE = 0
PATIENCE = 240.0


@pytest.fixture(scope="module")
def devnet(start_devnet: StartDevnet) -> RunningDevnet:
    """A devnet whose games and withdrawals wait as little as the contracts allow."""
    delays = ("--proof-maturity-delay", "4", "--game-finality-delay", "2", "--max-clock-duration", "20")
    return start_devnet(*QUICK, *delays, "--proposal-interval", "4")


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawal that L2 announced."""

    fields: tuple[Any, ...]
    """nonce, sender, target, value, gas limit, data: as the portal takes them."""
    hash: bytes
    l2_block: int


class Client:
    """A user with one key on both chains."""

    def __init__(self, devnet: RunningDevnet, index: int) -> None:
        self.l1 = connect(devnet.l1_url, devnet.key(index))
        self.l2 = connect(devnet.l2_url, devnet.key(index))
        self.address = str(self.l1.eth.default_account)
        self.portal = l1_contract(self.l1, devnet, "OptimismPortalProxy", "OptimismPortal2")
        self.factory = l1_contract(self.l1, devnet, "DisputeGameFactoryProxy", "DisputeGameFactory")
        self.bridge = l1_contract(self.l1, devnet, "L1StandardBridgeProxy", "L1StandardBridge")

    def included_deposit(self, l1_receipt: Any) -> Any:
        """The L2 receipt of the deposit in an L1 receipt, looked up by the hash that the L1 log implies."""
        (log,) = [log for log in l1_receipt["logs"] if log["address"] == self.portal.address]
        return self.l2.eth.wait_for_transaction_receipt(deposit_hash(log), timeout=60, poll_latency=0.2)

    def withdrawal(self, l2_receipt: Any) -> Withdrawal:
        """The withdrawal that an L2 transaction initiated."""
        passer = predeploy(self.l2, "L2ToL1MessagePasser")
        logs = [log for log in l2_receipt["logs"] if log["address"] == passer.address]
        (event,) = [passer.events.MessagePassed().process_log(log) for log in logs]
        args = event["args"]
        fields = tuple(args[name] for name in ("nonce", "sender", "target", "value", "gasLimit", "data"))
        assert passer.functions.sentMessages(args["withdrawalHash"]).call()
        return Withdrawal(fields, args["withdrawalHash"], l2_receipt["blockNumber"])

    def game_covering(self, l2_block: int) -> tuple[int, Any, int]:
        """Index, contract and L2 block number of a game for `l2_block` or a later block, once there is one."""
        found: list[tuple[int, Any, int]] = []

        def there() -> bool:
            count = self.factory.functions.gameCount().call()
            if count:
                for index, metadata, _, _, extra in self.factory.functions.findLatestGames(
                    GAME_TYPE, count - 1, 5
                ).call():
                    number = int.from_bytes(extra[:32], "big")
                    game = contract_at(self.l1, "FaultDisputeGame", metadata[12:].hex())
                    # The portal takes no proof in the block that made the game.
                    if (
                        number >= l2_block
                        and game.functions.createdAt().call() < self.l1.eth.get_block("latest")["timestamp"]
                    ):
                        found.append((index, game, number))
            return bool(found)

        wait_until(f"a game covers L2 block {l2_block}", there, PATIENCE)
        return found[0]

    def prove(self, withdrawal: Withdrawal) -> Any:
        """Prove a withdrawal against a game that covers it; answers the game."""
        index, game, number = self.game_covering(withdrawal.l2_block)
        slot = Web3.keccak(withdrawal.hash + bytes(32))
        passer = predeploy(self.l2, "L2ToL1MessagePasser").address
        proof = self.l2.eth.get_proof(passer, [int.from_bytes(slot, "big")], number)
        block = self.l2.eth.get_block(number)
        root_proof = (bytes(32), block["stateRoot"], proof["storageHash"], block["hash"])
        assert game.functions.rootClaim().call() == Web3.keccak(b"".join(bytes(part) for part in root_proof))
        nodes = proof["storageProof"][0]["proof"]
        prove = self.portal.functions.proveWithdrawalTransaction(withdrawal.fields, index, root_proof, nodes)
        receipt = mined(self.l1, prove.transact())
        (proven,) = self.portal.events.WithdrawalProven().process_receipt(receipt, errors=DISCARD)
        assert proven["args"]["withdrawalHash"] == withdrawal.hash
        return game

    def can_finalize(self, withdrawal: Withdrawal) -> bool:
        """Whether the portal would execute the withdrawal now."""
        try:
            self.portal.functions.checkWithdrawal(withdrawal.hash, self.address).call()
        except (ContractCustomError, ContractLogicError):
            return False
        return True

    def finalize(self, withdrawal: Withdrawal) -> Any:
        """Have the withdrawal executed; answers the receipt."""
        receipt = mined(self.l1, self.portal.functions.finalizeWithdrawalTransaction(withdrawal.fields).transact())
        (done,) = self.portal.events.WithdrawalFinalized().process_receipt(receipt, errors=DISCARD)
        assert done["args"]["withdrawalHash"] == withdrawal.hash
        assert done["args"]["success"], "the withdrawal was finalised, but its call failed"
        return receipt


def deposit_hash(log: Any) -> bytes:
    """The hash of the L2 transaction that a TransactionDeposited log stands for, worked out from the log alone."""
    opaque = bytes(log["data"])[64:]
    mint, value, gas = (
        int.from_bytes(opaque[:32], "big"),
        int.from_bytes(opaque[32:64], "big"),
        int.from_bytes(opaque[64:72], "big"),
    )
    length = int.from_bytes(bytes(log["data"])[32:64], "big")
    creation, data = opaque[72], opaque[73:length]
    source = Web3.keccak(bytes(32) + Web3.keccak(bytes(log["blockHash"]) + log["logIndex"].to_bytes(32, "big")))
    sender, to = bytes(log["topics"][1])[12:], bytes(log["topics"][2])[12:]
    fields = [bytes(source), sender, b"" if creation else to, mint, value, gas, 0, data]
    return bytes(Web3.keccak(b"\x7e" + rlp.encode(fields)))


def spent_on_l1(receipt: Any) -> int:
    """What an L1 transaction's gas cost its sender, in wei."""
    return int(receipt["gasUsed"] * receipt["effectiveGasPrice"])


def spent_on_l2(receipt: Any) -> int:
    """What an L2 transaction cost its sender besides the value, in wei."""
    return int(receipt["gasUsed"] * receipt["effectiveGasPrice"] + int(receipt["l1Fee"], 16))


def test_ether_deposited_through_the_portal_is_minted_on_l2(devnet: RunningDevnet) -> None:
    client = Client(devnet, 1)
    to, value = fresh_address(), 2 * ETHER + 3
    locked = client.l1.eth.get_balance(client.portal.address)
    before = client.l1.eth.get_balance(client.address)
    deposit = client.portal.functions.depositTransaction(to, value, 100_000, False, b"")
    receipt = mined(client.l1, deposit.transact({"value": value}))
    on_l2 = client.included_deposit(receipt)
    assert on_l2["status"] == 1
    assert client.l2.eth.get_balance(to) == value
    assert client.l1.eth.get_balance(client.portal.address) - locked == value
    assert before - client.l1.eth.get_balance(client.address) == value + spent_on_l1(receipt)
    transaction = client.l2.eth.get_transaction(on_l2["transactionHash"])
    assert (transaction["type"], transaction["from"], transaction["to"]) == (0x7E, client.address, to)
    assert int(transaction["mint"], 16) == transaction["value"] == value
    assert (int(on_l2["depositReceiptVersion"], 16), int(on_l2["depositNonce"], 16)) == (1, 0)


def test_a_deposit_can_call_and_create_and_a_failing_one_still_mints(devnet: RunningDevnet) -> None:
    client = Client(devnet, 2)
    send = client.portal.functions.depositTransaction
    weth = load_artifact("WETH98")
    nothing = "0x" + "00" * 20
    created = client.included_deposit(mined(client.l1, send(nothing, 0, 3_000_000, True, weth.bytecode).transact()))
    assert created["status"] == 1
    assert client.l2.eth.get_code(created["contractAddress"]) == weth.deployed_bytecode
    token = contract_at(client.l2, "WETH98", created["contractAddress"])
    paid = client.included_deposit(
        mined(
            client.l1,
            send(token.address, 5, 200_000, False, weth.encode_call("deposit")).transact({"value": 5}),
        )
    )
    assert paid["status"] == 1
    assert token.functions.balanceOf(client.address).call() == 5
    before = client.l2.eth.get_balance(client.address)
    too_much = weth.encode_call("withdraw", 10**30)
    failed = client.included_deposit(
        mined(client.l1, send(token.address, 0, 200_000, False, too_much).transact({"value": 7}))
    )
    assert failed["status"] == 0
    assert client.l2.eth.get_balance(client.address) == before + 7


def test_ether_and_a_token_go_in_and_come_out_to_the_wei(devnet: RunningDevnet) -> None:
    started = time.monotonic()
    client = Client(devnet, 3)
    l1, l2 = client.l1, client.l2

    # A token on L1 and its counterpart on L2.
    weth = contract_at(l1, "WETH98", deploy(l1, load_artifact("WETH98").bytecode))
    tokens = 1000 * ETHER + 1
    mined(l1, weth.functions.deposit().transact({"value": tokens}))
    mined(l1, weth.functions.approve(client.bridge.address, tokens).transact())
    makers = predeploy(l2, "OptimismMintableERC20Factory")
    made = mined(l2, makers.functions.createOptimismMintableERC20(weth.address, "Wrapped", "WETH").transact())
    (event,) = makers.events.OptimismMintableERC20Created().process_receipt(made, errors=DISCARD)
    twin = contract_at(l2, "OptimismMintableERC20", event["args"]["localToken"])

    # The token goes in.
    give = client.bridge.functions.depositERC20To(weth.address, twin.address, client.address, tokens, 200_000, b"")
    assert client.included_deposit(mined(l1, give.transact()))["status"] == 1
    assert weth.functions.balanceOf(client.address).call() == 0
    assert weth.functions.balanceOf(client.bridge.address).call() == tokens
    assert client.bridge.functions.deposits(weth.address, twin.address).call() == tokens
    assert twin.functions.balanceOf(client.address).call() == tokens == twin.functions.totalSupply().call()

    # Ether goes in through the bridge.
    ether = 4 * ETHER + 9
    put = client.bridge.functions.depositETHTo(client.address, 200_000, b"")
    before = l2.eth.get_balance(client.address)
    assert client.included_deposit(mined(l1, put.transact({"value": ether})))["status"] == 1
    assert l2.eth.get_balance(client.address) - before == ether

    # Part of both is sent back.
    ether_to, token_to = fresh_address(), fresh_address()
    ether_out, token_out = 3 * ETHER + 5, 400 * ETHER + 7
    before = l2.eth.get_balance(client.address)
    passer = predeploy(l2, "L2ToL1MessagePasser").functions
    left = mined(l2, passer.initiateWithdrawal(ether_to, 100_000, b"").transact({"value": ether_out}))
    assert before - l2.eth.get_balance(client.address) == ether_out + spent_on_l2(left)
    gateway = predeploy(l2, "L2StandardBridge").functions
    burnt = mined(l2, gateway.withdrawTo(twin.address, token_to, token_out, 200_000, b"").transact())
    assert twin.functions.balanceOf(client.address).call() == tokens - token_out == twin.functions.totalSupply().call()
    withdrawals = [client.withdrawal(left), client.withdrawal(burnt)]

    # Both are proven, wait, and are executed.
    games = [client.prove(withdrawal) for withdrawal in withdrawals]
    proven = time.monotonic()
    for withdrawal in withdrawals:
        with pytest.raises((ContractCustomError, ContractLogicError)):
            client.portal.functions.finalizeWithdrawalTransaction(withdrawal.fields).call()
    wait_until(
        "both withdrawals can be finalised", lambda: all(client.can_finalize(each) for each in withdrawals), PATIENCE
    )
    assert all(game.functions.status().call() == 2 for game in games), "a game was not resolved for its proposer"
    locked = l1.eth.get_balance(client.portal.address)
    for withdrawal in withdrawals:
        client.finalize(withdrawal)
    assert l1.eth.get_balance(ether_to) == ether_out
    assert locked - l1.eth.get_balance(client.portal.address) == ether_out
    assert weth.functions.balanceOf(token_to).call() == token_out
    assert weth.functions.balanceOf(client.bridge.address).call() == tokens - token_out
    assert client.bridge.functions.deposits(weth.address, twin.address).call() == tokens - token_out

    # And only once.
    for withdrawal in withdrawals:
        assert client.portal.functions.finalizedWithdrawals(withdrawal.hash).call()
        with pytest.raises((ContractCustomError, ContractLogicError)):
            client.portal.functions.finalizeWithdrawalTransaction(withdrawal.fields).call()
    ended = time.monotonic()
    print(f"round trip: {ended - started:.0f} s, of which {ended - proven:.0f} s from proof to execution")
