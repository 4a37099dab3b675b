"""What it costs on L1 to answer a precompile call of a disputed block.

The fault-proof program does not run the costly precompiles itself: it asks the preimage oracle for a call's result, and
whoever disputes that step publishes the call's input in one L1 transaction, in which the oracle contract runs L1's
precompile and keeps the result. Such a transaction may have at most 2^24 gas (EIP-7825), so the forks bound the inputs.

The transaction: calldata of `loadPrecompilePreimagePart(partOffset, precompile, requiredGas, input)`; the contract copies
the input to memory behind precompile and gas, hashes it for the key, checks that enough gas is left for the call and for
what comes after, calls, writes three fresh storage slots. A call that fails burns all gas it is given, and has to be
provable too: what comes after is then paid from the 64th part that the contract kept back.

The forks have only the gas in mind. L1's nodes pass on no transaction above 128 KiB, so longer inputs are brought to the
oracle in pieces before, and the transaction names those.

Spec: op fault-proof, "Precompile key" (type 6); op granite, jovian and karst exec-engine, "Precompile Input Size
Restrictions"; EIP-150, EIP-2028, EIP-2929, EIP-7623, EIP-7825.
"""

from collections.abc import Callable
from dataclasses import dataclass

from eth.precompiles.bls12_381.constants import (
    G1_MSM_DISCOUNTS,
    G1_MSM_MAX_DISCOUNT,
    G2_MSM_DISCOUNTS,
    G2_MSM_MAX_DISCOUNT,
)

from config.constants import TRANSACTION_GAS_CAP
from evm.precompiles import bls12, bn256, point_evaluation
from evm.precompiles.limits import BLS12_G1_MSM, BLS12_G2_MSM, BLS12_PAIRING, BN256_PAIRING
from evm.types import Address

CALL_RESERVE = 100_000
"""Gas that the contract wants left beside the call's, as the OP Stack's oracle does."""
AFTER_CALL = 75_000
"""What of it is spent once the call has returned: three fresh storage slots at 22,100, and the rest."""

MAX_INPUT_PIECE = 24_575
"""Bytes of the longest piece that the oracle keeps of an input that no transaction holds (`MAX_INPUT_PIECE` there)."""
_GAS_PER_PIECE = 10_000
"""More than reading where a piece is kept, an account that is read for the first time, and the piece's hash in the call data."""

_INTRINSIC = 21_000
_GAS_PER_ZERO_BYTE, _GAS_PER_BYTE = 4, 16
_FLOOR_PER_ZERO_BYTE, _FLOOR_PER_BYTE = 10, 40
_ARGUMENT_BYTES = 4 + 5 * 32
"""Selector, three static arguments, the input's offset and length."""
_KEY_PREFIX_BYTES = 28
"""Precompile and required gas, hashed before the input."""
_DISPATCH = 2_000


@dataclass(frozen=True)
class AcceleratedPrecompile:
    """A precompile whose calls go through the oracle: what a call of `count` items costs, and how long an item is."""

    name: str
    item_bytes: int
    gas: Callable[[int], int]
    fixed_size: bool = False
    """Whether a call takes exactly one item."""

    def longest(self, limit: int) -> int:
        """Bytes of the longest call within `limit` bytes. Other lengths fail by themselves, so the program never asks."""
        return self.item_bytes if self.fixed_size else limit // self.item_bytes * self.item_bytes

    def gas_of(self, size: int) -> int:
        """Gas of a call with `size` bytes of input."""
        return self.gas(size // self.item_bytes)


def _msm(price: int, discounts: tuple[int, ...], last: int) -> Callable[[int], int]:
    def gas(count: int) -> int:
        return count * price * (discounts[count - 1] if count <= len(discounts) else last) // 1000

    return gas


def _address(number: int) -> Address:
    return Address(number.to_bytes(20, "big"))


ACCELERATED: dict[Address, AcceleratedPrecompile] = {
    BN256_PAIRING: AcceleratedPrecompile(
        "bn256 pairing", 192, lambda count: bn256.ISTANBUL_PRICES.pairing + bn256.ISTANBUL_PRICES.pair * count
    ),
    _address(0x0A): AcceleratedPrecompile("point evaluation", 192, lambda _: point_evaluation.GAS, fixed_size=True),
    _address(0x0B): AcceleratedPrecompile("BLS12 G1 add", 256, lambda _: bls12.G1_ADD_GAS, fixed_size=True),
    BLS12_G1_MSM: AcceleratedPrecompile(
        "BLS12 G1 MSM",
        bls12.G1_TERM_BYTES,
        _msm(bls12.G1_MULTIPLY_GAS, tuple(G1_MSM_DISCOUNTS), G1_MSM_MAX_DISCOUNT),
    ),
    _address(0x0D): AcceleratedPrecompile("BLS12 G2 add", 512, lambda _: bls12.G2_ADD_GAS, fixed_size=True),
    BLS12_G2_MSM: AcceleratedPrecompile(
        "BLS12 G2 MSM",
        bls12.G2_TERM_BYTES,
        _msm(bls12.G2_MULTIPLY_GAS, tuple(G2_MSM_DISCOUNTS), G2_MSM_MAX_DISCOUNT),
    ),
    BLS12_PAIRING: AcceleratedPrecompile(
        "BLS12 pairing", bls12.PAIR_BYTES, lambda count: bls12.PAIRING_GAS + bls12.PAIRING_GAS_PER_PAIR * count
    ),
    _address(0x10): AcceleratedPrecompile("BLS12 map Fp to G1", 64, lambda _: 5_500, fixed_size=True),
    _address(0x11): AcceleratedPrecompile(
        "BLS12 map Fp2 to G2", 128, lambda _: bls12.MAP_FP2_TO_G2_GAS, fixed_size=True
    ),
}
"""The precompiles of the fault-proof program that the oracle answers, at L1's prices since Prague."""


def publishing_gas(input_bytes: int, precompile_gas: int, zero_bytes: int = 0) -> int:
    """Gas limit that an L1 transaction needs to publish the result of a call, whether the call succeeds or fails.

    Without `zero_bytes` of the input known to be zero this is the worst: an input that fails has to be proven too, and all
    its bytes may be set.
    """
    set_bytes = input_bytes - zero_bytes + _ARGUMENT_BYTES
    floor = _INTRINSIC + _FLOOR_PER_ZERO_BYTE * zero_bytes + _FLOOR_PER_BYTE * set_bytes
    words = (_KEY_PREFIX_BYTES + input_bytes + 31) // 32
    # Copying the input, growing the memory, hashing.
    before_call = _DISPATCH + 3 * words + 3 * words + words * words // 512 + 30 + 6 * words
    calldata = _GAS_PER_ZERO_BYTE * zero_bytes + _GAS_PER_BYTE * set_bytes
    return max(floor, _INTRINSIC + calldata + before_call + _call_gas(precompile_gas))


def publishing_gas_of_pieces(input_bytes: int, precompile_gas: int) -> int:
    """The same where the oracle has the input in pieces, so that the transaction only names them."""
    words = (_KEY_PREFIX_BYTES + input_bytes + 31) // 32
    pieces = -(-input_bytes // MAX_INPUT_PIECE)
    before_call = _DISPATCH + _GAS_PER_PIECE * pieces + 3 * words + 3 * words + words * words // 512 + 30 + 6 * words
    return _INTRINSIC + _GAS_PER_BYTE * _ARGUMENT_BYTES + before_call + _call_gas(precompile_gas)


def _call_gas(precompile_gas: int) -> int:
    """For the call itself and what comes after."""
    return max(-(-precompile_gas * 64 // 63) + CALL_RESERVE, 64 * AFTER_CALL)


def fits_one_transaction(precompile: AcceleratedPrecompile, size: int) -> bool:
    """Whether any call with `size` bytes of input can be published in one L1 transaction."""
    return publishing_gas(size, precompile.gas_of(size)) <= TRANSACTION_GAS_CAP


def longest_that_fits(precompile: AcceleratedPrecompile) -> int:
    """Bytes of the longest call that can be published in one L1 transaction."""
    size = precompile.item_bytes
    while not precompile.fixed_size and fits_one_transaction(precompile, size + precompile.item_bytes):
        size += precompile.item_bytes
    return size
