"""What a tracer learns of messages: how one began, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass

from evm.types import Address, Authorization, Hash32, Transaction
from evm.types.signature import InvalidSignature


@dataclass(frozen=True, slots=True)
class TransactionPlace:
    """Where a transaction stands in the chain. `transaction_hash` None: it is a call, and only the block is real."""

    block_hash: Hash32
    block_number: int
    index: int
    transaction_hash: Hash32 | None


@dataclass(frozen=True, slots=True)
class TransactionFacts:
    """A transaction or call about to run. `to` None creates a contract; `authorities` signed delegations (EIP-7702).

    `first_log` is the number of logs that the block holds before it. `place` is None where it is of no block.
    """

    sender: Address
    to: Address | None
    nonce: int
    gas_limit: int
    authorities: tuple[Address, ...] = ()
    first_log: int = 0
    place: TransactionPlace | None = None

    @staticmethod
    def of(
        transaction: Transaction, nonce: int, first_log: int = 0, place: TransactionPlace | None = None
    ) -> "TransactionFacts":
        """Of a transaction of a block. `nonce`: the sender's, which deposits do not carry."""
        return TransactionFacts(
            sender=transaction.sender,
            to=transaction.to,
            nonce=nonce,
            gas_limit=transaction.gas_limit,
            authorities=authorities_of(transaction.authorization_list),
            first_log=first_log,
            place=place,
        )


def authorities_of(authorizations: Sequence[Authorization]) -> tuple[Address, ...]:
    """The accounts that signed these delegations, those with a bad signature left out. Spec: EIP-7702."""
    found = []
    for entry in authorizations:
        try:
            found.append(entry.authority)
        except InvalidSignature:
            continue
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it begins. `kind` is the opcode that makes such a message: CALL for a transaction to an account,
    CREATE for one that creates, STOP for a deposit that cannot be started.

    `input` is the initcode of a creation; `value` (wei) is None where none can be given. For DELEGATECALL and CALLCODE
    `to` is the account whose code runs and `sender` the one it runs in.
    """

    kind: int
    sender: Address
    to: Address
    input: bytes
    gas: int
    value: int | None


@dataclass(frozen=True, slots=True)
class FrameEnd:
    """How a message ended. `error` is empty on success, in geth's words otherwise; `output` includes what was
    reverted with, and is the deployed code of a creation."""

    output: bytes
    gas_used: int
    error: str = ""

    @property
    def reverted(self) -> bool:
        """Whether the code itself called it off."""
        return self.error == "execution reverted"
