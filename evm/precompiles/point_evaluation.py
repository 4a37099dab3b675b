"""The KZG point evaluation precompile, with the trusted setup loaded once per process.

Spec: EIP-4844, "Point evaluation precompile".
"""

import functools
import hashlib
from typing import Any

import ckzg
from eth.exceptions import VMError
from eth.precompiles.point_evaluation import TRUSTED_SETUP_PATH

GAS = 50_000
_BLS_MODULUS = 52435875175126190479447740508185965837690552500527637822603658699938581184513
_OUTPUT = (4096).to_bytes(32, "big") + _BLS_MODULUS.to_bytes(32, "big")
_INPUT_BYTES = 192
_VERSION_KZG = b"\x01"


@functools.cache
def trusted_setup() -> Any:
    """ckzg's handle on the mainnet setup; the first call takes over a second."""
    return ckzg.load_trusted_setup(TRUSTED_SETUP_PATH, 0)


def point_evaluation(computation: Any) -> Any:
    """Checks p(z) = y for the polynomial behind a blob's versioned hash."""
    computation.consume_gas(GAS, reason="POINT_EVALUATION")
    data = computation.msg.data_as_bytes
    if len(data) != _INPUT_BYTES:
        raise VMError(f"point evaluation takes {_INPUT_BYTES} bytes, got {len(data)}")
    versioned_hash, z, y, commitment, proof = data[:32], data[32:64], data[64:96], data[96:144], data[144:]
    if _VERSION_KZG + hashlib.sha256(commitment).digest()[1:] != versioned_hash:
        raise VMError("commitment does not fit the versioned hash")
    try:
        holds = ckzg.verify_kzg_proof(commitment, z, y, proof, trusted_setup())
    except (RuntimeError, ValueError) as error:
        raise VMError(f"malformed point evaluation input: {error}") from error
    if not holds:
        raise VMError("KZG proof does not hold")
    computation.output = _OUTPUT
    return computation
