// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Predeploys } from "../libraries/Predeploys.sol";
import { SafeCall } from "../libraries/SafeCall.sol";
import { Types } from "../libraries/Types.sol";
import { L2ToL1MessagePasser } from "../L2/L2ToL1MessagePasser.sol";

/// @title FeeVault
/// @notice Collects one kind of L2 fee. Anybody may push the balance to the recipient once it is worth a withdrawal.
/// @dev Invariant: ether leaves only to the recipient, on the network fixed at deployment, and only whole balances of
///      at least the minimum. Execution credits fees without calling the vault, so receiving has no logic.
abstract contract FeeVault {
    /// @notice The balance does not reach the minimum.
    error BelowMinimumWithdrawal(uint256 balance, uint256 minimum);
    /// @notice The recipient on L2 refused the ether.
    error EtherTransferFailed(address to, uint256 amount);

    /// @dev Gas on L1 for the recipient; enough for a smart account to take ether in.
    uint256 private constant WITHDRAWAL_MIN_GAS = 400_000;

    /// @notice Smallest balance that can be withdrawn, in wei.
    uint256 public immutable MIN_WITHDRAWAL_AMOUNT;
    /// @notice Who gets the fees.
    address public immutable RECIPIENT;
    /// @notice Network on which the recipient is paid.
    Types.WithdrawalNetwork public immutable WITHDRAWAL_NETWORK;

    /// @notice Wei withdrawn so far. (Slot 0)
    uint256 public totalProcessed;
    /// @dev Room for later variables of the base.
    uint256[48] private __gap;

    event Withdrawal(uint256 value, address to, address from);
    event Withdrawal(uint256 value, address to, address from, Types.WithdrawalNetwork withdrawalNetwork);

    constructor(address _recipient, uint256 _minWithdrawalAmount, Types.WithdrawalNetwork _withdrawalNetwork) {
        RECIPIENT = _recipient;
        MIN_WITHDRAWAL_AMOUNT = _minWithdrawalAmount;
        WITHDRAWAL_NETWORK = _withdrawalNetwork;
    }

    receive() external payable {}

    function minWithdrawalAmount() external view returns (uint256 amount_) {
        return MIN_WITHDRAWAL_AMOUNT;
    }

    function recipient() external view returns (address recipient_) {
        return RECIPIENT;
    }

    function withdrawalNetwork() external view returns (Types.WithdrawalNetwork network_) {
        return WITHDRAWAL_NETWORK;
    }

    /// @notice Pays the whole balance out and returns it. The count grows before the ether leaves, and a re-entering
    ///         recipient finds a balance below the minimum unless it brought the ether itself.
    function withdraw() external returns (uint256 value_) {
        value_ = address(this).balance;
        if (value_ < MIN_WITHDRAWAL_AMOUNT) revert BelowMinimumWithdrawal(value_, MIN_WITHDRAWAL_AMOUNT);
        totalProcessed += value_;
        emit Withdrawal(value_, RECIPIENT, msg.sender);
        emit Withdrawal(value_, RECIPIENT, msg.sender, WITHDRAWAL_NETWORK);

        if (WITHDRAWAL_NETWORK == Types.WithdrawalNetwork.L2) {
            if (!SafeCall.send(RECIPIENT, value_)) revert EtherTransferFailed(RECIPIENT, value_);
        } else {
            L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER)).initiateWithdrawal{ value: value_ }(
                RECIPIENT, WITHDRAWAL_MIN_GAS, ""
            );
        }
    }
}
