// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ISemver } from "../universal/ISemver.sol";
import { IBigStepper } from "./interfaces/IBigStepper.sol";
import { IPreimageOracle } from "./interfaces/IPreimageOracle.sol";
import { PreimageKeyLib } from "./lib/PreimageKeyLib.sol";
import { VMArithmetic } from "./vm/VMArithmetic.sol";
import { VMMemory } from "./vm/VMMemory.sol";
import { VMState, VMStateLib } from "./vm/VMState.sol";

/// @title RISCV
/// @notice Executes one instruction of the fault-proof VM, as docs/fpvm.md defines it.
/// @dev    Invariant: for every state, and the proofs that belong to its next step, there is exactly one state after it.
///         It reverts only for bytes that are no state, for proofs that are not those of the step, and for a preimage part
///         that the oracle was not given; never for what a program does.
contract RISCV is IBigStepper, ISemver {
    using VMMemory for VMMemory.Tape;

    /// @notice The oracle that serves the reads.
    IPreimageOracle public immutable oracle;

    // Exit codes of faults. An execution that returns none of them goes on.
    uint256 internal constant NO_FAULT = 0;
    uint256 internal constant ILLEGAL_INSTRUCTION = 0xf0;
    uint256 internal constant BAD_PC = 0xf1;
    uint256 internal constant ADDRESS_OUT_OF_RANGE = 0xf2;
    uint256 internal constant BREAKPOINT = 0xf3;
    uint256 internal constant UNKNOWN_ECALL = 0xf4;
    uint256 internal constant BAD_ARGUMENT = 0xf5;

    uint256 internal constant SET_KEY = 1;
    uint256 internal constant READ = 2;
    uint256 internal constant EXIT = 93;

    uint256 internal constant A0 = 10;
    uint256 internal constant A1 = 11;
    uint256 internal constant A7 = 17;

    uint256 internal constant U64 = type(uint64).max;

    /// @param _oracle The oracle that serves the reads.
    constructor(IPreimageOracle _oracle) {
        oracle = _oracle;
    }

    /// @notice Semantic version.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @inheritdoc IBigStepper
    function step(bytes calldata _stateData, bytes calldata _proof, bytes32 _localContext)
        external
        view
        returns (bytes32)
    {
        VMState state = VMStateLib.load(_stateData);
        VMMemory.Tape memory tape = VMMemory.open(state.memoryRoot(), _proof);
        if (!state.exited()) {
            state.countStep();
            uint256 fault = _step(state, tape, _localContext);
            if (fault != NO_FAULT) state.exit(fault);
            state.setMemoryRoot(tape.root);
        }
        tape.close();
        return state.commitment();
    }

    /// @dev Fetches and executes. Changes nothing when it returns a fault.
    function _step(VMState _state, VMMemory.Tape memory _tape, bytes32 _localContext) private view returns (uint256) {
        uint256 pc = _state.pc();
        if (pc % 4 != 0 || pc >= VMMemory.SIZE) return BAD_PC;
        uint256 word = _read(_tape, pc, 4);
        if (word == 0x00000073) return _ecall(_state, _tape, _localContext);
        if (word == 0x00100073) return BREAKPOINT;

        uint256 opcode = word & 0x7f;
        uint256 funct3 = (word >> 12) & 7;
        uint256 nextPc = pc + 4;
        if (opcode == 0x03) {
            uint256 fault = _load(_state, _tape, word, funct3);
            if (fault != NO_FAULT) return fault;
        } else if (opcode == 0x23) {
            uint256 fault = _store(_state, _tape, word, funct3);
            if (fault != NO_FAULT) return fault;
        } else if (opcode == 0x63) {
            if (funct3 >> 1 == 1) return ILLEGAL_INSTRUCTION;
            if (_branches(_state, word, funct3)) nextPc = _plus(pc, _immediateB(word));
        } else if (opcode == 0x67) {
            if (funct3 != 0) return ILLEGAL_INSTRUCTION;
            nextPc = _plus(_rs1(_state, word), _immediateI(word)) & ~uint256(1);
            _setRd(_state, word, pc + 4);
        } else if (opcode == 0x6f) {
            nextPc = _plus(pc, _immediateJ(word));
            _setRd(_state, word, pc + 4);
        } else if (opcode == 0x37) {
            _setRd(_state, word, _immediateU(word));
        } else if (opcode == 0x17) {
            _setRd(_state, word, _plus(pc, _immediateU(word)));
        } else if (opcode == 0x0f) {
            if (funct3 != 0) return ILLEGAL_INSTRUCTION;
        } else {
            (uint256 result, bool legal) = _compute(_state, word, opcode, funct3);
            if (!legal) return ILLEGAL_INSTRUCTION;
            _setRd(_state, word, result);
        }
        _state.setPc(nextPc);
        return NO_FAULT;
    }

    // --- Instructions --------------------------------------------------------------------------------------------------

    /// @dev Instructions on registers, and registers and immediates, and whether the word is one.
    function _compute(VMState _state, uint256 _word, uint256 _opcode, uint256 _funct3)
        private
        pure
        returns (uint256 result_, bool legal_)
    {
        uint256 a = _rs1(_state, _word);
        uint256 funct7 = _word >> 25;
        if (_opcode == 0x33) return VMArithmetic.wide(funct7, _funct3, a, _rs2(_state, _word));
        if (_opcode == 0x3b) return VMArithmetic.narrow(funct7, _funct3, a, _rs2(_state, _word));
        bool shifts = _funct3 == 1 || _funct3 == 5;
        uint256 b = shifts ? _word >> 20 : _immediateI(_word) & U64;
        if (_opcode == 0x13) {
            // Shifts have six bits of amount; what is above them is 0, or 0x10 for the arithmetic one.
            funct7 = shifts ? (funct7 >> 1) << 1 : 0;
            return VMArithmetic.wide(funct7, _funct3, a, b);
        }
        if (_opcode == 0x1b) {
            if (!shifts) funct7 = 0;
            else if (funct7 == 1) return (0, false);
            return VMArithmetic.narrow(funct7, _funct3, a, b);
        }
    }

    function _branches(VMState _state, uint256 _word, uint256 _funct3) private pure returns (bool holds_) {
        uint256 a = _rs1(_state, _word);
        uint256 b = _rs2(_state, _word);
        if (_funct3 < 2) holds_ = a == b;
        else if (_funct3 < 6) holds_ = VMArithmetic.signedLess(a, b);
        else holds_ = a < b;
        // The odd ones are the negations.
        if (_funct3 & 1 == 1) holds_ = !holds_;
    }

    function _load(VMState _state, VMMemory.Tape memory _tape, uint256 _word, uint256 _funct3)
        private
        pure
        returns (uint256)
    {
        if (_funct3 == 7) return ILLEGAL_INSTRUCTION;
        uint256 size = 1 << (_funct3 & 3);
        uint256 place = _plus(_rs1(_state, _word), _immediateI(_word));
        if (place > VMMemory.SIZE - size) return ADDRESS_OUT_OF_RANGE;
        uint256 value = _read(_tape, place, size);
        if (_funct3 < 4) {
            assembly {
                value := signextend(sub(size, 1), value)
            }
        }
        _setRd(_state, _word, value);
        return NO_FAULT;
    }

    function _store(VMState _state, VMMemory.Tape memory _tape, uint256 _word, uint256 _funct3)
        private
        pure
        returns (uint256)
    {
        if (_funct3 > 3) return ILLEGAL_INSTRUCTION;
        uint256 size = 1 << _funct3;
        uint256 place = _plus(_rs1(_state, _word), _immediateS(_word));
        if (place > VMMemory.SIZE - size) return ADDRESS_OUT_OF_RANGE;
        _write(_tape, place, size, _rs2(_state, _word));
        return NO_FAULT;
    }

    function _ecall(VMState _state, VMMemory.Tape memory _tape, bytes32 _localContext)
        private
        view
        returns (uint256)
    {
        uint256 number = _state.register(A7);
        uint256 pointer = _state.register(A0);
        if (number == EXIT) {
            _state.exit(pointer < 256 ? pointer : 255);
            return NO_FAULT;
        }
        if (number != SET_KEY && number != READ) return UNKNOWN_ECALL;
        if (pointer % VMMemory.LEAF_SIZE != 0 || pointer >= VMMemory.SIZE) return BAD_ARGUMENT;
        if (number == SET_KEY) {
            _state.setPreimageKey(_tape.readLeaf(pointer));
            _state.setPreimageOffset(0);
        } else {
            uint256 wanted = _state.register(A1);
            if (wanted == 0 || wanted > VMMemory.LEAF_SIZE) return BAD_ARGUMENT;
            _readPreimage(_state, _tape, _localContext, pointer, wanted);
        }
        _state.setPc(_state.pc() + 4);
        return NO_FAULT;
    }

    function _readPreimage(
        VMState _state,
        VMMemory.Tape memory _tape,
        bytes32 _localContext,
        uint256 _pointer,
        uint256 _wanted
    )
        private
        view
    {
        bytes32 key = _state.preimageKey();
        // Local data belong to the calling game.
        if (key[0] == 0x01) key = PreimageKeyLib.localize(key, _localContext);
        uint256 offset = _state.preimageOffset();
        (bytes32 data, uint256 count) = oracle.readPreimage(key, offset);
        if (count > _wanted) count = _wanted;
        bytes32 kept = bytes32(type(uint256).max >> (8 * count));
        bytes32 leaf = _tape.readLeaf(_pointer);
        _tape.writeLeaf(_pointer, (data & ~kept) | (leaf & kept));
        _state.setPreimageOffset(offset + count);
        _state.setRegister(A0, count);
    }

    // --- Operands ------------------------------------------------------------------------------------------------------

    function _rs1(VMState _state, uint256 _word) private pure returns (uint256) {
        return _state.register((_word >> 15) & 31);
    }

    function _rs2(VMState _state, uint256 _word) private pure returns (uint256) {
        return _state.register((_word >> 20) & 31);
    }

    function _setRd(VMState _state, uint256 _word, uint256 _value) private pure {
        _state.setRegister((_word >> 7) & 31, _value);
    }

    /// @dev Addresses are modulo 2^64.
    function _plus(uint256 _a, uint256 _b) private pure returns (uint256) {
        unchecked {
            return (_a + _b) & U64;
        }
    }

    /// @dev The low `_bits` bits, sign-extended to the whole word.
    function _extend(uint256 _value, uint256 _bits) private pure returns (uint256) {
        return uint256(int256(_value << (256 - _bits)) >> (256 - _bits));
    }

    function _immediateI(uint256 _word) private pure returns (uint256) {
        return _extend(_word >> 20, 12);
    }

    function _immediateS(uint256 _word) private pure returns (uint256) {
        return _extend(((_word >> 25) << 5) | ((_word >> 7) & 31), 12);
    }

    function _immediateB(uint256 _word) private pure returns (uint256) {
        uint256 parts = ((_word >> 31) << 12) | (((_word >> 7) & 1) << 11);
        return _extend(parts | (((_word >> 25) & 0x3f) << 5) | (((_word >> 8) & 0xf) << 1), 13);
    }

    function _immediateU(uint256 _word) private pure returns (uint256) {
        return _extend(_word & 0xfffff000, 32);
    }

    function _immediateJ(uint256 _word) private pure returns (uint256) {
        uint256 parts = ((_word >> 31) << 20) | (_word & 0xff000);
        return _extend(parts | (((_word >> 20) & 1) << 11) | (((_word >> 21) & 0x3ff) << 1), 21);
    }

    // --- Memory --------------------------------------------------------------------------------------------------------

    /// @dev A little-endian number of up to 8 bytes; the range is within memory.
    function _read(VMMemory.Tape memory _tape, uint256 _at, uint256 _size) private pure returns (uint256) {
        uint256 end = _at % 32 + _size;
        uint256 bigEndian = uint256(_tape.readLeaf(_at));
        if (end <= 32) {
            bigEndian >>= 8 * (32 - end);
        } else {
            uint256 over = 8 * (end - 32);
            bigEndian = (bigEndian << over) | (uint256(_tape.readLeaf(_at + _size)) >> (256 - over));
        }
        return _reverse(bigEndian << (8 * (8 - _size)));
    }

    /// @dev Writes the low bytes of a number, little-endian; the range is within memory.
    function _write(VMMemory.Tape memory _tape, uint256 _at, uint256 _size, uint256 _value) private pure {
        uint256 end = _at % 32 + _size;
        uint256 bigEndian = _reverse(_value) >> (8 * (8 - _size));
        uint256 mask = (1 << (8 * _size)) - 1;
        uint256 leaf = uint256(_tape.readLeaf(_at));
        if (end <= 32) {
            uint256 shift = 8 * (32 - end);
            _tape.writeLeaf(_at, bytes32((leaf & ~(mask << shift)) | (bigEndian << shift)));
        } else {
            uint256 over = 8 * (end - 32);
            _tape.writeLeaf(_at, bytes32((leaf & ~(mask >> over)) | (bigEndian >> over)));
            leaf = uint256(_tape.readLeaf(_at + _size));
            uint256 rest = type(uint256).max >> over;
            _tape.writeLeaf(_at + _size, bytes32((leaf & rest) | (bigEndian << (256 - over))));
        }
    }

    /// @dev The low 64 bits with their bytes in the other order.
    function _reverse(uint256 _value) private pure returns (uint256) {
        _value &= U64;
        _value = ((_value & 0xff00ff00ff00ff00) >> 8) | ((_value & 0x00ff00ff00ff00ff) << 8);
        _value = ((_value & 0xffff0000ffff0000) >> 16) | ((_value & 0x0000ffff0000ffff) << 16);
        return (_value >> 32) | ((_value & 0xffffffff) << 32);
    }
}
