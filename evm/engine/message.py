"""Runs one message (a call or a creation) on an `EvmState` and says what came of it."""

from dataclasses import dataclass
from typing import Any

from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.exceptions import Revert
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.message import Message

from config.forks import EthFork
from evm.engine.state import EvmState
from evm.forks import ForkRules
from evm.tracing.frames import Frame, FrameEnd
from evm.tracing.opcodes import CALL, CREATE
from evm.types import Address, Hash32, Log, keccak256
from evm.types.rlp import encode, int_to_rlp
from evm.types.transaction import AccessList
from evm.validity import is_delegation


@dataclass(frozen=True)
class MessageOutcome:
    """What came of a message. `error` is empty on success, `output` is what it returned or reverted with.

    `refund` is the gas counter of cleared storage, not yet capped; `created` the new contract's address, if any.
    """

    gas_left: int
    refund: int
    output: bytes
    logs: tuple[Log, ...]
    destroyed: tuple[Address, ...]
    error: str = ""
    reverted: bool = False
    created: Address | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it ran to its end."""
        return not self.error


def contract_address(sender: Address, nonce: int) -> Address:
    """Where a creation by `sender` with this nonce puts the contract. Spec: yellow paper, 7."""
    return Address(keccak256(encode([sender, int_to_rlp(nonce)]))[12:])


def warm_up(state: EvmState, fork: ForkRules, sender: Address, target: Address, access_list: AccessList) -> None:
    """Mark what a transaction may touch at the lower price from the start. Spec: EIP-2929, EIP-2930, EIP-3651."""
    state.mark_address_warm(sender)
    state.mark_address_warm(target)
    if fork.has(EthFork.SHANGHAI):
        state.mark_address_warm(state.coinbase)
    for address, keys in access_list:
        state.mark_address_warm(address)
        for key in keys:
            state.mark_storage_warm(address, int.from_bytes(key, "big"))


def resolve_code(state: EvmState, fork: ForkRules, target: Address) -> tuple[bytes, bool]:
    """The code that a transaction to `target` runs, and whether it is another account's. Spec: EIP-7702."""
    code = state.get_code(target)
    if fork.has(EthFork.PRAGUE) and is_delegation(code):
        delegate = Address(code[3:])
        state.mark_address_warm(delegate)
        return state.get_code(delegate), True
    return code, False


def run_message(
    state: EvmState,
    fork: ForkRules,
    *,
    origin: Address,
    sender: Address,
    to: Address | None,
    value: int,
    data: bytes,
    gas: int,
    gas_price: int,
    created: Address | None = None,
    blob_hashes: tuple[Hash32, ...] = (),
) -> MessageOutcome:
    """Run a call, or with `to` None the creation of `created`.

    The caller has seen to the sender's balance, nonce, warm sets and intrinsic gas. `gas_price` (wei) is what
    GASPRICE reads. The state holds only what a successful message did.
    """
    if to is not None:
        code, delegated = resolve_code(state, fork, to)
        if not code and to not in fork.precompiles:
            return _transfer(state, sender, to, value, data, gas)
    elif created is not None:
        if state.has_code_or_nonce(created):
            if state.tracer is not None:
                state.tracer.enter(Frame(CREATE, sender, created, data, gas, value))
                state.tracer.exit(FrameEnd(b"", gas, "contract address collision"))
            return MessageOutcome(0, 0, b"", (), (), "contract address collision", created=created)
        code, delegated = data, False
    else:
        raise ValueError("a creation needs the address it creates")
    message = Message(
        gas=gas,
        to=CREATE_CONTRACT_ADDRESS if to is None else to,
        sender=sender,
        value=value,
        data=b"" if to is None else data,
        code=code,
        create_address=created,
        is_delegation=delegated,
    )
    context = CancunTransactionContext(gas_price=gas_price, origin=origin, blob_versioned_hashes=blob_hashes)
    run = fork.computation.apply_create_message if to is None else fork.computation.apply_message
    return _outcome(run(state, message, context), created)


def _transfer(state: EvmState, sender: Address, to: Address, value: int, data: bytes, gas: int) -> MessageOutcome:
    """A message to an account without code: nothing runs."""
    if state.tracer is not None:
        state.tracer.enter(Frame(CALL, sender, to, data, gas, value))
        state.tracer.exit(FrameEnd(b"", 0))
    if value:
        state.delta_balance(sender, -value)
        state.delta_balance(to, value)
    else:
        state.touch_account(to)
    return MessageOutcome(gas, 0, b"", (), ())


def _outcome(computation: Any, created: Address | None) -> MessageOutcome:
    if computation.is_error:
        error = computation.error
        reverted = isinstance(error, Revert)
        return MessageOutcome(
            gas_left=computation.get_gas_remaining(),
            refund=0,
            output=bytes(computation.output) if reverted else b"",
            logs=(),
            destroyed=(),
            error="execution reverted" if reverted else describe(error),
            reverted=reverted,
            created=created,
        )
    return MessageOutcome(
        gas_left=computation.get_gas_remaining(),
        refund=computation.get_gas_refund(),
        output=bytes(computation.output),
        logs=tuple(
            Log(Address(address), tuple(Hash32(topic.to_bytes(32, "big")) for topic in topics), bytes(data))
            for address, topics, data in computation.get_log_entries()
        ),
        destroyed=tuple(Address(address) for address in computation.get_accounts_for_deletion()),
        created=created,
    )


_ERRORS = {
    "OutOfGas": "out of gas",
    "InvalidInstruction": "invalid opcode",
    "InvalidJumpDestination": "invalid jump destination",
    "InsufficientStack": "stack underflow",
    "FullStack": "stack limit reached 1024 (1023)",
    "WriteProtection": "write protection",
    "OutOfBoundsRead": "return data out of bounds",
    "StackDepthLimit": "max call depth exceeded",
    "InsufficientFunds": "insufficient balance for transfer",
    "ContractCreationCollision": "contract address collision",
    "ReservedBytesInCode": "invalid code: must not begin with 0xef",
}


def describe(error: Exception) -> str:
    """geth's words for why a message failed."""
    return _ERRORS.get(type(error).__name__) or str(error) or type(error).__name__
