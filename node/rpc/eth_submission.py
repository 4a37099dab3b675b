"""`eth_sendRawTransaction`: into the own pool, or on to the sequencer."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from config.errors import TemporaryError
from config.types import Address, short, to_hex
from evm.types import Hash32, SignedTransaction, keccak256
from evm.types.transaction import BlobTransaction, LegacyTransaction, TransactionDecodingError
from l1.rpc import RpcCaller
from l1.rpc import RpcError as EndpointError
from l1.sidecar import BlobSidecar, SidecarError
from node.chain import Chain, ChainUpdate
from node.mempool import PoolRejection, SidecarStore, TransactionPool, decode_submitted
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import ErrorCode, RpcError, server_error
from node.rpc.eth_transactions import EthTransactions
from node.rpc.params import CountParam, DataParam

log = logging.getLogger("lamina.rpc")

ETHER = 10**18

_MOST_FORESEEN = 10_000
"""Senders of transactions in batches that are remembered until their calls run."""


@dataclass(frozen=True)
class SubmissionOptions:
    """What is taken, and how long callers may wait.

    `fee_cap`: the most a transaction may pay for gas, in wei, 0 for no cap (`--rpc.txfeecap`). `allow_unprotected`:
    take legacy transactions without chain id. Sync times are in milliseconds (`--rpc.txsync.*`).
    """

    fee_cap: int = ETHER
    allow_unprotected: bool = False
    sync_default_timeout: int = 20_000
    sync_max_timeout: int = 60_000


class EthSubmission(Namespace):
    """Takes signed transactions.

    `sequencer`: where a node that does not sequence forwards them; it then keeps a copy in its own pool for its
    callers' pending nonces. `sidecars`: where blobs go on a chain that has them. `recover` finds the senders of many
    transactions at once, 20 bytes for each, zeros where there is none (`evm.native.senders`): it spares the event loop
    that work for batches.
    Spec: Ethereum execution APIs, "eth/submit"; EIP-7966.
    """

    name = "eth"

    def __init__(
        self,
        chain: Chain,
        pool: TransactionPool,
        transactions: EthTransactions,
        sequencer: RpcCaller | None = None,
        sidecars: SidecarStore | None = None,
        options: SubmissionOptions | None = None,
        recover: Callable[[Sequence[bytes]], bytes] | None = None,
    ) -> None:
        self._pool = pool
        self._transactions = transactions
        self._sequencer = sequencer
        self._sidecars = sidecars
        self._options = options or SubmissionOptions()
        self._recover = recover
        self._senders: dict[Hash32, Address] = {}
        self._waiting: dict[Hash32, list[asyncio.Event]] = {}
        chain.on_new_head(self._wake)

    async def recover_senders(self, calls: list[Any]) -> None:
        """Look who signed a batch's transactions. What is wrong with a call it says itself."""
        if self._recover is None:
            return
        raws = [raw for params in calls if (raw := _raw_of(params)) is not None]
        senders = await asyncio.to_thread(self._recover, raws)
        if len(self._senders) > _MOST_FORESEEN:
            self._senders.clear()  # of batches that broke off
        for index, raw in enumerate(raws):
            sender = senders[20 * index : 20 * index + 20]
            if any(sender):
                self._senders[keccak256(raw)] = Address(sender)

    @rpc_method("sendRawTransaction", foresee="recover_senders")
    async def send_raw_transaction(self, raw: DataParam) -> str:
        """Submit canonical bytes (for blob transactions: the network form with the sidecar); answers the hash."""
        return to_hex(await self._submit(raw))

    @rpc_method("sendRawTransactionSync")
    async def send_raw_transaction_sync(self, raw: DataParam, timeout: CountParam | None = None) -> dict[str, Any]:
        """Submit and wait for the receipt, up to `timeout` milliseconds, as quantity or plain number. Spec: EIP-7966."""
        options = self._options
        wait = min(timeout or options.sync_default_timeout, options.sync_max_timeout)
        transaction_hash = await self._submit(raw)
        included = asyncio.Event()
        self._waiting.setdefault(transaction_hash, []).append(included)
        try:
            async with asyncio.timeout(wait / 1000):
                while (receipt := self._transactions.receipt(transaction_hash)) is None:
                    included.clear()
                    await included.wait()
                return receipt
        except TimeoutError as error:
            raise RpcError(
                ErrorCode.TRANSACTION_WAIT_EXPIRED,
                f"The transaction was added to the mempool but wasn't processed within {wait}ms.",
                to_hex(transaction_hash),
            ) from error
        finally:
            self._waiting[transaction_hash].remove(included)
            if not self._waiting[transaction_hash]:
                del self._waiting[transaction_hash]

    async def _submit(self, raw: bytes) -> Hash32:
        transaction, sidecar = _decode(raw)
        sender = self._senders.pop(transaction.hash, None)
        if sender is not None:
            transaction.remember_sender(sender)
        self._check(transaction)
        if self._sequencer is not None:
            await self._forward(self._sequencer, raw)
        try:
            if sidecar is not None and self._sidecars is not None and isinstance(transaction, BlobTransaction):
                await self._sidecars.verify(transaction, sidecar)
            self._pool.add(transaction, local=self._sequencer is None, sidecar=sidecar)
        except SidecarError as error:
            raise server_error(f"invalid blob sidecar: {error}") from error
        except PoolRejection as error:
            if self._sequencer is None:
                raise server_error(error.message) from error
            # The sequencer has taken it: that this node's pool did not (it lags, say) is not the caller's concern.
            log.debug("forwarded transaction %s is not kept here: %s", short(transaction.hash), error)
        return transaction.hash

    def _check(self, transaction: SignedTransaction) -> None:
        options = self._options
        unprotected = isinstance(transaction, LegacyTransaction) and transaction.chain_id is None
        if unprotected and not options.allow_unprotected:
            raise server_error("only replay-protected (EIP-155) transactions allowed over RPC")
        fee = transaction.gas_limit * transaction.max_fee_per_gas
        if options.fee_cap and fee > options.fee_cap:
            raise server_error(
                f"tx fee ({fee / ETHER:.2f} ether) exceeds the configured cap ({options.fee_cap / ETHER:.2f} ether)"
            )

    async def _forward(self, sequencer: RpcCaller, raw: bytes) -> None:
        try:
            await sequencer.call("eth_sendRawTransaction", [to_hex(raw)])
        except EndpointError as error:
            raise RpcError(error.code, error.message, error.data) from error
        except TemporaryError as error:
            raise server_error(f"the sequencer could not be reached, try again: {error}") from error

    def _wake(self, update: ChainUpdate) -> None:
        if not self._waiting:
            return
        for block in update.added:
            for transaction in block.transactions:
                for event in self._waiting.get(transaction.hash, ()):
                    event.set()


def _raw_of(params: Any) -> bytes | None:
    """The bytes that a call submits, as far as that can be told without an error."""
    if not isinstance(params, list) or len(params) != 1 or not isinstance(params[0], str):
        return None
    try:
        return bytes.fromhex(params[0].removeprefix("0x"))
    except ValueError:
        return None


def _decode(raw: bytes) -> tuple[SignedTransaction, BlobSidecar | None]:
    try:
        return decode_submitted(raw)
    except PoolRejection as error:
        raise server_error(error.message) from error
    except SidecarError as error:
        raise server_error(f"invalid blob sidecar: {error}") from error
    except TransactionDecodingError as error:
        text = str(error)
        if "is not known" in text:
            raise server_error("transaction type not supported") from error
        raise server_error(text if text == "typed transaction too short" else f"rlp: {text}") from error
