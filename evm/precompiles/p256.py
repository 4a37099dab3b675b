"""P256VERIFY: checks an ECDSA signature on secp256r1. Spec: RIP-7212, EIP-7951."""

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

P256_GAS_FJORD = 3450
P256_GAS_OSAKA = 6900
_INPUT_BYTES = 160
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SUCCESS = (1).to_bytes(32, "big")


def verify_p256(digest: bytes, r: int, s: int, x: int, y: int) -> bool:
    """Whether (r, s) signs the 32-byte digest under the public key (x, y); False for values out of range."""
    if not (0 < r < _ORDER and 0 < s < _ORDER):
        return False
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))
    except (InvalidSignature, ValueError):
        return False
    return True


def p256_verify(gas: int) -> Callable[[Any], Any]:
    """The precompile at this price: output is 1 as a word when the signature holds, and nothing otherwise."""

    def run(computation: Any) -> Any:
        computation.consume_gas(gas, reason="P256VERIFY")
        data = computation.msg.data_as_bytes
        if len(data) == _INPUT_BYTES:
            r, s, x, y = (int.from_bytes(data[start : start + 32], "big") for start in range(32, _INPUT_BYTES, 32))
            if verify_p256(data[:32], r, s, x, y):
                computation.output = _SUCCESS
        return computation

    return run
