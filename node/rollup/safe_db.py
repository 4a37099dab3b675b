"""Which L2 block was safe as of which L1 block, for ever, on disk.

Proposers and challengers ask it: a claim is judged by what L1 held at the game's L1 head, not by what it holds now.
Key `S<L1 number>`, value L1 hash, L2 hash, L2 number. `Mderived` is the newest L1 block that is derived to its end: L1
hash, L1 number. Spec: op-node RPC, `optimism_safeHeadAtL1Block`.
"""

import itertools
from dataclasses import dataclass

from config.rollup import BlockId
from config.types import Hash32
from evm.store.kv import KeyValueStore, WriteBatch

_PREFIX = b"S"
_DERIVED = b"Mderived"


@dataclass(frozen=True)
class SafeHeadEntry:
    """From `l1` on (until the next entry) the safe head was `l2`."""

    l1: BlockId
    l2: BlockId


class SafeDb:
    """An append-only list of safe heads by L1 block, truncated when L1 reorganises."""

    def __init__(self, kv: KeyValueStore) -> None:
        self._kv = kv

    def record(self, l1: BlockId, l2: BlockId) -> None:
        """Note that deriving from `l1` made `l2` safe. A later note for the same L1 block replaces the earlier one."""
        batch = WriteBatch()
        batch.put(_key(l1.number), l1.hash + l2.hash + l2.number.to_bytes(8, "big"))
        self._kv.write(batch, sync=False)

    def at(self, l1_number: int) -> SafeHeadEntry | None:
        """The newest entry at or below an L1 block number."""
        for key, value in self._kv.scan(_PREFIX, start=_key(l1_number), reverse=True):
            return _entry(key, value)
        return None

    def newest(self) -> SafeHeadEntry | None:
        """The newest entry of all."""
        return self.at((1 << 64) - 1)

    def latest(self, count: int) -> list[SafeHeadEntry]:
        """The newest entries, at most `count`, the newest first."""
        return [_entry(key, value) for key, value in itertools.islice(self._kv.scan(_PREFIX, reverse=True), count)]

    def after(self, l1_number: int) -> SafeHeadEntry | None:
        """The oldest entry above an L1 block number."""
        for key, value in self._kv.scan(_PREFIX, start=_key(l1_number + 1)):
            return _entry(key, value)
        return None

    def before(self, entry: SafeHeadEntry) -> SafeHeadEntry | None:
        """The entry of the nearest earlier L1 block."""
        return self.at(entry.l1.number - 1) if entry.l1.number > 0 else None

    def derived(self) -> BlockId | None:
        """The newest L1 block that is known to be derived to its end: the entry at or below it is its outcome."""
        value = self._kv.get(_DERIVED)
        return None if value is None else BlockId(Hash32(value[:32]), int.from_bytes(value[32:40], "big"))

    def mark_derived(self, l1: BlockId) -> None:
        """Note that all data of an L1 block has been derived, so that a restart need not do it again.

        Not synced: what a power loss takes away are the newest writes, so an older mark stands with older entries.
        """
        batch = WriteBatch()
        batch.put(_DERIVED, l1.hash + l1.number.to_bytes(8, "big"))
        self._kv.write(batch, sync=False)

    def go_back(self, newest: SafeHeadEntry | None, derived: BlockId | None) -> None:
        """Forget the entries after `newest`, which L1 does not support any more, and set the mark, in one write."""
        batch = WriteBatch()
        self.stage_go_back(batch, newest, derived)
        self._kv.write(batch, sync=True)

    def stage_go_back(self, batch: WriteBatch, newest: SafeHeadEntry | None, derived: BlockId | None) -> None:
        """As `go_back`, but the caller writes the batch."""
        keep = -1 if newest is None else newest.l1.number
        for key, _ in self._kv.scan(_PREFIX, reverse=True):
            if int.from_bytes(key[1:9], "big") <= keep:
                break
            batch.delete(key)
        if derived is None:
            batch.delete(_DERIVED)
        else:
            batch.put(_DERIVED, derived.hash + derived.number.to_bytes(8, "big"))


def _key(l1_number: int) -> bytes:
    return _PREFIX + l1_number.to_bytes(8, "big")


def _entry(key: bytes, value: bytes) -> SafeHeadEntry:
    return SafeHeadEntry(
        l1=BlockId(Hash32(value[:32]), int.from_bytes(key[1:9], "big")),
        l2=BlockId(Hash32(value[32:64]), int.from_bytes(value[64:72], "big")),
    )
