"""The fault dispute game: full disputes down to a step, clocks, bonds, resolution, payouts.

The alphabet VM judges: the right output root of block n is keccak256("alphabet", n), the trace is the alphabet from
"a", and its last state says whether the disputed root was right.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.harness import (
    NO_PROOFS,
    TEST_DELAYS,
    Chain,
    Contract,
    L1System,
    Reverted,
    account,
    deploy_l1,
    hex_address,
)

SPLIT = 4
LAST_BLOCK = 2**SPLIT
HONEST, LIAR = account("honest"), account("liar")
IN_PROGRESS, CHALLENGER_WINS, DEFENDER_WINS = range(3)
MAX_CLOCK = TEST_DELAYS.max_clock
NOBODY = "0x" + "00" * 20


def right_root(block: int) -> bytes:
    return keccak(encode(["string", "uint256"], ["alphabet", block]))


def state_data(number: int) -> bytes:
    return encode(["uint256", "uint256"], [number, 97 + number])


@dataclass(frozen=True)
class Player:
    """What a player claims: the truth, or lies from a block and within its trace from a state on."""

    address: bytes
    max_depth: int
    lies_from_block: int = 10**9
    lies_from_state: int = 10**9
    claimed_block: int = LAST_BLOCK

    def root(self, block: int) -> bytes:
        block = min(block, self.claimed_block)
        return keccak(text=f"lie about {block}") if block >= self.lies_from_block else right_root(block)

    def output(self, position: int) -> bytes:
        """Claim at a position at or above the split."""
        return self.root(trace_index(position, SPLIT) + 1)

    @property
    def trace_length(self) -> int:
        steps: int = 2 ** (self.max_depth - SPLIT - 1)
        return steps

    def state(self, number: int, disputed_is_right: bool) -> bytes:
        """Commitment to the state after so many steps."""
        verdict = disputed_is_right
        if number >= self.lies_from_state:
            verdict = not verdict
            body = keccak(text=f"lie about state {number}")
        else:
            body = keccak(state_data(number))
        status = 3 if number != self.trace_length else (0 if verdict else 1)
        return bytes([status]) + body[1:]

    def execution(self, position: int, disputed_is_right: bool) -> bytes:
        """Claim at a position below the split."""
        index = trace_index(position, self.max_depth) % self.trace_length
        return self.state(index + 1, disputed_is_right)


def trace_index(position: int, max_depth: int) -> int:
    depth = position.bit_length() - 1
    remaining = max_depth - depth
    return ((position + 1) << remaining) - 1 - (1 << max_depth)


@dataclass
class Dispute:
    """A game and the moves in it."""

    l1: L1System
    game: Contract
    max_depth: int

    @property
    def chain(self) -> Chain:
        return self.l1.chain

    def claim(self, index: int) -> tuple[int, str, str, int, bytes, int, int]:
        values: tuple[int, str, str, int, bytes, int, int] = self.game.call("claimData", index)
        return values

    @property
    def count(self) -> int:
        number: int = self.game.call("claimDataLen")
        return number

    def bond(self, position: int) -> int:
        wei: int = self.game.call("getRequiredBond", position)
        return wei

    def move(self, parent: int, value: bytes, attack: bool, sender: bytes) -> int:
        """Answers a claim with the right bond; the new claim's index."""
        _, _, _, _, disputed, position, _ = self.claim(parent)
        target = 2 * (position if attack else position | 1)
        self.game.send("move", disputed, parent, value, attack, sender=sender, value=self.bond(target))
        return self.count - 1

    def disputed_is_right(self, index: int, exec_parent: int, attack: bool) -> bool:
        """Whether the output root that the execution trace at a split-level claim is about is the right one."""
        _, _, _, _, value, position, _ = self.claim(exec_parent)
        if attack:
            return value == right_root(min(trace_index(position, SPLIT) + 1, LAST_BLOCK))
        wanted = position + 1
        while wanted % 2 == 1 and wanted > 1:
            wanted //= 2
        while position != wanted:
            exec_parent = self.claim(exec_parent)[0]
            _, _, _, _, value, position, _ = self.claim(exec_parent)
        return value == right_root(min(trace_index(position, SPLIT) + 1, LAST_BLOCK))

    def play(self, players: tuple[Player, Player]) -> int:
        """Lets the players answer each other down to the deepest level, player 0 first; the last claim's index."""
        index, turn, verdict = 0, 0, False
        while True:
            player = players[turn]
            _, _, _, _, value, position, _ = self.claim(index)
            depth = position.bit_length() - 1
            if depth == self.max_depth:
                return index
            own = player.output(position) if depth <= SPLIT else player.execution(position, verdict)
            attack = own != value
            target = 2 * (position if attack else position | 1)
            if depth < SPLIT:
                answer = player.output(target)
            else:
                if depth == SPLIT:
                    verdict = self.disputed_is_right(index, index, attack)
                answer = player.execution(target, verdict)
            index = self.move(index, answer, attack, player.address)
            turn = 1 - turn

    def step(self, index: int, player: Player, verdict: bool, sender: bytes | None = None) -> None:
        """Executes the VM step that decides a claim at the deepest level, with local data for the last one."""
        _, _, _, _, value, position, _ = self.claim(index)
        number = trace_index(position, self.max_depth) % player.trace_length
        attack = player.state(number + 1, verdict) != value
        before = number if attack else number + 1
        if before + 1 == player.trace_length:
            for ident in (3, 4):
                self.game.send("addLocalData", ident, index, 8)
        self.game.send("step", index, attack, state_data(before), b"", sender=sender or player.address)

    def resolve_all(self) -> int:
        """Settles all claims, last first, and the game; the result."""
        for index in reversed(range(self.count)):
            self.game.send("resolveClaim", index, 0)
        self.game.send("resolve")
        status: int = self.game.call("status")
        return status


def start(
    root: bytes | None = None,
    max_depth: int = 8,
    proposer: bytes = LIAR,
    block: int = LAST_BLOCK,
    *,
    with_proofs: bool = False,
) -> Dispute:
    l1 = deploy_l1(max_depth, SPLIT, with_proofs=with_proofs)
    game = l1.create_game(right_root(block) if root is None else root, block, proposer)
    return Dispute(l1, game, max_depth)


# --- A whole dispute --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_depth", [8, 9])
@pytest.mark.parametrize("lie_block", [1, 2, 7, 8, 15, 16])
@pytest.mark.parametrize("lie_state", [1, 4, 8])
def test_a_wrong_root_claim_loses_wherever_the_lie_begins(max_depth: int, lie_block: int, lie_state: int) -> None:
    honest = Player(HONEST, max_depth)
    liar = Player(LIAR, max_depth, lie_block, lie_state)
    dispute = start(liar.root(LAST_BLOCK), max_depth)
    last = dispute.play((honest, liar))
    if dispute.claim(last)[2] == hex_address(LIAR):
        verdict = find_verdict(dispute, last)
        dispute.step(last, honest, verdict)
    else:
        with pytest.raises(Reverted, match=r"ValidStep|InvalidPrestate"):
            dispute.step(last, liar, find_verdict(dispute, last), LIAR)
    dispute.chain.mine(MAX_CLOCK)
    assert dispute.resolve_all() == CHALLENGER_WINS


def find_verdict(dispute: Dispute, index: int) -> bool:
    """Whether the output root disputed above an execution claim is right."""
    child = index
    while True:
        parent, _, _, _, _, position, _ = dispute.claim(child)
        if position.bit_length() - 1 == SPLIT + 1:
            attack = position // 2 == dispute.claim(parent)[5]
            return dispute.disputed_is_right(child, parent, attack)
        child = parent


@pytest.mark.parametrize("max_depth", [8, 9])
@pytest.mark.parametrize("lie_block", [1, 3, 8, 16])
@pytest.mark.parametrize("lie_state", [1, 5, 8])
def test_a_right_root_claim_survives_a_lying_challenger(max_depth: int, lie_block: int, lie_state: int) -> None:
    honest = Player(HONEST, max_depth)
    liar = Player(LIAR, max_depth, lie_block, lie_state)
    dispute = start(max_depth=max_depth, proposer=HONEST)
    last = dispute.play((liar, honest))
    if dispute.claim(last)[2] == hex_address(LIAR):
        dispute.step(last, honest, find_verdict(dispute, last))
    dispute.chain.mine(MAX_CLOCK)
    assert dispute.resolve_all() == DEFENDER_WINS


def test_the_honest_side_gets_its_bonds_and_the_liars() -> None:
    honest, liar = Player(HONEST, 8), Player(LIAR, 8, 8, 4)
    dispute = start(liar.root(LAST_BLOCK))
    last = dispute.play((honest, liar))
    dispute.step(last, honest, find_verdict(dispute, last))
    dispute.chain.mine(MAX_CLOCK)
    assert dispute.resolve_all() == CHALLENGER_WINS
    total = sum(dispute.bond(dispute.claim(i)[5]) for i in range(dispute.count))
    assert dispute.game.call("normalModeCredit", HONEST) == total
    assert dispute.game.call("normalModeCredit", LIAR) == 0
    assert dispute.l1.weth.call("balanceOf", dispute.game.address) == total
    with pytest.raises(Reverted, match="GameNotFinalized"):
        dispute.game.send("claimCredit", HONEST)
    dispute.chain.mine(TEST_DELAYS.game_finality)
    result = dispute.game.send("claimCredit", HONEST)
    assert dispute.game.events(result, "GameClosed") == [{"bondDistributionMode": 1}]
    with pytest.raises(Reverted, match="DelayedWETH_DelayNotMet"):
        dispute.game.send("claimCredit", HONEST)
    dispute.chain.mine(TEST_DELAYS.bond_withdrawal)
    before = dispute.chain.balance(HONEST)
    dispute.game.send("claimCredit", HONEST)
    assert dispute.chain.balance(HONEST) - before == total
    with pytest.raises(Reverted, match="NoCreditToClaim"):
        dispute.game.send("claimCredit", HONEST)


def test_a_step_that_agrees_with_the_claim_is_refused() -> None:
    honest, liar = Player(HONEST, 9), Player(LIAR, 9, 8, 4)
    dispute = start(liar.root(LAST_BLOCK), 9)
    last = dispute.play((honest, liar))
    assert dispute.claim(last)[2] == hex_address(HONEST)
    number = trace_index(dispute.claim(last)[5], 9) % honest.trace_length
    with pytest.raises(Reverted, match="ValidStep"):
        dispute.game.send("step", last, True, state_data(number), b"", sender=LIAR)


def test_a_step_needs_the_preimage_of_the_state_before() -> None:
    honest, liar = Player(HONEST, 8), Player(LIAR, 8, 8, 4)
    dispute = start(liar.root(LAST_BLOCK))
    last = dispute.play((honest, liar))
    with pytest.raises(Reverted, match="InvalidPrestate"):
        dispute.game.send("step", last, True, state_data(77), b"", sender=HONEST)
    with pytest.raises(Reverted, match="InvalidParent"):
        dispute.game.send("step", last - 1, True, state_data(0), b"", sender=HONEST)


def test_a_claim_is_stepped_on_once() -> None:
    honest, liar = Player(HONEST, 8), Player(LIAR, 8, 8, 4)
    dispute = start(liar.root(LAST_BLOCK))
    last = dispute.play((honest, liar))
    verdict = find_verdict(dispute, last)
    dispute.step(last, honest, verdict)
    assert dispute.claim(last)[1] == hex_address(HONEST)
    with pytest.raises(Reverted, match="DuplicateStep"):
        dispute.step(last, honest, verdict, account("late"))


# --- Starting ---------------------------------------------------------------------------------------------------------


def test_a_new_game_knows_where_it_comes_from() -> None:
    dispute = start()
    game, l1 = dispute.game, dispute.l1
    assert game.call("gameCreator") == hex_address(LIAR)
    assert game.call("rootClaim") == right_root(LAST_BLOCK)
    assert game.call("l2BlockNumber") == game.call("l2SequenceNumber") == LAST_BLOCK
    assert game.call("extraData") == LAST_BLOCK.to_bytes(32, "big")
    assert game.call("gameData") == (0, right_root(LAST_BLOCK), LAST_BLOCK.to_bytes(32, "big"))
    assert game.call("startingBlockNumber") == 0
    assert game.call("startingRootHash") == l1.registry.call("getAnchorRoot")[0]
    assert game.call("wasRespectedGameTypeWhenCreated") is True
    assert game.call("anchorStateRegistry") == l1.registry.hex
    created = game.call("createdAt")
    # The block before the creating one; the chain mined once since.
    assert game.call("l1Head") == l1.chain.block_hash(l1.chain.number - 2)
    assert dispute.claim(0) == (2**32 - 1, NOBODY, hex_address(LIAR), 8 * 10**16, right_root(LAST_BLOCK), 1, created)


def test_a_game_is_initialised_by_its_creation_only() -> None:
    dispute = start()
    with pytest.raises(Reverted, match="AlreadyInitialized"):
        dispute.game.send("initialize")


@pytest.mark.parametrize(
    ("block", "extra", "error"),
    [(0, b"", "UnexpectedRootClaim"), (16, b"\0", "BadExtraData")],
)
def test_games_about_nothing_new_or_with_padding_are_refused(block: int, extra: bytes, error: str) -> None:
    l1 = deploy_l1()
    # Loaded so that the error's name is known.
    l1.chain.at("FaultDisputeGame", l1.addresses.FaultDisputeGame)
    data = block.to_bytes(32, "big") + extra
    with pytest.raises(Reverted, match=error):
        l1.factory.send("create", 0, right_root(block), data, value=8 * 10**16)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"max_depth": 126}, "MaxDepthTooLarge"),
        ({"split": 1}, "InvalidSplitDepth"),
        ({"split": 7}, "InvalidSplitDepth"),
        ({"extension": 1801}, "InvalidClockExtension"),
        ({"clock": 299, "extension": 149}, None),
        ({"clock": 298, "extension": 149}, None),
        ({"clock": 297, "extension": 149}, "InvalidClockExtension"),
        ({"game_type": 2**32 - 1}, "ReservedGameType"),
    ],
)
def test_games_that_could_not_be_played_cannot_be_deployed(changes: dict[str, int], error: str | None) -> None:
    l1 = deploy_l1()
    values = {"max_depth": 8, "split": 4, "extension": 200, "clock": 3600, "game_type": 0} | changes
    arguments = (
        values["game_type"],
        bytes(32),
        values["max_depth"],
        values["split"],
        values["extension"],
        values["clock"],
        l1.addresses.FaultProofVM,
        l1.weth.address,
        l1.registry.address,
        901,
        *NO_PROOFS,
    )
    if error is None:
        assert l1.chain.deploy("FaultDisputeGame", arguments).call("maxClockDuration") == values["clock"]
    else:
        l1.chain.at("FaultDisputeGame", l1.addresses.FaultDisputeGame)
        with pytest.raises(Reverted, match=error):
            l1.chain.deploy("FaultDisputeGame", arguments)


# --- Moving -----------------------------------------------------------------------------------------------------------


def test_attack_and_defend_are_moves_to_the_left_and_to_the_right() -> None:
    dispute = start()
    root = right_root(LAST_BLOCK)
    claim = b"\x01" * 32
    result = dispute.game.send("attack", root, 0, claim, sender=HONEST, value=dispute.bond(2))
    (event,) = dispute.game.events(result, "Move")
    assert event == {"parentIndex": 0, "claim": claim, "claimant": hex_address(HONEST)}
    dispute.game.send("defend", claim, 1, b"\x02" * 32, sender=LIAR, value=dispute.bond(6))
    assert dispute.claim(1)[5] == 2
    assert dispute.claim(2)[5] == 6
    assert dispute.game.call("getNumToResolve", 0) == 1


def test_wrong_moves_are_refused() -> None:
    dispute = start()
    root, claim = right_root(LAST_BLOCK), b"\x01" * 32
    game, bond = dispute.game, dispute.bond(2)

    def refused(error: str, *arguments: object, value: int = bond, function: str = "attack") -> None:
        with pytest.raises(Reverted, match=error):
            game.send(function, *arguments, sender=HONEST, value=value)

    refused("InvalidDisputedClaimIndex", claim, 0, claim)
    refused("CannotDefendRootClaim", root, 0, claim, function="defend")
    refused("IncorrectBondAmount", root, 0, claim, value=bond - 1)
    refused("Panic|", root, 1, claim)
    game.send("attack", root, 0, claim, sender=HONEST, value=bond)
    refused("ClaimAlreadyExists", root, 0, claim)
    game.send("attack", root, 0, b"\x02" * 32, sender=HONEST, value=bond)


def split_leaf(dispute: Dispute, honest: Player, liar: Player) -> int:
    """Plays down to the split; the index of the claim there, which is the liar's."""
    index = 0
    for turn in range(SPLIT):
        player = (honest, liar)[turn % 2]
        _, _, _, _, value, position, _ = dispute.claim(index)
        attack = player.output(position) != value
        target = 2 * (position if attack else position | 1)
        index = dispute.move(index, player.output(target), attack, player.address)
    return index


@pytest.mark.parametrize(("status", "allowed"), [(0, False), (1, True), (2, True), (3, False)])
def test_attacking_an_output_root_claims_that_the_program_refuses_it(status: int, allowed: bool) -> None:
    honest, liar = Player(HONEST, 8), Player(LIAR, 8, 1)
    dispute = start(liar.root(LAST_BLOCK))
    leaf = split_leaf(dispute, honest, liar)
    claim = bytes([status]) + b"\x01" * 31
    if allowed:
        dispute.move(leaf, claim, True, HONEST)
    else:
        with pytest.raises(Reverted, match="UnexpectedRootClaim"):
            dispute.move(leaf, claim, True, HONEST)


@pytest.mark.parametrize("status", [0, 1])
def test_defending_an_output_root_refuses_the_next_one_if_it_is_the_other_sides(status: int) -> None:
    # The liar's claim at the split is right, the neighbour to the right of it is the liar's lie.
    honest, liar = Player(HONEST, 8), Player(LIAR, 8, 16)
    dispute = start(liar.root(LAST_BLOCK))
    leaf = split_leaf(dispute, honest, liar)
    assert dispute.claim(leaf)[4] == right_root(trace_index(dispute.claim(leaf)[5], SPLIT) + 1)
    claim = bytes([status]) + b"\x01" * 31
    if status == 1:
        root = dispute.move(leaf, claim, False, HONEST)
        # The root of an execution trace commits to all of it.
        with pytest.raises(Reverted, match="CannotDefendRootClaim"):
            dispute.move(root, b"\x03" * 32, False, LIAR)
    else:
        with pytest.raises(Reverted, match="UnexpectedRootClaim"):
            dispute.move(leaf, claim, False, HONEST)


def test_nobody_moves_below_the_deepest_level() -> None:
    honest, liar = Player(HONEST, 8), Player(LIAR, 8, 8, 4)
    dispute = start(liar.root(LAST_BLOCK))
    last = dispute.play((honest, liar))
    with pytest.raises(Reverted, match="GameDepthExceeded"):
        dispute.game.send("attack", dispute.claim(last)[4], last, b"\x03" * 32, sender=HONEST)


# --- Local data -------------------------------------------------------------------------------------------------------


def test_the_program_is_told_the_two_roots_around_the_disputed_block() -> None:
    honest, liar = Player(HONEST, 8), Player(LIAR, 8, 8, 4)
    dispute = start(liar.root(LAST_BLOCK))
    last = dispute.play((honest, liar))
    oracle = dispute.l1.oracle
    expected = {
        1: dispute.game.call("l1Head"),
        2: right_root(7),
        # The liar attacked the honest claim about block 8.
        3: right_root(8),
        4: (8).to_bytes(8, "big"),
        5: (901).to_bytes(8, "big"),
    }
    for ident, value in expected.items():
        dispute.game.send("addLocalData", ident, last, 0)
        key = local_key(dispute, last, ident)
        assert oracle.call("preimageLengths", key) == len(value)
        word = (len(value).to_bytes(8, "big") + value).ljust(32, b"\0")[:32]
        assert oracle.call("readPreimage", key, 0) == (word, min(32, 8 + len(value)))
    with pytest.raises(Reverted, match="InvalidLocalIdent"):
        dispute.game.send("addLocalData", 6, last, 0)
    with pytest.raises(Reverted, match="ClaimAboveSplit"):
        dispute.game.send("addLocalData", 1, 1, 0)


def local_key(dispute: Dispute, index: int, ident: int) -> bytes:
    """Key of local data as the specification has it: type 1, hash of identifier, game and context."""
    while True:
        parent, _, _, _, _, position, _ = dispute.claim(index)
        if position.bit_length() - 1 == SPLIT + 1:
            break
        index = parent
    _, _, _, _, value, output, _ = dispute.claim(parent)
    attack = position // 2 == output

    def ancestor(wanted: int, at: int) -> tuple[bytes, int]:
        while wanted % 2 == 1 and wanted > 1:
            wanted //= 2
        while dispute.claim(at)[5] != wanted:
            at = dispute.claim(at)[0]
        return dispute.claim(at)[4], dispute.claim(at)[5]

    if attack:
        disputed = (value, output)
        starting = ancestor(output - 1, parent) if output != 1 << SPLIT else None
    else:
        disputed = ancestor(output + 1, parent)
        starting = (value, output)
    parts = ([*starting] if starting else []) + [*disputed]
    types = ["bytes32", "uint128"] * (len(parts) // 2)
    context = keccak(encode(types, parts))
    name = b"\x01" + ident.to_bytes(31, "big")
    digest = keccak(encode(["bytes32", "address", "bytes32"], [name, dispute.game.address, context]))
    return b"\x01" + digest[1:]


def test_a_claim_about_an_early_block_repeats_it_to_the_end_of_the_trace() -> None:
    # Claimed block 3, so that most of the 16 output roots are block 3's.
    honest = Player(HONEST, 8, claimed_block=3)
    liar = Player(LIAR, 8, 3, 1, claimed_block=3)
    dispute = start(liar.root(3), block=3)
    index = 0
    for _ in range(SPLIT):
        # Both sides insist on the far right.
        position = dispute.claim(index)[5]
        attack = position == 1
        target = 2 * (position if attack else position | 1)
        player = honest if dispute.count % 2 else liar
        index = dispute.move(index, liar.output(target) if player is liar else honest.output(target), attack, HONEST)
    root = dispute.move(index, b"\x01" + b"\x05" * 31, True, HONEST)
    dispute.game.send("addLocalData", 4, root, 8)
    assert dispute.l1.oracle.call("readPreimage", local_key(dispute, root, 4), 8)[0][:8] == (3).to_bytes(8, "big")


# --- Clocks -----------------------------------------------------------------------------------------------------------


def test_time_spent_counts_for_the_side_that_spent_it() -> None:
    dispute = start()
    chain = dispute.chain
    chain.auto_mine = False
    created = dispute.game.call("createdAt")
    chain.mine(1000 - (chain.timestamp - created))
    first = dispute.move(0, b"\x01" * 32, True, HONEST)
    assert dispute.claim(first)[6] >> 64 == 1000
    chain.mine(50)
    second = dispute.move(first, b"\x02" * 32, True, LIAR)
    # The liar's side had used nothing before.
    assert dispute.claim(second)[6] >> 64 == 50
    chain.mine(30)
    assert dispute.game.call("getChallengerDuration", second) == 1030
    third = dispute.move(second, b"\x03" * 32, True, HONEST)
    assert dispute.claim(third)[6] >> 64 == 1030


def test_a_clock_that_ran_out_ends_the_right_to_answer() -> None:
    dispute = start()
    dispute.chain.auto_mine = False
    created = dispute.game.call("createdAt")
    dispute.chain.mine(MAX_CLOCK - 1 - (dispute.chain.timestamp - created))
    with pytest.raises(Reverted, match="ClockNotExpired"):
        dispute.game.send("resolveClaim", 0, 0)
    snapshot = dispute.count
    dispute.move(0, b"\x01" * 32, True, HONEST)
    assert dispute.count == snapshot + 1
    dispute.chain.mine(1)
    with pytest.raises(Reverted, match="ClockTimeExceeded"):
        dispute.move(0, b"\x02" * 32, True, HONEST)


@pytest.mark.parametrize(
    ("depth", "extension"),
    [
        (1, TEST_DELAYS.clock_extension),
        (SPLIT - 1, 2 * TEST_DELAYS.clock_extension),
        (SPLIT, TEST_DELAYS.clock_extension),
        (7, TEST_DELAYS.clock_extension + TEST_DELAYS.preimage_challenge),
    ],
)
def test_a_late_answer_leaves_the_next_one_the_extension(depth: int, extension: int) -> None:
    honest, liar = Player(HONEST, 8), Player(LIAR, 8, 8, 4)
    dispute = start(liar.root(LAST_BLOCK))
    dispute.chain.auto_mine = False
    index, verdict = 0, False
    for level in range(depth):
        player = (honest, liar)[level % 2]
        _, _, _, _, value, position, _ = dispute.claim(index)
        own = player.output(position) if level <= SPLIT else player.execution(position, verdict)
        attack = own != value
        if level == SPLIT:
            verdict = dispute.disputed_is_right(index, index, attack)
        target = 2 * (position if attack else position | 1)
        answer = player.output(target) if level < SPLIT else player.execution(target, verdict)
        if level == depth - 1:
            used = dispute.game.call("getChallengerDuration", index)
            dispute.chain.mine(MAX_CLOCK - 1 - used)
        index = dispute.move(index, answer, attack, player.address)
    assert dispute.claim(index)[6] >> 64 == MAX_CLOCK - extension


# --- Resolution -------------------------------------------------------------------------------------------------------


def test_an_unanswered_claim_wins_and_gets_its_bond_back() -> None:
    dispute = start(proposer=HONEST)
    dispute.chain.mine(MAX_CLOCK)
    with pytest.raises(Reverted, match="OutOfOrderResolution"):
        dispute.game.send("resolve")
    dispute.game.send("resolveClaim", 0, 0)
    with pytest.raises(Reverted, match="ClaimAlreadyResolved"):
        dispute.game.send("resolveClaim", 0, 0)
    result = dispute.game.send("resolve")
    assert dispute.game.events(result, "Resolved") == [{"status": DEFENDER_WINS}]
    assert dispute.game.call("normalModeCredit", HONEST) == 8 * 10**16
    for function, arguments in [("resolve", ()), ("resolveClaim", (0, 0)), ("addLocalData", (1, 0, 0))]:
        with pytest.raises(Reverted, match="GameNotInProgress"):
            dispute.game.send(function, *arguments)


def test_answers_are_settled_before_what_they_answer() -> None:
    dispute = start()
    dispute.move(0, b"\x01" * 32, True, HONEST)
    dispute.chain.mine(2 * MAX_CLOCK)
    with pytest.raises(Reverted, match="OutOfOrderResolution"):
        dispute.game.send("resolveClaim", 0, 0)
    assert dispute.resolve_all() == CHALLENGER_WINS


def test_the_leftmost_standing_answer_gets_the_bond() -> None:
    dispute = start()
    first = dispute.move(0, b"\x01" * 32, True, account("opener"))
    right = dispute.move(first, b"\x02" * 32, False, account("right"))
    left = dispute.move(first, b"\x03" * 32, True, account("left"))
    assert dispute.claim(right)[5] > dispute.claim(left)[5]
    dispute.chain.mine(2 * MAX_CLOCK)
    assert dispute.resolve_all() == DEFENDER_WINS
    game = dispute.game
    assert game.call("normalModeCredit", account("left")) == dispute.bond(2) + dispute.bond(4)
    assert game.call("normalModeCredit", account("right")) == dispute.bond(6)
    assert game.call("normalModeCredit", account("opener")) == 0
    assert dispute.claim(first)[1] == hex_address(account("left"))


def test_a_claim_with_many_answers_is_settled_in_parts() -> None:
    dispute = start()
    for number in range(5):
        dispute.move(0, bytes([number + 1]) * 32, True, HONEST)
    dispute.chain.mine(2 * MAX_CLOCK)
    for index in range(1, 6):
        dispute.game.send("resolveClaim", index, 0)
    dispute.game.send("resolveClaim", 0, 2)
    assert dispute.game.call("getNumToResolve", 0) == 3
    assert dispute.game.call("resolvedSubgames", 0) is False
    # After the first part, zero checks nothing more.
    dispute.game.send("resolveClaim", 0, 0)
    assert dispute.game.call("getNumToResolve", 0) == 3
    dispute.game.send("resolveClaim", 0, 2**256 - 1)
    assert dispute.game.call("resolvedSubgames", 0) is True
    dispute.game.send("resolve")
    assert dispute.game.call("status") == CHALLENGER_WINS
