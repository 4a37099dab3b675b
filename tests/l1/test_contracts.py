"""Contract bindings and the deployment through the transaction manager, on anvil."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from config.types import Address, Gas, Hash32, L2BlockNumber, Wei, to_address
from evm.types import keccak256
from evm.types.json_codec import log_from_json
from l1.contracts import (
    AnchorStateRegistryContract,
    ContractCallFailed,
    DisputeGameFactoryContract,
    FaultDisputeGameContract,
    GameStatus,
    PortalContract,
    SystemConfigContract,
    error_name,
)
from l1.deployment import DeploymentError, DeployParams, deploy_contracts, install_dispute_game
from l1.deployment_sender import ManagedDeployment
from l1.rpc import JsonRpcClient
from l1.txmgr import SendError, SendErrorKind, TxManager, TxPolicy
from l1.withdrawal import MESSAGE_PASSED, WithdrawalTransaction, withdrawals_in
from tests.l1.conftest import ANVIL_KEY, Served

PARAMS = DeployParams(
    l2_chain_id=901,
    owner=to_address("0x" + "01" * 20),
    guardian=to_address("0x" + "02" * 20),
    batcher=to_address("0x" + "03" * 20),
    batch_inbox=to_address("0xff" + "04" * 19),
    unsafe_block_signer=to_address("0x" + "05" * 20),
    eip1559_denominator=250,
    eip1559_elasticity=6,
    operator_fee_scalar=7,
    operator_fee_constant=8,
)
ANCHOR = Hash32(b"\x11" * 32)
CLAIM = Hash32(b"\x22" * 32)


async def test_a_whole_deployment_runs_through_the_manager_and_every_binding_reads_it(
    start_anvil: Callable[..., Awaitable[Served]], connect: Callable[[Served], JsonRpcClient]
) -> None:
    rpc = connect(await start_anvil("--block-time", "1", "--gas-limit", "60000000"))
    manager = TxManager(
        rpc, ANVIL_KEY, 31337, policy=TxPolicy(poll_interval=0.2, max_pending=128), error_names=error_name
    )
    sender = ManagedDeployment(manager)
    addresses = await deploy_contracts(sender, PARAMS)
    addresses = await install_dispute_game(sender, addresses, PARAMS, ANCHOR, 0, Hash32(b"\x03" + b"\x33" * 31))
    with pytest.raises(DeploymentError, match="planned from nonce 0"):
        await sender.send_many(0, [])

    system_config = SystemConfigContract(rpc, addresses.SystemConfigProxy)
    config = await system_config.system_config()
    assert config.batcher_address == PARAMS.batcher
    assert config.gas_limit == PARAMS.gas_limit
    assert config.base_fee_scalars() == (PARAMS.base_fee_scalar, PARAMS.blob_base_fee_scalar)
    assert config.eip1559_params == (250).to_bytes(4, "big") + (6).to_bytes(4, "big")
    assert (config.operator_fee_scalar, config.operator_fee_constant) == (7, 8)
    assert await system_config.batch_inbox() == PARAMS.batch_inbox
    assert await system_config.unsafe_block_signer() == PARAMS.unsafe_block_signer
    assert await system_config.start_block() > 0
    assert not await system_config.paused()

    registry = AnchorStateRegistryContract(rpc, addresses.AnchorStateRegistryProxy)
    anchor = await registry.anchor_root()
    assert (anchor.root, anchor.l2_block_number) == (ANCHOR, 0)
    assert await registry.respected_game_type() == PARAMS.game_type
    assert await registry.finality_delay() == PARAMS.delays.game_finality

    factory = DisputeGameFactoryContract(rpc, addresses.DisputeGameFactoryProxy)
    assert await factory.game_count() == 0
    assert await factory.implementation(PARAMS.game_type) == addresses.FaultDisputeGame
    assert await factory.implementation(77) is None
    bond = await factory.init_bond(PARAMS.game_type)
    assert bond == PARAMS.root_bond
    number = L2BlockNumber(5)
    assert await factory.find_game(PARAMS.game_type, CLAIM, number.to_bytes(32, "big")) is None
    create = factory.create(PARAMS.game_type, CLAIM, number, bond)
    receipt = await manager.send(create)
    address = factory.created_game(receipt.logs)
    assert receipt.succeeded and address is not None
    assert await factory.find_game(PARAMS.game_type, CLAIM, number.to_bytes(32, "big")) == address
    with pytest.raises(SendError, match="reverted with GameAlreadyExists") as caught:
        await manager.send(create)
    assert caught.value.kind is SendErrorKind.REVERTED
    (listed,) = await factory.games_at([0])
    assert listed == await factory.game_at_index(0) and listed.address == address
    (found,) = await factory.find_latest_games(PARAMS.game_type, 0, 10)
    assert (found.address, found.root_claim, found.l2_block_number) == (address, CLAIM, 5)
    with pytest.raises(ContractCallFailed, match=r"DisputeGameFactory\.gameAtIndex"):
        await factory.game_at_index(1)

    game = FaultDisputeGameContract(rpc, address)
    facts = await game.facts()
    assert facts.status is GameStatus.IN_PROGRESS is await game.status()
    assert (facts.root_claim, facts.l2_block_number, facts.starting_root) == (CLAIM, 5, ANCHOR)
    assert facts.claim_count == 1 and facts.resolved_at == 0
    assert facts.created_at == listed.timestamp
    (root,) = await game.claims()
    assert (root.claim, root.claimant, root.bond) == (CLAIM, manager.address, bond)
    assert await registry.is_game_proper(address) and not await registry.is_game_finalized(address)
    for early in (game.resolve_claim(0), game.resolve(), game.claim_credit(manager.address)):
        with pytest.raises(SendError) as caught:
            await manager.send(early)
        assert caught.value.kind is SendErrorKind.REVERTED

    portal = PortalContract(rpc, addresses.OptimismPortalProxy)
    assert int((await portal.version()).split(".")[0]) >= 3
    assert await portal.proof_maturity_delay() == PARAMS.delays.proof_maturity
    withdrawal = Hash32(b"\x44" * 32)
    assert not await portal.is_finalized(withdrawal)
    assert await portal.proven(withdrawal, manager.address) is None
    reason = await portal.check_withdrawal(withdrawal, manager.address)
    assert reason is not None and "OptimismPortal_Unproven" in reason
    deposit = await manager.send(portal.deposit(manager.address, Wei(3), Gas(100_000), b"", mint=Wei(3)))
    assert deposit.succeeded
    assert deposit.logs[0].topics[0] == keccak256(b"TransactionDeposited(address,address,uint256,bytes)")
    await manager.close()


async def test_reading_where_no_contract_is_says_so(
    start_anvil: Callable[..., Awaitable[Served]], connect: Callable[[Served], JsonRpcClient]
) -> None:
    rpc = connect(await start_anvil())
    registry = AnchorStateRegistryContract(rpc, Address(b"\x01" + bytes(18) + b"\x01"))
    with pytest.raises(ContractCallFailed, match="check the address"):
        await registry.anchor_root()


def test_a_real_withdrawal_event_is_read_and_its_hash_is_the_one_it_carries(vectors: Path) -> None:
    receipt = json.loads((vectors / "l1" / "bridge-withdrawal-receipt.json").read_text())
    logs = [log_from_json(entry) for entry in receipt["logs"]]
    (withdrawal,) = withdrawals_in(logs)
    assert withdrawal.hash.hex() in json.dumps(receipt)
    assert withdrawal.sender == to_address("0x4200000000000000000000000000000000000007")
    assert withdrawal.value == 0 and withdrawal.nonce == 0 and len(withdrawal.data) == 0x1E4


def test_a_withdrawal_event_with_another_hash_is_refused(vectors: Path) -> None:
    receipt = json.loads((vectors / "l1" / "bridge-withdrawal-receipt.json").read_text())
    logs = [log_from_json(entry) for entry in receipt["logs"]]
    (index,) = [number for number, log in enumerate(logs) if log.topics[0] == MESSAGE_PASSED]
    altered = bytearray(logs[index].data)
    altered[31] ^= 1
    with pytest.raises(ValueError, match="its fields give another"):
        WithdrawalTransaction.from_log(replace(logs[index], data=bytes(altered)))
