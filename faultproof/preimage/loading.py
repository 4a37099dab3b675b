"""How a preimage that a step reads gets into the oracle: which entry point, its arguments, how many transactions.

Local data come from the game, which alone may write them. Keccak256 preimages from a size on that the oracle tells are
streamed (`StreamedPreimage`): proposed in several transactions, and squeezed after a challenge period; a sha256 preimage has
to fit one transaction; a precompile's input that does not fit one is kept in pieces first. The key of a blob's field element
and that of a precompile's result are hashes of what the oracle has to be given, so whoever loads them has to say it.

Spec: op fault-dispute-game, "PreimageOracle Interaction"; op preimage-oracle.
"""

from dataclasses import dataclass

from config.constants import TRANSACTION_GAS_CAP
from config.types import Hash32, to_hex
from evm.types import keccak256
from faultproof.game import BlobElement, PrecompileCall
from faultproof.precompile_calls import MAX_INPUT_PIECE, publishing_gas, publishing_gas_of_pieces
from faultproof.preimage.keys import KeyType, blob_key, check_preimage, key_type, precompile_key
from faultproof.preimage.oracle_call import LENGTH_PREFIX, OracleCall
from faultproof.preimage.streaming import StreamedPreimage
from l1.deployment.params import MIN_LARGE_PREIMAGE_SIZE

LARGEST_TRANSACTION_DATA = 130_000
"""Bytes of the largest preimage in one transaction, with room for everything else that is in it."""


class CannotLoad(ValueError):
    """There is no way to bring this preimage to the oracle."""


@dataclass(frozen=True)
class Loading:
    """What to send for a part of a preimage: one call, or a proposal. A proposal's part can be read once
    `streamed.squeeze(owner)` was sent too, after the oracle's challenge period. `pieces` of a precompile's input the oracle has
    to keep before the call."""

    call: OracleCall | None = None
    streamed: StreamedPreimage | None = None
    pieces: tuple[bytes, ...] = ()

    @property
    def calls(self) -> tuple[OracleCall, ...]:
        """All calls in their order. Those of a proposal take a millisecond per 136 bytes to compute."""
        if self.streamed is not None:
            return tuple(self.streamed.calls())
        return (*map(keep_piece, self.pieces), *(() if self.call is None else (self.call,)))


def keep_piece(piece: bytes) -> OracleCall:
    """What has the oracle keep a piece of a precompile's input."""
    return OracleCall("keepInputPiece", (piece,))


def load_local_data(identifier: int, claim_index: int, offset: int) -> Loading:
    """A datum of a game, for the execution trace that a claim belongs to."""
    return Loading(OracleCall("addLocalData", (identifier, claim_index, offset), to_game=True))


def load_preimage(
    key: Hash32,
    preimage: bytes,
    offset: int,
    opening: BlobElement | PrecompileCall | None = None,
    *,
    min_streamed_size: int = MIN_LARGE_PREIMAGE_SIZE,
) -> Loading:
    """The part at `offset` (length prefix included) of a preimage that belongs to no game.

    `opening` is what the key of a field element or of a precompile's result hides; `min_streamed_size` the oracle's
    `minProposalSize`. Raises CannotLoad; InvalidPreimage for another key's preimage.
    """
    kind = key_type(key)
    if not 0 <= offset < len(preimage) + LENGTH_PREFIX:
        raise CannotLoad(f"offset {offset} is outside the {len(preimage)} bytes of key 0x{key.hex()}")
    check_preimage(key, preimage)
    if kind == KeyType.KECCAK256 and len(preimage) >= min_streamed_size:
        return Loading(streamed=StreamedPreimage(preimage, offset))
    if kind in (KeyType.KECCAK256, KeyType.SHA256):
        if len(preimage) > LARGEST_TRANSACTION_DATA:
            raise CannotLoad(
                f"a preimage of {len(preimage)} bytes (key 0x{key.hex()}) fits no transaction, and the oracle does not take "
                "it in parts"
            )
        function = "loadKeccak256PreimagePart" if kind == KeyType.KECCAK256 else "loadSha256PreimagePart"
        return Loading(OracleCall(function, (offset, preimage)))
    if kind == KeyType.BLOB and isinstance(opening, BlobElement):
        return Loading(_blob_element(key, preimage, offset, opening))
    if kind == KeyType.PRECOMPILE and isinstance(opening, PrecompileCall):
        return _precompile_result(key, offset, opening)
    if kind == KeyType.LOCAL:
        raise CannotLoad(f"local data (key 0x{key.hex()}) come from a game: use load_local_data")
    raise CannotLoad(f"nobody said what key 0x{key.hex()} of type {kind.name.lower()} is made of")


def _blob_element(key: Hash32, value: bytes, offset: int, element: BlobElement) -> OracleCall:
    if blob_key(element.commitment, element.point) != key:
        raise CannotLoad(f"commitment 0x{element.commitment.hex()} and the point given are not those of 0x{key.hex()}")
    point, number = int.from_bytes(element.point, "big"), int.from_bytes(value, "big")
    return OracleCall("loadBlobPreimagePart", (point, number, element.commitment, element.proof, offset))


def _precompile_result(key: Hash32, offset: int, call: PrecompileCall) -> Loading:
    if precompile_key(call.address, call.required_gas, call.data) != key:
        raise CannotLoad(f"the input of precompile 0x{call.address.hex()} given is not that of 0x{key.hex()}")
    size, what = len(call.data), (offset, to_hex(call.address), call.required_gas)
    gas = publishing_gas(size, call.required_gas, call.data.count(0))
    if size <= LARGEST_TRANSACTION_DATA and gas <= TRANSACTION_GAS_CAP:
        return Loading(OracleCall("loadPrecompilePreimagePart", (*what, call.data), gas_limit=gas))
    gas = publishing_gas_of_pieces(size, call.required_gas)
    pieces = tuple(call.data[start : start + MAX_INPUT_PIECE] for start in range(0, size, MAX_INPUT_PIECE))
    names = tuple(map(keccak256, pieces))
    return Loading(OracleCall("loadPrecompilePreimagePartOfPieces", (*what, names), gas_limit=gas), pieces=pieces)
