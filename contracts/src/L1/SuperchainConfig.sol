// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Initializable } from "../universal/Initializable.sol";
import { ISemver } from "../universal/ISemver.sol";
import { ProxyAdminOwnedBase } from "../universal/ProxyAdminOwnedBase.sol";

/// @title SuperchainConfig
/// @notice The pause switch. A pause belongs to an identifier (an address of the paused chain, or zero for everything)
///         and ends by itself after `pauseExpiry` seconds.
contract SuperchainConfig is ProxyAdminOwnedBase, Initializable, ISemver {
    /// @notice Kinds of `ConfigUpdate`.
    enum UpdateType {
        GUARDIAN
    }

    /// @notice Seconds after which a pause ends: three months.
    uint256 internal constant PAUSE_EXPIRY = 7_884_000;

    /// @notice Account that may pause.
    address public guardian;

    /// @notice When an identifier was paused last; zero means ready to be paused.
    mapping(address => uint256) public pauseTimestamps;

    /// @notice An identifier was paused, or its pause extended.
    event Paused(address identifier);
    /// @notice An identifier was unpaused.
    event Unpaused(address identifier);
    /// @notice A setting changed.
    event ConfigUpdate(UpdateType indexed updateType, bytes data);

    /// @notice Only the guardian may do this.
    error SuperchainConfig_OnlyGuardian();
    /// @notice The identifier was paused before and not unpaused since.
    error SuperchainConfig_AlreadyPaused(address identifier);
    /// @notice Only what was paused can be extended.
    error SuperchainConfig_NotAlreadyPaused(address identifier);

    constructor() {
        _disableInitializers();
    }

    /// @notice Sets the guardian.
    function initialize(address _guardian) external initializer {
        _assertOnlyProxyAdminOrProxyAdminOwner();
        guardian = _guardian;
        emit ConfigUpdate(UpdateType.GUARDIAN, abi.encode(_guardian));
    }

    /// @notice Semantic version.
    function version() external pure returns (string memory) {
        return "2.4.0";
    }

    /// @notice Seconds after which a pause ends by itself.
    function pauseExpiry() external pure returns (uint256) {
        return PAUSE_EXPIRY;
    }

    /// @notice Pauses an identifier.
    /// @dev    Invariant: one pause lasts at most `pauseExpiry`, and pausing again takes an unpause or `extend`, so that
    ///         a forgotten guardian key cannot hold withdrawals for ever.
    function pause(address _identifier) external {
        _assertOnlyGuardian();
        if (pauseTimestamps[_identifier] != 0) revert SuperchainConfig_AlreadyPaused(_identifier);
        pauseTimestamps[_identifier] = block.timestamp;
        emit Paused(_identifier);
    }

    /// @notice Ends a pause and makes the identifier ready to be paused again.
    function unpause(address _identifier) external {
        _assertOnlyGuardian();
        pauseTimestamps[_identifier] = 0;
        emit Unpaused(_identifier);
    }

    /// @notice Starts the expiry of a pause anew.
    function extend(address _identifier) external {
        _assertOnlyGuardian();
        if (pauseTimestamps[_identifier] == 0) revert SuperchainConfig_NotAlreadyPaused(_identifier);
        pauseTimestamps[_identifier] = block.timestamp;
        emit Paused(_identifier);
    }

    /// @notice Whether `pause` would work.
    function pausable(address _identifier) external view returns (bool) {
        return pauseTimestamps[_identifier] == 0;
    }

    /// @notice Whether everything is paused.
    function paused() external view returns (bool) {
        return paused(address(0));
    }

    /// @notice Whether the identifier itself is paused.
    function paused(address _identifier) public view returns (bool) {
        return block.timestamp < expiration(_identifier);
    }

    /// @notice When the identifier's pause ends; zero when it was not paused.
    function expiration(address _identifier) public view returns (uint256) {
        uint256 since = pauseTimestamps[_identifier];
        return since == 0 ? 0 : since + PAUSE_EXPIRY;
    }

    function _assertOnlyGuardian() private view {
        if (msg.sender != guardian) revert SuperchainConfig_OnlyGuardian();
    }
}
