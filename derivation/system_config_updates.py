"""SystemConfig updates: what L1 logs change in the chain's configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from config.constants import CONFIG_UPDATE_EVENT_TOPIC
from config.system_config import SystemConfig
from config.types import Address, Gas, Hash32, to_hex
from evm.types.receipt import Log, Receipt

_WORD = 32
_FEE_SCALARS = 1
_UNSAFE_BLOCK_SIGNER = 3


class _Unreadable(ValueError):
    """A ConfigUpdate log that does not follow its format."""


@dataclass(frozen=True)
class SystemConfigUpdates:
    """The configuration after a block's logs, and in sentences what was applied and what was skipped."""

    config: SystemConfig
    applied: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def apply_system_config_updates(
    config: SystemConfig, receipts: Sequence[Receipt], contract: Address, ecotone: bool
) -> SystemConfigUpdates:
    """The configuration after all ConfigUpdate logs of an L1 block, in log order.

    `contract` is the SystemConfig proxy on L1. Logs of failed transactions do not exist; a log that cannot be parsed
    is skipped, as the spec says. With `ecotone`, which counts by the L1 block's timestamp, the fee overhead is always
    zero and scalars are versioned.
    Spec: op system-config, "System Config Updates".
    """
    applied: list[str] = []
    skipped: list[str] = []
    for receipt in receipts:
        if not receipt.succeeded:
            continue
        for log in receipt.logs:
            if log.address != contract or not log.topics or log.topics[0] != CONFIG_UPDATE_EVENT_TOPIC:
                continue
            try:
                config, text = _apply(config, log, ecotone)
            except _Unreadable as error:
                skipped.append(f"a system config update was skipped: {error}")
            else:
                if text:
                    applied.append(text)
    return SystemConfigUpdates(config, tuple(applied), tuple(skipped))


def _apply(config: SystemConfig, log: Log, ecotone: bool) -> tuple[SystemConfig, str]:
    if len(log.topics) != 3:
        raise _Unreadable(f"the log has {len(log.topics)} topics, expected 3")
    version = int.from_bytes(log.topics[1], "big")
    kind = int.from_bytes(log.topics[2], "big")
    if version != 0:
        raise _Unreadable(f"version {version} is not known")
    if kind == _UNSAFE_BLOCK_SIGNER:
        return config, ""
    if kind not in _UPDATES:
        raise _Unreadable(f"update type {kind} is not known")
    words, update = _UPDATES[kind]
    if kind == _FEE_SCALARS and not ecotone:
        update = _bedrock_fee_scalars
    return update(config, _payload(log.data, words))


def _payload(data: bytes, words: int) -> bytes:
    """The content of the log's one `bytes` argument, which has exactly this many words."""
    length = words * _WORD
    if len(data) != 2 * _WORD + length:
        raise _Unreadable(f"the log's data has {len(data)} bytes, expected {2 * _WORD + length}")
    if int.from_bytes(data[:_WORD], "big") != _WORD:
        raise _Unreadable("the log's data has a wrong pointer")
    if int.from_bytes(data[_WORD : 2 * _WORD], "big") != length:
        raise _Unreadable("the log's data has a wrong length")
    return data[2 * _WORD :]


def _uint(payload: bytes, bits: int) -> int:
    value = int.from_bytes(payload, "big")
    if value >= 1 << bits:
        raise _Unreadable(f"{to_hex(payload)} does not fit {bits} bits")
    return value


def _batcher(config: SystemConfig, payload: bytes) -> tuple[SystemConfig, str]:
    _uint(payload, 160)
    batcher = Address(payload[12:])
    return replace(config, batcher_address=batcher), f"batcher address is now {to_hex(batcher)}"


def _fee_scalars(config: SystemConfig, payload: bytes) -> tuple[SystemConfig, str]:
    scalar = payload[_WORD:]
    if scalar[0] > 1 or any(scalar[1 : 28 if scalar[0] == 0 else 24]):
        raise _Unreadable(f"{to_hex(scalar)} is no versioned fee scalar")
    updated = replace(config, overhead=Hash32(bytes(_WORD)), scalar=Hash32(scalar))
    base, blob = updated.base_fee_scalars()
    return updated, f"base fee scalar is now {base}, blob base fee scalar {blob}"


def _bedrock_fee_scalars(config: SystemConfig, payload: bytes) -> tuple[SystemConfig, str]:
    overhead, scalar = Hash32(payload[:_WORD]), Hash32(payload[_WORD:])
    text = f"L1 fee overhead is now {int.from_bytes(overhead, 'big')}, scalar {int.from_bytes(scalar, 'big')}"
    return replace(config, overhead=overhead, scalar=scalar), text


def _gas_limit(config: SystemConfig, payload: bytes) -> tuple[SystemConfig, str]:
    limit = Gas(_uint(payload, 64))
    return replace(config, gas_limit=limit), f"L2 gas limit is now {limit}"


def _eip1559_parameters(config: SystemConfig, payload: bytes) -> tuple[SystemConfig, str]:
    value = _uint(payload, 64)
    text = f"EIP-1559 denominator is now {value >> 32}, elasticity {value & 0xFFFFFFFF}"
    return replace(config, eip1559_params=payload[24:]), text


def _operator_fee(config: SystemConfig, payload: bytes) -> tuple[SystemConfig, str]:
    scalar, constant = int.from_bytes(payload[20:24], "big"), int.from_bytes(payload[24:], "big")
    updated = replace(config, operator_fee_scalar=scalar, operator_fee_constant=constant)
    return updated, f"operator fee scalar is now {scalar}, constant {constant}"


def _min_base_fee(config: SystemConfig, payload: bytes) -> tuple[SystemConfig, str]:
    fee = _uint(payload, 64)
    return replace(config, min_base_fee=fee), f"minimum base fee is now {fee} wei"


def _da_footprint(config: SystemConfig, payload: bytes) -> tuple[SystemConfig, str]:
    scalar = _uint(payload, 16)
    return replace(config, da_footprint_gas_scalar=scalar), f"DA footprint gas scalar is now {scalar}"


_UPDATES: dict[int, tuple[int, Callable[[SystemConfig, bytes], tuple[SystemConfig, str]]]] = {
    0: (1, _batcher),
    _FEE_SCALARS: (2, _fee_scalars),
    2: (1, _gas_limit),
    4: (1, _eip1559_parameters),
    5: (1, _operator_fee),
    6: (1, _min_base_fee),
    7: (1, _da_footprint),
}
"""Update type -> words of its payload, and how it changes the configuration."""
