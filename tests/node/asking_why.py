"""Asks `lamina_whyHead` as a caller does, and checks what it names."""

from dataclasses import dataclass
from typing import Any

from node.rollup.stall import REMEDIES, Cause
from node.rollup.why import HeadDoctor
from node.rollup.why_rpc import Lamina
from node.rpc import Dispatcher


@dataclass
class Asked:
    """What `lamina_whyHead` says of a head."""

    answer: dict[str, Any]

    @property
    def state(self) -> str:
        return str(self.answer["state"])

    @property
    def text(self) -> str:
        return str(self.answer["explanation"])

    def names(self, cause: Cause, stage: str, at: tuple[str, int] | None) -> bool:
        """Whether it names this cause, stage and block, and the remedy for the cause."""
        place = self.answer["at"]
        assert self.answer["cause"] == cause.value, self.answer
        assert self.answer["stage"] == stage, self.answer
        assert (None if place is None else (place["layer"], place["number"])) == at, self.answer
        assert self.answer["remedy"] == REMEDIES[cause]
        return True


async def why(doctor: HeadDoctor, head: str) -> Asked:
    return Asked(await Dispatcher([Lamina(doctor)]).call("lamina_whyHead", [head]))


async def all_of(doctor: HeadDoctor) -> dict[str, Any]:
    answer: dict[str, Any] = await Dispatcher([Lamina(doctor)]).call("lamina_whyHead", [])
    return answer


async def is_cured(doctor: HeadDoctor) -> bool:
    """Whether nothing is wrong with any head, and nothing said to be."""
    answer = await all_of(doctor)
    assert [head["cause"] for head in answer["heads"]] == [None, None, None], answer
    return bool(answer["healthy"])
