"""Payload attributes of the next L2 block, as far as L1 determines them: for verifiers and for the sequencer."""

from dataclasses import replace

from config.constants import SEQUENCER_FEE_VAULT
from config.errors import ResetError
from config.forks import Fork
from config.l1_chain import CANCUN_BLOBS, L1ChainConfig, fake_exponential
from config.rollup import BlockId, RollupConfig
from config.types import ZERO_HASH, Gas, Timestamp, short
from derivation.deposits import user_deposits
from derivation.providers import L1Provider, L2Provider
from derivation.system_config_updates import apply_system_config_updates
from derivation.types import L2BlockRef
from derivation.upgrades import upgrade_gas, upgrade_transactions
from evm.l1_attributes import l1_attributes_deposit
from evm.types.header import Header
from evm.types.payload import PayloadAttributes


def prepare_payload_attributes(
    rollup: RollupConfig, l1_chain: L1ChainConfig, l1: L1Provider, l2: L2Provider, parent: L2BlockRef, epoch: BlockId
) -> PayloadAttributes:
    """The attributes of the block after `parent` with L1 origin `epoch`, with deposits only and `no_tx_pool` set.

    `epoch` is the parent's origin or the L1 block after it; in the latter case the block is the first of its epoch and
    takes that L1 block's user deposits and system config updates. A verifier appends the batch's transactions; a
    sequencer clears `no_tx_pool` where transactions are allowed.
    Raises ResetError when `epoch` does not fit the parent or lies after the block; CriticalError for an unreadable
    deposit; NotYetAvailable. Spec: op derivation, "Deriving Payload Attributes".
    """
    timestamp = Timestamp(parent.timestamp + rollup.block_time)
    system_config = l2.system_config_by_l2_hash(parent.hash)
    header = l1.header_by_hash(epoch.hash)
    if header is None:
        raise ResetError(f"L1 origin {epoch} of the block after {parent} is not known to L1 any more")
    deposits: tuple[bytes, ...] = ()
    if epoch.number != parent.l1_origin.number:
        if header.number != parent.l1_origin.number + 1 or header.parent_hash != parent.l1_origin.hash:
            raise ResetError(
                f"L1 origin {epoch} (parent {short(header.parent_hash)}) cannot follow {parent} with L1 origin "
                f"{parent.l1_origin}"
            )
        receipts = l1.receipts(header.hash)
        user = user_deposits(header.hash, receipts, rollup.deposit_contract_address)
        deposits = tuple(deposit.raw for deposit in user)
        ecotone = rollup.is_active(Fork.ECOTONE, header.timestamp)
        contract = rollup.l1_system_config_address
        system_config = apply_system_config_updates(system_config, receipts, contract, ecotone).config
        sequence_number = 0
    else:
        if epoch.hash != parent.l1_origin.hash:
            raise ResetError(f"L1 origin {epoch} conflicts with L1 origin {parent.l1_origin} of {parent}")
        sequence_number = parent.sequence_number + 1
    if timestamp < header.timestamp:
        raise ResetError(
            f"the block after {parent} would have timestamp {timestamp}, before its L1 origin {epoch} "
            f"at {header.timestamp}"
        )
    l1_attributes = l1_attributes_deposit(
        rollup, system_config, header, sequence_number, timestamp, blob_base_fee_of(header, rollup, l1_chain)
    )
    return PayloadAttributes(
        timestamp=timestamp,
        prev_randao=header.prev_randao,
        suggested_fee_recipient=SEQUENCER_FEE_VAULT,
        parent_beacon_block_root=(header.parent_beacon_block_root or ZERO_HASH)
        if rollup.is_active(Fork.ECOTONE, timestamp)
        else None,
        transactions=(l1_attributes.raw, *deposits, *upgrade_transactions(rollup, timestamp)),
        no_tx_pool=True,
        gas_limit=Gas(system_config.gas_limit + upgrade_gas(rollup, timestamp)),
        eip1559_params=_eip1559_params(rollup, system_config.eip1559_params, parent.timestamp, timestamp),
        min_base_fee=system_config.min_base_fee if rollup.is_active(Fork.JOVIAN, timestamp) else None,
        with_withdrawals=rollup.is_active(Fork.CANYON, timestamp),
    )


def _eip1559_params(rollup: RollupConfig, params: bytes, parent_timestamp: int, timestamp: int) -> bytes | None:
    """Zeros in Holocene's first block, None before. Spec: op holocene derivation, "Attributes Builder"."""
    if not rollup.is_active(Fork.HOLOCENE, timestamp):
        return None
    return params if rollup.is_active(Fork.HOLOCENE, parent_timestamp) else bytes(8)


def blob_base_fee_of(header: Header, rollup: RollupConfig, l1_chain: L1ChainConfig) -> int:
    """The blob base fee (wei) that L2 sees for an L1 block; 1 where L1 had no blobs yet.

    Where the rollup sets `pectra_blob_schedule_time`, L1 blocks before it count with Cancun's parameters.
    Spec: op ecotone l1-attributes; op pectra-blob-schedule derivation.
    """
    if header.excess_blob_gas is None:
        return 1
    late = rollup.pectra_blob_schedule_time
    if late is not None and header.timestamp < late:
        return fake_exponential(1, header.excess_blob_gas, CANCUN_BLOBS.update_fraction)
    return l1_chain.blob_base_fee(header.excess_blob_gas, header.timestamp)


def deposits_only(attributes: PayloadAttributes) -> PayloadAttributes:
    """The same block without the transactions that are not deposits. Spec: op holocene derivation, "Engine Queue"."""
    deposits = tuple(raw for raw in attributes.transactions if raw[:1] == b"\x7e")
    return replace(attributes, transactions=deposits, no_tx_pool=True)
