"""What keeps a head from moving, in a form that RPC, `lamina doctor` and tests share: stage, block, cause, words."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from config.errors import CriticalError, TemporaryError
from config.rollup import BlockId
from config.types import Hash32, to_hex


class Stage(Enum):
    """Where it stands; the value is the name in RPC. Those of derivation are its stages, outermost first."""

    L1_HEADS = "l1_heads"
    SYNC_START = "sync_start"
    L1_TRAVERSAL = "l1_traversal"
    L1_RETRIEVAL = "l1_retrieval"
    FRAME_QUEUE = "frame_queue"
    CHANNEL = "channel"
    CHANNEL_READER = "channel_reader"
    BATCHES = "batches"
    ATTRIBUTES = "attributes"
    ENGINE = "engine"
    FINALITY = "finality"
    SEQUENCER = "sequencer"
    UNSAFE = "unsafe"
    CONSENSUS = "consensus"


class Cause(Enum):
    """Why; the value is the name in RPC and the heading in docs/heads.md."""

    BLOB_MISSING = "blob_missing"
    BEACON_DOWN = "beacon_down"
    DA_DOWN = "da_down"
    L1_DOWN = "l1_down"
    L1_BEHIND = "l1_behind"
    L1_INCONSISTENT = "l1_inconsistent"
    L1_NOT_FINALIZING = "l1_not_finalizing"
    L1_REORG_BELOW_FINALIZED = "l1_reorg_below_finalized"
    WRONG_L1 = "wrong_l1"
    BATCHER_SILENT = "batcher_silent"
    WRONG_BATCHER_KEY = "wrong_batcher_key"
    CHANNEL_INCOMPLETE = "channel_incomplete"
    INVALID_BATCH = "invalid_batch"
    WINDOW_EXPIRED = "window_expired"
    ENGINE_REFUSED = "engine_refused"
    ENGINES_DISAGREE = "engines_disagree"
    CLOCK_WRONG = "clock_wrong"
    SEQUENCER_STOPPED = "sequencer_stopped"
    SAFE_LAG = "safe_lag"
    FEED_DOWN = "feed_down"
    FEED_SILENT = "feed_silent"
    FEED_REFUSED = "feed_refused"
    UNSAFE_GAP = "unsafe_gap"
    UNSAFE_INVALID = "unsafe_invalid"
    UNSAFE_ORIGIN = "unsafe_origin"
    CONSENSUS_SILENT = "consensus_silent"
    ANCESTOR_MISSING = "ancestor_missing"
    BLOCK_REFUSED = "block_refused"
    FAULT = "fault"


REMEDIES = {
    Cause.BLOB_MISSING: "name an archive that still has this slot with --l1.beacon-archiver (blobs leave ordinary beacon "
    "nodes after 18 days), or a directory with the blob with --l1.blob-directory",
    Cause.BEACON_DOWN: "start or repair the beacon node behind --l1.beacon, or name another one with one more --l1.beacon "
    "(admin_l1Endpoints shows how each fares)",
    Cause.DA_DOWN: "start or repair the DA server that this chain keeps its data in, or name another one "
    "(--altda.da-server)",
    Cause.L1_DOWN: "start or repair the execution node behind --l1, or name another one with one more --l1 "
    "(admin_l1Endpoints shows how each fares)",
    Cause.L1_BEHIND: "wait until the L1 node behind --l1 has caught up with its network (is it syncing, does it still get "
    "blocks?), or point --l1 at one that has",
    Cause.L1_INCONSISTENT: "if it does not pass within a few L1 blocks, the endpoints behind --l1 follow different forks or one "
    "of them is broken: use one that is right",
    Cause.L1_NOT_FINALIZING: "look at L1's finality (a consensus explorer, the beacon node behind the L1 node): nothing on "
    "this node can bring it about",
    Cause.L1_REORG_BELOW_FINALIZED: "find out which L1 is right: when --l1 follows a wrong fork, point it at the right one "
    "and restart; when L1 really gave up final blocks, delete the data directory and derive the chain again",
    Cause.WRONG_L1: "point --l1 at the chain that --rollup.config names, or use the file of this chain",
    Cause.BATCHER_SILENT: "look at the batcher (admin_getBatcherStatus, its log): is it running, has it funds and budget, do "
    "its transactions get onto L1?",
    Cause.WRONG_BATCHER_KEY: "run the batcher with the key of the address that SystemConfig names, or have SystemConfig's "
    "owner name the other one (setBatcherHash)",
    Cause.CHANNEL_INCOMPLETE: "look at the batcher: a transaction with the missing frames is not on L1 yet; when the "
    "channel times out it has to post these blocks again",
    Cause.INVALID_BATCH: "restart the batcher, so that it posts again from the safe head on; if the same batch is dropped "
    "again, batcher and node do not fit: compare their versions and rollup configs",
    Cause.WINDOW_EXPIRED: "get the batcher to post again, and put the sequencer into recovery mode (--sequencer.recover, "
    "admin_setRecoverMode) until the safe head follows the unsafe one",
    Cause.ENGINE_REFUSED: "compare this block with another node's: a transaction in the batch cannot be executed here; if "
    "others have the block, this node has a bug or a wrong rollup config; report it with `lamina evm stateless`",
    Cause.ENGINES_DISAGREE: "see disagreements/ in the data directory, report it, and go on with the engine that is right "
    "(--engine)",
    Cause.CLOCK_WRONG: "set this machine's clock (NTP); when it is right, --l1 is an endpoint that always lags behind: use "
    "another one",
    Cause.SEQUENCER_STOPPED: "start it with admin_startSequencer, or wait for the sequencer that took over",
    Cause.SAFE_LAG: "look at the batcher, or raise --sequencer.max-safe-lag",
    Cause.FEED_DOWN: "start or repair the node behind --rollup.feed, or name another one with one more --rollup.feed; where it "
    "is not known who signs, an --l1 that proves storage (eth_getProof), or --p2p.unsafe.block.signer. Until then blocks come "
    "from L1 alone",
    Cause.FEED_SILENT: "look at the sequencer (lamina doctor there): does it make blocks, has it the signer's key "
    "(--p2p.sequencer.key)?",
    Cause.FEED_REFUSED: "find out who signs: SystemConfig on L1 names the signer (lamina_unsafeBlocks shows whom), the sequencer "
    "has its key (--p2p.sequencer.key); when the feed is not the sequencer's, name another one",
    Cause.UNSAFE_GAP: "name one more source of unsafe blocks (--rollup.feed); otherwise L1 fills the gap with the next batch",
    Cause.UNSAFE_INVALID: "compare the versions and rollup configs of sequencer and node; report the block with `lamina evm "
    "stateless`; L1 decides what becomes of it",
    Cause.UNSAFE_ORIGIN: "if it does not pass within a few L1 blocks, sequencer and node follow different L1 forks: compare "
    "their --l1 endpoints",
    Cause.CONSENSUS_SILENT: "look at the consensus client (op-node, kona-node): is it running, does it name this node's "
    "--authrpc.port and --authrpc.jwtsecret, does it get blocks itself (optimism_syncStatus)?",
    Cause.ANCESTOR_MISSING: "let the consensus client derive or send the blocks in between: op-node with "
    "--syncmode=consensus-layer (this node fetches no blocks from others)",
    Cause.BLOCK_REFUSED: "compare this block with another node's: if others have it, this node has a bug or a wrong rollup "
    "config; report it with `lamina evm stateless`",
    Cause.FAULT: "restart the node; if it comes again, report it with the log",
}
"""What an operator can do about each cause."""


@dataclass(frozen=True)
class Place:
    """A block that something is about; `hash` where it is known."""

    layer: str
    number: int
    hash: Hash32 | None = None

    @staticmethod
    def l1(block: BlockId) -> "Place":
        """A block of L1."""
        return Place("l1", block.number, block.hash)

    @staticmethod
    def l2(block: BlockId) -> "Place":
        """A block of L2."""
        return Place("l2", block.number, block.hash)

    def to_json(self) -> dict[str, Any]:
        """As RPC shows it."""
        return {"layer": self.layer, "number": self.number, "hash": None if self.hash is None else to_hex(self.hash)}


@dataclass(frozen=True)
class Stall:
    """What stands in a head's way: `text` is a sentence with the facts."""

    cause: Cause
    stage: Stage
    text: str
    place: Place | None = None

    @property
    def remedy(self) -> str:
        """What to do."""
        return REMEDIES[self.cause]


class StalledError(TemporaryError):
    """Something is not there yet, and it is known what."""

    def __init__(self, stall: Stall) -> None:
        super().__init__(stall.text)
        self.stall = stall


class HaltedError(CriticalError):
    """Going on would be wrong, and it is known why. The text says what to do, too."""

    def __init__(self, stall: Stall) -> None:
        super().__init__(f"{stall.text}: {stall.remedy}")
        self.stall = stall
