"""Runs a general state test on one of the engines and compares what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config.constants import EMPTY_TRIE_ROOT
from config.l1_chain import fake_exponential
from config.types import ZERO_ADDRESS, ZERO_HASH, Hash32, to_hex
from evm.engine.blocks import BlockInputs
from evm.engine.builder import BlockBuilder
from evm.forks import ForkRules
from evm.genesis import genesis_state
from evm.native.evm import UNDECODABLE, BlockFacts, run_state_test
from evm.statetest.draft_prague import DRAFT_PRAGUE
from evm.statetest.outcome import Outcome, Verdict
from evm.statetest.state_case import Environment, StateCase
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.types import Header, decode_transaction, keccak256
from evm.types.receipt import BLOOM_BYTES, Log
from evm.types.rlp import encode
from evm.types.transaction import TransactionDecodingError
from evm.validity import InvalidReason, InvalidTransaction

_REASONS: Mapping[str, frozenset[InvalidReason]] = {
    name: frozenset(reasons)
    for name, reasons in {
        "INTRINSIC_GAS_TOO_LOW": (InvalidReason.INTRINSIC_GAS_TOO_LOW, InvalidReason.FLOOR_GAS_TOO_LOW),
        "INTRINSIC_GAS_BELOW_FLOOR_GAS_COST": (InvalidReason.FLOOR_GAS_TOO_LOW,),
        "INSUFFICIENT_ACCOUNT_FUNDS": (InvalidReason.INSUFFICIENT_FUNDS,),
        "GASLIMIT_PRICE_PRODUCT_OVERFLOW": (InvalidReason.INSUFFICIENT_FUNDS,),
        "SENDER_NOT_EOA": (InvalidReason.SENDER_NOT_EOA,),
        "INITCODE_SIZE_EXCEEDED": (InvalidReason.INITCODE_TOO_LARGE,),
        "INSUFFICIENT_MAX_FEE_PER_GAS": (InvalidReason.FEE_CAP_BELOW_BASE_FEE,),
        "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS": (InvalidReason.TIP_ABOVE_FEE_CAP,),
        "GAS_ALLOWANCE_EXCEEDED": (InvalidReason.BLOCK_GAS_EXCEEDED,),
        "GAS_LIMIT_EXCEEDS_MAXIMUM": (InvalidReason.GAS_LIMIT_TOO_HIGH,),
        "NONCE_IS_MAX": (InvalidReason.NONCE_MAX,),
        "NONCE_MISMATCH_TOO_LOW": (InvalidReason.NONCE_TOO_LOW,),
        "NONCE_MISMATCH_TOO_HIGH": (InvalidReason.NONCE_TOO_HIGH,),
        "TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH": (InvalidReason.BLOB_HASH_VERSION,),
        "TYPE_3_TX_ZERO_BLOBS": (InvalidReason.NO_BLOBS,),
        "TYPE_3_TX_PRE_FORK": (InvalidReason.TYPE_NOT_SUPPORTED,),
        "TYPE_3_TX_BLOB_COUNT_EXCEEDED": (InvalidReason.TOO_MANY_BLOBS, InvalidReason.BLOCK_BLOB_GAS_EXCEEDED),
        "TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED": (
            InvalidReason.TOO_MANY_BLOBS,
            InvalidReason.BLOCK_BLOB_GAS_EXCEEDED,
        ),
        "INSUFFICIENT_MAX_FEE_PER_BLOB_GAS": (InvalidReason.BLOB_FEE_CAP_TOO_LOW,),
        "TYPE_4_EMPTY_AUTHORIZATION_LIST": (InvalidReason.EMPTY_AUTHORIZATIONS,),
        "TYPE_4_TX_PRE_FORK": (InvalidReason.TYPE_NOT_SUPPORTED,),
    }.items()
}
"""What a test calls a refusal, and what we call it. Names that are not here are met by bytes that cannot be decoded."""


class _TestRules:
    """The rules of a chain with this one block, whose fees the test sets instead of a parent."""

    def __init__(self, environment: Environment, fork: ForkRules) -> None:
        self.chain_id = environment.chain_id
        self._environment = environment
        self._fork = fork

    def at(self, timestamp: int) -> ForkRules:
        return self._fork

    def next_base_fee(self, parent: Header, timestamp: int) -> int:
        return self._environment.base_fee

    def check_extra_data(self, extra_data: bytes, timestamp: int) -> None:
        """Tests have no extra data."""

    def check_gas_limit(self, parent: Header, gas_limit: int) -> None:
        """Tests set the gas limit as they like."""

    def excess_blob_gas(self, parent: Header, timestamp: int) -> int:
        return self._environment.excess_blob_gas

    def blob_base_fee(self, excess_blob_gas: int, timestamp: int) -> int:
        return fake_exponential(1, excess_blob_gas, self._environment.blob_update_fraction)

    def max_blobs_per_block(self, timestamp: int) -> int:
        return self._environment.max_blobs

    def max_block_bytes(self, timestamp: int) -> int | None:
        return None


def block_hash_of_tests(number: int) -> Hash32:
    """The hash that a state test's block `number` has by convention: that of the number's decimal digits."""
    return keccak256(str(number).encode())


def logs_hash(logs: tuple[Log, ...]) -> Hash32:
    """The hash of the logs' RLP, which state tests commit to."""
    return keccak256(encode([[log.address, log.topics, log.data] for log in logs]))


@dataclass(frozen=True)
class CaseResult:
    """What came of a case's transaction. `refusal` says why it was refused, `reason` which of our reasons that is."""

    state_root: Hash32
    logs_hash: Hash32
    refusal: str = ""
    reason: InvalidReason | None = None


CaseEngine = Callable[[StateCase], CaseResult]


def run_state_case(file: str, case: StateCase, engine: CaseEngine) -> Outcome:
    """Have the case's transaction executed and compare refusal, state root and logs."""
    reason = _difference(case, engine(case))
    verdict = Verdict.FAILED if reason else Verdict.PASSED
    return Outcome(file, case.name, verdict, reason, case.fork_name, case.indexes)


def _difference(case: StateCase, result: CaseResult) -> str:
    if result.refusal and not case.refusals:
        return f"the transaction was refused ({result.refusal}), it should have been executed"
    if case.refusals and not result.refusal:
        return f"executed, but should have been refused: {' or '.join(case.refusals)}"
    known = [_REASONS[name] for name in case.refusals if name in _REASONS]
    if known and result.reason is not None and not any(result.reason in reasons for reasons in known):
        return f"refused for another reason than {' or '.join(case.refusals)}: {result.refusal}"
    if result.state_root != case.post_root:
        return f"state root is {to_hex(result.state_root)}, expected {to_hex(case.post_root)}"
    if result.logs_hash != case.logs_hash:
        return f"logs hash is {to_hex(result.logs_hash)}, expected {to_hex(case.logs_hash)}"
    return ""


def execute_with_pyevm(case: StateCase) -> CaseResult:
    """Through the block builder: the pipeline that makes and imports blocks."""
    store = StateStore(MemoryStore())
    pre = genesis_state(case.pre)
    store.remember(pre)
    builder = _builder(case, store, pre.root)
    logs: tuple[Log, ...] = ()
    refusal, reason = "", None
    try:
        logs = builder.add(decode_transaction(case.raw)).logs
    except TransactionDecodingError as error:
        refusal = str(error)
    except InvalidTransaction as error:
        refusal, reason = str(error), error.reason
    root = store.at(pre.root).apply(builder.state.diff()).root
    return CaseResult(root, logs_hash(logs), refusal, reason)


def execute_natively(case: StateCase) -> CaseResult:
    """With the native library. Raises NativeLibraryMissing."""
    environment = case.environment
    result = run_state_test(
        case.rules.eth_fork,
        environment.chain_id,
        BlockFacts(
            number=environment.number,
            timestamp=environment.timestamp,
            coinbase=environment.coinbase,
            gas_limit=environment.gas_limit,
            base_fee=environment.base_fee,
            prev_randao=environment.prev_randao,
            blob_base_fee=fake_exponential(1, environment.excess_blob_gas, environment.blob_update_fraction),
        ),
        environment.max_blobs,
        case.pre,
        case.raw,
        is_draft=case.rules is DRAFT_PRAGUE,
    )
    if result.refusal == UNDECODABLE:
        return CaseResult(result.state_root, result.logs_hash, "the bytes are no transaction")
    reason = list(InvalidReason)[result.refusal - 1] if result.refusal else None
    return CaseResult(result.state_root, result.logs_hash, reason.value if reason else "", reason)


CASE_ENGINES: Mapping[str, CaseEngine] = {"pyevm": execute_with_pyevm, "native": execute_natively}
"""What can execute state tests, by the names of `--engine`."""


def _builder(case: StateCase, store: StateStore, root: Hash32) -> BlockBuilder:
    environment = case.environment
    parent = Header(
        parent_hash=ZERO_HASH,
        fee_recipient=ZERO_ADDRESS,
        state_root=root,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=bytes(BLOOM_BYTES),
        number=environment.number - 1,
        gas_limit=environment.gas_limit,
        gas_used=0,
        timestamp=0,
        extra_data=b"",
        prev_randao=ZERO_HASH,
    )
    inputs = BlockInputs(
        timestamp=environment.timestamp,
        fee_recipient=environment.coinbase,
        prev_randao=environment.prev_randao,
        gas_limit=environment.gas_limit,
    )
    rules = _TestRules(environment, case.rules)
    return BlockBuilder(rules, store, parent, inputs, block_hash_of_tests, system_calls=False)
