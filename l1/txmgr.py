"""Gets transactions of one account onto L1 and keeps them there: nonces, fees, replacement, confirmation.

Transactions go out in the order of the calls to `send`, several at a time. One that is not included in time is offered
again for more; one that a reorg drops is sent again, also when it counted as confirmed. Blob transactions and others
never wait in the pool together, since nodes reserve an account for one of the two kinds.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from config.errors import TemporaryError
from config.l1_chain import L1ChainConfig
from config.types import Address, Gas, Wei, short, to_hex
from evm.types.json_codec import parse_quantity
from l1.blocked_nonces import BlockedNonces
from l1.candidate import TransactionReceipt, TxCandidate
from l1.fees import FeeCeilingReached, FeePolicy, Fees, Quote
from l1.flight import EMPTY_TRANSACTION_GAS, Flight, cancellation
from l1.inquiry import Inquiry
from l1.kzg import KzgWorker
from l1.publisher import Publisher
from l1.rpc import RpcCaller, RpcError
from l1.send_error import (
    CriticalSendError,
    ErrorNames,
    PublishOutcome,
    SendError,
    SendErrorKind,
    TemporarySendError,
    send_error,
)
from l1.settled import SettledFlights
from l1.sidecar import BlobSidecar, SidecarVersion
from l1.sidecar_source import SidecarSource
from l1.signer import LocalSigner, Signer
from l1.tx_policy import Allowance, TxPolicy, TxStats

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

_MISSES_UNTIL_LOST = 3
_MAX_REFUSALS = 8
_RESERVED_PATIENCE = 4
"""How many resubmission timeouts to wait for a pool that holds a transaction of the other kind."""


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
        allowance: Allowance | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`signer` may be a 32-byte private key. Blobs need `kzg` and either `sidecar_version` or `l1_chain`.

        With `l1_chain`, the fork at the L1 head's timestamp decides which sidecar nodes accept. `error_names` names
        contract errors in messages. `allowance` bounds what may be spent on clearing nonces that block the account.
        """
        self._rpc = rpc
        self._signer: Signer = LocalSigner(signer) if isinstance(signer, bytes) else signer
        self._fees = fees or FeePolicy()
        self._policy = policy or TxPolicy()
        self._allowance = allowance
        self._clock = clock
        self._sleep = sleep
        self._sidecars = SidecarSource(kzg, sidecar_version, l1_chain)
        self._inquiry = Inquiry(rpc, self._signer.address, self._policy, l1_chain, error_names, sleep)
        self._publisher = Publisher(rpc, self._signer, chain_id, self._policy, self._inquiry, sleep)
        self._blocked = BlockedNonces(
            self._signer.address,
            self._fees,
            self._inquiry,
            self._sidecars,
            self._publisher,
            allowance,
            self._policy.resubmission_timeout,
            clock,
        )
        self._slots = asyncio.Semaphore(self._policy.max_pending)
        self._lane = asyncio.Lock()
        self._flights: dict[int, Flight] = {}
        self._settled = SettledFlights()
        self._revived: set[int] = set()
        self._flights_changed = asyncio.Event()
        self._next_nonce: int | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._answered = -math.inf
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

    async def left_behind(self) -> int:
        """How many transactions of the account are on their way without a call of `send` that waits for them.

        Those are what others, or an earlier run, left in L1's pool, and what was confirmed before a reorg undid it: that is
        brought back. Raises SendError when L1 is unreachable.
        """
        own = TxCandidate(self.address)
        included = await self._inquiry.transaction_count(own, "latest")
        pending = await self._inquiry.transaction_count(own, "pending")
        self._revive_from(included)
        return len(self._revived) + sum(nonce not in self._flights for nonce in range(included, pending))

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
                    receipt = await self._follow_to_end(flight)
                    if receipt is None:
                        if flight.cancelling:
                            raise send_error(SendErrorKind.CANCELLED, candidate, flight.cancel_reason)
                        continue
                    if receipt.transaction_hash in flight.cancel_hashes:
                        self.stats.cancelled += 1
                        self.stats.cost += receipt.cost
                        raise send_error(
                            SendErrorKind.CANCELLED,
                            candidate,
                            f"cancelled by {short(receipt.transaction_hash)} in block {receipt.block.number}, "
                            f"because {flight.cancel_reason}",
                            receipt.cost,
                        )
                    self.stats.confirmed += 1
                    self.stats.gas_used += receipt.gas_used
                    self.stats.cost += receipt.cost
                    return receipt
            except SendError:
                self.stats.failed += 1
                raise

    async def _follow_to_end(self, flight: Flight) -> TransactionReceipt | None:
        try:
            receipt = await self._follow(flight)
        finally:
            self._flights.pop(flight.nonce, None)
            self._notify()
        if receipt is not None:
            flight.cost = receipt.cost
            self._settled.keep(flight)
        return receipt

    # --- what a reorg undoes after its confirmation ---

    def _revive_from(self, nonce: int) -> None:
        """`nonce` is the next that L1 expects: what was confirmed there and later is in no block, and is brought back.

        Else everything that is sent later waits behind the gap, and what the callers think is on L1 is not.
        """
        for flight in () if self._closed else self._settled.take_from(nonce):
            flight.started = self._clock()
            self._flights[flight.nonce] = flight
            self._revived.add(flight.nonce)
            task = asyncio.create_task(self._bring_back(flight))
            self._tasks.add(task)
            task.add_done_callback(self._forget)

    async def _bring_back(self, flight: Flight) -> None:
        paid = flight.cost or Wei(0)
        try:
            receipt = await self._follow_to_end(flight)
        finally:
            self._revived.discard(flight.nonce)
        if receipt is None:
            _log.error("%s was confirmed, a reorg undid it, and now another transaction has its nonce", flight.candidate)
            return
        extra = Wei(max(receipt.cost - paid, 0))
        self.stats.cost += receipt.cost - paid
        if extra and self._allowance is not None and not self._allowance.spend(extra):
            _log.error("bringing %s back after a reorg cost %d wei more than the budget allows", flight.candidate, extra)

    async def _launch(self, candidate: TxCandidate, launched: asyncio.Event) -> Flight:
        """Publish under the next nonce. Only one transaction is at this point at a time, so nonces follow the queue."""
        async with self._lane:
            await self._wait_for_kind(bool(candidate.blobs))
            quote = await self._inquiry.quote_for(candidate)
            sidecar = await self._sidecars.for_candidate(candidate, quote.timestamp)
            gas_limit = candidate.gas_limit or await self._estimate(candidate, sidecar)
            fees = self._offer(candidate, quote, gas_limit, len(candidate.blobs))
            launched.set()
            refusals = 0
            deadline = self._clock() + _RESERVED_PATIENCE * self._policy.resubmission_timeout
            while refusals < _MAX_REFUSALS and self._clock() < deadline:
                nonce = await self._take_nonce(candidate)
                now = self._clock()
                flight = Flight(candidate, nonce, gas_limit, fees, sidecar, started=now, priced=now)
                outcome = await self._publisher.publish(flight, fees)
                if outcome.maybe_in_pool:
                    # Without an answer it may be in the pool: the nonce counts as used, and it is published again.
                    self._next_nonce = nonce + 1
                    self._flights[nonce] = flight
                    self._settled.forget(nonce)
                    self.stats.published += 1
                    _log.info("published %s as %s, nonce %d, %s", candidate, short(flight.hashes[-1]), nonce, fees)
                    return flight
                _log.warning("L1 did not take %s with nonce %d: %s; trying again", candidate, nonce, outcome.value)
                if outcome is PublishOutcome.RESERVED:
                    # An earlier run left a transaction of the other kind in the pool.
                    stuck = await self._inquiry.transaction_count(candidate, "latest")
                    await self._blocked.clear(stuck, not candidate.blobs)
                else:
                    refusals += 1
                if outcome is PublishOutcome.UNDERPRICED:
                    fees = self._raise_offer(candidate, fees, quote, gas_limit, len(candidate.blobs))
                    continue
                self._next_nonce = None
                await self._sleep(self._policy.poll_interval)
            raise send_error(
                SendErrorKind.UNREACHABLE, candidate, f"{self._rpc.endpoint} keeps refusing it ({outcome.value})"
            )

    async def _follow(self, flight: Flight) -> TransactionReceipt | None:
        """Watch until a version is confirmed. None: the nonce was used by a transaction that is not ours."""
        pause = self._policy.poll_interval
        while True:
            await self._rest(pause)
            try:
                head, receipt = await self._poll(flight)
                self._answered = self._clock()
                if flight.priced_at is None:
                    flight.priced_at = head
                if receipt is not None:
                    flight.misses = 0
                    self._note_inclusion(flight, receipt)
                    if head - receipt.block.number + 1 >= self._policy.confirmations:
                        _log.info(
                            "%s transaction %s in block %d%s is confirmed, cost %.6f ETH",
                            self._policy.chain,
                            short(receipt.transaction_hash),
                            receipt.block_number,
                            "" if receipt.succeeded else ", reverted,",
                            receipt.cost / 10**18,
                        )
                        return receipt
                else:
                    self._note_absence(flight)
                    if await self._nudge(flight, head):
                        return None
                pause = self._policy.poll_interval
            except TemporaryError as error:
                pause = min(2 * pause, max(self._policy.poll_interval, self._policy.retry.max_pause))
                _log.warning(
                    "cannot follow %s transaction %s (nonce %d), trying again in %.1f s: %s",
                    self._policy.chain,
                    short(flight.hashes[-1]),
                    flight.nonce,
                    pause,
                    error,
                )

    async def _rest(self, pause: float) -> None:
        """Sleep for `pause`, or until L1 has answered about another transaction: all may wait for this one to be sent again."""
        began = now = self._clock()
        while now < began + pause and self._answered <= began:
            await self._sleep(min(self._policy.poll_interval, began + pause - now))
            now = self._clock()

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

    async def _nudge(self, flight: Flight, head: int) -> bool:
        """Publish again, or offer more, as a transaction needs that is not included. True: its nonce is lost.

        While L1 makes no blocks (`head` is its newest), nothing is offered that was not before: no price would help.
        """
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
                "nonce %d of 0x%s, meant for %s, was used by a transaction that is not ours. "
                "Nothing else may send from this account",
                flight.nonce,
                self.address.hex(),
                flight.candidate,
            )
            self._next_nonce = None
            return True
        flight.misses = 0
        self._revive_from(next_nonce)
        if known is None:
            _log.warning("L1 forgot %s (nonce %d); it is published again", short(flight.hashes[-1]), flight.nonce)
            self.stats.republished += 1
            await self._note_refusal(flight, await self._publisher.publish_again(flight))
        if self._clock() - flight.priced >= self._policy.resubmission_timeout:
            if head == flight.priced_at:
                flight.priced = self._clock()
                _log.info("L1 has made no block since %d; %s waits", head, short(flight.hashes[-1]))
            elif next_nonce == flight.nonce:
                await self._replace(flight)
                flight.priced_at = head
            elif next_nonce not in self._flights:
                await self._blocked.clear(next_nonce, flight.has_blobs)
        return False

    async def _note_refusal(self, flight: Flight, outcome: PublishOutcome) -> None:
        """Give way to transactions of the other kind when the pool will not have this one beside them.

        A reorg can lead to that: it puts a transaction back behind others of the other kind that were sent after it, and
        those cannot be included before its nonce is used up.
        """
        if outcome is not PublishOutcome.RESERVED:
            flight.reserved_since = None
            return
        if flight.reserved_since is None:
            flight.reserved_since = self._clock()
        if self._clock() - flight.reserved_since >= _RESERVED_PATIENCE * self._policy.resubmission_timeout:
            flight.reserved_since = None
            await self._cancel(
                flight, not flight.has_blobs, "L1's pool holds transactions of the other kind that were sent after it"
            )

    # --- prices, replacement, cancellation ---

    async def _replace(self, flight: Flight) -> None:
        flight.priced = self._clock()
        quote = await self._inquiry.quote(flight.has_blobs)
        try:
            if flight.cancelling:
                fees = self._fees.cancellation(flight.fees, quote, flight.gas_limit, flight.blob_count)
            else:
                fees = self._fees.replacement(flight.fees, quote, flight.gas_limit, flight.blob_count)
        except FeeCeilingReached as reason:
            await self._hold(flight, str(reason))
            return
        flight.sidecar = await self._sidecars.refreshed(flight.candidate, flight.sidecar, quote.timestamp)
        _log.info(
            "%s is not included after %.0f s; offering %s instead of %s",
            short(flight.hashes[-1]),
            self._clock() - flight.started,
            fees,
            flight.fees,
        )
        outcome = await self._publisher.publish(flight, fees)
        if outcome.maybe_in_pool:
            self.stats.replaced += 1
        if outcome.maybe_in_pool or outcome is PublishOutcome.UNDERPRICED:
            flight.fees = fees
        await self._note_refusal(flight, outcome)

    async def _hold(self, flight: Flight, reason: str) -> None:
        age = self._clock() - flight.started
        patience = self._policy.give_up_after
        if flight.cancelling or patience is None or age < patience:
            _log.warning("%s waits for lower fees: %s", short(flight.hashes[-1]), reason)
            return
        _log.warning("%s is cancelled after %.0f s: %s", short(flight.hashes[-1]), age, reason)
        await self._cancel(flight, flight.has_blobs, reason)

    async def _cancel(self, flight: Flight, with_blob: bool, reason: str) -> None:
        """Offer a transaction that only uses the nonce up, of the kind that the pool takes in this place."""
        if with_blob and not self._sidecars.can_build:
            _log.error("%s cannot be cancelled: this role sends no blobs, and only those would do", flight.candidate)
            return
        candidate = cancellation(self.address, with_blob)
        quote = await self._inquiry.quote(with_blob)
        sidecar = await self._sidecars.for_candidate(candidate, quote.timestamp)
        gas, blobs = EMPTY_TRANSACTION_GAS, len(candidate.blobs)
        try:
            if with_blob == flight.has_blobs:
                fees = self._fees.cancellation(flight.fees, quote, gas, blobs)
            else:
                fees = self._fees.offer(quote, gas, blobs)
        except FeeCeilingReached as error:
            _log.warning("%s cannot be cancelled now: %s", short(flight.hashes[-1]), error)
            return
        offer = Flight(candidate, flight.nonce, gas, fees, sidecar, flight.started, self._clock())
        if await self._publisher.publish_logged(offer, fees):
            flight.candidate, flight.gas_limit, flight.fees, flight.sidecar = candidate, gas, fees, sidecar
            flight.raw, flight.cancel_reason = offer.raw, reason
            flight.hashes += offer.hashes
            flight.cancel_hashes.update(offer.hashes)
            self._notify()

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

    async def _estimate(self, candidate: TxCandidate, sidecar: BlobSidecar | None) -> Gas:
        hashes = () if sidecar is None else sidecar.versioned_hashes
        try:
            return await self._inquiry.gas_limit(candidate, hashes)
        except SendError as error:
            waiting = [flight for flight in self._flights.values() if flight.included is None]
            if error.kind is not SendErrorKind.REVERTED or not waiting:
                raise
            # It may need what was sent before it: ask again once that is in a block.
            _log.info("%s: asking again after %d transactions before it", error, len(waiting))
            await self._wait_until(lambda: all(flight.included is not None for flight in self._flights.values()))
            return await self._inquiry.gas_limit(candidate, hashes)

    # --- nonces and order ---

    async def _take_nonce(self, candidate: TxCandidate) -> int:
        """The lowest nonce that is neither known to L1 nor ours already: gaps that a reorg left are filled first."""
        if self._next_nonce is None:
            self._next_nonce = await self._inquiry.transaction_count(candidate, "pending")
            self._revive_from(self._next_nonce)
        while self._next_nonce in self._flights:
            self._next_nonce += 1
        return self._next_nonce

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

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, SendError):
            _log.info("%s", error)
        elif error is not None:
            _log.error("following an L1 transaction ended because of a defect", exc_info=error)
