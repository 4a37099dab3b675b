// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Types } from "../libraries/Types.sol";
import { FeeVault } from "../universal/FeeVault.sol";

/// @title OperatorFeeVault
/// @notice Takes the operator fees.
///         Predeploy 0x420000000000000000000000000000000000001b.
contract OperatorFeeVault is FeeVault {
    string public constant version = "1.0.0";

    constructor(address _recipient, uint256 _minWithdrawalAmount, Types.WithdrawalNetwork _withdrawalNetwork)
        FeeVault(_recipient, _minWithdrawalAmount, _withdrawalNetwork)
    {}
}
