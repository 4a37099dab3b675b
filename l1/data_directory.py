"""L1 from files: blocks, receipts and blobs that somebody saved, each checked against its hash."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.errors import CriticalError
from config.types import Hash32, from_hex, short, to_hex
from evm.trie import ordered_root
from evm.types import Block, Header, Receipt
from evm.types.json_codec import block_from_json, receipt_from_json
from l1.kzg_core import commitment_of, versioned_hash


class L1DataDirectory:
    """Serves derivation from a directory of `block-N.json` (the object of an `eth_getBlockByNumber` answer with full
    transactions), `receipts-N.json` (an `eth_getBlockReceipts` answer; absent: no log of interest) and `blobs-N.json`
    (a beacon `blob_sidecars` answer, or one of `blobs`).

    Any method raises CriticalError naming the file that is malformed or does not have the hash it should have.
    """

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise ValueError(f"{directory} is no directory")
        self._directory = directory
        self._by_number: dict[int, Block] = {}
        self._by_hash: dict[Hash32, Block] = {}

    def header_by_number(self, number: int) -> Header | None:
        """The header of the block in `block-N.json`, None when there is no such file."""
        block = self._by_number.get(number) or self._load(number)
        return None if block is None else block.header

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        """The header with this hash, None when no block read so far has it."""
        block = self._by_hash.get(block_hash)
        return None if block is None else block.header

    def block(self, block_hash: Hash32) -> Block:
        """The block with this hash, of those read so far."""
        return self._by_hash[block_hash]

    def receipts(self, block_hash: Hash32) -> tuple[Receipt, ...]:
        """The receipts of the block with this hash; none when there is no file of them."""
        header = self._by_hash[block_hash].header
        path = self._directory / f"receipts-{header.number}.json"
        if not path.is_file():
            return ()
        try:
            receipts = tuple(receipt_from_json(item) for item in _read(path))
            root = ordered_root([receipt.encode() for receipt in receipts])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CriticalError(f"{path}: {error}") from error
        if root != header.receipts_root:
            raise CriticalError(
                f"{path}: its {len(receipts)} receipts hash to {short(root)}, but L1 {header} has the receipts root "
                f"{short(header.receipts_root)}"
            )
        return receipts

    def blobs(self, header: Header, hashes: Sequence[Hash32]) -> list[bytes]:
        """The blobs with these versioned hashes, in this order, of the block with this header."""
        path = self._directory / f"blobs-{header.number}.json"
        if not path.is_file():
            raise CriticalError(f"L1 {header} has {len(hashes)} blobs of the batcher, but there is no {path}")
        try:
            data = _read(path)["data"]
            # The commitment is recomputed for the blobs that are wanted: what a file says of itself proves nothing.
            claimed = {_claimed_hash(item): item for item in data}
            found = {key: _blob(claimed[key]) for key in set(hashes) & claimed.keys()}
            wrong = [key for key, blob in found.items() if versioned_hash(commitment_of(blob)) != key]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CriticalError(f"{path}: {error}") from error
        if wrong:
            raise CriticalError(f"{path}: the blob that is to have the versioned hash {to_hex(wrong[0])} has another")
        missing = [key for key in hashes if key not in found]
        if missing:
            raise CriticalError(f"{path} lacks {len(missing)} blobs of the batcher, first {to_hex(missing[0])}")
        return [found[key] for key in hashes]

    def _load(self, number: int) -> Block | None:
        path = self._directory / f"block-{number}.json"
        if not path.is_file():
            return None
        document = _read(path)
        try:
            block = block_from_json(document)
            claimed = from_hex(document["hash"], 32)
            root = ordered_root([tx.raw for tx in block.transactions])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CriticalError(f"{path}: {error}") from error
        header = block.header
        if header.hash != claimed:
            raise CriticalError(f"{path}: its fields hash to {short(header.hash)}, but it says {short(claimed)}")
        if header.number != number:
            raise CriticalError(f"{path}: it holds L1 {header}")
        if root != header.transactions_root:
            raise CriticalError(
                f"{path}: its {len(block.transactions)} transactions hash to {short(root)}, but its header has the "
                f"transactions root {short(header.transactions_root)}"
            )
        self._by_number[number] = self._by_hash[header.hash] = block
        return block


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CriticalError(f"{path} cannot be read: {error}") from error


def _claimed_hash(item: Any) -> Hash32:
    """The versioned hash of a sidecar by its commitment, or of a bare blob."""
    commitment = commitment_of(_blob(item)) if isinstance(item, str) else from_hex(item["kzg_commitment"], 48)
    return versioned_hash(commitment)


def _blob(item: Any) -> bytes:
    return from_hex(item if isinstance(item, str) else item["blob"])
