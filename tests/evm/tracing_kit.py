"""Traces of small programs on a chain in memory, and a few ways to write such programs."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from evm.tracing.trace import trace_transaction
from evm.tracing.tracers import make_tracer
from evm.types import Address, Authorization, Block, SetCodeTransaction, SignedTransaction, Transaction
from evm.types.transaction import sign_transaction
from tests.evm.engine_kit import ALICE_KEY, BOB, CHAIN_ID, CONTRACT, GWEI, Bench, Funded, l2, transaction

GAS = 1_000_000
INNER = Address(b"\xce" * 20)
MISSING = Address(b"\xdd" * 20)

# PUSH1 1, PUSH1 2, ADD, POP
ADDITION = bytes.fromhex("600160020150")
STOP = b"\x00"


def push(value: int) -> bytes:
    """PUSH0, or the shortest PUSH that holds the value."""
    size = (value.bit_length() + 7) // 8
    return bytes((0x5F + size,)) + value.to_bytes(size, "big")


def call(to: Address, *, opcode: int = 0xF1, gas: int = 100_000, value: int = 0, data_bytes: int = 0) -> bytes:
    """A call with the first bytes of memory as data; leaves its success on the stack."""
    code = push(0) * 2 + push(data_bytes) + push(0)
    if opcode in (0xF1, 0xF2):
        code += push(value)
    return code + b"\x73" + to + push(gas) + bytes((opcode,))


def store_in_memory(data: bytes) -> bytes:
    """Put up to 32 bytes at the start of memory."""
    return b"\x7f" + data.ljust(32, b"\x00") + b"\x5f\x52"


def create(initcode: bytes, *, value: int = 0, salt: int | None = None) -> bytes:
    """Create a contract from up to 32 bytes of initcode; leaves its address on the stack."""
    code = store_in_memory(initcode)
    if salt is not None:
        code += push(salt)
    return code + push(len(initcode)) + push(0) + push(value) + (b"\xf0" if salt is None else b"\xf5")


def world(code: bytes, inner: bytes = b"", balance: int = 0, **more: Funded) -> Bench:
    """A chain where CONTRACT and INNER have these codes."""
    accounts = {CONTRACT: Funded(nonce=1, balance=balance, code=code)}
    if inner:
        accounts[INNER] = Funded(nonce=1, code=inner)
    return l2({**accounts, **{Address(bytes.fromhex(name)): funded for name, funded in more.items()}})


def block_of(bench: Bench, transactions: Sequence[Transaction]) -> Block:
    """A block with these on the head."""
    builder = bench.start()
    for item in transactions:
        builder.add(item)
    return builder.seal().block


def trace(
    bench: Bench, tracer: str | None = None, config: Mapping[str, Any] | None = None, *transactions: Transaction
) -> Any:
    """The trace of the last of the transactions in a block of them; by default of a call of CONTRACT by Alice."""
    chosen = transactions or (transaction(to=CONTRACT, gas_limit=GAS, value=0),)
    block = block_of(bench, chosen)
    return as_sent(trace_transaction(bench.engine, bench.head, block, len(chosen) - 1, make_tracer(tracer, config)))


def as_sent(result: Any) -> Any:
    """A tracer's result as a caller gets it."""
    return orjson.loads(orjson.dumps(result))


def trace_code(code: bytes, tracer: str | None = None, config: Mapping[str, Any] | None = None) -> Any:
    """The trace of a call of a contract with this code."""
    return trace(world(code), tracer, config)


def delegating(*authorizations: Authorization) -> SignedTransaction:
    """Alice calls Bob in a transaction that carries these delegations."""
    unsigned = SetCodeTransaction(
        nonce=0,
        gas_limit=GAS,
        to=BOB,
        value=0,
        data=b"",
        chain_id=CHAIN_ID,
        y_parity=0,
        r=0,
        s=0,
        max_priority_fee=0,
        max_fee=2 * GWEI,
        authorizations=authorizations,
    )
    return sign_transaction(unsigned, ALICE_KEY)
