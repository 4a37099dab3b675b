"""`ots_` searches: transactions of an address, by sender and nonce, and who created a contract.

There is no index: blocks are executed again one by one, or states are searched by halves, both in bounded time.
"""

from collections.abc import Callable, Iterable
from typing import Any

from config.types import to_hex
from evm.receipts import derive_receipts, receipt_to_json
from evm.store.state import StateReader
from evm.tracing.call_tree import CallTree, walk
from evm.tracing.room import Room
from evm.tracing.trace import Budget, trace_block
from evm.types import Address, Block, Header
from evm.types.json_codec import Inclusion, transaction_to_json
from node.chain import Chain, StatePruned
from node.rpc.blocks import BlockFinder
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import server_error
from node.rpc.ots import check_page
from node.rpc.params import AddressParam, CountParam
from node.rpc.replays import Replays
from node.rpc.workers import OutOfTime

MAX_SEARCHED_BLOCKS = 10_000
"""Blocks that one search looks at."""


class OtterscanSearch(Namespace):
    """Spec: Otterscan, "Custom JSON-RPC API", level 8.

    A search that runs out of blocks or time gives what it has found, as a page that others follow; one that has found
    nothing is refused, since an empty page would say that there is nothing.
    """

    name = "ots"

    def __init__(self, chain: Chain, blocks: BlockFinder, replays: Replays) -> None:
        self._chain = chain
        self._blocks = blocks
        self._replays = replays

    @rpc_method("searchTransactionsBefore")
    async def before(self, address: AddressParam, number: CountParam, size: CountParam) -> dict[str, Any]:
        """Transactions that touch an address, newest first, from blocks below `number` (0: from the head on)."""
        check_page(size)
        head = self._chain.head.number
        newest = head if number == 0 else min(number - 1, head)
        found, ended = await self._search(address, range(newest, 0, -1), size)
        return _page(found, first=number == 0 or newest == head, last=ended)

    @rpc_method("searchTransactionsAfter")
    async def after(self, address: AddressParam, number: CountParam, size: CountParam) -> dict[str, Any]:
        """Transactions that touch an address, newest first, from the blocks above `number` nearest to it."""
        check_page(size)
        found, ended = await self._search(address, range(number + 1, self._chain.head.number + 1), size)
        found.reverse()
        return _page(found, first=ended, last=number == 0)

    @rpc_method("getTransactionBySenderAndNonce")
    async def by_sender_and_nonce(self, sender: AddressParam, nonce: CountParam) -> str | None:
        """The hash of the transaction of an account with this nonce, or null."""

        def used(state: StateReader) -> bool:
            account = state.account(sender)
            return account is not None and account.nonce > nonce

        block = await self._first(used)
        if block is None:
            return None
        receipts = self._blocks.receipts(block)
        for transaction, receipt in zip(block.transactions, receipts, strict=True):
            own = receipt.deposit_nonce if transaction.is_deposit else transaction.nonce
            if transaction.sender == sender and own == nonce:
                return to_hex(transaction.hash)
        return None

    @rpc_method("getContractCreator")
    async def contract_creator(self, address: AddressParam) -> dict[str, str] | None:
        """The transaction that made a contract, and who did it in there; null for other accounts and those of genesis."""
        block = await self._first(lambda state: bool(state.code_at(address)))
        if block is None:
            return None
        wanted = to_hex(address)

        def work(budget: Budget, room: Room) -> dict[str, str] | None:
            for transaction_hash, top in self._trees(block, budget, room):
                for _, node in walk(top, undone=False):
                    if node["type"] in ("CREATE", "CREATE2") and node.get("to") == wanted:
                        return {"hash": transaction_hash, "creator": node["from"]}
            return None

        found: dict[str, str] | None = await self._replays.run(work)
        return found

    async def _first(self, holds: Callable[[StateReader], bool]) -> Block | None:
        """The block after which something holds that stays so; None when it does not hold, or has from genesis on."""
        chain = self._chain

        def work(budget: Budget, room: Room) -> Header | None:
            low, high = chain.history.base, chain.head.number
            if not holds(chain.require_state(chain.head)):
                return None
            oldest = chain.header_by_number(low.number)
            if oldest is None or holds(chain.require_state(oldest)):
                if low.number:
                    raise StatePruned(chain.genesis, low.number)
                return None
            below = low.number
            while high - below > 1:
                budget()
                middle = (below + high) // 2
                header = chain.header_by_number(middle)
                if header is None:
                    return None
                if holds(chain.require_state(header)):
                    high = middle
                else:
                    below = middle
            return chain.header_by_number(high)

        try:
            header = await self._replays.run(work)
        except StatePruned as error:
            raise server_error(str(error)) from error
        return None if header is None else chain.block_by_hash(header.hash)

    async def _search(self, address: Address, numbers: range, size: int) -> tuple[list[Any], bool]:
        """Transactions of whole blocks, in their order, until there are enough, and whether the search went to the end."""
        wanted = to_hex(address)

        def work(budget: Budget, room: Room) -> tuple[list[Any], bool]:
            found: list[Any] = []
            for looked, number in enumerate(numbers):
                if len(found) >= size:
                    return found, False
                try:
                    if looked >= MAX_SEARCHED_BLOCKS:
                        raise OutOfTime
                    budget()
                    block = self._chain.block_by_number(number)
                    if block is None:
                        break
                    hits = self._hits(block, address, wanted, budget, room)
                except OutOfTime:
                    if found:
                        return found, False
                    raise server_error(
                        f"no transaction of {wanted} was found down or up to block {number} in the time that a search may "
                        "take: this node has no index of addresses; go on from there"
                    ) from None
                found += hits if numbers.step > 0 else reversed(hits)
            return found, True

        result: tuple[list[Any], bool] = await self._replays.run(work, self._replays.limits.trace_timeout)
        return result

    def _hits(self, block: Block, address: Address, wanted: str, budget: Budget, room: Room) -> list[Any]:
        """A block's transactions that touch the address, in order."""
        if len(block.transactions) == 1 and block.transactions[0].is_deposit:
            # Most blocks of a quiet rollup. What the attributes deposit does inside of L1Block is of no interest.
            deposit = block.transactions[0]
            indices = [0] if address in (deposit.sender, deposit.to) else []
        else:
            indices = [
                index
                for index, (_, top) in enumerate(self._trees(block, budget, room))
                if any(wanted in (node["from"], node.get("to")) for _, node in walk(top))
            ]
        if not indices:
            return []
        receipts = self._blocks.receipts(block)
        facts = derive_receipts(block, receipts, self._chain.rules)
        return [
            (
                transaction_to_json(block.transactions[index], Inclusion.of(block.header, index), receipts[index]),
                receipt_to_json(facts[index]) | {"timestamp": block.header.timestamp},
            )
            for index in indices
        ]

    def _trees(self, block: Block, budget: Budget, room: Room) -> Iterable[tuple[str, Any]]:
        if block.number == 0 or not block.transactions:
            return
        parent = self._replays.parent(block)
        for trace in trace_block(self._chain.engine, parent, block, lambda: CallTree(room), budget):
            yield to_hex(trace.transaction_hash), trace.result


def _page(found: list[Any], first: bool, last: bool) -> dict[str, Any]:
    return {
        "txs": [transaction for transaction, _ in found],
        "receipts": [receipt for _, receipt in found],
        "firstPage": first,
        "lastPage": last,
    }
