"""What a natively executed block comes to."""

from dataclasses import dataclass
from functools import cached_property

from config.types import Address, Hash32
from evm.store.diff import StateChanges, StateUpdate
from evm.types import Header, Receipt
from evm.types.rlp import Rlp, as_bytes, as_int, as_list, decode_list


@dataclass(frozen=True)
class NativeReceipt:
    """A receipt as it is stored, the transaction's own gas, and the address of the contract it created."""

    encoding: bytes
    gas_used: int
    created: Address | None


@dataclass(frozen=True)
class NativeBlock:
    """Header, receipts and the state after the block, not written yet. Decoded as far as it is asked for."""

    header_rlp: bytes
    hash: Hash32
    native_receipts: tuple[NativeReceipt, ...]
    update: StateUpdate

    @cached_property
    def header(self) -> Header:
        """The header."""
        return Header.decode(self.header_rlp)

    @cached_property
    def receipts(self) -> tuple[Receipt, ...]:
        """The receipts."""
        return tuple(Receipt.decode(receipt.encoding) for receipt in self.native_receipts)

    @staticmethod
    def decode(raw: bytes, parent_root: Hash32) -> "NativeBlock":
        """Read what `lamina_block_seal` gives. Raises RlpError when it is something else."""
        header, block_hash, receipts, nodes, replaced, codes, accounts = decode_list(raw, "native block")
        header_rlp = as_bytes(header, "header")
        by_hash, copies = _nodes(as_list(nodes, "nodes"))
        return NativeBlock(
            header_rlp,
            Hash32(as_bytes(block_hash, "block hash", 32)),
            tuple(_receipt(item) for item in as_list(receipts, "receipts")),
            StateUpdate(
                Header.decode(header_rlp).state_root,
                by_hash,
                _nodes(as_list(codes, "codes"))[0],
                {},
                _changes(parent_root, as_list(accounts, "accounts"), as_list(replaced, "replaced"), copies),
            ),
        )


def _receipt(item: Rlp) -> NativeReceipt:
    encoding, gas_used, created = as_list(item, "receipt", 3)
    address = as_bytes(created, "created")
    return NativeReceipt(
        as_bytes(encoding, "receipt"), as_int(gas_used, "gas used", 8), Address(address) if address else None
    )


def _nodes(items: list[Rlp]) -> tuple[dict[Hash32, bytes], dict[Hash32, int]]:
    """Values by hash, and how often more than once they occur."""
    values: dict[Hash32, bytes] = {}
    copies: dict[Hash32, int] = {}
    for index in range(0, len(items), 2):
        key = Hash32(as_bytes(items[index], "hash", 32))
        if key in values:
            copies[key] = copies.get(key, 0) + 1
        values[key] = as_bytes(items[index + 1], "value")
    return values, copies


def _changes(
    parent_root: Hash32, accounts: list[Rlp], replaced: list[Rlp], copies: dict[Hash32, int]
) -> StateChanges | None:
    """What changed by account and slot; None where storage was wiped, whose nodes the engine does not list."""
    values: dict[Hash32, bytes | None] = {}
    slots: dict[Hash32, dict[Hash32, bytes]] = {}
    for item in accounts:
        _address, hashed, account, wiped, changed = as_list(item, "account", 5)
        if as_bytes(wiped, "wiped"):
            return None
        key = Hash32(as_bytes(hashed, "hashed address", 32))
        values[key] = as_bytes(account, "account") or None
        triples = as_list(changed, "slots")
        if triples:
            slots[key] = {
                Hash32(as_bytes(triples[index + 1], "hashed slot", 32)): as_bytes(triples[index + 2], "value")
                for index in range(0, len(triples), 3)
            }
    hashes = tuple(Hash32(as_bytes(item, "replaced node", 32)) for item in replaced)
    return StateChanges(parent_root, values, slots, frozenset(), hashes, copies)
