"""Precompiles that are ours: P256VERIFY, MODEXP, point evaluation, and the input limits of OP Stack forks."""

from dataclasses import replace

import ckzg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from config.forks import EthFork, Fork
from config.types import ZERO_HASH, Address
from evm.engine import BlockEnvironment, EvmState
from evm.engine.message import MessageOutcome, run_message
from evm.forks import ForkRules, fork_rules
from evm.precompiles.limits import (
    BLS12_G1_MSM,
    BLS12_G2_MSM,
    BLS12_PAIRING,
    BN256_PAIRING,
)
from evm.precompiles.modexp import berlin_gas, osaka_gas, power
from evm.precompiles.p256 import verify_p256
from evm.precompiles.point_evaluation import trusted_setup
from tests.evm.engine_kit import ALICE, BOB, l2

P256 = Address(bytes(18) + b"\x01\x00")
MODEXP = Address(bytes(19) + b"\x05")
POINT_EVALUATION = Address(bytes(19) + b"\x0a")
ENVIRONMENT = BlockEnvironment(901, 1, 1, BOB, 30_000_000, 7, ZERO_HASH)
ENOUGH = 10_000_000


def run(fork: ForkRules, target: Address, data: bytes, gas: int = ENOUGH) -> MessageOutcome:
    state = EvmState(l2().reader(), ENVIRONMENT, fork.precompiles)
    return run_message(state, fork, origin=ALICE, sender=ALICE, to=target, value=0, data=data, gas=gas, gas_price=0)


def rollup_rules(fork: Fork) -> ForkRules:
    return fork_rules(EthFork.PARIS, fork)


def signed(digest: bytes) -> bytes:
    key = ec.derive_private_key(12345, ec.SECP256R1())
    r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(SHA256()))))
    numbers = key.public_key().public_numbers()
    return digest + b"".join(value.to_bytes(32, "big") for value in (r, s, numbers.x, numbers.y))


GOOD = signed(bytes(range(32)))


@pytest.mark.parametrize(
    ("fork", "gas"),
    [
        (rollup_rules(Fork.FJORD), 3450),
        (rollup_rules(Fork.ISTHMUS), 3450),
        (rollup_rules(Fork.KARST), 6900),
        (fork_rules(EthFork.OSAKA), 6900),
    ],
)
def test_p256verify_accepts_a_signature_at_the_price_of_its_fork(fork: ForkRules, gas: int) -> None:
    outcome = run(fork, P256, GOOD)
    assert outcome.output == (1).to_bytes(32, "big")
    assert ENOUGH - outcome.gas_left == gas
    assert not run(fork, P256, GOOD, gas - 1).succeeded


@pytest.mark.parametrize("position", [0, 40, 70, 100, 140])
def test_p256verify_returns_nothing_for_a_changed_input(position: int) -> None:
    bad = bytearray(GOOD)
    bad[position] ^= 1
    outcome = run(rollup_rules(Fork.ISTHMUS), P256, bytes(bad))
    assert (outcome.succeeded, outcome.output) == (True, b"")


@pytest.mark.parametrize("data", [b"", GOOD[:-1], GOOD + b"\x00"])
def test_p256verify_returns_nothing_for_another_length(data: bytes) -> None:
    assert run(rollup_rules(Fork.ISTHMUS), P256, data).output == b""


def test_p256_refuses_zero_and_overlarge_values_and_points_off_the_curve() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    r, s, x, y = (int.from_bytes(GOOD[start : start + 32], "big") for start in (32, 64, 96, 128))
    assert verify_p256(GOOD[:32], r, s, x, y)
    assert verify_p256(GOOD[:32], r, order - s, x, y)
    for bad in ((0, s, x, y), (r, 0, x, y), (order, s, x, y), (r, s + order, x, y), (r, s, 0, 0), (r, s, x, y + 1)):
        assert not verify_p256(GOOD[:32], *bad)


def test_there_is_no_p256verify_before_fjord() -> None:
    assert P256 not in rollup_rules(Fork.ECOTONE).precompiles
    assert P256 not in fork_rules(EthFork.PRAGUE).precompiles


@pytest.mark.parametrize(
    ("fork", "target", "limit"),
    [
        (Fork.GRANITE, BN256_PAIRING, 112_687),
        (Fork.HOLOCENE, BN256_PAIRING, 112_687),
        (Fork.ISTHMUS, BLS12_G1_MSM, 513_760),
        (Fork.ISTHMUS, BLS12_G2_MSM, 488_448),
        (Fork.ISTHMUS, BLS12_PAIRING, 235_008),
        (Fork.JOVIAN, BN256_PAIRING, 81_984),
        (Fork.JOVIAN, BLS12_G1_MSM, 288_960),
        (Fork.JOVIAN, BLS12_G2_MSM, 278_784),
        (Fork.JOVIAN, BLS12_PAIRING, 156_672),
        (Fork.KARST, BN256_PAIRING, 57_600),
    ],
)
def test_inputs_over_the_limit_of_the_fork_fail_before_any_work(fork: Fork, target: Address, limit: int) -> None:
    outcome = run(rollup_rules(fork), target, bytes(limit + 1), 10**12)
    assert not outcome.succeeded
    assert outcome.gas_left == 0
    assert f"larger than {limit}" in outcome.error


def test_ethereum_itself_has_no_such_limit() -> None:
    outcome = run(fork_rules(EthFork.CANCUN), BN256_PAIRING, bytes(112_896), 1_000)
    assert outcome.error == "out of gas"


def modexp_input(base: bytes, exponent: bytes, modulus: bytes) -> bytes:
    lengths = b"".join(len(part).to_bytes(32, "big") for part in (base, exponent, modulus))
    return lengths + base + exponent + modulus


@pytest.mark.parametrize(
    ("base", "exponent", "modulus", "result"),
    [
        (b"\x03", b"\x05", b"\x07", b"\x05"),
        (b"", b"", b"\x02", b"\x01"),
        (b"", b"\x03", b"\x00\x05", b"\x00\x00"),
        (b"\x03", b"\x05", b"\x00", b"\x00"),
        (b"\x03", b"\x05", b"\x01", b"\x00"),
        (b"\x03", b"\x05", b"", b""),
    ],
)
def test_modexp_results(base: bytes, exponent: bytes, modulus: bytes, result: bytes) -> None:
    assert power(modexp_input(base, exponent, modulus)) == result


def test_modexp_input_goes_on_with_zeros() -> None:
    full = modexp_input(b"\x03", b"\x02", b"\x07\x00")
    assert power(full[:-1]) == power(full) == (9).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("data", "berlin", "osaka"),
    [
        (b"", 200, 500),
        (modexp_input(b"\x01" * 32, b"\xff" * 32, b"\x01" * 32), 16 * 255 // 3, 16 * 255),
        (modexp_input(b"\x01" * 64, b"\x03", b"\x01" * 64), 200, 500),
        (modexp_input(b"\x01" * 64, b"\xff" * 64, b"\x01" * 64), 64 * (255 + 8 * 32) // 3, 2 * 64 * (255 + 16 * 32)),
    ],
)
def test_modexp_prices(data: bytes, berlin: int, osaka: int) -> None:
    assert (berlin_gas(data), osaka_gas(data)) == (berlin, osaka)


def test_modexp_operands_end_at_1024_bytes_since_osaka() -> None:
    data = (1025).to_bytes(32, "big") + bytes(64)
    assert run(fork_rules(EthFork.PRAGUE), MODEXP, data).succeeded
    assert not run(fork_rules(EthFork.OSAKA), MODEXP, data).succeeded


def test_point_evaluation_accepts_a_proof_and_refuses_another_value() -> None:
    import hashlib

    blob = bytes(131_072)
    z = (5).to_bytes(32, "big")
    proof, y = ckzg.compute_kzg_proof(blob, z, trusted_setup())
    commitment = ckzg.blob_to_kzg_commitment(blob, trusted_setup())
    versioned_hash = b"\x01" + hashlib.sha256(commitment).digest()[1:]
    good = versioned_hash + z + y + commitment + proof
    outcome = run(fork_rules(EthFork.CANCUN), POINT_EVALUATION, good)
    assert outcome.output[:32] == (4096).to_bytes(32, "big")
    assert ENOUGH - outcome.gas_left == 50_000
    wrong = versioned_hash + z + (1).to_bytes(32, "big") + commitment + proof
    assert not run(fork_rules(EthFork.CANCUN), POINT_EVALUATION, wrong).succeeded
    assert not run(fork_rules(EthFork.CANCUN), POINT_EVALUATION, good[:-1]).succeeded


def test_the_rules_of_a_fork_are_made_once() -> None:
    assert rollup_rules(Fork.ISTHMUS) is rollup_rules(Fork.ISTHMUS)
    assert replace(rollup_rules(Fork.ISTHMUS)) == rollup_rules(Fork.ISTHMUS)
