// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Predeploys } from "../libraries/Predeploys.sol";
import { CrossDomainMessenger } from "../universal/CrossDomainMessenger.sol";
import { ERC721Bridge } from "../universal/ERC721Bridge.sol";
import {
    IOptimismMintableERC721,
    MINTABLE_ERC721_ID_SINCE_KARST
} from "../universal/interfaces/IOptimismMintableERC721.sol";

/// @notice Who owns an ERC-721 token.
interface IERC721Owner {
    function ownerOf(uint256 tokenId) external view returns (address);
}

/// @title L2ERC721Bridge
/// @notice The bridge on L2: mints tokens that are locked on L1 and burns them when they go back.
///         Predeploy 0x4200000000000000000000000000000000000014.
/// @dev Invariant: only tokens that say they are mintable, for the remote token in question, are minted or burned.
contract L2ERC721Bridge is ERC721Bridge {
    /// @notice Only the owner can send a token.
    error NotTokenOwner(address from, uint256 tokenId);
    /// @notice The token is not mintable, or names another remote token.
    error WrongRemoteToken(address localToken, address remoteToken);

    string public constant version = "1.9.0";

    constructor() {
        _disableInitializers();
    }

    function initialize(address payable _l1ERC721Bridge) external initializer {
        __ERC721Bridge_init(
            CrossDomainMessenger(Predeploys.L2_CROSS_DOMAIN_MESSENGER), ERC721Bridge(_l1ERC721Bridge)
        );
    }

    function _take(address _localToken, address _remoteToken, address _from, uint256 _tokenId) internal override {
        if (IERC721Owner(_localToken).ownerOf(_tokenId) != _from) revert NotTokenOwner(_from, _tokenId);
        _requireTokenPair(_localToken, _remoteToken);
        IOptimismMintableERC721(_localToken).burn(_from, _tokenId);
    }

    function _release(address _localToken, address _remoteToken, address _to, uint256 _tokenId) internal override {
        _requireTokenPair(_localToken, _remoteToken);
        IOptimismMintableERC721(_localToken).safeMint(_to, _tokenId);
    }

    function _requireTokenPair(address _localToken, address _remoteToken) private view {
        bool mintable = _supportsInterface(_localToken, type(IOptimismMintableERC721).interfaceId)
            || _supportsInterface(_localToken, MINTABLE_ERC721_ID_SINCE_KARST);
        if (!mintable || IOptimismMintableERC721(_localToken).remoteToken() != _remoteToken) {
            revert WrongRemoteToken(_localToken, _remoteToken);
        }
    }
}
