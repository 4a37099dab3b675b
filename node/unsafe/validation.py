"""Whether a block that somebody sent may be believed to be the sequencer's. Pure: the clock and what was seen are arguments.

Spec: op rollup-node-p2p, "Block validation".
"""

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from config.forks import Fork
from config.rollup import RollupConfig
from config.types import Address, Hash32, short, to_hex
from evm.execution_payload import ExecutionPayload
from evm.payload_message import SignedPayload, decode_message
from evm.payload_ssz import PayloadVersion
from evm.types import Block
from evm.types.signature import InvalidSignature

MAX_AGE = 60
"""Seconds that a gossiped block may be old."""
MAX_LEAD = 5
"""Seconds that a gossiped block may be of the future."""
MAX_BLOCKS_PER_HEIGHT = 5
"""When more different blocks than this have been seen at a height, no other is looked at."""
REMEMBERED_HEIGHTS = 1000


class Outcome(Enum):
    """What becomes of a gossiped message. Spec: op rollup-node-p2p, "Topic validation"."""

    ACCEPT = "accept"
    """Passed on and taken."""
    IGNORE = "ignore"
    """Dropped; whoever sent it did nothing wrong."""
    REJECT = "reject"
    """Dropped, and held against whoever sent it."""


@dataclass(frozen=True)
class UnsafeBlock:
    """A block with the payload that it came as: its fields fit its time, and its hash is what the payload says.

    `signed` is None for a block that the node's operator gave, who needs no signature.
    """

    block: Block
    signed: SignedPayload | None
    size: int
    """Bytes of the encoded payload."""


@dataclass(frozen=True)
class Verdict:
    """An outcome with its reason, for logs, and the block when it is accepted."""

    outcome: Outcome
    reason: str
    accepted: UnsafeBlock | None = None


class SeenBlocks:
    """Which blocks came with a valid signature, by height; the heights that were heard of longest ago are forgotten."""

    def __init__(self) -> None:
        self._hashes: OrderedDict[int, set[Hash32]] = OrderedDict()

    def at(self, number: int) -> set[Hash32]:
        """The hashes seen at a height."""
        return self._hashes.get(number, set())

    def mark(self, number: int, block_hash: Hash32) -> None:
        """Note a block as seen."""
        self._hashes.setdefault(number, set()).add(block_hash)
        self._hashes.move_to_end(number)
        if len(self._hashes) > REMEMBERED_HEIGHTS:
            self._hashes.popitem(last=False)


def validate_message(
    data: bytes, version: PayloadVersion, rollup: RollupConfig, signer: Address | None, now: float, seen: SeenBlocks
) -> Verdict:
    """Judge a message of a block topic as gossip brings it (snappy), and note an accepted block in `seen`.

    `signer` is the unsafe block signer (None: not known yet), `now` seconds since 1970.
    """
    try:
        signed = decode_message(data, version)
    except ValueError as error:
        return Verdict(Outcome.REJECT, str(error))
    payload = signed.payload
    name = f"block {payload.number} ({short(payload.block_hash)})"
    if payload.timestamp < int(now) - MAX_AGE:
        return Verdict(Outcome.REJECT, f"{name} is {int(now) - payload.timestamp} s old, at most {MAX_AGE} may be")
    if payload.timestamp > int(now) + MAX_LEAD:
        return Verdict(
            Outcome.REJECT, f"{name} is {payload.timestamp - int(now)} s of the future, at most {MAX_LEAD} may be"
        )
    try:
        block = check_payload(payload, rollup)
    except ValueError as error:
        return Verdict(Outcome.REJECT, str(error))
    known = seen.at(block.number)
    if len(known) > MAX_BLOCKS_PER_HEIGHT:
        return Verdict(Outcome.REJECT, f"{name}: {len(known)} different blocks have been seen at this height")
    if block.hash in known:
        return Verdict(Outcome.IGNORE, f"{name} has been seen already")
    if signer is None:
        return Verdict(Outcome.IGNORE, f"{name}: who signs unsafe blocks is not known yet")
    try:
        check_signature(signed, rollup, signer)
    except ValueError as error:
        return Verdict(Outcome.REJECT, str(error))
    seen.mark(block.number, block.hash)
    return Verdict(Outcome.ACCEPT, f"{name} is the sequencer's", UnsafeBlock(block, signed, len(signed.encoded)))


def check_payload(payload: ExecutionPayload, rollup: RollupConfig) -> Block:
    """The payload's block, if it has the fields that blocks of its time have, and the hash that it says it has.

    Raises ValueError with the first rule that it breaks. Spec: op rollup-node-p2p, "Block validation"; op jovian
    exec-engine, "DA Footprint Block Limit" (which the blob gas used has become).
    """
    name = f"block {payload.number} ({short(payload.block_hash)})"
    version, wanted = PayloadVersion.of(payload), PayloadVersion.at(rollup.forks, payload.timestamp)
    if version is not wanted:
        raise ValueError(f"{name} is of version {version}, but at its time blocks are of version {wanted}")
    if payload.excess_blob_gas:
        raise ValueError(f"{name} has an excess blob gas of {payload.excess_blob_gas}, but there are no blobs on L2")
    if payload.blob_gas_used and not rollup.is_active(Fork.JOVIAN, payload.timestamp):
        raise ValueError(f"{name} has used {payload.blob_gas_used} blob gas, but there are no blobs on L2")
    try:
        block = payload.block()
    except ValueError as error:
        raise ValueError(f"{name} is no block: {error}") from error
    if block.hash != payload.block_hash:
        raise ValueError(f"{name}: its hash is {to_hex(block.hash)}, but it says {to_hex(payload.block_hash)}")
    return block


def check_signature(signed: SignedPayload, rollup: RollupConfig, signer: Address) -> None:
    """Raises ValueError unless the unsafe block signer has signed the payload for this chain."""
    name = f"block {signed.payload.number} ({short(signed.payload.block_hash)})"
    try:
        actual = signed.signer(rollup.l2_chain_id)
    except InvalidSignature as error:
        raise ValueError(f"{name}: {error}") from error
    if actual != signer:
        raise ValueError(f"{name} is signed by {to_hex(actual)}, but unsafe blocks are signed by {to_hex(signer)}")


def check_signed(signed: SignedPayload, rollup: RollupConfig, signer: Address) -> UnsafeBlock:
    """A payload that the sequencer has signed, of any age. Raises ValueError when it is not its, or no block of its time."""
    check_signature(signed, rollup, signer)
    return UnsafeBlock(check_payload(signed.payload, rollup), signed, len(signed.encoded))
