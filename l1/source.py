"""L1 blocks and receipts from an RPC endpoint that need not be trusted for anything but being there.

Whatever is returned was checked against the block hash: the header's fields hash to it, transactions, withdrawals and
receipts hash to the roots in the header. Which block is canonical is the endpoint's word; `l1.endpoints` asks several.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from config.errors import TemporaryError
from config.types import Hash32, from_hex, short, to_hex
from evm.trie import ordered_root
from evm.types import Address, Block, Header, Receipt, Transaction, TransactionType
from evm.types.json_codec import block_from_json, header_from_json
from l1.answers import MALFORMED, L1BlockNotFound, L1DataMismatch, reason
from l1.anvil import is_anvil, transactions_root_with_sidecars
from l1.cache import LruCache
from l1.receipts import ReceiptsMethod, ReceiptsReader
from l1.retry import RetryingCaller, RetryPolicy
from l1.rpc import RpcCaller, RpcError
from l1.storage_proof import OtherState, proven_value

__all__ = ["BlockTag", "L1BlockNotFound", "L1Client", "L1DataMismatch", "ReceiptsMethod", "VerifiedData"]

BlockTag: TypeAlias = Literal["latest", "safe", "finalized", "earliest", "pending"]

_NO_SUCH_BLOCK = ("block not found", "unknown block", "header not found")
"""How geth, reth, nethermind and erigon refuse a tag that points nowhere yet, or a block they do not have."""


@dataclass
class VerifiedData:
    """Bounded caches by block hash. What is in them was checked, so clients of several endpoints can share them."""

    headers: LruCache[Hash32, Header] = field(default_factory=lambda: LruCache(4096))
    blocks: LruCache[Hash32, Block] = field(default_factory=lambda: LruCache(128))
    receipts: LruCache[Hash32, tuple[Receipt, ...]] = field(default_factory=lambda: LruCache(128))


class L1Client:
    """Verified headers, blocks and receipts of L1.

    Transport errors are retried as `retry` allows, then raised as TemporaryError.
    """

    def __init__(
        self,
        rpc: RpcCaller,
        *,
        retry: RetryPolicy | None = None,
        data: VerifiedData | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`data` is where verified answers are kept; `clock` (seconds) decides when an endpoint is probed anew."""
        self._rpc: RpcCaller = RetryingCaller(rpc, retry or RetryPolicy())
        self._data = data or VerifiedData()
        self._reader = ReceiptsReader(self._rpc, self._transactions, clock)
        self._is_anvil: bool | None = None

    @property
    def endpoint(self) -> str:
        """The endpoint's name for messages, without credentials."""
        return self._rpc.endpoint

    @property
    def receipts_method(self) -> ReceiptsMethod:
        """How receipts are asked for at present, by what the endpoint turned out to offer."""
        return self._reader.method

    def on_mismatch(self, tell: Callable[[L1DataMismatch], None]) -> None:
        """Call `tell` for wrong answers that the client could make up for by asking in another way."""
        self._reader.on_mismatch = tell

    async def chain_id(self) -> int:
        """The chain id that the endpoint reports."""
        return await self._number("eth_chainId", "reading the L1 chain id")

    async def block_number(self) -> int:
        """The number of the endpoint's newest block."""
        return await self._number("eth_blockNumber", "reading the L1 head's number")

    async def header_by_number(self, number: int | BlockTag) -> Header:
        """The header of the canonical block of that number, or behind a tag; its hash recomputed.

        Raises L1BlockNotFound when the endpoint has none (yet), L1DataMismatch when the answer does not hold.
        """
        name = _name(number)
        answer = await self._call("eth_getBlockByNumber", [_parameter(number), False], f"reading the header of {name}")
        return self._header(answer, name, number=number)

    async def headers_by_number(self, numbers: Sequence[int]) -> list[Header | None]:
        """The headers of several canonical blocks in one request; None where the endpoint has no such block."""
        name = f"L1 blocks {numbers[0]} to {numbers[-1]}" if numbers else "no blocks"
        answers = await self._batch(
            [("eth_getBlockByNumber", [hex(number), False]) for number in numbers], f"reading the headers of {name}"
        )
        return [
            None if answer is None else self._header(answer, _name(number), number=number)
            for number, answer in zip(numbers, answers, strict=True)
        ]

    async def header_by_hash(self, block_hash: Hash32) -> Header:
        """The header with this hash. Raises L1BlockNotFound or L1DataMismatch."""
        cached = self._data.headers.get(block_hash)
        if cached is not None:
            return cached
        name = f"L1 block {short(block_hash)}"
        answer = await self._call("eth_getBlockByHash", [to_hex(block_hash), False], f"reading the header of {name}")
        return self._header(answer, name, block_hash=block_hash)

    async def block_by_hash(self, block_hash: Hash32) -> Block:
        """The block with this hash, transactions and withdrawals checked against its header's roots.

        Raises L1BlockNotFound or L1DataMismatch.
        """
        cached = self._data.blocks.get(block_hash)
        if cached is not None:
            return cached
        name = f"L1 block {short(block_hash)}"
        answer = await self._call("eth_getBlockByHash", [to_hex(block_hash), True], f"reading {name}")
        return await self._block(answer, name, block_hash=block_hash)

    async def block_by_number(self, number: int | BlockTag) -> Block:
        """The canonical block of that number, checked like `block_by_hash`."""
        name = _name(number)
        answer = await self._call("eth_getBlockByNumber", [_parameter(number), True], f"reading {name}")
        return await self._block(answer, name, number=number)

    async def receipts(self, header: Header) -> tuple[Receipt, ...]:
        """The receipts of a block, checked against the receipts root of `header`.

        Raises L1BlockNotFound, L1DataMismatch, or TemporaryError when the endpoint offers no way at all.
        """
        cached = self._data.receipts.get(header.hash)
        if cached is None:
            cached = await self._reader.read(header)
            self._data.receipts.put(header.hash, cached)
        return cached

    async def storage(self, header: Header, address: Address, slot: Hash32) -> Hash32:
        """What a contract's storage slot holds after a block, proven against the state root of `header`.

        Raises L1DataMismatch, or L1BlockNotFound when the endpoint proves no storage, or that of another block: it is asked by
        number, and L1 may have been reorganised. Spec: EIP-1186.
        """
        name = f"slot {short(slot)} of {to_hex(address)} in L1 {header}"
        try:
            answer = await self._rpc.call("eth_getProof", [to_hex(address), [to_hex(slot)], hex(header.number)])
        except RpcError as error:
            raise L1BlockNotFound(f"{self.endpoint} does not prove {name}: {error}") from error
        if answer is None:
            raise self._not_found(name)
        try:
            return proven_value(header.state_root, address, slot, answer)
        except OtherState as error:
            raise self._not_found(name) from error
        except MALFORMED as error:
            raise self._mismatch(name, reason(error)) from error

    async def preload(self, headers: Sequence[Header]) -> None:
        """Get blocks and receipts into the cache in as few requests as possible; what does not succeed is left out.

        Raises TemporaryError when the endpoint does not answer.
        """
        blocks = [header for header in headers if self._data.blocks.get(header.hash) is None]
        receipts = [header for header in headers if self._data.receipts.get(header.hash) is None]
        await asyncio.gather(self._preload_blocks(blocks), self._preload_receipts(receipts))

    async def _preload_blocks(self, headers: Sequence[Header]) -> None:
        calls = [("eth_getBlockByHash", [to_hex(header.hash), True]) for header in headers]
        for header, answer in zip(headers, await self._rpc.batch(calls) if calls else [], strict=True):
            if answer is None or isinstance(answer, RpcError):
                continue
            await self._block(answer, f"L1 {header}", block_hash=header.hash)
            await asyncio.sleep(0)  # a block takes milliseconds to check, and others wait for the loop

    async def _preload_receipts(self, headers: Sequence[Header]) -> None:
        for header, receipts in zip(headers, await self._reader.read_many(headers) if headers else [], strict=True):
            if receipts is not None:
                self._data.receipts.put(header.hash, receipts)

    async def _transactions(self, header: Header) -> Sequence[Transaction]:
        return (await self.block_by_hash(header.hash)).transactions

    def _header(
        self, answer: Any, name: str, *, number: int | BlockTag | None = None, block_hash: Hash32 | None = None
    ) -> Header:
        if answer is None:
            raise self._not_found(name)
        try:
            header = header_from_json(answer)
            claimed = from_hex(answer["hash"], 32)
            header_hash = header.hash
        except MALFORMED as error:
            raise self._mismatch(name, f"its header is malformed ({reason(error)})") from error
        if header_hash != claimed:
            raise self._mismatch(
                name, f"its fields hash to the block hash {short(header_hash)}, the answer says {short(claimed)}"
            )
        if block_hash is not None and header.hash != block_hash:
            raise self._mismatch(name, f"another block was given: {header}")
        if isinstance(number, int) and header.number != number:
            raise self._mismatch(name, f"another block was given: {header}")
        self._data.headers.put(header.hash, header)
        return header

    async def _block(
        self, answer: Any, name: str, *, number: int | BlockTag | None = None, block_hash: Hash32 | None = None
    ) -> Block:
        header = self._header(answer, name, number=number, block_hash=block_hash)
        try:
            block = block_from_json(answer)
            if any(tx.type is TransactionType.DEPOSIT for tx in block.transactions):
                raise ValueError("it holds an L2 deposit transaction")
            transactions_root = ordered_root([tx.raw for tx in block.transactions])
            withdrawals_root = (
                None if block.withdrawals is None else ordered_root([item.encode() for item in block.withdrawals])
            )
        except MALFORMED as error:
            raise self._mismatch(f"L1 {header}", f"its body is malformed ({reason(error)})") from error
        if transactions_root != header.transactions_root and not await self._fits_anvil(header, block.transactions):
            raise self._mismatch(
                f"L1 {header}",
                f"its {len(block.transactions)} transactions hash to the transactions root {short(transactions_root)}, "
                f"the header says {short(header.transactions_root)}",
            )
        if withdrawals_root != header.withdrawals_root:
            raise self._mismatch(
                f"L1 {header}",
                f"its withdrawals hash to the withdrawals root {_maybe(withdrawals_root)}, "
                f"the header says {_maybe(header.withdrawals_root)}",
            )
        block = Block(header, block.transactions, block.withdrawals)
        self._data.blocks.put(header.hash, block)
        return block

    async def _fits_anvil(self, header: Header, transactions: Sequence[Transaction]) -> bool:
        if self._is_anvil is None:
            self._is_anvil = await is_anvil(self._rpc)
        if not self._is_anvil:
            return False
        return await transactions_root_with_sidecars(self._rpc, transactions) == header.transactions_root

    async def _number(self, method: str, doing: str) -> int:
        answer = await self._call(method, [], doing)
        try:
            return int(answer, 16)
        except (TypeError, ValueError) as error:
            raise TemporaryError(f"{self.endpoint} answered {method} with {answer!r}, which is no number") from error

    async def _call(self, method: str, params: Sequence[Any], doing: str) -> Any:
        try:
            return await self._rpc.call(method, params)
        except RpcError as error:
            if any(wording in error.message.lower() for wording in _NO_SUCH_BLOCK):
                raise L1BlockNotFound(f"{doing}: {error}") from error
            raise TemporaryError(f"{doing}: {error}") from error

    async def _batch(self, calls: Sequence[tuple[str, Sequence[Any]]], doing: str) -> list[Any]:
        answers = await self._rpc.batch(calls) if calls else []
        for answer in answers:
            if isinstance(answer, RpcError):
                raise TemporaryError(f"{doing}: {answer}") from answer
        return answers

    def _not_found(self, name: str) -> L1BlockNotFound:
        return L1BlockNotFound.at(self.endpoint, name)

    def _mismatch(self, name: str, what: str) -> L1DataMismatch:
        return L1DataMismatch.of(self.endpoint, name, what)


def _parameter(number: int | BlockTag) -> str:
    return hex(number) if isinstance(number, int) else number


def _name(number: int | BlockTag) -> str:
    return f"L1 block {number}" if isinstance(number, int) else f"the {number} L1 block"


def _maybe(root: Hash32 | None) -> str:
    return "none" if root is None else short(root)
