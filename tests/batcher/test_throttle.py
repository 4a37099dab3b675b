"""Throttling: how a backlog becomes limits for the sequencer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batcher.settings import ThrottleSettings
from batcher.throttle import Throttle
from batcher.throttle_controllers import ControllerType, PidController, PidSettings, make_controller
from tests.batcher.world import World

LOWER, UPPER = 1_000, 5_000
SETTINGS = ThrottleSettings(
    lower_threshold=LOWER,
    upper_threshold=UPPER,
    tx_size_lower_limit=150,
    tx_size_upper_limit=20_150,
    block_size_lower_limit=2_000,
    block_size_upper_limit=130_000,
)
NO_PID = PidSettings()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ControllerType.STEP, [0, 0, 1, 1, 1, 1]),
        (ControllerType.LINEAR, [0, 0, 0.25, 0.5, 1, 1]),
        (ControllerType.QUADRATIC, [0, 0, 0.0625, 0.25, 1, 1]),
    ],
)
def test_intensity_follows_the_curve_between_the_thresholds(kind: ControllerType, expected: list[float]) -> None:
    controller = make_controller(kind, LOWER, UPPER, NO_PID)
    backlogs = [0, 1_000, 2_000, 3_000, 5_000, 50_000]
    assert [controller.update(backlog, 0.0) for backlog in backlogs] == expected


def test_the_pid_controller_answers_excess_its_duration_and_its_growth() -> None:
    controller = PidController(1_000, PidSettings(kp=0.1, ki=0.05, kd=0.5, sample_seconds=2))
    assert controller.update(500, 0) == 0
    assert controller.update(2_000, 2) == pytest.approx(0.1 + 0.05 * 2 + 0.5 * 0.5)
    assert controller.update(9_000, 3) == pytest.approx(0.45), "between two samples it stays"
    assert controller.update(2_000, 4) == pytest.approx(0.1 + 0.05 * 4), "no growth since, but the excess lasts"
    assert controller.update(50_000, 6) == 1.0
    assert controller.update(1_000, 8) == 0
    assert controller.update(2_000, 10) == pytest.approx(0.45), "below the threshold the sum was forgotten"


def test_the_pid_integral_is_bounded() -> None:
    controller = PidController(1_000, PidSettings(kp=0, ki=0.1, kd=0, integral_max=3, sample_seconds=1))
    for second in range(100):
        intensity = controller.update(2_000, float(second))
    assert intensity == pytest.approx(0.3)


@given(
    kind=st.sampled_from(ControllerType),
    backlogs=st.lists(st.tuples(st.integers(0, 10**9), st.floats(0, 100)), max_size=30),
)
def test_intensity_is_never_outside_0_and_1(kind: ControllerType, backlogs: list[tuple[int, float]]) -> None:
    controller = make_controller(kind, LOWER, UPPER, NO_PID)
    now = 0.0
    for backlog, elapsed in backlogs:
        now += elapsed
        intensity = controller.update(backlog, now)
        assert 0 <= intensity <= 1
        assert intensity == 0 or backlog > LOWER or kind is ControllerType.PID


async def limits(settings: ThrottleSettings, backlogs: list[int]) -> list[tuple[int, int]]:
    world = World()
    throttle = Throttle(world, settings, world.clock)
    for backlog in backlogs:
        await throttle.update(backlog)
    return world.da_limits


async def test_limits_lie_between_the_upper_and_the_lower_ones_by_intensity() -> None:
    settings = ThrottleSettings(**{**SETTINGS.__dict__, "controller": ControllerType.LINEAR})
    assert await limits(settings, [0, 2_000, 3_000, 9_000, 0]) == [
        (0, 130_000),
        (15_150, 98_000),
        (10_150, 66_000),
        (150, 2_000),
        (0, 130_000),
    ]


async def test_a_lower_limit_of_zero_switches_that_limit_off() -> None:
    settings = ThrottleSettings(**{**SETTINGS.__dict__, "tx_size_lower_limit": 0})
    assert await limits(settings, [0, 9_000]) == [(0, 130_000), (0, 2_000)]
    settings = ThrottleSettings(**{**SETTINGS.__dict__, "block_size_lower_limit": 0})
    assert await limits(settings, [0, 9_000]) == [(0, 0), (150, 0)]


async def test_the_controller_can_be_changed_and_reset_while_it_runs() -> None:
    world = World()
    throttle = Throttle(world, SETTINGS, world.clock)
    await throttle.update(2_000)
    assert throttle.status.intensity == 0.0625
    throttle.set_controller(ControllerType.STEP, None)
    assert not throttle.active
    await throttle.update(2_000)
    status = throttle.status
    assert (status.controller, status.intensity, status.tx_bytes, status.block_bytes) == (
        ControllerType.STEP,
        1,
        150,
        2_000,
    )
    throttle.reset()
    assert throttle.status.intensity == 0


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"upper_threshold": 3_200_000}, "must be above the lower one"),
        ({"block_size_lower_limit": 130_001}, "lower block limit"),
        ({"tx_size_lower_limit": 20_001}, "lower transaction limit"),
        ({"lower_threshold": -1}, "cannot be negative"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ThrottleSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"kp": -1.0}, {"output_max": 1.5}, {"integral_max": 0.0}, {"sample_seconds": 0.0}])
def test_pid_gains_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        PidSettings(**wrong)
