"""Executes the same transactions in the same block by py-evm and by the native engine, and compares all that comes out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from unittest.mock import patch

from config.constants import SEQUENCER_FEE_VAULT
from config.errors import CriticalError
from config.forks import EthFork, Fork
from config.rollup import RollupConfig
from evm.native import engine
from evm.native.engine import Added, NativeEngine
from evm.native.fetch import Kind
from evm.native.result import NativeBlockResult
from evm.rules import L2Rules
from evm.store.diff import CODE_PREFIX, NODE_PREFIX
from evm.types import Address, Gas, Hash32, PayloadAttributes, Receipt, Timestamp, decode_transaction
from evm.types.transaction import TransactionDecodingError
from evm.validity import InvalidTransaction
from tests.evm.engine_kit import GAS_LIMIT, Bench

BEACON_ROOT = Hash32(b"\xbe" * 32)


def serve(bench: Bench, kind: Kind, keys: Sequence[Hash32]) -> list[bytes | None]:
    """What the bench's store has, as a native engine asks for it."""
    if kind == Kind.HEADER:
        return [header.raw if (header := bench.headers.get(key)) is not None else None for key in keys]
    prefix = {Kind.NODE: NODE_PREFIX, Kind.CODE: CODE_PREFIX}[kind]
    return [bench.kv.get(prefix + key) for key in keys]


def native_engine(bench: Bench, rollup: RollupConfig) -> NativeEngine:
    """A native engine over the bench's state."""
    return NativeEngine(rollup, lambda kind, keys: serve(bench, kind, keys), cache_bytes=1 << 20)


def attributes_after(bench: Bench, **changes: object) -> PayloadAttributes:
    """Attributes of the next block that fit its fork."""
    assert isinstance(bench.engine.rules, L2Rules)
    timestamp = bench.head.timestamp + 2
    fork = bench.engine.rules.at(timestamp)
    attributes = PayloadAttributes(
        timestamp=Timestamp(timestamp),
        prev_randao=Hash32(b"\x5a" * 32),
        suggested_fee_recipient=SEQUENCER_FEE_VAULT,
        parent_beacon_block_root=BEACON_ROOT if fork.has(EthFork.CANCUN) else None,
        transactions=(),
        no_tx_pool=True,
        gas_limit=Gas(GAS_LIMIT),
        eip1559_params=bytes(8) if fork.has_op(Fork.HOLOCENE) else None,
        min_base_fee=0 if fork.has_op(Fork.JOVIAN) else None,
        with_withdrawals=fork.has(EthFork.SHANGHAI),
    )
    return replace(attributes, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Outcome:
    """What became of each transaction, and the block of those that were included."""

    added: tuple[Added, ...]
    result: NativeBlockResult


def run_both(
    bench: Bench,
    native: NativeEngine,
    attributes: PayloadAttributes,
    transactions: Sequence[bytes],
    senders: Sequence[Address | None] | None = None,
) -> Outcome:
    """Build the block twice, assert that nothing differs, and store it as the bench's head."""
    assert isinstance(bench.engine.rules, L2Rules)
    builder = bench.engine.start(bench.head, bench.engine.inputs(attributes))
    expected: list[Added] = []
    for raw in transactions:
        try:
            receipt = builder.add(decode_transaction(raw))
        except TransactionDecodingError:
            expected.append(Added(malformed=True))
        except InvalidTransaction as error:
            expected.append(Added(reason=error.reason))
        else:
            before = builder.receipts[-2].cumulative_gas_used if len(builder.receipts) > 1 else 0
            expected.append(Added(receipt.cumulative_gas_used - before, receipt.succeeded))
    executed = builder.seal()
    with native.begin(bench.head, attributes) as block:
        added = block.add(transactions, senders)
        assert added == expected
        result = block.seal().read_all()
    with patch.object(engine, "MANY", 0), native.begin(bench.head, attributes) as block:
        block.add(transactions, senders)
        assert everything(block.seal()) == everything(result), "the same, whether one thread seals it or two"
    block, done, last = native.make(bench.head, attributes, transactions)
    with block:
        first = next((index for index, each in enumerate(expected) if not each.included), None)
        assert (done, last.included) == (len(expected) if first is None else first + 1, first is None)
        assert expected == [] or last == expected[done - 1]
        assert (block.result is None) == (first is not None)
        assert block.result is None or everything(block.result) == everything(result)
    assert list(map(Receipt.decode, result.receipts)) == list(executed.receipts)
    assert list(result.receipts) == [receipt.encode() for receipt in executed.receipts]
    assert result.header == executed.block.header
    assert result.header.hash == executed.block.header.hash
    assert_same_update(bench, result, executed.update.nodes, executed.update.codes)
    bench.accept(executed)
    return Outcome(tuple(added), result)


def everything(result: NativeBlockResult) -> tuple[object, ...]:
    """All that a sealed block hands over, in its order."""
    nodes, accounts, slots = (tuple(each.items()) for each in (result.nodes, result.accounts, result.slots))
    return result.header.raw, result.receipts, nodes, result.replaced, result.copies, result.codes, accounts, slots


def assert_same_update(
    bench: Bench, result: NativeBlockResult, nodes: dict[Hash32, bytes], codes: dict[Hash32, bytes]
) -> None:
    """Assert that both engines give the same new nodes and codes, those aside that the store has already."""

    def unknown(prefix: bytes, values: dict[Hash32, bytes]) -> dict[Hash32, bytes]:
        return {key: value for key, value in values.items() if bench.kv.get(prefix + key) is None}

    assert unknown(NODE_PREFIX, result.nodes) == unknown(NODE_PREFIX, nodes)
    assert unknown(CODE_PREFIX, result.codes) == unknown(CODE_PREFIX, codes)
    for replaced in result.replaced:
        if bench.kv.get(NODE_PREFIX + replaced) is None:
            raise CriticalError(f"node {replaced.hex()} was replaced, but the state before does not have it")
