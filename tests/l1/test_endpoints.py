"""L1 from several endpoints: what is believed, what is held back, who is asked, and what is said of whom."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from config.errors import CriticalError, TemporaryError
from config.types import Hash32, to_hex
from evm.types import Header
from l1.endpoints import L1Disagreement, L1Endpoint, L1Endpoints, L1EndpointsFailed
from l1.health import EndpointHealth, EndpointKind, EndpointState
from l1.retry import NO_RETRY, RetryPolicy
from l1.rpc import JsonRpcClient
from l1.source import L1BlockNotFound, L1Client, VerifiedData
from tests.l1.conftest import Handler, Served
from tests.l1.fake_l1 import VirtualClock
from tests.l1.simulated import CHAIN_ID, Chain, Conduct, SimulatedEndpoint

Serve = Callable[[Handler], Awaitable[Served]]

MAIN = Chain.of(20)
FORK = MAIN.fork(10, 20, salt=1)


def sources(
    *rpcs: Any, quorum: int | None = None, retry: RetryPolicy = NO_RETRY, clock: VirtualClock | None = None
) -> L1Endpoints:
    clock = clock or VirtualClock()
    data = VerifiedData()
    return L1Endpoints(
        [
            L1Endpoint(
                L1Client(rpc, retry=NO_RETRY, data=data, clock=clock),
                EndpointHealth(rpc.endpoint, EndpointKind.EXECUTION, clock),
                CHAIN_ID,
            )
            for rpc in rpcs
        ],
        quorum=quorum,
        retry=retry,
        sleep=clock.sleep,
    )


def states(source: L1Endpoints) -> list[EndpointState]:
    return [status.state for status in source.status()]


@pytest.mark.parametrize("conduct", [each for each in Conduct if each is not Conduct.HONEST])
async def test_what_one_endpoint_does_not_give_comes_from_the_next(conduct: Conduct) -> None:
    source = sources(SimulatedEndpoint("a", MAIN, conduct), SimulatedEndpoint("b", MAIN))
    block = MAIN.blocks[8]
    assert await source.header_by_hash(block.hash) == block.header
    assert await source.block_by_hash(block.hash) == block
    assert await source.receipts(block.header) == MAIN.receipts[block.hash]
    assert await source.header_by_number(5) == MAIN.blocks[5].header
    assert await source.headers_by_number(range(3, 7)) == [each.header for each in MAIN.blocks[3:7]]
    if conduct is not Conduct.OTHER_BLOCKS:
        assert await source.header_by_number("latest") == MAIN.head


async def test_a_failure_names_the_block_every_endpoint_and_what_each_one_said() -> None:
    source = sources(SimulatedEndpoint("a", MAIN, Conduct.DOWN), SimulatedEndpoint("b", MAIN, Conduct.FALSE_RECEIPTS))
    with pytest.raises(L1EndpointsFailed) as caught:
        await source.receipts(MAIN.blocks[8].header)
    for part in (
        "block 8",
        "a could not be reached",
        "b served wrong data",
        "receipts root",
        "use another L1 endpoint",
    ):
        assert part in str(caught.value)
    status = {each.name: each for each in source.status()}
    assert status["b"].state is EndpointState.LYING and status["b"].lies == 1
    assert "replace it" in status["b"].remedy and "receipts root" in (status["b"].last_error or "")


async def test_a_lie_that_another_method_of_the_same_endpoint_makes_good_is_named_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class HalfTrue(SimulatedEndpoint):
        def true_answer(self, method: str, *params: Any) -> Any:
            if method == "debug_getRawReceipts":
                (block,) = [block for block in MAIN.blocks if to_hex(block.hash) == params[0]]
                return [to_hex(receipt.encode()) for receipt in MAIN.receipts[block.hash]]
            answer = super().true_answer(method, *params)
            return answer[:-1] if method == "eth_getBlockReceipts" else answer

    source = sources(HalfTrue("a", MAIN))
    block = MAIN.blocks[8]
    assert await source.receipts(block.header) == MAIN.receipts[block.hash]
    assert (
        "receipts come by debug_getRawReceipts and not by eth_getBlockReceipts any more: a served wrong" in caplog.text
    )
    assert states(source) == [EndpointState.LYING] and source.status()[0].lies == 1


async def test_a_minority_that_lies_about_the_head_is_outvoted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    source = sources(*(SimulatedEndpoint(name, chain) for name, chain in (("a", FORK), ("b", MAIN), ("c", MAIN))))
    assert await source.header_by_number("latest") == MAIN.head
    assert await source.header_by_number(15) == MAIN.blocks[15].header
    assert await source.headers_by_number(range(12, 16)) == [block.header for block in MAIN.blocks[12:16]]
    assert states(source)[0] is EndpointState.DISAGREES
    assert "L1 endpoint a (execution) is on another fork: a has block 19" in caplog.text


async def test_two_endpoints_that_contradict_each_other_are_both_held_back() -> None:
    source = sources(SimulatedEndpoint("a", MAIN), SimulatedEndpoint("b", FORK))
    questions: list[Callable[[], Awaitable[Any]]] = [
        lambda: source.header_by_number("latest"),
        lambda: source.header_by_number(15),
        lambda: source.headers_by_number(range(12, 16)),
    ]
    for question in questions:
        with pytest.raises(L1Disagreement, match=r"a has .*; b has .*Nothing is believed until they agree"):
            await question()
    assert await source.header_by_number(5) == MAIN.blocks[5].header, "below the fork they agree"


async def test_two_endpoints_on_forks_of_different_length_are_held_back_too() -> None:
    source = sources(SimulatedEndpoint("a", MAIN), SimulatedEndpoint("b", FORK, head=15))
    with pytest.raises(L1Disagreement, match="b has block 15"):
        await source.header_by_number("latest")


async def test_an_endpoint_that_is_behind_holds_nobody_up_and_contradicts_nobody() -> None:
    source = sources(SimulatedEndpoint("a", MAIN, head=2), SimulatedEndpoint("b", MAIN), SimulatedEndpoint("c", MAIN))
    assert await source.header_by_number("latest") == MAIN.head
    assert await source.header_by_number(15) == MAIN.blocks[15].header
    assert states(source) == [EndpointState.BEHIND, EndpointState.HEALTHY, EndpointState.HEALTHY]
    assert source.status()[0].lag == 17 and source.status()[0].head == 2
    two = sources(SimulatedEndpoint("a", MAIN, head=2), SimulatedEndpoint("b", MAIN))
    assert await two.header_by_number("latest") == MAIN.head


async def test_a_single_endpoint_cannot_pull_the_head_beyond_what_the_others_have() -> None:
    invented = MAIN.extended(500, salt=9)
    source = sources(SimulatedEndpoint("a", invented), SimulatedEndpoint("b", MAIN), SimulatedEndpoint("c", MAIN))
    assert await source.header_by_number("latest") == MAIN.head
    assert await source.header_by_number("finalized") == MAIN.blocks[-5].header


async def test_heads_that_differ_by_propagation_give_the_newest_that_a_quorum_has() -> None:
    source = sources(*(SimulatedEndpoint(name, MAIN, head=head) for name, head in (("a", 19), ("b", 18), ("c", 17))))
    assert await source.header_by_number("latest") == MAIN.blocks[18].header


async def test_the_head_does_not_go_back_when_an_endpoint_that_was_ahead_goes_silent() -> None:
    a, b, c = (SimulatedEndpoint(name, MAIN, head=head) for name, head in (("a", 19), ("b", 19), ("c", 18)))
    source = sources(a, b, c)
    assert await source.header_by_number("latest") == MAIN.head
    b.conduct = Conduct.DOWN
    assert await source.header_by_number("latest") == MAIN.head
    a.chain = c.chain = FORK
    assert await source.header_by_number("latest") == FORK.blocks[18].header, "but a reorg is followed"


@pytest.mark.parametrize("length", [12, 19, 20, 30])
async def test_a_reorg_is_followed_although_one_endpoint_stays_on_the_dropped_fork(length: int) -> None:
    endpoints = [SimulatedEndpoint(name, MAIN) for name in "abc"]
    source = sources(*endpoints)
    assert await source.header_by_number("latest") == MAIN.head
    other = MAIN.fork(10, length, salt=4)
    endpoints[1].chain = endpoints[2].chain = other
    assert await source.header_by_number("latest") == other.head
    assert states(source)[0] is (EndpointState.DISAGREES if length <= 20 else EndpointState.BEHIND)


async def test_fewer_endpoints_than_the_quorum_are_not_believed() -> None:
    source = sources(*(SimulatedEndpoint(name, MAIN, Conduct.DOWN) for name in "ab"), SimulatedEndpoint("c", MAIN))
    with pytest.raises(L1EndpointsFailed, match=r"2 must agree: add endpoints, or lower --l1\.quorum"):
        await source.header_by_number("latest")
    with pytest.raises(L1EndpointsFailed):
        await source.header_by_number(5)
    assert await source.block_by_hash(MAIN.blocks[5].hash) == MAIN.blocks[5], "what proves itself needs no quorum"
    alone = sources(
        *(SimulatedEndpoint(name, MAIN, Conduct.DOWN) for name in "ab"), SimulatedEndpoint("c", MAIN), quorum=1
    )
    assert await alone.header_by_number("latest") == MAIN.head


async def test_a_block_is_missing_only_when_a_quorum_says_so() -> None:
    unknown = Hash32(b"\x07" * 32)
    for conducts, missing in (("hhh", True), ("hhd", True), ("hdd", False)):
        source = sources(
            *(
                SimulatedEndpoint(str(index), MAIN, Conduct.HONEST if letter == "h" else Conduct.DOWN)
                for index, letter in enumerate(conducts)
            )
        )
        expected = L1BlockNotFound if missing else L1EndpointsFailed
        with pytest.raises(expected):
            await source.header_by_hash(unknown)
        with pytest.raises(expected):
            await source.header_by_number(99)
        if missing:
            assert await source.headers_by_number([18, 19, 20, 21]) == [
                *(b.header for b in MAIN.blocks[18:]),
                None,
                None,
            ]
            assert await source.headers_by_number([30, 31]) == [None, None]


async def test_blocks_without_finality_are_told_apart_from_silence() -> None:
    young = Chain.of(3)
    source = sources(*(SimulatedEndpoint(name, young) for name in "abc"))
    with pytest.raises(L1BlockNotFound):
        await source.header_by_number("finalized")


async def test_a_range_that_is_no_chain_is_refused_and_comes_from_the_next_endpoint() -> None:
    torn = Chain((*MAIN.blocks[:15], *FORK.blocks[15:]), MAIN.receipts | FORK.receipts)
    source = sources(SimulatedEndpoint("a", torn), SimulatedEndpoint("b", MAIN))
    assert await source.headers_by_number(range(12, 15)) == [block.header for block in MAIN.blocks[12:15]]
    with pytest.raises(TemporaryError, match="does not follow"):
        await sources(SimulatedEndpoint("a", torn)).headers_by_number(range(12, 18))


async def test_an_endpoint_of_another_chain_is_left_out_and_none_of_the_right_chain_is_critical() -> None:
    wrong = SimulatedEndpoint("a", Chain.of(20, salt=5), chain_id=1)
    source = sources(wrong, SimulatedEndpoint("b", MAIN))
    assert await source.header_by_number("latest") == MAIN.head
    assert states(source)[0] is EndpointState.WRONG_CHAIN
    with pytest.raises(CriticalError, match="a follows the chain 1, the rollup's L1 is 7"):
        await sources(wrong).header_by_number("latest")


async def test_an_endpoint_that_fails_is_asked_last_until_it_has_rested() -> None:
    clock = VirtualClock()
    down, up = SimulatedEndpoint("a", MAIN, Conduct.DOWN), SimulatedEndpoint("b", MAIN)
    source = sources(down, up, clock=clock)
    for block in MAIN.blocks[:8]:
        await source.block_by_hash(block.hash)
    asked = len(down.asked)
    assert asked == 2, "twice in a row is enough to let it rest"
    clock.now += 1000
    down.conduct = Conduct.HONEST
    assert await source.block_by_hash(MAIN.blocks[9].hash) == MAIN.blocks[9]
    assert len(down.asked) > asked and states(source)[0] is EndpointState.HEALTHY


async def test_an_endpoint_that_limits_requests_rests_as_long_as_it_asks_for() -> None:
    clock = VirtualClock()
    busy, other = SimulatedEndpoint("a", MAIN, Conduct.BUSY), SimulatedEndpoint("b", MAIN)
    source = sources(busy, other, clock=clock)
    await source.block_by_hash(MAIN.blocks[1].hash)
    assert states(source)[0] is EndpointState.LIMITED and source.status()[0].limited == 1
    asked = len(busy.asked)
    clock.now += 1.9
    await source.block_by_hash(MAIN.blocks[2].hash)
    assert len(busy.asked) == asked
    clock.now += 0.2
    await source.block_by_hash(MAIN.blocks[3].hash)
    assert len(busy.asked) == asked + 1


async def test_rounds_without_an_answer_are_repeated_as_the_policy_says_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = VirtualClock()
    endpoint = SimulatedEndpoint("a", MAIN, Conduct.DOWN)
    clock.at(1.0, lambda: setattr(endpoint, "conduct", Conduct.HONEST))
    source = sources(endpoint, retry=RetryPolicy(attempts=5, jitter=0), clock=clock)
    assert await source.header_by_number("latest") == MAIN.head
    assert "reading the latest L1 block failed (attempt 1 of 5)" in caplog.text


class Silent:
    """An endpoint that answers nothing until it is told to, and then what `inner` says, or that it is too late."""

    endpoint = "silent"

    def __init__(self, inner: SimulatedEndpoint | None = None) -> None:
        self.answering = asyncio.Event()
        self.asked = 0
        self.inner = inner

    async def call(self, method: str, params: Any = ()) -> Any:
        self.asked += 1
        await self.answering.wait()
        if self.inner is not None:
            return await self.inner.call(method, params)
        raise TemporaryError("silent did not answer in time")

    async def batch(self, calls: Any) -> Any:
        return await self.call("batch")


async def test_a_majority_does_not_wait_for_a_silent_endpoint_and_does_not_pile_up_questions() -> None:
    silent = Silent()
    source = sources(silent, SimulatedEndpoint("b", MAIN), SimulatedEndpoint("c", MAIN))
    for _ in range(5):
        assert await source.header_by_number("latest") == MAIN.head
    assert silent.asked == 1
    silent.answering.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert source.status()[0].failures == 1
    await source.close()


async def test_a_late_answer_that_differs_is_still_named() -> None:
    late = Silent(SimulatedEndpoint("silent", FORK))
    source = sources(late, SimulatedEndpoint("b", MAIN), SimulatedEndpoint("c", MAIN))
    assert await source.header_by_number("latest") == MAIN.head
    late.answering.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert states(source)[0] is EndpointState.DISAGREES
    await source.close()


async def test_of_two_endpoints_one_that_was_silent_before_is_not_waited_for() -> None:
    silent = Silent()
    source = sources(silent, SimulatedEndpoint("b", MAIN))
    look = asyncio.ensure_future(source.header_by_number("latest"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not look.done(), "it may have another view"
    silent.answering.set()
    assert await look == MAIN.head
    silent.answering.clear()
    assert await source.header_by_number("latest") == MAIN.head
    await source.close()


async def test_a_question_given_up_counts_against_the_endpoint_that_was_silent() -> None:
    silent = Silent()
    source = sources(silent, SimulatedEndpoint("b", MAIN))
    look = asyncio.ensure_future(source.header_by_number("latest"))
    for _ in range(20):
        await asyncio.sleep(0)
    look.cancel()
    await asyncio.gather(look, return_exceptions=True)
    assert source.status()[0].failures == 1
    assert await source.header_by_number("latest") == MAIN.head, "it is not waited for again"
    await source.close()


async def test_an_unexpected_error_of_a_straggler_is_logged_and_raised(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Silent):
        async def call(self, method: str, params: Any = ()) -> Any:
            await self.answering.wait()
            raise ZeroDivisionError("a bug")

    broken = Broken()
    source = sources(broken, SimulatedEndpoint("b", MAIN), SimulatedEndpoint("c", MAIN))
    await source.header_by_number("latest")
    broken.answering.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert "asking silent failed unexpectedly" in caplog.text
    with pytest.raises(ZeroDivisionError):
        await source.header_by_number("latest")


async def test_blocks_and_receipts_of_a_range_are_preloaded_in_two_requests() -> None:
    endpoint = SimulatedEndpoint("a", MAIN)
    source = sources(endpoint)
    headers = [block.header for block in MAIN.blocks[4:12]]
    await source.preload(headers)
    assert endpoint.batches == [8, 8]
    asked = len(endpoint.asked)
    for header in headers:
        assert (await source.block_by_hash(header.hash)).header == header
        assert await source.receipts(header) == MAIN.receipts[header.hash]
    assert len(endpoint.asked) == asked


async def test_over_http_a_lying_a_limited_and_a_closed_endpoint_leave_the_truth_of_the_fourth(serve: Serve) -> None:
    served = [
        await serve(SimulatedEndpoint(name, MAIN, conduct).over_http)
        for name, conduct in (("liar", Conduct.FALSE_HEADERS), ("busy", Conduct.BUSY), ("honest", Conduct.HONEST))
    ]
    urls = ["http://127.0.0.1:1", *(each.url for each in served)]
    clients = [JsonRpcClient(url, timeout=5) for url in urls]
    source = sources(*clients, quorum=1)
    try:
        headers: list[Header | None] = await source.headers_by_number(range(3, 9))
        assert headers == [block.header for block in MAIN.blocks[3:9]]
        assert await source.receipts(MAIN.blocks[5].header) == MAIN.receipts[MAIN.blocks[5].hash]
        assert await source.header_by_number("latest") == MAIN.head
        found = [status.state for status in source.status()]
        assert found[1:] == [EndpointState.LYING, EndpointState.LIMITED, EndpointState.HEALTHY]
        assert source.status()[0].failures > 0
    finally:
        for client in clients:
            await client.close()


def test_endpoints_that_make_no_sense_together_are_refused() -> None:
    one = SimulatedEndpoint("a", MAIN)
    with pytest.raises(ValueError, match="no L1 endpoint"):
        sources()
    with pytest.raises(ValueError, match="given twice"):
        sources(one, SimulatedEndpoint("a", MAIN))
    with pytest.raises(ValueError, match="quorum of 2 cannot be had from 1"):
        sources(one, quorum=2)
