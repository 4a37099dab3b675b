"""What an L2 block says of itself: its L1 origin, and the system configuration that held in it."""

from config.errors import CriticalError
from config.forks import Fork
from config.rollup import BlockId, RollupConfig
from config.system_config import SystemConfig
from config.types import Gas, Hash32
from derivation.types import L2BlockRef
from derivation.upgrades import upgrade_gas
from evm.l1_attributes import L1AttributesError, L1BlockInfo
from evm.types.block import Block
from evm.types.header import Header
from evm.types.transaction import DepositTransaction

_HOLOCENE_EXTRA_DATA_BYTES = 9
_JOVIAN_EXTRA_DATA_BYTES = 17


def l1_block_info(block: Block) -> L1BlockInfo:
    """The L1 attributes deposit of an L2 block other than genesis.

    Raises CriticalError when the block has none: then it is no block of a rollup.
    """
    first = block.transactions[0] if block.transactions else None
    if not isinstance(first, DepositTransaction):
        raise CriticalError(f"L2 {block} does not start with an L1 attributes deposit: is it of this rollup?")
    try:
        return L1BlockInfo.decode(first.data)
    except L1AttributesError as error:
        raise CriticalError(f"L2 {block}: its first deposit cannot be read: {error}") from error


def l2_block_ref(block: Block, rollup: RollupConfig) -> L2BlockRef:
    """The reference to an L2 block. Raises CriticalError when the block is not of this rollup.

    Spec: op derivation, "Deriving Payload Attributes".
    """
    header = block.header
    if header.number == rollup.genesis.l2.number:
        _check_genesis(header, rollup)
        origin, sequence_number = rollup.genesis.l1, 0
    else:
        info = l1_block_info(block)
        origin, sequence_number = BlockId(info.hash, info.number), info.sequence_number
    return L2BlockRef(
        hash=header.hash,
        number=header.number,
        parent_hash=header.parent_hash,
        timestamp=header.timestamp,
        l1_origin=origin,
        sequence_number=sequence_number,
    )


def system_config_of(block: Block, rollup: RollupConfig) -> SystemConfig:
    """The system configuration that held in an L2 block, from its L1 attributes and its header.

    Gas that an upgrade's first block got on top is not part of it, unless the chain keeps it.
    Raises CriticalError when the block is not of this rollup. Spec: op derivation, "Resetting derivation stages".
    """
    header = block.header
    if header.number == rollup.genesis.l2.number:
        _check_genesis(header, rollup)
        return rollup.genesis.system_config
    info = l1_block_info(block)
    params, min_base_fee = _base_fee_parameters(header, rollup)
    if info.fork < Fork.ECOTONE:
        overhead, scalar = info.overhead.to_bytes(32, "big"), info.scalar.to_bytes(32, "big")
    else:
        scalars = info.blob_base_fee_scalar << 32 | info.base_fee_scalar
        overhead, scalar = bytes(32), (1 << 248 | scalars).to_bytes(32, "big")
    return SystemConfig(
        batcher_address=info.batcher_address,
        overhead=Hash32(overhead),
        scalar=Hash32(scalar),
        gas_limit=Gas(
            header.gas_limit - (0 if rollup.keep_karst_upgrade_gas else upgrade_gas(rollup, header.timestamp))
        ),
        eip1559_params=params,
        operator_fee_scalar=info.operator_fee_scalar,
        operator_fee_constant=info.operator_fee_constant,
        min_base_fee=min_base_fee,
        da_footprint_gas_scalar=info.da_footprint_gas_scalar,
    )


def _base_fee_parameters(header: Header, rollup: RollupConfig) -> tuple[bytes, int]:
    """(EIP-1559 parameters, minimum base fee) of the header's extra data. Spec: op holocene and jovian exec-engine."""
    extra = header.extra_data
    if rollup.is_active(Fork.JOVIAN, header.timestamp):
        version, length = 1, _JOVIAN_EXTRA_DATA_BYTES
    elif rollup.is_active(Fork.HOLOCENE, header.timestamp):
        version, length = 0, _HOLOCENE_EXTRA_DATA_BYTES
    else:
        return bytes(8), 0
    if len(extra) != length or extra[0] != version:
        raise CriticalError(
            f"L2 {header}: extra data 0x{extra.hex()} does not hold EIP-1559 parameters "
            f"(version {version}, {length} bytes)"
        )
    return extra[1:9], int.from_bytes(extra[9:], "big")


def _check_genesis(header: Header, rollup: RollupConfig) -> None:
    if header.hash != rollup.genesis.l2.hash:
        raise CriticalError(f"L2 {header} is at genesis height, but the rollup config's genesis is {rollup.genesis.l2}")
