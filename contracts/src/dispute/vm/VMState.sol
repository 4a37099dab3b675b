// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A state of the VM in memory: where its 338 bytes begin. docs/fpvm.md, section 1.
type VMState is uint256;

using VMStateLib for VMState global;

/// @title VMStateLib
/// @notice Reads and writes the fields of a state where they lie.
library VMStateLib {
    uint256 internal constant SIZE = 338;

    uint256 private constant MEMORY_ROOT = 0;
    uint256 private constant PREIMAGE_KEY = 32;
    uint256 private constant PREIMAGE_OFFSET = 64;
    uint256 private constant PC = 72;
    uint256 private constant STEP = 80;
    uint256 private constant EXIT_CODE = 88;
    uint256 private constant EXITED = 89;
    // x1 is at 90; x0 has no place.
    uint256 private constant REGISTERS = 82;

    /// @notice The bytes encode no state.
    error InvalidState();

    /// @notice Copies a state from calldata.
    function load(bytes calldata _encoded) internal pure returns (VMState state_) {
        if (_encoded.length != SIZE) revert InvalidState();
        assembly {
            state_ := mload(0x40)
            // Words are read and written whole, so the last register needs room behind it.
            mstore(0x40, add(state_, 384))
            calldatacopy(state_, _encoded.offset, SIZE)
        }
        uint256 exited_ = uint8(_encoded[EXITED]);
        if (exited_ > 1 || (exited_ == 0 && _encoded[EXIT_CODE] != 0)) revert InvalidState();
    }

    /// @notice The commitment: the hash, with the VM's status as its first byte.
    function commitment(VMState _state) internal pure returns (bytes32 commitment_) {
        uint256 status = 3;
        if (exited(_state)) {
            status = _byte(_state, EXIT_CODE);
            if (status > 2) status = 2;
        }
        assembly {
            commitment_ := or(shr(8, shl(8, keccak256(_state, SIZE))), shl(248, status))
        }
    }

    function memoryRoot(VMState _state) internal pure returns (bytes32) {
        return _word(_state, MEMORY_ROOT);
    }

    function setMemoryRoot(VMState _state, bytes32 _root) internal pure {
        _setWord(_state, MEMORY_ROOT, _root);
    }

    function preimageKey(VMState _state) internal pure returns (bytes32) {
        return _word(_state, PREIMAGE_KEY);
    }

    function setPreimageKey(VMState _state, bytes32 _key) internal pure {
        _setWord(_state, PREIMAGE_KEY, _key);
    }

    function preimageOffset(VMState _state) internal pure returns (uint256) {
        return _u64(_state, PREIMAGE_OFFSET);
    }

    function setPreimageOffset(VMState _state, uint256 _offset) internal pure {
        _setU64(_state, PREIMAGE_OFFSET, _offset);
    }

    function pc(VMState _state) internal pure returns (uint256) {
        return _u64(_state, PC);
    }

    /// @notice Modulo 2^64.
    function setPc(VMState _state, uint256 _pc) internal pure {
        _setU64(_state, PC, _pc);
    }

    /// @notice Adds one to the steps, modulo 2^64.
    function countStep(VMState _state) internal pure {
        unchecked {
            _setU64(_state, STEP, _u64(_state, STEP) + 1);
        }
    }

    function exited(VMState _state) internal pure returns (bool) {
        return _byte(_state, EXITED) == 1;
    }

    /// @notice Ends the program.
    function exit(VMState _state, uint256 _code) internal pure {
        assembly {
            mstore8(add(_state, EXIT_CODE), _code)
            mstore8(add(_state, EXITED), 1)
        }
    }

    function register(VMState _state, uint256 _index) internal pure returns (uint256) {
        return _index == 0 ? 0 : _u64(_state, REGISTERS + 8 * _index);
    }

    /// @notice Modulo 2^64; writes to x0 are dropped.
    function setRegister(VMState _state, uint256 _index, uint256 _value) internal pure {
        if (_index != 0) _setU64(_state, REGISTERS + 8 * _index, _value);
    }

    function _byte(VMState _state, uint256 _at) private pure returns (uint256 value_) {
        assembly {
            value_ := byte(0, mload(add(_state, _at)))
        }
    }

    function _word(VMState _state, uint256 _at) private pure returns (bytes32 value_) {
        assembly {
            value_ := mload(add(_state, _at))
        }
    }

    function _setWord(VMState _state, uint256 _at, bytes32 _value) private pure {
        assembly {
            mstore(add(_state, _at), _value)
        }
    }

    function _u64(VMState _state, uint256 _at) private pure returns (uint256 value_) {
        assembly {
            value_ := shr(192, mload(add(_state, _at)))
        }
    }

    function _setU64(VMState _state, uint256 _at, uint256 _value) private pure {
        assembly {
            let place := add(_state, _at)
            mstore(place, or(shl(192, _value), shr(64, shl(64, mload(place)))))
        }
    }
}
