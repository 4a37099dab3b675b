"""The preimage oracle: what it stores is bound to its key, for every kind of preimage."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

import ckzg
import pytest
from eth.vm.forks.prague.computation import PragueComputation
from eth_utils.crypto import keccak

from config.types import Address
from evm.precompiles.point_evaluation import point_evaluation, trusted_setup
from faultproof.host.blobs import evaluation_points
from faultproof.host.precompiles import precompile_preimage
from faultproof.preimage import blob_key, keccak256_key, precompile_key, sha256_key
from tests.contracts.harness import Chain, Contract, Reverted

DATA = bytes(range(100))
ADD, PAIRING, IDENTITY = (Address(bytes(19) + bytes([number])) for number in (6, 8, 4))


def oracle() -> Contract:
    return Chain().deploy("PreimageOracle", 100)


def parts(contract: Contract, key: bytes, size: int) -> bytes:
    """Length prefix and data, as reads of 32 bytes give them."""
    value = b""
    while len(value) < size + 8:
        word, length = contract.call("readPreimage", key, len(value))
        value += word[:length]
    return value


@cache
def blob() -> tuple[bytes, bytes]:
    """A blob and its commitment."""
    content = b"".join((index * index + 1).to_bytes(32, "big") for index in range(4096))
    return content, ckzg.blob_to_kzg_commitment(content, trusted_setup())


@pytest.mark.parametrize(
    ("function", "key"),
    [
        ("loadKeccak256PreimagePart", keccak256_key(keccak(DATA))),
        ("loadSha256PreimagePart", sha256_key(sha256(DATA).digest())),
    ],
)
def test_preimages_of_hashes_are_read_as_they_are(function: str, key: bytes) -> None:
    contract = oracle()
    for offset in range(0, 108, 32):
        contract.send(function, offset, DATA)
    assert parts(contract, key, len(DATA)) == (100).to_bytes(8, "big") + DATA
    with pytest.raises(Reverted, match="PartOffsetOOB"):
        contract.send(function, 108, DATA)
    with pytest.raises(Reverted, match="pre-image must exist"):
        contract.call("readPreimage", key, 5)


@pytest.mark.parametrize("index", [0, 1, 2047, 4095])
def test_a_field_element_of_a_blob_is_stored_with_a_proof_of_it(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # py-evm's own loads the trusted setup at every call.
    monkeypatch.setitem(PragueComputation._precompiles, Address(bytes(19) + b"\x0a"), point_evaluation)
    contract = oracle()
    content, commitment = blob()
    point, element = evaluation_points()[index], content[32 * index : 32 * index + 32]
    proof, value = ckzg.compute_kzg_proof(content, point, trusted_setup())
    assert value == element
    z, y = int.from_bytes(point, "big"), int.from_bytes(element, "big")
    for offset in (0, 32):
        contract.send("loadBlobPreimagePart", z, y, commitment, proof, offset)
    assert parts(contract, blob_key(commitment, point), 32) == (32).to_bytes(8, "big") + element
    with pytest.raises(Reverted, match="InvalidProof"):
        contract.send("loadBlobPreimagePart", z, y + 1, commitment, proof, 0)
    with pytest.raises(Reverted, match="PartOffsetOOB"):
        contract.send("loadBlobPreimagePart", z, y, commitment, proof, 40)


POINT = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")


@pytest.mark.parametrize(
    ("address", "gas", "data"),
    [(ADD, 150, POINT + POINT), (ADD, 150, bytes(31) + b"\x01" + bytes(96)), (PAIRING, 45_000, b""), (ADD, 150, b"")],
    ids=["a result", "a failure", "no input", "zeros"],
)
def test_results_of_precompiled_contracts_are_those_that_the_host_computes(
    address: Address, gas: int, data: bytes
) -> None:
    contract = oracle()
    key, preimage = precompile_preimage(address, gas, data)
    for offset in range(0, len(preimage) + 8, 32):
        contract.send("loadPrecompilePreimagePart", offset, address, gas, data)
    assert parts(contract, key, len(preimage)) == len(preimage).to_bytes(8, "big") + preimage


def test_a_call_without_the_gas_it_needs_is_no_result() -> None:
    contract = oracle()
    data = contract.artifact.encode_call("loadPrecompilePreimagePart", 0, ADD, 10**6, POINT + POINT)
    with pytest.raises(Reverted, match="NotEnoughGas"):
        contract.chain.send(contract.address, data, gas=1_100_000)
    contract.chain.send(contract.address, data, gas=1_500_000)
    assert contract.call("preimagePartOk", precompile_key(ADD, 10**6, POINT + POINT), 0) is True


def test_a_large_input_still_leaves_gas_for_the_result() -> None:
    contract = oracle()
    data = b"\x01" * 50_000
    gas = 15 + 3 * ((len(data) + 31) // 32)
    contract.send("loadPrecompilePreimagePart", 0, IDENTITY, gas, data)
    assert contract.call("preimageLengths", precompile_key(IDENTITY, gas, data)) == 1 + len(data)
