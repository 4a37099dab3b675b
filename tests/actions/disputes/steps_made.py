"""Which instructions the challenger made L1 execute: its `step` transactions, read back from L1's blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.types import Address, from_hex, to_address, to_hex
from contracts.artifacts import load_artifact
from faultproof.vm.memory import LEAF_SIZE
from faultproof.vm.state import State
from tests.actions.disputes.casting import state_of
from tests.actions.disputes.stage import CHALLENGER, Game, Stage
from tests.actions.disputes.step_kinds import StepKind, makes_step_of


@dataclass(frozen=True)
class StepMade:
    """A successful `step`: the claim that it was made against or from, the state before, the instruction, the gas of all."""

    claim: int
    moment: State
    word: int
    gas: int


async def check_steps(made: Stage, games: Sequence[tuple[Game, StepKind]]) -> dict[StepKind, int]:
    """In each game the step that decided was of the kind; answers the gas of these transactions.

    There may be more: an honest side makes one against every false claim of the deepest.
    """
    steps = await _steps(made, [game for game, _ in games])
    gas = {}
    for game, kind in games:
        tree = (await state_of(made, game)).tree
        found = steps[game.contract.address]
        assert found, f"{game.name}: no step on L1"
        of_kind = [step for step in found if makes_step_of(kind, step.moment, step.word)]
        assert of_kind, f"{game.name}: the steps on L1 were of other instructions: {[hex(s.word) for s in found]}"
        assert all(tree.claims[step.claim].countered_by == CHALLENGER for step in of_kind), game.name
        gas[kind] = max(step.gas for step in of_kind)
    return gas


async def _steps(made: Stage, games: Sequence[Game]) -> dict[Address, list[StepMade]]:
    """All that succeeded, by game."""
    found: dict[Address, list[StepMade]] = {game.contract.address: [] for game in games}
    game_contract = load_artifact("FaultDisputeGame")
    selector = game_contract.selector("step")
    last = int(await made.parts.l1.call("eth_blockNumber"), 16)
    for number in range(min(game.created_after for game in games), last + 1):
        block = await made.parts.l1.call("eth_getBlockByNumber", [hex(number), True])
        for transaction in block["transactions"]:
            data = from_hex(transaction["input"])
            to = None if transaction["to"] is None else to_address(transaction["to"])
            if to not in found or data[:4] != selector or transaction["from"] != to_hex(CHALLENGER):
                continue
            receipt = await made.parts.l1.call("eth_getTransactionReceipt", [transaction["hash"]])
            if receipt["status"] == "0x1":
                claim, _, state_data, proof = game_contract.decode_input("step", data)
                moment = State.decode(state_data)
                found[to].append(StepMade(claim, moment, _word(moment, proof), int(receipt["gasUsed"], 16)))
    return found


def _word(moment: State, proof: bytes) -> int:
    """The instruction, out of its leaf: the first of the proof. Nothing is fetched after the exit."""
    at = moment.pc % LEAF_SIZE
    return int.from_bytes(proof[at : at + 4], "little")
