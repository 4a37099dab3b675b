"""Derivation from files: the payload attributes of L2 blocks, with the blocks' hashes where witnesses allow execution."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.constants import EMPTY_TRIE_ROOT
from config.errors import CriticalError
from config.l1_chain import L1ChainConfig
from config.rollup import RollupConfig
from config.system_config import SystemConfig
from config.types import Hash32, short
from derivation.batch_rules import Assumptions
from derivation.l2_block_info import l2_block_ref, system_config_of
from derivation.pipeline import DerivationPipeline
from derivation.types import Attributes, BatchRejected, DerivedAttributes, L2BlockRef, NeedMoreData
from evm.engine import Engine, InvalidPayload
from evm.engine.stateless import StatelessCase, Witness
from evm.engine.stateless_file import load_stateless_case
from evm.rules import L2Rules
from evm.store.state import StateStore
from evm.types import Block, Header, PayloadAttributes, decode_transaction
from evm.types.transaction_list import without_deposits
from l1.data_directory import L1DataDirectory


@dataclass(frozen=True)
class DerivationStart:
    """The safe block that derivation starts from, and the system configuration that held in it."""

    l2: L2BlockRef
    system_config: SystemConfig

    @staticmethod
    def load(path: Path) -> "DerivationStart":
        """Read `{"l2", "systemConfig"}` as op-node spells them. Raises ValueError naming the file."""
        try:
            data = json.loads(path.read_bytes())
            return DerivationStart(L2BlockRef.from_json(data["l2"]), SystemConfig.from_json(data["systemConfig"]))
        except KeyError as error:
            raise ValueError(f"{path}: the field {error.args[0]!r} is missing") from error
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from error


@dataclass(frozen=True)
class OfflineBlock:
    """A derived block; `hash` None when it was not executed."""

    derived: DerivedAttributes
    hash: Hash32 | None

    def to_json(self) -> dict[str, Any]:
        """The line that `lamina derive` prints."""
        line: dict[str, Any] = {
            "number": self.derived.number,
            "timestamp": self.derived.attributes.timestamp,
            "l1origin": self.derived.l1_origin.to_json(),
            "attributes": self.derived.attributes.to_json(),
        }
        return {**line, "assumedParent": True} if self.hash is None else {**line, "hash": f"0x{self.hash.hex()}"}


class OfflineChain:
    """The L2 chain from the start block on, as derivation reads it (`derivation.providers.L2Provider`)."""

    def __init__(self, rollup: RollupConfig, start: DerivationStart) -> None:
        self._rollup = rollup
        self._refs = [start.l2]
        self._transactions: list[Sequence[bytes] | None] = [None]
        self._configs = {start.l2.hash: start.system_config}

    @property
    def head(self) -> L2BlockRef:
        """The newest block."""
        return self._refs[-1]

    def append(self, block: Block) -> None:
        """Add the block after the head."""
        ref = l2_block_ref(block, self._rollup)
        self._refs.append(ref)
        self._transactions.append(without_deposits(block.transactions))
        self._configs[ref.hash] = system_config_of(block, self._rollup)

    def go_back(self, number: int) -> None:
        """Forget the blocks above `number`."""
        keep = number - self._refs[0].number + 1
        del self._refs[keep:], self._transactions[keep:]

    def block_ref_by_number(self, number: int) -> L2BlockRef | None:
        """The block of this number, None before the start and after the head."""
        index = number - self._refs[0].number
        return self._refs[index] if 0 <= index < len(self._refs) else None

    def user_transactions_by_number(self, number: int) -> Sequence[bytes] | None:
        """The transactions other than deposits of the block of this number; None for the start block too."""
        index = number - self._refs[0].number
        return self._transactions[index] if 0 <= index < len(self._refs) else None

    def system_config_by_l2_hash(self, block_hash: Hash32) -> SystemConfig:
        """The system configuration that held in the block with this hash."""
        return self._configs[block_hash]


class WitnessDirectory:
    """Blocks with their witnesses, one per file in the form of `lamina evm stateless`, by number."""

    def __init__(self, directory: Path, rollup: RollupConfig) -> None:
        if not directory.is_dir():
            raise ValueError(f"{directory} is no directory")
        self._directory = directory
        self._rollup = rollup
        self._paths: dict[int, Path] = {}
        for path in sorted(directory.iterdir()):
            if path.name.endswith((".json", ".json.gz")):
                self._paths[self._case(path).number] = path

    def execute(self, derived: DerivedAttributes) -> Block:
        """The block that the attributes make.

        Raises InvalidPayload, CriticalError when there is no witness or it belongs to another parent.
        """
        path = self._paths.get(derived.number)
        if path is None:
            raise CriticalError(f"{self._directory} has no witness for L2 block {derived.number}")
        case = self._case(path)
        if case.parent.hash != derived.parent.hash:
            raise CriticalError(
                f"{path}: its block builds on {short(case.parent.hash)}, but derivation builds on {derived.parent}"
            )
        witness = Witness(case.witness)
        engine = Engine(L2Rules(self._rollup), StateStore(witness), witness)
        return engine.derive(case.parent, derived.attributes).block

    def _case(self, path: Path) -> StatelessCase:
        return load_stateless_case(path, self._rollup.l2_chain_id)


def assumed_block(rollup: RollupConfig, derived: DerivedAttributes) -> Block:
    """A stand-in for the block that attributes make: it says of itself what derivation reads, and has some hash."""
    attributes = derived.attributes
    transactions = tuple(decode_transaction(raw) for raw in attributes.transactions)
    header = Header(
        parent_hash=derived.parent.hash,
        fee_recipient=attributes.suggested_fee_recipient,
        state_root=EMPTY_TRIE_ROOT,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=bytes(256),
        number=derived.number,
        gas_limit=attributes.gas_limit,
        gas_used=0,
        timestamp=attributes.timestamp,
        extra_data=_extra_data(rollup, attributes),
        prev_randao=attributes.prev_randao,
    )
    return Block(header, transactions, () if attributes.with_withdrawals else None)


def _extra_data(rollup: RollupConfig, attributes: PayloadAttributes) -> bytes:
    """Zeros, as in Holocene's first block, stand for the constants of before. Spec: op holocene and jovian exec-engine."""
    parameters = attributes.eip1559_params
    if parameters is None:
        return b""
    if not any(parameters):
        parameters = rollup.eip1559.denominator_canyon.to_bytes(4, "big") + rollup.eip1559.elasticity.to_bytes(4, "big")
    if attributes.min_base_fee is None:
        return b"\x00" + parameters
    return b"\x01" + parameters + attributes.min_base_fee.to_bytes(8, "big")


def derive_from_files(
    rollup: RollupConfig,
    l1_chain: L1ChainConfig,
    l1: L1DataDirectory,
    start: DerivationStart,
    witnesses: WitnessDirectory | None = None,
) -> Iterator[OfflineBlock]:
    """The blocks that follow `start`, until the L1 data ends. L1 is read from the start block's origin on.

    With `witnesses` every block is executed; before Holocene a block of a span batch is given before it is known
    whether all of the span can be executed. Without, batches are taken to build on the block before
    them. What batches say of the start block and those before it is taken as given.
    Raises ResetError when the start block's L1 origin is not in the data, CriticalError when data is wrong or missing.
    """
    chain = OfflineChain(rollup, start)
    assumed = Assumptions(parents=witnesses is None, history_from=start.l2.number + 1)
    pipeline = DerivationPipeline(rollup, l1_chain, l1, chain, assumed=assumed)
    pipeline.reset(start.l2, base=start.l2)
    while not isinstance(result := pipeline.step(chain.head), NeedMoreData):
        if not isinstance(result, Attributes):
            continue
        derived = result.derived
        if witnesses is None:
            chain.append(assumed_block(rollup, derived))
            yield OfflineBlock(derived, None)
            continue
        try:
            block = witnesses.execute(derived)
        except InvalidPayload:
            replacement = pipeline.reject(derived)
            if isinstance(replacement, BatchRejected):
                chain.go_back(replacement.safe_head.number)
                continue
            derived = replacement
            try:
                block = witnesses.execute(derived)
            except InvalidPayload as error:
                raise CriticalError(
                    f"L2 block {derived.number} cannot be made even of its deposits: {error}"
                ) from error
        chain.append(block)
        yield OfflineBlock(derived, block.hash)
