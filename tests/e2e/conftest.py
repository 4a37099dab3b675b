"""Fixtures of the end-to-end tests: devnets that the real command brings up."""

from collections.abc import Callable, Generator, Iterator

import pytest

from tests.e2e.running_devnet import RunningDevnet, launch, log_tail, stop

StartDevnet = Callable[..., RunningDevnet]

OFTEN = ("--block-time", "1", "--l1.slot-time", "2", "--accounts", "6")
"""Flags for tests that do not care for the speed of the chains."""
QUICK = (*OFTEN, "--fault-program", "alphabet")
"""Nor for what disputes are about."""


@pytest.fixture(scope="module")
def start_devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartDevnet]:
    """Start devnets with any flags; all end with the test module."""
    running: list[RunningDevnet] = []

    def start(*flags: str) -> RunningDevnet:
        running.append(launch(tmp_path_factory.mktemp("devnet"), *flags))
        return running[-1]

    yield start
    for each in running:
        stop(each.process)


@pytest.fixture(scope="module")
def devnet(start_devnet: StartDevnet) -> RunningDevnet:
    """One devnet for all tests of a module: L2 blocks every second, L1 slots of two, six accounts."""
    return start_devnet(*QUICK)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the devnet's log next to a failure."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name, value in item.funcargs.items():
            if isinstance(value, RunningDevnet):
                report.sections.append((f"log of {name}", log_tail(value.log)))
    return report
