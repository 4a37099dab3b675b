"""What people and monitors see of games."""

import json
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from faultproof.challenger.metrics import ChallengerCollector
from faultproof.challenger.programs import alphabet_root
from faultproof.challenger.status import ChallengerStatus
from faultproof.challenger.view import GameView, view_game
from l1.contracts import DisputeGameFactoryContract
from tests.faultproof.challenger_world import HONEST, LAST_BLOCK, LIAR, Node, World, false_root


async def view(world: World, node: Node | None) -> GameView:
    """The newest game as it is now."""
    factory = DisputeGameFactoryContract(world.rpc, world.system.addresses.DisputeGameFactoryProxy)
    listed = await factory.game_at_index(await factory.game_count() - 1)
    return await view_game(world.rpc, listed, await world.head(), node, world)


async def test_a_view_says_of_every_claim_what_it_is_about_and_whether_it_is_true() -> None:
    world = World()
    world.propose(false_root(LAST_BLOCK), sender=LIAR)
    honest, _ = world.honest()
    liar, _ = world.liar(7, 4)
    await world.play([honest, liar])
    shown = json.loads(json.dumps((await view(world, Node(world))).to_json()))
    assert shown["rootIsRight"] is False
    assert shown["rightRoot"] == "0x" + alphabet_root(LAST_BLOCK).hex()
    assert shown["asItStands"] == "challenger wins"
    claims = shown["claims"]
    assert [claim["about"] for claim in claims[:2]] == ["output of L2 block 16", "output of L2 block 8"]
    outputs = [claim for claim in claims if claim["depth"] <= shown["splitDepth"]]
    by_claimant = {claim["isTrue"] for claim in outputs if claim["claimant"] == "0x" + HONEST.hex()}
    assert by_claimant == {True}
    below = [claim for claim in claims if claim["depth"] > shown["splitDepth"]]
    assert below
    assert all(claim["isTrue"] is None and claim["about"].startswith("state after step") for claim in below)
    assert sum(int(claim["bondWei"]) for claim in claims) == int(shown["creditsAsItStands"]["0x" + HONEST.hex()])
    assert all(claim["secondsLeft"] > 0 for claim in claims)


async def test_a_view_without_a_node_or_with_one_that_is_behind_says_so() -> None:
    world = World()
    world.propose(false_root(LAST_BLOCK), sender=LIAR)
    alone = await view(world, None)
    assert (alone.verdict, alone.no_verdict) == (None, "no node of one's own was asked")
    behind = await view(world, Node(world, derived=90))
    assert behind.verdict is None
    assert "has derived L1 up to block 90" in (behind.no_verdict or "")
    assert behind.to_json()["claims"][0]["isTrue"] is None
    assert behind.defender_stands


def metrics(status: ChallengerStatus) -> Iterator[tuple[str, float]]:
    """Every sample with its labels, as a scrape reads them."""
    registry = CollectorRegistry()
    registry.register(ChallengerCollector(lambda: status))
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            yield f"{sample.name}{{{labels}}}" if labels else sample.name, sample.value


async def test_metrics_tell_false_roots_from_ended_games() -> None:
    world = World()
    world.propose(false_root(LAST_BLOCK), sender=LIAR)
    world.propose(alphabet_root(12), 12)
    honest, _ = world.honest()
    await honest.tick()
    running = dict(metrics(honest.status()))
    assert running["lamina_challenger_false_roots"] == 1
    assert running["lamina_challenger_moves_total"] == 1
    assert running["lamina_challenger_games{stage=running}"] == 2
    await honest.tick()
    assert dict(metrics(honest.status()))["lamina_challenger_bonds_locked_wei"] > 0
    await world.finish(honest)
    ended = dict(metrics(honest.status()))
    assert ended["lamina_challenger_false_roots"] == 0
    assert ended["lamina_challenger_ended{rightly=true}"] == 1
    assert ended["lamina_challenger_ended{rightly=false}"] == 0
    assert ended["lamina_challenger_spent_wei"] > 0


async def test_the_status_is_json() -> None:
    world = World()
    world.propose(false_root(LAST_BLOCK), sender=LIAR)
    honest, _ = world.honest()
    await honest.tick()
    status = json.loads(json.dumps(honest.status().to_json()))
    assert status["mode"] == "active"
    assert status["moves"] == 1
    (game,) = status["games"]
    assert (game["stage"], game["rootIsRight"], game["claims"]) == ("running", False, 1)
    assert int(status["spentWei"]) == honest.status().spent > 0
