"""Says of each head of a driven node whether it moves and, if not, why: see `node.rollup.why` for nodes that derive."""

from collections.abc import Callable

from config.rollup import BlockId
from evm.types import Header
from node.chain import Chain
from node.engine_api.driven import DrivenStatus
from node.engine_api.payload_status import Status
from node.rollup.head_report import HeadReport, HeadState
from node.rollup.stall import Cause, Stage, Stall

SILENCE = 600.0
"""Seconds without a call of the consensus client that are not normal: blocks come every few seconds, batches every few
minutes."""

_CAUSES = {
    Status.INVALID: Cause.BLOCK_REFUSED,
    Status.SYNCING: Cause.ANCESTOR_MISSING,
    Status.ACCEPTED: Cause.ANCESTOR_MISSING,
}


class DrivenDoctor:
    """Looks at what the consensus client has done. `wall` gives the time, seconds since 1970."""

    def __init__(self, chain: Chain, status: DrivenStatus, wall: Callable[[], float]) -> None:
        self._chain = chain
        self._status = status
        self._wall = wall
        self.disagreement: str | None = None
        """Why blocks of the native engine are not believed any more."""

    def report(self, head: str) -> HeadReport:
        """On `unsafe`, `safe` or `finalized`. Raises ValueError for another word."""
        chain = self._chain
        headers = {"unsafe": chain.head, "safe": chain.safe, "finalized": chain.finalized}
        if head not in headers:
            raise ValueError(f"there is no head {head!r}: unsafe, safe and finalized are")
        return self._report(head, headers[head])

    def all(self) -> list[HeadReport]:
        """On all three."""
        return [self.report(head) for head in ("unsafe", "safe", "finalized")]

    def notes(self) -> list[str]:
        """What is worth knowing although it stops nothing."""
        return [] if self.disagreement is None else [self.disagreement]

    def _report(self, head: str, header: Header) -> HeadReport:
        def say(state: HeadState, text: str, stall: Stall | None = None) -> HeadReport:
            return HeadReport(head, BlockId(header.hash, header.number), state, text, stall)

        status, now = self._status, self._wall()
        if status.halted_by is not None:
            return say(
                HeadState.HALTED, status.halted_by, Stall(Cause.ENGINES_DISAGREE, Stage.ENGINE, status.halted_by)
            )
        silent = now - (status.started if status.called is None else status.called)
        if silent > SILENCE:
            text = f"the consensus client has not called the Engine API for {silent:.0f} s"
            return say(HeadState.STUCK, text, Stall(Cause.CONSENSUS_SILENT, Stage.CONSENSUS, text))
        if status.called is None:
            return say(HeadState.WAITING, "the consensus client has not called the Engine API yet")
        if status.trouble is not None:
            kind, text = status.trouble
            return say(HeadState.STUCK, text, Stall(_CAUSES[kind], Stage.ENGINE, text))
        return say(HeadState.MOVING, f"it is where the consensus client has set it, who called {silent:.0f} s ago")
