"""Standard bridges: ether and ERC-20 tokens in both directions, native to either side."""

import pytest

from tests.contracts.harness import Contract, Result, Reverted, account, hex_address
from tests.contracts.two_chains import PREDEPLOYS, REFUSE, YES_SAYER, TwoChains, alias

ALICE = account("alice")
BOB = account("bob")
CONTRACT_WALLET = account("contract wallet")
L2_BRIDGE = PREDEPLOYS["L2StandardBridge"]
LEGACY_ETHER = "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000"
NO_TOKEN = "0x" + "00" * 20


@pytest.fixture
def chains() -> TwoChains:
    return TwoChains()


@pytest.fixture
def l2_bridge(chains: TwoChains) -> Contract:
    return chains.l2["L2StandardBridge"]


def only(contract: Contract, result: Result, event: str) -> dict[str, object]:
    (found,) = contract.events(result, event)
    return found


def wrapped_ether(chains: TwoChains, owner: bytes, amount: int) -> Contract:
    """A plain ERC-20 token on L1, with some of it in the owner's hands and approved for the bridge."""
    token = chains.l1_chain.deploy("WETH98")
    token.send("deposit", sender=owner, value=amount)
    token.send("approve", chains.l1_bridge.address, amount, sender=owner)
    return token


def mintable(chains: TwoChains, remote: Contract) -> Contract:
    """Its image on L2, made by the factory predeploy."""
    factory = chains.l2["OptimismMintableERC20Factory"]
    result = factory.send("createOptimismMintableERC20", remote.address, "Image", "IMG", sender=BOB)
    address = only(factory, result, "OptimismMintableERC20Created")["localToken"]
    assert isinstance(address, str)
    return chains.l2.chain.at("OptimismMintableERC20", address)


def test_ether_deposited_on_l1_is_paid_out_on_l2(chains: TwoChains, l2_bridge: Contract) -> None:
    sent = chains.l1_bridge.send("depositETHTo", BOB, 100_000, b"note", sender=ALICE, value=5)
    expected = {"from": hex_address(ALICE), "to": hex_address(BOB), "amount": 5, "extraData": b"note"}
    assert only(chains.l1_bridge, sent, "ETHDepositInitiated") == expected
    assert only(chains.l1_bridge, sent, "ETHBridgeInitiated") == expected

    result = chains.carry_to_l2(sent)
    assert chains.l2.chain.balance(BOB) == 5
    assert only(l2_bridge, result, "ETHBridgeFinalized") == expected
    assert only(l2_bridge, result, "DepositFinalized") == {
        **expected,
        "l1Token": NO_TOKEN,
        "l2Token": LEGACY_ETHER,
    }


def test_ether_withdrawn_on_l2_is_paid_out_on_l1(chains: TwoChains, l2_bridge: Contract) -> None:
    sent = l2_bridge.send("bridgeETHTo", BOB, 100_000, b"note", sender=ALICE, value=7)
    expected = {"from": hex_address(ALICE), "to": hex_address(BOB), "amount": 7, "extraData": b"note"}
    assert only(l2_bridge, sent, "ETHBridgeInitiated") == expected
    assert only(l2_bridge, sent, "WithdrawalInitiated") == {
        **expected,
        "l1Token": NO_TOKEN,
        "l2Token": LEGACY_ETHER,
    }
    result = chains.carry_to_l1(sent)
    assert chains.l1_chain.balance(BOB) == 7
    assert only(chains.l1_bridge, result, "ETHWithdrawalFinalized") == expected
    assert only(chains.l1_bridge, result, "ETHBridgeFinalized") == expected


@pytest.mark.parametrize("function", ["bridgeETH", "depositETH"])
def test_the_short_form_sends_to_the_callers_own_address(chains: TwoChains, function: str) -> None:
    sent = chains.l1_bridge.send(function, 100_000, b"", sender=ALICE, value=5)
    before = chains.l2.chain.balance(ALICE)
    chains.carry_to_l2(sent)
    assert chains.l2.chain.balance(ALICE) == before + 5


def test_plain_ether_sent_to_a_bridge_goes_to_the_senders_address(chains: TwoChains) -> None:
    sent = chains.l1_chain.transfer(chains.l1_bridge.address, 3, ALICE)
    chains.carry_to_l2(sent)
    assert chains.l2.chain.balance(ALICE) == 3
    back = chains.l2.chain.transfer(L2_BRIDGE, 2, BOB)
    before = chains.l1_chain.balance(BOB)
    chains.carry_to_l1(back)
    assert chains.l1_chain.balance(BOB) == before + 2


def test_ether_leaves_l2_through_the_old_withdraw_function_too(chains: TwoChains, l2_bridge: Contract) -> None:
    sent = l2_bridge.send("withdraw", LEGACY_ETHER, 4, 100_000, b"", sender=ALICE, value=4)
    before = chains.l1_chain.balance(ALICE)
    chains.carry_to_l1(sent)
    assert chains.l1_chain.balance(ALICE) == before + 4
    with pytest.raises(Reverted, match="ValueMismatch"):
        l2_bridge.send("withdraw", LEGACY_ETHER, 4, 100_000, b"", sender=ALICE, value=3)


def test_an_l1_token_is_locked_minted_burned_and_unlocked(chains: TwoChains, l2_bridge: Contract) -> None:
    token = wrapped_ether(chains, ALICE, 1000)
    image = mintable(chains, token)
    expected = {
        "l1Token": token.hex,
        "l2Token": image.hex,
        "from": hex_address(ALICE),
        "to": hex_address(BOB),
        "amount": 600,
        "extraData": b"x",
    }
    common = {key: value for key, value in expected.items() if key not in ("l1Token", "l2Token")}

    sent = chains.l1_bridge.send("depositERC20To", token.address, image.address, BOB, 600, 200_000, b"x", sender=ALICE)
    assert only(chains.l1_bridge, sent, "ERC20DepositInitiated") == expected
    assert only(chains.l1_bridge, sent, "ERC20BridgeInitiated") == {
        **common,
        "localToken": token.hex,
        "remoteToken": image.hex,
    }
    assert chains.l1_bridge.call("deposits", token.address, image.address) == 600
    assert token.call("balanceOf", chains.l1_bridge.address) == 600

    arrived = chains.carry_to_l2(sent)
    assert only(l2_bridge, arrived, "DepositFinalized") == expected
    assert only(l2_bridge, arrived, "ERC20BridgeFinalized") == {
        **common,
        "localToken": image.hex,
        "remoteToken": token.hex,
    }
    assert image.call("balanceOf", BOB) == image.call("totalSupply") == 600

    back = l2_bridge.send("withdrawTo", image.address, ALICE, 250, 200_000, b"", sender=BOB)
    assert image.call("totalSupply") == 350
    assert only(l2_bridge, back, "WithdrawalInitiated")["l1Token"] == token.hex
    unlocked = chains.carry_to_l1(back)
    assert only(chains.l1_bridge, unlocked, "ERC20WithdrawalFinalized")["amount"] == 250
    assert token.call("balanceOf", ALICE) == 400 + 250
    assert chains.l1_bridge.call("deposits", token.address, image.address) == 350


def test_a_token_native_to_l2_gets_its_image_on_l1(chains: TwoChains, l2_bridge: Contract) -> None:
    weth = chains.l2["WETH"]
    image = chains.l1_chain.deploy(
        "OptimismMintableERC20", chains.l1_bridge.address, weth.address, "L2 wrapped ether", "L2WETH", 18
    )
    weth.send("deposit", sender=ALICE, value=100)
    weth.send("approve", L2_BRIDGE, 100, sender=ALICE)
    sent = l2_bridge.send("bridgeERC20", weth.address, image.address, 100, 200_000, b"", sender=ALICE)
    chains.carry_to_l1(sent)
    assert image.call("balanceOf", ALICE) == 100

    back = chains.l1_bridge.send("bridgeERC20To", image.address, weth.address, BOB, 40, 200_000, b"", sender=ALICE)
    chains.carry_to_l2(back)
    assert weth.call("balanceOf", BOB) == 40
    assert l2_bridge.call("deposits", weth.address, image.address) == 60


def test_a_token_cannot_be_claimed_for_another_pair(chains: TwoChains) -> None:
    token = wrapped_ether(chains, ALICE, 1000)
    image = mintable(chains, token)
    sent = chains.l1_bridge.send("depositERC20", token.address, BOB, 600, 200_000, b"", sender=ALICE)
    failed = chains.carry_to_l2(sent)
    assert len(chains.l2_messenger.events(failed, "FailedRelayedMessage")) == 1
    assert chains.l1_bridge.call("deposits", token.address, image.address) == 0


def test_a_mintable_token_moves_only_towards_the_token_it_names(chains: TwoChains, l2_bridge: Contract) -> None:
    token = wrapped_ether(chains, ALICE, 1000)
    image = mintable(chains, token)
    with pytest.raises(Reverted, match="WrongRemoteToken"):
        l2_bridge.send("bridgeERC20", image.address, BOB, 1, 200_000, b"", sender=ALICE)


def test_a_token_that_delivers_less_than_promised_is_refused(chains: TwoChains) -> None:
    taker = account("fee taking token")
    chains.l1_chain.set_code(taker, YES_SAYER)
    with pytest.raises(Reverted, match="UnexpectedTokenAmount"):
        chains.l1_bridge.send("depositERC20", taker, BOB, 5, 200_000, b"", sender=ALICE)


def test_a_token_without_code_is_refused(chains: TwoChains) -> None:
    with pytest.raises(Reverted):
        chains.l1_bridge.send("depositERC20", account("no token"), BOB, 5, 200_000, b"", sender=ALICE)


@pytest.mark.parametrize("function", ["bridgeETH", "depositETH"])
def test_contracts_must_name_the_receiver(chains: TwoChains, function: str) -> None:
    """A wallet contract's address may belong to nobody on the other chain, so the short form is closed to it."""
    # Forwards its call data to the bridge, with its ether.
    code = bytes.fromhex("365f5f375f5f365f3473") + chains.l1_bridge.address + bytes.fromhex("5af13d5f5f3e60")
    jump = len(code) + 2
    chains.l1_chain.set_code(CONTRACT_WALLET, code + bytes([jump + 3]) + bytes.fromhex("573d5ffd5b00"))
    data = chains.l1_bridge.artifact.encode_call(function, 100_000, b"")
    with pytest.raises(Reverted, match="OnlyEOA"):
        chains.l1_chain.send(CONTRACT_WALLET, data, value=1, sender=ALICE)
    data = chains.l1_bridge.artifact.encode_call("bridgeETHTo", BOB, 100_000, b"")
    sent = chains.l1_chain.send(CONTRACT_WALLET, data, value=1, sender=ALICE)
    assert only(chains.l1_bridge, sent, "ETHBridgeInitiated")["from"] == hex_address(CONTRACT_WALLET)


def test_an_account_with_a_delegation_still_counts_as_a_key(chains: TwoChains) -> None:
    chains.l1_chain.set_code(ALICE, bytes.fromhex("ef0100") + account("delegate"))
    sent = chains.l1_bridge.send("bridgeETH", 100_000, b"", sender=ALICE, value=1)
    assert only(chains.l1_bridge, sent, "ETHBridgeInitiated")["amount"] == 1


def test_only_the_other_bridge_finalises(chains: TwoChains, l2_bridge: Contract) -> None:
    args = (ALICE, BOB, 1, b"")
    for bridge in (chains.l1_bridge, l2_bridge):
        with pytest.raises(Reverted, match="OnlyOtherBridge"):
            bridge.send("finalizeBridgeETH", *args, sender=BOB, value=1)
        with pytest.raises(Reverted, match="OnlyOtherBridge"):
            bridge.send("finalizeBridgeERC20", BOB, BOB, ALICE, BOB, 1, b"", sender=BOB)
    # A message from somebody else than the bridge, through the real messenger, does not count either.
    forged = l2_bridge.artifact.encode_call("finalizeBridgeETH", *args)
    sent = chains.l1_messenger.send("sendMessage", L2_BRIDGE, forged, 200_000, sender=BOB, value=1)
    result = chains.carry_to_l2(sent)
    assert len(chains.l2_messenger.events(result, "FailedRelayedMessage")) == 1


def test_a_receiver_that_refuses_ether_can_be_paid_by_a_replay(chains: TwoChains) -> None:
    chains.l2.chain.set_code(BOB, REFUSE)
    sent = chains.l1_bridge.send("bridgeETHTo", BOB, 100_000, b"", sender=ALICE, value=5)
    result = chains.carry_to_l2(sent)
    assert len(chains.l2_messenger.events(result, "FailedRelayedMessage")) == 1
    assert chains.l2.chain.balance(chains.l2_messenger.address) == 5

    chains.l2.chain.set_code(BOB, b"")
    (deposit,) = chains.deposits(sent)
    chains.l2.chain.send(chains.l2_messenger.address, deposit.data, sender=ALICE)
    assert chains.l2.chain.balance(BOB) == 5


@pytest.mark.parametrize("receiver", [L2_BRIDGE, PREDEPLOYS["L2CrossDomainMessenger"]])
def test_ether_for_the_bridge_itself_stays_with_the_messenger(chains: TwoChains, receiver: bytes) -> None:
    sent = chains.l1_bridge.send("bridgeETHTo", receiver, 100_000, b"", sender=ALICE, value=5)
    result = chains.carry_to_l2(sent)
    assert len(chains.l2_messenger.events(result, "FailedRelayedMessage")) == 1
    assert chains.l2.chain.balance(chains.l2_messenger.address) == 5


def test_a_pause_stops_payments_on_l1_but_not_deposits(chains: TwoChains, l2_bridge: Contract) -> None:
    leaving = l2_bridge.send("bridgeETHTo", BOB, 100_000, b"", sender=ALICE, value=7)
    chains.pause(True)
    assert chains.l1_bridge.call("paused") is True
    assert l2_bridge.call("paused") is False
    with pytest.raises(Reverted, match="Paused"):
        chains.carry_to_l1(leaving)
    chains.carry_to_l2(chains.l1_bridge.send("bridgeETHTo", BOB, 100_000, b"", sender=ALICE, value=5))
    assert chains.l2.chain.balance(BOB) == 5


def test_both_bridges_know_each_other_and_cannot_be_initialised_again(chains: TwoChains, l2_bridge: Contract) -> None:
    l1 = chains.l1_bridge
    assert l1.call("otherBridge") == l1.call("OTHER_BRIDGE") == l1.call("l2TokenBridge") == l2_bridge.hex
    assert l2_bridge.call("otherBridge") == l2_bridge.call("l1TokenBridge") == l1.hex
    assert l1.call("messenger") == l1.call("MESSENGER") == chains.l1_messenger.hex
    assert l2_bridge.call("messenger") == chains.l2_messenger.hex
    with pytest.raises(Reverted, match="AlreadyInitialized"):
        l1.send("initialize", BOB, BOB, sender=BOB)
    with pytest.raises(Reverted, match="AlreadyInitialized"):
        l2_bridge.send("initialize", BOB, sender=alias(BOB))
