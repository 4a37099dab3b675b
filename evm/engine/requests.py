"""Execution layer requests of an L1 block: validator deposits, withdrawals and consolidations.

Spec: EIP-7685, EIP-6110, EIP-7002, EIP-7251.
"""

import hashlib
from collections.abc import Iterable, Sequence

from config.constants import CONSOLIDATION_REQUEST_ADDRESS, WITHDRAWAL_REQUEST_ADDRESS
from evm.engine.errors import InvalidBlock
from evm.engine.state import EvmState
from evm.engine.system_calls import system_call
from evm.forks import ForkRules
from evm.types import Address, Hash32, Log

_DEPOSIT_EVENT = bytes.fromhex("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5")
_DEPOSIT_DATA_BYTES = 576
_DEPOSIT_FIELDS = ((192, 48), (288, 32), (352, 8), (416, 96), (544, 8))
"""Where each field's bytes start in the event's data, and how many there are."""
_DEPOSIT_OFFSETS = (160, 256, 320, 384, 512)
_DEPOSIT, _WITHDRAWAL, _CONSOLIDATION = b"\x00", b"\x01", b"\x02"


def collect_requests(state: EvmState, fork: ForkRules, logs: Iterable[Log], deposit_contract: Address) -> list[bytes]:
    """The block's requests, each with its type byte in front; types without requests are left out.

    Makes the end-of-block system calls. Raises InvalidBlock when a system contract is missing or fails, or a deposit
    event is malformed.
    """
    requests = []
    deposits = b"".join(
        _deposit(log.data)
        for log in logs
        if log.address == deposit_contract and log.topics and log.topics[0] == _DEPOSIT_EVENT
    )
    if deposits:
        requests.append(_DEPOSIT + deposits)
    for kind, address in ((_WITHDRAWAL, WITHDRAWAL_REQUEST_ADDRESS), (_CONSOLIDATION, CONSOLIDATION_REQUEST_ADDRESS)):
        if not state.get_code(address):
            raise InvalidBlock(f"the request contract 0x{address.hex()} has no code: it has to be part of the genesis")
        outcome = system_call(state, fork, address, b"")
        if not outcome.succeeded:
            raise InvalidBlock(f"the request contract 0x{address.hex()} failed: {outcome.error}")
        if outcome.output:
            requests.append(kind + outcome.output)
    return requests


def requests_hash(requests: Sequence[bytes]) -> Hash32:
    """The header field. Spec: EIP-7685, "Block Header"."""
    return Hash32(hashlib.sha256(b"".join(hashlib.sha256(request).digest() for request in requests)).digest())


def _deposit(data: bytes) -> bytes:
    words = [int.from_bytes(data[start : start + 32], "big") for start in range(0, 160, 32)]
    sizes = [int.from_bytes(data[offset : offset + 32], "big") for offset in _DEPOSIT_OFFSETS]
    expected_sizes = [size for _, size in _DEPOSIT_FIELDS]
    if len(data) != _DEPOSIT_DATA_BYTES or tuple(words) != _DEPOSIT_OFFSETS or sizes != expected_sizes:
        raise InvalidBlock("a deposit contract's event does not have the layout that EIP-6110 requires")
    return b"".join(data[start : start + size] for start, size in _DEPOSIT_FIELDS)
