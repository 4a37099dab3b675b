// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev ERC-165 identifier of mintable tokens on chains that took over OP's contracts of 2026 (Karst): the selectors of
///      the whole token and of an invented `__constructor__` went into it there, instead of the eight functions below.
bytes4 constant MINTABLE_ERC721_ID_SINCE_KARST = 0xaecafc23;

/// @notice An ERC-721 token that the bridge mints and burns. Its eight selectors are its ERC-165 identifier.
interface IOptimismMintableERC721 {
    event Mint(address indexed account, uint256 tokenId);
    event Burn(address indexed account, uint256 tokenId);

    function safeMint(address _to, uint256 _tokenId) external;
    function burn(address _from, uint256 _tokenId) external;
    function REMOTE_CHAIN_ID() external view returns (uint256);
    function REMOTE_TOKEN() external view returns (address);
    function BRIDGE() external view returns (address);
    function remoteChainId() external view returns (uint256);
    function remoteToken() external view returns (address);
    function bridge() external view returns (address);
}
