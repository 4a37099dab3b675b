"""Memory of running code: what it costs to make it longer."""

from typing import Any

from eth.exceptions import OutOfGas


def expand(memory: Any, end: int, gas: int) -> int:
    """Make the memory reach `end` bytes and charge for it; the gas left comes back. Spec: yellow paper, (326)."""
    before = len(memory._bytes) // 32
    after = (end + 31) // 32
    gas -= 3 * (after - before) + after * after // 512 - before * before // 512
    if gas < 0:
        raise OutOfGas("memory")
    memory.extend(0, end)
    return gas
