"""The configuration as the program in `core/` reads it: one canonical encoding, part of the program's initial memory image.

`core/src/config.zig` documents the fields in order and is the only reader.
"""

from rlp import encode

from config.forks import Fork
from config.l1_chain import L1ChainConfig
from config.rollup import RollupConfig
from config.system_config import SystemConfig
from config.types import Hash32, Timestamp

PROGRAM_CONFIG_VERSION = 1

MAX_PROGRAM_CONFIG_BYTES = 4096 - 8
"""What fits the program's configuration section after its length."""

_MAX_BLOB_SCHEDULE = 32

_Item = bytes | list["_Item"]


def program_config(rollup: RollupConfig, l1_chain: L1ChainConfig) -> bytes:
    """The canonical encoding of a chain's configuration.

    Where the chain keeps its data (`alt_da`) is not in it: the program derives from L1 only, so ask `check_provable` first.
    Raises ValueError when the two are not of the same L1 chain, or a value is outside what the program can hold.
    """
    if rollup.l1_chain_id != l1_chain.chain_id:
        raise ValueError(
            f"the rollup lives on L1 chain {rollup.l1_chain_id}, but the L1 configuration is for chain {l1_chain.chain_id}"
        )
    encoded: bytes = encode([_number(PROGRAM_CONFIG_VERSION, "version"), _rollup(rollup), _l1(l1_chain)])
    if len(encoded) > MAX_PROGRAM_CONFIG_BYTES:
        raise ValueError(
            f"the configuration takes {len(encoded)} bytes, the program has room for {MAX_PROGRAM_CONFIG_BYTES}"
        )
    return encoded


def check_provable(rollup: RollupConfig) -> None:
    """Raises ValueError when claims about this chain cannot be decided by the program, which reads batch data from L1 only."""
    if rollup.alt_da is not None:
        raise ValueError("this chain keeps its data outside L1 (alt_da): the fault-proof program cannot derive it")


def _rollup(rollup: RollupConfig) -> list[_Item]:
    genesis = rollup.genesis
    eip1559 = rollup.eip1559
    return [
        [
            _fixed(genesis.l1.hash, 32, "genesis.l1.hash"),
            _number(genesis.l1.number, "genesis.l1.number"),
            _fixed(genesis.l2.hash, 32, "genesis.l2.hash"),
            _number(genesis.l2.number, "genesis.l2.number"),
            _number(genesis.l2_time, "genesis.l2_time"),
            _system_config(genesis.system_config),
        ],
        _positive(rollup.block_time, "block_time"),
        _number(rollup.max_sequencer_drift, "max_sequencer_drift"),
        _number(rollup.seq_window_size, "seq_window_size"),
        _number(rollup.channel_timeout, "channel_timeout"),
        _number(rollup.l1_chain_id, "l1_chain_id"),
        _number(rollup.l2_chain_id, "l2_chain_id"),
        [_time(rollup.forks.times.get(fork), f"{fork.key}_time") for fork in list(Fork)[1:]],
        _fixed(rollup.batch_inbox_address, 20, "batch_inbox_address"),
        _fixed(rollup.deposit_contract_address, 20, "deposit_contract_address"),
        _fixed(rollup.l1_system_config_address, 20, "l1_system_config_address"),
        [
            _positive(eip1559.elasticity, "eip1559Elasticity"),
            _positive(eip1559.denominator, "eip1559Denominator"),
            _positive(eip1559.denominator_canyon, "eip1559DenominatorCanyon"),
        ],
        _time(rollup.pectra_blob_schedule_time, "pectra_blob_schedule_time"),
        _number(int(rollup.keep_karst_upgrade_gas), "keep_karst_upgrade_gas"),
    ]


def _system_config(config: SystemConfig) -> list[_Item]:
    return [
        _fixed(config.batcher_address, 20, "batcherAddr"),
        _fixed(config.overhead, 32, "overhead"),
        _fixed(config.scalar, 32, "scalar"),
        _number(config.gas_limit, "gasLimit"),
        _fixed(config.eip1559_params, 8, "eip1559Params"),
        _number(config.operator_fee_scalar, "operatorFeeScalar", bits=32),
        _number(config.operator_fee_constant, "operatorFeeConstant"),
        _number(config.min_base_fee, "minBaseFee"),
        _number(config.da_footprint_gas_scalar, "daFootprintGasScalar", bits=16),
    ]


def _l1(chain: L1ChainConfig) -> list[_Item]:
    if len(chain.blob_schedule) > _MAX_BLOB_SCHEDULE:
        raise ValueError(f"the blob schedule has {len(chain.blob_schedule)} entries, at most {_MAX_BLOB_SCHEDULE} fit")
    schedule: list[_Item] = [
        [
            _number(entry.time, f"{entry.name}Time"),
            _number(entry.parameters.target, f"{entry.name}.target"),
            _number(entry.parameters.max, f"{entry.name}.max"),
            _positive(entry.parameters.update_fraction, f"{entry.name}.baseFeeUpdateFraction"),
        ]
        for entry in sorted(chain.blob_schedule, key=lambda entry: entry.time)
    ]
    return [
        _number(chain.chain_id, "L1 chain id"),
        [
            _time(chain.shanghai_time, "shanghaiTime"),
            _time(chain.cancun_time, "cancunTime"),
            _time(chain.prague_time, "pragueTime"),
            _time(chain.osaka_time, "osakaTime"),
        ],
        schedule,
    ]


def _number(value: int, what: str, bits: int = 64) -> bytes:
    if value < 0 or value >> bits:
        raise ValueError(f"{what} is {value}, the program holds numbers of {bits} bits there")
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _positive(value: int, what: str) -> bytes:
    if value == 0:
        raise ValueError(f"{what} is 0: nothing can be divided by it")
    return _number(value, what)


def _time(time: Timestamp | None, what: str) -> list[_Item]:
    return [] if time is None else [_number(time, what)]


def _fixed(value: bytes | Hash32, length: int, what: str) -> bytes:
    if len(value) != length:
        raise ValueError(f"{what} has {len(value)} bytes instead of {length}")
    return bytes(value)
