"""What the consensus client does with a chain, and what became of it lately."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from config.errors import CriticalError, StateUnavailable
from evm.engine import ExecutedBlock, InvalidPayload
from evm.execution_payload import ExecutionPayload
from evm.types import PayloadAttributes
from node.chain import Chain
from node.engine_api.building import PayloadBuilds
from node.engine_api.errors import EngineErrorCode, engine_error
from node.engine_api.forkchoice import Forkchoice, ForkchoiceState
from node.engine_api.importing import PayloadImport
from node.engine_api.payload_status import PayloadStatus, Status
from node.mempool import TransactionPool
from node.rpc.errors import ErrorCode, RpcError

log = logging.getLogger("lamina.engine_api")


@dataclass
class DrivenStatus:
    """What has come of the consensus client's calls; times in seconds since 1970.

    `trouble` is why the last block or forkchoice was not taken, until one is.
    """

    started: float
    called: float | None = None
    trouble: tuple[Status, str] | None = None
    halted_by: str | None = None
    payloads: Counter[Status] = field(default_factory=Counter)
    forkchoices: Counter[Status] = field(default_factory=Counter)


class DrivenChain:
    """A chain whose heads are the consensus client's. `wall` gives the time, seconds since 1970."""

    def __init__(self, chain: Chain, pool: TransactionPool, wall: Callable[[], float]) -> None:
        self._chain = chain
        self._wall = wall
        self.status = DrivenStatus(wall())
        self.blocks = PayloadImport(chain)
        self.builds = PayloadBuilds(chain, pool, wall, self._on_failure)
        self._forkchoice = Forkchoice(chain, self.blocks)

    # --- what the consensus client asks for ---

    def new_payload(self, payload: ExecutionPayload) -> PayloadStatus:
        """See `PayloadImport.take`."""
        with self._working():
            status = self.blocks.take(payload)
        self.status.payloads[status.status] += 1
        self._note(status, f"block {payload.number} of the consensus client")
        return status

    def update_forkchoice(self, state: ForkchoiceState) -> PayloadStatus:
        """See `Forkchoice.update`."""
        with self._working():
            try:
                status = self._forkchoice.update(state)
            except RpcError as error:
                log.warning("a forkchoice of the consensus client is refused: %s", error)
                raise
        self.status.forkchoices[status.status] += 1
        self._note(status, f"the head 0x{state.head.hex()} of the consensus client")
        if status.status is Status.VALID:
            self.status.trouble = None
        return status

    def begin_payload(self, state: ForkchoiceState, attributes: PayloadAttributes, version: int) -> bytes:
        """Begin a block on the head of a forkchoice that is applied; answers its name. Raises RpcError -38003."""
        parent = self._chain.store.require_header(state.head, "the head of the forkchoice")
        with self._working():
            try:
                return self.builds.begin(parent, attributes, version)
            except InvalidPayload as error:
                log.warning("payload attributes are invalid", extra={"number": parent.number + 1, "why": str(error)})
                raise engine_error(EngineErrorCode.INVALID_PAYLOAD_ATTRIBUTES, str(error)) from error

    async def payload(self, name: bytes) -> ExecutedBlock:
        """A block that was begun, finished now. Raises RpcError -38001 when there is none of this name."""
        with self._working():
            executed = await self.builds.fetch(name)
        if executed is None:
            raise engine_error(EngineErrorCode.UNKNOWN_PAYLOAD, f"no block is being made under 0x{name.hex()}")
        self.blocks.remember(executed)
        return executed

    # --- for others ---

    def halt(self, reason: str) -> None:
        """Take and make no more blocks. Only a restart changes that."""
        if self.status.halted_by is None:
            self.status.halted_by = reason
            log.critical("blocks are not taken any more: %s", reason)

    def is_canonical_head(self, state: ForkchoiceState) -> bool:
        """Whether the head of the forkchoice is the head now: an update that is passed over begins no block."""
        return state.head == self._chain.head.hash

    def _on_failure(self, error: CriticalError) -> None:
        self.halt(str(error))

    @contextmanager
    def _working(self) -> Iterator[None]:
        self.status.called = self._wall()
        if self.status.halted_by is not None:
            raise _server_error(self.status.halted_by)
        try:
            yield
        except StateUnavailable:
            raise
        except CriticalError as error:
            self.halt(str(error))
            raise _server_error(str(error)) from error

    def _note(self, status: PayloadStatus, what: str) -> None:
        if status.status in (Status.INVALID, Status.INVALID_BLOCK_HASH):
            self.status.trouble = Status.INVALID, f"{what} is invalid: {status.error}"
        elif status.status is Status.SYNCING:
            self.status.trouble = Status.SYNCING, f"{what} follows a block that is not here"
        elif status.status is Status.ACCEPTED:
            self.status.trouble = Status.ACCEPTED, f"{what} parts from the chain before the finalized block"


def _server_error(why: str) -> RpcError:
    """Spec: Engine API, "Errors": the generic error has the reason in its data."""
    return RpcError(ErrorCode.SERVER_ERROR, f"Server error: {why}", {"err": why})
