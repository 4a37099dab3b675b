"""Deposits: ether, calls and tokens from L1 to L2."""

import asyncio
from dataclasses import dataclass
from typing import Any

from config.constants import DEPOSIT_EVENT_TOPIC
from config.errors import CriticalError, TemporaryError
from config.types import Address, Gas, Hash32, Wei, to_hex
from contracts.artifacts import load_artifact
from derivation.deposits import decode_deposit_log
from evm.types.json_codec import parse_quantity
from l1.contracts import PortalContract
from l1.rpc import JsonRpcClient
from l1.txmgr import TransactionReceipt, TxCandidate
from node.bridge.account import BridgeAccount, ask
from node.bridge.places import BridgePlaces

TRANSFER_GAS = Gas(100_000)
TOKEN_GAS = Gas(200_000)


@dataclass(frozen=True)
class Deposited:
    """A deposit on L1 and the L2 transaction that it becomes."""

    l1_transaction_hash: Hash32
    l1_block_number: int
    l2_transaction_hash: Hash32

    def to_json(self) -> dict[str, Any]:
        """As `lamina deposit --json` prints it."""
        return {
            "l1TransactionHash": to_hex(self.l1_transaction_hash),
            "l1BlockNumber": self.l1_block_number,
            "l2TransactionHash": to_hex(self.l2_transaction_hash),
        }


async def deposit_ether(
    account: BridgeAccount, places: BridgePlaces, to: Address, amount: Wei, data: bytes, gas_limit: Gas | None
) -> Deposited:
    """Move ether to L2, where `to` is then called with it and `data`.

    `gas_limit` is the L2 gas bought; None: enough for a transfer, or what L2 estimates. Raises SendError or
    CriticalError. Spec: op deposits, "Deposit Contract".
    """
    portal = PortalContract(account.rpc, places.portal)
    gas = gas_limit or await _l2_gas(account, places, to, amount, data)
    candidate = portal.deposit(to, amount, gas, data, mint=amount)
    return _deposited(await account.send(candidate, "ether deposited on L1"), places)


async def deposit_token(
    account: BridgeAccount,
    places: BridgePlaces,
    token: Address,
    l2_token: Address,
    to: Address,
    amount: int,
    data: bytes,
    gas_limit: Gas | None,
) -> Deposited:
    """Move a token to L2 through the standard bridge, approving it first where needed.

    `amount` is in the token's smallest unit; `gas_limit` is the L2 gas for the bridge's message. Raises SendError or
    CriticalError. Spec: op bridges, "Token Depositing".
    """
    bridge = places.require_standard_bridge()
    await account.approve(token, bridge, amount, l2_token)
    call = load_artifact("L1StandardBridge").encode_call(
        "bridgeERC20To", to_hex(token), to_hex(l2_token), to_hex(to), amount, gas_limit or TOKEN_GAS, data
    )
    return _deposited(await account.send(TxCandidate(bridge, call), "token deposited on L1"), places)


async def wait_for_l2(l2: JsonRpcClient, deposited: Deposited, seconds: float) -> dict[str, Any]:
    """The L2 receipt of a deposit, once a block holds it. Raises TemporaryError when that takes longer."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        receipt = await ask(l2, "eth_getTransactionReceipt", [to_hex(deposited.l2_transaction_hash)])
        if isinstance(receipt, dict):
            return receipt
        if asyncio.get_running_loop().time() > deadline:
            raise TemporaryError(
                f"L2 does not hold the deposit {to_hex(deposited.l2_transaction_hash)} after {seconds:.0f} s. It is not "
                f"lost: L1 block {deposited.l1_block_number} holds it, and L2 includes it within its sequencing window"
            )
        await asyncio.sleep(0.5)


async def _l2_gas(account: BridgeAccount, places: BridgePlaces, to: Address, amount: int, data: bytes) -> Gas:
    """L2 gas for a deposit: a transfer's, or L2's estimate of the call and a fifth more; at least the portal's minimum."""
    minimum = await PortalContract(account.rpc, places.portal).read_one("minimumGasLimit", len(data))
    if places.l2 is None or not data:
        return Gas(max(TRANSFER_GAS, minimum + 2 * TOKEN_GAS * bool(data)))
    message = {"from": to_hex(account.address), "to": to_hex(to), "value": hex(amount), "data": to_hex(data)}
    # The mint comes first on L2, so the account has the value there.
    rich = {to_hex(account.address): {"balance": hex(amount + 10**24)}}
    async with JsonRpcClient(places.l2) as l2:
        estimate = parse_quantity(await ask(l2, "eth_estimateGas", [message, "latest", rich]))
    return Gas(max(estimate + estimate // 5, minimum))


def _deposited(receipt: TransactionReceipt, places: BridgePlaces) -> Deposited:
    """The L2 transaction of the deposit that an L1 transaction made. Spec: op deposits, "Deriving the Deposits"."""
    for entry, log_entry in zip(receipt.json["logs"], receipt.logs, strict=True):
        if log_entry.address == places.portal and log_entry.topics and log_entry.topics[0] == DEPOSIT_EVENT_TOPIC:
            transaction = decode_deposit_log(log_entry, receipt.block_hash, parse_quantity(entry["logIndex"]))
            return Deposited(receipt.transaction_hash, receipt.block_number, transaction.hash)
    raise CriticalError(f"{receipt} made no deposit: is {to_hex(places.portal)} the chain's OptimismPortal?")
