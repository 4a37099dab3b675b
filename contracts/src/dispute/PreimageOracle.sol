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

    /// @notice The offset is past the end of the preimage.
    error PartOffsetOOB();

    /// @param _challengePeriod Extra seconds that games give before a step, for preimages that take long to publish.
    constructor(uint256 _challengePeriod) {
        CHALLENGE_PERIOD = _challengePeriod;
    }

    /// @notice Semantic version.
    function version() external pure returns (string memory) {
        return "1.1.4";
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
