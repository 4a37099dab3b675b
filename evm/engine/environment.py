"""The facts of the block that code running in it can see."""

from collections.abc import Callable
from dataclasses import dataclass

from evm.types import Address, Hash32


def no_block_hashes(number: int) -> Hash32 | None:
    """A BLOCKHASH source that knows no ancestor."""
    return None


@dataclass(frozen=True)
class BlockEnvironment:
    """What opcodes such as NUMBER, BASEFEE or BLOCKHASH read; nothing else of the block reaches the EVM.

    Fees are in wei per gas, `timestamp` in seconds. `block_hash` answers for block numbers within the last 256.
    Spec: yellow paper, 9.3, "Execution Environment".
    """

    chain_id: int
    number: int
    timestamp: int
    coinbase: Address
    gas_limit: int
    base_fee: int
    prev_randao: Hash32
    blob_base_fee: int = 1
    difficulty: int = 0
    block_hash: Callable[[int], Hash32 | None] = no_block_hashes
