"""A devnet on an L1 that others run: anvil, or any endpoint. Contracts are deployed over RPC."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from config.errors import CriticalError
from config.l1_chain import BUILT_IN, L1ChainConfig
from config.types import ZERO_ADDRESS, Address, Wei, to_hex
from evm.types import Header
from l1.contract import error_name
from l1.deployment import DeploymentError, PlannedCall, SentCall
from l1.deployment_sender import ManagedDeployment
from l1.rpc import JsonRpcClient
from l1.source import L1Client
from l1.txmgr import TxCandidate, TxManager, TxPolicy
from node.devnet.accounts import role_accounts, user_accounts
from node.devnet.deploy import DEV_FUNDS, DevnetFiles, deploy, funded
from node.devnet.l1_rules import l1_chain_of
from node.devnet.settings import DevnetSettings

log = logging.getLogger("lamina.devnet")

_AT_ONCE = 64
"""Deployment transactions under way together; the whole deployment has fewer."""


class _NotingHead(ManagedDeployment):
    """Deploys through a transaction manager, and notes the header of the block that held the last transaction."""

    def __init__(self, manager: TxManager, l1: L1Client) -> None:
        super().__init__(manager)
        self._l1 = l1
        self._head: Header | None = None

    async def send_many(self, first_nonce: int, calls: Sequence[PlannedCall]) -> list[SentCall]:
        """As the class above."""
        sent = await super().send_many(first_nonce, calls)
        self._head = await self._l1.header_by_number(max(call.block_number for call in sent))
        return sent

    def head(self) -> Header:
        """The block of the last transaction. Raises DeploymentError before there is one."""
        if self._head is None:
            raise DeploymentError("nothing has been deployed yet")
        return self._head


async def make_on_l1(settings: DevnetSettings, url: str) -> DevnetFiles:
    """A new devnet whose contracts are on the L1 behind `url`; its files are complete when this returns.

    Raises CriticalError or TemporaryError when L1 cannot be used; nothing that was deployed until then is of use.
    """
    files = DevnetFiles(settings.datadir)
    files.begin()
    async with JsonRpcClient(url) as rpc:
        chain = await _chain(settings, rpc)
        files.l1_chain.write_text(json.dumps(chain.to_json(), indent=2) + "\n")
        roles, users = role_accounts(), user_accounts(settings.accounts)
        addresses = list(funded(users, roles))
        if settings.l1 == "anvil":
            await fund_on_anvil(rpc, [*addresses, ZERO_ADDRESS], Wei(DEV_FUNDS))
        else:
            await fund_from_key(rpc, settings, chain.chain_id, addresses)
        policy = TxPolicy(max_pending=_AT_ONCE, poll_interval=0.25)
        manager = TxManager(rpc, roles.deployer.private_key, chain.chain_id, policy=policy, error_names=error_name)
        try:
            sender = _NotingHead(manager, L1Client(rpc))
            await deploy(sender, settings, chain.chain_id, sender.head, files, users, roles)
        finally:
            await manager.close()
        if settings.l1 == "anvil":
            await rpc.call("evm_setIntervalMining", [settings.l1_slot_seconds])
    return files


async def fund_on_anvil(rpc: JsonRpcClient, addresses: Sequence[Address], amount: Wei) -> None:
    """Give accounts a balance by anvil's own means."""
    for address in addresses:
        await rpc.call("anvil_setBalance", [to_hex(address), hex(amount)])


async def fund_from_key(
    rpc: JsonRpcClient, settings: DevnetSettings, chain_id: int, addresses: Sequence[Address]
) -> None:
    """Give accounts ether from the funding key's account. Raises CriticalError when there is no key, or too little."""
    if settings.l1_funding_key is None:
        raise CriticalError(
            f"the devnet's accounts need ether on L1 chain {chain_id}: give the key of an account that has some "
            "with --l1.funding-key"
        )
    amount = settings.l1_funding
    policy = TxPolicy(max_pending=_AT_ONCE, poll_interval=0.5)
    manager = TxManager(rpc, settings.l1_funding_key, chain_id, policy=policy)
    try:
        has = int(await rpc.call("eth_getBalance", [to_hex(manager.address), "latest"]), 16)
        if has <= amount * len(addresses):
            raise CriticalError(
                f"the funding account {to_hex(manager.address)} has {has / 10**18:.3f} ether, "
                f"{len(addresses)} accounts with {amount / 10**18:.3f} each take more: give it more, "
                "or each less with --l1.funding"
            )
        for receipt in await manager.send_many([TxCandidate(address, value=amount) for address in addresses]):
            if not receipt.succeeded:
                raise CriticalError(f"funding the devnet's accounts failed: {receipt}")
    finally:
        await manager.close()
    log.info("accounts funded on L1", extra={"accounts": len(addresses), "ether": amount / 10**18})


async def _chain(settings: DevnetSettings, rpc: JsonRpcClient) -> L1ChainConfig:
    path: Path | None = settings.l1_chain_config
    chain = await l1_chain_of(rpc) if path is None else L1ChainConfig.load(path)
    if chain.chain_id in BUILT_IN:
        raise CriticalError(
            f"{rpc.endpoint} serves the public L1 chain {chain.chain_id}: a devnet's keys are known to everyone, so "
            "its funds would be taken. Use a private L1, --l1 anvil or --l1 embedded"
        )
    return chain
