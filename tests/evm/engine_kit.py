"""A small chain in memory for engine tests: a funded state, a parent block, and short ways to build on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from config.constants import EMPTY_KECCAK, EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT, SEQUENCER_FEE_VAULT
from config.forks import EthFork, Fork, ForkSchedule
from config.l1_chain import PRAGUE_BLOBS, BlobScheduleEntry, L1ChainConfig
from config.rollup import BlockId, RollupConfig, RollupGenesis
from config.system_config import SystemConfig
from config.types import ZERO_ADDRESS, ZERO_HASH, Address, Gas, Hash32, Timestamp
from evm.engine import BlockBuilder, BlockInputs, Engine, ExecutedBlock
from evm.rules import L1Rules, L2Rules, Rules
from evm.store.kv import MemoryStore, WriteBatch
from evm.store.state import Account, StateDiff, StateReader, StateStore
from evm.types import DepositTransaction, DynamicFeeTransaction, Header, SignedTransaction, keccak256
from evm.types.signature import address_of
from evm.types.transaction import sign_transaction

ETHER = 10**18
GWEI = 10**9
CHAIN_ID = 901
ALICE_KEY = bytes(31) + b"\x01"
BOB_KEY = bytes(31) + b"\x02"
ALICE = address_of(ALICE_KEY)
BOB = address_of(BOB_KEY)
CONTRACT = Address(b"\xc0" * 20)
GAS_LIMIT = 30_000_000
HOLOCENE_EXTRA = b"\x00" + (250).to_bytes(4, "big") + (6).to_bytes(4, "big")

SYSTEM_CONFIG = SystemConfig(
    batcher_address=Address(b"\xba" * 20),
    overhead=ZERO_HASH,
    scalar=Hash32(b"\x01" + bytes(23) + (810_949).to_bytes(4, "big") + (1_368).to_bytes(4, "big")),
    gas_limit=Gas(GAS_LIMIT),
)


@dataclass(frozen=True)
class Funded:
    """An account of the starting state."""

    balance: int = 0
    nonce: int = 0
    code: bytes = b""
    storage: Mapping[int, int] = field(default_factory=dict)


def rollup(fork: Fork = Fork.ISTHMUS) -> RollupConfig:
    """A rollup with every fork up to `fork` active from genesis."""
    return RollupConfig(
        genesis=RollupGenesis(BlockId(ZERO_HASH, 0), BlockId(ZERO_HASH, 0), Timestamp(0), SYSTEM_CONFIG),
        block_time=2,
        max_sequencer_drift=600,
        seq_window_size=3600,
        channel_timeout=300,
        l1_chain_id=900,
        l2_chain_id=CHAIN_ID,
        forks=ForkSchedule.all_at_genesis(fork),
        batch_inbox_address=ZERO_ADDRESS,
        deposit_contract_address=ZERO_ADDRESS,
        l1_system_config_address=ZERO_ADDRESS,
    )


def l1_chain(fork: EthFork = EthFork.PRAGUE) -> L1ChainConfig:
    """An L1 on the rules of `fork` from genesis."""

    def since(first: EthFork) -> Timestamp | None:
        return Timestamp(0) if fork >= first else None

    return L1ChainConfig(
        chain_id=CHAIN_ID,
        shanghai_time=since(EthFork.SHANGHAI),
        cancun_time=since(EthFork.CANCUN),
        prague_time=since(EthFork.PRAGUE),
        osaka_time=since(EthFork.OSAKA),
        blob_schedule=(BlobScheduleEntry("prague", Timestamp(0), PRAGUE_BLOBS),),
    )


class Bench:
    """An engine over a fresh state, and the block to build on."""

    def __init__(self, rules: Rules, accounts: Mapping[Address, Funded], base_fee: int = GWEI) -> None:
        self.kv = MemoryStore()
        self.state = StateStore(self.kv)
        self.headers: dict[Hash32, Header] = {}
        diff = StateDiff()
        for address, account in accounts.items():
            code_hash = keccak256(account.code) if account.code else EMPTY_KECCAK
            diff.accounts[address] = Account(account.nonce, account.balance, EMPTY_TRIE_ROOT, code_hash)
            if account.code:
                diff.codes[code_hash] = account.code
            if account.storage:
                diff.storage[address] = dict(account.storage)
        update = self.state.at(EMPTY_TRIE_ROOT).apply(diff)
        batch = WriteBatch()
        update.write(batch)
        self.kv.write(batch)
        fork = rules.at(0)
        self.head = Header(
            parent_hash=ZERO_HASH,
            fee_recipient=ZERO_ADDRESS,
            state_root=update.root,
            transactions_root=EMPTY_TRIE_ROOT,
            receipts_root=EMPTY_TRIE_ROOT,
            logs_bloom=bytes(256),
            number=0,
            gas_limit=GAS_LIMIT,
            gas_used=0,
            timestamp=0,
            extra_data=HOLOCENE_EXTRA if fork.has_op(Fork.HOLOCENE) else b"",
            prev_randao=ZERO_HASH,
            base_fee_per_gas=base_fee,
            withdrawals_root=EMPTY_TRIE_ROOT if fork.has(EthFork.SHANGHAI) else None,
            blob_gas_used=0 if fork.has(EthFork.CANCUN) else None,
            excess_blob_gas=0 if fork.has(EthFork.CANCUN) else None,
            parent_beacon_block_root=ZERO_HASH if fork.has(EthFork.CANCUN) else None,
            requests_hash=EMPTY_REQUESTS_HASH if fork.has(EthFork.PRAGUE) else None,
        )
        self.headers[self.head.hash] = self.head
        self.engine = Engine(rules, self.state, self)

    def header_by_hash(self, block_hash: Hash32) -> Header | None:
        return self.headers.get(block_hash)

    def inputs(self, **changes: object) -> BlockInputs:
        """Inputs of the next block."""
        fork = self.engine.rules.at(self.head.timestamp + 2)
        inputs = BlockInputs(
            timestamp=self.head.timestamp + 2,
            fee_recipient=SEQUENCER_FEE_VAULT,
            prev_randao=ZERO_HASH,
            gas_limit=GAS_LIMIT,
            extra_data=self.head.extra_data,
            parent_beacon_block_root=ZERO_HASH if fork.has(EthFork.CANCUN) else None,
        )
        return replace(inputs, **changes)  # type: ignore[arg-type]

    def start(self, **changes: object) -> BlockBuilder:
        """Begin the next block."""
        return self.engine.start(self.head, self.inputs(**changes))

    def accept(self, executed: ExecutedBlock) -> Header:
        """Store a block and go on from it."""
        batch = WriteBatch()
        executed.update.write(batch)
        self.kv.write(batch)
        self.head = executed.block.header
        self.headers[self.head.hash] = self.head
        return self.head

    def reader(self) -> StateReader:
        """The state after the head."""
        return self.state.at(self.head.state_root)

    def balance(self, address: Address) -> int:
        """Wei after the head."""
        account = self.reader().account(address)
        return 0 if account is None else account.balance


def l2(accounts: Mapping[Address, Funded] | None = None, fork: Fork = Fork.ISTHMUS) -> Bench:
    """An L2 where Alice and Bob have 100 ether each."""
    funded = {ALICE: Funded(100 * ETHER), BOB: Funded(100 * ETHER)}
    return Bench(L2Rules(rollup(fork)), {**funded, **(accounts or {})})


def l1(accounts: Mapping[Address, Funded] | None = None, fork: EthFork = EthFork.CANCUN) -> Bench:
    """An L1 where Alice and Bob have 100 ether each."""
    funded = {ALICE: Funded(100 * ETHER), BOB: Funded(100 * ETHER)}
    return Bench(L1Rules(l1_chain(fork)), {**funded, **(accounts or {})})


def transaction(key: bytes = ALICE_KEY, **changes: object) -> SignedTransaction:
    """A signed transfer of 1 wei from Alice to Bob, with changes."""
    unsigned = DynamicFeeTransaction(
        nonce=0,
        gas_limit=21_000,
        to=BOB,
        value=1,
        data=b"",
        chain_id=CHAIN_ID,
        y_parity=0,
        r=0,
        s=0,
        max_priority_fee=0,
        max_fee=2 * GWEI,
    )
    return sign_transaction(replace(unsigned, **changes), key)  # type: ignore[arg-type]


def deposit(**changes: object) -> DepositTransaction:
    """A deposit of nothing from Alice's address to Bob's, with changes."""
    return replace(
        DepositTransaction(
            nonce=0,
            gas_limit=100_000,
            to=BOB,
            value=0,
            data=b"",
            source_hash=ZERO_HASH,
            sender=ALICE,
            mint=0,
            is_system_transaction=False,
        ),
        **changes,  # type: ignore[arg-type]
    )
