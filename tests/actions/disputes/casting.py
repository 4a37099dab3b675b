"""Who lies in which game, and what has to be so in the end."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from config.types import ZERO_ADDRESS
from evm.types import keccak256
from faultproof.challenger.game_state import GameReader, GameState
from faultproof.challenger.ports import Output
from faultproof.game import resolve
from l1.contracts import GameStatus
from tests.actions.disputes.liars import PLENTY_OF_TIME, Liar, LyingProgram, Poisoner
from tests.actions.disputes.stage import CHALLENGER, Game, Stage, read_whole
from tests.actions.disputes.step_kinds import StepKind
from tests.faultproof.challenger_world import false_root

LIARS = range(1, 4)
"""The wallets of liars: challengers, proposers, accomplices."""
HONEST_PROPOSER = 4


def lie_from(made: Stage, block: int, whose: str = "") -> dict[int, Output]:
    """The outputs, false from a block on. `whose`: other liars tell other lies."""
    return {
        number: replace(output, root=keccak256(false_root(number) + whose.encode())) if number >= block else output
        for number, output in made.outputs.items()
    }


def liar(
    made: Stage,
    game: Game,
    outputs: Mapping[int, Output],
    kind: StepKind,
    *,
    odd: bool = False,
    waits_until: int = PLENTY_OF_TIME,
    stops_at_depth: int | None = None,
) -> Liar:
    """A liar in a game."""
    assert made.constants is not None
    return Liar(
        game.contract,
        made.constants,
        game.facts,
        made.l1,
        outputs,
        LyingProgram(kind, made.program, odd),
        made.machine_lock,
        safe_number=made.safe,
        waits_until=waits_until,
        stops_at_depth=stops_at_depth,
    )


def malicious_challenger(made: Stage, game: Game, kind: StepKind) -> None:
    """Somebody who attacks a true root, and lies from the block with the calls and from a step of a kind on."""
    player = liar(made, game, lie_from(made, made.traffic.call_block), kind)
    game.players.append((player, made.sender(made.parts.wallets[1])))


def malicious_proposer(made: Stage, game: Game, outputs: Mapping[int, Output], kind: StepKind) -> None:
    """The proposer of a false root with an accomplice, whose claim is the one that a step refutes."""
    assert made.constants is not None
    player = liar(made, game, outputs, kind, odd=True)
    game.players.append((player, made.sender(made.parts.wallets[2])))
    poisoner = Poisoner(game.contract, made.constants, made.l1, player)
    game.players.append((poisoner, made.sender(made.parts.wallets[3])))


async def state_of(made: Stage, game: Game) -> GameState:
    """A game as it is now."""
    assert made.constants is not None
    return await read_whole(GameReader(game.contract, made.constants, made.l1).read, await made.l1.head())


async def is_decided(made: Stage, game: Game) -> bool:
    """Whether the challenger has made a step against the liars' deepest claim."""
    count = (await game.contract.facts()).claim_count
    if count <= made.constants.max_depth:  # type: ignore[union-attr]
        return False
    tree = (await state_of(made, game)).tree
    return any(claim.countered_by == CHALLENGER for claim in tree if claim.depth == tree.max_depth)


async def is_deep(made: Stage, game: Game, depth: int) -> bool:
    """Whether the dispute has come so far."""
    return (await game.contract.facts()).claim_count > depth


def all_of(made: Stage, games: Sequence[Game], depth: int | None = None) -> Callable[[], Awaitable[bool]]:
    """Whether all games are decided, or so deep."""

    async def are_so() -> bool:
        for game in games:
            if not await (is_decided(made, game) if depth is None else is_deep(made, game, depth)):
                return False
        return True

    return are_so


async def check_end(made: Stage, game: Game, root_is_true: bool, *, liars_differ: bool = False) -> None:
    """Who has won, by which claims, and where every bond went. Spec: op bond-incentives.

    `liars_differ`: then one may win from the other, but neither from the honest.
    """
    state = await state_of(made, game)
    wanted = GameStatus.DEFENDER_WINS if root_is_true else GameStatus.CHALLENGER_WINS
    assert state.facts.status is wanted, game.name
    credits = resolve(state.tree, state.progress.block_number_challenger).credits
    for account in {claim.claimant for claim in state.tree} | {CHALLENGER}:
        paid = (await game.contract.credit_of(account)).normal
        assert paid == credits.get(account, 0), f"{game.name}: {account.hex()}"
    own = sum(claim.bond for claim in state.claims_of(CHALLENGER))
    assert credits[CHALLENGER] > own, game.name
    for number in LIARS:
        credit = credits.get(made.parts.wallets[number].address, 0)
        assert liars_differ or credit == 0, f"{game.name}: a liar gets something back"
    if root_is_true:
        assert credits[made.parts.wallets[HONEST_PROPOSER].address] == state.tree.root.bond, game.name
    for claim in state.tree:
        if claim.claimant == CHALLENGER:
            assert claim.countered_by in (ZERO_ADDRESS, CHALLENGER), f"{game.name}: {claim}"


def weak_accomplice(made: Stage, game: Game, outputs: Mapping[int, Output], stops_at_depth: int) -> None:
    """An accomplice of the proposer, who disputes the root with another lie, to lose against it."""
    player = liar(made, game, outputs, StepKind.ALU, stops_at_depth=stops_at_depth)
    game.players.append((player, made.sender(made.parts.wallets[1])))
