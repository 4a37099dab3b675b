"""What users do: each act sends transactions of some kinds and sees that they did what they should."""

import hashlib

from config.constants import (
    CREATE2_DEPLOYER_ADDRESS,
    L1_BLOCK,
    L2_CROSS_DOMAIN_MESSENGER,
    L2_STANDARD_BRIDGE,
    L2_TO_L1_MESSAGE_PASSER,
    OPTIMISM_MINTABLE_ERC20_FACTORY,
)
from config.types import Address, from_hex, to_address, to_hex
from contracts.artifacts import load_artifact
from evm.types import Authorization, keccak256
from evm.types.signature import address_of
from evm.types.transaction import TransactionType
from node.devnet.genesis import alias
from tests.e2e.parts import eventually, receipt_of
from tests.e2e.play import L1Call, Play, newcomer
from tests.e2e.precompile_calls import precompile_calls
from tests.e2e.traffic import (
    ETHER,
    LOOPS,
    RELAY,
    REVERTS,
    Sender,
    created_by_two,
    init_code,
    relayed,
    self_destructs_to,
)

IDENTITY = Address((4).to_bytes(20, "big"))
NO_ADDRESS = Address(bytes(20))
LEGACY_ETHER = "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000"


async def every_type_of_transaction(play: Play, sender: Sender, relay: Address) -> None:
    """Legacy, with access list, with dynamic fees; delegations that are used, replaced and cleared."""
    for kind in (TransactionType.LEGACY, TransactionType.ACCESS_LIST, TransactionType.DYNAMIC_FEE):
        await sender.send(f"{kind.name} transfer", newcomer(kind.name), value=ETHER, gas=30_000, kind=kind)
        await sender.send(f"{kind.name} call", relay, data=relayed(IDENTITY, b"x"), gas=90_000, kind=kind)
    key = keccak256(b"delegator")
    account = address_of(key)
    await sender.send("funds for the delegator", account, value=ETHER)
    identity = relayed(IDENTITY, b"through a delegation")
    chain = play.parts.l2_chain_id
    used = await sender.send(
        "delegation, used at once", account, data=identity, gas=200_000, kind=TransactionType.SET_CODE,
        authorizations=[Authorization.sign(key, chain, relay, 0)],
    )  # fmt: skip
    receipt = await receipt_of(play.sequencer, used)
    assert [(to_address(log["address"]), log["data"]) for log in receipt["logs"]] == [
        (account, to_hex(b"through a delegation"))
    ]
    assert await play.sequencer.call("eth_getCode", [to_hex(account), "latest"]) == to_hex(b"\xef\x01\x00" + relay)
    again = await sender.send("delegated account called", account, data=identity, gas=100_000)
    cleared = await sender.send(
        "delegation cleared; one authorization is stale", account, gas=200_000, kind=TransactionType.SET_CODE,
        authorizations=[Authorization.sign(key, chain, relay, 0), Authorization.sign(key, chain, NO_ADDRESS, 1)],
    )  # fmt: skip
    assert len((await receipt_of(play.sequencer, again))["logs"]) == 1
    await receipt_of(play.sequencer, cleared)
    assert await play.sequencer.call("eth_getCode", [to_hex(account), "latest"]) == "0x"


async def failures_and_creations(play: Play, sender: Sender) -> None:
    """Reverts, gas running out, constructors that fail, CREATE2, destruction in creation, 100 kB of calldata."""
    reverter, looper = await sender.deploy("reverter", REVERTS), await sender.deploy("looper", LOOPS)
    await sender.send("call that reverts", reverter, value=1, gas=50_000, succeeds=False)
    await sender.send("call that runs out of gas", looper, gas=80_000, succeeds=False)
    await sender.send("constructor that reverts", None, data=REVERTS, gas=100_000, succeeds=False)
    await sender.send("code that begins with 0xEF", None, data=init_code(b"\xef"), gas=100_000, succeeds=False)
    salt, code = keccak256(b"salt"), init_code(RELAY)
    await sender.send("create2", CREATE2_DEPLOYER_ADDRESS, data=salt + code, gas=200_000)
    await sender.send("create2 once more", CREATE2_DEPLOYER_ADDRESS, data=salt + code, gas=200_000, succeeds=False)
    beneficiary = newcomer("beneficiary")
    play.holders.add(beneficiary)
    doomed = await sender.send(
        "self-destruct in creation", None, value=5, data=self_destructs_to(beneficiary), gas=150_000
    )
    noise = b"".join(hashlib.sha256(index.to_bytes(4, "big")).digest() for index in range(3200))
    await sender.send("100 kB of calldata", newcomer("archive"), data=noise, gas=4_300_000)
    await play.settle()
    made = await play.sequencer.call(
        "eth_getCode", [to_hex(created_by_two(CREATE2_DEPLOYER_ADDRESS, salt, code)), "latest"]
    )
    assert made == to_hex(RELAY)
    gone = (await receipt_of(play.sequencer, doomed))["contractAddress"]
    assert await play.sequencer.call("eth_getCode", [gone, "latest"]) == "0x"
    assert await play.sequencer.call("eth_getBalance", [to_hex(beneficiary), "latest"]) == "0x5"


async def precompiles(play: Play, sender: Sender, relay: Address) -> None:
    """Each through a contract that logs the answer."""
    calls = precompile_calls()
    sent = [
        await sender.send(f"precompile {number:#x}", relay, gas=400_000, data=relayed(Address(number.to_bytes(20, "big")), data))
        for number, data, _ in calls
    ]  # fmt: skip
    for transaction_hash, (number, _, output) in zip(sent, calls, strict=True):
        (log,) = (await receipt_of(play.sequencer, transaction_hash))["logs"]
        assert int(log["topics"][0], 16) == 1 and log["data"] == to_hex(output), f"precompile {number:#x}: {log}"


async def deposits(play: Play, depositor: Sender, reverter: Address, looper: Address) -> None:
    """From accounts and from a contract; those that fail on L2 keep what they mint."""
    portal = play.parts.contract("OptimismPortalProxy")
    artifact = load_artifact("OptimismPortal2")

    def call(to: Address, value: int, gas: int, data: bytes = b"", creation: bool = False) -> bytes:
        return artifact.encode_call("depositTransaction", to_hex(to), value, gas, creation, data)

    relay = await depositor.deploy("relay on L1", RELAY)
    by_relay = relayed(portal, call(newcomer("paid by a contract"), 3, 100_000))
    good = [
        L1Call("deposit", portal, call(newcomer("paid by deposit"), ETHER, 100_000), ETHER),
        L1Call("deposit from a contract", relay, by_relay, 7),
        L1Call("deposit that creates", portal, call(NO_ADDRESS, 0, 300_000, init_code(RELAY), creation=True)),
    ]
    bad = [
        L1Call("deposit without the means", portal, call(newcomer("unpaid"), 10**30, 100_000), 11),
        L1Call("deposit that reverts", portal, call(reverter, 1, 100_000), 13),
        L1Call("deposit that runs out of gas", portal, call(looper, 0, 50_000), 17),
        L1Call("deposit with a failing constructor", portal, call(NO_ADDRESS, 0, 100_000, REVERTS, creation=True)),
    ]
    for made, receipt in zip(good + bad, await play.send_to_l1(depositor, good + bad), strict=True):
        there = await play.deposited(receipt)
        assert (there["status"] == "0x1") == (made in good), f"{made.what}: {there}"
        assert there["type"] == "0x7e" and there["depositReceiptVersion"] == "0x1"
    held = await play.sequencer.call("eth_getBalance", [to_hex(alias(relay)), "latest"])
    assert int(held, 16) == 7 - 3, "the contract's alias keeps what it minted and did not send"
    minted = await play.sequencer.call("eth_getBalance", [to_hex(depositor.address), "latest"])
    assert int(minted, 16) >= 11 + 13 + 17, "failed deposits keep what they mint"


async def bridges(play: Play, depositor: Sender, sender: Sender) -> None:
    """ETH and an ERC-20 over the bridges, and all of it on the way back."""
    bridge = play.parts.contract("L1StandardBridgeProxy")
    artifact, token = load_artifact("L1StandardBridge"), load_artifact("WETH98")
    factory, erc20 = load_artifact("OptimismMintableERC20Factory"), load_artifact("OptimismMintableERC20")
    user = to_hex(sender.address)
    (created,) = await play.send_to_l1(depositor, [L1Call("token on L1", None, token.encode_constructor())])
    remote = to_address(created["contractAddress"])
    made = await sender.send(
        "token on L2", OPTIMISM_MINTABLE_ERC20_FACTORY, gas=3_000_000,
        data=factory.encode_call("createOptimismMintableERC20", to_hex(remote), "Token", "TKN"),
    )  # fmt: skip
    log = (await receipt_of(play.sequencer, made))["logs"][-1]
    event = factory.decode_event(
        "OptimismMintableERC20Created", [from_hex(topic) for topic in log["topics"]], from_hex(log["data"])
    )
    local = to_address(event["localToken"])
    balance_of = [{"to": to_hex(local), "data": to_hex(erc20.encode_call("balanceOf", user))}, "latest"]

    ether = artifact.encode_call("depositETHTo", to_hex(newcomer("bridged")), 200_000, b"")
    tokens = artifact.encode_call("depositERC20To", to_hex(remote), to_hex(local), user, 4 * ETHER, 200_000, b"")
    approval = token.encode_call("approve", to_hex(bridge), 10 * ETHER)
    bridged = await play.send_to_l1(
        depositor,
        [
            L1Call("tokens", remote, token.encode_call("deposit"), 10 * ETHER),
            L1Call("approval", remote, approval),
            L1Call("ETH over the bridge", bridge, ether, 2 * ETHER),
            L1Call("tokens over the bridge", bridge, tokens),
        ],
    )
    for receipt in bridged[2:]:
        assert (await play.deposited(receipt))["status"] == "0x1"
    play.holders.add(newcomer("bridged"))
    assert int(await play.sequencer.call("eth_getBalance", [to_hex(newcomer("bridged")), "latest"]), 16) == 2 * ETHER
    assert int(await play.sequencer.call("eth_call", balance_of), 16) == 4 * ETHER

    passer, back = load_artifact("L2ToL1MessagePasser"), load_artifact("L2StandardBridge")
    messenger = load_artifact("L2CrossDomainMessenger")
    withdraw = passer.encode_call("initiateWithdrawal", user, 100_000, b"data")
    await sender.send("withdrawal", L2_TO_L1_MESSAGE_PASSER, value=1, data=withdraw, gas=200_000)
    message = messenger.encode_call("sendMessage", user, b"hello", 100_000)
    await sender.send("message to L1", L2_CROSS_DOMAIN_MESSENGER, data=message, gas=400_000)
    ether = back.encode_call("withdraw", LEGACY_ETHER, 3, 100_000, b"")
    await sender.send("ETH back over the bridge", L2_STANDARD_BRIDGE, value=3, data=ether, gas=600_000)
    tokens = back.encode_call("withdraw", to_hex(local), ETHER, 100_000, b"")
    await sender.send("tokens back over the bridge", L2_STANDARD_BRIDGE, data=tokens, gas=600_000)
    await play.settle()
    assert int(await play.sequencer.call("eth_call", balance_of), 16) == 3 * ETHER


async def reconfigure(play: Play, owner: Sender) -> None:
    """Every kind of update, except the batcher, which has to change with its key."""
    contract, artifact = play.parts.contract("SystemConfigProxy"), load_artifact("SystemConfig")
    before = await play.sequencer.call("eth_getBlockByNumber", ["latest", False])
    updates: tuple[tuple[str, tuple[int | str, ...]], ...] = (
        ("setGasConfigEcotone", (2000, 900_000)),
        ("setGasLimit", (45_000_000,)),
        ("setEIP1559Params", (100, 4)),
        ("setOperatorFeeScalars", (2_000_000, 12_345)),
        ("setUnsafeBlockSigner", (to_hex(newcomer("signer")),)),
        ("setMinBaseFee", (1000,)),
        ("setDAFootprintGasScalar", (500,)),
    )
    calls = [L1Call(what, contract, artifact.encode_call(what, *arguments)) for what, arguments in updates]
    last = (await play.send_to_l1(owner, calls))[-1]

    async def in_force() -> bool:
        return await origin_of_head(play) >= int(last["blockNumber"], 16)

    await eventually("the updates are in force", in_force)
    after = await play.sequencer.call("eth_getBlockByNumber", ["latest", False])
    assert (before["gasLimit"], after["gasLimit"]) == (hex(60_000_000), hex(45_000_000))
    assert after["extraData"] == to_hex(b"\x00" + (100).to_bytes(4, "big") + (4).to_bytes(4, "big"))


async def origin_of_head(play: Play) -> int:
    """The L1 block number that L1Block has for the newest L2 block."""
    call = {"to": to_hex(L1_BLOCK), "data": to_hex(load_artifact("L1Block").encode_call("number"))}
    return int(await play.sequencer.call("eth_call", [call, "latest"]), 16)
