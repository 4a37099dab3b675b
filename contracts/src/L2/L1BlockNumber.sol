// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Predeploys } from "../libraries/Predeploys.sol";
import { L1Block } from "./L1Block.sol";

/// @title L1BlockNumber
/// @notice The L1 origin's number for old contracts that ask here, with any call data at all; new ones ask L1Block.
///         Predeploy 0x4200000000000000000000000000000000000013.
contract L1BlockNumber {
    string public constant version = "1.1.0";

    receive() external payable {
        _answer();
    }

    fallback() external payable {
        _answer();
    }

    function getL1BlockNumber() public view returns (uint256) {
        return L1Block(Predeploys.L1_BLOCK_ATTRIBUTES).number();
    }

    /// @dev Ends the call with the number as return data.
    function _answer() private view {
        uint256 originNumber = getL1BlockNumber();
        assembly ("memory-safe") {
            mstore(0, originNumber)
            return(0, 32)
        }
    }
}
