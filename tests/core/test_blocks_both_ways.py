"""Random transactions on random states: py-evm and the native engine agree on every verdict, receipt, header and node."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from config.constants import L1_BLOCK, SEQUENCER_FEE_VAULT
from config.forks import Fork, ForkSchedule
from config.types import Gas, Timestamp
from evm.fees import OPERATOR_FEE_SLOT
from evm.rules import L2Rules
from evm.types import Address
from evm.validity import InvalidReason
from tests.core.block_kit import attributes_after, native_engine, run_both
from tests.core.block_strategies import SENDERS, blocks, worlds
from tests.evm.engine_kit import Bench, Funded, l2, rollup, transaction

pytestmark = pytest.mark.usefixtures("native_library")

FORKS = [fork for fork in Fork if fork != Fork.DELTA]
_SETTINGS = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=list(HealthCheck),
    # Making a failing block smaller takes longer than looking at it.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


@st.composite
def attribute_changes(draw: st.DrawFn, fork: Fork) -> dict[str, object]:
    """Attributes other than the usual ones."""
    changes: dict[str, object] = {
        "gas_limit": draw(st.sampled_from((30_000_000, 30_000_000, 100_000, 1_000_000, 5, 0))),
        "suggested_fee_recipient": draw(st.sampled_from((SEQUENCER_FEE_VAULT, SENDERS[0], Address(bytes(20))))),
    }
    if fork >= Fork.HOLOCENE:
        changes["eip1559_params"] = draw(st.sampled_from((bytes(8), b"\0\0\0\x01\0\0\0\x02", b"\0\0\0\xfa\0\0\0\x06")))
    if fork >= Fork.JOVIAN:
        changes["min_base_fee"] = draw(st.sampled_from((0, 1, 10**9, (1 << 64) - 1)))
    return changes


@pytest.mark.parametrize("fork", FORKS)
@_SETTINGS
@given(data=st.data())
def test_random_blocks_come_out_the_same(fork: Fork, data: st.DataObject) -> None:
    config = rollup(fork)
    world = data.draw(worlds(fork))
    bench = Bench(L2Rules(config), world)
    nonces = {address: world[address].nonce for address in SENDERS}
    with native_engine(bench, config) as native:
        for _ in range(data.draw(st.integers(1, 3))):
            attributes = attributes_after(bench, **data.draw(attribute_changes(fork)))
            run_both(bench, native, attributes, data.draw(blocks(nonces)))


@pytest.mark.parametrize("fork", FORKS[1:])
@settings(_SETTINGS, max_examples=5)
@given(data=st.data())
def test_blocks_around_an_upgrade_come_out_the_same(fork: Fork, data: st.DataObject) -> None:
    times = {each: Timestamp(0 if each < fork else 4) for each in Fork if Fork.BEDROCK < each <= fork}
    config = replace(rollup(fork), forks=ForkSchedule(times))
    world = data.draw(worlds(fork))
    bench = Bench(L2Rules(config), world)
    nonces = {address: world[address].nonce for address in SENDERS}
    with native_engine(bench, config) as native:
        for _ in range(3):
            run_both(bench, native, attributes_after(bench), data.draw(blocks(nonces)))


def test_the_data_footprint_limits_a_block_although_its_data_costs_nothing() -> None:
    """L1 fees without scalars and blob base fee follow Bedrock's formula; the footprint does not ask which one holds.

    Spec: op jovian exec-engine, "DA Footprint Block Limit".
    """
    bench = l2({L1_BLOCK: Funded(storage={OPERATOR_FEE_SLOT: 400 << 96})}, fork=Fork.JOVIAN)
    attributes = attributes_after(bench, gas_limit=Gas(90_000))
    with native_engine(bench, rollup(Fork.JOVIAN)) as native:
        outcome = run_both(bench, native, attributes, [transaction(nonce=nonce).raw for nonce in range(3)])
    assert [added.reason for added in outcome.added] == [None, None, InvalidReason.DA_FOOTPRINT_EXCEEDED]
