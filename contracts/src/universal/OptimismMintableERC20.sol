// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ERC20 } from "./ERC20.sol";
import { ILegacyMintableERC20, IOptimismMintableERC20 } from "./interfaces/IOptimismMintableERC20.sol";

/// @title OptimismMintableERC20
/// @notice The image on this chain of an ERC-20 token on the other one.
/// @dev Invariant: only the bridge mints and burns, so the supply equals what is locked for this token on the other
///      chain (messages under way aside).
contract OptimismMintableERC20 is ERC20 {
    /// @notice Only the bridge mints and burns.
    error OnlyBridge(address caller);

    string public constant version = "1.4.0";
    /// @notice A contract that users sign approvals for instead of sending them; it may move every holder's tokens, and
    ///         does so only with the holder's signature.
    address public constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;

    /// @notice The token on the other chain.
    address public immutable REMOTE_TOKEN;
    /// @notice The bridge on this chain.
    address public immutable BRIDGE;
    uint8 private immutable DECIMALS;

    event Mint(address indexed account, uint256 amount);
    event Burn(address indexed account, uint256 amount);

    modifier onlyBridge() {
        if (msg.sender != BRIDGE) revert OnlyBridge(msg.sender);
        _;
    }

    constructor(address _bridge, address _remoteToken, string memory _name, string memory _symbol, uint8 _decimals)
        ERC20(_name, _symbol)
    {
        REMOTE_TOKEN = _remoteToken;
        BRIDGE = _bridge;
        DECIMALS = _decimals;
    }

    function mint(address _to, uint256 _amount) external onlyBridge {
        _mint(_to, _amount);
        emit Mint(_to, _amount);
    }

    function burn(address _from, uint256 _amount) external onlyBridge {
        _burn(_from, _amount);
        emit Burn(_from, _amount);
    }

    function decimals() external view returns (uint8) {
        return DECIMALS;
    }

    function remoteToken() external view returns (address) {
        return REMOTE_TOKEN;
    }

    function bridge() external view returns (address) {
        return BRIDGE;
    }

    /// @notice `remoteToken` under its old name.
    function l1Token() external view returns (address) {
        return REMOTE_TOKEN;
    }

    /// @notice `bridge` under its old name.
    function l2Bridge() external view returns (address) {
        return BRIDGE;
    }

    /// @notice Amount that `_spender` may move; unlimited for Permit2.
    function allowance(address _owner, address _spender) public view override returns (uint256) {
        return _spender == PERMIT2 ? type(uint256).max : super.allowance(_owner, _spender);
    }

    /// @notice ERC-165: the standard itself and both forms of mintable token.
    function supportsInterface(bytes4 _interfaceId) external pure returns (bool) {
        return _interfaceId == 0x01ffc9a7 || _interfaceId == type(ILegacyMintableERC20).interfaceId
            || _interfaceId == type(IOptimismMintableERC20).interfaceId;
    }
}
