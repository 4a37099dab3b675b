"""The peer id of a network key, as libp2p has it: told to others before libp2p runs."""

import coincurve

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SECP256K1_KEY = bytes((0x08, 0x02, 0x12, 33))
"""A protobuf of two fields: the kind of the key, and the key, of which this is all but its 33 bytes."""


def peer_id(private_key: bytes) -> str:
    """The id of a secp256k1 key (32 bytes): its public key, which is short enough not to be hashed, in base58.

    Spec: libp2p, "Peer Ids and Keys".
    """
    public = _SECP256K1_KEY + coincurve.PrivateKey(private_key).public_key.format()
    number = int.from_bytes(bytes((0x00, len(public))) + public, "big")
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    return _BASE58[0] + digits  # The byte 0 in front.
