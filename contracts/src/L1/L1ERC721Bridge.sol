// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Predeploys } from "../libraries/Predeploys.sol";
import { CrossDomainMessenger } from "../universal/CrossDomainMessenger.sol";
import { ERC721Bridge } from "../universal/ERC721Bridge.sol";
import { IBridgeSystemConfig } from "../universal/interfaces/IBridgeSystemConfig.sol";

/// @notice The part of ERC-721 that moves tokens.
interface IERC721Transfers {
    function transferFrom(address from, address to, uint256 tokenId) external;
    function safeTransferFrom(address from, address to, uint256 tokenId) external;
}

/// @title L1ERC721Bridge
/// @notice The bridge on L1: holds the tokens that are in use on L2.
/// @dev Invariant: a token whose entry in `deposits` is set is owned by this contract and can be claimed once, with the
///      remote token it was deposited for.
contract L1ERC721Bridge is ERC721Bridge {
    /// @notice The token was not deposited for this remote token.
    error NotDeposited(address localToken, address remoteToken, uint256 tokenId);

    string public constant version = "2.9.0";

    /// @notice Locked tokens by local token, remote token and identifier. (Slot 49)
    mapping(address => mapping(address => mapping(uint256 => bool))) public deposits;
    /// @dev Slot 50: the superchain configuration of older versions.
    address private spacer_50_0_20;
    /// @notice The chain's configuration, which knows whether it is paused. (Slot 51)
    IBridgeSystemConfig public systemConfig;

    constructor() {
        _disableInitializers();
    }

    function initialize(CrossDomainMessenger _messenger, IBridgeSystemConfig _systemConfig) external initializer {
        systemConfig = _systemConfig;
        __ERC721Bridge_init(_messenger, ERC721Bridge(Predeploys.L2_ERC721_BRIDGE));
    }

    /// @notice The superchain configuration that the system configuration names.
    function superchainConfig() external view returns (address) {
        return systemConfig.superchainConfig();
    }

    function paused() public view override returns (bool) {
        return systemConfig.paused();
    }

    function _take(address _localToken, address _remoteToken, address _from, uint256 _tokenId) internal override {
        deposits[_localToken][_remoteToken][_tokenId] = true;
        IERC721Transfers(_localToken).transferFrom(_from, address(this), _tokenId);
    }

    /// @dev The entry is cleared before the receiver's hook can run.
    function _release(address _localToken, address _remoteToken, address _to, uint256 _tokenId) internal override {
        if (!deposits[_localToken][_remoteToken][_tokenId]) revert NotDeposited(_localToken, _remoteToken, _tokenId);
        deposits[_localToken][_remoteToken][_tokenId] = false;
        IERC721Transfers(_localToken).safeTransferFrom(address(this), _to, _tokenId);
    }
}
