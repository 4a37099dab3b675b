"""Takes blocks from the consensus client: checks, executes and stores them beside the heads, and says what it thinks of each.

Spec: Engine API, "Payload validation" and `engine_newPayloadV1` to `V4`.
"""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from config.types import Hash32, short, to_hex
from evm.engine import ExecutedBlock, InvalidBlock
from evm.execution_payload import ExecutionPayload
from evm.types import Block, Header
from evm.types.transaction import TransactionDecodingError
from node.chain import Chain
from node.engine_api.payload_status import PayloadStatus, Status

log = logging.getLogger("lamina.engine_api")

MOST_WAITING = 64
"""Blocks kept that cannot be executed yet, because one before them is not here."""

MOST_WAITING_BYTES = 128 << 20
"""Their transactions together."""

_MOST_REJECTED = 512
_MOST_AT_HAND = 4

T = TypeVar("T")


@dataclass(frozen=True)
class Rejection:
    """Why a block is not valid, and the youngest valid block before it."""

    latest_valid: Hash32
    why: str


class PayloadImport:
    """The blocks of the consensus client on their way into a chain. No head moves here."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._waiting: OrderedDict[Hash32, Block] = OrderedDict()
        self._rejected: OrderedDict[Hash32, Rejection] = OrderedDict()
        self._at_hand: OrderedDict[Hash32, ExecutedBlock] = OrderedDict()
        self.executed_blocks = 0

    # --- for others ---

    def remember(self, executed: ExecutedBlock) -> None:
        """Keep a block that was built here, so that it need not be executed again when it comes back."""
        _keep(self._at_hand, executed.block.hash, executed, _MOST_AT_HAND)

    def at_hand(self, block_hash: Hash32) -> ExecutedBlock | None:
        """A block with what it did, if that is still in memory."""
        return self._at_hand.get(block_hash)

    def take(self, payload: ExecutionPayload) -> PayloadStatus:
        """Execute a block and store it, if everything that this needs is here."""
        try:
            block = payload.block()
        except (TransactionDecodingError, ValueError) as error:
            return PayloadStatus(Status.INVALID, error=str(error))
        if block.hash != payload.block_hash:
            why = f"the block hash should be {to_hex(block.hash)} by its fields, it is said to be {to_hex(payload.block_hash)}"
            return PayloadStatus(Status.INVALID_BLOCK_HASH, error=why)
        if self._chain.header_by_hash(block.hash) is not None:
            return PayloadStatus.valid(block.hash)
        rejection = self._rejected.get(block.hash)
        return self._refused(block, rejection) if rejection is not None else self._execute_from(block)

    def verdict(self, block_hash: Hash32) -> PayloadStatus:
        """On a block that a forkchoice names; blocks that waited for others are executed now if they can be."""
        if self._chain.header_by_hash(block_hash) is not None:
            return PayloadStatus.valid(block_hash)
        rejection = self._rejected.get(block_hash)
        if rejection is not None:
            return PayloadStatus(Status.INVALID, rejection.latest_valid, rejection.why)
        waiting = self._waiting.get(block_hash)
        return PayloadStatus(Status.SYNCING) if waiting is None else self._execute_from(waiting)

    # --- blocks ---

    def _refused(self, block: Block, rejection: Rejection) -> PayloadStatus:
        _keep(self._rejected, block.hash, rejection, _MOST_REJECTED)
        self._waiting.pop(block.hash, None)
        return PayloadStatus(Status.INVALID, rejection.latest_valid, rejection.why)

    def _execute_from(self, block: Block) -> PayloadStatus:
        """Execute a block, those before it first that waited. All of them wait when the first has no parent here."""
        branch = [block]
        parent = self._chain.header_by_hash(block.header.parent_hash)
        while parent is None:
            wanted = branch[-1].header.parent_hash
            rejection = self._rejected.get(wanted)
            if rejection is not None:
                return self._refused(block, rejection)
            before = self._waiting.get(wanted)
            if before is None:
                self._wait(block)
                return PayloadStatus(Status.SYNCING)
            branch.append(before)
            parent = self._chain.header_by_hash(before.header.parent_hash)
        status = PayloadStatus.valid(parent.hash)
        for each in reversed(branch):
            status = self._execute(parent, each)
            if status.status is not Status.VALID:
                if each is not block and status.status is Status.INVALID:
                    return self._refused(block, self._rejected[each.hash])
                return status
            parent = each.header
        return status

    def _wait(self, block: Block) -> None:
        if block.hash not in self._waiting:
            log.warning(
                "a block waits for the one before it",
                extra={"number": block.number, "hash": short(block.hash), "parent": short(block.header.parent_hash)},
            )
        _keep(self._waiting, block.hash, block, MOST_WAITING)
        while len(self._waiting) > 1 and sum(map(_size, self._waiting.values())) > MOST_WAITING_BYTES:
            self._waiting.popitem(last=False)

    def _execute(self, parent: Header, block: Block) -> PayloadStatus:
        chain = self._chain
        # States behind the finalized block may go at any moment, and nothing that follows from there becomes canonical.
        if parent.number < chain.finalized.number or not chain.has_state(parent):
            log.warning("a block is not executed: it parts from the chain before the finalized block: %s", block)
            return PayloadStatus(Status.ACCEPTED)
        executed = self._at_hand.get(block.hash)
        if executed is None:
            try:
                executed = chain.engine.import_block(parent, block)
            except InvalidBlock as error:
                log.warning("a block of the consensus client is invalid: %s", error)
                return self._refused(block, Rejection(parent.hash, str(error)))
            self.executed_blocks += 1
            self.remember(executed)
        # Moving the head onto it waits for the disk, and with it for this.
        chain.insert(executed, make_head=False, durable=False)
        self._waiting.pop(block.hash, None)
        return PayloadStatus.valid(block.hash)


def _size(block: Block) -> int:
    return sum(len(transaction.raw) for transaction in block.transactions)


def _keep(places: OrderedDict[Hash32, T], block_hash: Hash32, value: T, most: int) -> None:
    """The newest `most` are kept."""
    places[block_hash] = value
    places.move_to_end(block_hash)
    while len(places) > most:
        places.popitem(last=False)
