"""Two chains for bridge tests: L2 from its own genesis state, L1 with messenger and bridges behind proxies.

What stands between them is played by the test: the portal on L1 is a few bytes of code that log deposits and say whose
withdrawal is being finalised, and the functions here carry messages over as derivation and the portal would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from config import constants
from config.genesis import Alloc, L2GenesisParams, VaultParams, WithdrawalNetwork, l2_genesis_alloc
from config.types import Address
from contracts import load_artifact
from tests.contracts.harness import Chain, Contract, Result, account, deploy_proxied

L1_CHAIN_ID = 900
L2_CHAIN_ID = 901

PORTAL = account("portal")
SYSTEM_CONFIG = account("system config")
SUPERCHAIN_CONFIG = account("superchain config")
DEPOSITOR = bytes(constants.L1_ATTRIBUTES_DEPOSITOR)

PREDEPLOYS: Mapping[str, Address] = {
    "LegacyMessagePasser": constants.LEGACY_MESSAGE_PASSER,
    "DeployerWhitelist": constants.DEPLOYER_WHITELIST,
    "WETH": constants.WETH,
    "L2CrossDomainMessenger": constants.L2_CROSS_DOMAIN_MESSENGER,
    "GasPriceOracle": constants.GAS_PRICE_ORACLE,
    "L2StandardBridge": constants.L2_STANDARD_BRIDGE,
    "SequencerFeeVault": constants.SEQUENCER_FEE_VAULT,
    "OptimismMintableERC20Factory": constants.OPTIMISM_MINTABLE_ERC20_FACTORY,
    "L1BlockNumber": constants.L1_BLOCK_NUMBER,
    "L2ERC721Bridge": constants.L2_ERC721_BRIDGE,
    "L1Block": constants.L1_BLOCK,
    "L2ToL1MessagePasser": constants.L2_TO_L1_MESSAGE_PASSER,
    "OptimismMintableERC721Factory": constants.OPTIMISM_MINTABLE_ERC721_FACTORY,
    "ProxyAdmin": constants.PROXY_ADMIN,
    "BaseFeeVault": constants.BASE_FEE_VAULT,
    "L1FeeVault": constants.L1_FEE_VAULT,
    "OperatorFeeVault": constants.OPERATOR_FEE_VAULT,
}


def genesis_params(**changes: Any) -> L2GenesisParams:
    """Parameters with a recipient for each vault; any of them can be changed."""

    def vault(name: str, network: WithdrawalNetwork) -> VaultParams:
        return VaultParams(Address(account(name)), 10**18, network)

    given: dict[str, Any] = {
        "l1_chain_id": L1_CHAIN_ID,
        "l2_chain_id": L2_CHAIN_ID,
        "l1_cross_domain_messenger": Address(account("L1 messenger")),
        "l1_standard_bridge": Address(account("L1 bridge")),
        "l1_erc721_bridge": Address(account("L1 ERC-721 bridge")),
        "proxy_admin_owner": Address(account("L2 owner")),
        "sequencer_fee_vault": vault("sequencer fees", WithdrawalNetwork.L1),
        "base_fee_vault": vault("base fees", WithdrawalNetwork.L1),
        "l1_fee_vault": vault("L1 fees", WithdrawalNetwork.L2),
        "operator_fee_vault": vault("operator fees", WithdrawalNetwork.L2),
    }
    return L2GenesisParams(**{**given, **changes})


def place(chain: Chain, alloc: Alloc) -> None:
    """Puts the accounts of a genesis state into a chain; unused proxies are left out, they would only take time."""
    used = set(PREDEPLOYS.values())
    for address, genesis in alloc.items():
        if address[:2] == b"\x42\x00" and address not in used:
            continue
        chain.set_code(address, genesis.code)
        if genesis.balance:
            chain.set_balance(address, genesis.balance)
        for slot, value in genesis.storage.items():
            chain.set_storage(address, int.from_bytes(slot, "big"), int.from_bytes(value, "big"))


class L2:
    """An L2 chain that has just left its genesis; predeploys by contract name."""

    def __init__(self, params: L2GenesisParams | None = None) -> None:
        self.chain = Chain(L2_CHAIN_ID)
        place(self.chain, l2_genesis_alloc(params or genesis_params()))
        self.chain.mine(2)

    def __getitem__(self, name: str) -> Contract:
        return self.chain.at(name, PREDEPLOYS[name])


def selector(contract: str, function: str) -> bytes:
    """Selector of a function of a compiled contract."""
    return load_artifact(contract).selector(function)


def answering(answers: Mapping[bytes, int], otherwise: bytes) -> bytes:
    """Code that answers each selector with the storage slot named, and runs `otherwise` for any other call."""
    head = bytes.fromhex("5f3560e01c")
    size = len(head) + 11 * len(answers) + len(otherwise)
    jumps, bodies = b"", b""
    for code, slot in answers.items():
        target = size + len(bodies)
        jumps += b"\x80\x63" + code + b"\x14\x61" + target.to_bytes(2, "big") + b"\x57"
        bodies += b"\x5b\x60" + bytes([slot]) + bytes.fromhex("545f5260205ff3")
    return head + jumps + otherwise + bodies


LOG_CALL_DATA = bytes.fromhex("365f5f37365fa000")
REFUSE = bytes.fromhex("5f5ffd")

RECORDER = bytes.fromhex(
    "5f5415602957"  # slot 0 says whether it is in the mood: else revert
    "636e296e4560e01b5f52"  # xDomainMessageSender()
    "60205f60045f335afa50"  # asked of the caller
    "5f51600155"  # slot 1: that sender
    "34600255"  # slot 2: ether that came along
    "5f35600355"  # slot 3: first word of the call
    "00"
    "5b5f5ffd"
)
"""A target of messages."""

YES_SAYER = bytes.fromhex("60015f5260205ff3")
"""A token that answers 1 to everything, to balance questions before and after a transfer too."""


def alias(l1_address: bytes) -> bytes:
    """Address under which an L1 contract acts on L2."""
    shifted = (int.from_bytes(l1_address, "big") + constants.ADDRESS_ALIAS_OFFSET) % (1 << 160)
    return shifted.to_bytes(20, "big")


@dataclass(frozen=True)
class Deposit:
    """What the portal on L1 was asked to carry to L2."""

    sender: bytes
    to: bytes
    value: int
    gas_limit: int
    data: bytes


@dataclass(frozen=True)
class Withdrawal:
    """What the message passer on L2 recorded."""

    sender: bytes
    target: bytes
    value: int
    gas_limit: int
    data: bytes


class TwoChains:
    """L1 and L2, each with messenger and bridges that know the other side's."""

    def __init__(self) -> None:
        self.l1_chain = Chain(L1_CHAIN_ID)
        self.l1_chain.set_code(
            PORTAL,
            answering({selector("L1CrossDomainMessenger", "portal"): 1, bytes.fromhex("9bf62d82"): 0}, LOG_CALL_DATA),
        )
        self.l1_chain.set_code(
            SYSTEM_CONFIG,
            answering({bytes.fromhex("5c975abb"): 0, bytes.fromhex("35e80ab3"): 1}, REFUSE),
        )
        self.l1_chain.set_storage(SYSTEM_CONFIG, 1, int.from_bytes(SUPERCHAIN_CONFIG, "big"))
        admin = self.l1_chain.deploy("ProxyAdmin", account("deployer"))
        self.l1_messenger = deploy_proxied(
            self.l1_chain,
            admin,
            "L1CrossDomainMessenger",
            lambda artifact: artifact.encode_call("initialize", SYSTEM_CONFIG, PORTAL),
        )
        self.l1_bridge = self._l1_bridge(admin, "L1StandardBridge")
        self.l1_erc721_bridge = self._l1_bridge(admin, "L1ERC721Bridge")
        self.l2 = L2(
            genesis_params(
                l1_cross_domain_messenger=Address(self.l1_messenger.address),
                l1_standard_bridge=Address(self.l1_bridge.address),
                l1_erc721_bridge=Address(self.l1_erc721_bridge.address),
            )
        )

    def _l1_bridge(self, admin: Contract, name: str) -> Contract:
        return deploy_proxied(
            self.l1_chain,
            admin,
            name,
            lambda artifact: artifact.encode_call("initialize", self.l1_messenger.address, SYSTEM_CONFIG),
        )

    @cached_property
    def l2_messenger(self) -> Contract:
        """The messenger predeploy."""
        return self.l2["L2CrossDomainMessenger"]

    def pause(self, paused: bool) -> None:
        """Pauses or resumes L1."""
        self.l1_chain.set_storage(SYSTEM_CONFIG, 0, int(paused))

    def deposits(self, result: Result) -> list[Deposit]:
        """Deposits that an L1 transaction asked the portal for."""
        found = []
        for log in result.logs:
            if log.address == PORTAL:
                to, value, gas, creation, data = load_artifact("OptimismPortal2").decode_input(
                    "depositTransaction", log.data
                )
                assert not creation
                found.append(Deposit(self.l1_messenger.address, bytes.fromhex(to[2:]), value, gas, data))
        return found

    def carry_to_l2(self, result: Result) -> Result:
        """Executes, on L2, the one deposit of an L1 transaction, as derivation would."""
        (deposit,) = self.deposits(result)
        return self.l2.chain.send(
            deposit.to, deposit.data, deposit.value, sender=alias(deposit.sender), gas=deposit.gas_limit
        )

    def withdrawals(self, result: Result) -> list[Withdrawal]:
        """Withdrawals that an L2 transaction started."""
        return [
            Withdrawal(
                bytes.fromhex(event["sender"][2:]),
                bytes.fromhex(event["target"][2:]),
                event["value"],
                event["gasLimit"],
                event["data"],
            )
            for event in self.l2["L2ToL1MessagePasser"].events(result, "MessagePassed")
        ]

    def carry_to_l1(self, result: Result) -> Result:
        """Finalises, on L1, the one withdrawal of an L2 transaction, as the portal would."""
        (withdrawal,) = self.withdrawals(result)
        return self.finalize(withdrawal)

    def finalize(self, withdrawal: Withdrawal) -> Result:
        """Calls the withdrawal's target as the portal, which names the sender on L2 meanwhile."""
        self.l1_chain.set_storage(PORTAL, 0, int.from_bytes(withdrawal.sender, "big"))
        try:
            return self.l1_chain.send(
                withdrawal.target, withdrawal.data, withdrawal.value, sender=PORTAL, gas=withdrawal.gas_limit + 100_000
            )
        finally:
            self.l1_chain.set_storage(PORTAL, 0, 0xDEAD)
