"""The whole way, with the deployed L1 contracts: deposits through the portal, withdrawals proven against a game."""

import pytest
from eth_utils.crypto import keccak

from config import constants
from config.types import Address
from tests.contracts.harness import Contract, L1System, Result, account, deploy_l1, storage_proof
from tests.contracts.two_chains import L2, genesis_params

ALICE = account("alice")
BOB = account("bob")
PASSER = constants.L2_TO_L1_MESSAGE_PASSER


class Rollup:
    """Deployed L1 contracts and an L2 that started from the genesis made for them."""

    def __init__(self) -> None:
        self.l1: L1System = deploy_l1()
        at = self.l1.addresses
        self.l2 = L2(
            genesis_params(
                l1_cross_domain_messenger=Address(at.L1CrossDomainMessengerProxy),
                l1_standard_bridge=Address(at.L1StandardBridgeProxy),
                l1_erc721_bridge=Address(at.L1ERC721BridgeProxy),
            )
        )
        self.l1_bridge = self.l1.chain.at("L1StandardBridge", at.L1StandardBridgeProxy)
        self.l1_messenger = self.l1.chain.at("L1CrossDomainMessenger", at.L1CrossDomainMessengerProxy)
        self.l2_bridge = self.l2["L2StandardBridge"]
        self.sent: dict[bytes, int] = {}

    def derive(self, result: Result) -> Result:
        """Runs, on L2, the deposit that an L1 transaction logged."""
        (event,) = self.l1.portal.events(result, "TransactionDeposited")
        packed = event["opaqueData"]
        mint, value = int.from_bytes(packed[:32], "big"), int.from_bytes(packed[32:64], "big")
        gas, creation, data = int.from_bytes(packed[64:72], "big"), packed[72], packed[73:]
        assert mint == value and not creation
        return self.l2.chain.send(
            bytes.fromhex(event["to"][2:]), data, value, sender=bytes.fromhex(event["from"][2:]), gas=gas
        )

    def withdraw(self, result: Result) -> Result:
        """Proves the withdrawal of an L2 transaction against a game, waits, and executes it."""
        (event,) = self.l2["L2ToL1MessagePasser"].events(result, "MessagePassed")
        transaction = tuple(event[name] for name in ("nonce", "sender", "target", "value", "gasLimit", "data"))
        slot = keccak(event["withdrawalHash"] + bytes(32))
        self.sent[slot] = self.l2.chain.storage(PASSER, int.from_bytes(slot, "big"))
        assert self.sent[slot] == 1
        root, proof = storage_proof(self.sent, slot)
        output = (bytes(32), keccak(text="state"), root, keccak(text="head"))
        game = self.l1.create_game(keccak(b"".join(output)), 16 + len(self.sent))
        index = self.l1.factory.call("gameCount") - 1
        self.l1.portal.send("proveWithdrawalTransaction", transaction, index, output, proof, sender=BOB)
        self.l1.chain.mine(self.l1.params.delays.max_clock)
        game.send("resolveClaim", 0, 0)
        game.send("resolve")
        self.l1.chain.mine(self.l1.params.delays.proof_maturity + self.l1.params.delays.game_finality)
        return self.l1.portal.send("finalizeWithdrawalTransaction", transaction, sender=BOB)


@pytest.fixture
def rollup() -> Rollup:
    return Rollup()


def image_on_l2(rollup: Rollup, token: Contract) -> Contract:
    factory = rollup.l2["OptimismMintableERC20Factory"]
    made = factory.send("createOptimismMintableERC20", token.address, "Image", "IMG", sender=BOB)
    address = factory.events(made, "OptimismMintableERC20Created")[0]["localToken"]
    return rollup.l2.chain.at("OptimismMintableERC20", address)


def test_ether_goes_to_l2_and_comes_back(rollup: Rollup) -> None:
    rollup.derive(rollup.l1_bridge.send("depositETHTo", BOB, 200_000, b"", sender=ALICE, value=10**18))
    assert rollup.l2.chain.balance(BOB) == 10**18
    assert rollup.l1.chain.balance(rollup.l1.portal.address) == 10**18

    receiver = account("receiver")
    sent = rollup.l2_bridge.send("bridgeETHTo", receiver, 200_000, b"", sender=ALICE, value=4 * 10**17)
    done = rollup.withdraw(sent)
    assert rollup.l1.portal.events(done, "WithdrawalFinalized")[0]["success"] is True
    assert rollup.l1.chain.balance(receiver) == 4 * 10**17
    assert rollup.l1.chain.balance(rollup.l1.portal.address) == 6 * 10**17


def test_a_token_goes_to_l2_and_comes_back(rollup: Rollup) -> None:
    token = rollup.l1.chain.deploy("WETH98")
    image = image_on_l2(rollup, token)
    token.send("deposit", sender=ALICE, value=1000)
    token.send("approve", rollup.l1_bridge.address, 1000, sender=ALICE)
    rollup.derive(rollup.l1_bridge.send("depositERC20", token.address, image.address, 700, 200_000, b"", sender=ALICE))
    assert image.call("balanceOf", ALICE) == 700

    rollup.withdraw(rollup.l2_bridge.send("withdrawTo", image.address, BOB, 300, 200_000, b"", sender=ALICE))
    assert token.call("balanceOf", BOB) == 300
    assert rollup.l1_bridge.call("deposits", token.address, image.address) == image.call("totalSupply") == 400


def test_several_withdrawals_are_proven_one_after_the_other(rollup: Rollup) -> None:
    rollup.l1.chain.set_balance(rollup.l1.portal.address, 10**18)
    for number in (1, 2, 3):
        receiver = account(f"receiver {number}")
        rollup.withdraw(rollup.l2_bridge.send("bridgeETHTo", receiver, 0, b"", sender=ALICE, value=number))
        assert rollup.l1.chain.balance(receiver) == number


def test_a_withdrawal_whose_receiver_refuses_waits_in_the_messenger_for_a_replay(rollup: Rollup) -> None:
    rollup.l1.chain.set_balance(rollup.l1.portal.address, 10**18)
    grumpy = account("grumpy")
    rollup.l1.chain.set_code(grumpy, bytes.fromhex("5f5ffd"))
    sent = rollup.l2_bridge.send("bridgeETHTo", grumpy, 100_000, b"", sender=ALICE, value=5)
    done = rollup.withdraw(sent)
    assert len(rollup.l1_messenger.events(done, "FailedRelayedMessage")) == 1
    assert rollup.l1.chain.balance(rollup.l1_messenger.address) == 5

    rollup.l1.chain.set_code(grumpy, b"")
    (event,) = rollup.l2["L2ToL1MessagePasser"].events(sent, "MessagePassed")
    rollup.l1.chain.send(rollup.l1_messenger.address, event["data"], sender=BOB)
    assert rollup.l1.chain.balance(grumpy) == 5


def test_a_fee_vault_pays_its_recipient_on_l1(rollup: Rollup) -> None:
    rollup.l1.chain.set_balance(rollup.l1.portal.address, 10 * 10**18)
    vault = rollup.l2["SequencerFeeVault"]
    rollup.l2.chain.set_balance(vault.address, 2 * 10**18)
    rollup.withdraw(vault.send("withdraw", sender=BOB))
    assert rollup.l1.chain.balance(account("sequencer fees")) == 2 * 10**18


def test_the_guardians_pause_reaches_messenger_and_bridges(rollup: Rollup) -> None:
    erc721 = rollup.l1.chain.at("L1ERC721Bridge", rollup.l1.addresses.L1ERC721BridgeProxy)
    organs = (rollup.l1_messenger, rollup.l1_bridge, erc721)
    assert [organ.call("paused") for organ in organs] == [False] * 3
    rollup.l1.superchain.send("pause", bytes(20), sender=account("guardian"))
    assert [organ.call("paused") for organ in organs] == [True] * 3
    assert {organ.call("superchainConfig") for organ in organs} == {rollup.l1.superchain.hex}


def test_the_mintable_factory_on_l1_serves_the_l1_bridge(rollup: Rollup) -> None:
    factory = rollup.l1.chain.at("OptimismMintableERC20Factory", rollup.l1.addresses.OptimismMintableERC20FactoryProxy)
    assert factory.call("bridge") == factory.call("BRIDGE") == rollup.l1_bridge.hex
