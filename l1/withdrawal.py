"""A withdrawal as L2 announces it and L1 executes it."""

from collections.abc import Iterable
from dataclasses import dataclass

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from config.types import Address, Gas, Hash32, Wei, to_address, to_hex
from evm.types import Log, keccak256

MESSAGE_PASSER = to_address("0x4200000000000000000000000000000000000016")
MESSAGE_PASSED = keccak256(b"MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)")


@dataclass(frozen=True)
class WithdrawalTransaction:
    """A message from L2 to L1. `nonce` carries the message version in its first two bytes.

    Spec: op withdrawals, "Withdrawal Flow".
    """

    nonce: int
    sender: Address
    target: Address
    value: Wei
    gas_limit: Gas
    data: bytes

    @property
    def hash(self) -> Hash32:
        """What `sentMessages` on L2 and the portal on L1 know it by."""
        return keccak256(
            encode(
                ["uint256", "address", "address", "uint256", "uint256", "bytes"],
                [self.nonce, self.sender, self.target, self.value, self.gas_limit, self.data],
            )
        )

    @property
    def storage_key(self) -> Hash32:
        """The storage slot of its `sentMessages` entry (mapping at slot 0) in the message passer."""
        return keccak256(self.hash + bytes(32))

    def as_argument(self) -> tuple[int, str, str, int, int, bytes]:
        """The tuple that the portal's functions take."""
        return (self.nonce, to_hex(self.sender), to_hex(self.target), self.value, self.gas_limit, self.data)

    @staticmethod
    def from_log(log: Log) -> "WithdrawalTransaction":
        """Read a MessagePassed log. Raises ValueError when it is none, or its hash is not that of its fields."""
        if log.address != MESSAGE_PASSER or len(log.topics) != 4 or log.topics[0] != MESSAGE_PASSED:
            raise ValueError("the log is no MessagePassed event of the message passer")
        try:
            value, gas_limit, data, claimed = decode(["uint256", "uint256", "bytes", "bytes32"], log.data)
        except DecodingError as error:
            raise ValueError(f"the MessagePassed log is malformed: {error}") from error
        withdrawal = WithdrawalTransaction(
            nonce=int.from_bytes(log.topics[1], "big"),
            sender=Address(log.topics[2][12:]),
            target=Address(log.topics[3][12:]),
            value=Wei(value),
            gas_limit=Gas(gas_limit),
            data=data,
        )
        if withdrawal.hash != claimed:
            raise ValueError(f"the MessagePassed log claims the hash {to_hex(claimed)}, its fields give another")
        return withdrawal


def withdrawals_in(logs: Iterable[Log]) -> list[WithdrawalTransaction]:
    """The withdrawals that an L2 transaction's logs announce, in order. Raises ValueError for a malformed one."""
    return [
        WithdrawalTransaction.from_log(log)
        for log in logs
        if log.address == MESSAGE_PASSER and log.topics and log.topics[0] == MESSAGE_PASSED
    ]
