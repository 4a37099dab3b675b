"""What an L2 transaction pays besides gas: the L1 data fee and the operator fee.

Spec: op exec-engine, "L1-Cost fees"; op ecotone, fjord, isthmus and jovian exec-engine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from config.forks import Fork

_COST_SCALE = 10**6
_ECOTONE_SCALE = 16 * 10**6
_FJORD_SCALE = 10**12
_FJORD_INTERCEPT = -42_585_600
_FJORD_COEFFICIENT = 836_500
_FJORD_MINIMUM_SIZE = 100 * 10**6
_JOVIAN_OPERATOR_FACTOR = 100
_REGOLITH_SIGNATURE_BYTES = 68
_REMEMBERED_BYTES = 2048
DEFAULT_DA_FOOTPRINT_GAS_SCALAR = 400

# Storage slots of the L1Block predeploy.
L1_BASE_FEE_SLOT = 1
L1_FEE_SCALARS_SLOT = 3
L1_OVERHEAD_SLOT = 5
L1_SCALAR_SLOT = 6
L1_BLOB_BASE_FEE_SLOT = 7
OPERATOR_FEE_SLOT = 8

_UINT16 = (1 << 16) - 1
_UINT32 = (1 << 32) - 1
_UINT64 = (1 << 64) - 1


def calldata_gas(data: bytes) -> int:
    """Gas of the bytes as L1 calldata: 4 for a zero, 16 for any other. Spec: EIP-2028."""
    zeros = data.count(0)
    return 4 * zeros + 16 * (len(data) - zeros)


def fastlz_length(data: bytes) -> int:
    """Bytes that FastLZ level 1 makes of the data, as Solady's `LibZip.flzCompress` counts them.

    Spec: op fjord exec-engine, "FastLZ Implementation".
    """
    size = len(data)
    limit = size - 14  # the last offset at which a match may begin, plus one
    if limit <= 2:
        return _literals(size)
    # By slot: where a sequence was last seen, and the sequence itself in the low 24 bits. Slots start at offset 0.
    seen: dict[int, int] = {}
    first = data[0] | data[1] << 8 | data[2] << 16
    out = 0
    anchor = 0
    index = 2
    while index < limit:
        sequence = (data[index] | data[index + 1] << 8) << 8
        while index < limit:
            sequence = sequence >> 8 | data[index + 2] << 16
            slot = ((2654435769 * sequence) >> 19) & 0x1FFF
            entry = seen.get(slot, first)
            seen[slot] = index << 24 | sequence
            if entry & 0xFFFFFF == sequence and index - (entry >> 24) < 8192:
                break
            index += 1
        else:
            break
        if index > anchor:
            out += _literals(index - anchor)
        matched = _match_length(data, (entry >> 24) + 3, index + 3, size - 4)
        out += _match(matched)
        index += matched
        for position in (index, index + 1):
            sequence = data[position] | data[position + 1] << 8 | data[position + 2] << 16
            seen[((2654435769 * sequence) >> 19) & 0x1FFF] = position << 24 | sequence
        index += 2
        anchor = index
    return out + _literals(size - anchor)


def _literals(count: int) -> int:
    """Bytes for a run of literals: one control byte per 32."""
    full, rest = divmod(count, 32)
    return full * 33 + (rest + 1 if rest else 0)


def _match_length(data: bytes, left: int, right: int, end: int) -> int:
    """Steps taken comparing from both offsets, counting the first difference."""
    start = right
    while right < end:
        same = data[left] == data[right]
        left += 1
        right += 1
        if not same:
            break
    return right - start


def _match(length: int) -> int:
    """Bytes for a back reference: three per 262, and two or three for what is left."""
    full, rest = divmod(length - 1, 262)
    return full * 3 + (3 if rest >= 6 else 2)


def estimated_size_scaled(raw: bytes, length: int | None = None) -> int:
    """Estimated compressed bytes of a signed transaction, times 10**6; `length` is its FastLZ length where that is known.

    Spec: op fjord exec-engine.
    """
    if length is None:
        length = _remembered_length(raw) if len(raw) <= _REMEMBERED_BYTES else fastlz_length(raw)
    return max(_FJORD_MINIMUM_SIZE, _FJORD_INTERCEPT + _FJORD_COEFFICIENT * length)


@lru_cache(maxsize=8192)
def _remembered_length(raw: bytes) -> int:
    # Admission, block building and receipts ask for the same transaction; with the bound on its size, 16 MB at most.
    return fastlz_length(raw)


@dataclass(frozen=True)
class L1FeeParameters:
    """The numbers of L1Block that fees follow in one L2 block, and the fork whose formula holds.

    Fees in wei; scalars as L1Block stores them. `uses_bedrock_formula` holds in the first Ecotone block too, where
    L1Block does not know the new values yet.
    """

    fork: Fork
    base_fee: int
    blob_base_fee: int = 0
    base_fee_scalar: int = 0
    blob_base_fee_scalar: int = 0
    overhead: int = 0
    scalar: int = 0
    operator_fee_scalar: int = 0
    operator_fee_constant: int = 0
    da_footprint_gas_scalar: int = 0
    uses_bedrock_formula: bool = False

    @staticmethod
    def from_l1_block(fork: Fork, slot: Callable[[int], int]) -> "L1FeeParameters":
        """Read L1Block's storage through `slot(number)`. Call it after the block's L1 attributes deposit has run."""
        operator = slot(OPERATOR_FEE_SLOT) if fork >= Fork.ISTHMUS else 0
        scalars = blob_base_fee = 0
        if fork >= Fork.ECOTONE:
            scalars = slot(L1_FEE_SCALARS_SLOT) >> 64
            blob_base_fee = slot(L1_BLOB_BASE_FEE_SLOT)
        uses_bedrock_formula = not blob_base_fee and not scalars & _UINT64
        return L1FeeParameters(
            fork=fork,
            base_fee=slot(L1_BASE_FEE_SLOT),
            blob_base_fee=blob_base_fee,
            base_fee_scalar=scalars >> 32 & _UINT32,
            blob_base_fee_scalar=scalars & _UINT32,
            overhead=slot(L1_OVERHEAD_SLOT) if uses_bedrock_formula else 0,
            scalar=slot(L1_SCALAR_SLOT) if uses_bedrock_formula else 0,
            operator_fee_constant=operator & _UINT64,
            operator_fee_scalar=operator >> 64 & _UINT32,
            da_footprint_gas_scalar=operator >> 96 & _UINT16 if fork >= Fork.JOVIAN else 0,
            uses_bedrock_formula=uses_bedrock_formula,
        )

    def l1_gas_used(self, raw: bytes) -> int:
        """The L1 gas that receipts report for a transaction with these bytes."""
        if not self.uses_bedrock_formula and self.fork >= Fork.FJORD:
            return estimated_size_scaled(raw) * 16 // _COST_SCALE
        gas = calldata_gas(raw)
        if self.uses_bedrock_formula:
            gas += self.overhead
            if self.fork < Fork.REGOLITH:
                gas += 16 * _REGOLITH_SIGNATURE_BYTES
        return gas

    def l1_fee(self, raw: bytes, length: int | None = None) -> int:
        """Wei for putting these bytes (a signed transaction) on L1; `length` is their FastLZ length where it is known."""
        if self.uses_bedrock_formula:
            return self.l1_gas_used(raw) * self.base_fee * self.scalar // _COST_SCALE
        price = 16 * self.base_fee * self.base_fee_scalar + self.blob_base_fee * self.blob_base_fee_scalar
        if self.fork >= Fork.FJORD:
            return estimated_size_scaled(raw, length) * price // _FJORD_SCALE
        return calldata_gas(raw) * price // _ECOTONE_SCALE

    def operator_fee(self, gas: int) -> int:
        """Wei for the operator at this much gas. Spec: op isthmus and jovian exec-engine, "Operator Fee"."""
        if self.fork < Fork.ISTHMUS:
            return 0
        if self.fork >= Fork.JOVIAN:
            return gas * self.operator_fee_scalar * _JOVIAN_OPERATOR_FACTOR + self.operator_fee_constant
        return gas * self.operator_fee_scalar // _COST_SCALE + self.operator_fee_constant

    def da_footprint(self, raw: bytes) -> int:
        """Gas the bytes weigh in the block since Jovian. Spec: op jovian exec-engine, "DA Footprint Block Limit"."""
        return estimated_size_scaled(raw) // _COST_SCALE * self.da_footprint_gas_scalar
