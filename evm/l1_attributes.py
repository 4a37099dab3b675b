"""The first transaction of each L2 block: it tells L2 which L1 block it belongs to, and what L1 fees are.

Also the source hashes that make each deposit unique.
Spec: op deposits, "L1 Attributes Deposited Transaction" and "Source hash computation".
"""

from dataclasses import dataclass
from typing import Protocol

from config.constants import L1_ATTRIBUTES_DEPOSITOR, L1_BLOCK, REGOLITH_SYSTEM_TRANSACTION_GAS
from config.forks import Fork
from config.rollup import RollupConfig
from config.system_config import SystemConfig
from evm.fees import DEFAULT_DA_FOOTPRINT_GAS_SCALAR
from evm.types import Address, DepositTransaction, Hash32, keccak256

_BEDROCK_SYSTEM_GAS = 150_000_000
_BEDROCK_SELECTOR = bytes.fromhex("015d8eb9")
_ECOTONE_SELECTOR = bytes.fromhex("440a5e20")
_ISTHMUS_SELECTOR = bytes.fromhex("098999be")
_JOVIAN_SELECTOR = bytes.fromhex("3db6be2b")
_BEDROCK_LENGTH = 4 + 8 * 32
_ECOTONE_LENGTH = 164
_ISTHMUS_LENGTH = 176
_JOVIAN_LENGTH = 178

_USER_DEPOSIT_DOMAIN = 0
_L1_ATTRIBUTES_DOMAIN = 1
_UPGRADE_DOMAIN = 2


class L1AttributesError(ValueError):
    """Calldata that is no L1 attributes call; the message says why."""


@dataclass(frozen=True)
class L1BlockInfo:
    """What an L1 attributes deposit says. Fees in wei; `batcher_hash` is the batcher's address as 32 bytes.

    `overhead` and `scalar` are used before Ecotone, the two scalars and the blob base fee since, the operator fee since
    Isthmus, the DA footprint since Jovian. `fork` names the encoding: BEDROCK, ECOTONE, ISTHMUS or JOVIAN.
    """

    fork: Fork
    number: int
    timestamp: int
    base_fee: int
    hash: Hash32
    sequence_number: int
    batcher_hash: Hash32
    overhead: int = 0
    scalar: int = 0
    base_fee_scalar: int = 0
    blob_base_fee_scalar: int = 0
    blob_base_fee: int = 0
    operator_fee_scalar: int = 0
    operator_fee_constant: int = 0
    da_footprint_gas_scalar: int = 0

    @property
    def batcher_address(self) -> Address:
        """The batcher's address."""
        return Address(self.batcher_hash[12:])

    def encode(self) -> bytes:
        """The calldata. Spec: op deposits; op ecotone, isthmus and jovian l1-attributes."""
        if self.fork < Fork.ECOTONE:
            numbers = (self.number, self.timestamp, self.base_fee)
            return (
                _BEDROCK_SELECTOR
                + b"".join(value.to_bytes(32, "big") for value in numbers)
                + self.hash
                + self.sequence_number.to_bytes(32, "big")
                + self.batcher_hash
                + self.overhead.to_bytes(32, "big")
                + self.scalar.to_bytes(32, "big")
            )
        selector = (
            _JOVIAN_SELECTOR
            if self.fork >= Fork.JOVIAN
            else _ISTHMUS_SELECTOR
            if self.fork >= Fork.ISTHMUS
            else _ECOTONE_SELECTOR
        )
        data = (
            selector
            + self.base_fee_scalar.to_bytes(4, "big")
            + self.blob_base_fee_scalar.to_bytes(4, "big")
            + self.sequence_number.to_bytes(8, "big")
            + self.timestamp.to_bytes(8, "big")
            + self.number.to_bytes(8, "big")
            + self.base_fee.to_bytes(32, "big")
            + self.blob_base_fee.to_bytes(32, "big")
            + self.hash
            + self.batcher_hash
        )
        if self.fork >= Fork.ISTHMUS:
            data += self.operator_fee_scalar.to_bytes(4, "big") + self.operator_fee_constant.to_bytes(8, "big")
        if self.fork >= Fork.JOVIAN:
            data += self.da_footprint_gas_scalar.to_bytes(2, "big")
        return data

    @staticmethod
    def decode(data: bytes) -> "L1BlockInfo":
        """Read calldata of any fork's form. Raises L1AttributesError when it is none."""
        selector = data[:4]
        if selector == _BEDROCK_SELECTOR:
            return _decode_bedrock(data)
        forms = {
            _ECOTONE_SELECTOR: (Fork.ECOTONE, _ECOTONE_LENGTH),
            _ISTHMUS_SELECTOR: (Fork.ISTHMUS, _ISTHMUS_LENGTH),
            _JOVIAN_SELECTOR: (Fork.JOVIAN, _JOVIAN_LENGTH),
        }
        if selector not in forms:
            raise L1AttributesError(f"L1 attributes calldata starts with unknown selector 0x{selector.hex()}")
        fork, length = forms[selector]
        _check_length(data, length)

        def number(start: int, end: int) -> int:
            return int.from_bytes(data[start:end], "big")

        return L1BlockInfo(
            fork=fork,
            base_fee_scalar=number(4, 8),
            blob_base_fee_scalar=number(8, 12),
            sequence_number=number(12, 20),
            timestamp=number(20, 28),
            number=number(28, 36),
            base_fee=number(36, 68),
            blob_base_fee=number(68, 100),
            hash=Hash32(data[100:132]),
            batcher_hash=Hash32(data[132:164]),
            operator_fee_scalar=number(164, 168),
            operator_fee_constant=number(168, 176),
            da_footprint_gas_scalar=number(176, 178),
        )


def _check_length(data: bytes, length: int) -> None:
    if len(data) != length:
        raise L1AttributesError(f"L1 attributes calldata has {len(data)} bytes, expected {length}")


def _decode_bedrock(data: bytes) -> L1BlockInfo:
    _check_length(data, _BEDROCK_LENGTH)
    words = [data[start : start + 32] for start in range(4, _BEDROCK_LENGTH, 32)]
    numbers = [int.from_bytes(word, "big") for word in words]
    for index in (0, 1, 4):
        if numbers[index] >= 1 << 64:
            raise L1AttributesError(f"L1 attributes calldata: word {index} does not fit in 64 bits")
    return L1BlockInfo(
        fork=Fork.BEDROCK,
        number=numbers[0],
        timestamp=numbers[1],
        base_fee=numbers[2],
        hash=Hash32(words[3]),
        sequence_number=numbers[4],
        batcher_hash=Hash32(words[5]),
        overhead=numbers[6],
        scalar=numbers[7],
    )


class L1Origin(Protocol):
    """What the deposit needs of the L1 origin's header: `evm.types.Header` fits."""

    @property
    def hash(self) -> Hash32: ...
    @property
    def number(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def base_fee_per_gas(self) -> int | None: ...


def l1_attributes_fork(rollup: RollupConfig, l2_timestamp: int) -> Fork:
    """The encoding an L2 block of this timestamp (seconds) uses.

    An upgrade's first block still uses the one before, since the upgrade transactions come after the deposit; not so
    when the upgrade is active at genesis. Spec: op ecotone, isthmus and jovian l1-attributes.
    """
    previous = l2_timestamp - rollup.block_time
    for fork in (Fork.JOVIAN, Fork.ISTHMUS, Fork.ECOTONE):
        if not rollup.is_active(fork, l2_timestamp):
            continue
        activates_now = previous >= rollup.genesis.l2_time and not rollup.is_active(fork, previous)
        if not activates_now:
            return fork
    return Fork.BEDROCK


def l1_block_info(
    rollup: RollupConfig,
    system_config: SystemConfig,
    origin: L1Origin,
    sequence_number: int,
    l2_timestamp: int,
    blob_base_fee: int,
) -> L1BlockInfo:
    """What the deposit of an L2 block says.

    `blob_base_fee` (wei) is that of the L1 origin by the L1 chain's rules; 1 where L1 has no blobs yet.
    Raises ValueError when the system config's scalar has an unknown version.
    """
    fork = l1_attributes_fork(rollup, l2_timestamp)
    batcher = Hash32(bytes(12) + system_config.batcher_address)
    base_fee = origin.base_fee_per_gas or 0
    if fork < Fork.ECOTONE:
        return L1BlockInfo(
            fork=fork,
            number=origin.number,
            timestamp=origin.timestamp,
            base_fee=base_fee,
            hash=origin.hash,
            sequence_number=sequence_number,
            batcher_hash=batcher,
            overhead=int.from_bytes(system_config.overhead, "big"),
            scalar=int.from_bytes(system_config.scalar, "big"),
        )
    base_fee_scalar, blob_base_fee_scalar = system_config.base_fee_scalars()
    has_operator_fee = fork >= Fork.ISTHMUS
    return L1BlockInfo(
        fork=fork,
        number=origin.number,
        timestamp=origin.timestamp,
        base_fee=base_fee,
        hash=origin.hash,
        sequence_number=sequence_number,
        batcher_hash=batcher,
        base_fee_scalar=base_fee_scalar,
        blob_base_fee_scalar=blob_base_fee_scalar,
        blob_base_fee=blob_base_fee,
        operator_fee_scalar=system_config.operator_fee_scalar if has_operator_fee else 0,
        operator_fee_constant=system_config.operator_fee_constant if has_operator_fee else 0,
        da_footprint_gas_scalar=(system_config.da_footprint_gas_scalar or DEFAULT_DA_FOOTPRINT_GAS_SCALAR)
        if fork >= Fork.JOVIAN
        else 0,
    )


def l1_attributes_deposit(
    rollup: RollupConfig,
    system_config: SystemConfig,
    origin: L1Origin,
    sequence_number: int,
    l2_timestamp: int,
    blob_base_fee: int,
) -> DepositTransaction:
    """The deposit itself: see `l1_block_info` for the arguments."""
    info = l1_block_info(rollup, system_config, origin, sequence_number, l2_timestamp, blob_base_fee)
    regolith = rollup.is_active(Fork.REGOLITH, l2_timestamp)
    return DepositTransaction(
        nonce=0,
        gas_limit=REGOLITH_SYSTEM_TRANSACTION_GAS if regolith else _BEDROCK_SYSTEM_GAS,
        to=L1_BLOCK,
        value=0,
        data=info.encode(),
        source_hash=l1_attributes_source_hash(origin.hash, sequence_number),
        sender=L1_ATTRIBUTES_DEPOSITOR,
        mint=0,
        is_system_transaction=not regolith,
    )


def _source_hash(domain: int, inner: Hash32) -> Hash32:
    return keccak256(domain.to_bytes(32, "big") + inner)


def user_deposit_source_hash(l1_block_hash: Hash32, log_index: int) -> Hash32:
    """Source hash of a user's deposit; `log_index` counts logs over the whole L1 block."""
    return _source_hash(_USER_DEPOSIT_DOMAIN, keccak256(l1_block_hash + log_index.to_bytes(32, "big")))


def l1_attributes_source_hash(l1_block_hash: Hash32, sequence_number: int) -> Hash32:
    """Source hash of an L1 attributes deposit."""
    return _source_hash(_L1_ATTRIBUTES_DOMAIN, keccak256(l1_block_hash + sequence_number.to_bytes(32, "big")))


def upgrade_source_hash(intent: str) -> Hash32:
    """Source hash of a network upgrade transaction; `intent` is the text the upgrade's spec gives."""
    return _source_hash(_UPGRADE_DOMAIN, keccak256(intent.encode()))
