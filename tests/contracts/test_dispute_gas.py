"""What disputes cost on L1: gas of each entry point of game and oracle against a committed table; sizes within EIP-170.

`LAMINA_WRITE_GAS_TABLE=1` writes the table. Steps by kind of instruction have their own: tests/faultproof/vm.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import ckzg
import eth.precompiles.point_evaluation
import pytest
from eth_utils.crypto import keccak

from config.constants import TRANSACTION_GAS_CAP
from contracts import artifact_names, load_artifact
from faultproof.preimage.streaming import StreamedPreimage, challenge
from l1.kzg_core import commitment_of, trusted_setup
from tests.contracts.harness import TEST_DELAYS, Contract, L1System, account, deploy_l1
from tests.contracts.test_dispute_game import (
    HONEST,
    LAST_BLOCK,
    LIAR,
    MAX_CLOCK,
    Dispute,
    Player,
    find_verdict,
    right_root,
    start,
    state_data,
    trace_index,
)
from tests.contracts.test_dispute_game_end import header
from tests.contracts.test_dispute_game_proofs import PROVER, proof
from tests.contracts.test_large_preimages import OWNER, lie_about, propose_leaves
from tests.contracts.test_preimage_oracle import BLOB, CHALLENGE_PERIOD, deploy_oracle

TABLE = Path(__file__).with_name("gas_of_disputes.json")
CODE_LIMIT = 24_576  # EIP-170
FULL_DEPTH, FULL_SPLIT = 73, 30
TOLERANCE = 1_000
"""Addresses and hashes have more or fewer zero bytes, which are cheaper."""


def used(contract: Contract, function: str, *arguments: Any, sender: bytes | None = None, value: int = 0) -> int:
    """Gas of a transaction, refunds not counted. Spec: EIP-7623 for the least that call data cost."""
    data = contract.artifact.encode_call(function, *arguments)
    zeros = data.count(0)
    floor = 21_000 + 10 * zeros + 40 * (len(data) - zeros)
    return max(floor, contract.send(function, *arguments, sender=sender, value=value).gas_used)


def create(l1: L1System, root: bytes, block: int) -> int:
    bond = l1.factory.call("initBonds", 0)
    return used(l1.factory, "create", 0, root, block.to_bytes(32, "big"), sender=LIAR, value=bond)


def moves_of_a_full_game() -> dict[str, int]:
    """A path of attacks down to the deepest level of a game as on public chains."""
    l1 = deploy_l1(FULL_DEPTH, FULL_SPLIT)
    gas = {"create": create(l1, right_root(7), 7)}
    address, _ = l1.factory.call("games", 0, right_root(7), (7).to_bytes(32, "big"))
    dispute = Dispute(l1, l1.chain.at("FaultDisputeGame", address), FULL_DEPTH)
    for depth in range(1, FULL_DEPTH):
        parent = depth - 1
        # The root of an execution trace says how the program ended: here that the claim above it is wrong.
        value = b"\x01" + keccak(text=f"claim at depth {depth}")[1:]
        disputed, position = dispute.claim(parent)[4:6]
        gas_used = used(
            dispute.game,
            "attack",
            disputed,
            parent,
            value,
            sender=(HONEST, LIAR)[depth % 2],
            value=dispute.bond(2 * position),
        )
        if depth in (1, FULL_SPLIT, FULL_SPLIT + 1, FULL_DEPTH - 1):
            gas[f"move to depth {depth}"] = gas_used
    for ident, name in enumerate(["L1 head", "starting root", "disputed root", "block number", "chain id"], 1):
        gas[f"addLocalData, {name}"] = used(dispute.game, "addLocalData", ident, FULL_DEPTH - 1, 0)
    l1.chain.mine(MAX_CLOCK)
    gas["resolveClaim, unanswered"] = used(dispute.game, "resolveClaim", FULL_DEPTH - 1, 0)
    gas["resolveClaim, with an answer"] = used(dispute.game, "resolveClaim", FULL_DEPTH - 2, 0)
    return gas


def end_of_a_small_game() -> dict[str, int]:
    """Step, resolution and payout, with the alphabet VM."""
    honest, liar = Player(HONEST, 8), Player(LIAR, 8, 8, 4)
    dispute = start(liar.root(LAST_BLOCK))
    last = dispute.play((honest, liar))
    verdict = find_verdict(dispute, last)
    number = trace_index(dispute.claim(last)[5], 8) % honest.trace_length
    attack = honest.state(number + 1, verdict) != dispute.claim(last)[4]
    before = state_data(number if attack else number + 1)
    gas = {"step, alphabet VM": used(dispute.game, "step", last, attack, before, b"", sender=HONEST)}
    dispute.chain.mine(MAX_CLOCK)
    for index in reversed(range(dispute.count)):
        dispute.game.send("resolveClaim", index, 0)
    gas["resolve"] = used(dispute.game, "resolve")
    dispute.chain.mine(TEST_DELAYS.game_finality)
    gas["claimCredit, the first, which closes the game"] = used(dispute.game, "claimCredit", HONEST)
    dispute.chain.mine(TEST_DELAYS.bond_withdrawal)
    gas["claimCredit, the second, which pays"] = used(dispute.game, "claimCredit", HONEST)
    return gas


def short_ends() -> dict[str, int]:
    """Games that end without bisection."""
    block = header(LAST_BLOCK - 1)
    output = (bytes(32), keccak(text="state"), keccak(text="storage"), keccak(block))
    gas = {"challengeRootL2Block": used(start(keccak(b"".join(output))).game, "challengeRootL2Block", output, block)}
    dispute = start(proposer=HONEST, with_proofs=True)
    right = right_root(LAST_BLOCK)
    gas["proveClaim, mock verifier"] = used(dispute.game, "proveClaim", proof(dispute, right), sender=PROVER)
    dispute = start(keccak(text="lie"), with_proofs=True)
    other = proof(dispute, right)
    gas["proveConflict, mock verifier"] = used(dispute.game, "proveConflict", right, other, sender=PROVER)
    return gas


def oracle_in_one_transaction() -> dict[str, int]:
    oracle = deploy_oracle()
    node = bytes(range(1, 251)) * 2 + bytes(range(1, 33))
    element, value = ckzg.compute_kzg_proof(BLOB, (3).to_bytes(32, "big"), trusted_setup())
    identity = "0x" + "04".rjust(40, "0")
    return {
        "loadKeccak256PreimagePart, 532 bytes": used(oracle, "loadKeccak256PreimagePart", 8, node),
        "loadKeccak256PreimagePart, 125,999 bytes": used(oracle, "loadKeccak256PreimagePart", 8, b"\xa5" * 125_999),
        "loadSha256PreimagePart, 532 bytes": used(oracle, "loadSha256PreimagePart", 8, node),
        "loadBlobPreimagePart": used(
            oracle, "loadBlobPreimagePart", 3, int.from_bytes(value, "big"), commitment_of(BLOB), element, 8
        ),
        "loadPrecompilePreimagePart, identity": used(oracle, "loadPrecompilePreimagePart", 8, identity, 18, b"x"),
    }


def large_preimages() -> dict[str, int]:
    oracle = deploy_oracle()
    gas: dict[str, int] = {}
    streamed = StreamedPreimage(b"\xa5" * 150_000, 8)
    for call in streamed.calls():
        name = call.function if call.function == "initLPP" else f"addLeavesLPP, {len(call.arguments[3])} blocks"  # type: ignore[arg-type]
        gas[name] = used(oracle, call.function, *call.arguments, sender=OWNER, value=call.value)
    oracle.chain.mine(CHALLENGE_PERIOD)
    squeeze = streamed.squeeze(OWNER)
    gas["squeezeLPP"] = used(oracle, squeeze.function, *squeeze.arguments)
    for wrong in (0, 3):
        short = StreamedPreimage(bytes(range(200)) * 3, 8 + wrong)
        leaves = lie_about(short, wrong)
        propose_leaves(oracle, short, leaves)
        refute = challenge(OWNER, short.uuid, leaves, wrong)
        gas[refute.function] = used(oracle, refute.function, *refute.arguments, sender=account("challenger"))
    return gas


@pytest.fixture(scope="module")
def gas() -> dict[str, int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eth.precompiles.point_evaluation, "load_trusted_setup", lambda *_: trusted_setup())
        parts = (
            moves_of_a_full_game(),
            end_of_a_small_game(),
            short_ends(),
            oracle_in_one_transaction(),
            large_preimages(),
        )
    return {name: amount for part in parts for name, amount in part.items()}


def test_disputes_cost_what_the_table_says(gas: dict[str, int]) -> None:
    if os.environ.get("LAMINA_WRITE_GAS_TABLE"):
        TABLE.write_text(json.dumps(gas, indent=2) + "\n")
    expected = json.loads(TABLE.read_text())
    assert list(gas) == list(expected)
    for name, amount in expected.items():
        assert abs(gas[name] - amount) < TOLERANCE, f"{name}: {gas[name]} instead of {amount}"


def test_no_transaction_of_a_dispute_exceeds_the_gas_cap(gas: dict[str, int]) -> None:
    assert max(gas.values()) < TRANSACTION_GAS_CAP // 3


def test_challenging_a_streamed_preimage_is_cheaper_than_its_bond_by_far(gas: dict[str, int]) -> None:
    # At 100 gwei the bond of 0.25 ETH buys 2.5 million gas.
    assert max(gas[name] for name in ("challengeLPP", "challengeFirstLPP")) < 250_000


def test_all_contracts_fit_the_limit_of_code() -> None:
    sizes = {name: len(load_artifact(name).deployed_bytecode) for name in artifact_names()}
    assert {"FaultDisputeGame", "PreimageOracle", "RISCV"} < sizes.keys()
    assert {name: size for name, size in sizes.items() if not 0 < size <= CODE_LIMIT} == {}
