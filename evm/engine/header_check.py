"""What a header must satisfy before its block is executed, and after."""

from dataclasses import fields

from config.constants import EMPTY_UNCLES_HASH
from config.forks import EthFork
from evm.engine.errors import InvalidBlock
from evm.rules import InvalidHeader, Rules
from evm.types import Header, to_hex


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
    if header.difficulty or any(header.nonce) or header.uncles_hash != EMPTY_UNCLES_HASH:
        raise InvalidHeader("difficulty, nonce and uncles must be empty since the Merge")
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
