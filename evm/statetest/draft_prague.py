"""Prague as it stood when ethereum/tests filled its BLS12-381 suite, in April 2024.

EIP-2537 changed afterwards: single multiplications were dropped, so that five of the nine contracts moved to other
addresses, and prices fell. The tests were never filled again, but the arithmetic that they check is unchanged. So they
run here on Cancun with the final contracts behind the draft's addresses and prices. Nothing else uses these rules.
Spec: EIP-2537 as of early 2024, "Gas schedule".
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from eth.exceptions import VMError
from eth.precompiles.bls12_381 import bls12_map_fp_to_g1

from config.forks import EthFork
from evm.forks import ForkRules
from evm.forks.cancun import Cancun
from evm.precompiles.bls12 import (
    G1_TERM_BYTES,
    G2_TERM_BYTES,
    PAIR_BYTES,
    bls12_g1_add,
    bls12_g1_msm,
    bls12_g2_add,
    bls12_g2_msm,
    bls12_map_fp2_to_g2,
    bls12_pairing,
)
from evm.types import Address

_G1_MULTIPLY_GAS, _G2_MULTIPLY_GAS = 12_000, 45_000
_DISCOUNTS = (
    1200, 888, 764, 641, 594, 547, 500, 453, 438, 423, 408, 394, 379, 364, 349, 334, 330, 326, 322, 318, 314, 310,
    306, 302, 298, 294, 289, 285, 281, 277, 273, 269, 268, 266, 265, 263, 262, 260, 259, 257, 256, 254, 253, 251,
    250, 248, 247, 245, 244, 242, 241, 239, 238, 236, 235, 233, 232, 231, 229, 228, 226, 225, 223, 222, 221, 220,
    219, 219, 218, 217, 216, 216, 215, 214, 213, 213, 212, 211, 211, 210, 209, 208, 208, 207, 206, 205, 205, 204,
    203, 202, 202, 201, 200, 199, 199, 198, 197, 196, 196, 195, 194, 193, 193, 192, 191, 191, 190, 189, 188, 188,
    187, 186, 185, 185, 184, 183, 182, 182, 181, 180, 179, 179, 178, 177, 176, 176, 175, 174,
)  # fmt: skip
"""Thousandths of the price of separate multiplications, by number of pairs."""

_FIRST_FINAL_GETH = (1, 15)
_GETH_VERSION = re.compile(r"evm version (\d+)\.(\d+)")


class _Unpriced:
    """A computation to a precompile whose gas has been paid already."""

    def __init__(self, message: Any) -> None:
        self.msg = message
        self.output = b""

    def consume_gas(self, amount: int, reason: str) -> None:
        """Nothing: the draft's price is charged instead."""


def _priced(
    precompile: Callable[[Any], None], gas_of: Callable[[int], int], size: int | None = None
) -> Callable[[Any], Any]:
    """The precompile at the price that `gas_of` gives for an input of so many bytes; `size` is the only one allowed."""

    def run(computation: Any) -> Any:
        length = len(computation.msg.data)
        computation.consume_gas(gas_of(length), reason="draft of EIP-2537")
        if size is not None and length != size:
            raise VMError(f"input has {length} bytes, expected {size}")
        unpriced = _Unpriced(computation.msg)
        precompile(unpriced)
        computation.output = unpriced.output
        return computation

    return run


def _flat(gas: int) -> Callable[[int], int]:
    return lambda length: gas


def _multi_multiply_gas(price: int, pair_bytes: int) -> Callable[[int], int]:
    def gas_of(length: int) -> int:
        pairs = length // pair_bytes
        return pairs * price * _DISCOUNTS[min(pairs, len(_DISCOUNTS)) - 1] // 1000 if pairs else 0

    return gas_of


_CONTRACTS: Mapping[int, Callable[[Any], Any]] = {
    0x0B: _priced(bls12_g1_add, _flat(500)),
    0x0C: _priced(bls12_g1_msm, _flat(_G1_MULTIPLY_GAS), G1_TERM_BYTES),
    0x0D: _priced(bls12_g1_msm, _multi_multiply_gas(_G1_MULTIPLY_GAS, G1_TERM_BYTES)),
    0x0E: _priced(bls12_g2_add, _flat(800)),
    0x0F: _priced(bls12_g2_msm, _flat(_G2_MULTIPLY_GAS), G2_TERM_BYTES),
    0x10: _priced(bls12_g2_msm, _multi_multiply_gas(_G2_MULTIPLY_GAS, G2_TERM_BYTES)),
    0x11: _priced(bls12_pairing, lambda length: 65_000 + 43_000 * (length // PAIR_BYTES)),
    0x12: _priced(bls12_map_fp_to_g1, _flat(5_500)),
    0x13: _priced(bls12_map_fp2_to_g2, _flat(75_000)),
}


class DraftPrague(Cancun):
    """Cancun with the BLS12-381 contracts of the draft."""

    _precompiles = {  # noqa: RUF012
        **Cancun._precompiles,
        **{Address(number.to_bytes(20, "big")): contract for number, contract in _CONTRACTS.items()},
    }


DRAFT_PRAGUE = ForkRules(EthFork.CANCUN, None, DraftPrague, frozenset(DraftPrague._precompiles))


def is_draft(info: Mapping[str, Any]) -> bool:
    """Whether a test's `_info` says that it was filled by a geth from before Prague was final (1.15)."""
    found = _GETH_VERSION.match(str(info.get("filling-rpc-server", "")))
    return found is not None and (int(found[1]), int(found[2])) < _FIRST_FINAL_GETH
