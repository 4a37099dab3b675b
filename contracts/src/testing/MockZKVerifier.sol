// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IZKVerifier } from "../dispute/interfaces/IZKVerifier.sol";

/// @title MockZKVerifier
/// @notice Accepts as proof what anyone can compute. It can only be deployed on local development chains.
contract MockZKVerifier is IZKVerifier {
    /// @notice The chain is not a local development chain.
    error NotALocalChain(uint256 chainId);
    /// @notice The proof is not the one that belongs to these values.
    error InvalidProof();

    constructor() {
        // 900: the embedded L1; 1337 and 31337: what development nodes use by default.
        if (block.chainid != 900 && block.chainid != 1337 && block.chainid != 31337) revert NotALocalChain(block.chainid);
    }

    /// @inheritdoc IZKVerifier
    function verify(bytes32 _programId, bytes calldata _publicValues, bytes calldata _proof) external pure {
        bytes32 expected = keccak256(abi.encode("mock proof", _programId, keccak256(_publicValues)));
        if (_proof.length != 32 || bytes32(_proof) != expected) revert InvalidProof();
    }
}
