// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Constants } from "../libraries/Constants.sol";
import { Storage } from "../libraries/Storage.sol";
import { ProxyAdmin } from "./ProxyAdmin.sol";

/// @title ProxyAdminOwnedBase
/// @notice For contracts behind a proxy: finds the ProxyAdmin in the proxy's own storage and gives its owner the say.
abstract contract ProxyAdminOwnedBase {
    /// @notice The caller is not the owner of the ProxyAdmin.
    error ProxyAdminOwnedBase_NotProxyAdminOwner();
    /// @notice The caller is neither the ProxyAdmin nor its owner.
    error ProxyAdminOwnedBase_NotProxyAdminOrProxyAdminOwner();
    /// @notice The contract is not behind a proxy, so there is no ProxyAdmin.
    error ProxyAdminOwnedBase_ProxyAdminNotFound();

    /// @notice Admin of this contract's proxy.
    function proxyAdmin() public view returns (ProxyAdmin admin_) {
        admin_ = ProxyAdmin(Storage.getAddress(Constants.PROXY_OWNER_ADDRESS));
        if (address(admin_) == address(0)) revert ProxyAdminOwnedBase_ProxyAdminNotFound();
    }

    /// @notice Owner of the admin.
    function proxyAdminOwner() public view returns (address) {
        return proxyAdmin().owner();
    }

    function _assertOnlyProxyAdminOwner() internal view {
        if (msg.sender != proxyAdminOwner()) revert ProxyAdminOwnedBase_NotProxyAdminOwner();
    }

    /// @dev Guards initializers: an upgrade comes through the ProxyAdmin, and nobody else may run one first.
    function _assertOnlyProxyAdminOrProxyAdminOwner() internal view {
        if (msg.sender != address(proxyAdmin()) && msg.sender != proxyAdminOwner()) {
            revert ProxyAdminOwnedBase_NotProxyAdminOrProxyAdminOwner();
        }
    }
}
