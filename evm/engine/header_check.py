"""What header and body must satisfy before a block is executed, and what the header must after."""

from dataclasses import fields

from config.constants import EMPTY_UNCLES_HASH
from config.forks import EthFork
from evm.engine.errors import InvalidBlock
from evm.rules import InvalidHeader, Rules
from evm.trie import ordered_root
from evm.types import Block, Header, to_hex


def check_header(rules: Rules, parent: Header, header: Header) -> None:
    """Check a header against its parent as far as goes without executing the block. Raises InvalidHeader.

    Spec: yellow paper, 4.3.4; EIP-3675; EIP-1559; EIP-4844; op exec-engine.
    """
    if header.parent_hash != parent.hash:
        raise InvalidHeader(f"its parent is {to_hex(header.parent_hash)}, not {to_hex(parent.hash)}")
    if header.number != parent.number + 1:
        raise InvalidHeader(f"its number does not follow the parent's, {parent.number}")
    if header.timestamp <= parent.timestamp:
        raise InvalidHeader(f"timestamp {header.timestamp} is not after that of the parent, {parent.timestamp}")
    if header.difficulty:
        raise InvalidHeader(f"difficulty is {header.difficulty}, it must be 0 since the Merge")
    if any(header.nonce):
        raise InvalidHeader(f"nonce is {to_hex(header.nonce)}, it must be zero since the Merge")
    if header.uncles_hash != EMPTY_UNCLES_HASH:
        raise InvalidHeader("its uncles hash is not that of no uncles, which the Merge did away with")
    rules.check_gas_limit(parent, header.gas_limit)
    rules.check_extra_data(header.extra_data, header.timestamp)
    if header.gas_used > header.gas_limit:
        raise InvalidHeader(f"gas used {header.gas_used} is above the gas limit {header.gas_limit}")
    expected = rules.next_base_fee(parent, header.timestamp)
    if header.base_fee_per_gas != expected:
        raise InvalidHeader(f"base fee is {header.base_fee_per_gas}, expected {expected}")
    fork = rules.at(header.timestamp)
    for name, since in (
        ("withdrawals_root", EthFork.SHANGHAI),
        ("blob_gas_used", EthFork.CANCUN),
        ("excess_blob_gas", EthFork.CANCUN),
        ("parent_beacon_block_root", EthFork.CANCUN),
        ("requests_hash", EthFork.PRAGUE),
    ):
        if (getattr(header, name) is not None) != fork.has(since):
            raise InvalidHeader(f"{name} must be set exactly since {since.name.lower()} rules hold")
    if fork.has(EthFork.CANCUN):
        excess = rules.excess_blob_gas(parent, header.timestamp)
        if header.excess_blob_gas != excess:
            raise InvalidHeader(f"excess blob gas is {header.excess_blob_gas}, expected {excess}")


def check_body(rules: Rules, block: Block) -> None:
    """Check that transactions and withdrawals are those of the header. Raises InvalidHeader.

    Spec: yellow paper, 4.3.2; EIP-4895; op canyon exec-engine and isthmus exec-engine, where L2 has no withdrawals.
    """
    header, withdrawals = block.header, block.withdrawals
    root = ordered_root([transaction.raw for transaction in block.transactions])
    if root != header.transactions_root:
        raise InvalidHeader(f"transactions root is {to_hex(header.transactions_root)}, its body's is {to_hex(root)}")
    fork = rules.at(header.timestamp)
    if (withdrawals is not None) != fork.has(EthFork.SHANGHAI):
        raise InvalidHeader("its body must have a list of withdrawals exactly since shanghai rules hold")
    if withdrawals and fork.is_l2:
        raise InvalidHeader(f"its body has {len(withdrawals)} withdrawals, on L2 there are none")
    if withdrawals is not None and not fork.is_l2:
        root = ordered_root([withdrawal.encode() for withdrawal in withdrawals])
        if root != header.withdrawals_root:
            raise InvalidHeader(f"withdrawals root is {_show(header.withdrawals_root)}, its body's is {to_hex(root)}")


def compare_headers(computed: Header, claimed: Header) -> None:
    """Raises InvalidBlock naming the first field in which a block does not say what executing it gives."""
    if computed.hash == claimed.hash:
        return
    for field in fields(Header):
        ours, theirs = getattr(computed, field.name), getattr(claimed, field.name)
        if ours != theirs:
            raise InvalidBlock(f"{claimed}: {field.name} is {_show(theirs)}, executing the block gives {_show(ours)}")
    raise InvalidBlock(f"{claimed}: its hash does not fit its fields")


def _show(value: object) -> str:
    return to_hex(value) if isinstance(value, bytes) else str(value)
