"""The deployment as a list of transactions, computed without a network.

All addresses follow from the deployer's nonce, so no transaction has to wait for the receipt of another: a sender can
push the whole list at once, and it fits two or three blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import rlp
from eth_utils.crypto import keccak

from config.types import ZERO_ADDRESS, Address, Hash32, Wei
from contracts import Artifact, load_artifact
from l1.deployment.addresses import L1Addresses
from l1.deployment.params import DeployParams


class StepMachine(StrEnum):
    """The contracts that can execute one step, by their names."""

    ALPHABET = "AlphabetVM"
    RISCV = "RISCV"


NO_VALUE = Wei(0)

TRANSACTION_GAS_CAP = 16_777_216
"""Largest gas limit of one transaction (EIP-7825)."""

CALL_GAS = 1_000_000
"""Gas limit of a configuring call; the costliest one (SystemConfig.initialize) uses about half of it."""


@dataclass(frozen=True)
class PlannedCall:
    """One transaction: `to` is None for a creation, whose address is then `creates`. `label` is for people."""

    label: str
    to: Address | None
    data: bytes
    gas_limit: int
    value: Wei = NO_VALUE
    creates: Address | None = None


@dataclass(frozen=True)
class Plan:
    """Transactions in nonce order, starting at `first_nonce`, and the addresses as they will be."""

    deployer: Address
    first_nonce: int
    calls: tuple[PlannedCall, ...]
    addresses: L1Addresses


def create_address(deployer: Address, nonce: int) -> Address:
    """Address of a contract that a transaction creates. Spec: Ethereum yellow paper, section 7."""
    return Address(keccak(rlp.encode([deployer, nonce]))[12:])


def creation_gas(code: bytes, runtime_size: int) -> int:
    """Gas limit for a creation: intrinsic gas, code deposit and an allowance for the constructor."""
    words = (len(code) + 31) // 32
    intrinsic = 53_000 + 16 * len(code) + 2 * words
    floor = 53_000 + 40 * len(code)
    return max(intrinsic + 200 * runtime_size + 300_000, floor)


class _Planner:
    """Collects calls and hands out the addresses they will create."""

    def __init__(self, deployer: Address, nonce: int) -> None:
        self.deployer = deployer
        self.first_nonce = nonce
        self.calls: list[PlannedCall] = []

    def create(self, name: str, *args: Any, label: str = "") -> Address:
        artifact = load_artifact(name)
        data = artifact.encode_constructor(*args)
        address = create_address(self.deployer, self.first_nonce + len(self.calls))
        gas = creation_gas(data, len(artifact.deployed_bytecode))
        if gas > TRANSACTION_GAS_CAP:
            raise ValueError(f"Creating {name} takes {gas} gas, more than one transaction may use.")
        self.calls.append(PlannedCall(label or f"create {name}", None, data, gas, creates=address))
        return address

    def call(self, label: str, to: Address, data: bytes, gas: int = CALL_GAS) -> None:
        self.calls.append(PlannedCall(label, to, data, gas))

    def plan(self, addresses: L1Addresses) -> Plan:
        return Plan(self.deployer, self.first_nonce, tuple(self.calls), addresses)


def plan_contracts(deployer: Address, nonce: int, params: DeployParams) -> Plan:
    """Phase 1: everything that does not depend on the L2 genesis.

    Afterwards all proxies but the AnchorStateRegistry's are initialised, and the deployer still owns the ProxyAdmin and
    the DisputeGameFactory, which phase 2 needs.
    """
    planner = _Planner(deployer, nonce)
    delays = params.delays
    admin = planner.create("ProxyAdmin", deployer)
    timelock = planner.create("Timelock", delays.timelock, params.owner)

    def proxy(name: str) -> Address:
        return planner.create("Proxy", admin, label=f"create proxy of {name}")

    addresses = L1Addresses(
        ProxyAdmin=admin,
        Timelock=timelock,
        SuperchainConfigProxy=proxy("SuperchainConfig"),
        SystemConfigProxy=proxy("SystemConfig"),
        OptimismPortalProxy=proxy("OptimismPortal2"),
        L1CrossDomainMessengerProxy=proxy("L1CrossDomainMessenger"),
        L1StandardBridgeProxy=proxy("L1StandardBridge"),
        L1ERC721BridgeProxy=proxy("L1ERC721Bridge"),
        OptimismMintableERC20FactoryProxy=proxy("OptimismMintableERC20Factory"),
        DisputeGameFactoryProxy=proxy("DisputeGameFactory"),
        AnchorStateRegistryProxy=proxy("AnchorStateRegistry"),
        DelayedWETHProxy=proxy("DelayedWETH"),
        SuperchainConfigImpl=planner.create("SuperchainConfig"),
        SystemConfigImpl=planner.create("SystemConfig"),
        OptimismPortalImpl=planner.create("OptimismPortal2", delays.proof_maturity),
        L1CrossDomainMessengerImpl=planner.create("L1CrossDomainMessenger"),
        L1StandardBridgeImpl=planner.create("L1StandardBridge"),
        L1ERC721BridgeImpl=planner.create("L1ERC721Bridge"),
        OptimismMintableERC20FactoryImpl=planner.create("OptimismMintableERC20Factory"),
        DisputeGameFactoryImpl=planner.create("DisputeGameFactory"),
        AnchorStateRegistryImpl=planner.create("AnchorStateRegistry", delays.game_finality),
        DelayedWETHImpl=planner.create("DelayedWETH", delays.bond_withdrawal),
        PreimageOracle=planner.create("PreimageOracle", params.min_large_preimage_size, delays.preimage_challenge),
        Multicall3=planner.create("Multicall3"),
    )
    _plan_initialisation(planner, addresses, params)
    return planner.plan(addresses)


def _upgrade(planner: _Planner, admin: Address, name: str, proxy: Address, impl: Address, *args: Any) -> None:
    """Points a proxy to its implementation and initialises it, in one transaction through the ProxyAdmin."""
    data = load_artifact(name).encode_call("initialize", *args)
    call = load_artifact("ProxyAdmin").encode_call("upgradeAndCall", proxy, impl, data)
    planner.call(f"initialise {name}", admin, call)


def _plan_initialisation(planner: _Planner, at: L1Addresses, params: DeployParams) -> None:
    def upgrade(name: str, proxy: Address, impl: Address, *args: Any) -> None:
        _upgrade(planner, at.ProxyAdmin, name, proxy, impl, *args)

    upgrade("SuperchainConfig", at.SuperchainConfigProxy, at.SuperchainConfigImpl, params.guardian)
    extra = _extra_settings(load_artifact("SystemConfig"), params)
    upgrade(
        "SystemConfig",
        at.SystemConfigProxy,
        at.SystemConfigImpl,
        # Settings that initialize does not take are made by the owner; that is the deployer until they are made.
        planner.deployer if extra else params.owner,
        params.base_fee_scalar,
        params.blob_base_fee_scalar,
        params.batcher.rjust(32, b"\0"),
        params.gas_limit,
        params.unsafe_block_signer,
        params.resource_config.as_tuple(),
        params.batch_inbox,
        (
            at.L1CrossDomainMessengerProxy,
            at.L1ERC721BridgeProxy,
            at.L1StandardBridgeProxy,
            at.OptimismPortalProxy,
            at.OptimismMintableERC20FactoryProxy,
            at.DelayedWETHProxy,
        ),
        params.l2_chain_id,
        at.SuperchainConfigProxy,
    )
    for label, data in extra:
        planner.call(label, at.SystemConfigProxy, data)
    if extra:
        hand_over = load_artifact("SystemConfig").encode_call("transferOwnership", params.owner)
        planner.call("hand SystemConfig to its owner", at.SystemConfigProxy, hand_over)
    upgrade(
        "OptimismPortal2",
        at.OptimismPortalProxy,
        at.OptimismPortalImpl,
        at.SystemConfigProxy,
        at.AnchorStateRegistryProxy,
    )
    upgrade(
        "L1CrossDomainMessenger",
        at.L1CrossDomainMessengerProxy,
        at.L1CrossDomainMessengerImpl,
        at.SystemConfigProxy,
        at.OptimismPortalProxy,
    )
    bridge_arguments = (at.L1CrossDomainMessengerProxy, at.SystemConfigProxy)
    upgrade("L1StandardBridge", at.L1StandardBridgeProxy, at.L1StandardBridgeImpl, *bridge_arguments)
    upgrade("L1ERC721Bridge", at.L1ERC721BridgeProxy, at.L1ERC721BridgeImpl, *bridge_arguments)
    upgrade(
        "OptimismMintableERC20Factory",
        at.OptimismMintableERC20FactoryProxy,
        at.OptimismMintableERC20FactoryImpl,
        at.L1StandardBridgeProxy,
    )
    upgrade("DisputeGameFactory", at.DisputeGameFactoryProxy, at.DisputeGameFactoryImpl, planner.deployer)
    upgrade("DelayedWETH", at.DelayedWETHProxy, at.DelayedWETHImpl, at.SystemConfigProxy)


def _extra_settings(config: Artifact, params: DeployParams) -> list[tuple[str, bytes]]:
    settings: list[tuple[str, bytes]] = []
    if params.eip1559_denominator:
        data = config.encode_call("setEIP1559Params", params.eip1559_denominator, params.eip1559_elasticity)
        settings.append(("set EIP-1559 parameters", data))
    if params.operator_fee_scalar or params.operator_fee_constant:
        data = config.encode_call("setOperatorFeeScalars", params.operator_fee_scalar, params.operator_fee_constant)
        settings.append(("set operator fee", data))
    if params.min_base_fee:
        settings.append(("set minimum base fee", config.encode_call("setMinBaseFee", params.min_base_fee)))
    if params.da_footprint_gas_scalar:
        data = config.encode_call("setDAFootprintGasScalar", params.da_footprint_gas_scalar)
        settings.append(("set DA footprint gas scalar", data))
    return settings


def plan_dispute_game(
    deployer: Address,
    nonce: int,
    addresses: L1Addresses,
    params: DeployParams,
    anchor_root: Hash32,
    anchor_block: int,
    prestate: Hash32,
    vm: Address | None = None,
    machine: StepMachine = StepMachine.ALPHABET,
) -> Plan:
    """Phase 2: the anchor (the L2 genesis output root), the game, and the end of the deployer's rights.

    `vm` is the contract that executes one step; without one, `machine` is deployed. With the alphabet VM games can be
    created, played and resolved, but a step judges letters instead of the chain.
    """
    planner = _Planner(deployer, nonce)
    stepper = vm
    if stepper is None and machine is StepMachine.RISCV:
        stepper = planner.create("RISCV", addresses.PreimageOracle)
    if stepper is None:
        trace_length = 2 ** (params.max_game_depth - params.split_depth - 1)
        stepper = planner.create("AlphabetVM", addresses.PreimageOracle, trace_length)
    game = planner.create(
        "FaultDisputeGame",
        (
            params.game_type,
            prestate,
            params.max_game_depth,
            params.split_depth,
            params.delays.clock_extension,
            params.delays.max_clock,
            stepper,
            addresses.DelayedWETHProxy,
            addresses.AnchorStateRegistryProxy,
            params.l2_chain_id,
            params.proofs.verifier,
            params.proofs.program_id,
            params.proofs.config_hash,
        ),
    )
    _upgrade(
        planner,
        addresses.ProxyAdmin,
        "AnchorStateRegistry",
        addresses.AnchorStateRegistryProxy,
        addresses.AnchorStateRegistryImpl,
        addresses.SystemConfigProxy,
        addresses.DisputeGameFactoryProxy,
        (anchor_root, anchor_block),
        params.game_type,
    )
    factory = load_artifact("DisputeGameFactory")
    admin = load_artifact("ProxyAdmin")
    at = addresses.DisputeGameFactoryProxy
    planner.call("set the root bond", at, factory.encode_call("setInitBond", params.game_type, params.root_bond))
    planner.call("install the game", at, factory.encode_call("setImplementation", params.game_type, game))
    # Who sets the implementation of games decides what withdrawals are paid out, as who upgrades the portal does.
    hand_over = factory.encode_call("transferOwnership", addresses.Timelock)
    planner.call("hand DisputeGameFactory to the timelock", at, hand_over)
    hand_over = admin.encode_call("transferOwnership", addresses.Timelock)
    planner.call("hand ProxyAdmin to the timelock", addresses.ProxyAdmin, hand_over)
    if ZERO_ADDRESS in (params.owner, addresses.Timelock):
        raise ValueError("Contracts cannot be handed to the zero address.")
    return planner.plan(replace(addresses, FaultDisputeGame=game, FaultProofVM=stepper))
