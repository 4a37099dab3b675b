"""Checks a chain's store: that every part fits the hashes that others refer to it by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from config.types import Hash32, short
from evm.store.check import StateCheck, StateReport, StoredState
from evm.store.history import StatePoint
from evm.store.kv import KeyValueStore
from evm.trie import ordered_root
from evm.types import Block, Header
from evm.types.rlp import RlpError
from evm.types.transaction import TransactionDecodingError
from node.chain import ChainStore
from node.rollup.safe_db import SafeDb

Progress = Callable[[str, int, int], None]
"""Called with what is being checked, how many are done, and how many there are (0: not known)."""


def silent(_what: str, _done: int, _total: int) -> None:
    """No progress."""


@dataclass
class VerifyReport:
    """What was checked and what is wrong. `problems` is empty for a sound store."""

    blocks: int = 0
    transactions: int = 0
    state: StateReport = field(default_factory=StateReport)
    safe_heads: int = 0
    problems: list[str] = field(default_factory=list)


def verify_store(kv: KeyValueStore, progress: Progress = silent) -> VerifyReport:
    """Check the canonical chain from genesis to the unsafe head, the heads, the safe head records, and the states:
    that those kept are whole, that nothing else is there, and that the flat state is the head's.

    Nothing is changed. Problems are reported, not raised; a store that holds no chain is one.
    """
    report = VerifyReport()
    store = ChainStore(kv)
    genesis_hash = store.genesis_hash()
    if genesis_hash is None:
        report.problems.append("the store holds no chain")
        return report
    heads: dict[str, Header] = {}
    for name in ("unsafe", "safe", "finalized"):
        head_hash = store.head_hash(name)
        header = None if head_hash is None else store.header(head_hash)
        if header is None:
            report.problems.append(f"the {name} head is missing")
        else:
            heads[name] = header
    if "unsafe" not in heads:
        return report
    _check_chain(store, genesis_hash, heads["unsafe"], report, progress)
    for name, header in heads.items():
        if store.canonical_hash(header.number) != header.hash:
            report.problems.append(f"the {name} head {header} is not canonical")
    numbers = [heads[name].number for name in ("finalized", "safe", "unsafe") if name in heads]
    if numbers != sorted(numbers):
        report.problems.append(f"heads are out of order: finalized, safe, unsafe are {numbers}")
    report.state = _check_state(kv, store, heads["unsafe"], progress)
    for name in ("safe", "finalized"):
        if name in heads and heads[name].number < report.state.base:
            report.state.problems.append(f"the state of the {name} head {heads[name]} is pruned")
    report.problems.extend(report.state.problems)
    _check_safe_heads(store, SafeDb(kv), report)
    return report


def _check_chain(
    store: ChainStore, genesis_hash: Hash32, head: Header, report: VerifyReport, progress: Progress
) -> None:
    parent: Header | None = None
    first = store.header(genesis_hash)
    start = 0 if first is None else first.number
    for number in range(start, head.number + 1):
        progress("blocks", number - start, head.number - start + 1)
        block_hash = store.canonical_hash(number)
        if block_hash is None:
            report.problems.append(f"no canonical block {number}")
            parent = None
            continue
        try:
            block = store.block(block_hash)
            if block is None:
                report.problems.append(f"block {number} ({short(block_hash)}) is missing")
                parent = None
                continue
            report.problems.extend(_check_block(store, block, block_hash, parent))
        except (RlpError, TransactionDecodingError) as error:
            report.problems.append(f"block {number} ({short(block_hash)}) cannot be read: {error}")
            parent = None
            continue
        report.blocks += 1
        report.transactions += len(block.transactions)
        parent = block.header


def _check_block(store: ChainStore, block: Block, block_hash: Hash32, parent: Header | None) -> Iterator[str]:
    header = block.header
    if header.hash != block_hash:
        yield f"block {header.number} is stored under {short(block_hash)}, its hash is {short(header.hash)}"
    if parent is not None and header.parent_hash != parent.hash:
        yield f"{header} does not follow {parent}"
    if ordered_root([transaction.raw for transaction in block.transactions]) != header.transactions_root:
        yield f"{header}: its transactions do not have its transactions root"
    receipts = store.receipts(block_hash)
    if receipts is None:
        yield f"{header}: its receipts are missing"
    elif parent is not None and ordered_root([receipt.encode() for receipt in receipts]) != header.receipts_root:
        yield f"{header}: its receipts do not have its receipts root"
    for index, transaction in enumerate(block.transactions):
        location = store.transaction_location(transaction.hash)
        if location is None or (location.block_hash, location.index) != (block_hash, index):
            yield f"{header}: transaction {index} ({short(transaction.hash)}) is not indexed there"


def _check_state(kv: KeyValueStore, store: ChainStore, head: Header, progress: Progress) -> StateReport:
    def block(point: StatePoint) -> StoredState | None:
        header = store.header(point.block_hash)
        if header is None or header.number != point.number:
            return None
        return StoredState(header.state_root, StatePoint(header.number - 1, header.parent_hash))

    check = StateCheck(kv, block, lambda what, done: progress(what, done, 0))
    return check.run(StatePoint(head.number, head.hash), head.state_root)


def _check_safe_heads(store: ChainStore, safe_db: SafeDb, report: VerifyReport) -> None:
    entry = safe_db.newest()
    above: int | None = None
    while entry is not None:
        report.safe_heads += 1
        if store.header(entry.l2.hash) is None:
            report.problems.append(
                f"safe head record at L1 block {entry.l1.number} names the unknown L2 block {entry.l2}"
            )
        if above is not None and entry.l2.number > above:
            report.problems.append(f"safe head records go back at L1 block {entry.l1.number}")
        above = entry.l2.number
        entry = safe_db.at(entry.l1.number - 1) if entry.l1.number else None
