"""The receipts of a block, by whatever way an endpoint offers, checked against the receipts root."""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any

from config.errors import TemporaryError
from config.types import from_hex, short, to_hex
from evm.trie import ordered_root
from evm.types import Header, Receipt, Transaction
from evm.types.json_codec import receipt_from_json
from evm.types.rlp import RlpError
from l1.answers import MALFORMED, L1BlockNotFound, L1DataMismatch, reason
from l1.rpc import INVALID_PARAMS, EndpointBusy, RpcCaller, RpcError

_log = logging.getLogger("lamina.l1")

UNSUPPORTED_PAUSE = 600.0
"""Seconds after which a way that the endpoint does not offer is tried again: providers change what they offer."""
FAILED_PAUSE = 60.0
"""Seconds after which a way that failed is tried again."""
MAX_SILENCES = 2
"""Times that the endpoint may fail to answer a method before another one is preferred: some are too slow to be of use."""


class ReceiptsMethod(Enum):
    """The ways to get a block's receipts, best first."""

    BLOCK = "eth_getBlockReceipts"
    RAW = "debug_getRawReceipts"
    ALCHEMY = "alchemy_getTransactionReceipts"
    ERIGON = "erigon_getBlockReceiptsByBlockHash"
    PARITY = "parity_getBlockReceipts"
    SINGLE = "eth_getTransactionReceipt"

    def parameters(self, header: Header) -> list[Any]:
        """What the method is called with for a block; `SINGLE` is called by transaction instead."""
        block_hash = to_hex(header.hash)
        return [{"blockHash": block_hash}] if self is ReceiptsMethod.ALCHEMY else [block_hash]


class ReceiptsReader:
    """Reads receipts from one endpoint. What it offers is found out as it goes, remembered, and looked at again later."""

    def __init__(
        self,
        rpc: RpcCaller,
        transactions: Callable[[Header], Awaitable[Sequence[Transaction]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`transactions` gives the transactions of a block: asking for single receipts needs their hashes."""
        self.on_mismatch: Callable[[L1DataMismatch], None] = lambda _: None
        """Called when one way gave wrong receipts and another one the true ones: nobody else would hear of it."""
        self._rpc = rpc
        self._transactions = transactions
        self._clock = clock
        self._aside: dict[ReceiptsMethod, float] = {}
        """Until when a way is not tried."""
        self._silences: dict[ReceiptsMethod, int] = {}

    @property
    def method(self) -> ReceiptsMethod:
        """The way that is tried first now."""
        return self._methods()[0]

    async def read(self, header: Header) -> tuple[Receipt, ...]:
        """The receipts of a block.

        Raises L1BlockNotFound, L1DataMismatch when no way gave the true ones and one gave others, or TemporaryError
        when the endpoint does not answer or offers no way.
        """
        failures: list[tuple[ReceiptsMethod, Exception]] = []
        for method in self._methods():
            try:
                receipts = await self._by(method, header)
            except RpcError as error:
                # Some endpoints know the method but take no block hash, which is as good as not having it.
                unsupported = error.is_unsupported or error.code == INVALID_PARAMS
                self._set_aside(method, UNSUPPORTED_PAUSE if unsupported else FAILED_PAUSE)
                failures.append((method, error))
            except L1DataMismatch as error:
                self._set_aside(method, FAILED_PAUSE)
                failures.append((method, error))
            except (L1BlockNotFound, EndpointBusy):
                raise
            except TemporaryError as error:
                self._silences[method] = self._silences.get(method, 0) + 1
                if self._silences[method] >= MAX_SILENCES:
                    self._set_aside(method, FAILED_PAUSE)
                if not failures:
                    raise
                failures.append((method, error))
                break
            else:
                self._silences.pop(method, None)
                self._tell(failures, method)
                return receipts
        self._aside.clear()  # whoever asks next finds out anew what the endpoint offers
        wrong = [str(error) for _, error in failures if isinstance(error, L1DataMismatch)]
        if wrong:
            raise L1DataMismatch("; ".join(wrong))
        tried = "; ".join(f"{method.value}: {error}" for method, error in failures)
        raise TemporaryError(
            f"reading the receipts of L1 {header}: {self._rpc.endpoint} offers no way that works ({tried}); "
            "use an endpoint that offers eth_getBlockReceipts"
        )

    async def read_many(self, headers: Sequence[Header]) -> list[tuple[Receipt, ...] | None]:
        """The receipts of several blocks in one request, as far as that works: None for the others.

        Raises TemporaryError when the endpoint does not answer.
        """
        method = self.method
        if method is ReceiptsMethod.SINGLE:
            return [None for _ in headers]
        answers = await self._rpc.batch([(method.value, method.parameters(header)) for header in headers])
        found: list[tuple[Receipt, ...] | None] = []
        for header, answer in zip(headers, answers, strict=True):
            try:
                usable = answer is not None and not isinstance(answer, RpcError)
                found.append(self._checked(method, answer, header) if usable else None)
            except L1DataMismatch:
                # Whoever needs them asks for them alone, and is told then what is wrong.
                found.append(None)
        return found

    def _tell(self, failures: Sequence[tuple[ReceiptsMethod, Exception]], method: ReceiptsMethod) -> None:
        for failed, error in failures:
            level = logging.INFO if isinstance(error, RpcError) and error.is_unsupported else logging.WARNING
            _log.log(level, "receipts come by %s and not by %s any more: %s", method.value, failed.value, error)
            if isinstance(error, L1DataMismatch):
                self.on_mismatch(error)

    def _methods(self) -> list[ReceiptsMethod]:
        now = self._clock()
        return [method for method in ReceiptsMethod if self._aside.get(method, now) <= now] or list(ReceiptsMethod)

    def _set_aside(self, method: ReceiptsMethod, seconds: float) -> None:
        self._aside[method] = self._clock() + seconds
        self._silences.pop(method, None)

    async def _by(self, method: ReceiptsMethod, header: Header) -> tuple[Receipt, ...]:
        if method is ReceiptsMethod.SINGLE:
            hashes = [to_hex(tx.hash) for tx in await self._transactions(header)]
            answer = await self._rpc.batch([(method.value, [tx_hash]) for tx_hash in hashes]) if hashes else []
            for item in answer:
                if isinstance(item, RpcError):
                    raise item
            if None in answer:
                raise L1BlockNotFound(
                    f"{self._rpc.endpoint} lacks a receipt of L1 {header}; it may just be reorganising"
                )
        else:
            answer = await self._rpc.call(method.value, method.parameters(header))
            if answer is None:
                raise L1BlockNotFound.at(self._rpc.endpoint, f"L1 {header}")
        return self._checked(method, answer, header)

    def _checked(self, method: ReceiptsMethod, answer: Any, header: Header) -> tuple[Receipt, ...]:
        try:
            if method is ReceiptsMethod.RAW:
                receipts = tuple(Receipt.decode(from_hex(raw)) for raw in answer)
            else:
                items = answer["receipts"] if method is ReceiptsMethod.ALCHEMY else answer
                receipts = tuple(receipt_from_json(item) for item in items)
            root = ordered_root([receipt.encode() for receipt in receipts])
        except (RlpError, *MALFORMED) as error:
            raise L1DataMismatch.of(
                self._rpc.endpoint, f"L1 {header}", f"its receipts are malformed ({reason(error)})"
            ) from error
        if root != header.receipts_root:
            raise L1DataMismatch.of(
                self._rpc.endpoint,
                f"L1 {header}",
                f"its {len(receipts)} receipts hash to the receipts root {short(root)}, "
                f"the header says {short(header.receipts_root)}",
            )
        return receipts
