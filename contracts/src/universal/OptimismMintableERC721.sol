// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ERC721Enumerable } from "./ERC721Enumerable.sol";
import { IOptimismMintableERC721, MINTABLE_ERC721_ID_SINCE_KARST } from "./interfaces/IOptimismMintableERC721.sol";

/// @title OptimismMintableERC721
/// @notice The image on this chain of an ERC-721 token on the other one.
/// @dev Invariant: only the bridge mints and burns, so a token exists here only while it is locked on the other chain.
contract OptimismMintableERC721 is ERC721Enumerable, IOptimismMintableERC721 {
    /// @notice Only the bridge mints and burns.
    error OnlyBridge(address caller);
    /// @notice Bridge, remote chain and remote token have to be given.
    error ZeroParameter();

    string public constant version = "1.3.2";

    /// @notice Chain of the remote token.
    uint256 public immutable REMOTE_CHAIN_ID;
    /// @notice The token on the other chain.
    address public immutable REMOTE_TOKEN;
    /// @notice The bridge on this chain.
    address public immutable BRIDGE;
    /// @notice Start of every token's URI: an EIP-681 call of the remote token's `tokenURI`. (Slot 10)
    string public baseTokenURI;

    modifier onlyBridge() {
        if (msg.sender != BRIDGE) revert OnlyBridge(msg.sender);
        _;
    }

    constructor(
        address _bridge,
        uint256 _remoteChainId,
        address _remoteToken,
        string memory _name,
        string memory _symbol
    ) ERC721Enumerable(_name, _symbol) {
        if (_bridge == address(0) || _remoteChainId == 0 || _remoteToken == address(0)) revert ZeroParameter();
        REMOTE_CHAIN_ID = _remoteChainId;
        REMOTE_TOKEN = _remoteToken;
        BRIDGE = _bridge;
        baseTokenURI =
            string.concat("ethereum:", _hexAddress(_remoteToken), "@", _decimal(_remoteChainId), "/tokenURI?uint256=");
    }

    function safeMint(address _to, uint256 _tokenId) external onlyBridge {
        _safeMint(_to, _tokenId);
        emit Mint(_to, _tokenId);
    }

    function burn(address _from, uint256 _tokenId) external onlyBridge {
        _burn(_tokenId);
        emit Burn(_from, _tokenId);
    }

    function remoteChainId() external view returns (uint256) {
        return REMOTE_CHAIN_ID;
    }

    function remoteToken() external view returns (address) {
        return REMOTE_TOKEN;
    }

    function bridge() external view returns (address) {
        return BRIDGE;
    }

    function tokenURI(uint256 tokenId) external view returns (string memory) {
        ownerOf(tokenId);
        return string.concat(baseTokenURI, _decimal(tokenId));
    }

    /// @notice ERC-165. Knows both identifiers of a mintable token, so that it stays bridgeable across an upgrade.
    function supportsInterface(bytes4 _interfaceId) public view override returns (bool) {
        return _interfaceId == type(IOptimismMintableERC721).interfaceId
            || _interfaceId == MINTABLE_ERC721_ID_SINCE_KARST || super.supportsInterface(_interfaceId);
    }

    function _decimal(uint256 value) private pure returns (string memory) {
        bytes memory digits = new bytes(78);
        uint256 start = digits.length;
        do {
            digits[--start] = bytes1(uint8(48 + value % 10));
            value /= 10;
        } while (value != 0);
        bytes memory text = new bytes(digits.length - start);
        for (uint256 i = 0; i < text.length; ++i) {
            text[i] = digits[start + i];
        }
        return string(text);
    }

    function _hexAddress(address account) private pure returns (string memory) {
        bytes16 alphabet = "0123456789abcdef";
        bytes20 raw = bytes20(account);
        bytes memory text = new bytes(42);
        text[0] = "0";
        text[1] = "x";
        for (uint256 i = 0; i < 20; ++i) {
            text[2 + 2 * i] = alphabet[uint8(raw[i]) >> 4];
            text[3 + 2 * i] = alphabet[uint8(raw[i]) & 0x0f];
        }
        return string(text);
    }
}
