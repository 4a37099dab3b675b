// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Ownable } from "./Ownable.sol";
import { Proxy } from "./Proxy.sol";

/// @title ProxyAdmin
/// @notice Admin of all proxies of a chain; its owner alone upgrades them.
contract ProxyAdmin is Ownable {
    /// @param _owner Account that may upgrade.
    constructor(address _owner) {
        _transferOwnership(_owner);
    }

    /// @notice The implementation of a proxy that this contract administers.
    function getProxyImplementation(address _proxy) external view returns (address) {
        return _ask(_proxy, abi.encodeCall(Proxy.implementation, ()));
    }

    /// @notice The admin of a proxy that this contract administers: this contract.
    function getProxyAdmin(address payable _proxy) external view returns (address) {
        return _ask(_proxy, abi.encodeCall(Proxy.admin, ()));
    }

    /// @notice Hands a proxy to another admin.
    function changeProxyAdmin(address payable _proxy, address _newAdmin) external onlyOwner {
        Proxy(_proxy).changeAdmin(_newAdmin);
    }

    /// @notice Sets a proxy's implementation.
    function upgrade(address payable _proxy, address _implementation) external onlyOwner {
        Proxy(_proxy).upgradeTo(_implementation);
    }

    /// @notice Sets a proxy's implementation and calls it through the proxy, with the value sent along.
    function upgradeAndCall(
        address payable _proxy,
        address _implementation,
        bytes memory _data
    )
        external
        payable
        onlyOwner
    {
        Proxy(_proxy).upgradeToAndCall{ value: msg.value }(_implementation, _data);
    }

    /// @dev The getters of a proxy are not declared view because they may forward; asked by the admin they are.
    function _ask(address _proxy, bytes memory _call) private view returns (address) {
        (bool success, bytes memory data) = _proxy.staticcall(_call);
        require(success, "ProxyAdmin: the proxy did not answer");
        return abi.decode(data, (address));
    }
}
