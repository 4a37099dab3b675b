"""User deposits: L2 transactions that L1 logs of the portal force in."""

from collections.abc import Sequence

from config.constants import DEPOSIT_EVENT_TOPIC
from config.errors import CriticalError
from config.types import Address, Hash32, short
from evm.l1_attributes import user_deposit_source_hash
from evm.types.receipt import Log, Receipt
from evm.types.transaction import DepositTransaction

_WORD = 32
_OPAQUE_HEADER_BYTES = 32 + 32 + 8 + 1
_MAX_MINT = (1 << 128) - 1


def user_deposits(
    l1_block_hash: Hash32, receipts: Sequence[Receipt], portal: Address
) -> tuple[DepositTransaction, ...]:
    """The deposits that an L1 block's receipts contain, in log order. `portal` is the OptimismPortal proxy.

    Raises CriticalError for a log that cannot be read: deposits may never be left out, so derivation has to stop.
    Spec: op deposits, "Deposit Contract"; op derivation, "Deriving the Transaction List".
    """
    deposits: list[DepositTransaction] = []
    log_index = 0
    for receipt in receipts:
        for log in receipt.logs if receipt.succeeded else ():
            if log.address == portal and log.topics and log.topics[0] == DEPOSIT_EVENT_TOPIC:
                try:
                    deposits.append(decode_deposit_log(log, l1_block_hash, log_index))
                except ValueError as error:
                    raise CriticalError(
                        f"deposit in log {log_index} of L1 block {short(l1_block_hash)} cannot be read: {error}. "
                        "Check that the rollup config's deposit contract is right and that this node knows its version."
                    ) from error
            log_index += 1
    return tuple(deposits)


def decode_deposit_log(log: Log, l1_block_hash: Hash32, log_index: int) -> DepositTransaction:
    """The deposit that a TransactionDeposited log describes; `log_index` counts over the whole L1 block.

    The sender in the log is already aliased where it is a contract. Raises ValueError when the log is malformed.
    Spec: op deposits, "Deposit Contract"; "Source hash computation".
    """
    if len(log.topics) != 4:
        raise ValueError(f"it has {len(log.topics)} topics, expected 4")
    _, sender, to, version = log.topics
    if any(version):
        raise ValueError(f"its version is {int.from_bytes(version, 'big')}, only 0 is known")
    if any(sender[:12]) or any(to[:12]):
        raise ValueError("its sender or recipient is no address")
    opaque = _opaque_data(log.data)
    if len(opaque) < _OPAQUE_HEADER_BYTES:
        raise ValueError(f"its opaque data has {len(opaque)} bytes, at least {_OPAQUE_HEADER_BYTES} are needed")
    mint = int.from_bytes(opaque[:32], "big")
    if mint > _MAX_MINT:
        raise ValueError(f"it mints {mint} wei, more than 128 bits hold")
    return DepositTransaction(
        nonce=0,
        gas_limit=int.from_bytes(opaque[64:72], "big"),
        to=None if opaque[72] else Address(to[12:]),
        value=int.from_bytes(opaque[32:64], "big"),
        data=opaque[_OPAQUE_HEADER_BYTES:],
        source_hash=user_deposit_source_hash(l1_block_hash, log_index),
        sender=Address(sender[12:]),
        mint=mint,
        is_system_transaction=False,
    )


def _opaque_data(data: bytes) -> bytes:
    """The `bytes` argument of the log, padded with zeros to whole words and no further."""
    if len(data) < 2 * _WORD or len(data) % _WORD:
        raise ValueError(f"its data has {len(data)} bytes, which is no ABI encoding of bytes")
    if int.from_bytes(data[:_WORD], "big") != _WORD:
        raise ValueError("its data has a wrong pointer")
    end = 2 * _WORD + int.from_bytes(data[_WORD : 2 * _WORD], "big")
    if end > len(data):
        raise ValueError(f"its opaque data claims {end - 2 * _WORD} bytes, {len(data) - 2 * _WORD} are there")
    if end + _WORD <= len(data):
        raise ValueError(f"its opaque data of {end - 2 * _WORD} bytes is followed by {len(data) - end} bytes of padding")
    if any(data[end:]):
        raise ValueError("its padding is not zero")
    return data[2 * _WORD : end]
