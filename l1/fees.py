"""What to offer for an L1 transaction: first offers, replacements, and the ceilings that hold for both.

All fees in wei per gas or wei per blob gas. Spec: EIP-1559; EIP-4844, "Gas accounting".
"""

from dataclasses import dataclass

from config.constants import GAS_PER_BLOB
from config.l1_chain import L1ChainConfig
from config.types import Gas, Wei
from evm.types.json_codec import parse_quantity
from l1.rpc import RpcCaller, RpcError

GWEI = 10**9
_CANCELLATION_FACTOR = 2


@dataclass(frozen=True)
class Fees:
    """The three prices that a transaction offers; `blob_fee` is 0 without blobs."""

    tip: int
    max_fee: int
    blob_fee: int = 0

    def worst_case(self, gas_limit: int, blob_count: int) -> Wei:
        """The most that the transaction can cost, value not counted."""
        return Wei(gas_limit * self.max_fee + blob_count * GAS_PER_BLOB * self.blob_fee)

    def __str__(self) -> str:
        blob = f", {_gwei(self.blob_fee)} per blob gas" if self.blob_fee else ""
        return f"{_gwei(self.max_fee)} per gas (tip {_gwei(self.tip)}{blob})"


@dataclass(frozen=True)
class Quote:
    """What L1 asks at its head: base fee, suggested tip, blob base fee (None when not asked for), and its timestamp."""

    base_fee: int
    tip: int
    blob_base_fee: int | None
    timestamp: int


class FeeCeilingReached(Exception):
    """L1 asks for more than the policy allows. The message names the price and the ceiling."""


@dataclass(frozen=True)
class FeePolicy:
    """Floors and ceilings. `max_cost` (wei) bounds one transaction's worst case, value not counted; None: no bound.

    Replacements raise every price by `bump_percent`, with blobs by `blob_bump_percent`: less is refused by nodes.
    """

    min_tip: int = GWEI
    min_blob_fee: int = GWEI
    max_tip: int = 100 * GWEI
    max_fee: int = 500 * GWEI
    max_blob_fee: int = 1_000 * GWEI
    max_cost: Wei | None = None
    bump_percent: int = 10
    blob_bump_percent: int = 100

    def __post_init__(self) -> None:
        if self.bump_percent < 10 or self.blob_bump_percent < 100:
            raise ValueError(
                "replacements need a bump of at least 10 percent, 100 percent with blobs: nodes refuse less"
            )
        if self.min_tip > self.max_tip or self.max_tip > self.max_fee or self.min_blob_fee > self.max_blob_fee:
            raise ValueError("a fee floor is above its ceiling, or the tip's ceiling above the whole fee's")

    def offer(self, quote: Quote, gas_limit: Gas, blob_count: int) -> Fees:
        """A first offer: room for base and blob base fee to double, within the ceilings.

        Raises FeeCeilingReached when even the present price is above one.
        """
        tip = min(max(quote.tip, self.min_tip), self.max_tip)
        lowest = Fees(tip, quote.base_fee + tip, (quote.blob_base_fee or 0) if blob_count else 0)
        self._check(lowest, gas_limit, blob_count)
        fees = Fees(
            tip,
            min(2 * quote.base_fee + tip, self.max_fee),
            min(max(2 * lowest.blob_fee, self.min_blob_fee), self.max_blob_fee) if blob_count else 0,
        )
        if blob_count:
            for candidate in (fees, lowest):
                if self._replaceable(candidate, gas_limit, blob_count):
                    return candidate
            return self._last_offer(lowest, gas_limit, blob_count)
        if self.max_cost is not None and fees.worst_case(gas_limit, blob_count) > self.max_cost:
            return lowest
        return fees

    def replacement(self, previous: Fees, quote: Quote, gas_limit: Gas, blob_count: int) -> Fees:
        """An offer that nodes take in place of `previous`, at least as high as a first offer would be now.

        Raises FeeCeilingReached when the least offer that they take is above a ceiling.
        """
        least = self.least_replacement(previous, blob_count)
        self._check(least, gas_limit, blob_count)
        now = self.offer(quote, gas_limit, blob_count)
        fees = Fees(max(least.tip, now.tip), max(least.max_fee, now.max_fee), max(least.blob_fee, now.blob_fee))
        if self.max_cost is not None and fees.worst_case(gas_limit, blob_count) > self.max_cost:
            fees = least
        if blob_count and not self._replaceable(fees, gas_limit, blob_count):
            return self._last_offer(fees, gas_limit, blob_count)
        return fees

    def _replaceable(self, fees: Fees, gas_limit: Gas, blob_count: int) -> bool:
        """Whether the ceiling of the whole cost leaves room for an offer in place of this one."""
        return (
            self.max_cost is None
            or self.least_replacement(fees, blob_count).worst_case(gas_limit, blob_count) <= self.max_cost
        )

    def _last_offer(self, fees: Fees, gas_limit: Gas, blob_count: int) -> Fees:
        """An offer that none can follow, of a transaction with blobs: what these leave of the ceiling goes half to each price.

        It costs nothing more unless L1's prices rise, and then it is still taken where otherwise everything would wait for them
        to fall again.
        """
        assert self.max_cost is not None
        left = max(self.max_cost - fees.worst_case(gas_limit, blob_count), 0) // 2
        return Fees(
            fees.tip,
            max(fees.max_fee, min(fees.max_fee + left // gas_limit, self.max_fee)),
            max(fees.blob_fee, min(fees.blob_fee + left // (blob_count * GAS_PER_BLOB), self.max_blob_fee)),
        )

    def bounded(self, fees: Fees, gas_limit: Gas, blob_count: int) -> Fees:
        """As much of these as the ceilings allow: each price by itself, and at most half of the cost's ceiling for gas."""
        max_fee, blob_fee = min(fees.max_fee, self.max_fee), min(fees.blob_fee, self.max_blob_fee) if blob_count else 0
        if self.max_cost is not None:
            max_fee = min(max_fee, self.max_cost // (2 if blob_count else 1) // gas_limit)
        if self.max_cost is not None and blob_count:
            blob_fee = min(blob_fee, (self.max_cost - gas_limit * max_fee) // (blob_count * GAS_PER_BLOB))
        return Fees(min(fees.tip, self.max_tip, max_fee), max_fee, blob_fee)

    def least_replacement(self, previous: Fees, blob_count: int) -> Fees:
        """The smallest offer that replaces `previous`, ceilings not looked at."""
        percent = 100 + (self.blob_bump_percent if blob_count else self.bump_percent)
        tip, max_fee, blob_fee = (
            (price * percent + 99) // 100 for price in (previous.tip, previous.max_fee, previous.blob_fee)
        )
        return Fees(max(tip, 1), max(max_fee, 1), blob_fee)

    def cancellation(self, previous: Fees, quote: Quote, gas_limit: Gas, blob_count: int) -> Fees:
        """The smallest offer for a transaction that does nothing, in place of one at `previous`, that L1 takes now.

        Less than that is never offered: with blobs every offer doubles all prices, and so uses the ceilings up.
        It may go above the ceilings of prices, but not above twice those: a nonce that nothing can use up would stop
        everything behind it. The ceiling of the whole cost holds as ever. Raises FeeCeilingReached.
        """
        least = self.least_replacement(previous, blob_count)
        fees = Fees(
            least.tip,
            max(least.max_fee, quote.base_fee + least.tip),
            max(least.blob_fee, quote.blob_base_fee or 0) if blob_count else 0,
        )
        self._check(fees, gas_limit, blob_count, _CANCELLATION_FACTOR)
        return fees

    def _check(self, fees: Fees, gas_limit: Gas, blob_count: int, factor: int = 1) -> None:
        for what, price, ceiling in (
            ("gas", fees.max_fee, self.max_fee),
            ("the tip", fees.tip, self.max_tip),
            ("blob gas", fees.blob_fee, self.max_blob_fee),
        ):
            if price > factor * ceiling:
                raise FeeCeilingReached(f"{what} costs {_gwei(price)}, above the ceiling of {_gwei(factor * ceiling)}")
        cost = fees.worst_case(gas_limit, blob_count)
        if self.max_cost is not None and cost > self.max_cost:
            raise FeeCeilingReached(
                f"it can cost {cost / 10**18:.6f} ETH, above the ceiling of {self.max_cost / 10**18:.6f} ETH"
            )


async def fetch_quote(rpc: RpcCaller, with_blobs: bool, l1_chain: L1ChainConfig | None) -> Quote:
    """L1's present prices, in one batch request.

    The blob base fee comes from `eth_blobBaseFee`, or is computed from the head's excess blob gas by `l1_chain` where
    the endpoint lacks the method. Raises RpcError or TemporaryError, ValueError when the head has no base fee.
    """
    calls = [("eth_getBlockByNumber", ["latest", False]), ("eth_maxPriorityFeePerGas", [])]
    if with_blobs:
        calls.append(("eth_blobBaseFee", []))
    head, tip, *rest = await rpc.batch(calls)
    if isinstance(head, RpcError):
        raise head
    if not isinstance(head, dict) or head.get("baseFeePerGas") is None:
        raise ValueError(f"{rpc.endpoint} gave no head block with a base fee; it is no endpoint of a post-London chain")
    if isinstance(tip, RpcError) and not tip.is_unsupported:
        raise tip
    timestamp = parse_quantity(head["timestamp"])
    blob_base_fee: int | None = None
    if with_blobs:
        (answer,) = rest
        if not isinstance(answer, RpcError):
            blob_base_fee = parse_quantity(answer)
        elif l1_chain is not None and head.get("excessBlobGas") is not None:
            blob_base_fee = l1_chain.blob_base_fee(parse_quantity(head["excessBlobGas"]), timestamp)
        else:
            raise answer
    return Quote(
        base_fee=parse_quantity(head["baseFeePerGas"]),
        tip=0 if isinstance(tip, RpcError) else parse_quantity(tip),
        blob_base_fee=blob_base_fee,
        timestamp=timestamp,
    )


def _gwei(price: int) -> str:
    return f"{price / GWEI:.9g} gwei"
