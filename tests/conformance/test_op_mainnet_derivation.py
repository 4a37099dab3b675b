"""`lamina derive` on Ethereum's blocks of 8 September 2023: what OP Mainnet made of them, before Canyon.

`LAMINA_ZETH_DERIVATION` names a directory with folders `ethereum` and `optimism`, as `risc0/zeth` had it at
`host/testdata/derivation`: answers of RPC calls by block, packed. Its commit ee9d6e0 has the L1 blocks 18090205 to 18090218 and
L2 blocks from 109279674 on, its commit c8fdfb3 further L2 blocks.
"""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from config.registry import builtin_document
from config.rollup import RollupConfig
from config.types import to_hex
from derivation.l2_block_info import l2_block_ref, system_config_of
from evm.types import Block
from evm.types.json_codec import block_from_json
from node.cli.main import app, command_tree

DATA = os.environ.get("LAMINA_ZETH_DERIVATION")

pytestmark = pytest.mark.skipif(DATA is None, reason="LAMINA_ZETH_DERIVATION names no directory of L1 and L2 blocks")

command_tree()


def recorded(chain: str) -> dict[int, dict[str, Any]]:
    """The recorded answers for each block of a chain."""
    assert DATA is not None
    paths = sorted(Path(DATA, chain).glob("*.json.gz"))
    return {int(path.name.partition(".")[0]): json.loads(gzip.decompress(path.read_bytes())) for path in paths}


def l2_blocks() -> dict[int, Block]:
    return {
        query["block_no"]: block_from_json(answer)
        for answers in recorded("optimism").values()
        for query, answer in answers["full_blocks"]
    }


def test_real_l1_blocks_give_the_attributes_of_real_op_mainnet_blocks(tmp_path: Path) -> None:
    """Spec: op derivation, "Deriving Payload Attributes"."""
    document = builtin_document(10)["rollup"]
    rollup = RollupConfig.from_json(document)
    for number, answers in recorded("ethereum").items():
        ((_, block),) = answers["full_blocks"]
        (tmp_path / f"block-{number}.json").write_text(json.dumps(block))
        for _, receipts in answers["receipts"]:
            (tmp_path / f"receipts-{number}.json").write_text(json.dumps(receipts))
    blocks = l2_blocks()
    first = blocks[min(blocks)]
    start = {"l2": l2_block_ref(first, rollup).to_json(), "systemConfig": system_config_of(first, rollup).to_json()}
    (tmp_path / "rollup.json").write_text(json.dumps(document))
    (tmp_path / "start.json").write_text(json.dumps(start))
    options = ["--l1-data", str(tmp_path), "--rollup.config", str(tmp_path / "rollup.json")]
    result = CliRunner().invoke(app, ["derive", *options, "--start", str(tmp_path / "start.json")])
    assert result.exit_code == 0, result.output
    lines = {line["number"]: line["attributes"] for line in map(json.loads, result.stdout.splitlines())}
    compared = 0
    for number, block in blocks.items():
        if block is not first:
            assert lines[number] == {
                "timestamp": hex(block.header.timestamp),
                "prevRandao": to_hex(block.header.prev_randao),
                "suggestedFeeRecipient": to_hex(block.header.fee_recipient),
                "gasLimit": hex(block.header.gas_limit),
                "noTxPool": True,
                "transactions": [to_hex(transaction.raw) for transaction in block.transactions],
            }
            compared += 1
    assert compared >= 5
