"""Keccak256 preimages that do not fit one transaction: proposing them to the oracle, and challenging wrong proposals.

Spec: op fault-dispute-game, "Large Preimage Proposals"; op preimage-oracle, "initLPP", "addLeavesLPP", "challengeLPP",
"squeezeLPP".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from config.types import Address, Hash32, Wei, to_hex
from evm.types import keccak256
from faultproof.preimage.keccak_states import (
    BLOCK_SIZE,
    EMPTY_STATE,
    State,
    absorb,
    commitment,
    padded_blocks,
    whole_blocks,
)
from faultproof.preimage.keys import keccak256_key
from faultproof.preimage.leaf_tree import MAX_LEAVES, Leaf, LeafTree
from faultproof.preimage.oracle_call import LENGTH_PREFIX, PART_SIZE, OracleCall

MIN_BOND = Wei(10**18 // 4)
"""What a proposal costs until it is squeezed."""

BLOCKS_PER_TRANSACTION = 700
"""Input and commitments of so many blocks make 117,600 bytes, of the 128 KiB that L1 nodes pass on in a transaction, and
cost about five million gas."""

_SELECTOR_SIZE, _WORD = 4, 32


@dataclass(frozen=True)
class Chunk:
    """Blocks that are added in one transaction. The last chunk ends with the preimage, wherever that is."""

    start_block: int
    data: bytes
    is_last: bool


@dataclass(frozen=True)
class StreamedPreimage:
    """A proposal for the part of a preimage at `offset` (length prefix included).

    Proposals of one account are told apart by number; this one's follows from what it is for, so that after a restart it is
    found again.
    """

    preimage: bytes = field(repr=False)
    offset: int
    blocks_per_transaction: int = BLOCKS_PER_TRANSACTION

    def __post_init__(self) -> None:
        if not 0 <= self.offset < len(self.preimage) + LENGTH_PREFIX:
            raise ValueError(f"offset {self.offset} is outside a preimage of {len(self.preimage)} bytes")
        if len(self.preimage) < BLOCK_SIZE:
            raise ValueError(f"a preimage of {len(self.preimage)} bytes is not streamed: it needs two blocks")
        if len(self.preimage) // BLOCK_SIZE + 1 > MAX_LEAVES:
            raise ValueError(f"a preimage of {len(self.preimage)} bytes is more than the oracle takes in any way")
        if self.blocks_per_transaction < 2:
            # With one block, a part across two of them would be in no transaction as a whole.
            raise ValueError("a transaction has at least two blocks")

    @cached_property
    def uuid(self) -> int:
        """The proposal's number among those of its owner."""
        key = keccak256_key(keccak256(self.preimage))
        return int.from_bytes(keccak256(key + self.offset.to_bytes(32, "big")), "big")

    @cached_property
    def _states(self) -> tuple[State, ...]:
        states, state = [], EMPTY_STATE
        for block in padded_blocks(self.preimage):
            state = absorb(state, block)
            states.append(state)
        return tuple(states)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """All of it as it is in the tree."""
        blocks = zip(padded_blocks(self.preimage), self._states, strict=True)
        return tuple(Leaf(block, index, commitment(state)) for index, (block, state) in enumerate(blocks))

    def chunks(self) -> Iterator[Chunk]:
        """The preimage in transactions, none of which ends within the part that the proposal is for."""
        size, start = len(self.preimage), 0
        part = self.offset - LENGTH_PREFIX
        while size - start >= self.blocks_per_transaction * BLOCK_SIZE:
            end = start + self.blocks_per_transaction * BLOCK_SIZE
            if part < end <= part + PART_SIZE:
                end -= BLOCK_SIZE
            yield Chunk(start // BLOCK_SIZE, self.preimage[start:end], False)
            start = end
        yield Chunk(start // BLOCK_SIZE, self.preimage[start:], True)

    def calls(self) -> Iterator[OracleCall]:
        """The transactions of a new proposal, in their order. The challenge period starts with the last one."""
        yield OracleCall("initLPP", (self.uuid, self.offset, len(self.preimage)), MIN_BOND)
        yield from self.calls_after(0)

    def calls_after(self, blocks_processed: int) -> Iterator[OracleCall]:
        """What is missing of a proposal that was begun, in its order, by the blocks that the oracle has."""
        for chunk in self.chunks():
            if chunk.start_block >= blocks_processed:
                count = len(chunk.data) // BLOCK_SIZE + chunk.is_last
                leaves = self.leaves[chunk.start_block : chunk.start_block + count]
                commitments = tuple(leaf.state_commitment for leaf in leaves)
                yield OracleCall("addLeavesLPP", (self.uuid, chunk.start_block, chunk.data, commitments, chunk.is_last))

    def squeeze(self, owner: Address) -> OracleCall:
        """What anybody sends after the challenge period of a proposal that `owner` made."""
        tree = LeafTree([leaf.hash for leaf in self.leaves])
        previous, last = self.leaves[-2:]
        return OracleCall("squeezeLPP", _transition(owner, self.uuid, tree, previous, last, self._states[-2]))


def first_wrong_leaf(leaves: Sequence[Leaf]) -> int | None:
    """The number of the first leaf whose commitment does not follow from the input before and in it."""
    state = EMPTY_STATE
    for index, leaf in enumerate(leaves):
        state = absorb(state, leaf.input)
        if commitment(state) != leaf.state_commitment:
            return index
    return None


def challenge(owner: Address, uuid: int, leaves: Sequence[Leaf], wrong: int) -> OracleCall:
    """What takes the bond of a proposal, of which `wrong` is the first wrong leaf."""
    state = EMPTY_STATE
    for leaf in leaves[:wrong]:
        state = absorb(state, leaf.input)
    tree = LeafTree([leaf.hash for leaf in leaves])
    return challenge_at(owner, uuid, tree, leaves[wrong], leaves[wrong - 1] if wrong else None, state)


def challenge_at(
    owner: Address, uuid: int, tree: LeafTree, wrong: Leaf, previous: Leaf | None, before: State
) -> OracleCall:
    """The same for who knows only the tree, the first wrong leaf, the one in front of it, and the state between the two."""
    if previous is None:
        return OracleCall("challengeFirstLPP", (to_hex(owner), uuid, _argument(wrong), tree.proof(0)))
    return OracleCall("challengeLPP", _transition(owner, uuid, tree, previous, wrong, before))


def added_leaves(call: bytes) -> tuple[int, list[Leaf]]:
    """The number of the proposal, and what a call of `addLeavesLPP` that the oracle accepted has added to it.

    Decoded as the contract does, which checks neither padding nor where the arguments' parts lie: what it takes has to be
    readable here. Raises ValueError for what it cannot have taken.
    """
    arguments = call[_SELECTOR_SIZE:]
    uuid, start, data_at, commitments_at, is_last = (_word(arguments, _WORD * index) for index in range(5))
    data = _piece(arguments, data_at + _WORD, _word(arguments, data_at))
    blocks = list(padded_blocks(data) if is_last else whole_blocks(data))
    count = _word(arguments, commitments_at)
    if count != len(blocks) or (not is_last and len(data) % BLOCK_SIZE):
        raise ValueError(f"{len(data)} bytes with {count} commitments")
    commitments = (_piece(arguments, commitments_at + _WORD * (1 + index), _WORD) for index in range(count))
    return uuid, [
        Leaf(block, start + index, Hash32(commitment))
        for index, (block, commitment) in enumerate(zip(blocks, commitments, strict=True))
    ]


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(_piece(data, at, _WORD), "big")


def _piece(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise ValueError(f"{size} bytes from {at} on in {len(data)} bytes of arguments")
    return data[at : at + size]


def _transition(
    owner: Address, uuid: int, tree: LeafTree, previous: Leaf, leaf: Leaf, before: State
) -> tuple[object, ...]:
    """Arguments that show the step from the state `before` a block to the one behind it."""
    return (
        to_hex(owner),
        uuid,
        (before,),
        _argument(previous),
        tree.proof(previous.index),
        _argument(leaf),
        tree.proof(leaf.index),
    )


def _argument(leaf: Leaf) -> tuple[bytes, int, Hash32]:
    return leaf.input, leaf.index, leaf.state_commitment
