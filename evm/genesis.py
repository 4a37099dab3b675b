"""The genesis block and state that a genesis document describes."""

from collections.abc import Mapping
from typing import Any

from config.constants import EMPTY_KECCAK, EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT, L2_TO_L1_MESSAGE_PASSER
from config.forks import FORK_TABLE, EthFork, Fork, ForkSchedule
from config.genesis import Alloc, Genesis
from config.l1_chain import L1ChainConfig
from config.types import ZERO_HASH
from evm.store.kv import MemoryStore
from evm.store.state import Account, StateDiff, StateStore, StateUpdate
from evm.types.block import Block
from evm.types.hashing import keccak256
from evm.types.header import Header
from evm.types.receipt import BLOOM_BYTES

INITIAL_BASE_FEE = 1_000_000_000
"""Wei per gas of a genesis that does not say (EIP-1559)."""

_ETH_FORK_TIMES = (
    (EthFork.SHANGHAI, "shanghaiTime"),
    (EthFork.CANCUN, "cancunTime"),
    (EthFork.PRAGUE, "pragueTime"),
    (EthFork.OSAKA, "osakaTime"),
)


def genesis_block(genesis: Genesis, chain: ForkSchedule | L1ChainConfig | None = None) -> tuple[Block, StateUpdate]:
    """The first block of a chain and the state it starts from, not written anywhere yet.

    `chain` says which fork's rules hold at genesis: a rollup's fork schedule or an L1 chain's configuration; without it
    the document's own `config` object does. Header fields that the document leaves open get the values that geth and
    op-geth give them. Raises ValueError when neither `chain` nor the document says which rules hold.
    """
    eth_fork, isthmus = _forks_at_genesis(genesis, chain)
    update = genesis_state(genesis.alloc)
    base_fee = genesis.base_fee_per_gas
    if base_fee is None and eth_fork >= EthFork.LONDON:
        base_fee = INITIAL_BASE_FEE
    withdrawals_root = None
    if isthmus:
        state = StateStore(MemoryStore())
        state.remember(update)
        passer = state.at(update.root).account(L2_TO_L1_MESSAGE_PASSER)
        withdrawals_root = EMPTY_TRIE_ROOT if passer is None else passer.storage_root
    elif eth_fork >= EthFork.SHANGHAI:
        withdrawals_root = EMPTY_TRIE_ROOT
    cancun = eth_fork >= EthFork.CANCUN
    header = Header(
        parent_hash=genesis.parent_hash,
        fee_recipient=genesis.coinbase,
        state_root=update.root,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=bytes(BLOOM_BYTES),
        number=genesis.number,
        gas_limit=genesis.gas_limit,
        gas_used=genesis.gas_used,
        timestamp=genesis.timestamp,
        extra_data=genesis.extra_data,
        prev_randao=genesis.mix_hash,
        base_fee_per_gas=base_fee,
        withdrawals_root=withdrawals_root,
        blob_gas_used=(genesis.blob_gas_used or 0) if cancun else None,
        excess_blob_gas=(genesis.excess_blob_gas or 0) if cancun else None,
        parent_beacon_block_root=ZERO_HASH if cancun else None,
        requests_hash=EMPTY_REQUESTS_HASH if eth_fork >= EthFork.PRAGUE else None,
        difficulty=genesis.difficulty,
        nonce=genesis.nonce.to_bytes(8, "big"),
    )
    return Block(header, (), () if eth_fork >= EthFork.SHANGHAI else None), update


def genesis_state(alloc: Alloc) -> StateUpdate:
    """The state that holds exactly these accounts, empty ones included."""
    diff = StateDiff()
    for address, entry in alloc.items():
        code_hash = EMPTY_KECCAK
        if entry.code:
            code_hash = keccak256(entry.code)
            diff.codes[code_hash] = entry.code
        diff.accounts[address] = Account(entry.nonce, entry.balance, code_hash=code_hash)
        if entry.storage:
            diff.storage[address] = {
                int.from_bytes(slot, "big"): int.from_bytes(value, "big") for slot, value in entry.storage.items()
            }
    return StateStore(MemoryStore()).at(EMPTY_TRIE_ROOT).apply(diff)


def _forks_at_genesis(genesis: Genesis, chain: ForkSchedule | L1ChainConfig | None) -> tuple[EthFork, bool]:
    """(Ethereum rules at genesis, whether Isthmus holds)."""
    if isinstance(chain, ForkSchedule):
        return chain.facts(genesis.timestamp).eth_fork, chain.is_active(Fork.ISTHMUS, genesis.timestamp)
    if isinstance(chain, L1ChainConfig):
        return chain.fork_at(genesis.timestamp), False
    if genesis.config is None:
        raise ValueError(
            "the genesis document has no `config`, so nothing says which fork's rules hold at genesis: "
            "give the chain's rollup config or L1 chain config"
        )
    return _forks_of_config(genesis.config, genesis.timestamp)


def _forks_of_config(config: Mapping[str, Any], timestamp: int) -> tuple[EthFork, bool]:
    def reached(name: str) -> bool:
        time = config.get(name)
        return time is not None and timestamp >= (int(time, 16) if isinstance(time, str) else int(time))

    eth_fork = EthFork.LONDON if config.get("londonBlock") == 0 else EthFork.FRONTIER
    for fork, name in _ETH_FORK_TIMES:
        if reached(name):
            eth_fork = fork
    if config.get("optimism") is None:
        return eth_fork, False
    active = [fork for fork in Fork if fork == Fork.BEDROCK or reached(f"{fork.key}Time")]
    return max(eth_fork, FORK_TABLE[max(active)].eth_fork), Fork.ISTHMUS in active
