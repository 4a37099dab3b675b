"""A driven chain in memory, another chain of the same rollup that makes blocks for it, and the Engine API in between."""

from collections.abc import Sequence
from typing import Any

from config.forks import Fork
from config.rollup import RollupConfig
from config.types import ZERO_HASH, Gas, Hash32, Timestamp, to_hex
from evm.execution_payload import ExecutionPayload
from evm.rules import L2Rules
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.types import Address, Block, DynamicFeeTransaction, Header, PayloadAttributes, SignedTransaction
from evm.types.transaction import sign_transaction
from node.chain import Chain
from node.engine_api import DrivenChain, EngineApi
from node.mempool import TransactionPool
from node.mempool.chain_view import ChainHeadView, ChainPoolRules
from node.rpc import Dispatcher
from tests.actions.chains import L2_CHAIN_ID, FakeL1
from tests.node.rollup_world import ALICE_KEY, GWEI, ManualClock, l2_genesis

FEE_RECIPIENT = Address(b"\x42" * 20)
EIP1559_PARAMS = (250).to_bytes(4, "big") + (6).to_bytes(4, "big")


def new_payload_version(fork: Fork) -> int:
    """The version of `engine_newPayload` for blocks of this fork."""
    return next(
        version for version, since in ((4, Fork.ISTHMUS), (3, Fork.ECOTONE), (2, Fork.BEDROCK)) if fork >= since
    )


def get_payload_version(fork: Fork) -> int:
    """The version of `engine_getPayload` for blocks of this fork."""
    return 5 if fork >= Fork.KARST else new_payload_version(fork)


def forkchoice_version(fork: Fork) -> int:
    """The version of `engine_forkchoiceUpdated` for attributes of blocks of this fork."""
    return 3 if fork >= Fork.ECOTONE else 2


def transfer(nonce: int, value: int = 1) -> SignedTransaction:
    """A transfer of Alice's, who pays a tip of 1 gwei."""
    unsigned = DynamicFeeTransaction(
        nonce, 21_000, Address(b"\x77" * 20), value, b"", L2_CHAIN_ID, 0, 0, 0, GWEI, 10 * GWEI
    )
    return sign_transaction(unsigned, ALICE_KEY)


class EngineWorld:
    """`chain` is driven through `call`; `make` makes blocks on `maker`, which knows all of them."""

    def __init__(self, fork: Fork = Fork.ISTHMUS, **changes: Any) -> None:
        self.fork = fork
        self.rollup, genesis, update = l2_genesis(FakeL1(), fork, **changes)

        self.kv, maker = MemoryStore(), MemoryStore()
        for kv in (self.kv, maker):
            Chain.initialise(kv, genesis, update)
        self.maker = Chain(maker, L2Rules(self.rollup), StateStore(maker))
        self.clock = ManualClock(float(genesis.header.timestamp))
        self.restart()

    def restart(self) -> None:
        """Everything of the driven chain anew on the same store."""
        self.chain = Chain(self.kv, L2Rules(self.rollup), StateStore(self.kv))
        self.pool = TransactionPool(ChainHeadView(self.chain), ChainPoolRules(self.chain), lambda: 0.0)
        self.driven = DrivenChain(self.chain, self.pool, self.clock.wall)
        self.dispatcher = Dispatcher([EngineApi(self.rollup, self.chain, self.driven)])

    async def call(self, method: str, *params: Any) -> Any:
        """The result of `engine_<method>`. Raises RpcError."""
        return await self.dispatcher.call(f"engine_{method}", params)

    # --- blocks ---

    def attributes(
        self, parent: Header, transactions: Sequence[SignedTransaction] = (), *, salt: int = 0, with_pool: bool = False
    ) -> PayloadAttributes:
        """Of the block after `parent`; blocks of another `salt` have other hashes."""
        return payload_attributes(self.rollup, parent, transactions, salt=salt, with_pool=with_pool)

    def make(
        self, parent: Header | None = None, transactions: Sequence[SignedTransaction] = (), *, salt: int = 0
    ) -> Block:
        """A block on `parent` (on the genesis block where none is given), which the driven chain does not know."""
        parent = parent or self.maker.genesis
        executed = self.maker.engine.derive(parent, self.attributes(parent, transactions, salt=salt))
        self.maker.insert(executed, make_head=False)
        return executed.block

    def branch(self, length: int, parent: Header | None = None, *, salt: int = 0) -> list[Block]:
        """So many blocks, one on the other."""
        blocks: list[Block] = []
        for _ in range(length):
            blocks.append(self.make(blocks[-1].header if blocks else parent, salt=salt))
        return blocks

    # --- calls as op-node makes them ---

    async def push(self, block: Block, **changes: Any) -> Any:
        """`engine_newPayload` in the fork's version; `changes` are other values for fields of the payload."""
        return await self.push_json(payload_json(block) | changes, block.header.parent_beacon_block_root)

    async def push_json(self, payload: dict[str, Any], beacon_root: Hash32 | None) -> Any:
        """The same for a payload that is JSON already."""
        version = new_payload_version(self.fork)
        root = None if beacon_root is None else to_hex(beacon_root)
        extra: list[Any] = {2: [], 3: [[], root], 4: [[], root, []]}[version]
        return await self.call(f"newPayloadV{version}", payload, *extra)

    async def choose(
        self,
        head: Header | Block,
        safe: Header | Block | None = None,
        finalized: Header | Block | None = None,
        attributes: PayloadAttributes | None = None,
    ) -> Any:
        """`engine_forkchoiceUpdated`."""
        given = None if attributes is None else attributes.to_json()
        return await self.call(
            f"forkchoiceUpdatedV{forkchoice_version(self.fork)}", forkchoice(head, safe, finalized), given
        )

    async def fetch(self, payload_id: str) -> Any:
        """`engine_getPayload` in the fork's version."""
        return await self.call(f"getPayloadV{get_payload_version(self.fork)}", payload_id)

    async def follow(self, blocks: Sequence[Block]) -> None:
        """Take blocks one after the other, each as the new head."""
        for block in blocks:
            await self.push(block)
            await self.choose(block)


def payload_attributes(
    rollup: RollupConfig,
    parent: Header,
    transactions: Sequence[SignedTransaction] = (),
    *,
    salt: int = 0,
    with_pool: bool = False,
) -> PayloadAttributes:
    """Attributes with everything that the fork of the block wants."""
    timestamp = Timestamp(parent.timestamp + rollup.block_time)

    def since(fork: Fork) -> bool:
        return rollup.is_active(fork, timestamp)

    return PayloadAttributes(
        timestamp=timestamp,
        prev_randao=Hash32(salt.to_bytes(32, "big")),
        suggested_fee_recipient=FEE_RECIPIENT,
        parent_beacon_block_root=ZERO_HASH if since(Fork.ECOTONE) else None,
        transactions=tuple(transaction.raw for transaction in transactions),
        no_tx_pool=not with_pool,
        gas_limit=Gas(30_000_000),
        eip1559_params=EIP1559_PARAMS if since(Fork.HOLOCENE) else None,
        min_base_fee=0 if since(Fork.JOVIAN) else None,
        with_withdrawals=since(Fork.CANYON),
    )


def payload_json(block: Block) -> dict[str, Any]:
    """A block as `engine_newPayload` takes it."""
    return ExecutionPayload.of(block).to_json()


def forkchoice(
    head: Header | Block, safe: Header | Block | None = None, finalized: Header | Block | None = None
) -> dict[str, str]:
    """A forkchoice state; zeros for labels that are not given."""

    def of(block: Header | Block | None) -> str:
        return to_hex(ZERO_HASH if block is None else block.hash)

    return {"headBlockHash": of(head), "safeBlockHash": of(safe), "finalizedBlockHash": of(finalized)}
