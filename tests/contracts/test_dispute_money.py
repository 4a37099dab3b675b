"""Bonds add up however a game goes and ends: what went in comes out, once, in both ways of paying out."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.harness import TEST_DELAYS, Reverted, account
from tests.contracts.test_dispute_game import (
    HONEST,
    LAST_BLOCK,
    LIAR,
    SPLIT,
    Dispute,
    Player,
    right_root,
    start,
    state_data,
    trace_index,
)
from tests.contracts.test_dispute_game_end import header
from tests.contracts.test_dispute_game_proofs import proof

STRANGER = account("stranger")
EVERYBODY = (HONEST, LIAR, STRANGER)
DEPTH = 8
BLOCK = header(LAST_BLOCK - 1)
OUTPUT = (bytes(32), keccak(text="state"), keccak(text="storage"), keccak(BLOCK))
OTHER_BLOCKS_ROOT = keccak(b"".join(OUTPUT))

moves = st.tuples(
    st.just("move"),
    st.sampled_from(EVERYBODY),
    st.integers(0, 30),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from([0, 1, 2, 3]),
)
steps = st.tuples(st.just("step"), st.sampled_from(EVERYBODY), st.integers(0, 30), st.booleans(), st.integers(0, 8))
waits = st.tuples(st.just("wait"), st.sampled_from([0, 12, 1000, TEST_DELAYS.max_clock]))
settlements = st.tuples(st.just("settle"), st.integers(0, 30), st.integers(0, 2))
actions = st.lists(st.one_of(moves, moves, moves, steps, waits, settlements), max_size=25)
endings = st.sampled_from(["clocks", "proof of the root", "proof of another root", "another block"])


def values(dispute: Dispute, position: int, kind: int, status: int) -> bytes:
    """The truth, a lie that somebody keeps to, or any lie, with a VM status where there is one."""
    honest = Player(HONEST, DEPTH)
    depth = position.bit_length() - 1
    if kind == 2 or depth > DEPTH:
        return bytes([status]) + keccak(text=f"lie {position}")[1:]
    if depth <= SPLIT:
        return honest.output(position) if kind == 0 else keccak(text="lie")
    index = trace_index(position, DEPTH) % honest.trace_length
    return honest.state(index + 1, disputed_is_right=bool(kind == 0))


def act(dispute: Dispute, action: tuple[Any, ...]) -> None:
    game = dispute.game
    if action[0] == "wait":
        dispute.chain.mine(action[1])
    elif action[0] == "settle":
        game.send("resolveClaim", action[1] % dispute.count, action[2])
    elif action[0] == "step":
        _, who, index, attack, number = action
        index %= dispute.count
        with suppress(Reverted):
            game.send("addLocalData", 3, index, 8)
            game.send("addLocalData", 4, index, 8)
        game.send("step", index, attack, state_data(number), b"", sender=who)
    else:
        _, who, index, attack, kind, status = action
        index %= dispute.count
        position = dispute.claim(index)[5]
        target = 2 * (position if attack else position | 1)
        dispute.move(index, values(dispute, target, kind, status), attack, who)


def deepen(dispute: Dispute) -> None:
    """Down to the deepest level in one line, so that steps have something to decide."""
    dispute.play((Player(HONEST, DEPTH), Player(LIAR, DEPTH, 7, 3)))


@given(root=st.integers(0, 2), deep=st.booleans(), play=actions, ending=endings, taken_out=st.booleans())
@settings(max_examples=25)
def test_what_went_in_comes_out_once(
    root: int, deep: bool, play: list[tuple[Any, ...]], ending: str, taken_out: bool
) -> None:
    claimed = (right_root(LAST_BLOCK), keccak(text=f"lie about {LAST_BLOCK}"), OTHER_BLOCKS_ROOT)[root]
    dispute = start(claimed, DEPTH, proposer=(HONEST, LIAR, LIAR)[root], with_proofs=True)
    game, weth, chain = dispute.game, dispute.l1.weth, dispute.chain
    if deep and root == 1:
        deepen(dispute)
    for action in play:
        with suppress(Reverted):
            act(dispute, action)

    bonds = sum(dispute.claim(index)[3] for index in range(dispute.count))
    assert weth.call("balanceOf", game.address) == bonds
    assert sum(game.call("refundModeCredit", who) for who in EVERYBODY) == bonds
    with suppress(Reverted):
        if ending == "another block":
            game.send("challengeRootL2Block", OUTPUT, BLOCK, sender=STRANGER)
        elif ending == "proof of the root":
            game.send("proveClaim", proof(dispute, claimed), sender=STRANGER)
        elif ending == "proof of another root":
            game.send("proveConflict", keccak(text="other"), proof(dispute, keccak(text="other")), sender=STRANGER)
    chain.mine(2 * TEST_DELAYS.max_clock)
    for index in reversed(range(dispute.count)):
        for _ in range(2):
            with suppress(Reverted):
                game.send("resolveClaim", index, 0)
    with suppress(Reverted):
        game.send("resolve")
    assert sum(game.call("normalModeCredit", who) for who in EVERYBODY) == bonds

    if taken_out:
        dispute.l1.registry.send("blacklistDisputeGame", game.address, sender=account("guardian"))
    chain.mine(TEST_DELAYS.game_finality + 1)
    before = [chain.balance(who) for who in EVERYBODY]
    for _ in range(3):
        for who in EVERYBODY:
            with suppress(Reverted):
                game.send("claimCredit", who, sender=account("a bystander"))
        chain.mine(TEST_DELAYS.bond_withdrawal)
    paid = [chain.balance(who) - was for who, was in zip(EVERYBODY, before, strict=True)]
    assert sum(paid) == bonds
    assert game.call("bondDistributionMode") == (2 if taken_out else 1)
    assert weth.call("balanceOf", game.address) == chain.balance(game.address) == chain.balance(weth.address) == 0
