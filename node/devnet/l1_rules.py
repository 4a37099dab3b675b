"""The rules of an L1 that others run, as it tells them itself."""

from typing import Any

from config.errors import CriticalError
from config.forks import EthFork
from config.l1_chain import BUILT_IN, CANCUN_BLOBS, BlobParameters, BlobScheduleEntry, L1ChainConfig
from config.types import Timestamp
from evm.types.json_codec import parse_quantity
from l1.rpc import JsonRpcClient, RpcError


async def l1_chain_of(rpc: JsonRpcClient) -> L1ChainConfig:
    """The configuration of the chain behind an endpoint: built in, or from its `eth_config`.

    What an endpoint says is in force now is taken to hold from genesis on, since a rollup that is being made never
    looks back. Raises CriticalError when the endpoint does not tell, or runs rules older than blobs. Spec: EIP-7910.
    """
    chain_id = parse_quantity(await rpc.call("eth_chainId"))
    if chain_id in BUILT_IN:
        return BUILT_IN[chain_id]
    try:
        answer = await rpc.call("eth_config")
    except RpcError as error:
        raise CriticalError(
            f"L1 chain {chain_id} is not built in, and {rpc.endpoint} does not tell its rules ({error.message}): "
            "give them with --l1.chain-config FILE"
        ) from error
    try:
        return chain_from_eth_config(chain_id, answer)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CriticalError(f"{rpc.endpoint} gave an eth_config that cannot be used: {error}") from error


def chain_from_eth_config(chain_id: int, answer: dict[str, Any]) -> L1ChainConfig:
    """Read an `eth_config` answer. Raises KeyError, TypeError or ValueError when it is malformed or before Cancun."""
    zero = Timestamp(0)
    starts: dict[EthFork, Timestamp] = {EthFork.SHANGHAI: zero, EthFork.CANCUN: zero}
    entries = [BlobScheduleEntry("cancun", zero, CANCUN_BLOBS)]
    names = iter(("bpo1", "bpo2", "bpo3", "bpo4", "bpo5"))
    known: BlobParameters = CANCUN_BLOBS
    seen: set[int] = set()
    for key in ("current", "next", "last"):
        stage = answer.get(key)
        if stage is None or stage["activationTime"] in seen:
            continue
        seen.add(stage["activationTime"])
        time = zero if key == "current" else Timestamp(int(stage["activationTime"]))
        raw = stage["blobSchedule"]
        parameters = BlobParameters(int(raw["target"]), int(raw["max"]), int(raw["baseFeeUpdateFraction"]))
        newest = EthFork.CANCUN
        for fork in _forks_of(stage["precompiles"]):
            newest = fork
            if fork not in starts:
                starts[fork] = time
                if fork is EthFork.PRAGUE:
                    entries.append(BlobScheduleEntry("prague", time, parameters))
                    known = parameters
        if newest is EthFork.CANCUN and parameters != CANCUN_BLOBS:
            raise ValueError("its blob schedule is not Cancun's, but its precompiles are")
        if parameters != known:
            entries.append(BlobScheduleEntry(next(names), time, parameters))
            known = parameters
    return L1ChainConfig(
        chain_id=chain_id,
        shanghai_time=zero,
        cancun_time=zero,
        prague_time=starts.get(EthFork.PRAGUE),
        osaka_time=starts.get(EthFork.OSAKA),
        blob_schedule=tuple(entries),
    )


def _forks_of(precompiles: dict[str, str]) -> list[EthFork]:
    """The forks since Cancun that a set of precompiles (names as EIP-7910 has them) shows, oldest first."""
    names = {name.upper() for name in precompiles}
    marks = ((EthFork.PRAGUE, "BLS12_PAIRING_CHECK"), (EthFork.OSAKA, "P256VERIFY"))
    if "KZG_POINT_EVALUATION" not in names:
        raise ValueError("the chain has no blobs: a rollup needs Cancun's rules at least")
    return [fork for fork, mark in marks if mark in names]
