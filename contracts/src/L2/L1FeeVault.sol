// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Types } from "../libraries/Types.sol";
import { FeeVault } from "../universal/FeeVault.sol";

/// @title L1FeeVault
/// @notice Takes the fees for publishing transaction data on L1.
///         Predeploy 0x420000000000000000000000000000000000001A.
contract L1FeeVault is FeeVault {
    string public constant version = "1.5.0";

    constructor(address _recipient, uint256 _minWithdrawalAmount, Types.WithdrawalNetwork _withdrawalNetwork)
        FeeVault(_recipient, _minWithdrawalAmount, _withdrawalNetwork)
    {}
}
