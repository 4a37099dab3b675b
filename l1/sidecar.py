"""Blob sidecars and the form in which type-3 transactions travel: with their blobs, commitments and proofs.

Two forms exist. Until Prague, one proof per blob: `0x03 ++ rlp([tx, blobs, commitments, proofs])`. Since Osaka, 128
cell proofs per blob: `0x03 ++ rlp([tx, 1, blobs, commitments, cell_proofs])`.
Spec: EIP-4844, "Networking"; EIP-7594, "Networking".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import cast

from config.forks import EthFork
from config.types import Hash32, to_hex
from evm.types.rlp import Rlp, RlpError, RlpInput, as_bytes, as_int, as_list, decode, decode_list, encode
from evm.types.transaction import BlobTransaction, TransactionDecodingError, TransactionType, decode_transaction
from l1 import kzg_core
from l1.kzg_core import BYTES_PER_BLOB, BYTES_PER_COMMITMENT, BYTES_PER_PROOF, CELLS_PER_BLOB, versioned_hash

MAX_BLOBS_PER_TRANSACTION = 6
"""Since Osaka, whatever a block may hold. Spec: EIP-7594, "Networking"."""


class SidecarError(ValueError):
    """A sidecar that is malformed, does not belong to its transaction, or whose proofs do not hold."""


class SidecarVersion(IntEnum):
    """Which proofs a sidecar carries."""

    BLOB_PROOFS = 0
    CELL_PROOFS = 1

    @staticmethod
    def at(fork: EthFork) -> "SidecarVersion":
        """What nodes accept under these L1 rules."""
        return SidecarVersion.CELL_PROOFS if fork >= EthFork.OSAKA else SidecarVersion.BLOB_PROOFS


@dataclass(frozen=True)
class BlobSidecar:
    """Blobs (131,072 bytes each) with their commitments (48 bytes) and proofs (48 bytes).

    `proofs` has one entry per blob with `BLOB_PROOFS`, and 128 per blob, blob by blob, with `CELL_PROOFS`.
    """

    blobs: tuple[bytes, ...]
    commitments: tuple[bytes, ...]
    proofs: tuple[bytes, ...]
    version: SidecarVersion

    @cached_property
    def versioned_hashes(self) -> tuple[Hash32, ...]:
        """What the transaction names them by, from the commitments."""
        return tuple(versioned_hash(commitment) for commitment in self.commitments)

    @property
    def proofs_per_blob(self) -> int:
        """1 or 128."""
        return CELLS_PER_BLOB if self.version is SidecarVersion.CELL_PROOFS else 1

    def check_shape(self) -> None:
        """Raises SidecarError when counts or lengths are wrong."""
        if not len(self.blobs) == len(self.commitments) or len(self.proofs) != self.proofs_per_blob * len(self.blobs):
            raise SidecarError(
                f"sidecar of {len(self.blobs)} blobs has {len(self.commitments)} commitments and "
                f"{len(self.proofs)} proofs; "
                f"expected {len(self.blobs)} and {self.proofs_per_blob * len(self.blobs)}"
            )
        for what, items, length in (
            ("blob", self.blobs, BYTES_PER_BLOB),
            ("commitment", self.commitments, BYTES_PER_COMMITMENT),
            ("proof", self.proofs, BYTES_PER_PROOF),
        ):
            for index, item in enumerate(items):
                if len(item) != length:
                    raise SidecarError(f"sidecar {what} {index} has {len(item)} bytes, expected {length}")

    def check_belongs_to(self, transaction: BlobTransaction) -> None:
        """Raises SidecarError when the transaction names other blobs than these, or their shape is wrong.

        The proofs are not verified here: `verify` does, in the KZG worker.
        """
        self.check_shape()
        if not self.blobs:
            raise SidecarError("a blob transaction needs at least one blob")
        if self.versioned_hashes != transaction.versioned_hashes:
            raise SidecarError(
                f"sidecar's commitments give the blob hashes {_names(self.versioned_hashes)}, "
                f"the transaction names {_names(transaction.versioned_hashes)}"
            )

    def verify(self) -> None:
        """Check every proof. Takes milliseconds per blob and holds the interpreter: call it in the KZG worker.

        Raises SidecarError when a proof does not hold or an element is malformed.
        """
        self.check_shape()
        check = (
            kzg_core.verify_cell_proofs if self.version is SidecarVersion.CELL_PROOFS else kzg_core.verify_blob_proofs
        )
        try:
            valid = check(self.blobs, self.commitments, self.proofs)
        except kzg_core.KzgError as error:
            raise SidecarError(f"sidecar of {len(self.blobs)} blobs: {error}") from error
        if not valid:
            raise SidecarError(f"sidecar of {len(self.blobs)} blobs: a proof does not fit its blob and commitment")


def build_sidecar(blobs: Sequence[bytes], version: SidecarVersion) -> BlobSidecar:
    """Commitments and proofs of blobs: 0.1 s of CPU time per blob with blob proofs, 0.4 s with cell proofs.

    Call it in the KZG worker. Raises KzgError for malformed blobs.
    """
    commitments = tuple(kzg_core.commitment_of(blob) for blob in blobs)
    if version is SidecarVersion.CELL_PROOFS:
        proofs = tuple(proof for blob in blobs for proof in kzg_core.cell_proofs_of(blob))
    else:
        proofs = tuple(
            kzg_core.blob_proof_of(blob, commitment) for blob, commitment in zip(blobs, commitments, strict=True)
        )
    return BlobSidecar(tuple(blobs), commitments, proofs, version)


def encode_network_transaction(transaction: BlobTransaction, sidecar: BlobSidecar) -> bytes:
    """The bytes that `eth_sendRawTransaction` takes. Raises SidecarError when the sidecar is not the transaction's."""
    sidecar.check_belongs_to(transaction)
    items: list[RlpInput] = [cast(RlpInput, decode(transaction.raw[1:]))]
    if sidecar.version is SidecarVersion.CELL_PROOFS:
        items.append(b"\x01")
    items += [sidecar.blobs, sidecar.commitments, sidecar.proofs]
    return bytes((TransactionType.BLOB,)) + encode(items)


def is_network_form(raw: bytes) -> bool:
    """Whether these bytes are a type-3 transaction with a sidecar around it (the first RLP item is itself a list)."""
    if not raw or raw[0] != TransactionType.BLOB or len(raw) < 3:
        return False
    prefix = raw[1]
    first = 2 if prefix < 0xF8 else 2 + prefix - 0xF7
    return len(raw) > first and raw[first] >= 0xC0


def decode_network_transaction(raw: bytes) -> tuple[BlobTransaction, BlobSidecar]:
    """A type-3 transaction and its sidecar, in either form; checked to belong together, proofs not verified.

    Raises SidecarError when the bytes are not of that form or the two do not fit.
    """
    if raw[:1] != bytes((TransactionType.BLOB,)):
        raise SidecarError(f"a blob transaction starts with 0x03, these {len(raw)} bytes start with 0x{raw[:1].hex()}")
    if not is_network_form(raw):
        raise SidecarError("the blob transaction comes without its sidecar")
    try:
        items = decode_list(raw[1:], "blob transaction with sidecar")
        if len(items) == 4:
            version = SidecarVersion.BLOB_PROOFS
        elif len(items) == 5:
            number = as_int(items[1], "sidecar version", 1)
            if number != SidecarVersion.CELL_PROOFS:
                raise SidecarError(f"sidecar version {number} is not known")
            version = SidecarVersion.CELL_PROOFS
        else:
            raise SidecarError(f"a blob transaction with sidecar has 4 or 5 parts, got {len(items)}")
        blobs, commitments, proofs = (_strings(item) for item in items[-3:])
        transaction = decode_transaction(b"\x03" + encode(items[0]))
    except (RlpError, TransactionDecodingError) as error:
        raise SidecarError(f"blob transaction with sidecar: {error}") from error
    if not isinstance(transaction, BlobTransaction):
        raise SidecarError("the transaction inside is not of type 3")
    sidecar = BlobSidecar(blobs, commitments, proofs, version)
    sidecar.check_belongs_to(transaction)
    return transaction, sidecar


def _strings(item: Rlp) -> tuple[bytes, ...]:
    return tuple(as_bytes(part, "sidecar part") for part in as_list(item, "sidecar list"))


def _names(hashes: Sequence[Hash32]) -> str:
    return ", ".join(to_hex(value)[:10] + ".." for value in hashes) or "none"
