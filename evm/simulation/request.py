"""What is asked of a simulation, and what comes out of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evm.engine.call import DEFAULT_GAS_CAP, CallMessage
from evm.engine.overrides import BlockOverrides, StateOverride
from evm.tracing.room import Room
from evm.types import Address, Block, Log

MAX_BLOCKS = 256
MAX_CALLS_PER_BLOCK = 5_000
MAX_CALLS = 10_000

ETHEREUM_SLOT = 12


@dataclass(frozen=True)
class RequestedBlock:
    """A block to be simulated: its facts, what accounts are changed before it, the calls in it."""

    facts: BlockOverrides = field(default_factory=BlockOverrides)
    accounts: dict[Address, StateOverride] = field(default_factory=dict)
    calls: Sequence[CallMessage] = ()


@dataclass(frozen=True)
class SimulationRequest:
    """Blocks to simulate on a block of the chain.

    `trace_transfers`: report transfers of ether as if they were ERC-20 logs (ERC-7528). `validation`: check nonces and
    fees as for transactions, and let the base fee follow from block to block. `block_time`: seconds between blocks
    that name no time. `gas_cap` bounds the gas of all calls together, `room` the memory of their answers; `budget` is
    called now and then and stops everything by raising.
    """

    blocks: Sequence[RequestedBlock]
    trace_transfers: bool = False
    validation: bool = False
    block_time: int = ETHEREUM_SLOT
    gas_cap: int = DEFAULT_GAS_CAP
    room: Room = field(default_factory=Room)
    budget: Callable[[], None] | None = None


@dataclass(frozen=True)
class CallOutcome:
    """What a call came to. `error` is empty on success; `output` is what it returned or reverted with.

    `most_gas` is the gas used before refunds. `first_log` counts over the block; the logs of failed calls took numbers,
    too. `capped`: it asked for more gas than the cap left.
    """

    output: bytes
    logs: Sequence[tuple[int, Log]]
    gas_used: int
    most_gas: int
    error: str = ""
    reverted: bool = False
    capped: bool = False


@dataclass(frozen=True)
class SimulatedBlock:
    """A block with what its calls, each a transaction of it, came to."""

    block: Block
    calls: Sequence[CallOutcome]
