// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Constants } from "../libraries/Constants.sol";
import { Storage } from "../libraries/Storage.sol";

/// @title Proxy
/// @notice EIP-1967 proxy. The admin's calls are for the proxy, everyone else's go to the implementation, so that no
///         function of the implementation can be shadowed. Calls from the zero address (eth_call) count as the admin's.
contract Proxy {
    /// @notice The implementation changed.
    event Upgraded(address indexed implementation);
    /// @notice The admin changed.
    event AdminChanged(address previousAdmin, address newAdmin);

    /// @dev The call goes to the implementation unless it is the admin's; then the frame ends inside.
    modifier proxyCallIfNotAdmin() {
        if (msg.sender != _getAdmin() && msg.sender != address(0)) _doProxyCall();
        _;
    }

    /// @param _admin Account that may upgrade.
    constructor(address _admin) {
        _changeAdmin(_admin);
    }

    receive() external payable {
        _doProxyCall();
    }

    fallback() external payable {
        _doProxyCall();
    }

    /// @notice Sets the implementation.
    function upgradeTo(address _implementation) public virtual proxyCallIfNotAdmin {
        _setImplementation(_implementation);
    }

    /// @notice Sets the implementation and calls it in the proxy's context; both happen or neither.
    function upgradeToAndCall(
        address _implementation,
        bytes calldata _data
    )
        public
        payable
        virtual
        proxyCallIfNotAdmin
        returns (bytes memory)
    {
        _setImplementation(_implementation);
        (bool success, bytes memory returndata) = _implementation.delegatecall(_data);
        require(success, "Proxy: delegatecall to new implementation contract failed");
        return returndata;
    }

    /// @notice Hands the proxy to another admin.
    function changeAdmin(address _admin) public virtual proxyCallIfNotAdmin {
        _changeAdmin(_admin);
    }

    /// @notice The admin; only the admin and eth_call from the zero address can ask.
    function admin() public virtual proxyCallIfNotAdmin returns (address) {
        return _getAdmin();
    }

    /// @notice The implementation; only the admin and eth_call from the zero address can ask.
    function implementation() public virtual proxyCallIfNotAdmin returns (address) {
        return _getImplementation();
    }

    function _setImplementation(address _implementation) internal {
        Storage.setAddress(Constants.PROXY_IMPLEMENTATION_ADDRESS, _implementation);
        emit Upgraded(_implementation);
    }

    function _changeAdmin(address _admin) internal {
        address previous = _getAdmin();
        Storage.setAddress(Constants.PROXY_OWNER_ADDRESS, _admin);
        emit AdminChanged(previous, _admin);
    }

    function _doProxyCall() internal {
        address target = _getImplementation();
        require(target != address(0), "Proxy: implementation not initialized");
        assembly {
            // Memory is ours alone: the frame ends in this block.
            calldatacopy(0, 0, calldatasize())
            let success := delegatecall(gas(), target, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(success) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }

    function _getImplementation() internal view returns (address) {
        return Storage.getAddress(Constants.PROXY_IMPLEMENTATION_ADDRESS);
    }

    function _getAdmin() internal view returns (address) {
        return Storage.getAddress(Constants.PROXY_OWNER_ADDRESS);
    }
}
