"""Which stall an error of the loop stands for."""

from config.errors import CriticalError, TemporaryError
from derivation.providers import DataKind, Missing
from evm.engine.disagreement import EngineDisagreement
from l1.beacon import BlobsUnavailable
from node.rollup.stall import Cause, HaltedError, Place, Stage, Stall, StalledError

_STAGES = {
    DataKind.L1_HEADER: (Stage.L1_TRAVERSAL, Cause.L1_DOWN),
    DataKind.L1_RECEIPTS: (Stage.L1_TRAVERSAL, Cause.L1_DOWN),
    DataKind.L1_BLOCK: (Stage.L1_RETRIEVAL, Cause.L1_DOWN),
    DataKind.L1_BLOBS: (Stage.L1_RETRIEVAL, Cause.BEACON_DOWN),
    DataKind.REMOTE_INPUT: (Stage.L1_RETRIEVAL, Cause.DA_DOWN),
    DataKind.L2_BLOCK: (Stage.ATTRIBUTES, Cause.FAULT),
}


def stall_of(error: TemporaryError, missing: Missing | None = None) -> Stall:
    """The stall behind an error; `missing` is the data that could not be fetched, if it was that."""
    if isinstance(error, StalledError):
        return error.stall
    if missing is None:
        return Stall(Cause.L1_DOWN, Stage.L1_HEADS, str(error))
    # Without a number, only the hash is known of a block: then the text has to say which one it is.
    place = None if missing.number is None else Place("l1", missing.number, missing.hash)
    stage, cause = _STAGES[missing.kind]
    if isinstance(error, BlobsUnavailable) and error.answered:
        cause = Cause.BLOB_MISSING
    return Stall(cause, stage, str(error), place)


def halt_of(error: CriticalError, making: Place) -> Stall:
    """What stopped a loop for good, while it was to make the block `making`."""
    if isinstance(error, HaltedError):
        return error.stall
    if isinstance(error, EngineDisagreement):
        return Stall(Cause.ENGINES_DISAGREE, Stage.ENGINE, str(error), making)
    return Stall(Cause.FAULT, Stage.ENGINE, str(error), making)
