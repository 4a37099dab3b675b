"""The native EVM, for tests: code on a small state, and Ethereum's state tests. Nothing of a node runs through here.

Inputs and answers are RLP; `core/src/native/evm.zig` and `core/src/native/state_test.zig` describe them.
"""

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from config.forks import EthFork, Fork
from config.genesis.account import Alloc
from config.types import ZERO_ADDRESS, ZERO_HASH, Address, Hash32
from evm.native.library import load_library
from evm.native.steps import Step, read_step
from evm.types.rlp import Rlp, RlpInput, as_bytes, as_int, as_list, decode, encode, int_to_rlp

_ANSWER_BYTES = 1 << 20
_ERRORS = {
    -1: "the native library does not understand the encoded input",
    -3: "the native library could not read the state, or has no memory left",
}

STATUSES = (
    "running", "waiting", "stopped", "returned", "reverted", "out of gas", "stack underflow", "stack overflow",
    "invalid jump", "invalid opcode", "write protection", "return data out of bounds", "address collision",
    "code too large", "invalid code prefix", "precompile failed", "depth limit", "insufficient balance", "nonce limit",
    "fault",
)  # fmt: skip
"""How a call ends; in the order of `Status` in `core/src/evm/frame.zig`."""


@dataclass(frozen=True)
class BlockFacts:
    """What a block's header tells the EVM. Fees in wei per gas, `timestamp` in seconds."""

    number: int = 1
    timestamp: int = 1
    coinbase: Address = ZERO_ADDRESS
    gas_limit: int = 30_000_000
    base_fee: int = 0
    prev_randao: Hash32 = ZERO_HASH
    difficulty: int = 0
    blob_base_fee: int = 1

    def to_rlp(self) -> list[RlpInput]:
        """The fields in the order of the doors."""
        return [
            int_to_rlp(self.number), int_to_rlp(self.timestamp), self.coinbase, int_to_rlp(self.gas_limit),
            int_to_rlp(self.base_fee), self.prev_randao, int_to_rlp(self.difficulty), int_to_rlp(self.blob_base_fee),
        ]  # fmt: skip


@dataclass(frozen=True)
class CallToRun:
    """A call at depth 0 to the account `target` of `pre`. `gas_price` in wei per gas, `value` in wei."""

    fork: EthFork
    target: Address
    pre: Alloc
    gas: int
    input: bytes = b""
    value: int = 0
    caller: Address = ZERO_ADDRESS
    origin: Address = ZERO_ADDRESS
    gas_price: int = 0
    chain_id: int = 1
    op_fork: Fork | None = None
    is_static: bool = False
    is_traced: bool = False
    blob_hashes: Sequence[Hash32] = ()
    block: BlockFacts = BlockFacts()


@dataclass(frozen=True)
class CallResult:
    """How the call ended. `refund` is the counter, before any cap; `storage` has the slots whose value changed.

    `steps` is empty unless the call was traced.
    """

    status: str
    gas_left: int
    refund: int
    output: bytes
    logs: tuple[tuple[Address, tuple[Hash32, ...], bytes], ...]
    storage: Mapping[tuple[Address, int], int]
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class StateTestResult:
    """What came of the transaction of a state test.

    `refusal` is 0 for an executed one, `UNDECODABLE` for bytes that are none, otherwise the position (from 1) of the reason
    in `evm.validity.InvalidReason`.
    """

    refusal: int
    state_root: Hash32
    logs_hash: Hash32
    gas_used: int


UNDECODABLE = 0xFF


@cache
def _function(name: str) -> "ctypes._NamedFuncPointer":
    function: ctypes._NamedFuncPointer = getattr(load_library(), name)
    function.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    function.restype = ctypes.c_ssize_t
    return function


def _ask(name: str, question: RlpInput) -> list[Rlp]:
    encoded = encode(question)
    answer = ctypes.create_string_buffer(_ANSWER_BYTES)
    length = _function(name)(encoded, len(encoded), answer, len(answer))
    if length < 0:
        raise ValueError(_ERRORS.get(length, f"the answer of the native library is longer than {_ANSWER_BYTES} bytes"))
    return as_list(decode(answer.raw[:length]), "the answer of the native library")


def _rules(fork: EthFork, op_fork: Fork | None, chain_id: int) -> list[RlpInput]:
    return [int_to_rlp(fork), int_to_rlp(0 if op_fork is None else op_fork + 1), int_to_rlp(chain_id)]


def _accounts(alloc: Alloc) -> list[RlpInput]:
    return [
        [
            address,
            int_to_rlp(account.nonce),
            int_to_rlp(account.balance),
            account.code,
            [
                [slot.lstrip(b"\0"), value.lstrip(b"\0")]
                for slot, value in account.storage.items()
            ],
        ]
        for address, account in alloc.items()
    ]  # fmt: skip


def run_call(call: CallToRun) -> CallResult:
    """Run a call. Raises NativeLibraryMissing."""
    status, gas_left, refund, output, logs, storage, *trace = _ask(
        "lamina_evm_run",
        [
            *_rules(call.fork, call.op_fork, call.chain_id),
            call.block.to_rlp(),
            call.origin,
            int_to_rlp(call.gas_price),
            list(call.blob_hashes),
            call.caller,
            call.target,
            int_to_rlp(call.value),
            call.input,
            int_to_rlp(call.gas),
            int_to_rlp(call.is_static),
            int_to_rlp(call.is_traced),
            _accounts(call.pre),
        ],
    )
    counter = as_int(refund, "refund")
    return CallResult(
        status=STATUSES[as_int(status, "status")],
        gas_left=as_int(gas_left, "gas left"),
        refund=counter - (1 << 64) if counter >> 63 else counter,
        output=as_bytes(output, "output"),
        logs=tuple(_log(log) for log in as_list(logs, "logs")),
        storage=dict(_slot(slot) for slot in as_list(storage, "changed slots")),
        steps=tuple(read_step(step) for steps in trace for step in as_list(steps, "steps")),
    )


def _log(item: Rlp) -> tuple[Address, tuple[Hash32, ...], bytes]:
    address, topics, data = as_list(item, "log", 3)
    return (
        Address(as_bytes(address, "address", 20)),
        tuple(Hash32(as_bytes(topic, "topic", 32)) for topic in as_list(topics, "topics")),
        as_bytes(data, "data"),
    )


def _slot(item: Rlp) -> tuple[tuple[Address, int], int]:
    address, slot, value = as_list(item, "changed slot", 3)
    return (Address(as_bytes(address, "address", 20)), as_int(slot, "slot")), as_int(value, "value")


def run_state_test(
    fork: EthFork, chain_id: int, block: BlockFacts, max_blobs: int, pre: Alloc, raw: bytes, *, is_draft: bool = False
) -> StateTestResult:
    """Apply the encoded transaction to a state under Ethereum's rules; `is_draft`: with EIP-2537 as drafted.

    Raises NativeLibraryMissing.
    """
    refusal, root, logs, gas_used = _ask(
        "lamina_state_test",
        [
            *_rules(fork, None, chain_id),
            block.to_rlp(),
            int_to_rlp(max_blobs),
            int_to_rlp(is_draft),
            _accounts(pre),
            raw,
        ],
    )
    return StateTestResult(
        refusal=as_int(refusal, "refusal"),
        state_root=Hash32(as_bytes(root, "state root", 32)),
        logs_hash=Hash32(as_bytes(logs, "logs hash", 32)),
        gas_used=as_int(gas_used, "gas used"),
    )
