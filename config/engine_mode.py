"""The ways in which a node can use its engines."""

from enum import StrEnum


class EngineMode(StrEnum):
    """`BOTH`: py-evm leads and the native engine must agree. `PYEVM`, `NATIVE`: the one leads alone."""

    BOTH = "both"
    PYEVM = "pyevm"
    NATIVE = "native"
