"""JSON-RPC over HTTP, WebSocket and Unix sockets, for the L2 node and the dev L1 alike.

Doors: `RpcServer` and `IpcServer` listen, `Dispatcher` finds and runs methods, `Namespace` is what a component subclasses to add
its own:

    class Rollup(Namespace):
        name = "optimism"

        @rpc_method("syncStatus")
        async def sync_status(self) -> dict[str, Any]: ...

        @rpc_method("outputAtBlock")
        def output_at_block(self, number: QuantityParam) -> dict[str, Any]: ...

    dispatcher.add(Rollup(...))

Parameters are parsed by their annotation (`node.rpc.params`); a failure is answered with -32602 like geth does.
A method answers with JSON-ready values or raises `RpcError`; anything else that escapes is logged and answered as an
internal error.
"""

from node.rpc.connection import Connection
from node.rpc.dispatcher import Dispatcher, Limits, Namespace, rpc_method
from node.rpc.errors import RpcError
from node.rpc.ipc import IpcServer
from node.rpc.server import RpcServer, ServerOptions

__all__ = [
    "Connection",
    "Dispatcher",
    "IpcServer",
    "Limits",
    "Namespace",
    "RpcError",
    "RpcServer",
    "ServerOptions",
    "rpc_method",
]
