"""Recovery of secp256k1 keys, against libsecp256k1 and, on a sample, eth-keys' Python."""

from dataclasses import replace

import coincurve
import pytest
from Crypto.Hash import keccak
from eth_keys.backends.native.main import NativeECCBackend
from eth_keys.datatypes import Signature as PythonSignature
from eth_keys.exceptions import BadSignature
from hypothesis import given, settings
from hypothesis import strategies as st

from config.types import Address
from evm.native.primitives import Signature, recover_addresses, recover_public_key
from evm.native.senders import recover_senders, senders_in_shares
from evm.types.signature import address_of
from tests.evm.engine_kit import BOB, deposit, transaction

pytestmark = pytest.mark.usefixtures("native_library")

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
PRIME = 2**256 - 2**32 - 977
GENERATOR_X = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
LAMBDA = 0x5363AD4CC05C30E0A5261C028812645A122E22EA20816678DF02967C1B23BD72

SCALARS = st.one_of(
    st.integers(0, 2**256 - 1),
    st.integers(0, 2**130),
    st.sampled_from([0, 1, 2, ORDER - 1, ORDER, ORDER + 1, ORDER // 2, ORDER // 2 + 1, LAMBDA, ORDER - LAMBDA, PRIME,
                     2**256 - 1, 2**128 - 1, 2**128, 2**255, GENERATOR_X]),
)  # fmt: skip


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _by_library(message_hash: bytes, r: int, s: int, odd_y: bool) -> bytes | None:
    try:
        key = coincurve.PublicKey.from_signature_and_message(_word(r) + _word(s) + bytes([odd_y]), message_hash, None)
    except Exception as error:  # noqa: BLE001 - this is what it raises
        assert str(error)
        return None
    return bytes(key.format(compressed=False))[1:]


def _address(public_key: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=public_key).digest()[12:]


@settings(max_examples=1500, deadline=None)
@given(z=SCALARS, r=SCALARS, s=SCALARS, odd_y=st.booleans())
def test_recovery_agrees_with_libsecp256k1_for_any_numbers(z: int, r: int, s: int, odd_y: bool) -> None:
    assert recover_public_key(_word(z), _word(r), _word(s), odd_y) == _by_library(_word(z), r, s, odd_y)


@settings(max_examples=300, deadline=None)
@given(secret=st.integers(1, ORDER - 1), message_hash=st.binary(min_size=32, max_size=32))
def test_a_signature_leads_back_to_its_signer(secret: int, message_hash: bytes) -> None:
    key = coincurve.PrivateKey.from_int(secret)
    signature = key.sign_recoverable(message_hash, hasher=None)
    public = bytes(key.public_key.format(compressed=False))[1:]
    assert recover_public_key(message_hash, signature[:32], signature[32:64], bool(signature[64])) == public


@settings(max_examples=15, deadline=None)
@given(z=SCALARS, r=SCALARS, s=SCALARS, odd_y=st.booleans())
def test_recovery_agrees_with_eth_keys(z: int, r: int, s: int, odd_y: bool) -> None:
    try:
        key = NativeECCBackend().ecdsa_recover(_word(z), PythonSignature(vrs=(int(odd_y), r, s)))
        expected = bytes(key.to_bytes())
    except (BadSignature, ValueError) as error:
        assert str(error)
        expected = None
    if 0 < r < ORDER and 0 < s < ORDER:  # eth-keys checks the range elsewhere
        assert recover_public_key(_word(z), _word(r), _word(s), odd_y) == expected


def test_a_key_at_infinity_is_no_key() -> None:
    """With R = G and z = s, s R - z G is infinity."""
    for odd_y in (False, True):
        found = recover_public_key(_word(12345), _word(GENERATOR_X), _word(12345), odd_y)
        assert (found is None) == (not odd_y)


@pytest.mark.parametrize("digit", [1, 3, 127, 128, 255, 2**128, 127 * 2**128, ORDER - 1, LAMBDA, ORDER - LAMBDA])
def test_sums_that_meet_the_table_of_the_generator_are_right(digit: int) -> None:
    """R = G, so that both scalars multiply one point: additions meet equal and opposite points."""
    for z in (digit, ORDER - digit, 1, ORDER - 1):
        for odd_y in (False, True):
            expected = _by_library(_word(z), GENERATOR_X, digit % ORDER, odd_y)
            assert recover_public_key(_word(z), _word(GENERATOR_X), _word(digit), odd_y) == expected


def test_a_batch_gives_addresses_and_marks_what_has_no_signer() -> None:
    signatures = []
    expected: list[bytes | None] = []
    for number in range(1, 20):
        key = coincurve.PrivateKey.from_int(number)
        message_hash = keccak.new(digest_bits=256, data=bytes([number])).digest()
        raw = key.sign_recoverable(message_hash, hasher=None)
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big")
        signatures.append(Signature(message_hash, r, s, bool(raw[64])))
        expected.append(_address(bytes(key.public_key.format(compressed=False))[1:]))
        signatures.append(Signature(message_hash, 0, s, False))
        expected.append(None)
    assert recover_addresses(signatures) == expected
    assert recover_addresses([]) == []


def test_many_senders_are_found_at_once_and_those_that_are_known_are_believed() -> None:
    raws: list[bytes] = []
    expected: list[bytes] = []
    known: list[Address | None] = []
    for number in range(1, 120):
        key = number.to_bytes(32, "big")
        signed = transaction(key, nonce=number, data=bytes(number))
        broken = replace(signed, r=0)
        for raw, sender, told in (
            (signed.raw, address_of(key), None),
            (broken.encode(), bytes(20), None),
            (broken.encode(), BOB, BOB),
            (b"\x02\xc0", bytes(20), None),
            (deposit().encode(), bytes(20), None),
        ):
            raws.append(raw)
            expected.append(sender)
            known.append(told)
    assert recover_senders(raws, known) == b"".join(expected)
    assert recover_senders(raws[:1]) == expected[0]
    assert recover_senders([]) == b""


def test_shares_come_in_order_while_others_are_worked_on_and_may_be_left() -> None:
    keys = [number.to_bytes(32, "big") for number in range(1, 260)]
    raws = [transaction(key).raw for key in keys]
    seen: list[bytes] = []
    behind = 0
    for start, stop, senders in senders_in_shares(raws):
        assert start == behind < stop
        behind = stop
        seen += [senders[at : at + 20] for at in range(0, len(senders), 20)]
    assert seen == [address_of(key) for key in keys]
    for given_up, _ in enumerate(senders_in_shares(raws)):
        if given_up == 1:
            break
    assert recover_senders(raws) == b"".join(seen)


def test_a_hash_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="message_hash has 31 bytes instead of 32"):
        recover_public_key(bytes(31), _word(1), _word(1), False)
