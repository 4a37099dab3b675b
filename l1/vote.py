"""What a quorum of L1 endpoints calls canonical: by block number, and behind a tag."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias

from config.errors import TemporaryError
from evm.types import Header
from l1.consensus import common_height, count, is_settled
from l1.endpoint import Absent, L1Disagreement, L1Endpoint, failed
from l1.source import BlockTag, L1Client

_log = logging.getLogger("lamina.l1")

Answers: TypeAlias = dict[L1Endpoint, Header | TemporaryError]
"""What each endpoint that was asked said."""


class CanonicalVote:
    """Asks endpoints which block is canonical and settles it by majority. One round; it does not try again."""

    def __init__(self, endpoints: Sequence[L1Endpoint], quorum: int) -> None:
        self._endpoints = endpoints
        self._quorum = quorum
        self._tagged: dict[BlockTag, Header] = {}
        self._stragglers: set[asyncio.Task[Header | TemporaryError]] = set()
        self._crash: BaseException | None = None

    async def close(self) -> None:
        """End what is still being asked."""
        tasks = tuple(self._stragglers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def by_number(self, number: int, known: tuple[L1Endpoint, Header] | None = None) -> Header | Absent[Header]:
        """The header of a number. `known` is a vote that was cast already.

        Raises L1Disagreement, L1EndpointsFailed, CriticalError.
        """
        answers: Answers = {} if known is None else {known[0]: known[1]}
        await self._survey(answers, lambda client: client.header_by_number(number))
        return self._decide(f"the header of L1 block {number}", answers)

    async def by_tag(self, tag: BlockTag) -> Header | Absent[Header]:
        """The newest block that a quorum has behind a tag, or before the block that it has there.

        Raises L1Disagreement, L1EndpointsFailed, CriticalError.
        """
        answers: Answers = {}
        await self._survey(answers, lambda client: client.header_by_number(tag))
        heads = _headers(answers)
        height = common_height([header.number for header in heads.values()], self._quorum)
        name = f"the {tag} L1 block"
        if height is None:
            return Absent(failed(f"reading {name}", _errors(answers), self._endpoints, self._quorum))
        await asyncio.gather(*(self._bring_to(height, endpoint, heads, answers) for endpoint in heads))
        agreed = self._decide(name, answers)
        if isinstance(agreed, Absent):
            return agreed
        await self._check_those_behind(name, agreed, heads, answers)
        if tag == "latest":
            for endpoint, header in heads.items():
                endpoint.health.at_head(header.number, height - header.number)
        self._tagged[tag] = self._not_gone_back(self._tagged.get(tag, agreed), agreed, heads, answers)
        return self._tagged[tag]

    @staticmethod
    def _not_gone_back(known: Header, agreed: Header, heads: dict[L1Endpoint, Header], answers: Answers) -> Header:
        """`known`, which a quorum had agreed on, where it is only that an endpoint which had it has gone silent: while
        another one has it, or builds on it, and it follows upon what is agreed on now."""
        if known.number <= agreed.number:
            return agreed
        followers = (head for endpoint, head in heads.items() if answers.get(endpoint) == agreed)
        return known if any(known.hash in (head.hash, head.parent_hash) for head in followers) else agreed

    def _decide(self, name: str, answers: Answers) -> Header | Absent[Header]:
        headers = _headers(answers)
        verdict = count({endpoint.name: header.hash for endpoint, header in headers.items()}, self._quorum)
        if verdict.is_split:
            views = [f"{endpoint.name} has {header}" for endpoint, header in headers.items()]
            raise self._disagreement(name, [*views, *map(str, _errors(answers))])
        if verdict.agreed is None:
            return Absent(failed(f"reading {name}", _errors(answers), self._endpoints, self._quorum))
        agreed = next(header for header in headers.values() if header.hash == verdict.agreed)
        for endpoint, header in headers.items():
            if endpoint.name in verdict.outvoted:
                endpoint.health.disagreed(f"{endpoint.name} has {header} where the others have {agreed}")
        return agreed

    async def _bring_to(
        self, height: int, endpoint: L1Endpoint, heads: dict[L1Endpoint, Header], answers: Answers
    ) -> None:
        """Make an endpoint's answer its block of that height; one that has not come so far does not vote."""
        head = heads[endpoint]
        if head.number < height:
            del answers[endpoint]
        elif head.number > height:
            parent = next((other for other in heads.values() if other.hash == head.parent_hash), None)
            answers[endpoint] = parent or await endpoint.answer(lambda client: client.header_by_number(height))

    async def _check_those_behind(
        self, name: str, agreed: Header, heads: dict[L1Endpoint, Header], answers: Answers
    ) -> None:
        """Raises L1Disagreement when endpoints that are behind are on other forks and could outvote `agreed`."""
        supporters = [endpoint for endpoint, answer in _headers(answers).items() if answer.hash == agreed.hash]
        behind = {endpoint: head for endpoint, head in heads.items() if head.number < agreed.number}
        if 2 * len(supporters) > len(self._endpoints) or len(behind) < len(supporters):
            return
        contradictions = []
        for endpoint, head in behind.items():
            if head.hash == agreed.parent_hash:
                continue
            there = await supporters[0].answer(partial(_header_of, head.number))
            if not isinstance(there, Header) or there.hash != head.hash:
                contradictions.append(f"{endpoint.name} has {head}, {supporters[0].name} has {there}")
        if len(contradictions) >= len(supporters):
            raise self._disagreement(name, contradictions)

    def _disagreement(self, name: str, views: Sequence[str]) -> L1Disagreement:
        return L1Disagreement(
            f"L1 endpoints disagree about {name} without a majority: {'; '.join(views)}. Nothing is believed until they agree: "
            "find the one that is wrong, or add another"
        )

    async def _survey(self, answers: Answers, question: Callable[[L1Client], Awaitable[Header]]) -> None:
        """Ask all endpoints that are worth waiting for, until the rest cannot change the outcome.

        Endpoints that rest, or that have not answered earlier questions yet, are asked only where a quorum needs them.
        """
        if self._crash is not None:
            raise self._crash
        asked = [endpoint for endpoint in self._endpoints if endpoint not in answers]
        available = [endpoint for endpoint in asked if endpoint.is_available]
        if len(available) + len(_headers(answers)) >= self._quorum:
            asked = available
        tasks = {asyncio.create_task(endpoint.answer(question)): endpoint for endpoint in asked}
        pending = set(tasks)
        try:
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                answers.update((endpoint, task.result()) for task, endpoint in tasks.items() if task in done)
                votes = {endpoint.name: header.hash for endpoint, header in _headers(answers).items()}
                if is_settled(votes, self._quorum, len(self._endpoints)):
                    break
                # Who did not answer the last time is not waited for again where a quorum agrees without it.
                if count(votes, self._quorum).agreed and all(tasks[task].health.is_failing for task in pending):
                    break
        except BaseException:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            raise
        known = list(_headers(answers).values())
        for task in pending:
            self._leave(tasks[task], task, known)

    def _leave(
        self, endpoint: L1Endpoint, task: "asyncio.Task[Header | TemporaryError]", known: Sequence[Header]
    ) -> None:
        """Let a question run on that nobody waits for: its outcome still counts for the endpoint's health.

        `known` is what the others have said.
        """

        def ended(ended_task: "asyncio.Task[Header | TemporaryError]") -> None:
            endpoint.stragglers.discard(ended_task)
            self._stragglers.discard(ended_task)
            if ended_task.cancelled():
                return
            error = ended_task.exception()
            if error is not None:
                _log.error("asking %s failed unexpectedly", endpoint.name, exc_info=error)
                self._crash = error
                return
            answer = ended_task.result()
            others = [header for header in known if isinstance(answer, Header) and header.number == answer.number]
            if others and answer not in others:
                endpoint.health.disagreed(f"{endpoint.name} has {answer} where the others have {others[0]}")

        endpoint.stragglers.add(task)
        self._stragglers.add(task)
        task.add_done_callback(ended)


async def _header_of(number: int, client: L1Client) -> Header:
    return await client.header_by_number(number)


def _headers(answers: Answers) -> dict[L1Endpoint, Header]:
    return {endpoint: answer for endpoint, answer in answers.items() if isinstance(answer, Header)}


def _errors(answers: Answers) -> list[TemporaryError]:
    return [answer for answer in answers.values() if isinstance(answer, TemporaryError)]
