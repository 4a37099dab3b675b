// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ISemver } from "../universal/ISemver.sol";
import { IPreimageOracle } from "./interfaces/IPreimageOracle.sol";
import { PreimageKeyLib } from "./lib/PreimageKeyLib.sol";

/// @title PreimageOracle
/// @notice Preimages for one-step proofs: whoever knows a preimage stores the 32 bytes that the step reads. A preimage
///         starts with its length as eight big-endian bytes.
contract PreimageOracle is IPreimageOracle, ISemver {
    uint256 internal immutable CHALLENGE_PERIOD;

    /// @notice Length of a preimage, without the prefix.
    mapping(bytes32 => uint256) public preimageLengths;
    /// @notice Parts by key and offset.
    mapping(bytes32 => mapping(uint256 => bytes32)) public preimageParts;
    /// @notice Whether a part is there.
    mapping(bytes32 => mapping(uint256 => bool)) public preimagePartOk;

    /// @notice The point evaluation precompile (EIP-4844).
    address internal constant POINT_EVALUATION = address(0x0a);
    /// @notice First byte of the hash by which transactions name blobs.
    bytes1 internal constant VERSIONED_HASH_KZG = 0x01;
    /// @notice Gas that is left over for storing a precompile's result.
    uint256 internal constant RESERVED_GAS = 200_000;

    /// @notice The offset is past the end of the preimage.
    error PartOffsetOOB();
    /// @notice The proof does not show that the blob has this field element.
    error InvalidProof();
    /// @notice The call could fail for lack of gas, which would look like a result.
    error NotEnoughGas();

    /// @param _challengePeriod Extra seconds that games give before a step, for preimages that take long to publish.
    constructor(uint256 _challengePeriod) {
        CHALLENGE_PERIOD = _challengePeriod;
    }

    /// @notice Semantic version.
    function version() external pure returns (string memory) {
        return "1.2.0";
    }

    /// @inheritdoc IPreimageOracle
    function challengePeriod() external view returns (uint256) {
        return CHALLENGE_PERIOD;
    }

    /// @inheritdoc IPreimageOracle
    function readPreimage(bytes32 _key, uint256 _offset) external view returns (bytes32 dat_, uint256 datLen_) {
        require(preimagePartOk[_key][_offset], "pre-image must exist");
        uint256 end = preimageLengths[_key] + 8;
        datLen_ = _offset + 32 >= end ? end - _offset : 32;
        dat_ = preimageParts[_key][_offset];
    }

    /// @inheritdoc IPreimageOracle
    /// @dev Invariant: the key contains the caller, so no game can write another's data.
    function loadLocalData(
        uint256 _ident,
        bytes32 _localContext,
        bytes32 _word,
        uint256 _size,
        uint256 _partOffset
    )
        external
        returns (bytes32 key_)
    {
        if (_size > 32) revert PartOffsetOOB();
        key_ = PreimageKeyLib.localizeIdent(_ident, _localContext);
        bytes memory data = abi.encodePacked(_word);
        assembly {
            mstore(data, _size)
        }
        _store(key_, data, _partOffset);
    }

    /// @notice Stores part of a keccak256 preimage.
    /// @dev    Invariant: the key is computed from the data, so only true preimages are stored.
    function loadKeccak256PreimagePart(uint256 _partOffset, bytes calldata _preimage) external {
        _store(PreimageKeyLib.keccak256PreimageKey(_preimage), _preimage, _partOffset);
    }

    /// @notice Stores part of a sha256 preimage.
    function loadSha256PreimagePart(uint256 _partOffset, bytes calldata _preimage) external {
        _store(PreimageKeyLib.sha256PreimageKey(_preimage), _preimage, _partOffset);
    }

    /// @notice Stores part of a blob's field element.
    /// @param _z          The point at which the blob's polynomial has the element as its value.
    /// @param _y          The element.
    /// @param _commitment KZG commitment to the blob.
    /// @param _proof      KZG proof of the value.
    /// @dev   Invariant: the key binds commitment and point, and the precompile binds the element to them.
    function loadBlobPreimagePart(
        uint256 _z,
        uint256 _y,
        bytes calldata _commitment,
        bytes calldata _proof,
        uint256 _partOffset
    )
        external
    {
        bytes32 digest = sha256(_commitment);
        bytes32 versionedHash = bytes32(VERSIONED_HASH_KZG) | ((digest << 8) >> 8);
        (bool success,) = POINT_EVALUATION.staticcall(abi.encodePacked(versionedHash, _z, _y, _commitment, _proof));
        if (!success) revert InvalidProof();
        _store(PreimageKeyLib.blobPreimageKey(_commitment, _z), abi.encodePacked(_y), _partOffset);
    }

    /// @notice Stores part of what a precompiled contract answers: a status byte, 0 for a failure, and its output.
    /// @param _requiredGas What the call costs; the key binds it.
    /// @dev   Invariant: a failure is the contract's own and not for lack of gas, so that there is one preimage per key.
    function loadPrecompilePreimagePart(
        uint256 _partOffset,
        address _precompile,
        uint64 _requiredGas,
        bytes calldata _input
    )
        external
    {
        bytes32 key = PreimageKeyLib.precompilePreimageKey(_precompile, _requiredGas, _input);
        // A call gets at most 63/64 of what is left.
        if (gasleft() * 63 / 64 < uint256(_requiredGas) + RESERVED_GAS) revert NotEnoughGas();
        (bool success, bytes memory output) = _precompile.staticcall{ gas: gasleft() - RESERVED_GAS }(_input);
        _store(key, abi.encodePacked(success ? bytes1(0x01) : bytes1(0x00), success ? output : bytes("")), _partOffset);
    }

    function _store(bytes32 _key, bytes memory _data, uint256 _partOffset) private {
        uint256 size = _data.length;
        if (_partOffset >= size + 8) revert PartOffsetOOB();
        bytes memory prefixed = abi.encodePacked(uint64(size), _data, bytes32(0));
        bytes32 part;
        assembly {
            part := mload(add(add(prefixed, 32), _partOffset))
        }
        preimagePartOk[_key][_partOffset] = true;
        preimageParts[_key][_partOffset] = part;
        preimageLengths[_key] = size;
    }
}
