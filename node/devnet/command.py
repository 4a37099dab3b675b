"""Brings a devnet up, tells where everything is, and keeps it running."""

import asyncio
import json
import logging
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from config.errors import CriticalError, TemporaryError
from config.rollup import RollupConfig
from config.types import to_hex
from l1.deployment.addresses import L1Addresses
from l1.rpc import JsonRpcClient
from node.dashboard.server import Dashboard, Panel
from node.devnet.accounts import role_accounts, user_accounts
from node.devnet.anvil import anvil_arguments, find_anvil
from node.devnet.deploy import DevnetFiles, make_embedded
from node.devnet.external import make_on_l1
from node.devnet.ports import resolve_ports
from node.devnet.role_process import begin_warming
from node.devnet.settings import L2_CHAIN_ID, DevnetSettings, Ports
from node.devnet.supervisor import Role, Supervisor
from node.p2p.peer_id import peer_id
from node.p2p.settings import KEY_FILE, network_key

log = logging.getLogger("lamina.devnet")

_LOCAL = "http://127.0.0.1"


class Devnet:
    """A devnet in its own processes. `up` returns when every role answers; `run` also waits for the end."""

    def __init__(self, settings: DevnetSettings) -> None:
        self.settings = settings
        self.ports: Ports = resolve_ports(settings.ports)
        self.files = DevnetFiles(settings.datadir)
        self._dashboard: Dashboard | None = None
        self._supervisor: Supervisor | None = None
        self._http: ClientSession | None = None

    @property
    def supervisor(self) -> Supervisor:
        """The running processes. Raises RuntimeError before `up`."""
        if self._supervisor is None:
            raise RuntimeError("the devnet is not up")
        return self._supervisor

    async def up(self) -> dict[str, Any]:
        """Make the devnet if there is none yet, start every role; answers what the info file holds."""
        started = time.monotonic()
        begin_warming()
        self._http = ClientSession(timeout=ClientTimeout(total=2))
        roles = role_accounts()
        self._supervisor = Supervisor(
            ["--log.level", self.settings.log_level, "--log.format", self.settings.log_format],
            {
                "LAMINA_BATCHER_KEY": to_hex(roles.batcher.private_key),
                "LAMINA_PROPOSER_KEY": to_hex(roles.proposer.private_key),
                "LAMINA_CHALLENGER_KEY": to_hex(roles.challenger.private_key),
            },
        )
        if self.settings.l1 == "anvil":
            await self._start([self._anvil_role()])
        await self._make_files()
        await self._start(self._chain_roles())
        await self._start(self._posting_roles())
        self._dashboard = Dashboard(self._panels(), port=self.ports.dashboard)
        await self._dashboard.start()
        await self._first_block()
        info = self._info()
        self.settings.info_path.write_text(json.dumps(info, indent=2) + "\n")
        log.info("devnet is up", extra={"seconds": f"{time.monotonic() - started:.1f}"})
        return info

    async def _make_files(self) -> None:
        """Make the devnet if its directory holds none. Raises CriticalError when it holds one of another kind of L1."""
        files, settings = self.files, self.settings
        embedded = settings.l1 == "embedded"
        if files.exists:
            if settings.l1 == "anvil" or embedded != files.l1_dir.exists():
                why = "anvil forgets its chain when it ends" if settings.l1 == "anvil" else "it has another kind of L1"
                raise CriticalError(
                    f"the devnet in {files.datadir} cannot go on with --l1 {settings.l1}: {why}. "
                    "Use another --datadir, delete this one, or use --ephemeral"
                )
            log.info("going on with the devnet in %s", files.datadir)
            return
        log.info("making a devnet in %s", files.datadir)
        started = time.monotonic()
        if embedded:
            await make_embedded(settings)
        else:
            await make_on_l1(settings, self._l1_url)
        log.info("contracts deployed", extra={"seconds": f"{time.monotonic() - started:.1f}"})

    async def _start(self, roles: list[Role]) -> None:
        for role in roles:
            await self.supervisor.start(role)
        for role in roles:
            await self.supervisor.wait_up(role)

    @property
    def _l1_url(self) -> str:
        """L1's execution endpoint."""
        return f"{_LOCAL}:{self.ports.l1}" if self.settings.l1 in ("embedded", "anvil") else self.settings.l1

    @property
    def _l1_beacon_url(self) -> str:
        """L1's beacon endpoint; anvil serves both on one port. Raises ValueError when none was given."""
        if self.settings.l1 == "embedded":
            return f"{_LOCAL}:{self.ports.l1_beacon}"
        if self.settings.l1 == "anvil":
            return self._l1_url
        if self.settings.l1_beacon is None:
            raise ValueError("--l1 URL needs --l1.beacon URL: the chain's data is in blobs")
        return self.settings.l1_beacon

    async def run(self, show: Callable[[dict[str, Any]], None]) -> str | None:
        """Bring it up, `show` its info, and keep it running until SIGINT or SIGTERM (None) or a role ends (which, and how)."""
        stop_asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop_asked.set)
        asked = asyncio.ensure_future(stop_asked.wait())
        try:
            bringing_up = asyncio.ensure_future(self.up())
            await asyncio.wait((bringing_up, asked), return_when=asyncio.FIRST_COMPLETED)
            if not bringing_up.done():
                bringing_up.cancel()
                await asyncio.gather(bringing_up, return_exceptions=True)
                return None
            show(bringing_up.result())
            ended = asyncio.ensure_future(self.supervisor.wait_for_end())
            await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return ended.result()
            ended.cancel()
            await asyncio.gather(ended, return_exceptions=True)
            return None
        finally:
            asked.cancel()
            await self.down()

    async def down(self) -> None:
        """Stop every role."""
        if self._supervisor is not None:
            await self._supervisor.stop()
        if self._dashboard is not None:
            await self._dashboard.stop()
        if self._http is not None:
            await self._http.close()

    # --- the roles ---

    def _chain_roles(self) -> list[Role]:
        files, ports, settings = self.files, self.ports, self.settings
        l1 = self._l1_url
        follow = [
            *("--rollup.config", str(files.rollup)),
            *("--l1", l1),
            *("--l1.beacon", self._l1_beacon_url),
            *("--l1.chain-config", str(files.l1_chain)),
            *("--l1.poll-interval", "0.5"),
            *("--http.corsdomain", "*"),
            *("--engine", settings.engine),
            *self._alt_da_flags,
        ]
        nodes = [
            Role(
                "sequencer",
                [
                    "node",
                    *follow,
                    *("--datadir", str(files.sequencer_dir)),
                    "--sequencer.enabled",
                    *("--http.port", str(ports.http)),
                    *("--ws.port", str(ports.ws)),
                    *("--rpc.port", str(ports.rollup)),
                    *self._p2p_flags(settings.p2p_port),
                ],
                self._healthy(ports.rollup),
                environment={"LAMINA_NODE_P2P_SEQUENCER_KEY": to_hex(role_accounts().sequencer.private_key)},
            ),
            Role(
                "verifier",
                [
                    "node",
                    *follow,
                    *("--datadir", str(files.verifier_dir)),
                    *("--rollup.sequencerhttp", f"{_LOCAL}:{ports.http}"),
                    *("--http.port", str(ports.verifier_http)),
                    *("--ws.port", "-1"),
                    *(("--rollup.feed", f"ws://127.0.0.1:{ports.ws}") if settings.verifier_follows else ()),
                    *("--rpc.port", str(ports.verifier_rollup)),
                    *self._p2p_flags(0),
                    *(() if self.p2p_address is None else ("--p2p.static", self.p2p_address)),
                ],
                self._healthy(ports.verifier_rollup),
            ),
        ]
        if settings.alt_da:
            nodes.insert(0, self._da_role())
        return [self._embedded_role(), *nodes] if settings.l1 == "embedded" else nodes

    def _da_role(self) -> Role:
        port = self.ports.da_server
        arguments = ["da-server", "--file.path", str(self.files.da_dir), "--port", str(port)]
        return Role("da-server", arguments, self._healthy(port))

    @property
    def _alt_da_flags(self) -> list[str]:
        return ["--altda.da-server", f"{_LOCAL}:{self.ports.da_server}"] if self.settings.alt_da else []

    @property
    def p2p_address(self) -> str | None:
        """Where peers find the sequencer, if it gossips."""
        port = self.settings.p2p_port
        if port is None:
            return None
        return f"/ip4/127.0.0.1/tcp/{port}/p2p/{peer_id(network_key(self.files.sequencer_dir / KEY_FILE))}"

    def _p2p_flags(self, port: int | None) -> list[str]:
        if self.settings.p2p_port is None:
            return []
        return ["--p2p.listen.ip", "127.0.0.1", "--p2p.listen.tcp", str(port)]

    def _embedded_role(self) -> Role:
        files, ports, settings = self.files, self.ports, self.settings
        return Role(
            "l1",
            [
                "devl1",
                *("--datadir", str(files.l1_dir)),
                *("--l1.chain-config", str(files.l1_chain)),
                *("--l1.port", str(ports.l1)),
                *("--l1.beacon.port", str(ports.l1_beacon)),
                *("--slot-time", str(settings.l1_slot_seconds)),
                *("--safe-lag", str(settings.lags.safe)),
                *("--finalized-lag", str(settings.lags.finalized)),
            ],
            self._healthy(ports.l1),
        )

    def _anvil_role(self) -> Role:
        arguments = anvil_arguments(self.settings, self.ports.l1)
        return Role("l1", arguments, self._answers(self.ports.l1), program=str(find_anvil()))

    def _posting_roles(self) -> list[Role]:
        files, ports, settings = self.files, self.ports, self.settings
        l1 = self._l1_url
        addresses = L1Addresses.read(files.addresses)
        roles = [
            Role(
                "batcher",
                [
                    "batcher",
                    *("--rollup.config", str(files.rollup)),
                    *("--l1-eth-rpc", l1),
                    *("--l2-eth-rpc", f"{_LOCAL}:{ports.rollup}"),
                    *("--rollup-rpc", f"{_LOCAL}:{ports.rollup}"),
                    *("--l1.chain-config", str(files.l1_chain)),
                    *("--max-channel-duration", str(settings.max_channel_duration)),
                    *("--data-availability-type", settings.data_availability),
                    *("--compression-algo", settings.compression),
                    *("--sub-safety-margin", str(min(10, settings.sequencing_window // 3))),
                    *("--poll-interval", "0.5"),
                    *("--rpc.port", str(ports.batcher)),
                    *self._throttle_flags,
                    *self._alt_da_flags,
                ],
                self._healthy(ports.batcher),
            ),
            Role(
                "proposer",
                [
                    "proposer",
                    *("--rollup.config", str(files.rollup)),
                    *("--l1-eth-rpc", l1),
                    *("--rollup-rpc", f"{_LOCAL}:{ports.rollup}"),
                    *("--game-factory-address", to_hex(addresses.DisputeGameFactoryProxy)),
                    *("--proposal-interval", str(settings.proposal_interval)),
                    *("--poll-interval", "1"),
                    *("--rpc.port", str(ports.proposer)),
                ],
                self._healthy(ports.proposer),
            ),
        ]
        return [*roles, self._challenger_role(addresses)] if settings.challenger else roles

    @property
    def _throttle_flags(self) -> list[str]:
        settings = self.settings
        if settings.l1 not in ("embedded", "anvil") or settings.data_availability != "blobs" or settings.alt_da:
            return []  # how much L1 takes is not known here, or not bounded by its blobs
        return ["--throttle.block-size-upper-limit", str(settings.data_per_block)]

    def _challenger_role(self, addresses: L1Addresses) -> Role:
        """Judges by the verifier, which derives everything from L1 by itself."""
        files, ports = self.files, self.ports
        own_node = f"{_LOCAL}:{ports.verifier_rollup}"
        steps = ["--alphabet"]
        if files.prestate.exists():
            steps = [
                *("--prestate", str(files.prestate)),
                *("--preimages", str(files.preimages_dir)),
                *("--l1-beacon", self._l1_beacon_url),
            ]
        return Role(
            "challenger",
            [
                "challenger",
                *("--rollup.config", str(files.rollup)),
                *("--l1-eth-rpc", self._l1_url),
                *("--l2-eth-rpc", own_node),
                *("--rollup-rpc", own_node),
                *("--game-factory-address", to_hex(addresses.DisputeGameFactoryProxy)),
                *("--poll-interval", str(self.settings.challenger_poll)),
                *("--rpc.port", str(ports.challenger)),
                *steps,
            ],
            self._healthy(ports.challenger),
        )

    def _healthy(self, port: int) -> Callable[[], Awaitable[bool]]:
        async def ask() -> bool:
            if self._http is None:
                return False
            try:
                async with self._http.get(f"{_LOCAL}:{port}/healthz") as answer:
                    return answer.status == 200
            except (ClientError, TimeoutError):
                return False

        return ask

    def _answers(self, port: int) -> Callable[[], Awaitable[bool]]:
        async def ask() -> bool:
            async with JsonRpcClient(f"{_LOCAL}:{port}") as client:
                try:
                    await client.call("eth_chainId")
                except TemporaryError:
                    return False
            return True

        return ask

    async def _first_block(self) -> None:
        """Wait until the sequencer has made its first block."""
        client = JsonRpcClient(f"{_LOCAL}:{self.ports.http}")
        try:
            while int(await client.call("eth_blockNumber"), 16) == 0:
                await asyncio.sleep(0.05)
        finally:
            await client.close()

    def _panels(self) -> list[Panel]:
        ports = self.ports
        return [
            Panel("sequencer", f"{_LOCAL}:{ports.rollup}", "optimism_syncStatus"),
            Panel("sequencer_why", f"{_LOCAL}:{ports.rollup}", "lamina_whyHead"),
            Panel("verifier", f"{_LOCAL}:{ports.verifier_rollup}", "optimism_syncStatus"),
            Panel("verifier_why", f"{_LOCAL}:{ports.verifier_rollup}", "lamina_whyHead"),
            Panel("pool", f"{_LOCAL}:{ports.http}", "txpool_status"),
            Panel("batcher", f"{_LOCAL}:{ports.batcher}", "admin_getBatcherStatus"),
            Panel("proposer", f"{_LOCAL}:{ports.proposer}", "admin_getProposerStatus"),
            *(
                [Panel("challenger", f"{_LOCAL}:{ports.challenger}", "admin_getChallengerStatus")]
                if self.settings.challenger
                else []
            ),
            Panel("l1", self._l1_url, "eth_getBlockByNumber", ("latest", False)),
        ]

    def _info(self) -> dict[str, Any]:
        ports, files = self.ports, self.files
        rollup = RollupConfig.load(files.rollup)
        addresses = L1Addresses.read(files.addresses).to_json()
        return {
            "l2": {
                "http": f"{_LOCAL}:{ports.http}",
                "ws": f"ws://127.0.0.1:{ports.ws}",
                "rollup": f"{_LOCAL}:{ports.rollup}",
                "chainId": L2_CHAIN_ID,
                **({} if self.p2p_address is None else {"p2p": self.p2p_address}),
            },
            "verifier": {
                "http": f"{_LOCAL}:{ports.verifier_http}",
                "rollup": f"{_LOCAL}:{ports.verifier_rollup}",
            },
            "l1": {
                "http": self._l1_url,
                "beacon": self._l1_beacon_url,
                "chainId": rollup.l1_chain_id,
                "chainConfig": str(files.l1_chain.resolve()),
            },
            "batcher": {"rpc": f"{_LOCAL}:{ports.batcher}"},
            "proposer": {"rpc": f"{_LOCAL}:{ports.proposer}"},
            "challenger": {"rpc": f"{_LOCAL}:{ports.challenger}"} if self.settings.challenger else None,
            "daServer": f"{_LOCAL}:{ports.da_server}" if self.settings.alt_da else None,
            "dashboard": f"{_LOCAL}:{ports.dashboard}",
            "blockTime": rollup.block_time,
            "accounts": [
                {"address": to_hex(account.address), "privateKey": to_hex(account.private_key)}
                for account in user_accounts(self.settings.accounts)
            ],
            "contracts": addresses,
            "rollupConfig": str(files.rollup.resolve()),
            "genesis": str(files.genesis.resolve()),
            "processes": self.supervisor.process_ids(),
        }
