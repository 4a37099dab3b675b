// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Burn } from "../libraries/Burn.sol";
import { Encoding } from "../libraries/Encoding.sol";
import { Hashing } from "../libraries/Hashing.sol";
import { Types } from "../libraries/Types.sol";

/// @title L2ToL1MessagePasser
/// @notice Where withdrawals start: each is recorded by its hash, and its proof of inclusion in this contract's storage
///         lets the portal on L1 pay it out.
/// @dev Invariants: a hash is recorded only by `initiateWithdrawal`, with the ether it names taken in; nonces never
///      repeat, so hashes do not either; an entry is never removed. `sentMessages` must stay at slot 0: proofs name it.
///      Predeploy 0x4200000000000000000000000000000000000016.
contract L2ToL1MessagePasser {
    /// @dev Gas on L1 for ether that is simply sent here.
    uint256 private constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;

    /// @notice Version in the two highest bytes of every nonce.
    uint16 public constant MESSAGE_VERSION = 1;
    string public constant version = "1.2.0";

    /// @notice Whether a withdrawal with this hash was initiated. (Slot 0)
    mapping(bytes32 => bool) public sentMessages;
    /// @dev Withdrawals so far. (Slot 1)
    uint240 internal msgNonce;

    event MessagePassed(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        uint256 gasLimit,
        bytes data,
        bytes32 withdrawalHash
    );
    event WithdrawerBalanceBurnt(uint256 indexed amount);

    /// @notice Ether sent without data is withdrawn to the sender's own address on L1.
    receive() external payable {
        initiateWithdrawal(msg.sender, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    /// @notice Destroys the ether of past withdrawals, so that L2's supply shows only what is left on L2. The hashes,
    ///         and with them the claims on L1, stay.
    function burn() external {
        uint256 amount = address(this).balance;
        Burn.eth(amount);
        emit WithdrawerBalanceBurnt(amount);
    }

    /// @notice Records a call from the sender to `_target` on L1, with the attached ether and at least `_gasLimit` gas.
    function initiateWithdrawal(address _target, uint256 _gasLimit, bytes memory _data) public payable {
        uint256 nonce = messageNonce();
        bytes32 withdrawalHash = Hashing.hashWithdrawal(
            Types.WithdrawalTransaction({
                nonce: nonce,
                sender: msg.sender,
                target: _target,
                value: msg.value,
                gasLimit: _gasLimit,
                data: _data
            })
        );
        sentMessages[withdrawalHash] = true;
        emit MessagePassed(nonce, msg.sender, _target, msg.value, _gasLimit, _data, withdrawalHash);
        unchecked {
            ++msgNonce;
        }
    }

    /// @notice Nonce of the next withdrawal, version included.
    function messageNonce() public view returns (uint256) {
        return Encoding.encodeVersionedNonce(msgNonce, MESSAGE_VERSION);
    }
}
