"""The inlined libraries against independent implementations."""

from __future__ import annotations

import json
from decimal import Decimal, getcontext
from pathlib import Path

import pytest
import rlp
from eth_abi.abi import decode
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from tests.contracts.harness import Chain, Contract, Reverted, account, hex_address, storage_proof

PROBE_SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def probe() -> Contract:
    return Chain().deploy("LibraryProbe")


@PROBE_SETTINGS
@given(st.integers(1, 2**63 - 1), st.integers(64, 125))
def test_positions_follow_the_generalised_index(probe: Contract, position: int, max_depth: int) -> None:
    depth, index, trace_index, ancestor, attack, defense = probe.call("positionFacts", position, max_depth)
    assert depth == position.bit_length() - 1
    assert index == position - (1 << depth)
    remaining = max_depth - depth
    assert trace_index == (index + 1) * (1 << remaining) - 1
    assert attack == 2 * position
    assert defense == 2 * (position + (position % 2 == 0))
    # The highest position with the same rightmost leaf.
    expected = position
    while expected > 1 and expected % 2 == 1:
        expected //= 2
    assert ancestor == expected


def test_a_bounded_ancestor_stays_below_the_split(probe: Contract) -> None:
    # 0b11111 is the rightmost node of depth 4; the one of depth 3 is the first below depth 2.
    assert probe.call("traceAncestorBounded", 0b11111, 2) == 0b1111
    assert probe.call("traceAncestorBounded", 0b11011, 2) == 0b1101
    with pytest.raises(Reverted, match="ClaimAboveSplit"):
        probe.call("traceAncestorBounded", 0b111, 2)


@PROBE_SETTINGS
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_clocks_and_game_ids_pack_their_parts(probe: Contract, duration: int, timestamp: int) -> None:
    assert probe.call("clockParts", duration, timestamp) == (duration << 64 | timestamp, duration, timestamp)
    proxy = account("proxy")
    game_type = duration % 2**32
    packed, *parts = probe.call("gameIdParts", game_type, timestamp, proxy)
    assert packed == game_type.to_bytes(4, "big") + timestamp.to_bytes(8, "big") + proxy
    assert parts == [game_type, timestamp, hex_address(proxy)]


def test_a_claims_identity_covers_claim_position_and_parent(probe: Contract) -> None:
    claim = keccak(text="claim")
    expected = keccak(claim + (5).to_bytes(16, "big") + (9).to_bytes(16, "big"))
    assert probe.call("hashClaimPos", claim, 5, 9) == expected


@pytest.mark.parametrize("max_depth", [8, 30, 73])
def test_bonds_grow_by_the_formula(probe: Contract, max_depth: int) -> None:
    getcontext().prec = 60
    ratio = Decimal(300_000_000) / Decimal(400_000)
    for depth in range(0, max_depth + 1, max(1, max_depth // 8)):
        gas = Decimal(400_000) * ratio ** (Decimal(depth) / Decimal(max_depth))
        bond = probe.call("bond", depth, max_depth)
        assert bond % (200 * 10**9) == 0
        assert abs(bond // (200 * 10**9) - gas) <= 1
    assert probe.call("bond", 0, max_depth) == 8 * 10**16


@PROBE_SETTINGS
@given(st.integers(0, 10**18), st.integers(0, 10_000))
def test_powers_are_close_to_exact_ones(probe: Contract, base: int, exponent: int) -> None:
    getcontext().prec = 60
    exact = (Decimal(base) / 10**18) ** exponent if base or exponent else Decimal(1)
    assert abs(Decimal(probe.call("powWad", base, exponent)) / 10**18 - exact) < Decimal(10) ** -13


nested = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=20), max_leaves=25)


@PROBE_SETTINGS
@given(st.lists(nested, max_size=20))
def test_rlp_lists_split_into_their_items(probe: Contract, items: list[object]) -> None:
    assert probe.call("rlpList", rlp.encode(items)) == tuple(rlp.encode(item) for item in items)


@PROBE_SETTINGS
@given(st.binary(max_size=300))
def test_rlp_strings_decode_to_their_content(probe: Contract, content: bytes) -> None:
    assert probe.call("rlpBytes", rlp.encode(content)) == content


@PROBE_SETTINGS
@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_rlp_for_both_or_for_none(probe: Contract, data: bytes) -> None:
    try:
        expected = rlp.decode(data, strict=True)
    except Exception:  # noqa: BLE001 - whatever the reference refuses
        expected = None
    try:
        outcome: object = probe.call("rlpBytes", data)
    except Reverted:
        outcome = None
    if isinstance(expected, bytes):
        assert outcome == expected
    else:
        assert outcome is None


@PROBE_SETTINGS
@given(st.integers(0, 2**256 - 1))
def test_numbers_are_written_without_leading_zeros(probe: Contract, number: int) -> None:
    assert probe.call("rlpWriteUint", number) == rlp.encode(number)


@PROBE_SETTINGS
@given(
    st.dictionaries(st.binary(min_size=32, max_size=32), st.binary(min_size=1, max_size=40), min_size=1, max_size=40)
)
def test_trie_proofs_lead_to_the_stored_value(probe: Contract, content: dict[bytes, bytes]) -> None:
    trie = HexaryTrie({})
    for key, value in content.items():
        trie[key] = value
    key, value = next(iter(content.items()))
    proof = [rlp.encode(node) for node in trie.get_proof(key)]
    assert probe.call("trieGet", key, proof, trie.root_hash) == value


def test_broken_trie_proofs_are_refused(probe: Contract) -> None:
    slots = {number.to_bytes(32, "big"): number + 1 for number in range(60)}
    wanted = (7).to_bytes(32, "big")
    root, proof = storage_proof(slots, wanted)
    key = keccak(wanted)
    assert probe.call("trieGet", key, proof, root) == rlp.encode(8)
    flipped = bytearray(proof[-1])
    flipped[-1] ^= 1
    bad = {
        "wrong root": (key, proof, keccak(root)),
        "changed leaf": (key, [*proof[:-1], bytes(flipped)], root),
        "missing leaf": (key, proof[:-1], root),
        "nothing": (key, [], root),
        "trailing node": (key, [*proof, proof[-1]], root),
        "another key": (keccak((8).to_bytes(32, "big")), proof, root),
        "absent key": (keccak(text="absent"), proof, root),
    }
    for what, arguments in bad.items():
        with pytest.raises(Reverted, match="MerkleTrie_InvalidProof"):
            pytest.fail(f"{what}: {probe.call('trieGet', *arguments)!r}")
    with pytest.raises(Reverted, match="MerkleTrie_EmptyKey"):
        probe.call("trieGet", b"", proof, root)


def test_a_leaf_inside_its_parent_is_proven_as_an_element_of_its_own(probe: Contract) -> None:
    trie = HexaryTrie({})
    # Keys that differ in the last nibble only: their leaves are shorter than 32 bytes.
    keys = [b"\xaa" * 31 + bytes([last]) for last in (0x10, 0x11)]
    for key in keys:
        trie[key] = b"\x01"
    proof = [rlp.encode(node) for node in trie.get_proof(keys[1])]
    assert any(len(node) < 32 for node in proof[1:])
    assert probe.call("trieGet", keys[1], proof, trie.root_hash) == b"\x01"


@pytest.mark.parametrize("is_creation", [False, True])
def test_deposits_encode_as_transactions_of_type_7e(probe: Contract, is_creation: bool) -> None:
    sender, to = account("from"), account("to")
    block_hash = keccak(text="block")
    deposit = (sender, to, is_creation, 10**18, 0, 100_000, b"\x01\x02", block_hash, 3)
    source = keccak(bytes(32) + keccak(block_hash + (3).to_bytes(32, "big")))
    fields = [source, sender, b"" if is_creation else to, 0, 10**18, 100_000, 0, b"\x01\x02"]
    assert probe.call("encodeDeposit", deposit) == b"\x7e" + rlp.encode(fields)


def test_message_hashes_follow_the_version_in_the_nonce(probe: Contract) -> None:
    sender, target = account("a"), account("b")
    first = probe.call("hashCrossDomainMessage", 5, sender, target, 0, 0, b"x")
    second = probe.call("hashCrossDomainMessage", (1 << 240) + 5, sender, target, 0, 0, b"x")
    assert first != second
    with pytest.raises(Reverted, match="Encoding_UnknownMessageVersion"):
        probe.call("hashCrossDomainMessage", (2 << 240) + 5, sender, target, 0, 0, b"x")


def test_a_real_withdrawal_hashes_to_what_its_chain_recorded(probe: Contract, vectors: Path) -> None:
    receipt = json.loads((vectors / "l1" / "bridge-withdrawal-receipt.json").read_text())
    topic = keccak(text="MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)")
    (log,) = [entry for entry in receipt["logs"] if bytes.fromhex(entry["topics"][0][2:]) == topic]
    nonce, sender, target = (int(word, 16) for word in log["topics"][1:])
    kinds = ["uint256", "uint256", "bytes", "bytes32"]
    value, gas_limit, data, recorded = decode(kinds, bytes.fromhex(log["data"][2:]))
    withdrawal = (nonce, sender.to_bytes(20, "big"), target.to_bytes(20, "big"), value, gas_limit, data)
    assert probe.call("hashWithdrawal", withdrawal) == recorded


@PROBE_SETTINGS
@given(st.binary(min_size=20, max_size=20))
def test_aliasing_wraps_around_and_back(probe: Contract, raw: bytes) -> None:
    shifted = (int.from_bytes(raw, "big") + 0x1111000000000000000000000000000000001111) % 2**160
    assert probe.call("aliasOf", raw) == (hex_address(shifted.to_bytes(20, "big")), hex_address(raw))


def test_burnt_eth_is_gone(probe: Contract) -> None:
    before = probe.chain.balance(probe.address)
    result = probe.send("burnEth", value=10**18)
    assert probe.chain.balance(probe.address) == before
    assert result.logs == ()


def test_burning_gas_uses_at_least_what_was_asked(probe: Contract) -> None:
    baseline = probe.send("burnGas", 0).gas_used
    used = probe.send("burnGas", 500_000).gas_used
    assert 500_000 <= used - baseline + 1000 < 520_000


def test_a_call_that_cannot_get_its_gas_is_not_made(probe: Contract) -> None:
    data = probe.artifact.encode_call("callWithMinGas", account("target"), 1_000_000, b"")
    with pytest.raises(Reverted, match="SafeCall_NotEnoughGas"):
        probe.chain.send(probe.address, data, gas=1_000_000)
    probe.chain.send(probe.address, data, gas=1_200_000)


@pytest.mark.parametrize("length", [0, 1, 116, 200])
def test_a_clone_delegates_with_its_constants(probe: Contract, length: int) -> None:
    constants = bytes(i % 251 for i in range(length))
    result = probe.send("clone", constants)
    address = probe.events(result, "Cloned")[0]["clone"]
    clone = probe.chain.at("LibraryProbe", address)
    assert clone.call("cloneArg", 0, length) == constants
    assert clone.call("bond", 0, 73) == 8 * 10**16
    with pytest.raises(Reverted, match="probe"):
        clone.call("fail")
    received = probe.chain.send(clone.address, value=7, gas=21_000 + 2_300)
    assert received.logs[0].topics == (keccak(text="ReceiveETH(uint256)"),)
    assert int.from_bytes(received.logs[0].data, "big") == 7
