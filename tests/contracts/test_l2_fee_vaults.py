"""Fee vaults: minimum, networks, what the withdrawal says."""

import pytest

from config.genesis import VaultParams, WithdrawalNetwork
from config.types import Address
from tests.contracts.harness import Reverted, account, hex_address
from tests.contracts.two_chains import L2, PREDEPLOYS, REFUSE, genesis_params

ANYBODY = account("anybody")
VAULTS = ("SequencerFeeVault", "BaseFeeVault", "L1FeeVault", "OperatorFeeVault")


@pytest.mark.parametrize("name", VAULTS)
def test_a_vault_below_its_minimum_keeps_its_ether(name: str) -> None:
    l2 = L2()
    vault = l2[name]
    l2.chain.set_balance(vault.address, 10**18 - 1)
    with pytest.raises(Reverted, match="BelowMinimumWithdrawal"):
        vault.send("withdraw", sender=ANYBODY)
    assert l2.chain.balance(vault.address) == 10**18 - 1


@pytest.mark.parametrize(
    ("name", "recipient"), [("SequencerFeeVault", "sequencer fees"), ("BaseFeeVault", "base fees")]
)
def test_anybody_can_push_a_vaults_ether_to_l1(name: str, recipient: str) -> None:
    l2 = L2()
    vault = l2[name]
    l2.chain.set_balance(vault.address, 3 * 10**18)
    result = vault.send("withdraw", sender=ANYBODY)
    (event,) = l2["L2ToL1MessagePasser"].events(result, "MessagePassed")
    assert event["sender"] == vault.hex
    assert event["target"] == hex_address(account(recipient))
    assert (event["value"], event["gasLimit"], event["data"]) == (3 * 10**18, 400_000, b"")
    assert l2.chain.balance(PREDEPLOYS["L2ToL1MessagePasser"]) == 3 * 10**18
    assert vault.call("totalProcessed") == l2.chain.storage(vault.address, 0) == 3 * 10**18


@pytest.mark.parametrize(("name", "recipient"), [("L1FeeVault", "L1 fees"), ("OperatorFeeVault", "operator fees")])
def test_a_vault_of_l2_pays_its_recipient_directly(name: str, recipient: str) -> None:
    l2 = L2()
    vault = l2[name]
    l2.chain.set_balance(vault.address, 10**18)
    before = l2.chain.balance(account(recipient))
    result = vault.send("withdraw", sender=ANYBODY)
    assert l2.chain.balance(account(recipient)) - before == 10**18
    assert l2.chain.balance(vault.address) == 0
    with_network = vault.events(result, "Withdrawal(uint256,address,address,uint8)")
    assert with_network == [
        {
            "value": 10**18,
            "to": hex_address(account(recipient)),
            "from": hex_address(ANYBODY),
            "withdrawalNetwork": WithdrawalNetwork.L2,
        }
    ]
    assert vault.events(result, "Withdrawal(uint256,address,address)")[0]["value"] == 10**18


def test_a_recipient_that_refuses_ether_leaves_it_in_the_vault() -> None:
    grumpy = account("grumpy")
    vault_params = VaultParams(Address(grumpy), 1, WithdrawalNetwork.L2)
    l2 = L2(genesis_params(base_fee_vault=vault_params))
    l2.chain.set_code(grumpy, REFUSE)
    vault = l2["BaseFeeVault"]
    l2.chain.set_balance(vault.address, 5)
    with pytest.raises(Reverted, match="EtherTransferFailed"):
        vault.send("withdraw", sender=ANYBODY)
    assert l2.chain.balance(vault.address) == 5
    assert vault.call("totalProcessed") == 0


def test_getters_tell_the_parameters_from_genesis() -> None:
    l2 = L2()
    vault = l2["SequencerFeeVault"]
    expected = hex_address(account("sequencer fees"))
    assert vault.call("RECIPIENT") == vault.call("recipient") == vault.call("l1FeeWallet") == expected
    assert vault.call("MIN_WITHDRAWAL_AMOUNT") == vault.call("minWithdrawalAmount") == 10**18
    assert vault.call("WITHDRAWAL_NETWORK") == vault.call("withdrawalNetwork") == WithdrawalNetwork.L1
    assert l2["OperatorFeeVault"].call("withdrawalNetwork") == WithdrawalNetwork.L2


def test_vaults_take_plain_ether() -> None:
    l2 = L2()
    l2.chain.transfer(PREDEPLOYS["BaseFeeVault"], 9, ANYBODY)
    assert l2.chain.balance(PREDEPLOYS["BaseFeeVault"]) == 9
