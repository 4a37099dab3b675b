"""Unsafe blocks of others over RPC: posting one, as op-node has it, and what became of those that came."""

from typing import Any

from config.rollup import RollupConfig
from config.types import Hash32, to_hex
from evm.execution_payload import ExecutionPayload
from evm.payload_ssz import encode_payload
from evm.types.json_fields import JsonFields
from node.rpc import Namespace, rpc_method
from node.rpc.errors import invalid_params, server_error
from node.rpc.params import ObjectParam
from node.unsafe.follower import FeedFollower
from node.unsafe.intake import UnsafeIntake
from node.unsafe.signer import UnsafeBlockSigner
from node.unsafe.validation import UnsafeBlock, check_payload


class UnsafeAdmin(Namespace):
    """`admin_postUnsafePayload`. Spec: op-node RPC."""

    name = "admin"

    def __init__(self, rollup: RollupConfig, intake: UnsafeIntake) -> None:
        self._rollup = rollup
        self._intake = intake

    @rpc_method("postUnsafePayload")
    def post_unsafe_payload(self, envelope: ObjectParam) -> None:
        """Take a block in as if it came from the sequencer; nobody need have signed it. The envelope has `executionPayload`
        and, from Ecotone on, `parentBeaconBlockRoot`."""
        fields = JsonFields("envelope", envelope)
        try:
            root: Hash32 | None = fields.optional_hash("parentBeaconBlockRoot")
            payload = ExecutionPayload.from_json(envelope.get("executionPayload", {}), root)
        except ValueError as error:
            raise invalid_params(str(error)) from error
        try:
            block = check_payload(payload, self._rollup)
            size = len(encode_payload(payload))
        except ValueError as error:
            raise server_error(f"payload is refused: {error}") from error
        if self._intake.is_ignoring:
            why = "it makes blocks itself" if self._intake.halted is None else self._intake.halted.text
            raise server_error(f"this node takes no blocks of others: {why}")
        self._intake.offer(UnsafeBlock(block, None, size), "admin_postUnsafePayload")


class UnsafeStatus(Namespace):
    """`lamina_unsafeBlocks`."""

    name = "lamina"

    def __init__(self, intake: UnsafeIntake, signer: UnsafeBlockSigner, followers: list[FeedFollower]) -> None:
        self._intake = intake
        self._signer = signer
        self._followers = followers

    @rpc_method("unsafeBlocks")
    def unsafe_blocks(self) -> dict[str, Any]:
        """What became of blocks that came ahead of L1, what waits, whose signature counts, and how the feeds fare."""
        intake, status = self._intake, self._intake.status
        first = intake.first_queued
        return {
            "signer": None if self._signer.address is None else to_hex(self._signer.address),
            "signerError": self._signer.error,
            "received": status.received,
            "applied": status.applied,
            "ignored": status.ignored,
            "invalid": status.invalid,
            "lastInvalid": status.last_invalid,
            "conflicting": status.conflicting,
            "queued": len(intake.queue),
            "queuedBytes": intake.queue.bytes,
            "firstQueued": None if first is None else {"hash": to_hex(first.hash), "number": first.number},
            "gap": intake.has_gap,
            "held": status.held,
            "halted": None if intake.halted is None else intake.halted.text,
            "feeds": [
                {
                    "name": follower.name,
                    "connected": follower.connected,
                    "received": follower.received,
                    "refused": follower.refused,
                    "lastRefused": follower.last_refused,
                    "error": follower.error,
                }
                for follower in self._followers
            ],
        }
