"""The sequencer's signature over a gossiped payload. Spec: op rollup-node-p2p, "Block signatures"."""

from config.types import ZERO_HASH, Address, Hash32
from evm.types.hashing import keccak256
from evm.types.signature import InvalidSignature, recover_address, sign

SIGNATURE_BYTES = 65

_DOMAIN = ZERO_HASH
"""The signing domain of blocks."""


def payload_signing_hash(encoded: bytes, chain_id: int) -> Hash32:
    """What is signed of an encoded payload (`evm.payload_ssz.encode_payload`)."""
    return Hash32(keccak256(_DOMAIN + chain_id.to_bytes(32, "big") + keccak256(encoded)))


def sign_payload(private_key: bytes, encoded: bytes, chain_id: int) -> bytes:
    """The signature of an encoded payload under a 32-byte key: r, s (32 bytes each, big-endian) and parity (one byte)."""
    parity, r, s = sign(private_key, payload_signing_hash(encoded, chain_id))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((parity,))


def payload_signer(signature: bytes, encoded: bytes, chain_id: int) -> Address:
    """Who signed an encoded payload. Raises InvalidSignature when it was nobody, or the parity is neither 0 nor 1."""
    if len(signature) != SIGNATURE_BYTES:
        raise InvalidSignature(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    # A high s is as good as a low one here, as in op-node: messages are told apart by their blocks.
    return recover_address(payload_signing_hash(encoded, chain_id), signature[64], r, s, high_s=True)
