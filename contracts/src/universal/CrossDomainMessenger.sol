// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Constants } from "../libraries/Constants.sol";
import { Encoding } from "../libraries/Encoding.sol";
import { Hashing } from "../libraries/Hashing.sol";
import { SafeCall } from "../libraries/SafeCall.sol";
import { Initializable } from "./Initializable.sol";

/// @title MessengerFirstSlot
/// @notice Keeps the low 20 bytes of slot 0 free, where older messengers had an address; `Initializable` comes next.
abstract contract MessengerFirstSlot {
    address private spacer_0_0_20;
}

/// @title CrossDomainMessenger
/// @notice Carries calls to the other chain and runs the ones that come from there. A message that fails can be run
///         again by anybody, so an address that sends through a messenger does not lose ether to an unlucky gas limit.
/// @dev Invariants: a message hash succeeds at most once; it is run only if the other messenger sent it, at first in a
///      call made on the other messenger's behalf and later if that call failed; ether for it comes in with that first
///      call and leaves with the successful one; while a target runs, `xDomainMessageSender` is the sender on the other
///      chain, and at no other time anybody.
abstract contract CrossDomainMessenger is MessengerFirstSlot, Initializable {
    /// @notice Messages do not pass while the system is paused.
    error Paused();
    /// @notice Only versions 0 and 1 of messages exist.
    error UnsupportedVersion(uint16 version);
    /// @notice The message ran already, successfully.
    error AlreadyRelayed(bytes32 messageHash);
    /// @notice Only messages that failed before can be run by anybody but the other messenger.
    error NotReplayable(bytes32 messageHash);
    /// @notice A replay brings no ether: the ether is here since the first attempt.
    error ValueOnReplay(uint256 value);
    /// @notice The other messenger delivers each message once, with exactly the ether it names.
    error InconsistentDelivery(bytes32 messageHash);
    /// @notice The target could be used to forge messages or withdrawals.
    error UnsafeTarget(address target);
    /// @notice There is no sender: no message is being run.
    error NoMessageInProgress();
    /// @notice The message failed during gas estimation, where a failure that only shows as an event would mislead.
    error RelayFailedInEstimation();

    /// @notice Version in the two highest bytes of every nonce.
    uint16 public constant MESSAGE_VERSION = 1;
    /// @notice Gas of `relayMessage` besides the target's call.
    uint64 public constant RELAY_CONSTANT_OVERHEAD = 200_000;
    /// @notice Together with the denominator: a call passes on at most 63/64 of the gas.
    uint64 public constant MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR = 64;
    uint64 public constant MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR = 63;
    /// @notice Gas per byte of call data, as if none were zero.
    uint64 public constant MIN_GAS_CALLDATA_OVERHEAD = 16;
    /// @notice Gas of the call instruction to the target.
    uint64 public constant RELAY_CALL_OVERHEAD = 40_000;
    /// @notice Gas kept back to record the outcome after the target's call.
    uint64 public constant RELAY_RESERVED_GAS = 40_000;
    /// @notice Gas spent between the check for enough gas and the call.
    uint64 public constant RELAY_GAS_CHECK_BUFFER = 5_000;
    /// @notice Intrinsic gas of a transaction.
    uint64 public constant TX_BASE_GAS = 21_000;
    /// @notice Gas per byte of call data that a transaction pays at least (EIP-7623).
    uint64 public constant FLOOR_CALLDATA_OVERHEAD = 40;
    /// @notice Bytes of an encoded `relayMessage` call besides the message.
    uint64 public constant ENCODING_OVERHEAD = 260;

    /// @dev Variables of older versions up to slot 202.
    uint256[202] private spacer_1_0_6464;
    /// @notice Messages that ran. (Slot 203)
    mapping(bytes32 => bool) public successfulMessages;
    /// @dev Sender of the message being run, else a value that no account has. (Slot 204)
    address internal xDomainMsgSender;
    /// @dev Messages sent so far. (Slot 205)
    uint240 internal msgNonce;
    /// @notice Messages that failed at least once. (Slot 206)
    mapping(bytes32 => bool) public failedMessages;
    /// @notice The messenger on the other chain. (Slot 207)
    CrossDomainMessenger public otherMessenger;
    /// @dev Room for later variables of the base, up to slot 250.
    uint256[43] private __gap;

    event SentMessage(address indexed target, address sender, bytes message, uint256 messageNonce, uint256 gasLimit);
    event SentMessageExtension1(address indexed sender, uint256 value);
    event RelayedMessage(bytes32 indexed msgHash);
    event FailedRelayedMessage(bytes32 indexed msgHash);

    /// @notice Sends a call to `_target` on the other chain, with the attached ether and at least `_minGasLimit` gas.
    function sendMessage(address _target, bytes calldata _message, uint32 _minGasLimit) external payable {
        uint256 nonce = messageNonce();
        _sendMessage(
            address(otherMessenger),
            baseGas(_message, _minGasLimit),
            msg.value,
            abi.encodeCall(this.relayMessage, (nonce, msg.sender, _target, msg.value, _minGasLimit, _message))
        );
        emit SentMessage(_target, msg.sender, _message, nonce, _minGasLimit);
        emit SentMessageExtension1(msg.sender, msg.value);
        unchecked {
            ++msgNonce;
        }
    }

    /// @notice Runs a message from the other chain, or runs one again that failed. A failing target does not revert
    ///         this call: the failure is recorded and the ether stays for a later attempt.
    /// @param _nonce       Nonce on the sending chain, version included.
    /// @param _sender      Who sent the message there.
    /// @param _target      Who is called here.
    /// @param _value       Ether for the target, in wei.
    /// @param _minGasLimit Gas that the target gets at least.
    /// @param _message     Call data for the target.
    function relayMessage(
        uint256 _nonce,
        address _sender,
        address _target,
        uint256 _value,
        uint256 _minGasLimit,
        bytes calldata _message
    ) external payable {
        if (paused()) revert Paused();
        _requireFreshVersion(_nonce, _sender, _target, _message);
        bytes32 messageHash =
            Hashing.hashCrossDomainMessageV1(_nonce, _sender, _target, _value, _minGasLimit, _message);

        if (_isOtherMessenger()) {
            if (msg.value != _value || failedMessages[messageHash]) revert InconsistentDelivery(messageHash);
        } else {
            if (msg.value != 0) revert ValueOnReplay(msg.value);
            if (!failedMessages[messageHash]) revert NotReplayable(messageHash);
        }
        if (_isUnsafeTarget(_target)) revert UnsafeTarget(_target);
        if (successfulMessages[messageHash]) revert AlreadyRelayed(messageHash);

        // Copied before gas is checked: afterwards only the small, constant cost of the call itself may come.
        bytes memory message = _message;
        // Too little gas for the promise made to the sender, or a message inside a message: fail now, retry later.
        if (
            !SafeCall.hasMinGas(_minGasLimit, RELAY_RESERVED_GAS + RELAY_GAS_CHECK_BUFFER)
                || xDomainMsgSender != Constants.DEFAULT_L2_SENDER
        ) {
            _recordFailure(messageHash);
            return;
        }

        xDomainMsgSender = _sender;
        bool success = SafeCall.call(_target, gasleft() - RELAY_RESERVED_GAS, _value, message);
        xDomainMsgSender = Constants.DEFAULT_L2_SENDER;

        if (success) {
            successfulMessages[messageHash] = true;
            emit RelayedMessage(messageHash);
        } else {
            _recordFailure(messageHash);
        }
    }

    /// @notice Sender, on the other chain, of the message being run.
    function xDomainMessageSender() external view returns (address) {
        if (xDomainMsgSender == Constants.DEFAULT_L2_SENDER) revert NoMessageInProgress();
        return xDomainMsgSender;
    }

    /// @notice `otherMessenger` under its old name.
    function OTHER_MESSENGER() external view returns (CrossDomainMessenger) {
        return otherMessenger;
    }

    /// @notice Nonce of the next message, version included.
    function messageNonce() public view returns (uint256) {
        return Encoding.encodeVersionedNonce(msgNonce, MESSAGE_VERSION);
    }

    /// @notice Gas that the other chain needs to run a message: enough for the transaction's data, for `relayMessage`
    ///         itself and for `_minGasLimit` to arrive at the target although a call passes on 63/64 only.
    function baseGas(bytes memory _message, uint32 _minGasLimit) public pure returns (uint64) {
        uint64 execution = RELAY_CONSTANT_OVERHEAD + RELAY_CALL_OVERHEAD + RELAY_RESERVED_GAS + RELAY_GAS_CHECK_BUFFER
            + (uint64(_minGasLimit) * MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR) / MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR;
        uint64 size = uint64(_message.length) + ENCODING_OVERHEAD;
        uint64 metered = execution + size * MIN_GAS_CALLDATA_OVERHEAD;
        uint64 floor = size * FLOOR_CALLDATA_OVERHEAD;
        return TX_BASE_GAS + (metered > floor ? metered : floor);
    }

    /// @notice Whether messages are held up.
    function paused() public view virtual returns (bool) {
        return false;
    }

    /// @dev Sets the other side; a later initialisation leaves a message in progress alone.
    function __CrossDomainMessenger_init(CrossDomainMessenger _otherMessenger) internal onlyInitializing {
        if (xDomainMsgSender == address(0)) xDomainMsgSender = Constants.DEFAULT_L2_SENDER;
        otherMessenger = _otherMessenger;
    }

    /// @dev Hands the encoded call to the chain's own bridge.
    function _sendMessage(address _to, uint64 _gasLimit, uint256 _value, bytes memory _data) internal virtual;

    /// @dev Whether this very call is made on behalf of the other messenger.
    function _isOtherMessenger() internal view virtual returns (bool);

    /// @dev Whether a message to this target would speak with the messenger's own authority.
    function _isUnsafeTarget(address _target) internal view virtual returns (bool);

    /// @dev A version-0 message hashes without value and gas; one that ran under that hash must not run again.
    function _requireFreshVersion(uint256 _nonce, address _sender, address _target, bytes calldata _message)
        private
        view
    {
        (, uint16 messageVersion) = Encoding.decodeVersionedNonce(_nonce);
        if (messageVersion > 1) revert UnsupportedVersion(messageVersion);
        if (messageVersion == 0) {
            bytes32 oldHash = Hashing.hashCrossDomainMessageV0(_target, _sender, _message, _nonce);
            if (successfulMessages[oldHash]) revert AlreadyRelayed(oldHash);
        }
    }

    function _recordFailure(bytes32 messageHash) private {
        failedMessages[messageHash] = true;
        emit FailedRelayedMessage(messageHash);
        if (tx.origin == Constants.ESTIMATION_ADDRESS) revert RelayFailedInEstimation();
    }
}
