"""Finding logs: what a caller asks for, which blocks can hold it, and what matches."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evm.types import Address, Block, Hash32, Header, Log, Receipt, keccak256
from evm.types.json_codec import LogPosition, log_to_json
from node.chain import Chain
from node.rpc.blocks import BlockFinder
from node.rpc.errors import ErrorCode, RpcError, invalid_params, server_error
from node.rpc.params import BlockReference, parse_address, parse_block_number, parse_hash, parse_object

log = logging.getLogger("lamina.rpc")

MAX_TOPIC_POSITIONS = 4
_HEADERS_BETWEEN_PAUSES = 256


@dataclass(frozen=True)
class LogLimits:
    """What one query may ask for; 0 means no limit (`--rpc.rangelimit`, `--rpc.logquerylimit`).

    `blocks`: its range; `results`: logs in its answer; `alternatives`: addresses, or topics per position.
    """

    blocks: int = 100_000
    results: int = 50_000
    alternatives: int = 1_000


@dataclass(frozen=True)
class LogCriteria:
    """Which logs match: any of the addresses (all when empty), and per position any of the topics (all when empty)."""

    addresses: frozenset[Address] = frozenset()
    topics: tuple[frozenset[Hash32], ...] = ()

    def matches(self, log: Log) -> bool:
        """Whether this log is asked for."""
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(not wanted or topic in wanted for wanted, topic in zip(self.topics, log.topics, strict=False))

    def may_be_in(self, header: Header) -> bool:
        """False when the block's Bloom filter rules out that a log of it matches."""
        bloom = int.from_bytes(header.logs_bloom, "big")
        return bloom != 0 and all(any(bloom & bits == bits for bits in condition) for condition in self._bloom_masks)

    @cached_property
    def _bloom_masks(self) -> list[list[int]]:
        """Per condition the Bloom bits of each alternative; a block can match only if each has one that is all set."""
        conditions: list[frozenset[Address] | frozenset[Hash32]] = [self.addresses, *self.topics]
        return [[_bloom_bits(value) for value in condition] for condition in conditions if condition]


@dataclass(frozen=True)
class LogQuery:
    """What `eth_getLogs` and `eth_newFilter` take: criteria, and either one block hash or a range."""

    criteria: LogCriteria
    block_hash: Hash32 | None = None
    from_block: BlockReference | None = None
    to_block: BlockReference | None = None


def parse_log_query(value: Any, limits: LogLimits) -> LogQuery:
    """Read a filter object. Raises ValueError naming the field that is malformed."""
    data = parse_object(value)
    block_hash = data.get("blockHash")
    if block_hash is not None:
        if data.get("fromBlock") is not None or data.get("toBlock") is not None:
            raise ValueError("cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
        return LogQuery(parse_criteria(data, limits), block_hash=parse_hash(block_hash))
    first, last = data.get("fromBlock"), data.get("toBlock")
    return LogQuery(
        parse_criteria(data, limits),
        from_block=None if first is None else parse_block_number(first),
        to_block=None if last is None else parse_block_number(last),
    )


def parse_criteria(data: dict[str, Any], limits: LogLimits) -> LogCriteria:
    """Read `address` and `topics` of a filter object. Raises ValueError."""
    address = data.get("address")
    addresses = [] if address is None else address if isinstance(address, list) else [address]
    if limits.alternatives and len(addresses) > limits.alternatives:
        raise ValueError(f"exceed max addresses or topics per search position ({limits.alternatives})")
    topics = data.get("topics")
    if topics is not None and not isinstance(topics, list):
        raise ValueError("invalid topics: expected an array")
    if topics is not None and len(topics) > MAX_TOPIC_POSITIONS:
        raise ValueError(f"exceed max topics ({MAX_TOPIC_POSITIONS} positions)")
    positions = []
    for topic in topics or ():
        alternatives = [] if topic is None else topic if isinstance(topic, list) else [topic]
        if limits.alternatives and len(alternatives) > limits.alternatives:
            raise ValueError(f"exceed max addresses or topics per search position ({limits.alternatives})")
        # A null among the alternatives matches anything, which makes the position a wildcard.
        wildcard = any(item is None for item in alternatives)
        positions.append(frozenset() if wildcard else frozenset(parse_hash(item) for item in alternatives))
    return LogCriteria(frozenset(parse_address(item) for item in addresses), tuple(positions))


def block_logs(
    block: Block, receipts: Sequence[Receipt], criteria: LogCriteria, removed: bool = False
) -> Iterator[dict[str, Any]]:
    """A block's logs that match, as JSON, in order."""
    if not criteria.may_be_in(block.header):
        return
    log_index = 0
    for index, (transaction, receipt) in enumerate(zip(block.transactions, receipts, strict=True)):
        for item in receipt.logs:
            if criteria.matches(item):
                position = LogPosition(block.hash, block.number, transaction.hash, index, log_index)
                yield log_to_json(item, position, removed)
            log_index += 1


def stored_block_logs(chain: Chain, block: Block, criteria: LogCriteria, removed: bool = False) -> list[dict[str, Any]]:
    """Like `block_logs`, with the receipts that the chain has stored; for announcing, so it never fails."""
    receipts = chain.receipts(block.hash)
    if receipts is None:
        log.error("the receipts of %s are not stored: its logs are not announced; check the data directory", block)
        return []
    return list(block_logs(block, receipts, criteria, removed))


class LogSearch:
    """Searches a chain's logs, reading bodies only of blocks whose Bloom filter admits a match."""

    def __init__(self, chain: Chain, blocks: BlockFinder, limits: LogLimits | None = None) -> None:
        self._chain = chain
        self._blocks = blocks
        self.limits = limits or LogLimits()

    async def find(self, query: LogQuery) -> list[dict[str, Any]]:
        """All matching logs as JSON. Lets other work of the event loop run between blocks. Raises RpcError."""
        if query.block_hash is not None:
            header = self._chain.header_by_hash(query.block_hash)
            if header is None:
                raise server_error("unknown block")
            return list(self._in_block(header, query.criteria))
        first, last = self._range(query)
        found: list[dict[str, Any]] = []
        for number in range(first, last + 1):
            if (number - first) % _HEADERS_BETWEEN_PAUSES == _HEADERS_BETWEEN_PAUSES - 1:
                await asyncio.sleep(0)
            header = self._chain.header_by_number(number)
            if header is None:
                break
            found.extend(self._in_block(header, query.criteria))
            if self.limits.results and len(found) > self.limits.results:
                raise RpcError(
                    ErrorCode.LIMIT_EXCEEDED,
                    f"query returned more than {self.limits.results} results: ask for a narrower range than "
                    f"blocks {first} to {last}",
                )
        return found

    def _range(self, query: LogQuery) -> tuple[int, int]:
        head = self._chain.head.number
        first = self._number(query.from_block, head)
        last = self._number(query.to_block, head)
        if first > last:
            raise invalid_params("invalid block range params")
        if last > head:
            # An answer for a part of the range would read as if the rest had no logs.
            raise invalid_params(
                f"block range extends beyond current head block: head {head}, asked for blocks {first} to {last}"
            )
        if self.limits.blocks and last - first >= self.limits.blocks:
            raise RpcError(
                ErrorCode.LIMIT_EXCEEDED,
                f"exceed maximum block range: {self.limits.blocks} (asked for blocks {first} to {last})",
            )
        return first, last

    def _number(self, reference: BlockReference | None, head: int) -> int:
        if reference is None:
            return head
        if reference.number is not None:
            return reference.number
        return self._blocks.require_header(reference).number

    def _in_block(self, header: Header, criteria: LogCriteria) -> Iterator[dict[str, Any]]:
        if not criteria.may_be_in(header):
            return iter(())
        block = self._chain.block_by_hash(header.hash)
        if block is None:
            raise server_error(f"the body of {header} is not available")
        return block_logs(block, self._blocks.receipts(block), criteria)


def _bloom_bits(value: bytes) -> int:
    digest = keccak256(value)
    bits = 0
    for start in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[start : start + 2], "big") & 2047)
    return bits
