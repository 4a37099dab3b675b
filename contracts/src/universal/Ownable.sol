// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Ownable
/// @notice One account that may do what others may not.
abstract contract Ownable {
    address private _owner;

    /// @notice The owner changed.
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    /// @notice The caller is not the owner.
    error Ownable_NotOwner();
    /// @notice Ownership cannot go to the zero address except by renouncing it.
    error Ownable_ZeroOwner();

    /// @notice Only the owner may call.
    modifier onlyOwner() {
        if (msg.sender != _owner) revert Ownable_NotOwner();
        _;
    }

    /// @notice The owner.
    function owner() public view virtual returns (address) {
        return _owner;
    }

    /// @notice Hands ownership over.
    function transferOwnership(address newOwner) public virtual onlyOwner {
        if (newOwner == address(0)) revert Ownable_ZeroOwner();
        _transferOwnership(newOwner);
    }

    /// @notice Leaves the contract without an owner for good.
    function renounceOwnership() public virtual onlyOwner {
        _transferOwnership(address(0));
    }

    function _transferOwnership(address _newOwner) internal {
        emit OwnershipTransferred(_owner, _newOwner);
        _owner = _newOwner;
    }
}
