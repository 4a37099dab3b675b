"""How a fault dispute game is decided by a wrong block number, and how it is closed and paid out."""

from __future__ import annotations

import pytest
import rlp
from eth_utils.crypto import keccak

from tests.contracts.harness import TEST_DELAYS, Reverted, account
from tests.contracts.test_dispute_game import (
    CHALLENGER_WINS,
    DEFENDER_WINS,
    HONEST,
    LAST_BLOCK,
    LIAR,
    MAX_CLOCK,
    Dispute,
    right_root,
    start,
)

# --- The block number -------------------------------------------------------------------------------------------------


def header(number: int) -> bytes:
    fields: list[object] = [b"\x00" * 32] * 8 + [number, 30_000_000, 0, 0, b""]
    return bytes(rlp.encode(fields))


def test_a_root_of_another_block_loses_at_once() -> None:
    block = header(LAST_BLOCK - 1)
    output = (bytes(32), keccak(text="state"), keccak(text="storage"), keccak(block))
    dispute = start(keccak(b"".join(output)))
    game = dispute.game
    with pytest.raises(Reverted, match="InvalidOutputRootProof"):
        game.send("challengeRootL2Block", (*output[:3], bytes(32)), block)
    with pytest.raises(Reverted, match="InvalidHeaderRLP"):
        game.send("challengeRootL2Block", output, header(LAST_BLOCK))
    game.send("challengeRootL2Block", output, block, sender=HONEST)
    assert game.call("l2BlockNumberChallenged") is True
    with pytest.raises(Reverted, match="L2BlockNumberChallenged"):
        game.send("challengeRootL2Block", output, block)
    with pytest.raises(Reverted, match="L2BlockNumberChallenged"):
        dispute.move(0, b"\x01" * 32, True, LIAR)
    dispute.chain.mine(MAX_CLOCK)
    assert dispute.resolve_all() == CHALLENGER_WINS
    assert game.call("normalModeCredit", HONEST) == 8 * 10**16


def test_a_root_of_the_claimed_block_cannot_be_challenged_by_its_number() -> None:
    block = header(LAST_BLOCK)
    output = (bytes(32), keccak(text="state"), keccak(text="storage"), keccak(block))
    dispute = start(keccak(b"".join(output)))
    with pytest.raises(Reverted, match="BlockNumberMatches"):
        dispute.game.send("challengeRootL2Block", output, block)


# --- Closing and paying out -------------------------------------------------------------------------------------------


def resolved(blacklist: bool = False) -> Dispute:
    """A game that the liar lost by silence, finality delay over."""
    dispute = start(keccak(text="lie"))
    dispute.move(0, b"\x01" * 32, True, HONEST)
    dispute.chain.mine(2 * MAX_CLOCK)
    assert dispute.resolve_all() == CHALLENGER_WINS
    if blacklist:
        dispute.l1.registry.send("blacklistDisputeGame", dispute.game.address, sender=account("guardian"))
    dispute.chain.mine(TEST_DELAYS.game_finality)
    return dispute


def test_a_game_that_was_taken_out_gives_everyone_their_own_bonds_back() -> None:
    dispute = resolved(blacklist=True)
    result = dispute.game.send("closeGame")
    assert dispute.game.events(result, "GameClosed") == [{"bondDistributionMode": 2}]
    assert dispute.game.call("credit", LIAR) == 8 * 10**16
    assert dispute.game.call("credit", HONEST) == dispute.bond(2)
    for who in (LIAR, HONEST):
        dispute.game.send("claimCredit", who)
    dispute.chain.mine(TEST_DELAYS.bond_withdrawal)
    for who in (LIAR, HONEST):
        before, expected = dispute.chain.balance(who), dispute.game.call("credit", who)
        dispute.game.send("claimCredit", who)
        assert dispute.chain.balance(who) - before == expected
    assert dispute.l1.weth.call("balanceOf", dispute.game.address) == 0


def test_nothing_is_closed_before_its_time_or_in_a_pause() -> None:
    dispute = start()
    with pytest.raises(Reverted, match="GameNotResolved"):
        dispute.game.send("closeGame")
    dispute = resolved()
    dispute.l1.superchain.send("pause", bytes(20), sender=account("guardian"))
    with pytest.raises(Reverted, match="GamePaused"):
        dispute.game.send("claimCredit", HONEST)
    dispute.l1.superchain.send("unpause", bytes(20), sender=account("guardian"))
    dispute.game.send("claimCredit", HONEST)
    assert dispute.game.call("bondDistributionMode") == 1


def test_a_recipient_that_refuses_eth_keeps_its_credit() -> None:
    dispute = start(proposer=HONEST)
    dispute.chain.mine(MAX_CLOCK)
    assert dispute.resolve_all() == DEFENDER_WINS
    dispute.chain.mine(TEST_DELAYS.game_finality)
    dispute.game.send("claimCredit", HONEST)
    dispute.chain.mine(TEST_DELAYS.bond_withdrawal)
    dispute.chain.set_code(HONEST, bytes.fromhex("5f5ffd"))
    with pytest.raises(Reverted, match="BondTransferFailed"):
        dispute.game.send("claimCredit", HONEST)
    assert dispute.game.call("credit", HONEST) == 8 * 10**16


def test_a_won_game_becomes_the_anchor_when_it_closes() -> None:
    dispute = start(proposer=HONEST)
    dispute.chain.mine(MAX_CLOCK)
    assert dispute.resolve_all() == DEFENDER_WINS
    dispute.chain.mine(TEST_DELAYS.game_finality)
    dispute.game.send("closeGame")
    assert dispute.l1.registry.call("getAnchorRoot") == (right_root(LAST_BLOCK), LAST_BLOCK)
    following = dispute.l1.create_game(right_root(20), 20)
    assert following.call("startingOutputRoot") == (right_root(LAST_BLOCK), LAST_BLOCK)
    assert following.call("startingRootHash") == right_root(LAST_BLOCK)
