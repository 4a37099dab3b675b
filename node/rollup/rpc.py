"""The rollup node's RPC: `optimism_` for everyone, `admin_` for its operator. Spec: op-node RPC."""

from typing import Any

from config.errors import CriticalError
from config.rollup import BlockId, RollupConfig
from config.types import ZERO_HASH, to_hex
from derivation.l2_block_info import l2_block_ref
from derivation.types import L1BlockRef, L2BlockRef
from evm.types import Header
from node.chain import Chain
from node.rollup.driver import RollupDriver
from node.rollup.l1_heads import L1Heads
from node.rollup.output import output_root
from node.rollup.safe_db import SafeDb
from node.rollup.sequencer import Sequencer
from node.rollup.unwind import UnwindRefused
from node.rpc import Namespace, rpc_method
from node.rpc.errors import server_error
from node.rpc.params import BoolParam, HashParam, QuantityParam
from node.unsafe.intake import UnsafeIntake
from node.version import client_version


class Rollup(Namespace):
    """`optimism_`: heads, outputs, the safe head database, the configuration."""

    name = "optimism"

    def __init__(
        self,
        rollup: RollupConfig,
        chain: Chain,
        driver: RollupDriver,
        heads: L1Heads,
        safe_db: SafeDb,
        intake: UnsafeIntake | None = None,
    ) -> None:
        self._rollup = rollup
        self._chain = chain
        self._driver = driver
        self._heads = heads
        self._safe_db = safe_db
        self._intake = intake

    def _ref(self, header: Header) -> L2BlockRef:
        return l2_block_ref(self._chain.store.require_block(header.hash), self._rollup)

    @rpc_method("syncStatus")
    def sync_status(self) -> dict[str, Any]:
        """All heads. `current_l1` is the newest L1 block whose data is derived in full; zero values where not known."""
        none = L1BlockRef(ZERO_HASH, 0, ZERO_HASH, 0)

        def l1(header: Header | None) -> dict[str, Any]:
            return (none if header is None else L1BlockRef.from_header(header)).to_json()

        unsafe, safe = self._ref(self._chain.head).to_json(), self._ref(self._chain.safe).to_json()
        finalized = self._ref(self._chain.finalized).to_json()
        current = self._driver.current_l1 or none
        return {
            "current_l1": current.to_json(),
            "current_l1_finalized": l1(self._heads.finalized),
            "head_l1": l1(self._heads.latest),
            "safe_l1": l1(self._heads.safe),
            "finalized_l1": l1(self._heads.finalized),
            "unsafe_l2": unsafe,
            "safe_l2": safe,
            "finalized_l2": finalized,
            "pending_safe_l2": safe,
            "queued_unsafe_l2": self._first_queued().to_json(),
            "cross_unsafe_l2": unsafe,
            "local_safe_l2": safe,
        }

    def _first_queued(self) -> L2BlockRef:
        """The lowest unsafe block that waits for those before it; zero values when none does."""
        block = None if self._intake is None else self._intake.first_queued
        if block is not None:
            try:
                return l2_block_ref(block, self._rollup)
            except CriticalError:
                pass  # No block of this rollup: the intake will say so when its turn comes.
        return L2BlockRef(ZERO_HASH, 0, ZERO_HASH, 0, BlockId(ZERO_HASH, 0), 0)

    @rpc_method("outputAtBlock")
    def output_at_block(self, number: QuantityParam) -> dict[str, Any]:
        """The output root of an L2 block with what it is made of."""
        header = self._chain.header_by_number(number)
        if header is None:
            raise server_error(f"failed to get L2 block ref with sync status: block {number} not found")
        return {
            "version": to_hex(bytes(32)),
            "outputRoot": to_hex(output_root(header, self._chain)),
            "blockRef": self._ref(header).to_json(),
            "withdrawalStorageRoot": to_hex(header.withdrawals_root or bytes(32)),
            "stateRoot": to_hex(header.state_root),
            "syncStatus": self.sync_status(),
        }

    @rpc_method("safeHeadAtL1Block")
    def safe_head_at_l1_block(self, number: QuantityParam) -> dict[str, Any]:
        """The safe head as of an L1 block, which must be derived in full, and the L1 block it was derived from."""
        failed = f"failed to get safe head at l1 block {number:#x}: not found"
        current, genesis = self._driver.current_l1, self._rollup.genesis
        if number < genesis.l1.number:
            raise server_error(f"{failed}: the rollup starts at L1 block {genesis.l1.number}")
        # Where op-node answers with what it has so far, which is wrong as soon as the block is derived.
        if current is None or number > current.number:
            done = "nothing" if current is None else f"block {current.number}"
            raise server_error(f"{failed}: L1 block {number} is not derived yet (derived up to {done})")
        entry = self._safe_db.at(number)
        if entry is None:
            return {"l1Block": genesis.l1.to_json(), "safeHead": genesis.l2.to_json()}
        return {"l1Block": entry.l1.to_json(), "safeHead": entry.l2.to_json()}

    @rpc_method("rollupConfig")
    def rollup_config(self) -> dict[str, Any]:
        """The configuration as `rollup.json` spells it."""
        return self._rollup.to_json()

    @rpc_method("version")
    def version(self) -> str:
        """The node's version."""
        return client_version()


class RollupAdmin(Namespace):
    """`admin_`: the sequencer's switch, and a fresh start of derivation."""

    name = "admin"

    def __init__(self, driver: RollupDriver, sequencer: Sequencer | None) -> None:
        self._driver = driver
        self._sequencer = sequencer

    def _require(self) -> Sequencer:
        if self._sequencer is None:
            raise server_error("sequencer is not enabled on this node")
        return self._sequencer

    @rpc_method("startSequencer")
    def start_sequencer(self, head: HashParam) -> None:
        """Start making blocks on the unsafe head, which must be `head` (zeros: whatever it is)."""
        try:
            self._require().start(head)
        except ValueError as error:
            raise server_error(str(error)) from error

    @rpc_method("stopSequencer")
    async def stop_sequencer(self) -> str:
        """Stop making blocks; answers the last one's hash."""
        try:
            return to_hex(await self._require().stop())
        except ValueError as error:
            raise server_error(str(error)) from error

    @rpc_method("sequencerActive")
    def sequencer_active(self) -> bool:
        """Whether blocks are being made here."""
        return self._sequencer is not None and self._sequencer.active

    @rpc_method("recoverMode")
    def recover_mode(self) -> bool:
        """Whether the sequencer is in recovery mode."""
        return self._sequencer is not None and self._sequencer.recovering

    @rpc_method("setRecoverMode")
    def set_recover_mode(self, mode: BoolParam) -> None:
        """Turn recovery mode on (blocks without transactions that take new L1 origins as fast as they may) or off."""
        self._require().set_recover_mode(mode)

    @rpc_method("resetDerivationPipeline")
    async def reset_derivation_pipeline(self) -> None:
        """Check the heads against L1 and derive from the safe head anew."""
        if self._driver.status.halted_by is not None:
            raise server_error(f"derivation has stopped, restart the node: {self._driver.status.halted_by}")
        self._driver.request_reset("asked for over RPC")


class RollupDebug(Namespace):
    """What of `debug_` changes the chain: for the operator, whatever namespaces are public."""

    name = "debug"

    def __init__(self, chain: Chain, driver: RollupDriver, sequencer: Sequencer | None) -> None:
        self._chain = chain
        self._driver = driver
        self._sequencer = sequencer

    @rpc_method("setHead")
    async def set_head(self, number: QuantityParam) -> None:
        """Take back the blocks above this number, down to the finalized one. The sequencer must be stopped first
        (`admin_stopSequencer`). What L1 has of them is derived again at once. Spec: geth, "debug_setHead"."""
        if self._sequencer is not None and self._sequencer.active:
            raise server_error("the sequencer is running: stop it first (admin_stopSequencer)")
        header = self._chain.header_by_number(number)
        if header is None:
            raise server_error(f"there is no block {number}: the head is {self._chain.head}")
        try:
            await self._driver.unwind(header)
        except UnwindRefused as error:
            raise server_error(str(error)) from error
