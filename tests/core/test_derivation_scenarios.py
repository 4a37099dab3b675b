"""Every scenario of `tests/actions` once more: what the Python pipeline derived, the core derives too, from preimages."""

from collections.abc import Iterator
from typing import Any

import pytest

from config.program import program_config
from config.types import Gas, Timestamp
from derivation.types import DerivedAttributes, NeedMoreData
from evm.native import derivation as native
from evm.types import PayloadAttributes
from tests.actions.chains import L1_CONFIG, FakeL2
from tests.actions.conftest import world  # noqa: F401 - the fixture of the scenarios
from tests.actions.test_any_order import *  # noqa: F403
from tests.actions.test_bad_data import *  # noqa: F403
from tests.actions.test_earlier_eras import *  # noqa: F403
from tests.actions.test_happy_path import *  # noqa: F403
from tests.actions.test_silence_and_reorgs import *  # noqa: F403
from tests.actions.verifier import Verifier
from tests.core.preimages import Preimages

pytestmark = pytest.mark.usefixtures("native_library")

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


def derive_natively(verifier: Verifier, start: int) -> list[list[Any]]:
    """What the core derives after the verifier's block `start`, with the verifier's judge of blocks."""
    l1 = verifier.l2.l1
    for block in l1.blocks:
        _PREIMAGES.add_block(block, l1._receipts[block.hash])
    for versioned_hash, blob in l1._blobs.items():
        _PREIMAGES.add_blob(versioned_hash, blob)
    chain = FakeL2(verifier.l2.rollup, l1)
    for block in verifier.l2.blocks[1 : start + 1]:
        chain.blocks.append(block)
        chain._by_hash[block.hash] = block
    for block in chain.blocks:
        _PREIMAGES.add_block(block)
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
        if not verifier._is_valid(attributes):
            return None
        derived.append(fields)
        chain.apply(attributes)
        return chain.blocks[-1].header.encode()

    config = program_config(verifier.l2.rollup, L1_CONFIG)
    native.derive(config, chain.blocks[-1].hash, l1.head.hash, _PREIMAGES, make_block)
    return derived


@pytest.fixture(autouse=True)
def both(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets every verifier's run be checked by the core."""
    run = Verifier.run

    def run_and_compare(self: Verifier) -> NeedMoreData:
        result = run(self)
        expected = [as_rlp(derived) for derived in self.derived]
        derived = derive_natively(self, 0)
        assert derived == expected
        _COMPARED.append(len(derived))
        return result

    monkeypatch.setattr(Verifier, "run", run_and_compare)
    yield


def test_the_scenarios_were_compared() -> None:
    assert sum(_COMPARED) > 500
