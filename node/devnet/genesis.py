"""The L2 genesis and rollup configuration of a devnet, once the L1 contracts stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.constants import ADDRESS_ALIAS_OFFSET
from config.forks import Fork, ForkSchedule
from config.genesis import Genesis, L2GenesisParams, VaultParams, l2_genesis_alloc
from config.rollup import AltDaConfig, BlockId, Eip1559Parameters, RollupConfig, RollupGenesis
from config.system_config import SystemConfig
from config.types import Address, Gas, Hash32, Timestamp
from evm.genesis import genesis_block
from evm.types import Block, Header
from l1.deployment.addresses import L1Addresses
from l1.deployment.params import DeployParams

EIP1559 = Eip1559Parameters(elasticity=6, denominator=50, denominator_canyon=250)
FORKS = ForkSchedule.all_at_genesis(Fork.ISTHMUS)
"""Devnets start on Isthmus rules."""

MAX_SEQUENCER_DRIFT = 600
CHANNEL_TIMEOUT = 300


@dataclass(frozen=True)
class L2Start:
    """A devnet's L2: the genesis document and block, and the rollup configuration that names both starting points."""

    genesis: Genesis
    block: Block
    rollup: RollupConfig


def alias(address: Address) -> Address:
    """The sender that L2 sees when an L1 contract deposits. Spec: op deposits, "Address Aliasing"."""
    return Address(((int.from_bytes(address, "big") + ADDRESS_ALIAS_OFFSET) % (1 << 160)).to_bytes(20, "big"))


def make_l2_start(
    l1_chain_id: int,
    l1_start: Header,
    addresses: L1Addresses,
    params: DeployParams,
    *,
    block_time: int,
    sequencing_window: int,
    accounts: Mapping[Address, int],
    alt_da: AltDaConfig | None = None,
) -> L2Start:
    """The L2 that begins at the L1 block `l1_start`. `accounts` are funded on L2 with these balances in wei."""
    vault = VaultParams(recipient=params.owner)
    alloc = l2_genesis_alloc(
        L2GenesisParams(
            l1_chain_id=l1_chain_id,
            l2_chain_id=params.l2_chain_id,
            l1_cross_domain_messenger=addresses.L1CrossDomainMessengerProxy,
            l1_standard_bridge=addresses.L1StandardBridgeProxy,
            l1_erc721_bridge=addresses.L1ERC721BridgeProxy,
            proxy_admin_owner=alias(addresses.Timelock),
            sequencer_fee_vault=vault,
            base_fee_vault=vault,
            l1_fee_vault=vault,
            operator_fee_vault=vault,
            accounts=accounts,
        )
    )
    genesis = Genesis(
        config=_chain_config(params.l2_chain_id),
        timestamp=Timestamp(l1_start.timestamp),
        gas_limit=params.gas_limit,
        alloc=alloc,
        extra_data=b"\x00" + EIP1559.denominator_canyon.to_bytes(4, "big") + EIP1559.elasticity.to_bytes(4, "big"),
    )
    block, _ = genesis_block(genesis, FORKS)
    rollup = RollupConfig(
        genesis=RollupGenesis(
            l1=BlockId(l1_start.hash, l1_start.number),
            l2=BlockId(block.hash, 0),
            l2_time=Timestamp(l1_start.timestamp),
            system_config=SystemConfig(
                batcher_address=params.batcher,
                overhead=Hash32(bytes(32)),
                scalar=_ecotone_scalar(params),
                gas_limit=Gas(params.gas_limit),
                operator_fee_scalar=params.operator_fee_scalar,
                operator_fee_constant=params.operator_fee_constant,
            ),
        ),
        block_time=block_time,
        max_sequencer_drift=MAX_SEQUENCER_DRIFT,
        seq_window_size=sequencing_window,
        channel_timeout=CHANNEL_TIMEOUT,
        l1_chain_id=l1_chain_id,
        l2_chain_id=params.l2_chain_id,
        forks=FORKS,
        batch_inbox_address=params.batch_inbox,
        deposit_contract_address=addresses.OptimismPortalProxy,
        l1_system_config_address=addresses.SystemConfigProxy,
        eip1559=EIP1559,
        alt_da=alt_da,
    )
    return L2Start(genesis, block, rollup)


def _ecotone_scalar(params: DeployParams) -> Hash32:
    return Hash32(
        b"\x01" + bytes(23) + params.blob_base_fee_scalar.to_bytes(4, "big") + params.base_fee_scalar.to_bytes(4, "big")
    )


def _chain_config(chain_id: int) -> dict[str, Any]:
    """The `config` object of an op-geth genesis."""
    config: dict[str, Any] = {"chainId": chain_id}
    config.update(
        dict.fromkeys(
            (
                "homesteadBlock",
                "eip150Block",
                "eip155Block",
                "eip158Block",
                "byzantiumBlock",
                "constantinopleBlock",
                "petersburgBlock",
                "istanbulBlock",
                "muirGlacierBlock",
                "berlinBlock",
                "londonBlock",
                "arrowGlacierBlock",
                "grayGlacierBlock",
                "mergeNetsplitBlock",
                "bedrockBlock",
            ),
            0,
        )
    )
    config["terminalTotalDifficulty"] = 0
    config.update({"shanghaiTime": 0, "cancunTime": 0, "pragueTime": 0})
    config.update({f"{fork.key}Time": time for fork, time in FORKS.times.items() if fork != Fork.DELTA})
    config["optimism"] = {
        "eip1559Elasticity": EIP1559.elasticity,
        "eip1559Denominator": EIP1559.denominator,
        "eip1559DenominatorCanyon": EIP1559.denominator_canyon,
    }
    return config
