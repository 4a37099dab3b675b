"""Moves the heads as the consensus client says: the one place of a driven node that does.

Spec: Engine API, `engine_forkchoiceUpdatedV1` to `V3`; op exec-engine, "engine_forkchoiceUpdatedV2".
"""

import logging
from dataclasses import dataclass
from typing import Any

from config.types import ZERO_HASH, Hash32, short
from evm.types import Header
from evm.types.json_fields import JsonFields
from node.chain import Chain
from node.engine_api.errors import EngineErrorCode, engine_error
from node.engine_api.importing import PayloadImport
from node.engine_api.payload_status import PayloadStatus, Status

log = logging.getLogger("lamina.engine_api")


@dataclass(frozen=True)
class ForkchoiceState:
    """The heads by hash; zeros leave the safe or the finalized head as it is."""

    head: Hash32
    safe: Hash32
    finalized: Hash32

    @staticmethod
    def from_json(data: Any) -> "ForkchoiceState":
        """Read the JSON form. Raises ValueError naming the field that is missing or malformed."""
        fields = JsonFields("forkchoice state", data)
        return ForkchoiceState(
            fields.hash("headBlockHash"), fields.hash("safeBlockHash"), fields.hash("finalizedBlockHash")
        )


class Forkchoice:
    """The owner of a driven node's heads."""

    def __init__(self, chain: Chain, blocks: PayloadImport) -> None:
        self._chain = chain
        self._blocks = blocks

    def update(self, state: ForkchoiceState) -> PayloadStatus:
        """Make the heads what the state says, or nothing of it.

        Unlike on L1, a head that is an ancestor of the present one becomes the head: a rollup's node goes back to what L1
        allows. What is final stays so: an older finalized block is passed over, as are all heads with a head below it.
        Raises RpcError -38002 for heads that do not belong together, -38006 for a head that is out of reach.
        """
        if state.head == ZERO_HASH:
            raise engine_error(EngineErrorCode.INVALID_FORKCHOICE_STATE, "the head's hash is zero")
        verdict = self._blocks.verdict(state.head)
        if verdict.status is Status.ACCEPTED:
            raise engine_error(
                EngineErrorCode.TOO_DEEP_REORG,
                f"0x{state.head.hex()} does not follow from the finalized block {self._chain.finalized}",
            )
        if verdict.status is not Status.VALID:
            return verdict
        chain = self._chain
        head = chain.store.require_header(state.head, "the head of the forkchoice")
        if not self._is_below_finalized(head):
            path = self._path(head)
            safe = self._labelled("safe", state.safe, path)
            finalized = self._labelled("finalized", state.finalized, path)
            self._check_order(safe, finalized)
            self._move(head)
            self._label(safe, finalized)
        return verdict

    def _is_below_finalized(self, head: Header) -> bool:
        return head.number < self._chain.finalized.number and self._chain.is_canonical(head)

    def _path(self, head: Header) -> dict[int, Hash32]:
        """The blocks of the head's chain that are not canonical, by number. Raises RpcError -38006."""
        chain = self._chain
        path: dict[int, Hash32] = {}
        cursor = head
        while not chain.is_canonical(cursor):
            if cursor.number <= chain.finalized.number:
                raise engine_error(
                    EngineErrorCode.TOO_DEEP_REORG, f"{head} does not follow from the finalized block {chain.finalized}"
                )
            path[cursor.number] = cursor.hash
            cursor = chain.store.require_header(cursor.parent_hash, "an ancestor of the forkchoice's head")
        path.setdefault(head.number, head.hash)
        if not chain.has_state(head):
            raise engine_error(
                EngineErrorCode.TOO_DEEP_REORG,
                f"the state of {head} is not kept here, only those since block {chain.history.base.number} "
                "(--history.state)",
            )
        return path

    def _labelled(self, label: str, block_hash: Hash32, path: dict[int, Hash32]) -> Header | None:
        """The header of a label; None when it is not given. Raises RpcError -38002 when the head does not descend from it."""
        if block_hash == ZERO_HASH:
            return None
        header = self._chain.header_by_hash(block_hash)
        if header is None:
            raise engine_error(
                EngineErrorCode.INVALID_FORKCHOICE_STATE, f"the {label} block {short(block_hash)} is not known"
            )
        head = max(path)
        ours = path.get(header.number)
        if ours is None and header.number < min(path):
            ours = self._chain.canonical_hash(header.number)
        if header.number > head or ours != header.hash:
            raise engine_error(
                EngineErrorCode.INVALID_FORKCHOICE_STATE,
                f"the {label} block {header} is not in the chain of the head {short(path[head])}",
            )
        return header

    def _check_order(self, safe: Header | None, finalized: Header | None) -> None:
        final = max(self._chain.finalized.number, 0 if finalized is None else finalized.number)
        if safe is not None and safe.number < final:
            raise engine_error(
                EngineErrorCode.INVALID_FORKCHOICE_STATE, f"the safe block {safe} is below the finalized block {final}"
            )

    def _move(self, head: Header) -> None:
        chain = self._chain
        if head.hash == chain.head.hash:
            return
        chain.set_head(head, self._blocks.at_hand(head.hash))
        log.info("head", extra={"number": head.number, "hash": short(head.hash)})

    def _label(self, safe: Header | None, finalized: Header | None) -> None:
        chain = self._chain
        advances = finalized is not None and finalized.number > chain.finalized.number
        if safe is None and advances and finalized is not None and finalized.number > chain.safe.number:
            safe = finalized  # what is final is safe
        if safe is not None:
            chain.set_safe(safe)
        if advances and finalized is not None:
            chain.set_finalized(finalized)
