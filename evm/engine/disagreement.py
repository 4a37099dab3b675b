"""Two engines that do not give the same block: the error, and the directory that lets anyone reproduce it."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.errors import CriticalError
from config.rollup import RollupConfig
from evm.engine.stateless import StatelessCase
from evm.engine.stateless_file import BLOCK_FILE, stateless_document
from evm.types import Hash32, Header, PayloadAttributes, Receipt, short, to_hex
from evm.types.json_codec import header_to_json

_TRANSFER_GAS = 21_000
_MOST_SUSPECTS = 8
"""A node stands still while it looks, and each takes as long as the block."""

if TYPE_CHECKING:
    from evm.tracing.parting import Parting


class EngineDisagreement(CriticalError):
    """py-evm and the native engine give different blocks. One of them has a bug, so no block is made."""


@dataclass(frozen=True)
class Outcome:
    """What one engine made of a block: header and receipts, or why it makes none, and at which transaction if that is known."""

    header: Header | None
    receipts: Sequence[Receipt] = ()
    refusal: str = ""
    refused_at: int | None = None

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
    """The first transaction whose receipt differs or that one refuses; None when neither is known of any."""
    for index, (one, other) in enumerate(zip(ours.receipts, theirs.receipts, strict=False)):
        if one != other:
            return index
    return ours.refused_at if theirs.refused_at is None else theirs.refused_at


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
        expected = Hash32(bytes(32)) if pyevm.header is None else pyevm.header.hash
        case = StatelessCase(self.rollup, parent, attributes, witness(), expected)
        index = first_difference(pyevm, native)
        parting, why = _parting(case, _suspects(pyevm, native) if index is None else [index])
        if index is None and parting is not None:
            index = parting.transaction
        where = "no transaction's receipt differs" if index is None else f"transaction {index} is the first to differ"
        text = (
            f"block {number} on {short(parent.hash)}: py-evm and the native engine disagree ({_say(pyevm)} against "
            f"{_say(native)}; {where}; {why})"
        )
        difference = {
            "number": number,
            "parent": to_hex(parent.hash),
            "firstDifferentTransaction": index,
            "firstDifferentOpcode": None if parting is None else parting.to_json(),
            "opcodes": why,
            "pyevm": pyevm.to_json(),
            "native": native.to_json(),
        }
        try:
            place.mkdir(parents=True, exist_ok=True)
            (place / "difference.json").write_text(json.dumps(difference, indent=1))
            document = stateless_document(self.rollup, parent, attributes, case.witness, expected)
            (place / BLOCK_FILE).write_bytes(gzip.compress(json.dumps(document).encode()))
        except OSError as error:
            return EngineDisagreement(f"{text}; what reproduces it could not be written to {place}: {error.strerror}")
        return EngineDisagreement(
            f"{text}; no block is made. Report it with {place}; once it is known which of the two is right, "
            "go on with --engine pyevm or --engine native"
        )


def _suspects(*outcomes: Outcome) -> list[int]:
    """Transactions to look into when no receipt differs: the first ones that used more gas than a transfer does."""
    receipts = next((outcome.receipts for outcome in outcomes if outcome.header is not None), ())
    used = [0, *(receipt.cumulative_gas_used for receipt in receipts)]
    return [index for index, (before, after) in enumerate(pairwise(used)) if after - before > _TRANSFER_GAS][
        :_MOST_SUSPECTS
    ]


def _parting(case: StatelessCase, indices: Sequence[int]) -> "tuple[Parting | None, str]":
    """Where the engines part within a transaction, and that in words. A block is reported whatever goes wrong here."""
    from evm.tracing.parting import find_parting  # which imports the engine

    try:
        parting = find_parting(case, indices)
    except Exception as error:  # noqa: BLE001 - one of the engines has a bug: it may fail in any way
        return None, f"its opcodes could not be compared: {error}"
    if parting is None:
        return None, f"step by step both run the same opcodes in {_name(indices)}"
    return parting, str(parting)


def _name(indices: Sequence[int]) -> str:
    if not indices:
        return "every transaction: none runs code"
    return f"transaction{'s' if len(indices) > 1 else ''} {', '.join(map(str, indices))}"


def _say(outcome: Outcome) -> str:
    return f"refused: {outcome.refusal}" if outcome.header is None else f"hash {short(outcome.header.hash)}"
