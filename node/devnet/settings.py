"""What a devnet can be told."""

from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from batcher.settings import ThrottleSettings
from config.constants import MAX_BLOB_DATA_BYTES
from config.engine_mode import EngineMode
from config.forks import EthFork
from config.types import Wei
from faultproof.shipped import FAULT_PROOF_PROGRAM
from l1.deployment.params import FAST_DELAYS, MAINNET_DELAYS, Delays
from node.devl1.genesis import dev_l1_chain_config
from node.devl1.producer import LabelLags

L2_CHAIN_ID = 901
_TEN_ETHER = Wei(10 * 10**18)


class Profile(Enum):
    """`fast` has short delays for development, `mainnet` the real ones."""

    FAST = "fast"
    MAINNET = "mainnet"


@dataclass(frozen=True)
class Ports:
    """Where the parts listen; 0 picks a free port."""

    http: int = 8545
    ws: int = 8546
    rollup: int = 9545
    verifier_http: int = 8547
    verifier_rollup: int = 9547
    l1: int = 8540
    l1_beacon: int = 5052
    batcher: int = 8548
    proposer: int = 8560
    challenger: int = 8561
    da_server: int = 0
    dashboard: int = 8080


@dataclass(frozen=True)
class DevnetSettings:
    """All of it. Times in seconds, windows in L1 blocks.

    `l1` is "embedded", "anvil", or the URL of an L1 execution endpoint (then `l1_beacon` is its beacon endpoint). There
    `l1_funding_key` (32 bytes) pays each of the devnet's accounts `l1_funding` wei, and `l1_chain_config` may hold the
    chain's rules. `fault_program` is the ELF file of the program that games are about, whose steps the RISC-V machine judges;
    None: games are about the alphabet VM. With `mock_proofs` games can be ended by what `MockZKVerifier` takes for a
    validity proof. `alt_da`: a DA server keeps the chain's data, L1 gets commitments. `compression` is the batcher's: its
    own default, `brotli-10`, takes seven times the processor time of `brotli-9` for a hundredth less on L1, where bytes
    cost nothing here.
    """

    datadir: Path
    l1: str = "embedded"
    l1_beacon: str | None = None
    l1_funding_key: bytes | None = field(default=None, repr=False)
    l1_funding: Wei = _TEN_ETHER
    l1_chain_config: Path | None = None
    l1_fork: EthFork = EthFork.PRAGUE
    l1_slot_seconds: int = 4
    block_time: int = 2
    accounts: int = 10
    engine: EngineMode = EngineMode.BOTH
    profile: Profile = Profile.FAST
    delays: Delays = FAST_DELAYS
    lags: LabelLags = field(default_factory=LabelLags)
    sequencing_window: int = 3600
    gas_limit: int = 60_000_000
    proposal_interval: int = 12
    max_channel_duration: int = 1
    data_availability: str = "blobs"
    compression: str = "brotli-9"
    verifier_follows: bool = False
    """Whether the verifier takes the sequencer's unsafe blocks; else it only derives."""
    p2p_port: int | None = None
    """Where the sequencer gossips its blocks, to the verifier and to others; None for a devnet without libp2p."""
    challenger: bool = True
    challenger_poll: float = 1.0
    fault_program: Path | None = FAULT_PROOF_PROGRAM
    alt_da: bool = False
    max_game_depth: int = 73
    split_depth: int = 30
    mock_proofs: bool = False
    ports: Ports = field(default_factory=Ports)
    info: Path | None = None
    log_level: str = "info"
    log_format: str = "text"

    @property
    def info_path(self) -> Path:
        """The info file."""
        return self.info or self.datadir / "devnet.json"

    @property
    def data_per_block(self) -> int:
        """Bytes for which L1 has room in an L2 block's time, for as long as one likes: at its target of blobs their price stands.

        op-batcher's default limit is this for blocks of 2 seconds and slots of 12 with 6 blobs. With very long slots it is
        the least that the batcher ever limits blocks to: less would keep out transactions of some size for good.
        """
        target = dev_l1_chain_config(self.l1_fork).blob_schedule[-1].parameters.target
        room = target * MAX_BLOB_DATA_BYTES * self.block_time // self.l1_slot_seconds
        return max(room, ThrottleSettings().block_size_lower_limit)

    def with_profile(self, profile: Profile) -> "DevnetSettings":
        """The settings with the profile's delays."""
        if profile is Profile.FAST:
            return replace(self, profile=profile)
        return replace(
            self,
            profile=profile,
            delays=MAINNET_DELAYS,
            lags=LabelLags(safe=32, finalized=64),
            l1_slot_seconds=12,
            proposal_interval=3600,
            max_channel_duration=25,
            compression="brotli-10",
        )
