// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title LegacyMessagePasser
/// @notice Message commitments in the form used before Bedrock. The portal does not read them; kept for contracts that
///         prove against them on their own. Predeploy 0x4200000000000000000000000000000000000000.
contract LegacyMessagePasser {
    string public constant version = "1.1.0";

    /// @notice Whether a message with this commitment was passed. (Slot 0)
    mapping(bytes32 => bool) public sentMessages;

    /// @notice Records keccak256(message, caller): only the caller can produce commitments that name it.
    function passMessageToL1(bytes memory _message) external {
        sentMessages[keccak256(abi.encodePacked(_message, msg.sender))] = true;
    }
}
