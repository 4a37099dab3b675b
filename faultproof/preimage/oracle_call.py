"""A transaction to the contract `PreimageOracle`, or to a game that writes there."""

from dataclasses import dataclass

from config.types import Wei

LENGTH_PREFIX = 8
"""Bytes of the length that precedes every preimage, and that offsets count."""
PART_SIZE = 32
"""Bytes that a step reads at most."""
NO_VALUE = Wei(0)


@dataclass(frozen=True)
class OracleCall:
    """Function and arguments; wei that are sent along; the gas it needs where nothing smaller does.

    `to_game`: the game's function, not the oracle's.
    """

    function: str
    arguments: tuple[object, ...]
    value: Wei = NO_VALUE
    gas_limit: int | None = None
    to_game: bool = False
