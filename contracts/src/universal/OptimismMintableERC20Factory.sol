// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Initializable } from "./Initializable.sol";
import { OptimismMintableERC20 } from "./OptimismMintableERC20.sol";

/// @title OptimismMintableERC20Factory
/// @notice Creates mintable tokens for this chain's bridge, for anybody and any remote token.
/// @dev Invariant: a token in `deployments` was created here, with this chain's bridge, for the remote token recorded.
///      Its address follows from its parameters (CREATE2), so a second creation with the same ones fails.
///      Predeploy 0x4200000000000000000000000000000000000012; on L1 behind a proxy of its own.
contract OptimismMintableERC20Factory is Initializable {
    /// @notice A mintable token needs a remote token.
    error RemoteTokenIsZero();

    string public constant version = "1.11.0";

    /// @dev Keeps what follows from packing into slot 0, as it is in older versions.
    bytes30 private spacer_0_2_30;
    /// @notice The bridge that mints the tokens. (Slot 1)
    address public bridge;
    /// @notice Remote token of each token created here. (Slot 2)
    mapping(address => address) public deployments;
    /// @dev Room for later variables.
    uint256[48] private __gap;

    event StandardL2TokenCreated(address indexed remoteToken, address indexed localToken);
    event OptimismMintableERC20Created(address indexed localToken, address indexed remoteToken, address deployer);

    constructor() {
        _disableInitializers();
    }

    function initialize(address _bridge) external initializer {
        bridge = _bridge;
    }

    /// @notice `bridge` under its old name.
    function BRIDGE() external view returns (address) {
        return bridge;
    }

    /// @notice `createOptimismMintableERC20` under its old name.
    function createStandardL2Token(address _remoteToken, string memory _name, string memory _symbol)
        external
        returns (address)
    {
        return createOptimismMintableERC20WithDecimals(_remoteToken, _name, _symbol, 18);
    }

    /// @notice Creates a token with 18 decimals.
    function createOptimismMintableERC20(address _remoteToken, string memory _name, string memory _symbol)
        external
        returns (address)
    {
        return createOptimismMintableERC20WithDecimals(_remoteToken, _name, _symbol, 18);
    }

    /// @notice Creates a token. The salt is the hash of all four parameters.
    function createOptimismMintableERC20WithDecimals(
        address _remoteToken,
        string memory _name,
        string memory _symbol,
        uint8 _decimals
    ) public returns (address localToken_) {
        if (_remoteToken == address(0)) revert RemoteTokenIsZero();
        bytes32 salt = keccak256(abi.encode(_remoteToken, _name, _symbol, _decimals));
        localToken_ =
            address(new OptimismMintableERC20{ salt: salt }(bridge, _remoteToken, _name, _symbol, _decimals));
        deployments[localToken_] = _remoteToken;
        emit StandardL2TokenCreated(_remoteToken, localToken_);
        emit OptimismMintableERC20Created(localToken_, _remoteToken, msg.sender);
    }
}
