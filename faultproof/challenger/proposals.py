"""Large preimages that others propose: a wrong state of keccak256 would give steps a false preimage, so it is challenged.

Their owners may be hostile: whatever they write, each proposal is looked at by itself, once, and only so much of all in a
round that the games do not wait.
Spec: op fault-dispute-game, "Large Preimage Proposals"; op honest-challenger, "Responding to Large Preimage Proposals".
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from config.errors import TemporaryError
from config.types import Address, Hash32, Timestamp, from_hex, to_hex
from faultproof.challenger.due import Due
from faultproof.challenger.ports import L1Block, L1Reader
from faultproof.challenger.refusals import Refusals
from faultproof.preimage.keccak_states import EMPTY_STATE, State, absorb, commitment
from faultproof.preimage.leaf_tree import Leaf, LeafBranch, LeafTree
from faultproof.preimage.oracle_call import OracleCall
from faultproof.preimage.streaming import added_leaves, challenge_at
from l1.dispute_contracts import FollowedProposal, PreimageOracleContract
from l1.rpc import RpcCaller, RpcError

log = logging.getLogger("lamina.challenger")

_SENDER_SIZE = 20
_NEVER = 1 << 64


class WrongProposal:
    """A proposal that is to be challenged, as the owner of that transaction."""

    def __init__(self, owner: Address, uuid: int) -> None:
        self._name = f"large preimage {uuid:#x} of {to_hex(owner)}"
        self._refusals = Refusals()
        self._now = 0

    def __str__(self) -> str:
        return self._name

    def refused(self, due: Due) -> None:
        """Perhaps somebody else was faster: the next look at it shows that."""
        self._refusals.add(self._now)
        log.warning("L1 refused to %s; it is tried again at L1 time %d", due.purpose, self._refusals.again_at)

    def may_be_tried(self, now: Timestamp) -> bool:
        """Whether L1 has not just refused it."""
        self._now = now
        return self._refusals.again_at <= now


@dataclass
class _Followed:
    """A proposal, and how far it was looked at: additions, the L1 block of the last one, hashes of all blocks, and up to the
    first wrong one the state behind the last."""

    owner: Address
    uuid: int
    additions: int = 0
    l1_block: int | None = None
    tree: LeafBranch = field(default_factory=LeafBranch)
    hashes: bytearray = field(default_factory=bytearray)
    state: State = EMPTY_STATE
    last_right: Leaf | None = None
    first_wrong: Leaf | None = None

    def take(self, leaves: list[Leaf]) -> None:
        """Check the next blocks. Raises ValueError when they are not the next."""
        for leaf in leaves:
            if leaf.index != self.tree.count:
                raise ValueError(f"block {leaf.index} comes after {self.tree.count} blocks")
            self.tree.append(leaf.hash)
            self.hashes += leaf.hash
            if self.first_wrong is not None:
                continue
            state = absorb(self.state, leaf.input)
            if commitment(state) == leaf.state_commitment:
                self.state, self.last_right = state, leaf
            else:
                self.first_wrong = leaf

    def challenge(self) -> OracleCall:
        """What takes its bond."""
        assert self.first_wrong is not None
        hashes = [Hash32(bytes(self.hashes[at : at + 32])) for at in range(0, len(self.hashes), 32)]
        return challenge_at(self.owner, self.uuid, LeafTree(hashes), self.first_wrong, self.last_right, self.state)


@dataclass
class _Work:
    """What may still be done in a round."""

    additions: int = 100
    leaves: int = 8_000

    @property
    def is_over(self) -> bool:
        """Whether the rest has to wait."""
        return self.additions <= 0 or self.leaves <= 0


@dataclass
class _Open:
    """A proposal that can still be challenged."""

    seen: _Followed
    wrong: WrongProposal


class ProposalWatch:
    """Follows the proposals of one preimage oracle, but for the own account's.

    Only what is complete is challenged: as long as its owner can add to it, the tree changes under every challenge, and nobody
    can use it.
    """

    def __init__(self, oracle: PreimageOracleContract, rpc: RpcCaller, account: Address, l1: L1Reader) -> None:
        self._oracle = oracle
        self._rpc = rpc
        self._account = account
        self._l1 = l1
        self._listed = 0
        self._open: list[_Open] = []
        self._as_of: L1Block | None = None
        self.is_behind = False
        """Whether the last round did not look at everything."""
        self.unreadable: TemporaryError | None = None
        """Why it could not, where it tried."""

    async def due(self, head: L1Block) -> list[Due]:
        """Challenges that are missing as of an L1 block. Raises TemporaryError."""
        if self._as_of is not None and (await self._l1.block_at(self._as_of.number)).hash != self._as_of.hash:
            # An L1 reorg may have taken proposals back, or additions.
            self._listed, self._open = 0, []
        self._as_of, self.is_behind, self.unreadable = None, False, None
        oracle = self._oracle
        count = await oracle.proposal_count(head.number)
        for owner, uuid in await oracle.proposals_at(range(self._listed, count), head.number):
            if owner != self._account:
                self._open.append(_Open(_Followed(owner, uuid), WrongProposal(owner, uuid)))
        self._listed, self._as_of = count, head
        keys = [(each.seen.owner, each.seen.uuid) for each in self._open]
        states = await oracle.followed(keys, head.number)
        # A bond goes to a challenger, or back when the preimage is made readable: then nothing can be done any more.
        pairs = [(each, state) for each, state in zip(self._open, states, strict=True) if state.bond]
        self._open = [each for each, _ in pairs]
        work = _Work()
        dues: list[Due] = []
        # What is complete has a deadline.
        for each, state in sorted(pairs, key=lambda pair: pair[1].state.completed_at or _NEVER):
            try:
                if await self._is_checked(each, state, head, work):
                    dues += await self._challenge(each, state, head)
            except TemporaryError as error:
                self.unreadable = self.unreadable or error
        return dues

    # --- checking ---

    async def _is_checked(self, each: _Open, proposal: FollowedProposal, head: L1Block, work: _Work) -> bool:
        """Check what was added since the last look, about as much as this round may. Raises TemporaryError."""
        seen = each.seen
        missing = range(seen.additions, proposal.additions)
        if not missing:
            return True
        if work.is_over:
            self.is_behind = True
            return False
        owner, uuid = seen.owner, seen.uuid
        numbers = await self._oracle.proposal_blocks(owner, uuid, missing[: work.additions], head.number)
        was_right = seen.first_wrong is None
        try:
            for number in numbers:
                if number != seen.l1_block:
                    if work.is_over:
                        break
                    await self._read(seen, number, work)
                seen.additions += 1
            if seen.additions < proposal.additions:
                self.is_behind = True
                return False
            if seen.tree.root != await self._oracle.tree_root(owner, uuid, head.number):
                raise ValueError("the tree has another root")
        except ValueError as error:
            each.seen = _Followed(owner, uuid)
            raise TemporaryError(
                f"the logs that {self._rpc.endpoint} gives are not all of {each.wrong} ({error}): it cannot be checked now"
            ) from error
        if was_right and seen.first_wrong is not None:
            log.warning("%s is FALSE from block %d on", each.wrong, seen.first_wrong.index)
        return True

    async def _read(self, seen: _Followed, number: int, work: _Work) -> None:
        """All blocks that one L1 block added to a proposal, out of the logs. Raises ValueError, TemporaryError."""
        query = {"address": to_hex(self._oracle.address), "fromBlock": hex(number), "toBlock": hex(number)}
        work.additions -= 1
        try:
            answer: list[dict[str, Any]] = await self._rpc.call("eth_getLogs", [query])
        except RpcError as error:
            raise TemporaryError(f"logs of large preimages cannot be read: {error}") from error
        leaves: list[Leaf] = []
        for data in (from_hex(entry["data"]) for entry in answer if not entry["topics"]):
            if data[:_SENDER_SIZE] == seen.owner:
                uuid, added = added_leaves(data[_SENDER_SIZE:])
                leaves += added if uuid == seen.uuid else []
        work.leaves -= len(leaves)
        await asyncio.to_thread(seen.take, leaves)
        seen.l1_block = number

    # --- challenging ---

    async def _challenge(self, each: _Open, proposal: FollowedProposal, head: L1Block) -> list[Due]:
        completed_at = proposal.state.completed_at
        if each.seen.first_wrong is None or not completed_at or not each.wrong.may_be_tried(head.timestamp):
            return []
        call = await asyncio.to_thread(each.seen.challenge)
        candidate = self._oracle.candidate(call.function, *call.arguments)
        # After that time anybody may make it readable.
        left = max(completed_at + int(await self._oracle.read_one("challengePeriod")) - head.timestamp, 0)
        return [Due(each.wrong, f"challenge {each.wrong}", (candidate,), seconds_left=left)]
