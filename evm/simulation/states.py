"""The states of simulated blocks: in memory, over the chain's."""

from config.types import Hash32
from evm.store.state import FlatView, StateReader, States, StateUpdate
from evm.trie import Node


class SimulatedStates:
    """Reads the chain's states and those that were added."""

    def __init__(self, below: States) -> None:
        self._below = below
        self._nodes: dict[Hash32, bytes] = {}
        self._decoded: dict[Hash32, Node] = {}
        self._codes: dict[Hash32, bytes] = {}

    def add(self, update: StateUpdate) -> None:
        """The state after a simulated block."""
        self._nodes.update(update.nodes)
        self._decoded.update(update.decoded)
        self._codes.update(update.codes)

    def at(self, root: Hash32) -> StateReader:
        """The state with this root."""
        return StateReader(self, root)

    def view(self, root: Hash32) -> FlatView | None:
        """Fast reads, where the chain has them."""
        return self._below.view(root)

    def get(self, node_hash: Hash32) -> bytes | None:
        """The RLP of a trie node."""
        return self._nodes.get(node_hash) or self._below.get(node_hash)

    def decoded(self, node_hash: Hash32) -> Node | None:
        """A trie node, decoded; shared, so read only."""
        return self._decoded.get(node_hash) or self._below.decoded(node_hash)

    def code(self, code_hash: Hash32) -> bytes:
        """The code with this hash. Raises MissingCode."""
        code = self._codes.get(code_hash)
        return self._below.code(code_hash) if code is None else code
