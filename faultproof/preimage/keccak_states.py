"""The states of keccak256 between the blocks of its input, as a streamed preimage commits to them.

Spec: FIPS 202, section 3 (the permutation Keccak-f[1600]); op fault-dispute-game, "Large Preimage Proposals".
"""

import struct
from collections.abc import Iterator

from config.types import Hash32
from evm.types import keccak256

BLOCK_SIZE = 136
"""Bytes that a permutation takes in."""
_LANES = 25
_ROUNDS = 24
_MASK = (1 << 64) - 1

State = tuple[int, ...]
"""25 lanes of 64 bits; lane (x, y) is entry x + 5y."""

EMPTY_STATE: State = (0,) * _LANES


def _round_constants() -> tuple[int, ...]:
    # Bits of a linear feedback shift register go to the places 2^j - 1. FIPS 202, section 3.2.5.
    constants, register = [], 1
    for _ in range(_ROUNDS):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << ((1 << j) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


def _moves() -> tuple[tuple[int, int, int], ...]:
    """For each lane's new place where it comes from, and by how much it is rotated. FIPS 202, sections 3.2.2 and 3.2.3."""
    rotations = {(0, 0): 0}
    x, y = 1, 0
    for step in range(24):
        rotations[x, y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    moves = [(0, 0, 0)] * _LANES
    for (x, y), rotation in rotations.items():
        moves[y + 5 * ((2 * x + 3 * y) % 5)] = (x + 5 * y, x, rotation)
    return tuple(moves)


_ROUND_CONSTANTS = _round_constants()
_MOVES = _moves()


def permute(state: State) -> State:
    """Keccak-f[1600]."""
    a = list(state)
    for constant in _ROUND_CONSTANTS:
        parity = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        change = []
        for x in range(5):
            right = parity[(x + 1) % 5]
            change.append(parity[x - 1] ^ (right << 1 & _MASK | right >> 63))
        b = []
        for source, x, rotation in _MOVES:
            lane = a[source] ^ change[x]
            b.append(lane << rotation & _MASK | lane >> (64 - rotation))
        a = [b[row + x] ^ ~b[row + (x + 1) % 5] & b[row + (x + 2) % 5] for row in range(0, _LANES, 5) for x in range(5)]
        a[0] ^= constant
    return tuple(a)


def absorb(state: State, block: bytes) -> State:
    """The state behind a block of 136 bytes."""
    lanes = struct.unpack("<17Q", block)
    return permute(tuple(lane ^ new for lane, new in zip(state, lanes, strict=False)) + state[len(lanes) :])


def commitment(state: State) -> Hash32:
    """What leaves say of a state: the hash of its lanes, 32 bytes each."""
    return keccak256(b"".join(lane.to_bytes(32, "big") for lane in state))


def padded_blocks(preimage: bytes) -> Iterator[bytes]:
    """The input in blocks, the last one with keccak256's padding."""
    room = BLOCK_SIZE - len(preimage) % BLOCK_SIZE
    padding = bytearray(room)
    padding[0] |= 0x01
    padding[-1] |= 0x80
    yield from whole_blocks(preimage + padding)


def whole_blocks(data: bytes) -> Iterator[bytes]:
    """Input that ends with a block, in blocks."""
    for start in range(0, len(data), BLOCK_SIZE):
        yield data[start : start + BLOCK_SIZE]


def digest(state: State) -> Hash32:
    """The hash, once all blocks are in."""
    return Hash32(struct.pack("<4Q", *state[:4]))
