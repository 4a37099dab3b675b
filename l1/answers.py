"""What is wrong with an endpoint's answer, as errors that name the endpoint and the block."""

from typing import Self

from config.errors import TemporaryError

MALFORMED = (KeyError, ValueError, TypeError, AttributeError)
"""What the JSON codec raises for answers that are not of the shape they should have."""


class L1DataMismatch(TemporaryError):
    """An endpoint served data that contradicts the hash it was asked for. The data is dropped, never used."""

    @classmethod
    def of(cls, endpoint: str, name: str, what: str) -> Self:
        """`name` is what was asked for, `what` is wrong about the answer."""
        return cls(
            f"{endpoint} served wrong data for {name}: {what}. The answer was dropped; "
            "if this persists, use another L1 endpoint"
        )


class L1BlockNotFound(TemporaryError):
    """The endpoint has no such block: not mined yet, reorged away, or pruned."""

    @classmethod
    def at(cls, endpoint: str, name: str) -> Self:
        """`name` is what was asked for."""
        return cls(f"{endpoint} has no {name}: not there yet, reorged away, or pruned")


def reason(error: Exception) -> str:
    """The cause of a malformed answer in words."""
    return f"field {error} is missing" if isinstance(error, KeyError) else str(error)
