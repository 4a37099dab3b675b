"""Signing transactions and handing them to L1, and telling apart what L1 makes of them."""

import logging
from collections.abc import Awaitable, Callable

from config.errors import TemporaryError
from config.types import to_hex
from l1.fees import Fees
from l1.flight import Flight, network_bytes, unsigned_transaction
from l1.inquiry import Inquiry
from l1.retry import with_retries
from l1.rpc import RpcCaller, RpcError
from l1.send_error import PublishOutcome, SendError, classify_refusal, send_error
from l1.signer import Signer
from l1.tx_policy import TxPolicy

_log = logging.getLogger("lamina.l1.txmgr")


class Publisher:
    """Puts versions of a flight's transaction into L1's pool and records them in the flight."""

    def __init__(
        self,
        rpc: RpcCaller,
        signer: Signer,
        chain_id: int,
        policy: TxPolicy,
        inquiry: Inquiry,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._rpc = rpc
        self._signer = signer
        self._chain_id = chain_id
        self._policy = policy
        self._inquiry = inquiry
        self._sleep = sleep

    async def publish(self, flight: Flight, fees: Fees) -> PublishOutcome:
        """Sign with these fees and hand it to L1. Raises SendError when L1 refuses a first version for good."""
        unsigned = unsigned_transaction(
            flight.candidate, self._chain_id, flight.nonce, flight.gas_limit, fees, flight.sidecar
        )
        signed = await self._signer.sign(unsigned)
        raw = network_bytes(signed, flight.sidecar)
        outcome = await self._hand_over(flight, raw)
        if outcome.maybe_in_pool and signed.hash not in flight.hashes:
            flight.raw = raw
            flight.hashes.append(signed.hash)
            if flight.cancelling:
                flight.cancel_hashes.add(signed.hash)
        return outcome

    async def publish_logged(self, flight: Flight, fees: Fees) -> bool:
        """Like `publish`, for transactions that no caller waits for: a refusal is logged and gives False."""
        try:
            return (await self.publish(flight, fees)).maybe_in_pool
        except SendError as error:
            _log.error("%s", error)
            return False

    async def publish_again(self, flight: Flight) -> PublishOutcome:
        """Hand over the newest version once more, unchanged."""
        return await self._hand_over(flight, flight.raw)

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
            raise send_error(meaning, flight.candidate, self._inquiry.advice(meaning, error)) from error
