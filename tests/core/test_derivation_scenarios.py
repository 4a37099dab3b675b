"""The scenarios of `tests/actions` once more: what the Python pipeline derived, the core derives too, from preimages.

Not those of reorgs, of L1 trouble and of roles: the core starts anew for every claim, so they are no others to it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.forks import Fork
from config.program import program_config
from config.types import Address, Gas, Hash32, Timestamp
from derivation.codec import Batch, Compression, encode_batcher_transaction, encode_blob
from derivation.types import DerivedAttributes, NeedMoreData
from evm.native import derivation as native
from evm.types import PayloadAttributes
from tests.actions.chains import L1_CONFIG, FakeL2
from tests.actions.conftest import World, world  # noqa: F401 - the fixture of the scenarios
from tests.actions.test_any_order import *  # noqa: F403
from tests.actions.test_bad_data import *  # noqa: F403
from tests.actions.test_channels import *  # noqa: F403
from tests.actions.test_config_updates import *  # noqa: F403
from tests.actions.test_earlier_eras import *  # noqa: F403
from tests.actions.test_happy_path import *  # noqa: F403
from tests.actions.test_silence_and_reorgs import *  # noqa: F403
from tests.actions.test_singular_rules import *  # noqa: F403
from tests.actions.test_span_rules import *  # noqa: F403
from tests.actions.test_upgrade_blocks import *  # noqa: F403
from tests.actions.verifier import Verifier
from tests.core.preimages import Preimages

pytestmark = pytest.mark.usefixtures("native_library")

RUN = Verifier.run

_PREIMAGES = Preimages()
_COMPARED: list[int] = []


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def as_rlp(derived: DerivedAttributes) -> list[Any]:
    """Derived attributes as the library gives them."""
    attributes = derived.attributes
    return [
        derived.parent.hash,
        _number(derived.parent.number),
        derived.l1_origin.hash,
        _number(derived.l1_origin.number),
        _number(attributes.timestamp),
        attributes.prev_randao,
        attributes.suggested_fee_recipient,
        list(attributes.transactions),
        _number(attributes.gas_limit),
        _number(attributes.with_withdrawals),
        attributes.parent_beacon_block_root or b"",
        attributes.eip1559_params or b"",
        [] if attributes.min_base_fee is None else [_number(attributes.min_base_fee)],
        _number(derived.is_last_in_span),
        derived.derived_from.hash,
        _number(derived.derived_from.number),
    ]


def derive_natively(verifier: Verifier, start: int, preimages: Preimages = _PREIMAGES) -> list[list[Any]]:
    """What the core derives after the verifier's block `start`, with the verifier's judge of blocks."""
    l1 = verifier.l2.l1
    for block in l1.blocks:
        preimages.add_block(block, l1._receipts[block.hash])
    for versioned_hash, blob in l1._blobs.items():
        preimages.add_blob(versioned_hash, blob)
    chain = FakeL2(verifier.l2.rollup, l1)
    for block in verifier.l2.blocks[1 : start + 1]:
        chain.blocks.append(block)
        chain._by_hash[block.hash] = block
    for block in chain.blocks:
        preimages.add_block(block)
    derived: list[list[Any]] = []

    def make_block(fields: list[Any]) -> bytes | None:
        attributes = PayloadAttributes(
            timestamp=Timestamp(int.from_bytes(fields[4], "big")),
            prev_randao=fields[5],
            suggested_fee_recipient=fields[6],
            transactions=tuple(fields[7]),
            gas_limit=Gas(int.from_bytes(fields[8], "big")),
            with_withdrawals=fields[9] == b"\x01",
            parent_beacon_block_root=fields[10] or None,
            eip1559_params=fields[11] or None,
            min_base_fee=int.from_bytes(fields[12][0], "big") if fields[12] else None,
            no_tx_pool=True,
        )
        # Before Holocene the core goes back to before a span batch with a refused block.
        parent = int.from_bytes(fields[1], "big")
        chain.rewind(parent)
        del derived[parent - start :]
        if not verifier.takes(attributes):
            return None
        derived.append(fields)
        chain.apply(attributes)
        return chain.blocks[-1].header.encode()

    config = program_config(verifier.l2.rollup, L1_CONFIG)
    head = native.derive(config, chain.blocks[-1].hash, l1.head.hash, preimages, make_block)
    return derived[: chain._by_hash[Hash32(head)].header.number - start]


@pytest.fixture(autouse=True)
def both(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets every verifier's run be checked by the core."""

    def run_and_compare(self: Verifier) -> NeedMoreData:
        result = RUN(self)
        expected = [as_rlp(derived) for derived in self.derived]
        derived = derive_natively(self, 0)
        assert derived == expected
        _COMPARED.append(len(derived))
        return result

    monkeypatch.setattr(Verifier, "run", run_and_compare)
    yield


@st.composite
def histories(draw: st.DrawFn) -> World:
    """An L1 on which a careless batcher worked: batches of every kind, late, twice, out of order, damaged or not at all."""
    fork = draw(st.sampled_from((Fork.HOLOCENE, Fork.ISTHMUS, Fork.JOVIAN, Fork.KARST)))
    made = World.create(fork=fork, seq_window_size=draw(st.integers(3, 12)), max_sequencer_drift=600)
    posted = 0
    for _ in range(draw(st.integers(3, 10))):
        for _ in range(draw(st.integers(0, 2))):
            if draw(st.booleans()):
                creation = draw(st.booleans())
                data = draw(st.binary(max_size=40))
                made.l1.deposit(Address(b"\x31" * 20), None if creation else Address(b"\x32" * 20), 5, 7, 60_000, data)
            else:
                kind = draw(st.integers(0, 8))
                word = draw(st.sampled_from((0, 1, 30_000_000, 1 << 40, (1 << 64) - 1, 1 << 255)))
                payload = word.to_bytes(32, "big") * (2 if kind == 1 else 1)
                # The batcher keeps its key, or little would be left to derive.
                made.l1.update_system_config(kind or 2, payload)
        made.sequence(draw(st.integers(1, 8)), draw(st.integers(0, 2)))
        head = made.l2.head.number
        for _ in range(draw(st.integers(0, 3))):
            careful = posted < head and draw(st.integers(0, 3)) > 0
            first = posted + 1 if careful else draw(st.integers(max(1, head - 15), head))
            last = head if careful else draw(st.integers(first, head))
            posted = max(posted, last)
            batches: list[Batch] = (
                [made.batcher.span(first, last)]
                if draw(st.booleans())
                else [made.batcher.singular(number) for number in range(first, last + 1)]
            )
            size = draw(st.sampled_from((60, 400, 100_000)))
            compression = draw(st.sampled_from(list(Compression)))
            frames = made.batcher.frames(made.batcher.channel(batches, compression), size)
            frames = draw(st.permutations(frames)) if draw(st.integers(0, 5)) == 0 else frames
            posted_data = bytearray(encode_batcher_transaction(frames))
            if draw(st.integers(0, 9)) == 0:
                posted_data[draw(st.integers(0, len(posted_data) - 1))] ^= draw(st.integers(1, 255))
            if draw(st.integers(0, 7)) == 0:
                made.l1.send_blobs([encode_blob(bytes(posted_data))])
            else:
                made.l1.send_calldata(bytes(posted_data))
    made.l1.mine(draw(st.integers(1, 15)))
    return made


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(histories(), st.data())
def test_of_any_history_both_derive_the_same(world: World, data: st.DataObject) -> None:  # noqa: F811
    verifier = world.verifier()
    verifier.run()
    # Once more from a block on the way, as the program starts from an agreed one.
    start = data.draw(st.integers(0, verifier.safe.number))
    verifier.reset(verifier.l2.refs()[start])
    RUN(verifier)
    expected = [as_rlp(derived) for derived in verifier.derived if derived.number > start]
    assert derive_natively(verifier, start) == expected


def test_the_scenarios_were_compared() -> None:
    assert sum(_COMPARED) > 500
