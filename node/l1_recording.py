"""Saves what derivation reads of L1, and where it starts, as the files of `lamina derive`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from config.errors import CriticalError
from config.rollup import RollupConfig
from config.types import Address, Hash32, to_hex
from derivation.l2_block_info import l2_block_ref, system_config_of
from derivation.types import L2BlockRef
from evm.types import Block, Header, Log
from evm.types.json_codec import block_from_json
from evm.types.receipt import logs_bloom
from l1.data_directory import L1DataDirectory
from l1.rpc import RpcCaller


class BlobSource(Protocol):
    """Where blobs come from: `l1.beacon.BeaconClient` fits."""

    async def blobs(self, header: Header, hashes: Sequence[Hash32]) -> list[bytes]:
        """The blobs with these versioned hashes of an L1 block. Raises TemporaryError."""


class Commitments(Protocol):
    """Who computes KZG commitments: `l1.kzg.KzgWorker` fits."""

    async def commitment(self, blob: bytes) -> bytes:
        """The commitment (48 bytes) to a blob."""


class L1Recorder:
    """Writes `block-N.json`, `receipts-N.json` and `blobs-N.json` as the endpoints answered, each checked by its hash.

    Receipts are left out where the block's bloom filter says that neither the portal nor the SystemConfig logged
    anything; blobs are those of transactions to the batch inbox, whoever sent them.
    """

    def __init__(
        self, rpc: RpcCaller, blobs: BlobSource, kzg: Commitments, rollup: RollupConfig, directory: Path
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._rpc = rpc
        self._blobs = blobs
        self._kzg = kzg
        self._rollup = rollup
        self._directory = directory
        self._previous: Header | None = None

    async def record(self, number: int) -> Header:
        """Save an L1 block with all that belongs to it; blocks are saved in order.

        Raises ValueError when L1 does not have it yet, CriticalError when an answer does not have its hash or L1 was
        reorganised since the block before, TemporaryError.
        """
        document = await self._rpc.call("eth_getBlockByNumber", [hex(number), True])
        if document is None:
            raise ValueError(f"{self._rpc.endpoint} has no L1 block {number} yet: record fewer blocks")
        self._write(f"block-{number}.json", document)
        # Read back as `lamina derive` will: that checks every hash.
        files = L1DataDirectory(self._directory)
        header = files.header_by_number(number)
        if header is None:
            raise CriticalError(f"block-{number}.json was written to {self._directory}, but is not there")
        if self._previous is not None and header.parent_hash != self._previous.hash:
            raise CriticalError(
                f"L1 was reorganised while it was recorded: block {header} does not build on {self._previous}. "
                "Record again, or fewer blocks"
            )
        if self._has_logs_of_interest(header):
            receipts = await self._rpc.call("eth_getBlockReceipts", [to_hex(header.hash)])
            self._write(f"receipts-{number}.json", receipts)
            files.receipts(header.hash)
        hashes = [
            blob_hash
            for transaction in files.block(header.hash).transactions
            if transaction.to == self._rollup.batch_inbox_address
            for blob_hash in transaction.blob_versioned_hashes
        ]
        if hashes:
            await self._record_blobs(header, hashes)
        self._previous = header
        return header

    async def _record_blobs(self, header: Header, hashes: Sequence[Hash32]) -> None:
        sidecars = []
        for index, blob in enumerate(await self._blobs.blobs(header, hashes)):
            commitment = await self._kzg.commitment(blob)
            sidecars.append({"index": str(index), "blob": to_hex(blob), "kzg_commitment": to_hex(commitment)})
        self._write(f"blobs-{header.number}.json", {"data": sidecars})

    def _has_logs_of_interest(self, header: Header) -> bool:
        contracts = (self._rollup.deposit_contract_address, self._rollup.l1_system_config_address)
        return any(_may_have_logged(header.logs_bloom, contract) for contract in contracts)

    def _write(self, name: str, document: Any) -> None:
        (self._directory / name).write_text(json.dumps(document))


def _may_have_logged(bloom: bytes, contract: Address) -> bool:
    """Spec: yellow paper, 4.3.1 (the logs bloom)."""
    bits = int.from_bytes(logs_bloom([Log(contract, (), b"")]), "big")
    return int.from_bytes(bloom, "big") & bits == bits


async def start_at(rpc: RpcCaller, rollup: RollupConfig, number: int) -> tuple[L2BlockRef, dict[str, Any]]:
    """An L2 block to start from, and the document of `--start` that says so.

    Raises ValueError when the node does not have the block or it is none of this rollup, TemporaryError.
    """
    document = await rpc.call("eth_getBlockByNumber", [hex(number), True])
    if document is None:
        raise ValueError(f"{rpc.endpoint} has no L2 block {number}")
    block: Block = block_from_json(document)
    ref = l2_block_ref(block, rollup)
    return ref, {"l2": ref.to_json(), "systemConfig": system_config_of(block, rollup).to_json()}
