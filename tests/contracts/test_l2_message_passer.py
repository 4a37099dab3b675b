"""L2ToL1MessagePasser: hashes, slot, nonces, burning."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.harness import account, hex_address
from tests.contracts.two_chains import L2, PREDEPLOYS

ALICE = account("alice")
BOB = account("bob")
PASSER = PREDEPLOYS["L2ToL1MessagePasser"]


def withdrawal_hash(nonce: int, sender: bytes, target: bytes, value: int, gas: int, data: bytes) -> bytes:
    return keccak(
        encode(
            ["uint256", "address", "address", "uint256", "uint256", "bytes"], [nonce, sender, target, value, gas, data]
        )
    )


def test_a_withdrawal_is_recorded_under_its_hash_in_the_mapping_at_slot_0() -> None:
    l2 = L2()
    passer = l2["L2ToL1MessagePasser"]
    nonce = passer.call("messageNonce")
    assert nonce == 1 << 240
    result = passer.send("initiateWithdrawal", BOB, 90_000, b"hello", sender=ALICE, value=7)

    digest = withdrawal_hash(nonce, ALICE, BOB, 7, 90_000, b"hello")
    assert l2.chain.storage(PASSER, int.from_bytes(keccak(digest + bytes(32)), "big")) == 1
    assert passer.call("sentMessages", digest) is True
    assert passer.events(result, "MessagePassed") == [
        {
            "nonce": nonce,
            "sender": hex_address(ALICE),
            "target": hex_address(BOB),
            "value": 7,
            "gasLimit": 90_000,
            "data": b"hello",
            "withdrawalHash": digest,
        }
    ]


def test_every_withdrawal_has_a_nonce_of_its_own() -> None:
    passer = L2()["L2ToL1MessagePasser"]
    digests = set()
    for count in range(3):
        assert passer.call("messageNonce") == (1 << 240) + count
        result = passer.send("initiateWithdrawal", BOB, 0, b"", sender=ALICE)
        digests.add(passer.events(result, "MessagePassed")[0]["withdrawalHash"])
    assert len(digests) == 3
    assert passer.chain.storage(PASSER, 1) == 3


def test_plain_ether_is_withdrawn_to_its_sender() -> None:
    l2 = L2()
    result = l2.chain.transfer(PASSER, 11, ALICE)
    (event,) = l2["L2ToL1MessagePasser"].events(result, "MessagePassed")
    assert (event["sender"], event["target"], event["value"], event["gasLimit"], event["data"]) == (
        hex_address(ALICE),
        hex_address(ALICE),
        11,
        100_000,
        b"",
    )


def test_burning_takes_the_ether_out_of_existence_and_leaves_the_claims() -> None:
    l2 = L2()
    passer = l2["L2ToL1MessagePasser"]
    sent = passer.send("initiateWithdrawal", BOB, 0, b"", sender=ALICE, value=5)
    digest = passer.events(sent, "MessagePassed")[0]["withdrawalHash"]
    result = passer.send("burn", sender=BOB)
    assert l2.chain.balance(PASSER) == 0
    assert passer.events(result, "WithdrawerBalanceBurnt") == [{"amount": 5}]
    assert passer.call("sentMessages", digest) is True
    assert passer.events(passer.send("burn", sender=BOB), "WithdrawerBalanceBurnt") == [{"amount": 0}]
