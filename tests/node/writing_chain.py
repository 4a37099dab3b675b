"""A process that writes blocks until it is killed: `python -m tests.node.writing_chain DIRECTORY`.

It goes on from whatever head it finds, prints each block's number and hash once the chain has told its listeners of
it, moves the safe and finalized heads, reorganises now and then, and prunes old states meanwhile.
"""

import random
import sys
from pathlib import Path

from config.forks import EthFork
from config.genesis import Genesis, GenesisAccount
from config.types import Address, Timestamp
from evm.engine import BlockInputs, ExecutedBlock
from evm.genesis import genesis_block
from evm.rules import L1Rules
from evm.store.kv import KeyValueStore, LevelDbStore
from evm.store.state import StateStore
from evm.types import DynamicFeeTransaction, Header, keccak256
from evm.types.signature import address_of
from evm.types.transaction import sign_transaction
from node.chain import Chain, ChainUpdate
from node.chain.pruning import Pruner
from node.devl1.genesis import dev_l1_chain_config

KEYS = [keccak256(b"writer" + bytes([index])) for index in range(8)]
CHAIN = dev_l1_chain_config(EthFork.CANCUN)
# Counts its calls in slot 0 and writes the caller into a slot of its own: storage in every block.
COUNTER = Address(bytes(19) + b"\xc0")
WINDOW = 6
"""Blocks whose states are kept."""
COUNTER_CODE = bytes.fromhex("600054600101600055" + "43335500")


def open_chain(kv: KeyValueStore) -> Chain:
    """The chain in a store, made when there is none."""
    alloc = {address_of(key): GenesisAccount(balance=10**24) for key in KEYS}
    alloc[COUNTER] = GenesisAccount(code=COUNTER_CODE)
    genesis = Genesis(config=CHAIN.to_json(), timestamp=Timestamp(1_000_000), gas_limit=30_000_000, alloc=alloc)
    Chain.initialise(kv, *genesis_block(genesis, CHAIN))
    return Chain(kv, L1Rules(CHAIN), StateStore(kv))


def build(chain: Chain, parent: Header, seed: int) -> ExecutedBlock:
    """A block with a few transactions on `parent`, not stored."""
    inputs = BlockInputs(
        timestamp=parent.timestamp + 12,
        fee_recipient=Address(bytes(20)),
        prev_randao=keccak256(seed.to_bytes(8, "big")),
        gas_limit=parent.gas_limit,
        parent_beacon_block_root=keccak256(b"root"),
        withdrawals=(),
    )
    builder = chain.engine.start(parent, inputs)
    for index, key in enumerate(KEYS):
        sender = chain.state_at(parent).account(address_of(key))
        to = COUNTER if index % 2 else Address(keccak256(seed.to_bytes(8, "big") + bytes([index]))[12:])
        builder.add(
            sign_transaction(
                DynamicFeeTransaction(
                    nonce=sender.nonce if sender else 0,
                    gas_limit=120_000,
                    to=to,
                    value=0 if to == COUNTER else 1,
                    data=b"",
                    chain_id=CHAIN.chain_id,
                    y_parity=0,
                    r=0,
                    s=0,
                    max_priority_fee=1,
                    max_fee=10**12,
                ),
                key,
            )
        )
    return builder.seal()


def extend(chain: Chain, parent: Header, seed: int, make_head: bool = True) -> Header:
    """Put a block with a few transactions on `parent` and make it the head, or leave it beside the chain."""
    executed = build(chain, parent, seed)
    chain.insert(executed, make_head)
    return executed.block.header


def run(chain: Chain, seed: int, steps: int | None = None, pruner: Pruner | None = None) -> None:
    """Write `steps` blocks, or for ever; every announced block is printed and flushed.

    After each block the pruner, if given, takes some steps: fewer than would finish the work, or more.
    """
    generator = random.Random(seed)

    def announce(update: ChainUpdate) -> None:
        head = update.added[-1] if update.added else None
        if head is not None:
            print(head.number, head.hash.hex(), flush=True)

    chain.on_new_head(announce)
    step = 0
    while steps is None or step < steps:
        step += 1
        if generator.random() < 0.1 and chain.head.number - chain.finalized.number > 2:
            fork = chain.header_by_number(chain.head.number - 1)
            assert fork is not None
            side = extend(chain, fork, generator.getrandbits(60), make_head=generator.random() < 0.5)
            if generator.random() < 0.5:
                extend(chain, side, generator.getrandbits(60), make_head=False)
        extend(chain, chain.head, generator.getrandbits(60))
        if step % 3 == 0:
            safe = chain.header_by_number(max(chain.safe.number, chain.head.number - 2))
            finalized = chain.header_by_number(max(chain.finalized.number, chain.head.number - 4))
            assert safe is not None and finalized is not None
            chain.set_safe(safe)
            chain.set_finalized(finalized)
        for _ in range(generator.randrange(5) if pruner else 0):
            assert pruner is not None
            pruner.step()


if __name__ == "__main__":
    written = open_chain(LevelDbStore(Path(sys.argv[1])))
    Pruner(written, WINDOW).start()
    run(written, seed=int(sys.argv[2]))
