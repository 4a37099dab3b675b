"""What the web3.py tests share: connections that sign, small hand-made contracts, the chains' contracts by ABI."""

from typing import Any

from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder

from contracts.artifacts import load_artifact
from tests.e2e.running_devnet import RunningDevnet

PREDEPLOYS = {
    "L2CrossDomainMessenger": "0x4200000000000000000000000000000000000007",
    "GasPriceOracle": "0x420000000000000000000000000000000000000F",
    "L2StandardBridge": "0x4200000000000000000000000000000000000010",
    "OptimismMintableERC20Factory": "0x4200000000000000000000000000000000000012",
    "L1Block": "0x4200000000000000000000000000000000000015",
    "L2ToL1MessagePasser": "0x4200000000000000000000000000000000000016",
}

COUNTER = bytes.fromhex("5f54600101805f555f52602a60205fa160205ff3")
"""Adds one to slot 0, logs the new value under topic 42, and returns it."""

COUNTED = "0x" + (42).to_bytes(32, "big").hex()
"""The topic of COUNTER's log."""


def creation(runtime: bytes) -> bytes:
    """Creation code that deploys `runtime` (up to 255 bytes)."""
    return bytes([0x60, len(runtime), 0x80, 0x60, 9, 0x5F, 0x39, 0x5F, 0xF3]) + runtime


def reverting(reason: bytes) -> bytes:
    """Code that reverts with `reason` as its data (up to 255 bytes)."""
    return bytes([0x60, len(reason), 0x80, 0x60, 9, 0x5F, 0x39, 0x5F, 0xFD]) + reason


def connect(url: str, key: str) -> Any:
    """A web3 connection whose default account signs with `key`."""
    w3 = Web3(HTTPProvider(url, request_kwargs={"timeout": 60}))
    account = Account.from_key(key)
    w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
    w3.eth.default_account = account.address
    return w3


def fresh_address() -> str:
    """An address that nobody has used."""
    return str(Account.create().address)


def mined(w3: Any, transaction_hash: Any) -> Any:
    """The receipt of a transaction that has to succeed."""
    receipt = w3.eth.wait_for_transaction_receipt(transaction_hash, timeout=60, poll_latency=0.2)
    assert receipt["status"] == 1, f"the transaction {transaction_hash.to_0x_hex()} failed: {dict(receipt)}"
    return receipt


def contract_at(w3: Any, name: str, address: str) -> Any:
    """A contract of ours, spoken to through its published ABI."""
    return w3.eth.contract(address=Web3.to_checksum_address(address), abi=list(load_artifact(name).abi))


def predeploy(w3: Any, name: str) -> Any:
    """An L2 contract at its fixed address."""
    return contract_at(w3, name, PREDEPLOYS[name])


def l1_contract(w3: Any, devnet: RunningDevnet, name: str, artifact: str) -> Any:
    """An L1 contract under its name in the info file."""
    return contract_at(w3, artifact, devnet.contract(name))


def deploy(w3: Any, code: bytes) -> str:
    """Deploy creation code; answers the address."""
    return str(mined(w3, w3.eth.send_transaction({"data": code}))["contractAddress"])
