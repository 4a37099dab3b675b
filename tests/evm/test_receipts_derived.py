"""Derived receipt fields: the recorded answers of a plain chain, and the OP Stack's additions."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.constants import EMPTY_TRIE_ROOT, L1_ATTRIBUTES_DEPOSITOR, L1_BLOCK
from config.forks import Fork, ForkSchedule
from config.l1_chain import L1ChainConfig
from config.rollup import BlockId, RollupConfig, RollupGenesis
from config.system_config import SystemConfig
from config.types import Address, Hash32, L1BlockNumber, L2BlockNumber, Timestamp, to_address, to_hash32
from evm.fees import estimated_size_scaled
from evm.l1_attributes import L1BlockInfo
from evm.receipts import created_address, derive_receipt, derive_receipts, logs_to_json, receipt_to_json
from evm.rules import L1Rules, L2Rules
from evm.types import (
    Block,
    DepositTransaction,
    DynamicFeeTransaction,
    Header,
    Log,
    Receipt,
    Transaction,
    keccak256,
)
from evm.types.json_codec import receipt_from_json
from evm.types.rlp import item_length
from evm.types.signature import address_of
from evm.types.transaction import sign_transaction

KEY = b"\x02" * 32
TO = Address(b"\x70" * 20)
HASH = Hash32(b"\x48" * 32)


def rollup(fork: Fork) -> RollupConfig:
    genesis = RollupGenesis(
        BlockId(HASH, L1BlockNumber(0)),
        BlockId(HASH, L2BlockNumber(0)),
        Timestamp(0),
        SystemConfig.from_json(
            {"batcherAddr": "0x" + "00" * 20, "overhead": "0x" + "00" * 32, "scalar": "0x" + "00" * 32, "gasLimit": 1}
        ),
    )
    return RollupConfig(
        genesis, 2, 600, 3600, 300, 1, 901, ForkSchedule.all_at_genesis(fork), TO, TO, TO
    )  # fmt: skip


def l1_attributes(fork: Fork, **values: Any) -> DepositTransaction:
    facts = {"number": 5, "timestamp": 6, "base_fee": 0, "hash": HASH, "sequence_number": 0, "batcher_hash": HASH}
    info = L1BlockInfo(fork=fork, **{**facts, **values})
    return DepositTransaction(0, 1_000_000, L1_BLOCK, 0, info.encode(), HASH, L1_ATTRIBUTES_DEPOSITOR, 0, False)


def transfer(data: bytes = b"", to: Address | None = TO) -> DynamicFeeTransaction:
    signed = sign_transaction(DynamicFeeTransaction(4, 100_000, to, 1, data, 901, 0, 0, 0, 7, 5000), KEY)
    assert isinstance(signed, DynamicFeeTransaction)
    return signed


def block_of(*transactions: Transaction) -> Block:
    header = Header(
        HASH, TO, HASH, HASH, HASH, bytes(256), 12, 30_000_000, 0, 100, b"", HASH, 1000, EMPTY_TRIE_ROOT, 0, 0, HASH
    )
    return Block(header, transactions, ())


def l2_json(fork: Fork, attributes: DepositTransaction, transaction: Transaction, **receipt: Any) -> dict[str, Any]:
    receipts = [
        Receipt(0x7E, 1, 50_000, (), 3, 1),
        replace(Receipt(transaction.type, 1, 71_000, ()), **receipt),
    ]
    block = block_of(attributes, transaction)
    facts = derive_receipts(block, receipts, L2Rules(rollup(fork)))
    assert facts[1] == derive_receipt(block, receipts, 1, L2Rules(rollup(fork)))
    return receipt_to_json(facts[1])


def test_receipts_of_the_rpc_test_chain_print_as_recorded(vectors: Path) -> None:
    raw = (vectors / "rpc" / "chain.rlp").read_bytes()
    rules = L1Rules(L1ChainConfig.from_json(json.loads((vectors / "rpc" / "genesis.json").read_text())))
    blocks, offset = {}, 0
    while offset < len(raw):
        length = item_length(raw, offset)
        block = Block.decode(raw[offset : offset + length])
        blocks[block.hash] = block
        offset += length

    seen = set()
    for path in (vectors / "rpc" / "eth_getBlockReceipts").glob("*.io"):
        answer = next(line for line in path.read_text().splitlines() if line.startswith("<< "))
        expected = json.loads(answer[3:]).get("result")
        if not expected:
            continue
        block = blocks[to_hash32(expected[0]["blockHash"])]
        receipts = [receipt_from_json(entry) for entry in expected]
        printed = [receipt_to_json(facts) for facts in derive_receipts(block, receipts, rules)]
        assert printed == expected
        assert [receipt_to_json(derive_receipt(block, receipts, index, rules)) for index in range(len(receipts))] == (
            expected
        )
        seen |= {entry["type"] for entry in expected}
    assert len(seen) >= 3


def test_fee_fields_since_jovian_equal_those_of_a_real_receipt() -> None:
    # OP Sepolia transaction 0xa4d8aec04682dc4913b91e09e11c99994a9b6d613064d0af9b8af3a21f59bb91.
    attributes = l1_attributes(
        Fork.JOVIAN, base_fee=401448161, blob_base_fee=23248065, base_fee_scalar=9736, blob_base_fee_scalar=1540079
    )

    printed = l2_json(Fork.JOVIAN, attributes, transfer())

    assert int(printed["l1Fee"], 16) == 9833984542
    assert int(printed["l1GasUsed"], 16) == 1600
    assert int(printed["l1GasPrice"], 16) == 401448161
    assert int(printed["l1BlobBaseFee"], 16) == 23248065
    assert int(printed["l1BaseFeeScalar"], 16) == 9736
    assert int(printed["l1BlobBaseFeeScalar"], 16) == 1540079
    assert int(printed["daFootprintGasScalar"], 16) == 400
    assert int(printed["blobGasUsed"], 16) == 40000
    assert "blobGasPrice" not in printed
    assert "operatorFeeScalar" not in printed
    assert "l1FeeScalar" not in printed


def test_a_larger_transaction_weighs_by_its_estimated_compressed_size() -> None:
    incompressible = transfer(b"".join(keccak256(bytes([index])) for index in range(60)))

    printed = l2_json(Fork.JOVIAN, l1_attributes(Fork.JOVIAN, da_footprint_gas_scalar=7), incompressible)

    size = estimated_size_scaled(incompressible.raw)
    assert size > 100 * 10**6
    assert int(printed["blobGasUsed"], 16) == size // 10**6 * 7


def test_the_operator_fee_shows_since_isthmus_when_either_number_is_set() -> None:
    attributes = l1_attributes(Fork.ISTHMUS, operator_fee_scalar=0, operator_fee_constant=9)

    printed = l2_json(Fork.ISTHMUS, attributes, transfer())

    assert (printed["operatorFeeScalar"], printed["operatorFeeConstant"]) == ("0x0", "0x9")
    assert "daFootprintGasScalar" not in printed
    assert "blobGasUsed" not in printed
    assert "operatorFeeScalar" not in l2_json(Fork.ISTHMUS, l1_attributes(Fork.ISTHMUS), transfer())


def test_before_ecotone_the_receipt_names_one_scalar_as_a_decimal_text() -> None:
    attributes = l1_attributes(Fork.BEDROCK, base_fee=10**9, overhead=188, scalar=684_000)
    transaction = transfer()

    printed = l2_json(Fork.CANYON, attributes, transaction)

    zeros = transaction.raw.count(0)
    gas = 4 * zeros + 16 * (len(transaction.raw) - zeros) + 188
    assert printed["l1FeeScalar"] == "0.684"
    assert int(printed["l1GasUsed"], 16) == gas
    assert int(printed["l1Fee"], 16) == gas * 10**9 * 684_000 // 10**6
    assert "l1BaseFeeScalar" not in printed
    assert "l1BlobBaseFee" not in printed


def test_a_deposit_prints_its_nonce_and_version_and_no_fees() -> None:
    attributes = l1_attributes(Fork.ISTHMUS, base_fee=5)
    receipts = [Receipt(0x7E, 1, 50_000, (), 3, 1), Receipt(2, 1, 71_000, ())]

    facts = derive_receipt(block_of(attributes, transfer()), receipts, 0, L2Rules(rollup(Fork.ISTHMUS)))
    printed = receipt_to_json(facts)

    assert (printed["depositNonce"], printed["depositReceiptVersion"]) == ("0x3", "0x1")
    assert printed["effectiveGasPrice"] == "0x0"
    assert printed["type"] == "0x7e"
    assert not any(name.startswith(("l1", "operator")) for name in printed)


def test_a_block_of_deposits_alone_needs_no_readable_l1_attributes() -> None:
    deposit = DepositTransaction(0, 1, TO, 0, b"not attributes", HASH, TO, 0, False)

    facts = derive_receipts(block_of(deposit), [Receipt(0x7E, 0, 1, (), 0, 1)], L2Rules(rollup(Fork.ISTHMUS)))

    assert receipt_to_json(facts[0])["status"] == "0x0"


def test_a_contract_created_by_a_deposit_has_the_address_of_the_nonce_in_the_receipt() -> None:
    creation = DepositTransaction(0, 1, None, 0, b"", HASH, TO, 0, False)
    receipts = [Receipt(0x7E, 1, 1, (), 3, 1), Receipt(0x7E, 1, 2, (), 41, 1)]

    facts = derive_receipts(block_of(l1_attributes(Fork.ISTHMUS), creation), receipts, L2Rules(rollup(Fork.ISTHMUS)))

    assert facts[0].contract_address is None
    assert facts[1].contract_address == created_address(TO, 41)


def test_a_contract_created_by_a_signed_transaction_has_the_address_of_its_own_nonce() -> None:
    printed = l2_json(Fork.ISTHMUS, l1_attributes(Fork.ISTHMUS), transfer(b"\x00", to=None), status=0)

    assert printed["contractAddress"] == "0x" + created_address(address_of(KEY), 4).hex()
    assert printed["to"] is None
    assert printed["status"] == "0x0"
    # A published example: the first contract of this sender.
    sender = to_address("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert created_address(sender, 0) == to_address("0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d")


def test_gas_is_the_difference_of_what_was_used_before_and_logs_count_over_the_block() -> None:
    logs = (Log(TO, (), b"a"), Log(TO, (HASH,), b"b"))
    receipts = [Receipt(0x7E, 1, 50_000, logs, 3, 1), Receipt(2, 1, 71_000, logs[:1])]

    facts = derive_receipts(block_of(l1_attributes(Fork.ISTHMUS), transfer()), receipts, L2Rules(rollup(Fork.ISTHMUS)))

    assert [entry.gas_used for entry in facts] == [50_000, 21_000]
    assert [entry.effective_gas_price for entry in facts] == [0, 1007]
    assert [log["logIndex"] for entry in facts for log in receipt_to_json(entry)["logs"]] == ["0x0", "0x1", "0x2"]
    assert all(log["removed"] for log in logs_to_json(facts[0], removed=True))


def test_an_intermediate_state_root_prints_as_root() -> None:
    printed = l2_json(Fork.ISTHMUS, l1_attributes(Fork.ISTHMUS), transfer(), status=bytes(HASH))

    assert printed["root"] == "0x" + "48" * 32
    assert "status" not in printed


def test_receipts_must_match_the_transactions_in_number() -> None:
    with pytest.raises(ValueError, match="has 1 transactions, but 0 receipts"):
        derive_receipts(block_of(transfer()), [], L2Rules(rollup(Fork.ISTHMUS)))
