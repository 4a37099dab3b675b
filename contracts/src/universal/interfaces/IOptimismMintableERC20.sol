// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A token that the bridge mints and burns. Its four selectors are its ERC-165 identifier.
interface IOptimismMintableERC20 {
    function remoteToken() external view returns (address);
    function bridge() external view returns (address);
    function mint(address _to, uint256 _amount) external;
    function burn(address _from, uint256 _amount) external;
}

/// @notice The same in its oldest form, still seen on chain.
interface ILegacyMintableERC20 {
    function l1Token() external view returns (address);
    function mint(address _to, uint256 _amount) external;
    function burn(address _from, uint256 _amount) external;
}
