"""An endpoint's health: which state follows from what happened, for how long, and what is said of it."""

import pytest

from config.errors import TemporaryError
from l1.health import EndpointHealth, EndpointKind, EndpointState
from l1.rpc import EndpointBusy
from tests.l1.fake_l1 import VirtualClock


def state(health: EndpointHealth) -> EndpointState:
    """The state now; a call, since a type checker would take the attribute for unchanged."""
    return health.state


def endpoint() -> tuple[EndpointHealth, VirtualClock]:
    clock = VirtualClock()
    return EndpointHealth("http://a", EndpointKind.EXECUTION, clock), clock


def test_an_endpoint_nobody_asked_is_unknown_and_one_that_answers_is_healthy() -> None:
    health, _ = endpoint()
    assert state(health) is EndpointState.UNKNOWN and health.rank == 0
    health.succeeded()
    assert state(health) is EndpointState.HEALTHY and health.status().remedy == ""


def test_three_failures_in_a_row_make_it_down_and_one_answer_makes_it_healthy_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    health, clock = endpoint()
    for _ in range(20):
        health.succeeded()
    for _ in range(3):
        health.failed(TemporaryError("http://a could not be reached"))
    assert state(health) is EndpointState.DOWN and "check the URL" in health.status().remedy
    assert "L1 endpoint http://a (execution) is down: http://a could not be reached" in caplog.text
    clock.now += 300
    health.succeeded()
    assert state(health) is EndpointState.HEALTHY
    assert caplog.text.count("is down") == 1 and "is healthy again" in caplog.text


def test_it_rests_longer_after_each_failure_and_no_longer_than_a_minute() -> None:
    health, clock = endpoint()
    health.failed(TemporaryError("once"))
    assert not health.is_resting, "one failure proves nothing"
    rests = []
    for _ in range(12):
        health.failed(TemporaryError("again"))
        start = clock.now
        while health.is_resting:
            clock.now += 0.25
        rests.append(clock.now - start)
    assert rests[:4] == [0.5, 1.0, 2.0, 4.0] and rests[-1] == 60.0


def test_many_failures_between_answers_make_it_degraded_until_they_are_long_past() -> None:
    health, clock = endpoint()
    for _ in range(20):
        health.succeeded()
        health.failed(TemporaryError("every other"))
    health.succeeded()
    assert state(health) is EndpointState.DEGRADED and health.rank == 1
    assert 0.3 < health.status().error_rate < 0.6
    clock.now += 300
    assert state(health) is EndpointState.HEALTHY and health.rank == 0


def test_limits_lies_and_outvoted_answers_have_states_of_their_own_that_pass() -> None:
    health, clock = endpoint()
    health.succeeded()
    health.failed(EndpointBusy("busy", 5.0))
    assert state(health) is EndpointState.LIMITED and health.is_resting
    clock.now += 5
    assert state(health) is EndpointState.HEALTHY
    health.disagreed("it has another block")
    assert state(health) is EndpointState.DISAGREES and health.status().last_error == "it has another block"
    clock.now += 60
    health.lied(TemporaryError("wrong receipts"))
    assert state(health) is EndpointState.LYING and health.rank == 3
    health.succeeded()
    assert state(health) is EndpointState.LYING, "one true answer does not make up for it"
    clock.now += 60
    assert state(health) is EndpointState.HEALTHY


def test_its_status_is_json_with_all_names_of_json_rpc() -> None:
    health, _ = endpoint()
    health.at_head(7, 9)
    facts = health.status(offers="eth_getBlockReceipts").to_json()
    assert facts["state"] == "behind" and facts["head"] == 7 and facts["lag"] == 9
    assert facts["kind"] == "execution" and facts["lastError"] is None and facts["errorRate"] == 0.0
    assert facts["offers"] == "eth_getBlockReceipts"
