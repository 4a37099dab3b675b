"""L1 chains in memory, and JSON-RPC endpoints over them that misbehave as the test says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from aiohttp import web

from config.errors import TemporaryError
from config.types import Hash32, to_address, to_hex
from evm.trie import ordered_root
from evm.types import Block, Header, Log, Receipt, keccak256
from evm.types.json_codec import block_to_json
from l1.rpc import EndpointBusy, RpcError

SLOT = 12
GENESIS_TIME = 1_700_000_000
CHAIN_ID = 7


@dataclass(frozen=True)
class Chain:
    """Blocks 0.. of an L1 with their receipts; `fork` makes another chain on top of its first blocks."""

    blocks: tuple[Block, ...]
    receipts: dict[Hash32, tuple[Receipt, ...]]

    @staticmethod
    def of(length: int, salt: int = 0) -> "Chain":
        """A chain of `length` blocks, different by salt."""
        return Chain((), {}).extended(length, salt)

    def fork(self, at: int, length: int, salt: int) -> "Chain":
        """Another chain of `length` blocks that has the blocks below number `at` in common with this one."""
        return Chain(self.blocks[:at], self.receipts).extended(length - at, salt)

    def extended(self, count: int, salt: int) -> "Chain":
        """The chain with more blocks on top."""
        blocks, receipts = list(self.blocks), dict(self.receipts)
        for number in range(len(blocks), len(blocks) + count):
            content = keccak256(f"{salt} {number}".encode())
            logs = (Log(to_address("0x" + "aa" * 20), (content,), b""),)
            own = tuple(Receipt(2, 1, 21_000 * (index + 1), logs) for index in range(number % 3))
            header = replace(
                _TEMPLATE,
                parent_hash=blocks[-1].hash if blocks else Hash32(bytes(32)),
                number=number,
                timestamp=GENESIS_TIME + SLOT * number,
                state_root=content,
                receipts_root=ordered_root([receipt.encode() for receipt in own]),
            )
            blocks.append(Block(header, ()))
            receipts[header.hash] = own
        return Chain(tuple(blocks), receipts)

    @property
    def head(self) -> Header:
        """The newest block's header."""
        return self.blocks[-1].header


_TEMPLATE = Header(
    parent_hash=Hash32(bytes(32)),
    fee_recipient=to_address("0x" + "00" * 20),
    state_root=Hash32(bytes(32)),
    transactions_root=ordered_root([]),
    receipts_root=ordered_root([]),
    logs_bloom=bytes(256),
    number=0,
    gas_limit=30_000_000,
    gas_used=0,
    timestamp=GENESIS_TIME,
    extra_data=b"",
    prev_randao=Hash32(bytes(32)),
    base_fee_per_gas=7,
)


class Conduct(Enum):
    """How an endpoint answers a call."""

    HONEST = "honest"
    DOWN = "down"
    BUSY = "busy"
    REFUSING = "refusing"
    NONSENSE = "nonsense"
    FALSE_HEADERS = "false headers"
    FALSE_RECEIPTS = "false receipts"
    OTHER_BLOCKS = "other blocks"
    FORGETFUL = "forgetful"


@dataclass
class SimulatedEndpoint:
    """Serves a chain up to block `head` (all when None) as an execution node does, with one conduct or one per call."""

    name: str
    chain: Chain = field(repr=False)
    conduct: Conduct | Callable[[], Conduct] = Conduct.HONEST
    head: int | None = None
    finality: int = 4
    chain_id: int = CHAIN_ID
    asked: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return self.name

    @property
    def height(self) -> int:
        """The number of the newest block that it serves."""
        return len(self.chain.blocks) - 1 if self.head is None else self.head

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.asked.append(method)
        conduct = self.conduct if isinstance(self.conduct, Conduct) else self.conduct()
        match conduct:
            case Conduct.DOWN:
                raise TemporaryError(f"{self.name} could not be reached for {method}")
            case Conduct.BUSY:
                raise EndpointBusy(f"{self.name} limits the request rate", 2.0)
            case Conduct.REFUSING:
                raise RpcError(-32000, "internal error", method=method, endpoint=self.name)
            case Conduct.NONSENSE:
                return [{"result": "0x"}]
        answer = self.true_answer(method, *params)
        if conduct is Conduct.FORGETFUL:
            return None if method != "eth_chainId" else answer
        if conduct is Conduct.FALSE_RECEIPTS and isinstance(answer, list):
            return [*answer, {"type": "0x2", "status": "0x1", "cumulativeGasUsed": "0x1", "logs": []}]
        if conduct is Conduct.FALSE_HEADERS and isinstance(answer, dict):
            return answer | {"stateRoot": "0x" + "66" * 32}
        if conduct is Conduct.OTHER_BLOCKS and isinstance(answer, dict):
            return block_to_json(self.chain.blocks[(int(answer["number"], 16) + 1) % len(self.chain.blocks)], False)
        return answer

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        self.batches.append(len(calls))
        results: list[Any] = []
        for method, params in calls:
            try:
                results.append(await self.call(method, params))
            except RpcError as error:
                results.append(error)
        return results

    def true_answer(self, method: str, *params: Any) -> Any:
        """What an honest node over the same chain says."""
        match method, params:
            case "eth_chainId", ():
                return hex(self.chain_id)
            case "eth_getBlockByNumber", (str(tag), bool(full)):
                lag = {"latest": 0, "safe": self.finality // 2, "finalized": self.finality}.get(tag)
                number = int(tag, 16) if lag is None else self.height - lag
                return block_to_json(self.chain.blocks[number], full) if 0 <= number <= self.height else None
            case "eth_getBlockByHash", (str(block_hash), bool(full)):
                block = self._block(block_hash)
                return None if block is None else block_to_json(block, full)
            case "eth_getBlockReceipts", (str(block_hash),):
                block = self._block(block_hash)
                return None if block is None else receipts_json(self.chain.receipts[block.hash])
        raise RpcError(-32601, f"the method {method} does not exist", method=method, endpoint=self.name)

    def _block(self, block_hash: str) -> Block | None:
        served = self.chain.blocks[: self.height + 1]
        return next((block for block in served if to_hex(block.hash) == block_hash), None)

    async def over_http(self, request: web.Request) -> web.Response:
        """The endpoint as the handler of a web server."""
        body = await request.json()
        if isinstance(body, list):
            return web.json_response([await self._one(call) for call in body])
        try:
            return web.json_response(await self._one(body))
        except EndpointBusy as error:
            return web.Response(status=429, headers={"Retry-After": f"{error.retry_after:.0f}"})
        except TemporaryError:
            return web.Response(status=503)

    async def _one(self, call: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"id": call["id"], "result": await self.call(call["method"], call["params"])}
        except RpcError as error:
            return {"id": call["id"], "error": {"code": error.code, "message": error.message}}


def receipts_json(receipts: Sequence[Receipt]) -> list[dict[str, Any]]:
    """An `eth_getBlockReceipts` answer, as far as receipts go into the root."""
    return [
        {
            "type": hex(receipt.type),
            "status": hex(int(receipt.succeeded)),
            "cumulativeGasUsed": hex(receipt.cumulative_gas_used),
            "logs": [
                {
                    "address": to_hex(log.address),
                    "topics": [to_hex(topic) for topic in log.topics],
                    "data": to_hex(log.data),
                }
                for log in receipt.logs
            ],
        }
        for receipt in receipts
    ]
