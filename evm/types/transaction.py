"""Transactions of every type that L1 and L2 blocks can carry, and their encodings.

All amounts are in wei, all gas in gas units. Objects are immutable; `raw`, `hash` and `sender` are computed once.
Spec: EIP-2718, EIP-2930, EIP-1559, EIP-4844, EIP-7702; op deposits, "The Deposited Transaction Type".
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import ClassVar, TypeAlias

from config.types import Address, Hash32
from evm.types.hashing import keccak256
from evm.types.rlp import Rlp, RlpError, RlpInput, as_bytes, as_int, as_list, decode_list, encode, int_to_rlp
from evm.types.signature import recover_address, sign


class TransactionType(IntEnum):
    """The first byte of a typed transaction."""

    LEGACY = 0
    ACCESS_LIST = 1
    DYNAMIC_FEE = 2
    BLOB = 3
    SET_CODE = 4
    DEPOSIT = 0x7E


class TransactionDecodingError(ValueError):
    """Bytes that are no transaction; the message says what is wrong where."""


AccessList: TypeAlias = tuple[tuple[Address, tuple[Hash32, ...]], ...]
"""Addresses with the storage keys announced for each."""


@dataclass(frozen=True)
class Authorization:
    """One entry of a set-code transaction: the signer wants its account to run `address`'s code.

    Spec: EIP-7702, "Set code transaction".
    """

    chain_id: int
    address: Address
    nonce: int
    y_parity: int
    r: int
    s: int

    def signing_hash(self) -> Hash32:
        """What the authority signs."""
        return keccak256(b"\x05" + encode([int_to_rlp(self.chain_id), self.address, int_to_rlp(self.nonce)]))

    @cached_property
    def authority(self) -> Address:
        """The signer's address. Raises InvalidSignature when there is none."""
        return recover_address(self.signing_hash(), self.y_parity, self.r, self.s)

    def items(self) -> list[RlpInput]:
        """The fields as they are encoded."""
        return [
            int_to_rlp(self.chain_id),
            self.address,
            int_to_rlp(self.nonce),
            int_to_rlp(self.y_parity),
            int_to_rlp(self.r),
            int_to_rlp(self.s),
        ]

    @staticmethod
    def sign(private_key: bytes, chain_id: int, address: Address, nonce: int) -> "Authorization":
        """An authorization signed by a 32-byte key."""
        unsigned = Authorization(chain_id, address, nonce, 0, 0, 0)
        y_parity, r, s = sign(private_key, unsigned.signing_hash())
        return Authorization(chain_id, address, nonce, y_parity, r, s)


@dataclass(frozen=True)
class BaseTransaction:
    """What every transaction has. `to` is None for a contract creation."""

    type: ClassVar[TransactionType]

    nonce: int
    gas_limit: int
    to: Address | None
    value: int
    data: bytes

    def encode(self) -> bytes:
        """The canonical bytes (EIP-2718): what blocks hold and what is hashed."""
        raise TypeError(f"{type(self).__name__} has no encoding of its own")

    @cached_property
    def raw(self) -> bytes:
        """`encode()`, computed once."""
        return self.encode()

    @cached_property
    def hash(self) -> Hash32:
        """The transaction hash."""
        return keccak256(self.raw)

    @property
    def access_list(self) -> AccessList:
        """Empty for types without one."""
        return ()

    @property
    def max_fee_per_gas(self) -> int:
        """The most the sender pays per gas, tip included."""
        return 0

    @property
    def max_priority_fee_per_gas(self) -> int:
        """The most the sender tips per gas."""
        return 0

    @property
    def blob_versioned_hashes(self) -> tuple[Hash32, ...]:
        """Empty for types without blobs."""
        return ()

    @property
    def authorization_list(self) -> tuple[Authorization, ...]:
        """Empty for types without authorizations."""
        return ()

    @property
    def is_deposit(self) -> bool:
        """Whether L1 forced this transaction in (type 0x7E)."""
        return False

    def effective_gas_price(self, base_fee: int) -> int:
        """Wei paid per gas in a block with this base fee."""
        return min(self.max_fee_per_gas, base_fee + self.max_priority_fee_per_gas)


@dataclass(frozen=True)
class _Signed(BaseTransaction):
    chain_id: int | None
    y_parity: int
    r: int
    s: int

    def _unsigned_items(self) -> list[RlpInput]:
        raise TypeError(f"{type(self).__name__} has no fields")

    def signing_hash(self) -> Hash32:
        """What the sender signs."""
        return keccak256(bytes((self.type,)) + encode(self._unsigned_items()))

    def encode(self) -> bytes:
        return bytes((self.type,)) + encode(
            [*self._unsigned_items(), int_to_rlp(self.y_parity), int_to_rlp(self.r), int_to_rlp(self.s)]
        )

    @cached_property
    def sender(self) -> Address:
        """The signer's address. Raises InvalidSignature when the signature is bad."""
        return recover_address(self.signing_hash(), self.y_parity, self.r, self.s)

    @property
    def recovered_sender(self) -> Address | None:
        """The signer's address if it has been recovered already."""
        return self.__dict__.get("sender")

    def remember_sender(self, sender: Address) -> None:
        """Take it as known who signed: it is not recovered any more."""
        self.__dict__["sender"] = sender

    def sender_whatever_s(self) -> Address:
        """The signer's address where `s` may be high, as on Frontier; from then on `sender` answers it, too."""
        sender = recover_address(self.signing_hash(), self.y_parity, self.r, self.s, high_s=True)
        self.__dict__["sender"] = sender
        return sender


@dataclass(frozen=True)
class LegacyTransaction(_Signed):
    """A transaction without a type byte; `chain_id` is None when signed without replay protection (before EIP-155)."""

    type: ClassVar[TransactionType] = TransactionType.LEGACY

    gas_price: int

    @property
    def max_fee_per_gas(self) -> int:
        return self.gas_price

    @property
    def max_priority_fee_per_gas(self) -> int:
        return self.gas_price

    @property
    def v(self) -> int:
        """The signature's v as encoded: 27/28, or with the chain id folded in (EIP-155)."""
        return self.y_parity + (27 if self.chain_id is None else 35 + 2 * self.chain_id)

    def _unsigned_items(self) -> list[RlpInput]:
        return [
            int_to_rlp(self.nonce),
            int_to_rlp(self.gas_price),
            int_to_rlp(self.gas_limit),
            self.to or b"",
            int_to_rlp(self.value),
            self.data,
        ]

    def signing_hash(self) -> Hash32:
        items = self._unsigned_items()
        if self.chain_id is not None:
            items += [int_to_rlp(self.chain_id), b"", b""]
        return keccak256(encode(items))

    def encode(self) -> bytes:
        return encode([*self._unsigned_items(), int_to_rlp(self.v), int_to_rlp(self.r), int_to_rlp(self.s)])


@dataclass(frozen=True)
class AccessListTransaction(_Signed):
    """Type 1 (EIP-2930)."""

    type: ClassVar[TransactionType] = TransactionType.ACCESS_LIST

    gas_price: int
    accesses: AccessList = ()

    @property
    def access_list(self) -> AccessList:
        return self.accesses

    @property
    def max_fee_per_gas(self) -> int:
        return self.gas_price

    @property
    def max_priority_fee_per_gas(self) -> int:
        return self.gas_price

    def _unsigned_items(self) -> list[RlpInput]:
        return [
            int_to_rlp(self.chain_id or 0),
            int_to_rlp(self.nonce),
            int_to_rlp(self.gas_price),
            int_to_rlp(self.gas_limit),
            self.to or b"",
            int_to_rlp(self.value),
            self.data,
            self.accesses,
        ]


@dataclass(frozen=True)
class _DynamicFees(_Signed):
    max_priority_fee: int
    max_fee: int
    accesses: AccessList = ()

    @property
    def access_list(self) -> AccessList:
        return self.accesses

    @property
    def max_fee_per_gas(self) -> int:
        return self.max_fee

    @property
    def max_priority_fee_per_gas(self) -> int:
        return self.max_priority_fee

    def _unsigned_items(self) -> list[RlpInput]:
        return [
            int_to_rlp(self.chain_id or 0),
            int_to_rlp(self.nonce),
            int_to_rlp(self.max_priority_fee),
            int_to_rlp(self.max_fee),
            int_to_rlp(self.gas_limit),
            self.to or b"",
            int_to_rlp(self.value),
            self.data,
            self.accesses,
        ]


@dataclass(frozen=True)
class DynamicFeeTransaction(_DynamicFees):
    """Type 2 (EIP-1559)."""

    type: ClassVar[TransactionType] = TransactionType.DYNAMIC_FEE


@dataclass(frozen=True)
class BlobTransaction(_DynamicFees):
    """Type 3 (EIP-4844), without its sidecar: as blocks hold it. Never valid on L2."""

    type: ClassVar[TransactionType] = TransactionType.BLOB

    max_fee_per_blob_gas: int = 0
    versioned_hashes: tuple[Hash32, ...] = ()

    @property
    def blob_versioned_hashes(self) -> tuple[Hash32, ...]:
        return self.versioned_hashes

    def _unsigned_items(self) -> list[RlpInput]:
        return [*super()._unsigned_items(), int_to_rlp(self.max_fee_per_blob_gas), self.versioned_hashes]


@dataclass(frozen=True)
class SetCodeTransaction(_DynamicFees):
    """Type 4 (EIP-7702)."""

    type: ClassVar[TransactionType] = TransactionType.SET_CODE

    authorizations: tuple[Authorization, ...] = ()

    @property
    def authorization_list(self) -> tuple[Authorization, ...]:
        return self.authorizations

    def _unsigned_items(self) -> list[RlpInput]:
        return [*super()._unsigned_items(), [entry.items() for entry in self.authorizations]]


@dataclass(frozen=True)
class DepositTransaction(BaseTransaction):
    """Type 0x7E: a transaction that L1 put into the L2 block; unsigned, pays no fees on L2.

    `nonce` is always 0 here; the nonce used is in the receipt. `mint` is wei created for `sender` before it runs.
    Spec: op deposits, "The Deposited Transaction Type".
    """

    type: ClassVar[TransactionType] = TransactionType.DEPOSIT

    source_hash: Hash32
    sender: Address
    mint: int
    is_system_transaction: bool

    @property
    def is_deposit(self) -> bool:
        return True

    @property
    def chain_id(self) -> int | None:
        """Deposits are bound to their chain by derivation, not by a chain id."""
        return None

    def effective_gas_price(self, base_fee: int) -> int:
        return 0

    def encode(self) -> bytes:
        return b"\x7e" + encode(
            [
                self.source_hash,
                self.sender,
                self.to or b"",
                int_to_rlp(self.mint),
                int_to_rlp(self.value),
                int_to_rlp(self.gas_limit),
                b"\x01" if self.is_system_transaction else b"",
                self.data,
            ]
        )


SignedTransaction: TypeAlias = (
    LegacyTransaction | AccessListTransaction | DynamicFeeTransaction | BlobTransaction | SetCodeTransaction
)
Transaction: TypeAlias = SignedTransaction | DepositTransaction


def sign_transaction(transaction: SignedTransaction, private_key: bytes) -> SignedTransaction:
    """The transaction with the signature of a 32-byte key in place of whatever it carried."""
    y_parity, r, s = sign(private_key, transaction.signing_hash())
    return replace(transaction, y_parity=y_parity, r=r, s=s)


def _to(item: Rlp) -> Address | None:
    value = as_bytes(item, "to")
    if len(value) not in (0, 20):
        raise RlpError(f"to: expected 0 or 20 bytes, got {len(value)}")
    return Address(value) if value else None


def _access_list(item: Rlp) -> AccessList:
    entries = []
    for entry in as_list(item, "access list"):
        address, keys = as_list(entry, "access list entry", 2)
        entries.append(
            (
                Address(as_bytes(address, "access list address", 20)),
                tuple(Hash32(as_bytes(key, "storage key", 32)) for key in as_list(keys, "storage keys")),
            )
        )
    return tuple(entries)


def _authorization(item: Rlp) -> Authorization:
    chain_id, address, nonce, y_parity, r, s = as_list(item, "authorization", 6)
    return Authorization(
        chain_id=as_int(chain_id, "authorization chain id"),
        address=Address(as_bytes(address, "authorization address", 20)),
        nonce=as_int(nonce, "authorization nonce", 8),
        y_parity=as_int(y_parity, "authorization parity", 1),
        r=as_int(r, "authorization r"),
        s=as_int(s, "authorization s"),
    )


def _decode_legacy(data: bytes) -> LegacyTransaction:
    items = as_list(list(decode_list(data, "legacy transaction")), "legacy transaction", 9)
    v = as_int(items[6], "v")
    if v in (27, 28):
        chain_id, y_parity = None, v - 27
    elif v >= 35:
        chain_id, y_parity = (v - 35) // 2, (v - 35) % 2
    else:
        raise RlpError(f"v: {v} is neither 27, 28 nor at least 35")
    return LegacyTransaction(
        nonce=as_int(items[0], "nonce", 8),
        gas_price=as_int(items[1], "gas price"),
        gas_limit=as_int(items[2], "gas limit", 8),
        to=_to(items[3]),
        value=as_int(items[4], "value"),
        data=as_bytes(items[5], "data"),
        chain_id=chain_id,
        y_parity=y_parity,
        r=as_int(items[7], "r"),
        s=as_int(items[8], "s"),
    )


def _decode_access_list(data: bytes) -> AccessListTransaction:
    items = as_list(decode_list(data, "access list transaction"), "access list transaction", 11)
    return AccessListTransaction(
        chain_id=as_int(items[0], "chain id"),
        nonce=as_int(items[1], "nonce", 8),
        gas_price=as_int(items[2], "gas price"),
        gas_limit=as_int(items[3], "gas limit", 8),
        to=_to(items[4]),
        value=as_int(items[5], "value"),
        data=as_bytes(items[6], "data"),
        accesses=_access_list(items[7]),
        y_parity=as_int(items[8], "y parity", 1),
        r=as_int(items[9], "r"),
        s=as_int(items[10], "s"),
    )


def _decode_dynamic_fee(data: bytes) -> DynamicFeeTransaction:
    items = as_list(decode_list(data, "dynamic fee transaction"), "dynamic fee transaction", 12)
    return DynamicFeeTransaction(
        chain_id=as_int(items[0], "chain id"),
        nonce=as_int(items[1], "nonce", 8),
        max_priority_fee=as_int(items[2], "max priority fee"),
        max_fee=as_int(items[3], "max fee"),
        gas_limit=as_int(items[4], "gas limit", 8),
        to=_to(items[5]),
        value=as_int(items[6], "value"),
        data=as_bytes(items[7], "data"),
        accesses=_access_list(items[8]),
        y_parity=as_int(items[9], "y parity", 1),
        r=as_int(items[10], "r"),
        s=as_int(items[11], "s"),
    )


def _decode_blob(data: bytes) -> BlobTransaction:
    items = as_list(decode_list(data, "blob transaction"), "blob transaction", 14)
    return BlobTransaction(
        chain_id=as_int(items[0], "chain id"),
        nonce=as_int(items[1], "nonce", 8),
        max_priority_fee=as_int(items[2], "max priority fee"),
        max_fee=as_int(items[3], "max fee"),
        gas_limit=as_int(items[4], "gas limit", 8),
        to=Address(as_bytes(items[5], "to", 20)),
        value=as_int(items[6], "value"),
        data=as_bytes(items[7], "data"),
        accesses=_access_list(items[8]),
        max_fee_per_blob_gas=as_int(items[9], "max fee per blob gas"),
        versioned_hashes=tuple(Hash32(as_bytes(item, "blob hash", 32)) for item in as_list(items[10], "blob hashes")),
        y_parity=as_int(items[11], "y parity", 1),
        r=as_int(items[12], "r"),
        s=as_int(items[13], "s"),
    )


def _decode_set_code(data: bytes) -> SetCodeTransaction:
    items = as_list(decode_list(data, "set code transaction"), "set code transaction", 13)
    return SetCodeTransaction(
        chain_id=as_int(items[0], "chain id"),
        nonce=as_int(items[1], "nonce", 8),
        max_priority_fee=as_int(items[2], "max priority fee"),
        max_fee=as_int(items[3], "max fee"),
        gas_limit=as_int(items[4], "gas limit", 8),
        to=Address(as_bytes(items[5], "to", 20)),
        value=as_int(items[6], "value"),
        data=as_bytes(items[7], "data"),
        accesses=_access_list(items[8]),
        authorizations=tuple(_authorization(item) for item in as_list(items[9], "authorizations")),
        y_parity=as_int(items[10], "y parity", 1),
        r=as_int(items[11], "r"),
        s=as_int(items[12], "s"),
    )


def _flag(item: Rlp, what: str) -> bool:
    value = as_int(item, what, 1)
    if value > 1:
        raise RlpError(f"{what}: {value} is neither 0 nor 1")
    return value == 1


def _decode_deposit(data: bytes) -> DepositTransaction:
    items = as_list(decode_list(data, "deposit"), "deposit", 8)
    return DepositTransaction(
        source_hash=Hash32(as_bytes(items[0], "source hash", 32)),
        sender=Address(as_bytes(items[1], "from", 20)),
        nonce=0,
        to=_to(items[2]),
        mint=as_int(items[3], "mint", 16),
        value=as_int(items[4], "value"),
        gas_limit=as_int(items[5], "gas limit", 8),
        is_system_transaction=_flag(items[6], "is system transaction"),
        data=as_bytes(items[7], "data"),
    )


_DECODERS: dict[int, Callable[[bytes], Transaction]] = {
    1: _decode_access_list,
    2: _decode_dynamic_fee,
    3: _decode_blob,
    4: _decode_set_code,
    0x7E: _decode_deposit,
}


def decode_transaction(raw: bytes) -> Transaction:
    """The transaction that these canonical bytes (EIP-2718) encode.

    Raises TransactionDecodingError for an unknown type, malformed RLP, or fields of a wrong shape. The signature's
    validity is not checked here: `sender` does.
    """
    if len(raw) < 2 and raw[:1] < b"\xc0":
        raise TransactionDecodingError("typed transaction too short")
    try:
        transaction: Transaction
        if raw[0] >= 0xC0:
            transaction = _decode_legacy(raw)
        elif raw[0] in _DECODERS:
            transaction = _DECODERS[raw[0]](raw[1:])
        else:
            raise TransactionDecodingError(f"transaction type 0x{raw[0]:02x} is not known")
    except RlpError as error:
        raise TransactionDecodingError(f"transaction 0x{raw[:8].hex()}..: {error}") from error
    transaction.__dict__["raw"] = raw
    return transaction
