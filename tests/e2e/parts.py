"""A devnet whose roles a test can end and start again one by one; each is a process of its own."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from config.types import Address, from_hex, to_address, to_hex
from evm.types import DynamicFeeTransaction
from evm.types.transaction import sign_transaction
from l1.rpc import JsonRpcClient
from node.devnet.command import Devnet
from node.devnet.settings import DevnetSettings, Ports
from node.devnet.supervisor import Supervisor

GWEI = 10**9
_PATIENCE_SECONDS = 120.0

FREE_PORTS = Ports(**{item.name: 0 for item in fields(Ports)})


@dataclass(frozen=True)
class Wallet:
    """One of the devnet's funded accounts."""

    address: Address
    key: bytes


@dataclass(frozen=True)
class Parts:
    """A running devnet: where its parts answer, and the means to end and restart them."""

    info: dict[str, Any]
    supervisor: Supervisor
    l1: JsonRpcClient
    sequencer: JsonRpcClient
    """The sequencer's rollup port: `eth_`, `optimism_` and `admin_`."""
    verifier: JsonRpcClient
    """The verifier's rollup port."""
    batcher: JsonRpcClient
    wallets: tuple[Wallet, ...]

    @property
    def l2_chain_id(self) -> int:
        """The rollup's chain id."""
        return int(self.info["l2"]["chainId"])

    @property
    def l1_chain_id(self) -> int:
        """L1's chain id."""
        return int(self.info["l1"]["chainId"])

    def contract(self, name: str) -> Address:
        """The address of an L1 contract."""
        return to_address(self.info["contracts"][name])


@asynccontextmanager
async def devnet_in_parts(directory: Path, **settings: Any) -> AsyncIterator[Parts]:
    """A new devnet in `directory` on free ports; `settings` are fields of DevnetSettings.

    Games are about the alphabet VM unless they say otherwise.
    """
    usual = DevnetSettings(directory, accounts=3, fault_program=None, ports=FREE_PORTS, log_level="info")
    wanted = replace(usual, **settings)
    devnet = Devnet(wanted)
    clients: list[JsonRpcClient] = []

    def client(url: str) -> JsonRpcClient:
        clients.append(JsonRpcClient(url))
        return clients[-1]

    try:
        info = await devnet.up()
        yield Parts(
            info,
            devnet.supervisor,
            client(info["l1"]["http"]),
            client(info["l2"]["rollup"]),
            client(info["verifier"]["rollup"]),
            client(info["batcher"]["rpc"]),
            tuple(Wallet(to_address(item["address"]), from_hex(item["privateKey"])) for item in info["accounts"]),
        )
    finally:
        for each in clients:
            await each.close()
        await devnet.down()


async def eventually(what: str, holds: Callable[[], Awaitable[bool]], patience: float = _PATIENCE_SECONDS) -> None:
    """Wait until `holds` answers True; fails the test with `what` when it never does."""
    deadline = asyncio.get_running_loop().time() + patience
    while not await holds():
        assert asyncio.get_running_loop().time() < deadline, f"after {patience:.0f} s still not so: {what}"
        await asyncio.sleep(0.1)


async def number_of(node: JsonRpcClient, label: str) -> int:
    """The number of the block with a label ("latest", "safe", "finalized")."""
    block = await node.call("eth_getBlockByNumber", [label, False])
    return int(block["number"], 16)


async def wei_of(node: JsonRpcClient, address: Address) -> int:
    """An account's latest balance."""
    return int(await node.call("eth_getBalance", [to_hex(address), "latest"]), 16)


async def hashes(node: JsonRpcClient, numbers: range) -> list[str | None]:
    """The canonical block hashes at some heights, None where there is no block."""
    blocks = await node.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
    return [None if block is None else str(block["hash"]) for block in blocks]


def signed(
    wallet: Wallet,
    chain_id: int,
    nonce: int,
    *,
    to: Address | None,
    value: int = 0,
    data: bytes = b"",
    gas: int = 21_000,
    tip: int = GWEI,
    max_fee: int = 20 * GWEI,
) -> str:
    """A signed type-2 transaction as hex."""
    unsigned = DynamicFeeTransaction(
        nonce=nonce,
        gas_limit=gas,
        to=to,
        value=value,
        data=data,
        chain_id=chain_id,
        y_parity=0,
        r=0,
        s=0,
        max_priority_fee=tip,
        max_fee=max_fee,
    )
    return to_hex(sign_transaction(unsigned, wallet.key).raw)


async def receipt_of(node: JsonRpcClient, transaction_hash: str) -> dict[str, Any]:
    """The receipt of a transaction, once it has one."""
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        receipt = await node.call("eth_getTransactionReceipt", [transaction_hash])
        if receipt is not None:
            found.append(receipt)
        return receipt is not None

    await eventually(f"transaction {transaction_hash} has a receipt", there)
    return found[0]


async def send_to_l1(
    parts: Parts, wallet: Wallet, to: Address, data: bytes, *, value: int = 0, gas: int = 2_000_000
) -> dict[str, Any]:
    """Send a transaction to L1 and answer its receipt. Fails the test when it reverts."""
    nonce = int(await parts.l1.call("eth_getTransactionCount", [to_hex(wallet.address), "pending"]), 16)
    raw = signed(wallet, parts.l1_chain_id, nonce, to=to, value=value, data=data, gas=gas)
    receipt = await receipt_of(parts.l1, await parts.l1.call("eth_sendRawTransaction", [raw]))
    assert receipt["status"] == "0x1", f"the L1 transaction to {to_hex(to)} reverted: {receipt}"
    return receipt


class Load:
    """Transfers sent one after another to the sequencer, also while it is away; every accepted one is remembered."""

    def __init__(self, parts: Parts, wallet: Wallet, per_second: float = 40.0) -> None:
        self._parts = parts
        self._wallet = wallet
        self._pause = 1 / per_second
        self.accepted: list[str] = []

    async def run(self) -> None:
        """Send until cancelled. A transaction that got no answer is sent again: its nonce is not skipped."""
        from config.errors import TemporaryError
        from l1.rpc import RpcError

        for nonce in itertools.count():
            raw = signed(self._wallet, self._parts.l2_chain_id, nonce, to=_recipient(nonce), value=1)
            while True:
                try:
                    self.accepted.append(await self._parts.sequencer.call("eth_sendRawTransaction", [raw]))
                    break
                except TemporaryError:
                    await asyncio.sleep(0.1)
                except RpcError as error:
                    # It was accepted in the moment before the crash, and only the answer was lost.
                    assert "already known" in error.message or "nonce too low" in error.message, error.message
                    break
            await asyncio.sleep(self._pause)


def _recipient(number: int) -> Address:
    """A new account for each number; the low addresses are precompiles."""
    return Address(b"\xaa" + number.to_bytes(19, "big"))
