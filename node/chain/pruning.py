"""Forgets states that are older than the retention window, in a thread of its own, little by little."""

import logging
import time
from threading import Event, Thread

from config.errors import CriticalError
from config.types import Hash32
from evm.store.history import StatePoint
from node.chain.chain import Chain
from node.chain.store import ChainStore

log = logging.getLogger("lamina.chain")

LONGEST_WITHDRAWAL_SECONDS = 14 * 24 * 3600
"""The longest way of a withdrawal: it is proven against a game, which takes a week, of which another one may have to be
made; the proof is of the state that the game is about."""

_LONGEST_PAUSE = 0.1


def state_window(gcmode: str, blocks: int | None, block_time: int) -> int | None:
    """How many blocks behind the head the states are kept of; None for all of them.

    `gcmode` is `full` or `archive`, `blocks` what the operator wants (0: all; None: the longest withdrawal, in blocks
    `block_time` seconds apart). Raises ValueError when the two contradict each other.
    """
    if gcmode == "archive":
        if blocks:
            raise ValueError(f"--gcmode archive keeps all states: leave out --history.state {blocks}, or use full")
        return None
    if gcmode != "full":
        raise ValueError(f"--gcmode must be full or archive, not {gcmode!r}")
    return (LONGEST_WITHDRAWAL_SECONDS // block_time if blocks is None else blocks) or None


class Pruner:
    """Moves the oldest kept state up to `window` blocks behind the head, but never beyond the finalized block.

    So whatever can become the head has its state: a reorg below the finalized head is refused. Node, heads and
    restarts need nothing older. Made and stopped in one thread, it works in another.
    """

    def __init__(self, chain: Chain, window: int) -> None:
        """`window` in blocks, at least 1."""
        if window < 1:
            raise ValueError(f"the window of kept states must be at least 1 block, not {window}")
        self._chain = chain
        self._history = chain.history
        self._store = ChainStore(chain.kv)
        self._window = window
        self._wake = Event()
        self._stopping = False
        self._thread: Thread | None = None
        self.error: str | None = None
        """Why it has stopped for good."""
        chain.on_new_head(lambda _: self._wake.set())
        chain.on_labels(self._wake.set)

    def step(self) -> bool:
        """Do one piece of the work; False when there is none."""
        if self._history.drop_release():
            return True
        chain = self._chain
        following = self._history.base.number + 1
        if following > min(chain.finalized.number, chain.head.number - self._window):
            return False
        block_hash = self._store.canonical_hash(following)
        if block_hash is None:
            raise CriticalError(f"canonical block {following} is missing: run `lamina db verify`")
        self._history.advance(StatePoint(following, block_hash), self._parent_of)
        return True

    def _parent_of(self, point: StatePoint) -> Hash32:
        return self._store.require_header(point.block_hash, f"block {point.number}").parent_hash

    def start(self) -> None:
        """Work in the background until `stop`."""
        self._thread = Thread(target=self._run, name="state pruning", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the piece that is being worked on and end."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping:
            began = time.monotonic()
            try:
                worked = self.step()
            except CriticalError as error:
                self.error = str(error)
                log.error("old states are not pruned any more", extra={"why": str(error)})
                return
            if worked:
                # Leave interpreter and store to the others at least as long as they were taken from them.
                time.sleep(min(time.monotonic() - began, _LONGEST_PAUSE))
            else:
                self._wake.wait()
                self._wake.clear()
