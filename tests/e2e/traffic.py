"""Accounts that send every kind of transaction, and small contracts written in bytes for them to call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.types import Address, from_hex, to_hex
from evm.types import (
    AccessListTransaction,
    Authorization,
    DynamicFeeTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    SignedTransaction,
    keccak256,
)
from evm.types.rlp import encode, int_to_rlp
from evm.types.signature import address_of
from evm.types.transaction import TransactionType, sign_transaction
from l1.rpc import JsonRpcClient

GWEI = 10**9
ETHER = 10**18

# --- code ---

REVERTS = bytes.fromhex("5f5ffd")
"""Runtime code, and init code too: reverts without data."""
LOOPS = bytes.fromhex("5b5f56")
"""Runtime code that uses up all gas."""
RELAY = bytes.fromhex(
    "6020360360205f37"  # memory[0:] = call data from byte 32 on
    "5f5f602036035f345f355af1"  # call the address in the first word with it, and with the value sent
    "3d5f5f3e3d5fa100"  # log what came back; the topic says whether the call succeeded
)
"""Runtime code of a contract that calls whom it is told to and logs the outcome."""


def init_code(runtime: bytes) -> bytes:
    """Code that deploys `runtime` (at most 255 bytes)."""
    size = len(runtime)
    return bytes((0x60, size, 0x60, 10, 0x5F, 0x39, 0x60, size, 0x5F, 0xF3)) + runtime


def relayed(target: Address, data: bytes) -> bytes:
    """Call data for RELAY."""
    return target.rjust(32, b"\x00") + data


def self_destructs_to(beneficiary: Address) -> bytes:
    """Init code that destroys the contract in the making."""
    return b"\x73" + beneficiary + b"\xff"


def created_by(sender: Address, nonce: int) -> Address:
    """The address of the contract that `sender` creates with `nonce`."""
    return Address(keccak256(encode([sender, int_to_rlp(nonce)]))[12:])


def created_by_two(deployer: Address, salt: bytes, code: bytes) -> Address:
    """The address of what CREATE2 makes. Spec: EIP-1014."""
    return Address(keccak256(b"\xff" + deployer + salt + keccak256(code))[12:])


# --- senders ---


@dataclass(frozen=True)
class Sent:
    """A transaction that was accepted, what it is for, and whether it is to succeed."""

    hash: str
    what: str
    succeeds: bool


class Sender:
    """One account on one chain. It counts its nonces itself, so that many transactions can wait at once."""

    def __init__(self, node: JsonRpcClient, chain_id: int, key: bytes, log: list[Sent] | None = None) -> None:
        """`log`, when given, gets every accepted transaction."""
        self.node = node
        self.chain_id = chain_id
        self.key = key
        self.address = address_of(key)
        self.nonce = 0
        self.log: list[Sent] = log if log is not None else []

    async def catch_up(self) -> "Sender":
        """Go on with the nonce that the chain has for the account."""
        self.nonce = int(await self.node.call("eth_getTransactionCount", [to_hex(self.address), "pending"]), 16)
        return self

    def sign(
        self,
        to: Address | None,
        *,
        value: int = 0,
        data: bytes = b"",
        gas: int = 21_000,
        kind: TransactionType = TransactionType.DYNAMIC_FEE,
        authorizations: Sequence[Authorization] = (),
        tip: int = GWEI,
    ) -> bytes:
        """A signed transaction with the next nonce. An access list names the recipient, where the type has one."""
        accesses = ((to, ()),) if to is not None else ()
        fee = 30 * GWEI
        unsigned: SignedTransaction
        common: dict[str, Any] = {"nonce": self.nonce, "gas_limit": gas, "to": to, "value": value, "data": data}
        common |= {"chain_id": self.chain_id, "y_parity": 0, "r": 0, "s": 0}
        match kind:
            case TransactionType.LEGACY:
                unsigned = LegacyTransaction(**common, gas_price=fee)
            case TransactionType.ACCESS_LIST:
                unsigned = AccessListTransaction(**common, gas_price=fee, accesses=accesses)
            case TransactionType.SET_CODE:
                unsigned = SetCodeTransaction(
                    **common, max_priority_fee=tip, max_fee=fee, authorizations=tuple(authorizations)
                )
            case _:
                unsigned = DynamicFeeTransaction(**common, max_priority_fee=tip, max_fee=fee)
        self.nonce += 1
        return sign_transaction(unsigned, self.key).raw

    async def send(
        self,
        what: str,
        to: Address | None,
        *,
        value: int = 0,
        data: bytes = b"",
        gas: int = 21_000,
        kind: TransactionType = TransactionType.DYNAMIC_FEE,
        authorizations: Sequence[Authorization] = (),
        succeeds: bool = True,
    ) -> str:
        """Sign and send; answers the hash."""
        raw = self.sign(to, value=value, data=data, gas=gas, kind=kind, authorizations=authorizations)
        transaction_hash = str(await self.node.call("eth_sendRawTransaction", [to_hex(raw)]))
        assert from_hex(transaction_hash) == keccak256(raw)
        self.log.append(Sent(transaction_hash, what, succeeds))
        return transaction_hash

    async def deploy(self, what: str, runtime: bytes) -> Address:
        """Create a contract; answers where it will be."""
        address = created_by(self.address, self.nonce)
        await self.send(what, None, data=init_code(runtime), gas=200_000)
        return address
