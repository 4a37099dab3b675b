"""The transaction object and the overrides that `eth_call` and its kin take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evm.types import ZERO_ADDRESS, Address, Authorization, Hash32
from evm.types.transaction import AccessList
from node.rpc.params import (
    parse_address,
    parse_data,
    parse_hash,
    parse_list,
    parse_object,
    parse_quantity,
    parse_uint64,
)


@dataclass(frozen=True)
class CallObject:
    """What a caller wants run. Prices in wei per gas; None where the caller left a field out.

    Spec: Ethereum execution APIs, "GenericTransaction".
    """

    sender: Address
    to: Address | None
    gas: int | None
    gas_price: int | None
    max_fee: int | None
    max_priority_fee: int | None
    value: int
    data: bytes
    nonce: int | None
    access_list: AccessList
    blob_hashes: tuple[Hash32, ...]
    max_fee_per_blob_gas: int | None
    authorizations: tuple[Authorization, ...]


@dataclass(frozen=True)
class AccountOverride:
    """Changes to one account for the time of a call. `state` replaces its storage, `state_diff` changes single slots."""

    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    state: dict[int, int] | None = None
    state_diff: dict[int, int] | None = None
    move_precompile_to: Address | None = None


@dataclass(frozen=True)
class BlockOverride:
    """Changes to the block for the time of a call."""

    number: int | None = None
    time: int | None = None
    gas_limit: int | None = None
    fee_recipient: Address | None = None
    prev_randao: Hash32 | None = None
    base_fee: int | None = None
    blob_base_fee: int | None = None


def parse_call_object(value: Any) -> CallObject:
    """Read a transaction object. Raises ValueError naming the field that is malformed."""
    data = parse_object(value)

    def field(name: str, parser: Callable[[Any], Any], default: Any = None) -> Any:
        return _field(data, name, parser, default)

    if field("gasPrice", parse_quantity) is not None and (
        field("maxFeePerGas", parse_quantity) is not None or field("maxPriorityFeePerGas", parse_quantity) is not None
    ):
        raise ValueError("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
    payload, old_payload = field("input", parse_data), field("data", parse_data)
    if payload is not None and old_payload is not None and payload != old_payload:
        raise ValueError('both "data" and "input" are set and not equal: use "input" for the call data')
    chosen = payload if payload is not None else old_payload
    return CallObject(
        sender=field("from", parse_address, ZERO_ADDRESS),
        to=field("to", parse_address),
        gas=field("gas", parse_uint64),
        gas_price=field("gasPrice", parse_quantity),
        max_fee=field("maxFeePerGas", parse_quantity),
        max_priority_fee=field("maxPriorityFeePerGas", parse_quantity),
        value=field("value", parse_quantity, 0),
        data=b"" if chosen is None else chosen,
        nonce=field("nonce", parse_uint64),
        access_list=field("accessList", _access_list, ()),
        blob_hashes=field("blobVersionedHashes", _hashes, ()),
        max_fee_per_blob_gas=field("maxFeePerBlobGas", parse_quantity),
        authorizations=field("authorizationList", _authorizations, ()),
    )


def parse_state_overrides(value: Any) -> dict[Address, AccountOverride]:
    """Read the state override set of `eth_call`. Raises ValueError. Spec: geth, "eth_call, state override set"."""
    overrides = {}
    for address, entry in parse_object(value).items():
        data = parse_object(entry)
        override = AccountOverride(
            balance=_field(data, "balance", parse_quantity),
            nonce=_field(data, "nonce", parse_uint64),
            code=_field(data, "code", parse_data),
            state=_field(data, "state", _slots),
            state_diff=_field(data, "stateDiff", _slots),
            move_precompile_to=_field(data, "movePrecompileToAddress", parse_address),
        )
        if override.state is not None and override.state_diff is not None:
            raise ValueError(f"account {address} has both 'state' and 'stateDiff'")
        overrides[parse_address(address)] = override
    return overrides


def parse_block_overrides(value: Any) -> BlockOverride:
    """Read the block override object of `eth_call`. Raises ValueError."""
    data = parse_object(value)
    return BlockOverride(
        number=_field(data, "number", parse_quantity),
        time=_field(data, "time", parse_uint64),
        gas_limit=_field(data, "gasLimit", parse_uint64),
        fee_recipient=_field(data, "feeRecipient", parse_address) or _field(data, "coinbase", parse_address),
        prev_randao=_field(data, "prevRandao", parse_hash) or _field(data, "random", parse_hash),
        base_fee=_field(data, "baseFeePerGas", parse_quantity) or _field(data, "baseFee", parse_quantity),
        blob_base_fee=_field(data, "blobBaseFee", parse_quantity),
    )


def _field(data: dict[str, Any], name: str, parser: Callable[[Any], Any], default: Any = None) -> Any:
    value = data.get(name)
    if value is None:
        return default
    try:
        return parser(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _hashes(value: Any) -> tuple[Hash32, ...]:
    return tuple(parse_hash(item) for item in parse_list(value))


def _access_list(value: Any) -> AccessList:
    entries = []
    for item in parse_list(value):
        entry = parse_object(item)
        entries.append((parse_address(entry.get("address")), _hashes(entry.get("storageKeys") or [])))
    return tuple(entries)


def _authorizations(value: Any) -> tuple[Authorization, ...]:
    return tuple(
        Authorization(
            chain_id=_field(entry, "chainId", parse_quantity, 0),
            address=parse_address(entry.get("address")),
            nonce=_field(entry, "nonce", parse_uint64, 0),
            y_parity=_field(entry, "yParity", parse_uint64, 0),
            r=_field(entry, "r", parse_quantity, 0),
            s=_field(entry, "s", parse_quantity, 0),
        )
        for entry in (parse_object(item) for item in parse_list(value))
    )


def _slots(value: Any) -> dict[int, int]:
    return {
        int.from_bytes(parse_hash(slot), "big"): int.from_bytes(parse_hash(word), "big")
        for slot, word in parse_object(value).items()
    }
