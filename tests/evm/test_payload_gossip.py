"""Gossiped payloads: every version's form, the signature, and what garbage and bombs are answered with."""

import random
import struct
from dataclasses import replace

import cramjam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.forks import Fork
from config.types import Address, Hash32
from evm.execution_payload import ExecutionPayload
from evm.payload_message import MAX_MESSAGE_BYTES, SignedPayload, decode_message, decompress
from evm.payload_signature import payload_signer, payload_signing_hash, sign_payload
from evm.payload_ssz import MAX_TRANSACTIONS, PayloadVersion, decode_payload, encode_payload
from evm.types.signature import SECP256K1_ORDER, InvalidSignature
from tests.evm.engine_kit import ALICE, ALICE_KEY, CHAIN_ID, ETHER, Funded, deposit, l2, rollup, transaction

VERSION_OF = {
    Fork.BEDROCK: PayloadVersion.V1,
    Fork.REGOLITH: PayloadVersion.V1,
    Fork.CANYON: PayloadVersion.V2,
    Fork.DELTA: PayloadVersion.V2,
    Fork.ECOTONE: PayloadVersion.V3,
    Fork.HOLOCENE: PayloadVersion.V3,
    Fork.ISTHMUS: PayloadVersion.V4,
    Fork.JOVIAN: PayloadVersion.V4,
    Fork.KARST: PayloadVersion.V4,
}
VERSIONS = list(PayloadVersion)

hashes = st.binary(min_size=32, max_size=32).map(Hash32)
numbers = st.integers(0, 2**64 - 1)


@st.composite
def payloads(draw: st.DrawFn, version: PayloadVersion | None = None) -> ExecutionPayload:
    """Payloads with any values; their block hash is as made up as the rest."""
    chosen = draw(st.sampled_from(VERSIONS)) if version is None else version
    ecotone = chosen >= PayloadVersion.V3
    return ExecutionPayload(
        parent_hash=draw(hashes),
        fee_recipient=Address(draw(st.binary(min_size=20, max_size=20))),
        state_root=draw(hashes),
        receipts_root=draw(hashes),
        logs_bloom=draw(hashes) * 8,
        prev_randao=draw(hashes),
        number=draw(numbers),
        gas_limit=draw(numbers),
        gas_used=draw(numbers),
        timestamp=draw(numbers),
        extra_data=draw(st.binary(max_size=32)),
        base_fee_per_gas=draw(st.integers(0, 2**256 - 1)),
        block_hash=draw(hashes),
        transactions=tuple(draw(st.lists(st.binary(max_size=40), max_size=6))),
        with_withdrawals=chosen >= PayloadVersion.V2,
        blob_gas_used=draw(numbers) if ecotone else None,
        excess_blob_gas=draw(numbers) if ecotone else None,
        withdrawals_root=draw(hashes) if chosen >= PayloadVersion.V4 else None,
        parent_beacon_block_root=draw(hashes) if ecotone else None,
    )


def made(fork: Fork) -> ExecutionPayload:
    builder = l2({ALICE: Funded(ETHER)}, fork).start()
    builder.add(deposit())
    builder.add(transaction(nonce=1))
    return ExecutionPayload.of(builder.seal().block)


@pytest.mark.parametrize("fork", VERSION_OF)
def test_a_block_of_every_fork_goes_through_gossip_with_its_hash_and_signer(fork: Fork) -> None:
    payload = made(fork)
    assert PayloadVersion.at(rollup(fork).forks, payload.timestamp) is VERSION_OF[fork] is PayloadVersion.of(payload)
    signed = decode_message(SignedPayload.sign(payload, ALICE_KEY, CHAIN_ID).message(), VERSION_OF[fork])
    assert signed.payload == payload
    assert signed.payload.block().hash == payload.block_hash
    assert signed.signer(CHAIN_ID) == ALICE


@settings(deadline=None)
@given(payloads())
def test_what_is_encoded_is_decoded_again(payload: ExecutionPayload) -> None:
    version = PayloadVersion.of(payload)
    encoded = encode_payload(payload)
    assert decode_payload(encoded, version) == payload
    fixed = version.fixed_bytes + (32 if version.has_root_in_front else 0)
    assert len(encoded) == fixed + len(payload.extra_data) + sum(4 + len(raw) for raw in payload.transactions)


@settings(deadline=None)
@given(payloads(), st.data())
def test_a_payload_cut_short_or_with_something_behind_it_is_none(
    payload: ExecutionPayload, data: st.DataObject
) -> None:
    version = PayloadVersion.of(payload)
    encoded = encode_payload(payload)
    end = data.draw(st.integers(0, len(encoded) - 1))
    for wrong in (encoded[:end], encoded + b"\x00"):
        try:
            again = decode_payload(wrong, version)
        except ValueError:
            continue
        # The last transaction ends where the payload does (before Canyon): one more or fewer bytes are another transaction.
        assert version is PayloadVersion.V1 and encode_payload(again) == wrong


@settings(deadline=None, max_examples=300)
@given(payloads(), st.data())
def test_bytes_with_some_changed_are_refused_or_are_the_one_form_of_another_payload(
    payload: ExecutionPayload, data: st.DataObject
) -> None:
    version = PayloadVersion.of(payload)
    encoded = bytearray(encode_payload(payload))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        again = decode_payload(bytes(encoded), version)
    except ValueError:
        return
    assert encode_payload(again) == bytes(encoded)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=700), st.sampled_from(VERSIONS))
def test_garbage_is_an_error_in_words(data: bytes, version: PayloadVersion) -> None:
    for read in (decode_payload, decode_message):
        with pytest.raises(ValueError, match=r"payload|extra data|message|transaction"):
            read(data, version)


def test_a_version_is_not_read_as_another() -> None:
    encoded = {version: encode_payload(made(fork)) for fork, version in VERSION_OF.items()}
    for version, data in encoded.items():
        for other in VERSIONS:
            if other is not version:
                with pytest.raises(ValueError):
                    decode_payload(data, other)


def test_fields_of_several_versions_are_not_encoded() -> None:
    payload = made(Fork.ISTHMUS)
    for mixed in (
        replace(payload, with_withdrawals=False),
        replace(payload, excess_blob_gas=None),
        replace(payload, parent_beacon_block_root=None),
    ):
        with pytest.raises(ValueError, match="do not belong together"):
            encode_payload(mixed)
    with pytest.raises(ValueError, match="33 bytes of extra data"):
        encode_payload(replace(payload, extra_data=bytes(33)))


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (436, 513, "extra data of the payload starts at byte 513"),
        (504, 511, "do not follow each other"),
        (504, 2**32 - 1, "do not follow each other"),
        (508, 2**32 - 1, "do not follow each other"),
        (508, 600, "has withdrawals"),
        (521, 3, "cannot start at byte 3"),
        (521, 0, "cannot start at byte 0"),
        (521, 4 * (MAX_TRANSACTIONS + 1), "cannot start at byte 4194308"),
        (525, 2, "transaction 0 starts at byte 8 and ends before that, at 2"),
        (525, 2**32 - 1, "ends before that"),
    ],
)
def test_offsets_that_lie_are_found_before_anything_is_made_of_them(at: int, value: int, words: str) -> None:
    payload = replace(made(Fork.CANYON), extra_data=b"\x01" * 9)
    encoded = bytearray(encode_payload(payload))
    struct.pack_into("<I", encoded, at, value)
    with pytest.raises(ValueError, match=words):
        decode_payload(bytes(encoded), PayloadVersion.V2)


def test_too_much_extra_data_is_refused() -> None:
    payload = replace(made(Fork.CANYON), extra_data=b"\x01" * 9)
    encoded = encode_payload(payload)
    longer = bytearray(encoded[:512] + bytes(30) + encoded[512:])
    for at in (504, 508):
        struct.pack_into("<I", longer, at, struct.unpack_from("<I", longer, at)[0] + 30)
    with pytest.raises(ValueError, match="extra data has 39 bytes"):
        decode_payload(bytes(longer), PayloadVersion.V2)


# --- compression ---


def test_a_bomb_is_refused_before_it_is_decompressed() -> None:
    bomb = bytes(cramjam.snappy.compress_raw(bytes(MAX_MESSAGE_BYTES + 1)))
    assert len(bomb) < MAX_MESSAGE_BYTES // 15
    with pytest.raises(ValueError, match=f"decompresses to {MAX_MESSAGE_BYTES + 1} bytes"):
        decompress(bomb)
    with pytest.raises(ValueError, match="decompresses to 4294967295 bytes"):
        decompress(b"\xff\xff\xff\xff\x0f")
    largest = bytes(MAX_MESSAGE_BYTES)
    assert decompress(bytes(cramjam.snappy.compress_raw(largest))) == largest


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not start with a length"),
        (b"\x80", "does not start with a length"),
        (b"\xff" * 6, "does not start with a length"),
        (b"\xff\xff\xff\xff\x1f", "does not start with a length"),
        (b"\x05\x10abc", "no snappy block"),
        (b"\x05\x08abc", "no snappy block"),
        (b"\x04\x01\x00", "no snappy block"),
        (bytes(MAX_MESSAGE_BYTES + 1), "at most"),
    ],
)
def test_what_is_no_snappy_block_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decompress(data)


@given(st.binary(max_size=4096))
def test_what_is_compressed_comes_out_again(data: bytes) -> None:
    assert decompress(bytes(cramjam.snappy.compress_raw(data))) == data


def test_a_message_without_room_for_a_payload_is_refused() -> None:
    for size in (0, 64, 65):
        with pytest.raises(ValueError, match="too few for a signature and a payload"):
            decode_message(bytes(cramjam.snappy.compress_raw(bytes(size))), PayloadVersion.V1)


def test_a_block_larger_than_gossip_takes_is_not_made_a_message() -> None:
    huge = replace(made(Fork.ISTHMUS), transactions=(random.Random(1).randbytes(MAX_MESSAGE_BYTES),))
    with pytest.raises(ValueError, match="others learn of it from L1"):
        SignedPayload.sign(huge, ALICE_KEY, CHAIN_ID).message()


# --- signatures ---


def test_the_signed_hash_is_the_one_of_the_spec() -> None:
    # keccak256(zero domain ++ chain id 10 ++ keccak256(32 bytes of 0x99)), as other implementations have it.
    assert (
        payload_signing_hash(b"\x99" * 32, 10).hex()
        == "44a0e2b1aba1aae1771eddae1dcd2ad18a8cdac8891517153f03253e49d3f206"
    )


@given(st.binary(min_size=1, max_size=100), st.integers(1, 2**63), st.data())
def test_a_signature_holds_for_its_payload_and_its_chain_only(
    encoded: bytes, chain_id: int, data: st.DataObject
) -> None:
    signature = sign_payload(ALICE_KEY, encoded, chain_id)
    assert payload_signer(signature, encoded, chain_id) == ALICE
    assert payload_signer(signature, encoded, chain_id + 1) != ALICE
    changed = bytearray(encoded)
    changed[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    assert payload_signer(signature, bytes(changed), chain_id) != ALICE


def test_only_parities_0_and_1_are_signatures() -> None:
    signature = sign_payload(ALICE_KEY, b"payload", CHAIN_ID)
    for parity in (2, 3, 27, 28, 255):
        with pytest.raises(InvalidSignature, match="parity"):
            payload_signer(signature[:64] + bytes((parity,)), b"payload", CHAIN_ID)
    with pytest.raises(InvalidSignature, match="65 bytes"):
        payload_signer(signature[:64], b"payload", CHAIN_ID)
    for r in (0, SECP256K1_ORDER):
        with pytest.raises(InvalidSignature, match="out of range"):
            payload_signer(r.to_bytes(32, "big") + signature[32:], b"payload", CHAIN_ID)


def test_a_topic_names_chain_and_version() -> None:
    assert [version.topic(901) for version in VERSIONS] == [f"/optimism/901/{index}/blocks" for index in range(4)]
    for version in VERSIONS:
        assert PayloadVersion.of_topic(version.topic(901), 901) is version
    for wrong in ("/optimism/902/0/blocks", "/optimism/901/4/blocks", "", "/optimism/901/0/blocks/"):
        with pytest.raises(ValueError, match="no topic"):
            PayloadVersion.of_topic(wrong, 901)
