"""Says what keeps the unsafe head of a node that follows the sequencer's blocks."""

from collections.abc import Callable, Sequence
from typing import Protocol

from config.rollup import BlockId
from config.types import Hash32
from node.chain import Chain
from node.rollup.head_report import HeadReport, HeadState
from node.rollup.stall import Cause, Place, Stage, Stall
from node.unsafe.intake import UnsafeIntake

_SILENCE = 30.0
"""Seconds, besides ten blocks, that may pass without the next block."""


class UnsafeSource(Protocol):
    """Where unsafe blocks come from: `node.unsafe.follower.FeedFollower`."""

    @property
    def name(self) -> str: ...

    @property
    def connected(self) -> bool: ...

    @property
    def error(self) -> str | None:
        """Why there is no connection."""
        ...

    @property
    def refusing(self) -> str | None:
        """Why the newest block was dropped, if it was."""
        ...


class Following:
    """Looks at the intake and its sources, and asks nobody."""

    def __init__(
        self,
        chain: Chain,
        intake: UnsafeIntake,
        sources: Sequence[UnsafeSource],
        block_time: int,
        wall: Callable[[], float],
    ) -> None:
        """`wall` gives seconds since 1970, `block_time` seconds."""
        self._chain = chain
        self._intake = intake
        self._sources = sources
        self._patience = _SILENCE + 10 * block_time
        self._wall = wall
        self._stood: tuple[Hash32, float] = (chain.head.hash, wall())
        """The head when it was last looked at, and since when it has been that."""

    def report(self) -> HeadReport | None:
        """On the unsafe head, while derivation is well; None where it comes from L1 alone."""
        intake, head = self._intake, self._chain.head
        if head.hash != self._stood[0]:
            self._stood = head.hash, self._wall()
        if intake.halted is not None:
            return self._say(HeadState.HALTED, intake.halted.text, intake.halted)
        if not self._sources and not len(intake.queue):
            return None
        return self._waiting() or self._connection()

    def _say(self, state: HeadState, text: str, stall: Stall | None = None) -> HeadReport:
        head = self._chain.head
        return HeadReport("unsafe", BlockId(head.hash, head.number), state, text, stall)

    def _stalled(self, state: HeadState, text: str, cause: Cause) -> HeadReport:
        return self._say(state, text, Stall(cause, Stage.UNSAFE, text, Place("l2", self._chain.head.number + 1)))

    @property
    def _age(self) -> float:
        return max(0.0, self._wall() - self._chain.head.timestamp)

    @property
    def _late(self) -> HeadState:
        """How a head is that something keeps: that is no matter until nothing has come for a while."""
        return HeadState.STUCK if self._age > self._patience else HeadState.WAITING

    def _waiting(self) -> HeadReport | None:
        """What the blocks that have come wait for."""
        intake, head = self._intake, self._chain.head
        first, held = intake.first_queued, intake.status.held
        if held is not None:
            return self._stalled(self._late, held, Cause.UNSAFE_ORIGIN)
        invalid = intake.invalid_after(head)
        if invalid is not None:
            return self._stalled(HeadState.STUCK, f"the next block is invalid: {invalid}", Cause.UNSAFE_INVALID)
        if first is None or not intake.has_gap:
            return None
        text = f"block {head.number + 1} is missing; the first of {len(intake.queue)} that wait for it is {first}"
        return self._stalled(self._late, text, Cause.UNSAFE_GAP)

    def _connection(self) -> HeadReport | None:
        if not self._sources:
            return None
        connected = [source for source in self._sources if source.connected]
        refusing = next((source for source in connected if source.refusing is not None), None)
        if refusing is not None and refusing.refusing is not None:
            return self._stalled(
                self._late, f"what {refusing.name} sends is dropped: {refusing.refusing}", Cause.FEED_REFUSED
            )
        if connected:
            names = ", ".join(source.name for source in connected)
            if min(self._age, self._wall() - self._stood[1]) > self._patience:
                text = f"{names} can be reached, but no block has come for {self._wall() - self._stood[1]:.0f} s"
                return self._stalled(HeadState.STUCK, text, Cause.FEED_SILENT)
            return self._say(HeadState.MOVING, f"it follows {names}; the head is {self._age:.0f} s old")
        errors = [f"{source.name}: {source.error}" for source in self._sources if source.error is not None]
        if not errors:
            return self._say(HeadState.WAITING, "the sources of unsafe blocks are being connected to")
        return self._stalled(self._late, f"no source of unsafe blocks is there ({'; '.join(errors)})", Cause.FEED_DOWN)
