"""An L1 in memory and an L2 that py-evm really executes, with every preimage that the program may ask for."""

from collections.abc import Sequence
from dataclasses import replace

from config.constants import EMPTY_KECCAK, EMPTY_TRIE_ROOT
from config.forks import Fork
from config.program import program_config
from config.rollup import BlockId
from config.types import Address, Hash32
from derivation.types import L2BlockRef
from evm.engine import Engine
from evm.rules import L2Rules
from evm.store.kv import MemoryStore, WriteBatch
from evm.store.state import Account, StateDiff, StateStore
from evm.types import Block, DynamicFeeTransaction, Header, PayloadAttributes, keccak256
from evm.types.signature import address_of
from evm.types.transaction import sign_transaction
from tests.actions.chains import L1_CONFIG, L2_CHAIN_ID, USER_KEY, Batcher, FakeL1, FakeL2, make_rollup
from tests.core.preimages import Preimages

COUNTER = Address(b"\xc0" * 20)
COUNTER_CODE = bytes.fromhex("5f54600101805f5560005260206000a000")
"""Adds one to slot 0 and logs it."""


class ExecutedL2(FakeL2):
    """A FakeL2 whose blocks are executed."""

    def __init__(self, l1: FakeL1, fork: Fork, **changes: object) -> None:
        rollup = make_rollup(l1, fork, **changes)
        super().__init__(rollup, l1)
        self.kv = MemoryStore()
        state = StateStore(self.kv)
        diff = StateDiff()
        diff.accounts[address_of(USER_KEY)] = Account(0, 10**20, EMPTY_TRIE_ROOT, EMPTY_KECCAK)
        code_hash = keccak256(COUNTER_CODE)
        diff.accounts[COUNTER] = Account(1, 0, EMPTY_TRIE_ROOT, code_hash)
        diff.codes[code_hash] = COUNTER_CODE
        update = state.at(EMPTY_TRIE_ROOT).apply(diff)
        self._write(update)
        genesis = Block(replace(self.blocks[0].header, state_root=update.root), (), ())
        self.rollup = rollup.with_genesis(replace(rollup.genesis, l2=BlockId(genesis.hash, 0)))
        self.blocks = [genesis]
        self._by_hash = {genesis.hash: genesis}
        self._engine = Engine(L2Rules(self.rollup), state, self)
        self._nonce = -1

    def _write(self, update: object) -> None:
        batch = WriteBatch()
        update.write(batch)  # type: ignore[attr-defined]
        self.kv.write(batch)

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        block = self._by_hash.get(block_hash)
        return None if block is None else block.header

    def apply(self, attributes: PayloadAttributes) -> L2BlockRef:
        executed = self._engine.derive(self.blocks[-1].header, attributes)
        self._write(executed.update)
        self.blocks.append(executed.block)
        self._by_hash[executed.block.hash] = executed.block
        return self.head

    def user_transaction(self, data: bytes = b"") -> bytes:
        self._nonce += 1
        tx = DynamicFeeTransaction(
            self._nonce, 100_000 + 40 * len(data), COUNTER, 0, data, L2_CHAIN_ID, 0, 0, 0, 1, 2 * 10**9
        )
        return sign_transaction(tx, USER_KEY).raw

    def output(self, number: int) -> bytes:
        """The preimage of a block's output root. Spec: op proposals, "L2 Output Commitment Construction"."""
        header = self.blocks[number].header
        # Nothing withdraws here, so the message passer's storage stays empty.
        return bytes(32) + header.state_root + EMPTY_TRIE_ROOT + header.hash

    def output_root(self, number: int) -> bytes:
        """The output root of a block."""
        return bytes(keccak256(self.output(number)))


class ExecutedWorld:
    """Both chains and a batcher."""

    def __init__(self, fork: Fork = Fork.ISTHMUS, **changes: object) -> None:
        self.l1 = FakeL1()
        self.l2 = ExecutedL2(self.l1, fork, **changes)
        self.batcher = Batcher(self.l2)

    def sequence(self, count: int, transactions: int = 1) -> None:
        """Sequence blocks, mining L1 blocks so that L1 stays ahead of L2's clock."""
        for _ in range(count):
            while self.l1.head.header.timestamp < self.l2.head.timestamp + self.l2.rollup.block_time:
                self.l1.mine()
            self.l2.sequence([self.l2.user_transaction() for _ in range(transactions)])

    def config(self) -> bytes:
        """The program's configuration."""
        return program_config(self.l2.rollup, L1_CONFIG)

    def preimages(self, agreed: int, claimed_root: bytes, claimed_number: int, l1_head: int | None = None) -> Preimages:
        """All that there is to serve for a claim."""
        preimages = Preimages()
        for block in self.l1.blocks:
            preimages.add_block(block, self.l1._receipts[block.hash])
        for versioned_hash, blob in self.l1._blobs.items():
            preimages.add_blob(versioned_hash, blob)
        for number, block in enumerate(self.l2.blocks):
            if number <= agreed:
                preimages.add_block(block)
            preimages.add(self.l2.output(number))
        for prefix in (b"sn", b"sc"):
            for _, value in self.l2.kv.scan(prefix):
                preimages.add(value)
        head = self.l1.head if l1_head is None else self.l1.blocks[l1_head]
        locals_: Sequence[bytes] = (
            head.hash,
            self.l2.output_root(agreed),
            claimed_root,
            claimed_number.to_bytes(8, "big"),
            self.l2.rollup.l2_chain_id.to_bytes(8, "big"),
        )
        for index, value in enumerate(locals_, 1):
            preimages.add_local(index, value)
        return preimages


def zkvm_input(world: ExecutedWorld, preimages: Preimages, blobs: Sequence[bytes] = ()) -> bytes:
    """Everything served for a claim as the zkVM program reads it; each blob as commitment, proof and content."""

    def item(kind: int, content: bytes) -> bytes:
        return bytes((kind,)) + len(content).to_bytes(4, "big") + content

    items = [item(0, world.config())]
    for key, value in preimages.values.items():
        if key[0] == 1:
            items.append(item(1, key[31:] + value))
        elif key[0] == 2:
            items.append(item(2, value))
    items += [item(5, blob) for blob in blobs]
    return b"".join(items)
