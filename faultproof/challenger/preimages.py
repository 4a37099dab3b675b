"""What has to be in the preimage oracle before a step: each preimage becomes a transaction that loads the part it reads."""

from config.errors import CriticalError
from faultproof.game import BlobElement, PrecompileCall, PreimageNeed, Step
from faultproof.preimage import KeyType, key_type
from l1.candidate import TxCandidate
from l1.dispute_contracts import PlayedGameContract, PreimageOracleContract

MAX_PREIMAGE_SIZE = 120_000
"""Bytes that fit into one transaction of those that L1 nodes pass on (128 KiB), with room for everything else."""


async def loading_transactions(
    step: Step, game: PlayedGameContract, oracle: PreimageOracleContract
) -> list[TxCandidate]:
    """The transactions without which the contract cannot execute a step, in any order.

    Raises CriticalError for a preimage that cannot be brought to the oracle, TemporaryError.
    """
    return [
        candidate
        for need in step.witness.preimages
        if (candidate := await _loading(need, step, game, oracle)) is not None
    ]


async def _loading(
    need: PreimageNeed, step: Step, game: PlayedGameContract, oracle: PreimageOracleContract
) -> TxCandidate | None:
    kind = key_type(need.key)
    if kind == KeyType.LOCAL:
        # Costs little and does no harm when it is there, so nobody has to compute the key under which the oracle keeps it.
        return game.add_local_data(need.local_ident, step.claim.index, need.offset)
    if len(need.value) > MAX_PREIMAGE_SIZE:
        raise CriticalError(
            f"a preimage of {len(need.value)} bytes (key 0x{need.key.hex()}) is too large for one transaction, and the "
            "oracle contract takes none in parts"
        )
    if await oracle.has_part(need.key, need.offset):
        return None
    if kind == KeyType.KECCAK256:
        return oracle.load_keccak256(need.offset, need.value)
    if kind == KeyType.SHA256:
        return oracle.load_sha256(need.offset, need.value)
    match need.evidence:
        case BlobElement(commitment, point, proof):
            return oracle.load_blob_element(need.offset, need.value, commitment, point, proof)
        case PrecompileCall(address, required_gas, data):
            return oracle.load_precompile(need.offset, address, required_gas, data)
    raise CriticalError(
        f"nothing shows why the preimage of key 0x{need.key.hex()} ({kind.name.lower()}) is the right one: delete the "
        "directory of preimages and start again, so that the run is made from its sources"
    )
