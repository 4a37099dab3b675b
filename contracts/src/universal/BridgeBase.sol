// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { CrossDomainMessenger } from "./CrossDomainMessenger.sol";

/// @title BridgeBase
/// @notice What both bridges, for fungible tokens and for others, ask of a caller or of a token.
abstract contract BridgeBase {
    /// @notice The short form sends to the caller's own address on the other chain; a contract may not own it.
    error OnlyEOA(address caller);
    /// @notice Only the other chain's bridge, through the messenger, finalises.
    error OnlyOtherBridge(address caller);
    /// @notice The bridge is paused.
    error Paused();

    /// @dev Selector of `supportsInterface(bytes4)`, which is the standard's own identifier too.
    bytes4 private constant ERC165_ID = 0x01ffc9a7;
    /// @dev What the standard allows an answer to cost.
    uint256 private constant INTERFACE_CHECK_GAS = 30_000;
    /// @dev Code of an account delegated by EIP-7702: 0xef0100 and an address.
    uint256 private constant DELEGATION_CODE_LENGTH = 23;

    modifier onlyEOA() {
        if (!_isKeyAccount(msg.sender)) revert OnlyEOA(msg.sender);
        _;
    }

    /// @dev Whether an account belongs to a key: it started the transaction, or its code is but a delegation.
    function _isKeyAccount(address account) internal view returns (bool) {
        if (account == tx.origin) return true;
        return account.code.length == DELEGATION_CODE_LENGTH && bytes3(account.code) == 0xef0100;
    }

    /// @dev Whether the call comes from the other bridge, and nobody else.
    function _isFromOtherBridge(CrossDomainMessenger messenger, address otherBridge) internal view returns (bool) {
        return msg.sender == address(messenger) && messenger.xDomainMessageSender() == otherBridge;
    }

    /// @dev ERC-165: the contract knows the standard, does not say yes to everything, and says yes to `interfaceId`.
    function _supportsInterface(address token, bytes4 interfaceId) internal view returns (bool) {
        return _answersYes(token, ERC165_ID) && !_answersYes(token, 0xffffffff) && _answersYes(token, interfaceId);
    }

    /// @dev One ERC-165 question; false for anything that does not answer properly.
    function _answersYes(address token, bytes4 interfaceId) private view returns (bool) {
        bytes memory question = abi.encodeWithSelector(ERC165_ID, interfaceId);
        bool success;
        uint256 size;
        uint256 answer;
        assembly ("memory-safe") {
            success := staticcall(INTERFACE_CHECK_GAS, token, add(question, 32), mload(question), 0, 32)
            size := returndatasize()
            answer := mload(0)
        }
        return success && size >= 32 && answer != 0;
    }
}
