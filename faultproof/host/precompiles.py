"""Results of precompiled contracts, as L1 would compute them. Spec: op fault proof, "Precompile Accelerators"."""

from dataclasses import dataclass, field
from typing import Any

from eth.exceptions import VMError

from config.types import Address, Hash32
from evm.forks.prague import Prague
from faultproof.preimage import precompile_key

_FAILED, _SUCCEEDED = b"\x00", b"\x01"


@dataclass
class _Message:
    data_as_bytes: bytes

    @property
    def data(self) -> bytes:
        return self.data_as_bytes


@dataclass
class _Computation:
    """As much of a computation as precompiled contracts use. Gas is no question: the program has charged it."""

    msg: _Message
    output: bytes = b""
    charged: int = field(default=0)

    def consume_gas(self, amount: int, reason: str) -> None:
        self.charged += amount


def precompile_preimage(address: Address, required_gas: int, data: bytes) -> tuple[Hash32, bytes]:
    """Key and preimage of a call: a status byte, 0 for a failure, and the output. Raises ValueError for other addresses."""
    contract = _contract(address)
    computation = _Computation(_Message(data))
    try:
        contract(computation)
        result = _SUCCEEDED + computation.output
    except VMError:
        result = _FAILED
    return precompile_key(address, required_gas, data), result


def _contract(address: Address) -> Any:
    try:
        return Prague._precompiles[address]
    except KeyError:
        raise ValueError(f"there is no precompiled contract at 0x{address.hex()}") from None
