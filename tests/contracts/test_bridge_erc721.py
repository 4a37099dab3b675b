"""ERC-721 bridges and mintable ERC-721 tokens."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.harness import Contract, Reverted, account, hex_address
from tests.contracts.two_chains import L1_CHAIN_ID, PREDEPLOYS, REFUSE, TwoChains

ALICE = account("alice")
BOB = account("bob")
MINTER = account("minter")
L2_BRIDGE = PREDEPLOYS["L2ERC721Bridge"]


class Pair:
    """A collection on L1 with token 42 in Alice's hands, approved for the bridge, and its image on L2."""

    def __init__(self) -> None:
        self.chains = TwoChains()
        self.l1_bridge = self.chains.l1_erc721_bridge
        self.l2_bridge = self.chains.l2["L2ERC721Bridge"]
        # Any ERC-721 token does on L1; this one lets the test mint.
        self.token = self.chains.l1_chain.deploy("OptimismMintableERC721", MINTER, 1, BOB, "Art", "ART")
        self.token.send("safeMint", ALICE, 42, sender=MINTER)
        self.token.send("approve", self.l1_bridge.address, 42, sender=ALICE)
        factory = self.chains.l2["OptimismMintableERC721Factory"]
        made = factory.send("createOptimismMintableERC721", self.token.address, "Art", "ART", sender=BOB)
        (event,) = factory.events(made, "OptimismMintableERC721Created")
        self.image = self.chains.l2.chain.at("OptimismMintableERC721", event["localToken"])

    def bridge_to_l2(self, to: bytes = ALICE) -> None:
        sent = self.l1_bridge.send(
            "bridgeERC721To", self.token.address, self.image.address, to, 42, 400_000, b"x", sender=ALICE
        )
        result = self.chains.carry_to_l2(sent)
        assert len(self.chains.l2_messenger.events(result, "RelayedMessage")) == 1


@pytest.fixture
def pair() -> Pair:
    return Pair()


def fields(local: Contract, remote: Contract, sender: bytes, to: bytes, data: bytes) -> dict[str, object]:
    return {
        "localToken": local.hex,
        "remoteToken": remote.hex,
        "from": hex_address(sender),
        "to": hex_address(to),
        "tokenId": 42,
        "extraData": data,
    }


def test_a_token_is_locked_minted_burned_and_unlocked(pair: Pair) -> None:
    sent = pair.l1_bridge.send(
        "bridgeERC721To", pair.token.address, pair.image.address, BOB, 42, 400_000, b"x", sender=ALICE
    )
    assert pair.l1_bridge.events(sent, "ERC721BridgeInitiated") == [fields(pair.token, pair.image, ALICE, BOB, b"x")]
    assert pair.token.call("ownerOf", 42) == pair.l1_bridge.hex
    assert pair.l1_bridge.call("deposits", pair.token.address, pair.image.address, 42) is True

    arrived = pair.chains.carry_to_l2(sent)
    assert pair.l2_bridge.events(arrived, "ERC721BridgeFinalized") == [fields(pair.image, pair.token, ALICE, BOB, b"x")]
    assert pair.image.call("ownerOf", 42) == hex_address(BOB)

    back = pair.l2_bridge.send("bridgeERC721", pair.image.address, pair.token.address, 42, 400_000, b"", sender=BOB)
    assert pair.image.call("totalSupply") == 0
    pair.chains.carry_to_l1(back)
    assert pair.token.call("ownerOf", 42) == hex_address(BOB)
    assert pair.l1_bridge.call("deposits", pair.token.address, pair.image.address, 42) is False


def test_a_token_is_unlocked_only_for_the_image_it_was_deposited_for(pair: Pair) -> None:
    pair.bridge_to_l2()
    factory = pair.chains.l2["OptimismMintableERC721Factory"]
    factory.send("createOptimismMintableERC721", pair.token.address, "Fake", "ART", sender=BOB)
    release = pair.l1_bridge.artifact.encode_call("finalizeBridgeERC721", pair.token.address, BOB, ALICE, BOB, 42, b"")
    # Even a message of the L2 bridge itself, were it to name another image, finds nothing.
    sent = pair.chains.l2_messenger.send(
        "sendMessage", pair.l1_bridge.address, release, 400_000, sender=pair.l2_bridge.address
    )
    failed = pair.chains.carry_to_l1(sent)
    assert len(pair.chains.l1_messenger.events(failed, "FailedRelayedMessage")) == 1
    assert pair.token.call("ownerOf", 42) == pair.l1_bridge.hex


def test_only_the_owner_sends_a_token_back(pair: Pair) -> None:
    pair.bridge_to_l2()
    with pytest.raises(Reverted, match="NotTokenOwner"):
        pair.l2_bridge.send("bridgeERC721", pair.image.address, pair.token.address, 42, 400_000, b"", sender=BOB)


def test_an_image_moves_only_towards_the_token_it_names(pair: Pair) -> None:
    pair.bridge_to_l2()
    with pytest.raises(Reverted, match="WrongRemoteToken"):
        pair.l2_bridge.send("bridgeERC721", pair.image.address, BOB, 42, 400_000, b"", sender=ALICE)


def test_addresses_of_zero_are_refused(pair: Pair) -> None:
    zero = bytes(20)
    with pytest.raises(Reverted, match="ZeroAddress"):
        pair.l1_bridge.send("bridgeERC721", pair.token.address, zero, 42, 400_000, b"", sender=ALICE)
    with pytest.raises(Reverted, match="ZeroAddress"):
        pair.l1_bridge.send(
            "bridgeERC721To", pair.token.address, pair.image.address, zero, 42, 400_000, b"", sender=ALICE
        )


def test_only_the_other_bridge_finalises(pair: Pair) -> None:
    for bridge in (pair.l1_bridge, pair.l2_bridge):
        with pytest.raises(Reverted, match="OnlyOtherBridge"):
            bridge.send("finalizeBridgeERC721", BOB, BOB, ALICE, BOB, 42, b"", sender=BOB)


def test_a_pause_holds_tokens_on_l1(pair: Pair) -> None:
    pair.bridge_to_l2()
    back = pair.l2_bridge.send("bridgeERC721", pair.image.address, pair.token.address, 42, 400_000, b"", sender=ALICE)
    pair.chains.pause(True)
    with pytest.raises(Reverted, match="Paused"):
        pair.chains.carry_to_l1(back)
    pair.chains.pause(False)
    pair.chains.carry_to_l1(back)
    assert pair.token.call("ownerOf", 42) == hex_address(ALICE)


def test_a_receiving_contract_that_does_not_take_tokens_can_be_served_by_a_replay(pair: Pair) -> None:
    pair.chains.l2.chain.set_code(BOB, REFUSE)
    sent = pair.l1_bridge.send(
        "bridgeERC721To", pair.token.address, pair.image.address, BOB, 42, 400_000, b"", sender=ALICE
    )
    failed = pair.chains.carry_to_l2(sent)
    assert len(pair.chains.l2_messenger.events(failed, "FailedRelayedMessage")) == 1
    pair.chains.l2.chain.set_code(BOB, b"")
    (deposit,) = pair.chains.deposits(sent)
    pair.chains.l2.chain.send(pair.chains.l2_messenger.address, deposit.data, sender=ALICE)
    assert pair.image.call("ownerOf", 42) == hex_address(BOB)


def test_the_factory_makes_tokens_at_the_address_that_the_parameters_give(pair: Pair) -> None:
    factory = pair.chains.l2["OptimismMintableERC721Factory"]
    args = (L2_BRIDGE, L1_CHAIN_ID, pair.token.address, "Art", "ART")
    salt = keccak(encode(["address", "string", "string"], [pair.token.address, "Art", "ART"]))
    creation = pair.image.artifact.encode_constructor(*args)
    assert pair.image.address == keccak(b"\xff" + factory.address + salt + keccak(creation))[12:]
    assert factory.call("isOptimismMintableERC721", pair.image.address) is True
    assert factory.call("bridge") == factory.call("BRIDGE") == hex_address(L2_BRIDGE)
    assert factory.call("remoteChainID") == factory.call("REMOTE_CHAIN_ID") == L1_CHAIN_ID
    with pytest.raises(Reverted):
        factory.send("createOptimismMintableERC721", pair.token.address, "Art", "ART", sender=ALICE)
    with pytest.raises(Reverted, match="RemoteTokenIsZero"):
        factory.send("createOptimismMintableERC721", bytes(20), "Art", "ART", sender=ALICE)


def test_an_image_tells_where_it_comes_from(pair: Pair) -> None:
    pair.bridge_to_l2()
    assert pair.image.call("remoteToken") == pair.image.call("REMOTE_TOKEN") == pair.token.hex
    assert pair.image.call("bridge") == pair.image.call("BRIDGE") == hex_address(L2_BRIDGE)
    assert pair.image.call("remoteChainId") == pair.image.call("REMOTE_CHAIN_ID") == L1_CHAIN_ID
    base = f"ethereum:{pair.token.hex}@{L1_CHAIN_ID}/tokenURI?uint256="
    assert pair.image.call("baseTokenURI") == base
    assert pair.image.call("tokenURI", 42) == base + "42"
    with pytest.raises(Reverted, match="ERC721_NonexistentToken"):
        pair.image.call("tokenURI", 43)


@pytest.mark.parametrize(
    ("identifier", "known"),
    [
        ("01ffc9a7", True),
        ("80ac58cd", True),
        ("5b5e139f", True),
        ("780e9d63", True),
        ("74259ebf", True),
        ("aecafc23", True),
        ("ffffffff", False),
    ],
)
def test_an_image_answers_interface_questions(pair: Pair, identifier: str, known: bool) -> None:
    assert pair.image.call("supportsInterface", bytes.fromhex(identifier)) is known


def test_only_the_bridge_mints_and_burns(pair: Pair) -> None:
    pair.bridge_to_l2()
    for function in ("safeMint", "burn"):
        with pytest.raises(Reverted, match="OnlyBridge"):
            pair.image.send(function, ALICE, 42, sender=ALICE)


def test_the_lists_of_tokens_stay_true_while_tokens_come_and_go(pair: Pair) -> None:
    token = pair.token
    for identifier in (7, 8, 9):
        token.send("safeMint", ALICE, identifier, sender=MINTER)
    token.send("transferFrom", ALICE, BOB, 7, sender=ALICE)
    token.send("burn", ALICE, 42, sender=MINTER)

    def owned(owner: bytes) -> set[int]:
        return {token.call("tokenOfOwnerByIndex", owner, index) for index in range(token.call("balanceOf", owner))}

    assert owned(ALICE) == {8, 9}
    assert owned(BOB) == {7}
    assert {token.call("tokenByIndex", index) for index in range(token.call("totalSupply"))} == {7, 8, 9}
    with pytest.raises(Reverted, match="ERC721_IndexOutOfBounds"):
        token.call("tokenOfOwnerByIndex", ALICE, 2)


def test_approvals_allow_one_token_or_all_and_end_with_a_transfer(pair: Pair) -> None:
    token = pair.token
    token.send("safeMint", ALICE, 7, sender=MINTER)
    with pytest.raises(Reverted, match="ERC721_NotAllowed"):
        token.send("transferFrom", ALICE, BOB, 7, sender=BOB)
    token.send("approve", BOB, 7, sender=ALICE)
    assert token.call("getApproved", 7) == hex_address(BOB)
    token.send("transferFrom", ALICE, BOB, 7, sender=BOB)
    assert token.call("getApproved", 7) == "0x" + "00" * 20
    with pytest.raises(Reverted, match="ERC721_NotOwner"):
        token.send("transferFrom", ALICE, BOB, 7, sender=ALICE)
    token.send("setApprovalForAll", MINTER, True, sender=BOB)
    token.send("safeTransferFrom(address,address,uint256)", BOB, ALICE, 7, sender=MINTER)
    assert token.call("ownerOf", 7) == hex_address(ALICE)
