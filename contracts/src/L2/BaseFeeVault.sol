// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Types } from "../libraries/Types.sol";
import { FeeVault } from "../universal/FeeVault.sol";

/// @title BaseFeeVault
/// @notice Takes the base fees, which Ethereum would burn.
///         Predeploy 0x4200000000000000000000000000000000000019.
contract BaseFeeVault is FeeVault {
    string public constant version = "1.5.0";

    constructor(address _recipient, uint256 _minWithdrawalAmount, Types.WithdrawalNetwork _withdrawalNetwork)
        FeeVault(_recipient, _minWithdrawalAmount, _withdrawalNetwork)
    {}
}
