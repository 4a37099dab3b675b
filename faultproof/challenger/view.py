"""A game as people look at it: the tree with positions, claims, clocks and bonds, and who is right by the own node."""

import asyncio
from dataclasses import dataclass
from typing import Any

from config.errors import CriticalError, TemporaryError
from config.types import ZERO_ADDRESS, Address, Hash32, Wei, to_hex
from faultproof.challenger.game_state import GameReader, GameState
from faultproof.challenger.outputs import GameOutputs, Verdict, game_outputs, judge
from faultproof.challenger.ports import L1Block, L1Reader, RollupNode
from faultproof.game import Claim, resolve
from l1.contracts import ListedGame
from l1.dispute_contracts import PlayedGameContract
from l1.rpc import RpcCaller


@dataclass(frozen=True)
class ClaimView:
    """A claim. `about` says what it commits to; `is_true` by the own node's outputs, None where they do not tell.

    `stands`: whether it ends uncountered if nobody moves any more. `seconds_left`: what whoever answers it still has.
    """

    claim: Claim
    about: str
    is_true: bool | None
    right_value: Hash32 | None
    stands: bool
    is_settled: bool
    seconds_left: int

    def to_json(self) -> dict[str, Any]:
        """Camel-case fields; amounts of wei as decimal strings."""
        claim = self.claim
        return {
            "index": claim.index,
            "parent": claim.parent,
            "position": str(claim.position.gindex),
            "depth": claim.depth,
            "indexAtDepth": str(claim.position.index),
            "about": self.about,
            "value": to_hex(claim.value),
            "rightValue": None if self.right_value is None else to_hex(self.right_value),
            "isTrue": self.is_true,
            "claimant": to_hex(claim.claimant),
            "bondWei": str(claim.bond),
            "clockUsed": claim.clock.duration,
            "madeAt": claim.clock.timestamp,
            "secondsLeft": self.seconds_left,
            "counteredBy": None if claim.countered_by == ZERO_ADDRESS else to_hex(claim.countered_by),
            "settled": self.is_settled,
            "stands": self.stands,
        }


@dataclass(frozen=True)
class GameView:
    """A game. `verdict` is None where the own node cannot tell, and `no_verdict` says why."""

    listed: ListedGame
    state: GameState
    claims: tuple[ClaimView, ...]
    verdict: Verdict | None
    no_verdict: str | None
    credits: dict[Address, Wei]

    @property
    def defender_stands(self) -> bool:
        """Whether the root claim wins if nobody moves any more."""
        return self.claims[0].stands

    def to_json(self) -> dict[str, Any]:
        """Camel-case fields; amounts of wei as decimal strings."""
        facts, constants, verdict = self.state.facts, self.state.constants, self.verdict
        return {
            "index": self.listed.index,
            "address": to_hex(self.listed.address),
            "gameType": self.listed.game_type,
            "status": facts.status.name.lower(),
            "createdAt": facts.created_at,
            "resolvedAt": facts.resolved_at or None,
            "l1Head": to_hex(facts.l1_head),
            "startingBlockNumber": facts.starting_block_number,
            "startingRoot": to_hex(facts.starting_root),
            "l2BlockNumber": facts.l2_block_number,
            "rootClaim": to_hex(facts.root_claim),
            "absolutePrestate": to_hex(constants.absolute_prestate),
            "maxDepth": constants.max_depth,
            "splitDepth": constants.split_depth,
            "maxClock": constants.max_clock,
            "rootIsRight": None if verdict is None else verdict.is_right,
            "rightRoot": None if verdict is None else to_hex(verdict.right_root),
            "why": self.no_verdict if verdict is None else verdict.why,
            "asItStands": "defender wins" if self.defender_stands else "challenger wins",
            "creditsAsItStands": {to_hex(account): str(wei) for account, wei in self.credits.items()},
            "claims": [claim.to_json() for claim in self.claims],
        }


async def view_game(
    rpc: RpcCaller, listed: ListedGame, head: L1Block, node: RollupNode | None, l1: L1Reader
) -> GameView:
    """A game as of an L1 block, judged by `node` where there is one. Raises TemporaryError when L1 cannot be read."""
    contract = PlayedGameContract(rpc, listed.address)
    state = await GameReader(contract, await contract.constants(), l1).read(head)
    outputs, verdict, no_verdict = None, None, "no node of one's own was asked"
    if node is not None:
        try:
            outputs = await game_outputs(node, l1, state.facts)
            verdict = await asyncio.to_thread(judge, outputs, state.facts.root_claim, state.constants.split_depth)
        except (TemporaryError, CriticalError) as error:
            outputs, no_verdict = None, str(error)
    claims, credits = await asyncio.to_thread(_claims, state, head, outputs)
    return GameView(listed, state, claims, verdict, None if verdict else no_verdict, credits)


def _claims(
    state: GameState, head: L1Block, outputs: GameOutputs | None
) -> tuple[tuple[ClaimView, ...], dict[Address, Wei]]:
    resolution = resolve(state.tree, state.progress.block_number_challenger)
    views = []
    for claim in state.tree:
        right = None
        if outputs is not None and claim.depth <= state.tree.split_depth:
            right = outputs.output_at(claim.position.trace_index(state.tree.split_depth))
        views.append(
            ClaimView(
                claim,
                _about(claim, state),
                None if right is None else right == claim.value,
                right,
                resolution.stands(claim),
                state.progress.resolved[claim.index],
                state.seconds_left(claim, head.timestamp) if state.is_running else 0,
            )
        )
    return tuple(views), resolution.credits


def _about(claim: Claim, state: GameState) -> str:
    tree, facts = state.tree, state.facts
    if claim.depth <= tree.split_depth:
        number = facts.starting_block_number + 1 + claim.position.trace_index(tree.split_depth)
        return f"output of L2 block {min(number, facts.l2_block_number)}"
    root = tree.execution_root(claim)
    below = claim.position.relative_to(root.position)
    steps = below.trace_index(tree.max_depth - tree.split_depth - 1) + 1
    return f"state after step {steps} of the run below claim {root.parent}"
