"""L1 chain configuration: which Ethereum rules hold when, and what a blob costs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.forks import EthFork
from config.types import Timestamp


@dataclass(frozen=True)
class BlobParameters:
    """Blobs per block (target and maximum) and how fast their price moves (EIP-7840, EIP-7892)."""

    target: int
    max: int
    update_fraction: int


CANCUN_BLOBS = BlobParameters(target=3, max=6, update_fraction=3_338_477)
PRAGUE_BLOBS = BlobParameters(target=6, max=9, update_fraction=5_007_716)
BPO1_BLOBS = BlobParameters(target=10, max=15, update_fraction=8_346_193)
BPO2_BLOBS = BlobParameters(target=14, max=21, update_fraction=11_684_671)


@dataclass(frozen=True)
class BlobScheduleEntry:
    """Blob parameters that hold from a time (seconds) on, under the name `blobSchedule` uses."""

    name: str
    time: Timestamp
    parameters: BlobParameters


@dataclass(frozen=True)
class L1ChainConfig:
    """An L1 chain as derivation and the dev L1 need it. Fork times in seconds; None: never.

    Only rules that later L1 blocks can still follow are told apart: Shanghai, Cancun, Prague, Osaka.
    """

    chain_id: int
    shanghai_time: Timestamp | None
    cancun_time: Timestamp | None
    prague_time: Timestamp | None
    osaka_time: Timestamp | None
    blob_schedule: tuple[BlobScheduleEntry, ...]

    def fork_at(self, timestamp: int) -> EthFork:
        """The Ethereum rules that an L1 block of this timestamp follows."""
        newest = EthFork.PARIS
        for fork, time in (
            (EthFork.SHANGHAI, self.shanghai_time),
            (EthFork.CANCUN, self.cancun_time),
            (EthFork.PRAGUE, self.prague_time),
            (EthFork.OSAKA, self.osaka_time),
        ):
            if time is not None and timestamp >= time:
                newest = fork
        return newest

    def blob_parameters(self, timestamp: int) -> BlobParameters:
        """Blob parameters at an L1 timestamp (seconds); Cancun's before any entry holds."""
        current = CANCUN_BLOBS
        for entry in self.blob_schedule:
            if timestamp >= entry.time:
                current = entry.parameters
        return current

    def blob_base_fee(self, excess_blob_gas: int, timestamp: int) -> int:
        """Price of a unit of blob gas (wei) in an L1 block with this header field and timestamp. Spec: EIP-4844, EIP-7691."""
        return fake_exponential(1, excess_blob_gas, self.blob_parameters(timestamp).update_fraction)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "L1ChainConfig":
        """Read a geth genesis `config` object (or a whole genesis file).

        Raises ValueError when a fork that has blobs lacks its `blobSchedule` entry.
        """
        config = data.get("config", data)

        def time(key: str) -> Timestamp | None:
            value = config.get(key)
            return None if value is None else Timestamp(int(value, 16) if isinstance(value, str) else int(value))

        schedule = config.get("blobSchedule") or {}
        entries: list[BlobScheduleEntry] = []
        for name in ("cancun", "prague", "osaka", "bpo1", "bpo2", "bpo3", "bpo4", "bpo5"):
            start = time(f"{name}Time")
            if start is None:
                continue
            if name in schedule:
                raw = schedule[name]
                parameters = BlobParameters(int(raw["target"]), int(raw["max"]), int(raw["baseFeeUpdateFraction"]))
            elif name == "cancun":
                parameters = CANCUN_BLOBS
            elif name == "prague":
                parameters = PRAGUE_BLOBS
            elif name == "osaka":
                continue
            else:
                raise ValueError(f"L1 chain config sets {name}Time but has no blobSchedule.{name}")
            entries.append(BlobScheduleEntry(name, start, parameters))
        if "chainId" not in config:
            raise ValueError("L1 chain config lacks the field 'chainId'")
        return L1ChainConfig(
            chain_id=int(config["chainId"]),
            shanghai_time=time("shanghaiTime"),
            cancun_time=time("cancunTime"),
            prague_time=time("pragueTime"),
            osaka_time=time("osakaTime"),
            blob_schedule=tuple(sorted(entries, key=lambda entry: entry.time)),
        )

    @staticmethod
    def load(path: Path) -> "L1ChainConfig":
        """Read a JSON file. Raises ValueError naming the file when it cannot be used."""
        try:
            return L1ChainConfig.from_json(json.loads(path.read_text()))
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from error
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """A geth genesis `config` object (the fields that this class knows)."""
        result: dict[str, Any] = {"chainId": self.chain_id}
        result.update(dict.fromkeys(_GENESIS_BLOCK_FORKS, 0))
        result["terminalTotalDifficulty"] = 0
        times = {
            "shanghaiTime": self.shanghai_time,
            "cancunTime": self.cancun_time,
            "pragueTime": self.prague_time,
            "osakaTime": self.osaka_time,
        }
        result.update({key: value for key, value in times.items() if value is not None})
        for entry in self.blob_schedule:
            result.setdefault(f"{entry.name}Time", entry.time)
        result["blobSchedule"] = {
            entry.name: {
                "target": entry.parameters.target,
                "max": entry.parameters.max,
                "baseFeeUpdateFraction": entry.parameters.update_fraction,
            }
            for entry in self.blob_schedule
        }
        return result


_GENESIS_BLOCK_FORKS = (
    "homesteadBlock",
    "eip150Block",
    "eip155Block",
    "eip158Block",
    "byzantiumBlock",
    "constantinopleBlock",
    "petersburgBlock",
    "istanbulBlock",
    "muirGlacierBlock",
    "berlinBlock",
    "londonBlock",
)


def fake_exponential(factor: int, numerator: int, denominator: int) -> int:
    """factor * e ** (numerator / denominator) by Taylor expansion in integers. Spec: EIP-4844, "Helpers"."""
    term_index = 1
    output = 0
    accumulator = factor * denominator
    while accumulator > 0:
        output += accumulator
        accumulator = accumulator * numerator // (denominator * term_index)
        term_index += 1
    return output // denominator


ETHEREUM_MAINNET = L1ChainConfig(
    chain_id=1,
    shanghai_time=Timestamp(1681338455),
    cancun_time=Timestamp(1710338135),
    prague_time=Timestamp(1746612311),
    osaka_time=Timestamp(1764798551),
    blob_schedule=(
        BlobScheduleEntry("cancun", Timestamp(1710338135), CANCUN_BLOBS),
        BlobScheduleEntry("prague", Timestamp(1746612311), PRAGUE_BLOBS),
        BlobScheduleEntry("bpo1", Timestamp(1765290071), BPO1_BLOBS),
        BlobScheduleEntry("bpo2", Timestamp(1767747671), BPO2_BLOBS),
    ),
)

SEPOLIA = L1ChainConfig(
    chain_id=11155111,
    shanghai_time=Timestamp(1677557088),
    cancun_time=Timestamp(1706655072),
    prague_time=Timestamp(1741159776),
    osaka_time=Timestamp(1760427360),
    blob_schedule=(
        BlobScheduleEntry("cancun", Timestamp(1706655072), CANCUN_BLOBS),
        BlobScheduleEntry("prague", Timestamp(1741159776), PRAGUE_BLOBS),
        BlobScheduleEntry("bpo1", Timestamp(1761017184), BPO1_BLOBS),
        BlobScheduleEntry("bpo2", Timestamp(1761607008), BPO2_BLOBS),
    ),
)

BUILT_IN = {config.chain_id: config for config in (ETHEREUM_MAINNET, SEPOLIA)}


def l1_chain_config(chain_id: int, path: Path | None = None) -> L1ChainConfig:
    """The configuration of an L1 chain: from `path` when given, else built in.

    Raises ValueError when the chain is not built in and no file is given, or the file is for another chain.
    """
    if path is not None:
        config = L1ChainConfig.load(path)
        if config.chain_id != chain_id:
            raise ValueError(
                f"{path} is for L1 chain {config.chain_id}, but the rollup config says L1 chain {chain_id}"
            )
        return config
    if chain_id not in BUILT_IN:
        raise ValueError(
            f"L1 chain {chain_id} is not built in (known: {sorted(BUILT_IN)}): "
            "give its fork and blob schedule with --l1.chain-config FILE"
        )
    return BUILT_IN[chain_id]
