"""OP's own network upgrades on a chain that started with these predeploys, and OP's own code as the reference.

The vectors carry the code that the public networks run after Jovian and Karst. It must take over a chain without losing
anything, and, where both do the same job, answer the same.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.genesis import l2_genesis_alloc
from config.genesis.l2 import EIP1967_IMPLEMENTATION_SLOT, implementation_address
from tests.contracts.harness import Chain, Contract, account, create_address, hex_address
from tests.contracts.two_chains import DEPOSITOR, L2, PREDEPLOYS, alias, genesis_params

ALICE = account("alice")
BOB = account("bob")
NOBODY = bytes(20)
L1_MESSENGER_ON_L2 = alias(account("L1 messenger"))
IMPLEMENTATION_SLOT = int.from_bytes(EIP1967_IMPLEMENTATION_SLOT, "big")
KEPT_BY_KARST = ("LegacyMessagePasser", "DeployerWhitelist", "WETH", "L1BlockNumber")


@pytest.fixture(scope="module")
def karst(vectors: Path) -> list[dict[str, Any]]:
    """The transactions of the Karst bundle."""
    with gzip.open(vectors / "upgrades" / "karst_nut_bundle.json.gz") as file:
        transactions: list[dict[str, Any]] = json.load(file)["transactions"]
    return transactions


def jovian_code(vectors: Path, name: str) -> bytes:
    return bytes.fromhex((vectors / "upgrades" / f"jovian-{name}-deployment.hex").read_text().strip()[2:])


def started_chain() -> L2:
    """A chain from genesis, every reserved proxy included that an upgrade may touch."""
    l2 = L2(genesis_params(jovian=True))
    for address, genesis in l2_genesis_alloc(genesis_params()).items():
        if (
            address[:2] == b"\x42\x00"
            and address not in PREDEPLOYS.values()
            and int.from_bytes(address[-2:], "big") < 64
        ):
            l2.chain.set_code(address, genesis.code)
            for slot, value in genesis.storage.items():
                l2.chain.set_storage(address, int.from_bytes(slot, "big"), int.from_bytes(value, "big"))
    return l2


def run(chain: Chain, transactions: list[dict[str, Any]]) -> None:
    """Each with its own gas limit; a revert fails the test."""
    for transaction in transactions:
        to, data, sender = (bytes.fromhex(transaction[name][2:]) for name in ("to", "data", "from"))
        chain.send(to, data, sender=sender, gas=transaction["gasLimit"])


def deploy_code(chain: Chain, code: bytes, name: str) -> Contract:
    """Creates a contract from foreign creation code, to be called through our ABI."""
    deployer = account("deployer")
    address = create_address(deployer, chain.nonce(deployer))
    chain.send(None, code, sender=deployer)
    return chain.at(name, address)


def attributes(selector: str) -> bytes:
    """Jovian attributes with different bytes in every field."""
    return bytes.fromhex(selector) + bytes((7 * index + 1) % 256 for index in range(174))


def test_the_karst_upgrade_takes_over_every_predeploy(karst: list[dict[str, Any]]) -> None:
    l2 = started_chain()
    run(l2.chain, karst)
    for name, address in PREDEPLOYS.items():
        if name in KEPT_BY_KARST:
            continue
        now = l2.chain.storage(address, IMPLEMENTATION_SLOT).to_bytes(20, "big")
        assert now != implementation_address(address), name
        assert l2.chain.code(now), name


def test_the_karst_upgrade_keeps_what_the_chain_was_told_at_genesis(karst: list[dict[str, Any]]) -> None:
    l2 = started_chain()
    before = told_at_genesis(l2)
    run(l2.chain, karst)
    assert told_at_genesis(l2) == before


def told_at_genesis(l2: L2) -> list[object]:
    vaults = [l2[name] for name in ("SequencerFeeVault", "BaseFeeVault", "L1FeeVault", "OperatorFeeVault")]
    return [
        *(
            vault.call(getter)
            for vault in vaults
            for getter in ("recipient", "minWithdrawalAmount", "withdrawalNetwork")
        ),
        l2["L2CrossDomainMessenger"].call("otherMessenger"),
        l2["L2StandardBridge"].call("otherBridge"),
        l2["L2ERC721Bridge"].call("otherBridge"),
        l2["OptimismMintableERC20Factory"].call("bridge"),
        l2["OptimismMintableERC721Factory"].call("bridge"),
        l2["OptimismMintableERC721Factory"].call("remoteChainID"),
        l2["ProxyAdmin"].call("owner"),
        *(l2["GasPriceOracle"].call(flag) for flag in ("isEcotone", "isFjord", "isIsthmus", "isJovian")),
    ]


def test_the_karst_upgrade_keeps_what_users_did_before(karst: list[dict[str, Any]]) -> None:
    l2 = started_chain()
    passer = l2["L2ToL1MessagePasser"]
    sent = passer.send("initiateWithdrawal", BOB, 50_000, b"x", sender=ALICE, value=5)
    digest = passer.events(sent, "MessagePassed")[0]["withdrawalHash"]
    l2["L2CrossDomainMessenger"].send("sendMessage", BOB, b"y", 50_000, sender=ALICE)
    weth = l2["WETH"]
    weth.send("deposit", sender=ALICE, value=9)
    weth.send("approve", l2["L2StandardBridge"].address, 9, sender=ALICE)
    l2["L2StandardBridge"].send("bridgeERC20", weth.address, BOB, 9, 50_000, b"", sender=ALICE)
    l2.chain.send(PREDEPLOYS["L1Block"], attributes("3db6be2b"), sender=DEPOSITOR)
    number = l2["L1Block"].call("number")

    run(l2.chain, karst)
    assert passer.call("sentMessages", digest) is True
    assert passer.call("messageNonce") == (1 << 240) + 3
    assert l2["L2CrossDomainMessenger"].call("messageNonce") == (1 << 240) + 2
    assert l2["L2StandardBridge"].call("deposits", weth.address, BOB) == 9
    assert l2["L1Block"].call("number") == number


def test_the_jovian_upgrade_takes_over_l1block_and_the_oracle(vectors: Path) -> None:
    """As the activation block does it: two deployments, two upgrades in nobody's name, and the flag."""
    l2 = L2()
    for name, file in (("L1Block", "l1-block"), ("GasPriceOracle", "gas-price-oracle")):
        made = deploy_code(l2.chain, jovian_code(vectors, file), name)
        upgrade = l2.chain.at("Proxy", PREDEPLOYS[name]).artifact.encode_call("upgradeTo", made.address)
        l2.chain.send(PREDEPLOYS[name], upgrade, sender=NOBODY, gas=50_000)
    l2["GasPriceOracle"].send("setJovian", sender=DEPOSITOR)
    l2.chain.send(PREDEPLOYS["L1Block"], attributes("3db6be2b"), sender=DEPOSITOR)
    flags = [l2["GasPriceOracle"].call(flag) for flag in ("isEcotone", "isFjord", "isIsthmus", "isJovian")]
    assert flags == [True] * 4
    assert l2["L1Block"].call("daFootprintGasScalar") == int.from_bytes(attributes("3db6be2b")[176:178], "big")
    l2.chain.set_storage(PREDEPLOYS["L1Block"], 1, 10**9)
    l2.chain.set_storage(PREDEPLOYS["L1Block"], 7, 10**9)
    assert l2["GasPriceOracle"].call("getL1Fee", bytes(range(256))) > 0


@pytest.mark.parametrize(("selector", "length"), [("440a5e20", 164), ("098999be", 176), ("3db6be2b", 178)])
def test_attributes_leave_the_same_slots_as_in_the_reference(vectors: Path, selector: str, length: int) -> None:
    chain = Chain()
    ours = chain.deploy("L1Block")
    reference = deploy_code(chain, jovian_code(vectors, "l1-block"), "L1Block")
    for contract in (ours, reference):
        chain.send(contract.address, attributes(selector)[:length], sender=DEPOSITOR)
    for slot in range(12):
        assert chain.storage(ours.address, slot) == chain.storage(reference.address, slot)


class Oracles:
    """Our oracle and the reference, over the same L1Block."""

    def __init__(self, vectors: Path, flags: int) -> None:
        l2 = L2()
        l2.chain.send(PREDEPLOYS["L1Block"], attributes("3db6be2b"), sender=DEPOSITOR)
        # Prices as they are in life, so that no product overflows.
        l2.chain.set_storage(PREDEPLOYS["L1Block"], 1, 3_141_592_653)
        l2.chain.set_storage(PREDEPLOYS["L1Block"], 7, 27_182_818)
        self.ours = l2.chain.deploy("GasPriceOracle")
        self.reference = deploy_code(l2.chain, jovian_code(vectors, "gas-price-oracle"), "GasPriceOracle")
        for oracle in (self.ours, self.reference):
            l2.chain.set_storage(oracle.address, 0, flags)

    def agree(self, function: str, *args: object) -> bool:
        return bool(self.ours.call(function, *args) == self.reference.call(function, *args))


@pytest.fixture(scope="module", params=[0x1, 0x101, 0x10101, 0x1010101], ids=["Ecotone", "Fjord", "Isthmus", "Jovian"])
def oracles(vectors: Path, request: pytest.FixtureRequest) -> Oracles:
    return Oracles(vectors, request.param)


pieces = st.one_of(st.binary(max_size=70), st.sampled_from([bytes(31), bytes(300), bytes(range(48))]))


@settings(max_examples=25, deadline=None)
@given(data=st.lists(pieces, max_size=30).map(b"".join))
def test_the_oracle_prices_data_like_the_reference(oracles: Oracles, data: bytes) -> None:
    assert oracles.agree("getL1Fee", data)
    assert oracles.agree("getL1GasUsed", data)


@settings(max_examples=25, deadline=None)
@given(gas=st.one_of(st.integers(0, 10**9), st.integers(0, 2**200)))
def test_the_oracle_counts_the_operator_fee_like_the_reference(oracles: Oracles, gas: int) -> None:
    assert oracles.agree("getOperatorFee", gas)


@pytest.mark.parametrize("size", [0, 1, 187, 188, 1000, 131_072])
def test_the_oracle_bounds_fees_like_the_reference(vectors: Path, size: int) -> None:
    assert Oracles(vectors, 0x10101).agree("getL1FeeUpperBound", size)


@settings(max_examples=25, deadline=None)
@given(size=st.integers(0, 9000), gas=st.integers(0, 2**32 - 1))
def test_messages_are_given_the_same_gas_as_by_the_reference(messengers: list[Contract], size: int, gas: int) -> None:
    ours, reference = messengers
    assert ours.call("baseGas", b"\x5a" * size, gas) == reference.call("baseGas", b"\x5a" * size, gas)


@pytest.fixture(scope="module")
def messengers(karst: list[dict[str, Any]]) -> list[Contract]:
    """Our messenger and the one of the Karst bundle."""
    l2 = started_chain()
    run(l2.chain, karst)
    reference = l2.chain.storage(PREDEPLOYS["L2CrossDomainMessenger"], IMPLEMENTATION_SLOT).to_bytes(20, "big")
    ours = implementation_address(PREDEPLOYS["L2CrossDomainMessenger"])
    return [l2.chain.at("L2CrossDomainMessenger", address) for address in (ours, reference)]


def test_a_message_sent_before_the_upgrade_has_the_hash_that_the_reference_expects(karst: list[dict[str, Any]]) -> None:
    """It fails under our messenger and is replayed under the reference: both must know it by the same hash."""
    l2 = started_chain()
    messenger = l2["L2CrossDomainMessenger"]
    target = account("target")
    l2.chain.set_code(target, bytes.fromhex("5f5ffd"))
    call = messenger.artifact.encode_call("relayMessage", 1 << 240, ALICE, target, 3, 50_000, b"later")
    failed = l2.chain.send(messenger.address, call, value=3, sender=L1_MESSENGER_ON_L2)
    assert len(messenger.events(failed, "FailedRelayedMessage")) == 1

    run(l2.chain, karst)
    l2.chain.set_code(target, b"")
    replayed = l2.chain.send(messenger.address, call, sender=BOB)
    assert len(messenger.events(replayed, "RelayedMessage")) == 1
    assert l2.chain.balance(target) == 3


class Art:
    """A collection of L1 and an image of it, made by the factory that is there at the moment."""

    def __init__(self, l2: L2, name: str) -> None:
        factory = l2["OptimismMintableERC721Factory"]
        made = factory.send("createOptimismMintableERC721", account("art"), name, "ART", sender=ALICE)
        address = factory.events(made, "OptimismMintableERC721Created")[0]["localToken"]
        self.image = l2.chain.at("OptimismMintableERC721", address)

    def arrives_and_leaves(self, l2: L2) -> bool:
        """Whether the bridge that is there at the moment mints it a token and burns it again."""
        bridge = l2["L2ERC721Bridge"]
        arrival = bridge.artifact.encode_call(
            "finalizeBridgeERC721", self.image.address, account("art"), ALICE, ALICE, 7, b""
        )
        messenger = l2["L2CrossDomainMessenger"]
        relay = messenger.artifact.encode_call(
            "relayMessage",
            l2.chain.number | 1 << 240,
            account("L1 ERC-721 bridge"),
            bridge.address,
            0,
            400_000,
            arrival,
        )
        l2.chain.send(messenger.address, relay, sender=L1_MESSENGER_ON_L2)
        arrived: bool = self.image.call("ownerOf", 7) == hex_address(ALICE)
        bridge.send("bridgeERC721", self.image.address, account("art"), 7, 400_000, b"", sender=ALICE)
        return arrived and bool(self.image.call("totalSupply") == 0)


def test_images_made_before_the_upgrade_stay_bridgeable_after_it(karst: list[dict[str, Any]]) -> None:
    """The identifier that the bridge asks a token for is another one after Karst."""
    l2 = started_chain()
    ours = Art(l2, "ours")
    assert ours.arrives_and_leaves(l2)
    run(l2.chain, karst)
    assert ours.arrives_and_leaves(l2)
    assert Art(l2, "reference").arrives_and_leaves(l2)


def test_images_of_both_factories_say_the_same(karst: list[dict[str, Any]]) -> None:
    l2 = started_chain()
    ours = Art(l2, "ours").image
    run(l2.chain, karst)
    reference = Art(l2, "reference").image
    for identifier in ("01ffc9a7", "80ac58cd", "5b5e139f", "780e9d63", "aecafc23", "ffffffff", "12345678"):
        question = bytes.fromhex(identifier)
        assert ours.call("supportsInterface", question) == reference.call("supportsInterface", question)
    assert ours.call("baseTokenURI") == reference.call("baseTokenURI")
    assert ours.call("remoteToken") == reference.call("remoteToken") == hex_address(account("art"))
    assert l2.chain.code(ours.address) != l2.chain.code(reference.address)
