"""Pool and namespaces under rollup rules: data fees at admission, deposits, and the fields that OP clients read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.constants import L1_ATTRIBUTES_DEPOSITOR, L1_BLOCK, SEQUENCER_FEE_VAULT
from config.forks import Fork
from config.genesis import Genesis
from config.types import to_hex
from evm.engine import BlockInputs, ExecutedBlock
from evm.fees import L1_BASE_FEE_SLOT, L1_BLOB_BASE_FEE_SLOT, L1_FEE_SCALARS_SLOT, OPERATOR_FEE_SLOT, L1FeeParameters
from evm.genesis import genesis_block
from evm.l1_attributes import L1BlockInfo, l1_attributes_source_hash
from evm.rules import L2Rules
from evm.store.kv import MemoryStore
from evm.store.state import StateStore
from evm.types import ZERO_HASH, DepositTransaction, Transaction
from node.chain import Chain
from node.mempool import PoolRejection, RejectReason
from node.rpc import Dispatcher, RpcError
from node.rpc.standard import NodeOptions, standard_namespaces
from tests.evm.engine_kit import ALICE, BOB, CHAIN_ID, ETHER, GWEI, HOLOCENE_EXTRA, rollup, transaction
from tests.node.pool_world import blob_transaction
from tests.node.rpc_world import make_pool

L1_BASE_FEE = 20 * GWEI
BLOB_BASE_FEE = 3 * GWEI
BASE_FEE_SCALAR, BLOB_BASE_FEE_SCALAR = 1_368, 810_949
OPERATOR_SCALAR, OPERATOR_CONSTANT = 1_000_000, 77

INFO = L1BlockInfo(
    fork=Fork.ISTHMUS,
    number=5,
    timestamp=50,
    base_fee=L1_BASE_FEE,
    hash=ZERO_HASH,
    sequence_number=0,
    batcher_hash=ZERO_HASH,
    base_fee_scalar=BASE_FEE_SCALAR,
    blob_base_fee_scalar=BLOB_BASE_FEE_SCALAR,
    blob_base_fee=BLOB_BASE_FEE,
    operator_fee_scalar=OPERATOR_SCALAR,
    operator_fee_constant=OPERATOR_CONSTANT,
)

FEES = L1FeeParameters(
    fork=Fork.ISTHMUS,
    base_fee=L1_BASE_FEE,
    blob_base_fee=BLOB_BASE_FEE,
    base_fee_scalar=BASE_FEE_SCALAR,
    blob_base_fee_scalar=BLOB_BASE_FEE_SCALAR,
    operator_fee_scalar=OPERATOR_SCALAR,
    operator_fee_constant=OPERATOR_CONSTANT,
)


def word(number: int) -> str:
    return "0x" + number.to_bytes(32, "big").hex()


def l2_chain(balance: int) -> Chain:
    """An Isthmus chain where Alice has this balance and L1Block already knows L1's prices."""
    config = rollup(Fork.ISTHMUS)
    slots = {
        L1_BASE_FEE_SLOT: L1_BASE_FEE,
        L1_FEE_SCALARS_SLOT: BASE_FEE_SCALAR << 96 | BLOB_BASE_FEE_SCALAR << 64,
        L1_BLOB_BASE_FEE_SLOT: BLOB_BASE_FEE,
        OPERATOR_FEE_SLOT: OPERATOR_SCALAR << 64 | OPERATOR_CONSTANT,
    }
    document: dict[str, Any] = {
        "config": {"chainId": CHAIN_ID},
        "timestamp": "0x0",
        "extraData": to_hex(HOLOCENE_EXTRA),
        "gasLimit": hex(30_000_000),
        "difficulty": "0x0",
        "baseFeePerGas": hex(GWEI),
        "alloc": {
            to_hex(ALICE): {"balance": hex(balance)},
            to_hex(L1_BLOCK): {
                "balance": "0x0",
                # Code keeps the account; what it does is of no interest here.
                "code": "0x00",
                "storage": {word(slot): word(value) for slot, value in slots.items()},
            },
        },
    }
    block, update = genesis_block(Genesis.from_json(document), config.forks)
    kv = MemoryStore()
    Chain.initialise(kv, block, update)
    return Chain(kv, L2Rules(config), StateStore(kv))


def attributes_deposit() -> DepositTransaction:
    """The first transaction of a block."""
    return DepositTransaction(
        nonce=0,
        gas_limit=1_000_000,
        to=L1_BLOCK,
        value=0,
        data=INFO.encode(),
        source_hash=l1_attributes_source_hash(ZERO_HASH, 0),
        sender=L1_ATTRIBUTES_DEPOSITOR,
        mint=0,
        is_system_transaction=False,
    )


def user_deposit() -> DepositTransaction:
    """Bob brings one ether along."""
    return replace(attributes_deposit(), sender=BOB, to=BOB, data=b"", mint=ETHER, source_hash=ZERO_HASH)


def mine(chain: Chain, *transactions: Transaction) -> ExecutedBlock:
    """A block with the attributes deposit and these transactions."""
    parent = chain.head
    builder = chain.engine.start(
        parent,
        BlockInputs(
            timestamp=parent.timestamp + 2,
            fee_recipient=SEQUENCER_FEE_VAULT,
            prev_randao=ZERO_HASH,
            gas_limit=parent.gas_limit,
            extra_data=HOLOCENE_EXTRA,
            parent_beacon_block_root=ZERO_HASH,
            withdrawals=(),
        ),
    )
    for item in (attributes_deposit(), *transactions):
        builder.add(item)
    executed = builder.seal()
    chain.insert(executed)
    return executed


def dispatcher(chain: Chain) -> Dispatcher:
    options = NodeOptions(client_version="lamina/test", datadir=Path("data"))
    return Dispatcher(standard_namespaces(chain, make_pool(chain), lambda: 0.0, options))


def test_the_balance_must_cover_the_l1_fee_and_the_operator_fee_to_the_wei() -> None:
    sent = transaction(max_priority_fee=1)
    needed = 21_000 * 2 * GWEI + 1 + FEES.l1_fee(sent.raw) + FEES.operator_fee(21_000)
    assert FEES.l1_fee(sent.raw) > 0 and FEES.operator_fee(21_000) == 21_000 + OPERATOR_CONSTANT
    with pytest.raises(PoolRejection, match="insufficient funds") as caught:
        make_pool(l2_chain(needed - 1)).add(sent)
    assert "overshot 1" in caught.value.message
    pool = make_pool(l2_chain(needed))
    assert pool.add(sent).cost == needed


def test_what_the_pool_admits_to_the_last_wei_a_block_includes() -> None:
    sent = transaction(max_priority_fee=1)
    chain = l2_chain(21_000 * 2 * GWEI + 1 + FEES.l1_fee(sent.raw) + FEES.operator_fee(21_000))
    pool = make_pool(chain)
    pool.add(sent)
    executed = mine(chain, *[entry.transaction for entry in pool.best(GWEI)])
    assert executed.receipts[1].succeeded and pool.count == 0


def test_blob_transactions_and_deposits_are_refused_on_l2() -> None:
    pool = make_pool(l2_chain(ETHER))
    with pytest.raises(PoolRejection, match="transaction type not supported") as caught:
        pool.add(blob_transaction(0, 0))
    assert caught.value.reason is RejectReason.TYPE_NOT_SUPPORTED


async def test_a_deposit_cannot_be_sent_over_rpc() -> None:
    node = dispatcher(l2_chain(ETHER))
    for raw in (user_deposit().raw, blob_transaction(0, 0).raw):
        with pytest.raises(RpcError, match="transaction type not supported"):
            await node.call("eth_sendRawTransaction", [to_hex(raw)])


async def test_receipts_tell_the_l1_fee_and_deposits_their_nonce_and_version() -> None:
    chain = l2_chain(ETHER)
    node = dispatcher(chain)
    sent, brought = transaction(max_priority_fee=GWEI // 10), user_deposit()
    mine(chain, brought, sent)
    receipt = await node.call("eth_getTransactionReceipt", [to_hex(sent.hash)])
    assert int(receipt["l1Fee"], 16) == FEES.l1_fee(sent.raw)
    assert receipt["l1GasPrice"] == hex(L1_BASE_FEE) and receipt["l1BlobBaseFee"] == hex(BLOB_BASE_FEE)
    assert receipt["operatorFeeConstant"] == hex(OPERATOR_CONSTANT)
    paid = (
        int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        + int(receipt["l1Fee"], 16)
        + FEES.operator_fee(21_000)
    )
    assert int(await node.call("eth_getBalance", [to_hex(ALICE)]), 16) == ETHER - 1 - paid
    deposit_receipt = await node.call("eth_getTransactionReceipt", [to_hex(brought.hash)])
    assert (deposit_receipt["depositNonce"], deposit_receipt["depositReceiptVersion"]) == ("0x0", "0x1")
    assert "l1Fee" not in deposit_receipt
    block = await node.call("eth_getBlockByNumber", ["latest", True])
    first, second = block["transactions"][:2]
    assert (first["type"], first["from"]) == ("0x7e", to_hex(L1_ATTRIBUTES_DEPOSITOR))
    assert second["mint"] == hex(ETHER) and second["sourceHash"] == to_hex(ZERO_HASH)
    assert second == await node.call("eth_getTransactionByHash", [to_hex(brought.hash)])
    assert int(await node.call("eth_getBalance", [to_hex(BOB)]), 16) == ETHER + 1


async def test_fee_advice_leaves_deposits_out_and_blob_gas_is_free() -> None:
    chain = l2_chain(ETHER)
    node = dispatcher(chain)
    mine(chain, transaction(max_priority_fee=GWEI // 10))
    history = await node.call("eth_feeHistory", [1, "latest", [100]])
    assert history["reward"] == [[hex(GWEI // 10)]] and history["blobGasUsedRatio"] == [0]
    assert await node.call("eth_maxPriorityFeePerGas", []) == hex(1_000_000)
    assert await node.call("eth_blobBaseFee", []) == "0x1"
