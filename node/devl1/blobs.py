"""Keeps the blobs of included transactions, as the consensus layer of a real L1 does."""

from dataclasses import dataclass

from config.l1_chain import L1ChainConfig
from config.types import Hash32
from evm.store.kv import KeyValueStore, WriteBatch
from evm.types.rlp import as_bytes, as_list, decode_list, encode
from evm.types.transaction import BlobTransaction
from l1.kzg import KzgWorker
from l1.sidecar import BlobSidecar, SidecarError, SidecarVersion
from node.devl1.slots import SlotClock


@dataclass(frozen=True)
class StoredBlob:
    """A blob (131,072 bytes) with its commitment (48 bytes) and its proofs (one, or one per cell)."""

    blob: bytes
    commitment: bytes
    proofs: tuple[bytes, ...]
    version: SidecarVersion


class BlobStore:
    """Blobs by versioned hash, on disk under the key `V<hash>`; kept for ever, since a dev chain is short."""

    def __init__(self, kv: KeyValueStore) -> None:
        self._kv = kv

    def put(self, sidecar: BlobSidecar) -> None:
        """Store all blobs of a sidecar that has been verified."""
        batch = WriteBatch()
        count = sidecar.proofs_per_blob
        for index, (versioned_hash, blob, commitment) in enumerate(
            zip(sidecar.versioned_hashes, sidecar.blobs, sidecar.commitments, strict=True)
        ):
            proofs = sidecar.proofs[index * count : (index + 1) * count]
            batch.put(b"V" + versioned_hash, encode([bytes((sidecar.version,)), blob, commitment, list(proofs)]))
        self._kv.write(batch, sync=True)

    def get(self, versioned_hash: Hash32) -> StoredBlob | None:
        """The blob of this hash."""
        raw = self._kv.get(b"V" + versioned_hash)
        if raw is None:
            return None
        version, blob, commitment, proofs = as_list(list(decode_list(raw, "stored blob")), "stored blob", 4)
        return StoredBlob(
            blob=as_bytes(blob, "blob"),
            commitment=as_bytes(commitment, "commitment", 48),
            proofs=tuple(as_bytes(proof, "proof", 48) for proof in as_list(proofs, "proofs")),
            version=SidecarVersion(as_bytes(version, "version", 1)[0]),
        )

    def delete(self, versioned_hash: Hash32) -> None:
        """Lose a blob on purpose (bad weather for tests)."""
        batch = WriteBatch()
        batch.delete(b"V" + versioned_hash)
        self._kv.write(batch, sync=True)


class PoolSidecars:
    """The pool's side of blobs: verifies sidecars in a worker process and keeps them where the beacon API finds them.

    Which proofs are taken follows the fork: one per blob before Osaka, one per cell from then on.
    """

    def __init__(self, blobs: BlobStore, chain: L1ChainConfig, clock: SlotClock, kzg: KzgWorker) -> None:
        self._blobs = blobs
        self._chain = chain
        self._clock = clock
        self._kzg = kzg
        self._by_transaction: dict[Hash32, BlobSidecar] = {}

    async def verify(self, transaction: BlobTransaction, sidecar: BlobSidecar) -> None:
        """Check wrapper version and proofs. Raises SidecarError saying what is wrong."""
        wanted = SidecarVersion.at(self._chain.fork_at(int(self._clock.now())))
        if sidecar.version != wanted:
            raise SidecarError(
                f"sidecar has version {int(sidecar.version)}, this chain takes version {int(wanted)} "
                f"({'cell proofs' if wanted else 'one proof per blob'}) now"
            )
        await self._kzg.verify_sidecar(transaction, sidecar)

    def keep(self, transaction_hash: Hash32, sidecar: BlobSidecar) -> None:
        """Store the blobs; they stay after inclusion."""
        self._blobs.put(sidecar)
        self._by_transaction[transaction_hash] = sidecar

    def holds(self, transaction_hash: Hash32) -> bool:
        """Whether the transaction came with its sidecar since the start."""
        return transaction_hash in self._by_transaction

    def release(self, transaction_hash: Hash32) -> None:
        """Forget which sidecar belonged to a transaction that left; its blobs stay stored."""
        self._by_transaction.pop(transaction_hash, None)
