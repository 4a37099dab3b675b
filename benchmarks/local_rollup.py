"""A rollup in this process: real L2 chains on LevelDB over an L1 of made-up blocks. No sockets, no clock.

The L2 genesis is that of a devnet (all predeploys); the L1 answers from memory, its blobs without KZG.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from config.engine_mode import EngineMode
from config.genesis import Genesis, L2GenesisParams, VaultParams, l2_genesis_alloc
from config.genesis.account import Alloc
from config.rollup import BlockId, RollupConfig
from config.types import Address, Timestamp
from derivation.attributes import prepare_payload_attributes
from derivation.l2_block_info import l2_block_ref
from derivation.providers import ChainL2Provider
from derivation.types import L2BlockRef
from evm.engine import ExecutedBlock, OpenBlock
from evm.engine.choice import make_engine
from evm.genesis import genesis_block
from evm.rules import L2Rules
from evm.store.kv import LevelDbStore
from evm.store.memory import CacheSizes
from evm.store.state import StateStore
from evm.types import PayloadAttributes, decode_transaction
from node.chain import Chain
from tests.actions.chains import L1_CHAIN_ID, L1_CONFIG, L2_CHAIN_ID, FakeL1, make_rollup

CHAIN_ID = L2_CHAIN_ID


class LocalRollup:
    """An L1, the rollup's configuration, and as many L2 chains with its genesis as are opened."""

    def __init__(self, alloc: Alloc | None = None, accounts: Mapping[Address, int] | None = None) -> None:
        """`accounts` have these balances in wei at genesis; `alloc` is added as it is."""
        self.l1 = FakeL1()
        rollup = make_rollup(self.l1, seq_window_size=100_000)
        config = rollup.genesis.system_config
        nobody = Address(bytes(19) + b"\x01")
        vault = VaultParams(recipient=nobody)
        genesis = Genesis(
            config=None,
            timestamp=Timestamp(rollup.genesis.l2_time),
            gas_limit=config.gas_limit,
            alloc={
                **l2_genesis_alloc(
                    L2GenesisParams(
                        l1_chain_id=L1_CHAIN_ID,
                        l2_chain_id=L2_CHAIN_ID,
                        l1_cross_domain_messenger=nobody,
                        l1_standard_bridge=nobody,
                        l1_erc721_bridge=nobody,
                        proxy_admin_owner=nobody,
                        sequencer_fee_vault=vault,
                        base_fee_vault=vault,
                        l1_fee_vault=vault,
                        operator_fee_vault=vault,
                        accounts=accounts or {},
                    )
                ),
                **(alloc or {}),
            },
            extra_data=b"\x00" + config.eip1559_params,
        )
        self._genesis = genesis_block(genesis, rollup.forks)
        block = self._genesis[0]
        self.rollup: RollupConfig = replace(rollup, genesis=replace(rollup.genesis, l2=BlockId(block.hash, 0)))
        self.rules = L2Rules(self.rollup)

    def open(
        self, directory: Path, mode: EngineMode = EngineMode.PYEVM, caches: CacheSizes | None = None
    ) -> "LocalChain":
        """A new chain that stands at genesis, made by this engine, with caches of the default sizes or these."""
        caches = caches or CacheSizes.of()
        kv = LevelDbStore(directory, caches)
        Chain.initialise(kv, *self._genesis)
        chain = Chain(kv, self.rules, StateStore(kv, caches))
        if mode is not EngineMode.PYEVM:
            reproducers = directory / "reproducers"
            chain.engine = make_engine(mode, self.rules, chain.state, chain, reproducers, caches.native)
        return LocalChain(self, chain)


class LocalChain:
    """An L2 chain, and the making of blocks on it as the sequencer makes them."""

    def __init__(self, world: LocalRollup, chain: Chain) -> None:
        self.world = world
        self.chain = chain
        self.provider = ChainL2Provider(world.rollup, chain)

    @property
    def head(self) -> L2BlockRef:
        """The newest block."""
        return l2_block_ref(self.chain.store.require_block(self.chain.head.hash), self.world.rollup)

    def next_attributes(self) -> PayloadAttributes:
        """What the next block starts with: its L1 attributes deposit. L1 blocks are mined as time needs them."""
        l1, rollup, parent = self.world.l1, self.world.rollup, self.head
        timestamp = parent.timestamp + rollup.block_time
        while l1.head.header.timestamp < timestamp:
            l1.mine()
        following = l1.blocks[parent.l1_origin.number + 1].header
        new_epoch = following.timestamp <= timestamp
        origin = BlockId(following.hash, following.number) if new_epoch else parent.l1_origin
        return prepare_payload_attributes(rollup, L1_CONFIG, l1, self.provider, parent, origin)

    def start(self) -> OpenBlock:
        """Begin the next block with these."""
        return self.chain.engine.start_payload(self.chain.head, self.next_attributes())

    def sequence(self, raws: Sequence[bytes] = ()) -> ExecutedBlock:
        """The next block, with these transactions (canonical bytes), on disk as the new head."""
        builder = self.start()
        for raw in raws:
            builder.add(decode_transaction(raw))
        executed = builder.seal()
        self.chain.insert(executed)
        return executed

    def close(self) -> None:
        """Close the store."""
        self.chain.kv.close()
