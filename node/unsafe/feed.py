"""`feed_`: signed blocks over WebSocket, as they become the unsafe head, and by number for those who missed some.

The messages are those of gossip, byte for byte: whoever reads them needs to believe the sequencer's signature only.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from config.rollup import RollupConfig
from config.types import Hash32, to_hex
from evm.payload_message import SignedPayload
from evm.payload_ssz import PayloadVersion
from evm.types import Block
from node.chain import Chain
from node.rpc import Connection, Namespace, rpc_method
from node.rpc.connection import MAX_SUBSCRIPTIONS
from node.rpc.errors import RpcError, server_error
from node.rpc.params import QuantityParam, TextParam

log = logging.getLogger("lamina.unsafe")

SUBSCRIPTION = "unsafePayloads"
MAX_PAYLOADS_PER_ANSWER = 32
MAX_ANSWER_BYTES = 8 << 20
"""Compressed bytes after which an answer has no more payloads; the first is there whatever its size."""
_KEPT_BYTES = 64 << 20


class Feed(Namespace):
    """`feed_subscribe`, `feed_unsubscribe`, `feed_payloads`."""

    name = "feed"

    def __init__(
        self,
        rollup: RollupConfig,
        chain: Chain,
        sign: Callable[[Block], SignedPayload] | None,
        kept_bytes: int = _KEPT_BYTES,
    ) -> None:
        """`sign` makes a payload of any block of the own chain, where this node has the sequencer's key. Without it, only
        what came signed can be passed on; of that the newest `kept_bytes` are kept."""
        self._rollup = rollup
        self._chain = chain
        self._sign = sign
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[Hash32, _Message] = OrderedDict()
        self._bytes = 0
        self._subscribers: set[tuple[Connection, str]] = set()
        self.published = 0

    @property
    def subscribers(self) -> int:
        """Open subscriptions."""
        return len(self._subscribers)

    def publish(self, signed: SignedPayload) -> None:
        """Tell subscribers of a block that has become the unsafe head, unless it is too large for gossip."""
        try:
            message = _Message(signed.version, signed.message())
        except ValueError as error:
            log.warning("a block is not passed on: %s", error)
            return
        self.published += 1
        self._keep(signed.payload.block_hash, message)
        if self._subscribers:
            encoded = orjson.dumps(self._to_json(message))
            for connection, identifier in list(self._subscribers):
                connection.notify_encoded(identifier, encoded)

    @rpc_method("subscribe", connection=True)
    def subscribe(self, connection: Connection, kind: TextParam) -> str:
        """Open a subscription to `unsafePayloads`; answers its id. Notifications (`feed_subscription`) hold what
        `feed_payloads` lists."""
        if kind != SUBSCRIPTION:
            raise RpcError(-32601, f'no "{kind}" subscription in feed namespace')
        if connection.subscription_count >= MAX_SUBSCRIPTIONS:
            raise server_error(f"too many subscriptions: {MAX_SUBSCRIPTIONS} are open on this connection")
        identifier = connection.subscribe(lambda: self._subscribers.discard((connection, identifier)), self.name)
        self._subscribers.add((connection, identifier))
        return identifier

    @rpc_method("unsubscribe", connection=True)
    def unsubscribe(self, connection: Connection, identifier: TextParam) -> bool:
        """End a subscription."""
        if not connection.unsubscribe(identifier):
            raise server_error("subscription not found")
        return True

    @rpc_method("payloads")
    def payloads(self, first: QuantityParam, count: QuantityParam = MAX_PAYLOADS_PER_ANSWER) -> list[dict[str, Any]]:
        """Signed canonical blocks from number `first` on, as many as are there without a gap and fit an answer (at most 32):
        `topic` is the gossip topic that they belong on, `data` the gossiped message."""
        found: list[_Message] = []
        size = 0
        for number in range(first, first + min(count, MAX_PAYLOADS_PER_ANSWER)):
            message = self._at(number)
            if message is None or (found and size + len(message.data) > MAX_ANSWER_BYTES):
                break
            size += len(message.data)
            found.append(message)
        return [self._to_json(message) for message in found]

    def _at(self, number: int) -> "_Message | None":
        block_hash = self._chain.canonical_hash(number)
        if block_hash is None or number == self._chain.genesis.number:
            return None
        kept = self._kept.get(block_hash)
        if kept is not None or self._sign is None:
            return kept
        signed = self._sign(self._chain.store.require_block(block_hash))
        try:
            return _Message(signed.version, signed.message())
        except ValueError:
            return None  # Too large for gossip: what comes after it is to be had from L1.

    def _keep(self, block_hash: Hash32, message: "_Message") -> None:
        if block_hash in self._kept:
            return
        self._kept[block_hash] = message
        self._bytes += len(message.data)
        while self._bytes > self._kept_bytes:
            _, old = self._kept.popitem(last=False)
            self._bytes -= len(old.data)

    def _to_json(self, message: "_Message") -> dict[str, Any]:
        return {"topic": message.version.topic(self._rollup.l2_chain_id), "data": to_hex(message.data)}


@dataclass(frozen=True)
class _Message:
    version: PayloadVersion
    data: bytes
