"""What has to be in the preimage oracle before a step: each preimage becomes transactions that load the part it reads."""

import asyncio
from dataclasses import dataclass

from config.errors import CriticalError
from config.types import Address, Gas, Timestamp
from evm.types import keccak256
from faultproof.game import PreimageNeed, Step
from faultproof.preimage.loading import CannotLoad, keep_piece, load_preimage
from faultproof.preimage.oracle_call import OracleCall
from faultproof.preimage.streaming import StreamedPreimage
from l1.candidate import TxCandidate
from l1.dispute_contracts import PlayedGameContract, PreimageOracleContract


@dataclass(frozen=True)
class Preparation:
    """Transactions without which the contract cannot execute a step, in their order; and what has to pass after them, where
    they are not enough."""

    candidates: tuple[TxCandidate, ...]
    waits_for: str | None = None


async def prepare(
    step: Step, game: PlayedGameContract, oracle: PreimageOracleContract, account: Address, now: Timestamp
) -> Preparation:
    """What is missing before a step. `account` owns proposals of large preimages, `now` is the time of L1's head.

    Raises CriticalError for a preimage that cannot be brought to the oracle, TemporaryError.
    """
    candidates: list[TxCandidate] = []
    waits_for = None
    for need in step.witness.preimages:
        if need.is_local:
            # Costs little and does no harm when it is there, so nobody has to compute the key under which it is kept.
            candidates.append(game.add_local_data(need.local_ident, step.claim.index, need.offset))
        elif not await oracle.has_part(need.key, need.offset):
            preparation = await _loading(need, oracle, account, now)
            candidates += preparation.candidates
            waits_for = preparation.waits_for or waits_for
    return Preparation(tuple(candidates), waits_for)


async def _loading(need: PreimageNeed, oracle: PreimageOracleContract, account: Address, now: Timestamp) -> Preparation:
    smallest = int(await oracle.read_one("minProposalSize"))
    try:
        loading = load_preimage(need.key, need.value, need.offset, need.evidence, min_streamed_size=smallest)
    except CannotLoad as error:
        raise CriticalError(
            f"{error}; where a preimage's origin is missing, delete the directory of preimages and start again, so that the "
            "run is made from its sources"
        ) from error
    if loading.streamed is not None:
        return await _streaming(loading.streamed, oracle, account, now)
    if loading.pieces and loading.call is not None:
        kept = await oracle.kept_pieces([keccak256(piece) for piece in loading.pieces])
        missing = {piece: keep_piece(piece) for piece, is_kept in zip(loading.pieces, kept, strict=True) if not is_kept}
        return Preparation(_candidates((*missing.values(), loading.call), oracle))
    return Preparation(_candidates(loading.calls, oracle))


async def _streaming(
    streamed: StreamedPreimage,
    oracle: PreimageOracleContract,
    account: Address,
    now: Timestamp,
) -> Preparation:
    """The next part of the way of a proposal, by what the chain knows of it."""
    proposal = await oracle.proposal(account, streamed.uuid)
    if proposal.countered:
        raise CriticalError("the own proposal of a large preimage was countered: the run has wrong states of keccak256")
    size = len(streamed.preimage)
    if not proposal.claimed_size:
        calls = await asyncio.to_thread(lambda: tuple(streamed.calls()))
        return Preparation(_candidates(calls, oracle), f"a preimage of {size} bytes to be on L1 and open to challenges")
    if not proposal.completed_at:
        missing = await asyncio.to_thread(lambda: tuple(streamed.calls_after(proposal.blocks_processed)))
        return Preparation(_candidates(missing, oracle), f"the rest of a preimage of {size} bytes to be on L1")
    period = int(await oracle.read_one("challengePeriod"))
    if now <= proposal.completed_at + period:
        left = proposal.completed_at + period + 1 - now
        return Preparation((), f"the end of the challenge period of a preimage of {size} bytes, in {left} s")
    squeeze = await asyncio.to_thread(streamed.squeeze, account)
    return Preparation(_candidates((squeeze,), oracle))


def _candidates(calls: tuple[OracleCall, ...], oracle: PreimageOracleContract) -> tuple[TxCandidate, ...]:
    candidates = (oracle.candidate(call.function, *call.arguments, value=call.value) for call in calls)
    return tuple(
        TxCandidate(
            candidate.to, candidate.data, candidate.value, None if call.gas_limit is None else Gas(call.gas_limit)
        )
        for candidate, call in zip(candidates, calls, strict=True)
    )
