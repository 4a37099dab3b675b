"""Large preimages of others: a challenger finds the first wrong state and takes the bond, in time and only then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from config.errors import TemporaryError
from config.types import Address, Hash32, Timestamp, to_hex
from faultproof.challenger.due import Due
from faultproof.challenger.ports import L1Block
from faultproof.challenger.proposals import ProposalWatch
from faultproof.preimage.leaf_tree import Leaf
from faultproof.preimage.streaming import MIN_BOND, StreamedPreimage
from l1.dispute_contracts import PreimageOracleContract
from tests.contracts.harness import Contract, account
from tests.contracts.test_large_preimages import FIVE_BLOCKS, OWNER, lie_about
from tests.contracts.test_preimage_oracle import CHALLENGE_PERIOD, deploy_oracle
from tests.faultproof.challenger_world import World, WorldRpc

HONEST = Address(account("honest"))
STREAMED = StreamedPreimage(FIVE_BLOCKS, 8, blocks_per_transaction=2)


class Endpoint(WorldRpc):
    """L1 with the logs of the oracle. `loses`: how many of a block's it does not give."""

    def __init__(self, oracle: Contract) -> None:
        super().__init__(cast(Any, oracle))
        self.oracle = oracle
        self.loses = 0

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """One call."""
        answer = await super().call(method, params)
        if method == "eth_getLogs":
            (query,) = params
            assert query["address"] == to_hex(self.oracle.address)
            assert query["fromBlock"] == query["toBlock"]
            return answer[self.loses :]
        return answer

    def send(self, function: str, *arguments: Any, value: int = 0) -> None:
        """A transaction of the proposals' owner."""
        number = self.oracle.chain.number
        result = self.oracle.send(function, *arguments, sender=OWNER, value=value)
        self.logs.setdefault(number, []).extend(log.data for log in result.logs)


@pytest.fixture
def l1() -> Endpoint:
    return Endpoint(deploy_oracle())


def watch(l1: Endpoint, who: Address = HONEST) -> ProposalWatch:
    return ProposalWatch(PreimageOracleContract(l1, Address(l1.oracle.address)), l1, who)


async def dues(l1: Endpoint, watching: ProposalWatch) -> list[Due]:
    chain = l1.oracle.chain
    block = L1Block(chain.number - 1, Hash32(chain.block_hash(chain.number - 1)), Timestamp(chain.timestamp))
    return await watching.due(block)


def propose(l1: Endpoint, leaves: Sequence[Leaf], transactions: int = 3) -> None:
    """A proposal with these leaves' commitments, as far as so many transactions bring it."""
    l1.send("initLPP", STREAMED.uuid, STREAMED.offset, len(FIVE_BLOCKS), value=MIN_BOND)
    add(l1, leaves, 0, transactions)


def add(l1: Endpoint, leaves: Sequence[Leaf], first: int, last: int) -> None:
    for chunk in list(STREAMED.chunks())[first:last]:
        count = len(chunk.data) // 136 + chunk.is_last
        commitments = [leaf.state_commitment for leaf in leaves[chunk.start_block : chunk.start_block + count]]
        l1.send("addLeavesLPP", STREAMED.uuid, chunk.start_block, chunk.data, commitments, chunk.is_last)


@pytest.mark.parametrize("wrong", range(5))
async def test_the_first_wrong_state_costs_its_proposer_the_bond(l1: Endpoint, wrong: int) -> None:
    propose(l1, lie_about(STREAMED, wrong))
    watching = watch(l1)
    (due,) = await dues(l1, watching)
    assert 0 < due.seconds_left <= CHALLENGE_PERIOD
    (candidate,) = due.candidates
    # The test chain gives an account its ether with its first transaction.
    l1.oracle.chain.send(HONEST, b"", 0, HONEST)
    before = l1.oracle.chain.balance(HONEST)
    l1.oracle.chain.send(l1.oracle.address, candidate.data, candidate.value, HONEST)
    assert l1.oracle.chain.balance(HONEST) == before + MIN_BOND
    assert await dues(l1, watching) == []


async def test_a_wrong_state_is_found_before_the_rest_follows_and_after_right_ones(l1: Endpoint) -> None:
    leaves = lie_about(STREAMED, 3)
    propose(l1, leaves, transactions=1)
    watching = watch(l1)
    assert await dues(l1, watching) == []
    add(l1, leaves, 1, 2)
    assert len(await dues(l1, watching)) == 1


async def test_a_right_proposal_an_own_one_and_one_that_nobody_can_challenge_any_more_are_left_alone(
    l1: Endpoint,
) -> None:
    propose(l1, lie_about(STREAMED, 2))
    assert await dues(l1, watch(l1, OWNER)) == []
    l1.oracle.chain.mine(CHALLENGE_PERIOD + 1)
    assert await dues(l1, watch(l1)) == []
    other = Endpoint(deploy_oracle())
    propose(other, STREAMED.leaves)
    assert await dues(other, watch(other)) == []


async def test_logs_that_are_not_all_there_are_no_reason_to_trust_or_to_challenge(l1: Endpoint) -> None:
    propose(l1, lie_about(STREAMED, 2))
    watching = watch(l1)
    l1.loses = 1
    with pytest.raises(TemporaryError, match="not all"):
        await dues(l1, watching)
    l1.loses = 0
    assert len(await dues(l1, watching)) == 1


async def test_what_l1_refuses_is_not_tried_again(l1: Endpoint) -> None:
    propose(l1, lie_about(STREAMED, 2))
    watching = watch(l1)
    (due,) = await dues(l1, watching)
    due.agent.refused(due)
    assert await dues(l1, watching) == []
    assert await dues(l1, watching) == []


async def test_the_challenger_watches_the_oracle_of_its_games() -> None:
    world = World()
    world.propose(bytes(32))
    honest, sender = world.honest()
    await honest.tick()
    oracle = world.chain.at("PreimageOracle", world.system.addresses.PreimageOracle)
    endpoint = Endpoint(oracle)
    preimage = bytes(range(256)) * 500
    streamed = StreamedPreimage(preimage, 8)
    leaves = lie_about(streamed, 1)
    endpoint.send("initLPP", streamed.uuid, 8, len(preimage), value=MIN_BOND)
    chunk = next(streamed.chunks())
    commitments = [leaf.state_commitment for leaf in leaves[: len(chunk.data) // 136]]
    endpoint.send("addLeavesLPP", streamed.uuid, 0, chunk.data, commitments, False)
    world.rpc.logs = endpoint.logs
    sent = len(sender.sent)
    await honest.tick()
    assert [candidate.to for candidate in sender.sent[sent:]] == [world.system.addresses.PreimageOracle]
    assert sender.reverted == []
    assert honest.status().counters.preimages_challenged == 1
