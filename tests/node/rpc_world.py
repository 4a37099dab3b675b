"""A served chain for RPC tests: real store, real engine, real sockets on a free port."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.genesis import Genesis
from config.genesis.alloc_file import alloc_to_json
from config.genesis.l1 import l1_genesis_alloc
from config.l1_chain import L1ChainConfig
from evm.engine import BlockInputs, ExecutedBlock
from evm.genesis import genesis_block
from evm.rules import L1Rules
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.types import (
    ZERO_ADDRESS,
    ZERO_HASH,
    Address,
    Block,
    DynamicFeeTransaction,
    Hash32,
    Header,
    SignedTransaction,
    Transaction,
    to_hex,
)
from evm.types.rlp import item_length
from evm.types.signature import address_of
from evm.types.transaction import BlobTransaction, sign_transaction
from l1.sidecar import BlobSidecar
from node.chain import Chain
from node.mempool import PoolLimits, SidecarStore, TransactionPool
from node.mempool.chain_view import ChainHeadView, ChainPoolRules
from node.rpc import Dispatcher, RpcServer, ServerOptions
from node.rpc.standard import NodeOptions, standard_namespaces


@dataclass
class ServedChain:
    """A chain, its pool, its dispatcher, and where it listens."""

    chain: Chain
    pool: TransactionPool
    dispatcher: Dispatcher
    server: RpcServer


def open_chain(genesis: dict[str, Any]) -> Chain:
    """A fresh L1-rules chain in memory from a geth genesis document."""
    config = L1ChainConfig.from_json(genesis)
    block, update = genesis_block(Genesis.from_json(genesis), config)
    kv = MemoryStore()
    state = StateStore(kv)
    Chain.initialise(kv, block, update)
    return Chain(kv, L1Rules(config), state)


def import_rlp(chain: Chain, path: Path) -> None:
    """Execute and insert a file of concatenated block RLP."""
    data = path.read_bytes()
    offset = 0
    while offset < len(data):
        size = item_length(data, offset)
        block = Block.decode(data[offset : offset + size])
        offset += size
        parent = chain.header_by_hash(block.header.parent_hash)
        if parent is None or block.hash == chain.genesis.hash:
            continue
        chain.insert(chain.engine.import_block(parent, block))


def vector_chain(vectors: Path) -> Chain:
    """The chain of the execution-apis test suite, its head safe and finalized."""
    folder = vectors / "rpc"
    chain = open_chain(json.loads((folder / "genesis.json").read_text()))
    import_rlp(chain, folder / "chain.rlp")
    chain.set_safe(chain.head)
    chain.set_finalized(chain.head)
    return chain


def make_pool(chain: Chain, limits: PoolLimits | None = None, sidecars: SidecarStore | None = None) -> TransactionPool:
    """A pool on the chain whose clock stands still."""
    return TransactionPool(ChainHeadView(chain), ChainPoolRules(chain), lambda: 0.0, limits, sidecars)


@asynccontextmanager
async def serve(
    chain: Chain, pool: TransactionPool | None = None, options: NodeOptions | None = None
) -> AsyncIterator[ServedChain]:
    """Serve the chain on a free port for the time of the block."""
    pool = pool or make_pool(chain)
    options = options or NodeOptions(client_version="lamina/test", datadir=Path("data"))
    dispatcher = Dispatcher(standard_namespaces(chain, pool, lambda: 0.0, options))
    server = RpcServer(dispatcher, ServerOptions(port=0))
    await server.start()
    try:
        yield ServedChain(chain, pool, dispatcher, server)
    finally:
        await server.stop()


class MemorySidecars:
    """A sidecar store that verifies for real and keeps everything in memory."""

    def __init__(self) -> None:
        self.kept: dict[Hash32, BlobSidecar] = {}
        self.released: list[Hash32] = []

    async def verify(self, transaction: BlobTransaction, sidecar: BlobSidecar) -> None:
        """Hashes and proofs, in this process."""
        sidecar.check_belongs_to(transaction)
        sidecar.verify()

    def keep(self, transaction_hash: Hash32, sidecar: BlobSidecar) -> None:
        """Remember it."""
        self.kept[transaction_hash] = sidecar

    def holds(self, transaction_hash: Hash32) -> bool:
        """Whether it is remembered."""
        return transaction_hash in self.kept

    def release(self, transaction_hash: Hash32) -> None:
        """Forget it."""
        self.released.append(transaction_hash)
        self.kept.pop(transaction_hash, None)


DEV_CHAIN_ID = 31_337
DEV_KEYS = tuple(index.to_bytes(32, "big") for index in range(1, 6))
DEV_ADDRESSES = tuple(address_of(key) for key in DEV_KEYS)

# Emits one log with topic 7 and the call data's first word as data, then returns it.
EMITTER = Address(bytes.fromhex("e1" * 20))
EMITTER_CODE = bytes.fromhex("5f355f52600760205fa160205ff3")
# Reverts with Error("no").
REVERTER = Address(bytes.fromhex("e2" * 20))
REVERTER_CODE = bytes.fromhex(
    "7f08c379a0000000000000000000000000000000000000000000000000000000005f52"
    "602060045260026024527f6e6f00000000000000000000000000000000000000000000000000000000000060445260645ffd"
)
# Loops until its gas is gone.
SPINNER = Address(bytes.fromhex("e3" * 20))
SPINNER_CODE = bytes.fromhex("5b5f56")


def dev_genesis() -> dict[str, Any]:
    """A Prague genesis with system contracts, rich accounts and three small contracts."""
    alloc = alloc_to_json(l1_genesis_alloc(dict.fromkeys(DEV_ADDRESSES, 1_000 * 10**18)))
    for address, code in ((EMITTER, EMITTER_CODE), (REVERTER, REVERTER_CODE), (SPINNER, SPINNER_CODE)):
        alloc[to_hex(address)] = {"balance": "0x0", "code": to_hex(code)}
    return {
        "config": {
            "chainId": DEV_CHAIN_ID,
            "shanghaiTime": 0,
            "cancunTime": 0,
            "pragueTime": 0,
            "blobSchedule": {
                "cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 3338477},
                "prague": {"target": 6, "max": 9, "baseFeeUpdateFraction": 5007716},
            },
        },
        "timestamp": "0x0",
        "extraData": "0x",
        "gasLimit": hex(30_000_000),
        "difficulty": "0x0",
        "alloc": alloc,
    }


def build_block(chain: Chain, transactions: Sequence[Transaction], parent: Header | None = None) -> ExecutedBlock:
    """A block with these transactions on the head (or on `parent`), not inserted."""
    parent = parent or chain.head
    builder = chain.engine.start(
        parent,
        BlockInputs(
            timestamp=parent.timestamp + 12,
            fee_recipient=ZERO_ADDRESS,
            # Differs between siblings, so that two blocks with the same transactions have different hashes.
            prev_randao=Hash32(len(transactions).to_bytes(32, "big")),
            gas_limit=parent.gas_limit,
            parent_beacon_block_root=ZERO_HASH,
            withdrawals=(),
        ),
    )
    for transaction in transactions:
        builder.add(transaction)
    return builder.seal()


def mine(chain: Chain, *transactions: Transaction) -> ExecutedBlock:
    """Build a block on the head and make it the head."""
    executed = build_block(chain, transactions)
    chain.insert(executed)
    return executed


def dev_transaction(
    sender: int,
    nonce: int,
    *,
    to: Address | None = DEV_ADDRESSES[4],
    value: int = 0,
    data: bytes = b"",
    gas: int = 100_000,
    tip: int = 10**9,
    max_fee: int = 10**10,
) -> SignedTransaction:
    """A signed type 2 transaction of dev account `sender`."""
    return sign_transaction(
        DynamicFeeTransaction(
            nonce=nonce,
            gas_limit=gas,
            to=to,
            value=value,
            data=data,
            chain_id=DEV_CHAIN_ID,
            y_parity=0,
            r=0,
            s=0,
            max_priority_fee=tip,
            max_fee=max_fee,
        ),
        DEV_KEYS[sender],
    )
