"""A node that a consensus client drives through the Engine API: it derives nothing and decides on no head."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from node.engine_api.driven import DrivenChain
from node.engine_api.jwt import TokenCheck, shared_secret
from node.engine_api.metrics import driven_metrics
from node.engine_api.namespace import EngineApi
from node.engine_api.why import DrivenDoctor
from node.l2_node import L2Node, L2NodeSettings
from node.rollup.why_rpc import Lamina
from node.rpc import Dispatcher, RpcServer, ServerOptions

log = logging.getLogger("lamina.node")

_BODY_LIMIT = 128 << 20
"""Bytes of a request: a block with all its transactions in hex. geth's limit, too."""


@dataclass(frozen=True, kw_only=True)
class DrivenSettings(L2NodeSettings):
    """Besides those of every node: where the consensus client calls, and the file of the secret that it shares (made when it is
    not there)."""

    jwt_secret: Path
    auth_host: str = "127.0.0.1"
    auth_port: int = 8551
    auth_virtual_hosts: tuple[str, ...] = ("localhost",)


class DrivenNode(L2Node):
    """A node whose heads are a consensus client's."""

    doctor: DrivenDoctor

    def __init__(self, settings: DrivenSettings) -> None:
        """Opens the store. Raises CriticalError when it holds no chain of this rollup, or there is no secret to be had."""
        secret = shared_secret(settings.jwt_secret)
        super().__init__(settings, journal=True)
        chain, rollup = self.execution.chain, settings.rollup
        self.driven = DrivenChain(chain, self.execution.pool, time.time)
        self.doctor = DrivenDoctor(chain, self.driven.status, time.time)
        self.metrics = driven_metrics(self)
        lamina = Lamina(self.doctor)
        self._make_servers([lamina])
        self.auth = self._add_server(
            RpcServer(
                Dispatcher(
                    [EngineApi(rollup, chain, self.driven), *self.execution.namespaces, lamina],
                    observe=self.metrics.observe_rpc,
                ),
                ServerOptions(
                    host=settings.auth_host,
                    port=settings.auth_port,
                    virtual_hosts=settings.auth_virtual_hosts,
                    body_limit=_BODY_LIMIT,
                    authorize=TokenCheck(secret, time.time),
                ),
            )
        )

    async def health(self) -> tuple[bool, dict[str, object]]:
        """Healthy means: blocks are taken."""
        chain, status = self.execution.chain, self.driven.status
        halted_by = status.halted_by
        facts: dict[str, object] = {
            "unsafe": chain.head.number,
            "safe": chain.safe.number,
            "finalized": chain.finalized.number,
            "lastCall": status.called,
            "pruningStopped": self.execution.pruner.error if self.execution.pruner else None,
            "haltedBy": halted_by,
            "stuck": {report.head: report.text for report in self.doctor.all() if not report.is_healthy},
        }
        return halted_by is None, facts

    async def start(self) -> None:
        """Serve, and wait to be driven. Raises OSError when a port is taken."""
        await super().start()
        log.info(
            "node serves, heads come from the Engine API",
            extra={"http": self.http.url, "engine": self.auth.url, "head": str(self.execution.chain.head)},
        )

    def _on_disagreement(self, reason: str) -> None:
        self.doctor.disagreement = reason
        self.driven.halt(reason)

    async def _release(self) -> None:
        await self.driven.builds.close()
