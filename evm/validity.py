"""Whether a signed transaction may stand in a block: all that py-evm leaves unchecked and what it checks as well.

`validate_stateless` needs the transaction alone, `validate_against_state` the sender's account and the block's fees;
the mempool and the block builder call both. Texts follow geth's, since clients match on them.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from config.constants import GAS_PER_BLOB
from config.forks import EthFork
from evm.fees import calldata_gas
from evm.forks import ForkRules
from evm.types import (
    Address,
    BlobTransaction,
    DepositTransaction,
    Hash32,
    SignedTransaction,
    Transaction,
    TransactionType,
)
from evm.types.signature import InvalidSignature
from evm.types.transaction import AccessList, Authorization

MAX_INITCODE_BYTES = 49_152
MAX_BLOBS_PER_TRANSACTION = 6
_MAX_NONCE = (1 << 64) - 1
_UINT256_LIMIT = 1 << 256
_TRANSACTION_GAS = 21_000
_CREATION_GAS = 32_000
_NONZERO_BYTE_GAS_BEFORE_ISTANBUL = 68
_ZERO_BYTE_GAS = 4
_INITCODE_WORD_GAS = 2
_ACCESS_LIST_ADDRESS_GAS = 2_400
_ACCESS_LIST_KEY_GAS = 1_900
AUTHORIZATION_GAS = 25_000
_FLOOR_GAS_PER_TOKEN = 10
_TOKENS_PER_NONZERO_BYTE = 4
_VERSION_KZG = 1
DELEGATION_PREFIX = b"\xef\x01\x00"
_DELEGATION_BYTES = 23


class InvalidReason(Enum):
    """Why a transaction is not valid; the value is geth's text for it."""

    TYPE_NOT_SUPPORTED = "transaction type not supported"
    WRONG_CHAIN_ID = "invalid chain id for signer"
    INVALID_SIGNATURE = "invalid sender"
    NONCE_TOO_LOW = "nonce too low"
    NONCE_TOO_HIGH = "nonce too high"
    NONCE_MAX = "nonce has max value"
    GAS_LIMIT_TOO_HIGH = "transaction gas limit too high"
    BLOCK_GAS_EXCEEDED = "gas limit reached"
    DA_FOOTPRINT_EXCEEDED = "DA footprint limit reached"
    TIP_ABOVE_FEE_CAP = "max priority fee per gas higher than max fee per gas"
    FEE_CAP_TOO_LARGE = "max fee per gas higher than 2^256-1"
    FEE_CAP_BELOW_BASE_FEE = "max fee per gas less than block base fee"
    INTRINSIC_GAS_TOO_LOW = "intrinsic gas too low"
    FLOOR_GAS_TOO_LOW = "insufficient gas for floor data gas cost"
    INITCODE_TOO_LARGE = "max initcode size exceeded"
    SENDER_NOT_EOA = "sender not an eoa"
    INSUFFICIENT_FUNDS = "insufficient funds for gas * price + value"
    BLOB_CREATION = "blob transaction of type create"
    NO_BLOBS = "blob transaction missing blob hashes"
    TOO_MANY_BLOBS = "blob transaction has too many blobs"
    BLOB_HASH_VERSION = "blob has invalid hash version"
    BLOB_FEE_CAP_TOO_LOW = "max fee per blob gas less than block blob gas fee"
    BLOCK_BLOB_GAS_EXCEEDED = "blob gas limit reached"
    EMPTY_AUTHORIZATIONS = "EIP-7702 transaction with empty auth list"
    SET_CODE_CREATION = "EIP-7702 transaction cannot be used to create contract"
    DEPOSIT_NOT_ALLOWED = "deposit transactions come from L1 only"


class InvalidTransaction(ValueError):
    """A transaction that may not stand in the block. `reason` is for programs, the message for people."""

    def __init__(self, reason: InvalidReason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason


@dataclass(frozen=True)
class SenderFacts:
    """What validity asks of the sender's account; balance in wei."""

    nonce: int
    balance: int
    code: bytes


@dataclass(frozen=True)
class BlockFees:
    """What validity asks of the block: fees in wei per gas, charges of the rollup in wei for this transaction."""

    base_fee: int
    blob_base_fee: int = 1
    l1_fee: int = 0
    operator_fee: int = 0


class Payload(Protocol):
    """What a transaction or a call asks to be run."""

    @property
    def to(self) -> Address | None: ...
    @property
    def data(self) -> bytes: ...
    @property
    def value(self) -> int: ...
    @property
    def gas_limit(self) -> int: ...
    @property
    def access_list(self) -> AccessList: ...
    @property
    def authorization_list(self) -> tuple[Authorization, ...]: ...
    @property
    def blob_versioned_hashes(self) -> tuple[Hash32, ...]: ...


def intrinsic_gas(transaction: Payload, fork: ForkRules) -> int:
    """Gas before any code runs. Spec: EIP-2, EIP-2028, EIP-2930, EIP-3860, EIP-7702."""
    gas = _TRANSACTION_GAS
    data = transaction.data
    if data and fork.has(EthFork.ISTANBUL):
        gas += calldata_gas(data)
    elif data:
        zeros = data.count(0)
        gas += _ZERO_BYTE_GAS * zeros + _NONZERO_BYTE_GAS_BEFORE_ISTANBUL * (len(data) - zeros)
    if transaction.to is None and fork.has(EthFork.HOMESTEAD):
        gas += _CREATION_GAS
        if fork.has(EthFork.SHANGHAI):
            gas += _INITCODE_WORD_GAS * ((len(data) + 31) // 32)
    for _, keys in transaction.access_list:
        gas += _ACCESS_LIST_ADDRESS_GAS + _ACCESS_LIST_KEY_GAS * len(keys)
    return gas + AUTHORIZATION_GAS * len(transaction.authorization_list)


def floor_gas(transaction: Payload, fork: ForkRules) -> int:
    """The least gas a transaction with this much data pays; 0 before Prague. Spec: EIP-7623."""
    if not fork.has(EthFork.PRAGUE):
        return 0
    data = transaction.data
    zeros = data.count(0)
    return _TRANSACTION_GAS + _FLOOR_GAS_PER_TOKEN * (zeros + _TOKENS_PER_NONZERO_BYTE * (len(data) - zeros))


def is_delegation(code: bytes) -> bool:
    """Whether the code designates another account's. Spec: EIP-7702."""
    return len(code) == _DELEGATION_BYTES and code.startswith(DELEGATION_PREFIX)


def validate_stateless(transaction: Transaction, fork: ForkRules, chain_id: int) -> Address:
    """Check what can be checked without state; the sender comes back.

    Raises InvalidTransaction. Deposits are refused: they never go through here.
    """
    if isinstance(transaction, DepositTransaction):
        raise InvalidTransaction(InvalidReason.DEPOSIT_NOT_ALLOWED)
    if not fork.allows(transaction.type):
        raise InvalidTransaction(
            InvalidReason.TYPE_NOT_SUPPORTED, f"type {int(transaction.type)} on {fork.eth_fork.name.lower()} rules"
        )
    legacy_unprotected = transaction.type == TransactionType.LEGACY and transaction.chain_id is None
    if not legacy_unprotected and not fork.has(EthFork.SPURIOUS_DRAGON):
        raise InvalidTransaction(InvalidReason.INVALID_SIGNATURE, "replay protection came with Spurious Dragon")
    if transaction.chain_id != chain_id and not legacy_unprotected:
        raise InvalidTransaction(InvalidReason.WRONG_CHAIN_ID, f"have {transaction.chain_id} want {chain_id}")
    try:
        sender = transaction.sender if fork.has(EthFork.HOMESTEAD) else transaction.sender_whatever_s()
    except InvalidSignature as error:
        raise InvalidTransaction(InvalidReason.INVALID_SIGNATURE, str(error)) from error
    if transaction.nonce >= _MAX_NONCE:
        raise InvalidTransaction(InvalidReason.NONCE_MAX, f"address {_hex(sender)}, nonce: {transaction.nonce}")
    if transaction.max_fee_per_gas >= _UINT256_LIMIT or transaction.max_priority_fee_per_gas >= _UINT256_LIMIT:
        raise InvalidTransaction(InvalidReason.FEE_CAP_TOO_LARGE, f"address {_hex(sender)}")
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise InvalidTransaction(
            InvalidReason.TIP_ABOVE_FEE_CAP,
            f"address {_hex(sender)}, maxPriorityFeePerGas: {transaction.max_priority_fee_per_gas}, "
            f"maxFeePerGas: {transaction.max_fee_per_gas}",
        )
    _validate_gas(transaction, fork)
    if transaction.type == TransactionType.BLOB:
        _validate_blobs(transaction, fork)
    elif transaction.type == TransactionType.SET_CODE:
        if transaction.to is None:
            raise InvalidTransaction(InvalidReason.SET_CODE_CREATION, f"sender {_hex(sender)}")
        if not transaction.authorization_list:
            raise InvalidTransaction(InvalidReason.EMPTY_AUTHORIZATIONS, f"sender {_hex(sender)}")
    return sender


def _validate_gas(transaction: Transaction, fork: ForkRules) -> None:
    gas = transaction.gas_limit
    cap = fork.transaction_gas_cap
    if cap is not None and gas > cap:
        raise InvalidTransaction(InvalidReason.GAS_LIMIT_TOO_HIGH, f"cap: {cap}, tx: {gas}")
    if transaction.to is None and fork.has(EthFork.SHANGHAI) and len(transaction.data) > MAX_INITCODE_BYTES:
        raise InvalidTransaction(
            InvalidReason.INITCODE_TOO_LARGE, f"code size {len(transaction.data)} limit {MAX_INITCODE_BYTES}"
        )
    needed = intrinsic_gas(transaction, fork)
    if gas < needed:
        raise InvalidTransaction(InvalidReason.INTRINSIC_GAS_TOO_LOW, f"have {gas}, want {needed}")
    floor = floor_gas(transaction, fork)
    if gas < floor:
        raise InvalidTransaction(InvalidReason.FLOOR_GAS_TOO_LOW, f"have {gas}, want {floor}")


def _validate_blobs(transaction: Transaction, fork: ForkRules) -> None:
    if transaction.to is None:
        raise InvalidTransaction(InvalidReason.BLOB_CREATION)
    hashes = transaction.blob_versioned_hashes
    if not hashes:
        raise InvalidTransaction(InvalidReason.NO_BLOBS)
    if fork.has(EthFork.OSAKA) and len(hashes) > MAX_BLOBS_PER_TRANSACTION:
        raise InvalidTransaction(
            InvalidReason.TOO_MANY_BLOBS, f"have {len(hashes)}, permitted {MAX_BLOBS_PER_TRANSACTION}"
        )
    for index, versioned_hash in enumerate(hashes):
        if versioned_hash[0] != _VERSION_KZG:
            raise InvalidTransaction(InvalidReason.BLOB_HASH_VERSION, f"blob {index}, version {versioned_hash[0]}")


def validate_against_state(transaction: SignedTransaction, sender: SenderFacts, fees: BlockFees) -> None:
    """Check nonce, code, fee caps and funds. Raises InvalidTransaction. Spec: yellow paper, 6.2; EIP-3607."""
    if transaction.nonce != sender.nonce:
        reason = InvalidReason.NONCE_TOO_LOW if transaction.nonce < sender.nonce else InvalidReason.NONCE_TOO_HIGH
        raise InvalidTransaction(
            reason, f"address {_hex(transaction.sender)}, tx: {transaction.nonce} state: {sender.nonce}"
        )
    if sender.code and not is_delegation(sender.code):
        raise InvalidTransaction(
            InvalidReason.SENDER_NOT_EOA, f"address {_hex(transaction.sender)}, code of {len(sender.code)} bytes"
        )
    if transaction.max_fee_per_gas < fees.base_fee:
        raise InvalidTransaction(
            InvalidReason.FEE_CAP_BELOW_BASE_FEE,
            f"address {_hex(transaction.sender)}, maxFeePerGas: {transaction.max_fee_per_gas}, "
            f"baseFee: {fees.base_fee}",
        )
    cost = transaction.gas_limit * transaction.max_fee_per_gas + transaction.value + fees.l1_fee + fees.operator_fee
    if isinstance(transaction, BlobTransaction):
        cap = transaction.max_fee_per_blob_gas
        if cap < fees.blob_base_fee:
            raise InvalidTransaction(
                InvalidReason.BLOB_FEE_CAP_TOO_LOW,
                f"address {_hex(transaction.sender)} blobGasFeeCap: {cap}, blobBaseFee: {fees.blob_base_fee}",
            )
        cost += cap * GAS_PER_BLOB * len(transaction.blob_versioned_hashes)
    if sender.balance < cost:
        raise InvalidTransaction(
            InvalidReason.INSUFFICIENT_FUNDS,
            f"address {_hex(transaction.sender)} have {sender.balance} want {cost}",
        )


def _hex(address: Address) -> str:
    return "0x" + address.hex()
