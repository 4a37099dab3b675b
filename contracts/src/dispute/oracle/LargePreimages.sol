// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { KeccakState } from "./KeccakState.sol";
import { LPPMetaData, LPPMetaDataLib } from "./LPPMetaData.sol";
import { LeafTree, TREE_DEPTH } from "./LeafTree.sol";
import "./OracleErrors.sol";
import { PreimageParts } from "./PreimageParts.sol";

/// @title LargePreimages
/// @notice Keccak256 preimages that do not fit one transaction. Their owner proposes them block by block (136 bytes), and
///         says for each block what the state of the hash function is behind it; all this goes into a Merkle tree, with a
///         bond. Who finds a wrong state shows it by one permutation and takes the bond. What nobody challenged in time
///         is hashed to its end, by one more permutation.
/// @dev    Invariant: the bonds of all proposals that were neither countered nor squeezed are what this contract owns.
abstract contract LargePreimages is PreimageParts {
    using KeccakState for KeccakState.StateMatrix;

    /// @notice A block of a proposal: the input, its number from zero, and the commitment to the state behind it.
    struct Leaf {
        bytes input;
        uint256 index;
        bytes32 stateCommitment;
    }

    /// @notice What a proposal is found by.
    struct LargePreimageProposalKeys {
        address claimant;
        uint256 uuid;
    }

    uint256 internal immutable CHALLENGE_PERIOD;
    uint256 internal immutable MIN_LPP_SIZE_BYTES;

    /// @notice The smallest bond (wei).
    uint256 public constant MIN_BOND_SIZE = 0.25 ether;
    /// @notice Levels of a proposal's tree.
    uint256 public constant KECCAK_TREE_DEPTH = TREE_DEPTH;
    /// @notice The most blocks that a proposal can have, the padded one included: 8.9 MB.
    uint256 public constant MAX_LEAF_COUNT = LeafTree.MAX_LEAF_COUNT;

    /// @dev Bytes that a permutation takes in.
    uint256 private constant BLOCK_SIZE = 136;
    /// @dev Input, index and commitment of a leaf.
    uint256 private constant LEAF_SIZE = 200;

    /// @notice All proposals in order of their making.
    LargePreimageProposalKeys[] public proposals;
    /// @notice The nodes of a proposal's tree that wait for their right neighbours.
    mapping(address => mapping(uint256 => bytes32[TREE_DEPTH])) public proposalBranches;
    /// @notice What is known of a proposal.
    mapping(address => mapping(uint256 => LPPMetaData)) public proposalMetadata;
    /// @notice Bonds that were not paid out yet (wei).
    mapping(address => mapping(uint256 => uint256)) public proposalBonds;
    /// @notice The part of the preimage that a proposal is made for.
    mapping(address => mapping(uint256 => bytes32)) public proposalParts;
    /// @notice Numbers of the blocks of this chain in which leaves were added, where challengers find the input.
    mapping(address => mapping(uint256 => uint64[])) public proposalBlocks;

    /// @param _minProposalSize Bytes of the smallest preimage that can be proposed.
    /// @param _challengePeriod Seconds in which a complete proposal can be challenged.
    constructor(uint256 _minProposalSize, uint256 _challengePeriod) {
        // The last block is checked against the one before, so there are two; games compute with the period in 64 bits.
        if (_minProposalSize < BLOCK_SIZE) revert InvalidInputSize();
        require(_challengePeriod <= type(uint64).max, "challenge period too large");
        MIN_LPP_SIZE_BYTES = _minProposalSize;
        CHALLENGE_PERIOD = _challengePeriod;
    }

    // --- Proposing -----------------------------------------------------------------------------------------------------

    /// @notice Starts a proposal for one part of a preimage. The value sent is the bond.
    function initLPP(uint256 _uuid, uint32 _partOffset, uint32 _claimedSize) external payable {
        if (msg.value < MIN_BOND_SIZE) revert InsufficientBond();
        if (msg.sender != tx.origin) revert NotEOA();
        _assertWithin(_partOffset, _claimedSize);
        if (_claimedSize < MIN_LPP_SIZE_BYTES) revert InvalidInputSize();
        if (proposalMetadata[msg.sender][_uuid].claimedSize() != 0) revert AlreadyInitialized();

        proposalMetadata[msg.sender][_uuid] = LPPMetaDataLib.create(_partOffset, _claimedSize);
        proposals.push(LargePreimageProposalKeys(msg.sender, _uuid));
        proposalBonds[msg.sender][_uuid] = msg.value;
    }

    /// @notice Adds the next blocks of a proposal, whole ones, with the commitment to the state behind each. With
    ///         `_finalize` the input ends here: it is padded, and the padding makes a block more or fills the last one.
    /// @dev    Logs the caller and all call data without topics, so that challengers need no traces.
    function addLeavesLPP(
        uint256 _uuid,
        uint256 _inputStartBlock,
        bytes calldata _input,
        bytes32[] calldata _stateCommitments,
        bool _finalize
    )
        external
    {
        if (msg.sender != tx.origin) revert NotEOA();
        LPPMetaData metaData = proposalMetadata[msg.sender][_uuid];
        if (metaData.claimedSize() == 0) revert NotInitialized();
        if (metaData.timestamp() != 0) revert AlreadyFinalized();
        if (metaData.blocksProcessed() != _inputStartBlock) revert WrongStartingBlock();
        _keepPart(_uuid, metaData, _input, _finalize);

        uint256 blocks = _input.length / BLOCK_SIZE;
        if (_finalize) blocks++;
        else if (_input.length % BLOCK_SIZE != 0) revert InvalidInputSize();
        if (_stateCommitments.length != blocks) revert InvalidInputSize();
        if (_inputStartBlock + blocks > MAX_LEAF_COUNT) revert TreeSizeOverflow();
        _addLeaves(proposalBranches[msg.sender][_uuid], _inputStartBlock, _input, _stateCommitments);

        uint256 size = metaData.bytesProcessed() + _input.length;
        metaData = metaData.withProgress(_inputStartBlock + blocks, size);
        if (_finalize) {
            if (size != metaData.claimedSize()) revert InvalidInputSize();
            metaData = metaData.completedAt(block.timestamp);
        }
        proposalMetadata[msg.sender][_uuid] = metaData;
        proposalBlocks[msg.sender][_uuid].push(uint64(block.number));

        // Not memory-safe, and the last thing that is done.
        assembly {
            mstore(0, shl(96, caller()))
            calldatacopy(20, 0, calldatasize())
            log0(0, add(20, calldatasize()))
        }
    }

    /// @dev Keeps the part if it starts in this input. All of it has to be in the same input, except at the very end.
    function _keepPart(uint256 _uuid, LPPMetaData _metaData, bytes calldata _input, bool _finalize) private {
        uint256 offset = _metaData.partOffset();
        uint256 before = _metaData.bytesProcessed();
        bytes32 part;
        if (offset < PREFIX) {
            if (before != 0) return;
            part = _partWithPrefix(_wordAt(_input, 0), _metaData.claimedSize(), offset);
        } else {
            offset -= PREFIX;
            if (offset < before || offset >= before + _input.length) return;
            if (offset - before + 32 >= _input.length && !_finalize) revert PartOffsetOOB();
            part = _wordAt(_input, offset - before);
        }
        proposalParts[msg.sender][_uuid] = part;
    }

    function _addLeaves(
        bytes32[TREE_DEPTH] storage _stored,
        uint256 _start,
        bytes calldata _input,
        bytes32[] calldata _stateCommitments
    )
        private
    {
        // Levels above the number of leaves are neither read nor written: they wait for nobody.
        bytes32[TREE_DEPTH] memory branch;
        for (uint256 height; _start >> height != 0; height++) {
            branch[height] = _stored[height];
        }
        bytes memory leaf = new bytes(LEAF_SIZE);
        uint256 count = _start;
        for (uint256 i; i < _stateCommitments.length; i++) {
            bytes32 stateCommitment = _stateCommitments[i];
            bytes32 node;
            assembly ("memory-safe") {
                let data := add(leaf, 0x20)
                let left := sub(_input.length, mul(i, BLOCK_SIZE))
                switch lt(left, BLOCK_SIZE)
                case 0 { calldatacopy(data, add(_input.offset, mul(i, BLOCK_SIZE)), BLOCK_SIZE) }
                default {
                    // The end of the input: a one, zeros (from beyond the call data), and a one in the last bit.
                    calldatacopy(data, add(_input.offset, mul(i, BLOCK_SIZE)), left)
                    calldatacopy(add(data, left), calldatasize(), sub(BLOCK_SIZE, left))
                    mstore8(add(data, left), 0x01)
                    let last := add(data, sub(BLOCK_SIZE, 1))
                    mstore8(last, or(byte(0, mload(last)), 0x80))
                }
                mstore(add(data, BLOCK_SIZE), count)
                mstore(add(data, add(BLOCK_SIZE, 0x20)), stateCommitment)
                node := keccak256(data, LEAF_SIZE)
            }
            LeafTree.append(branch, ++count, node);
        }
        for (uint256 height; count >> height != 0; height++) {
            _stored[height] = branch[height];
        }
    }

    // --- Challenging ---------------------------------------------------------------------------------------------------

    /// @notice Shows that the state behind a block does not follow from the one before, and takes the bond.
    /// @param _claimant       Who made the proposal.
    /// @param _uuid           Which of theirs.
    /// @param _stateMatrix    The state behind the block before.
    /// @param _preState       That block.
    /// @param _preStateProof  Its siblings in the tree.
    /// @param _postState      The block after it, whose commitment is wrong.
    /// @param _postStateProof Its siblings in the tree.
    function challengeLPP(
        address _claimant,
        uint256 _uuid,
        KeccakState.StateMatrix memory _stateMatrix,
        Leaf calldata _preState,
        bytes32[] calldata _preStateProof,
        Leaf calldata _postState,
        bytes32[] calldata _postStateProof
    )
        external
    {
        bytes32 root = getTreeRootLPP(_claimant, _uuid);
        _assertLeaf(root, _preState, _preStateProof);
        _assertLeaf(root, _postState, _postStateProof);
        if (_stateMatrix.commitment() != _preState.stateCommitment) revert InvalidPreimage();
        if (_preState.index + 1 != _postState.index) revert StatesNotContiguous();
        _counter(_claimant, _uuid, _stateMatrix, _postState);
    }

    /// @notice Shows that the state behind the first block is wrong, and takes the bond. See `challengeLPP`.
    function challengeFirstLPP(
        address _claimant,
        uint256 _uuid,
        Leaf calldata _postState,
        bytes32[] calldata _postStateProof
    )
        external
    {
        _assertLeaf(getTreeRootLPP(_claimant, _uuid), _postState, _postStateProof);
        if (_postState.index != 0) revert StatesNotContiguous();
        KeccakState.StateMatrix memory empty;
        _counter(_claimant, _uuid, empty, _postState);
    }

    function _counter(
        address _claimant,
        uint256 _uuid,
        KeccakState.StateMatrix memory _stateMatrix,
        Leaf calldata _postState
    )
        private
    {
        _absorb(_stateMatrix, _postState);
        if (_stateMatrix.commitment() == _postState.stateCommitment) revert PostStateMatches();
        proposalMetadata[_claimant][_uuid] = proposalMetadata[_claimant][_uuid].asCountered();
        _payBond(_claimant, _uuid, msg.sender);
    }

    // --- Finishing -----------------------------------------------------------------------------------------------------

    /// @notice Makes the part of an unchallenged proposal readable, and gives the bond back.
    /// @dev    The last state is computed here, so its commitment is the only one that nobody needs to check.
    /// @param _claimant       Who made the proposal.
    /// @param _uuid           Which of theirs.
    /// @param _stateMatrix    The state behind the last block but one.
    /// @param _preState       That block.
    /// @param _preStateProof  Its siblings in the tree.
    /// @param _postState      The last block.
    /// @param _postStateProof Its siblings in the tree.
    function squeezeLPP(
        address _claimant,
        uint256 _uuid,
        KeccakState.StateMatrix memory _stateMatrix,
        Leaf calldata _preState,
        bytes32[] calldata _preStateProof,
        Leaf calldata _postState,
        bytes32[] calldata _postStateProof
    )
        external
    {
        LPPMetaData metaData = proposalMetadata[_claimant][_uuid];
        if (metaData.countered()) revert BadProposal();
        if (metaData.timestamp() == 0) revert ActiveProposal();
        if (block.timestamp - metaData.timestamp() <= CHALLENGE_PERIOD) revert ActiveProposal();

        bytes32 root = getTreeRootLPP(_claimant, _uuid);
        _assertLeaf(root, _preState, _preStateProof);
        _assertLeaf(root, _postState, _postStateProof);
        if (_stateMatrix.commitment() != _preState.stateCommitment) revert InvalidPreimage();
        if (_preState.index + 1 != _postState.index || _postState.index + 1 != metaData.blocksProcessed()) {
            revert StatesNotContiguous();
        }
        _squeeze(_claimant, _uuid, metaData, _stateMatrix, _postState);
    }

    function _squeeze(
        address _claimant,
        uint256 _uuid,
        LPPMetaData _metaData,
        KeccakState.StateMatrix memory _stateMatrix,
        Leaf calldata _last
    )
        private
    {
        _absorb(_stateMatrix, _last);
        bytes32 key = bytes32((uint256(_stateMatrix.squeeze()) & (type(uint256).max >> 8)) | (uint256(2) << 248));
        _store(key, _metaData.claimedSize(), _metaData.partOffset(), proposalParts[_claimant][_uuid]);
        _payBond(_claimant, _uuid, _claimant);
    }

    // --- Reading -------------------------------------------------------------------------------------------------------

    /// @notice The root of a proposal's tree.
    function getTreeRootLPP(address _owner, uint256 _uuid) public view returns (bytes32) {
        return LeafTree.root(proposalBranches[_owner][_uuid], proposalMetadata[_owner][_uuid].blocksProcessed());
    }

    /// @notice Roots of trees without leaves, by height.
    function zeroHashes(uint256 _height) external pure returns (bytes32) {
        require(_height < TREE_DEPTH);
        return LeafTree.zeroHash(_height);
    }

    /// @notice How many proposals were ever made.
    function proposalCount() external view returns (uint256) {
        return proposals.length;
    }

    /// @notice How many times leaves were added to a proposal.
    function proposalBlocksLen(address _claimant, uint256 _uuid) external view returns (uint256) {
        return proposalBlocks[_claimant][_uuid].length;
    }

    /// @notice Bytes of the smallest preimage that can be proposed.
    function minProposalSize() external view returns (uint256) {
        return MIN_LPP_SIZE_BYTES;
    }

    // --- Parts ---------------------------------------------------------------------------------------------------------

    function _assertLeaf(bytes32 _root, Leaf calldata _leaf, bytes32[] calldata _siblings) private pure {
        if (_leaf.input.length != BLOCK_SIZE || _siblings.length != TREE_DEPTH) revert InvalidProof();
        bytes32 node = keccak256(abi.encodePacked(_leaf.input, _leaf.index, _leaf.stateCommitment));
        if (LeafTree.rootOf(_siblings, _leaf.index, node) != _root) revert InvalidProof();
    }

    /// @dev The leaf has been checked, so its input is a block.
    function _absorb(KeccakState.StateMatrix memory _stateMatrix, Leaf calldata _leaf) private pure {
        bytes memory input = _leaf.input;
        uint256 start;
        assembly ("memory-safe") {
            start := add(input, 0x20)
        }
        _stateMatrix.absorb(start);
    }

    function _payBond(address _claimant, uint256 _uuid, address _to) private {
        uint256 bond = proposalBonds[_claimant][_uuid];
        proposalBonds[_claimant][_uuid] = 0;
        (bool success,) = _to.call{ value: bond }("");
        if (!success) revert BondTransferFailed();
    }
}
