"""A published chain of 20 Prague blocks, imported block by block, and the published answers of calls on it."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.genesis import Genesis
from config.l1_chain import L1ChainConfig
from evm.engine import CallFailed, CallMessage, Engine
from evm.genesis import genesis_block
from evm.rules import L1Rules
from evm.store.kv import MemoryStore, WriteBatch
from evm.store.state import StateStore, StateUpdate
from evm.types import Block, Hash32, Header, from_hex, to_address, to_hex
from evm.types.rlp import item_length


class PublishedChain:
    """The chain of the Ethereum execution API tests."""

    def __init__(self, folder: Path) -> None:
        document = json.loads((folder / "genesis.json").read_text())
        chain = L1ChainConfig.from_json(document)
        self.kv = MemoryStore()
        self.headers: dict[Hash32, Header] = {}
        self.engine = Engine(L1Rules(chain), StateStore(self.kv), self)
        self.genesis, update = genesis_block(Genesis.from_json(document), chain)
        self.keep(self.genesis.header, update)
        raw = (folder / "chain.rlp").read_bytes()
        self.blocks: list[Block] = []
        offset = 0
        while offset < len(raw):
            end = offset + item_length(raw, offset)
            self.blocks.append(Block.decode(raw[offset:end]))
            offset = end

    def keep(self, header: Header, update: StateUpdate) -> None:
        batch = WriteBatch()
        update.write(batch)
        self.kv.write(batch)
        self.headers[header.hash] = header

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        return self.headers.get(block_hash)

    def import_all(self) -> Header:
        parent = self.genesis.header
        for block in self.blocks:
            executed = self.engine.import_block(parent, block)
            assert executed.block.hash == block.hash
            self.keep(block.header, executed.update)
            parent = block.header
        return parent


@pytest.fixture(scope="module")
def chain(vectors: Path) -> PublishedChain:
    result = PublishedChain(vectors / "rpc")
    result.import_all()
    return result


def message(fields: dict[str, Any]) -> CallMessage:
    def number(key: str) -> int | None:
        return int(fields[key], 16) if key in fields else None

    price = number("gasPrice") or 0
    return CallMessage(
        sender=to_address(fields["from"]),
        to=to_address(fields["to"]),
        data=from_hex(fields.get("input", "0x")),
        value=number("value") or 0,
        gas=number("gas"),
        nonce=number("nonce"),
        max_fee_per_gas=number("maxFeePerGas") or price,
        max_priority_fee_per_gas=number("maxPriorityFeePerGas") or price,
    )


def exchange(vectors: Path, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    lines = (vectors / "rpc" / name).read_text().splitlines()
    request = next(line[3:] for line in lines if line.startswith(">> "))
    answer = next(line[3:] for line in lines if line.startswith("<< "))
    return json.loads(request)["params"][0], json.loads(answer)


def test_every_block_of_the_published_chain_is_imported_with_its_hash(chain: PublishedChain) -> None:
    assert len(chain.blocks) == 20
    assert all(block.hash in chain.headers for block in chain.blocks)


def test_withdrawal_requests_come_out_of_the_system_call(chain: PublishedChain) -> None:
    executed = chain.engine.import_block(chain.blocks[1].header, chain.blocks[2])
    assert [request[0] for request in executed.requests] == [1]
    assert len(executed.requests[0]) == 1 + 20 + 48 + 8


@pytest.mark.parametrize(
    "name",
    [
        "call-callenv",
        "call-callenv-options-eip1559",
        "call-contract",
        "call-eip7702-delegation",
        "call-revert-abi-error",
        "call-revert-abi-panic",
    ],
)
def test_calls_answer_as_published(chain: PublishedChain, vectors: Path, name: str) -> None:
    fields, answer = exchange(vectors, f"eth_call/{name}.io")
    result = chain.engine.call(chain.blocks[-1].header, message(fields))
    if "result" in answer:
        assert result.succeeded
        assert to_hex(result.output) == answer["result"]
    else:
        assert result.reverted
        assert to_hex(result.output) == answer["error"]["data"]


@pytest.mark.parametrize("name", ["estimate-simple-transfer", "estimate-successful-call"])
def test_gas_estimates_are_as_published(chain: PublishedChain, vectors: Path, name: str) -> None:
    fields, answer = exchange(vectors, f"eth_estimateGas/{name}.io")
    assert chain.engine.estimate_gas(chain.blocks[-1].header, message(fields)) == int(answer["result"], 16)


def test_an_estimate_of_a_reverting_call_keeps_what_it_reverted_with(chain: PublishedChain, vectors: Path) -> None:
    fields, answer = exchange(vectors, "eth_estimateGas/estimate-failed-call.io")
    with pytest.raises(CallFailed, match="execution reverted") as caught:
        chain.engine.estimate_gas(chain.blocks[-1].header, message(fields))
    assert to_hex(caught.value.output) == answer["error"]["data"]


@pytest.mark.parametrize("name", ["create-al-contract-eip1559", "create-al-contract", "create-al-value-transfer"])
def test_access_lists_are_as_published(chain: PublishedChain, vectors: Path, name: str) -> None:
    fields, answer = exchange(vectors, f"eth_createAccessList/{name}.io")
    result = chain.engine.create_access_list(chain.blocks[-1].header, message(fields))
    assert result.gas_used == int(answer["result"]["gasUsed"], 16)
    assert [
        {"address": to_hex(address), "storageKeys": [to_hex(key) for key in keys]}
        for address, keys in result.access_list
    ] == answer["result"]["accessList"]
