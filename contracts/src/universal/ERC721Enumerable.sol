// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What a contract answers that takes ERC-721 tokens.
interface IERC721Receiver {
    function onERC721Received(address operator, address from, uint256 tokenId, bytes calldata data)
        external
        returns (bytes4);
}

/// @title ERC721Enumerable
/// @notice Non-fungible tokens with their enumeration.
/// @dev Invariants: a token that exists has one owner and stands once in the owner's list and once in the list of all;
///      the list positions are recorded so that removal moves the last entry into the gap.
abstract contract ERC721Enumerable {
    error ERC721_ZeroAddress();
    error ERC721_NonexistentToken(uint256 tokenId);
    error ERC721_TokenExists(uint256 tokenId);
    error ERC721_NotOwner(address account, uint256 tokenId);
    error ERC721_NotAllowed(address operator, uint256 tokenId);
    error ERC721_UnsafeReceiver(address to);
    error ERC721_IndexOutOfBounds(uint256 index);

    bytes4 private constant ID_ERC165 = 0x01ffc9a7;
    bytes4 private constant ID_ERC721 = 0x80ac58cd;
    bytes4 private constant ID_ERC721_METADATA = 0x5b5e139f;
    bytes4 private constant ID_ERC721_ENUMERABLE = 0x780e9d63;

    string private _name;
    string private _symbol;
    mapping(uint256 => address) private _owners;
    mapping(address => uint256) private _balances;
    mapping(uint256 => address) private _tokenApprovals;
    mapping(address => mapping(address => bool)) private _operatorApprovals;
    mapping(address => mapping(uint256 => uint256)) private _ownedTokens;
    mapping(uint256 => uint256) private _ownedTokensIndex;
    uint256[] private _allTokens;
    mapping(uint256 => uint256) private _allTokensIndex;

    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    event Approval(address indexed owner, address indexed approved, uint256 indexed tokenId);
    event ApprovalForAll(address indexed owner, address indexed operator, bool approved);

    constructor(string memory name_, string memory symbol_) {
        _name = name_;
        _symbol = symbol_;
    }

    function name() external view returns (string memory) {
        return _name;
    }

    function symbol() external view returns (string memory) {
        return _symbol;
    }

    function balanceOf(address owner) external view returns (uint256) {
        if (owner == address(0)) revert ERC721_ZeroAddress();
        return _balances[owner];
    }

    function ownerOf(uint256 tokenId) public view returns (address owner) {
        owner = _owners[tokenId];
        if (owner == address(0)) revert ERC721_NonexistentToken(tokenId);
    }

    function totalSupply() external view returns (uint256) {
        return _allTokens.length;
    }

    function tokenByIndex(uint256 index) external view returns (uint256) {
        if (index >= _allTokens.length) revert ERC721_IndexOutOfBounds(index);
        return _allTokens[index];
    }

    function tokenOfOwnerByIndex(address owner, uint256 index) external view returns (uint256) {
        if (index >= _balances[owner]) revert ERC721_IndexOutOfBounds(index);
        return _ownedTokens[owner][index];
    }

    function getApproved(uint256 tokenId) public view returns (address) {
        ownerOf(tokenId);
        return _tokenApprovals[tokenId];
    }

    function isApprovedForAll(address owner, address operator) public view returns (bool) {
        return _operatorApprovals[owner][operator];
    }

    function supportsInterface(bytes4 interfaceId) public view virtual returns (bool) {
        return interfaceId == ID_ERC165 || interfaceId == ID_ERC721 || interfaceId == ID_ERC721_METADATA
            || interfaceId == ID_ERC721_ENUMERABLE;
    }

    function approve(address to, uint256 tokenId) external {
        address owner = ownerOf(tokenId);
        if (msg.sender != owner && !isApprovedForAll(owner, msg.sender)) revert ERC721_NotAllowed(msg.sender, tokenId);
        _tokenApprovals[tokenId] = to;
        emit Approval(owner, to, tokenId);
    }

    function setApprovalForAll(address operator, bool approved) external {
        _operatorApprovals[msg.sender][operator] = approved;
        emit ApprovalForAll(msg.sender, operator, approved);
    }

    function transferFrom(address from, address to, uint256 tokenId) external {
        _transfer(from, to, tokenId);
    }

    function safeTransferFrom(address from, address to, uint256 tokenId) external {
        safeTransferFrom(from, to, tokenId, "");
    }

    function safeTransferFrom(address from, address to, uint256 tokenId, bytes memory data) public {
        _transfer(from, to, tokenId);
        _requireReceiver(from, to, tokenId, data);
    }

    /// @dev Creates a token; a contract as receiver has to accept it.
    function _safeMint(address to, uint256 tokenId) internal {
        if (to == address(0)) revert ERC721_ZeroAddress();
        if (_owners[tokenId] != address(0)) revert ERC721_TokenExists(tokenId);
        _allTokensIndex[tokenId] = _allTokens.length;
        _allTokens.push(tokenId);
        _giveTo(to, tokenId);
        emit Transfer(address(0), to, tokenId);
        _requireReceiver(address(0), to, tokenId, "");
    }

    function _burn(uint256 tokenId) internal {
        address owner = ownerOf(tokenId);
        _takeFrom(owner, tokenId);
        delete _owners[tokenId];
        uint256 index = _allTokensIndex[tokenId];
        uint256 lastToken = _allTokens[_allTokens.length - 1];
        _allTokens[index] = lastToken;
        _allTokensIndex[lastToken] = index;
        delete _allTokensIndex[tokenId];
        _allTokens.pop();
        emit Transfer(owner, address(0), tokenId);
    }

    function _transfer(address from, address to, uint256 tokenId) private {
        address owner = ownerOf(tokenId);
        if (owner != from) revert ERC721_NotOwner(from, tokenId);
        if (to == address(0)) revert ERC721_ZeroAddress();
        if (msg.sender != owner && !isApprovedForAll(owner, msg.sender) && _tokenApprovals[tokenId] != msg.sender) {
            revert ERC721_NotAllowed(msg.sender, tokenId);
        }
        _takeFrom(from, tokenId);
        _giveTo(to, tokenId);
        emit Transfer(from, to, tokenId);
    }

    /// @dev Removes the token, and any approval for it, from the owner's books; `_owners` is left to the caller.
    function _takeFrom(address owner, uint256 tokenId) private {
        delete _tokenApprovals[tokenId];
        uint256 lastIndex = --_balances[owner];
        uint256 index = _ownedTokensIndex[tokenId];
        uint256 lastToken = _ownedTokens[owner][lastIndex];
        _ownedTokens[owner][index] = lastToken;
        _ownedTokensIndex[lastToken] = index;
        delete _ownedTokensIndex[tokenId];
        delete _ownedTokens[owner][lastIndex];
    }

    function _giveTo(address owner, uint256 tokenId) private {
        uint256 index = _balances[owner]++;
        _ownedTokens[owner][index] = tokenId;
        _ownedTokensIndex[tokenId] = index;
        _owners[tokenId] = owner;
    }

    function _requireReceiver(address from, address to, uint256 tokenId, bytes memory data) private {
        if (to.code.length == 0) return;
        bytes4 answer = IERC721Receiver(to).onERC721Received(msg.sender, from, tokenId, data);
        if (answer != IERC721Receiver.onERC721Received.selector) revert ERC721_UnsafeReceiver(to);
    }
}
