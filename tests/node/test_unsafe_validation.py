"""Gossiped blocks row by row of the spec's table: accepted, ignored, rejected. Spec: op rollup-node-p2p, "Block validation"."""

from dataclasses import replace

import cramjam
import pytest

from config.forks import Fork, ForkSchedule
from config.types import Address, Hash32, Timestamp
from evm.execution_payload import ExecutionPayload
from evm.payload_message import SignedPayload
from evm.payload_signature import sign_payload
from evm.payload_ssz import PayloadVersion
from node.unsafe.validation import (
    REMEMBERED_HEIGHTS,
    Outcome,
    SeenBlocks,
    UnsafeBlock,
    Verdict,
    check_signed,
    validate_message,
)
from tests.evm.engine_kit import (
    ALICE,
    ALICE_KEY,
    BOB,
    BOB_KEY,
    CHAIN_ID,
    ETHER,
    Funded,
    deposit,
    l2,
    rollup,
    transaction,
)

FORK_OF = {
    PayloadVersion.V1: Fork.REGOLITH,
    PayloadVersion.V2: Fork.CANYON,
    PayloadVersion.V3: Fork.ECOTONE,
    PayloadVersion.V4: Fork.ISTHMUS,
}
VERSIONS = list(FORK_OF)


def made(version: PayloadVersion, value: int = 1) -> ExecutionPayload:
    builder = l2({ALICE: Funded(ETHER)}, FORK_OF[version]).start()
    builder.add(deposit())
    builder.add(transaction(nonce=1, value=value))
    return ExecutionPayload.of(builder.seal().block)


def with_own_hash(payload: ExecutionPayload) -> ExecutionPayload:
    """The payload with the hash that its block has: whoever lies about it would not lie so openly."""
    return replace(payload, block_hash=payload.block().hash)


def judge(
    payload: ExecutionPayload,
    *,
    topic: PayloadVersion | None = None,
    fork: Fork | None = None,
    key: bytes = ALICE_KEY,
    signer: Address | None = ALICE,
    age: float = 0,
    seen: SeenBlocks | None = None,
) -> Verdict:
    signed = SignedPayload.sign(payload, key, CHAIN_ID)
    version = topic or signed.version
    config = rollup(fork or FORK_OF[version])
    now = payload.timestamp + age
    return validate_message(signed.message(), version, config, signer, now, seen if seen is not None else SeenBlocks())


def rejected(verdict: Verdict, words: str) -> None:
    assert verdict.outcome is Outcome.REJECT and words in verdict.reason and verdict.accepted is None, verdict


@pytest.mark.parametrize("version", VERSIONS)
def test_a_block_of_the_sequencer_is_accepted_on_the_topic_of_its_version(version: PayloadVersion) -> None:
    payload = made(version)
    seen = SeenBlocks()
    verdict = judge(payload, seen=seen)
    assert verdict.outcome is Outcome.ACCEPT
    assert isinstance(verdict.accepted, UnsafeBlock)
    assert verdict.accepted.block == payload.block()
    assert seen.at(payload.number) == {payload.block_hash}


def test_what_is_not_compressed_or_too_short_is_rejected() -> None:
    config = rollup(Fork.ISTHMUS)
    for data, words in (
        (b"\x05\x08abc", "no snappy block"),
        (bytes(cramjam.snappy.compress_raw(bytes(65))), "too few"),
    ):
        rejected(validate_message(data, PayloadVersion.V4, config, ALICE, 0.0, SeenBlocks()), words)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("topic", VERSIONS)
def test_a_payload_on_the_topic_of_another_version_is_rejected(version: PayloadVersion, topic: PayloadVersion) -> None:
    """With it go the rows about fields that a topic's payloads do not have: there is no place for them in the encoding."""
    verdict = judge(made(version), topic=topic, fork=FORK_OF[topic])
    assert verdict.outcome is (Outcome.ACCEPT if topic is version else Outcome.REJECT)


def test_withdrawals_are_rejected() -> None:
    payload = made(PayloadVersion.V2)
    signed = SignedPayload.sign(payload, ALICE_KEY, CHAIN_ID)
    encoded = signed.encoded + bytes(44)
    message = bytes(cramjam.snappy.compress_raw(sign_payload(ALICE_KEY, encoded, CHAIN_ID) + encoded))
    verdict = validate_message(message, PayloadVersion.V2, rollup(Fork.CANYON), ALICE, payload.timestamp, SeenBlocks())
    rejected(verdict, "has withdrawals (44 bytes)")


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (60, Outcome.ACCEPT),
        (60.9, Outcome.ACCEPT),
        (61, Outcome.REJECT),
        (-5, Outcome.ACCEPT),
        (-6, Outcome.REJECT),
        (1e9, Outcome.REJECT),
    ],
)
def test_blocks_are_at_most_a_minute_old_and_five_seconds_early(age: float, outcome: Outcome) -> None:
    payload = with_own_hash(replace(made(PayloadVersion.V4), timestamp=2_000_000_000))
    assert judge(payload, age=age).outcome is outcome


def test_a_block_with_another_hash_than_it_says_is_rejected() -> None:
    payload = made(PayloadVersion.V4)
    rejected(judge(replace(payload, block_hash=Hash32(b"\x07" * 32))), "but it says")
    rejected(judge(replace(payload, gas_used=payload.gas_used + 1)), "but it says")
    rejected(judge(replace(payload, transactions=(*payload.transactions, b"\x02\x01"))), "is no block")


def test_a_block_of_another_version_than_its_time_wants_is_rejected() -> None:
    later = ForkSchedule({fork: Timestamp(0 if fork < Fork.ISTHMUS else 10**9) for fork in Fork if fork > Fork.BEDROCK})
    payload = made(PayloadVersion.V4)
    signed = SignedPayload.sign(payload, ALICE_KEY, CHAIN_ID)
    config = replace(rollup(Fork.ISTHMUS), forks=later)
    verdict = validate_message(signed.message(), PayloadVersion.V4, config, ALICE, payload.timestamp, SeenBlocks())
    rejected(verdict, "blocks are of version 3")


@pytest.mark.parametrize("version", [PayloadVersion.V3, PayloadVersion.V4])
def test_blob_gas_is_rejected_but_from_jovian_on_it_is_the_data_footprint(version: PayloadVersion) -> None:
    payload = made(version)
    used = with_own_hash(replace(payload, blob_gas_used=1))
    rejected(judge(used), "has used 1 blob gas")
    rejected(judge(with_own_hash(replace(payload, excess_blob_gas=1))), "an excess blob gas of 1")
    if version is PayloadVersion.V4:
        assert judge(used, fork=Fork.JOVIAN).outcome is Outcome.ACCEPT
        rejected(judge(with_own_hash(replace(payload, excess_blob_gas=1)), fork=Fork.JOVIAN), "an excess blob gas of 1")


def test_a_block_that_was_seen_is_ignored() -> None:
    seen = SeenBlocks()
    payload = made(PayloadVersion.V4)
    assert judge(payload, seen=seen).outcome is Outcome.ACCEPT
    assert judge(payload, seen=seen).outcome is Outcome.IGNORE


def test_a_block_with_a_wrong_signature_is_rejected_and_does_not_count_as_seen() -> None:
    seen = SeenBlocks()
    payload = made(PayloadVersion.V4)
    rejected(judge(payload, key=BOB_KEY, seen=seen), "but unsafe blocks are signed by")
    assert not seen.at(payload.number)
    signed = SignedPayload.sign(payload, ALICE_KEY, CHAIN_ID)
    nobody = replace(signed, signature=signed.signature[:64] + b"\x1b").message()
    verdict = validate_message(nobody, signed.version, rollup(Fork.ISTHMUS), ALICE, payload.timestamp, seen)
    rejected(verdict, "parity")
    assert judge(payload, signer=BOB).outcome is Outcome.REJECT
    other_chain = SignedPayload.sign(payload, ALICE_KEY, CHAIN_ID + 1).message()
    verdict = validate_message(other_chain, signed.version, rollup(Fork.ISTHMUS), ALICE, payload.timestamp, seen)
    assert verdict.outcome is Outcome.REJECT


def test_while_the_signer_is_not_known_blocks_are_ignored_and_may_come_again() -> None:
    seen = SeenBlocks()
    payload = made(PayloadVersion.V4)
    assert judge(payload, signer=None, seen=seen).outcome is Outcome.IGNORE
    assert judge(payload, seen=seen).outcome is Outcome.ACCEPT


def test_when_more_than_five_blocks_were_seen_at_a_height_any_other_is_rejected() -> None:
    seen = SeenBlocks()
    blocks = [made(PayloadVersion.V4, value) for value in range(1, 8)]
    outcomes = [judge(payload, seen=seen).outcome for payload in blocks]
    assert outcomes == [Outcome.ACCEPT] * 6 + [Outcome.REJECT]
    higher = with_own_hash(replace(blocks[0], number=blocks[0].number + 1))
    assert judge(higher, seen=seen).outcome is Outcome.ACCEPT


def test_the_heights_heard_of_longest_ago_are_forgotten() -> None:
    seen = SeenBlocks()
    for number in range(REMEMBERED_HEIGHTS):
        seen.mark(number, Hash32(number.to_bytes(32, "big")))
    seen.mark(0, Hash32(b"\x01" * 32))
    seen.mark(REMEMBERED_HEIGHTS, Hash32(bytes(32)))
    assert len(seen.at(0)) == 2 and not seen.at(1) and seen.at(2)


def test_a_block_that_was_asked_for_may_be_old() -> None:
    payload = made(PayloadVersion.V4)
    signed = SignedPayload.sign(payload, ALICE_KEY, CHAIN_ID)
    assert check_signed(signed, rollup(Fork.ISTHMUS), ALICE).block == payload.block()
    with pytest.raises(ValueError, match="unsafe blocks are signed by"):
        check_signed(signed, rollup(Fork.ISTHMUS), BOB)
    with pytest.raises(ValueError, match="blocks are of version 3"):
        check_signed(signed, rollup(Fork.HOLOCENE), ALICE)
