// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Storage } from "../libraries/Storage.sol";
import { ISemver } from "../universal/ISemver.sol";
import { OwnableUpgradeable } from "../universal/OwnableUpgradeable.sol";
import { ProxyAdminOwnedBase } from "../universal/ProxyAdminOwnedBase.sol";
import { IResourceMetering } from "./interfaces/IResourceMetering.sol";
import { ISuperchainConfig } from "./interfaces/ISuperchainConfig.sol";
import { ISystemConfig } from "./interfaces/ISystemConfig.sol";

/// @notice The one thing asked of the portal here.
interface IPortalFactory {
    /// @notice The factory of the games that the portal accepts.
    function disputeGameFactory() external view returns (address);
}

/// @title SystemConfig
/// @notice Parameters of the rollup that live on L1. Nodes read the `ConfigUpdate` events: every change of a parameter
///         that derivation depends on is logged in the transaction that makes it.
contract SystemConfig is ProxyAdminOwnedBase, OwnableUpgradeable, ISystemConfig, ISemver {
    /// @notice Kinds of `ConfigUpdate`; the numbers are part of the protocol.
    enum UpdateType {
        BATCHER,
        FEE_SCALARS,
        GAS_LIMIT,
        UNSAFE_BLOCK_SIGNER,
        EIP_1559_PARAMS,
        OPERATOR_FEE_PARAMS,
        MIN_BASE_FEE,
        DA_FOOTPRINT_GAS_SCALAR
    }

    /// @notice L1 contracts of this chain (proxies).
    struct Addresses {
        address l1CrossDomainMessenger;
        address l1ERC721Bridge;
        address l1StandardBridge;
        address optimismPortal;
        address optimismMintableERC20Factory;
        address delayedWETH;
    }

    /// @notice Version in `ConfigUpdate` events.
    uint256 public constant VERSION = 0;

    /// @notice Slot of the unsafe block signer; nodes read it directly.
    bytes32 public constant UNSAFE_BLOCK_SIGNER_SLOT = keccak256("systemconfig.unsafeblocksigner");
    /// @notice Slot of the L1CrossDomainMessenger.
    bytes32 public constant L1_CROSS_DOMAIN_MESSENGER_SLOT =
        bytes32(uint256(keccak256("systemconfig.l1crossdomainmessenger")) - 1);
    /// @notice Slot of the L1ERC721Bridge.
    bytes32 public constant L1_ERC_721_BRIDGE_SLOT = bytes32(uint256(keccak256("systemconfig.l1erc721bridge")) - 1);
    /// @notice Slot of the L1StandardBridge.
    bytes32 public constant L1_STANDARD_BRIDGE_SLOT = bytes32(uint256(keccak256("systemconfig.l1standardbridge")) - 1);
    /// @notice Slot of the OptimismPortal.
    bytes32 public constant OPTIMISM_PORTAL_SLOT = bytes32(uint256(keccak256("systemconfig.optimismportal")) - 1);
    /// @notice Slot of the OptimismMintableERC20Factory.
    bytes32 public constant OPTIMISM_MINTABLE_ERC20_FACTORY_SLOT =
        bytes32(uint256(keccak256("systemconfig.optimismmintableerc20factory")) - 1);
    /// @notice Slot of the DelayedWETH.
    bytes32 public constant DELAYED_WETH_SLOT = bytes32(uint256(keccak256("systemconfig.delayedweth")) - 1);
    /// @notice Slot of the batch inbox.
    bytes32 public constant BATCH_INBOX_SLOT = bytes32(uint256(keccak256("systemconfig.batchinbox")) - 1);
    /// @notice Slot of the block from which on logs matter.
    bytes32 public constant START_BLOCK_SLOT = bytes32(uint256(keccak256("systemconfig.startBlock")) - 1);

    /// @notice Largest L2 gas limit: what can still be processed and proven.
    uint64 internal constant MAX_GAS_LIMIT = 500_000_000;

    /// @notice Fee overhead; zero since Ecotone.
    uint256 public overhead;
    /// @notice Fee scalars in one word: version 1 in the highest byte, blob base fee scalar, base fee scalar.
    uint256 public scalar;
    /// @notice The batcher's address, padded to 32 bytes.
    bytes32 public batcherHash;
    /// @notice L2 block gas limit.
    uint64 public gasLimit;
    /// @notice Scalar of the L1 base fee in the data fee.
    uint32 public basefeeScalar;
    /// @notice Scalar of the L1 blob base fee in the data fee.
    uint32 public blobbasefeeScalar;
    IResourceMetering.ResourceConfig internal _resourceConfig;
    /// @notice EIP-1559 denominator on L2; zero means the chain's default.
    uint32 public eip1559Denominator;
    /// @notice EIP-1559 elasticity on L2; zero means the chain's default.
    uint32 public eip1559Elasticity;
    /// @notice Scalar of the operator fee, in millionths of a wei per gas.
    uint32 public operatorFeeScalar;
    /// @notice Constant of the operator fee, in wei.
    uint64 public operatorFeeConstant;
    /// @notice Gas counted per byte of estimated compressed data.
    uint16 public daFootprintGasScalar;
    /// @notice Chain id of the L2 chain.
    uint256 public l2ChainId;
    /// @notice The pause switch.
    ISuperchainConfig public superchainConfig;
    /// @notice Lowest base fee on L2, in wei.
    uint64 public minBaseFee;

    /// @notice A parameter changed; `data` is the ABI-encoded new value.
    event ConfigUpdate(uint256 indexed version, UpdateType indexed updateType, bytes data);

    constructor() {
        // The implementation itself is no chain's configuration.
        Storage.setUint(START_BLOCK_SLOT, type(uint256).max);
        _disableInitializers();
    }

    /// @notice Sets everything once. The first block from which nodes must read logs is the block of this call.
    function initialize(
        address _owner,
        uint32 _basefeeScalar,
        uint32 _blobbasefeeScalar,
        bytes32 _batcherHash,
        uint64 _gasLimit,
        address _unsafeBlockSigner,
        IResourceMetering.ResourceConfig memory _config,
        address _batchInbox,
        Addresses memory _addresses,
        uint256 _l2ChainId,
        ISuperchainConfig _superchainConfig
    )
        external
        initializer
    {
        _assertOnlyProxyAdminOrProxyAdminOwner();
        _transferOwnership(_owner);
        _setBatcherHash(_batcherHash);
        _setGasConfigEcotone(_basefeeScalar, _blobbasefeeScalar);
        _setGasLimit(_gasLimit);
        Storage.setAddress(UNSAFE_BLOCK_SIGNER_SLOT, _unsafeBlockSigner);
        Storage.setAddress(BATCH_INBOX_SLOT, _batchInbox);
        Storage.setAddress(L1_CROSS_DOMAIN_MESSENGER_SLOT, _addresses.l1CrossDomainMessenger);
        Storage.setAddress(L1_ERC_721_BRIDGE_SLOT, _addresses.l1ERC721Bridge);
        Storage.setAddress(L1_STANDARD_BRIDGE_SLOT, _addresses.l1StandardBridge);
        Storage.setAddress(OPTIMISM_PORTAL_SLOT, _addresses.optimismPortal);
        Storage.setAddress(OPTIMISM_MINTABLE_ERC20_FACTORY_SLOT, _addresses.optimismMintableERC20Factory);
        Storage.setAddress(DELAYED_WETH_SLOT, _addresses.delayedWETH);
        Storage.setUint(START_BLOCK_SLOT, block.number);
        _setResourceConfig(_config);
        l2ChainId = _l2ChainId;
        superchainConfig = _superchainConfig;
    }

    /// @notice Semantic version.
    function version() external pure returns (string memory) {
        return "3.13.0";
    }

    /// @notice Smallest L2 gas limit: all deposits of one L1 block and the L1 attributes transaction must fit.
    function minimumGasLimit() public view returns (uint64) {
        return uint64(_resourceConfig.maxResourceLimit) + uint64(_resourceConfig.systemTxMaxGas);
    }

    /// @notice Largest L2 gas limit.
    function maximumGasLimit() external pure returns (uint64) {
        return MAX_GAS_LIMIT;
    }

    /// @notice Signer of unsafe blocks on the gossip network.
    function unsafeBlockSigner() external view returns (address) {
        return Storage.getAddress(UNSAFE_BLOCK_SIGNER_SLOT);
    }

    /// @notice Address to which batches are sent.
    function batchInbox() external view returns (address) {
        return Storage.getAddress(BATCH_INBOX_SLOT);
    }

    /// @notice First L1 block whose logs matter.
    function startBlock() external view returns (uint256) {
        return Storage.getUint(START_BLOCK_SLOT);
    }

    /// @notice The messenger on L1.
    function l1CrossDomainMessenger() public view returns (address) {
        return Storage.getAddress(L1_CROSS_DOMAIN_MESSENGER_SLOT);
    }

    /// @notice The ERC-721 bridge on L1.
    function l1ERC721Bridge() public view returns (address) {
        return Storage.getAddress(L1_ERC_721_BRIDGE_SLOT);
    }

    /// @notice The ETH and ERC-20 bridge on L1.
    function l1StandardBridge() public view returns (address) {
        return Storage.getAddress(L1_STANDARD_BRIDGE_SLOT);
    }

    /// @notice The portal.
    function optimismPortal() public view returns (address) {
        return Storage.getAddress(OPTIMISM_PORTAL_SLOT);
    }

    /// @notice The factory of bridged ERC-20 tokens on L1.
    function optimismMintableERC20Factory() public view returns (address) {
        return Storage.getAddress(OPTIMISM_MINTABLE_ERC20_FACTORY_SLOT);
    }

    /// @notice The contract that holds the games' bonds.
    function delayedWETH() public view returns (address) {
        return Storage.getAddress(DELAYED_WETH_SLOT);
    }

    /// @notice The factory of dispute games.
    function disputeGameFactory() external view returns (address) {
        return IPortalFactory(optimismPortal()).disputeGameFactory();
    }

    /// @notice All addresses at once.
    function getAddresses() external view returns (Addresses memory) {
        return Addresses({
            l1CrossDomainMessenger: l1CrossDomainMessenger(),
            l1ERC721Bridge: l1ERC721Bridge(),
            l1StandardBridge: l1StandardBridge(),
            optimismPortal: optimismPortal(),
            optimismMintableERC20Factory: optimismMintableERC20Factory(),
            delayedWETH: delayedWETH()
        });
    }

    /// @notice Parameters of the deposit fee market.
    function resourceConfig() external view returns (IResourceMetering.ResourceConfig memory) {
        return _resourceConfig;
    }

    /// @notice Whether this chain (its identifier is the portal) or everything is paused.
    function paused() external view returns (bool) {
        return superchainConfig.paused(address(0)) || superchainConfig.paused(optimismPortal());
    }

    /// @notice Account that may pause and invalidate games.
    function guardian() external view returns (address) {
        return superchainConfig.guardian();
    }

    /// @notice Sets the signer of unsafe blocks.
    function setUnsafeBlockSigner(address _unsafeBlockSigner) external onlyOwner {
        Storage.setAddress(UNSAFE_BLOCK_SIGNER_SLOT, _unsafeBlockSigner);
        emit ConfigUpdate(VERSION, UpdateType.UNSAFE_BLOCK_SIGNER, abi.encode(_unsafeBlockSigner));
    }

    /// @notice Sets the batcher.
    function setBatcherHash(bytes32 _batcherHash) external onlyOwner {
        _setBatcherHash(_batcherHash);
    }

    /// @notice Sets the scalars of the L1 data fee.
    function setGasConfigEcotone(uint32 _basefeeScalar, uint32 _blobbasefeeScalar) external onlyOwner {
        _setGasConfigEcotone(_basefeeScalar, _blobbasefeeScalar);
    }

    /// @notice Sets the L2 gas limit.
    function setGasLimit(uint64 _gasLimit) external onlyOwner {
        _setGasLimit(_gasLimit);
    }

    /// @notice Sets the EIP-1559 parameters of L2; both at least 1.
    function setEIP1559Params(uint32 _denominator, uint32 _elasticity) external onlyOwner {
        require(_denominator >= 1, "SystemConfig: denominator must be >= 1");
        require(_elasticity >= 1, "SystemConfig: elasticity must be >= 1");
        eip1559Denominator = _denominator;
        eip1559Elasticity = _elasticity;
        emit ConfigUpdate(
            VERSION, UpdateType.EIP_1559_PARAMS, abi.encode((uint256(_denominator) << 32) | uint256(_elasticity))
        );
    }

    /// @notice Sets the operator fee.
    function setOperatorFeeScalars(uint32 _operatorFeeScalar, uint64 _operatorFeeConstant) external onlyOwner {
        operatorFeeScalar = _operatorFeeScalar;
        operatorFeeConstant = _operatorFeeConstant;
        emit ConfigUpdate(
            VERSION,
            UpdateType.OPERATOR_FEE_PARAMS,
            abi.encode((uint256(_operatorFeeScalar) << 64) | uint256(_operatorFeeConstant))
        );
    }

    /// @notice Sets the lowest base fee on L2.
    function setMinBaseFee(uint64 _minBaseFee) external onlyOwner {
        minBaseFee = _minBaseFee;
        emit ConfigUpdate(VERSION, UpdateType.MIN_BASE_FEE, abi.encode(_minBaseFee));
    }

    /// @notice Sets the gas counted per byte of estimated compressed data.
    function setDAFootprintGasScalar(uint16 _daFootprintGasScalar) external onlyOwner {
        daFootprintGasScalar = _daFootprintGasScalar;
        emit ConfigUpdate(VERSION, UpdateType.DA_FOOTPRINT_GAS_SCALAR, abi.encode(_daFootprintGasScalar));
    }

    /// @notice Sets the parameters of the deposit fee market.
    function setResourceConfig(IResourceMetering.ResourceConfig memory _config) external onlyOwner {
        _setResourceConfig(_config);
    }

    function _setBatcherHash(bytes32 _batcherHash) private {
        batcherHash = _batcherHash;
        emit ConfigUpdate(VERSION, UpdateType.BATCHER, abi.encode(_batcherHash));
    }

    function _setGasConfigEcotone(uint32 _basefeeScalar, uint32 _blobbasefeeScalar) private {
        basefeeScalar = _basefeeScalar;
        blobbasefeeScalar = _blobbasefeeScalar;
        scalar = (uint256(1) << 248) | (uint256(_blobbasefeeScalar) << 32) | _basefeeScalar;
        emit ConfigUpdate(VERSION, UpdateType.FEE_SCALARS, abi.encode(overhead, scalar));
    }

    function _setGasLimit(uint64 _gasLimit) private {
        require(_gasLimit >= minimumGasLimit(), "SystemConfig: gas limit too low");
        require(_gasLimit <= MAX_GAS_LIMIT, "SystemConfig: gas limit too high");
        gasLimit = _gasLimit;
        emit ConfigUpdate(VERSION, UpdateType.GAS_LIMIT, abi.encode(_gasLimit));
    }

    /// @dev Invariants: the market can compute (no zero divisor, target divides the limit), its bounds are ordered, and
    ///      a full set of deposits fits an L2 block, or L2 could not derive it.
    function _setResourceConfig(IResourceMetering.ResourceConfig memory _config) private {
        require(
            _config.minimumBaseFee <= _config.maximumBaseFee, "SystemConfig: min base fee must be less than max base"
        );
        require(_config.baseFeeMaxChangeDenominator > 1, "SystemConfig: denominator must be larger than 1");
        require(
            uint64(_config.maxResourceLimit) + _config.systemTxMaxGas <= gasLimit, "SystemConfig: gas limit too low"
        );
        require(_config.elasticityMultiplier > 0, "SystemConfig: elasticity multiplier cannot be 0");
        require(
            _config.maxResourceLimit % _config.elasticityMultiplier == 0,
            "SystemConfig: precision loss with target resource limit"
        );
        require(_config.maxResourceLimit > 0, "SystemConfig: max resource limit cannot be 0");
        _resourceConfig = _config;
    }
}
