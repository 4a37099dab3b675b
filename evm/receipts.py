"""What a receipt says beyond its consensus form: derived from its block, and printed as geth and op-geth print it."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.constants import GAS_PER_BLOB
from config.forks import Fork
from config.types import Address, Hash32, to_hex
from evm.fees import DEFAULT_DA_FOOTPRINT_GAS_SCALAR, L1FeeParameters
from evm.l1_attributes import L1BlockInfo
from evm.rules import L2Rules, Rules
from evm.types.block import Block
from evm.types.hashing import keccak256
from evm.types.json_codec import Json, LogPosition, log_to_json
from evm.types.receipt import Receipt
from evm.types.rlp import encode, int_to_rlp
from evm.types.transaction import BlobTransaction, Transaction

_SCALAR_DECIMALS = 10**6


@dataclass(frozen=True)
class L1FeeFacts:
    """What an L2 transaction paid for L1 data, and by which numbers. Fees in wei, gas in L1 gas.

    `fee_scalar` is given before Ecotone, the scalars since. The operator's numbers are None when both are zero, the DA
    footprint (gas) and its scalar before Jovian.
    """

    gas_price: int
    gas_used: int
    fee: int
    fee_scalar: str | None = None
    blob_base_fee: int | None = None
    base_fee_scalar: int | None = None
    blob_base_fee_scalar: int | None = None
    operator_fee_scalar: int | None = None
    operator_fee_constant: int | None = None
    da_footprint_gas_scalar: int | None = None
    da_footprint: int | None = None


@dataclass(frozen=True)
class ReceiptFacts:
    """A receipt with its place in the chain and all that follows from its block. Gas in gas units, prices in wei.

    `contract_address` is given for contract creations, failed ones included; `blob_gas_used` and `blob_gas_price` for
    blob transactions; `l1` for L2 transactions that are no deposits. Logs count from `first_log_index` in the block.
    """

    receipt: Receipt
    transaction: Transaction
    block_hash: Hash32
    block_number: int
    index: int
    contract_address: Address | None
    gas_used: int
    effective_gas_price: int
    first_log_index: int
    blob_gas_used: int | None = None
    blob_gas_price: int | None = None
    l1: L1FeeFacts | None = None


def derive_receipts(block: Block, receipts: Sequence[Receipt], rules: Rules) -> list[ReceiptFacts]:
    """The facts of all receipts of a block.

    Raises ValueError when there is not one receipt per transaction, and InvalidSignature or L1AttributesError when the
    block is no valid block of the chain.
    """
    _check_count(block, receipts)
    parameters = l1_fee_parameters(block, rules)
    facts = []
    first_log = 0
    for index, receipt in enumerate(receipts):
        facts.append(_derive(block, receipts, index, first_log, rules, parameters))
        first_log += len(receipt.logs)
    return facts


def derive_receipt(block: Block, receipts: Sequence[Receipt], index: int, rules: Rules) -> ReceiptFacts:
    """The facts of one receipt; `receipts` are all of the block's, since gas and logs are counted over it."""
    _check_count(block, receipts)
    first_log = sum(len(receipt.logs) for receipt in receipts[:index])
    return _derive(block, receipts, index, first_log, rules, l1_fee_parameters(block, rules))


def l1_fee_parameters(block: Block, rules: Rules) -> L1FeeParameters | None:
    """The numbers that fees in this L2 block follow, as its L1 attributes deposit gives them; None for other blocks."""
    if not isinstance(rules, L2Rules) or not block.transactions or not block.transactions[0].is_deposit:
        return None
    if all(transaction.is_deposit for transaction in block.transactions):
        return None
    fork = rules.rollup.forks.active(block.header.timestamp)
    info = L1BlockInfo.decode(block.transactions[0].data)
    if info.fork < Fork.ECOTONE:
        return L1FeeParameters(
            fork=fork,
            base_fee=info.base_fee,
            overhead=info.overhead,
            scalar=info.scalar,
            uses_bedrock_formula=True,
        )
    footprint_scalar = info.da_footprint_gas_scalar or DEFAULT_DA_FOOTPRINT_GAS_SCALAR
    return L1FeeParameters(
        fork=fork,
        base_fee=info.base_fee,
        blob_base_fee=info.blob_base_fee,
        base_fee_scalar=info.base_fee_scalar,
        blob_base_fee_scalar=info.blob_base_fee_scalar,
        operator_fee_scalar=info.operator_fee_scalar,
        operator_fee_constant=info.operator_fee_constant,
        da_footprint_gas_scalar=footprint_scalar if fork >= Fork.JOVIAN else 0,
    )


def receipt_to_json(facts: ReceiptFacts) -> Json:
    """The receipt as `eth_getTransactionReceipt` gives it."""
    receipt, transaction, l1 = facts.receipt, facts.transaction, facts.l1
    result: Json = {
        "blockHash": to_hex(facts.block_hash),
        "blockNumber": hex(facts.block_number),
        "contractAddress": None if facts.contract_address is None else to_hex(facts.contract_address),
        "cumulativeGasUsed": hex(receipt.cumulative_gas_used),
        "effectiveGasPrice": hex(facts.effective_gas_price),
        "from": to_hex(transaction.sender),
        "gasUsed": hex(facts.gas_used),
        "logs": logs_to_json(facts),
        "logsBloom": to_hex(receipt.bloom),
        "to": None if transaction.to is None else to_hex(transaction.to),
        "transactionHash": to_hex(transaction.hash),
        "transactionIndex": hex(facts.index),
        "type": hex(receipt.type),
    }
    if isinstance(receipt.status, bytes):
        result["root"] = to_hex(receipt.status)
    else:
        result["status"] = hex(receipt.status)
    optional = {
        "blobGasPrice": facts.blob_gas_price,
        "blobGasUsed": facts.blob_gas_used,
        "depositNonce": receipt.deposit_nonce,
        "depositReceiptVersion": receipt.deposit_receipt_version,
    }
    if l1 is not None:
        if l1.fee_scalar is not None:
            result["l1FeeScalar"] = l1.fee_scalar
        optional |= {
            "l1GasPrice": l1.gas_price,
            "l1GasUsed": l1.gas_used,
            "l1Fee": l1.fee,
            "l1BlobBaseFee": l1.blob_base_fee,
            "l1BaseFeeScalar": l1.base_fee_scalar,
            "l1BlobBaseFeeScalar": l1.blob_base_fee_scalar,
            "operatorFeeScalar": l1.operator_fee_scalar,
            "operatorFeeConstant": l1.operator_fee_constant,
            "daFootprintGasScalar": l1.da_footprint_gas_scalar,
        }
        if l1.da_footprint is not None:
            optional["blobGasUsed"] = l1.da_footprint
    result |= {name: hex(value) for name, value in optional.items() if value is not None}
    return result


def logs_to_json(facts: ReceiptFacts, removed: bool = False) -> list[Json]:
    """The receipt's logs as `eth_getLogs` gives them."""
    return [
        log_to_json(
            log,
            LogPosition(
                facts.block_hash,
                facts.block_number,
                facts.transaction.hash,
                facts.index,
                facts.first_log_index + offset,
            ),
            removed,
        )
        for offset, log in enumerate(facts.receipt.logs)
    ]


def created_address(sender: Address, nonce: int) -> Address:
    """The address of the contract that `sender` creates with this nonce. Spec: yellow paper, section 7."""
    return Address(keccak256(encode([sender, int_to_rlp(nonce)]))[12:])


def _check_count(block: Block, receipts: Sequence[Receipt]) -> None:
    if len(receipts) != len(block.transactions):
        raise ValueError(f"{block} has {len(block.transactions)} transactions, but {len(receipts)} receipts were given")


def _derive(
    block: Block,
    receipts: Sequence[Receipt],
    index: int,
    first_log: int,
    rules: Rules,
    parameters: L1FeeParameters | None,
) -> ReceiptFacts:
    header, transaction, receipt = block.header, block.transactions[index], receipts[index]
    contract = None
    if transaction.to is None:
        nonce = transaction.nonce if receipt.deposit_nonce is None else receipt.deposit_nonce
        contract = created_address(transaction.sender, nonce)
    blob_gas = blob_price = None
    if isinstance(transaction, BlobTransaction):
        blob_gas = GAS_PER_BLOB * len(transaction.versioned_hashes)
        blob_price = rules.blob_base_fee(header.excess_blob_gas or 0, header.timestamp)
    return ReceiptFacts(
        receipt=receipt,
        transaction=transaction,
        block_hash=header.hash,
        block_number=header.number,
        index=index,
        contract_address=contract,
        gas_used=receipt.cumulative_gas_used - (receipts[index - 1].cumulative_gas_used if index else 0),
        effective_gas_price=transaction.effective_gas_price(header.base_fee_per_gas or 0),
        first_log_index=first_log,
        blob_gas_used=blob_gas,
        blob_gas_price=blob_price,
        l1=None if parameters is None or transaction.is_deposit else _l1_facts(transaction.raw, parameters),
    )


def _l1_facts(raw: bytes, parameters: L1FeeParameters) -> L1FeeFacts:
    gas_used, fee = parameters.l1_gas_used(raw), parameters.l1_fee(raw)
    if parameters.uses_bedrock_formula:
        scalar = f"{parameters.scalar / _SCALAR_DECIMALS:.10g}"
        return L1FeeFacts(parameters.base_fee, gas_used, fee, fee_scalar=scalar)
    operator = parameters.operator_fee_scalar or parameters.operator_fee_constant
    jovian = parameters.fork >= Fork.JOVIAN
    return L1FeeFacts(
        gas_price=parameters.base_fee,
        gas_used=gas_used,
        fee=fee,
        blob_base_fee=parameters.blob_base_fee,
        base_fee_scalar=parameters.base_fee_scalar,
        blob_base_fee_scalar=parameters.blob_base_fee_scalar,
        operator_fee_scalar=parameters.operator_fee_scalar if operator else None,
        operator_fee_constant=parameters.operator_fee_constant if operator else None,
        da_footprint_gas_scalar=parameters.da_footprint_gas_scalar if jovian else None,
        da_footprint=parameters.da_footprint(raw) if jovian else None,
    )
