"""`debug_dbGet`: state by hash, for whoever proves something about it."""

from config.types import Hash32, to_hex
from evm.store.state import MissingCode, StateStore
from node.rpc.dispatcher import Namespace, rpc_method
from node.rpc.errors import server_error
from node.rpc.params import DataParam

_HASH_BYTES = 32
_CODE_PREFIX = b"c"


class DebugDb(Namespace):
    """The same keys as geth's database has them."""

    name = "debug"

    def __init__(self, state: StateStore) -> None:
        self._state = state

    @rpc_method("dbGet")
    def db_get(self, key: DataParam) -> str:
        """A trie node by its hash, or a contract's code by 0x63 (the letter c) and its hash."""
        if len(key) == _HASH_BYTES:
            node = self._state.get(Hash32(key))
            if node is not None:
                return to_hex(node)
        elif len(key) == _HASH_BYTES + 1 and key[:1] == _CODE_PREFIX:
            try:
                return to_hex(self._state.code(Hash32(key[1:])))
            except MissingCode:
                pass
        raise server_error("not found")
