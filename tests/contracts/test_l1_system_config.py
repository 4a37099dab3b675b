"""SystemConfig: every setting logs what nodes read, and only the owner sets it. SuperchainConfig: the pause."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.harness import L1System, Reverted, account, deploy_l1, hex_address

OWNER, GUARDIAN, USER = account("owner"), account("guardian"), account("user")
BATCHER_HASH = bytes(12) + account("next batcher")


@pytest.fixture
def l1() -> L1System:
    return deploy_l1()


UPDATES: list[tuple[str, tuple[object, ...], int, bytes]] = [
    ("setBatcherHash", (BATCHER_HASH,), 0, BATCHER_HASH),
    ("setGasConfigEcotone", (11, 22), 1, encode(["uint256", "uint256"], [0, (1 << 248) | (22 << 32) | 11])),
    ("setGasLimit", (40_000_000,), 2, encode(["uint256"], [40_000_000])),
    ("setUnsafeBlockSigner", (USER,), 3, encode(["address"], [USER])),
    ("setEIP1559Params", (250, 6), 4, encode(["uint256"], [(250 << 32) | 6])),
    ("setOperatorFeeScalars", (7, 9), 5, encode(["uint256"], [(7 << 64) | 9])),
    ("setMinBaseFee", (1_000,), 6, encode(["uint256"], [1_000])),
    ("setDAFootprintGasScalar", (400,), 7, encode(["uint256"], [400])),
]


@pytest.mark.parametrize(("function", "arguments", "kind", "data"), UPDATES)
def test_an_update_is_logged_as_nodes_read_it(
    l1: L1System, function: str, arguments: tuple[object, ...], kind: int, data: bytes
) -> None:
    result = l1.config.send(function, *arguments, sender=OWNER)
    assert l1.config.events(result, "ConfigUpdate") == [{"version": 0, "updateType": kind, "data": data}]
    # The topic is part of the protocol.
    assert result.logs[0].topics[0] == keccak(text="ConfigUpdate(uint256,uint8,bytes)")
    with pytest.raises(Reverted, match="Ownable_NotOwner"):
        l1.config.send(function, *arguments, sender=USER)


def test_updates_are_readable(l1: L1System) -> None:
    for function, arguments, _, _ in UPDATES:
        l1.config.send(function, *arguments, sender=OWNER)
    expected = {
        "batcherHash": BATCHER_HASH,
        "overhead": 0,
        "scalar": (1 << 248) | (22 << 32) | 11,
        "basefeeScalar": 11,
        "blobbasefeeScalar": 22,
        "gasLimit": 40_000_000,
        "unsafeBlockSigner": hex_address(USER),
        "eip1559Denominator": 250,
        "eip1559Elasticity": 6,
        "operatorFeeScalar": 7,
        "operatorFeeConstant": 9,
        "minBaseFee": 1_000,
        "daFootprintGasScalar": 400,
    }
    assert {name: l1.config.call(name) for name in expected} == expected


def test_the_slots_that_nodes_and_tools_read_are_the_counterparts(l1: L1System) -> None:
    chain, config = l1.chain, l1.config
    names = {
        "UNSAFE_BLOCK_SIGNER_SLOT": ("systemconfig.unsafeblocksigner", 0, l1.params.unsafe_block_signer),
        "BATCH_INBOX_SLOT": ("systemconfig.batchinbox", 1, l1.params.batch_inbox),
        "OPTIMISM_PORTAL_SLOT": ("systemconfig.optimismportal", 1, l1.addresses.OptimismPortalProxy),
        "L1_STANDARD_BRIDGE_SLOT": ("systemconfig.l1standardbridge", 1, l1.addresses.L1StandardBridgeProxy),
        "L1_CROSS_DOMAIN_MESSENGER_SLOT": (
            "systemconfig.l1crossdomainmessenger",
            1,
            l1.addresses.L1CrossDomainMessengerProxy,
        ),
        "L1_ERC_721_BRIDGE_SLOT": ("systemconfig.l1erc721bridge", 1, l1.addresses.L1ERC721BridgeProxy),
        "OPTIMISM_MINTABLE_ERC20_FACTORY_SLOT": (
            "systemconfig.optimismmintableerc20factory",
            1,
            l1.addresses.OptimismMintableERC20FactoryProxy,
        ),
        "DELAYED_WETH_SLOT": ("systemconfig.delayedweth", 1, l1.addresses.DelayedWETHProxy),
    }
    for getter, (label, less, value) in names.items():
        slot = int.from_bytes(keccak(text=label), "big") - less
        assert int.from_bytes(config.call(getter), "big") == slot
        assert chain.storage(config.address, slot) == int.from_bytes(value, "big")
    slots = {"_owner": 51, "overhead": 101, "scalar": 102, "batcherHash": 103, "gasLimit": 104}
    assert {name: config.artifact.storage_variable(name).slot for name in slots} == slots
    start = int.from_bytes(keccak(text="systemconfig.startBlock"), "big") - 1
    assert 100 < chain.storage(config.address, start) == config.call("startBlock") < chain.number


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        ("setGasLimit", (20_999_999,), "gas limit too low"),
        ("setGasLimit", (500_000_001,), "gas limit too high"),
        ("setEIP1559Params", (0, 6), "denominator must be >= 1"),
        ("setEIP1559Params", (250, 0), "elasticity must be >= 1"),
        ("setResourceConfig", ((20_000_000, 10, 8, 100, 1_000_000, 99),), "min base fee"),
        ("setResourceConfig", ((20_000_000, 10, 1, 1, 1_000_000, 99),), "denominator must be larger"),
        ("setResourceConfig", ((60_000_000, 10, 8, 1, 1_000_000, 99),), "gas limit too low"),
        ("setResourceConfig", ((20_000_000, 0, 8, 1, 1_000_000, 99),), "elasticity multiplier cannot be 0"),
        ("setResourceConfig", ((20_000_001, 10, 8, 1, 1_000_000, 99),), "precision loss"),
        ("setResourceConfig", ((0, 10, 8, 1, 1_000_000, 99),), "max resource limit cannot be 0"),
    ],
)
def test_values_that_would_break_the_chain_are_refused(
    l1: L1System, function: str, arguments: tuple[object, ...], reason: str
) -> None:
    with pytest.raises(Reverted, match=reason):
        l1.config.send(function, *arguments, sender=OWNER)


def test_the_market_for_deposits_can_be_changed(l1: L1System) -> None:
    market = (10_000_000, 5, 4, 1, 500_000, 10**18)
    l1.config.send("setResourceConfig", market, sender=OWNER)
    assert l1.config.call("resourceConfig") == market
    assert l1.config.call("minimumGasLimit") == 10_500_000
    l1.config.send("setGasLimit", 10_500_000, sender=OWNER)
    with pytest.raises(Reverted, match="OutOfGas"):
        l1.portal.send("depositTransaction", USER, 0, 10_000_001, False, b"")


def test_ownership_moves(l1: L1System) -> None:
    with pytest.raises(Reverted, match="Ownable_ZeroOwner"):
        l1.config.send("transferOwnership", bytes(20), sender=OWNER)
    l1.config.send("transferOwnership", USER, sender=OWNER)
    assert l1.config.call("owner") == hex_address(USER)
    l1.config.send("renounceOwnership", sender=USER)
    assert l1.config.call("owner") == hex_address(bytes(20))


# --- Pause ------------------------------------------------------------------------------------------------------------


def test_a_pause_ends_by_itself(l1: L1System) -> None:
    l1.chain.auto_mine = False
    expiry = l1.superchain.call("pauseExpiry")
    result = l1.superchain.send("pause", USER, sender=GUARDIAN)
    assert l1.superchain.events(result, "Paused") == [{"identifier": hex_address(USER)}]
    end = l1.superchain.call("expiration", USER)
    assert end == l1.chain.timestamp + expiry
    l1.chain.mine(expiry - 1)
    assert l1.superchain.call("paused(address)", USER) is True
    l1.chain.mine(1)
    assert l1.superchain.call("paused(address)", USER) is False
    # A pause that ended must be lifted before the next one.
    assert l1.superchain.call("pausable", USER) is False
    with pytest.raises(Reverted, match="SuperchainConfig_AlreadyPaused"):
        l1.superchain.send("pause", USER, sender=GUARDIAN)
    l1.superchain.send("unpause", USER, sender=GUARDIAN)
    l1.superchain.send("pause", USER, sender=GUARDIAN)
    assert l1.superchain.call("paused(address)", USER) is True


def test_a_pause_can_be_extended_and_lifted(l1: L1System) -> None:
    with pytest.raises(Reverted, match="SuperchainConfig_NotAlreadyPaused"):
        l1.superchain.send("extend", USER, sender=GUARDIAN)
    l1.superchain.send("pause", USER, sender=GUARDIAN)
    l1.chain.mine(7_000_000)
    l1.superchain.send("extend", USER, sender=GUARDIAN)
    l1.chain.mine(7_000_000)
    assert l1.superchain.call("paused(address)", USER) is True
    l1.superchain.send("unpause", USER, sender=GUARDIAN)
    assert l1.superchain.call("paused(address)", USER) is False
    assert l1.superchain.call("expiration", USER) == 0


def test_a_pause_holds_for_its_identifier_or_for_everything(l1: L1System) -> None:
    l1.superchain.send("pause", USER, sender=GUARDIAN)
    assert [l1.config.call("paused"), l1.superchain.call("paused()")] == [False, False]
    l1.superchain.send("pause", l1.portal.address, sender=GUARDIAN)
    assert [l1.config.call("paused"), l1.superchain.call("paused()")] == [True, False]
    l1.superchain.send("unpause", l1.portal.address, sender=GUARDIAN)
    l1.superchain.send("pause", bytes(20), sender=GUARDIAN)
    assert [l1.config.call("paused"), l1.superchain.call("paused()")] == [True, True]


def test_only_the_guardian_pauses(l1: L1System) -> None:
    assert l1.config.call("guardian") == hex_address(GUARDIAN)
    for function in ("pause", "unpause", "extend"):
        with pytest.raises(Reverted, match="SuperchainConfig_OnlyGuardian"):
            l1.superchain.send(function, USER, sender=OWNER)
