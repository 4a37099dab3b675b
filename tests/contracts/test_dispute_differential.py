"""The game and the portal against the published ones of the OP Stack, move by move.

The published bytecode comes with the npm package @eth-optimism/contracts-bedrock; without it these tests are skipped. Its
game is older in one point, the longer clock extensions at two levels, so clocks are kept away from their ends here.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.harness import (
    PRESTATE,
    TEST_DELAYS,
    L1System,
    Reverted,
    account,
    create_address,
    deploy_l1,
)
from tests.contracts.test_dispute_game import HONEST, LIAR, SPLIT, Dispute, Player, state_data, trace_index

PACKAGE = Path(__file__).parents[2] / "contracts" / "node_modules" / "@eth-optimism" / "contracts-bedrock"
DEPLOYER = account("deployer")

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not PACKAGE.is_dir(), reason="the published contracts are not installed: npm ci in contracts/"),
]


def published(name: str) -> bytes:
    """Creation code of a published contract."""
    artifact = json.loads((PACKAGE / "forge-artifacts" / f"{name}.sol" / f"{name}.json").read_text())
    return bytes.fromhex(artifact["bytecode"]["object"][2:])


def create(l1: L1System, data: bytes) -> bytes:
    address = create_address(DEPLOYER, l1.chain.nonce(DEPLOYER))
    l1.chain.send(None, data, sender=DEPLOYER)
    return address


def published_game(l1: L1System, max_depth: int) -> bytes:
    """The published game implementation with the settings of ours."""
    kinds = ["uint32", "bytes32", "uint256", "uint256", "uint64", "uint64", "address", "address", "address", "uint256"]
    settings = (
        0,
        PRESTATE,
        max_depth,
        SPLIT,
        TEST_DELAYS.clock_extension,
        TEST_DELAYS.max_clock,
        l1.addresses.FaultProofVM,
        l1.weth.address,
        l1.registry.address,
        l1.params.l2_chain_id,
    )
    return create(l1, published("FaultDisputeGame") + encode(kinds, settings))


@dataclass
class Transcript:
    """What happened in one game: outcome of every attempt, all claims, who countered them, what is paid out."""

    attempts: list[tuple[Any, ...]]
    claims: list[tuple[Any, ...]]
    countered: list[str]
    credits: list[int]


def play_at_random(seed: int, with_published: bool) -> Transcript:
    """Sixty attempts at moves and steps, sensible and not; the same ones for the same seed."""
    choose = random.Random(seed)
    max_depth = choose.choice([8, 9])

    def from_where(limit: int) -> int:
        return choose.randint(1, limit)

    players = [
        Player(HONEST, max_depth, choose.choice([10**9, from_where(17)]), choose.choice([10**9, from_where(9)])),
        Player(LIAR, max_depth, from_where(17), from_where(9)),
    ]
    l1 = deploy_l1(max_depth, SPLIT)
    implementation = published_game(l1, max_depth)
    if not with_published:
        implementation = l1.addresses.FaultDisputeGame
    l1.factory.send("setImplementation", 0, implementation, sender=l1.addresses.Timelock)
    dispute = Dispute(l1, l1.create_game(players[1].root(16), 16), max_depth)
    attempts: list[tuple[Any, ...]] = []
    for _ in range(60):
        index = choose.randrange(dispute.count) if choose.random() < 0.3 else dispute.count - 1
        position = dispute.claim(index)[5]
        player, attack = choose.choice(players), choose.random() < 0.5
        verdict, status = choose.random() < 0.5, choose.randrange(40)
        target = 2 * (position if attack else position | 1)
        depth = target.bit_length() - 1
        l1.chain.mine(choose.choice([0, 1, 12, 24]))
        try:
            if depth > max_depth:
                number = trace_index(position, max_depth) % player.trace_length
                for ident in (3, 4):
                    dispute.game.send("addLocalData", ident, index, 8)
                before = state_data(number if attack else number + 1)
                dispute.game.send("step", index, attack, before, b"", sender=player.address)
                attempts.append(("step", index, attack))
            else:
                value = player.output(target) if depth <= SPLIT else player.execution(target, verdict)
                dispute.move(index, bytes([status]) + value[1:] if status < 4 else value, attack, player.address)
                attempts.append(("move", index, attack))
        except Reverted as error:
            attempts.append(("refused", index, attack, error.data))
    claims = [dispute.claim(index) for index in range(dispute.count)]
    l1.chain.mine(TEST_DELAYS.max_clock)
    for index in reversed(range(dispute.count)):
        dispute.game.send("resolveClaim", index, 0)
    return Transcript(
        attempts,
        claims,
        [dispute.claim(index)[1] for index in range(dispute.count)],
        [dispute.game.call("credit", player.address) for player in players],
    )


@pytest.mark.parametrize("seed", range(8))
def test_random_games_go_as_in_the_published_contract(seed: int) -> None:
    theirs, ours = play_at_random(seed, with_published=True), play_at_random(seed, with_published=False)
    assert ours == theirs
    assert any(attempt[0] == "move" for attempt in ours.attempts)


def test_bonds_are_the_published_ones_to_the_wei() -> None:
    l1 = deploy_l1(73, 30)
    kinds = ["uint32", "bytes32", "uint256", "uint256", "uint64", "uint64", "address", "address", "address", "uint256"]
    vm, weth, registry = l1.addresses.FaultProofVM, l1.weth.address, l1.registry.address
    settings = (0, PRESTATE, 73, 30, 200, 3600, vm, weth, registry, 901)
    theirs = l1.chain.at("FaultDisputeGame", create(l1, published("FaultDisputeGame") + encode(kinds, settings)))
    ours = l1.chain.at("FaultDisputeGame", l1.addresses.FaultDisputeGame)
    for depth in range(74):
        assert ours.call("getRequiredBond", 1 << depth) == theirs.call("getRequiredBond", 1 << depth)


def test_deposits_are_logged_and_priced_as_by_the_published_portal() -> None:
    l1 = deploy_l1()
    chain = l1.chain
    # A dear L1, so that little is burnt.
    chain.set_base_fee(10**13)
    admin = chain.deploy("ProxyAdmin", DEPLOYER)
    proxy = chain.deploy("Proxy", admin.address)
    implementation = create(l1, published("OptimismPortal2") + encode(["uint256", "uint256"], [500, 300]))
    arguments = encode(
        ["address", "address", "address", "uint32"], [l1.factory.address, l1.config.address, bytes(20), 0]
    )
    initialize = keccak(text="initialize(address,address,address,uint32)")[:4] + arguments
    admin.send("upgradeAndCall", proxy.address, implementation, initialize)
    theirs, ours = chain.at("OptimismPortal2", proxy.address), l1.portal
    chain.auto_mine = False
    choose = random.Random(7)
    for portal in (ours, theirs):
        portal.send("depositTransaction", HONEST, 0, 21_000, False, b"")
    for _ in range(150):
        # The market's state is one slot; rounding apart, it must move alike from the same start.
        chain.set_storage(theirs.address, 1, chain.storage(ours.address, 1))
        data = choose.randbytes(choose.randrange(40))
        gas = choose.choice([22_600, 1_000_000, 2_000_000, 5_000_000, 19_000_000, 20_000_000])
        outcomes: list[object] = []
        for portal in (ours, theirs):
            try:
                result = portal.send("depositTransaction", HONEST, 5, gas, False, data, value=9, sender=LIAR)
                outcomes.append([(log.topics, log.data) for log in result.logs])
            except Reverted as error:
                outcomes.append(error.data)
        assert outcomes[0] == outcomes[1]
        (our_fee, *our_rest), (their_fee, *their_rest) = ours.call("params"), theirs.call("params")
        assert our_rest == their_rest
        assert abs(our_fee - their_fee) <= max(2, their_fee // 10**17)
        for _ in range(choose.choice([0, 0, 1, 1, 1, 2, 3, 10, 40])):
            chain.mine()
