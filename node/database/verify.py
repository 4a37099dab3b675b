"""Checks a chain's store: that every part fits the hashes that others refer to it by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from config.constants import EMPTY_KECCAK, EMPTY_TRIE_ROOT
from config.errors import CriticalError
from config.types import Hash32, short
from evm.store.account import Account
from evm.store.kv import KeyValueStore
from evm.store.state import StateStore
from evm.trie import Trie, ordered_root
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
    accounts: int = 0
    slots: int = 0
    codes: int = 0
    safe_heads: int = 0
    problems: list[str] = field(default_factory=list)


def verify_store(kv: KeyValueStore, progress: Progress = silent) -> VerifyReport:
    """Check the canonical chain from genesis to the unsafe head, the heads, the safe head records, and the states of
    genesis and of all three heads in full.

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
    genesis = store.header(genesis_hash)
    states = {header.state_root: str(header) for header in (*heads.values(), *([genesis] if genesis else []))}
    checked: set[Hash32] = set()
    for root, name in states.items():
        _check_state(kv, root, name, checked, report, progress)
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


def _check_state(
    kv: KeyValueStore, root: Hash32, name: str, checked: set[Hash32], report: VerifyReport, progress: Progress
) -> None:
    """Walk a state trie and all storage tries of it; loading a node checks its hash."""
    state = StateStore(kv, node_cache_bytes=64 << 20)
    try:
        for _, raw in Trie(root, state).items():  # noqa: PERF102 (a trie is no dict)
            report.accounts += 1
            if report.accounts % 1000 == 0:
                progress(f"accounts of {name}", report.accounts, 0)
            account = Account.decode(raw)
            if account.code_hash != EMPTY_KECCAK and account.code_hash not in checked:
                state.code(account.code_hash)
                checked.add(account.code_hash)
                report.codes += 1
            if account.storage_root != EMPTY_TRIE_ROOT and account.storage_root not in checked:
                report.slots += sum(1 for _ in Trie(account.storage_root, state).items())
                checked.add(account.storage_root)
    except (CriticalError, RlpError) as error:
        report.problems.append(f"state of {name}: {error}")


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
