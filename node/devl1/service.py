"""Puts the dev L1 together: chain, pool, RPC, beacon API, and the task that makes a block per slot."""

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path

from config.errors import CriticalError
from config.genesis import Genesis
from config.l1_chain import L1ChainConfig
from evm.genesis import genesis_block
from evm.rules import L1Rules
from evm.store.kv import KeyValueStore, LevelDbStore, WriteBatch
from l1.kzg import KzgWorker
from node.chain import Chain, ChainStore
from node.devl1.beacon import BeaconApi
from node.devl1.blobs import BlobStore, PoolSidecars
from node.devl1.control import AnvilControl, DevL1Control, EvmControl, SlotSwitch
from node.devl1.producer import BlockProducer, LabelLags
from node.devl1.slots import SlotClock
from node.execution import Execution, ExecutionOptions
from node.rpc import Dispatcher, RpcServer, ServerOptions

log = logging.getLogger("lamina.devl1")

_OFFSET_KEY = b"Mclock-offset"
_BODY_LIMIT = 32 << 20
"""Blob transactions with six blobs and cell proofs take about 1.7 MB as hex."""


@dataclass(frozen=True)
class DevL1Options:
    """Ports 0 pick free ones; `seconds_per_slot` is the distance of timestamps."""

    seconds_per_slot: int = 4
    host: str = "127.0.0.1"
    port: int = 8540
    beacon_port: int = 5052
    lags: LabelLags = field(default_factory=LabelLags)


def initialise_dev_l1(kv: KeyValueStore, genesis: Genesis, chain: L1ChainConfig) -> None:
    """Write the genesis of a dev L1 into an empty store; nothing happens when it is there already."""
    block, update = genesis_block(genesis, chain)
    Chain.initialise(kv, block, update)


class DevL1:
    """A running dev L1. `start` serves; `run` makes a block at each slot until cancelled."""

    def __init__(
        self, kv: KeyValueStore, chain: L1ChainConfig, options: DevL1Options, kzg: KzgWorker, datadir: Path
    ) -> None:
        """Raises CriticalError when the store holds no chain."""
        self._kv = kv
        self._options = options
        self._kzg = kzg
        self._warming: asyncio.Task[None] | None = None
        rules = L1Rules(chain)
        genesis_time = _genesis_time(kv)
        offset = kv.get(_OFFSET_KEY)
        self.clock = SlotClock(genesis_time, options.seconds_per_slot, offset=float(offset or 0))
        self.blobs = BlobStore(kv)
        sidecars = PoolSidecars(self.blobs, chain, self.clock, kzg)
        self.execution = Execution(
            kv,
            rules,
            ExecutionOptions(datadir),
            sidecars=sidecars,
            next_timestamp=self.clock.timestamp_after,
            block_time=options.seconds_per_slot,
        )
        self.producer = BlockProducer(self.execution.chain, self.execution.pool, self.clock, options.lags)
        self.beacon = BeaconApi(
            self.execution.chain, self.blobs, self.clock, chain.osaka_time, options.host, options.beacon_port
        )
        self.switch = SlotSwitch()
        evm_control = EvmControl(self.producer, self.clock)
        self.dispatcher = Dispatcher(
            [
                *self.execution.namespaces,
                evm_control,
                AnvilControl(self.producer, evm_control),
                DevL1Control(self.switch, self.beacon, self.clock),
            ]
        )
        self.server = RpcServer(
            self.dispatcher,
            ServerOptions(host=options.host, port=options.port, body_limit=_BODY_LIMIT, cors_origins=("*",)),
        )

    @staticmethod
    def open(path: Path, chain: L1ChainConfig, options: DevL1Options, kzg: KzgWorker) -> "DevL1":
        """A dev L1 on the LevelDB directory `path`, which `initialise_dev_l1` has prepared."""
        return DevL1(LevelDbStore(path), chain, options, kzg, path)

    async def start(self) -> None:
        """Serve RPC and the beacon API. Raises OSError when a port is taken."""
        self.execution.start()
        await self.server.start()
        await self.beacon.start()
        self._warming = asyncio.create_task(self._kzg.warm_up(), name="KZG setup")
        log.info("dev L1 serves", extra={"rpc": self.server.url, "beacon": self.beacon.url})

    async def run(self) -> None:
        """Make a block at every slot that is not to be missed."""
        while True:
            slot = max(self.producer.head_slot() + 1, self.clock.current_slot())
            wait = self.clock.seconds_until(slot)
            if wait > 0:
                # In short naps: time can be moved meanwhile.
                await asyncio.sleep(min(wait, 0.1))
                continue
            self._save_offset()
            if self.switch.skip_next:
                self.switch.skip_next -= 1
                log.warning("slot missed on demand", extra={"slot": slot})
            elif self.switch.automatic:
                self.producer.produce(slot)
            await self._sleep_past(slot)

    async def _sleep_past(self, slot: int) -> None:
        while (wait := self.clock.seconds_until(slot + 1)) > 0:
            await asyncio.sleep(min(wait, 0.1))

    def _save_offset(self) -> None:
        batch = WriteBatch()
        batch.put(_OFFSET_KEY, repr(self.clock.offset).encode())
        self._kv.write(batch, sync=False)

    async def stop(self) -> None:
        """Stop serving and release the store."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self.server.stop()
        await self.beacon.stop()
        self._save_offset()
        self.execution.close()


def _genesis_time(kv: KeyValueStore) -> int:
    store = ChainStore(kv)
    genesis_hash = store.genesis_hash()
    if genesis_hash is None:
        raise CriticalError("the directory holds no dev L1: `lamina devnet` makes one")
    return store.require_header(genesis_hash, "the genesis block").timestamp
