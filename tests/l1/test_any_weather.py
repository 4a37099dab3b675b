"""Properties: whatever mix of endpoints misbehaves, what is told of L1 is true or a temporary error.

Data by hash needs one honest endpoint to be had, and none to be right. Which block is canonical is right as long as
fewer endpoints lie than the quorum has.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import TemporaryError
from l1.consensus import count, default_quorum
from l1.endpoints import L1Endpoints
from l1.source import BlockTag, L1BlockNotFound
from tests.l1.simulated import Chain, Conduct, SimulatedEndpoint
from tests.l1.test_endpoints import sources

EXAMPLES = int(os.environ.get("LAMINA_L1_WEATHER", "60"))
MAIN = Chain.of(16)
FORKS = (MAIN.fork(6, 16, salt=1), MAIN.fork(12, 30, salt=2), Chain.of(16, salt=3))
FAULTS = [each for each in Conduct if each is not Conduct.HONEST]


@st.composite
def changing_conduct(draw: st.DrawFn) -> Callable[[], Conduct]:
    """A conduct that may be another one at each call."""
    script: list[Conduct] = draw(st.lists(st.sampled_from(Conduct), min_size=1, max_size=12))
    turn = [0]

    def next_conduct() -> Conduct:
        turn[0] += 1
        return script[turn[0] % len(script)]

    return next_conduct


@st.composite
def faulty(draw: st.DrawFn, name: str) -> SimulatedEndpoint:
    """An endpoint that fails, lies, follows another fork, or is behind, all the time or now and then."""
    chain = draw(st.sampled_from((MAIN, *FORKS)))
    conduct: Any = draw(st.sampled_from(FAULTS) | changing_conduct() | st.just(Conduct.HONEST))
    head = draw(st.none() | st.integers(0, len(chain.blocks) - 1))
    return SimulatedEndpoint(name, chain, conduct, head=head)


@st.composite
def weather(draw: st.DrawFn, *, majority: bool) -> tuple[list[SimulatedEndpoint], int]:
    """Endpoints in any order, and how many are honest: a quorum of them with `majority`, else at least one."""
    total = draw(st.integers(1, 5))
    quorum = default_quorum(total) if total > 2 else total
    honest = draw(st.integers(quorum if majority else 1, total))
    endpoints = [SimulatedEndpoint(f"honest {index}", MAIN) for index in range(honest)]
    endpoints += [draw(faulty(f"faulty {index}")) for index in range(total - honest)]
    return draw(st.permutations(endpoints)), honest


async def or_error(question: Awaitable[Any]) -> Any:
    """The answer, or the temporary error. Anything else that is raised fails the test."""
    try:
        return await question
    except TemporaryError as error:
        return error


@settings(max_examples=EXAMPLES, deadline=None)
@given(weather(majority=False), st.lists(st.integers(0, 15), min_size=1, max_size=8))
def test_data_by_hash_is_had_from_the_only_honest_endpoint_and_never_wrong(
    mix: tuple[list[SimulatedEndpoint], int], numbers: list[int]
) -> None:
    async def read() -> None:
        source = sources(*mix[0])
        for number in numbers:
            block = MAIN.blocks[number]
            assert await source.header_by_hash(block.hash) == block.header
            assert await source.block_by_hash(block.hash) == block
            assert await source.receipts(block.header) == MAIN.receipts[block.hash]
        await source.close()

    asyncio.run(read())


Question = tuple[str, int]
QUESTIONS = st.lists(
    st.tuples(st.sampled_from(["number", "range", "latest", "finalized", "block"]), st.integers(0, 18)),
    min_size=1,
    max_size=10,
)


async def ask(source: L1Endpoints, question: Question) -> None:
    """Ask, and check that the answer is true."""
    kind, number = question
    if kind == "range":
        wanted = range(number, number + 5)
        answer = await or_error(source.headers_by_number(wanted))
        truth = [MAIN.blocks[each].header if each < 16 else None for each in wanted]
        # All endpoints that answer may be behind: then the end of the range is missing.
        if not isinstance(answer, TemporaryError):
            known = [header for header in answer if header is not None]
            assert known == truth[: len(known)] and answer[len(known) :] == [None] * (5 - len(known))
        return
    if kind in ("latest", "finalized"):
        tag: BlockTag = "latest" if kind == "latest" else "finalized"
        answer = await or_error(source.header_by_number(tag))
        highest = 15 if kind == "latest" else 11
        assert isinstance(answer, TemporaryError) or answer in [block.header for block in MAIN.blocks[: highest + 1]]
        return
    by_number = source.block_by_number if kind == "block" else source.header_by_number
    answer = await or_error(by_number(number))
    if isinstance(answer, L1BlockNotFound):
        return  # a quorum may be behind, or claim to be
    truth_there = MAIN.blocks[number] if number < 16 else None
    assert isinstance(answer, TemporaryError) or (
        truth_there is not None and answer == (truth_there if kind == "block" else truth_there.header)
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(weather(majority=True), QUESTIONS)
def test_with_a_quorum_of_honest_endpoints_what_is_called_canonical_is_true(
    mix: tuple[list[SimulatedEndpoint], int], questions: list[Question]
) -> None:
    async def read() -> None:
        source = sources(*mix[0], quorum=default_quorum(len(mix[0])) if len(mix[0]) > 2 else len(mix[0]))
        for question in questions:
            await ask(source, question)
        await source.close()

    asyncio.run(read())


@settings(max_examples=EXAMPLES, deadline=None)
@given(weather(majority=True))
def test_with_a_quorum_of_honest_endpoints_the_truth_is_had_at_once_whatever_the_others_do(
    mix: tuple[list[SimulatedEndpoint], int],
) -> None:
    async def read() -> None:
        source = sources(*mix[0], quorum=default_quorum(len(mix[0])) if len(mix[0]) > 2 else len(mix[0]))
        assert await source.header_by_number(9) == MAIN.blocks[9].header
        assert await source.block_by_number(10) == MAIN.blocks[10]
        assert await source.headers_by_number(range(3, 8)) == [block.header for block in MAIN.blocks[3:8]]
        await source.close()

    asyncio.run(read())


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    weather(majority=True),
    st.lists(st.sampled_from(["latest", "safe", "finalized"]), min_size=1, max_size=4),
    st.data(),
)
def test_after_a_reorg_of_the_honest_endpoints_no_head_is_of_the_dropped_fork(
    mix: tuple[list[SimulatedEndpoint], int], tags: list[BlockTag], data: st.DataObject
) -> None:
    async def read() -> None:
        source = sources(*mix[0], quorum=default_quorum(len(mix[0])) if len(mix[0]) > 2 else len(mix[0]))
        for tag in tags:
            await or_error(source.header_by_number(tag))
        other = MAIN.fork(data.draw(st.integers(1, 14)), data.draw(st.integers(15, 20)), salt=8)
        for endpoint in mix[0]:
            if endpoint.name.startswith("honest"):
                endpoint.chain = other
        canonical = [block.header for block in other.blocks]
        for tag in tags:
            answer = await or_error(source.header_by_number(tag))
            assert isinstance(answer, TemporaryError) or answer in canonical
        await source.close()

    asyncio.run(read())


@given(
    st.dictionaries(st.text(max_size=3), st.sampled_from([MAIN.blocks[1].hash, MAIN.blocks[2].hash])), st.integers(1, 4)
)
def test_a_verdict_has_a_quorum_and_a_majority_behind_it(votes: dict[str, Any], quorum: int) -> None:
    verdict = count(votes, quorum)
    if verdict.agreed is not None:
        support = [name for name, vote in votes.items() if vote == verdict.agreed]
        assert len(support) >= quorum and 2 * len(support) > len(votes)
        assert set(verdict.outvoted) == set(votes) - set(support) and not verdict.is_split
    else:
        assert not verdict.outvoted and verdict.is_split == (len(set(votes.values())) > 1)
