"""Which L2 block was safe as of which L1 block, for ever, on disk.

Proposers and challengers ask it: a claim is judged by what L1 held at the game's L1 head, not by what it holds now.
Key `S<L1 number>`, value L1 hash, L2 hash, L2 number. Spec: op-node RPC, `optimism_safeHeadAtL1Block`.
"""

from dataclasses import dataclass

from config.rollup import BlockId
from config.types import Hash32
from evm.store.kv import KeyValueStore, WriteBatch

_PREFIX = b"S"


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

    def truncate_above(self, l1_number: int) -> None:
        """Forget entries above an L1 block number: L1 no longer holds the blocks they came from."""
        batch = WriteBatch()
        for key, _ in self._kv.scan(_PREFIX, reverse=True):
            if int.from_bytes(key[1:9], "big") <= l1_number:
                break
            batch.delete(key)
        self._kv.write(batch, sync=True)


def _key(l1_number: int) -> bytes:
    return _PREFIX + l1_number.to_bytes(8, "big")


def _entry(key: bytes, value: bytes) -> SafeHeadEntry:
    return SafeHeadEntry(
        l1=BlockId(Hash32(value[:32]), int.from_bytes(key[1:9], "big")),
        l2=BlockId(Hash32(value[32:64]), int.from_bytes(value[64:72], "big")),
    )
