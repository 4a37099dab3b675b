// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title PreimageKeyLib
/// @notice Keys of local data: each game, and within it each disputed step, sees its own.
library PreimageKeyLib {
    uint256 private constant TYPE_MASK = uint256(0xff) << 248;

    /// @notice Key of a local identifier for the calling game and its context.
    function localizeIdent(uint256 _ident, bytes32 _localContext) internal view returns (bytes32) {
        return localize(bytes32((_ident & ~TYPE_MASK) | (uint256(1) << 248)), _localContext);
    }

    /// @notice Turns the key that a program uses into the one that is stored, for the calling game and its context.
    function localize(bytes32 _key, bytes32 _localContext) internal view returns (bytes32) {
        uint256 digest = uint256(keccak256(abi.encode(_key, msg.sender, _localContext)));
        return bytes32((digest & ~TYPE_MASK) | (uint256(1) << 248));
    }

    /// @notice Key of type 2: keccak256 with the type in the first byte.
    function keccak256PreimageKey(bytes memory _preimage) internal pure returns (bytes32) {
        return _typed(keccak256(_preimage), 2);
    }

    /// @notice Key of type 4: sha256 with the type in the first byte.
    function sha256PreimageKey(bytes memory _preimage) internal pure returns (bytes32) {
        return _typed(sha256(_preimage), 4);
    }

    /// @notice Key of type 5: a blob's commitment and a point.
    function blobPreimageKey(bytes memory _commitment, uint256 _z) internal pure returns (bytes32) {
        return _typed(keccak256(abi.encodePacked(_commitment, _z)), 5);
    }

    /// @notice Key of type 6: the address of a precompile, the gas it needs (8 bytes), and its input, all in one.
    function precompilePreimageKey(bytes memory _call) internal pure returns (bytes32) {
        return _typed(keccak256(_call), 6);
    }

    function _typed(bytes32 _digest, uint256 _type) private pure returns (bytes32) {
        return bytes32((uint256(_digest) & ~TYPE_MASK) | (_type << 248));
    }
}
