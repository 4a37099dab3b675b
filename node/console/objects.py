"""What the console's names are: a namespace's methods as Python functions, the chain, units."""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from node.console.link import Link
from node.console.values import readable, sendable

if TYPE_CHECKING:
    from node.rpc.catalogue import Method

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


_ACRONYMS = {"set_max_da_size": "setMaxDASize"}
"""Names that are not what putting the words together gives."""


@cache
def catalogue() -> "dict[str, dict[str, Method]]":
    """Every method that the program's code knows, by namespace and name. Takes a second or two the first time."""
    from node.rpc.catalogue import methods, namespaces

    found: dict[str, dict[str, Method]] = {}
    for classes in namespaces().values():
        for namespace in classes:
            for method in methods(namespace):
                found.setdefault(namespace.name, {})[method.name.partition("_")[2]] = method
    return found


class MethodCall:
    """A method of the node: call it with its parameters. Numbers and bytes may be given as they are in Python."""

    def __init__(self, link: Link, namespace: str, name: str) -> None:
        self._link = link
        self._namespace = namespace
        self._name = name

    def __call__(self, *parameters: Any) -> Any:
        """The result; quantities in it are numbers."""
        name = f"{self._namespace}_{self._name}"
        return readable(name, self._link.call(name, [sendable(value) for value in parameters]))

    def __repr__(self) -> str:
        known = catalogue().get(self._namespace, {}).get(self._name)
        if known is None:
            return f"{self._namespace}_{self._name}(...)\nNot a method that this program knows; the node may."
        return f"{known.name}({known.parameters})\n{known.text}"


class NamespaceObject:
    """The methods of a namespace, under their names or in Python's way of writing them: `get_balance` is `getBalance`."""

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._name = name

    def __getattr__(self, attribute: str) -> MethodCall:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        return MethodCall(self._link, self._name, camel(attribute))

    def __dir__(self) -> list[str]:
        return sorted(snake(name) for name in catalogue().get(self._name, {}))

    def __repr__(self) -> str:
        return f"{self._name}: {', '.join(dir(self)) or 'methods that this program does not know'}"


class ChainObject:
    """The node's chain: `chain.head`, `chain.safe`, `chain.finalized`, `chain.genesis`, and a block by number, hash or label
    as `chain[...]`, with its transactions; None where there is none."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def _block(self, key: Any) -> Any:
        by_hash = isinstance(key, bytes) or (isinstance(key, str) and len(key) == 2 + 64)
        method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
        return readable(method, self._link.call(method, [sendable(key), True]))

    def __getitem__(self, key: int | str | bytes) -> Any:
        return self._block(key)

    @property
    def head(self) -> Any:
        """The newest block: unsafe."""
        return self._block("latest")

    @property
    def safe(self) -> Any:
        """The newest block that is derived from L1."""
        return self._block("safe")

    @property
    def finalized(self) -> Any:
        """The newest block that is derived from what is final on L1."""
        return self._block("finalized")

    @property
    def genesis(self) -> Any:
        """The first block."""
        return self._block("earliest")

    def __repr__(self) -> str:
        heads = {name: self._block(name)["number"] for name in ("latest", "safe", "finalized")}
        return f"chain: {', '.join(f'{name} {number}' for name, number in heads.items())}"


def names(link: Link) -> dict[str, Any]:
    """The console's names for what a node offers. Raises as `Link.call` when it does not answer."""
    from node.bridge.amounts import parse_amount

    found: dict[str, Any] = {module: NamespaceObject(link, module) for module in sorted(link.call("rpc_modules"))}
    if "optimism" in found:
        found["rollup"] = found["optimism"]
    if "eth" in found:
        found["chain"] = ChainObject(link)

    def call(method: str, *parameters: Any) -> Any:
        """A method by its full name, with parameters and result as JSON has them."""
        return link.call(method, parameters)

    def subscribe(kind: str, *options: Any) -> Iterator[Any]:
        """What a subscription tells, one after the other, for ever: `for head in subscribe("newHeads"): ...`."""
        identifier = link.call("eth_subscribe", [kind, *options])
        while True:
            yield readable("", link.next_news(identifier))

    def to_wei(ether: str) -> int:
        """An amount of ether, such as "1.5", in wei."""
        return parse_amount(ether)

    def from_wei(wei: int) -> str:
        """Wei in ether, exactly."""
        whole, part = divmod(abs(wei), 10**18)
        digits = f"{whole}.{part:018d}".rstrip("0").rstrip(".")
        return f"-{digits}" if wei < 0 else digits

    return {**found, "call": call, "subscribe": subscribe, "to_wei": to_wei, "from_wei": from_wei}


def snake(name: str) -> str:
    """A method's name as Python writes names."""
    return next((short for short, full in _ACRONYMS.items() if full == name), _WORD.sub("_", name).lower())


def camel(name: str) -> str:
    """A method's name as JSON-RPC writes it, from either way of writing."""
    first, *rest = name.split("_")
    return _ACRONYMS.get(name) or first + "".join(part[:1].upper() + part[1:] for part in rest)
