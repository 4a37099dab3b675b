"""Genesis state of a rollup: every predeploy behind its proxy, initialised as its own `initialize` would leave it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from config import constants
from config.genesis.account import Alloc, GenesisAccount
from config.genesis.canonical_code import BEACON_ROOTS, HISTORY_STORAGE, canonical_code
from config.genesis.l1 import with_funded
from config.genesis.preinstalls import preinstalls_alloc
from config.genesis.storage import StorageWriter
from config.types import Address, Hash32
from contracts.artifacts import Artifact, load_artifact

EIP1967_IMPLEMENTATION_SLOT = Hash32(bytes.fromhex("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"))
EIP1967_ADMIN_SLOT = Hash32(bytes.fromhex("b53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"))

CODE_NAMESPACE = bytes.fromhex("c0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3")
"""Implementations live at these 18 bytes followed by the last two bytes of their predeploy."""

NOT_PROXIED = frozenset({constants.WETH, constants.GOVERNANCE_TOKEN})

NO_MESSAGE_SENDER = Address(bytes(18) + b"\xde\xad")
"""Value of the messenger's sender slot while no message is running."""

LOCKED_VERSION = 0xFF
"""Version that an implementation's constructor sets so that nobody can initialise it."""


class WithdrawalNetwork(IntEnum):
    """Where a fee vault pays its recipient."""

    L1 = 0
    L2 = 1


@dataclass(frozen=True)
class VaultParams:
    """Recipient of a fee vault, smallest withdrawal in wei, and the network it is paid on."""

    recipient: Address
    min_withdrawal_amount: int = 10 * 10**18
    withdrawal_network: WithdrawalNetwork = WithdrawalNetwork.L1


@dataclass(frozen=True)
class L2GenesisParams:
    """What the genesis state of a rollup depends on.

    `proxy_admin_owner` is the account on L2 that may upgrade predeploys: for an L1 contract, its aliased address.
    Balances of `accounts` are in wei. `preinstalls` names a JSON file `address -> code`. The values of L1Block are not
    part of the genesis state: the first deposit of the first block sets them.
    """

    l1_chain_id: int
    l2_chain_id: int
    l1_cross_domain_messenger: Address
    l1_standard_bridge: Address
    l1_erc721_bridge: Address
    proxy_admin_owner: Address
    sequencer_fee_vault: VaultParams
    base_fee_vault: VaultParams
    l1_fee_vault: VaultParams
    operator_fee_vault: VaultParams
    accounts: Mapping[Address, int] = field(default_factory=dict)
    preinstalls: Path | None = None
    fund_precompiles: bool = False
    jovian: bool = False

    def __post_init__(self) -> None:
        if self.l1_chain_id == self.l2_chain_id:
            raise ValueError(f"L1 and L2 need different chain ids, both are {self.l1_chain_id}.")


@dataclass(frozen=True)
class _Predeploy:
    """One contract: its code, its storage behind the proxy, and the storage of the bare implementation."""

    address: Address
    code: bytes
    storage: Mapping[Hash32, Hash32] = field(default_factory=dict)
    implementation_storage: Mapping[Hash32, Hash32] = field(default_factory=dict)


def implementation_address(predeploy: Address) -> Address:
    """Where the code behind a proxied predeploy lives: 0xc0D3...30016 for 0x4200...0016."""
    return Address(CODE_NAMESPACE + predeploy[-2:])


def l2_genesis_alloc(params: L2GenesisParams) -> Alloc:
    """All accounts of a rollup's genesis state.

    2,048 addresses from 0x4200...0000 on: WETH bare, the governance token's left empty, all others proxies whose admin
    is the ProxyAdmin predeploy. Nonces of predeploys are 0, as OP's own genesis has them.

    Raises:
        ValueError: an account to be funded is a contract, or the preinstalls file cannot be read.

    Spec: op protocol, "Predeploys"
    """
    alloc = preinstalls_alloc(params.preinstalls)
    for contract in map(canonical_code, (BEACON_ROOTS, HISTORY_STORAGE)):
        alloc[contract.address] = contract.account()
    alloc.update(_proxies())
    for predeploy in _predeploys(params):
        implementation = implementation_address(predeploy.address)
        alloc[implementation] = GenesisAccount(code=predeploy.code, storage=predeploy.implementation_storage)
        proxy = alloc[predeploy.address]
        storage = {**proxy.storage, EIP1967_IMPLEMENTATION_SLOT: _address_word(implementation), **predeploy.storage}
        alloc[predeploy.address] = GenesisAccount(code=proxy.code, storage=storage)
    alloc[constants.WETH] = GenesisAccount(code=load_artifact("WETH").deployed_bytecode)
    if params.fund_precompiles:
        for number in range(1, 0x100):
            alloc[Address(number.to_bytes(20, "big"))] = GenesisAccount(balance=1)
    return with_funded(alloc, params.accounts)


def _proxies() -> Alloc:
    proxy = GenesisAccount(
        code=load_artifact("Proxy").deployed_bytecode,
        storage={EIP1967_ADMIN_SLOT: _address_word(constants.PROXY_ADMIN)},
    )
    first = int.from_bytes(constants.LEGACY_MESSAGE_PASSER, "big")
    addresses = (Address((first + index).to_bytes(20, "big")) for index in range(constants.PREDEPLOY_COUNT))
    return {address: proxy for address in addresses if address not in NOT_PROXIED}


def _predeploys(params: L2GenesisParams) -> list[_Predeploy]:
    owner = StorageWriter(load_artifact("ProxyAdmin")).set("_owner", params.proxy_admin_owner).slots()
    return [
        _plain(constants.LEGACY_MESSAGE_PASSER, "LegacyMessagePasser"),
        _plain(constants.DEPLOYER_WHITELIST, "DeployerWhitelist"),
        _messenger(params),
        _gas_price_oracle(params),
        _standard_bridge(params),
        _vault(constants.SEQUENCER_FEE_VAULT, "SequencerFeeVault", params.sequencer_fee_vault),
        _erc20_factory(),
        _plain(constants.L1_BLOCK_NUMBER, "L1BlockNumber"),
        _erc721_bridge(params),
        _plain(constants.L1_BLOCK, "L1Block"),
        _plain(constants.L2_TO_L1_MESSAGE_PASSER, "L2ToL1MessagePasser"),
        _erc721_factory(params),
        _Predeploy(constants.PROXY_ADMIN, load_artifact("ProxyAdmin").deployed_bytecode, owner, owner),
        _vault(constants.BASE_FEE_VAULT, "BaseFeeVault", params.base_fee_vault),
        _vault(constants.L1_FEE_VAULT, "L1FeeVault", params.l1_fee_vault),
        _vault(constants.OPERATOR_FEE_VAULT, "OperatorFeeVault", params.operator_fee_vault),
    ]


def _plain(address: Address, name: str) -> _Predeploy:
    return _Predeploy(address, load_artifact(name).deployed_bytecode)


def _initialised(address: Address, artifact: Artifact, storage: StorageWriter) -> _Predeploy:
    locked = StorageWriter(artifact).set("_initialized", LOCKED_VERSION).slots()
    return _Predeploy(address, artifact.deployed_bytecode, storage.set("_initialized", 1).slots(), locked)


def _messenger(params: L2GenesisParams) -> _Predeploy:
    artifact = load_artifact("L2CrossDomainMessenger")
    storage = StorageWriter(artifact).set("xDomainMsgSender", NO_MESSAGE_SENDER)
    storage.set("otherMessenger", params.l1_cross_domain_messenger)
    return _initialised(constants.L2_CROSS_DOMAIN_MESSENGER, artifact, storage)


def _standard_bridge(params: L2GenesisParams) -> _Predeploy:
    artifact = load_artifact("L2StandardBridge")
    storage = StorageWriter(artifact).set("messenger", constants.L2_CROSS_DOMAIN_MESSENGER)
    storage.set("otherBridge", params.l1_standard_bridge)
    return _initialised(constants.L2_STANDARD_BRIDGE, artifact, storage)


def _erc721_bridge(params: L2GenesisParams) -> _Predeploy:
    artifact = load_artifact("L2ERC721Bridge")
    storage = StorageWriter(artifact).set("messenger", constants.L2_CROSS_DOMAIN_MESSENGER)
    storage.set("otherBridge", params.l1_erc721_bridge)
    return _initialised(constants.L2_ERC721_BRIDGE, artifact, storage)


def _erc20_factory() -> _Predeploy:
    artifact = load_artifact("OptimismMintableERC20Factory")
    storage = StorageWriter(artifact).set("bridge", constants.L2_STANDARD_BRIDGE)
    return _initialised(constants.OPTIMISM_MINTABLE_ERC20_FACTORY, artifact, storage)


def _erc721_factory(params: L2GenesisParams) -> _Predeploy:
    code = load_artifact("OptimismMintableERC721Factory").with_immutables(
        {"BRIDGE": _address_word(constants.L2_ERC721_BRIDGE), "REMOTE_CHAIN_ID": _word(params.l1_chain_id)}
    )
    return _Predeploy(constants.OPTIMISM_MINTABLE_ERC721_FACTORY, code)


def _gas_price_oracle(params: L2GenesisParams) -> _Predeploy:
    artifact = load_artifact("GasPriceOracle")
    flags = StorageWriter(artifact).set("isEcotone", True).set("isFjord", True).set("isIsthmus", True)
    flags.set("isJovian", params.jovian)
    return _Predeploy(constants.GAS_PRICE_ORACLE, artifact.deployed_bytecode, flags.slots())


def _vault(address: Address, name: str, params: VaultParams) -> _Predeploy:
    code = load_artifact(name).with_immutables(
        {
            "RECIPIENT": _address_word(params.recipient),
            "MIN_WITHDRAWAL_AMOUNT": _word(params.min_withdrawal_amount),
            "WITHDRAWAL_NETWORK": _word(int(params.withdrawal_network)),
        }
    )
    return _Predeploy(address, code)


def _word(value: int) -> Hash32:
    return Hash32(value.to_bytes(32, "big"))


def _address_word(address: Address) -> Hash32:
    return Hash32(bytes(12) + address)
