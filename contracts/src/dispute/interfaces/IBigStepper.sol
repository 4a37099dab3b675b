// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IPreimageOracle } from "./IPreimageOracle.sol";

/// @title IBigStepper
/// @notice A VM that executes one instruction on L1.
interface IBigStepper {
    /// @notice Executes one step.
    /// @param _stateData    Preimage of the state's commitment.
    /// @param _proof        What the step needs to know of the memory.
    /// @param _localContext Game-specific part of the keys of local data.
    /// @return postState_ Commitment to the state after the step; its first byte is the VM status.
    function step(
        bytes calldata _stateData,
        bytes calldata _proof,
        bytes32 _localContext
    )
        external
        returns (bytes32 postState_);

    /// @notice The oracle that serves the VM's reads.
    function oracle() external view returns (IPreimageOracle oracle_);
}
