// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { OptimismMintableERC721 } from "./OptimismMintableERC721.sol";

/// @title OptimismMintableERC721Factory
/// @notice Creates mintable ERC-721 tokens for this chain's bridge, for anybody and any remote token.
/// @dev Invariant: a token marked in `isOptimismMintableERC721` was created here, with this chain's bridge. Its address
///      follows from its parameters (CREATE2). Predeploy 0x4200000000000000000000000000000000000017.
contract OptimismMintableERC721Factory {
    /// @notice A mintable token needs a remote token.
    error RemoteTokenIsZero();

    string public constant version = "1.4.2";

    /// @notice The bridge that mints the tokens.
    address public immutable BRIDGE;
    /// @notice Chain of the remote tokens.
    uint256 public immutable REMOTE_CHAIN_ID;

    /// @notice Tokens created here. (Slot 0)
    mapping(address => bool) public isOptimismMintableERC721;

    event OptimismMintableERC721Created(address indexed localToken, address indexed remoteToken, address deployer);

    constructor(address _bridge, uint256 _remoteChainId) {
        BRIDGE = _bridge;
        REMOTE_CHAIN_ID = _remoteChainId;
    }

    function bridge() external view returns (address) {
        return BRIDGE;
    }

    function remoteChainID() external view returns (uint256) {
        return REMOTE_CHAIN_ID;
    }

    /// @notice Creates a token. The salt is the hash of the three parameters.
    function createOptimismMintableERC721(address _remoteToken, string memory _name, string memory _symbol)
        external
        returns (address localToken_)
    {
        if (_remoteToken == address(0)) revert RemoteTokenIsZero();
        bytes32 salt = keccak256(abi.encode(_remoteToken, _name, _symbol));
        localToken_ = address(
            new OptimismMintableERC721{ salt: salt }(BRIDGE, REMOTE_CHAIN_ID, _remoteToken, _name, _symbol)
        );
        isOptimismMintableERC721[localToken_] = true;
        emit OptimismMintableERC721Created(localToken_, _remoteToken, msg.sender);
    }
}
