// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { WETH98 } from "../universal/WETH98.sol";

/// @title WETH
/// @notice Wrapped ether of the chain. Not behind a proxy, so nobody can change the rules under its holders.
///         Predeploy 0x4200000000000000000000000000000000000006.
contract WETH is WETH98 {
    string public constant version = "1.1.0";
}
