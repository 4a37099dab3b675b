"""Executes a block from a witness: the trie nodes, codes and headers it needs, by their hash, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.constants import EMPTY_KECCAK
from config.rollup import RollupConfig
from evm.engine.blocks import ExecutedBlock
from evm.engine.engine import Engine
from evm.rules import L2Rules
from evm.store.diff import CODE_PREFIX, NODE_PREFIX
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.types import Hash32, Header, PayloadAttributes, keccak256
from evm.types.rlp import RlpError


class Witness(MemoryStore):
    """A state store and header source over a witness. A value that does not have its hash is refused."""

    def __init__(self, values: Mapping[Hash32, bytes]) -> None:
        super().__init__()
        for value_hash, value in values.items():
            if keccak256(value) != value_hash:
                raise ValueError(f"witness value does not have its hash 0x{value_hash.hex()}")
        self._values = values

    def get(self, key: bytes) -> bytes | None:
        """A trie node or code under the key the state store uses for it."""
        prefix, value_hash = key[:-32], Hash32(key[-32:])
        if prefix not in (NODE_PREFIX, CODE_PREFIX) or value_hash == EMPTY_KECCAK:
            return None
        return self._values.get(value_hash)

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        """A header, when the witness has it."""
        raw = self._values.get(block_hash)
        if raw is None:
            return None
        try:
            return Header.decode(raw)
        except RlpError as error:
            raise ValueError(f"witness value 0x{block_hash.hex()} is no header: {error}") from error


@dataclass(frozen=True)
class StatelessCase:
    """An L2 block to execute, its witness, and the hash it must come to."""

    rollup: RollupConfig
    parent: Header
    attributes: PayloadAttributes
    witness: Mapping[Hash32, bytes]
    expected_hash: Hash32

    @property
    def number(self) -> int:
        """The block's number."""
        return self.parent.number + 1


def execute_stateless(case: StatelessCase) -> ExecutedBlock:
    """The block. Raises MissingTrieNode or MissingCode when the witness lacks something, InvalidPayload as `derive`."""
    witness = Witness(case.witness)
    engine = Engine(L2Rules(case.rollup), StateStore(witness), witness)
    return engine.derive(case.parent, case.attributes)
