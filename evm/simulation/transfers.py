"""Collects the logs of a call and, where asked for, its transfers of ether in the form of logs."""

from evm.tracing.frames import Frame, FrameEnd
from evm.tracing.opcodes import CALLCODE, DELEGATECALL
from evm.tracing.room import Room
from evm.tracing.tracer import Tracer
from evm.types import Address, Hash32, Log, keccak256

ETHER = Address(b"\xee" * 20)
"""The address that stands for the chain's own currency. Spec: ERC-7528."""

_TRANSFER = keccak256(b"Transfer(address,address,uint256)")
_LOG_BYTES = 1000
"""About what a log takes in memory besides its data."""


class LogCollector(Tracer):
    """Of one call. Logs are numbered as they come, from `first` on; what is undone takes its logs with it."""

    def __init__(self, first: int, transfers: bool, room: Room) -> None:
        self.next = first
        self._transfers = transfers
        self._room = room
        self._frames: list[list[tuple[int, Log]]] = [[]]

    @property
    def logs(self) -> list[tuple[int, Log]]:
        """Numbers and logs that were not undone."""
        return self._frames[0]

    def enter(self, frame: Frame) -> None:
        """A message may move ether."""
        self._frames.append([])
        if self._transfers and frame.value and frame.kind not in (DELEGATECALL, CALLCODE):
            topics = (_TRANSFER, _topic(frame.sender), _topic(frame.to))
            self.log(Log(ETHER, topics, frame.value.to_bytes(32, "big")))

    def exit(self, end: FrameEnd) -> None:
        """What a message did becomes its caller's."""
        done = self._frames.pop()
        if not end.error:
            self._frames[-1].extend(done)

    def log(self, log: Log) -> None:
        """Number it."""
        self._room.take(_LOG_BYTES + 2 * len(log.data))
        self._frames[-1].append((self.next, log))
        self.next += 1


def _topic(address: Address) -> Hash32:
    return Hash32(bytes(12) + address)
