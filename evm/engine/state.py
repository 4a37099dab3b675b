"""The state as it changes while a block runs: a journal over a reader of the parent's state.

py-evm's computations and opcodes run directly on `EvmState`: it answers every call they make on py-evm's `State`
and keeps no trie. All changes since a snapshot can be undone; what is left at the end becomes a `StateDiff`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from config.constants import EMPTY_KECCAK, EMPTY_TRIE_ROOT
from evm.engine.environment import BlockEnvironment
from evm.store.state import Account, StateDiff
from evm.types import Address, Hash32, keccak256

if TYPE_CHECKING:
    from evm.tracing.tracer import Tracer

_BALANCE, _NONCE, _CODE, _STORAGE, _TOUCH, _WARM_ADDRESS, _WARM_SLOT, _TRANSIENT = range(8)
_LAST_ACCOUNT_CHANGE = _TOUCH
_HISTORY_WINDOW = 256
_MAX_BALANCE = (1 << 256) - 1
_RIPEMD160 = Address(bytes(19) + b"\x03")


class StateSource(Protocol):
    """Where values come from that the block has not changed: a `StateReader`, or a stand-in with overrides."""

    def account(self, address: Address) -> Account | None:
        """The account, or None when there is none."""
        ...

    def storage(self, address: Address, slot: int) -> int:
        """The value of a storage slot; 0 when unset."""
        ...

    def code(self, code_hash: Hash32) -> bytes:
        """The code with this hash."""
        ...


class LiveAccount:
    """One account as it is now, with what it was at the start of the block."""

    __slots__ = (
        "address", "balance", "base", "base_storage", "code", "code_hash", "exists", "has_base_storage", "nonce",
        "storage", "wiped", "written",
    )  # fmt: skip

    def __init__(self, address: Address, base: Account | None) -> None:
        self.address = address
        self.base = base
        self.exists = base is not None
        self.nonce = base.nonce if base else 0
        self.balance = base.balance if base else 0
        self.code_hash = base.code_hash if base else EMPTY_KECCAK
        self.code: bytes | None = b"" if self.code_hash == EMPTY_KECCAK else None
        self.has_base_storage = base is not None and base.storage_root != EMPTY_TRIE_ROOT
        self.storage: dict[int, int] = {}
        self.base_storage: dict[int, int] = {}
        self.written: set[int] = set()
        self.wiped = False

    @property
    def is_empty(self) -> bool:
        """Without nonce, balance and code. Spec: EIP-161."""
        return not self.nonce and not self.balance and self.code_hash == EMPTY_KECCAK


class EvmState:
    """Accounts, storage, warm sets and transient storage of a running block.

    Call `end_transaction()` after each transaction: it forgets what lives for one transaction only. Without
    `clears_empty` it leaves empty accounts be, as before Spurious Dragon. The properties from `coinbase` on are what
    py-evm's opcodes read.
    """

    def __init__(
        self,
        source: StateSource,
        environment: BlockEnvironment,
        precompiles: frozenset[Address],
        *,
        clears_empty: bool = True,
    ) -> None:
        self.source = source
        self.environment = environment
        self.execution_context = environment
        self.coinbase = environment.coinbase
        self.timestamp = environment.timestamp
        self.block_number = environment.number
        self.gas_limit = environment.gas_limit
        self.base_fee = environment.base_fee
        self.blob_base_fee = environment.blob_base_fee
        self.mix_hash = environment.prev_randao
        self.difficulty = environment.difficulty
        self.budget: Callable[[], None] | None = None
        """Called now and then while code runs; stops it by raising."""
        self.tracer: Tracer | None = None
        """Is told of the messages that run from now on: see `evm.tracing.trace`."""
        self._precompiles = precompiles
        self._clears_empty = clears_empty
        self._ripemd_touched = False
        self._accounts: dict[Address, LiveAccount] = {}
        self._journal: list[tuple[Any, ...]] = []
        self._codes: dict[Hash32, bytes] = {}
        self._changed: set[Address] = set()
        self.warm_addresses: set[Address] = set()
        self.warm_slots: set[tuple[Address, int]] = set()
        self._transient: dict[tuple[Address, int], bytes] = {}
        self._original: dict[tuple[Address, int], int] = {}

    # --- accounts ---

    def load(self, address: Address) -> LiveAccount:
        """The live account, read from the source when first asked for."""
        live = self._accounts.get(address)
        if live is None:
            live = self._accounts[address] = LiveAccount(address, self.source.account(address))
        return live

    def get_balance(self, address: Address) -> int:
        """Wei."""
        return self.load(address).balance

    def set_balance(self, address: Address, balance: int) -> None:
        """Set the balance (wei). Raises ValueError when it is no uint256: a bug, never a transaction's fault."""
        if not 0 <= balance < 1 << 256:
            raise ValueError(f"balance of 0x{address.hex()} would become {balance}")
        live = self.load(address)
        self._journal.append((_BALANCE, live, live.balance, live.exists))
        live.balance = balance
        live.exists = True

    def delta_balance(self, address: Address, delta: int) -> None:
        """Add to the balance (wei; negative: subtract).

        A balance is a uint256 and wraps like one when something is added, as op-geth's does: only mints that exceed all
        ether by far get there. What is subtracted must be there.
        """
        balance = self.load(address).balance + delta
        self.set_balance(address, balance & _MAX_BALANCE if delta > 0 else balance)

    def get_nonce(self, address: Address) -> int:
        """The account's nonce."""
        return self.load(address).nonce

    def set_nonce(self, address: Address, nonce: int) -> None:
        """Set the nonce."""
        live = self.load(address)
        self._journal.append((_NONCE, live, live.nonce, live.exists))
        live.nonce = nonce
        live.exists = True

    def increment_nonce(self, address: Address) -> None:
        """Add one to the nonce."""
        self.set_nonce(address, self.load(address).nonce + 1)

    def get_code(self, address: Address) -> bytes:
        """The account's code; empty for accounts without."""
        live = self.load(address)
        code = live.code
        if code is None:
            code = self._codes.get(live.code_hash)
            if code is None:
                code = self.source.code(live.code_hash)
            live.code = code
        return code

    def get_code_hash(self, address: Address) -> Hash32:
        """keccak256 of the code."""
        return self.load(address).code_hash

    def set_code(self, address: Address, code: bytes) -> None:
        """Replace the code."""
        live = self.load(address)
        self._journal.append((_CODE, live, live.code_hash, live.code, live.exists))
        live.code = code
        live.code_hash = keccak256(code) if code else EMPTY_KECCAK
        live.exists = True
        if code:
            self._codes[live.code_hash] = code

    def delete_code(self, address: Address) -> None:
        """Make the account one without code."""
        self.set_code(address, b"")

    def has_code_or_nonce(self, address: Address) -> bool:
        """Whether no contract may be created here: code, nonce or storage in use. Spec: EIP-684, EIP-7610."""
        live = self.load(address)
        return (
            live.nonce != 0
            or live.code_hash != EMPTY_KECCAK
            or (live.has_base_storage and not live.wiped)
            or any(live.storage.values())
        )

    def account_exists(self, address: Address) -> bool:
        """Whether there is an account, be it empty."""
        return self.load(address).exists

    def account_is_empty(self, address: Address) -> bool:
        """Without nonce, balance and code. Spec: EIP-161."""
        return self.load(address).is_empty

    def touch_account(self, address: Address) -> None:
        """Mark for removal at the end of the transaction should it be empty then. Spec: EIP-161."""
        live = self.load(address)
        self._journal.append((_TOUCH, live, live.exists))
        live.exists = True

    def delete_account(self, address: Address) -> None:
        """Remove the account and its storage; only at the end of a transaction, since it cannot be undone."""
        live = self.load(address)
        live.exists = False
        live.nonce = live.balance = 0
        live.code_hash, live.code = EMPTY_KECCAK, b""
        live.wiped = True
        live.storage, live.base_storage, live.written = {}, {}, set()
        self._changed.add(address)

    # --- storage ---

    def get_storage(self, address: Address, slot: int, from_journal: bool = True) -> int:
        """The value of a slot now or, with `from_journal` False, at the start of the transaction."""
        if not from_journal:
            original = self._original.get((address, slot))
            if original is not None:
                return original
        live = self.load(address)
        value = live.storage.get(slot)
        if value is None:
            value = self.source.storage(address, slot) if live.has_base_storage and not live.wiped else 0
            live.storage[slot] = live.base_storage[slot] = value
        return value

    def set_storage(self, address: Address, slot: int, value: int) -> None:
        """Set a slot."""
        current = self.get_storage(address, slot)
        if current == value:
            return
        live = self._accounts[address]
        self._journal.append((_STORAGE, live, slot, current))
        self._original.setdefault((address, slot), current)
        live.storage[slot] = value
        live.written.add(slot)

    def delete_storage(self, address: Address) -> None:
        """Called before a contract is created, when `has_code_or_nonce` has already shown the storage to be empty."""

    def replace_storage(self, address: Address, values: Mapping[int, int]) -> None:
        """Give an account this storage instead of its own; for calls with overrides, since it cannot be undone."""
        live = self.load(address)
        live.exists = True
        live.wiped = True
        live.storage, live.base_storage, live.written = dict(values), {}, set(values)
        self._changed.add(address)

    def get_transient_storage(self, address: Address, slot: int) -> bytes:
        """Big-endian bytes. Spec: EIP-1153."""
        return self._transient.get((address, slot), b"")

    def set_transient_storage(self, address: Address, slot: int, value: bytes) -> None:
        """Set a transient slot. Spec: EIP-1153."""
        key = (address, slot)
        self._journal.append((_TRANSIENT, key, self._transient.get(key, b"")))
        self._transient[key] = value

    # --- warm sets (EIP-2929) ---

    def is_address_warm(self, address: Address) -> bool:
        """Whether the transaction has paid for access to the account."""
        return address in self.warm_addresses or address in self._precompiles

    def mark_address_warm(self, address: Address) -> None:
        """Make later accesses cheap."""
        if address not in self.warm_addresses:
            self.warm_addresses.add(address)
            self._journal.append((_WARM_ADDRESS, address))

    def is_storage_warm(self, address: Address, slot: int) -> bool:
        """Whether the transaction has paid for access to the slot."""
        return (address, slot) in self.warm_slots

    def mark_storage_warm(self, address: Address, slot: int) -> None:
        """Make later accesses cheap."""
        key = (address, slot)
        if key not in self.warm_slots:
            self.warm_slots.add(key)
            self._journal.append((_WARM_SLOT, key))

    # --- journal ---

    def snapshot(self) -> int:
        """A point to which `revert` can go back."""
        return len(self._journal)

    def commit(self, snapshot: int) -> None:
        """Keep what happened since; nothing to do, an outer snapshot can still undo it."""

    def revert(self, snapshot: int) -> None:
        """Undo everything since the snapshot."""
        journal = self._journal
        while len(journal) > snapshot:
            entry = journal.pop()
            kind = entry[0]
            if kind == _BALANCE:
                _, live, live.balance, live.exists = entry
            elif kind == _STORAGE:
                entry[1].storage[entry[2]] = entry[3]
            elif kind == _WARM_ADDRESS:
                self.warm_addresses.discard(entry[1])
            elif kind == _WARM_SLOT:
                self.warm_slots.discard(entry[1])
            elif kind == _TOUCH:
                _, live, live.exists = entry
                # A touch of this one account outlives a revert, as it did in 2016. Spec: EIP-716.
                self._ripemd_touched |= live.address == _RIPEMD160
            elif kind == _NONCE:
                _, live, live.nonce, live.exists = entry
            elif kind == _CODE:
                _, live, live.code_hash, live.code, live.exists = entry
            else:
                self._transient[entry[1]] = entry[2]

    def end_transaction(self, destroyed: Iterable[Address] = ()) -> None:
        """Remove destroyed accounts and touched empty ones, and forget what lives for one transaction only.

        Spec: EIP-161, EIP-6780.
        """
        for address in destroyed:
            self.delete_account(address)
        changed = self._changed
        for entry in self._journal:
            if entry[0] <= _LAST_ACCOUNT_CHANGE:
                live = entry[1]
                changed.add(live.address)
                if live.exists and not live.balance and live.is_empty and self._clears_empty:
                    live.exists = False
        if self._ripemd_touched:
            self._ripemd_touched = False
            ripemd = self.load(_RIPEMD160)
            if ripemd.exists and ripemd.is_empty and self._clears_empty:
                ripemd.exists = False
                changed.add(_RIPEMD160)
        self._journal.clear()
        self._original.clear()
        self._transient.clear()
        self.warm_addresses.clear()
        self.warm_slots.clear()

    def abandon_transaction(self) -> None:
        """Undo a transaction that broke off in the middle."""
        self.revert(0)
        self.end_transaction()

    def diff(self) -> StateDiff:
        """What changed since the source's state."""
        result = StateDiff()
        for address in self._changed:
            live = self._accounts[address]
            base = live.base
            storage = {
                slot: value for slot in live.written if (value := live.storage[slot]) != live.base_storage.get(slot, 0)
            }
            if live.wiped and live.has_base_storage:
                result.wiped.add(address)
            if storage and live.exists:
                result.storage[address] = storage
            if not live.exists:
                if base is not None:
                    result.accounts[address] = None
                continue
            if (
                base is None
                or storage
                or live.wiped
                or (base.nonce, base.balance, base.code_hash) != (live.nonce, live.balance, live.code_hash)
            ):
                root = EMPTY_TRIE_ROOT if base is None or live.wiped else base.storage_root
                result.accounts[address] = Account(live.nonce, live.balance, root, live.code_hash)
                if live.code_hash in self._codes:
                    result.codes[live.code_hash] = self._codes[live.code_hash]
        return result

    # --- what py-evm reads besides ---

    def get_ancestor_hash(self, block_number: int) -> Hash32 | bytes:
        """The hash of one of the last 256 blocks; empty when the number is out of that range."""
        depth = self.block_number - block_number
        if not 1 <= depth <= _HISTORY_WINDOW:
            return b""
        return self.environment.block_hash(block_number) or b""
