"""Contract storage on L1: the clients believe what the proof shows against the header's state root, and nothing else."""

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import TemporaryError
from config.types import ZERO_HASH, Address, Hash32
from evm.types import Header
from l1.endpoint import L1Endpoint
from l1.endpoints import L1Endpoints
from l1.health import EndpointHealth, EndpointKind
from l1.retry import NO_RETRY
from l1.rpc import RpcError
from l1.source import L1BlockNotFound, L1Client, L1DataMismatch
from node.rpc import Dispatcher
from node.rpc.standard import NodeOptions, standard_namespaces
from tests.l1.test_hostile_answers import JSON
from tests.node.rpc_world import dev_genesis, make_pool, open_chain

CONTRACT = Address(b"\xc0" * 20)
SLOT = Hash32(b"\x65" * 32)
VALUE = Hash32(bytes(12) + b"\xab" * 20)


class Endpoint:
    """A chain with one contract, asked without sockets; answers may be changed on their way."""

    endpoint = "http://l1"

    def __init__(self) -> None:
        genesis = dev_genesis()
        genesis["alloc"]["0x" + CONTRACT.hex()] = {
            "balance": "0x0",
            "code": "0x00",
            "storage": {"0x" + SLOT.hex(): "0x" + VALUE.hex(), "0x" + "01" * 32: "0x01"},
        }
        self.chain = open_chain(genesis)
        options = NodeOptions(client_version="test", datadir=Path("data"))
        self._dispatcher = Dispatcher(standard_namespaces(self.chain, make_pool(self.chain), lambda: 0.0, options))
        self.change: Any = None

    @property
    def header(self) -> Header:
        return self.chain.head

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        answer = await self._dispatcher.call(method, list(params))
        if self.change is not None:
            answer = copy.deepcopy(answer)
            self.change(answer)
        return answer

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return [await self.call(*call) for call in calls]


@pytest.fixture(scope="module")
def endpoint() -> Endpoint:
    return Endpoint()


def client_of(endpoint: Endpoint) -> L1Client:
    endpoint.change = None
    return L1Client(endpoint, retry=NO_RETRY)


async def test_a_slot_is_read_and_what_is_not_there_is_zero(endpoint: Endpoint) -> None:
    client = client_of(endpoint)
    assert await client.storage(endpoint.header, CONTRACT, SLOT) == VALUE
    assert await client.storage(endpoint.header, CONTRACT, Hash32(b"\x66" * 32)) == ZERO_HASH
    assert await client.storage(endpoint.header, Address(b"\xdd" * 20), SLOT) == ZERO_HASH


async def test_a_value_that_the_proof_does_not_show_is_not_believed(endpoint: Endpoint) -> None:
    client = client_of(endpoint)
    other = await endpoint.call("eth_getProof", ["0x" + CONTRACT.hex(), ["0x" + "01" * 32], "latest"])

    def of_another_slot(answer: dict[str, Any]) -> None:
        answer["storageProof"][0]["proof"] = other["storageProof"][0]["proof"]

    def of_no_account(answer: dict[str, Any]) -> None:
        answer["accountProof"] = answer["accountProof"][:-1]

    def two_slots(answer: dict[str, Any]) -> None:
        answer["storageProof"] *= 2

    for change in (of_no_account, two_slots):
        endpoint.change = change
        with pytest.raises(L1DataMismatch, match=r"http://l1 served wrong data for slot 0x65656565\.\."):
            await client.storage(endpoint.header, CONTRACT, SLOT)
    # A proof of another slot shows at most that this one is not what it is about.
    endpoint.change = of_another_slot
    with pytest.raises(L1DataMismatch):
        await client.storage(endpoint.header, CONTRACT, SLOT)
    # What the answer says of the value besides the proof is not looked at.
    endpoint.change = lambda answer: answer["storageProof"][0].update(value="0x1")
    assert await client.storage(endpoint.header, CONTRACT, SLOT) == VALUE


@settings(deadline=None)
@given(data=st.data())
def test_an_altered_proof_gives_the_true_value_or_a_refusal(endpoint: Endpoint, data: st.DataObject) -> None:
    client = client_of(endpoint)
    junk = data.draw(JSON)
    name = data.draw(st.sampled_from(["accountProof", "storageProof", "storageHash", "proof", "node"]))

    def change(answer: dict[str, Any]) -> None:
        if name == "proof":
            answer["storageProof"][0]["proof"] = junk
        elif name == "node":
            answer["storageProof"][0]["proof"][0] = junk
        else:
            answer[name] = junk

    endpoint.change = change
    try:
        assert asyncio.run(client.storage(endpoint.header, CONTRACT, SLOT)) == VALUE
    except TemporaryError:
        assert name != "storageHash"


async def test_an_honest_endpoint_that_has_another_block_there_or_proves_nothing_has_not_lied(
    endpoint: Endpoint,
) -> None:
    client = client_of(endpoint)
    other = replace(endpoint.header, state_root=Hash32(b"\x01" * 32))
    with pytest.raises(L1BlockNotFound, match="reorged away"):
        await client.storage(other, CONTRACT, SLOT)

    def refuse(answer: Any) -> None:
        raise RpcError(-32601, "the method eth_getProof does not exist")

    endpoint.change = refuse
    with pytest.raises(L1BlockNotFound, match=r"http://l1 does not prove slot .* does not exist"):
        await client.storage(endpoint.header, CONTRACT, SLOT)


async def test_of_several_endpoints_the_first_that_proves_it_is_enough(endpoint: Endpoint) -> None:
    liar, honest = Endpoint(), endpoint
    honest.change = None
    liar.endpoint = "http://liar"
    liar.change = lambda answer: answer.update(accountProof=[]) if isinstance(answer, dict) else None
    chain_id = int(await honest.call("eth_chainId"), 16)
    both = L1Endpoints(
        [
            L1Endpoint(L1Client(rpc, retry=NO_RETRY), EndpointHealth(rpc.endpoint, EndpointKind.EXECUTION), chain_id)
            for rpc in (liar, honest)
        ]
    )
    assert await both.storage(honest.header, CONTRACT, SLOT) == VALUE
    await both.close()
