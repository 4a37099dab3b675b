"""Gets transactions of one account onto L1 and keeps them there: nonces, fees, replacement, confirmation.

Transactions go out in the order of the calls to `send`, several at a time. One that is not included in time is offered
again for more; one that a reorg drops is sent again. Blob transactions and others never wait in the pool together,
since nodes reserve an account for one of the two kinds.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from config.constants import TRANSACTION_GAS_CAP
from config.errors import TemporaryError
from config.l1_chain import L1ChainConfig
from config.types import Address, Gas, short, to_hex
from evm.types.json_codec import parse_quantity
from l1.candidate import TransactionReceipt, TxCandidate
from l1.fees import FeeCeilingReached, FeePolicy, Fees, Quote, fetch_quote
from l1.flight import Flight, cancellation, network_bytes, unsigned_transaction
from l1.kzg import BYTES_PER_BLOB, KzgError, KzgWorker
from l1.retry import with_retries
from l1.rpc import RpcCaller, RpcError
from l1.send_error import (
    CriticalSendError,
    ErrorNames,
    PublishOutcome,
    SendError,
    SendErrorKind,
    TemporarySendError,
    classify_refusal,
    explain_revert,
    revert_data,
    send_error,
)
from l1.sidecar import BlobSidecar, SidecarVersion
from l1.signer import LocalSigner, Signer
from l1.tx_policy import TxPolicy, TxStats

__all__ = [
    "CriticalSendError",
    "FeePolicy",
    "LocalSigner",
    "SendError",
    "SendErrorKind",
    "Signer",
    "TemporarySendError",
    "TransactionReceipt",
    "TxCandidate",
    "TxManager",
    "TxPolicy",
    "TxStats",
]

_log = logging.getLogger("lamina.l1.txmgr")

_EMPTY_BLOB = bytes(BYTES_PER_BLOB)
_MISSES_UNTIL_LOST = 3
_MAX_LAUNCH_ATTEMPTS = 8
_MAYBE_IN_POOL = (PublishOutcome.ACCEPTED, PublishOutcome.UNKNOWN)


class TxManager:
    """Sends transactions of one account to one L1 endpoint. Nothing else may send from that account meanwhile."""

    def __init__(
        self,
        rpc: RpcCaller,
        signer: Signer | bytes,
        chain_id: int,
        *,
        kzg: KzgWorker | None = None,
        l1_chain: L1ChainConfig | None = None,
        sidecar_version: SidecarVersion | None = None,
        fees: FeePolicy | None = None,
        policy: TxPolicy | None = None,
        error_names: ErrorNames | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`signer` may be a 32-byte private key. Blobs need `kzg` and either `sidecar_version` or `l1_chain`.

        With `l1_chain`, the fork at the L1 head's timestamp decides which sidecar nodes accept. `error_names` names
        contract errors in messages.
        """
        self._rpc = rpc
        self._signer: Signer = LocalSigner(signer) if isinstance(signer, bytes) else signer
        self._chain_id = chain_id
        self._kzg = kzg
        self._l1_chain = l1_chain
        self._sidecar_version = sidecar_version
        self._fees = fees or FeePolicy()
        self._policy = policy or TxPolicy()
        self._error_names = error_names
        self._clock = clock
        self._sleep = sleep
        self._slots = asyncio.Semaphore(self._policy.max_pending)
        self._lane = asyncio.Lock()
        self._flights: dict[int, Flight] = {}
        self._flights_changed = asyncio.Event()
        self._next_nonce: int | None = None
        self._blocker_fees: dict[int, tuple[Fees, float]] = {}
        self._tasks: set[asyncio.Task[TransactionReceipt]] = set()
        self._closed = False
        self.stats = TxStats()

    @property
    def address(self) -> Address:
        """The account that sends."""
        return self._signer.address

    @property
    def pending(self) -> int:
        """Transactions published and not yet confirmed."""
        return len(self._flights)

    async def next_nonce(self) -> int:
        """The nonce that the next transaction gets, pending ones counted. Raises SendError when L1 is unreachable."""
        async with self._lane:
            return await self._take_nonce(TxCandidate(self.address))

    async def send(self, candidate: TxCandidate) -> TransactionReceipt:
        """Returns once the transaction has its confirmations; look at `succeeded`, a revert on chain is no error here.

        Raises SendError (a TemporaryError or CriticalError, see its kind) when it is not on L1. Cancelling the call
        does not recall a transaction that was published: it is followed to its end, so that no nonce is left open.
        """
        if self._closed:
            raise send_error(SendErrorKind.CLOSED, candidate, "the transaction manager is closed")
        launched = asyncio.Event()
        task = asyncio.create_task(self._deliver(candidate, launched))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._closed:
                raise send_error(
                    SendErrorKind.CLOSED, candidate, "the transaction manager was closed; it may still be included"
                ) from None
            if not launched.is_set():
                task.cancel()
            raise

    async def send_many(self, candidates: Sequence[TxCandidate]) -> list[TransactionReceipt]:
        """Send several without waiting for each other; the receipts in order.

        When some fail, the others are still waited for and the first failure is raised.
        """
        results = await asyncio.gather(*(self.send(candidate) for candidate in candidates), return_exceptions=True)
        receipts: list[TransactionReceipt] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            receipts.append(result)
        return receipts

    async def close(self) -> None:
        """Stop following transactions. What was published may still be included; waiting calls get a SendError."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- one transaction from queue to confirmation ---

    async def _deliver(self, candidate: TxCandidate, launched: asyncio.Event) -> TransactionReceipt:
        async with self._slots:
            try:
                while True:
                    flight = await self._launch(candidate, launched)
                    try:
                        receipt = await self._follow(flight)
                    finally:
                        self._flights.pop(flight.nonce, None)
                        self._notify()
                    if receipt is None:
                        if flight.cancelling:
                            raise send_error(SendErrorKind.CANCELLED, candidate, flight.cancel_reason)
                        continue
                    if receipt.transaction_hash in flight.cancel_hashes:
                        self.stats.cancelled += 1
                        raise send_error(
                            SendErrorKind.CANCELLED,
                            candidate,
                            f"cancelled by {short(receipt.transaction_hash)} in block {receipt.block.number}, "
                            f"because {flight.cancel_reason}",
                        )
                    self.stats.confirmed += 1
                    self.stats.gas_used += receipt.gas_used
                    self.stats.cost += receipt.cost
                    return receipt
            except SendError:
                self.stats.failed += 1
                raise

    async def _launch(self, candidate: TxCandidate, launched: asyncio.Event) -> Flight:
        """Publish under the next nonce. Only one transaction is at this point at a time, so nonces follow the queue."""
        async with self._lane:
            await self._wait_for_kind(bool(candidate.blobs))
            quote = await self._ask(candidate, lambda: self._quote(bool(candidate.blobs)), "asking L1's prices")
            sidecar = await self._sidecar(candidate, quote)
            gas_limit = candidate.gas_limit or await self._estimate(candidate, sidecar)
            fees = self._offer(candidate, quote, gas_limit, len(candidate.blobs))
            launched.set()
            for _ in range(_MAX_LAUNCH_ATTEMPTS):
                nonce = await self._take_nonce(candidate)
                now = self._clock()
                flight = Flight(candidate, nonce, gas_limit, fees, sidecar, started=now, priced=now)
                outcome = await self._publish(flight, fees)
                if outcome in _MAYBE_IN_POOL:
                    # Without an answer it may be in the pool: the nonce counts as used, and it is published again.
                    self._next_nonce = nonce + 1
                    self._flights[nonce] = flight
                    self.stats.published += 1
                    _log.info("published %s as %s, nonce %d, %s", candidate, short(flight.hashes[-1]), nonce, fees)
                    return flight
                _log.warning("L1 did not take %s with nonce %d: %s; trying again", candidate, nonce, outcome.value)
                if outcome is PublishOutcome.UNDERPRICED:
                    fees = self._raise_offer(candidate, fees, quote, gas_limit, len(candidate.blobs))
                elif outcome is PublishOutcome.NONCE_TOO_LOW:
                    self._next_nonce = None
                else:
                    if outcome is PublishOutcome.RESERVED:
                        await self._clear_blocker(
                            await self._transaction_count(candidate, "latest"), not candidate.blobs
                        )
                    await self._sleep(self._policy.poll_interval)
            raise send_error(
                SendErrorKind.UNREACHABLE,
                candidate,
                f"{self._rpc.endpoint} refused it {_MAX_LAUNCH_ATTEMPTS} times in a row",
            )

    async def _follow(self, flight: Flight) -> TransactionReceipt | None:
        """Watch until a version is confirmed. None: the nonce was used by a transaction that is not ours."""
        pause = self._policy.poll_interval
        while True:
            await self._sleep(pause)
            try:
                head, receipt = await self._poll(flight)
                if receipt is not None:
                    flight.misses = 0
                    self._note_inclusion(flight, receipt)
                    if head - receipt.block.number + 1 >= self._policy.confirmations:
                        _log.info("%s is confirmed, cost %.6f ETH", receipt, receipt.cost / 10**18)
                        return receipt
                else:
                    self._note_absence(flight)
                    if await self._nudge(flight):
                        return None
                pause = self._policy.poll_interval
            except TemporaryError as error:
                pause = min(2 * pause, max(self._policy.poll_interval, self._policy.retry.max_pause))
                _log.warning(
                    "cannot follow L1 transaction %s (nonce %d), trying again in %.1f s: %s",
                    short(flight.hashes[-1]),
                    flight.nonce,
                    pause,
                    error,
                )

    async def _poll(self, flight: Flight) -> tuple[int, TransactionReceipt | None]:
        calls: list[tuple[str, list[Any]]] = [("eth_blockNumber", [])]
        calls += [("eth_getTransactionReceipt", [to_hex(tx_hash)]) for tx_hash in reversed(flight.hashes)]
        head, *answers = await self._rpc.batch(calls)
        for answer in (head, *answers):
            if isinstance(answer, RpcError):
                raise TemporaryError(str(answer)) from answer
        try:
            for answer in answers:
                if answer is not None and answer.get("blockNumber") is not None:
                    return parse_quantity(head), TransactionReceipt.from_json(answer)
            return parse_quantity(head), None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TemporaryError(f"{self._rpc.endpoint} gave a malformed receipt ({error})") from error

    def _note_inclusion(self, flight: Flight, receipt: TransactionReceipt) -> None:
        if flight.included != receipt.block:
            if flight.included is not None:
                _log.warning(
                    "L1 reorg moved %s from block %s to %s",
                    short(receipt.transaction_hash),
                    flight.included,
                    receipt.block,
                )
            flight.included = receipt.block
            self._notify()

    def _note_absence(self, flight: Flight) -> None:
        if flight.included is not None:
            _log.warning(
                "L1 reorg dropped %s from block %s; it is sent again", short(flight.hashes[-1]), flight.included
            )
            self.stats.dropped_by_reorg += 1
            flight.included = None
            flight.priced = self._clock()

    async def _nudge(self, flight: Flight) -> bool:
        """Publish again, or offer more, as a transaction needs that is not included. True: its nonce is lost."""
        known, count = await self._rpc.batch(
            [
                ("eth_getTransactionByHash", [to_hex(flight.hashes[-1])]),
                ("eth_getTransactionCount", [to_hex(self.address), "latest"]),
            ]
        )
        for answer in (known, count):
            if isinstance(answer, RpcError):
                raise TemporaryError(str(answer)) from answer
        try:
            next_nonce = parse_quantity(count)
        except ValueError as error:
            raise TemporaryError(f"{self._rpc.endpoint} gave a malformed nonce ({error})") from error
        if next_nonce > flight.nonce:
            # Either a version was included since the receipts were asked for, or someone else used the account.
            flight.misses += 1
            if flight.misses < _MISSES_UNTIL_LOST:
                return False
            _log.error(
                "nonce %d of 0x%s was used by a transaction that is not ours; %s is sent under a new one. "
                "Nothing else may send from this account",
                flight.nonce,
                self.address.hex(),
                flight.candidate,
            )
            self._next_nonce = None
            return True
        flight.misses = 0
        if known is None:
            _log.warning("L1 forgot %s (nonce %d); it is published again", short(flight.hashes[-1]), flight.nonce)
            self.stats.republished += 1
            await self._hand_over(flight, flight.raw)
        if self._clock() - flight.priced >= self._policy.resubmission_timeout:
            if next_nonce == flight.nonce:
                await self._replace(flight)
            elif next_nonce not in self._flights:
                await self._clear_blocker(next_nonce, flight.has_blobs)
        return False

    # --- prices, replacement, cancellation ---

    async def _replace(self, flight: Flight) -> None:
        flight.priced = self._clock()
        quote = await self._quote(flight.has_blobs)
        try:
            if flight.cancelling:
                fees = self._fees.least_replacement(flight.fees, flight.blob_count)
            else:
                fees = self._fees.replacement(flight.fees, quote, flight.gas_limit, flight.blob_count)
        except FeeCeilingReached as reason:
            await self._hold(flight, str(reason))
            return
        if flight.sidecar is not None:
            flight.sidecar = await self._fitting_sidecar(flight.candidate, flight.sidecar, quote)
        _log.info(
            "%s is not included after %.0f s; offering %s instead of %s",
            short(flight.hashes[-1]),
            self._clock() - flight.started,
            fees,
            flight.fees,
        )
        if await self._publish(flight, fees) in _MAYBE_IN_POOL:
            self.stats.replaced += 1
        flight.fees = fees

    async def _hold(self, flight: Flight, reason: str) -> None:
        age = self._clock() - flight.started
        patience = self._policy.give_up_after
        if patience is None or age < patience:
            _log.warning("%s waits for lower fees: %s", short(flight.hashes[-1]), reason)
            return
        _log.warning("%s is cancelled after %.0f s: %s", short(flight.hashes[-1]), age, reason)
        candidate = cancellation(self.address, flight.has_blobs, _EMPTY_BLOB)
        sidecar = None
        if flight.sidecar is not None:
            sidecar = await self._build_sidecar(candidate, flight.sidecar.version)
        fees = self._fees.least_replacement(flight.fees, flight.blob_count)
        offer = Flight(candidate, flight.nonce, Gas(21_000), fees, sidecar, flight.started, self._clock())
        if await self._published(offer, fees):
            flight.candidate, flight.gas_limit, flight.fees, flight.sidecar = candidate, Gas(21_000), fees, sidecar
            flight.raw, flight.cancel_reason = offer.raw, reason
            flight.hashes += offer.hashes
            flight.cancel_hashes.update(offer.hashes)

    async def _clear_blocker(self, nonce: int, with_blob: bool) -> None:
        """Use up a nonce that an earlier run left in the pool, too cheap to be included: everything waits behind it."""
        previous, since = self._blocker_fees.get(nonce, (None, 0.0))
        if previous is not None and self._clock() - since < self._policy.resubmission_timeout:
            return
        if with_blob and self._kzg is None:
            _log.error(
                "a blob transaction of 0x%s with nonce %d blocks all others, and this role sends no blobs that "
                "could replace it",
                self.address.hex(),
                nonce,
            )
            return
        quote = await self._quote(with_blob)
        candidate = cancellation(self.address, with_blob, _EMPTY_BLOB)
        try:
            fees = (
                self._fees.offer(quote, Gas(21_000), len(candidate.blobs))
                if previous is None
                else self._fees.replacement(
                    Fees(2 * previous.tip, 2 * previous.max_fee, 2 * previous.blob_fee),
                    quote,
                    Gas(21_000),
                    len(candidate.blobs),
                )
            )
        except FeeCeilingReached as reason:
            _log.error(
                "a transaction of 0x%s with nonce %d blocks all others and cannot be replaced: %s",
                self.address.hex(),
                nonce,
                reason,
            )
            return
        self._blocker_fees = {nonce: (fees, self._clock())}
        sidecar = await self._sidecar(candidate, quote)
        flight = Flight(candidate, nonce, Gas(21_000), fees, sidecar, self._clock(), self._clock())
        taken = await self._published(flight, fees)
        _log.warning(
            "nonce %d of 0x%s is held by a transaction of an earlier run, or by none; an empty one at %s was %s",
            nonce,
            self.address.hex(),
            fees,
            "published" if taken else "refused, more is offered later",
        )

    def _offer(self, candidate: TxCandidate, quote: Quote, gas_limit: Gas, blob_count: int) -> Fees:
        try:
            return self._fees.offer(quote, gas_limit, blob_count)
        except FeeCeilingReached as error:
            raise send_error(SendErrorKind.FEE_CEILING, candidate, str(error)) from error

    def _raise_offer(self, candidate: TxCandidate, fees: Fees, quote: Quote, gas_limit: Gas, blob_count: int) -> Fees:
        try:
            return self._fees.replacement(fees, quote, gas_limit, blob_count)
        except FeeCeilingReached as error:
            raise send_error(SendErrorKind.FEE_CEILING, candidate, str(error)) from error

    async def _quote(self, with_blobs: bool) -> Quote:
        try:
            return await fetch_quote(self._rpc, with_blobs, self._l1_chain)
        except (RpcError, KeyError, TypeError, ValueError) as error:
            raise TemporaryError(f"L1's prices are not known: {error}") from error

    # --- parts of a transaction ---

    async def _sidecar(self, candidate: TxCandidate, quote: Quote) -> BlobSidecar | None:
        return await self._build_sidecar(candidate, self._version_at(quote)) if candidate.blobs else None

    async def _fitting_sidecar(self, candidate: TxCandidate, sidecar: BlobSidecar, quote: Quote) -> BlobSidecar:
        version = self._version_at(quote)
        return sidecar if sidecar.version is version else await self._build_sidecar(candidate, version)

    def _version_at(self, quote: Quote) -> SidecarVersion:
        if self._sidecar_version is not None:
            return self._sidecar_version
        if self._l1_chain is None:
            raise ValueError("sending blobs needs the L1 chain's fork schedule or a sidecar version")
        return SidecarVersion.at(self._l1_chain.fork_at(quote.timestamp))

    async def _build_sidecar(self, candidate: TxCandidate, version: SidecarVersion) -> BlobSidecar:
        if self._kzg is None:
            raise ValueError("sending blobs needs a KZG worker")
        try:
            return await self._kzg.build_sidecar(candidate.blobs, version)
        except KzgError as error:
            raise send_error(SendErrorKind.REJECTED, candidate, str(error)) from error

    async def _estimate(self, candidate: TxCandidate, sidecar: BlobSidecar | None) -> Gas:
        try:
            return await self._estimate_now(candidate, sidecar)
        except SendError as error:
            waiting = [flight for flight in self._flights.values() if flight.included is None]
            if error.kind is not SendErrorKind.REVERTED or not waiting:
                raise
            # It may need what was sent before it: ask again once that is in a block.
            _log.info("%s: asking again after %d transactions before it", error, len(waiting))
            await self._wait_until(lambda: all(flight.included is not None for flight in self._flights.values()))
            return await self._estimate_now(candidate, sidecar)

    async def _estimate_now(self, candidate: TxCandidate, sidecar: BlobSidecar | None) -> Gas:
        call = {"from": to_hex(self.address), "value": hex(candidate.value), "data": to_hex(candidate.data)}
        if candidate.to is not None:
            call["to"] = to_hex(candidate.to)
        message: dict[str, Any] = dict(call)
        if sidecar is not None:
            message["blobVersionedHashes"] = [to_hex(value) for value in sidecar.versioned_hashes]
        gas = await self._ask_quantity(candidate, "eth_estimateGas", [message, "pending"], "estimating its gas")
        raised = gas + max(gas - 21_000, 0) * self._policy.gas_margin_percent // 100
        # Osaka refuses transactions above the cap: the margin must not lift one there.
        return Gas(raised if gas > TRANSACTION_GAS_CAP else min(raised, TRANSACTION_GAS_CAP))

    async def _publish(self, flight: Flight, fees: Fees) -> PublishOutcome:
        """Sign with these fees and hand it to L1. Raises SendError when L1 refuses a first version for good."""
        unsigned = unsigned_transaction(
            flight.candidate, self._chain_id, flight.nonce, flight.gas_limit, fees, flight.sidecar
        )
        signed = await self._signer.sign(unsigned)
        raw = network_bytes(signed, flight.sidecar)
        outcome = await self._hand_over(flight, raw)
        if outcome in _MAYBE_IN_POOL and signed.hash not in flight.hashes:
            flight.raw = raw
            flight.hashes.append(signed.hash)
            if flight.cancelling:
                flight.cancel_hashes.add(signed.hash)
        return outcome

    async def _published(self, flight: Flight, fees: Fees) -> bool:
        """Like `_publish`, for transactions that no caller waits for: a refusal is logged."""
        try:
            return await self._publish(flight, fees) in _MAYBE_IN_POOL
        except SendError as error:
            _log.error("%s", error)
            return False

    async def _hand_over(self, flight: Flight, raw: bytes) -> PublishOutcome:
        attempts = 0

        async def attempt() -> None:
            nonlocal attempts
            attempts += 1
            await self._rpc.call("eth_sendRawTransaction", [to_hex(raw)])

        try:
            await with_retries(f"publishing {flight.candidate}", attempt, self._policy.retry, sleep=self._sleep)
            return PublishOutcome.ACCEPTED
        except TemporaryError as error:
            _log.warning("it is not known whether L1 has %s (nonce %d): %s", flight.candidate, flight.nonce, error)
            return PublishOutcome.UNKNOWN
        except RpcError as error:
            meaning = classify_refusal(error)
            if meaning is PublishOutcome.NONCE_TOO_LOW and attempts > 1:
                # An attempt without answer may have arrived and be in a block already: sending anew could do it twice.
                return PublishOutcome.UNKNOWN
            if isinstance(meaning, PublishOutcome):
                return meaning
            if flight.hashes:
                # A version is out there already; it stays followed, this one just does not replace it.
                _log.error("L1 refused a further version of %s: %s", flight.candidate, error)
                return PublishOutcome.BUSY
            raise send_error(meaning, flight.candidate, self._advice(meaning, error)) from error

    def _advice(self, meaning: SendErrorKind, error: RpcError) -> str:
        if meaning is SendErrorKind.INSUFFICIENT_FUNDS:
            return f"the account 0x{self.address.hex()} cannot pay for it ({error.message}); fund it on L1"
        return str(error)

    # --- nonces and order ---

    async def _take_nonce(self, candidate: TxCandidate) -> int:
        if self._next_nonce is None:
            pending = await self._transaction_count(candidate, "pending")
            self._next_nonce = max([pending, *(nonce + 1 for nonce in self._flights)])
        return self._next_nonce

    async def _transaction_count(self, candidate: TxCandidate, tag: str) -> int:
        return await self._ask_quantity(
            candidate, "eth_getTransactionCount", [to_hex(self.address), tag], "asking for the account's nonce"
        )

    async def _wait_for_kind(self, blobs: bool) -> None:
        """Wait until no transaction of the other kind is in the pool: nodes would refuse this one."""
        await self._wait_until(
            lambda: all(flight.has_blobs == blobs or flight.included is not None for flight in self._flights.values())
        )

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._flights_changed.clear()
            await self._flights_changed.wait()

    def _notify(self) -> None:
        self._flights_changed.set()

    # --- talking to L1 before anything is published ---

    async def _ask(self, candidate: TxCandidate, question: Callable[[], Awaitable[Any]], doing: str) -> Any:
        try:
            return await with_retries(doing, question, self._policy.retry, sleep=self._sleep)
        except TemporaryError as error:
            raise send_error(SendErrorKind.UNREACHABLE, candidate, f"{doing}: {error}") from error
        except RpcError as error:
            data = revert_data(error)
            if data is not None:
                reason = f"it would have {explain_revert(data, self._error_names)}"
                raise send_error(SendErrorKind.REVERTED, candidate, reason) from error
            meaning = classify_refusal(error)
            kind = SendErrorKind.UNREACHABLE if isinstance(meaning, PublishOutcome) else meaning
            raise send_error(kind, candidate, f"{doing}: {self._advice(kind, error)}") from error

    async def _ask_quantity(self, candidate: TxCandidate, method: str, params: Sequence[Any], doing: str) -> int:
        answer = await self._ask(candidate, lambda: self._rpc.call(method, params), doing)
        try:
            return parse_quantity(answer)
        except ValueError as error:
            raise send_error(SendErrorKind.UNREACHABLE, candidate, f"{doing}: {self._rpc.endpoint}: {error}") from error

    def _forget(self, task: asyncio.Task[TransactionReceipt]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.info("%s", task.exception())
