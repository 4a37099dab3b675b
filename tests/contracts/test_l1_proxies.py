"""Proxies, their admin, the timelock that owns it, and Multicall3."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.harness import (
    TEST_DELAYS,
    Chain,
    Contract,
    L1System,
    Reverted,
    account,
    deploy_l1,
    hex_address,
)

DEPLOYER, OWNER, USER = account("deployer"), account("owner"), account("user")
IMPLEMENTATION_SLOT = int.from_bytes(keccak(text="eip1967.proxy.implementation"), "big") - 1
ADMIN_SLOT = int.from_bytes(keccak(text="eip1967.proxy.admin"), "big") - 1
ZERO = bytes(20)


@pytest.fixture
def admin() -> Contract:
    return Chain().deploy("ProxyAdmin", DEPLOYER)


def test_a_proxy_keeps_its_addresses_in_the_standard_slots(admin: Contract) -> None:
    chain = admin.chain
    proxy = chain.deploy("Proxy", admin.address)
    probe = chain.deploy("LibraryProbe")
    admin.send("upgrade", proxy.address, probe.address)
    assert chain.storage(proxy.address, ADMIN_SLOT) == int.from_bytes(admin.address, "big")
    assert chain.storage(proxy.address, IMPLEMENTATION_SLOT) == int.from_bytes(probe.address, "big")
    assert admin.call("getProxyImplementation", proxy.address) == probe.hex
    assert admin.call("getProxyAdmin", proxy.address) == admin.hex
    assert proxy.call("implementation", sender=ZERO) == probe.hex
    assert chain.at("LibraryProbe", proxy.address).call("bond", 0, 8) == 8 * 10**16


def test_a_proxy_without_implementation_says_so(admin: Contract) -> None:
    proxy = admin.chain.deploy("Proxy", admin.address)
    with pytest.raises(Reverted, match="Proxy: implementation not initialized"):
        admin.chain.send(proxy.address, b"\x01\x02\x03\x04", sender=USER)


def test_strangers_reach_only_the_implementation(admin: Contract) -> None:
    chain = admin.chain
    proxy = chain.deploy("Proxy", admin.address)
    admin.send("upgrade", proxy.address, chain.deploy("LibraryProbe").address)
    # The implementation has no such functions.
    for function, arguments in [("upgradeTo", (USER,)), ("changeAdmin", (USER,)), ("admin", ())]:
        with pytest.raises(Reverted):
            proxy.send(function, *arguments, sender=USER)
    for function, arguments in [("upgrade", (proxy.address, USER)), ("changeProxyAdmin", (proxy.address, USER))]:
        with pytest.raises(Reverted, match="Ownable_NotOwner"):
            admin.send(function, *arguments, sender=USER)


def test_an_upgrade_whose_call_fails_does_not_happen(admin: Contract) -> None:
    chain = admin.chain
    proxy = chain.deploy("Proxy", admin.address)
    probe = chain.deploy("LibraryProbe")
    with pytest.raises(Reverted, match="delegatecall to new implementation contract failed"):
        admin.send("upgradeAndCall", proxy.address, probe.address, probe.artifact.encode_call("fail"))
    assert chain.storage(proxy.address, IMPLEMENTATION_SLOT) == 0


def test_reverts_and_values_pass_through_a_proxy(admin: Contract) -> None:
    chain = admin.chain
    proxy = chain.deploy("Proxy", admin.address)
    admin.send("upgrade", proxy.address, chain.deploy("WETH98").address)
    weth = chain.at("WETH98", proxy.address)
    chain.send(proxy.address, value=5, sender=USER)
    assert weth.call("balanceOf", USER) == 5
    with pytest.raises(Reverted, match="InsufficientBalance"):
        weth.send("withdraw", 6, sender=USER)


def test_a_proxy_moves_to_another_admin(admin: Contract) -> None:
    proxy = admin.chain.deploy("Proxy", admin.address)
    result = admin.send("changeProxyAdmin", proxy.address, USER)
    assert proxy.events(result, "AdminChanged") == [{"previousAdmin": admin.hex, "newAdmin": hex_address(USER)}]
    proxy.send("upgradeTo", account("implementation"), sender=USER)
    assert proxy.call("implementation", sender=USER) == hex_address(account("implementation"))


def test_an_initializer_cannot_be_run_by_a_stranger_in_front(admin: Contract) -> None:
    chain = admin.chain
    proxy = chain.deploy("Proxy", admin.address)
    admin.send("upgrade", proxy.address, chain.deploy("SuperchainConfig").address)
    config = chain.at("SuperchainConfig", proxy.address)
    with pytest.raises(Reverted, match="ProxyAdminOwnedBase_NotProxyAdminOrProxyAdminOwner"):
        config.send("initialize", USER, sender=USER)
    config.send("initialize", USER, sender=DEPLOYER)
    with pytest.raises(Reverted, match="Initializable_AlreadyInitialized"):
        config.send("initialize", USER, sender=DEPLOYER)


# --- Timelock ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def l1() -> L1System:
    return deploy_l1()


def operation(l1: L1System, predecessor: bytes = bytes(32), salt: bytes = bytes(32)) -> tuple[object, ...]:
    """An upgrade of the portal to a new implementation."""
    admin = l1.chain.at("ProxyAdmin", l1.addresses.ProxyAdmin)
    data = admin.artifact.encode_call("upgrade", l1.portal.address, l1.addresses.OptimismPortalImpl)
    return (admin.address, 0, data, predecessor, salt)


def identity(call: tuple[object, ...]) -> bytes:
    return keccak(encode(["address", "uint256", "bytes", "bytes32", "bytes32"], call))


def test_an_upgrade_waits_for_the_delay(l1: L1System) -> None:
    timelock = l1.chain.at("Timelock", l1.addresses.Timelock)
    call = operation(l1)
    assert timelock.call("hashOperation", *call) == identity(call)
    with pytest.raises(Reverted, match="TimelockNotProposer"):
        timelock.send("schedule", *call, TEST_DELAYS.timelock, sender=USER)
    with pytest.raises(Reverted, match="TimelockInsufficientDelay"):
        timelock.send("schedule", *call, TEST_DELAYS.timelock - 1, sender=OWNER)
    l1.chain.auto_mine = False
    result = timelock.send("schedule", *call, TEST_DELAYS.timelock, sender=OWNER)
    assert timelock.events(result, "CallScheduled")[0]["id"] == identity(call)
    with pytest.raises(Reverted, match="TimelockAlreadyScheduled"):
        timelock.send("schedule", *call, TEST_DELAYS.timelock, sender=OWNER)
    l1.chain.mine(TEST_DELAYS.timelock - 1)
    with pytest.raises(Reverted, match="TimelockNotReady"):
        timelock.send("execute", *call, sender=OWNER)
    l1.chain.mine(1)
    timelock.send("execute", *call, sender=USER)
    assert timelock.call("isOperationDone", identity(call)) is True
    with pytest.raises(Reverted, match="TimelockNotReady"):
        timelock.send("execute", *call, sender=USER)


def test_a_cancelled_call_is_not_made(l1: L1System) -> None:
    timelock = l1.chain.at("Timelock", l1.addresses.Timelock)
    call = operation(l1)
    timelock.send("schedule", *call, TEST_DELAYS.timelock, sender=OWNER)
    with pytest.raises(Reverted, match="TimelockNotProposer"):
        timelock.send("cancel", identity(call), sender=USER)
    timelock.send("cancel", identity(call), sender=OWNER)
    l1.chain.mine(TEST_DELAYS.timelock)
    with pytest.raises(Reverted, match="TimelockNotReady"):
        timelock.send("execute", *call)
    with pytest.raises(Reverted, match="TimelockNotPending"):
        timelock.send("cancel", identity(call), sender=OWNER)


def test_calls_keep_their_order(l1: L1System) -> None:
    timelock = l1.chain.at("Timelock", l1.addresses.Timelock)
    first = operation(l1)
    second = operation(l1, predecessor=identity(first))
    for call in (first, second):
        timelock.send("schedule", *call, TEST_DELAYS.timelock, sender=OWNER)
    l1.chain.mine(TEST_DELAYS.timelock)
    with pytest.raises(Reverted, match="TimelockUnexecutedPredecessor"):
        timelock.send("execute", *second)
    timelock.send("execute", *first)
    timelock.send("execute", *second)


def test_a_failing_call_stays_ready(l1: L1System) -> None:
    timelock = l1.chain.at("Timelock", l1.addresses.Timelock)
    data = l1.config.artifact.encode_call("setGasLimit", 40_000_000)
    call = (l1.config.address, 0, data, bytes(32), bytes(32))
    timelock.send("schedule", *call, TEST_DELAYS.timelock, sender=OWNER)
    l1.chain.mine(TEST_DELAYS.timelock)
    with pytest.raises(Reverted, match="TimelockCallFailed"):
        timelock.send("execute", *call)
    assert timelock.call("isOperationReady", identity(call)) is True


def test_the_timelock_changes_only_through_itself(l1: L1System) -> None:
    timelock = l1.chain.at("Timelock", l1.addresses.Timelock)
    for function, argument in [("updateDelay", 5), ("updateProposer", USER)]:
        with pytest.raises(Reverted, match="TimelockNotSelf"):
            timelock.send(function, argument, sender=OWNER)
        data = timelock.artifact.encode_call(function, argument)
        call = (timelock.address, 0, data, bytes(32), bytes(32))
        timelock.send("schedule", *call, timelock.call("getMinDelay"), sender=OWNER)
        l1.chain.mine(TEST_DELAYS.timelock)
        timelock.send("execute", *call)
    assert timelock.call("getMinDelay") == 5
    assert timelock.call("proposer") == hex_address(USER)


# --- Multicall3 -------------------------------------------------------------------------------------------------------


@pytest.fixture
def multicall() -> Contract:
    return Chain().deploy("Multicall3")


def test_many_calls_in_one_report_their_results(multicall: Contract) -> None:
    chain = multicall.chain
    probe = chain.deploy("LibraryProbe")
    good = probe.artifact.encode_call("bond", 0, 8)
    bad = probe.artifact.encode_call("fail")
    word = (8 * 10**16).to_bytes(32, "big")
    assert multicall.call("aggregate", [(probe.address, good)] * 2) == (chain.number, (word, word))
    (one, two) = multicall.call("aggregate3", [(probe.address, True, bad), (probe.address, False, good)])
    assert one[0] is False
    assert two == (True, word)
    assert multicall.call("tryAggregate", False, [(probe.address, bad)])[0][0] is False
    number, _, results = multicall.call("blockAndAggregate", [(probe.address, good)])
    assert (number, results) == (chain.number, ((True, word),))
    for function, arguments in [
        ("aggregate", ([(probe.address, bad)],)),
        ("aggregate3", ([(probe.address, False, bad)],)),
        ("tryAggregate", (True, [(probe.address, bad)])),
    ]:
        with pytest.raises(Reverted, match="Multicall3: call failed"):
            multicall.call(function, *arguments)


def test_value_is_spent_exactly(multicall: Contract) -> None:
    calls = [(account("a"), False, 3, b""), (account("b"), False, 4, b"")]
    multicall.send("aggregate3Value", calls, sender=USER, value=7)
    assert [multicall.chain.balance(account(name)) for name in "ab"] == [3, 4]
    with pytest.raises(Reverted, match="Multicall3: value mismatch"):
        multicall.send("aggregate3Value", calls, sender=USER, value=8)


def test_the_block_can_be_asked_for(multicall: Contract) -> None:
    chain = multicall.chain
    assert multicall.call("getBlockNumber") == chain.number
    assert multicall.call("getCurrentBlockTimestamp") == chain.timestamp
    assert multicall.call("getLastBlockHash") == chain.block_hash(chain.number - 1)
    assert multicall.call("getBlockHash", chain.number - 5) == chain.block_hash(chain.number - 5)
    assert multicall.call("getBasefee") == chain.base_fee
    assert multicall.call("getChainId") == chain.chain_id
    chain.set_balance(USER, 12)
    assert multicall.call("getEthBalance", USER) == 12
    assert multicall.artifact.selector("aggregate3").hex() == "82ad56cb"
