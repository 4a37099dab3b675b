"""`engine_`: the methods of the Engine API. Spec: ethereum/execution-apis, src/engine; op exec-engine, "Engine API"."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from config.forks import Fork
from config.rollup import RollupConfig
from config.types import Hash32, to_hex
from evm.execution_payload import ExecutionPayload
from evm.types import Block, PayloadAttributes
from evm.types.transaction_list import encode_transactions
from node.chain import Chain
from node.engine_api.driven import DrivenChain
from node.engine_api.envelope import payload_answer
from node.engine_api.errors import EngineErrorCode, engine_error
from node.engine_api.forkchoice import ForkchoiceState
from node.engine_api.payload_id import PAYLOAD_ID_BYTES
from node.engine_api.payload_status import PayloadStatus, Status
from node.engine_api.versions import ATTRIBUTES, NEW_PAYLOADS, PAYLOADS
from node.rpc import Namespace, rpc_method
from node.rpc.errors import invalid_params
from node.rpc.params import HashParam, ListParam, ObjectParam, Uint64Param, parse_data, parse_hash, parse_list
from node.version import package_version

MOST_BODIES = 1_024
"""Bodies of blocks in one answer."""


def parse_hashes(value: Any) -> list[Hash32]:
    """An array of 32 bytes each."""
    return [parse_hash(item) for item in parse_list(value)]


def parse_payload_id(value: Any) -> bytes:
    """8 bytes."""
    name = parse_data(value)
    if len(name) != PAYLOAD_ID_BYTES:
        raise ValueError(f"payload id has {len(name)} bytes, want {PAYLOAD_ID_BYTES}")
    return name


def parse_forkchoice(value: Any) -> ForkchoiceState:
    """An object with three block hashes."""
    return ForkchoiceState.from_json(value)


HashesParam = Annotated[list[Hash32], parse_hashes]
ForkchoiceParam = Annotated[ForkchoiceState, parse_forkchoice]
PayloadIdParam = Annotated[bytes, parse_payload_id]


class EngineApi(Namespace):
    """The consensus client's calls, checked and translated for a `DrivenChain`."""

    name = "engine"

    def __init__(self, rollup: RollupConfig, chain: Chain, driven: DrivenChain) -> None:
        self._rollup = rollup
        self._chain = chain
        self._driven = driven

    # --- who this is ---

    @rpc_method("exchangeCapabilities")
    def exchange_capabilities(self, theirs: ListParam) -> list[str]:
        """The methods of this namespace but this one."""
        names = (
            member.__dict__["rpc"][0] for member in vars(EngineApi).values() if "rpc" in getattr(member, "__dict__", ())
        )
        return sorted(f"engine_{name}" for name in names if name != "exchangeCapabilities")

    @rpc_method("getClientVersionV1")
    def client_version(self, theirs: ObjectParam) -> list[dict[str, str]]:
        """Name and version of this client; the commit of a build is not known. Spec: Engine API, "ClientVersionV1"."""
        return [{"code": "LA", "name": "Lamina", "version": f"v{package_version()}", "commit": "0x00000000"}]

    # --- blocks ---

    @rpc_method("newPayloadV1")
    def new_payload_v1(self, payload: ObjectParam) -> dict[str, Any]:
        """Take a block from before Canyon."""
        block = self._payload(1, payload)
        return self._driven.new_payload(block).to_json()

    @rpc_method("newPayloadV2")
    def new_payload_v2(self, payload: ObjectParam) -> dict[str, Any]:
        """Take a block from before Ecotone."""
        return self._take(self._payload(2, payload))

    @rpc_method("newPayloadV3")
    def new_payload_v3(self, payload: ObjectParam, blob_hashes: HashesParam, beacon_root: HashParam) -> dict[str, Any]:
        """Take a block since Ecotone and before Isthmus; `blob_hashes` is empty, `beacon_root` the L1 origin's parent beacon
        block root."""
        return self._take(self._payload(3, payload, beacon_root), blob_hashes)

    @rpc_method("newPayloadV4")
    def new_payload_v4(
        self, payload: ObjectParam, blob_hashes: HashesParam, beacon_root: HashParam, requests: ListParam
    ) -> dict[str, Any]:
        """Take a block since Isthmus; `requests` is empty."""
        return self._take(self._payload(4, payload, beacon_root), blob_hashes, _requests(requests))

    def _payload(self, version: int, data: dict[str, Any], beacon_root: Hash32 | None = None) -> ExecutionPayload:
        """Raises RpcError -32602 when the payload is not of this version's form, -38005 when its fork is another's."""
        try:
            payload = ExecutionPayload.from_json(data, beacon_root)
        except ValueError as error:
            raise invalid_params(str(error)) from error
        method, span = f"engine_newPayloadV{version}", NEW_PAYLOADS[version]
        if version < 3:
            span.require(method, self._rollup, payload.timestamp)
        canyon = version > 1 and self._rollup.is_active(Fork.CANYON, payload.timestamp)
        for name, given, wanted in (
            ("withdrawals", payload.with_withdrawals, version > 2 or canyon),
            ("blobGasUsed", payload.blob_gas_used is not None, version > 2),
            ("excessBlobGas", payload.excess_blob_gas is not None, version > 2),
        ):
            if given != wanted:
                what = "lacks" if wanted else "must not have"
                raise invalid_params(f"a payload of time {payload.timestamp} for {method} {what} the field {name!r}")
        span.require(method, self._rollup, payload.timestamp)
        return payload

    def _take(
        self, payload: ExecutionPayload, blob_hashes: Sequence[Hash32] = (), requests: Sequence[bytes] = ()
    ) -> dict[str, Any]:
        if blob_hashes or requests:
            what = "blobs" if blob_hashes else "execution requests"
            return PayloadStatus(Status.INVALID, error=f"{what} are expected, but L2 blocks have none").to_json()
        status = self._driven.new_payload(payload)
        if status.status is Status.INVALID_BLOCK_HASH:
            status = replace(status, status=Status.INVALID)
        return status.to_json()

    # --- heads ---

    @rpc_method("forkchoiceUpdatedV1")
    def forkchoice_updated_v1(self, state: ForkchoiceParam, attributes: ObjectParam | None = None) -> dict[str, Any]:
        """Move the heads; with attributes, begin a block from before Canyon on the new head."""
        return self._update(1, state, attributes)

    @rpc_method("forkchoiceUpdatedV2")
    def forkchoice_updated_v2(self, state: ForkchoiceParam, attributes: ObjectParam | None = None) -> dict[str, Any]:
        """Move the heads; with attributes, begin a block from before Ecotone on the new head."""
        return self._update(2, state, attributes)

    @rpc_method("forkchoiceUpdatedV3")
    def forkchoice_updated_v3(self, state: ForkchoiceParam, attributes: ObjectParam | None = None) -> dict[str, Any]:
        """Move the heads; with attributes, begin a block since Ecotone on the new head."""
        return self._update(3, state, attributes)

    def _update(self, version: int, state: ForkchoiceState, data: dict[str, Any] | None) -> dict[str, Any]:
        status = self._driven.update_forkchoice(state)
        name = None
        if data is not None and status.status is Status.VALID and self._driven.is_canonical_head(state):
            name = self._driven.begin_payload(state, self._attributes(version, data), version)
        return {"payloadStatus": status.to_json(), "payloadId": None if name is None else to_hex(name)}

    def _attributes(self, version: int, data: dict[str, Any]) -> PayloadAttributes:
        """Raises RpcError -38003 when they are not of this version's form, -38005 when their fork is another's."""
        code, method = EngineErrorCode.INVALID_PAYLOAD_ATTRIBUTES, f"engine_forkchoiceUpdatedV{version}"
        try:
            attributes = PayloadAttributes.from_json(data)
        except ValueError as error:
            raise engine_error(code, str(error)) from error
        if (attributes.parent_beacon_block_root is not None) != (version >= 3):
            raise engine_error(code, f"parentBeaconBlockRoot must {'' if version >= 3 else 'not '}be given to {method}")
        ATTRIBUTES[version].require(method, self._rollup, attributes.timestamp)
        canyon = self._rollup.is_active(Fork.CANYON, attributes.timestamp)
        if attributes.with_withdrawals != canyon:
            raise engine_error(
                code, f"withdrawals must {'' if canyon else 'not '}be given at time {attributes.timestamp}"
            )
        return attributes

    # --- blocks made here ---

    @rpc_method("getPayloadV1")
    async def get_payload_v1(self, name: PayloadIdParam) -> dict[str, Any]:
        """A block from before Canyon that was begun here."""
        return await self._made(1, name)

    @rpc_method("getPayloadV2")
    async def get_payload_v2(self, name: PayloadIdParam) -> dict[str, Any]:
        """A block from before Ecotone that was begun here, with its value."""
        return await self._made(2, name)

    @rpc_method("getPayloadV3")
    async def get_payload_v3(self, name: PayloadIdParam) -> dict[str, Any]:
        """A block since Ecotone and before Isthmus that was begun here, with its parent beacon block root."""
        return await self._made(3, name)

    @rpc_method("getPayloadV4")
    async def get_payload_v4(self, name: PayloadIdParam) -> dict[str, Any]:
        """A block since Isthmus and before Karst that was begun here."""
        return await self._made(4, name)

    @rpc_method("getPayloadV5")
    async def get_payload_v5(self, name: PayloadIdParam) -> dict[str, Any]:
        """A block since Karst that was begun here."""
        return await self._made(5, name)

    async def _made(self, version: int, name: bytes) -> dict[str, Any]:
        executed = await self._driven.payload(name)
        PAYLOADS[version].require(f"engine_getPayloadV{version}", self._rollup, executed.block.header.timestamp)
        return payload_answer(executed, version)

    # --- bodies ---

    @rpc_method("getPayloadBodiesByHashV1")
    def bodies_by_hash(self, hashes: HashesParam) -> list[dict[str, Any] | None]:
        """The bodies of blocks, null for those that are not here."""
        _check_count(len(hashes))
        return [_body(self._chain.block_by_hash(each)) for each in hashes]

    @rpc_method("getPayloadBodiesByRangeV1")
    def bodies_by_range(self, start: Uint64Param, count: Uint64Param) -> list[dict[str, Any] | None]:
        """The bodies of `count` canonical blocks from number `start` on, up to the head."""
        if start < 1 or count < 1:
            raise invalid_params(f"start and count must be at least 1, not {start} and {count}")
        _check_count(count)
        last = min(start + count - 1, self._chain.head.number)
        return [_body(self._chain.block_by_number(number)) for number in range(start, last + 1)]


def _requests(values: list[Any]) -> list[bytes]:
    """Execution requests: ascending by type, none without data. Raises RpcError -32602.

    Spec: Engine API, `engine_newPayloadV4`.
    """
    try:
        requests = [parse_data(value) for value in values]
    except ValueError as error:
        raise invalid_params(f"execution requests: {error}") from error
    types = [request[:1] for request in requests]
    if any(len(request) < 2 for request in requests) or types != sorted(set(types)):
        raise invalid_params("execution requests must ascend by type, one of each, none without data")
    return requests


def _check_count(count: int) -> None:
    if count > MOST_BODIES:
        raise engine_error(
            EngineErrorCode.TOO_LARGE_REQUEST, f"{count} bodies are asked for, at most {MOST_BODIES} are given"
        )


def _body(block: Block | None) -> dict[str, Any] | None:
    """Spec: Engine API, "ExecutionPayloadBodyV1"."""
    if block is None:
        return None
    raws = encode_transactions(block.transactions)
    return {"transactions": [to_hex(raw) for raw in raws], "withdrawals": None if block.withdrawals is None else []}
