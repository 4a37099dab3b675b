// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title VMMemory
/// @notice The VM's memory as a root and proofs of the leaves that a step touches. docs/fpvm.md, section 2.
/// @dev    Proofs stand one after the other in calldata; a tape says how far they have been used.
library VMMemory {
    uint256 internal constant SIZE = 1 << 32;
    uint256 internal constant LEAF_SIZE = 32;
    uint256 internal constant DEPTH = 27;
    // A leaf and its siblings: LEAF_SIZE * (DEPTH + 1).
    uint256 internal constant PROOF_SIZE = 896;

    /// @notice The memory during a step.
    struct Tape {
        // Root after the writes so far.
        bytes32 root;
        // Place of the next proof in calldata, and of the proofs' end.
        uint256 next;
        uint256 end;
    }

    /// @notice There are more or fewer proofs than the step needs.
    error InvalidProofLength();
    /// @notice A proof does not lead to the root.
    error InvalidMemoryProof();

    function open(bytes32 _root, bytes calldata _proofs) internal pure returns (Tape memory tape_) {
        uint256 start;
        assembly {
            start := _proofs.offset
        }
        tape_ = Tape({ root: _root, next: start, end: start + _proofs.length });
    }

    /// @notice Reverts unless all proofs were used.
    function close(Tape memory _tape) internal pure {
        if (_tape.next != _tape.end) revert InvalidProofLength();
    }

    /// @notice The leaf at an address.
    /// @dev    Invariant: only the leaf that the root commits to is returned.
    function readLeaf(Tape memory _tape, uint256 _address) internal pure returns (bytes32 leaf_) {
        uint256 proof = _tape.next;
        _tape.next = proof + PROOF_SIZE;
        if (_tape.next > _tape.end) revert InvalidProofLength();
        assembly {
            leaf_ := calldataload(proof)
        }
        if (_climb(leaf_, _address, proof) != _tape.root) revert InvalidMemoryProof();
    }

    /// @notice Replaces the leaf that was read last.
    function writeLeaf(Tape memory _tape, uint256 _address, bytes32 _leaf) internal pure {
        _tape.root = _climb(_leaf, _address, _tape.next - PROOF_SIZE);
    }

    /// @dev The root over a leaf with the siblings of a proof.
    function _climb(bytes32 _leaf, uint256 _address, uint256 _proof) private pure returns (bytes32 node_) {
        assembly {
            node_ := _leaf
            // Bit 5 of what is left of the address says which child the node is; it is also the child's place in the pair.
            let path := _address
            let siblings := add(_proof, LEAF_SIZE)
            let end := add(_proof, PROOF_SIZE)
            for { } lt(siblings, end) { siblings := add(siblings, 32) } {
                let place := and(path, 32)
                mstore(place, node_)
                mstore(xor(place, 32), calldataload(siblings))
                node_ := keccak256(0, 64)
                path := shr(1, path)
            }
        }
    }
}
