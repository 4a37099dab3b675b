"""Storage of a contract, written by variable name: slots and offsets come from the compiler's layout."""

from config.types import Address, Hash32
from contracts.artifacts import Artifact


class StorageWriter:
    """Sets state variables of value type and yields the storage slots they make.

    Variables that share a slot are joined; setting one leaves its neighbours alone.
    """

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._slots: dict[int, int] = {}

    def set(self, label: str, value: int | bool | Address) -> "StorageWriter":
        """Sets the variable `label`; bytes are read as one big-endian number.

        Raises:
            ValueError: the value does not fit the variable.
        """
        variable = self._artifact.storage_variable(label)
        number = int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)
        bits = 8 * variable.size
        if not 0 <= number < 1 << bits:
            raise ValueError(
                f"{label} of {self._artifact.name} has {variable.size} bytes ({variable.type_label}); "
                f"{number:#x} does not fit."
            )
        shift = 8 * variable.offset
        word = self._slots.get(variable.slot, 0)
        self._slots[variable.slot] = word & ~(((1 << bits) - 1) << shift) | number << shift
        return self

    def slots(self) -> dict[Hash32, Hash32]:
        """Slot -> word, 32 bytes each; words of zero are left out."""
        return {_word(slot): _word(value) for slot, value in self._slots.items() if value}


def _word(value: int) -> Hash32:
    return Hash32(value.to_bytes(32, "big"))
