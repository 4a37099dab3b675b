// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IBigStepper } from "../dispute/interfaces/IBigStepper.sol";
import { IPreimageOracle } from "../dispute/interfaces/IPreimageOracle.sol";
import { VMStatuses } from "../dispute/lib/Types.sol";
import { PreimageKeyLib } from "../dispute/lib/PreimageKeyLib.sol";

/// @title AlphabetVM
/// @notice The smallest VM that exercises a dispute game: a state is a step number and a letter, each step takes the next
///         letter, and the last one judges the disputed output root, which it reads through the oracle. The root is right
///         when it is the keccak256 of the word "alphabet" and the disputed block number.
contract AlphabetVM is IBigStepper {
    /// @notice The oracle that serves the reads.
    IPreimageOracle public immutable oracle;
    /// @notice Number of steps of every trace.
    uint256 public immutable lastStep;

    constructor(IPreimageOracle _oracle, uint256 _lastStep) {
        oracle = _oracle;
        lastStep = _lastStep;
    }

    /// @inheritdoc IBigStepper
    function step(bytes calldata _stateData, bytes calldata, bytes32 _localContext) external view returns (bytes32) {
        (uint256 number, uint256 letter) = abi.decode(_stateData, (uint256, uint256));
        number++;
        uint8 status = VMStatuses.UNFINISHED;
        if (number == lastStep) {
            // Offset 8 skips the length prefix.
            (bytes32 root,) = oracle.readPreimage(PreimageKeyLib.localizeIdent(3, _localContext), 8);
            (bytes32 blockNumber,) = oracle.readPreimage(PreimageKeyLib.localizeIdent(4, _localContext), 8);
            bytes32 right = keccak256(abi.encode("alphabet", uint256(blockNumber) >> 192));
            status = root == right ? VMStatuses.VALID : VMStatuses.INVALID;
        }
        uint256 digest = uint256(keccak256(abi.encode(number, letter + 1)));
        return bytes32((digest & (type(uint256).max >> 8)) | (uint256(status) << 248));
    }
}
