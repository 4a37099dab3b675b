"""The transaction object and the overrides that `eth_call` and its kin take."""

from collections.abc import Callable
from typing import Any

from evm.engine.call import CallMessage
from evm.engine.overrides import BlockOverrides, StateOverride
from evm.types import ZERO_ADDRESS, Address, Authorization, Hash32, Withdrawal
from evm.types.transaction import AccessList
from node.rpc.errors import server_error
from node.rpc.params import (
    parse_address,
    parse_data,
    parse_hash,
    parse_list,
    parse_object,
    parse_quantity,
    parse_uint64,
)


def parse_call(value: Any, chain_id: int) -> CallMessage:
    """Read a transaction object. Raises ValueError naming the field that is malformed.

    Raises RpcError when the transaction is for another chain than this one, `chain_id`.
    Spec: Ethereum execution APIs, "GenericTransaction".
    """
    data = parse_object(value)
    wanted = _field(data, "chainId", parse_quantity, chain_id)
    if wanted != chain_id:
        raise server_error(f"chainId does not match node's (have={wanted}, want={chain_id})")
    gas_price = _field(data, "gasPrice", parse_quantity)
    max_fee = _field(data, "maxFeePerGas", parse_quantity)
    tip = _field(data, "maxPriorityFeePerGas", parse_quantity)
    if gas_price is not None:
        if max_fee is not None or tip is not None:
            raise ValueError("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
        max_fee = tip = gas_price
    payload, old_payload = _field(data, "input", parse_data), _field(data, "data", parse_data)
    if payload is not None and old_payload is not None and payload != old_payload:
        raise ValueError('both "data" and "input" are set and not equal: use "input" for the call data')
    chosen = old_payload if payload is None else payload
    return CallMessage(
        sender=_field(data, "from", parse_address, ZERO_ADDRESS),
        to=_field(data, "to", parse_address),
        data=b"" if chosen is None else chosen,
        value=_field(data, "value", parse_quantity, 0),
        gas=_field(data, "gas", parse_uint64),
        max_fee_per_gas=max_fee or 0,
        max_priority_fee_per_gas=tip or 0,
        max_fee_per_blob_gas=_field(data, "maxFeePerBlobGas", parse_quantity, 0),
        nonce=_field(data, "nonce", parse_uint64),
        access_list=_field(data, "accessList", _access_list, ()),
        authorization_list=_field(data, "authorizationList", _authorizations, ()),
        blob_versioned_hashes=_field(data, "blobVersionedHashes", _hashes, ()),
        legacy=gas_price is not None,
    )


def parse_state_overrides(value: Any) -> dict[Address, StateOverride]:
    """Read the state override set of `eth_call`. Raises ValueError. Spec: geth, "eth_call, state override set"."""
    overrides = {}
    for address, entry in parse_object(value).items():
        data = parse_object(entry)
        state, state_diff = _field(data, "state", _slots), _field(data, "stateDiff", _slots)
        if state is not None and state_diff is not None:
            raise ValueError(f"account {address} has both 'state' and 'stateDiff'")
        overrides[parse_address(address)] = StateOverride(
            balance=_field(data, "balance", parse_quantity),
            nonce=_field(data, "nonce", parse_uint64),
            code=_field(data, "code", parse_data),
            state=state,
            state_diff=state_diff or {},
            move_precompile_to=_field(data, "movePrecompileToAddress", parse_address),
        )
    return overrides


def parse_block_overrides(value: Any) -> BlockOverrides:
    """Read the block override object of `eth_call`, in geth's spelling or `eth_simulateV1`'s. Raises ValueError."""
    data = parse_object(value)

    def either(name: str, other: str, parser: Callable[[Any], Any]) -> Any:
        first = _field(data, name, parser)
        return _field(data, other, parser) if first is None else first

    return BlockOverrides(
        number=_field(data, "number", parse_quantity),
        timestamp=either("time", "timestamp", parse_uint64),
        gas_limit=_field(data, "gasLimit", parse_uint64),
        fee_recipient=either("feeRecipient", "coinbase", parse_address),
        prev_randao=either("prevRandao", "random", parse_hash),
        base_fee=either("baseFeePerGas", "baseFee", parse_quantity),
        blob_base_fee=_field(data, "blobBaseFee", parse_quantity),
        beacon_root=_field(data, "beaconRoot", parse_hash),
        withdrawals=_field(data, "withdrawals", _withdrawals),
    )


def parse_call_facts(value: Any) -> BlockOverrides:
    """Block overrides for a call, which sees nothing of beacon root and withdrawals.

    Raises ValueError, and RpcError for fields that are for whole blocks only.
    """
    facts = parse_block_overrides(value)
    for name, given in (("beaconRoot", facts.beacon_root), ("withdrawals", facts.withdrawals)):
        if given is not None:
            raise server_error(f'block override "{name}" is not supported for this RPC method')
    return facts


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


def _withdrawals(value: Any) -> tuple[Withdrawal, ...]:
    return tuple(
        Withdrawal(
            index=_field(entry, "index", parse_uint64, 0),
            validator_index=_field(entry, "validatorIndex", parse_uint64, 0),
            address=parse_address(entry.get("address")),
            amount=_field(entry, "amount", parse_uint64, 0),
        )
        for entry in (parse_object(item) for item in parse_list(value))
    )


def _slots(value: Any) -> dict[int, int]:
    return {
        int.from_bytes(parse_hash(slot), "big"): int.from_bytes(parse_hash(word), "big")
        for slot, word in parse_object(value).items()
    }
