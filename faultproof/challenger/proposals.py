"""Large preimages that others propose: a wrong state of keccak256 would give steps a false preimage, so it is challenged.

Spec: op fault-dispute-game, "Large Preimage Proposals"; op honest-challenger, "Responding to Large Preimage Proposals".
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from config.errors import TemporaryError
from config.types import Address, from_hex, to_hex
from faultproof.challenger.due import NOBODY_WAITS, Due
from faultproof.challenger.ports import L1Block
from faultproof.preimage.keccak_states import padded_blocks, whole_blocks
from faultproof.preimage.leaf_tree import Leaf, LeafTree
from faultproof.preimage.streaming import challenge, first_wrong_leaf
from l1.dispute_contracts import PreimageOracleContract
from l1.rpc import RpcCaller, RpcError

log = logging.getLogger("lamina.challenger")

_SENDER_SIZE = 20


class WrongProposal:
    """A proposal that is to be challenged, as the owner of that transaction."""

    def __init__(self, owner: Address, uuid: int) -> None:
        self._name = f"large preimage {uuid:#x} of {to_hex(owner)}"
        self._refused = False

    def __str__(self) -> str:
        return self._name

    def refused(self, due: Due) -> None:
        """Somebody else was faster, or it was squeezed: nothing more can be done about it."""
        self._refused = True
        log.warning("L1 refused: %s", due.purpose)

    @property
    def is_over(self) -> bool:
        """Whether it has been tried in vain."""
        return self._refused


@dataclass
class _Followed:
    """A proposal in the making, and of how many of its blocks the commitments are known to be right."""

    owner: Address
    uuid: int
    checked: int = 0
    wrong: WrongProposal | None = None


class ProposalWatch:
    """Follows the proposals of one preimage oracle, but for the own account's."""

    def __init__(self, oracle: PreimageOracleContract, rpc: RpcCaller, account: Address) -> None:
        self._oracle = oracle
        self._rpc = rpc
        self._account = account
        self._listed = 0
        self._open: list[_Followed] = []

    async def due(self, head: L1Block) -> list[Due]:
        """Challenges that are missing as of an L1 block. Raises TemporaryError."""
        count = await self._oracle.proposal_count(head.number)
        if count < self._listed:
            # An L1 reorg took proposals back.
            self._listed, self._open = 0, []
        for owner, uuid in await self._oracle.proposals_at(range(self._listed, count), head.number):
            if owner != self._account:
                self._open.append(_Followed(owner, uuid))
        self._listed = count
        dues = []
        for followed in list(self._open):
            dues += await self._look_at(followed, head)
        return dues

    async def _look_at(self, followed: _Followed, head: L1Block) -> list[Due]:
        proposal = await self._oracle.proposal(followed.owner, followed.uuid, head.number)
        period = int(await self._oracle.read_one("challengePeriod"))
        too_late = proposal.completed_at and head.timestamp > proposal.completed_at + period
        if proposal.countered or too_late or (followed.wrong is not None and followed.wrong.is_over):
            self._open.remove(followed)
            return []
        if proposal.blocks_processed == followed.checked:
            return []
        leaves = await self._leaves(followed, proposal.blocks_processed, head)
        wrong = await asyncio.to_thread(first_wrong_leaf, leaves)
        if wrong is None:
            followed.checked = proposal.blocks_processed
            return []
        if followed.wrong is None:
            followed.wrong = WrongProposal(followed.owner, followed.uuid)
            log.warning("%s is FALSE from block %d on", followed.wrong, wrong)
        call = await asyncio.to_thread(challenge, followed.owner, followed.uuid, leaves, wrong)
        left = NOBODY_WAITS
        if proposal.completed_at:
            left = proposal.completed_at + period - head.timestamp
        candidate = self._oracle.candidate(call.function, *call.arguments)
        return [Due(followed.wrong, f"challenge {followed.wrong}", (candidate,), seconds_left=left)]

    async def _leaves(self, followed: _Followed, count: int, head: L1Block) -> list[Leaf]:
        """The blocks of a proposal out of the logs of the transactions that added them."""
        oracle = self._oracle
        leaves: list[Leaf] = []
        for number in sorted(set(await oracle.proposal_blocks(followed.owner, followed.uuid, head.number))):
            for data in await self._logs(number):
                if data[:_SENDER_SIZE] == followed.owner:
                    leaves += _leaves_in(oracle, data[_SENDER_SIZE:], followed.uuid)
        root = await oracle.tree_root(followed.owner, followed.uuid, head.number)
        if len(leaves) != count or LeafTree([leaf.hash for leaf in leaves]).root != root:
            raise TemporaryError(
                f"the logs that {self._rpc.endpoint} gives are not all of large preimage {followed.uuid:#x} of "
                f"{to_hex(followed.owner)}: it cannot be checked now"
            )
        return leaves

    async def _logs(self, number: int) -> list[bytes]:
        query = {"address": to_hex(self._oracle.address), "fromBlock": hex(number), "toBlock": hex(number)}
        try:
            answer: list[dict[str, Any]] = await self._rpc.call("eth_getLogs", [query])
        except RpcError as error:
            raise TemporaryError(f"logs of large preimages cannot be read: {error}") from error
        return [from_hex(entry["data"]) for entry in answer if not entry["topics"]]


def _leaves_in(oracle: PreimageOracleContract, call: bytes, uuid: int) -> list[Leaf]:
    """What a call of `addLeavesLPP` has added, if it was to this proposal."""
    of, start, data, commitments, is_last = oracle.artifact.decode_input("addLeavesLPP", call)
    if of != uuid:
        return []
    blocks = padded_blocks(data) if is_last else whole_blocks(data)
    return [
        Leaf(block, start + index, commitment)
        for index, (block, commitment) in enumerate(zip(blocks, commitments, strict=True))
    ]
