// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { MerkleTrie } from "./MerkleTrie.sol";

/// @title SecureMerkleTrie
/// @notice The trie of accounts and of storage: keys are hashed first.
library SecureMerkleTrie {
    /// @notice Whether the trie with this root maps keccak256(key) to the value.
    function verifyInclusionProof(
        bytes memory _key,
        bytes memory _value,
        bytes[] memory _proof,
        bytes32 _root
    )
        internal
        pure
        returns (bool)
    {
        return MerkleTrie.verifyInclusionProof(abi.encodePacked(keccak256(_key)), _value, _proof, _root);
    }

    /// @notice The value under keccak256(key).
    function get(bytes memory _key, bytes[] memory _proof, bytes32 _root) internal pure returns (bytes memory) {
        return MerkleTrie.get(abi.encodePacked(keccak256(_key)), _proof, _root);
    }
}
