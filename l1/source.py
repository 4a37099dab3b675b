"""L1 blocks and receipts from an RPC endpoint that need not be trusted for anything but being there.

Whatever is returned was checked against the block hash: the header's fields hash to it, transactions, withdrawals and
receipts hash to the roots in the header. Which block is canonical is the endpoint's word.
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any, Literal, TypeAlias, TypeVar

from config.errors import TemporaryError
from config.types import Hash32, from_hex, short, to_hex
from evm.trie import ordered_root
from evm.types import Block, Header, Receipt, Transaction, TransactionType
from evm.types.json_codec import block_from_json, header_from_json, receipt_from_json
from evm.types.rlp import RlpError
from l1.anvil import is_anvil, transactions_root_with_sidecars
from l1.cache import LruCache
from l1.retry import RetryPolicy, with_retries
from l1.rpc import INVALID_PARAMS, RpcCaller, RpcError

BlockTag: TypeAlias = Literal["latest", "safe", "finalized", "earliest", "pending"]

_T = TypeVar("_T")
_MALFORMED = (KeyError, ValueError, TypeError, AttributeError)
"""What the JSON codec raises for answers that are not of the shape they should have."""


_NO_SUCH_BLOCK = ("block not found", "unknown block", "header not found")
"""How geth, reth, nethermind and erigon refuse a tag that points nowhere yet, or a block they do not have."""


class L1DataMismatch(TemporaryError):
    """An endpoint served data that contradicts the hash it was asked for. The data is dropped, never used."""


class L1BlockNotFound(TemporaryError):
    """The endpoint has no such block: not mined yet, reorged away, or pruned."""


class ReceiptsMethod(Enum):
    """The ways to get a block's receipts, best first."""

    BLOCK = "eth_getBlockReceipts"
    RAW = "debug_getRawReceipts"
    SINGLE = "eth_getTransactionReceipt"


class L1Client:
    """Verified headers, blocks and receipts of L1, with bounded caches by hash.

    Transport errors are retried as `retry` allows, then raised as TemporaryError.
    """

    def __init__(
        self,
        rpc: RpcCaller,
        *,
        retry: RetryPolicy | None = None,
        header_cache: int = 4096,
        block_cache: int = 128,
    ) -> None:
        """`header_cache` and `block_cache` are numbers of entries; the latter holds for receipts as well."""
        self._rpc = rpc
        self._retry = retry or RetryPolicy()
        self._headers: LruCache[Hash32, Header] = LruCache(header_cache)
        self._blocks: LruCache[Hash32, Block] = LruCache(block_cache)
        self._receipts: LruCache[Hash32, tuple[Receipt, ...]] = LruCache(block_cache)
        self._receipt_methods = list(ReceiptsMethod)
        self._is_anvil: bool | None = None

    @property
    def endpoint(self) -> str:
        """The endpoint's name for messages, without credentials."""
        return self._rpc.endpoint

    @property
    def receipts_method(self) -> ReceiptsMethod:
        """How receipts are asked for now, by what the endpoint turned out to offer."""
        return self._receipt_methods[0]

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
        cached = self._headers.get(block_hash)
        if cached is not None:
            return cached
        name = f"L1 block {short(block_hash)}"
        answer = await self._call("eth_getBlockByHash", [to_hex(block_hash), False], f"reading the header of {name}")
        return self._header(answer, name, block_hash=block_hash)

    async def block_by_hash(self, block_hash: Hash32) -> Block:
        """The block with this hash, transactions and withdrawals checked against its header's roots.

        Raises L1BlockNotFound or L1DataMismatch.
        """
        cached = self._blocks.get(block_hash)
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

        The first ways that the endpoint does not offer are dropped for good (see `receipts_method`). Raises
        L1BlockNotFound, L1DataMismatch, or TemporaryError when the endpoint offers no way at all.
        """
        cached = self._receipts.get(header.hash)
        if cached is not None:
            return cached
        receipts = await self._fetch_receipts(header)
        try:
            root = ordered_root([receipt.encode() for receipt in receipts])
        except _MALFORMED as error:
            raise self._mismatch(f"L1 {header}", f"its receipts are malformed ({_reason(error)})") from error
        if root != header.receipts_root:
            raise self._mismatch(
                f"L1 {header}",
                f"its {len(receipts)} receipts hash to the receipts root {short(root)}, "
                f"the header says {short(header.receipts_root)}",
            )
        self._receipts.put(header.hash, receipts)
        return receipts

    async def _fetch_receipts(self, header: Header) -> tuple[Receipt, ...]:
        while True:
            method = self._receipt_methods[0]
            try:
                return await self._receipts_by(method, header)
            except RpcError as error:
                # Some endpoints know the method but take no block hash, which is as good as not having it.
                unsupported = error.is_unsupported or error.code == INVALID_PARAMS
                if not unsupported or self._receipt_methods == [method]:
                    raise TemporaryError(f"reading the receipts of L1 {header}: {error}") from error
                if method in self._receipt_methods:
                    self._receipt_methods.remove(method)

    async def _receipts_by(self, method: ReceiptsMethod, header: Header) -> tuple[Receipt, ...]:
        name = f"L1 {header}"
        doing = f"reading the receipts of {name}"
        if method is ReceiptsMethod.SINGLE:
            block = await self.block_by_hash(header.hash)
            answer = await self._batch([(method.value, [to_hex(tx.hash)]) for tx in block.transactions], doing)
            if None in answer:
                raise L1BlockNotFound(f"{self.endpoint} lacks a receipt of {name}; it may just be reorganising")
        else:
            answer = await self._retried(lambda: self._rpc.call(method.value, [to_hex(header.hash)]), doing)
            if answer is None:
                raise self._not_found(name)
        try:
            if method is ReceiptsMethod.RAW:
                return tuple(Receipt.decode(from_hex(raw)) for raw in answer)
            return tuple(receipt_from_json(item) for item in answer)
        except (RlpError, *_MALFORMED) as error:
            raise self._mismatch(name, f"its receipts are malformed ({_reason(error)})") from error

    def _header(
        self, answer: Any, name: str, *, number: int | BlockTag | None = None, block_hash: Hash32 | None = None
    ) -> Header:
        if answer is None:
            raise self._not_found(name)
        try:
            header = header_from_json(answer)
            claimed = from_hex(answer["hash"], 32)
            header_hash = header.hash
        except _MALFORMED as error:
            raise self._mismatch(name, f"its header is malformed ({_reason(error)})") from error
        if header_hash != claimed:
            raise self._mismatch(
                name, f"its fields hash to the block hash {short(header_hash)}, the answer says {short(claimed)}"
            )
        if block_hash is not None and header.hash != block_hash:
            raise self._mismatch(name, f"another block was given: {header}")
        if isinstance(number, int) and header.number != number:
            raise self._mismatch(name, f"another block was given: {header}")
        self._headers.put(header.hash, header)
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
        except _MALFORMED as error:
            raise self._mismatch(f"L1 {header}", f"its body is malformed ({_reason(error)})") from error
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
        self._blocks.put(header.hash, block)
        return block

    async def _fits_anvil(self, header: Header, transactions: Sequence[Transaction]) -> bool:
        if self._is_anvil is None:
            self._is_anvil = await is_anvil(self._rpc)
        if not self._is_anvil:
            return False
        return await transactions_root_with_sidecars(self._rpc, transactions) == header.transactions_root

    async def _number(self, method: str, doing: str) -> int:
        answer = await self._call(method, [], doing)
        if not isinstance(answer, str) or not answer.startswith("0x"):
            raise L1DataMismatch(f"{self.endpoint} answered {method} with {answer!r}, which is no number")
        return int(answer, 16)

    async def _call(self, method: str, params: Sequence[Any], doing: str) -> Any:
        try:
            return await self._retried(lambda: self._rpc.call(method, params), doing)
        except RpcError as error:
            if any(wording in error.message.lower() for wording in _NO_SUCH_BLOCK):
                raise L1BlockNotFound(f"{doing}: {error}") from error
            raise TemporaryError(f"{doing}: {error}") from error

    async def _batch(self, calls: Sequence[tuple[str, Sequence[Any]]], doing: str) -> list[Any]:
        answers = await self._retried(lambda: self._rpc.batch(calls), doing) if calls else []
        for answer in answers:
            if isinstance(answer, RpcError):
                raise TemporaryError(f"{doing}: {answer}") from answer
        return answers

    async def _retried(self, operation: Callable[[], Awaitable[_T]], doing: str) -> _T:
        return await with_retries(doing, operation, self._retry)

    def _not_found(self, name: str) -> L1BlockNotFound:
        return L1BlockNotFound(f"{self.endpoint} has no {name}: not there yet, reorged away, or pruned")

    def _mismatch(self, name: str, what: str) -> L1DataMismatch:
        return L1DataMismatch(
            f"{self.endpoint} served wrong data for {name}: {what}. The answer was dropped; "
            "if this persists, use another L1 endpoint"
        )


def _parameter(number: int | BlockTag) -> str:
    return hex(number) if isinstance(number, int) else number


def _name(number: int | BlockTag) -> str:
    return f"L1 block {number}" if isinstance(number, int) else f"the {number} L1 block"


def _maybe(root: Hash32 | None) -> str:
    return "none" if root is None else short(root)


def _reason(error: Exception) -> str:
    return f"field {error} is missing" if isinstance(error, KeyError) else str(error)
