"""What a driven node says of its heads, its health and its metrics."""

from config.types import ZERO_HASH
from node.engine_api.why import SILENCE, DrivenDoctor
from node.rollup.head_report import HeadState
from node.rollup.why_rpc import Lamina
from tests.node.engine_world import EngineWorld
from tests.node.test_engine_api_payloads import with_own_hash


def doctor_of(world: EngineWorld) -> DrivenDoctor:
    """Its doctor, by its clock."""
    return DrivenDoctor(world.chain, world.driven.status, world.clock.wall)


async def test_before_the_first_call_the_heads_wait_and_after_a_while_they_are_stuck() -> None:
    world = EngineWorld()
    doctor = doctor_of(world)
    assert {report.state for report in doctor.all()} == {HeadState.WAITING}
    world.clock.now += SILENCE + 1
    for report in doctor.all():
        assert report.state is HeadState.STUCK and report.to_json()["cause"] == "consensus_silent"


async def test_heads_move_as_long_as_the_consensus_client_calls() -> None:
    world = EngineWorld()
    await world.follow(world.branch(2))
    world.clock.now += 3
    report = doctor_of(world).report("unsafe")
    assert report.state is HeadState.MOVING and report.block.number == 2 and "3 s ago" in report.text
    world.clock.now += SILENCE
    assert doctor_of(world).report("safe").state is HeadState.STUCK


async def test_a_refused_block_is_told_until_a_head_is_taken_again() -> None:
    world = EngineWorld()
    good = world.make()
    _, payload = with_own_hash(world.make(), state_root=ZERO_HASH)
    await world.push_json(payload, ZERO_HASH)
    report = doctor_of(world).report("unsafe")
    assert report.to_json()["cause"] == "block_refused" and "state_root" in report.text
    await world.follow([good])
    assert doctor_of(world).report("unsafe").is_healthy


async def test_a_missing_ancestor_is_told_with_what_to_do() -> None:
    world = EngineWorld()
    blocks = world.branch(2)
    await world.push(blocks[1])
    report = doctor_of(world).report("unsafe")
    assert (
        report.to_json()["cause"] == "ancestor_missing" and "--syncmode=consensus-layer" in report.to_json()["remedy"]
    )


async def test_a_disagreement_halts_all_heads() -> None:
    world = EngineWorld()
    doctor = doctor_of(world)
    doctor.disagreement = "the engines differ"
    world.driven.halt("the engines differ")
    answer = Lamina(doctor).why_head()
    assert not answer["healthy"] and answer["notes"] == ["the engines differ"]
    assert {head["state"] for head in answer["heads"]} == {"halted"}
    assert Lamina(doctor).why_head("safe")["cause"] == "engines_disagree"
