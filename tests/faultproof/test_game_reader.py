"""Reading a game again: only what may have changed is asked for, and a reorg makes it forget everything."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from config.types import Address, Hash32, Timestamp
from evm.types import keccak256
from faultproof.challenger.game_state import GameReader
from faultproof.challenger.ports import L1Block
from l1.dispute_contracts import PlayedGameContract
from tests.faultproof.challenger_world import LAST_BLOCK, LIAR, World, WorldRpc, false_root


class CountingRpc(WorldRpc):
    """Counts calls of the contract by function."""

    def __init__(self, world: World) -> None:
        super().__init__(world.system)
        self.artifact = world.chain.at("FaultDisputeGame", world.system.addresses.FaultDisputeGame).artifact
        self.asked: list[bytes] = []

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """One call."""
        self.asked.append(bytes.fromhex(params[0]["data"][2:10]))
        return await super().call(method, params)

    def count(self, function: str) -> int:
        """How often a function was called since the last count."""
        count = self.asked.count(self.artifact.selector(function))
        self.asked = [each for each in self.asked if each != self.artifact.selector(function)]
        return count


class Head:
    """L1 whose blocks can be replaced."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.replaced: set[int] = set()

    async def head(self) -> L1Block:
        """The newest block."""
        return self._seen(await self._world.head())

    async def block_at(self, number: int) -> L1Block:
        """A block."""
        return self._seen(await self._world.block_at(number))

    async def block_by_hash(self, block_hash: Hash32) -> L1Block:
        """Not asked for."""
        raise AssertionError(block_hash)

    def _seen(self, block: L1Block) -> L1Block:
        return replace(block, hash=keccak256(block.hash)) if block.number in self.replaced else block


async def test_what_is_known_of_a_game_is_not_asked_again_unless_l1_took_it_back() -> None:
    world = World()
    game = world.propose(false_root(LAST_BLOCK), sender=LIAR)
    rpc, l1 = CountingRpc(world), Head(world)
    contract = PlayedGameContract(rpc, Address(game.address))
    reader = GameReader(contract, await contract.constants(), l1)
    honest, _ = world.honest()
    liar, _ = world.liar(5, 2)
    await world.play([honest, liar])
    claims = game.call("claimDataLen")

    whole = await reader.read(await l1.head())
    assert len(whole.tree) == rpc.count("claimData") == claims
    assert rpc.count("resolvedSubgames") == 0
    world.chain.mine()
    again = await reader.read(await l1.head())
    assert again.tree.claims == whole.tree.claims
    # Only a step can change a claim: the deepest one, as long as none has countered it.
    deepest = [claim for claim in whole.tree if claim.depth == whole.tree.max_depth and not claim.is_countered]
    assert rpc.count("claimData") == len(deepest)

    world.pass_clocks()
    await honest.tick()
    settled = await reader.read(await l1.head())
    assert all(settled.progress.resolved)
    assert rpc.count("resolvedSubgames") == claims
    world.chain.mine()
    await reader.read(await l1.head())
    assert rpc.count("resolvedSubgames") == 0

    rpc.count("claimData")
    l1.replaced.add((await l1.head()).number)
    world.chain.mine()
    fresh = await reader.read(replace(await l1.head(), timestamp=Timestamp(world.chain.timestamp)))
    assert rpc.count("claimData") == claims
    assert fresh.progress == settled.progress
