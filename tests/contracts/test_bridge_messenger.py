"""Messengers: sending, relaying, failing and replaying, on both sides."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.harness import Contract, Reverted, account, hex_address
from tests.contracts.two_chains import PORTAL, PREDEPLOYS, RECORDER, SUPERCHAIN_CONFIG, TwoChains, alias

ALICE = account("alice")
BOB = account("bob")
TARGET = account("target")
PASSER = PREDEPLOYS["L2ToL1MessagePasser"]
WORD = bytes(range(32))


@pytest.fixture
def chains() -> TwoChains:
    both = TwoChains()
    for chain in (both.l1_chain, both.l2.chain):
        chain.set_code(TARGET, RECORDER)
        chain.set_storage(TARGET, 0, 1)
    return both


def relay_call(messenger: Contract, nonce: int, value: int, gas: int = 50_000, target: bytes = TARGET) -> bytes:
    return messenger.artifact.encode_call("relayMessage", nonce, ALICE, target, value, gas, WORD)


def message_hash(nonce: int, value: int, gas: int = 50_000, target: bytes = TARGET) -> bytes:
    types = ["uint256", "address", "address", "uint256", "uint256", "bytes"]
    head = keccak(text="relayMessage(uint256,address,address,uint256,uint256,bytes)")[:4]
    return keccak(head + encode(types, [nonce, ALICE, target, value, gas, WORD]))


def recorded(chain_of: Contract) -> tuple[int, int, int]:
    chain = chain_of.chain
    return chain.storage(TARGET, 1), chain.storage(TARGET, 2), chain.storage(TARGET, 3)


def test_a_message_from_l1_arrives_on_l2_with_its_sender_and_ether(chains: TwoChains) -> None:
    sent = chains.l1_messenger.send("sendMessage", TARGET, WORD, 50_000, sender=ALICE, value=9)
    (deposit,) = chains.deposits(sent)
    assert (deposit.to, deposit.value) == (PREDEPLOYS["L2CrossDomainMessenger"], 9)
    assert deposit.gas_limit == chains.l1_messenger.call("baseGas", WORD, 50_000)
    assert chains.l1_chain.balance(PORTAL) == 9

    result = chains.carry_to_l2(sent)
    assert recorded(chains.l2_messenger) == (int.from_bytes(ALICE, "big"), 9, int.from_bytes(WORD, "big"))
    digest = message_hash(1 << 240, 9)
    assert chains.l2_messenger.events(result, "RelayedMessage") == [{"msgHash": digest}]
    assert chains.l2_messenger.call("successfulMessages", digest) is True
    assert chains.l2.chain.balance(TARGET) == 9


def test_a_message_from_l2_arrives_on_l1_with_its_sender_and_ether(chains: TwoChains) -> None:
    sent = chains.l2_messenger.send("sendMessage", TARGET, WORD, 50_000, sender=ALICE, value=4)
    (withdrawal,) = chains.withdrawals(sent)
    assert withdrawal.target == chains.l1_messenger.address
    assert chains.l2.chain.balance(PASSER) == 4
    chains.finalize(withdrawal)
    assert recorded(chains.l1_messenger) == (int.from_bytes(ALICE, "big"), 4, int.from_bytes(WORD, "big"))
    assert chains.l1_messenger.call("successfulMessages", message_hash(1 << 240, 4)) is True


def test_sending_says_so_in_both_events_and_moves_the_nonce(chains: TwoChains) -> None:
    for messenger in (chains.l1_messenger, chains.l2_messenger):
        assert messenger.call("messageNonce") == 1 << 240
        sent = messenger.send("sendMessage", BOB, b"data", 1000, sender=ALICE, value=3)
        assert messenger.events(sent, "SentMessage") == [
            {
                "target": hex_address(BOB),
                "sender": hex_address(ALICE),
                "message": b"data",
                "messageNonce": 1 << 240,
                "gasLimit": 1000,
            }
        ]
        assert messenger.events(sent, "SentMessageExtension1") == [{"sender": hex_address(ALICE), "value": 3}]
        assert messenger.call("messageNonce") == (1 << 240) + 1


def test_a_message_succeeds_only_once(chains: TwoChains) -> None:
    sent = chains.l2_messenger.send("sendMessage", TARGET, WORD, 50_000, sender=ALICE)
    chains.carry_to_l1(sent)
    with pytest.raises(Reverted, match="AlreadyRelayed"):
        chains.carry_to_l1(sent)


def test_a_failed_message_keeps_its_ether_and_can_be_replayed_by_anybody(chains: TwoChains) -> None:
    chains.l1_chain.set_storage(TARGET, 0, 0)
    sent = chains.l2_messenger.send("sendMessage", TARGET, WORD, 50_000, sender=ALICE, value=6)
    result = chains.carry_to_l1(sent)
    digest = message_hash(1 << 240, 6)
    assert chains.l1_messenger.events(result, "FailedRelayedMessage") == [{"msgHash": digest}]
    assert chains.l1_messenger.call("failedMessages", digest) is True
    assert chains.l1_chain.balance(chains.l1_messenger.address) == 6

    chains.l1_chain.set_storage(TARGET, 0, 1)
    chains.l1_chain.send(chains.l1_messenger.address, relay_call(chains.l1_messenger, 1 << 240, 6), sender=BOB)
    assert recorded(chains.l1_messenger) == (int.from_bytes(ALICE, "big"), 6, int.from_bytes(WORD, "big"))
    assert chains.l1_chain.balance(chains.l1_messenger.address) == 0
    with pytest.raises(Reverted, match="AlreadyRelayed"):
        chains.l1_chain.send(chains.l1_messenger.address, relay_call(chains.l1_messenger, 1 << 240, 6), sender=BOB)


def test_a_replay_brings_no_ether_of_its_own(chains: TwoChains) -> None:
    chains.l2.chain.set_storage(TARGET, 0, 0)
    sent = chains.l1_messenger.send("sendMessage", TARGET, WORD, 50_000, sender=ALICE, value=6)
    chains.carry_to_l2(sent)
    call = relay_call(chains.l2_messenger, 1 << 240, 6)
    with pytest.raises(Reverted, match="ValueOnReplay"):
        chains.l2.chain.send(chains.l2_messenger.address, call, value=6, sender=BOB)


def test_nobody_but_the_other_messenger_delivers_a_new_message(chains: TwoChains) -> None:
    for messenger in (chains.l1_messenger, chains.l2_messenger):
        with pytest.raises(Reverted, match="NotReplayable"):
            messenger.chain.send(messenger.address, relay_call(messenger, 1 << 240, 0), sender=BOB)
    # The alias of another L1 contract, and a withdrawal that somebody else started, are strangers too.
    with pytest.raises(Reverted, match="NotReplayable"):
        chains.l2.chain.send(
            chains.l2_messenger.address, relay_call(chains.l2_messenger, 1 << 240, 0), sender=alias(BOB)
        )
    chains.l1_chain.set_storage(PORTAL, 0, int.from_bytes(BOB, "big"))
    with pytest.raises(Reverted, match="NotReplayable"):
        chains.l1_chain.send(chains.l1_messenger.address, relay_call(chains.l1_messenger, 1 << 240, 0), sender=PORTAL)


def test_the_delivered_ether_must_be_what_the_message_names(chains: TwoChains) -> None:
    sender = alias(chains.l1_messenger.address)
    with pytest.raises(Reverted, match="InconsistentDelivery"):
        chains.l2.chain.send(
            chains.l2_messenger.address, relay_call(chains.l2_messenger, 1 << 240, 5), value=4, sender=sender
        )


@pytest.mark.parametrize("side", ["l1", "l2"])
def test_messages_to_the_bridges_own_organs_are_refused(chains: TwoChains, side: str) -> None:
    messenger = chains.l1_messenger if side == "l1" else chains.l2_messenger
    sender = PORTAL if side == "l1" else alias(chains.l1_messenger.address)
    chains.l1_chain.set_storage(PORTAL, 0, int.from_bytes(chains.l2_messenger.address, "big"))
    for target in (messenger.address, PORTAL if side == "l1" else PASSER):
        with pytest.raises(Reverted, match="UnsafeTarget"):
            messenger.chain.send(messenger.address, relay_call(messenger, 1 << 240, 0, target=target), sender=sender)


def test_too_little_gas_fails_the_message_without_calling_the_target(chains: TwoChains) -> None:
    sender = alias(chains.l1_messenger.address)
    call = relay_call(chains.l2_messenger, 1 << 240, 0, gas=3_000_000)
    result = chains.l2.chain.send(chains.l2_messenger.address, call, sender=sender, gas=1_000_000)
    assert chains.l2_messenger.events(result, "FailedRelayedMessage") == [
        {"msgHash": message_hash(1 << 240, 0, gas=3_000_000)}
    ]
    assert recorded(chains.l2_messenger) == (0, 0, 0)


@settings(max_examples=12, deadline=None)
@given(size=st.integers(0, 20_000), gas=st.integers(0, 3_000_000))
def test_base_gas_always_suffices_for_the_promise(size: int, gas: int) -> None:
    chains = TwoChains()
    sent = chains.l1_messenger.send("sendMessage", BOB, b"\xff" * size, gas, sender=ALICE)
    result = chains.carry_to_l2(sent)
    assert len(chains.l2_messenger.events(result, "RelayedMessage")) == 1


def test_base_gas_covers_the_floor_price_of_long_messages(chains: TwoChains) -> None:
    relay = 200_000 + 40_000 + 40_000 + 5_000
    assert chains.l1_messenger.call("baseGas", b"", 0) == 21_000 + relay + 260 * 16
    assert chains.l1_messenger.call("baseGas", b"", 63_000) == 21_000 + relay + 64_000 + 260 * 16
    assert chains.l1_messenger.call("baseGas", bytes(100_000), 0) == 21_000 + 100_260 * 40


def test_a_failure_in_gas_estimation_reverts(chains: TwoChains) -> None:
    chains.l1_chain.set_storage(TARGET, 0, 0)
    chains.carry_to_l1(chains.l2_messenger.send("sendMessage", TARGET, WORD, 50_000, sender=ALICE))
    with pytest.raises(Reverted, match="RelayFailedInEstimation"):
        chains.l1_chain.send(
            chains.l1_messenger.address, relay_call(chains.l1_messenger, 1 << 240, 0), sender=(1).to_bytes(20, "big")
        )


def test_there_is_no_sender_outside_of_a_message(chains: TwoChains) -> None:
    for messenger in (chains.l1_messenger, chains.l2_messenger):
        with pytest.raises(Reverted, match="NoMessageInProgress"):
            messenger.call("xDomainMessageSender")


def test_unknown_versions_are_refused_and_version_0_has_its_own_history(chains: TwoChains) -> None:
    sender = alias(chains.l1_messenger.address)
    with pytest.raises(Reverted, match="UnsupportedVersion"):
        chains.l2.chain.send(chains.l2_messenger.address, relay_call(chains.l2_messenger, 2 << 240, 0), sender=sender)

    head = keccak(text="relayMessage(address,address,bytes,uint256)")[:4]
    old = keccak(head + encode(["address", "address", "bytes", "uint256"], [TARGET, ALICE, WORD, 7]))
    slot = int.from_bytes(keccak(old + (203).to_bytes(32, "big")), "big")
    chains.l2.chain.set_storage(chains.l2_messenger.address, slot, 1)
    with pytest.raises(Reverted, match="AlreadyRelayed"):
        chains.l2.chain.send(chains.l2_messenger.address, relay_call(chains.l2_messenger, 7, 0), sender=sender)
    chains.l2.chain.send(chains.l2_messenger.address, relay_call(chains.l2_messenger, 8, 0), sender=sender)
    assert recorded(chains.l2_messenger)[0] == int.from_bytes(ALICE, "big")


def test_a_pause_on_l1_holds_messages_up_and_lets_them_through_afterwards(chains: TwoChains) -> None:
    sent = chains.l2_messenger.send("sendMessage", TARGET, WORD, 50_000, sender=ALICE)
    chains.pause(True)
    assert chains.l1_messenger.call("paused") is True
    with pytest.raises(Reverted, match="Paused"):
        chains.carry_to_l1(sent)
    chains.pause(False)
    chains.carry_to_l1(sent)
    assert recorded(chains.l1_messenger)[0] == int.from_bytes(ALICE, "big")


def test_a_message_inside_a_message_fails_and_waits(chains: TwoChains) -> None:
    """A target that relays another message meanwhile: the inner one must not see the outer one's sender replaced."""
    inner = relay_call(chains.l2_messenger, 5 << 200 | 1 << 240, 0)
    sender = alias(chains.l1_messenger.address)
    chains.l2.chain.set_storage(TARGET, 0, 0)
    chains.l2.chain.send(chains.l2_messenger.address, inner, sender=sender)
    chains.l2.chain.set_storage(TARGET, 0, 1)

    nester = account("nester")
    # Calls its caller with the call data after the first word.
    chains.l2.chain.set_code(nester, bytes.fromhex("602036038060205f375f5f825f5f335af100"))
    outer = chains.l2_messenger.artifact.encode_call(
        "relayMessage", 1 << 240, BOB, nester, 0, 1_000_000, bytes(32) + inner
    )
    result = chains.l2.chain.send(chains.l2_messenger.address, outer, sender=sender)
    assert len(chains.l2_messenger.events(result, "RelayedMessage")) == 1
    assert len(chains.l2_messenger.events(result, "FailedRelayedMessage")) == 1
    assert recorded(chains.l2_messenger) == (0, 0, 0)


def test_both_sides_know_each_other_and_cannot_be_initialised_again(chains: TwoChains) -> None:
    l1, l2 = chains.l1_messenger, chains.l2_messenger
    assert l1.call("otherMessenger") == l1.call("OTHER_MESSENGER") == l2.hex
    assert l2.call("otherMessenger") == l2.call("l1CrossDomainMessenger") == l1.hex
    assert l1.call("portal") == l1.call("PORTAL") == hex_address(PORTAL)
    assert l1.call("superchainConfig") == hex_address(SUPERCHAIN_CONFIG)
    with pytest.raises(Reverted, match="AlreadyInitialized"):
        l1.send("initialize", BOB, BOB, sender=BOB)
    with pytest.raises(Reverted, match="AlreadyInitialized"):
        l2.send("initialize", BOB, sender=BOB)
