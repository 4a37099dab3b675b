"""WETH, mintable ERC-20 tokens and their factory, and the two contracts that only old tools ask."""

import pytest
from eth_abi.abi import encode
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from tests.contracts.harness import Contract, Reverted, account, hex_address
from tests.contracts.two_chains import L2, L2_CHAIN_ID, PREDEPLOYS

ALICE = account("alice")
BOB = account("bob")
REMOTE = account("remote token")
BRIDGE = PREDEPLOYS["L2StandardBridge"]
PERMIT2 = bytes.fromhex("000000000022d473030f116ddee9f6b43ac78ba3")
KEY = PrivateKey(keccak(text="signer"))
SIGNER = KEY.public_key.to_canonical_address()


@pytest.fixture
def l2() -> L2:
    return L2()


@pytest.fixture
def token(l2: L2) -> Contract:
    """A mintable token with 100 units in Alice's hands."""
    factory = l2["OptimismMintableERC20Factory"]
    made = factory.send("createOptimismMintableERC20WithDecimals", REMOTE, "Coin", "COIN", 6, sender=BOB)
    (event,) = factory.events(made, "OptimismMintableERC20Created")
    image = l2.chain.at("OptimismMintableERC20", event["localToken"])
    image.send("mint", ALICE, 100, sender=BRIDGE)
    return image


def test_weth_is_worth_the_ether_in_it(l2: L2) -> None:
    weth = l2["WETH"]
    weth.send("deposit", sender=ALICE, value=100)
    l2.chain.transfer(weth.address, 20, ALICE)
    assert weth.call("balanceOf", ALICE) == weth.call("totalSupply") == l2.chain.balance(weth.address) == 120
    before = l2.chain.balance(ALICE)
    weth.send("withdraw", 50, sender=ALICE)
    assert l2.chain.balance(ALICE) == before + 50
    with pytest.raises(Reverted, match="InsufficientBalance"):
        weth.send("withdraw", 71, sender=ALICE)
    assert (weth.call("name"), weth.call("symbol"), weth.call("decimals")) == ("Wrapped Ether", "WETH", 18)


def test_weth_moves_with_an_allowance_and_an_unlimited_one_is_not_used_up(l2: L2) -> None:
    weth = l2["WETH"]
    weth.send("deposit", sender=ALICE, value=100)
    with pytest.raises(Reverted, match="InsufficientAllowance"):
        weth.send("transferFrom", ALICE, BOB, 1, sender=BOB)
    weth.send("approve", BOB, 30, sender=ALICE)
    weth.send("transferFrom", ALICE, BOB, 20, sender=BOB)
    assert weth.call("allowance", ALICE, BOB) == 10
    weth.send("approve", BOB, 2**256 - 1, sender=ALICE)
    weth.send("transferFrom", ALICE, BOB, 20, sender=BOB)
    assert weth.call("allowance", ALICE, BOB) == 2**256 - 1
    assert weth.call("balanceOf", BOB) == 40


def test_the_factory_makes_tokens_at_the_address_that_the_parameters_give(l2: L2, token: Contract) -> None:
    factory = l2["OptimismMintableERC20Factory"]
    salt = keccak(encode(["address", "string", "string", "uint8"], [REMOTE, "Coin", "COIN", 6]))
    creation = token.artifact.encode_constructor(BRIDGE, REMOTE, "Coin", "COIN", 6)
    assert token.address == keccak(b"\xff" + factory.address + salt + keccak(creation))[12:]
    assert factory.call("deployments", token.address) == hex_address(REMOTE)
    with pytest.raises(Reverted):
        factory.send("createOptimismMintableERC20WithDecimals", REMOTE, "Coin", "COIN", 6, sender=ALICE)
    with pytest.raises(Reverted, match="RemoteTokenIsZero"):
        factory.send("createOptimismMintableERC20", bytes(20), "Coin", "COIN", sender=ALICE)


@pytest.mark.parametrize("function", ["createStandardL2Token", "createOptimismMintableERC20"])
def test_the_shorter_factory_functions_make_tokens_with_18_decimals(l2: L2, function: str) -> None:
    factory = l2["OptimismMintableERC20Factory"]
    made = factory.send(function, REMOTE, "Coin", "COIN", sender=BOB)
    (old,) = factory.events(made, "StandardL2TokenCreated")
    (new,) = factory.events(made, "OptimismMintableERC20Created")
    assert old["localToken"] == new["localToken"]
    assert new["deployer"] == hex_address(BOB)
    assert l2.chain.at("OptimismMintableERC20", new["localToken"]).call("decimals") == 18


def test_a_mintable_token_tells_where_it_comes_from(token: Contract) -> None:
    for name in ("remoteToken", "REMOTE_TOKEN", "l1Token"):
        assert token.call(name) == hex_address(REMOTE)
    for name in ("bridge", "BRIDGE", "l2Bridge"):
        assert token.call(name) == hex_address(BRIDGE)
    assert (token.call("name"), token.call("symbol"), token.call("decimals")) == ("Coin", "COIN", 6)


@pytest.mark.parametrize(
    ("identifier", "known"), [("01ffc9a7", True), ("1d1d8b63", True), ("ec4fc8e3", True), ("ffffffff", False)]
)
def test_a_mintable_token_answers_interface_questions(token: Contract, identifier: str, known: bool) -> None:
    assert token.call("supportsInterface", bytes.fromhex(identifier)) is known


def test_only_the_bridge_mints_and_burns(token: Contract) -> None:
    for function in ("mint", "burn"):
        with pytest.raises(Reverted, match="OnlyBridge"):
            token.send(function, ALICE, 1, sender=ALICE)
    result = token.send("burn", ALICE, 30, sender=BRIDGE)
    assert token.events(result, "Burn") == [{"account": hex_address(ALICE), "amount": 30}]
    assert token.call("totalSupply") == token.call("balanceOf", ALICE) == 70
    with pytest.raises(Reverted, match="ERC20_InsufficientBalance"):
        token.send("burn", ALICE, 71, sender=BRIDGE)


def test_allowances_go_up_down_and_are_used_up(token: Contract) -> None:
    token.send("increaseAllowance", BOB, 50, sender=ALICE)
    token.send("decreaseAllowance", BOB, 20, sender=ALICE)
    token.send("transferFrom", ALICE, BOB, 25, sender=BOB)
    assert token.call("allowance", ALICE, BOB) == 5
    with pytest.raises(Reverted, match="ERC20_InsufficientAllowance"):
        token.send("transferFrom", ALICE, BOB, 6, sender=BOB)
    with pytest.raises(Reverted, match="ERC20_InsufficientAllowance"):
        token.send("decreaseAllowance", BOB, 6, sender=ALICE)
    token.send("transfer", ALICE, 25, sender=BOB)
    assert token.call("balanceOf", ALICE) == 100


def test_permit2_needs_no_approval(token: Contract) -> None:
    assert token.call("allowance", ALICE, PERMIT2) == 2**256 - 1
    token.send("transferFrom", ALICE, BOB, 10, sender=PERMIT2)
    assert token.call("balanceOf", BOB) == 10


def permit_signature(token: Contract, value: int, deadline: int, nonce: int = 0) -> tuple[int, bytes, bytes]:
    kind = keccak(text="Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
    domain_kind = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    domain = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [domain_kind, keccak(text="Coin"), keccak(text="1"), L2_CHAIN_ID, token.address],
        )
    )
    assert token.call("DOMAIN_SEPARATOR") == domain
    body = keccak(
        encode(
            ["bytes32", "address", "address", "uint256", "uint256", "uint256"],
            [kind, SIGNER, BOB, value, nonce, deadline],
        )
    )
    signature = KEY.sign_msg_hash(keccak(b"\x19\x01" + domain + body))
    return 27 + signature.v, signature.r.to_bytes(32, "big"), signature.s.to_bytes(32, "big")


def test_a_signed_approval_counts_once(token: Contract) -> None:
    deadline = token.chain.timestamp + 1000
    signature = permit_signature(token, 55, deadline)
    token.send("permit", SIGNER, BOB, 55, deadline, *signature, sender=ALICE)
    assert token.call("allowance", SIGNER, BOB) == 55
    assert token.call("nonces", SIGNER) == 1
    with pytest.raises(Reverted, match="ERC20_InvalidSigner"):
        token.send("permit", SIGNER, BOB, 55, deadline, *signature, sender=ALICE)


def test_a_signed_approval_of_the_wrong_shape_is_refused(token: Contract) -> None:
    deadline = token.chain.timestamp + 1000
    v, r, s = permit_signature(token, 55, deadline)
    with pytest.raises(Reverted, match="ERC20_InvalidSigner"):
        token.send("permit", SIGNER, BOB, 56, deadline, v, r, s, sender=ALICE)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    mirrored = (order - int.from_bytes(s, "big")).to_bytes(32, "big")
    with pytest.raises(Reverted, match="ERC20_InvalidSigner"):
        token.send("permit", SIGNER, BOB, 55, deadline, 55 - v, r, mirrored, sender=ALICE)
    past = token.chain.timestamp - 1
    with pytest.raises(Reverted, match="ERC20_PermitExpired"):
        token.send("permit", SIGNER, BOB, 55, past, *permit_signature(token, 55, past), sender=ALICE)


def test_the_zero_address_holds_and_spends_nothing(token: Contract) -> None:
    for function in ("transfer", "approve"):
        with pytest.raises(Reverted, match="ERC20_ZeroAddress"):
            token.send(function, bytes(20), 1, sender=ALICE)


def test_the_old_message_passer_records_who_passed_what(l2: L2) -> None:
    passer = l2["LegacyMessagePasser"]
    passer.send("passMessageToL1", b"hello", sender=ALICE)
    assert passer.call("sentMessages", keccak(b"hello" + ALICE)) is True
    assert passer.call("sentMessages", keccak(b"hello" + BOB)) is False


def test_the_deployer_whitelist_lets_everybody_in_for_want_of_an_owner(l2: L2) -> None:
    whitelist = l2["DeployerWhitelist"]
    assert whitelist.call("isDeployerAllowed", ALICE) is True
    with pytest.raises(Reverted, match="NotOwner"):
        whitelist.send("setOwner", ALICE, sender=ALICE)


def test_an_owner_of_the_whitelist_chooses_until_it_gives_up(l2: L2) -> None:
    whitelist = l2["DeployerWhitelist"]
    l2.chain.set_storage(whitelist.address, 0, int.from_bytes(ALICE, "big"))
    assert whitelist.call("isDeployerAllowed", BOB) is False
    whitelist.send("setWhitelistedDeployer", BOB, True, sender=ALICE)
    assert whitelist.call("isDeployerAllowed", BOB) is True
    with pytest.raises(Reverted, match="OwnerIsZero"):
        whitelist.send("setOwner", bytes(20), sender=ALICE)
    whitelist.send("enableArbitraryContractDeployment", sender=ALICE)
    assert whitelist.call("isDeployerAllowed", account("carol")) is True
