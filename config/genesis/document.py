"""A whole genesis document: geth's `genesis.json`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.genesis.account import Alloc
from config.genesis.alloc_file import alloc_from_json, alloc_to_json, read_document
from config.quantity import parse_optional_quantity, parse_quantity
from config.types import ZERO_ADDRESS, ZERO_HASH, Address, Hash32, Timestamp, from_hex, to_hex

NONCE_BYTES = 8


@dataclass(frozen=True)
class Genesis:
    """Header fields and accounts of a genesis block, and the chain configuration that came with them.

    `config` is kept as the document spells it; None where it has none (the superchain registry's files). Base fee, in
    wei, and the blob fields, in blob gas, are None where the document leaves them open: the fork rules then decide.
    """

    config: Mapping[str, Any] | None
    timestamp: Timestamp
    gas_limit: int
    alloc: Alloc = field(repr=False)
    nonce: int = 0
    extra_data: bytes = b""
    difficulty: int = 0
    mix_hash: Hash32 = ZERO_HASH
    coinbase: Address = ZERO_ADDRESS
    number: int = 0
    gas_used: int = 0
    parent_hash: Hash32 = ZERO_HASH
    base_fee_per_gas: int | None = None
    excess_blob_gas: int | None = None
    blob_gas_used: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The document as geth writes it."""
        return {
            "config": None if self.config is None else dict(self.config),
            "nonce": hex(self.nonce),
            "timestamp": hex(self.timestamp),
            "extraData": to_hex(self.extra_data),
            "gasLimit": hex(self.gas_limit),
            "difficulty": hex(self.difficulty),
            "mixHash": to_hex(self.mix_hash),
            "coinbase": to_hex(self.coinbase),
            "alloc": alloc_to_json(self.alloc),
            "number": hex(self.number),
            "gasUsed": hex(self.gas_used),
            "parentHash": to_hex(self.parent_hash),
            "baseFeePerGas": _optional_hex(self.base_fee_per_gas),
            "excessBlobGas": _optional_hex(self.excess_blob_gas),
            "blobGasUsed": _optional_hex(self.blob_gas_used),
        }

    @staticmethod
    def from_json(raw: Mapping[str, Any]) -> "Genesis":
        """Reads a document; `gasLimit` and `alloc` must be there, all else has geth's defaults.

        Raises ValueError naming the field that is missing or cannot be read.
        """
        for name in ("gasLimit", "alloc"):
            if raw.get(name) is None:
                raise ValueError(f"The genesis document has no {name}.")
        return Genesis(
            config=raw.get("config"),
            nonce=_nonce(raw.get("nonce")),
            timestamp=Timestamp(parse_quantity(raw.get("timestamp"), "timestamp")),
            extra_data=from_hex(raw.get("extraData") or "0x"),
            gas_limit=parse_quantity(raw["gasLimit"], "gasLimit"),
            difficulty=parse_quantity(raw.get("difficulty"), "difficulty"),
            mix_hash=Hash32(from_hex(raw.get("mixHash") or to_hex(ZERO_HASH), 32)),
            coinbase=Address(from_hex(raw.get("coinbase") or to_hex(ZERO_ADDRESS), 20)),
            alloc=alloc_from_json(raw["alloc"]),
            number=parse_quantity(raw.get("number"), "number"),
            gas_used=parse_quantity(raw.get("gasUsed"), "gasUsed"),
            parent_hash=Hash32(from_hex(raw.get("parentHash") or to_hex(ZERO_HASH), 32)),
            base_fee_per_gas=parse_optional_quantity(raw.get("baseFeePerGas"), "baseFeePerGas"),
            excess_blob_gas=parse_optional_quantity(raw.get("excessBlobGas"), "excessBlobGas"),
            blob_gas_used=parse_optional_quantity(raw.get("blobGasUsed"), "blobGasUsed"),
        )


def load_genesis(path: Path, dictionary: Path | None = None) -> Genesis:
    """The genesis document in a `.json` or `.json.zst` file; `dictionary` as for `load_alloc`.

    Raises ValueError when the file is not such a document; the message names the file.
    """
    document = read_document(path, dictionary)
    try:
        return Genesis.from_json(document)
    except ValueError as error:
        raise ValueError(f"{path.name} is not a genesis document: {error}") from error


def dump_genesis(genesis: Genesis, path: Path) -> None:
    """Writes the document as geth reads it."""
    path.write_text(json.dumps(genesis.to_json(), indent=1) + "\n", encoding="utf-8")


def _nonce(value: Any) -> int:
    nonce = parse_quantity(value, "nonce")
    if nonce >= 1 << (8 * NONCE_BYTES):
        raise ValueError(f"The nonce of a header has {NONCE_BYTES} bytes, got {nonce:#x}.")
    return nonce


def _optional_hex(value: int | None) -> str | None:
    return None if value is None else hex(value)
