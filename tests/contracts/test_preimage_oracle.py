"""Preimages that one transaction brings to the oracle: field elements of blobs, results of precompiles; hashes and local
data are with the registry's tests."""

from __future__ import annotations

from hashlib import sha256

import ckzg
import eth.precompiles.point_evaluation
import pytest
from eth_utils.crypto import keccak

from config.constants import TRANSACTION_GAS_CAP
from config.types import Address
from evm.precompiles.limits import (
    BLS12_G1_MSM,
    BLS12_G2_MSM,
    BLS12_PAIRING,
    BN256_PAIRING,
    JOVIAN_LIMITS,
    KARST_LIMITS,
)
from faultproof.game import BlobElement, PrecompileCall
from faultproof.host.blobs import evaluation_points
from faultproof.host.precompiles import precompile_preimage
from faultproof.precompile_calls import ACCELERATED, MAX_INPUT_PIECE, publishing_gas
from faultproof.preimage import blob_key, keccak256_key, precompile_key
from faultproof.preimage.loading import LARGEST_TRANSACTION_DATA, load_preimage
from faultproof.preimage.oracle_call import OracleCall
from l1.kzg_core import commitment_of, trusted_setup
from tests.contracts.harness import Chain, Contract, Result, Reverted, account

MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
BLOB = b"".join((index * 0x0123456789ABCDEF**3 % MODULUS).to_bytes(32, "big") for index in range(1, 4097))
SHA256_ADDRESS, IDENTITY, ADD, POINT_EVALUATION = (Address(bytes([*bytes(19), number])) for number in (2, 4, 6, 10))
POINT = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
MIN_SIZE, CHALLENGE_PERIOD = 300, 100


def deploy_oracle() -> Contract:
    return Chain().deploy("PreimageOracle", MIN_SIZE, CHALLENGE_PERIOD)


def send(oracle: Contract, call: OracleCall, sender: bytes | None = None, gas: int = 16_777_216) -> Result:
    """The transaction that a call describes."""
    data = oracle.artifact.encode_call(call.function, *call.arguments)
    return oracle.chain.send(oracle.address, data, call.value, sender, call.gas_limit or gas)


def served(oracle: Contract, key: bytes, preimage: bytes, offset: int) -> bool:
    """Whether the oracle serves the right part, for a preimage and its length prefix."""
    part = (len(preimage).to_bytes(8, "big") + preimage)[offset : offset + 32]
    answer = oracle.call("readPreimage", key, offset)
    assert answer == (part.ljust(32, b"\0"), len(part))
    assert oracle.call("preimageLengths", key) == len(preimage)
    return True


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Contract:
    # The precompile would load the ceremony's result again for each call, which takes seconds.
    monkeypatch.setattr(eth.precompiles.point_evaluation, "load_trusted_setup", lambda *_: trusted_setup())
    return deploy_oracle()


# --- Field elements of blobs ------------------------------------------------------------------------------------------


def element(point: int) -> tuple[BlobElement, bytes]:
    """What shows the blob's value at a point, and the value."""
    proof, value = ckzg.compute_kzg_proof(BLOB, point.to_bytes(32, "big"), trusted_setup())
    return BlobElement(commitment_of(BLOB), point.to_bytes(32, "big"), bytes(proof)), bytes(value)


@pytest.mark.parametrize("offset", [0, 5, 8, 20, 39])
def test_a_field_element_with_its_proof_is_served_from_any_offset(oracle: Contract, offset: int) -> None:
    known, value = element(3)
    key = blob_key(known.commitment, known.point)
    (call,) = load_preimage(key, value, offset, known).calls
    send(oracle, call)
    assert served(oracle, key, value, offset)


@pytest.mark.parametrize("index", [0, 1, 2047, 4095])
def test_the_blobs_own_words_are_its_values_at_the_evaluation_points(oracle: Contract, index: int) -> None:
    known, value = element(int.from_bytes(evaluation_points()[index], "big"))
    assert value == BLOB[32 * index : 32 * index + 32]
    key = blob_key(known.commitment, known.point)
    send(oracle, load_preimage(key, value, 8, known).calls[0])
    assert served(oracle, key, value, 8)


def test_a_field_element_without_a_valid_proof_is_refused(oracle: Contract) -> None:
    known, value = element(3)
    point, number = 3, int.from_bytes(value, "big")
    other = element(4)[0].proof
    wrong = [
        (point, number + 1, known.commitment, known.proof, 0),
        (point + 1, number, known.commitment, known.proof, 0),
        (point, number, known.commitment, other, 0),
        (point, number, known.proof, known.proof, 0),
        (point, number, known.commitment[:47], known.proof, 0),
        (point, number, known.commitment + b"\0", known.proof, 0),
        (point, number, known.commitment, known.proof[:47], 0),
        (point, number, known.commitment, known.proof + b"\0", 0),
        # The same field element, written as a number above the modulus.
        (point, number + MODULUS, known.commitment, known.proof, 0) if number + MODULUS < 2**256 else None,
        (point + MODULUS, number, known.commitment, known.proof, 0),
    ]
    for arguments in wrong:
        if arguments is not None:
            with pytest.raises(Reverted, match="InvalidProof"):
                oracle.send("loadBlobPreimagePart", *arguments)
    with pytest.raises(Reverted, match="PartOffsetOOB"):
        oracle.send("loadBlobPreimagePart", point, number, known.commitment, known.proof, 40)


# --- Results of precompiles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, 3, 8, 9, 31, 40])
def test_a_precompiles_result_has_a_status_in_front(oracle: Contract, offset: int) -> None:
    data = b"what is hashed"
    key = precompile_key(SHA256_ADDRESS, 84, data)
    result = b"\x01" + sha256(data).digest()
    send(oracle, load_preimage(key, result, offset, PrecompileCall(SHA256_ADDRESS, 84, data)).calls[0])
    assert served(oracle, key, result, offset)


@pytest.mark.parametrize("size", [0, 1, 23, 24, 100])
def test_results_of_any_length_are_served_to_their_end(oracle: Contract, size: int) -> None:
    data = bytes(range(1, size + 1))
    key = precompile_key(IDENTITY, 30, data)
    for offset in {0, 8, size // 2, size + 8}:
        oracle.send("loadPrecompilePreimagePart", offset, IDENTITY, 30, data)
        assert served(oracle, key, b"\x01" + data, offset)
    with pytest.raises(Reverted, match="PartOffsetOOB"):
        oracle.send("loadPrecompilePreimagePart", size + 9, IDENTITY, 30, data)


@pytest.mark.parametrize(
    ("precompile", "gas", "data"),
    [(POINT_EVALUATION, 50_000, b"\x11" * 192), (BN256_PAIRING, 79_000, b"\xff" * 192), (BN256_PAIRING, 45_000, b"\1")],
)
def test_a_call_that_fails_is_a_result_too_within_the_gas_that_is_reckoned_for_it(
    oracle: Contract, precompile: Address, gas: int, data: bytes
) -> None:
    key = precompile_key(precompile, gas, data)
    (call,) = load_preimage(key, b"\0", 8, PrecompileCall(precompile, gas, data)).calls
    assert call.gas_limit == publishing_gas(len(data), gas, data.count(0))
    send(oracle, call)
    assert served(oracle, key, b"\0", 8)


@pytest.mark.parametrize(
    ("address", "gas", "data"),
    [
        (ADD, 150, POINT + POINT),
        (ADD, 150, bytes(31) + b"\x01" + bytes(96)),
        (BN256_PAIRING, 45_000, b""),
        (ADD, 150, b""),
    ],
    ids=["a result", "a failure", "no input", "zeros"],
)
def test_results_of_precompiles_are_those_that_the_host_computes(
    oracle: Contract, address: Address, gas: int, data: bytes
) -> None:
    key, preimage = precompile_preimage(address, gas, data)
    for offset in range(0, len(preimage) + 8, 32):
        oracle.send("loadPrecompilePreimagePart", offset, address, gas, data)
        assert served(oracle, key, preimage, offset)


def test_a_large_input_still_leaves_gas_for_the_result(oracle: Contract) -> None:
    data = b"\x01" * 50_000
    gas = 15 + 3 * ((len(data) + 31) // 32)
    (call,) = load_preimage(
        precompile_key(IDENTITY, gas, data), b"\x01" + data, 8, PrecompileCall(IDENTITY, gas, data)
    ).calls
    send(oracle, call)
    assert served(oracle, precompile_key(IDENTITY, gas, data), b"\x01" + data, 8)


def test_a_pairing_that_holds_is_one(oracle: Contract) -> None:
    key = precompile_key(BN256_PAIRING, 45_000, b"")
    oracle.send("loadPrecompilePreimagePart", 8, BN256_PAIRING, 45_000, b"")
    assert served(oracle, key, b"\x01" + (1).to_bytes(32, "big"), 8)


def test_a_result_is_not_taken_while_the_call_might_run_out_of_gas(oracle: Contract) -> None:
    required = 1_000_000
    data = oracle.artifact.encode_call("loadPrecompilePreimagePart", 8, IDENTITY, required, b"x")
    intrinsic = oracle.chain._intrinsic(data, False)
    least = required * 64 // 63 + 100_000
    for gas, enough in [(intrinsic + least, False), (intrinsic + least + 3_000, True)]:
        if enough:
            oracle.chain.send(oracle.address, data, gas=gas)
        else:
            with pytest.raises(Reverted, match="NotEnoughGas"):
                oracle.chain.send(oracle.address, data, gas=gas)
    assert served(oracle, precompile_key(IDENTITY, required, b"x"), b"\x01x", 8)


def test_the_required_gas_is_part_of_the_key(oracle: Contract) -> None:
    oracle.send("loadPrecompilePreimagePart", 8, IDENTITY, 30, b"x")
    with pytest.raises(Reverted, match="pre-image must exist"):
        oracle.call("readPreimage", precompile_key(IDENTITY, 31, b"x"), 8)


# --- Hashes -----------------------------------------------------------------------------------------------------------


def test_a_preimage_as_large_as_a_transaction_allows_fits_its_gas(oracle: Contract) -> None:
    preimage = b"\xa5" * 125_999
    key = keccak256_key(keccak(preimage))
    for offset in (0, 126_000):
        oracle.send("loadKeccak256PreimagePart", offset, preimage, sender=account("honest"))
        assert served(oracle, key, preimage, offset)


# --- Inputs that no transaction holds ---------------------------------------------------------------------------------


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 31, 32, 33, 100])
def test_a_result_for_pieces_is_that_for_all_of_the_input(oracle: Contract, size: int) -> None:
    data = b"\xef\0" + bytes(range(1, 99))
    pieces = pieces_of(data, size)
    for piece in pieces:
        oracle.send("keepInputPiece", piece)
    for offset in (0, 8, 50, 108):
        oracle.send("loadPrecompilePreimagePartOfPieces", offset, IDENTITY, 30, [keccak(piece) for piece in pieces])
        assert served(oracle, precompile_key(IDENTITY, 30, data), b"\x01" + data, offset)


def test_an_input_of_no_pieces_is_empty(oracle: Contract) -> None:
    oracle.send("loadPrecompilePreimagePartOfPieces", 8, BN256_PAIRING, 45_000, [])
    assert served(oracle, precompile_key(BN256_PAIRING, 45_000, b""), b"\x01" + (1).to_bytes(32, "big"), 8)


def test_a_piece_is_kept_once_and_cannot_be_run(oracle: Contract) -> None:
    oracle.send("keepInputPiece", b"\xff\x5f")
    kept = oracle.call("inputPieces", keccak(b"\xff\x5f"))
    assert oracle.chain.code(bytes.fromhex(kept[2:])) == b"\0\xff\x5f"
    oracle.send("keepInputPiece", b"\xff\x5f", sender=account("somebody else"))
    assert oracle.call("inputPieces", keccak(b"\xff\x5f")) == kept


def test_pieces_that_are_too_long_or_that_nobody_kept_are_refused(oracle: Contract) -> None:
    for piece in (b"", bytes(MAX_INPUT_PIECE + 1)):
        with pytest.raises(Reverted, match="InvalidInputSize"):
            oracle.send("keepInputPiece", piece)
    assert oracle.call("MAX_INPUT_PIECE") == MAX_INPUT_PIECE
    with pytest.raises(Reverted, match="UnknownPiece"):
        oracle.send("loadPrecompilePreimagePartOfPieces", 8, IDENTITY, 30, [keccak(b"x")])


@pytest.mark.parametrize("fork", [JOVIAN_LIMITS, KARST_LIMITS], ids=["Jovian", "Karst"])
@pytest.mark.parametrize("address", [BLS12_G1_MSM, BLS12_G2_MSM, BLS12_PAIRING, BN256_PAIRING], ids=lambda it: f"{it[-1]}")
def test_the_longest_call_of_a_fork_goes_in_transactions_that_nodes_pass_on(
    oracle: Contract, fork: dict[Address, int], address: Address
) -> None:
    precompile = ACCELERATED[address]
    size = precompile.longest(fork[address])
    data, gas = b"\xff" * size, precompile.gas_of(size)  # fails, and burns all that it is given
    key = precompile_key(address, gas, data)
    calls = load_preimage(key, b"\0", 8, PrecompileCall(address, gas, data)).calls
    assert (len(calls) > 1) == (size > LARGEST_TRANSACTION_DATA)
    for call in calls:
        assert (call.gas_limit or 0) <= TRANSACTION_GAS_CAP
        assert len(oracle.artifact.encode_call(call.function, *call.arguments)) < 128 * 1024 - 500
        send(oracle, call)
    assert served(oracle, key, b"\0", 8)
