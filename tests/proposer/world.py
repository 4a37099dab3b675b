"""A world for the proposing loop: the real L1 contracts in an EVM, an L2 node whose records the test writes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from config.errors import TemporaryError
from config.rollup import BlockId
from config.types import Address, Gas, Hash32, L2BlockNumber, Timestamp, Wei, from_hex, to_hex
from evm.types import Log, keccak256
from l1.candidate import TransactionReceipt, TxCandidate
from l1.rpc import EXECUTION_REVERTED, RpcError
from proposer.driver import OutputProposer
from proposer.output_root import Output, output_root_v0
from proposer.ports import L1Block, SafeHead, SyncHeads
from proposer.settings import ProposerSettings
from tests.contracts.harness import L1System, Result, Reverted, account, deploy_l1

PROPOSER = Address(account("proposer"))
GAS_PRICE = 10**9


def l2_id(number: int) -> BlockId:
    """L2 block `number`."""
    return BlockId(keccak256(f"l2 {number}".encode()), number)


def output_of(number: int) -> Output:
    """The right output of L2 block `number`."""
    block = l2_id(number)
    state, passer = keccak256(b"state" + block.hash), keccak256(b"passer" + block.hash)
    return Output(block, output_root_v0(state, passer, block.hash), state, passer)


class HarnessRpc:
    """`eth_call` into the test chain."""

    endpoint = "test chain"

    def __init__(self, system: L1System) -> None:
        self.use(system)

    def use(self, system: L1System) -> None:
        """Answer from this chain from now on."""
        self._chain = system.chain

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """One call. No account has anything in the pool."""
        if method == "eth_getTransactionCount":
            return hex(7)
        assert method == "eth_call"
        message = params[0]
        try:
            return to_hex(self._chain.call(from_hex(message["to"]), from_hex(message["data"]), PROPOSER))
        except Reverted as error:
            raise RpcError(EXECUTION_REVERTED, "execution reverted", to_hex(error.data)) from error

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Several calls."""
        results: list[Any] = []
        for method, params in calls:
            try:
                results.append(await self.call(method, params))
            except RpcError as error:
                results.append(error)
        return results


@dataclass
class World:
    """`safe_heads` maps L1 block numbers to the safe head as of then. Transactions land in the block after the head."""

    system: L1System = field(default_factory=deploy_l1)

    def __post_init__(self) -> None:
        self.chain = self.system.chain
        self.factory = self.system.factory
        self.safe_heads: dict[int, int] = {}
        self.finalized = 0
        self.derived_l1: int | None = None
        self.sent: list[TxCandidate] = []
        self.left = 0
        self.send_error: Exception | None = None
        self.forked_records = False
        self.bad_output = False
        self.rpc = HarnessRpc(self.system)

    # --- the ports ---

    async def head(self) -> L1Block:
        """L1's head: the harness is inside block `number`, so that is the one about to be made."""
        return await self.block_at(self.chain.number - 1, self.chain.timestamp)

    async def block_at(self, number: int, timestamp: int = 0) -> L1Block:
        """An L1 block."""
        return L1Block(number, Hash32(self.chain.block_hash(number)), Timestamp(timestamp))

    async def heads(self) -> SyncHeads:
        """The node's heads."""
        current = self.chain.number - 1 if self.derived_l1 is None else self.derived_l1
        current_l1 = BlockId(Hash32(self.chain.block_hash(current)), current)
        return SyncHeads(current_l1, l2_id(max(self.safe_heads.values(), default=0)), l2_id(self.finalized))

    async def output_at(self, number: int) -> Output:
        """The node's answer, wrong on demand."""
        output = output_of(number)
        return replace(output, root=keccak256(b"wrong")) if self.bad_output else output

    async def safe_head_at(self, l1_number: int) -> SafeHead:
        """The newest record at or before an L1 block."""
        known = [number for number in self.safe_heads if number <= l1_number]
        if not known:
            raise TemporaryError("no safe head records")
        block = BlockId(Hash32(self.chain.block_hash(max(known))), max(known))
        if self.forked_records:
            block = BlockId(keccak256(b"fork"), block.number)
        return SafeHead(block, l2_id(self.safe_heads[max(known)]))

    async def left_behind(self) -> int:
        """As many as the test says."""
        return self.left

    async def send(self, candidate: TxCandidate) -> TransactionReceipt:
        """Run the transaction in the next block."""
        if self.send_error is not None:
            raise self.send_error
        self.sent.append(candidate)
        assert candidate.to is not None
        number = self.chain.number
        result: Result | None
        try:
            result = self.chain.send(candidate.to, candidate.data, candidate.value, PROPOSER)
        except Reverted:
            result = None
        logs = tuple(
            Log(Address(log.address), tuple(Hash32(topic) for topic in log.topics), log.data)
            for log in (result.logs if result else ())
        )
        return TransactionReceipt(
            transaction_hash=keccak256(len(self.sent).to_bytes(8, "big")),
            block=BlockId(Hash32(self.chain.block_hash(number)), number),
            succeeded=result is not None,
            gas_used=Gas(result.gas_used if result else 100_000),
            effective_gas_price=Wei(GAS_PRICE),
            blob_gas_used=Gas(0),
            blob_gas_price=Wei(0),
            contract_address=None,
            logs=logs,
            json={},
        )

    # --- what tests do ---

    def settings(self, **changes: Any) -> ProposerSettings:
        """Proposes safe blocks, an interval of 100 s, unless changed."""
        values: dict[str, Any] = {
            "game_factory": self.system.addresses.DisputeGameFactoryProxy,
            "game_type": self.system.params.game_type,
            "proposal_interval": 100,
            "allow_non_finalized": True,
            "poll_seconds": 0.001,
        }
        return ProposerSettings(**{**values, **changes})

    def proposer(self, **changes: Any) -> OutputProposer:
        """A proposer in this world."""
        return OutputProposer(self, self, self.rpc, self, PROPOSER, self.settings(**changes))

    def derive(self, number: int) -> None:
        """The node finds L2 block `number` safe as of the L1 head."""
        self.safe_heads[self.chain.number - 1] = number

    def mine(self, count: int = 1, seconds: int = 12) -> None:
        """New L1 blocks."""
        for _ in range(count):
            self.chain.mine(seconds)

    def replace_l1(self) -> None:
        """An L1 reorg down to the deployment: the same contracts, no games."""
        self.system = deploy_l1()
        self.chain, self.factory = self.system.chain, self.system.factory
        self.rpc.use(self.system)
        self.mine(6)

    @property
    def bond(self) -> int:
        """Bond of a game (wei)."""
        return int(self.factory.call("initBonds", self.system.params.game_type))

    def game_numbers(self) -> list[int]:
        """L2 block numbers of all games, in order of creation."""
        return [int(self.game(index).call("l2BlockNumber")) for index in range(self.factory.call("gameCount"))]

    def game(self, index: int) -> Any:
        """A game by its place in the factory's list."""
        return self.chain.at("FaultDisputeGame", self.factory.call("gameAtIndex", index)[2])

    def other_proposes(self, number: int, root: Hash32 | None = None) -> None:
        """Somebody else creates a game."""
        block = L2BlockNumber(number)
        self.system.create_game(root or output_of(block).root, block, sender=account("other"))
