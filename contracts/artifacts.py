"""Compiled contracts: bytecode, ABI and storage layout, with typed ABI coding on top.

The artifacts are committed next to this module (`artifacts/<Name>.json`, written by `compile.mjs`), so nothing here
needs a Solidity compiler.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

ARTIFACT_DIRECTORY = Path(__file__).parent / "artifacts"

AbiEntry = Mapping[str, Any]


class ArtifactError(LookupError):
    """An artifact, or something named in its ABI, does not exist or is ambiguous."""


@dataclass(frozen=True)
class ByteRange:
    """Where an immutable sits in the deployed bytecode: offset and length in bytes."""

    start: int
    length: int


@dataclass(frozen=True)
class StorageVariable:
    """One entry of a storage layout: slot number, byte offset within the slot (from the low end), size in bytes."""

    label: str
    slot: int
    offset: int
    size: int
    type_label: str


def canonical_type(parameter: AbiEntry) -> str:
    """ABI type of a parameter with tuples spelled out, e.g. `(uint256,address)[]`."""
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(canonical_type(component) for component in parameter["components"])
    return f"({inner}){kind[len('tuple') :]}"


def _to_abi_value(parameter: AbiEntry, value: Any) -> Any:
    """Lets callers pass mappings and dataclass-like tuples for ABI tuples, by name or by position."""
    kind = str(parameter["type"])
    if kind.endswith("]"):
        element = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_to_abi_value(element, item) for item in value]
    if kind != "tuple":
        return value
    components: Sequence[AbiEntry] = parameter["components"]
    if isinstance(value, Mapping):
        return tuple(_to_abi_value(component, value[component["name"]]) for component in components)
    return tuple(_to_abi_value(component, item) for component, item in zip(components, value, strict=True))


@dataclass(frozen=True)
class Artifact:
    """One compiled contract. Functions, events and errors are named plainly (`prove`) or, where the name is
    overloaded, by signature (`prove(uint256,bytes)`)."""

    name: str
    source_name: str
    abi: tuple[AbiEntry, ...]
    bytecode: bytes
    deployed_bytecode: bytes
    immutable_references: Mapping[str, tuple[ByteRange, ...]]
    storage_layout: tuple[StorageVariable, ...]

    @cached_property
    def _entries(self) -> dict[tuple[str, str], list[AbiEntry]]:
        found: dict[tuple[str, str], list[AbiEntry]] = {}
        for entry in self.abi:
            if "name" in entry:
                found.setdefault((str(entry["type"]), str(entry["name"])), []).append(entry)
                found.setdefault((str(entry["type"]), self.signature(entry)), []).append(entry)
        return found

    @staticmethod
    def signature(entry: AbiEntry) -> str:
        """Canonical signature of an ABI entry, e.g. `transfer(address,uint256)`."""
        return f"{entry['name']}({','.join(canonical_type(parameter) for parameter in entry['inputs'])})"

    def _entry(self, kind: str, name: str) -> AbiEntry:
        entries = self._entries.get((kind, name), [])
        if len(entries) != 1:
            reason = "is overloaded: give its full signature" if entries else "does not exist"
            raise ArtifactError(f"{kind} {name} of contract {self.name} {reason}.")
        return entries[0]

    def selector(self, function: str) -> bytes:
        """Four-byte selector of a function."""
        return keccak(text=self.signature(self._entry("function", function)))[:4]

    def error_selector(self, error: str) -> bytes:
        """Four-byte selector of a custom error."""
        return keccak(text=self.signature(self._entry("error", error)))[:4]

    def event_topic(self, event: str) -> bytes:
        """First log topic (32 bytes) of an event."""
        return keccak(text=self.signature(self._entry("event", event)))

    def encode_call(self, function: str, *args: Any) -> bytes:
        """Call data of a function: selector and ABI-encoded arguments. Tuples may be given as mappings."""
        entry = self._entry("function", function)
        return self.selector(function) + self._encode(entry["inputs"], args, f"{self.name}.{function}")

    def encode_constructor(self, *args: Any) -> bytes:
        """Creation code followed by the ABI-encoded constructor arguments: the data of a creation transaction."""
        constructors = [entry for entry in self.abi if entry["type"] == "constructor"]
        inputs: Sequence[AbiEntry] = constructors[0]["inputs"] if constructors else ()
        return self.bytecode + self._encode(inputs, args, f"{self.name} constructor")

    def decode_output(self, function: str, data: bytes) -> tuple[Any, ...]:
        """Return values of a call, in order. Addresses come as `0x`-prefixed lower-case strings."""
        outputs: Sequence[AbiEntry] = self._entry("function", function)["outputs"]
        return decode([canonical_type(output) for output in outputs], data)

    def decode_input(self, function: str, data: bytes) -> tuple[Any, ...]:
        """Arguments of call data, which must start with the function's selector."""
        if data[:4] != self.selector(function):
            raise ArtifactError(f"Call data starting 0x{data[:4].hex()} is not a call of {self.name}.{function}.")
        inputs: Sequence[AbiEntry] = self._entry("function", function)["inputs"]
        return decode([canonical_type(parameter) for parameter in inputs], data[4:])

    def decode_event(self, event: str, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """Arguments of a log by name. Indexed arguments of dynamic type stay the 32-byte hash that the topic is."""
        entry = self._entry("event", event)
        if not topics or topics[0] != self.event_topic(event):
            raise ArtifactError(f"The log is not {self.name}.{event}: its first topic differs.")
        inputs: Sequence[AbiEntry] = entry["inputs"]
        plain = [parameter for parameter in inputs if not parameter["indexed"]]
        indexed = [parameter for parameter in inputs if parameter["indexed"]]
        values = dict(
            zip(
                (str(parameter["name"]) for parameter in plain),
                decode([canonical_type(parameter) for parameter in plain], data),
                strict=True,
            )
        )
        for parameter, topic in zip(indexed, topics[1:], strict=True):
            kind = canonical_type(parameter)
            static = not (kind.endswith("]") or kind.startswith("(") or kind in ("bytes", "string"))
            values[str(parameter["name"])] = decode([kind], topic)[0] if static else topic
        return values

    def with_immutables(self, values: Mapping[str, bytes]) -> bytes:
        """Deployed bytecode with each immutable set to its 32-byte value; all immutables must be given.

        Raises:
            ArtifactError: a name is missing, unknown, or its value is not 32 bytes long.
        """
        if set(values) != set(self.immutable_references):
            raise ArtifactError(
                f"Contract {self.name} has the immutables {sorted(self.immutable_references)}, given {sorted(values)}."
            )
        code = bytearray(self.deployed_bytecode)
        for name, places in self.immutable_references.items():
            for place in places:
                if len(values[name]) != place.length:
                    raise ArtifactError(f"Immutable {name} of {self.name} needs {place.length} bytes.")
                code[place.start : place.start + place.length] = values[name]
        return bytes(code)

    def storage_variable(self, label: str) -> StorageVariable:
        """Slot, offset and size of a state variable (of the contract or of one it inherits from)."""
        found = [variable for variable in self.storage_layout if variable.label == label]
        if len(found) != 1:
            raise ArtifactError(f"Contract {self.name} has {len(found)} state variables named {label}, expected one.")
        return found[0]

    def _encode(self, inputs: Sequence[AbiEntry], args: Sequence[Any], what: str) -> bytes:
        if len(inputs) != len(args):
            raise ArtifactError(f"{what} takes {len(inputs)} arguments, given {len(args)}.")
        values = [_to_abi_value(parameter, value) for parameter, value in zip(inputs, args, strict=True)]
        return encode([canonical_type(parameter) for parameter in inputs], values)


@cache
def load_artifact(name: str) -> Artifact:
    """The artifact of the contract `name`, e.g. `OptimismPortal2`.

    Raises:
        ArtifactError: there is no such artifact.
    """
    path = ARTIFACT_DIRECTORY / f"{name}.json"
    if not path.is_file():
        raise ArtifactError(f"There is no compiled contract {name}; `npm run build` in contracts/ compiles them.")
    raw = cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
    layout = raw["storageLayout"]
    types = cast(Mapping[str, Mapping[str, Any]], layout["types"] or {})
    return Artifact(
        name=raw["contractName"],
        source_name=raw["sourceName"],
        abi=tuple(raw["abi"]),
        bytecode=bytes.fromhex(raw["bytecode"][2:]),
        deployed_bytecode=bytes.fromhex(raw["deployedBytecode"][2:]),
        immutable_references={
            label: tuple(ByteRange(place["start"], place["length"]) for place in places)
            for label, places in raw["immutableReferences"].items()
        },
        storage_layout=tuple(
            StorageVariable(
                label=variable["label"],
                slot=int(variable["slot"]),
                offset=int(variable["offset"]),
                size=int(types[variable["type"]]["numberOfBytes"]),
                type_label=types[variable["type"]]["label"],
            )
            for variable in layout["storage"]
        ),
    )


def artifact_names() -> tuple[str, ...]:
    """Names of all committed artifacts, sorted."""
    return tuple(sorted(path.stem for path in ARTIFACT_DIRECTORY.glob("*.json")))
