"""The verifying L1 client: what it accepts, what it refuses, and how it finds out what an endpoint offers."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.errors import TemporaryError
from config.types import Hash32, to_hash32, to_hex
from evm.trie import ordered_root
from evm.types import Block, Header, Log, Receipt, keccak256, to_address
from evm.types.json_codec import (
    block_from_json,
    block_to_json,
    header_from_json,
    log_from_json,
)
from l1.retry import NO_RETRY
from l1.rpc import RpcCaller
from l1.source import L1BlockNotFound, L1Client, L1DataMismatch, ReceiptsMethod
from tests.l1.conftest import RpcFailure, ServeRpc
from tests.l1.fake_l1 import VirtualClock

BLOCK_CASES = [
    "post-shanghai-success",
    "post-shanghai-bad-receipts-hash",
    "post-shanghai-bad-transactions-hash",
    "post-shanghai-bad-transactions-nil",
    "post-shanghai-bad-transactions",
    "post-shanghai-bad-withdrawals-hash",
    "post-shanghai-bad-withdrawals-nil",
    "post-shanghai-bad-withdrawals",
    "pre-shanghai-success",
    "pre-shanghai-bad-receipts-hash",
    "pre-shanghai-bad-transactions-hash",
    "pre-shanghai-bad-transactions",
]
HEADER_CASES = [
    "post-shanghai-success",
    "post-shanghai-bad-receipts",
    "post-shanghai-bad-transactions",
    "post-shanghai-bad-withdrawals",
    "pre-shanghai-success",
    "pre-shanghai-bad-receipts",
    "pre-shanghai-bad-transactions",
]


def load(vectors: Path, kind: str, name: str) -> tuple[dict[str, Any], bool]:
    """The RPC object and whether it must be refused."""
    folder = vectors / "l1" / "rpc-blocks" / kind
    metadata = json.loads((folder / f"{name}_metadata.json").read_text())
    return json.loads((folder / f"{name}_data.json").read_text()), bool(metadata.get("fail"))


def client_of(rpc: RpcCaller) -> L1Client:
    return L1Client(rpc, retry=NO_RETRY)


@pytest.mark.parametrize("name", BLOCK_CASES)
async def test_blocks_of_the_public_vectors_are_taken_or_refused_as_they_say(
    name: str, vectors: Path, serve_rpc: ServeRpc
) -> None:
    answer, must_fail = load(vectors, "blocks", name)
    rpc = await serve_rpc({"eth_getBlockByHash": lambda block_hash, full: answer})
    source = client_of(rpc)
    block_hash = to_hash32(answer["hash"])
    if must_fail:
        with pytest.raises(L1DataMismatch, match=f"{rpc.endpoint} served wrong data for L1 block"):
            await source.block_by_hash(block_hash)
    else:
        block = await source.block_by_hash(block_hash)
        assert block.hash == block_hash
        assert [to_hex(tx.hash) for tx in block.transactions] == [tx["hash"] for tx in answer["transactions"]]
        assert [to_hex(tx.sender) for tx in block.transactions] == [tx["from"] for tx in answer["transactions"]]


@pytest.mark.parametrize("name", HEADER_CASES)
async def test_headers_of_the_public_vectors_are_taken_or_refused_as_they_say(
    name: str, vectors: Path, serve_rpc: ServeRpc
) -> None:
    answer, must_fail = load(vectors, "headers", name)
    source = client_of(await serve_rpc({"eth_getBlockByNumber": lambda number, full: answer}))
    number = int(answer["number"], 16)
    if must_fail:
        with pytest.raises(L1DataMismatch):
            await source.header_by_number(number)
    else:
        assert (await source.header_by_number(number)).hash == to_hash32(answer["hash"])


def block_with_receipts(count: int) -> tuple[Block, tuple[Receipt, ...]]:
    """An empty-bodied header that commits to `count` receipts, each with a log."""
    receipts = tuple(
        Receipt(
            type=index % 3,
            status=index % 2,
            cumulative_gas_used=21_000 * (index + 1),
            logs=(Log(to_address("0x" + "aa" * 20), (keccak256(bytes([index])),), bytes(index)),),
        )
        for index in range(count)
    )
    header = Header(
        parent_hash=Hash32(b"\x01" * 32),
        fee_recipient=to_address("0x" + "00" * 20),
        state_root=Hash32(b"\x02" * 32),
        transactions_root=ordered_root([]),
        receipts_root=ordered_root([receipt.encode() for receipt in receipts]),
        logs_bloom=bytes(256),
        number=7,
        gas_limit=30_000_000,
        gas_used=21_000 * count,
        timestamp=1_700_000_000,
        extra_data=b"",
        prev_randao=Hash32(bytes(32)),
        base_fee_per_gas=7,
    )
    return Block(header, ()), receipts


def receipts_json(receipts: tuple[Receipt, ...]) -> list[dict[str, Any]]:
    return [
        {
            "type": hex(receipt.type),
            "status": hex(int(receipt.succeeded)),
            "cumulativeGasUsed": hex(receipt.cumulative_gas_used),
            "logsBloom": to_hex(receipt.bloom),
            "logs": [
                {
                    "address": to_hex(log.address),
                    "topics": [to_hex(item) for item in log.topics],
                    "data": to_hex(log.data),
                }
                for log in receipt.logs
            ],
        }
        for receipt in receipts
    ]


async def test_receipts_come_from_the_block_method_first_and_are_cached(serve_rpc: ServeRpc) -> None:
    block, receipts = block_with_receipts(5)
    asked: list[str] = []

    def block_receipts(block_hash: str) -> Any:
        asked.append(block_hash)
        return receipts_json(receipts)

    source = client_of(await serve_rpc({"eth_getBlockReceipts": block_receipts}))
    assert await source.receipts(block.header) == receipts
    assert await source.receipts(block.header) == receipts
    assert asked == [to_hex(block.hash)]


async def test_an_endpoint_with_only_raw_receipts_is_found_out_once(serve_rpc: ServeRpc) -> None:
    block, receipts = block_with_receipts(3)
    source = client_of(
        await serve_rpc({"debug_getRawReceipts": lambda block_hash: [to_hex(item.encode()) for item in receipts]})
    )
    assert await source.receipts(block.header) == receipts
    assert source.receipts_method is ReceiptsMethod.RAW


async def test_an_endpoint_with_neither_is_asked_for_each_receipt(vectors: Path, serve_rpc: ServeRpc) -> None:
    answer, _ = load(vectors, "blocks", "post-shanghai-success")
    real = block_from_json(answer)
    receipts = tuple(Receipt(tx.type, 1, 21_000 * (index + 1), ()) for index, tx in enumerate(real.transactions))
    header = replace(real.header, receipts_root=ordered_root([item.encode() for item in receipts]))
    block = Block(header, real.transactions, real.withdrawals)
    by_hash = dict(zip((to_hex(tx.hash) for tx in block.transactions), receipts_json(receipts), strict=True))
    source = client_of(
        await serve_rpc(
            {
                "eth_getBlockByHash": lambda block_hash, full: block_to_json(block, full),
                "eth_getTransactionReceipt": by_hash.__getitem__,
            }
        )
    )
    assert await source.receipts(header) == receipts
    assert source.receipts_method is ReceiptsMethod.SINGLE


async def test_an_endpoint_that_offers_no_receipts_at_all_is_named(serve_rpc: ServeRpc) -> None:
    block, _ = block_with_receipts(1)

    def no_body(block_hash: str, full: bool) -> Any:
        raise RpcFailure(-32601, "method not found")

    source = client_of(await serve_rpc({"eth_getBlockByHash": no_body}))
    with pytest.raises(TemporaryError, match="method not found"):
        await source.receipts(block.header)


@pytest.mark.parametrize(
    ("what", "lie"),
    [
        ("one is missing", lambda items: items[:-1]),
        ("two are swapped", lambda items: [items[1], items[0], *items[2:]]),
        ("a log's data differs", lambda items: [*items[:-1], {**items[-1], "logs": []}]),
        ("a status differs", lambda items: [{**items[0], "status": "0x1"}, *items[1:]]),
        ("none are given", lambda items: []),
    ],
)
async def test_receipts_that_do_not_hash_to_the_root_are_refused(
    what: str, lie: Callable[[list[Any]], list[Any]], serve_rpc: ServeRpc
) -> None:
    block, receipts = block_with_receipts(4)
    source = client_of(await serve_rpc({"eth_getBlockReceipts": lambda _: lie(receipts_json(receipts))}))
    with pytest.raises(L1DataMismatch, match="receipts hash to the receipts root"):
        await source.receipts(block.header)


async def test_ways_of_other_nodes_are_found_and_remembered(serve_rpc: ServeRpc) -> None:
    block, receipts = block_with_receipts(3)
    answer = receipts_json(receipts)
    for method, served, parameter in (
        (ReceiptsMethod.ALCHEMY, {"receipts": answer}, {"blockHash": to_hex(block.hash)}),
        (ReceiptsMethod.ERIGON, answer, to_hex(block.hash)),
        (ReceiptsMethod.PARITY, answer, to_hex(block.hash)),
    ):
        asked: list[Any] = []

        def serve_receipts(given: Any, asked: list[Any] = asked, served: Any = served) -> Any:
            asked.append(given)
            return served

        source = client_of(await serve_rpc({method.value: serve_receipts}))
        assert await source.receipts(block.header) == receipts
        assert source.receipts_method is method and asked == [parameter]


async def test_a_way_that_gives_wrong_receipts_is_replaced_by_one_that_gives_the_true_ones(serve_rpc: ServeRpc) -> None:
    block, receipts = block_with_receipts(3)
    raw = [to_hex(item.encode()) for item in receipts]
    source = client_of(await serve_rpc({"eth_getBlockReceipts": lambda _: [], "debug_getRawReceipts": lambda _: raw}))
    assert await source.receipts(block.header) == receipts
    assert source.receipts_method is ReceiptsMethod.RAW


async def test_what_an_endpoint_did_not_offer_is_tried_again_after_a_while(serve_rpc: ServeRpc) -> None:
    block, receipts = block_with_receipts(2)
    raw = [to_hex(item.encode()) for item in receipts]
    methods: dict[str, Any] = {"debug_getRawReceipts": lambda _: raw}
    clock = VirtualClock()
    rpc = await serve_rpc(methods)
    reader = L1Client(rpc, retry=NO_RETRY, clock=clock)
    assert await reader.receipts(block.header) == receipts
    methods["eth_getBlockReceipts"] = lambda _: receipts_json(receipts)
    found = []
    for wait in (0, 599, 2):
        clock.now += wait
        found.append(reader.receipts_method)
    assert found == [ReceiptsMethod.RAW, ReceiptsMethod.RAW, ReceiptsMethod.BLOCK]


async def test_when_every_way_was_refused_all_are_tried_again_at_once(serve_rpc: ServeRpc) -> None:
    block, receipts = block_with_receipts(2)
    methods: dict[str, Any] = {}
    source = client_of(await serve_rpc(methods))
    with pytest.raises(TemporaryError, match="method"):
        await source.receipts(block.header)
    methods["eth_getBlockReceipts"] = lambda _: receipts_json(receipts)
    assert await source.receipts(block.header) == receipts


async def test_a_way_that_is_too_slow_to_answer_gives_way_to_another(serve_rpc: ServeRpc) -> None:
    block, receipts = block_with_receipts(2)
    rpc = await serve_rpc({"debug_getRawReceipts": lambda _: [to_hex(item.encode()) for item in receipts]})

    class Slow:
        endpoint = rpc.endpoint

        async def call(self, method: str, params: Any = ()) -> Any:
            if method == "eth_getBlockReceipts":
                raise TemporaryError("it did not answer eth_getBlockReceipts within 10 s")
            return await rpc.call(method, params)

        async def batch(self, calls: Any) -> Any:
            return await rpc.batch(calls)

    source = client_of(Slow())
    for _ in range(2):
        with pytest.raises(TemporaryError, match="within 10 s"):
            await source.receipts(block.header)
    assert await source.receipts(block.header) == receipts


async def test_malformed_receipts_are_refused(serve_rpc: ServeRpc) -> None:
    block, _ = block_with_receipts(1)
    answers: list[Any] = [[None], ["0x"], [{"status": "0x1"}], "0x", 7, [[]]]
    for answer in answers:
        source = client_of(await serve_rpc({"eth_getBlockReceipts": lambda _, answer=answer: answer}))
        with pytest.raises(L1DataMismatch, match="malformed"):
            await source.receipts(block.header)


async def test_a_block_other_than_the_one_asked_for_is_refused(vectors: Path, serve_rpc: ServeRpc) -> None:
    answer, _ = load(vectors, "blocks", "post-shanghai-success")
    source = client_of(
        await serve_rpc(
            {
                "eth_getBlockByHash": lambda block_hash, full: answer,
                "eth_getBlockByNumber": lambda number, full: answer,
            }
        )
    )
    with pytest.raises(L1DataMismatch, match="another block was given"):
        await source.header_by_hash(Hash32(b"\x07" * 32))
    with pytest.raises(L1DataMismatch, match="another block was given"):
        await source.header_by_number(5)
    assert (await source.header_by_number("finalized")).hash == to_hash32(answer["hash"])


async def test_blocks_that_are_not_there_are_told_apart_from_wrong_ones(vectors: Path, serve_rpc: ServeRpc) -> None:
    answer, _ = load(vectors, "headers", "post-shanghai-success")
    known = header_from_json(answer)
    source = client_of(
        await serve_rpc(
            {
                "eth_getBlockByNumber": lambda number, full: answer if int(number, 16) == known.number else None,
                "eth_getBlockByHash": lambda block_hash, full: None,
                "eth_getBlockReceipts": lambda block_hash: None,
            }
        )
    )
    with pytest.raises(L1BlockNotFound, match="L1 block 5"):
        await source.header_by_number(5)
    with pytest.raises(L1BlockNotFound):
        await source.header_by_hash(Hash32(b"\x07" * 32))
    with pytest.raises(L1BlockNotFound):
        await source.receipts(known)
    assert await source.headers_by_number([known.number, known.number + 1]) == [known, None]


async def test_an_answer_that_is_no_object_is_refused(serve_rpc: ServeRpc) -> None:
    answers: list[Any] = ["0x", [], 7, {"number": "0x1"}]
    for answer in answers:
        source = client_of(await serve_rpc({"eth_getBlockByNumber": lambda number, full, answer=answer: answer}))
        with pytest.raises(L1DataMismatch, match="malformed"):
            await source.header_by_number(1)


def test_a_real_withdrawal_receipt_gives_the_withdrawal_hash_its_event_carries(vectors: Path) -> None:
    receipt = json.loads((vectors / "l1" / "bridge-withdrawal-receipt.json").read_text())
    signature = keccak256(b"MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)")
    (log,) = [entry for entry in map(log_from_json, receipt["logs"]) if entry.topics and entry.topics[0] == signature]
    nonce, sender, target = log.topics[1:4]
    value, gas_limit, offset, withdrawal_hash = (log.data[start : start + 32] for start in (0, 32, 64, 96))
    length = int.from_bytes(log.data[int.from_bytes(offset, "big") :][:32], "big")
    body = log.data[int.from_bytes(offset, "big") + 32 :]
    padded = body[: (length + 31) // 32 * 32]
    encoded = nonce + sender + target + value + gas_limit + (192).to_bytes(32, "big")
    encoded += length.to_bytes(32, "big") + padded
    assert keccak256(encoded) == withdrawal_hash
