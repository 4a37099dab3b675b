"""A served chain for RPC tests: real store, real engine, real sockets on a free port."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.genesis import Genesis
from config.l1_chain import L1ChainConfig
from evm.genesis import genesis_block
from evm.rules import L1Rules
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.types import Block
from evm.types.rlp import item_length
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
