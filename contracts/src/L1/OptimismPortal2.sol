// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IAnchorStateRegistry } from "../dispute/interfaces/IAnchorStateRegistry.sol";
import { IDisputeGame } from "../dispute/interfaces/IDisputeGame.sol";
import { IDisputeGameFactory } from "../dispute/interfaces/IDisputeGameFactory.sol";
import { GameStatus, GameType } from "../dispute/lib/Types.sol";
import { AddressAliasHelper } from "../libraries/AddressAliasHelper.sol";
import { Constants } from "../libraries/Constants.sol";
import { Hashing } from "../libraries/Hashing.sol";
import { SafeCall } from "../libraries/SafeCall.sol";
import { SecureMerkleTrie } from "../libraries/trie/SecureMerkleTrie.sol";
import { Types } from "../libraries/Types.sol";
import { ISemver } from "../universal/ISemver.sol";
import { ProxyAdminOwnedBase } from "../universal/ProxyAdminOwnedBase.sol";
import { ISuperchainConfig } from "./interfaces/ISuperchainConfig.sol";
import { ISystemConfig } from "./interfaces/ISystemConfig.sol";
import { ResourceMetering } from "./ResourceMetering.sol";

/// @title OptimismPortal2
/// @notice The door between the layers: takes deposits, and pays out withdrawals that were proven against the output
///         root of a dispute game which was then accepted. Messages through the portal are sent once; whoever wants
///         replays uses the messenger.
contract OptimismPortal2 is ProxyAdminOwnedBase, ResourceMetering, ISemver {
    /// @notice A proof: the game it relies on and when it was given.
    struct ProvenWithdrawal {
        IDisputeGame disputeGameProxy;
        uint64 timestamp;
    }

    uint256 internal constant DEPOSIT_VERSION = 0;
    uint64 internal constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;
    /// @dev Bound of a deposit's data: what still fits the gossip of an L2 block.
    uint256 internal constant MAX_CALLDATA = 120_000;

    uint256 internal immutable PROOF_MATURITY_DELAY_SECONDS;

    /// @notice Sender on L2 of the withdrawal that is being executed; a fixed address outside of one.
    address public l2Sender;
    /// @notice Withdrawals that were executed, successfully or not.
    mapping(bytes32 => bool) public finalizedWithdrawals;
    /// @dev Slots 52 to 54 of the counterpart: retired.
    uint256[3] private __retired52;
    /// @notice The chain's configuration.
    ISystemConfig public systemConfig;
    uint256 private __retired56;
    /// @notice Proofs by withdrawal and by who gave them.
    mapping(bytes32 => mapping(address => ProvenWithdrawal)) public provenWithdrawals;
    uint256[2] private __retired58;
    /// @notice Accounts that proved a withdrawal, in order.
    mapping(bytes32 => address[]) public proofSubmitters;
    uint256 private __retired61;
    /// @notice Decides which games count.
    IAnchorStateRegistry public anchorStateRegistry;

    /// @notice A deposit; `opaqueData` is packed: mint, value, gas limit, creation flag, data.
    event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData);
    /// @notice A withdrawal was proven.
    event WithdrawalProven(bytes32 indexed withdrawalHash, address indexed from, address indexed to);
    /// @notice Who proved it.
    event WithdrawalProvenExtension1(bytes32 indexed withdrawalHash, address indexed proofSubmitter);
    /// @notice A withdrawal was executed.
    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);

    /// @notice The withdrawal was executed before.
    error OptimismPortal_AlreadyFinalized();
    /// @notice The target is the portal itself, or a creation names a target.
    error OptimismPortal_BadTarget();
    /// @notice The chain is paused.
    error OptimismPortal_CallPaused();
    /// @notice The deposit's data is longer than 120,000 bytes.
    error OptimismPortal_CalldataTooLarge();
    /// @notice The withdrawal fails at the gas that is being tried.
    error OptimismPortal_GasEstimation();
    /// @notice The deposit's gas limit does not cover its data.
    error OptimismPortal_GasLimitTooLow();
    /// @notice The game was taken out, or the factory does not know it.
    error OptimismPortal_ImproperDisputeGame();
    /// @notice The game is lost, or its type does not count.
    error OptimismPortal_InvalidDisputeGame();
    /// @notice The message passer did not record the withdrawal.
    error OptimismPortal_InvalidMerkleProof();
    /// @notice The elements do not hash to the game's root claim.
    error OptimismPortal_InvalidOutputRootProof();
    /// @notice The proof is not younger than the game.
    error OptimismPortal_InvalidProofTimestamp();
    /// @notice The game's claim is not accepted (yet).
    error OptimismPortal_InvalidRootClaim();
    /// @notice A withdrawal is being executed.
    error OptimismPortal_NoReentrancy();
    /// @notice The proof has not matured.
    error OptimismPortal_ProofNotOldEnough();
    /// @notice This account has not proven the withdrawal.
    error OptimismPortal_Unproven();

    /// @param _proofMaturityDelaySeconds Seconds between proof and execution of a withdrawal.
    constructor(uint256 _proofMaturityDelaySeconds) {
        PROOF_MATURITY_DELAY_SECONDS = _proofMaturityDelaySeconds;
        _disableInitializers();
    }

    /// @notice Deposits what was sent to the sender's own address on L2.
    /// @dev    For accounts; a contract's deposit goes to its aliased address and is lost unless it has a plan for it.
    receive() external payable {
        depositTransaction(msg.sender, msg.value, RECEIVE_DEFAULT_GAS_LIMIT, false, bytes(""));
    }

    /// @notice Sets the addresses once.
    function initialize(ISystemConfig _systemConfig, IAnchorStateRegistry _anchorStateRegistry) external initializer {
        _assertOnlyProxyAdminOrProxyAdminOwner();
        systemConfig = _systemConfig;
        anchorStateRegistry = _anchorStateRegistry;
        l2Sender = Constants.DEFAULT_L2_SENDER;
        __ResourceMetering_init();
    }

    /// @notice Semantic version. Clients take 3 and above for a portal with dispute games.
    function version() external pure virtual returns (string memory) {
        return "4.6.0";
    }

    /// @notice Whether withdrawals are paused.
    function paused() public view returns (bool) {
        return systemConfig.paused();
    }

    /// @notice The pause switch.
    function superchainConfig() external view returns (ISuperchainConfig) {
        return systemConfig.superchainConfig();
    }

    /// @notice Account that may pause and invalidate games.
    function guardian() external view returns (address) {
        return systemConfig.guardian();
    }

    /// @notice Seconds between proof and execution of a withdrawal.
    function proofMaturityDelaySeconds() external view returns (uint256) {
        return PROOF_MATURITY_DELAY_SECONDS;
    }

    /// @notice Seconds between a game's resolution and its acceptance.
    function disputeGameFinalityDelaySeconds() external view returns (uint256) {
        return anchorStateRegistry.disputeGameFinalityDelaySeconds();
    }

    /// @notice Factory of the games.
    function disputeGameFactory() public view returns (IDisputeGameFactory) {
        return anchorStateRegistry.disputeGameFactory();
    }

    /// @notice Type of game that withdrawals may be proven against.
    function respectedGameType() external view returns (GameType) {
        return anchorStateRegistry.respectedGameType();
    }

    /// @notice Games created up to this time do not count.
    function respectedGameTypeUpdatedAt() external view returns (uint64) {
        return anchorStateRegistry.retirementTimestamp();
    }

    /// @notice Whether a game is blacklisted.
    function disputeGameBlacklist(IDisputeGame _game) external view returns (bool) {
        return anchorStateRegistry.isGameBlacklisted(_game);
    }

    /// @notice Number of accounts that proved a withdrawal.
    function numProofSubmitters(bytes32 _withdrawalHash) external view returns (uint256) {
        return proofSubmitters[_withdrawalHash].length;
    }

    /// @notice Smallest gas limit of a deposit with so many bytes of data.
    function minimumGasLimit(uint64 _byteCount) public pure returns (uint64) {
        return _byteCount * 40 + 21_000;
    }

    /// @notice Takes ETH without a deposit.
    function donateETH() external payable { }

    /// @notice Proves that a withdrawal was initiated on L2, against the root claim of a game.
    /// @dev    Invariant: a proof is stored only for a withdrawal in `sentMessages` of the state that the claim commits
    ///         to. Proofs are kept per submitter, so nobody can reset the waiting time of somebody else's proof.
    function proveWithdrawalTransaction(
        Types.WithdrawalTransaction memory _tx,
        uint256 _disputeGameIndex,
        Types.OutputRootProof memory _outputRootProof,
        bytes[] memory _withdrawalProof
    )
        external
    {
        if (paused()) revert OptimismPortal_CallPaused();
        if (_isUnsafeTarget(_tx.target)) revert OptimismPortal_BadTarget();

        (,, IDisputeGame game) = disputeGameFactory().gameAtIndex(_disputeGameIndex);
        if (!anchorStateRegistry.isGameProper(game)) revert OptimismPortal_ImproperDisputeGame();
        if (!anchorStateRegistry.isGameRespected(game)) revert OptimismPortal_InvalidDisputeGame();
        if (game.status() == GameStatus.CHALLENGER_WINS) revert OptimismPortal_InvalidDisputeGame();
        if (block.timestamp <= game.createdAt().raw()) revert OptimismPortal_InvalidProofTimestamp();
        if (game.rootClaim().raw() != Hashing.hashOutputRootProof(_outputRootProof)) {
            revert OptimismPortal_InvalidOutputRootProof();
        }

        bytes32 withdrawalHash = Hashing.hashWithdrawal(_tx);
        // `sentMessages` is the message passer's slot 0.
        bytes32 storageKey = keccak256(abi.encode(withdrawalHash, uint256(0)));
        bool included = SecureMerkleTrie.verifyInclusionProof({
            _key: abi.encode(storageKey),
            _value: hex"01",
            _proof: _withdrawalProof,
            _root: _outputRootProof.messagePasserStorageRoot
        });
        if (!included) revert OptimismPortal_InvalidMerkleProof();

        provenWithdrawals[withdrawalHash][msg.sender] = ProvenWithdrawal(game, uint64(block.timestamp));
        proofSubmitters[withdrawalHash].push(msg.sender);
        emit WithdrawalProven(withdrawalHash, _tx.sender, _tx.target);
        emit WithdrawalProvenExtension1(withdrawalHash, msg.sender);
    }

    /// @notice Executes a withdrawal that the caller has proven.
    function finalizeWithdrawalTransaction(Types.WithdrawalTransaction memory _tx) external {
        finalizeWithdrawalTransactionExternalProof(_tx, msg.sender);
    }

    /// @notice Executes a withdrawal that someone has proven.
    /// @dev    Invariants: a withdrawal is executed at most once, whether its call succeeds or not; the target gets at
    ///         least the gas limit that was asked for on L2; `l2Sender` is set only during the call.
    function finalizeWithdrawalTransactionExternalProof(
        Types.WithdrawalTransaction memory _tx,
        address _proofSubmitter
    )
        public
    {
        if (paused()) revert OptimismPortal_CallPaused();
        if (l2Sender != Constants.DEFAULT_L2_SENDER) revert OptimismPortal_NoReentrancy();
        if (_isUnsafeTarget(_tx.target)) revert OptimismPortal_BadTarget();

        bytes32 withdrawalHash = Hashing.hashWithdrawal(_tx);
        checkWithdrawal(withdrawalHash, _proofSubmitter);
        finalizedWithdrawals[withdrawalHash] = true;

        l2Sender = _tx.sender;
        bool success = SafeCall.callWithMinGas(_tx.target, _tx.gasLimit, _tx.value, _tx.data);
        l2Sender = Constants.DEFAULT_L2_SENDER;
        emit WithdrawalFinalized(withdrawalHash, success);

        // Without this, gas estimation would be content with a gas limit under which the call fails.
        if (!success && tx.origin == Constants.ESTIMATION_ADDRESS) revert OptimismPortal_GasEstimation();
    }

    /// @notice Reverts unless the withdrawal can be executed with this submitter's proof.
    function checkWithdrawal(bytes32 _withdrawalHash, address _proofSubmitter) public view {
        if (finalizedWithdrawals[_withdrawalHash]) revert OptimismPortal_AlreadyFinalized();
        ProvenWithdrawal memory proven = provenWithdrawals[_withdrawalHash][_proofSubmitter];
        if (proven.timestamp == 0) revert OptimismPortal_Unproven();
        if (proven.timestamp <= proven.disputeGameProxy.createdAt().raw()) {
            revert OptimismPortal_InvalidProofTimestamp();
        }
        if (block.timestamp - proven.timestamp <= PROOF_MATURITY_DELAY_SECONDS) {
            revert OptimismPortal_ProofNotOldEnough();
        }
        if (!anchorStateRegistry.isGameClaimValid(proven.disputeGameProxy)) revert OptimismPortal_InvalidRootClaim();
    }

    /// @notice Deposits ETH and runs a transaction on L2.
    /// @dev    Invariants: what is minted on L2 is what was sent here; a contract appears on L2 under its alias.
    function depositTransaction(
        address _to,
        uint256 _value,
        uint64 _gasLimit,
        bool _isCreation,
        bytes memory _data
    )
        public
        payable
        metered(_gasLimit)
    {
        if (_isCreation && _to != address(0)) revert OptimismPortal_BadTarget();
        if (_data.length > MAX_CALLDATA) revert OptimismPortal_CalldataTooLarge();
        if (_gasLimit < minimumGasLimit(uint64(_data.length))) revert OptimismPortal_GasLimitTooLow();

        address from = _isSenderAccount() ? msg.sender : AddressAliasHelper.applyL1ToL2Alias(msg.sender);
        emit TransactionDeposited(
            from, _to, DEPOSIT_VERSION, abi.encodePacked(msg.value, _value, _gasLimit, _isCreation, _data)
        );
    }

    function _resourceConfig() internal view override returns (ResourceConfig memory) {
        return systemConfig.resourceConfig();
    }

    /// @dev A message to the portal itself could deposit in the portal's name.
    function _isUnsafeTarget(address _target) private view returns (bool) {
        return _target == address(this);
    }

    /// @dev Accounts keep their address, also those that delegate their code (EIP-7702: 0xef0100 and an address).
    function _isSenderAccount() private view returns (bool) {
        if (msg.sender == tx.origin) return true;
        bytes memory code = msg.sender.code;
        return code.length == 23 && bytes3(code) == 0xef0100;
    }
}
