"""Batch data taken apart for people: real data, and garbage by position."""

import json
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from config.forks import Fork, ForkSchedule
from config.rollup import BlockId, RollupConfig, RollupGenesis, load_registry_chain
from config.system_config import SystemConfig
from config.types import Address, Gas, Hash32, Timestamp
from derivation.codec import Frame, compress_channel, encode_batcher_transaction, encode_blob
from derivation.inspection import DataFormat, guess_format, inspect_batch_data
from node.cli.batches import register
from node.cli.main import app

HASH = Hash32(bytes(32))
ROLLUP = RollupConfig(
    genesis=RollupGenesis(
        BlockId(HASH, 0),
        BlockId(HASH, 0),
        Timestamp(1000),
        SystemConfig(Address(bytes(20)), HASH, HASH, Gas(30_000_000)),
    ),
    block_time=2,
    max_sequencer_drift=600,
    seq_window_size=3600,
    channel_timeout=300,
    l1_chain_id=900,
    l2_chain_id=901,
    forks=ForkSchedule.all_at_genesis(Fork.ISTHMUS),
    batch_inbox_address=Address(bytes(20)),
    deposit_contract_address=Address(bytes(20)),
    l1_system_config_address=Address(bytes(20)),
)
ID = bytes(range(16))


def _hex(path: Path) -> bytes:
    return bytes.fromhex(path.read_text().strip().removeprefix("0x"))


def test_the_real_files_give_their_documented_counts(vectors: Path) -> None:
    mainnet = load_registry_chain(vectors / "config" / "registry" / "mainnet" / "op.toml")
    sepolia = load_registry_chain(vectors / "config" / "registry" / "sepolia" / "op.toml")
    blob = _hex(vectors / "batches" / "op-sepolia-ecotone-blob.hex")
    assert guess_format(blob) is DataFormat.BLOB
    document = inspect_batch_data(blob, DataFormat.BLOB, sepolia)
    assert document["errors"] == []
    (channel,) = document["channels"]
    (batch,) = channel["batches"]
    assert batch["type"] == "span"
    assert (len(batch["blocks"]), sum(len(block["transactions"]) for block in batch["blocks"])) == (22, 20)
    calldata = _hex(vectors / "batches" / "op-mainnet-2024-01-10-singular-calldata.hex")
    channel_bytes = inspect_batch_data(calldata, guess_format(calldata), mainnet)
    (channel,) = channel_bytes["channels"]
    assert channel["compression"] == "zlib"
    blocks = [block for batch in channel["batches"] for block in batch["blocks"]]
    assert [block["timestamp"] for block in blocks] == list(range(1704888269, 1704888336, 2))
    assert sum(len(block["transactions"]) for block in blocks) == 689
    transaction = (vectors / "batches" / "op-mainnet-delta-batcher-tx.rlp.bin").read_bytes()
    assert guess_format(transaction) is DataFormat.TX
    (channel,) = inspect_batch_data(transaction, DataFormat.TX, mainnet)["channels"]
    (batch,) = channel["batches"]
    assert (len(batch["blocks"]), sum(len(block["transactions"]) for block in batch["blocks"])) == (27, 209)
    assert batch["blocks"][0]["timestamp"] == mainnet.timestamp_of(117369690)


def test_garbage_is_named_by_position_and_the_rest_is_still_read() -> None:
    good = Frame(ID, 0, compress_channel(b"\x01"), True)
    data = encode_batcher_transaction([good]) + b"\xff" * 10
    document = inspect_batch_data(data, DataFormat.CALLDATA, ROLLUP)
    assert [frame["number"] for frame in document["frames"]] == [0]
    assert any(f"frame at byte {len(data) - 10} is cut off" in error for error in document["errors"])
    assert any("batch at byte 0" in error for error in document["errors"])
    wrong_version = inspect_batch_data(b"\x07rest", DataFormat.CALLDATA, ROLLUP)
    assert wrong_version["errors"] == ["byte 0: version 7, expected 0"]


def test_a_missing_frame_is_said_and_what_comes_before_it_is_read() -> None:
    frames = [Frame(ID, 0, b"\x78", False), Frame(ID, 2, b"end", True)]
    document = inspect_batch_data(encode_batcher_transaction(frames), DataFormat.CALLDATA, ROLLUP)
    assert any("frame 1 is not there" in error for error in document["errors"])
    assert document["channels"][0]["bytes"] == 1


def test_one_bad_blob_of_two_does_not_hide_the_other() -> None:
    good = encode_blob(encode_batcher_transaction([Frame(ID, 0, b"\x78", True)]))
    document = inspect_batch_data(b"\xff" * len(good) + good, DataFormat.BLOB, ROLLUP)
    assert document["errors"][0].startswith("blob 0: ")
    assert len(document["frames"]) == 1


@given(st.binary(max_size=400), st.sampled_from(DataFormat))
@example(b"\x00", DataFormat.CALLDATA)
def test_no_data_makes_it_fail(data: bytes, data_format: DataFormat) -> None:
    document = inspect_batch_data(data, data_format, ROLLUP)
    assert document["errors"] or document["channels"] or not data


def test_the_command_prints_one_document_and_takes_hex_or_binary(tmp_path: Path) -> None:
    register(app)
    data = encode_batcher_transaction([Frame(ID, 0, b"\x78", True)])
    ROLLUP.save(tmp_path / "rollup.json")
    (tmp_path / "binary").write_bytes(data)
    (tmp_path / "hex").write_text("0x" + data.hex() + "\n")
    documents = []
    for name in ("binary", "hex"):
        answer = CliRunner().invoke(
            app, ["decode-batch", str(tmp_path / name), "--rollup.config", str(tmp_path / "rollup.json")]
        )
        assert answer.exit_code == 0, answer.output
        documents.append(json.loads(answer.stdout))
    assert documents[0] == documents[1]
    assert documents[0]["frames"] == [{"channelId": "0x" + ID.hex(), "number": 0, "bytes": 1, "last": True}]
