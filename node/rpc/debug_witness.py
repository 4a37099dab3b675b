"""`debug_executionWitness` and `debug_executePayload`: all that executing a block without its state takes."""

from collections.abc import Callable
from typing import Any

from config.errors import CriticalError
from evm.engine import InvalidPayload
from evm.engine.witness import ExecutionWitness, block_witness, payload_witness
from evm.types import Hash32, PayloadAttributes
from node.chain import Chain, StatePruned
from node.rpc.blocks import BlockFinder
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import invalid_params, server_error
from node.rpc.params import BlockParam, HashParam, ObjectParam
from node.rpc.workers import CallWorkers, OutOfTime

Budget = Callable[[], None]


class DebugWitness(Namespace):
    """Executes again while noting what is read, in the threads that run calls. Works where the parent's state is."""

    name = "debug"

    def __init__(self, chain: Chain, blocks: BlockFinder, workers: CallWorkers) -> None:
        self._chain = chain
        self._blocks = blocks
        self._workers = workers

    @rpc_method("executionWitness")
    async def execution_witness(self, block: BlockParam) -> dict[str, Any]:
        """Trie nodes, codes, read keys and ancestors' headers with which the block can be executed."""
        found = self._blocks.block(block)
        if found is None:
            raise server_error("block not found")
        if found.number == 0:
            raise server_error("genesis has no witness: it is not executed")
        self._require_state(found.header.parent_hash)
        chain = self._chain
        return await self._run(lambda budget: block_witness(chain.rules, chain.state, chain, found, budget))

    @rpc_method("executePayload")
    async def execute_payload(self, parent_hash: HashParam, attributes: ObjectParam) -> dict[str, Any]:
        """The same for the block that payload attributes make on a parent; the block is not kept."""
        try:
            parsed = PayloadAttributes.from_json(attributes)
        except ValueError as error:
            raise invalid_params(f"invalid argument 1: {error}") from error
        self._require_state(parent_hash)
        chain = self._chain
        return await self._run(
            lambda budget: payload_witness(chain.rules, chain.state, chain, parent_hash, parsed, budget)
        )

    def _require_state(self, parent_hash: Hash32) -> None:
        parent = self._chain.header_by_hash(parent_hash)
        if parent is None:
            raise server_error("parent block not found")
        try:
            self._chain.require_state(parent)
        except StatePruned as error:
            raise server_error(f"required historical state unavailable: {error}") from error

    async def _run(self, work: Callable[[Budget], ExecutionWitness]) -> dict[str, Any]:
        try:
            seconds = self._workers.limits.trace_timeout
            return await self._workers.run_long(lambda: work(self._workers.budget(seconds)).to_json())
        except OutOfTime as error:
            raise server_error("execution timeout") from error
        except (CriticalError, InvalidPayload) as error:
            raise server_error(str(error)) from error
