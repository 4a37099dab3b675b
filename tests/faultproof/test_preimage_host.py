"""The host: every hint leads to the preimages that a program then asks for, from a real node's RPC."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ckzg
import pytest

from config.errors import TemporaryError
from config.types import ZERO_HASH, Address, Hash32, to_hex
from evm.precompiles.point_evaluation import trusted_setup
from evm.trie import ordered_root
from evm.types import Block, Header, keccak256
from evm.types.rlp import as_bytes, decode_list
from faultproof.game import PrecompileCall
from faultproof.host import RpcHost, RunFacts, run_source
from faultproof.host.blobs import blob_preimages, evaluation_points
from faultproof.host.hints import Hint, HintKind
from faultproof.host.precompiles import precompile_preimage
from faultproof.host.rpc_host import Fetcher, HostEndpoints, Preimages
from faultproof.host.tries import list_trie
from faultproof.preimage import DirectorySource, MissingPreimage, blob_key, keccak256_key, precompile_key, sha256_key
from l1.kzg import KzgWorker, versioned_hash
from l1.rpc import RpcError
from l1.source import L1Client
from node.rpc import RpcError as NodeRpcError
from tests.node.rpc_world import EMITTER, dev_transaction, mine
from tests.node.test_rpc_chain import Node

# --- parts ---


@pytest.mark.parametrize("count", [0, 1, 2, 127, 128, 129, 300])
def test_a_lists_nodes_lead_from_its_root_to_every_item(count: int) -> None:
    items = [b"item %d, long enough not to be embedded in its parent" % index for index in range(count)]
    root, nodes = list_trie(items)
    assert root == ordered_root(items)
    assert all(keccak256(node) == node_hash for node_hash, node in nodes.items())
    assert b"".join(nodes.values()).count(b"item ") == count


def test_the_points_of_a_blob_are_those_of_the_consensus_specification() -> None:
    blob = b"".join((7 * index + 1).to_bytes(32, "big") for index in range(4096))
    commitment = ckzg.blob_to_kzg_commitment(blob, trusted_setup())
    preimages = blob_preimages(blob, commitment)
    assert len(preimages) == 4097
    for index in (0, 1, 2, 1000, 4095):
        point = evaluation_points()[index]
        _, element = ckzg.compute_kzg_proof(blob, point, trusted_setup())
        assert preimages[blob_key(commitment, point)] == element == blob[32 * index : 32 * index + 32]
    assert preimages[sha256_key(versioned_hash(commitment))] == commitment


def test_results_of_precompiled_contracts_have_a_status_in_front() -> None:
    pairing = Address(bytes(19) + b"\x08")
    one = (1).to_bytes(32, "big")
    assert precompile_preimage(pairing, 45_000, b"") == (precompile_key(pairing, 45_000, b""), b"\x01" + one)
    assert precompile_preimage(pairing, 45_000, b"odd")[1] == b"\x00"
    with pytest.raises(ValueError, match="no precompiled contract"):
        precompile_preimage(Address(bytes(19) + b"\xff"), 0, b"")


def test_hints_are_a_name_and_bytes() -> None:
    assert Hint.parse(b"l1-blob 0x" + b"ab" * 40) == Hint(HintKind.L1_BLOB, b"\xab" * 40)
    assert Hint.parse(b"l1-precompile-v2 0x" + b"00" * 28).data == bytes(28)
    for wrong in (
        b"",
        b"l1-blob 0xab",
        b"l3-block 0x" + b"00" * 32,
        b"l2-code 0x" + b"00" * 31,
        b"l2-code 0xzz",
        b"\xff",
    ):
        with pytest.raises(ValueError, match=r"is not a valid HintKind|a hint l|not a hex"):
            Hint.parse(wrong)


# --- a node's data ---


class NodeRpc:
    """A node's dispatcher as an endpoint; `optimism_outputAtBlock` says what the test says."""

    endpoint = "the node"

    def __init__(self, node: Node) -> None:
        self.node = node
        self.output: dict[str, Any] = {}
        self.asked: list[str] = []
        self.refused: set[str] = set()

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """One call."""
        self.asked.append(method)
        if method in self.refused:
            raise RpcError(-32601, "the method does not exist/is not available")
        if method == "optimism_outputAtBlock":
            return self.output
        try:
            answer = await self.node.dispatcher.call(method, tuple(params), None)
        except NodeRpcError as error:
            raise RpcError(-32000, str(error)) from error
        return answer

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Several calls."""
        return [await self.call(method, params) for method, params in calls]


class NoBlobs:
    """A beacon node that is not asked."""

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def fetching() -> AsyncIterator[tuple[Fetcher, NodeRpc, Block]]:
    node = Node()
    mine(node.chain, dev_transaction(0, 0, to=EMITTER), dev_transaction(1, 0))
    block = node.chain.block_by_number(1)
    assert block is not None
    rpc, kzg = NodeRpc(node), KzgWorker()
    fetcher = Fetcher(L1Client(rpc), NoBlobs(), kzg, rpc)  # type: ignore[arg-type]
    try:
        yield fetcher, rpc, block
    finally:
        await fetcher.close()


def facts(agreed: int = 0) -> RunFacts:
    return RunFacts(ZERO_HASH, agreed, agreed + 1)


async def fetched(fetcher: Fetcher, name: str, data: bytes, run: RunFacts | None = None) -> Preimages:
    hint = Hint.parse(f"{name} {to_hex(data)}".encode())
    return await fetcher.fetch(hint, keccak256_key(data[:32]), run or facts())


def items_below(root: Hash32, preimages: Preimages) -> int:
    """How many branches, leaves and extensions can be walked from a root."""
    pending, seen = [bytes(root)], 0
    while pending:
        node = decode_list(preimages[keccak256_key(pending.pop())], "node")
        seen += 1
        children = node[:16] if len(node) == 17 else ()
        pending += [as_bytes(child, "child") for child in children if isinstance(child, bytes) and len(child) == 32]
    return seen


async def test_blocks_of_l1_and_l2_are_served_by_their_hash() -> None:
    async with fetching() as (fetcher, _, block):
        header = block.header
        for name in ("l1-block-header", "l2-block-header"):
            served = await fetched(fetcher, name, header.hash)
            assert Header.decode(served[keccak256_key(header.hash)]) == header
        for name, root in (
            ("l1-transactions", header.transactions_root),
            ("l2-transactions", header.transactions_root),
            ("l1-receipts", header.receipts_root),
        ):
            assert items_below(root, await fetched(fetcher, name, header.hash)) == 3


async def test_state_comes_with_the_witness_of_the_next_block() -> None:
    async with fetching() as (fetcher, rpc, block):
        parent = rpc.node.chain.header_by_number(0)
        assert parent is not None
        served = await fetched(fetcher, "l2-state-node", parent.state_root)
        assert keccak256_key(parent.state_root) in served
        code_hash = keccak256(rpc.node.chain.state.at(parent.state_root).code_at(Address(EMITTER)))
        assert keccak256_key(code_hash) in served
        assert "debug_dbGet" not in rpc.asked
        assert block.number == 1


async def test_state_that_no_witness_holds_is_found_by_its_hash() -> None:
    async with fetching() as (fetcher, rpc, block):
        rpc.refused.add("debug_executionWitness")
        state = block.header.state_root
        assert keccak256_key(state) in await fetched(fetcher, "l2-state-node", state)
        code = rpc.node.chain.state.at(state).code_at(Address(EMITTER))
        assert (await fetched(fetcher, "l2-code", keccak256(code)))[keccak256_key(keccak256(code))] == code
        with pytest.raises(TemporaryError, match="not found"):
            await fetched(fetcher, "l2-state-node", keccak256(b"nowhere"))


async def test_an_output_root_is_served_when_the_own_node_has_it() -> None:
    async with fetching() as (fetcher, rpc, block):
        parts = {"stateRoot": to_hex(block.header.state_root), "withdrawalStorageRoot": to_hex(ZERO_HASH)}
        rpc.output = {**parts, "blockRef": {"hash": to_hex(block.hash)}}
        preimage = ZERO_HASH + block.header.state_root + ZERO_HASH + block.hash
        root = keccak256(preimage)
        assert await fetched(fetcher, "l2-output", root) == {keccak256_key(root): preimage}
        with pytest.raises(MissingPreimage, match="is not that of L2 block 0"):
            await fetched(fetcher, "l2-output", keccak256(b"a lie"))
        rpc.output = {"blockRef": {}}
        with pytest.raises(TemporaryError, match="something unusable"):
            await fetched(fetcher, "l2-output", root)


# --- a run ---


class OneHint(RpcHost):
    """A host whose endpoints know one thing."""

    def __init__(self, preimages: Preimages) -> None:
        super().__init__(HostEndpoints(("http://127.0.0.1:1",), 900, (), ""))
        self.preimages = preimages
        self.hints: list[Hint] = []

    def run(self, hint: Hint, key: bytes, facts: RunFacts) -> Preimages:
        """What it knows."""
        self.hints.append(hint)
        return self.preimages


def test_a_run_asks_once_for_what_a_hint_is_about_and_can_be_made_again_from_its_directory(tmp_path: Path) -> None:
    first, second = keccak256_key(keccak256(b"first")), keccak256_key(keccak256(b"second"))
    host = OneHint({first: b"first", second: b"second"})
    source = run_source(host, facts(), tmp_path)
    source.hint(b"l2-code 0x" + b"00" * 32)
    assert (source.preimage(first), source.preimage(second), source.preimage(first)) == (b"first", b"second", b"first")
    assert host.hints == [Hint(HintKind.L2_CODE, bytes(32))]
    offline = DirectorySource(tmp_path)
    assert offline.preimage(second) == b"second"
    with pytest.raises(MissingPreimage, match="is none of what"):
        source.preimage(keccak256_key(keccak256(b"third")))


def test_why_a_result_belongs_to_its_key_is_known_after_a_restart_too(tmp_path: Path) -> None:
    pairing = Address(bytes(19) + b"\x08")
    key, result = precompile_preimage(pairing, 45_000, b"")
    hint = b"l1-precompile-v2 0x" + (pairing + (45_000).to_bytes(8, "big")).hex().encode()
    for directory in (None, tmp_path):
        source = run_source(OneHint({key: result}), facts(), directory)
        source.hint(hint)
        assert source.preimage(key) == result
        assert source.evidence(key) == PrecompileCall(pairing, 45_000, b"")
    again = run_source(OneHint({}), facts(), tmp_path)
    assert again.preimage(key) == result
    assert again.evidence(key) == PrecompileCall(pairing, 45_000, b"")
    assert again.evidence(precompile_key(pairing, 45_000, b"another input")) is None


async def test_the_proof_of_a_blobs_element_is_made_when_a_step_reads_it() -> None:
    content = b"".join((7 * index + 1).to_bytes(32, "big") for index in range(4096))

    class OneBlob(NoBlobs):
        async def blobs(self, header: Header, hashes: Sequence[Hash32]) -> list[bytes]:
            return [content]

    async with fetching() as (_, rpc, block), KzgWorker() as kzg:
        fetcher = Fetcher(L1Client(rpc), OneBlob(), kzg, rpc)  # type: ignore[arg-type]
        commitment = await kzg.commitment(content)
        time = block.header.timestamp.to_bytes(8, "big")
        hint = Hint(HintKind.L1_BLOB, versioned_hash(commitment) + time)
        run = RunFacts(block.hash, 0, 1)
        point = evaluation_points()[3]
        key = blob_key(commitment, point)
        assert (await fetcher.fetch(hint, key, run))[key] == content[96:128]
        element = await fetcher.element(hint, key, run)
        assert element is not None
        assert (element.commitment, element.point) == (commitment, point)
        assert ckzg.verify_kzg_proof(commitment, point, content[96:128], element.proof, trusted_setup())
        assert await fetcher.element(hint, blob_key(commitment, bytes(32)), run) is None
        with pytest.raises(MissingPreimage, match="no L1 block before"):
            await fetcher.fetch(Hint(HintKind.L1_BLOB, hint.data[:32] + bytes(7) + b"\x01"), key, run)


def test_a_key_without_a_hint_is_said_to_be_a_strangers() -> None:
    source = OneHint({}).source(facts())
    with pytest.raises(MissingPreimage, match="the program is not one of ours"):
        source.preimage(keccak256_key(keccak256(b"first")))


def test_a_host_that_was_never_asked_has_nothing_to_close() -> None:
    host = RpcHost(HostEndpoints(("http://127.0.0.1:1",), 900, (), "http://127.0.0.1:1"))
    host.close()
    assert host.source(facts()) is not None


def test_an_endpoint_that_is_away_is_a_matter_of_time() -> None:
    host = RpcHost(HostEndpoints(("http://127.0.0.1:1",), 900, (), "http://127.0.0.1:1"))
    source = host.source(facts())
    source.hint(b"l2-block-header 0x" + b"00" * 32)
    try:
        with pytest.raises(TemporaryError):
            source.preimage(keccak256_key(bytes(32)))
    finally:
        host.close()
