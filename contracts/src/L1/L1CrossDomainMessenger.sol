// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Predeploys } from "../libraries/Predeploys.sol";
import { CrossDomainMessenger } from "../universal/CrossDomainMessenger.sol";
import { IBridgeSystemConfig } from "../universal/interfaces/IBridgeSystemConfig.sol";

/// @notice What the messenger needs of the portal.
interface IMessengerPortal {
    function depositTransaction(address _to, uint256 _value, uint64 _gasLimit, bool _isCreation, bytes memory _data)
        external
        payable;
    function l2Sender() external view returns (address);
}

/// @title L1CrossDomainMessenger
/// @notice The messenger on L1: sends deposits through the portal, receives withdrawals that the portal finalises.
contract L1CrossDomainMessenger is CrossDomainMessenger {
    string public constant version = "2.11.0";

    /// @dev Slot 251: the superchain configuration of older versions.
    address private spacer_251_0_20;
    /// @notice The portal that deposits go to and withdrawals come from. (Slot 252)
    IMessengerPortal public portal;
    /// @dev Slot 253: the system configuration of older versions.
    address private spacer_253_0_20;
    /// @notice The chain's configuration, which knows whether it is paused. (Slot 254)
    IBridgeSystemConfig public systemConfig;

    constructor() {
        _disableInitializers();
    }

    function initialize(IBridgeSystemConfig _systemConfig, IMessengerPortal _portal) external initializer {
        systemConfig = _systemConfig;
        portal = _portal;
        __CrossDomainMessenger_init(CrossDomainMessenger(Predeploys.L2_CROSS_DOMAIN_MESSENGER));
    }

    /// @notice `portal` under its old name.
    function PORTAL() external view returns (IMessengerPortal) {
        return portal;
    }

    /// @notice The superchain configuration that the system configuration names.
    function superchainConfig() external view returns (address) {
        return systemConfig.superchainConfig();
    }

    function paused() public view override returns (bool) {
        return systemConfig.paused();
    }

    function _sendMessage(address _to, uint64 _gasLimit, uint256 _value, bytes memory _data) internal override {
        portal.depositTransaction{ value: _value }(_to, _value, _gasLimit, false, _data);
    }

    /// @dev The portal says whose withdrawal it is finalising.
    function _isOtherMessenger() internal view override returns (bool) {
        return msg.sender == address(portal) && portal.l2Sender() == address(otherMessenger);
    }

    /// @dev A call of the portal would deposit in the messenger's name, which on L2 speaks for everybody.
    function _isUnsafeTarget(address _target) internal view override returns (bool) {
        return _target == address(this) || _target == address(portal);
    }
}
