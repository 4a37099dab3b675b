// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Constants } from "../libraries/Constants.sol";

/// @title L1Block
/// @notice What L2 knows of its L1 origin: the origin's header fields and the fee parameters in force. The first
///         transaction of every L2 block, a deposit of the depositor account, rewrites it.
/// @dev Invariant: only the depositor account writes. Execution clients read the slots directly (slot 1 the base fee,
///      3 the scalars, 7 the blob base fee, 8 the operator fee), so the order of the variables is part of the protocol.
///      Predeploy 0x4200000000000000000000000000000000000015.
contract L1Block {
    /// @notice The caller is not the account that L1 attributes transactions come from.
    error NotDepositor();
    /// @notice The packed call data is not as long as its layout demands.
    error BadAttributesLength(uint256 length);

    /// @dev Selector included: 4 + 5 words; Isthmus adds uint32 + uint64, Jovian uint16 to that.
    uint256 private constant ECOTONE_LENGTH = 164;
    uint256 private constant ISTHMUS_LENGTH = 176;
    uint256 private constant JOVIAN_LENGTH = 178;

    string public constant version = "1.7.0";

    /// @notice Number of the L1 origin. (Slot 0)
    uint64 public number;
    /// @notice Timestamp of the L1 origin, in seconds. (Slot 0, offset 8)
    uint64 public timestamp;
    /// @notice Base fee of the L1 origin, in wei per gas. (Slot 1)
    uint256 public basefee;
    /// @notice Hash of the L1 origin. (Slot 2)
    bytes32 public hash;
    /// @notice L2 blocks since the first one of this origin. (Slot 3)
    uint64 public sequenceNumber;
    /// @notice Weight of the blob base fee in the L1 fee, in millionths. (Slot 3, offset 8)
    uint32 public blobBaseFeeScalar;
    /// @notice Weight of the base fee in the L1 fee, in millionths. (Slot 3, offset 12)
    uint32 public baseFeeScalar;
    /// @notice Address of the batcher, left-padded. (Slot 4)
    bytes32 public batcherHash;
    /// @notice Fee overhead of rules before Ecotone; unused since. (Slot 5)
    uint256 public l1FeeOverhead;
    /// @notice Fee scalar of rules before Ecotone; unused since. (Slot 6)
    uint256 public l1FeeScalar;
    /// @notice Blob base fee of the L1 origin, in wei per blob gas. (Slot 7)
    uint256 public blobBaseFee;
    /// @notice Constant part of the operator fee, in wei. (Slot 8)
    uint64 public operatorFeeConstant;
    /// @notice Part of the operator fee that grows with gas. (Slot 8, offset 8)
    uint32 public operatorFeeScalar;
    /// @notice Gas that a byte of estimated data-availability footprint counts for. (Slot 8, offset 12)
    uint16 public daFootprintGasScalar;

    modifier onlyDepositor() {
        if (msg.sender != Constants.DEPOSITOR_ACCOUNT) revert NotDepositor();
        _;
    }

    /// @notice The account whose deposits carry the L1 attributes.
    function DEPOSITOR_ACCOUNT() external pure returns (address) {
        return Constants.DEPOSITOR_ACCOUNT;
    }

    /// @notice The token that pays for gas: always ether here, as (its conventional address, 18 decimals).
    function gasPayingToken() external pure returns (address addr_, uint8 decimals_) {
        return (Constants.ETHER, 18);
    }

    function gasPayingTokenName() external pure returns (string memory) {
        return "Ether";
    }

    function gasPayingTokenSymbol() external pure returns (string memory) {
        return "ETH";
    }

    function isCustomGasToken() external pure returns (bool) {
        return false;
    }

    /// @notice Attributes in the ABI-encoded form of the rules before Ecotone.
    function setL1BlockValues(
        uint64 _number,
        uint64 _timestamp,
        uint256 _basefee,
        bytes32 _hash,
        uint64 _sequenceNumber,
        bytes32 _batcherHash,
        uint256 _l1FeeOverhead,
        uint256 _l1FeeScalar
    ) external onlyDepositor {
        number = _number;
        timestamp = _timestamp;
        basefee = _basefee;
        hash = _hash;
        sequenceNumber = _sequenceNumber;
        batcherHash = _batcherHash;
        l1FeeOverhead = _l1FeeOverhead;
        l1FeeScalar = _l1FeeScalar;
    }

    /// @notice Attributes in the packed form of Ecotone.
    function setL1BlockValuesEcotone() external onlyDepositor {
        _requireLength(ECOTONE_LENGTH);
        _storeEcotoneValues();
    }

    /// @notice Attributes in the packed form of Isthmus: Ecotone's, then the operator fee.
    function setL1BlockValuesIsthmus() external onlyDepositor {
        _requireLength(ISTHMUS_LENGTH);
        _storeEcotoneValues();
        _storeOperatorFee();
    }

    /// @notice Attributes in the packed form of Jovian: Isthmus's, then the data-availability footprint scalar.
    function setL1BlockValuesJovian() external onlyDepositor {
        _requireLength(JOVIAN_LENGTH);
        _storeEcotoneValues();
        _storeOperatorFee();
        daFootprintGasScalar = uint16(bytes2(msg.data[176:178]));
    }

    /// @dev A layout is fixed, so another length means that sender and contract disagree about the fork.
    function _requireLength(uint256 expected) private pure {
        if (msg.data.length != expected) revert BadAttributesLength(msg.data.length);
    }

    function _storeEcotoneValues() private {
        baseFeeScalar = uint32(bytes4(msg.data[4:8]));
        blobBaseFeeScalar = uint32(bytes4(msg.data[8:12]));
        sequenceNumber = uint64(bytes8(msg.data[12:20]));
        timestamp = uint64(bytes8(msg.data[20:28]));
        number = uint64(bytes8(msg.data[28:36]));
        basefee = uint256(bytes32(msg.data[36:68]));
        blobBaseFee = uint256(bytes32(msg.data[68:100]));
        hash = bytes32(msg.data[100:132]);
        batcherHash = bytes32(msg.data[132:164]);
    }

    function _storeOperatorFee() private {
        operatorFeeScalar = uint32(bytes4(msg.data[164:168]));
        operatorFeeConstant = uint64(bytes8(msg.data[168:176]));
    }
}
