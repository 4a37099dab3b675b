// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Types } from "../libraries/Types.sol";
import { FeeVault } from "../universal/FeeVault.sol";

/// @title SequencerFeeVault
/// @notice Takes the priority fees: the `coinbase` of every block is this address.
///         Predeploy 0x4200000000000000000000000000000000000011.
contract SequencerFeeVault is FeeVault {
    string public constant version = "1.5.0";

    constructor(address _recipient, uint256 _minWithdrawalAmount, Types.WithdrawalNetwork _withdrawalNetwork)
        FeeVault(_recipient, _minWithdrawalAmount, _withdrawalNetwork)
    {}

    /// @notice The recipient, under its old name.
    function l1FeeWallet() external view returns (address) {
        return RECIPIENT;
    }
}
