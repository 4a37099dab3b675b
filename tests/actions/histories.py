"""Makes L1 histories at random: chains of any eras, with batchers that are honest, careless or hostile."""

from dataclasses import replace
from random import Random

from config.forks import Fork
from config.types import Address, Hash32
from derivation.codec import Batch, Compression, Frame, SingularBatch, encode_batcher_transaction
from evm.types import PayloadAttributes
from evm.types.signature import address_of
from tests.actions.chains import BATCHER_KEY, L1_GENESIS_TIME, OTHER_BATCHER_KEY, fork_times
from tests.actions.conftest import World
from tests.actions.verifier import Verifier

_FORKS = list(Fork)
_POISON = b"no engine takes this"


def can_be_made(attributes: PayloadAttributes) -> bool:
    """The engine's judgement of a block: not the mark of an impossible one."""
    return not any(_POISON in raw for raw in attributes.transactions)


class History:
    """A world that grows by itself; `live` derives from it as it grows, with data that has to be fetched."""

    def __init__(self, random: Random) -> None:
        self.random = random
        first = random.choice(_FORKS)
        last = random.choice(_FORKS[first:])
        start = L1_GENESIS_TIME + 12 * random.randrange(1, 8)
        self.world = World.create(
            lazy=True,
            forks=fork_times(start, first, last, random.choice((0, 4, 12, 36))),
            seq_window_size=random.randrange(4, 25),
            channel_timeout=random.randrange(2, 10),
            max_sequencer_drift=random.choice((8, 20, 40)),
        )
        self.live = Verifier(self.world.rollup, self.world.l1, can_be_made)
        self._waiting: list[Frame] = []
        self._key = BATCHER_KEY
        self._next = 1

    def grow(self, l1_blocks: int) -> "History":
        """Add L1 blocks and all that comes with them."""
        for _ in range(l1_blocks):
            if self._chance(8):
                self.world.l1.skip_slots(self.world.l1.head.header.timestamp + 12 * self.random.randrange(2, 5))
            self._sequence()
            self._send_events()
            if self.random.random() < 0.7:
                self._batch()
            self._send_frames()
            self.world.l1.mine(excess_blob_gas=self.random.choice((0, 10_000_000)))
            self.live.run_alone()
            if self._is_off_the_safe_chain and self._chance(2):
                self._start_over()
        return self

    @property
    def _is_off_the_safe_chain(self) -> bool:
        safe = self.live.safe
        blocks = self.world.l2.blocks
        return safe.number >= len(blocks) or blocks[safe.number].hash != safe.hash

    def _chance(self, of: int) -> bool:
        return self.random.randrange(of) == 0

    def _sequence(self) -> None:
        l2, l1 = self.world.l2, self.world.l1
        stays = self._chance(6)
        for _ in range(self.random.randrange(9)):
            if l2.head.timestamp > l1.head.header.timestamp + 10 and not stays:
                break
            transactions = [self._transaction() for _ in range(self.random.randrange(3))]
            l2.sequence(transactions, l2.head.l1_origin.number if stays else None)

    def _transaction(self) -> bytes:
        """With a signature of the right form only: derivation takes it apart, but does not ask who signed."""
        random, unsigned = self.random, self.world.l2.unsigned_transaction(self._data())
        parity, r, s = random.randrange(2), random.getrandbits(256), random.getrandbits(256)
        return replace(unsigned, y_parity=parity, r=r, s=s).raw

    def _data(self) -> bytes:
        return (_POISON if self._chance(40) else b"") + self.random.randbytes(20)

    def _send_events(self) -> None:
        l1, random = self.world.l1, self.random
        if self._chance(5):
            l1.deposit(Address(random.randbytes(20)), None, 1, random.randrange(5), 100_000, random.randbytes(4))
        if self._chance(12):
            kind = random.choice((1, 2, 4, 5, 6, 7, 9))
            payload = random.randrange(1 << 30).to_bytes(32, "big")
            l1.update_system_config(kind, bytes(32) + payload if kind == 1 else payload, random.choice((0, 0, 0, 1)))
        if self._chance(15):
            self._key = OTHER_BATCHER_KEY if self._key == BATCHER_KEY else BATCHER_KEY
            l1.update_system_config(0, bytes(12) + address_of(self._key))

    def _batch(self) -> None:
        """A channel with the blocks that were not batched yet, or roughly that."""
        head = self.world.l2.head.number
        if not self._waiting and self._chance(3):
            # What was sent is lost or did not count: start after what did.
            self._next = self.live.safe.number + 1
        first = max(1, self._next + self.random.choice((0, 0, 0, 0, 0, 0, -3, 2)))
        last = min(head, first + self.random.randrange(4, 14))
        if first > head:
            return
        self._next = last + 1
        batcher = self.world.batcher
        spans = self.random.random() < 0.5
        if spans:
            middle = self.random.randrange(first, last + 1)
            batches: list[Batch] = [batcher.span(first, middle)]
            if middle < last:
                batches.append(batcher.span(max(1, middle + self.random.choice((1, 1, 0))), last))
        else:
            batches = [batcher.singular(number) for number in range(first, last + 1)]
        if self._chance(6):
            index = self.random.randrange(len(batches))
            batches[index] = self._spoilt(batches[index])
        if self._chance(6):
            self.random.shuffle(batches)
        compression = self.random.choice((None, None, None, Compression.ZLIB, Compression.BROTLI))
        compressed = batcher.channel(batches, compression)
        if self._chance(10):
            compressed = compressed[: self.random.randrange(len(compressed))] + b"\xff\x00"
        self._waiting += batcher.frames(compressed, self.random.choice((60, 150, 400, 5000)))

    def _spoilt(self, batch: Batch) -> Batch:
        random = self.random
        if isinstance(batch, SingularBatch):
            return random.choice(
                (
                    replace(batch, timestamp=batch.timestamp + random.choice((-2, 1, 2))),
                    replace(batch, epoch_number=max(0, batch.epoch_number + random.choice((-1, 1)))),
                    replace(batch, parent_hash=Hash32(random.randbytes(32))),
                    replace(batch, transactions=random.choice(((), (b"",), (b"\x7e\x01",), (b"\x04\x01",)))),
                )
            )
        return random.choice(
            (
                replace(batch, rel_timestamp=max(0, batch.rel_timestamp + random.choice((-2, 1, 2)))),
                replace(batch, l1_origin_number=max(0, batch.l1_origin_number + random.choice((-1, 1)))),
                replace(batch, parent_check=random.randbytes(20)),
                replace(batch, blocks=tuple(replace(block, transactions=()) for block in batch.blocks)),
                replace(batch, blocks=batch.blocks[:-1] or batch.blocks),
                replace(
                    batch,
                    blocks=tuple(replace(block, origin_changed=not block.origin_changed) for block in batch.blocks),
                ),
            )
        )

    def _send_frames(self) -> None:
        random = self.random
        if self._chance(8):
            random.shuffle(self._waiting)
        count = random.choice((0, 2, 5, len(self._waiting), len(self._waiting)))
        sent, self._waiting = self._waiting[:count], self._waiting[count:]
        if sent and self._chance(6):
            sent.append(random.choice(sent))
        if sent and self._chance(8):
            sent.pop(random.randrange(len(sent)))
        key = random.choice((BATCHER_KEY, OTHER_BATCHER_KEY)) if self._chance(10) else self._key
        while sent:
            together = random.randrange(1, 4)
            data = encode_batcher_transaction(sent[:together])
            del sent[:together]
            if self._chance(40):
                self.world.batcher.send_in_blobs(sent[:1])
            self.world.l1.send_calldata(data[:-1] if self._chance(25) else data, key)

    def _start_over(self) -> None:
        """The sequencer goes on from the safe head, as after an outage of the batcher."""
        safe = self.live.l2
        l2 = self.world.l2
        l2.blocks = list(safe.blocks)
        l2._by_hash.update(safe._by_hash)
        self._next = len(l2.blocks)


def derived_at_once(history: History) -> Verifier:
    """A verifier that derives the whole history when it is over."""
    verifier = Verifier(history.world.rollup, history.world.l1, can_be_made)
    verifier.run_alone()
    return verifier
