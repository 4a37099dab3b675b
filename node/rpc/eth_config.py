"""`eth_config`: which rules hold now, which come next, and which come last."""

import zlib
from collections.abc import Iterable
from typing import Any

from config.constants import (
    BEACON_ROOTS_ADDRESS,
    CONSOLIDATION_REQUEST_ADDRESS,
    HISTORY_STORAGE_ADDRESS,
    WITHDRAWAL_REQUEST_ADDRESS,
)
from config.forks import EthFork, Fork
from config.types import to_hex
from evm.forks import ForkRules
from evm.rules import L1Rules, L2Rules, Rules
from evm.types import Address
from node.chain import Chain
from node.rpc.dispatcher import Namespace, rpc_method

_PRECOMPILE_NAMES = {
    0x01: "ECREC",
    0x02: "SHA256",
    0x03: "RIPEMD160",
    0x04: "ID",
    0x05: "MODEXP",
    0x06: "BN254_ADD",
    0x07: "BN254_MUL",
    0x08: "BN254_PAIRING",
    0x09: "BLAKE2F",
    0x0A: "KZG_POINT_EVALUATION",
    0x0B: "BLS12_G1ADD",
    0x0C: "BLS12_G1MSM",
    0x0D: "BLS12_G2ADD",
    0x0E: "BLS12_G2MSM",
    0x0F: "BLS12_PAIRING_CHECK",
    0x10: "BLS12_MAP_FP_TO_G1",
    0x11: "BLS12_MAP_FP2_TO_G2",
    0x100: "P256VERIFY",
}


class EthConfig(Namespace):
    """The fork configuration of the chain, for operators to compare before an upgrade. Spec: EIP-7910."""

    name = "eth"

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    @rpc_method("config")
    def config(self) -> dict[str, Any]:
        """The configurations as of the head; `next` and `last` are null when no fork is scheduled."""
        times = self._activation_times()
        now = self._chain.head.timestamp
        passed = [time for time in times if time <= now]
        coming = [time for time in times if time > now]
        return {
            "current": self._at(passed[-1]),
            "next": self._at(coming[0]) if coming else None,
            "last": self._at(coming[-1]) if coming else None,
        }

    def _activation_times(self) -> list[int]:
        """When rules change, ascending, from 0 (what holds at genesis) on."""
        rules = self._chain.rules
        times: set[int] = set()
        if isinstance(rules, L2Rules):
            # Delta changes batches, not execution.
            times = {time for fork, time in rules.rollup.forks.times.items() if fork != Fork.DELTA}
        elif isinstance(rules, L1Rules):
            chain = rules.chain
            times = {entry.time for entry in chain.blob_schedule}
            forks = (chain.shanghai_time, chain.cancun_time, chain.prague_time, chain.osaka_time)
            times |= {time for time in forks if time is not None}
        return [0, *sorted(time for time in times if time > self._chain.genesis.timestamp)]

    def _at(self, time: int) -> dict[str, Any]:
        rules = self._chain.rules
        fork = rules.at(max(time, self._chain.genesis.timestamp))
        return {
            "activationTime": time,
            "blobSchedule": self._blob_schedule(time),
            "chainId": hex(rules.chain_id),
            "forkId": to_hex(
                fork_hash(self._chain.genesis.hash, [item for item in self._activation_times() if 0 < item <= time])
            ),
            "precompiles": _precompiles(fork),
            "systemContracts": {
                name: to_hex(address) for name, address in sorted(_system_contracts(rules, fork).items())
            },
        }

    def _blob_schedule(self, time: int) -> dict[str, int] | None:
        rules = self._chain.rules
        if not isinstance(rules, L1Rules) or not rules.at(max(time, self._chain.genesis.timestamp)).has(EthFork.CANCUN):
            return None
        parameters = rules.chain.blob_parameters(max(time, self._chain.genesis.timestamp))
        return {
            "baseFeeUpdateFraction": parameters.update_fraction,
            "max": parameters.max,
            "target": parameters.target,
        }


def fork_hash(genesis_hash: bytes, activations: Iterable[int]) -> bytes:
    """The checksum (4 bytes) of the genesis hash and the activation times passed since, in order. Spec: EIP-6122."""
    checksum = zlib.crc32(genesis_hash)
    for activation in activations:
        checksum = zlib.crc32(activation.to_bytes(8, "big"), checksum)
    return checksum.to_bytes(4, "big")


def _precompiles(fork: ForkRules) -> dict[str, str]:
    named = {
        _PRECOMPILE_NAMES.get(int.from_bytes(address, "big"), to_hex(address)): to_hex(address)
        for address in fork.precompiles
    }
    return dict(sorted(named.items()))


def _system_contracts(rules: Rules, fork: ForkRules) -> dict[str, Address]:
    contracts: dict[str, Address] = {}
    if fork.has(EthFork.CANCUN):
        contracts["BEACON_ROOTS_ADDRESS"] = BEACON_ROOTS_ADDRESS
    if fork.has(EthFork.PRAGUE):
        contracts["HISTORY_STORAGE_ADDRESS"] = HISTORY_STORAGE_ADDRESS
        if isinstance(rules, L1Rules):
            contracts |= {
                "CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS": CONSOLIDATION_REQUEST_ADDRESS,
                "DEPOSIT_CONTRACT_ADDRESS": rules.deposit_contract,
                "WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS": WITHDRAWAL_REQUEST_ADDRESS,
            }
    return contracts
