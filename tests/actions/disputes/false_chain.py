"""The rollup as a liar would have it: every block executed, but one of them made otherwise than L1 and the rules say."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.constants import EMPTY_TRIE_ROOT, L2_TO_L1_MESSAGE_PASSER
from config.genesis import load_genesis
from config.rollup import BlockId, RollupConfig
from config.types import Address
from evm.engine.blocks import BlockInputs
from evm.engine.engine import Engine
from evm.engine.state import EvmState
from evm.genesis import genesis_block
from evm.rules import L2Rules
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.types import Block, Header, Log, Transaction
from evm.validity import InvalidTransaction
from faultproof.challenger.ports import Output
from l1.withdrawal import WithdrawalTransaction
from node.bridge.l2_view import OutputProof, _with_inlined_leaf
from node.chain import Chain
from proposer.output_root import output_root_v0


def _as_it_is(transactions: Sequence[Transaction]) -> Sequence[Transaction]:
    return transactions


def _nothing(_: EvmState) -> None:
    return None


@dataclass(frozen=True)
class Forgery:
    """What is wrong with one block: its transactions, or what their execution does besides."""

    what: str
    transactions: Callable[[Sequence[Transaction]], Sequence[Transaction]] = _as_it_is
    effect: Callable[[EvmState], None] = field(default=_nothing)


def wrong_execution(thief: Address) -> Forgery:
    """A transfer that also makes money out of nothing."""
    return Forgery("a wrong execution of one transaction", effect=lambda state: state.delta_balance(thief, 10**18))


def dropped_deposit() -> Forgery:
    """The user's deposit is left out; the L1 attributes stay."""
    return Forgery(
        "a dropped deposit", lambda all_of_it: [all_of_it[0], *(tx for tx in all_of_it if not tx.is_deposit)]
    )


def wrong_blob() -> Forgery:
    """The batch is read out of another blob, in which the block has no transactions."""
    return Forgery("a wrong blob", lambda all_of_it: [tx for tx in all_of_it if tx.is_deposit])


def invented_batch(transactions: Sequence[Transaction]) -> Forgery:
    """A batch that nobody posted adds transactions to the block."""
    return Forgery("an invented batch", lambda all_of_it: [*all_of_it, *transactions])


class FalseChain:
    """Executes the real blocks on a chain of its own in memory, with one forged."""

    def __init__(self, rollup: RollupConfig, genesis: Path) -> None:
        kv = MemoryStore()
        block, update = genesis_block(load_genesis(genesis), rollup.forks)
        Chain.initialise(kv, block, update)
        state = StateStore(kv)
        rules = L2Rules(rollup)
        self.chain = Chain(kv, rules, state)
        self._engine = Engine(rules, state, self.chain)
        self.logs: list[Log] = []
        """Of the forged block."""

    def follow(self, blocks: Iterable[Block], forged: int, forgery: Forgery) -> None:
        """Make every block's like on the own head. Later transactions that cannot stand on the lie are left out."""
        for block in blocks:
            builder = self._engine.start(self.chain.head, BlockInputs.of(block))
            is_forged = block.number == forged
            for transaction in forgery.transactions(block.transactions) if is_forged else block.transactions:
                try:
                    receipt = builder.add(transaction)
                except InvalidTransaction:
                    assert not is_forged
                    continue
                self.logs += receipt.logs if is_forged else ()
            if is_forged:
                forgery.effect(builder.state)
                builder.state.end_transaction()
            self.chain.insert(builder.seal())

    def output(self, number: int) -> Output:
        """The output of one of its blocks."""
        header = self._header(number)
        passer = header.withdrawals_root or EMPTY_TRIE_ROOT
        root = output_root_v0(header.state_root, passer, header.hash)
        return Output(BlockId(header.hash, number), root, header.state_root, passer)

    def prove(self, withdrawal: WithdrawalTransaction, number: int) -> OutputProof:
        """What the portal takes for a proof of a withdrawal, under this chain's output."""
        slot = withdrawal.storage_key
        proof = self.chain.state_at(self._header(number)).prove(L2_TO_L1_MESSAGE_PASSER, [int.from_bytes(slot, "big")])
        output = self.output(number)
        nodes = _with_inlined_leaf(list(proof.storage_proofs[0].proof), slot)
        return OutputProof(output.root, output.parts, tuple(nodes))

    def _header(self, number: int) -> Header:
        header = self.chain.header_by_number(number)
        assert header is not None, f"the false chain has no block {number}"
        return header
