// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { CloneArgs, CloneWithArgs } from "../dispute/lib/CloneWithArgs.sol";
import { LibBond } from "../dispute/lib/LibBond.sol";
import { Clock, Duration, LibClock, Timestamp } from "../dispute/lib/LibClock.sol";
import { LibPosition, Position } from "../dispute/lib/LibPosition.sol";
import { Claim, GameId, GameType, Hash, LibGameId } from "../dispute/lib/LibUDT.sol";
import { AddressAliasHelper } from "../libraries/AddressAliasHelper.sol";
import { Burn } from "../libraries/Burn.sol";
import { Encoding } from "../libraries/Encoding.sol";
import { FixedPoint } from "../libraries/FixedPoint.sol";
import { Hashing } from "../libraries/Hashing.sol";
import { RLPReader } from "../libraries/rlp/RLPReader.sol";
import { RLPWriter } from "../libraries/rlp/RLPWriter.sol";
import { SafeCall } from "../libraries/SafeCall.sol";
import { MerkleTrie } from "../libraries/trie/MerkleTrie.sol";
import { Types } from "../libraries/Types.sol";

/// @title LibraryProbe
/// @notice Makes the inlined libraries callable, so that tests can compare them with other implementations.
contract LibraryProbe is CloneArgs {
    event Cloned(address clone);

    function positionFacts(Position _position, uint256 _maxDepth)
        external
        pure
        returns (uint8 depth, uint128 index, uint256 traceIndex, Position ancestor, Position attack, Position defense)
    {
        depth = _position.depth();
        index = _position.indexAtDepth();
        traceIndex = _position.traceIndex(_maxDepth);
        ancestor = _position.traceAncestor();
        attack = _position.move(true);
        defense = _position.move(false);
    }

    function traceAncestorBounded(Position _position, uint256 _bound) external pure returns (Position) {
        return _position.traceAncestorBounded(_bound);
    }

    function clockParts(Duration _duration, Timestamp _timestamp) external pure returns (Clock, Duration, Timestamp) {
        Clock clock = LibClock.wrap(_duration, _timestamp);
        return (clock, clock.duration(), clock.timestamp());
    }

    function gameIdParts(GameType _type, Timestamp _timestamp, address _proxy)
        external
        pure
        returns (GameId, GameType, Timestamp, address)
    {
        GameId id = LibGameId.pack(_type, _timestamp, _proxy);
        (GameType gameType, Timestamp timestamp, address proxy) = id.unpack();
        return (id, gameType, timestamp, proxy);
    }

    function hashClaimPos(Claim _claim, Position _position, uint256 _index) external pure returns (Hash) {
        return _claim.hashClaimPos(_position, _index);
    }

    function bond(uint256 _depth, uint256 _maxDepth) external pure returns (uint256) {
        return LibBond.required(_depth, _maxDepth);
    }

    function powWad(uint256 _base, uint256 _exponent) external pure returns (uint256) {
        return FixedPoint.powWad(_base, _exponent);
    }

    function rlpList(bytes memory _in) external pure returns (bytes[] memory raw_) {
        RLPReader.RLPItem[] memory items = RLPReader.readList(_in);
        raw_ = new bytes[](items.length);
        for (uint256 i = 0; i < items.length; i++) {
            raw_[i] = RLPReader.readRawBytes(items[i]);
        }
    }

    function rlpBytes(bytes memory _in) external pure returns (bytes memory) {
        return RLPReader.readBytes(_in);
    }

    function rlpWriteUint(uint256 _in) external pure returns (bytes memory) {
        return RLPWriter.writeUint(_in);
    }

    function trieGet(bytes memory _key, bytes[] memory _proof, bytes32 _root) external pure returns (bytes memory) {
        return MerkleTrie.get(_key, _proof, _root);
    }

    function encodeDeposit(Types.UserDepositTransaction memory _tx) external pure returns (bytes memory) {
        return Encoding.encodeDepositTransaction(_tx);
    }

    function hashCrossDomainMessage(
        uint256 _nonce,
        address _sender,
        address _target,
        uint256 _value,
        uint256 _gasLimit,
        bytes memory _data
    )
        external
        pure
        returns (bytes32)
    {
        return Hashing.hashCrossDomainMessage(_nonce, _sender, _target, _value, _gasLimit, _data);
    }

    function hashWithdrawal(Types.WithdrawalTransaction memory _tx) external pure returns (bytes32) {
        return Hashing.hashWithdrawal(_tx);
    }

    function aliasOf(address _account) external pure returns (address forward_, address back_) {
        forward_ = AddressAliasHelper.applyL1ToL2Alias(_account);
        back_ = AddressAliasHelper.undoL1ToL2Alias(forward_);
    }

    function burnEth() external payable {
        Burn.eth(msg.value);
    }

    function burnGas(uint256 _amount) external view {
        Burn.gas(_amount);
    }

    function callWithMinGas(address _target, uint256 _minGas, bytes memory _data) external returns (bool) {
        return SafeCall.callWithMinGas(_target, _minGas, 0, _data);
    }

    function clone(bytes memory _args) external returns (address clone_) {
        clone_ = CloneWithArgs.clone(address(this), _args);
        emit Cloned(clone_);
    }

    function cloneArg(uint256 _offset, uint256 _length) external pure returns (bytes memory) {
        return _arg(_offset, _length);
    }

    function fail() external pure {
        revert("probe");
    }
}
