"""Two engines that do not give the same block: the error, and the directory that lets anyone reproduce it."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.errors import CriticalError
from config.rollup import RollupConfig
from evm.engine.stateless_file import stateless_document
from evm.types import Hash32, Header, PayloadAttributes, Receipt, short, to_hex
from evm.types.json_codec import header_to_json


class EngineDisagreement(CriticalError):
    """py-evm and the native engine give different blocks. One of them has a bug, so no block is made."""


@dataclass(frozen=True)
class Outcome:
    """What one engine made of a block: header and receipts, or why it makes none."""

    header: Header | None
    receipts: Sequence[Receipt] = ()
    refusal: str = ""

    def to_json(self) -> dict[str, Any]:
        """For `difference.json`."""
        if self.header is None:
            return {"refused": self.refusal}
        return {
            "hash": to_hex(self.header.hash),
            "header": header_to_json(self.header),
            "receipts": [to_hex(receipt.encode()) for receipt in self.receipts],
        }


def first_difference(ours: Outcome, theirs: Outcome) -> int | None:
    """The first transaction whose receipt differs; None when all receipts that both have are equal."""
    for index, (one, other) in enumerate(zip(ours.receipts, theirs.receipts, strict=False)):
        if one != other:
            return index
    return None


@dataclass(frozen=True)
class Reproducers:
    """Writes what is needed to run a disputed block again, below `directory`."""

    directory: Path
    rollup: RollupConfig

    def report(
        self,
        parent: Header,
        attributes: PayloadAttributes,
        pyevm: Outcome,
        native: Outcome,
        witness: Callable[[], Mapping[Hash32, bytes]],
    ) -> EngineDisagreement:
        """Write `block.json.gz`, which `lamina evm stateless --engine ...` runs, and `difference.json`; the error to raise.

        `attributes` hold all of the block's transactions. `witness` gives what either engine reads.
        """
        number = parent.number + 1
        place = self.directory / f"{number}-{parent.hash[:4].hex()}"
        index = first_difference(pyevm, native)
        where = "no transaction's receipt differs" if index is None else f"transaction {index} is the first to differ"
        text = (
            f"block {number} on {short(parent.hash)}: py-evm and the native engine disagree ({_say(pyevm)} against "
            f"{_say(native)}; {where})"
        )
        difference = {
            "number": number,
            "parent": to_hex(parent.hash),
            "firstDifferentTransaction": index,
            "pyevm": pyevm.to_json(),
            "native": native.to_json(),
        }
        expected = Hash32(bytes(32)) if pyevm.header is None else pyevm.header.hash
        try:
            place.mkdir(parents=True, exist_ok=True)
            (place / "difference.json").write_text(json.dumps(difference, indent=1))
            document = stateless_document(self.rollup, parent, attributes, witness(), expected)
            (place / "block.json.gz").write_bytes(gzip.compress(json.dumps(document).encode()))
        except OSError as error:
            return EngineDisagreement(f"{text}; what reproduces it could not be written to {place}: {error.strerror}")
        return EngineDisagreement(
            f"{text}; no block is made. Report it with {place}; once it is known which of the two is right, "
            "go on with --engine pyevm or --engine native"
        )


def _say(outcome: Outcome) -> str:
    return f"refused: {outcome.refusal}" if outcome.header is None else f"hash {short(outcome.header.hash)}"
