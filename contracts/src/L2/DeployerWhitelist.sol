// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title DeployerWhitelist
/// @notice List of accounts that could deploy contracts in the chain's earliest days. Nothing consults it any more; it
///         answers the calls of old tools. Without an owner everybody is allowed, and that is how a chain starts.
///         Predeploy 0x4200000000000000000000000000000000000002.
contract DeployerWhitelist {
    /// @notice Only the owner may do this.
    error NotOwner();
    /// @notice Giving the list up is a call of its own, `enableArbitraryContractDeployment`.
    error OwnerIsZero();

    string public constant version = "1.1.0";

    /// @notice Keeper of the list. (Slot 0)
    address public owner;
    /// @notice Who is on the list. (Slot 1)
    mapping(address => bool) public whitelist;

    event OwnerChanged(address oldOwner, address newOwner);
    event WhitelistStatusChanged(address deployer, bool whitelisted);
    event WhitelistDisabled(address oldOwner);

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner();
        _;
    }

    function setWhitelistedDeployer(address _deployer, bool _isWhitelisted) external onlyOwner {
        whitelist[_deployer] = _isWhitelisted;
        emit WhitelistStatusChanged(_deployer, _isWhitelisted);
    }

    function setOwner(address _owner) external onlyOwner {
        if (_owner == address(0)) revert OwnerIsZero();
        emit OwnerChanged(owner, _owner);
        owner = _owner;
    }

    /// @notice Drops the owner for good, which allows everybody.
    function enableArbitraryContractDeployment() external onlyOwner {
        emit WhitelistDisabled(owner);
        owner = address(0);
    }

    function isDeployerAllowed(address _deployer) external view returns (bool) {
        return owner == address(0) || whitelist[_deployer];
    }
}
