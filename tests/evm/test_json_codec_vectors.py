"""The codec against answers of other clients."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.types import Hash32, to_hash32
from evm.trie import ordered_root
from evm.types import Block
from evm.types.json_codec import (
    Inclusion,
    block_from_json,
    block_size,
    block_to_json,
    header_from_json,
    header_to_json,
    log_from_json,
    receipt_from_json,
    transaction_from_json,
    transaction_to_json,
)
from evm.types.rlp import item_length


@pytest.fixture(scope="module")
def blocks(vectors: Path) -> dict[Hash32, Block]:
    """The blocks of the public RPC test chain by hash."""
    raw = (vectors / "rpc" / "chain.rlp").read_bytes()
    found = {}
    offset = 0
    while offset < len(raw):
        length = item_length(raw, offset)
        block = Block.decode(raw[offset : offset + length])
        found[block.hash] = block
        offset += length
    assert len(found) == 20
    return found


def exchanges(vectors: Path, pattern: str) -> Iterator[tuple[list[Any], Any]]:
    """(parameters, result) of each recorded call with a result."""
    for path in sorted((vectors / "rpc").glob(pattern)):
        lines = path.read_text().splitlines()
        request = next(line for line in lines if line.startswith(">> "))
        answer = next(line for line in lines if line.startswith("<< "))
        result = json.loads(answer[3:]).get("result")
        if result is not None:
            yield json.loads(request[3:])["params"], result


def test_blocks_print_as_recorded(vectors: Path, blocks: dict[Hash32, Block]) -> None:
    seen = 0
    for params, expected in exchanges(vectors, "eth_getBlockBy*/*.io"):
        block_hash = to_hash32(expected["hash"])
        assert header_from_json(expected).hash == block_hash
        if expected["number"] == "0x0":
            continue
        printed = block_to_json(blocks[block_hash], params[1])
        assert printed == expected
        assert list(printed) == list(expected)
        seen += 1
    assert seen >= 5


def test_transactions_print_as_recorded_in_the_same_order_of_fields(vectors: Path, blocks: dict[Hash32, Block]) -> None:
    types = set()
    for _, expected in exchanges(vectors, "eth_getTransactionBy*/*.io"):
        block = blocks[to_hash32(expected["blockHash"])]
        index = int(expected["transactionIndex"], 16)
        transaction = block.transactions[index]
        printed = transaction_to_json(transaction, Inclusion.of(block.header, index))
        assert printed == expected
        assert list(printed) == list(expected)
        assert transaction_from_json(expected) == transaction
        types.add(transaction.type)
    assert types == {0, 1, 2, 3, 4}


def test_every_block_of_the_chain_survives_json(blocks: dict[Hash32, Block]) -> None:
    for block in blocks.values():
        read = block_from_json(json.loads(json.dumps(block_to_json(block, full=True))))
        assert read == block
        assert read.encode() == block.encode()
        assert header_from_json(header_to_json(block.header)).raw == block.header.raw
        assert block_size(block) == len(block.encode())


def test_recorded_receipts_have_the_root_of_their_block(vectors: Path, blocks: dict[Hash32, Block]) -> None:
    seen = 0
    for _, answer in exchanges(vectors, "eth_getBlockReceipts/*.io"):
        if not answer:
            continue
        block = blocks[to_hash32(answer[0]["blockHash"])]
        receipts = [receipt_from_json(entry) for entry in answer]
        assert ordered_root([receipt.encode() for receipt in receipts]) == block.header.receipts_root
        seen += 1
    assert seen >= 3


def test_recorded_logs_are_read(vectors: Path) -> None:
    logs = [entry for _, answer in exchanges(vectors, "eth_getLogs/*.io") for entry in answer]
    assert logs
    for entry in logs:
        log = log_from_json(entry)
        assert "0x" + log.address.hex() == entry["address"]
        assert ["0x" + topic.hex() for topic in log.topics] == entry["topics"]


def test_served_l1_blocks_have_the_hash_they_claim_unless_they_are_the_corrupted_ones(vectors: Path) -> None:
    good = refused = 0
    for path in sorted((vectors / "l1" / "rpc-blocks" / "blocks").glob("*_data.json")):
        data = json.loads(path.read_text())
        expected_to_fail = json.loads(path.with_name(path.name.replace("_data", "_metadata")).read_text()).get("fail")
        if expected_to_fail:
            assert not _is_sound(data), path.name
            refused += 1
        else:
            assert _is_sound(data), path.name
            good += 1
    assert (good, refused) == (2, 10)


def test_served_l1_headers_have_the_hash_they_claim_unless_they_are_the_corrupted_ones(vectors: Path) -> None:
    count = 0
    for path in sorted((vectors / "l1" / "rpc-blocks" / "headers").glob("*_data.json")):
        data = json.loads(path.read_text())
        expected_to_fail = json.loads(path.with_name(path.name.replace("_data", "_metadata")).read_text()).get("fail")
        fits = header_from_json(data).hash == to_hash32(data["hash"])
        assert fits is not bool(expected_to_fail), path.name
        count += 1
    assert count == 7


def _is_sound(data: dict[str, Any]) -> bool:
    """Whether a block object is readable and all its commitments hold."""
    try:
        block = block_from_json(data)
    except ValueError:
        return False
    header = block.header
    return (
        header.hash == to_hash32(data["hash"])
        and ordered_root([transaction.raw for transaction in block.transactions]) == header.transactions_root
        and (
            block.withdrawals is None
            or ordered_root([withdrawal.encode() for withdrawal in block.withdrawals]) == header.withdrawals_root
        )
    )
