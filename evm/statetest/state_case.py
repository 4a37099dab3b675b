"""A general state test as its file gives it: a state, an environment, transactions and what must come of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.forks import EthFork
from config.genesis.account import Alloc
from config.genesis.alloc_file import alloc_from_json
from config.types import Address, Hash32, from_hex, to_address, to_hash32
from evm.forks import ForkRules, fork_rules
from evm.forks.names import FORKS_BY_NAME
from evm.statetest.draft_prague import DRAFT_PRAGUE, is_draft
from evm.types.transaction import LegacyTransaction, sign_transaction

_BLOB_SCHEDULE: Mapping[EthFork, tuple[int, int]] = {
    EthFork.CANCUN: (6, 3_338_477),
    EthFork.PRAGUE: (9, 5_007_716),
    EthFork.OSAKA: (9, 5_007_716),
}
"""Most blobs of a block and base fee update fraction, where a file has no schedule. Spec: EIP-4844, EIP-7691."""


@dataclass(frozen=True)
class Environment:
    """The block that the transaction runs in. Fees in wei per gas, `timestamp` in seconds."""

    coinbase: Address
    number: int
    timestamp: int
    gas_limit: int
    base_fee: int
    prev_randao: Hash32
    excess_blob_gas: int
    chain_id: int
    max_blobs: int
    blob_update_fraction: int
    difficulty: int


@dataclass(frozen=True)
class StateCase:
    """One transaction of a state test on one fork.

    `raw` is the signed transaction. With `refusals` (names of exceptions, any of which will do) it must be refused and
    the state stay as it is; without, it must lead to `post_root` and to logs with the hash `logs_hash`. `refusals` is
    None where the file is too old to say: then the root alone tells.
    """

    name: str
    fork_name: str
    rules: ForkRules
    indexes: tuple[int, int, int]
    environment: Environment
    pre: Alloc
    raw: bytes
    post_root: Hash32
    logs_hash: Hash32
    refusals: tuple[str, ...] | None


def is_state_test(body: Mapping[str, Any]) -> bool:
    """Whether an entry of a test file is a state test."""
    return {"env", "pre", "post", "transaction"} <= body.keys()


def state_cases(name: str, body: Mapping[str, Any], only: EthFork | None) -> Iterator[StateCase]:
    """The cases of one entry on the forks that have rules here; with `only`, on that fork.

    Raises KeyError or ValueError when the entry is malformed.
    """
    pre = None
    for fork_name, posts in body["post"].items():
        named = FORKS_BY_NAME.get(fork_name)
        if named is None or (only is not None and named.rules != only):
            continue
        fork = named.rules
        if pre is None:
            pre = alloc_from_json(body["pre"])
        environment = _environment(body, fork_name, fork)
        draft = fork == EthFork.PRAGUE and is_draft(body.get("_info", {}))
        rules = DRAFT_PRAGUE if draft else fork_rules(fork)
        for post in posts:
            indexes = post["indexes"]
            yield StateCase(
                name=name,
                fork_name=fork_name,
                rules=rules,
                indexes=(indexes["data"], indexes["gas"], indexes["value"]),
                environment=environment,
                pre=pre,
                raw=from_hex(post["txbytes"]) if "txbytes" in post else _signed(body["transaction"], indexes),
                post_root=to_hash32(post["hash"]),
                logs_hash=to_hash32(post["logs"]),
                refusals=_refusals(post),
            )


def _refusals(post: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "txbytes" not in post:
        return None
    exception = post.get("expectException") or ""
    return tuple(part.removeprefix("TransactionException.") for part in exception.split("|") if part)


def _signed(fields: Mapping[str, Any], indexes: Mapping[str, int]) -> bytes:
    """The transaction of a file from before 2021, which gives the key instead; such files know legacy ones only."""
    unsigned = LegacyTransaction(
        nonce=_number(fields, "nonce"),
        gas_limit=_number({"gasLimit": fields["gasLimit"][indexes["gas"]]}, "gasLimit"),
        to=to_address(fields["to"]) if fields["to"] else None,
        value=_number({"value": fields["value"][indexes["value"]]}, "value"),
        data=from_hex(fields["data"][indexes["data"]]),
        chain_id=None,
        y_parity=0,
        r=0,
        s=0,
        gas_price=_number(fields, "gasPrice"),
    )
    return sign_transaction(unsigned, from_hex(fields["secretKey"])).raw


def skipped_forks(body: Mapping[str, Any], only: EthFork | None) -> Iterator[tuple[str, int]]:
    """Forks without rules here, with their number of cases; none when one fork was asked for."""
    if only is None:
        for fork_name, posts in body["post"].items():
            if fork_name not in FORKS_BY_NAME:
                yield fork_name, len(posts)


def _number(fields: Mapping[str, Any], key: str, default: str | None = None) -> int:
    return int(fields[key] if default is None else fields.get(key, default), 16)


def _environment(body: Mapping[str, Any], fork_name: str, fork: EthFork) -> Environment:
    env = body["env"]
    config = body.get("config", {})
    max_blobs, fraction = _BLOB_SCHEDULE.get(fork, (0, 1))
    schedule = config.get("blobSchedule", {}).get(fork_name)
    if schedule is not None:
        max_blobs, fraction = _number(schedule, "max"), _number(schedule, "baseFeeUpdateFraction")
    return Environment(
        coinbase=to_address(env["currentCoinbase"]),
        number=_number(env, "currentNumber"),
        timestamp=_number(env, "currentTimestamp"),
        gas_limit=_number(env, "currentGasLimit"),
        base_fee=_number(env, "currentBaseFee", "0xa") if fork >= EthFork.LONDON else 0,
        prev_randao=Hash32(_number(env, "currentRandom", "0x0").to_bytes(32, "big")),
        excess_blob_gas=_number(env, "currentExcessBlobGas", "0x0"),
        chain_id=_number(config, "chainid", "0x1"),
        max_blobs=max_blobs,
        blob_update_fraction=fraction,
        difficulty=_number(env, "currentDifficulty", "0x0") if fork < EthFork.PARIS else 0,
    )
