"""Sends deployment transactions straight into a dev L1 that does not serve yet, so that a devnet starts in seconds."""

from collections.abc import Sequence

from config.errors import CriticalError
from config.types import Address, Hash32, L1BlockNumber
from evm.types import DynamicFeeTransaction
from evm.types.signature import address_of
from evm.types.transaction import sign_transaction
from l1.deployment.deploy import SentCall
from l1.deployment.plan import PlannedCall, create_address
from node.chain import Chain
from node.devl1.producer import BlockProducer
from node.devl1.slots import SlotClock
from node.mempool import TransactionPool

_TIP = 1_000_000_000


class InProcessSender:
    """A deployer's account on a dev L1 in this process; blocks are made at the next free slots as needed."""

    def __init__(
        self, chain: Chain, pool: TransactionPool, producer: BlockProducer, clock: SlotClock, private_key: bytes
    ) -> None:
        self._chain = chain
        self._pool = pool
        self._producer = producer
        self._clock = clock
        self._key = private_key
        self._address = address_of(private_key)

    @property
    def address(self) -> Address:
        """The account."""
        return self._address

    async def next_nonce(self) -> int:
        """The nonce of its next transaction."""
        return self._pool.next_nonce(self._address)

    async def send_many(self, first_nonce: int, calls: Sequence[PlannedCall]) -> list[SentCall]:
        """Put all calls into the pool and make blocks until they are included. Raises CriticalError when they are not."""
        fee = 2 * (self._chain.head.base_fee_per_gas or 0) + _TIP
        hashes = []
        for offset, call in enumerate(calls):
            transaction = DynamicFeeTransaction(
                nonce=first_nonce + offset,
                gas_limit=call.gas_limit,
                to=call.to,
                value=call.value,
                data=call.data,
                chain_id=self._chain.rules.chain_id,
                y_parity=0,
                r=0,
                s=0,
                max_priority_fee=_TIP,
                max_fee=fee,
            )
            signed = sign_transaction(transaction, self._key)
            self._pool.add(signed)
            hashes.append(signed.hash)
        for _ in range(len(calls)):
            if self._chain.find_transaction(hashes[-1]) is not None:
                break
            slot = self._producer.head_slot() + 1
            self._clock.move_to(slot)
            self._producer.produce(slot)
        return [
            self._sent(transaction_hash, first_nonce + offset, call)
            for offset, (transaction_hash, call) in enumerate(zip(hashes, calls, strict=True))
        ]

    def _sent(self, transaction_hash: Hash32, nonce: int, call: PlannedCall) -> SentCall:
        location = self._chain.find_transaction(transaction_hash)
        if location is None:
            raise CriticalError(f"the deployment transaction {call.label!r} did not make it into a block of the dev L1")
        receipts = self._chain.receipts(location.block_hash) or ()
        before = receipts[location.index - 1].cumulative_gas_used if location.index else 0
        receipt = receipts[location.index]
        return SentCall(
            transaction_hash=transaction_hash,
            succeeded=receipt.succeeded,
            contract_address=create_address(self._address, nonce) if call.to is None else None,
            block_number=L1BlockNumber(location.number),
            block_hash=location.block_hash,
            gas_used=receipt.cumulative_gas_used - before,
        )
