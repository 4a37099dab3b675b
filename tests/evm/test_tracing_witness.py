"""Execution witnesses: enough to execute a block, and nothing that could be left out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from config.constants import BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS, L2_TO_L1_MESSAGE_PASSER
from config.errors import CriticalError
from config.forks import EthFork
from config.types import Gas, Timestamp
from evm.engine import Engine, ExecutedBlock
from evm.engine.block_hashes import MissingAncestor
from evm.engine.stateless import Witness
from evm.engine.stateless_file import load_stateless_case
from evm.engine.witness import ExecutionWitness, block_witness, payload_witness
from evm.rules import L2Rules
from evm.store.kv import WriteBatch
from evm.store.state import MissingCode, StateStore
from evm.trie import MissingTrieNode
from evm.types import Address, PayloadAttributes, Transaction, Withdrawal, keccak256
from tests.evm.engine_kit import (
    ALICE,
    BOB_KEY,
    CONTRACT,
    ETHER,
    GAS_LIMIT,
    HOLOCENE_EXTRA,
    Bench,
    Funded,
    deposit,
    l1,
    l2,
    transaction,
)
from tests.evm.tracing_kit import ADDITION, GAS, INNER, MISSING, STOP, call, create

CROWD = [Address(keccak256(bytes((index,)))[:20]) for index in range(60)]
"""Enough accounts for a state trie of several levels."""
SET_SLOT = Address(b"\x51" * 20)
HASHES = Address(b"\x52" * 20)
# SSTORE(first word of data, second word)
SETTER = bytes.fromhex("602035" + "5f35" + "5500")
# Stores the hash of the block whose number is the first word of data.
BLOCK_HASH = bytes.fromhex("5f3540" + "5f5500")


def set_slot(slot: int, value: int) -> bytes:
    return slot.to_bytes(32, "big") + value.to_bytes(32, "big")


def populated() -> Bench:
    """A chain of many accounts, one with many slots."""
    return l2(
        {
            **{address: Funded(index + 1) for index, address in enumerate(CROWD)},
            SET_SLOT: Funded(nonce=1, code=SETTER, storage={index: index + 1 for index in range(40)}),
            HASHES: Funded(nonce=1, code=BLOCK_HASH),
            CONTRACT: Funded(3, 1, create(STOP) + call(INNER, value=1) + call(MISSING, value=1)),
            INNER: Funded(nonce=1, code=ADDITION),
            L2_TO_L1_MESSAGE_PASSER: Funded(nonce=1, code=SETTER, storage={7: 7}),
            HISTORY_STORAGE_ADDRESS: Funded(nonce=1, code=bytes.fromhex("5f355f5500")),
            BEACON_ROOTS_ADDRESS: Funded(nonce=1, code=bytes.fromhex("5f35600155")),
        }
    )


def blocks(bench: Bench) -> list[ExecutedBlock]:
    """A chain of blocks in which accounts come and go, slots are set and cleared, and old hashes are asked for."""
    nonce = 0

    def send(to: Address | None, data: bytes = b"", value: int = 0) -> Transaction:
        nonlocal nonce
        nonce += 1
        return transaction(nonce=nonce - 1, to=to, data=data, value=value, gas_limit=GAS)

    def build(*transactions: Transaction) -> ExecutedBlock:
        builder = bench.start()
        for item in transactions:
            builder.add(item)
        executed = builder.seal()
        bench.accept(executed)
        return executed

    found = [
        build(),
        build(send(MISSING, value=5), send(CROWD[3], value=1)),
        build(send(CONTRACT), send(None, bytes.fromhex("60015f5360015ff3")), transaction(BOB_KEY, to=CROWD[0])),
        build(*(send(SET_SLOT, set_slot(index, 0)) for index in range(0, 40, 3))),
        build(send(SET_SLOT, set_slot(1, 0)), send(SET_SLOT, set_slot(1000, 3)), send(SET_SLOT, set_slot(2, 9))),
        build(send(HASHES, (1).to_bytes(32, "big")), send(HASHES, (5).to_bytes(32, "big"))),
        build(send(L2_TO_L1_MESSAGE_PASSER, set_slot(9, 1))),
    ]
    nonce += 1
    found.append(build(deposit(mint=ETHER, to=CROWD[5], value=7), send(CONTRACT)))
    # All that is left of the contract's storage goes.
    found.append(build(*(send(SET_SLOT, set_slot(index, 0)) for index in (2, *range(4, 40), 1000))))
    return found


def test_every_block_can_be_executed_from_its_witness_alone() -> None:
    bench = populated()
    for executed in blocks(bench):
        witness = block_witness(bench.engine.rules, bench.state, bench, executed.block)
        again = witness.execute(bench.engine.rules, executed.block)
        assert again.block.hash == executed.block.hash
        assert again.receipts == executed.receipts


def test_nothing_in_a_witness_can_be_left_out() -> None:
    bench = populated()
    tried = 0
    for executed in blocks(bench):
        rules, block = bench.engine.rules, executed.block
        witness = block_witness(rules, bench.state, bench, block)
        for index in range(len(witness.state)):
            with pytest.raises(MissingTrieNode):
                replace(witness, state=without(witness.state, index)).execute(rules, block)
        for index in range(len(witness.codes)):
            with pytest.raises(MissingCode):
                replace(witness, codes=without(witness.codes, index)).execute(rules, block)
        for index in range(len(witness.headers) - 1):
            with pytest.raises(MissingAncestor):
                replace(witness, headers=without(witness.headers, index)).execute(rules, block)
        with pytest.raises(CriticalError, match="lacks the parent's header"):
            replace(witness, headers=witness.headers[:-1]).execute(rules, block)
        tried += len(witness.state) + len(witness.codes) + len(witness.headers)
    assert tried > 150


def without(items: tuple[bytes, ...], index: int) -> tuple[bytes, ...]:
    return items[:index] + items[index + 1 :]


def test_a_witness_names_the_accounts_and_slots_that_were_read() -> None:
    bench = populated()
    executed = blocks(bench)[4]
    keys = block_witness(bench.engine.rules, bench.state, bench, executed.block).keys
    position = keys.index(SET_SLOT)
    assert set(keys[position + 1 : position + 4]) == {slot.to_bytes(32, "big") for slot in (1, 1000, 2)}
    assert ALICE in keys and CROWD[7] not in keys
    assert len(set(keys)) >= len([key for key in keys if len(key) == 20])


def test_hashes_of_old_blocks_bring_the_headers_between() -> None:
    bench = populated()
    executed = blocks(bench)[5]
    witness = block_witness(bench.engine.rules, bench.state, bench, executed.block)
    # Block 6 asks for the hash of block 1: its child, block 2, tells that.
    assert [len(witness.headers), keccak256(witness.headers[-1])] == [4, executed.block.header.parent_hash]
    plain = block_witness(bench.engine.rules, bench.state, bench, blocks(populated())[1].block)
    assert len(plain.headers) == 1


def test_a_deletion_brings_the_neighbour_that_moves_up() -> None:
    bench = l2({SET_SLOT: Funded(nonce=1, code=SETTER, storage={1: 1, 2: 2})})
    builder = bench.start()
    builder.add(transaction(to=SET_SLOT, value=0, data=set_slot(1, 0), gas_limit=GAS))
    deleting = builder.seal()
    builder = bench.start()
    builder.add(transaction(to=SET_SLOT, value=0, data=set_slot(1, 3), gas_limit=GAS))
    changing = builder.seal()
    sizes = [
        len(block_witness(bench.engine.rules, bench.state, bench, executed.block).state)
        for executed in (deleting, changing)
    ]
    assert sizes[0] == sizes[1] + 1


def test_blocks_of_l1_have_witnesses_with_their_withdrawals() -> None:
    bench = l1({address: Funded(1) for address in CROWD}, EthFork.SHANGHAI)
    builder = bench.start(withdrawals=(Withdrawal(0, 0, MISSING, 9), Withdrawal(1, 0, CROWD[0], 9)))
    builder.add(transaction())
    block = builder.seal().block
    witness = block_witness(bench.engine.rules, bench.state, bench, block)
    assert witness.execute(bench.engine.rules, block).block.hash == block.hash


def test_a_witness_reads_back_from_its_json() -> None:
    bench = populated()
    executed = blocks(bench)[2]
    witness = block_witness(bench.engine.rules, bench.state, bench, executed.block)
    assert ExecutionWitness.from_json(json.loads(json.dumps(witness.to_json()))) == witness


def test_a_payload_that_is_no_block_yet_has_a_witness() -> None:
    bench = populated()
    attributes = PayloadAttributes(
        timestamp=Timestamp(bench.head.timestamp + 2),
        prev_randao=bench.head.prev_randao,
        suggested_fee_recipient=MISSING,
        parent_beacon_block_root=bench.head.prev_randao,
        transactions=(transaction(to=SET_SLOT, value=0, data=set_slot(1, 0), gas_limit=GAS).raw,),
        no_tx_pool=True,
        gas_limit=Gas(GAS_LIMIT),
        eip1559_params=HOLOCENE_EXTRA[1:],
    )
    expected = bench.engine.derive(bench.head, attributes)
    witness = payload_witness(bench.engine.rules, bench.state, bench, bench.head.hash, attributes)
    alone = Witness(witness.values())
    again = Engine(bench.engine.rules, StateStore(alone), alone).derive(bench.head, attributes)
    assert again.block.hash == expected.block.hash


def test_a_witness_needs_the_parent_and_its_state() -> None:
    bench = populated()
    executed = bench.start().seal()
    orphan = replace(executed.block, header=replace(executed.block.header, parent_hash=keccak256(b"nobody")))
    with pytest.raises(CriticalError, match="is not there"):
        block_witness(bench.engine.rules, bench.state, bench, orphan)
    batch = WriteBatch()
    batch.delete(b"sn" + bench.head.state_root)
    bench.kv.write(batch)
    with pytest.raises(MissingTrieNode):
        block_witness(bench.engine.rules, StateStore(bench.kv), bench, executed.block)


def test_recording_stops_when_its_time_is_up() -> None:
    class Enough(Exception):
        pass

    def stop() -> None:
        raise Enough

    bench = populated()
    executed = bench.start().seal()
    with pytest.raises(Enough):
        block_witness(bench.engine.rules, bench.state, bench, executed.block, stop)


def test_what_is_recorded_of_a_real_block_is_part_of_its_published_witness(vectors: Path) -> None:
    case = load_stateless_case(vectors / "exec" / "130-10211000-holocene.json.gz")
    published = Witness({**case.witness, case.parent.hash: case.parent.raw})
    rules = L2Rules(case.rollup)
    witness = payload_witness(rules, StateStore(published), published, case.parent.hash, case.attributes)
    assert set(witness.values()) <= {*case.witness, case.parent.hash}
    alone = Witness(witness.values())
    executed = Engine(rules, StateStore(alone), alone).derive(case.parent, case.attributes)
    assert executed.block.hash == case.expected_hash
