"""What a challenger sends before a step: preimages in one transaction, and large ones from proposal to squeeze."""

from __future__ import annotations

from typing import Any, cast

import pytest

from config.errors import CriticalError
from config.types import Address, Hash32, Timestamp
from evm.precompiles.limits import BLS12_G1_MSM
from evm.types import keccak256
from faultproof.challenger.preimages import Preparation, prepare
from faultproof.game import Claim, Position, PrecompileCall, PreimageNeed, Step, StepWitness
from faultproof.host.precompiles import precompile_preimage
from faultproof.precompile_calls import ACCELERATED
from faultproof.preimage import KeyType, keccak256_key, local_key
from faultproof.preimage.streaming import StreamedPreimage, challenge
from l1.candidate import TxCandidate
from l1.dispute_contracts import PlayedGameContract, PreimageOracleContract
from tests.contracts.harness import Contract, account
from tests.contracts.test_large_preimages import lie_about, propose_leaves
from tests.contracts.test_preimage_oracle import CHALLENGE_PERIOD, deploy_oracle, send, served
from tests.proposer.world import HarnessRpc

OWNER = Address(account("owner of a proposal"))
GAME = Address(account("game"))
LARGE = bytes(range(250)) * 4
OFFSET = 40


def need(preimage: bytes, offset: int) -> PreimageNeed:
    return PreimageNeed(keccak256_key(keccak256(preimage)), offset, preimage)


async def missing(oracle: Contract, *needs: PreimageNeed) -> Preparation:
    """What a challenger would send now for a step that reads these."""
    rpc = HarnessRpc(cast(Any, oracle))
    step = Step(Claim(9, 8, Position(256), Hash32(bytes(32))), True, StepWitness(b"", b"", needs))
    contract = PreimageOracleContract(rpc, Address(oracle.address))
    now = Timestamp(oracle.chain.timestamp)
    return await prepare(step, PlayedGameContract(rpc, GAME), contract, OWNER, now)


def run(oracle: Contract, candidates: tuple[TxCandidate, ...]) -> None:
    for candidate in candidates:
        assert candidate.to == oracle.address
        oracle.chain.send(oracle.address, candidate.data, candidate.value, OWNER)


async def test_small_preimages_are_loaded_once() -> None:
    oracle = deploy_oracle()
    small = need(b"small", 8)
    preparation = await missing(oracle, small)
    assert preparation.waits_for is None
    run(oracle, preparation.candidates)
    assert served(oracle, small.key, b"small", 8)
    assert await missing(oracle, small) == Preparation(())


async def test_local_data_come_through_the_game() -> None:
    preparation = await missing(deploy_oracle(), PreimageNeed(local_key(2), 8, bytes(32)))
    assert [candidate.to for candidate in preparation.candidates] == [GAME]


async def test_a_large_preimage_is_proposed_waited_for_and_squeezed() -> None:
    oracle = deploy_oracle()
    large, small = need(LARGE, OFFSET), need(b"small", 8)
    first = await missing(oracle, large, small)
    assert first.waits_for is not None and "open to challenges" in first.waits_for
    run(oracle, first.candidates)
    second = await missing(oracle, large, small)
    assert second.candidates == ()
    assert second.waits_for is not None and "the end of the challenge period" in second.waits_for
    oracle.chain.mine(CHALLENGE_PERIOD)
    third = await missing(oracle, large, small)
    assert third.waits_for is None
    run(oracle, third.candidates)
    assert served(oracle, large.key, LARGE, OFFSET)
    assert await missing(oracle, large, small) == Preparation(())


async def test_a_proposal_that_was_begun_before_a_restart_is_taken_up() -> None:
    oracle = deploy_oracle()
    start, *rest = (await missing(oracle, need(LARGE, OFFSET))).candidates
    run(oracle, (start,))
    again = await missing(oracle, need(LARGE, OFFSET))
    assert again.candidates == tuple(rest)
    assert again.waits_for is not None


async def test_an_own_proposal_that_was_countered_is_a_case_for_people() -> None:
    oracle = deploy_oracle()
    streamed = StreamedPreimage(LARGE, OFFSET)
    leaves = lie_about(streamed, 2)
    propose_leaves(oracle, streamed, leaves)
    send(oracle, challenge(OWNER, streamed.uuid, leaves, 2), Address(account("challenger")))
    with pytest.raises(CriticalError, match="was countered"):
        await missing(oracle, need(LARGE, OFFSET))


async def test_a_preimage_without_its_origin_is_an_error_that_says_what_to_do() -> None:
    key = Hash32(bytes([KeyType.BLOB]) + bytes(31))
    with pytest.raises(CriticalError, match="delete the directory of preimages"):
        await missing(deploy_oracle(), PreimageNeed(key, 8, bytes(32)))


async def test_a_precompiles_input_that_no_transaction_holds_is_brought_in_pieces_each_once() -> None:
    oracle = deploy_oracle()
    precompile = ACCELERATED[BLS12_G1_MSM]
    size = precompile.longest(140_000)
    data, gas = bytes(size), precompile.gas_of(size)
    call = PrecompileCall(BLS12_G1_MSM, gas, data[:-1] + b"\x01")
    key, result = precompile_preimage(call.address, gas, call.data)
    large = PreimageNeed(key, 8, result, call)
    first = await missing(oracle, large)
    # Five pieces are the same, so there are two and the call.
    assert first.waits_for is None and len(first.candidates) == 3
    run(oracle, first.candidates[:1])
    second = await missing(oracle, large)
    assert second.candidates == first.candidates[1:]
    run(oracle, second.candidates)
    assert served(oracle, key, result, 8)
    assert await missing(oracle, large) == Preparation(())
