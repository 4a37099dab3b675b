"""The upper half of a game's truth: the output roots of the challenger's own node."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from config.errors import CriticalError, TemporaryError
from config.types import Hash32, L2BlockNumber, short, to_hex
from faultproof.challenger.ports import L1Block, L1Reader, Output, RollupNode
from l1.contracts import GameFacts

T = TypeVar("T")


class NodeBehind(TemporaryError):
    """The own node has not derived all that a game is judged by: whatever it says about the game may still change."""


class WrongAnchor(CriticalError):
    """A game starts from an output root that the own node does not have."""


class GameOutputs:
    """Output roots after a game's anchor, as L1 data up to the game's L1 head gives them.

    Past the claimed block, and past the last block that follows from those data, the last output is repeated.
    Spec: op fault-dispute-game, "Output Root Trace"; op honest-challenger.
    """

    def __init__(
        self,
        fetch: Callable[[int], Output],
        *,
        anchor: Hash32,
        anchor_number: int,
        claimed_number: int,
        safe_number: int,
    ) -> None:
        """`fetch` gives a block's output and may block; `safe_number` is the safe head as of the game's L1 head."""
        self._fetch = fetch
        self._anchor = anchor
        self._anchor_number = anchor_number
        self._claimed_number = claimed_number
        self._safe_number = safe_number
        self._known: dict[int, Output] = {}

    @property
    def anchor(self) -> Hash32:
        """The output root that the game starts from."""
        return self._anchor

    @property
    def safe_number(self) -> int:
        """The last block that the game can be about."""
        return self._safe_number

    @property
    def claimed_number(self) -> int:
        """The block that the root claim is about."""
        return self._claimed_number

    @property
    def anchor_number(self) -> int:
        """The anchor's block."""
        return self._anchor_number

    def output_at(self, index: int) -> Hash32:
        """See `faultproof.game.OutputTrace`. Raises TemporaryError."""
        number = self.honest_block_at(index)
        return self._anchor if number <= self._anchor_number else self.output_of(number).root

    def block_at(self, index: int) -> L2BlockNumber:
        """The block number that the contract gives the program. Spec: op fault-dispute-game, `addLocalData`."""
        return L2BlockNumber(min(self._anchor_number + 1 + index, self._claimed_number))

    def honest_block_at(self, index: int) -> int:
        """The block whose output is the truth at a trace index."""
        return max(min(self.block_at(index), self._safe_number), self._anchor_number)

    def output_of(self, number: int) -> Output:
        """The output of a block. Raises TemporaryError."""
        if number not in self._known:
            self._known[number] = self._fetch(number)
        return self._known[number]


async def game_outputs(node: RollupNode, l1: L1Reader, facts: GameFacts) -> GameOutputs:
    """The truth about a game's output roots. Its methods may be called from other threads than the event loop's.

    Raises NodeBehind until the own node has derived more than the game's L1 head, WrongAnchor, TemporaryError.
    """
    head = await l1.block_by_hash(facts.l1_head)
    await _check_canonical(l1, head)
    derived = await node.derived_l1()
    # Some nodes name the L1 block that they are still reading.
    if derived.number <= head.number:
        raise NodeBehind(
            f"the own node has derived L1 up to block {derived.number}, the game is judged by L1 up to block "
            f"{head.number}: no move is made before the node is past it"
        )
    safe = await node.safe_head_at(head.number)
    if safe.l1.number > head.number:
        raise TemporaryError(f"the node gave the safe head as of L1 block {safe.l1}, asked was one as of {head.number}")
    canonical = await l1.block_at(safe.l1.number)
    if canonical.hash != safe.l1.hash:
        raise TemporaryError(
            f"the node knows L1 block {safe.l1}, but on L1 it is {canonical.id}: it has yet to follow an L1 reorg"
        )
    anchor = await node.output_at(facts.starting_block_number)
    if anchor.root != facts.starting_root:
        raise WrongAnchor(
            f"the game starts from output root {to_hex(facts.starting_root)} of L2 block {facts.starting_block_number}, "
            f"but the own node has {to_hex(anchor.root)} there. Either the node is wrong or a false root became the "
            "anchor: find out before anything else"
        )
    loop = asyncio.get_running_loop()
    return GameOutputs(
        lambda number: wait_for(loop, node.output_at(number)),
        anchor=facts.starting_root,
        anchor_number=facts.starting_block_number,
        claimed_number=facts.l2_block_number,
        safe_number=safe.l2.number,
    )


async def _check_canonical(l1: L1Reader, head: L1Block) -> None:
    canonical = await l1.block_at(head.number)
    if canonical.hash != head.hash:
        raise TemporaryError(
            f"the game's L1 head is {head.id}, but L1's block {head.number} is {canonical.id}: an L1 reorg is under way"
        )


def wait_for(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that runs in `loop`, for code in another thread."""
    return asyncio.run_coroutine_threadsafe(work, loop).result()


@dataclass(frozen=True)
class Verdict:
    """Whether a game's root claim is right, and why.

    `right_root` is the true output root, of block `right_number`: the claimed one, or the last that L1 gives.
    `is_block` is the block whose root is claimed, where it is another than the claimed one; None otherwise.
    """

    is_right: bool
    right_root: Hash32
    right_number: int
    is_block: int | None
    why: str


NEIGHBOURS = 64
"""How many blocks before and after the claimed one are compared with a false root claim, unless the operator says otherwise."""


def judge(outputs: GameOutputs, root: Hash32, split_depth: int, neighbours: int = NEIGHBOURS) -> Verdict:
    """Who is right about the root claim; a false root is looked for in as many `neighbours` of the block on either side.

    Raises TemporaryError.
    """
    claimed = outputs.claimed_number
    index = (1 << split_depth) - 1
    number, right = outputs.honest_block_at(index), outputs.output_at(index)
    if number == claimed and right == root:
        return Verdict(True, right, number, None, f"{short(root)} is the output root of L2 block {claimed}")
    if right == root:
        why = f"{short(root)} is the output root of L2 block {number}, the last that L1 gives, and not of {claimed}"
        return Verdict(False, right, number, number, why)
    if number < claimed:
        why = f"L1 gives no L2 block {claimed}: the last is {number} with output root {short(right)}"
    else:
        why = f"the output root of L2 block {claimed} is {short(right)}, not {short(root)}"
    other = _block_with(outputs, root, claimed, neighbours)
    if other is not None:
        why += f"; {short(root)} is that of L2 block {other}"
    return Verdict(False, right, number, other, why)


def _block_with(outputs: GameOutputs, root: Hash32, claimed: int, neighbours: int) -> int | None:
    """The block near the claimed one that a root belongs to: then no bisection is needed."""
    last = min(claimed + neighbours, outputs.safe_number)
    for number in range(last, max(outputs.anchor_number, claimed - neighbours - 1), -1):
        if outputs.output_of(number).root == root:
            return number
    return None
