"""Lets a contract deployment run through the transaction manager."""

from collections.abc import Sequence

from config.types import Address, Gas, L1BlockNumber
from l1.deployment import DeploymentError, PlannedCall, SentCall
from l1.txmgr import TransactionReceipt, TxCandidate, TxManager


class ManagedDeployment:
    """The sender that `l1.deployment` asks for, on top of a transaction manager.

    The manager's `max_pending` is how many of the deployment's transactions are under way at once.
    """

    def __init__(self, manager: TxManager) -> None:
        self._manager = manager

    @property
    def address(self) -> Address:
        """The account that deploys."""
        return self._manager.address

    async def next_nonce(self) -> int:
        """The nonce of the account's next transaction, pending ones counted. Raises SendError."""
        return await self._manager.next_nonce()

    async def send_many(self, first_nonce: int, calls: Sequence[PlannedCall]) -> list[SentCall]:
        """Send the calls with consecutive nonces.

        Raises DeploymentError when the first nonce is not the account's next one, or SendError.
        """
        nonce = await self._manager.next_nonce()
        if nonce != first_nonce:
            raise DeploymentError(
                f"The deployment was planned from nonce {first_nonce} on, but the account 0x{self.address.hex()} is at "
                f"{nonce}: it sent something else meanwhile. Use an account of its own and deploy again from the start."
            )
        receipts = await self._manager.send_many(
            [TxCandidate(call.to, call.data, call.value, Gas(call.gas_limit)) for call in calls]
        )
        return [_sent(receipt) for receipt in receipts]


def _sent(receipt: TransactionReceipt) -> SentCall:
    return SentCall(
        transaction_hash=receipt.transaction_hash,
        succeeded=receipt.succeeded,
        contract_address=receipt.contract_address,
        block_number=L1BlockNumber(receipt.block.number),
        block_hash=receipt.block.hash,
        gas_used=receipt.gas_used,
    )
