// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title KeccakState
/// @notice The sponge of keccak256 between two blocks of its input, and what happens to it: Keccak-f[1600].
/// @dev    Lane (x, y) of the state is entry x + 5y. FIPS 202, section 3.2; keccak256 pads with 0x01, not SHA-3's 0x06.
library KeccakState {
    /// @notice The 25 lanes.
    struct StateMatrix {
        uint64[25] state;
    }

    uint256 private constant LANE = 0xffffffffffffffff;
    /// @dev A lane times this is the lane twice in a row, out of which a rotation is one shift.
    uint256 private constant TWICE = 0x10000000000000001;

    bytes private constant ROUND_CONSTANTS =
        hex"00000000000000010000000000008082800000000000808a8000000080008000"
        hex"000000000000808b000000008000000180000000800080818000000000008009"
        hex"000000000000008a00000000000000880000000080008009000000008000000a"
        hex"000000008000808b800000000000008b80000000000080898000000000008003"
        hex"80000000000080028000000000000080000000000000800a800000008000000a"
        hex"8000000080008081800000000000808000000000800000018000000080008008";

    /// @notice What a proposer commits to: the hash of the lanes, each in a word of its own.
    function commitment(StateMatrix memory _matrix) internal pure returns (bytes32 commitment_) {
        uint64[25] memory lanes = _matrix.state;
        assembly ("memory-safe") {
            commitment_ := keccak256(lanes, 800)
        }
    }

    /// @notice Takes in the 136 bytes at a place in memory, and permutes.
    /// @dev    Reads 24 bytes past the block, and ignores them.
    function absorb(StateMatrix memory _matrix, uint256 _block) internal pure {
        uint64[25] memory lanes = _matrix.state;
        for (uint256 i; i < 17; i += 4) {
            uint256 four;
            assembly ("memory-safe") {
                four := mload(add(_block, mul(i, 8)))
            }
            four = _swapBytes(four);
            lanes[i] ^= uint64(four >> 192);
            if (i == 16) break;
            lanes[i + 1] ^= uint64(four >> 128);
            lanes[i + 2] ^= uint64(four >> 64);
            lanes[i + 3] ^= uint64(four);
        }
        _permute(lanes);
    }

    /// @notice The digest, once all blocks are in.
    function squeeze(StateMatrix memory _matrix) internal pure returns (bytes32) {
        uint64[25] memory lanes = _matrix.state;
        uint256 four =
            (uint256(lanes[0]) << 192) | (uint256(lanes[1]) << 128) | (uint256(lanes[2]) << 64) | uint256(lanes[3]);
        return bytes32(_swapBytes(four));
    }

    /// @dev The bytes of each of four lanes in reverse: lanes are little-endian.
    function _swapBytes(uint256 _four) private pure returns (uint256 four_) {
        uint256 odd = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
        four_ = ((_four & odd) << 8) | ((_four >> 8) & odd);
        odd = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
        four_ = ((four_ & odd) << 16) | ((four_ >> 16) & odd);
        odd = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
        four_ = ((four_ & odd) << 32) | ((four_ >> 32) & odd);
    }

    /// @dev 24 rounds. `a` is the state and `b` room for another one; all lanes stay below 2^64.
    function _permute(uint64[25] memory a) private pure {
        bytes memory constants = ROUND_CONSTANTS;
        assembly ("memory-safe") {
            let b := mload(0x40)
            for { let round := 0 } lt(round, 192) { round := add(round, 8) } {
                // Theta: each lane takes the parities of the columns left of it, and right of it rotated by one.
                let c0 := xor(xor(mload(a), mload(add(a, 0xa0))), xor(mload(add(a, 0x140)), xor(mload(add(a, 0x1e0)), mload(add(a, 0x280)))))
                let c1 := xor(xor(mload(add(a, 0x20)), mload(add(a, 0xc0))), xor(mload(add(a, 0x160)), xor(mload(add(a, 0x200)), mload(add(a, 0x2a0)))))
                let c2 := xor(xor(mload(add(a, 0x40)), mload(add(a, 0xe0))), xor(mload(add(a, 0x180)), xor(mload(add(a, 0x220)), mload(add(a, 0x2c0)))))
                let c3 := xor(xor(mload(add(a, 0x60)), mload(add(a, 0x100))), xor(mload(add(a, 0x1a0)), xor(mload(add(a, 0x240)), mload(add(a, 0x2e0)))))
                let c4 := xor(xor(mload(add(a, 0x80)), mload(add(a, 0x120))), xor(mload(add(a, 0x1c0)), xor(mload(add(a, 0x260)), mload(add(a, 0x300)))))
                // Rho and pi: lane (x, y), rotated by its offset, moves to (y, 2x + 3y).
                let d
                d := xor(c4, and(shr(63, mul(c1, TWICE)), LANE))
                mstore(b, xor(mload(a), d))
                mstore(add(b, 0x200), and(shr(28, mul(xor(mload(add(a, 0xa0)), d), TWICE)), LANE))
                mstore(add(b, 0xe0), and(shr(61, mul(xor(mload(add(a, 0x140)), d), TWICE)), LANE))
                mstore(add(b, 0x2e0), and(shr(23, mul(xor(mload(add(a, 0x1e0)), d), TWICE)), LANE))
                mstore(add(b, 0x1c0), and(shr(46, mul(xor(mload(add(a, 0x280)), d), TWICE)), LANE))
                d := xor(c0, and(shr(63, mul(c2, TWICE)), LANE))
                mstore(add(b, 0x140), and(shr(63, mul(xor(mload(add(a, 0x20)), d), TWICE)), LANE))
                mstore(add(b, 0x20), and(shr(20, mul(xor(mload(add(a, 0xc0)), d), TWICE)), LANE))
                mstore(add(b, 0x220), and(shr(54, mul(xor(mload(add(a, 0x160)), d), TWICE)), LANE))
                mstore(add(b, 0x100), and(shr(19, mul(xor(mload(add(a, 0x200)), d), TWICE)), LANE))
                mstore(add(b, 0x300), and(shr(62, mul(xor(mload(add(a, 0x2a0)), d), TWICE)), LANE))
                d := xor(c1, and(shr(63, mul(c3, TWICE)), LANE))
                mstore(add(b, 0x280), and(shr(2, mul(xor(mload(add(a, 0x40)), d), TWICE)), LANE))
                mstore(add(b, 0x160), and(shr(58, mul(xor(mload(add(a, 0xe0)), d), TWICE)), LANE))
                mstore(add(b, 0x40), and(shr(21, mul(xor(mload(add(a, 0x180)), d), TWICE)), LANE))
                mstore(add(b, 0x240), and(shr(49, mul(xor(mload(add(a, 0x220)), d), TWICE)), LANE))
                mstore(add(b, 0x120), and(shr(3, mul(xor(mload(add(a, 0x2c0)), d), TWICE)), LANE))
                d := xor(c2, and(shr(63, mul(c4, TWICE)), LANE))
                mstore(add(b, 0xa0), and(shr(36, mul(xor(mload(add(a, 0x60)), d), TWICE)), LANE))
                mstore(add(b, 0x2a0), and(shr(9, mul(xor(mload(add(a, 0x100)), d), TWICE)), LANE))
                mstore(add(b, 0x180), and(shr(39, mul(xor(mload(add(a, 0x1a0)), d), TWICE)), LANE))
                mstore(add(b, 0x60), and(shr(43, mul(xor(mload(add(a, 0x240)), d), TWICE)), LANE))
                mstore(add(b, 0x260), and(shr(8, mul(xor(mload(add(a, 0x2e0)), d), TWICE)), LANE))
                d := xor(c3, and(shr(63, mul(c0, TWICE)), LANE))
                mstore(add(b, 0x1e0), and(shr(37, mul(xor(mload(add(a, 0x80)), d), TWICE)), LANE))
                mstore(add(b, 0xc0), and(shr(44, mul(xor(mload(add(a, 0x120)), d), TWICE)), LANE))
                mstore(add(b, 0x2c0), and(shr(25, mul(xor(mload(add(a, 0x1c0)), d), TWICE)), LANE))
                mstore(add(b, 0x1a0), and(shr(56, mul(xor(mload(add(a, 0x260)), d), TWICE)), LANE))
                mstore(add(b, 0x80), and(shr(50, mul(xor(mload(add(a, 0x300)), d), TWICE)), LANE))
                // Chi: each lane takes the next two of its row.
                for { let row := 0 } lt(row, 800) { row := add(row, 160) } {
                    let from := add(b, row)
                    let to := add(a, row)
                    let b0 := mload(from)
                    let b1 := mload(add(from, 0x20))
                    let b2 := mload(add(from, 0x40))
                    let b3 := mload(add(from, 0x60))
                    let b4 := mload(add(from, 0x80))
                    mstore(to, xor(b0, and(not(b1), b2)))
                    mstore(add(to, 0x20), xor(b1, and(not(b2), b3)))
                    mstore(add(to, 0x40), xor(b2, and(not(b3), b4)))
                    mstore(add(to, 0x60), xor(b3, and(not(b4), b0)))
                    mstore(add(to, 0x80), xor(b4, and(not(b0), b1)))
                }
                // Iota.
                mstore(a, xor(mload(a), shr(192, mload(add(add(constants, 0x20), round)))))
            }
        }
    }
}
