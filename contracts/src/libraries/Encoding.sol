// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Hashing } from "./Hashing.sol";
import { RLPWriter } from "./rlp/RLPWriter.sol";
import { Types } from "./Types.sol";

/// @title Encoding
/// @notice Encodings of deposits and of messages between the two layers.
library Encoding {
    /// @notice A message nonce carries a version that does not exist.
    error Encoding_UnknownMessageVersion(uint16 version);

    /// @notice EIP-2718 encoding of a user deposit; its keccak256 is the L2 transaction hash.
    function encodeDepositTransaction(Types.UserDepositTransaction memory _tx) internal pure returns (bytes memory) {
        bytes[] memory fields = new bytes[](8);
        fields[0] = RLPWriter.writeBytes(abi.encodePacked(Hashing.hashDepositSource(_tx.l1BlockHash, _tx.logIndex)));
        fields[1] = RLPWriter.writeAddress(_tx.from);
        fields[2] = _tx.isCreation ? RLPWriter.writeBytes("") : RLPWriter.writeAddress(_tx.to);
        fields[3] = RLPWriter.writeUint(_tx.mint);
        fields[4] = RLPWriter.writeUint(_tx.value);
        fields[5] = RLPWriter.writeUint(_tx.gasLimit);
        fields[6] = RLPWriter.writeUint(0);
        fields[7] = RLPWriter.writeBytes(_tx.data);
        return abi.encodePacked(uint8(0x7e), RLPWriter.writeList(fields));
    }

    /// @notice Call data that relays a message, in the form its nonce's version asks for.
    function encodeCrossDomainMessage(
        uint256 _nonce,
        address _sender,
        address _target,
        uint256 _value,
        uint256 _gasLimit,
        bytes memory _data
    )
        internal
        pure
        returns (bytes memory)
    {
        (, uint16 version) = decodeVersionedNonce(_nonce);
        if (version == 0) return encodeCrossDomainMessageV0(_target, _sender, _data, _nonce);
        if (version == 1) return encodeCrossDomainMessageV1(_nonce, _sender, _target, _value, _gasLimit, _data);
        revert Encoding_UnknownMessageVersion(version);
    }

    /// @notice The first form: no value, no gas limit.
    function encodeCrossDomainMessageV0(
        address _target,
        address _sender,
        bytes memory _data,
        uint256 _nonce
    )
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSignature("relayMessage(address,address,bytes,uint256)", _target, _sender, _data, _nonce);
    }

    /// @notice The present form.
    function encodeCrossDomainMessageV1(
        uint256 _nonce,
        address _sender,
        address _target,
        uint256 _value,
        uint256 _gasLimit,
        bytes memory _data
    )
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSignature(
            "relayMessage(uint256,address,address,uint256,uint256,bytes)",
            _nonce,
            _sender,
            _target,
            _value,
            _gasLimit,
            _data
        );
    }

    /// @notice A nonce with its version in the two highest bytes.
    function encodeVersionedNonce(uint240 _nonce, uint16 _version) internal pure returns (uint256) {
        return (uint256(_version) << 240) | _nonce;
    }

    /// @notice Splits what `encodeVersionedNonce` joined.
    function decodeVersionedNonce(uint256 _nonce) internal pure returns (uint240 nonce_, uint16 version_) {
        nonce_ = uint240(_nonce);
        version_ = uint16(_nonce >> 240);
    }
}
