"""The whole deployment, run in one EVM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from config.types import Address, Hash32, L1BlockNumber, to_hex
from contracts import artifact_names, load_artifact
from l1.deployment import (
    FAST_DELAYS,
    DeploymentError,
    DeployParams,
    L1Addresses,
    PlannedCall,
    SentCall,
    create_address,
    deploy_contracts,
    install_dispute_game,
    plan_contracts,
)
from tests.contracts.harness import Chain, Reverted, account, hex_address

OWNER = Address(account("owner"))
GUARDIAN = Address(account("guardian"))
PARAMS = DeployParams(
    l2_chain_id=901,
    owner=OWNER,
    guardian=GUARDIAN,
    batcher=Address(account("batcher")),
    batch_inbox=Address(b"\xff" + account("inbox")[1:]),
    unsafe_block_signer=Address(account("signer")),
)
ANCHOR = Hash32(b"\x11" * 32)
PRESTATE = Hash32(b"\x03" + b"\x22" * 31)


@dataclass
class ChainSender:
    """Sends deployment transactions into the test chain, several per block as a real pool would."""

    chain: Chain
    address: Address = field(default_factory=lambda: Address(account("deployer")))
    gas_used: list[int] = field(default_factory=list)

    async def next_nonce(self) -> int:
        return self.chain.nonce(self.address)

    async def send_many(self, first_nonce: int, calls: Sequence[PlannedCall]) -> list[SentCall]:
        assert self.chain.nonce(self.address) == first_nonce
        results = []
        for number, call in enumerate(calls):
            try:
                result = self.chain.send(call.to, call.data, call.value, self.address, call.gas_limit)
                gas_used, succeeded = result.gas_used, True
            except Reverted:
                gas_used, succeeded = call.gas_limit, False
            self.gas_used.append(gas_used)
            results.append(
                SentCall(
                    Hash32(number.to_bytes(32, "big")),
                    succeeded,
                    create_address(self.address, first_nonce + number) if call.to is None else None,
                    L1BlockNumber(self.chain.number),
                    Hash32(self.chain.block_hash(self.chain.number)),
                    gas_used,
                )
            )
        return results


async def deploy(params: DeployParams = PARAMS) -> tuple[Chain, ChainSender, L1Addresses]:
    chain = Chain()
    sender = ChainSender(chain)
    addresses = await deploy_contracts(sender, params)
    addresses = await install_dispute_game(sender, addresses, params, ANCHOR, 0, PRESTATE)
    return chain, sender, addresses


async def test_every_planned_contract_has_code() -> None:
    chain, _, addresses = await deploy()
    for name, text in addresses.to_json().items():
        assert chain.code(bytes.fromhex(text[2:])), name


async def test_the_deployment_is_small_enough_for_three_blocks_of_thirty_million_gas() -> None:
    _, sender, _ = await deploy()
    assert sum(sender.gas_used) < 3 * 30_000_000
    assert max(sender.gas_used) < 16_777_216


async def test_the_contracts_know_each_other() -> None:
    chain, _, at = await deploy()
    portal = chain.at("OptimismPortal2", at.OptimismPortalProxy)
    assert portal.call("anchorStateRegistry") == to_hex(at.AnchorStateRegistryProxy)
    assert portal.call("disputeGameFactory") == to_hex(at.DisputeGameFactoryProxy)
    assert portal.call("systemConfig") == to_hex(at.SystemConfigProxy)
    assert portal.call("respectedGameType") == 0
    assert portal.call("proofMaturityDelaySeconds") == FAST_DELAYS.proof_maturity
    assert portal.call("paused") is False
    assert int(portal.call("version").split(".")[0]) >= 3
    registry = chain.at("AnchorStateRegistry", at.AnchorStateRegistryProxy)
    assert registry.call("getAnchorRoot") == (ANCHOR, 0)
    assert registry.call("disputeGameFinalityDelaySeconds") == FAST_DELAYS.game_finality
    messenger = chain.at("L1CrossDomainMessenger", at.L1CrossDomainMessengerProxy)
    assert messenger.call("portal") == to_hex(at.OptimismPortalProxy)
    assert chain.at("L1StandardBridge", at.L1StandardBridgeProxy).call("messenger") == messenger.hex
    assert chain.at("L1ERC721Bridge", at.L1ERC721BridgeProxy).call("messenger") == messenger.hex
    factory = chain.at("OptimismMintableERC20Factory", at.OptimismMintableERC20FactoryProxy)
    assert factory.call("bridge") == to_hex(at.L1StandardBridgeProxy)
    game = chain.at("FaultDisputeGame", at.FaultDisputeGame)
    assert game.call("absolutePrestate") == PRESTATE
    assert game.call("maxGameDepth") == 73
    assert game.call("splitDepth") == 30
    assert game.call("l2ChainId") == 901
    assert game.call("weth") == to_hex(at.DelayedWETHProxy)


async def test_the_system_configuration_holds_the_parameters() -> None:
    params = replace(PARAMS, eip1559_denominator=250, eip1559_elasticity=6, operator_fee_scalar=7, min_base_fee=9)
    chain, _, at = await deploy(params)
    config = chain.at("SystemConfig", at.SystemConfigProxy)
    assert config.call("batcherHash") == b"\0" * 12 + PARAMS.batcher
    assert config.call("batchInbox") == to_hex(PARAMS.batch_inbox)
    assert config.call("unsafeBlockSigner") == to_hex(PARAMS.unsafe_block_signer)
    assert config.call("gasLimit") == PARAMS.gas_limit
    assert (config.call("basefeeScalar"), config.call("blobbasefeeScalar")) == (1368, 810_949)
    assert (config.call("eip1559Denominator"), config.call("eip1559Elasticity")) == (250, 6)
    assert (config.call("operatorFeeScalar"), config.call("minBaseFee")) == (7, 9)
    assert config.call("l2ChainId") == 901
    assert config.call("disputeGameFactory") == to_hex(at.DisputeGameFactoryProxy)
    assert config.call("getAddresses")[3] == to_hex(at.OptimismPortalProxy)
    assert config.call("owner") == hex_address(OWNER)


async def test_the_deployer_keeps_no_rights() -> None:
    chain, sender, at = await deploy()
    assert chain.at("ProxyAdmin", at.ProxyAdmin).call("owner") == to_hex(at.Timelock)
    assert chain.at("Timelock", at.Timelock).call("proposer") == hex_address(OWNER)
    assert chain.at("SystemConfig", at.SystemConfigProxy).call("owner") == hex_address(OWNER)
    assert chain.at("DisputeGameFactory", at.DisputeGameFactoryProxy).call("owner") == to_hex(at.Timelock)
    assert chain.at("SuperchainConfig", at.SuperchainConfigProxy).call("guardian") == hex_address(GUARDIAN)
    with pytest.raises(Reverted, match="Ownable_NotOwner"):
        chain.at("ProxyAdmin", at.ProxyAdmin).send(
            "upgrade", at.OptimismPortalProxy, at.OptimismPortalImpl, sender=sender.address
        )


async def test_no_proxy_and_no_implementation_can_be_initialised_again() -> None:
    chain, _, at = await deploy()
    calls = {
        "SuperchainConfig": (GUARDIAN,),
        "OptimismPortal2": (GUARDIAN, GUARDIAN),
        "DisputeGameFactory": (GUARDIAN,),
        "AnchorStateRegistry": (GUARDIAN, GUARDIAN, (ANCHOR, 0), 0),
        "DelayedWETH": (GUARDIAN,),
        "L1CrossDomainMessenger": (GUARDIAN, GUARDIAN),
        "L1StandardBridge": (GUARDIAN, GUARDIAN),
        "L1ERC721Bridge": (GUARDIAN, GUARDIAN),
        "OptimismMintableERC20Factory": (GUARDIAN,),
    }
    values = at.to_json()
    for name, args in calls.items():
        base = name.removesuffix("2")
        for suffix in ("Proxy", "Impl"):
            with pytest.raises(Reverted, match="Initializable_AlreadyInitialized"):
                chain.at(name, values[base + suffix]).send("initialize", *args)


async def test_a_game_can_be_created_at_once() -> None:
    chain, _, at = await deploy()
    factory = chain.at("DisputeGameFactory", at.DisputeGameFactoryProxy)
    bond = factory.call("initBonds", 0)
    assert bond == 8 * 10**16 == chain.at("FaultDisputeGame", at.FaultDisputeGame).call("getRequiredBond", 1)
    factory.send("create", 0, b"\x55" * 32, (10).to_bytes(32, "big"), value=bond)
    assert factory.call("gameCount") == 1


async def test_a_failing_transaction_is_named() -> None:
    chain = Chain()
    params = replace(PARAMS, guardian=GUARDIAN)
    plan = plan_contracts(Address(account("deployer")), 0, params)
    sender = ChainSender(chain)
    await deploy_contracts(sender, params)
    # A second run of the game installation must fail where the first has handed over.
    addresses = await install_dispute_game(sender, plan.addresses, params, ANCHOR, 0, PRESTATE)
    with pytest.raises(DeploymentError, match=r"initialise AnchorStateRegistry\) failed in L1 block \d+"):
        await install_dispute_game(sender, addresses, params, ANCHOR, 0, PRESTATE)


def test_addresses_survive_the_file(tmp_path: object) -> None:
    plan = plan_contracts(Address(account("deployer")), 7, PARAMS)
    from pathlib import Path

    path = Path(str(tmp_path)) / "addresses.json"
    plan.addresses.write(path)
    assert L1Addresses.read(path) == plan.addresses
    path.write_text('{"ProxyAdmin": "0x12"}')
    with pytest.raises(ValueError, match="is not an addresses file"):
        L1Addresses.read(path)


def test_parameters_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="Game type 4"):
        replace(PARAMS, game_type=4)
    with pytest.raises(ValueError, match="cannot be split"):
        replace(PARAMS, max_game_depth=31)
    with pytest.raises(ValueError, match="below the 21000000"):
        replace(PARAMS, gas_limit=20_000_000)
    with pytest.raises(ValueError, match="cannot grant an extension"):
        replace(FAST_DELAYS, max_clock=15)


def test_every_contract_fits_the_code_size_limit() -> None:
    for name in artifact_names():
        assert len(load_artifact(name).deployed_bytecode) <= 24_576, name
        assert len(load_artifact(name).bytecode) <= 49_152, name
