"""The transaction manager's decisions, against an L1 node in memory and on a clock that only sleeping moves."""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from config.errors import CriticalError, TemporaryError
from config.l1_chain import ETHEREUM_MAINNET
from config.types import Gas, Timestamp, Wei, to_address
from evm.types import BlobTransaction, DynamicFeeTransaction
from evm.types.transaction import sign_transaction
from l1.fees import FeePolicy
from l1.kzg import KzgWorker, SidecarVersion
from l1.retry import RetryPolicy
from l1.rpc import RpcError
from l1.txmgr import SendError, SendErrorKind, TxCandidate, TxManager, TxPolicy
from tests.l1.conftest import make_blob
from tests.l1.fake_l1 import GWEI, FakeL1, VirtualClock, unreachable

_T = TypeVar("_T")

KEY = b"\x21" * 32
INBOX = to_address("0x" + "ff" * 20)
CALL = TxCandidate(INBOX, b"data", gas_limit=Gas(30_000))
POLICY = TxPolicy(
    poll_interval=1,
    resubmission_timeout=10,
    give_up_after=60,
    retry=RetryPolicy(attempts=3, first_pause=0.5, jitter=0),
)
CHAIN_ID = 900
START = Timestamp(0)


class KzgAtOnce(KzgWorker):
    """Works while everybody waits: on this clock no time may pass meanwhile, however slow the machine is."""

    async def _run(self, function: Callable[..., _T], *arguments: object) -> _T:
        return function(*arguments)


@pytest.fixture
def kzg() -> KzgWorker:
    return KzgAtOnce()


def manager(l1: FakeL1, clock: VirtualClock, **arguments: Any) -> TxManager:
    arguments.setdefault("policy", POLICY)
    return TxManager(l1, KEY, CHAIN_ID, clock=clock, sleep=clock.sleep, **arguments)


def every(clock: VirtualClock, seconds: float, action: Callable[[], None], times: int = 200) -> None:
    for count in range(1, times + 1):
        clock.at(seconds * count, action)


async def test_transactions_are_published_in_the_order_of_the_calls_with_consecutive_nonces() -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 5, l1.mine)
    sender = manager(l1, clock, policy=replace(POLICY, max_pending=3))
    receipts = await sender.send_many([replace(CALL, data=bytes([number])) for number in range(7)])
    assert [tx.data for tx in l1.received] == [bytes([number]) for number in range(7)]
    assert [tx.nonce for tx in l1.received] == list(range(7))
    assert [receipt.transaction_hash for receipt in receipts] == [tx.hash for tx in l1.received]
    assert len({receipt.block.number for receipt in receipts}) >= 3, "never more than three at once"


async def test_a_first_offer_leaves_room_for_the_base_fee_to_double() -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 5, l1.mine)
    await manager(l1, clock).send(CALL)
    (tx,) = l1.received
    assert isinstance(tx, DynamicFeeTransaction) and tx.chain_id == CHAIN_ID
    assert (tx.max_fee, tx.max_priority_fee) == (21 * GWEI, GWEI)


async def test_a_stuck_transaction_is_replaced_by_at_least_ten_percent_more_until_it_is_included() -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 3, l1.mine_without_us, 11)
    clock.at(35, l1.mine)
    sender = manager(l1, clock)
    receipt = await sender.send(CALL)
    assert len(l1.received) == 4 and sender.stats.replaced == 3 and sender.stats.published == 1
    assert {tx.nonce for tx in l1.received} == {0}
    for old, new in zip(l1.received, l1.received[1:], strict=False):
        assert new.max_fee_per_gas >= old.max_fee_per_gas * 11 // 10
        assert new.max_priority_fee_per_gas >= old.max_priority_fee_per_gas * 11 // 10
    assert receipt.transaction_hash == l1.received[-1].hash


async def test_nothing_more_is_offered_while_l1_makes_no_blocks() -> None:
    l1, clock = FakeL1(), VirtualClock()
    clock.at(7_200, l1.mine)
    sender = manager(l1, clock, policy=replace(POLICY, poll_interval=5))
    receipt = await sender.send(CALL)
    assert len(l1.received) == 1 and receipt.effective_gas_price == 11 * GWEI
    assert sender.stats.replaced == 0


async def test_an_older_version_that_gets_included_counts() -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 3, l1.mine_without_us, 4)
    clock.at(15, lambda: l1.include(l1.received[0]))
    sender = manager(l1, clock)
    receipt = await sender.send(CALL)
    assert len(l1.received) == 2 and receipt.transaction_hash == l1.received[0].hash


async def test_a_blob_transaction_is_replaced_by_doubling_every_price(kzg: KzgWorker) -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 3, l1.mine_without_us, 7)
    clock.at(25, l1.mine)
    sender = manager(l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS)
    receipt = await sender.send(replace(CALL, data=b"", blobs=(make_blob(1),)))
    assert len(l1.received) == 3
    for old, new in zip(l1.received, l1.received[1:], strict=False):
        assert isinstance(old, BlobTransaction) and isinstance(new, BlobTransaction)
        assert new.max_fee >= 2 * old.max_fee and new.max_priority_fee >= 2 * old.max_priority_fee
        assert new.max_fee_per_blob_gas >= 2 * old.max_fee_per_blob_gas
    assert receipt.cost == 21_000 * receipt.effective_gas_price + 131_072 * l1.blob_base_fee


async def test_the_fork_at_the_head_decides_which_proofs_a_sidecar_has(kzg: KzgWorker) -> None:
    versions: list[int] = []

    class Watching(FakeL1):
        def eth_sendRawTransaction(self, data: str) -> str:
            versions.append(1 if len(data) > 2 * 131_072 + 10_000 else 0)
            return super().eth_sendRawTransaction(data)

    for osaka_time in (10**9, 0):
        l1, clock = Watching(), VirtualClock()
        every(clock, 3, l1.mine)
        chain = replace(ETHEREUM_MAINNET, cancun_time=START, prague_time=START, osaka_time=Timestamp(osaka_time))
        await manager(l1, clock, kzg=kzg, l1_chain=chain).send(TxCandidate(INBOX, blobs=(make_blob(1),)))
    assert versions == [0, 1]


async def test_blobs_wait_until_calldata_is_included_and_the_other_way_round(kzg: KzgWorker) -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 12, l1.mine)
    sender = manager(l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS)
    receipts = await sender.send_many([CALL, replace(CALL, blobs=(make_blob(1),)), CALL, CALL])
    numbers = [receipt.block.number for receipt in receipts]
    assert numbers[0] < numbers[1] < numbers[2] == numbers[3]


async def test_the_required_confirmations_are_waited_for() -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 4, l1.mine)
    receipt = await manager(l1, clock, policy=replace(POLICY, confirmations=5)).send(CALL)
    assert len(l1.chain) - receipt.block.number >= 5


@pytest.mark.parametrize("kept_in_pool", [True, False])
async def test_a_transaction_dropped_by_a_reorg_is_included_again(kept_in_pool: bool) -> None:
    l1, clock = FakeL1(), VirtualClock()
    clock.at(2, l1.mine)
    clock.at(5, lambda: l1.reorg(1, keep=kept_in_pool))
    for moment in (8, 9, 10, 11):
        clock.at(moment, l1.mine)
    sender = manager(l1, clock, policy=replace(POLICY, confirmations=4))
    receipt = await sender.send(CALL)
    assert receipt.succeeded and sender.stats.dropped_by_reorg == 1
    assert sender.stats.republished == (0 if kept_in_pool else 1)
    assert len({tx.hash for tx in l1.received}) == 1, "the same transaction, not a second one"


@pytest.mark.parametrize("blobs", [True, False])
@pytest.mark.parametrize("undone", [1, 3])
@pytest.mark.parametrize("kept_in_pool", [True, False])
async def test_what_a_reorg_undoes_after_its_confirmation_is_brought_back_before_anything_else(
    undone: int, kept_in_pool: bool, blobs: bool, kzg: KzgWorker
) -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 2, l1.mine)
    patient = replace(POLICY, resubmission_timeout=1_000)
    sender = manager(l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS, policy=patient)
    calls = [
        replace(CALL, data=b"", blobs=(make_blob(number),)) if blobs else replace(CALL, data=bytes([number]))
        for number in range(5)
    ]
    receipts = [await sender.send(call) for call in calls[:4]]
    before = list(l1.received)
    l1.reorg(len(l1.chain) - receipts[4 - undone].block.number, keep=kept_in_pool)
    await sender.send(calls[4])
    while sender.pending:
        await clock.sleep(1)
    included = [tx for block in l1.chain for tx in block]
    assert [tx.nonce for tx in included] == list(range(5))
    assert [tx.hash for tx in included[:4]] == [tx.hash for tx in before]
    assert {tx.hash for tx in l1.received} == {tx.hash for tx in included}, "nothing else was sent"
    assert kept_in_pool or sender.stats.dropped_by_reorg == undone
    assert sender.stats.confirmed == 5 and sender.stats.cost == 5 * receipts[0].cost, "each is counted once"


@pytest.mark.parametrize("kept_in_pool", [True, False])
async def test_who_asks_what_is_on_its_way_hears_of_what_a_reorg_undid(kept_in_pool: bool) -> None:
    l1, clock = FakeL1(), VirtualClock()
    clock.at(2, l1.mine)
    clock.at(4, l1.mine)
    sender = manager(l1, clock)
    first = await sender.send(CALL)
    await sender.send(CALL)
    assert await sender.left_behind() == 0
    l1.reorg(len(l1.chain) - first.block.number, keep=kept_in_pool)
    assert await sender.left_behind() == 2
    while await sender.left_behind():
        await clock.sleep(1)
        l1.mine()
    assert [tx.nonce for block in l1.chain for tx in block] == [0, 1]


async def test_what_a_reorg_undid_is_offered_for_more_and_the_difference_is_counted() -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 2, l1.mine)
    spent: list[Wei] = []

    class Purse:
        def spend(self, amount: Wei) -> bool:
            spent.append(amount)
            return True

    sender = manager(l1, clock, allowance=Purse())
    first = await sender.send(CALL)
    l1.reorg(len(l1.chain) - first.block.number)
    l1.base_fee *= 3
    second = await sender.send(CALL)
    while sender.pending:
        await clock.sleep(1)
    assert [tx.nonce for block in l1.chain for tx in block] == [0, 1]
    assert spent and sender.stats.cost == first.cost + sum(spent) + second.cost


async def test_a_transaction_that_the_node_forgot_is_published_again() -> None:
    l1, clock = FakeL1(), VirtualClock()
    clock.at(3, l1.pool.clear)
    clock.at(6, l1.mine)
    sender = manager(l1, clock)
    await sender.send(CALL)
    assert sender.stats.republished == 1 and len(l1.received) == 2


async def test_prices_above_a_ceiling_are_refused_before_a_nonce_is_used() -> None:
    l1, clock = FakeL1(base_fee=600 * GWEI), VirtualClock()
    sender = manager(l1, clock)
    with pytest.raises(SendError, match="gas costs 601 gwei, above the ceiling of 500 gwei") as caught:
        await sender.send(CALL)
    assert caught.value.kind is SendErrorKind.FEE_CEILING and isinstance(caught.value, TemporaryError)
    assert l1.received == []
    l1.base_fee = GWEI
    every(clock, 2, l1.mine)
    assert (await sender.send(CALL)).succeeded and l1.received[0].nonce == 0


async def test_one_transaction_cannot_cost_more_than_the_budget() -> None:
    l1, clock = FakeL1(), VirtualClock()
    sender = manager(l1, clock, fees=FeePolicy(max_cost=Wei(30_000 * 10 * GWEI)))
    with pytest.raises(SendError, match=r"can cost 0\.000330 ETH, above the ceiling of 0\.000300 ETH"):
        await sender.send(CALL)


async def test_a_stuck_transaction_at_its_ceiling_is_cancelled_and_the_queue_goes_on() -> None:
    l1, clock = FakeL1(), VirtualClock()

    def spike() -> None:
        l1.base_fee = 24 * GWEI

    clock.at(0.5, spike)
    every(clock, 7, l1.mine)
    # A cancellation is paid above the ceiling if need be: it costs 21,000 gas and frees the nonce.
    sender = manager(l1, clock, fees=FeePolicy(max_fee=23 * GWEI, max_tip=5 * GWEI))
    with pytest.raises(SendError, match="cancelled by 0x") as caught:
        await sender.send(CALL)
    assert caught.value.kind is SendErrorKind.CANCELLED and clock.now >= 60
    cancel = l1.chain[-1][0] if l1.chain[-1] else l1.received[-1]
    assert (cancel.to, cancel.value, cancel.data, cancel.nonce) == (sender.address, 0, b"", 0)
    assert sender.stats.cancelled == 1 and sender.pending == 0
    l1.base_fee = GWEI
    assert (await sender.send(CALL)).succeeded
    assert l1.received[-1].nonce == 1


async def test_a_blob_transaction_is_cancelled_by_one_with_an_empty_blob(kzg: KzgWorker) -> None:
    l1, clock = FakeL1(), VirtualClock()

    def spike() -> None:
        l1.blob_base_fee = 7 * GWEI

    clock.at(0.5, spike)
    every(clock, 7, l1.mine)
    sender = manager(
        l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS, fees=FeePolicy(max_blob_fee=6 * GWEI)
    )
    with pytest.raises(SendError, match="blob gas costs 8 gwei, above the ceiling of 6 gwei"):
        await sender.send(replace(CALL, blobs=(make_blob(1), make_blob(2))))
    cancel = l1.received[-1]
    assert isinstance(cancel, BlobTransaction) and cancel.to == sender.address
    assert len(cancel.versioned_hashes) == 1 and cancel.max_fee_per_blob_gas == 8 * GWEI


async def test_a_cancellation_is_paid_up_to_twice_the_ceiling_and_told_with_its_cost(kzg: KzgWorker) -> None:
    l1, clock = FakeL1(), VirtualClock()

    def spike() -> None:
        l1.blob_base_fee = 30 * GWEI

    def calm() -> None:
        l1.blob_base_fee = 7 * GWEI

    clock.at(0.5, spike)
    clock.at(1_000, calm)
    every(clock, 7, l1.mine)
    policy = FeePolicy(max_blob_fee=6 * GWEI)
    sender = manager(l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS, fees=policy)
    with pytest.raises(SendError) as caught:
        await sender.send(replace(CALL, blobs=(make_blob(1), make_blob(2))))
    offers = [tx.max_fee_per_blob_gas for tx in l1.received if isinstance(tx, BlobTransaction)]
    assert max(offers) <= 12 * GWEI and clock.now >= 1_000
    assert caught.value.cost == sender.stats.cost > 131_072 * 7 * GWEI


@pytest.mark.parametrize("blobs_first", [True, False])
async def test_a_reorg_that_leaves_only_the_other_kind_in_the_pool_does_not_block_the_account(
    blobs_first: bool, kzg: KzgWorker
) -> None:
    l1, clock = FakeL1(), VirtualClock()
    blobs = replace(CALL, data=b"", blobs=(make_blob(1),))
    sender = manager(
        l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS, policy=replace(POLICY, confirmations=9)
    )
    dropped: list[bool] = []

    def weather() -> None:
        # The first transaction is gone with its block, the second waits behind its nonce, the pool will not have both.
        if not dropped and len(l1.received) == 2:
            dropped.append(True)
            l1.reorg(len(l1.chain) - 1)
        elif dropped or (len(l1.received) == 1 and len(l1.chain) == 1):
            l1.mine()

    every(clock, 2, weather, 2_000)
    first, second = (blobs, CALL) if blobs_first else (CALL, blobs)
    results = await asyncio.gather(sender.send(first), sender.send(second), return_exceptions=True)
    assert isinstance(results[0], SendError) and results[0].kind is SendErrorKind.CANCELLED
    assert "transactions of the other kind" in results[0].reason and results[0].cost > 0
    assert not isinstance(results[1], BaseException)
    assert dropped and sender.pending == 0
    await sender.send(first)


async def test_a_call_that_would_revert_costs_nothing_and_names_the_contract_error() -> None:
    def revert(message: dict[str, Any]) -> int:
        raise RpcError(3, "execution reverted", "0x014f6fe5")

    l1, clock = FakeL1(estimate=revert), VirtualClock()
    names = {bytes.fromhex("014f6fe5"): "GameAlreadyExists"}
    sender = manager(l1, clock, error_names=names.get)
    with pytest.raises(SendError, match="it would have reverted with GameAlreadyExists") as caught:
        await sender.send(replace(CALL, gas_limit=None))
    assert caught.value.kind is SendErrorKind.REVERTED and l1.received == []


async def test_a_call_that_needs_an_earlier_one_is_estimated_again_once_that_is_included() -> None:
    l1, clock = FakeL1(), VirtualClock()

    def needs_first(message: dict[str, Any]) -> int:
        if message["data"] == "0x02" and len(l1.chain) < 2:
            raise RpcError(3, "execution reverted", "0x")
        return 100_000

    l1.estimate = needs_first
    every(clock, 6, l1.mine)
    sender = manager(l1, clock)
    receipts = await sender.send_many([replace(CALL, data=data, gas_limit=None) for data in (b"\x01", b"\x02")])
    assert [receipt.succeeded for receipt in receipts] == [True, True]
    assert [tx.gas_limit for tx in l1.received] == [107_900, 107_900], "a tenth more than above the intrinsic gas"


async def test_an_unreachable_l1_is_told_after_bounded_retries() -> None:
    l1, clock = FakeL1(), VirtualClock()
    l1.fail["eth_getTransactionCount"] = [unreachable() for _ in range(3)]
    with pytest.raises(SendError, match="could not be reached") as caught:
        await manager(l1, clock).send(CALL)
    assert caught.value.kind is SendErrorKind.UNREACHABLE and isinstance(caught.value, TemporaryError)
    assert clock.now == 0.5 + 1.0


async def test_no_answer_to_publishing_never_leads_to_a_second_transaction() -> None:
    class Losing(FakeL1):
        """Takes the first transaction into a block, but its answers get lost."""

        lost = 0

        def eth_sendRawTransaction(self, data: str) -> str:
            if self.lost < 2:
                self.lost += 1
                if self.lost == 1:
                    super().eth_sendRawTransaction(data)
                    self.mine()
                raise unreachable()
            return super().eth_sendRawTransaction(data)

        def eth_getTransactionByHash(self, tx_hash: str) -> dict[str, Any] | None:
            # As a node that checks the nonce first.
            return None

    l1, clock = Losing(), VirtualClock()
    sender = manager(l1, clock)
    receipt = await sender.send(CALL)
    assert receipt.succeeded and len(l1.received) == 1
    every(clock, 3, l1.mine, 50)
    await sender.send(CALL)
    assert [tx.nonce for tx in l1.received] == [0, 1]


async def test_following_survives_an_l1_that_is_away_for_long() -> None:
    l1, clock = FakeL1(), VirtualClock()
    l1.fail["eth_blockNumber"] = [unreachable() for _ in range(20)]
    clock.at(100, l1.mine)
    sender = manager(l1, clock, policy=replace(POLICY, resubmission_timeout=1000))
    assert (await sender.send(CALL)).succeeded
    assert len(l1.received) == 1


class Timeline(VirtualClock):
    """Each sleeper wakes at its own time, the earliest first; time passes when all others have nothing to do."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._count = 0

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self.now + seconds, self._count, woken))
        await woken.wait()

    async def run_until(self, done: Callable[[], bool]) -> None:
        while True:
            for _ in range(100):
                await asyncio.sleep(0)
            if done():
                return
            if self._sleepers:
                self.now, _, woken = heapq.heappop(self._sleepers)
                woken.set()


async def test_one_that_could_not_be_followed_is_looked_after_again_as_soon_as_l1_answers_about_another() -> None:
    l1, clock = FakeL1(), Timeline()
    patient = replace(POLICY, resubmission_timeout=10_000, retry=replace(POLICY.retry, max_pause=5_000))
    sender = manager(l1, clock, policy=patient)
    failures = [unreachable() for _ in range(10)]
    l1.fail["eth_getTransactionReceipt"] = list(failures)
    first = asyncio.create_task(sender.send(CALL))
    await clock.run_until(lambda: not l1.fail["eth_getTransactionReceipt"])
    l1.pool.clear()  # nobody but its sender can bring it back, and that sleeps for more than a thousand seconds
    begun = clock.now
    second = asyncio.create_task(sender.send(replace(CALL, data=b"second")))

    def mined() -> bool:
        l1.mine()
        return first.done() and second.done()

    await clock.run_until(mined)
    assert [tx.nonce for block in l1.chain for tx in block] == [0, 1]
    assert clock.now - begun < 30, "not when it would have looked again by itself"


async def test_a_nonce_used_by_someone_else_is_replaced_by_a_fresh_one() -> None:
    l1, clock = FakeL1(), VirtualClock()
    sender = manager(l1, clock)
    stranger = sign_transaction(
        DynamicFeeTransaction(
            nonce=0,
            gas_limit=21_000,
            to=INBOX,
            value=1,
            data=b"",
            chain_id=CHAIN_ID,
            y_parity=0,
            r=0,
            s=0,
            max_priority_fee=1,
            max_fee=10**12,
        ),
        KEY,
    )
    clock.at(2, lambda: l1.include(stranger))
    every(clock, 10, l1.mine)
    receipt = await sender.send(CALL)
    assert receipt.succeeded and [tx.nonce for tx in l1.received] == [0, 1]


async def test_a_stale_nonce_is_corrected_when_l1_says_it_is_too_low() -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 3, l1.mine)
    sender = manager(l1, clock)
    await sender.send(CALL)
    other = manager(l1, clock)
    await other.send(replace(CALL, data=b"other"))
    receipt = await sender.send(CALL)
    assert receipt.succeeded and [tx.nonce for tx in l1.received] == [0, 1, 2]


async def test_a_cheap_transaction_left_by_an_earlier_run_is_pushed_out_of_the_way() -> None:
    l1, clock = FakeL1(), VirtualClock()
    before = manager(l1, clock)
    stuck = asyncio.create_task(before.send(CALL))
    while not l1.received:
        await asyncio.sleep(0)
    await before.close()
    assert isinstance((await asyncio.gather(stuck, return_exceptions=True))[0], SendError)
    l1.base_fee = 30 * GWEI
    every(clock, 5, l1.mine)
    sender = manager(l1, clock)
    assert (await sender.send(CALL)).succeeded
    blocker = l1.received[2]
    assert (blocker.nonce, blocker.to, blocker.data) == (0, sender.address, b"")


async def test_a_nonce_held_for_much_blob_gas_and_little_gas_is_freed_although_one_price_meets_its_ceiling(
    kzg: KzgWorker,
) -> None:
    l1, clock = FakeL1(base_fee=GWEI, blob_base_fee=50 * GWEI), VirtualClock()
    blobs = replace(CALL, data=b"", blobs=(make_blob(1),))
    before = manager(l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS)
    stuck = asyncio.create_task(before.send(blobs))
    while not l1.received:
        await asyncio.sleep(0.001)
    await before.close()
    await asyncio.gather(stuck, return_exceptions=True)
    l1.base_fee, l1.blob_base_fee = 5 * GWEI, GWEI
    clock.now = 0
    every(clock, 5, l1.mine)
    sender = manager(l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS)
    assert (await sender.send(blobs)).succeeded
    blocker, sent = [tx for block in l1.chain for tx in block]
    assert [(blocker.nonce, blocker.to), (sent.nonce, sent.to)] == [(0, sender.address), (1, INBOX)]
    assert blocker.max_fee_per_gas == FeePolicy().max_fee


@pytest.mark.parametrize("left_behind_blobs", [True, False])
async def test_a_transaction_of_the_other_kind_left_by_an_earlier_run_is_replaced_first(
    left_behind_blobs: bool, kzg: KzgWorker
) -> None:
    l1, clock = FakeL1(), VirtualClock()
    blobs = replace(CALL, data=b"", blobs=(make_blob(1),))
    before = manager(l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS)
    stuck = asyncio.create_task(before.send(blobs if left_behind_blobs else CALL))
    while not l1.received:
        await asyncio.sleep(0.001)
    await before.close()
    await asyncio.gather(stuck, return_exceptions=True)
    l1.base_fee = 30 * GWEI
    clock.now = 0
    every(clock, 5, l1.mine)
    sender = manager(l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS)
    receipt = await sender.send(CALL if left_behind_blobs else blobs)
    assert receipt.succeeded
    left, sent = l1.received[0], l1.received[-1]
    blockers = [tx for tx in l1.received if tx.to == sender.address]
    assert blockers and {(tx.nonce, tx.data, tx.type) for tx in blockers} == {(0, b"", left.type)}
    assert (sent.nonce, sent.to) == (1, INBOX) and sent.type != left.type


async def test_a_role_without_blobs_says_that_it_cannot_replace_one() -> None:
    l1, clock = FakeL1(), VirtualClock()
    l1.fail["eth_sendRawTransaction"] = [RpcError(-32000, "address already reserved") for _ in range(100)]
    with pytest.raises(SendError, match="keeps refusing it") as caught:
        await manager(l1, clock).send(CALL)
    assert caught.value.kind is SendErrorKind.UNREACHABLE


async def test_missing_funds_are_for_the_operator() -> None:
    l1, clock = FakeL1(), VirtualClock()
    l1.fail["eth_sendRawTransaction"] = [RpcError(-32000, "insufficient funds for gas * price + value")]
    with pytest.raises(SendError, match="fund it on L1") as caught:
        await manager(l1, clock).send(CALL)
    assert caught.value.kind is SendErrorKind.INSUFFICIENT_FUNDS and isinstance(caught.value, CriticalError)


async def test_messages_name_the_chain_on_which_the_account_sends(caplog: pytest.LogCaptureFixture) -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 3, l1.mine)
    on_l2 = manager(l1, clock, policy=replace(POLICY, chain="L2"))
    with caplog.at_level("INFO", logger="lamina.l1.txmgr"):
        await on_l2.send(CALL)
    assert "L2 transaction 0x" in caplog.text and "L1" not in caplog.text
    l1.fail["eth_sendRawTransaction"] = [RpcError(-32000, "insufficient funds for gas * price + value")]
    with pytest.raises(SendError, match="fund it on L2"):
        await on_l2.send(CALL)


async def test_an_underpriced_first_offer_is_raised() -> None:
    l1, clock = FakeL1(), VirtualClock()
    every(clock, 3, l1.mine)
    l1.fail["eth_sendRawTransaction"] = [RpcError(-32000, "transaction underpriced: tip needed 2")]
    await manager(l1, clock).send(CALL)
    assert l1.received[0].max_priority_fee_per_gas == 11 * GWEI // 10


async def test_cancelling_a_waiting_call_leaves_no_gap_and_a_published_one_is_still_followed() -> None:
    l1, clock = FakeL1(), VirtualClock()
    sender = manager(l1, clock, policy=replace(POLICY, max_pending=1))
    first = asyncio.create_task(sender.send(CALL))
    second = asyncio.create_task(sender.send(CALL))
    while sender.pending == 0:
        await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert first.cancelled() and second.cancelled()
    every(clock, 3, l1.mine, 1000)
    assert (await sender.send(CALL)).succeeded
    assert [tx.nonce for tx in l1.received] == [0, 1] and sender.stats.confirmed == 2


async def test_closing_ends_waiting_calls_with_a_sentence() -> None:
    l1, clock = FakeL1(), VirtualClock()
    sender = manager(l1, clock)
    waiting = asyncio.create_task(sender.send(CALL))
    while sender.pending == 0:
        await asyncio.sleep(0)
    await sender.close()
    with pytest.raises(SendError, match="it may still be included"):
        await waiting
    with pytest.raises(SendError, match="is closed"):
        await sender.send(CALL)


async def test_an_l1_without_the_tip_and_blob_fee_methods_is_served_from_its_header(kzg: KzgWorker) -> None:
    class Old(FakeL1):
        eth_maxPriorityFeePerGas = None  # type: ignore[assignment]
        eth_blobBaseFee = None  # type: ignore[assignment]

    l1, clock = Old(blob_base_fee=1), VirtualClock()
    every(clock, 3, l1.mine)
    chain = replace(ETHEREUM_MAINNET, cancun_time=START)
    await manager(l1, clock, kzg=kzg, l1_chain=chain).send(TxCandidate(INBOX, blobs=(make_blob(1),)))
    (tx,) = l1.received
    assert isinstance(tx, BlobTransaction)
    assert tx.max_priority_fee == GWEI, "the policy's floor"
    assert tx.max_fee_per_blob_gas == GWEI, "the policy's floor above the computed price of 1 wei"


async def test_an_endpoint_too_busy_to_estimate_gas_is_no_reason_to_give_up_for_good() -> None:
    l1, clock = FakeL1(), VirtualClock()

    def estimate(message: dict[str, Any]) -> int:
        raise RpcError(-32000, "execution aborted (timeout = 5s)", method="eth_estimateGas")

    l1.estimate = estimate
    with pytest.raises(SendError, match="execution aborted") as caught:
        await manager(l1, clock).send(TxCandidate(INBOX, b"data"))
    assert isinstance(caught.value, TemporaryError) and l1.received == []


async def test_a_malformed_blob_is_refused_before_anything_is_sent(kzg: KzgWorker) -> None:
    l1, clock = FakeL1(), VirtualClock()
    sender = manager(l1, clock, kzg=kzg, sidecar_version=SidecarVersion.BLOB_PROOFS)
    with pytest.raises(SendError, match="no field element") as caught:
        await sender.send(TxCandidate(INBOX, blobs=(b"\xff" * 131_072,)))
    assert caught.value.kind is SendErrorKind.REJECTED and l1.received == []
