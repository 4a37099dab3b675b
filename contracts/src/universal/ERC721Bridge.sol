// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { BridgeBase } from "./BridgeBase.sol";
import { CrossDomainMessenger } from "./CrossDomainMessenger.sol";
import { Initializable } from "./Initializable.sol";

/// @title ERC721Bridge
/// @notice Moves ERC-721 tokens from L1 to L2 and back. They are native to L1: locked there, minted and burned on L2.
/// @dev Invariant: a token is usable on one chain at a time; only the other bridge, through the messenger, finalises.
abstract contract ERC721Bridge is Initializable, BridgeBase {
    /// @notice An address that has to be there is zero.
    error ZeroAddress();
    /// @notice The token contract must be another than the bridge.
    error InvalidLocalToken(address localToken);

    /// @dev Keeps what follows from packing into slot 0, as it is in older versions.
    bytes30 private spacer_0_2_30;
    /// @notice The messenger of this chain. (Slot 1)
    CrossDomainMessenger public messenger;
    /// @notice The bridge on the other chain. (Slot 2)
    ERC721Bridge public otherBridge;
    /// @dev Room for later variables of the base, up to slot 48.
    uint256[46] private __gap;

    event ERC721BridgeInitiated(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 tokenId,
        bytes extraData
    );
    event ERC721BridgeFinalized(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 tokenId,
        bytes extraData
    );

    modifier onlyOtherBridge() {
        if (!_isFromOtherBridge(messenger, address(otherBridge))) revert OnlyOtherBridge(msg.sender);
        _;
    }

    /// @notice Bridges a token to the caller's address on the other chain.
    function bridgeERC721(
        address _localToken,
        address _remoteToken,
        uint256 _tokenId,
        uint32 _minGasLimit,
        bytes calldata _extraData
    ) external onlyEOA {
        _initiate(_localToken, _remoteToken, msg.sender, msg.sender, _tokenId, _minGasLimit, _extraData);
    }

    /// @notice Bridges a token to `_to`.
    function bridgeERC721To(
        address _localToken,
        address _remoteToken,
        address _to,
        uint256 _tokenId,
        uint32 _minGasLimit,
        bytes calldata _extraData
    ) external {
        if (_to == address(0)) revert ZeroAddress();
        _initiate(_localToken, _remoteToken, msg.sender, _to, _tokenId, _minGasLimit, _extraData);
    }

    /// @notice Mints or unlocks a token that was bridged on the other chain.
    function finalizeBridgeERC721(
        address _localToken,
        address _remoteToken,
        address _from,
        address _to,
        uint256 _tokenId,
        bytes calldata _extraData
    ) external onlyOtherBridge {
        if (paused()) revert Paused();
        if (_localToken == address(this)) revert InvalidLocalToken(_localToken);
        _release(_localToken, _remoteToken, _to, _tokenId);
        emit ERC721BridgeFinalized(_localToken, _remoteToken, _from, _to, _tokenId, _extraData);
    }

    /// @notice `messenger` under its old name.
    function MESSENGER() external view returns (CrossDomainMessenger) {
        return messenger;
    }

    /// @notice `otherBridge` under its old name.
    function OTHER_BRIDGE() external view returns (ERC721Bridge) {
        return otherBridge;
    }

    /// @notice Whether tokens from the other chain are held up.
    function paused() public view virtual returns (bool) {
        return false;
    }

    function __ERC721Bridge_init(CrossDomainMessenger _messenger, ERC721Bridge _otherBridge) internal onlyInitializing {
        messenger = _messenger;
        otherBridge = _otherBridge;
    }

    /// @dev Takes the token out of use on this chain.
    function _take(address _localToken, address _remoteToken, address _from, uint256 _tokenId) internal virtual;

    /// @dev Brings the token into use on this chain, for `_to`.
    function _release(address _localToken, address _remoteToken, address _to, uint256 _tokenId) internal virtual;

    /// @dev The remote side sees the tokens the other way round.
    function _initiate(
        address _localToken,
        address _remoteToken,
        address _from,
        address _to,
        uint256 _tokenId,
        uint32 _minGasLimit,
        bytes calldata _extraData
    ) private {
        if (_remoteToken == address(0)) revert ZeroAddress();
        _take(_localToken, _remoteToken, _from, _tokenId);
        messenger.sendMessage(
            address(otherBridge),
            abi.encodeCall(this.finalizeBridgeERC721, (_remoteToken, _localToken, _from, _to, _tokenId, _extraData)),
            _minGasLimit
        );
        emit ERC721BridgeInitiated(_localToken, _remoteToken, _from, _to, _tokenId, _extraData);
    }
}
