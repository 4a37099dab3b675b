"""An L1 endpoint that lies to a node: nothing that it says of a block is used that does not have the block's hash."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from config.types import Hash32, from_hex
from evm.types import Header
from evm.types.json_codec import block_to_json
from l1.rpc import RpcError
from l1.source import BlockTag, L1Client
from tests.actions.chains import FakeL1
from tests.node.rollup_world import L1Endpoint, RollupWorld, until
from tests.node.test_cli_derive import receipts_json

Lie = Callable[[str, Any], Any]


class Rpc:
    """A FakeL1 behind JSON-RPC; `lie` changes answers on their way."""

    endpoint = "http://liar.example"

    def __init__(self, l1: FakeL1) -> None:
        self._l1 = l1
        self.lie: Lie | None = None
        self.lies = 0

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        answer = self._answer(method, params)
        if self.lie is None or answer is None:
            return answer
        changed = self.lie(method, answer)
        self.lies += changed != answer
        return changed

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return [await self.call(*call) for call in calls]

    def _answer(self, method: str, params: Sequence[Any]) -> Any:
        if method == "eth_getBlockByNumber":
            number = int(params[0], 16)
            return block_to_json(self._l1.blocks[number], params[1]) if number < len(self._l1.blocks) else None
        if method == "eth_getBlockByHash":
            block = self._l1._by_hash.get(Hash32(from_hex(params[0])))
            return None if block is None else block_to_json(block, params[1])
        if method == "eth_getBlockReceipts":
            return receipts_json(self._l1._receipts[Hash32(from_hex(params[0]))])
        raise RpcError(-32601, "the method does not exist")


class CheckedEndpoint(L1Endpoint):
    """The node's view of that L1: the verifying client. Labels and blobs come from elsewhere."""

    def __init__(self, l1: FakeL1, rpc: Rpc) -> None:
        super().__init__(l1)
        self._client = L1Client(rpc)

    async def header_by_number(self, number: int | BlockTag) -> Header:
        is_label = isinstance(number, str)
        return await (super().header_by_number(number) if is_label else self._client.header_by_number(number))

    async def headers_by_number(self, numbers: Sequence[int]) -> list[Header | None]:
        return await self._client.headers_by_number(numbers)

    async def block_by_hash(self, block_hash: Hash32) -> Any:
        return await self._client.block_by_hash(block_hash)

    async def receipts(self, header: Header) -> Any:
        return await self._client.receipts(header)


def _altered_header(method: str, answer: Any) -> Any:
    return {**answer, "gasUsed": "0x5"} if isinstance(answer, dict) else answer


def _without_transactions(method: str, answer: Any) -> Any:
    return {**answer, "transactions": []} if isinstance(answer, dict) else answer


def _altered_batch(method: str, answer: Any) -> Any:
    if not isinstance(answer, dict) or not any(isinstance(tx, dict) for tx in answer["transactions"]):
        return answer
    return {**answer, "transactions": [{**tx, "input": "0x00"} for tx in answer["transactions"]]}


def _another_block(method: str, answer: Any) -> Any:
    return {**answer, "number": hex(int(answer["number"], 16) + 1)} if isinstance(answer, dict) else answer


def _no_logs(method: str, answer: Any) -> Any:
    return [{**receipt, "logs": []} for receipt in answer] if isinstance(answer, list) else answer


def _nonsense(method: str, answer: Any) -> Any:
    return "0x" if method != "eth_getBlockByNumber" else answer


LIES: dict[str, Lie] = {
    "a field of a header": _altered_header,
    "a block without its transactions": _without_transactions,
    "a batch in a block": _altered_batch,
    "the number of a block": _another_block,
    "receipts without their logs": _no_logs,
    "something that is no answer": _nonsense,
}


@pytest.mark.parametrize("name", LIES)
async def test_a_node_waits_and_derives_nothing_while_l1_lies_about(name: str) -> None:
    """Spec: op derivation, "L1 Traversal" and "L1 Retrieval"; op deposits, "Deposit Contract"."""
    world = RollupWorld()
    await world.sequence(4)
    rpc = Rpc(world.l1)
    world.endpoint = CheckedEndpoint(world.l1, rpc)
    world.restart()
    world.post([1, 2])
    world.l1.mine()
    async with world.following():
        await world.derive()
        assert world.chain.safe.number == 2
        rpc.lie = LIES[name]
        world.l1.deposit(world.rollup.deposit_contract_address, None, 0, 0, 50_000)
        world.post([3, 4])
        world.l1.mine()
        await world.heads.refresh()
        await until(lambda: rpc.lies > 0 and world.driver.status.temporary_errors > 0, world.driver.status)
        assert rpc.endpoint in (world.driver.status.last_error or "")
        assert world.chain.safe.number == 2
        assert world.driver.status.halted_by is None
        rpc.lie = None
        await world.derive()
    assert world.chain.safe.number == 4
    assert world.driver.status.last_error is None
