"""Stage 2 of derivation: takes the batcher's data out of an L1 block."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from config.constants import DERIVATION_VERSION_1
from config.errors import CriticalError
from config.forks import Fork
from config.rollup import AltDaConfig, RollupConfig
from config.types import ZERO_ADDRESS, Address, Hash32, short, to_hex
from derivation.codec.blob import decode_blob
from derivation.codec.commitment import MAX_KECCAK_INPUT_BYTES, Commitment, CommitmentType
from derivation.codec.errors import BlobError, CommitmentError, FrameError
from derivation.codec.frames import parse_batcher_transaction
from derivation.events import EventKind, EventSink
from derivation.providers import L1Provider, RemoteInputs
from derivation.stages.l1_traversal import L1Traversal
from derivation.stages.pull import Pull
from derivation.types import L1BlockRef
from evm.types.signature import InvalidSignature
from evm.types.transaction import BlobTransaction, Transaction, TransactionType

BATCHER_TRANSACTION_TYPES = frozenset(
    (
        TransactionType.LEGACY,
        TransactionType.ACCESS_LIST,
        TransactionType.DYNAMIC_FEE,
        TransactionType.BLOB,
        TransactionType.DEPOSIT,
    )
)


_COMMITMENT_VERSION = bytes((DERIVATION_VERSION_1,))


@dataclass(frozen=True)
class InboxSighting:
    """A transaction with frames in the batch inbox that does not count, since `sender` is not the batcher of its block."""

    block: L1BlockRef
    transaction: Hash32
    sender: Address


class L1Retrieval:
    """Gives the data of the current L1 block's batcher transactions, in order.

    Duties: pick transactions of an allowed type to the batch inbox, signed by the batcher of that very block; take the
    calldata, or since Ecotone for blob transactions the decoded blobs instead; skip a blob that does not decode. Whether the L1
    transaction succeeded does not matter. Where the chain's data may be outside L1, give what a commitment stands for
    instead of the commitment; everything else passes unchanged.
    Spec: op derivation, "L1 Retrieval"; op ecotone derivation, "Blob Retrieval"; op alt-da, "Derivation".
    """

    def __init__(
        self,
        rollup: RollupConfig,
        l1: L1Provider,
        events: EventSink,
        traversal: L1Traversal,
        remote: RemoteInputs | None = None,
    ) -> None:
        """Raises CriticalError when the chain's data may be outside L1 and cannot be read from here."""
        _check_alt_da(rollup, remote)
        self._rollup = rollup
        self._l1 = l1
        self._events = events
        self._traversal = traversal
        self._remote = remote
        self._loaded: Hash32 | None = None
        self._data: deque[bytes] = deque()
        self.batcher_seen: L1BlockRef | None = None
        """The newest L1 block read that holds a transaction of the batcher."""
        self.stranger: InboxSighting | None = None
        """The newest transaction read that would be a batcher's, were it not for its sender."""

    @property
    def origin(self) -> L1BlockRef:
        """The L1 block being read."""
        return self._traversal.origin

    def next(self) -> bytes | Pull:
        """The data of the next batcher transaction or blob of the current L1 block."""
        if self._loaded != self.origin.hash:
            self._load()
        while self._data:
            data: bytes | None = self._data[0]
            if self._rollup.alt_da is not None and self._data[0][:1] == _COMMITMENT_VERSION:
                data = self._resolve(self._data[0][1:], self._rollup.alt_da)
            self._data.popleft()
            if data is not None:
                return data
        return Pull.DRY

    def reset(self) -> None:
        """Forget what was read; the current block is read again."""
        self._loaded = None
        self._data.clear()
        self.batcher_seen = None
        self.stranger = None

    def _load(self) -> None:
        origin = self.origin
        block = self._l1.block(origin.hash)
        transactions = [tx for tx in block.transactions if self._is_from_batcher(tx)]
        takes_blobs = self._rollup.is_active(Fork.ECOTONE, origin.timestamp)
        hashes = [value for tx in transactions for value in tx.blob_versioned_hashes] if takes_blobs else []
        found = self._l1.blobs(block.header, hashes) if hashes else ()
        if len(found) != len(hashes):
            raise CriticalError(
                f"asked for {len(hashes)} blobs of {origin}, got {len(found)}: the blob source is broken"
            )
        blobs = iter(found)
        self._data.clear()
        self._loaded = origin.hash
        if transactions:
            self.batcher_seen = origin
        self._look_for_strangers(block.transactions)
        for tx in transactions:
            if not isinstance(tx, BlobTransaction) or not takes_blobs:
                self._data.append(tx.data)
                continue
            for blob_hash in tx.versioned_hashes:
                try:
                    self._data.append(decode_blob(next(blobs)))
                except BlobError as error:
                    self._events.emit(
                        EventKind.BLOB_INVALID,
                        origin,
                        f"blob {short(blob_hash)} of transaction {short(tx.hash)} was skipped: {error}",
                    )

    def _resolve(self, encoded: bytes, alt_da: AltDaConfig) -> bytes | None:
        """What the commitment stands for, None when it does not count. Nothing has changed when it raises."""
        try:
            return self._committed(encoded, alt_da)
        except CommitmentError as error:
            self._events.emit(EventKind.COMMITMENT_INVALID, self.origin, f"a batcher transaction was skipped: {error}")
            return None

    def _committed(self, encoded: bytes, alt_da: AltDaConfig) -> bytes:
        assert self._remote is not None
        commitment = Commitment.decode(encoded)
        if commitment.type != alt_da.commitment_type:
            raise CommitmentError(f"{commitment} is not of the chain's type {alt_da.commitment_type}")
        data = self._remote.remote_input(commitment, self.origin)
        if commitment.type is CommitmentType.KECCAK and len(data) > MAX_KECCAK_INPUT_BYTES:
            raise CommitmentError(
                f"{commitment} stands for {len(data)} bytes, at most {MAX_KECCAK_INPUT_BYTES} are allowed"
            )
        return data

    def _is_from_batcher(self, tx: Transaction) -> bool:
        return self._inbox_sender(tx) == self._traversal.system_config.batcher_address

    def _inbox_sender(self, tx: Transaction) -> Address | None:
        """Who sent a transaction to the batch inbox; None when it is no such transaction."""
        if tx.to != self._rollup.batch_inbox_address or tx.type not in BATCHER_TRANSACTION_TYPES:
            return None
        try:
            return tx.sender
        except InvalidSignature:
            return None

    def _look_for_strangers(self, transactions: Sequence[Transaction]) -> None:
        for tx in transactions:
            sender = self._inbox_sender(tx)
            if sender is None or sender == self._traversal.system_config.batcher_address:
                continue
            if isinstance(tx, BlobTransaction) or _holds_frames(tx.data):
                self.stranger = InboxSighting(self.origin, tx.hash, sender)


def _holds_frames(data: bytes) -> bool:
    try:
        return bool(parse_batcher_transaction(data))
    except FrameError:
        return False


def _check_alt_da(rollup: RollupConfig, remote: RemoteInputs | None) -> None:
    alt_da = rollup.alt_da
    if alt_da is None:
        return
    if alt_da.challenge_contract_address != ZERO_ADDRESS and alt_da.commitment_type == CommitmentType.KECCAK:
        raise CriticalError(
            "this chain's data is kept outside L1 and can be challenged in the contract "
            f"{to_hex(alt_da.challenge_contract_address)}: challenges are not followed here, so neither is this chain"
        )
    if remote is None:
        raise CriticalError("this chain's data is kept outside L1: name a DA server (--altda.da-server URL)")
