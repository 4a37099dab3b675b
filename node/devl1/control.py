"""RPC methods that move the dev L1's time and weather: anvil's names where anvil has them.

`evm_mine`, `evm_increaseTime`, `evm_setAutomine`, `anvil_reorg`, `anvil_mine`; `devl1_*` for slots and blobs.
"""

from typing import Any

from evm.types import decode_transaction, to_hex
from evm.types.transaction import DepositTransaction, TransactionDecodingError
from node.devl1.beacon import BeaconApi
from node.devl1.producer import BlockProducer
from node.devl1.slots import SlotClock
from node.rpc import Namespace, RpcError, rpc_method
from node.rpc.errors import invalid_params
from node.rpc.params import CountParam, HashParam, JsonParam


class SlotSwitch:
    """Whether the producer makes blocks by itself, and which coming slots it leaves empty."""

    def __init__(self) -> None:
        self.automatic = True
        self.missed: set[int] = set()
        self.skip_next = 0


class EvmControl(Namespace):
    """`evm_`: ganache's names for time control."""

    name = "evm"

    def __init__(self, producer: BlockProducer, clock: SlotClock) -> None:
        self._producer = producer
        self._clock = clock

    @rpc_method("mine")
    def mine(self, options: JsonParam = None) -> str:
        """Make a block now, or `{"blocks": N}` of them: time moves to the next free slot if need be."""
        count = int(options.get("blocks", 1)) if isinstance(options, dict) else 1
        if not 1 <= count <= 10_000:
            raise invalid_params(f"blocks must be between 1 and 10000, not {count}")
        for _ in range(count):
            slot = max(self._producer.head_slot() + 1, self._clock.current_slot())
            self._clock.move_to(slot)
            self._producer.produce(slot)
        return "0x0"

    @rpc_method("increaseTime")
    def increase_time(self, seconds: CountParam) -> int:
        """Move chain time forward, rounded up to a slot; answers the seconds moved. The next block stands there."""
        return self._clock.advance(seconds)


class AnvilControl(Namespace):
    """`anvil_`: reorgs and mining as anvil names them."""

    name = "anvil"

    def __init__(self, producer: BlockProducer, control: EvmControl) -> None:
        self._producer = producer
        self._control = control

    @rpc_method("mine")
    def mine(self, blocks: CountParam = 1, interval: CountParam = 0) -> None:
        """Make `blocks` blocks, `interval` seconds (rounded up to slots) apart."""
        for index in range(blocks):
            if index and interval:
                self._control.increase_time(interval)
            self._control.mine()

    @rpc_method("reorg")
    def reorg(self, depth: CountParam, transactions: JsonParam = None) -> str:
        """Replace the newest `depth` blocks. `transactions`: pairs of raw transaction and block offset from the fork."""
        replacements: dict[int, list[Any]] = {}
        for pair in transactions or []:
            try:
                raw, offset = pair
                transaction = decode_transaction(bytes.fromhex(raw.removeprefix("0x")))
            except (TypeError, ValueError, AttributeError, TransactionDecodingError) as error:
                raise invalid_params(
                    f"invalid argument 1: want pairs of raw transaction and offset: {error}"
                ) from error
            if isinstance(transaction, DepositTransaction):
                raise invalid_params("invalid argument 1: a deposit cannot be in an L1 block")
            replacements.setdefault(int(offset), []).append(transaction)
        try:
            return to_hex(self._producer.reorganise(depth, replacements).hash)
        except ValueError as error:
            raise RpcError(-32000, str(error)) from error


class DevL1Control(Namespace):
    """`devl1_`: slots left empty, blobs withheld, the producer stopped."""

    name = "devl1"

    def __init__(self, switch: SlotSwitch, beacon: BeaconApi, clock: SlotClock) -> None:
        self._switch = switch
        self._beacon = beacon
        self._clock = clock

    @rpc_method("missSlots")
    def miss_slots(self, count: CountParam) -> int:
        """Leave the next `count` slots empty; answers how many are to be missed in all."""
        self._switch.skip_next += count
        return self._switch.skip_next

    @rpc_method("setAutomatic")
    def set_automatic(self, automatic: JsonParam) -> bool:
        """Whether a block is made at each slot by itself."""
        self._switch.automatic = bool(automatic)
        return self._switch.automatic

    @rpc_method("withholdBlob")
    def withhold_blob(self, versioned_hash: HashParam) -> bool:
        """Deny having a blob from now on."""
        self._beacon.withheld.add(versioned_hash)
        return True

    @rpc_method("restoreBlob")
    def restore_blob(self, versioned_hash: HashParam) -> bool:
        """Serve a withheld blob again; False when it was not withheld."""
        if versioned_hash not in self._beacon.withheld:
            return False
        self._beacon.withheld.discard(versioned_hash)
        return True

    @rpc_method("slotInfo")
    def slot_info(self) -> dict[str, int]:
        """Genesis time, seconds per slot, and the current slot."""
        return {
            "genesisTime": self._clock.genesis_time,
            "secondsPerSlot": self._clock.seconds_per_slot,
            "slot": self._clock.current_slot(),
        }
