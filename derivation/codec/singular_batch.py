"""The singular batch: one L2 block's transactions."""

from dataclasses import dataclass

from config.types import Hash32, short
from derivation.codec.errors import BatchError
from evm.types.rlp import RlpError, as_bytes, as_int, as_list, decode, encode, int_to_rlp, item_length


@dataclass(frozen=True)
class SingularBatch:
    """One L2 block as its batch describes it. `timestamp` in seconds; `transactions` are canonical bytes (EIP-2718).

    Spec: op derivation, "Batch Format".
    """

    parent_hash: Hash32
    epoch_number: int
    epoch_hash: Hash32
    timestamp: int
    transactions: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The batch's content, without the version byte."""
        return encode(
            [
                self.parent_hash,
                int_to_rlp(self.epoch_number),
                self.epoch_hash,
                int_to_rlp(self.timestamp),
                self.transactions,
            ]
        )

    @staticmethod
    def decode(content: bytes) -> "SingularBatch":
        """Read the content of a batch. Bytes after the list are ignored, as the spec allows.

        Raises BatchError when it is malformed.
        """
        try:
            items = as_list(decode(content[: item_length(content)]), "singular batch", 5)
            return SingularBatch(
                parent_hash=Hash32(as_bytes(items[0], "parent hash", 32)),
                epoch_number=as_int(items[1], "epoch number", 8),
                epoch_hash=Hash32(as_bytes(items[2], "epoch hash", 32)),
                timestamp=as_int(items[3], "timestamp", 8),
                transactions=tuple(as_bytes(item, "transaction") for item in as_list(items[4], "transactions")),
            )
        except RlpError as error:
            raise BatchError(f"singular batch: {error}") from error

    def __str__(self) -> str:
        return (
            f"batch at {self.timestamp} on {short(self.parent_hash)} with {len(self.transactions)} transactions, "
            f"epoch {self.epoch_number} ({short(self.epoch_hash)})"
        )
