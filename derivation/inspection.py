"""Takes batch data apart for people: everything that can be read is shown, what cannot is named with its position."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from config.constants import BLOB_BYTES, DERIVATION_VERSION_0, MAX_RLP_BYTES_PER_CHANNEL_FJORD
from config.rollup import RollupConfig
from config.types import to_hex
from derivation.codec import (
    Batch,
    ChannelDecoder,
    DecodingError,
    Frame,
    SingularBatch,
    decode_batch,
    decode_blob,
    read_frames,
)
from evm.types import decode_transaction
from evm.types.transaction import TransactionDecodingError


class DataFormat(Enum):
    """What a file holds.

    CALLDATA: the data of a batcher transaction (version byte, frames). BLOB: one or more whole blobs. FRAMES: frames
    without a version byte. CHANNEL: a compressed channel. TX: an L1 transaction in canonical bytes.
    """

    CALLDATA = "calldata"
    BLOB = "blob"
    FRAMES = "frames"
    CHANNEL = "channel"
    TX = "tx"


def guess_format(data: bytes) -> DataFormat:
    """The format that the first bytes and the length speak for."""
    if data and len(data) % BLOB_BYTES == 0:
        return DataFormat.BLOB
    if data[:1] == bytes((DERIVATION_VERSION_0,)):
        return DataFormat.CALLDATA
    try:
        decode_transaction(data)
        return DataFormat.TX
    except TransactionDecodingError:
        return DataFormat.CHANNEL


@dataclass
class _Channel:
    channel_id: bytes
    frames: dict[int, Frame]

    def content(self) -> tuple[bytes, str | None]:
        """The bytes of the frames from 0 on without a gap, and what is missing."""
        parts = []
        number = 0
        while number in self.frames:
            frame = self.frames[number]
            parts.append(frame.data)
            if frame.is_last:
                return b"".join(parts), None
            number += 1
        return b"".join(parts), f"channel {to_hex(self.channel_id)}: frame {number} is not there"


def inspect_batch_data(data: bytes, data_format: DataFormat, rollup: RollupConfig) -> dict[str, Any]:
    """Frames, channels and batches in `data` as one JSON-ready object; never raises for what the data holds.

    `rollup` gives timestamps of span batches and the chain id of their transactions.
    """
    errors: list[str] = []
    if data_format is DataFormat.CHANNEL:
        return {"frames": [], "channels": [_channel(b"", data, rollup, errors)], "errors": errors}
    frames: list[Frame] = []
    for where, payload in _payloads(data, data_format, errors):
        start = 0
        if data_format is not DataFormat.FRAMES:
            if payload[:1] != bytes((DERIVATION_VERSION_0,)):
                version = f"version {payload[0]}" if payload else "no version byte"
                errors.append(f"{where}byte 0: {version}, expected {DERIVATION_VERSION_0}")
                continue
            start = 1
            if len(payload) == start:
                errors.append(f"{where}no frame follows the version byte")
        try:
            for frame in read_frames(payload, start):
                frames.append(frame)  # noqa: PERF402 (what comes before a bad frame is kept)
        except DecodingError as error:
            errors.append(f"{where}{error}")
    channels: dict[bytes, _Channel] = {}
    for frame in frames:
        channel = channels.setdefault(frame.channel_id, _Channel(frame.channel_id, {}))
        if frame.number in channel.frames:
            errors.append(f"frame {frame.number} of channel {to_hex(frame.channel_id)} is there twice")
            continue
        channel.frames[frame.number] = frame
    documents = []
    for channel in channels.values():
        content, missing = channel.content()
        if missing is not None:
            errors.append(missing)
        documents.append(_channel(channel.channel_id, content, rollup, errors))
    return {
        "frames": [
            {
                "channelId": to_hex(frame.channel_id),
                "number": frame.number,
                "bytes": len(frame.data),
                "last": frame.is_last,
            }
            for frame in frames
        ],
        "channels": documents,
        "errors": errors,
    }


def _payloads(data: bytes, data_format: DataFormat, errors: list[str]) -> list[tuple[str, bytes]]:
    if data_format is DataFormat.BLOB:
        payloads = []
        for index in range(0, len(data), BLOB_BYTES):
            try:
                payloads.append((f"blob {index // BLOB_BYTES}: ", decode_blob(data[index : index + BLOB_BYTES])))
            except DecodingError as error:
                errors.append(f"blob {index // BLOB_BYTES}: {error}")
        return payloads
    if data_format is DataFormat.TX:
        try:
            transaction = decode_transaction(data)
        except TransactionDecodingError as error:
            errors.append(str(error))
            return []
        if transaction.blob_versioned_hashes:
            count = len(transaction.blob_versioned_hashes)
            errors.append(f"the transaction's batch data is in its {count} blobs, which it does not hold: give those")
            return []
        return [("", transaction.data)]
    return [("", data)]


def _channel(channel_id: bytes, content: bytes, rollup: RollupConfig, errors: list[str]) -> dict[str, Any]:
    name = f"channel {to_hex(channel_id)}: " if channel_id else "channel: "
    document: dict[str, Any] = {
        "id": to_hex(channel_id),
        "compression": None,
        "bytes": len(content),
        "rawBytes": 0,
        "batches": [],
    }
    try:
        decoder = ChannelDecoder(content, MAX_RLP_BYTES_PER_CHANNEL_FJORD)
    except DecodingError as error:
        errors.append(f"{name}{error}")
        return document
    document["compression"] = decoder.compression.value
    try:
        while (encoded := decoder.next_batch()) is not None:
            position = document["rawBytes"]
            document["rawBytes"] = decoder.consumed
            try:
                document["batches"].append(_batch(decode_batch(encoded, rollup.l2_chain_id), rollup))
            except DecodingError as error:
                errors.append(f"{name}batch at byte {position} of the decompressed channel: {error}")
    except DecodingError as error:
        errors.append(f"{name}{error}")
    return document


def _batch(batch: Batch, rollup: RollupConfig) -> dict[str, Any]:
    if isinstance(batch, SingularBatch):
        return {
            "type": "singular",
            "parentHash": to_hex(batch.parent_hash),
            "epochNumber": batch.epoch_number,
            "epochHash": to_hex(batch.epoch_hash),
            "blocks": [_block(batch.timestamp, batch.epoch_number, batch.transactions)],
        }
    start = batch.start_timestamp(rollup)
    return {
        "type": "span",
        "parentCheck": to_hex(batch.parent_check),
        "epochNumber": batch.l1_origin_number,
        "l1OriginCheck": to_hex(batch.l1_origin_check),
        "blocks": [
            _block(start + index * rollup.block_time, epoch, block.transactions)
            for index, (block, epoch) in enumerate(zip(batch.blocks, batch.epoch_numbers(), strict=True))
        ],
    }


def _block(timestamp: int, epoch_number: int, transactions: tuple[bytes, ...]) -> dict[str, Any]:
    return {
        "timestamp": timestamp,
        "epochNumber": epoch_number,
        "transactions": [to_hex(raw) for raw in transactions],
    }
