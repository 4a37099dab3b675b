// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { SafeCall } from "../libraries/SafeCall.sol";
import { BridgeBase } from "./BridgeBase.sol";
import { CrossDomainMessenger } from "./CrossDomainMessenger.sol";
import { Initializable } from "./Initializable.sol";
import { SafeToken } from "./SafeToken.sol";
import { ILegacyMintableERC20, IOptimismMintableERC20 } from "./interfaces/IOptimismMintableERC20.sol";

/// @title StandardBridge
/// @notice Moves ether and ERC-20 tokens between the chains. A token native to this chain is locked here and minted
///         there; a token native to the other chain is minted and burned here.
/// @dev Invariants: `deposits[local][remote]` tokens of `local` can be claimed with tokens of `remote` burned on the
///      other chain, no more, and they are in this contract's balance; only the other bridge, through the messenger,
///      finalises; a mintable token is moved only together with the remote token it names.
abstract contract StandardBridge is Initializable, BridgeBase {
    /// @notice The attached ether is not the amount to be bridged.
    error ValueMismatch(uint256 value, uint256 expected);
    /// @notice Ether cannot be paid out to the bridge or to its messenger.
    error InvalidReceiver(address to);
    /// @notice The receiver refused the ether.
    error EtherTransferFailed(address to, uint256 amount);
    /// @notice The mintable token names another remote token.
    error WrongRemoteToken(address localToken, address remoteToken);

    /// @dev Gas on the other chain when ether is simply sent here.
    uint32 internal constant RECEIVE_DEFAULT_GAS_LIMIT = 200_000;

    /// @dev Keeps what follows from packing into slot 0, as it is in older versions.
    bytes30 private spacer_0_2_30;
    /// @dev Slot 1: the other bridge of older versions.
    address private spacer_1_0_20;
    /// @notice Locked tokens by local and remote token. (Slot 2)
    mapping(address => mapping(address => uint256)) public deposits;
    /// @notice The messenger of this chain. (Slot 3)
    CrossDomainMessenger public messenger;
    /// @notice The bridge on the other chain. (Slot 4)
    StandardBridge public otherBridge;
    /// @dev Room for later variables of the base, up to slot 49.
    uint256[45] private __gap;

    event ETHBridgeInitiated(address indexed from, address indexed to, uint256 amount, bytes extraData);
    event ETHBridgeFinalized(address indexed from, address indexed to, uint256 amount, bytes extraData);
    event ERC20BridgeInitiated(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );
    event ERC20BridgeFinalized(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    modifier onlyOtherBridge() {
        if (!_isFromOtherBridge(messenger, address(otherBridge))) revert OnlyOtherBridge(msg.sender);
        _;
    }

    /// @notice Ether sent without data is bridged to the sender's own address.
    receive() external payable virtual;

    /// @notice Bridges the attached ether to the caller's address on the other chain.
    function bridgeETH(uint32 _minGasLimit, bytes calldata _extraData) external payable onlyEOA {
        _initiateBridgeETH(msg.sender, msg.sender, msg.value, _minGasLimit, _extraData);
    }

    /// @notice Bridges the attached ether to `_to`. If `_to` cannot take it there, it stays with the messenger, which
    ///         anybody can ask to try again.
    function bridgeETHTo(address _to, uint32 _minGasLimit, bytes calldata _extraData) external payable {
        _initiateBridgeETH(msg.sender, _to, msg.value, _minGasLimit, _extraData);
    }

    /// @notice Bridges tokens to the caller's address on the other chain.
    function bridgeERC20(
        address _localToken,
        address _remoteToken,
        uint256 _amount,
        uint32 _minGasLimit,
        bytes calldata _extraData
    ) external onlyEOA {
        _initiateBridgeERC20(_localToken, _remoteToken, msg.sender, msg.sender, _amount, _minGasLimit, _extraData);
    }

    /// @notice Bridges tokens to `_to`.
    function bridgeERC20To(
        address _localToken,
        address _remoteToken,
        address _to,
        uint256 _amount,
        uint32 _minGasLimit,
        bytes calldata _extraData
    ) external {
        _initiateBridgeERC20(_localToken, _remoteToken, msg.sender, _to, _amount, _minGasLimit, _extraData);
    }

    /// @notice Pays out ether that was bridged on the other chain. The messenger brings exactly that ether.
    function finalizeBridgeETH(address _from, address _to, uint256 _amount, bytes calldata _extraData)
        public
        payable
        onlyOtherBridge
    {
        if (paused()) revert Paused();
        if (msg.value != _amount) revert ValueMismatch(msg.value, _amount);
        if (_to == address(this) || _to == address(messenger)) revert InvalidReceiver(_to);
        _emitETHBridgeFinalized(_from, _to, _amount, _extraData);
        if (!SafeCall.call(_to, gasleft(), _amount, "")) revert EtherTransferFailed(_to, _amount);
    }

    /// @notice Mints or unlocks tokens that were bridged on the other chain.
    function finalizeBridgeERC20(
        address _localToken,
        address _remoteToken,
        address _from,
        address _to,
        uint256 _amount,
        bytes calldata _extraData
    ) public onlyOtherBridge {
        if (paused()) revert Paused();
        if (_isMintable(_localToken)) {
            _requireTokenPair(_localToken, _remoteToken);
            IOptimismMintableERC20(_localToken).mint(_to, _amount);
        } else {
            deposits[_localToken][_remoteToken] -= _amount;
            SafeToken.safeTransfer(_localToken, _to, _amount);
        }
        _emitERC20BridgeFinalized(_localToken, _remoteToken, _from, _to, _amount, _extraData);
    }

    /// @notice `messenger` under its old name.
    function MESSENGER() external view returns (CrossDomainMessenger) {
        return messenger;
    }

    /// @notice `otherBridge` under its old name.
    function OTHER_BRIDGE() external view returns (StandardBridge) {
        return otherBridge;
    }

    /// @notice Whether payments from the other chain are held up.
    function paused() public view virtual returns (bool) {
        return false;
    }

    function __StandardBridge_init(CrossDomainMessenger _messenger, StandardBridge _otherBridge)
        internal
        onlyInitializing
    {
        messenger = _messenger;
        otherBridge = _otherBridge;
    }

    function _initiateBridgeETH(
        address _from,
        address _to,
        uint256 _amount,
        uint32 _minGasLimit,
        bytes memory _extraData
    ) internal {
        if (msg.value != _amount) revert ValueMismatch(msg.value, _amount);
        _emitETHBridgeInitiated(_from, _to, _amount, _extraData);
        messenger.sendMessage{ value: _amount }(
            address(otherBridge),
            abi.encodeCall(this.finalizeBridgeETH, (_from, _to, _amount, _extraData)),
            _minGasLimit
        );
    }

    /// @dev The remote side sees the tokens the other way round.
    function _initiateBridgeERC20(
        address _localToken,
        address _remoteToken,
        address _from,
        address _to,
        uint256 _amount,
        uint32 _minGasLimit,
        bytes memory _extraData
    ) internal {
        if (msg.value != 0) revert ValueMismatch(msg.value, 0);
        if (_isMintable(_localToken)) {
            _requireTokenPair(_localToken, _remoteToken);
            IOptimismMintableERC20(_localToken).burn(_from, _amount);
        } else {
            SafeToken.pullExactly(_localToken, _from, _amount);
            deposits[_localToken][_remoteToken] += _amount;
        }
        _emitERC20BridgeInitiated(_localToken, _remoteToken, _from, _to, _amount, _extraData);
        messenger.sendMessage(
            address(otherBridge),
            abi.encodeCall(this.finalizeBridgeERC20, (_remoteToken, _localToken, _from, _to, _amount, _extraData)),
            _minGasLimit
        );
    }

    function _emitETHBridgeInitiated(address _from, address _to, uint256 _amount, bytes memory _extraData)
        internal
        virtual
    {
        emit ETHBridgeInitiated(_from, _to, _amount, _extraData);
    }

    function _emitETHBridgeFinalized(address _from, address _to, uint256 _amount, bytes memory _extraData)
        internal
        virtual
    {
        emit ETHBridgeFinalized(_from, _to, _amount, _extraData);
    }

    function _emitERC20BridgeInitiated(
        address _localToken,
        address _remoteToken,
        address _from,
        address _to,
        uint256 _amount,
        bytes memory _extraData
    ) internal virtual {
        emit ERC20BridgeInitiated(_localToken, _remoteToken, _from, _to, _amount, _extraData);
    }

    function _emitERC20BridgeFinalized(
        address _localToken,
        address _remoteToken,
        address _from,
        address _to,
        uint256 _amount,
        bytes memory _extraData
    ) internal virtual {
        emit ERC20BridgeFinalized(_localToken, _remoteToken, _from, _to, _amount, _extraData);
    }

    function _isMintable(address token) private view returns (bool) {
        return _isLegacyMintable(token) || _supportsInterface(token, type(IOptimismMintableERC20).interfaceId);
    }

    function _isLegacyMintable(address token) private view returns (bool) {
        return _supportsInterface(token, type(ILegacyMintableERC20).interfaceId);
    }

    function _requireTokenPair(address mintableToken, address otherToken) private view {
        address named = _isLegacyMintable(mintableToken)
            ? ILegacyMintableERC20(mintableToken).l1Token()
            : IOptimismMintableERC20(mintableToken).remoteToken();
        if (named != otherToken) revert WrongRemoteToken(mintableToken, otherToken);
    }
}
