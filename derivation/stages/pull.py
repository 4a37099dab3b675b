"""What a stage answers when it has no item to give."""

from enum import Enum


class Pull(Enum):
    """Why there is no item."""

    AGAIN = "something was used up or dropped: pull again"
    DRY = "all data of the current L1 block is used up: move on to the next one"
