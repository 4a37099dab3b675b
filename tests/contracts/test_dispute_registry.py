"""Factory, anchor state registry, delayed WETH and preimage oracle."""

from __future__ import annotations

import hashlib

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.harness import (
    ANCHOR_ROOT,
    NO_PROOFS,
    TEST_DELAYS,
    Contract,
    L1System,
    Reverted,
    account,
    create_address,
    deploy_l1,
    hex_address,
)

GUARDIAN, OWNER, USER = account("guardian"), account("owner"), account("user")
BOND = 8 * 10**16


def root(block: int) -> bytes:
    return keccak(text=f"root {block}")


@pytest.fixture
def l1() -> L1System:
    return deploy_l1()


def won(l1: L1System, block: int) -> Contract:
    """A game that its proposer won, still in the air gap."""
    game = l1.create_game(root(block), block)
    l1.chain.mine(TEST_DELAYS.max_clock)
    game.send("resolveClaim", 0, 0)
    game.send("resolve")
    return game


# --- Factory ----------------------------------------------------------------------------------------------------------


def test_a_created_game_is_listed_and_found(l1: L1System) -> None:
    extra = (16).to_bytes(32, "big")
    nonce = l1.chain.nonce(l1.factory.address)
    result = l1.factory.send("create", 0, root(16), extra, sender=USER, value=BOND)
    game = hex_address(create_address(l1.factory.address, nonce))
    (event,) = l1.factory.events(result, "DisputeGameCreated")
    assert event == {"disputeProxy": game, "gameType": 0, "rootClaim": root(16)}
    created = l1.chain.at("FaultDisputeGame", game).call("createdAt")
    assert l1.factory.call("gameCount") == 1
    assert l1.factory.call("gameAtIndex", 0) == (0, created, game)
    assert l1.factory.call("games", 0, root(16), extra) == (game, created)
    uuid = keccak(encode(["uint32", "bytes32", "bytes"], [0, root(16), extra]))
    assert l1.factory.call("getGameUUID", 0, root(16), extra) == uuid


def test_one_claim_has_one_game(l1: L1System) -> None:
    l1.create_game(root(16), 16)
    with pytest.raises(Reverted, match="GameAlreadyExists"):
        l1.create_game(root(16), 16)
    l1.create_game(root(16), 17)


def test_a_game_takes_its_bond_and_an_implementation(l1: L1System) -> None:
    extra = (16).to_bytes(32, "big")
    with pytest.raises(Reverted, match="IncorrectBondAmount"):
        l1.factory.send("create", 0, root(16), extra, value=BOND - 1)
    with pytest.raises(Reverted, match="NoImplementation"):
        l1.factory.send("create", 1, root(16), extra)


def test_the_latest_games_of_a_type_come_newest_first(l1: L1System) -> None:
    l1.factory.send("setImplementation", 1, l1.addresses.FaultDisputeGame, sender=l1.addresses.Timelock)
    for block in range(1, 8):
        extra = block.to_bytes(32, "big")
        if block % 3 == 0:
            l1.factory.send("create", 1, root(block), extra)
        else:
            l1.factory.send("create", 0, root(block), extra, value=BOND)
    found = l1.factory.call("findLatestGames", 0, 6, 3)
    assert [entry[0] for entry in found] == [6, 4, 3]
    assert [entry[3] for entry in found] == [root(7), root(5), root(4)]
    assert [entry[4] for entry in found] == [block.to_bytes(32, "big") for block in (7, 5, 4)]
    assert "0x" + found[0][1][12:].hex() == l1.factory.call("gameAtIndex", 6)[2]
    assert int.from_bytes(found[0][1][4:12], "big") == found[0][2]
    assert [entry[0] for entry in l1.factory.call("findLatestGames", 1, 6, 10)] == [5, 2]
    assert len(l1.factory.call("findLatestGames", 0, 6, 2**64)) == 5
    assert l1.factory.call("findLatestGames", 0, 7, 3) == ()
    assert l1.factory.call("findLatestGames", 0, 6, 0) == ()


def test_games_are_changed_through_the_timelock_only(l1: L1System) -> None:
    """Whoever could install a game at once that says it was won could empty the portal before anybody can leave."""
    for function, arguments in [("setImplementation", (0, USER)), ("setInitBond", (0, 1))]:
        for sender in (USER, OWNER, account("guardian"), account("deployer")):
            with pytest.raises(Reverted, match="Ownable_NotOwner"):
                l1.factory.send(function, *arguments, sender=sender)
    timelock = l1.addresses.Timelock
    result = l1.factory.send("setInitBond", 0, 1, sender=timelock)
    assert l1.factory.events(result, "InitBondUpdated") == [{"gameType": 0, "newBond": 1}]
    result = l1.factory.send("setImplementation", 0, bytes(20), sender=timelock)
    assert l1.factory.events(result, "ImplementationSet") == [{"impl": "0x" + "00" * 20, "gameType": 0}]


# --- Registry ---------------------------------------------------------------------------------------------------------


def test_a_game_is_proper_at_once_and_valid_after_the_air_gap(l1: L1System) -> None:
    registry = l1.registry
    game = l1.create_game(root(16), 16)

    def facts() -> list[bool]:
        names = ("isGameRegistered", "isGameRespected", "isGameProper", "isGameResolved", "isGameFinalized")
        return [registry.call(name, game.address) for name in (*names, "isGameClaimValid")]

    assert facts() == [True, True, True, False, False, False]
    l1.chain.mine(TEST_DELAYS.max_clock)
    game.send("resolveClaim", 0, 0)
    l1.chain.auto_mine = False
    game.send("resolve")
    assert facts() == [True, True, True, True, False, False]
    l1.chain.mine(TEST_DELAYS.game_finality)
    assert facts() == [True, True, True, True, False, False]
    l1.chain.mine(1)
    assert facts() == [True, True, True, True, True, True]


def test_a_lost_game_is_final_but_not_valid(l1: L1System) -> None:
    game = l1.create_game(root(16), 16)
    game.send("attack", root(16), 0, bytes(32), value=game.call("getRequiredBond", 2))
    l1.chain.mine(2 * TEST_DELAYS.max_clock)
    for index in (1, 0):
        game.send("resolveClaim", index, 0)
    game.send("resolve")
    l1.chain.mine(TEST_DELAYS.game_finality + 1)
    assert l1.registry.call("isGameFinalized", game.address) is True
    assert l1.registry.call("isGameClaimValid", game.address) is False
    with pytest.raises(Reverted, match="AnchorStateRegistry_InvalidAnchorGame"):
        l1.registry.send("setAnchorState", game.address)


def test_a_clone_that_the_factory_does_not_know_is_not_registered(l1: L1System) -> None:
    game = l1.create_game(root(16), 16)
    impostor = account("impostor")
    l1.chain.set_code(impostor, l1.chain.code(game.address))
    assert l1.registry.call("isGameRegistered", impostor) is False
    assert l1.registry.call("isGameProper", impostor) is False


def test_a_game_that_reports_to_another_registry_is_not_registered(l1: L1System) -> None:
    game = l1.create_game(root(16), 16)
    registry = l1.chain.deploy("AnchorStateRegistry", 1)
    implementation = l1.chain.deploy(
        "FaultDisputeGame",
        (0, bytes(32), 8, 4, 200, 3600, l1.addresses.FaultProofVM, l1.weth.address, registry.address, 901, *NO_PROOFS),
    )
    # The implementation's address stands behind PUSH20 in the clone's code.
    code = l1.chain.code(game.address)
    assert code.count(bytes(l1.addresses.FaultDisputeGame)) == 1
    l1.chain.set_code(game.address, code.replace(bytes(l1.addresses.FaultDisputeGame), implementation.address))
    assert l1.registry.call("isGameRegistered", game.address) is False


def test_retirement_takes_out_all_games_so_far(l1: L1System) -> None:
    l1.chain.auto_mine = False
    game = l1.create_game(root(16), 16)
    result = l1.registry.send("updateRetirementTimestamp", sender=GUARDIAN)
    assert l1.registry.events(result, "RetirementTimestampSet") == [{"timestamp": l1.chain.timestamp}]
    # Also those of the same second.
    assert l1.registry.call("isGameRetired", game.address) is True
    l1.chain.mine(1)
    assert l1.registry.call("isGameRetired", l1.create_game(root(17), 17).address) is False
    assert l1.portal.call("respectedGameTypeUpdatedAt") == l1.chain.timestamp - 1


def test_blacklisting_takes_out_one_game(l1: L1System) -> None:
    first, second = l1.create_game(root(16), 16), l1.create_game(root(17), 17)
    result = l1.registry.send("blacklistDisputeGame", first.address, sender=GUARDIAN)
    assert l1.registry.events(result, "DisputeGameBlacklisted") == [{"disputeGame": first.hex}]
    assert [l1.registry.call("isGameProper", game.address) for game in (first, second)] == [False, True]


def test_a_changed_type_counts_for_games_created_later(l1: L1System) -> None:
    before = l1.create_game(root(16), 16)
    result = l1.registry.send("setRespectedGameType", 1, sender=GUARDIAN)
    assert l1.registry.events(result, "RespectedGameTypeSet") == [{"gameType": 1}]
    after = l1.create_game(root(17), 17)
    assert [l1.registry.call("isGameRespected", game.address) for game in (before, after)] == [True, False]
    assert l1.portal.call("respectedGameType") == 1


def test_only_the_guardian_takes_games_out(l1: L1System) -> None:
    calls = [("setRespectedGameType", (1,)), ("updateRetirementTimestamp", ()), ("blacklistDisputeGame", (USER,))]
    for function, arguments in calls:
        with pytest.raises(Reverted, match="AnchorStateRegistry_Unauthorized"):
            l1.registry.send(function, *arguments, sender=OWNER)


def test_the_anchor_moves_forward_only(l1: L1System) -> None:
    assert l1.registry.call("getAnchorRoot") == l1.registry.call("anchors", 0) == (ANCHOR_ROOT, 0)
    newer, older = won(l1, 20), won(l1, 10)
    # The later one is still in the air gap.
    with pytest.raises(Reverted, match="AnchorStateRegistry_InvalidAnchorGame"):
        l1.registry.send("setAnchorState", older.address)
    l1.chain.mine(TEST_DELAYS.game_finality + 1)
    result = l1.registry.send("setAnchorState", newer.address, sender=USER)
    assert l1.registry.events(result, "AnchorUpdated") == [{"game": newer.hex}]
    assert l1.registry.call("getAnchorRoot") == (root(20), 20)
    with pytest.raises(Reverted, match="AnchorStateRegistry_InvalidAnchorGame"):
        l1.registry.send("setAnchorState", older.address)
    assert l1.registry.call("getStartingAnchorRoot") == (ANCHOR_ROOT, 0)


def test_a_pause_makes_games_improper_for_its_time(l1: L1System) -> None:
    game = l1.create_game(root(16), 16)
    l1.superchain.send("pause", bytes(20), sender=GUARDIAN)
    assert l1.registry.call("paused") is True
    assert l1.registry.call("isGameProper", game.address) is False
    l1.superchain.send("unpause", bytes(20), sender=GUARDIAN)
    assert l1.registry.call("isGameProper", game.address) is True


# --- Delayed WETH -----------------------------------------------------------------------------------------------------


def test_weth_leaves_only_after_unlock_and_delay(l1: L1System) -> None:
    l1.weth.send("deposit", sender=USER, value=100)
    with pytest.raises(Reverted, match="DelayedWETH_NotUnlocked"):
        l1.weth.send("withdraw(uint256)", 1, sender=USER)
    l1.chain.auto_mine = False
    l1.weth.send("unlock", USER, 60, sender=USER)
    l1.chain.mine(TEST_DELAYS.bond_withdrawal - 1)
    with pytest.raises(Reverted, match="DelayedWETH_DelayNotMet"):
        l1.weth.send("withdraw(uint256)", 1, sender=USER)
    l1.chain.mine(1)
    with pytest.raises(Reverted, match="DelayedWETH_NotUnlocked"):
        l1.weth.send("withdraw(uint256)", 61, sender=USER)
    l1.superchain.send("pause", bytes(20), sender=GUARDIAN)
    with pytest.raises(Reverted, match="DelayedWETH_Paused"):
        l1.weth.send("withdraw(uint256)", 1, sender=USER)
    l1.superchain.send("unpause", bytes(20), sender=GUARDIAN)
    before = l1.chain.balance(USER)
    l1.weth.send("withdraw(address,uint256)", USER, 60, sender=USER)
    assert l1.chain.balance(USER) - before == 60
    assert l1.weth.call("balanceOf", USER) == 40


def test_a_second_unlock_starts_the_delay_anew(l1: L1System) -> None:
    l1.weth.send("deposit", sender=USER, value=100)
    l1.weth.send("unlock", USER, 50, sender=USER)
    l1.chain.mine(TEST_DELAYS.bond_withdrawal)
    l1.weth.send("unlock", USER, 1, sender=USER)
    with pytest.raises(Reverted, match="DelayedWETH_DelayNotMet"):
        l1.weth.send("withdraw(uint256)", 50, sender=USER)


def test_the_owner_behind_the_timelock_can_take_bonds_back(l1: L1System) -> None:
    game = l1.create_game(root(16), 16)
    timelock = l1.addresses.Timelock
    for caller in (OWNER, GUARDIAN, USER):
        for function, arguments in [("hold(address)", (game.address,)), ("recover", (1,))]:
            with pytest.raises(Reverted, match="ProxyAdminOwnedBase_NotProxyAdminOwner"):
                l1.weth.send(function, *arguments, sender=caller)
    assert l1.weth.call("proxyAdminOwner") == hex_address(timelock)
    l1.weth.send("hold(address,uint256)", game.address, 100, sender=timelock)
    assert l1.weth.call("balanceOf", timelock) == 100
    assert l1.weth.call("balanceOf", game.address) == BOND - 100
    before = l1.chain.balance(timelock)
    l1.weth.send("recover", 2**256 - 1, sender=timelock)
    assert l1.chain.balance(timelock) - before == BOND


# --- Preimage oracle --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 24, 25, 32, 100])
def test_preimages_are_read_with_their_length_in_front(l1: L1System, size: int) -> None:
    data = bytes(range(size))
    keys = {
        "loadKeccak256PreimagePart": b"\x02" + keccak(data)[1:],
        "loadSha256PreimagePart": b"\x04" + hashlib.sha256(data).digest()[1:],
    }
    served = size.to_bytes(8, "big") + data
    for function, key in keys.items():
        for offset in sorted({0, 1, 8, size // 2, size + 7}):
            if offset >= size + 8:
                continue
            l1.oracle.send(function, offset, data)
            part = served[offset : offset + 32]
            assert l1.oracle.call("readPreimage", key, offset) == (part.ljust(32, b"\0"), len(part))
            assert l1.oracle.call("preimagePartOk", key, offset) is True
            assert l1.oracle.call("preimageParts", key, offset) == part.ljust(32, b"\0")
        assert l1.oracle.call("preimageLengths", key) == size
        with pytest.raises(Reverted, match="PartOffsetOOB"):
            l1.oracle.send(function, size + 8, data)


def test_what_was_not_stored_cannot_be_read(l1: L1System) -> None:
    with pytest.raises(Reverted, match="pre-image must exist"):
        l1.oracle.call("readPreimage", bytes(32), 0)


@pytest.mark.parametrize("size", [0, 1, 8, 32])
def test_local_data_belongs_to_its_caller_and_context(l1: L1System, size: int) -> None:
    word, context = bytes(range(1, 33)), keccak(text="context")
    served = size.to_bytes(8, "big") + word[:size]
    keys = set()
    for sender in (USER, OWNER):
        for offset in range(0, size + 8, 5):
            l1.oracle.send("loadLocalData", 3, context, word, size, offset, sender=sender)
            name = b"\x01" + (3).to_bytes(31, "big")
            digest = keccak(encode(["bytes32", "address", "bytes32"], [name, sender, context]))
            key = b"\x01" + digest[1:]
            keys.add(key)
            part = served[offset : offset + 32]
            assert l1.oracle.call("readPreimage", key, offset) == (part.ljust(32, b"\0"), len(part))
    assert len(keys) == 2


def test_local_data_is_at_most_a_word(l1: L1System) -> None:
    for size, offset in [(33, 0), (32, 40), (8, 16)]:
        with pytest.raises(Reverted, match="PartOffsetOOB"):
            l1.oracle.send("loadLocalData", 1, bytes(32), bytes(32), size, offset)
