"""Large preimages of others: a challenger finds the first wrong state and takes the bond, in time and only then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

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
        self.fork = b""
        self.asked_for_logs: list[int] = []

    async def block_at(self, number: int) -> L1Block:
        """An L1 block, another one on another fork."""
        return L1Block(number, Hash32(self.fork or self.oracle.chain.block_hash(number)), Timestamp(0))

    async def head(self) -> L1Block:
        """The newest block."""
        return await self.block_at(self.oracle.chain.number - 1)

    async def block_by_hash(self, block_hash: Hash32) -> L1Block:
        """The newest block, whatever its hash."""
        return await self.head()

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """One call."""
        answer = await super().call(method, params)
        if method == "eth_getLogs":
            (query,) = params
            assert query["address"] == to_hex(self.oracle.address)
            assert query["fromBlock"] == query["toBlock"]
            self.asked_for_logs.append(int(query["fromBlock"], 16))
            return answer[self.loses :]
        return answer

    def send(self, function: str, *arguments: Any, value: int = 0) -> None:
        """A transaction of the proposals' owner."""
        self.send_raw(self.oracle.artifact.encode_call(function, *arguments), value)

    def send_raw(self, data: bytes, value: int = 0) -> None:
        """The same with call data as it is."""
        number = self.oracle.chain.number
        result = self.oracle.chain.send(self.oracle.address, data, value, OWNER)
        self.logs.setdefault(number, []).extend(log.data for log in result.logs)


@pytest.fixture
def l1() -> Endpoint:
    return Endpoint(deploy_oracle())


def watch(l1: Endpoint, who: Address = HONEST) -> ProposalWatch:
    return ProposalWatch(PreimageOracleContract(l1, Address(l1.oracle.address)), l1, who, l1)


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


async def test_a_wrong_state_costs_the_bond_once_its_owner_can_change_nothing_any_more(l1: Endpoint) -> None:
    """A challenge shows two leaves of the tree as it is; an owner who adds a block in the meantime makes it fail."""
    leaves = lie_about(STREAMED, 0)
    propose(l1, leaves, transactions=1)
    watching = watch(l1)
    assert await dues(l1, watching) == []
    add(l1, leaves, 1, 2)
    assert await dues(l1, watching) == []
    add(l1, leaves, 2, 3)
    assert len(await dues(l1, watching)) == 1


async def test_a_right_proposal_an_own_one_and_one_that_nobody_can_challenge_any_more_are_left_alone(
    l1: Endpoint,
) -> None:
    propose(l1, lie_about(STREAMED, 2))
    assert await dues(l1, watch(l1, OWNER)) == []
    l1.oracle.chain.mine(CHALLENGE_PERIOD + 1)
    squeeze = STREAMED.squeeze(OWNER)
    other = Endpoint(deploy_oracle())
    propose(other, STREAMED.leaves)
    watching = watch(other)
    assert await dues(other, watching) == []
    other.oracle.chain.mine(CHALLENGE_PERIOD + 1)
    other.send(squeeze.function, *squeeze.arguments)
    other.asked_for_logs.clear()
    assert await dues(other, watching) == []
    assert await dues(other, watch(other)) == []
    assert other.asked_for_logs == []


async def test_a_wrong_proposal_is_challenged_late_as_long_as_nobody_has_made_it_readable(l1: Endpoint) -> None:
    propose(l1, lie_about(STREAMED, 2))
    l1.oracle.chain.mine(CHALLENGE_PERIOD + 1)
    (due,) = await dues(l1, watch(l1))
    assert due.seconds_left == 0
    l1.oracle.chain.send(l1.oracle.address, due.candidates[0].data, 0, HONEST)
    assert await dues(l1, watch(l1)) == []


async def test_logs_that_are_not_all_there_are_no_reason_to_trust_or_to_challenge(l1: Endpoint) -> None:
    propose(l1, lie_about(STREAMED, 2))
    watching = watch(l1)
    l1.loses = 1
    assert await dues(l1, watching) == []
    assert "not all" in str(watching.unreadable)
    l1.loses = 0
    assert len(await dues(l1, watching)) == 1
    assert watching.unreadable is None


async def test_what_l1_refuses_is_tried_again_after_a_while(l1: Endpoint) -> None:
    propose(l1, lie_about(STREAMED, 2))
    watching = watch(l1)
    (due,) = await dues(l1, watching)
    due.agent.refused(due)
    l1.oracle.chain.mine()
    assert await dues(l1, watching) == []
    l1.oracle.chain.mine(24)
    assert len(await dues(l1, watching)) == 1


# --- hostile owners -----------------------------------------------------------------------------------------------------


def strange_encodings() -> dict[str, Callable[[bytearray], None]]:
    """Call data that the contract takes like the plain ones, by what is done to these."""

    def fill_padding(call: bytearray) -> None:
        at = 4 + int.from_bytes(call[4 + 64 : 4 + 96], "big")
        length = int.from_bytes(call[at : at + 32], "big")
        assert length % 32
        call[at + 32 + length] = 0xFF

    def append_rubbish(call: bytearray) -> None:
        call += b"\xff" * 45

    def move_data_to_the_end(call: bytearray) -> None:
        at = 4 + int.from_bytes(call[4 + 64 : 4 + 96], "big")
        length = int.from_bytes(call[at : at + 32], "big")
        call += b"\xff" * 3
        call[4 + 64 : 4 + 96] = (len(call) - 4).to_bytes(32, "big")
        call += call[at : at + 32 + length]

    return {"padding": fill_padding, "rubbish behind": append_rubbish, "odd places": move_data_to_the_end}


@pytest.mark.parametrize("kind", strange_encodings())
async def test_call_data_that_only_the_contract_can_read_hides_nothing(l1: Endpoint, kind: str) -> None:
    leaves = lie_about(STREAMED, 1)
    l1.send("initLPP", STREAMED.uuid, STREAMED.offset, len(FIVE_BLOCKS), value=MIN_BOND)
    for chunk in STREAMED.chunks():
        count = len(chunk.data) // 136 + chunk.is_last
        commitments = [leaf.state_commitment for leaf in leaves[chunk.start_block : chunk.start_block + count]]
        arguments = (STREAMED.uuid, chunk.start_block, chunk.data, commitments, chunk.is_last)
        call = bytearray(l1.oracle.artifact.encode_call("addLeavesLPP", *arguments))
        strange_encodings()[kind](call)
        l1.send_raw(bytes(call))
    (due,) = await dues(l1, watch(l1))
    before = l1.oracle.chain.balance(l1.oracle.address)
    l1.oracle.chain.send(l1.oracle.address, due.candidates[0].data, 0, HONEST)
    assert l1.oracle.chain.balance(l1.oracle.address) == before - MIN_BOND


async def test_one_unreadable_proposal_hides_no_other(l1: Endpoint) -> None:
    unreadable = StreamedPreimage(FIVE_BLOCKS, 9, blocks_per_transaction=2)
    l1.send("initLPP", unreadable.uuid, unreadable.offset, len(FIVE_BLOCKS), value=MIN_BOND)
    chunk = next(unreadable.chunks())
    commitments = [leaf.state_commitment for leaf in unreadable.leaves[:2]]
    l1.send("addLeavesLPP", unreadable.uuid, 0, chunk.data, commitments, False)
    l1.logs.popitem()
    propose(l1, lie_about(STREAMED, 2))
    watching = watch(l1)
    assert len(await dues(l1, watching)) == 1
    assert watching.unreadable is not None


async def test_each_addition_is_read_once_however_many_there_are(l1: Endpoint) -> None:
    leaves = lie_about(STREAMED, 4)
    propose(l1, leaves, transactions=1)
    l1.oracle.chain.auto_mine = False
    for _ in range(120):
        # Nothing is added, several times in one block.
        l1.send("addLeavesLPP", STREAMED.uuid, 2, b"", [], False)
    l1.oracle.chain.auto_mine = True
    for _ in range(120):
        l1.send("addLeavesLPP", STREAMED.uuid, 2, b"", [], False)
    add(l1, leaves, 1, 3)
    watching = watch(l1)
    found = await dues(l1, watching)
    rounds = 1
    while watching.is_behind:
        assert found == []
        found = await dues(l1, watching)
        rounds += 1
    assert len(found) == 1
    assert rounds > 2
    assert len(l1.asked_for_logs) == len(set(l1.asked_for_logs)) == 123
    assert len(await dues(l1, watching)) == 1
    assert len(l1.asked_for_logs) == 123


async def test_an_l1_reorg_brings_other_proposals_in_the_place_of_those_that_were_there(l1: Endpoint) -> None:
    propose(l1, STREAMED.leaves)
    watching = watch(l1)
    assert await dues(l1, watching) == []
    forked = Endpoint(deploy_oracle())
    propose(forked, lie_about(STREAMED, 1))
    l1.oracle, l1.logs, l1.fork = forked.oracle, forked.logs, b"\x01" * 32
    l1.use(cast(Any, forked.oracle))
    assert len(await dues(l1, watching)) == 1


@pytest.mark.parametrize("games", [0, 1])
async def test_the_challenger_watches_the_oracle_of_its_games_before_the_first_one_too(games: int) -> None:
    world = World()
    for _ in range(games):
        world.propose(bytes(32))
    honest, sender = world.honest()
    await honest.tick()
    oracle = world.chain.at("PreimageOracle", world.system.addresses.PreimageOracle)
    endpoint = Endpoint(oracle)
    preimage = bytes(range(256)) * 500
    streamed = StreamedPreimage(preimage, 8)
    leaves = lie_about(streamed, 1)
    endpoint.send("initLPP", streamed.uuid, 8, len(preimage), value=MIN_BOND)
    for chunk in streamed.chunks():
        count = len(chunk.data) // 136 + chunk.is_last
        commitments = [leaf.state_commitment for leaf in leaves[chunk.start_block : chunk.start_block + count]]
        endpoint.send("addLeavesLPP", streamed.uuid, chunk.start_block, chunk.data, commitments, chunk.is_last)
    world.rpc.logs = endpoint.logs
    sent = len(sender.sent)
    await honest.tick()
    assert [candidate.to for candidate in sender.sent[sent:]] == [world.system.addresses.PreimageOracle]
    assert sender.reverted == []
    assert honest.status().counters.preimages_challenged == 1
