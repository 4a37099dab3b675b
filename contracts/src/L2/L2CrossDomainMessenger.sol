// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AddressAliasHelper } from "../libraries/AddressAliasHelper.sol";
import { Predeploys } from "../libraries/Predeploys.sol";
import { CrossDomainMessenger } from "../universal/CrossDomainMessenger.sol";
import { L2ToL1MessagePasser } from "./L2ToL1MessagePasser.sol";

/// @title L2CrossDomainMessenger
/// @notice The messenger on L2: sends through the message passer, receives deposits of the L1 messenger.
///         Predeploy 0x4200000000000000000000000000000000000007.
contract L2CrossDomainMessenger is CrossDomainMessenger {
    string public constant version = "2.2.0";

    constructor() {
        _disableInitializers();
    }

    function initialize(CrossDomainMessenger _l1CrossDomainMessenger) external initializer {
        __CrossDomainMessenger_init(_l1CrossDomainMessenger);
    }

    /// @notice `otherMessenger` under its old name.
    function l1CrossDomainMessenger() external view returns (CrossDomainMessenger) {
        return otherMessenger;
    }

    function _sendMessage(address _to, uint64 _gasLimit, uint256 _value, bytes memory _data) internal override {
        L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER)).initiateWithdrawal{ value: _value }(
            _to, _gasLimit, _data
        );
    }

    /// @dev Deposits of an L1 contract arrive from its aliased address, which no key and no L2 contract can have.
    function _isOtherMessenger() internal view override returns (bool) {
        return AddressAliasHelper.undoL1ToL2Alias(msg.sender) == address(otherMessenger);
    }

    /// @dev A call of the message passer would start withdrawals in the messenger's name.
    function _isUnsafeTarget(address _target) internal view override returns (bool) {
        return _target == address(this) || _target == Predeploys.L2_TO_L1_MESSAGE_PASSER;
    }
}
