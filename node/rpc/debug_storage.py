"""`debug_storageRangeAt`: a contract's storage as a transaction finds it."""

from typing import Any

from config.types import to_hex
from evm.engine import BlockInputs
from evm.tracing.mid_block import NoSuchTransaction
from evm.tracing.room import Room
from evm.tracing.storage_range import StoredSlot, storage_range
from evm.tracing.trace import Budget
from node.chain import Chain
from node.rpc.blocks import BlockFinder
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import invalid_params, server_error
from node.rpc.params import AddressParam, BlockParam, CountParam, DataParam
from node.rpc.replays import Replays

MAX_SLOTS = 1_024


class DebugStorage(Namespace):
    """Spec: geth, "debug_storageRangeAt". Keys are hashes; the slot is told only where the block has written it."""

    name = "debug"

    def __init__(self, chain: Chain, blocks: BlockFinder, replays: Replays) -> None:
        self._chain = chain
        self._blocks = blocks
        self._replays = replays

    @rpc_method("storageRangeAt")
    async def storage_range_at(
        self, block: BlockParam, index: CountParam, address: AddressParam, start: DataParam, count: CountParam
    ) -> dict[str, Any]:
        """Up to `count` (at most 1,024) slots from the hashed key `start` on, before a block's transaction `index`."""
        if len(start) > 32:
            raise invalid_params("invalid argument 3: the start is longer than a key")
        found = self._blocks.block(block)
        if found is None:
            raise server_error("block not found")
        parent, engine = self._replays.parent(found), self._chain.engine
        most = min(count, MAX_SLOTS)

        def work(budget: Budget, room: Room) -> list[StoredSlot]:
            if index >= len(found.transactions):
                raise NoSuchTransaction(f"transaction index {index} out of range for {found}")
            builder = engine.start(parent, BlockInputs.of(found))
            builder.state.budget = budget
            for transaction in found.transactions[:index]:
                builder.add(transaction)
                budget()
            return storage_range(builder.state, engine.state, address, start, most + 1)

        slots: list[StoredSlot] = await self._replays.run(work)
        return {
            "storage": {
                to_hex(item.hashed): {
                    "key": None if item.slot is None else to_hex(item.slot.to_bytes(32, "big")),
                    "value": to_hex(item.value.to_bytes(32, "big")),
                }
                for item in slots[:most]
            },
            "nextKey": to_hex(slots[most].hashed) if len(slots) > most else None,
        }
