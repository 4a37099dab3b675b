// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Types
/// @notice Structures that cross contract borders.
library Types {
    /// @notice Preimage of an output root: what a withdrawal is proven against.
    struct OutputRootProof {
        bytes32 version;
        bytes32 stateRoot;
        bytes32 messagePasserStorageRoot;
        bytes32 latestBlockhash;
    }

    /// @notice A deposit as L2 sees it: the fields of a type 0x7E transaction and where on L1 it came from.
    struct UserDepositTransaction {
        address from;
        address to;
        bool isCreation;
        uint256 value;
        uint256 mint;
        uint64 gasLimit;
        bytes data;
        bytes32 l1BlockHash;
        uint256 logIndex;
    }

    /// @notice A message from L2 to L1 as the L2ToL1MessagePasser recorded it.
    struct WithdrawalTransaction {
        uint256 nonce;
        address sender;
        address target;
        uint256 value;
        uint256 gasLimit;
        bytes data;
    }

    /// @notice Where a fee vault pays out.
    enum WithdrawalNetwork {
        L1,
        L2
    }
}
