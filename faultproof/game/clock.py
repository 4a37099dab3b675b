"""Chess clocks of claims."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`duration`: seconds that the claim's side had used when it was made; `timestamp`: when it was made."""

    duration: int
    timestamp: int

    @staticmethod
    def decode(packed: int) -> "Clock":
        """From the contract's form: duration in the upper 64 bits of 128, timestamp in the lower."""
        return Clock(packed >> 64, packed & ((1 << 64) - 1))


@dataclass(frozen=True, slots=True)
class GameTimes:
    """The clock rules of a game type, in seconds. `challenge_period` is the preimage oracle's for large preimages.

    Spec: op fault-dispute-game, "Game Clock".
    """

    max_clock: int
    extension: int
    challenge_period: int = 0

    def extension_at(self, depth: int, split_depth: int, max_depth: int) -> int:
        """What whoever answers a claim at this depth is sure to have left: more before a trace or a step must be made."""
        if depth == max_depth - 1:
            return self.extension + self.challenge_period
        if depth == split_depth - 1:
            return 2 * self.extension
        return self.extension
