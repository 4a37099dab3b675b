"""geth's prestateTracer: the accounts that a transaction needs, or what it changed in them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from config.constants import BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT
from config.forks import EthFork, Fork
from evm.engine.message import contract_address
from evm.tracing.addresses import address_of_word, created_address
from evm.tracing.frames import TransactionFacts
from evm.tracing.opcodes import (
    BALANCE,
    CALL,
    CALLCODE,
    CREATE,
    CREATE2,
    DELEGATECALL,
    EXTCODECOPY,
    EXTCODEHASH,
    EXTCODESIZE,
    SELFDESTRUCT,
    SLOAD,
    SSTORE,
    STACK_EFFECTS,
    STATICCALL,
)
from evm.tracing.settings import flags
from evm.tracing.tracer import InvalidTracerConfig, Tracer
from evm.types import Address, keccak256, to_hex
from evm.validity import is_delegation

if TYPE_CHECKING:
    from evm.engine.state import EvmState
    from evm.forks import ForkRules

_NAMES_TOP = frozenset((BALANCE, EXTCODESIZE, EXTCODECOPY, EXTCODEHASH, SELFDESTRUCT))
_CALLS = frozenset((CALL, CALLCODE, DELEGATECALL, STATICCALL))
_WATCHED = _NAMES_TOP | _CALLS | {SLOAD, SSTORE, CREATE, CREATE2}


@dataclass
class SeenAccount:
    """An account as the transaction found it, with the slots that were looked at."""

    balance: int
    nonce: int
    code: bytes
    existed: bool
    storage: dict[int, int] = field(default_factory=dict)


class PrestateTracer(Tracer):
    """Settings: `diffMode` gives only what changed, before and after; `disableCode` and `disableStorage` leave those out;
    `includeEmpty` also shows accounts that were not there.

    The sender, the receiver, the fee recipient and, on L2, the fee vaults are always looked at. An account is shown as
    it was when the transaction began, fees not yet paid.
    """

    wants_steps = True
    step_opcodes = _WATCHED

    def __init__(self, config: Any = None) -> None:
        self._diff, no_code, no_storage, self._with_empty = flags(
            config, "diffMode", "disableCode", "disableStorage", "includeEmpty"
        )
        if self._diff and self._with_empty:
            raise InvalidTracerConfig("cannot use diffMode with includeEmpty")
        self._with_code, self._with_storage = not no_code, not no_storage
        self.accounts: dict[Address, SeenAccount] = {}
        """All that was looked at."""
        self._post: dict[str, Any] = {}
        self._pre: dict[str, Any] = {}
        self._has_delegations = False

    def start(self, facts: TransactionFacts, state: "EvmState", fork: "ForkRules") -> None:
        """Look at the accounts that every transaction touches."""
        self._has_delegations = fork.has(EthFork.PRAGUE)
        target = facts.to
        if target is None:
            target = contract_address(facts.sender, facts.nonce)
        self._look_at_target(state, target)
        for address in (facts.sender, state.coinbase, *facts.authorities):
            self._look_at(state, address)
        if fork.is_l2:
            self._look_at(state, BASE_FEE_VAULT)
            self._look_at(state, L1_FEE_VAULT)
            if fork.has_op(Fork.ISTHMUS):
                self._look_at(state, OPERATOR_FEE_VAULT)

    def step(self, computation: Any, position: int, opcode: int, gas: int) -> Any:
        """Look at what the instruction names; gives the new finds, for should it not get to use them."""
        values = computation._stack.values
        if len(values) < STACK_EFFECTS[opcode][0]:
            return None
        state, here = computation.state, Address(computation.msg.storage_address)
        if opcode in (SLOAD, SSTORE):
            return self._look_at_slot(state, here, values[-1])
        if opcode in _NAMES_TOP:
            return self._look_at(state, address_of_word(values[-1]))
        if opcode in _CALLS:
            return self._look_at_target(state, address_of_word(values[-2]))
        operands = values[:-5:-1]
        return self._look_at(state, created_address(opcode, here, state.get_nonce(here), operands, computation._memory))

    def stepped(self, token: Any, cost: int, error: str) -> None:
        """Forget what an instruction named that could not be paid for."""
        if error:
            for address, slot in token or ():
                if slot is None:
                    self.accounts.pop(address, None)
                else:
                    self.accounts[address].storage.pop(slot, None)

    def _look_at_target(self, state: "EvmState", address: Address) -> list[tuple[Address, int | None]]:
        found = self._look_at(state, address)
        code = state.get_code(address) if self._has_delegations else b""
        return found + self._look_at(state, Address(code[3:])) if is_delegation(code) else found

    def _look_at(self, state: "EvmState", address: Address) -> list[tuple[Address, int | None]]:
        if address in self.accounts:
            return []
        live = state.load(address)
        self.accounts[address] = SeenAccount(live.balance, live.nonce, state.get_code(address), not live.is_empty)
        return [(address, None)]

    def _look_at_slot(self, state: "EvmState", address: Address, slot: int) -> list[tuple[Address, int | None]]:
        found = self._look_at(state, address)
        storage = self.accounts[address].storage
        if slot in storage:
            return found
        storage[slot] = state.get_storage(address, slot)
        return [*found, (address, slot)]

    def end(self, state: "EvmState", gas_used: int) -> None:
        """Compare with what has become of the accounts."""
        if self._diff:
            for address, before in self.accounts.items():
                self._compare(state, address, before)
            return
        for address, before in self.accounts.items():
            if before.existed or self._with_empty:
                self._pre[to_hex(address)] = self._show(before, before.storage, zeros=True)

    def _compare(self, state: "EvmState", address: Address, before: SeenAccount) -> None:
        live = state.load(address)
        changes: dict[str, Any] = {}
        old_slots: dict[int, int] = {}
        if live.exists:
            if live.balance != before.balance:
                changes["balance"] = hex(live.balance)
            if live.nonce != before.nonce:
                changes["nonce"] = live.nonce
            code = state.get_code(address)
            if code != before.code:
                changes["codeHash"] = to_hex(state.get_code_hash(address))
                if self._with_code:
                    changes["code"] = to_hex(code)
            new_slots = {}
            for slot, old in before.storage.items() if self._with_storage else ():
                new = state.get_storage(address, slot)
                if new != old:
                    old_slots[slot] = old
                    new_slots[slot] = new
            shown = _show_slots(new_slots)
            if shown:
                changes["storage"] = shown
            if not changes and not old_slots:
                return
            self._post[to_hex(address)] = changes
        elif not before.existed:
            return
        else:
            old_slots = before.storage
        if before.existed:
            # Of an account that is gone all is shown that was looked at, as in geth.
            self._pre[to_hex(address)] = self._show(before, old_slots, zeros=not live.exists)

    def _show(self, account: SeenAccount, slots: dict[int, int], zeros: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {"balance": hex(account.balance)}
        if account.nonce:
            shown["nonce"] = account.nonce
        if account.code:
            shown["codeHash"] = to_hex(keccak256(account.code))
            if self._with_code:
                shown["code"] = to_hex(account.code)
        storage = _show_slots(slots, zeros) if self._with_storage else {}
        if storage:
            shown["storage"] = storage
        return shown

    def result(self) -> Any:
        """The accounts by address; in diff mode those changed, under `pre` and `post`."""
        return {"post": self._post, "pre": self._pre} if self._diff else self._pre


def _show_slots(slots: dict[int, int], zeros: bool = False) -> dict[str, str]:
    return {f"0x{slot:064x}": f"0x{value:064x}" for slot, value in slots.items() if value or zeros}
