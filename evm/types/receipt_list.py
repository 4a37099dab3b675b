"""A block's receipts that are decoded when someone looks at them: most are only stored."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import overload

from evm.types.receipt import Receipt


class EncodedReceipts(Sequence[Receipt]):
    """Receipts in order, from their canonical bytes. Equal to any sequence of the same receipts."""

    def __init__(self, encodings: Iterable[bytes]) -> None:
        self.encodings = tuple(encodings)

    @cached_property
    def _decoded(self) -> tuple[Receipt, ...]:
        return tuple(map(Receipt.decode, self.encodings))

    @overload
    def __getitem__(self, index: int) -> Receipt: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Receipt, ...]: ...

    def __getitem__(self, index: int | slice) -> Receipt | tuple[Receipt, ...]:
        return self._decoded[index]

    def __len__(self) -> int:
        return len(self.encodings)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._decoded == tuple(other)

    def __hash__(self) -> int:
        return hash(self._decoded)


def encode_receipts(receipts: Sequence[Receipt]) -> Sequence[bytes]:
    """The canonical bytes of each."""
    if isinstance(receipts, EncodedReceipts):
        return receipts.encodings
    return [receipt.encode() for receipt in receipts]
