"""The three severities that every loop of the node tells apart."""


class TemporaryError(Exception):
    """Something outside is not there right now: retry with back-off. The message says what was asked of whom."""


class ResetError(Exception):
    """What was built on no longer holds (an L1 reorg, say): go back to a safe point and start from there."""


class CriticalError(Exception):
    """Going on would be wrong: stop, and tell the operator what to do."""


class StateUnavailable(CriticalError):
    """A state that is asked for, or a part of it, is not kept here (any more)."""
