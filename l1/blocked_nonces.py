"""Nonces of an account that something else holds in L1's pool, or nothing at all, so that everything sent later waits."""

import logging
from collections.abc import Callable

from config.types import Address, Wei
from l1.fees import FeeCeilingReached, FeePolicy, Fees, Quote
from l1.flight import EMPTY_TRANSACTION_GAS, Flight, cancellation
from l1.inquiry import Inquiry
from l1.publisher import Publisher
from l1.sidecar_source import SidecarSource
from l1.tx_policy import Allowance

_log = logging.getLogger("lamina.l1.txmgr")


class BlockedNonces:
    """Uses such nonces up with empty transactions, for more at each attempt."""

    def __init__(
        self,
        address: Address,
        fees: FeePolicy,
        inquiry: Inquiry,
        sidecars: SidecarSource,
        publisher: Publisher,
        allowance: Allowance | None,
        patience: float,
        clock: Callable[[], float],
    ) -> None:
        """`allowance` bounds what may be spent on it; an offer that was taken has `patience` seconds to be included."""
        self._address = address
        self._fees = fees
        self._inquiry = inquiry
        self._sidecars = sidecars
        self._publisher = publisher
        self._allowance = allowance
        self._patience = patience
        self._clock = clock
        self._offered: dict[int, tuple[Fees, float]] = {}
        self._counted: dict[int, Wei] = {}

    async def clear(self, nonce: int, with_blob: bool) -> None:
        """Use up a nonce that an earlier run left in the pool, too cheap to be included. Nothing happens while the last offer for
        it has time, or when the budget, a ceiling of fees or a role without blobs forbids it: the log says so.
        """
        previous, since = self._offered.get(nonce, (None, 0.0))
        if previous is not None and self._clock() - since < self._patience:
            return
        if with_blob and not self._sidecars.can_build:
            _log.error(
                "a blob transaction of 0x%s with nonce %d blocks all others, and this role sends no blobs that "
                "could replace it",
                self._address.hex(),
                nonce,
            )
            return
        quote = await self._inquiry.quote(with_blob)
        candidate = cancellation(self._address, with_blob)
        try:
            offers = self._offers(previous, quote, len(candidate.blobs))
        except FeeCeilingReached as reason:
            _log.error(
                "a transaction of 0x%s with nonce %d blocks all others and cannot be replaced: %s",
                self._address.hex(),
                nonce,
                reason,
            )
            return
        fees = next((offer for offer in offers if self._may_clear(nonce, offer, len(candidate.blobs))), None)
        if fees is None:
            _log.error("nonce %d of 0x%s blocks all others, and the budget is used up", nonce, self._address.hex())
            return
        sidecar = await self._sidecars.for_candidate(candidate, quote.timestamp)
        flight = Flight(candidate, nonce, EMPTY_TRANSACTION_GAS, fees, sidecar, self._clock(), self._clock())
        taken = await self._publisher.publish_logged(flight, fees)
        # What was refused is raised at the next occasion, what was taken gets its time.
        self._offered = {nonce: (fees, self._clock() if taken else self._clock() - self._patience)}
        _log.warning(
            "nonce %d of 0x%s is held by a transaction of an earlier run, or by none; an empty one at %s was %s",
            nonce,
            self._address.hex(),
            fees,
            "published" if taken else "refused, more is offered later",
        )

    def _offers(self, previous: Fees | None, quote: Quote, blob_count: int) -> list[Fees]:
        """What to offer next for a nonce that an earlier run left in the pool at an unknown price, or not at all; where the
        budget does not allow the first, the second. Raises FeeCeilingReached.
        """
        first = self._fees.offer(quote, EMPTY_TRANSACTION_GAS, blob_count)
        if previous is None:
            return [first]
        doubled = Fees(2 * previous.tip, 2 * previous.max_fee, 2 * previous.blob_fee)
        try:
            return [self._fees.replacement(doubled, quote, EMPTY_TRANSACTION_GAS, blob_count)]
        except FeeCeilingReached:
            # One price may be at its ceiling while another is not high enough yet. And the pool may have lost what was offered
            # so far: then begin again. If it has not, it refuses that, and no harm is done.
            bounded = self._fees.bounded(
                self._fees.least_replacement(doubled, blob_count), EMPTY_TRANSACTION_GAS, blob_count
            )
            is_more = bounded.max_fee > previous.max_fee or bounded.blob_fee > previous.blob_fee
            return [bounded, first] if is_more else [first]

    def _may_clear(self, nonce: int, fees: Fees, blob_count: int) -> bool:
        """Count what clearing a nonce can cost, once per nonce: only one of the offers for it can be included. Whether the
        budget has room for it."""
        cost = fees.worst_case(EMPTY_TRANSACTION_GAS, blob_count)
        counted = self._counted.get(nonce, Wei(0))
        if cost > counted and self._allowance is not None:
            if not self._allowance.spend(Wei(cost - counted)):
                return False
            self._counted[nonce] = cost
        return True
