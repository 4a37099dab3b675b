"""An account on one of the two chains: sends transactions and says what became of them."""

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from config.errors import CriticalError, TemporaryError
from config.types import Address, short, to_hex
from evm.types.json_codec import parse_quantity
from l1.contract import Contract, ContractCallFailed, error_name
from l1.rpc import JsonRpcClient, RpcError
from l1.txmgr import LocalSigner, TransactionReceipt, TxCandidate, TxManager, TxPolicy

log = logging.getLogger("lamina.bridge")

_SETTLE_SECONDS = 120.0
_TOKEN = "OptimismMintableERC20"


async def ask(rpc: JsonRpcClient, method: str, params: Sequence[Any] = ()) -> Any:
    """One call. Raises TemporaryError, also when the endpoint refuses it."""
    try:
        return await rpc.call(method, params)
    except RpcError as error:
        raise TemporaryError(str(error)) from error


class BridgeAccount:
    """One key on one chain. An asynchronous context manager; `rpc` serves reads as well."""

    def __init__(self, rpc: JsonRpcClient, manager: TxManager, chain: str) -> None:
        """`chain` is the chain's name in messages: L1 or L2."""
        self.rpc = rpc
        self.chain = chain
        self._manager = manager

    @staticmethod
    async def open(url: str, private_key: bytes, chain: str, *, poll_interval: float = 0.5) -> "BridgeAccount":
        """Connect and ask the chain id. Raises TemporaryError when the endpoint does not answer."""
        rpc = JsonRpcClient(url)
        try:
            chain_id = parse_quantity(await ask(rpc, "eth_chainId"))
        except BaseException:
            await rpc.close()
            raise
        policy = TxPolicy(poll_interval=poll_interval, chain=chain)
        manager = TxManager(rpc, LocalSigner(private_key), chain_id, policy=policy, error_names=error_name)
        return BridgeAccount(rpc, manager, chain)

    @property
    def address(self) -> Address:
        """The account."""
        return self._manager.address

    async def send(self, candidate: TxCandidate, doing: str) -> TransactionReceipt:
        """Send and wait for inclusion. Raises SendError, or CriticalError when it reverted on chain."""
        receipt = await self._manager.send(candidate)
        if not receipt.succeeded:
            raise CriticalError(
                f"{doing}: {self.chain} transaction {to_hex(receipt.transaction_hash)} failed in block "
                f"{receipt.block.number} after {receipt.gas_used} gas; nothing was moved"
            )
        log.info(
            doing, extra={"chain": self.chain, "tx": to_hex(receipt.transaction_hash), "block": receipt.block.number}
        )
        return receipt

    async def settle(self) -> None:
        """Wait until nothing of the account is pending, so that what an earlier run sent is not sent twice."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SETTLE_SECONDS
        told = False
        while True:
            latest, pending = [
                parse_quantity(await ask(self.rpc, "eth_getTransactionCount", [to_hex(self.address), tag]))
                for tag in ("latest", "pending")
            ]
            if pending <= latest:
                return
            if loop.time() > deadline:
                log.warning(
                    "%d transactions of %s stay pending on %s; going on without them",
                    pending - latest,
                    short(self.address),
                    self.chain,
                )
                return
            if not told:
                log.info("waiting for %d pending transactions on %s", pending - latest, self.chain)
                told = True
            await asyncio.sleep(0.5)

    async def approve(
        self, token: Address, spender: Address, amount: int, remote: Address
    ) -> TransactionReceipt | None:
        """Let `spender` take an amount of a token, unless it may already or mints and burns the token itself."""
        if await _is_mintable(self.rpc, token, remote):
            return None
        contract = Contract(self.rpc, token, _TOKEN)
        if await contract.read_one("allowance", to_hex(self.address), to_hex(spender)) >= amount:
            return None
        return await self.send(contract.candidate("approve", to_hex(spender), amount), "token approved for the bridge")

    async def close(self) -> None:
        """Release the connection."""
        await self._manager.close()
        await self.rpc.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _is_mintable(rpc: JsonRpcClient, token: Address, remote: Address) -> bool:
    """Whether the token is a bridge's own representation of `remote`."""
    try:
        return bool(str(await Contract(rpc, token, _TOKEN).read_one("remoteToken")) == to_hex(remote))
    except ContractCallFailed:
        return False


async def token_decimals(rpc: JsonRpcClient, token: Address) -> int:
    """Decimals of a token. Raises ContractCallFailed when there is no such token."""
    return int(await Contract(rpc, token, _TOKEN).read_one("decimals"))
