"""What executing a block needs, recorded while executing it: with this and nothing else the block can be run again.

Spec: `debug_executionWitness` as geth and reth answer it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from config.constants import EMPTY_KECCAK
from config.errors import CriticalError
from evm.engine.block_hashes import HeaderSource
from evm.engine.blocks import ExecutedBlock
from evm.engine.engine import Engine
from evm.engine.stateless import Witness
from evm.rules import Rules
from evm.store.account import Account
from evm.store.diff import CODE_PREFIX, NODE_PREFIX
from evm.store.kv import MemoryStore
from evm.store.state import MissingCode, StateReader, StateStore
from evm.types import Address, Block, Hash32, Header, PayloadAttributes, from_hex, keccak256, to_hex


@dataclass(frozen=True)
class ExecutionWitness:
    """Trie nodes (RLP) and codes of the state before the block, ancestors' headers (RLP, oldest first, the parent last).

    `keys`: the addresses (20 bytes) and slots (32 bytes) that were read, each account before its slots.
    """

    state: tuple[bytes, ...]
    codes: tuple[bytes, ...]
    keys: tuple[bytes, ...]
    headers: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """As `debug_executionWitness` answers."""
        return {
            "state": [to_hex(node) for node in self.state],
            "codes": [to_hex(code) for code in self.codes],
            "keys": [to_hex(key) for key in self.keys],
            "headers": [to_hex(header) for header in self.headers],
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "ExecutionWitness":
        """Read an answer. Raises KeyError or ValueError when it is malformed."""
        names = ("state", "codes", "keys", "headers")
        return ExecutionWitness(*(tuple(from_hex(item) for item in data[name]) for name in names))

    def values(self) -> dict[Hash32, bytes]:
        """Nodes, codes and headers by their hash."""
        return {keccak256(value): value for value in (*self.state, *self.codes, *self.headers)}

    def execute(self, rules: Rules, block: Block) -> ExecutedBlock:
        """Execute the block with nothing but this.

        Raises MissingTrieNode, MissingCode or MissingAncestor when something is not in it, InvalidBlock when the block
        does not come out as it says.
        """
        witness = Witness(self.values())
        parent = witness.header_by_hash(block.header.parent_hash)
        if parent is None:
            raise CriticalError(f"the witness of {block} lacks the parent's header: ask for a complete one")
        return Engine(rules, StateStore(witness), witness).import_block(parent, block)


def block_witness(
    rules: Rules, state: StateStore, headers: HeaderSource, block: Block, budget: Callable[[], None] | None = None
) -> ExecutionWitness:
    """The witness of a block whose parent's state is in the store. Nothing is written.

    `budget` is called with everything that is read, and stops by raising. Raises CriticalError when the parent or
    something of its state is not there.
    """
    recorder, parent = _prepare(state, headers, block.header.parent_hash, budget)
    Engine(rules, recorder.store, recorder).import_block(parent, block)
    return recorder.witness()


def payload_witness(
    rules: Rules,
    state: StateStore,
    headers: HeaderSource,
    parent_hash: Hash32,
    attributes: PayloadAttributes,
    budget: Callable[[], None] | None = None,
) -> ExecutionWitness:
    """The witness of the block that the attributes make on a parent. Raises InvalidPayload and as `block_witness`."""
    recorder, parent = _prepare(state, headers, parent_hash, budget)
    Engine(rules, recorder.store, recorder).derive(parent, attributes)
    return recorder.witness()


def recorded_values(
    state: StateStore, headers: HeaderSource, run: Callable[[StateStore, HeaderSource], object]
) -> dict[Hash32, bytes]:
    """Whatever `run` reads of a store and of headers, by hash; also when it fails on the way."""
    recorder = _Recorder(state, headers, None)
    run(recorder.store, recorder)
    return recorder.witness().values()


def _prepare(
    state: StateStore, headers: HeaderSource, parent_hash: Hash32, budget: Callable[[], None] | None
) -> "tuple[_Recorder, Header]":
    recorder = _Recorder(state, headers, budget)
    parent = recorder.header_by_hash(parent_hash)
    if parent is None:
        raise CriticalError(f"the parent {to_hex(parent_hash)} is not there: a witness needs its state")
    return recorder, parent


@dataclass
class _Reads:
    nodes: dict[Hash32, bytes] = field(default_factory=dict)
    codes: dict[Hash32, bytes] = field(default_factory=dict)
    headers: dict[Hash32, Header] = field(default_factory=dict)
    keys: dict[Address, dict[int, None]] = field(default_factory=dict)


class _Recorder(MemoryStore):
    """Stands in front of a state store and a header source, and notes what is taken from them."""

    def __init__(self, behind: StateStore, headers: HeaderSource, budget: Callable[[], None] | None) -> None:
        super().__init__()
        self._behind = behind
        self._headers = headers
        self._budget = budget
        self._reads = _Reads()
        self.store: StateStore = _RecordingStore(self, self._reads)

    def get(self, key: bytes) -> bytes | None:
        """A trie node or code, by the key that the state store has for it."""
        if self._budget is not None:
            self._budget()
        prefix, value_hash = key[:-32], Hash32(key[-32:])
        if prefix == NODE_PREFIX:
            node = self._behind.get(value_hash)
            if node is not None:
                self._reads.nodes[value_hash] = node
            return node
        if prefix != CODE_PREFIX or value_hash == EMPTY_KECCAK:
            return None
        try:
            code = self._behind.code(value_hash)
        except MissingCode:
            return None
        self._reads.codes[value_hash] = code
        return code

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        """A header."""
        header = self._headers.header_by_hash(block_hash)
        if header is not None:
            self._reads.headers[block_hash] = header
        return header

    def witness(self) -> ExecutionWitness:
        """What has been taken so far."""
        reads = self._reads
        keys: list[bytes] = []
        for address, slots in reads.keys.items():
            keys.append(address)
            keys.extend(slot.to_bytes(32, "big") for slot in slots)
        return ExecutionWitness(
            state=tuple(reads.nodes.values()),
            codes=tuple(reads.codes.values()),
            keys=tuple(keys),
            headers=tuple(header.raw for header in sorted(reads.headers.values(), key=lambda header: header.number)),
        )


class _RecordingStore(StateStore):
    """A state store whose readers note addresses and slots. Its caches are its own, so it takes each node once."""

    def __init__(self, recorder: _Recorder, reads: _Reads) -> None:
        super().__init__(recorder)
        self._reads = reads

    def at(self, root: Hash32) -> StateReader:
        """The state with this root."""
        return _RecordingReader(self, root, self._reads)


class _RecordingReader(StateReader):
    def __init__(self, store: StateStore, root: Hash32, reads: _Reads) -> None:
        super().__init__(store, root)
        self._reads = reads

    def account(self, address: Address) -> Account | None:
        self._reads.keys.setdefault(address, {})
        return super().account(address)

    def storage(self, address: Address, slot: int) -> int:
        self._reads.keys.setdefault(address, {})[slot] = None
        return super().storage(address, slot)
