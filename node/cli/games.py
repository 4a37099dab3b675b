"""`lamina games`: dispute games as people look at them, and a move by hand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.bridge import L1, AsJson, Info, Key, KeyFile
from node.cli.keys import KeystoreFile, PasswordFile

if TYPE_CHECKING:
    from config.types import Address, Wei
    from faultproof.challenger.ports import L1Reader, RollupNode
    from faultproof.challenger.view import ClaimView, GameView
    from l1.contracts import ListedGame
    from l1.rpc import JsonRpcClient

games = typer.Typer(
    name="games",
    help="Dispute games on L1: who claims what, and who is right.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Factory = Annotated[str | None, typer.Option("--game-factory-address", help="DisputeGameFactory on L1.")]
Rollup = Annotated[
    str | None, typer.Option("--rollup-rpc", help="URL of the own node's optimism_ RPC, which says who is right.")
]
GameId = Annotated[str, typer.Argument(help="Number in the factory's list, or address.", metavar="ID")]


@dataclass(frozen=True)
class _Places:
    l1: str
    rollup: str | None
    factory: "Address"


@dataclass(frozen=True)
class _Reach:
    """Connections to what the commands read."""

    rpc: "JsonRpcClient"
    l1: "L1Reader"
    node: "RollupNode | None"
    factory: "Address"


@games.command(name="list")
def list_games(
    info: Info = None,
    l1: L1 = None,
    rollup_rpc: Rollup = None,
    game_factory_address: Factory = None,
    count: Annotated[int, typer.Option("--count", help="How many of the newest.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest games, with their claims and who is right by the own node.

    Example: lamina games list --info .lamina-devnet/devnet.json
    """

    async def work() -> "list[GameView]":
        from faultproof.challenger.view import view_game
        from l1.contracts import DisputeGameFactoryContract

        async with _reach(_places(info, l1, rollup_rpc, game_factory_address)) as reach:
            head = await reach.l1.head()
            factory = DisputeGameFactoryContract(reach.rpc, reach.factory)
            last = await factory.game_count(head.number)
            listed = await factory.games_at(range(max(0, last - count), last), head.number)
            return [await view_game(reach.rpc, game, head, reach.node, reach.l1) for game in listed]

    views = asyncio.run(work())
    if as_json:
        print(json.dumps([{k: v for k, v in view.to_json().items() if k != "claims"} for view in views]))
    else:
        _print_list(views)


@games.command()
def show(
    game: GameId,
    info: Info = None,
    l1: L1 = None,
    rollup_rpc: Rollup = None,
    game_factory_address: Factory = None,
    as_json: AsJson = False,
) -> None:
    """One game: the tree of claims with positions, clocks and bonds, who is right and why.

    Example: lamina games show 3 --info .lamina-devnet/devnet.json
    """

    async def work() -> "GameView":
        from faultproof.challenger.view import view_game

        async with _reach(_places(info, l1, rollup_rpc, game_factory_address)) as reach:
            head = await reach.l1.head()
            return await view_game(reach.rpc, await _find(reach, game), head, reach.node, reach.l1)

    view = asyncio.run(work())
    if as_json:
        print(json.dumps(view.to_json()))
    else:
        _print_game(view)


@games.command()
def play(
    game: GameId,
    claim: Annotated[int, typer.Option("--claim", help="The claim that is answered.", min=0)],
    value: Annotated[str, typer.Option("--value", help="What is claimed, 32 bytes of hex.")],
    attack: Annotated[
        bool, typer.Option("--attack/--defend", help="Disagree with the claim, or agree and go on to its right.")
    ],
    info: Info = None,
    l1: L1 = None,
    game_factory_address: Factory = None,
    key: Key = None,
    key_file: KeyFile = None,
    keystore: KeystoreFile = None,
    password: PasswordFile = None,
    max_bond: Annotated[
        str | None, typer.Option("--max-bond", help="Do not move when the bond is more ether than this.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Answer a claim by hand. The bond, which the contract sets, is lost when the answer is wrong.

    Example: lamina games play 3 --claim 0 --attack --value 0x.. --info .lamina-devnet/devnet.json --private-key 0x..
    """
    from config.types import Wei, to_hash32
    from node.bridge.amounts import parse_amount
    from node.cli.keys import private_key

    answer = to_hash32(value)
    limit = None if max_bond is None else Wei(parse_amount(max_bond))
    secret = private_key(key, key_file, keystore, password)

    async def work() -> dict[str, Any]:
        async with _reach(_places(info, l1, None, game_factory_address)) as reach:
            return await _move(reach, await _find(reach, game), claim, attack, answer, secret, limit)

    facts = asyncio.run(work())
    if as_json:
        print(json.dumps(facts))
    else:
        print(
            f"claim {facts['claim']} made in L1 transaction {facts['l1TransactionHash']}, bond {facts['bondWei']} wei"
        )


async def _move(
    reach: _Reach, listed: "ListedGame", index: int, attack: bool, value: Any, secret: bytes, limit: "Wei | None"
) -> dict[str, Any]:
    from config.types import to_hex
    from evm.types.json_codec import parse_quantity
    from faultproof.game import Position
    from l1.contract import error_name
    from l1.dispute_contracts import PlayedGameContract
    from l1.txmgr import TxManager

    contract = PlayedGameContract(reach.rpc, listed.address)
    claims = await contract.claims()
    if index >= len(claims):
        raise ValueError(f"game {listed.index} has no claim {index}: the last is {len(claims) - 1}")
    disputed = claims[index]
    position = Position(disputed.position).move(attack)
    bond = await contract.required_bond(position.gindex)
    if limit is not None and bond > limit:
        raise ValueError(f"the bond at {position} is {bond} wei, more than --max-bond allows ({limit})")
    chain_id = parse_quantity(await reach.rpc.call("eth_chainId"))
    sender = TxManager(reach.rpc, secret, chain_id, error_names=error_name)
    try:
        receipt = await sender.send(contract.move(disputed.claim, index, value, attack, bond))
    finally:
        await sender.close()
    if not receipt.succeeded:
        raise ValueError(f"the move failed: {receipt}")
    return {
        "claim": len(await contract.claims()) - 1,
        "position": str(position.gindex),
        "bondWei": str(bond),
        "l1TransactionHash": to_hex(receipt.transaction_hash),
    }


def _places(info: Path | None, l1: str | None, rollup: str | None, factory: str | None) -> _Places:
    """Where to look. Raises ValueError naming what is missing."""
    from config.types import to_address

    facts: dict[str, Any] = {}
    if info is not None:
        try:
            facts = json.loads(info.read_text())
        except (OSError, ValueError) as error:
            raise ValueError(f"{info} cannot be read: {error}") from error
    url = l1 or facts.get("l1", {}).get("http")
    address = factory or facts.get("contracts", {}).get("DisputeGameFactoryProxy")
    if url is None or address is None:
        raise ValueError("give --l1 URL and --game-factory-address ADDRESS, or --info devnet.json")
    return _Places(url, rollup or facts.get("verifier", {}).get("rollup"), to_address(address))


@asynccontextmanager
async def _reach(places: _Places) -> AsyncIterator[_Reach]:
    from faultproof.challenger.source import L1BlockReader, RpcRollupNode
    from l1.rpc import JsonRpcClient
    from l1.source import L1Client

    async with JsonRpcClient(places.l1) as rpc:
        reader = L1BlockReader(L1Client(rpc))
        if places.rollup is None:
            yield _Reach(rpc, reader, None, places.factory)
            return
        async with JsonRpcClient(places.rollup) as rollup:
            yield _Reach(rpc, reader, RpcRollupNode(rollup, rollup), places.factory)


async def _find(reach: _Reach, game: str) -> "ListedGame":
    """A game by number or address. Raises ValueError when the factory lists none such."""
    from config.types import to_address, to_hex
    from l1.contracts import DisputeGameFactoryContract

    factory = DisputeGameFactoryContract(reach.rpc, reach.factory)
    count = await factory.game_count()
    if not game.startswith("0x"):
        number = int(game)
        if not 0 <= number < count:
            raise ValueError(f"there is no game {number}: the factory lists {count}")
        return await factory.game_at_index(number)
    address = to_address(game)
    for end in range(count, 0, -100):
        for listed in await factory.games_at(range(max(0, end - 100), end)):
            if listed.address == address:
                return listed
    raise ValueError(f"the factory {to_hex(reach.factory)} lists no game {game}")


def _print_list(views: "list[GameView]") -> None:
    from rich.table import Table

    table = Table(box=None)
    for column in ("game", "L2 block", "status", "claims", "as it stands", "root claim"):
        table.add_column(column, overflow="fold")
    for view in reversed(views):
        facts = view.state.facts
        table.add_row(
            str(view.listed.index),
            str(facts.l2_block_number),
            facts.status.name.lower().replace("_", " "),
            str(len(view.claims)),
            "defender wins" if view.defender_stands else "challenger wins",
            f"unknown: {view.no_verdict}" if view.verdict is None else _judged(view.verdict.is_right, view.verdict.why),
        )
    _console().print(table)


def _print_game(view: "GameView") -> None:
    from rich.tree import Tree

    from config.types import to_hex

    facts, constants = view.state.facts, view.state.constants
    console = _console()
    console.print(f"game {view.listed.index} at {to_hex(view.listed.address)}: {facts.status.name.lower()}")
    console.print(
        f"output root {to_hex(facts.root_claim)} for L2 block {facts.l2_block_number}, after {facts.starting_block_number}"
    )
    why = f"not known: {view.no_verdict}" if view.verdict is None else _judged(view.verdict.is_right, view.verdict.why)
    console.print(f"the root claim is {why}" if view.verdict else why)
    console.print(
        f"depth {constants.max_depth}, split {constants.split_depth}, clocks of {constants.max_clock} s; as it stands "
        + ("the defender wins" if view.defender_stands else "the challenger wins")
    )
    tree = Tree(_line(view.claims[0]), highlight=False)
    branches: dict[int, Tree] = {0: tree}
    for claim in view.claims[1:]:
        assert claim.claim.parent is not None
        branches[claim.claim.index] = branches[claim.claim.parent].add(_line(claim))
    console.print(tree)


def _judged(is_right: bool, why: str) -> str:
    return f"{'right' if is_right else 'FALSE'}: {why}"


def _line(view: "ClaimView") -> str:
    from config.types import short, to_hex

    claim = view.claim
    truth = {True: "true", False: "FALSE", None: "?"}[view.is_true]
    end = "stands" if view.stands else "countered"
    clock = "settled" if view.is_settled else f"{view.seconds_left} s left to answer"
    return (
        f"{claim.index}: {view.about} = {short(claim.value)} {truth}, depth {claim.depth} index {claim.position.index}, "
        f"by {to_hex(claim.claimant)[:10]}.., bond {claim.bond / 10**18:.4f} ETH, {clock}, {end}"
    )


def _console() -> Any:
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=200)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(games)
