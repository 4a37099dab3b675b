"""KZG commitments and proofs of blobs: the arithmetic, synchronous. `l1.kzg` runs it in a process of its own.

The library holds the interpreter's lock and its trusted setup takes seconds to load, so nothing that serves requests
calls these functions directly. Spec: EIP-4844, EIP-7594; consensus specs, "Polynomial Commitments".
"""

import hashlib
import importlib.util
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import ckzg

from config.errors import CriticalError
from config.types import Hash32

BYTES_PER_BLOB = 131_072
BYTES_PER_COMMITMENT = 48
BYTES_PER_PROOF = 48
CELLS_PER_BLOB = 128
VERSIONED_HASH_VERSION = b"\x01"

TRUSTED_SETUP_SHA256 = "d39b9f2d047cc9dca2de58f264b6a09448ccd34db967881a6713eacacf0f26b7"
"""The result of the 2023 KZG ceremony in the text form that c-kzg reads."""

_SETUP_PLACES = (
    ("eth_account", "typed_transactions/blob_transactions/kzg_trusted_setup.txt"),
    ("eth", "_utils/kzg_trusted_setup.txt"),
)


class KzgError(ValueError):
    """Bytes that are no blob, commitment or proof: a wrong length, or a value outside its field or group."""


def versioned_hash(commitment: bytes) -> Hash32:
    """How transactions name a blob: 0x01, then the last 31 bytes of the commitment's sha256.

    Spec: EIP-4844, "Helpers".
    """
    return Hash32(VERSIONED_HASH_VERSION + hashlib.sha256(commitment).digest()[1:])


def trusted_setup_path() -> Path:
    """The ceremony's result as installed packages carry it, its sha256 checked.

    Raises CriticalError when it is missing or altered.
    """
    for package, relative in _SETUP_PLACES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        path = Path(spec.origin).parent / relative
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest != TRUSTED_SETUP_SHA256:
                raise CriticalError(
                    f"the KZG trusted setup {path} is not the ceremony's result (sha256 {digest}); reinstall {package}"
                )
            return path
    raise CriticalError("the KZG trusted setup is not installed; reinstall the package eth-account")


@lru_cache(maxsize=1)
def trusted_setup() -> Any:
    """The loaded setup; the first call takes about two seconds of CPU time."""
    return ckzg.load_trusted_setup(str(trusted_setup_path()), 0)


def commitment_of(blob: bytes) -> bytes:
    """The 48-byte commitment to a blob. Raises KzgError for a wrong length or a field element out of range."""
    _check_blob(blob)
    try:
        commitment: bytes = ckzg.blob_to_kzg_commitment(blob, trusted_setup())
    except (RuntimeError, ValueError) as error:
        raise KzgError("the blob holds a 32-byte word that is no field element") from error
    return commitment


def blob_proof_of(blob: bytes, commitment: bytes) -> bytes:
    """The 48-byte proof that `commitment` belongs to `blob`. Raises KzgError for malformed input."""
    _check_blob(blob)
    _check_point(commitment, "commitment")
    try:
        proof: bytes = ckzg.compute_blob_kzg_proof(blob, commitment, trusted_setup())
    except (RuntimeError, ValueError) as error:
        raise KzgError("no proof exists: the blob or the commitment is malformed") from error
    return proof


def point_proof_of(blob: bytes, point: bytes) -> bytes:
    """The 48-byte proof of the value that the blob's polynomial has at a 32-byte point. Raises KzgError."""
    _check_blob(blob)
    try:
        proof, _ = ckzg.compute_kzg_proof(blob, point, trusted_setup())
    except (RuntimeError, ValueError) as error:
        raise KzgError("no proof exists: the blob or the point is malformed") from error
    return bytes(proof)


def cell_proofs_of(blob: bytes) -> tuple[bytes, ...]:
    """The 128 proofs (48 bytes each) of the extended blob's cells. Raises KzgError for a malformed blob."""
    _check_blob(blob)
    try:
        _, proofs = ckzg.compute_cells_and_kzg_proofs(blob, trusted_setup())
    except (RuntimeError, ValueError) as error:
        raise KzgError("the blob holds a 32-byte word that is no field element") from error
    return tuple(proofs)


def verify_blob_proofs(blobs: Sequence[bytes], commitments: Sequence[bytes], proofs: Sequence[bytes]) -> bool:
    """Whether each proof shows that its commitment belongs to its blob. Raises KzgError for malformed input."""
    if not len(blobs) == len(commitments) == len(proofs):
        raise KzgError(f"{len(blobs)} blobs, {len(commitments)} commitments and {len(proofs)} proofs do not pair up")
    for blob in blobs:
        _check_blob(blob)
    _check_points(commitments, "commitment")
    _check_points(proofs, "proof")
    try:
        valid: bool = ckzg.verify_blob_kzg_proof_batch(
            b"".join(blobs), b"".join(commitments), b"".join(proofs), trusted_setup()
        )
    except (RuntimeError, ValueError) as error:
        raise KzgError("a blob, commitment or proof is malformed") from error
    return valid


def verify_cell_proofs(blobs: Sequence[bytes], commitments: Sequence[bytes], proofs: Sequence[bytes]) -> bool:
    """Whether each blob's 128 cell proofs fit its cells and commitment; `proofs` holds all blobs' proofs in order.

    Raises KzgError for malformed input. Spec: EIP-7594, "Networking".
    """
    if len(blobs) != len(commitments) or len(proofs) != CELLS_PER_BLOB * len(blobs):
        raise KzgError(f"{len(blobs)} blobs, {len(commitments)} commitments, {len(proofs)} cell proofs do not pair up")
    for blob in blobs:
        _check_blob(blob)
    _check_points(commitments, "commitment")
    _check_points(proofs, "cell proof")
    if not blobs:
        return True
    try:
        cells = [cell for blob in blobs for cell in ckzg.compute_cells(blob, trusted_setup())]
        valid: bool = ckzg.verify_cell_kzg_proof_batch(
            [commitment for commitment in commitments for _ in range(CELLS_PER_BLOB)],
            list(range(CELLS_PER_BLOB)) * len(blobs),
            cells,
            list(proofs),
            trusted_setup(),
        )
    except (RuntimeError, ValueError) as error:
        raise KzgError("a blob, commitment or cell proof is malformed") from error
    return valid


def _check_blob(blob: bytes) -> None:
    if len(blob) != BYTES_PER_BLOB:
        raise KzgError(f"a blob has {BYTES_PER_BLOB} bytes, got {len(blob)}")


def _check_point(point: bytes, what: str) -> None:
    if len(point) != BYTES_PER_PROOF:
        raise KzgError(f"a {what} has {BYTES_PER_PROOF} bytes, got {len(point)}")


def _check_points(points: Iterable[bytes], what: str) -> None:
    for point in points:
        _check_point(point, what)
