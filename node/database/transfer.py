"""A chain's blocks out of a data directory and into another one. States stay behind: executing the blocks makes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from config.errors import CriticalError
from config.rollup import RollupConfig
from config.types import to_hex
from derivation.l2_block_info import system_config_of
from evm.engine import InvalidBlock
from evm.store.kv import WriteBatch
from evm.types import Block, Header
from evm.types.rlp import RlpError
from evm.types.transaction import TransactionDecodingError
from node.chain import Chain, ChainStore
from node.chain.block_file import BlockFileError, RawBlock


class ImportRefused(ValueError):
    """A block of the file cannot follow what the directory has; the message names it and says why."""


@dataclass
class Imported:
    """What has come of an import so far. `gas` is that of the executed blocks."""

    executed: int = 0
    known: int = 0
    gas: int = 0
    interrupted: bool = False


def canonical_range(store: ChainStore, first: int | None, last: int | None) -> range:
    """The numbers of the canonical blocks from `first` to `last`; without them, from genesis to the unsafe head.

    Raises ValueError when the directory does not have all of them.
    """
    genesis_hash = store.genesis_hash()
    if genesis_hash is None:
        raise CriticalError("the data directory holds no chain: run `lamina init` first")
    genesis = store.require_header(genesis_hash, "the genesis block")
    head = store.require_header(store.head_hash("unsafe") or genesis_hash, "the unsafe head")
    wanted = range(genesis.number if first is None else first, (head.number if last is None else last) + 1)
    if not wanted:
        raise ValueError(
            f"there are no blocks from {wanted.start} to {wanted.stop - 1}: the first comes before the last"
        )
    if wanted.start < genesis.number or wanted.stop - 1 > head.number:
        raise ValueError(
            f"the directory has blocks {genesis.number} to {head.number}, not {wanted.start} to {wanted.stop - 1}"
        )
    return wanted


def export_blocks(store: ChainStore, numbers: range, out: BinaryIO, done: Callable[[], None]) -> None:
    """Write the RLP of the canonical blocks of these numbers one behind the other; `done` is called after each."""
    for number in numbers:
        block_hash = store.canonical_hash(number)
        if block_hash is None:
            raise CriticalError(f"canonical block {number} is missing: run `lamina db verify`")
        out.write(store.require_block(block_hash).encode())
        done()


def import_blocks(
    chain: Chain,
    blocks: Iterable[RawBlock],
    result: Imported,
    done: Callable[[], None],
    stop: Callable[[], bool],
    rollup: RollupConfig | None = None,
) -> None:
    """Execute the blocks one after the other, each on the unsafe head, which it becomes; known ones are passed over.

    Safe and finalized heads stay where they are: a node moves them when it has derived the blocks from L1. After each
    block `done` is called, and when `stop` then answers true, that was the last one. `result` is kept up to date, so that
    it is right whatever happens. Blocks of a `rollup` must say which L1 block they are from: a node could not begin on
    others. Raises ImportRefused at the first block that is wrong or cannot follow; all before it
    stay. Raises BlockFileError as `read_blocks`.
    """
    try:
        for entry in blocks:
            _take(chain, entry, result, rollup)
            done()
            if stop():
                result.interrupted = True
                return
    finally:
        # The blocks themselves are not waited for; this puts them on the disk with everything before it.
        chain.kv.write(WriteBatch(), sync=True)


def _take(chain: Chain, entry: RawBlock, result: Imported, rollup: RollupConfig | None) -> None:
    try:
        block = Block.decode(entry.raw)
    except (RlpError, TransactionDecodingError) as error:
        raise BlockFileError(f"what begins at byte {entry.offset} is no block: {error}") from error
    header = block.header
    if chain.is_canonical(header):
        result.known += 1
        return
    _check_place(chain, header)
    if chain.header_by_hash(header.hash) is not None and chain.has_state(header):
        # Executed before, and taken back since.
        chain.set_head(header)
        result.known += 1
        return
    try:
        if rollup is not None:
            system_config_of(block, rollup)
    except CriticalError as error:
        raise ImportRefused(f"block {_name(header)} is not one of this rollup: {error}") from error
    try:
        executed = chain.engine.import_block(chain.head, block)
    except InvalidBlock as error:
        reason = str(error).removeprefix(f"{header}: ")
        raise ImportRefused(f"block {_name(header)} is not valid: {reason}") from error
    chain.insert(executed, durable=False)
    result.executed += 1
    result.gas += header.gas_used


def _check_place(chain: Chain, header: Header) -> None:
    """Raises ImportRefused unless the block belongs on the unsafe head."""
    head = chain.head
    if header.number == chain.genesis.number:
        raise ImportRefused(
            f"the file's chain begins with another genesis, {_name(header)}, than this one, {chain.genesis}: "
            "it belongs to another chain"
        )
    if header.parent_hash == head.hash and header.number == head.number + 1:
        return
    if header.number > head.number + 1:
        raise ImportRefused(
            f"block {_name(header)} does not follow the head, {head}: first import the blocks from {head.number + 1} on"
        )
    raise ImportRefused(
        f"block {_name(header)} is on another fork than this chain with its head {head}: if the file is right, go back "
        "to where they part (`lamina unwind`) and import it again"
    )


def _name(header: Header) -> str:
    return f"{header.number} ({to_hex(header.hash)})"
