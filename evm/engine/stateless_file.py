"""Reads blocks with their witness from files, in the two forms that are about.

The newer form names its rules and payload: `rollup_config`, `parent_header` and `executing_payload` (payload
attributes) as JSON, `expected_block_hash`. The older one has `parent_header` and `expected_header` as RLP in hex and
`transactions` as a list of raw hex: the payload is what the expected header says, and the rules are those of a chain
that is named by `chain_id` in the file, by the reader, or by the transactions themselves. `witness` maps keccak256 of a
value to the value in both.
"""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.quantity import parse_optional_quantity
from config.registry import builtin_rollup_config
from config.rollup import RollupConfig
from config.types import Gas, Timestamp
from evm.engine.stateless import StatelessCase
from evm.types import Hash32, Header, PayloadAttributes, decode_transaction, from_hex, keccak256, to_hash32, to_hex
from evm.types.json_codec import header_from_json, header_to_json
from evm.types.transaction import DepositTransaction, TransactionDecodingError

BLOCK_FILE = "block.json.gz"
"""The block in a directory that reproduces a disagreement between engines."""

_GZIP_MAGIC = b"\x1f\x8b"


def load_stateless_case(path: Path, chain_id: int | None = None) -> StatelessCase:
    """A block with its witness from a JSON file, gzipped or not. `chain_id` names the rules where the file does not.

    A directory stands for the `block.json.gz` in it. Raises ValueError naming the file and what is wrong with it.
    """
    if path.is_dir():
        path /= BLOCK_FILE
    try:
        raw = path.read_bytes()
        if raw.startswith(_GZIP_MAGIC):
            raw = gzip.decompress(raw)
        data = json.loads(raw)
        if not isinstance(data, dict):
            raise ValueError("its JSON is no object")
        return stateless_case(data, chain_id)
    except KeyError as error:
        raise ValueError(f"{path}: the field {error.args[0]!r} is missing") from error
    except (ValueError, TypeError, AttributeError, OSError, EOFError) as error:
        raise ValueError(f"{path}: {error}") from error


def stateless_case(data: Mapping[str, Any], chain_id: int | None = None) -> StatelessCase:
    """A case from its JSON document. Raises KeyError or ValueError when it is malformed."""
    parent = _header(data["parent_header"])
    if "executing_payload" in data:
        attributes = PayloadAttributes.from_json(data["executing_payload"])
        expected_hash = to_hash32(data["expected_block_hash"])
    else:
        expected = _header(data["expected_header"])
        transactions = tuple(from_hex(raw) for raw in data["transactions"])
        attributes = attributes_of(expected, transactions)
        expected_hash = expected.hash
    return StatelessCase(
        rollup=_rollup(data, attributes.transactions, chain_id),
        parent=parent,
        attributes=attributes,
        witness=_witness(data["witness"]),
        expected_hash=expected_hash,
    )


def stateless_document(
    rollup: RollupConfig,
    parent: Header,
    attributes: PayloadAttributes,
    witness: Mapping[Hash32, bytes],
    expected_hash: Hash32,
) -> dict[str, Any]:
    """The newer form of a block with its witness, as a JSON document."""
    return {
        "rollup_config": rollup.to_json(),
        "parent_header": header_to_json(parent),
        "executing_payload": attributes.to_json(),
        "expected_block_hash": to_hex(expected_hash),
        "witness": {to_hex(key): to_hex(value) for key, value in witness.items()},
    }


def attributes_of(header: Header, transactions: tuple[bytes, ...]) -> PayloadAttributes:
    """The payload attributes that lead to a block with this header and these transactions.

    Spec: op holocene exec-engine, "Encoding"; op jovian exec-engine, "Minimum Base Fee in Block Header".
    """
    extra = header.extra_data
    return PayloadAttributes(
        timestamp=Timestamp(header.timestamp),
        prev_randao=header.prev_randao,
        suggested_fee_recipient=header.fee_recipient,
        parent_beacon_block_root=header.parent_beacon_block_root,
        transactions=transactions,
        no_tx_pool=True,
        gas_limit=Gas(header.gas_limit),
        eip1559_params=extra[1:9] if len(extra) >= 9 else None,
        min_base_fee=int.from_bytes(extra[9:17], "big") if len(extra) >= 17 else None,
        with_withdrawals=header.withdrawals_root is not None,
    )


def _header(value: Any) -> Header:
    return Header.decode(from_hex(value)) if isinstance(value, str) else header_from_json(value)


def _witness(value: Any) -> dict[Hash32, bytes]:
    if isinstance(value, list):
        values = [from_hex(item) for item in value]
        return {keccak256(item): item for item in values}
    return {to_hash32(key): from_hex(item) for key, item in value.items()}


def _rollup(data: Mapping[str, Any], transactions: tuple[bytes, ...], chain_id: int | None) -> RollupConfig:
    if data.get("rollup_config") is not None:
        return RollupConfig.from_json(data["rollup_config"])
    if chain_id is None:
        chain_id = parse_optional_quantity(data.get("chain_id"), "chain_id")
    if chain_id is None:
        chain_id = _signed_for(transactions)
    if chain_id is None:
        raise ValueError("nothing in it says which chain's rules hold: name the chain (--chain)")
    return builtin_rollup_config(chain_id)


def _signed_for(transactions: tuple[bytes, ...]) -> int | None:
    """The chain id that the first replay-protected transaction is signed for."""
    for raw in transactions:
        try:
            transaction = decode_transaction(raw)
        except TransactionDecodingError:
            continue
        if not isinstance(transaction, DepositTransaction) and transaction.chain_id is not None:
            return transaction.chain_id
    return None
