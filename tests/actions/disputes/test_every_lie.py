"""`LAMINA_ADVERSARY=1`: every lie about the chain loses at the depths of public chains, on both kinds of L1."""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_abi.abi import encode

from config.errors import CriticalError
from config.types import Hash32, to_address, to_hex
from evm.types import Transaction, decode_transaction, keccak256
from faultproof.challenger.ports import Output
from l1.contract import ContractCallFailed
from l1.contracts import GameStatus, PortalContract
from l1.withdrawal import WithdrawalTransaction, withdrawals_in
from node.bridge.l2_view import L2View
from node.devnet.anvil import find_anvil
from node.devnet.deploy import MOCK_PROOF_CONFIGURATION, MOCK_PROOF_PROGRAM
from tests.actions.disputes.casting import (
    HONEST_PROPOSER,
    all_of,
    check_end,
    lie_from,
    malicious_challenger,
    malicious_proposer,
    weak_accomplice,
)
from tests.actions.disputes.false_chain import (
    FalseChain,
    Forgery,
    dropped_deposit,
    invented_batch,
    wrong_blob,
    wrong_execution,
)
from tests.actions.disputes.patience import patient_challenger, patient_proposer, play_to_the_last_second
from tests.actions.disputes.prologue import PlannedBlob, write_program
from tests.actions.disputes.stage import DELAYS, PROGRAM, Game, Stage, rollup_of, stage, withdrawal_call
from tests.actions.disputes.step_kinds import StepKind
from tests.actions.disputes.steps_made import check_steps
from tests.e2e.traffic import Sender

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not os.environ.get("LAMINA_ADVERSARY"), reason="takes long: LAMINA_ADVERSARY=1 plays it"),
    pytest.mark.skipif(not PROGRAM.exists(), reason="the fault-proof program is not built: python core/build.py fpvm"),
]

ONLY_WITH_BLOBS = (StepKind.READ_SHA256, StepKind.READ_BLOB)
BY_THE_PROLOGUE = {"blobs": (StepKind.CROSSING_STORE,), "calldata": (StepKind.CROSSING_STORE, *ONLY_WITH_BLOBS)}
"""What the shipped program does not do on a chain with its batches there: see prologue.py."""
A_DAY = 86_400
FAR = 70
"""Blocks between a root and the block it is claimed for, so far that the challenger does not look and bisects."""
NEAR = 5
PASSER = to_address("0x4200000000000000000000000000000000000016")
LOOT = 10 * 10**18


@dataclass(frozen=True)
class Lie:
    """A false root claim: what is wrong, the outputs as the liar has them, and where its program begins to lie."""

    name: str
    outputs: Mapping[int, Output]
    kind: StepKind


@dataclass(frozen=True)
class Theft:
    """A withdrawal that only the liar's chain has."""

    chain: FalseChain
    withdrawal: WithdrawalTransaction


def stolen(made: Stage) -> Transaction:
    """A withdrawal that nobody posted."""
    thief = Sender(made.parts.verifier, made.parts.l2_chain_id, made.parts.wallets[5].key)
    data = withdrawal_call(made.parts.wallets[5].address)
    return decode_transaction(thief.sign(PASSER, value=LOOT, data=data, gas=300_000))


def forged(made: Stage, block: int, forgery: Forgery) -> FalseChain:
    """A chain with one forged block."""
    chain = FalseChain(rollup_of(made), made.directory / "genesis.json")
    chain.follow(made.blocks, block, forgery)
    for number in (block - 1, block):
        is_real = chain.output(number).root == made.outputs[number].root
        assert is_real == (number < block), f"{forgery.what}: block {number}"
    return chain


def lies_about(made: Stage) -> tuple[list[Lie], Theft]:
    """All kinds of false claims about the newest safe block, and what one of them is to bring."""
    traffic = made.traffic
    thief = made.parts.wallets[5].address
    invented_at = traffic.call_block + 1
    chains = {
        StepKind.LOAD: (traffic.call_block, wrong_execution(thief)),
        StepKind.STORE: (traffic.deposit_block, dropped_deposit()),
        StepKind.BRANCH: (traffic.call_block, wrong_blob()),
        StepKind.READ_KECCAK: (invented_at, invented_batch([stolen(made)])),
    }
    lies = [Lie("a wrong root", lie_from(made, traffic.call_block), StepKind.ALU)]
    theft = None
    for kind, (block, forgery) in chains.items():
        chain = forged(made, block, forgery)
        lies.append(Lie(forgery.what, {number: chain.output(number) for number in made.outputs}, kind))
        if forgery.what == invented_batch([]).what:
            theft = Theft(chain, withdrawals_in(chain.logs)[0])
    assert theft is not None
    stops = made.safe - FAR
    lies.append(
        Lie(
            "the root of a block far before",
            {number: made.outputs[min(number, stops)] for number in made.outputs},
            StepKind.ALU,
        )
    )
    return lies, theft


def batches_on(l1: str) -> str:
    """How batches are posted. Skips where anvil is not here.

    anvil hashes sidecars into the transactions root of a block with blobs, so that no program can find its transactions
    there by their hashes: batches are in call data.
    """
    if l1 == "embedded":
        return "blobs"
    try:
        find_anvil()
    except CriticalError as error:
        pytest.skip(str(error))
    return "calldata"


L1S = pytest.mark.parametrize("l1", ["embedded", "anvil"])


@L1S
async def test_malicious_challengers_lose_by_a_step_of_every_kind_that_the_program_makes(
    tmp_path: Path, l1: str
) -> None:
    data = batches_on(l1)
    kinds = [kind for kind in StepKind if kind not in BY_THE_PROLOGUE[data]]
    async with stage(tmp_path, blocks=0, l1=l1, data_availability=data) as made:
        safe, proposer = made.safe, made.parts.wallets[HONEST_PROPOSER]
        games = await made.propose(
            [(kind, proposer, made.outputs[safe - at].root, safe - at) for at, kind in enumerate(kinds)]
        )
        for game, kind in zip(games, kinds, strict=True):
            malicious_challenger(made, game, kind)
        await made.play(games, all_of(made, games, 50))
        await made.lose_power()
        await made.play(games, all_of(made, games), to_the_end=True)
        await made.settle(games)
        for game in games:
            await check_end(made, game, root_is_true=True)
        print(await check_steps(made, list(zip(games, kinds, strict=True))))
        await made.pay_out(games)


@L1S
async def test_liars_lose_by_the_kinds_of_steps_that_only_a_prologue_makes(tmp_path: Path, l1: str) -> None:
    data = batches_on(l1)
    kinds = BY_THE_PROLOGUE[data]
    blob = PlannedBlob(int(time.time()) + A_DAY) if StepKind.READ_BLOB in kinds else None
    readings = [] if blob is None else await asyncio.to_thread(blob.readings)
    program = write_program(tmp_path / "program.elf", readings)
    async with stage(tmp_path / "devnet", blocks=0, l1=l1, data_availability=data, fault_program=program) as made:
        if blob is not None:
            await blob.post(made)
        safe, wallets = made.safe, made.parts.wallets
        lies = lie_from(made, made.traffic.call_block)
        games = await made.propose(
            [
                *(
                    (kind, wallets[HONEST_PROPOSER], made.outputs[safe - at].root, safe - at)
                    for at, kind in enumerate(kinds)
                ),
                ("a false root", wallets[2], lies[safe].root, safe),
            ]
        )
        true, false = games[:-1], games[-1]
        for game, kind in zip(true, kinds, strict=True):
            malicious_challenger(made, game, kind)
        malicious_proposer(made, false, lies, StepKind.CROSSING_STORE)
        await made.play(games, all_of(made, games), to_the_end=True)
        await made.settle(games)
        for game in true:
            await check_end(made, game, root_is_true=True)
        await check_end(made, false, root_is_true=False)
        print(await check_steps(made, [*zip(true, kinds, strict=True), (false, StepKind.CROSSING_STORE)]))
        await made.pay_out(games)


@L1S
async def test_every_lie_about_the_chain_loses_and_brings_nothing(tmp_path: Path, l1: str) -> None:
    data = batches_on(l1)
    async with stage(tmp_path, blocks=FAR + 25, l1=l1, mock_proofs=True, data_availability=data) as made:
        safe, wallets = made.safe, made.parts.wallets
        lies, theft = await asyncio.to_thread(lies_about, made)
        patient = lie_from(made, made.traffic.call_block, "patient")
        colluding = lie_from(made, made.traffic.call_block, "colluding")
        games = await made.propose(
            [
                *((lie.name, wallets[2], lie.outputs[safe].root, safe) for lie in lies),
                ("two who collude", wallets[2], colluding[safe].root, safe),
                ("a proposer to the last second", wallets[2], patient[safe].root, safe),
                ("a challenger to the last second", wallets[HONEST_PROPOSER], made.outputs[safe].root, safe),
                ("the root of another block", wallets[2], made.outputs[safe - NEAR].root, safe),
                ("the root of another block, by proof", wallets[2], made.outputs[safe - NEAR - 1].root, safe - 1),
            ]
        )
        false = games[: len(lies)]
        collusion, slow_false, slow_true, other_block, proven = games[len(lies) :]
        await _a_proof_is_about_the_block_that_was_derived(made, proven, safe - NEAR - 1)
        stealing = next(game for game in false if game.name == invented_batch([]).what)
        await _prove_withdrawals(made, theft, stealing, slow_true)
        for game, lie in zip(false, lies, strict=True):
            malicious_proposer(made, game, lie.outputs, lie.kind)
        malicious_proposer(made, collusion, colluding, StepKind.READ_KECCAK)
        # One claim is enough: each of the three answers both others, so that more would be a tree of thousands of claims.
        weak_accomplice(made, collusion, lie_from(made, made.traffic.call_block + 4, "weak"), stops_at_depth=1)
        patient_proposer(made, slow_false, patient)
        patient_challenger(made, slow_true)

        bisected = [*false, collusion]
        await made.play(bisected, all_of(made, bisected), to_the_end=True)
        await play_to_the_last_second(made, [slow_false, slow_true])
        await made.settle(games)
        for game in [*false, slow_false, other_block]:
            await check_end(made, game, root_is_true=False)
        await check_steps(made, [(game, lie.kind) for game, lie in zip(false, lies, strict=True)])
        await check_end(made, slow_true, root_is_true=True)
        await check_end(made, collusion, root_is_true=False, liars_differ=True)
        assert await proven.contract.status() is GameStatus.CHALLENGER_WINS

        await made.pay_out(games)
        await _only_the_real_withdrawal_is_finalized(made, theft)


@L1S
async def test_the_root_of_a_block_five_before_loses_by_bisection_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, l1: str
) -> None:
    # Else the challenger recognises the root and ends the game at once.
    monkeypatch.setenv("LAMINA_CHALLENGER_NEIGHBOURS", "0")
    async with stage(tmp_path, blocks=0, l1=l1, data_availability=batches_on(l1)) as made:
        safe, stands = made.safe, made.safe - NEAR
        (game,) = await made.propose(
            [("the root of block N for N+5", made.parts.wallets[2], made.outputs[stands].root, safe)]
        )
        outputs = {number: made.outputs[min(number, stands)] for number in made.outputs}
        malicious_proposer(made, game, outputs, StepKind.ALU)
        await made.play([game], all_of(made, [game]), to_the_end=True)
        await made.settle([game])
        await check_end(made, game, root_is_true=False)
        await check_steps(made, [(game, StepKind.ALU)])
        assert (await game.contract.progress([])).block_number_challenger is None
        await made.pay_out([game])


async def _a_proof_is_about_the_block_that_was_derived(made: Stage, game: Game, derived: int) -> None:
    """A proof of the root of an earlier block does not prove the claim; one of the claimed block's own root ends the game."""
    facts = game.facts

    def proof(root: Hash32, number: int) -> bytes:
        values = encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "bytes32"],
            [facts.l1_head, facts.starting_root, root, number, MOCK_PROOF_CONFIGURATION],
        )
        return keccak256(
            encode(["string", "bytes32", "bytes32"], ["mock proof", MOCK_PROOF_PROGRAM, keccak256(values)])
        )

    with pytest.raises(ContractCallFailed, match="InvalidProof"):
        await game.contract.read("proveClaim", proof(facts.root_claim, derived))
    right = made.outputs[facts.l2_block_number].root
    conflict = game.contract.candidate("proveConflict", right, proof(right, facts.l2_block_number))
    receipt = await made.mining(made.sender(made.parts.wallets[5]).send(conflict))
    assert receipt.succeeded
    assert await game.contract.status() is GameStatus.CHALLENGER_WINS


async def _prove_withdrawals(made: Stage, theft: Theft, false_game: Game, true_game: Game) -> None:
    """One that only the false chain has, by the game about that chain, and a real one by a game about the real."""
    portal = _portal(made)
    sender = made.sender(made.parts.wallets[5])
    loot = theft.chain.prove(theft.withdrawal, made.safe)
    view = L2View(made.parts.verifier)
    found = await view.withdrawal(made.traffic.withdrawal_hash)
    real = await view.prove(found.transaction, true_game.facts.l2_block_number)
    receipts = await made.mining(
        sender.send_many(
            [
                portal.prove_withdrawal(theft.withdrawal, false_game.index, loot.parts, loot.storage_proof),
                portal.prove_withdrawal(found.transaction, true_game.index, real.parts, real.storage_proof),
            ]
        )
    )
    assert all(receipt.succeeded for receipt in receipts)


async def _only_the_real_withdrawal_is_finalized(made: Stage, theft: Theft) -> None:
    portal = _portal(made)
    sender = made.sender(made.parts.wallets[5])
    real = (await L2View(made.parts.verifier).withdrawal(made.traffic.withdrawal_hash)).transaction
    await made.pass_time(DELAYS.proof_maturity + 1)
    why_not = await portal.check_withdrawal(theft.withdrawal.hash, sender.address)
    assert why_not is not None and "InvalidRootClaim" in why_not
    arguments = (theft.withdrawal.as_argument(), to_hex(sender.address))
    with pytest.raises(ContractCallFailed, match="InvalidRootClaim"):
        await portal.read("finalizeWithdrawalTransactionExternalProof", *arguments)
    assert await portal.check_withdrawal(real.hash, sender.address) is None
    receipt = await made.mining(sender.send(portal.finalize_withdrawal(real)))
    assert receipt.succeeded
    assert await portal.is_finalized(real.hash)
    assert not await portal.is_finalized(theft.withdrawal.hash)


def _portal(made: Stage) -> PortalContract:
    return PortalContract(made.parts.l1, made.parts.contract("OptimismPortalProxy"))
