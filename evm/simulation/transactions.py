"""The transaction that a call would be, without a signature."""

from evm.engine.call import CallMessage
from evm.simulation.errors import Fault, SimulationError
from evm.types import BlobTransaction, DynamicFeeTransaction, LegacyTransaction, SetCodeTransaction, SignedTransaction
from evm.types.transaction import AccessList


class UnsignedLegacy(LegacyTransaction):
    """A legacy transaction with zeros where the signature would be."""

    @property
    def v(self) -> int:
        """Zero, as `r` and `s` are."""
        return 0


def unsigned(message: CallMessage, chain_id: int) -> SignedTransaction:
    """The transaction that the message is, its nonce and gas settled; its sender is taken as known.

    Raises SimulationError where there is no such transaction. Spec: Ethereum execution APIs, "GenericTransaction".
    """
    transaction = _unsigned(message, chain_id, message.gas_limit, message.nonce or 0, message.access_list)
    transaction.remember_sender(message.sender)
    return transaction


def _unsigned(message: CallMessage, chain_id: int, gas: int, nonce: int, accesses: AccessList) -> SignedTransaction:
    to, value, data = message.to, message.value, message.data
    tip, fee = message.max_priority_fee_per_gas, message.max_fee_per_gas
    if message.legacy:
        return UnsignedLegacy(nonce, gas, to, value, data, None, 0, 0, 0, fee)
    if message.authorization_list:
        if to is None:
            raise SimulationError(Fault.OTHER, "EIP-7702 transaction cannot be used to create contract")
        return SetCodeTransaction(
            nonce, gas, to, value, data, chain_id, 0, 0, 0, tip, fee, accesses, message.authorization_list
        )
    if message.blob_versioned_hashes:
        if to is None:
            raise SimulationError(Fault.OTHER, "blob transaction of type create")
        return BlobTransaction(
            nonce, gas, to, value, data, chain_id, 0, 0, 0, tip, fee, accesses,
            message.max_fee_per_blob_gas, message.blob_versioned_hashes,
        )  # fmt: skip
    return DynamicFeeTransaction(nonce, gas, to, value, data, chain_id, 0, 0, 0, tip, fee, accesses)
