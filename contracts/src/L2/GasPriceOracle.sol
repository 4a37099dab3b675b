// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Constants } from "../libraries/Constants.sol";
import { Predeploys } from "../libraries/Predeploys.sol";
import { FastLZ } from "./FastLZ.sol";
import { L1Block } from "./L1Block.sol";

/// @title GasPriceOracle
/// @notice Tells wallets what a transaction pays on top of its L2 gas: the fee for its data on L1 and the operator fee.
/// @dev Invariant: the figures equal what execution charges under the fork that the flags name, for a transaction whose
///      signature is as incompressible as the 68 bytes allowed for it. Flags go up one by one, each once, and only by
///      deposits of the depositor account. Predeploy 0x420000000000000000000000000000000000000F.
contract GasPriceOracle {
    /// @notice Only the depositor account raises fork flags.
    error NotDepositor();
    /// @notice The fork's flag is up already.
    error ForkAlreadyActive(string fork);
    /// @notice The fork before it has to be active first.
    error ForkNotActive(string fork);
    /// @notice The value lost its meaning with Ecotone.
    error Deprecated();

    /// @notice Decimals of the scalars.
    uint256 public constant DECIMALS = 6;
    string public constant version = "1.6.0";

    /// @dev Signature bytes that an unsigned transaction still lacks.
    uint256 private constant SIGNATURE_BYTES = 68;
    uint256 private constant GAS_PER_BYTE = 16;
    uint256 private constant GAS_PER_ZERO_BYTE = 4;
    /// @dev Linear regression from FastLZ size to Brotli size, in millionths of a byte.
    int256 private constant COST_INTERCEPT = -42_585_600;
    int256 private constant COST_FASTLZ_COEFFICIENT = 836_500;
    int256 private constant MIN_TRANSACTION_SIZE = 100 * 1e6;

    /// @notice Fork flags. (Slot 0, one byte each)
    bool public isEcotone;
    bool public isFjord;
    bool public isIsthmus;
    bool public isJovian;

    modifier onlyDepositor() {
        if (msg.sender != Constants.DEPOSITOR_ACCOUNT) revert NotDepositor();
        _;
    }

    function setEcotone() external onlyDepositor {
        if (isEcotone) revert ForkAlreadyActive("Ecotone");
        isEcotone = true;
    }

    function setFjord() external onlyDepositor {
        if (!isEcotone) revert ForkNotActive("Ecotone");
        if (isFjord) revert ForkAlreadyActive("Fjord");
        isFjord = true;
    }

    function setIsthmus() external onlyDepositor {
        if (!isFjord) revert ForkNotActive("Fjord");
        if (isIsthmus) revert ForkAlreadyActive("Isthmus");
        isIsthmus = true;
    }

    function setJovian() external onlyDepositor {
        if (!isIsthmus) revert ForkNotActive("Isthmus");
        if (isJovian) revert ForkAlreadyActive("Jovian");
        isJovian = true;
    }

    /// @notice L1 fee in wei of an RLP-encoded transaction without signature.
    function getL1Fee(bytes memory _data) external view returns (uint256) {
        if (isFjord) return _fjordFee(FastLZ.compressedLength(_data) + SIGNATURE_BYTES);
        uint256 gas = _callDataGas(_data);
        if (isEcotone) return gas * _scaledFees() / (GAS_PER_BYTE * 10 ** DECIMALS);
        return (gas + _l1Block().l1FeeOverhead()) * l1BaseFee() * _l1Block().l1FeeScalar() / 10 ** DECIMALS;
    }

    /// @notice An L1 fee that practically no transaction of `_unsignedTxSize` bytes exceeds; cheaper than `getL1Fee`.
    function getL1FeeUpperBound(uint256 _unsignedTxSize) external view returns (uint256) {
        if (!isFjord) revert ForkNotActive("Fjord");
        uint256 size = _unsignedTxSize + SIGNATURE_BYTES;
        return _fjordFee(size + size / 255 + 16);
    }

    /// @notice L1 gas that publishing the transaction as call data would take. Says nothing about blobs: ask
    ///         `getL1Fee` for fees.
    function getL1GasUsed(bytes memory _data) external view returns (uint256) {
        if (isFjord) {
            return _estimatedSize(FastLZ.compressedLength(_data) + SIGNATURE_BYTES) * GAS_PER_BYTE / 10 ** DECIMALS;
        }
        uint256 gas = _callDataGas(_data);
        return isEcotone ? gas : gas + _l1Block().l1FeeOverhead();
    }

    /// @notice Operator fee in wei of a transaction that uses `_gasUsed` gas; capped at 2^256-1 instead of failing.
    function getOperatorFee(uint256 _gasUsed) external view returns (uint256) {
        if (!isIsthmus) return 0;
        uint256 scaled = _saturatingMul(_gasUsed, _l1Block().operatorFeeScalar());
        scaled = isJovian ? _saturatingMul(scaled, 100) : scaled / 10 ** DECIMALS;
        uint256 constantPart = _l1Block().operatorFeeConstant();
        return scaled > type(uint256).max - constantPart ? type(uint256).max : scaled + constantPart;
    }

    /// @notice Base fee of this L2 block, in wei per gas.
    function gasPrice() external view returns (uint256) {
        return block.basefee;
    }

    /// @notice Base fee of this L2 block, in wei per gas.
    function baseFee() external view returns (uint256) {
        return block.basefee;
    }

    function overhead() external view returns (uint256) {
        if (isEcotone) revert Deprecated();
        return _l1Block().l1FeeOverhead();
    }

    function scalar() external view returns (uint256) {
        if (isEcotone) revert Deprecated();
        return _l1Block().l1FeeScalar();
    }

    function l1BaseFee() public view returns (uint256) {
        return _l1Block().basefee();
    }

    function blobBaseFee() public view returns (uint256) {
        return _l1Block().blobBaseFee();
    }

    function baseFeeScalar() public view returns (uint32) {
        return _l1Block().baseFeeScalar();
    }

    function blobBaseFeeScalar() public view returns (uint32) {
        return _l1Block().blobBaseFeeScalar();
    }

    function decimals() external pure returns (uint256) {
        return DECIMALS;
    }

    function _l1Block() private pure returns (L1Block) {
        return L1Block(Predeploys.L1_BLOCK_ATTRIBUTES);
    }

    function _fjordFee(uint256 fastLzSize) private view returns (uint256) {
        return _estimatedSize(fastLzSize) * _scaledFees() / 10 ** (2 * DECIMALS);
    }

    /// @dev Both L1 prices, weighted, in millionths of a wei per byte.
    function _scaledFees() private view returns (uint256) {
        return GAS_PER_BYTE * baseFeeScalar() * l1BaseFee() + blobBaseFeeScalar() * blobBaseFee();
    }

    /// @dev Estimated size in a batch, in millionths of a byte; never below 100 bytes.
    function _estimatedSize(uint256 fastLzSize) private pure returns (uint256) {
        int256 estimate = COST_INTERCEPT + COST_FASTLZ_COEFFICIENT * int256(fastLzSize);
        return uint256(estimate < MIN_TRANSACTION_SIZE ? MIN_TRANSACTION_SIZE : estimate);
    }

    function _callDataGas(bytes memory data) private pure returns (uint256 gas) {
        gas = SIGNATURE_BYTES * GAS_PER_BYTE;
        for (uint256 i = 0; i < data.length; ++i) {
            gas += data[i] == 0 ? GAS_PER_ZERO_BYTE : GAS_PER_BYTE;
        }
    }

    function _saturatingMul(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            uint256 product = a * b;
            return b == 0 || product / b == a ? product : type(uint256).max;
        }
    }
}
