// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title VMArithmetic
/// @notice What RV64IM's computing instructions compute. docs/fpvm.md, section 4.
/// @dev    Registers are unsigned 64-bit numbers; results may have more bits, of which the low 64 count.
library VMArithmetic {
    uint256 internal constant U64 = type(uint64).max;

    /// @notice An instruction on 64 bits, and whether there is one with these functions.
    function wide(uint256 _funct7, uint256 _funct3, uint256 _a, uint256 _b)
        internal
        pure
        returns (uint256 result_, bool legal_)
    {
        legal_ = true;
        unchecked {
            if (_funct7 == 0) {
                if (_funct3 == 0) result_ = _a + _b;
                else if (_funct3 == 1) result_ = _a << (_b & 63);
                else if (_funct3 == 2) result_ = signedLess(_a, _b) ? 1 : 0;
                else if (_funct3 == 3) result_ = _a < _b ? 1 : 0;
                else if (_funct3 == 4) result_ = _a ^ _b;
                else if (_funct3 == 5) result_ = _a >> (_b & 63);
                else if (_funct3 == 6) result_ = _a | _b;
                else result_ = _a & _b;
            } else if (_funct7 == 1) {
                if (_funct3 == 0) result_ = _a * _b;
                else if (_funct3 == 1) result_ = uint256(signed64(_a) * signed64(_b)) >> 64;
                else if (_funct3 == 2) result_ = uint256(signed64(_a) * int256(_b)) >> 64;
                else if (_funct3 == 3) result_ = (_a * _b) >> 64;
                else if (_funct3 == 4) result_ = _signedQuotient(signed64(_a), signed64(_b));
                else if (_funct3 == 5) result_ = _quotient(_a, _b);
                else if (_funct3 == 6) result_ = _signedRemainder(signed64(_a), signed64(_b));
                else result_ = _remainder(_a, _b);
            } else if (_funct7 == 0x20 && _funct3 == 0) {
                result_ = _a - _b;
            } else if (_funct7 == 0x20 && _funct3 == 5) {
                result_ = uint256(signed64(_a) >> (_b & 63));
            } else {
                legal_ = false;
            }
        }
    }

    /// @notice An instruction on the low 32 bits, and whether there is one with these functions.
    function narrow(uint256 _funct7, uint256 _funct3, uint256 _a, uint256 _b)
        internal
        pure
        returns (uint256 result_, bool legal_)
    {
        _a &= type(uint32).max;
        _b &= type(uint32).max;
        legal_ = true;
        unchecked {
            if (_funct7 == 0 && _funct3 == 0) result_ = _a + _b;
            else if (_funct7 == 0 && _funct3 == 1) result_ = _a << (_b & 31);
            else if (_funct7 == 0 && _funct3 == 5) result_ = _a >> (_b & 31);
            else if (_funct7 == 0x20 && _funct3 == 0) result_ = _a - _b;
            else if (_funct7 == 0x20 && _funct3 == 5) result_ = uint256(signed32(_a) >> (_b & 31));
            else if (_funct7 == 1 && _funct3 == 0) result_ = _a * _b;
            else if (_funct7 == 1 && _funct3 == 4) result_ = _signedQuotient(signed32(_a), signed32(_b));
            else if (_funct7 == 1 && _funct3 == 5) result_ = _quotient(_a, _b);
            else if (_funct7 == 1 && _funct3 == 6) result_ = _signedRemainder(signed32(_a), signed32(_b));
            else if (_funct7 == 1 && _funct3 == 7) result_ = _remainder(_a, _b);
            else legal_ = false;
        }
        result_ = uint256(signed32(result_));
    }

    function signedLess(uint256 _a, uint256 _b) internal pure returns (bool) {
        return signed64(_a) < signed64(_b);
    }

    function signed64(uint256 _value) internal pure returns (int256 signed_) {
        assembly {
            signed_ := signextend(7, _value)
        }
    }

    function signed32(uint256 _value) internal pure returns (int256 signed_) {
        assembly {
            signed_ := signextend(3, _value)
        }
    }

    // Division by zero has results; the EVM's are others. The operands have at most 64 bits, so nothing overflows.

    function _quotient(uint256 _a, uint256 _b) private pure returns (uint256) {
        return _b == 0 ? type(uint256).max : _a / _b;
    }

    function _remainder(uint256 _a, uint256 _b) private pure returns (uint256) {
        return _b == 0 ? _a : _a % _b;
    }

    function _signedQuotient(int256 _a, int256 _b) private pure returns (uint256) {
        unchecked {
            return _b == 0 ? type(uint256).max : uint256(_a / _b);
        }
    }

    function _signedRemainder(int256 _a, int256 _b) private pure returns (uint256) {
        unchecked {
            return _b == 0 ? uint256(_a) : uint256(_a % _b);
        }
    }
}
