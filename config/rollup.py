"""The rollup configuration: op-node's `rollup.json`, and the chain files of the superchain registry."""

import json
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from config.constants import CHANNEL_TIMEOUT_BEDROCK
from config.forks import Fork, ForkSchedule
from config.quantity import parse_optional_quantity, parse_quantity
from config.system_config import SystemConfig
from config.types import (
    ZERO_ADDRESS,
    Address,
    Hash32,
    L2BlockNumber,
    Timestamp,
    to_address,
    to_hash32,
    to_hex,
)

DEFAULT_BLOCK_TIME = 2


@dataclass(frozen=True)
class BlockId:
    """A block by hash and number."""

    hash: Hash32
    number: int

    def to_json(self) -> dict[str, Any]:
        """`{"hash", "number"}` as op-node prints it."""
        return {"hash": to_hex(self.hash), "number": self.number}

    def __str__(self) -> str:
        return f"{self.number} (0x{self.hash[:4].hex()}..)"


@dataclass(frozen=True)
class Eip1559Parameters:
    """Base fee parameters of the chain before Holocene made them part of each block."""

    elasticity: int
    denominator: int
    denominator_canyon: int


@dataclass(frozen=True)
class AltDaConfig:
    """Batch data may be kept outside L1: which commitments count, and how they can be challenged (windows in L1 blocks).

    `commitment_type` is 0 for keccak, 1 for generic commitments. Without a challenge contract nobody can challenge.
    Spec: op alt-da.
    """

    commitment_type: int
    challenge_contract_address: Address = ZERO_ADDRESS
    challenge_window: int = 0
    resolve_window: int = 0

    def to_json(self) -> dict[str, Any]:
        """op-node's `alt_da`."""
        return {
            "da_challenge_contract_address": to_hex(self.challenge_contract_address),
            "da_commitment_type": _COMMITMENT_TYPES[self.commitment_type],
            "da_challenge_window": self.challenge_window,
            "da_resolve_window": self.resolve_window,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "AltDaConfig":
        """Read op-node's `alt_da`, or the table of that name in the superchain registry. Raises ValueError."""
        name = data.get("da_commitment_type") or _COMMITMENT_TYPES[0]
        if name not in _COMMITMENT_TYPES:
            raise ValueError(f"alt_da: unknown da_commitment_type {name!r}, known are {', '.join(_COMMITMENT_TYPES)}")
        window, resolve = (
            parse_optional_quantity(data.get(key), key) or 0 for key in ("da_challenge_window", "da_resolve_window")
        )
        address = to_address(data.get("da_challenge_contract_address") or "0x" + "00" * 20)
        return AltDaConfig(_COMMITMENT_TYPES.index(name), address, window, resolve)


_COMMITMENT_TYPES = ("KeccakCommitment", "GenericCommitment")


@dataclass(frozen=True)
class RollupGenesis:
    """Where the rollup starts: the L1 block that derivation begins after, the L2 genesis, and the configuration then."""

    l1: BlockId
    l2: BlockId
    l2_time: Timestamp
    system_config: SystemConfig


@dataclass(frozen=True)
class RollupConfig:
    """Everything a rollup node must know of its chain. Times are in seconds, windows and timeouts in L1 blocks.

    `max_sequencer_drift` and `channel_timeout` are the values before Fjord and Granite fixed them: ask
    `max_drift(timestamp)` and `channel_timeout_at(l1_timestamp)` instead.
    """

    genesis: RollupGenesis
    block_time: int
    max_sequencer_drift: int
    seq_window_size: int
    channel_timeout: int
    l1_chain_id: int
    l2_chain_id: int
    forks: ForkSchedule
    batch_inbox_address: Address
    deposit_contract_address: Address
    l1_system_config_address: Address
    eip1559: Eip1559Parameters = Eip1559Parameters(elasticity=6, denominator=50, denominator_canyon=250)
    protocol_versions_address: Address = ZERO_ADDRESS
    pectra_blob_schedule_time: Timestamp | None = None
    keep_karst_upgrade_gas: bool = False
    """The gas that Karst's activation block got for its upgrade transactions stays in the gas limit afterwards."""
    alt_da: AltDaConfig | None = None
    """None: all batch data is on L1."""

    def is_active(self, fork: Fork, timestamp: int) -> bool:
        """Whether an L2 block of this timestamp follows `fork`'s rules."""
        return self.forks.is_active(fork, timestamp)

    def max_drift(self, l2_timestamp: int) -> int:
        """Seconds an L2 block may be ahead of its L1 origin. Spec: op fjord derivation, "Constant Maximum Sequencer Drift"."""
        fixed = self.forks.facts(l2_timestamp).max_sequencer_drift
        return self.max_sequencer_drift if fixed is None else fixed

    def channel_timeout_at(self, l1_timestamp: int) -> int:
        """L1 blocks a channel may stay open, by the timestamp of the L1 origin. Spec: op granite derivation."""
        fixed = self.forks.facts(l1_timestamp).channel_timeout
        return self.channel_timeout if fixed is None else fixed

    def number_at(self, timestamp: int) -> L2BlockNumber:
        """The number of the L2 block with this timestamp. Raises ValueError when there cannot be one."""
        elapsed = timestamp - self.genesis.l2_time
        if elapsed < 0 or elapsed % self.block_time:
            raise ValueError(
                f"no L2 block has timestamp {timestamp}: genesis {self.genesis.l2_time}, block time {self.block_time}"
            )
        return L2BlockNumber(self.genesis.l2.number + elapsed // self.block_time)

    def timestamp_of(self, number: int) -> Timestamp:
        """The timestamp (seconds) of L2 block `number`."""
        return Timestamp(self.genesis.l2_time + (number - self.genesis.l2.number) * self.block_time)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "RollupConfig":
        """Read op-node's `rollup.json`.

        Raises ValueError naming the field that is missing or malformed.
        """
        try:
            return _from_json(data)
        except KeyError as error:
            raise ValueError(f"rollup config lacks the field {error.args[0]!r}") from error

    @staticmethod
    def load(path: Path) -> "RollupConfig":
        """Read a `rollup.json` file. Raises ValueError naming the file when it cannot be used."""
        try:
            return RollupConfig.from_json(json.loads(path.read_text()))
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """op-node's `rollup.json`."""
        result: dict[str, Any] = {
            "genesis": {
                "l1": self.genesis.l1.to_json(),
                "l2": self.genesis.l2.to_json(),
                "l2_time": self.genesis.l2_time,
                "system_config": self.genesis.system_config.to_json(),
            },
            "block_time": self.block_time,
            "max_sequencer_drift": self.max_sequencer_drift,
            "seq_window_size": self.seq_window_size,
            "channel_timeout": self.channel_timeout,
            "l1_chain_id": self.l1_chain_id,
            "l2_chain_id": self.l2_chain_id,
        }
        result.update({f"{fork.key}_time": time for fork, time in sorted(self.forks.times.items())})
        if self.pectra_blob_schedule_time is not None:
            result["pectra_blob_schedule_time"] = self.pectra_blob_schedule_time
        if self.keep_karst_upgrade_gas:
            result["keep_karst_upgrade_gas"] = True
        if self.alt_da is not None:
            result["alt_da"] = self.alt_da.to_json()
        result.update(
            {
                "batch_inbox_address": to_hex(self.batch_inbox_address),
                "deposit_contract_address": to_hex(self.deposit_contract_address),
                "l1_system_config_address": to_hex(self.l1_system_config_address),
                "protocol_versions_address": to_hex(self.protocol_versions_address),
                "chain_op_config": {
                    "eip1559Elasticity": self.eip1559.elasticity,
                    "eip1559Denominator": self.eip1559.denominator,
                    "eip1559DenominatorCanyon": self.eip1559.denominator_canyon,
                },
            }
        )
        return result

    def save(self, path: Path) -> None:
        """Write `rollup.json`."""
        path.write_text(json.dumps(self.to_json(), indent=2) + "\n")

    def with_genesis(self, genesis: RollupGenesis) -> "RollupConfig":
        """The same chain with another starting point."""
        return replace(self, genesis=genesis)


def _block_id(data: dict[str, Any]) -> BlockId:
    return BlockId(to_hash32(data["hash"]), parse_quantity(data["number"], "number"))


def _optional_time(data: dict[str, Any], name: str) -> Timestamp | None:
    time = parse_optional_quantity(data.get(name), name)
    return None if time is None else Timestamp(time)


def _fork_times(data: dict[str, Any]) -> dict[Fork, Timestamp]:
    """Activation times by `<fork>_time`.

    A chain that names later forks but not Regolith has had it since its genesis: the superchain registry and kona leave
    it out.
    """
    times = {fork: time for fork in list(Fork)[1:] if (time := _optional_time(data, f"{fork.key}_time")) is not None}
    if times:
        times.setdefault(Fork.REGOLITH, Timestamp(0))
    return times


def _eip1559(data: dict[str, Any], elasticity: str, denominator: str, denominator_canyon: str) -> Eip1559Parameters:
    default = Eip1559Parameters(elasticity=6, denominator=50, denominator_canyon=250)

    def value(name: str, otherwise: int) -> int:
        number = parse_optional_quantity(data.get(name), name)
        return otherwise if number is None else number

    return Eip1559Parameters(
        elasticity=value(elasticity, default.elasticity),
        denominator=value(denominator, default.denominator),
        denominator_canyon=value(denominator_canyon, default.denominator_canyon),
    )


def _alt_da(data: dict[str, Any] | None) -> AltDaConfig | None:
    return None if data is None else AltDaConfig.from_json(data)


def _from_json(data: dict[str, Any]) -> RollupConfig:
    genesis = data["genesis"]

    def number(name: str) -> int:
        return parse_quantity(data[name], name)

    channel_timeout = parse_optional_quantity(data.get("channel_timeout"), "channel_timeout")
    return RollupConfig(
        genesis=RollupGenesis(
            l1=_block_id(genesis["l1"]),
            l2=_block_id(genesis["l2"]),
            l2_time=Timestamp(parse_quantity(genesis["l2_time"], "l2_time")),
            system_config=SystemConfig.from_json(genesis["system_config"]),
        ),
        block_time=number("block_time"),
        max_sequencer_drift=number("max_sequencer_drift"),
        seq_window_size=number("seq_window_size"),
        channel_timeout=CHANNEL_TIMEOUT_BEDROCK if channel_timeout is None else channel_timeout,
        l1_chain_id=number("l1_chain_id"),
        l2_chain_id=number("l2_chain_id"),
        forks=ForkSchedule(_fork_times(data)),
        batch_inbox_address=to_address(data["batch_inbox_address"]),
        deposit_contract_address=to_address(data["deposit_contract_address"]),
        l1_system_config_address=to_address(data["l1_system_config_address"]),
        protocol_versions_address=to_address(data.get("protocol_versions_address") or "0x" + "00" * 20),
        eip1559=_eip1559(
            data.get("chain_op_config") or {}, "eip1559Elasticity", "eip1559Denominator", "eip1559DenominatorCanyon"
        ),
        pectra_blob_schedule_time=_optional_time(data, "pectra_blob_schedule_time"),
        keep_karst_upgrade_gas=bool(data.get("keep_karst_upgrade_gas") or False),
        alt_da=_alt_da(data.get("alt_da")),
    )


def load_registry_chain(chain_toml: Path, superchain_toml: Path | None = None) -> RollupConfig:
    """A chain file of the superchain registry as a rollup config.

    `superchain_toml` (default: the file of that name beside `chain_toml`) gives the L1 chain id.
    Raises ValueError naming the file and field when something is missing.
    """
    superchain_toml = superchain_toml or chain_toml.with_name("superchain.toml")
    try:
        chain = tomllib.loads(chain_toml.read_text())
        superchain = tomllib.loads(superchain_toml.read_text())
        genesis = chain["genesis"]
        hardforks = {**_inherited_hardforks(chain, superchain), **chain.get("hardforks", {})}
        return RollupConfig(
            genesis=RollupGenesis(
                l1=_block_id(genesis["l1"]),
                l2=_block_id(genesis["l2"]),
                l2_time=Timestamp(int(genesis["l2_time"])),
                system_config=SystemConfig.from_json(genesis["system_config"]),
            ),
            block_time=int(chain.get("block_time", DEFAULT_BLOCK_TIME)),
            max_sequencer_drift=int(chain["max_sequencer_drift"]),
            seq_window_size=int(chain["seq_window_size"]),
            channel_timeout=CHANNEL_TIMEOUT_BEDROCK,
            l1_chain_id=int(superchain["l1"]["chain_id"]),
            l2_chain_id=int(chain["chain_id"]),
            forks=ForkSchedule(_fork_times(hardforks)),
            batch_inbox_address=to_address(chain["batch_inbox_addr"]),
            deposit_contract_address=to_address(chain["addresses"]["OptimismPortalProxy"]),
            l1_system_config_address=to_address(chain["addresses"]["SystemConfigProxy"]),
            protocol_versions_address=to_address(superchain.get("protocol_versions_addr") or "0x" + "00" * 20),
            eip1559=_eip1559(
                chain.get("optimism") or {},
                "eip1559_elasticity",
                "eip1559_denominator",
                "eip1559_denominator_canyon",
            ),
            pectra_blob_schedule_time=_optional_time(hardforks, "pectra_blob_schedule_time"),
            keep_karst_upgrade_gas=bool(hardforks.get("keep_karst_upgrade_gas", False)),
            alt_da=_alt_da(chain.get("alt_da")),
        )
    except KeyError as error:
        raise ValueError(f"{chain_toml}: the field {error.args[0]!r} is missing") from error
    except ValueError as error:
        raise ValueError(f"{chain_toml}: {error}") from error


def _inherited_hardforks(chain: dict[str, Any], superchain: dict[str, Any]) -> dict[str, Any]:
    """Fork times that a chain takes over from its superchain: those at or after the time it joined."""
    joined = chain.get("superchain_time")
    if joined is None:
        return {}
    return {
        name: time
        for name, time in superchain.get("hardforks", {}).items()
        if name.endswith("_time") and isinstance(time, int) and time >= joined
    }
