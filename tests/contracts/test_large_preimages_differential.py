"""The preimage oracle against the published one of the OP Stack, call by call.

The published release is older in three points: a proposal could be started twice, precompiles had no required gas, and
local data ended a byte later; those are left out here.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from config.types import Address, Hash32, Wei
from contracts import load_artifact
from faultproof.preimage import keccak256_key
from faultproof.preimage.keccak_states import BLOCK_SIZE, EMPTY_STATE
from faultproof.preimage.leaf_tree import Leaf
from faultproof.preimage.oracle_call import OracleCall
from faultproof.preimage.streaming import MIN_BOND, StreamedPreimage, challenge
from tests.contracts.harness import Chain, Contract, Reverted, account, create_address, hex_address
from tests.contracts.test_dispute_differential import PACKAGE, published
from tests.contracts.test_preimage_oracle import CHALLENGE_PERIOD, MIN_SIZE, deploy_oracle, send

OWNER, CHALLENGER = Address(account("owner of a proposal")), Address(account("challenger of a proposal"))

MISPRINTED = {bytes.fromhex("07b1daf1"): keccak(text="InvalidInputSize()")[:4]}
"""The published contract writes this selector by hand, and leaves out a digit of 7b1dafd1."""

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not PACKAGE.is_dir(), reason="the published contracts are not installed: npm ci in contracts/"),
]


def published_oracle() -> Contract:
    chain = Chain()
    deployer = account("deployer")
    address = create_address(deployer, chain.nonce(deployer))
    chain.send(None, published("PreimageOracle") + encode(["uint256", "uint256"], [MIN_SIZE, CHALLENGE_PERIOD]))
    return chain.at("PreimageOracle", address)


def mutated(choose: random.Random, call: OracleCall) -> OracleCall:
    """The call with something wrong in it, sometimes."""
    if choose.random() < 0.6:
        return call
    arguments: list[Any] = list(call.arguments)
    if call.function == "addLeavesLPP":
        kind = choose.randrange(5)
        if kind == 0:
            arguments[1] += 1
        elif kind == 1:
            arguments[2] = arguments[2][: choose.randrange(len(arguments[2]) + 1)]
        elif kind == 2:
            arguments[3] = arguments[3][1:]
        elif kind == 3:
            wrong = choose.randrange(len(arguments[3]))
            arguments[3] = [Hash32(b"\xee" * 32) if i == wrong else one for i, one in enumerate(arguments[3])]
        else:
            arguments[4] = not arguments[4]
    elif call.function == "initLPP":
        arguments[choose.choice([1, 2])] = choose.choice([0, MIN_SIZE - 1, 2000])
        return replace(call, arguments=tuple(arguments), value=choose.choice([MIN_BOND, Wei(MIN_BOND - 1)]))
    else:
        proofs = [place for place, one in enumerate(arguments) if isinstance(one, tuple) and len(one) == 16]
        place = choose.choice(proofs)
        siblings = list(arguments[place])
        siblings[choose.randrange(16)] = Hash32(b"\xdd" * 32)
        arguments[place] = tuple(siblings)
        if len(arguments) == 7 and choose.random() < 0.4:
            arguments[2] = (EMPTY_STATE,)
    return replace(call, arguments=tuple(arguments))


def transcript(oracle: Contract, seed: int) -> list[Any]:
    """What happens to a proposal and some challenges of it, sensible and not; the same calls for the same seed."""
    choose = random.Random(seed)
    size = choose.choice([MIN_SIZE, 3 * BLOCK_SIZE - 1, 3 * BLOCK_SIZE, choose.randrange(MIN_SIZE, 1500)])
    preimage = choose.randbytes(size)
    offset = choose.choice([choose.randrange(9), choose.randrange(size + 8), size + 7])
    streamed = StreamedPreimage(preimage, offset, choose.randrange(2, 5))
    leaves = list(streamed.leaves)
    lies = choose.random() < 0.5
    if lies:
        wrong = choose.randrange(len(leaves))
        leaves[wrong] = replace(leaves[wrong], state_commitment=Hash32(b"\xee" * 32))
    happened: list[Any] = []

    def attempt(call: OracleCall, sender: bytes) -> None:
        oracle.chain.set_balance(sender, 10**30)
        try:
            result = send(oracle, call, sender)
            happened.append(
                (call.function, [(log.topics, log.data) for log in result.logs], oracle.chain.balance(sender))
            )
        except Reverted as error:
            happened.append((call.function, MISPRINTED.get(error.data, error.data)))
        word = oracle.call("proposalMetadata", OWNER, streamed.uuid)
        root = oracle.call("getTreeRootLPP", OWNER, streamed.uuid)
        part = oracle.call("proposalParts", OWNER, streamed.uuid)
        branch = [oracle.call("proposalBranches", OWNER, streamed.uuid, height) for height in range(4)]
        happened.append((word, root, part, branch, oracle.chain.balance(oracle.address)))

    def with_lies(call: OracleCall) -> OracleCall:
        if call.function != "addLeavesLPP":
            return call
        start: Any = call.arguments[1]
        commitments: Any = call.arguments[3]
        claimed = tuple(leaf.state_commitment for leaf in leaves[start : start + len(commitments)])
        return replace(call, arguments=(*call.arguments[:3], claimed, call.arguments[4]))

    for call in streamed.calls():
        if (other := mutated(choose, with_lies(call))) != with_lies(call) and call.function != "initLPP":
            attempt(other, OWNER)
        attempt(with_lies(call), OWNER)
    for index in choose.sample(range(len(leaves)), 2):
        attempt(mutated(choose, challenge(OWNER, streamed.uuid, leaves, index)), CHALLENGER)
    attempt(streamed.squeeze(OWNER), CHALLENGER)
    oracle.chain.mine(CHALLENGE_PERIOD)
    for _ in range(2):
        attempt(mutated(choose, squeeze_of(streamed, leaves)), CHALLENGER)
    attempt(squeeze_of(streamed, leaves), CHALLENGER)
    key = keccak256_key(keccak(preimage))
    try:
        happened.append(oracle.call("readPreimage", key, offset))
    except Reverted as error:
        happened.append(error.data)
    assert oracle.call("proposals", 0) == (hex_address(OWNER), streamed.uuid)
    return happened


def squeeze_of(streamed: StreamedPreimage, leaves: list[Leaf]) -> OracleCall:
    """The squeeze with the leaves as they were proposed."""
    return replace(challenge(OWNER, streamed.uuid, leaves, len(leaves) - 1), function="squeezeLPP")


@pytest.mark.parametrize("seed", range(12))
def test_proposals_go_as_with_the_published_oracle(seed: int) -> None:
    assert transcript(deploy_oracle(), seed) == transcript(published_oracle(), seed)


def test_the_functions_are_those_of_the_published_oracle() -> None:
    path = PACKAGE / "forge-artifacts" / "PreimageOracle.sol" / "PreimageOracle.json"
    artifact = load_artifact("PreimageOracle")
    own = {entry["name"]: entry for entry in artifact.abi if "name" in entry}
    for entry in json.loads(path.read_text())["abi"]:
        if entry["type"] == "function" and entry["name"] != "loadPrecompilePreimagePart":
            assert artifact.signature(own[entry["name"]]) == artifact.signature(entry)
            assert own[entry["name"]]["stateMutability"] in (entry["stateMutability"], "pure")
        elif entry["type"] == "error":
            assert own[entry["name"]]["inputs"] == []
