// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ISemver } from "../universal/ISemver.sol";
import { IPreimageOracle } from "./interfaces/IPreimageOracle.sol";
import { PreimageKeyLib } from "./lib/PreimageKeyLib.sol";
import { LargePreimages } from "./oracle/LargePreimages.sol";
import { InvalidProof, NotEnoughGas, PartOffsetOOB } from "./oracle/OracleErrors.sol";
import { PrecompileInputs } from "./oracle/PrecompileInputs.sol";

/// @title PreimageOracle
/// @notice Preimages for one-step proofs: whoever knows a preimage stores the 32 bytes that the step reads. A preimage
///         starts with its length as eight big-endian bytes.
contract PreimageOracle is LargePreimages, PrecompileInputs, IPreimageOracle, ISemver {
    /// @notice Gas that has to be left for everything around the call of a precompile.
    uint256 public constant PRECOMPILE_CALL_RESERVED_GAS = 100_000;

    address private constant POINT_EVALUATION = address(0x0a);
    uint256 private constant G1_SIZE = 48;

    /// @param _minProposalSize Bytes of the smallest preimage that can be streamed.
    /// @param _challengePeriod Seconds in which a streamed preimage can be challenged; games give them before a step.
    constructor(uint256 _minProposalSize, uint256 _challengePeriod) LargePreimages(_minProposalSize, _challengePeriod) { }

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
        uint256 end = preimageLengths[_key] + PREFIX;
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
        _assertWithin(_partOffset, _size);
        key_ = PreimageKeyLib.localizeIdent(_ident, _localContext);
        _store(key_, _size, _partOffset, _partOfWord(_word, _size, _partOffset));
    }

    /// @notice Stores part of a keccak256 preimage.
    /// @dev    Invariant: the key is computed from the data, so only true preimages are stored.
    function loadKeccak256PreimagePart(uint256 _partOffset, bytes calldata _preimage) external {
        _storeData(PreimageKeyLib.keccak256PreimageKey(_preimage), _partOffset, _preimage);
    }

    /// @notice Stores part of a sha256 preimage.
    function loadSha256PreimagePart(uint256 _partOffset, bytes calldata _preimage) external {
        _storeData(PreimageKeyLib.sha256PreimageKey(_preimage), _partOffset, _preimage);
    }

    /// @notice Stores part of a blob's field element: the value `_y` at `_z` of the polynomial that is committed to.
    /// @param _z          Where the polynomial is evaluated; big-endian, below the field's modulus.
    /// @param _y          The value there, which is the preimage.
    /// @param _commitment KZG commitment to the blob, 48 bytes.
    /// @param _proof      KZG proof of the value, 48 bytes.
    /// @param _partOffset Where the part starts.
    function loadBlobPreimagePart(
        uint256 _z,
        uint256 _y,
        bytes calldata _commitment,
        bytes calldata _proof,
        uint256 _partOffset
    )
        external
    {
        if (_commitment.length != G1_SIZE || _proof.length != G1_SIZE) revert InvalidProof();
        uint256 versionedHash = (uint256(sha256(_commitment)) & (type(uint256).max >> 8)) | (uint256(1) << 248);
        (bool valid,) =
            POINT_EVALUATION.staticcall(abi.encodePacked(versionedHash, _z, _y, _commitment, _proof));
        if (!valid) revert InvalidProof();
        _assertWithin(_partOffset, 32);
        _store(
            PreimageKeyLib.blobPreimageKey(_commitment, _z), 32, _partOffset, _partOfWord(bytes32(_y), 32, _partOffset)
        );
    }

    /// @notice Stores part of what a precompile answers: a byte that is one unless the call failed, and the return data.
    /// @dev    Invariant: only the input decides whether the call fails. It is given all gas but a 64th, and at least what
    ///         the precompile needs; nothing between the check and the call costs more than the reserve.
    /// @param _partOffset  Where the part starts.
    /// @param _precompile  The precompile.
    /// @param _requiredGas Gas that it needs for this input.
    /// @param _input       Its input.
    function loadPrecompilePreimagePart(
        uint256 _partOffset,
        address _precompile,
        uint64 _requiredGas,
        bytes calldata _input
    )
        external
    {
        _storeResult(_partOffset, _precompile, _requiredGas, abi.encodePacked(_precompile, _requiredGas, _input));
    }

    /// @notice The same for an input that is too long for one transaction.
    /// @param _pieces Hashes of the input's pieces, in their order; each was kept by `keepInputPiece`.
    function loadPrecompilePreimagePartOfPieces(
        uint256 _partOffset,
        address _precompile,
        uint64 _requiredGas,
        bytes32[] calldata _pieces
    )
        external
    {
        bytes memory hashed = abi.encodePacked(_precompile, _requiredGas);
        _appendPieces(hashed, _pieces);
        _storeResult(_partOffset, _precompile, _requiredGas, hashed);
    }

    /// @dev What is hashed for the key ends with the input, so the call needs no second copy of it.
    function _storeResult(uint256 _partOffset, address _precompile, uint64 _requiredGas, bytes memory _hashed) private {
        bytes32 key = PreimageKeyLib.precompilePreimageKey(_hashed);
        if (gasleft() * 63 < uint256(_requiredGas) * 64 + PRECOMPILE_CALL_RESERVED_GAS * 63) revert NotEnoughGas();
        uint256 size;
        bool success;
        assembly ("memory-safe") {
            success := staticcall(gas(), _precompile, add(_hashed, 0x3c), sub(mload(_hashed), 0x1c), 0, 0)
            size := add(returndatasize(), 1)
        }
        _assertWithin(_partOffset, size);
        bytes32 part;
        assembly ("memory-safe") {
            let prefixed := mload(0x40)
            mstore(prefixed, shl(192, size))
            mstore8(add(prefixed, 8), success)
            returndatacopy(add(prefixed, 9), 0, returndatasize())
            // Free memory need not be zero.
            mstore(add(prefixed, add(8, size)), 0)
            part := mload(add(prefixed, _partOffset))
        }
        _store(key, size, _partOffset, part);
    }

    function _storeData(bytes32 _key, uint256 _partOffset, bytes calldata _data) private {
        uint256 size = _data.length;
        _assertWithin(_partOffset, size);
        bytes32 part = _partOffset < PREFIX
            ? _partWithPrefix(_wordAt(_data, 0), size, _partOffset)
            : _wordAt(_data, _partOffset - PREFIX);
        _store(_key, size, _partOffset, part);
    }
}
