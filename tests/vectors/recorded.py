"""What recorded answers of other nodes do not have yet."""

from typing import Any


def as_recorded(value: Any) -> Any:
    """An answer without the timestamps of blocks in transactions and logs, which are younger than the recordings."""
    if isinstance(value, dict):
        return {name: as_recorded(item) for name, item in value.items() if name != "blockTimestamp"}
    return [as_recorded(item) for item in value] if isinstance(value, list) else value
