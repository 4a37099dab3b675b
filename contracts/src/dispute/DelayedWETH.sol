// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ISuperchainConfig } from "../L1/interfaces/ISuperchainConfig.sol";
import { ISystemConfig } from "../L1/interfaces/ISystemConfig.sol";
import { Initializable } from "../universal/Initializable.sol";
import { ISemver } from "../universal/ISemver.sol";
import { ProxyAdminOwnedBase } from "../universal/ProxyAdminOwnedBase.sol";
import { WETH98 } from "../universal/WETH98.sol";
import { IDelayedWETH } from "./interfaces/IDelayedWETH.sol";

/// @title DelayedWETH
/// @notice Holds the bonds of dispute games. A payout must be unlocked and then waits; in that time the owner of the
///         ProxyAdmin can take bonds back that a faulty game would give to the wrong account.
contract DelayedWETH is ProxyAdminOwnedBase, Initializable, WETH98, IDelayedWETH, ISemver {
    /// @notice A payout that waits.
    struct WithdrawalRequest {
        uint256 amount;
        uint256 timestamp;
    }

    uint256 internal immutable DELAY_SECONDS;

    /// @notice Payouts by game and recipient.
    mapping(address => mapping(address => WithdrawalRequest)) public withdrawals;
    /// @notice The chain's configuration, which knows the pause.
    ISystemConfig public systemConfig;

    /// @notice The chain is paused.
    error DelayedWETH_Paused();
    /// @notice So much was not unlocked for this recipient.
    error DelayedWETH_NotUnlocked();
    /// @notice The delay since the last unlock has not passed.
    error DelayedWETH_DelayNotMet();
    /// @notice The owner refused the ETH.
    error DelayedWETH_RecoverFailed();

    /// @param _delay Seconds between unlock and payout.
    constructor(uint256 _delay) {
        DELAY_SECONDS = _delay;
        _disableInitializers();
    }

    /// @notice Sets the configuration once.
    function initialize(ISystemConfig _systemConfig) external initializer {
        _assertOnlyProxyAdminOrProxyAdminOwner();
        systemConfig = _systemConfig;
    }

    /// @notice Semantic version.
    function version() external pure returns (string memory) {
        return "1.5.0";
    }

    /// @notice Seconds between unlock and payout.
    function delay() external view returns (uint256) {
        return DELAY_SECONDS;
    }

    /// @notice The pause switch.
    function config() external view returns (ISuperchainConfig) {
        return systemConfig.superchainConfig();
    }

    /// @inheritdoc IDelayedWETH
    function deposit() public payable override(WETH98, IDelayedWETH) {
        super.deposit();
    }

    /// @notice Starts the delay of a payout from the caller's balance to `_guy`.
    function unlock(address _guy, uint256 _wad) external {
        WithdrawalRequest storage request = withdrawals[msg.sender][_guy];
        request.amount += _wad;
        request.timestamp = block.timestamp;
    }

    /// @notice Withdraws what was unlocked for the caller itself.
    function withdraw(uint256 _wad) public override {
        withdraw(msg.sender, _wad);
    }

    /// @notice Turns unlocked WETH of the caller into ETH, which the caller then passes on to `_guy`.
    /// @dev    Invariant: nothing leaves that was not unlocked for `_guy` at least the delay before.
    function withdraw(address _guy, uint256 _wad) public {
        if (systemConfig.paused()) revert DelayedWETH_Paused();
        WithdrawalRequest storage request = withdrawals[msg.sender][_guy];
        if (request.amount < _wad || request.timestamp == 0) revert DelayedWETH_NotUnlocked();
        if (request.timestamp + DELAY_SECONDS > block.timestamp) revert DelayedWETH_DelayNotMet();
        request.amount -= _wad;
        super.withdraw(_wad);
    }

    /// @notice Sends ETH to the owner, in an emergency.
    function recover(uint256 _wad) external {
        _assertOnlyProxyAdminOwner();
        uint256 amount = _wad < address(this).balance ? _wad : address(this).balance;
        (bool success,) = payable(msg.sender).call{ value: amount }("");
        if (!success) revert DelayedWETH_RecoverFailed();
    }

    /// @notice Takes a game's whole balance to the owner, in an emergency.
    function hold(address _guy) external {
        hold(_guy, balanceOf(_guy));
    }

    /// @notice Takes part of a game's balance to the owner, in an emergency.
    function hold(address _guy, uint256 _wad) public {
        _assertOnlyProxyAdminOwner();
        _allowance[_guy][msg.sender] = _wad;
        emit Approval(_guy, msg.sender, _wad);
        transferFrom(_guy, msg.sender, _wad);
    }
}
