// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Hashing } from "../libraries/Hashing.sol";
import { RLPReader } from "../libraries/rlp/RLPReader.sol";
import { Types } from "../libraries/Types.sol";
import { ISemver } from "../universal/ISemver.sol";
import { IAnchorStateRegistry } from "./interfaces/IAnchorStateRegistry.sol";
import { IBigStepper } from "./interfaces/IBigStepper.sol";
import { IDelayedWETH } from "./interfaces/IDelayedWETH.sol";
import { IDisputeGame } from "./interfaces/IDisputeGame.sol";
import { IPreimageOracle } from "./interfaces/IPreimageOracle.sol";
import { IZKVerifier } from "./interfaces/IZKVerifier.sol";
import "./lib/Errors.sol";
import { CloneArgs } from "./lib/CloneWithArgs.sol";
import { LibBond } from "./lib/LibBond.sol";
import { Clock, Duration, LibClock, Timestamp } from "./lib/LibClock.sol";
import { LibPosition, Position } from "./lib/LibPosition.sol";
import { Claim, GameType, Hash } from "./lib/LibUDT.sol";
import { BondDistributionMode, GameStatus, LocalPreimageKey, Proposal, VMStatuses } from "./lib/Types.sol";

/// @title FaultDisputeGame
/// @notice A dispute about one output root. Claims form a tree over two traces: down to the split depth the output roots
///         of the L2 blocks since the anchor, below it the states of the VM that computes one of those blocks from the
///         one before. Every claim carries a bond and starts the chess clock of the other side. A claim at the deepest
///         level is countered by executing the one VM step in question. In the end a claim stands unless an unanswered
///         claim counters it, and the root claim's fate is the game's. Where a verifier is set, a validity proof of the
///         root claim, or of another root for the same block, ends the game at once.
/// @dev    Lives as clones with the constants creator (20 bytes), root claim, L1 head, L2 block number (32 bytes each).
contract FaultDisputeGame is CloneArgs, IDisputeGame, ISemver {
    /// @notice A claim and its state.
    struct ClaimData {
        uint32 parentIndex;
        address counteredBy;
        address claimant;
        uint128 bond;
        Claim claim;
        Position position;
        Clock clock;
    }

    /// @notice How far the children of a claim have been checked in its resolution.
    struct ResolutionCheckpoint {
        bool initialCheckpointComplete;
        uint32 subgameIndex;
        Position leftmostPosition;
        address counteredBy;
    }

    /// @notice Constants of all games of a type.
    struct GameConstructorParams {
        GameType gameType;
        Claim absolutePrestate;
        uint256 maxGameDepth;
        uint256 splitDepth;
        Duration clockExtension;
        Duration maxClockDuration;
        IBigStepper vm;
        IDelayedWETH weth;
        IAnchorStateRegistry anchorStateRegistry;
        uint256 l2ChainId;
        IZKVerifier zkVerifier;
        bytes32 zkProgramId;
        bytes32 zkConfigHash;
    }

    GameType internal immutable GAME_TYPE;
    Claim internal immutable ABSOLUTE_PRESTATE;
    uint256 internal immutable MAX_GAME_DEPTH;
    uint256 internal immutable SPLIT_DEPTH;
    Duration internal immutable CLOCK_EXTENSION;
    Duration internal immutable MAX_CLOCK_DURATION;
    IBigStepper internal immutable VM;
    IDelayedWETH internal immutable WETH;
    IAnchorStateRegistry internal immutable ANCHOR_STATE_REGISTRY;
    uint256 internal immutable L2_CHAIN_ID;
    IZKVerifier internal immutable ZK_VERIFIER;
    bytes32 internal immutable ZK_PROGRAM_ID;
    bytes32 internal immutable ZK_CONFIG_HASH;

    Position internal constant ROOT_POSITION = Position.wrap(1);
    uint256 internal constant HEADER_BLOCK_NUMBER_INDEX = 8;
    uint32 internal constant NO_PARENT = type(uint32).max;

    /// @notice When the game was created.
    Timestamp public createdAt;
    /// @notice When the game ended.
    Timestamp public resolvedAt;
    /// @notice Where the game stands.
    GameStatus public status;
    bool internal initialized;
    /// @notice Whether the claimed block number was shown to be wrong.
    bool public l2BlockNumberChallenged;
    /// @notice Who showed it.
    address public l2BlockNumberChallenger;
    /// @notice All claims; number 0 is the root claim.
    ClaimData[] public claimData;
    /// @notice What each account gets if bonds go to the winners.
    mapping(address => uint256) public normalModeCredit;
    /// @notice Claims that were made, so that none is made twice.
    mapping(Hash => bool) public claims;
    /// @notice Answers to each claim.
    mapping(uint256 => uint256[]) public subgames;
    /// @notice Claims whose fate is settled.
    mapping(uint256 => bool) public resolvedSubgames;
    /// @notice Progress of resolutions.
    mapping(uint256 => ResolutionCheckpoint) public resolutionCheckpoints;
    /// @notice Anchor that the game started from.
    Proposal public startingOutputRoot;
    /// @notice Whether this type of game counted when the game was created.
    bool public wasRespectedGameTypeWhenCreated;
    /// @notice What each account gets if bonds go back.
    mapping(address => uint256) public refundModeCredit;
    /// @notice Accounts whose payout waits in the DelayedWETH.
    mapping(address => bool) public hasUnlockedCredit;
    /// @notice Which of the two it is.
    BondDistributionMode public bondDistributionMode;
    /// @notice Who ended the game by a validity proof; zero if nobody did.
    address public prover;
    /// @notice How many claims are settled.
    uint64 public settledClaims;

    /// @notice A claim was made.
    event Move(uint256 indexed parentIndex, Claim indexed claim, address indexed claimant);
    /// @notice A validity proof ended the game.
    event Proven(address indexed prover, Claim indexed provenRoot);
    /// @notice The way of paying out was settled.
    event GameClosed(BondDistributionMode bondDistributionMode);
    /// @notice The game received ETH (emitted by the clone itself).
    event ReceiveETH(uint256 amount);

    modifier onlyInProgress() {
        _assertInProgress();
        _;
    }

    /// @param _params Constants of all games of this type.
    constructor(GameConstructorParams memory _params) {
        if (_params.maxGameDepth > LibPosition.MAX_POSITION_BITLEN - 1) revert MaxDepthTooLarge();
        // An execution trace needs room for its root and at least one level below it.
        if (_params.splitDepth < 2 || _params.splitDepth + 1 >= _params.maxGameDepth) revert InvalidSplitDepth();
        // No extension may grant more than a whole clock.
        uint256 extension = _params.clockExtension.raw();
        uint256 beforeStep = extension + _params.vm.oracle().challengePeriod();
        uint256 longest = beforeStep > 2 * extension ? beforeStep : 2 * extension;
        if (longest > _params.maxClockDuration.raw()) revert InvalidClockExtension();
        if (_params.gameType.raw() == type(uint32).max) revert ReservedGameType();

        GAME_TYPE = _params.gameType;
        ABSOLUTE_PRESTATE = _params.absolutePrestate;
        MAX_GAME_DEPTH = _params.maxGameDepth;
        SPLIT_DEPTH = _params.splitDepth;
        CLOCK_EXTENSION = _params.clockExtension;
        MAX_CLOCK_DURATION = _params.maxClockDuration;
        VM = _params.vm;
        WETH = _params.weth;
        ANCHOR_STATE_REGISTRY = _params.anchorStateRegistry;
        L2_CHAIN_ID = _params.l2ChainId;
        ZK_VERIFIER = _params.zkVerifier;
        ZK_PROGRAM_ID = _params.zkProgramId;
        ZK_CONFIG_HASH = _params.zkConfigHash;
    }

    receive() external payable {
        emit ReceiveETH(msg.value);
    }

    /// @notice Starts the game; called by the factory with the root claim's bond.
    /// @dev    Invariants: runs once; the claim is about a block after the anchor; the extra data is exactly the block
    ///         number, or the same claim could get several games.
    function initialize() external payable {
        if (initialized) revert AlreadyInitialized();
        (Hash root, uint256 rootBlockNumber) = ANCHOR_STATE_REGISTRY.getAnchorRoot();
        if (root.raw() == bytes32(0)) revert AnchorRootNotFound();
        // Selector, creator, root claim, L1 head, block number, length of the constants.
        if (msg.data.length != 4 + 20 + 32 + 32 + 32 + 2) revert BadExtraData();
        if (l2BlockNumber() <= rootBlockNumber) revert UnexpectedRootClaim(rootClaim());

        initialized = true;
        startingOutputRoot = Proposal({ root: root, l2SequenceNumber: rootBlockNumber });
        createdAt = Timestamp.wrap(uint64(block.timestamp));
        wasRespectedGameTypeWhenCreated = ANCHOR_STATE_REGISTRY.respectedGameType().raw() == GAME_TYPE.raw();
        _addClaim(NO_PARENT, gameCreator(), rootClaim(), ROOT_POSITION, Duration.wrap(0));
    }

    /// @notice Semantic version.
    function version() external pure returns (string memory) {
        return "1.8.0";
    }

    // --- Playing -----------------------------------------------------------------------------------------------------

    /// @notice Disagrees with a claim: claims what its trace is in the middle of its left half.
    function attack(Claim _disputed, uint256 _parentIndex, Claim _claim) external payable {
        move(_disputed, _parentIndex, _claim, true);
    }

    /// @notice Agrees with a claim as far as it goes, and claims what comes in the right neighbour's left half.
    function defend(Claim _disputed, uint256 _parentIndex, Claim _claim) external payable {
        move(_disputed, _parentIndex, _claim, false);
    }

    /// @notice Answers a claim.
    /// @dev    Invariants: the answered claim is the one the caller saw; a trace's root is never defended, because it
    ///         commits to the whole trace; nobody moves after their clock has run out; the bond is exact; no claim is made
    ///         twice as an answer to the same claim.
    function move(Claim _disputed, uint256 _challengeIndex, Claim _claim, bool _isAttack)
        public
        payable
        onlyInProgress
    {
        ClaimData memory parent = claimData[_challengeIndex];
        if (parent.claim.raw() != _disputed.raw()) revert InvalidDisputedClaimIndex();

        Position nextPosition = parent.position.move(_isAttack);
        uint256 nextDepth = nextPosition.depth();
        if (!_isAttack && (_challengeIndex == 0 || nextDepth == SPLIT_DEPTH + 2)) revert CannotDefendRootClaim();
        // The root claim is lost already, answers to it would only lose their bonds.
        if (l2BlockNumberChallenged && _challengeIndex == 0) revert L2BlockNumberChallenged();
        if (nextDepth > MAX_GAME_DEPTH) revert GameDepthExceeded();
        if (nextDepth == SPLIT_DEPTH + 1) {
            _verifyExecBisectionRoot(_claim, _challengeIndex, parent.position, _isAttack);
        }
        if (getRequiredBond(nextPosition) != msg.value) revert IncorrectBondAmount();

        uint64 used = getChallengerDuration(_challengeIndex).raw();
        if (used == MAX_CLOCK_DURATION.raw()) revert ClockTimeExceeded();
        // Whoever inherits a nearly used-up clock still gets time to answer.
        uint64 cap = MAX_CLOCK_DURATION.raw() - _clockExtension(nextDepth);
        if (used > cap) used = cap;

        Hash claimHash = _claim.hashClaimPos(nextPosition, _challengeIndex);
        if (claims[claimHash]) revert ClaimAlreadyExists();
        claims[claimHash] = true;

        subgames[_challengeIndex].push(claimData.length);
        _addClaim(uint32(_challengeIndex), msg.sender, _claim, nextPosition, Duration.wrap(used));
        emit Move(_challengeIndex, _claim, msg.sender);
    }

    /// @notice Counters a claim at the deepest level by executing the VM step that it or its neighbour commits to.
    /// @param _claimIndex The claim.
    /// @param _isAttack   Whether the claim is the state after the step (attack) or the one before it (defense).
    /// @param _stateData  Preimage of the state before the step.
    /// @param _proof      What the VM needs to know of the memory.
    /// @dev    Invariant: a claim is countered only if the VM disagrees with it. An attack shows that the step does not
    ///         end in the claim. A defense starts from the claim and counters it if the VM confirms a state after it of
    ///         the other side, or refutes one of the claim's own side.
    function step(uint256 _claimIndex, bool _isAttack, bytes calldata _stateData, bytes calldata _proof)
        external
        onlyInProgress
    {
        ClaimData storage parent = claimData[_claimIndex];
        (bytes32 postState, bool sameSide) = _stepPostState(parent, _isAttack, keccak256(_stateData));
        bool validStep = _executeStep(_claimIndex, _stateData, _proof) == postState;
        if (sameSide == validStep) revert ValidStep();
        if (parent.counteredBy != address(0)) revert DuplicateStep();
        parent.counteredBy = msg.sender;
    }

    /// @notice Gives the VM data of this game: the program's only inputs.
    /// @param _ident       1 L1 head, 2 agreed output root, 3 disputed output root, 4 its block number, 5 L2 chain id.
    /// @param _execLeafIdx A claim in the execution trace that needs it.
    /// @param _partOffset  Offset into length prefix and data.
    function addLocalData(uint256 _ident, uint256 _execLeafIdx, uint256 _partOffset) external onlyInProgress {
        (Claim starting, Position startingPos, Claim disputed, Position disputedPos) =
            _findStartingAndDisputedOutputs(_execLeafIdx);
        bytes32 context = _localContext(starting, startingPos, disputed, disputedPos);
        IPreimageOracle oracle = VM.oracle();
        bytes32 word;
        uint256 size = 32;
        if (_ident == LocalPreimageKey.L1_HEAD_HASH) {
            word = l1Head().raw();
        } else if (_ident == LocalPreimageKey.STARTING_OUTPUT_ROOT) {
            word = starting.raw();
        } else if (_ident == LocalPreimageKey.DISPUTED_OUTPUT_ROOT) {
            word = disputed.raw();
        } else if (_ident == LocalPreimageKey.DISPUTED_L2_BLOCK_NUMBER) {
            // The output trace extends past the claimed block by repeating it.
            uint256 number = startingOutputRoot.l2SequenceNumber + disputedPos.traceIndex(SPLIT_DEPTH) + 1;
            if (number > l2BlockNumber()) number = l2BlockNumber();
            (word, size) = (bytes32(number << 192), 8);
        } else if (_ident == LocalPreimageKey.CHAIN_ID) {
            (word, size) = (bytes32(L2_CHAIN_ID << 192), 8);
        } else {
            revert InvalidLocalIdent();
        }
        oracle.loadLocalData(_ident, context, word, size, _partOffset);
    }

    /// @notice Shows that the root claim is the output root of another block than the one it names. That alone decides
    ///         the game against it.
    function challengeRootL2Block(Types.OutputRootProof calldata _outputRootProof, bytes calldata _headerRLP)
        external
        onlyInProgress
    {
        if (l2BlockNumberChallenged) revert L2BlockNumberChallenged();
        if (Hashing.hashOutputRootProof(_outputRootProof) != rootClaim().raw()) revert InvalidOutputRootProof();
        if (keccak256(_headerRLP) != _outputRootProof.latestBlockhash) revert InvalidHeaderRLP();
        bytes memory number = RLPReader.readBytes(RLPReader.readList(_headerRLP)[HEADER_BLOCK_NUMBER_INDEX]);
        if (number.length > 32) revert InvalidHeaderRLP();
        uint256 blockNumber;
        for (uint256 i = 0; i < number.length; i++) {
            blockNumber = (blockNumber << 8) | uint8(number[i]);
        }
        if (blockNumber == l2BlockNumber()) revert BlockNumberMatches();
        l2BlockNumberChallenged = true;
        l2BlockNumberChallenger = msg.sender;
    }

    // --- Proving -----------------------------------------------------------------------------------------------------

    /// @notice Ends the game for the root claim by a validity proof of it.
    /// @dev    Invariant: the proof is about exactly this game: L1 head, anchor, root claim, the block number that was really
    ///         derived, and the chain's configuration.
    function proveClaim(bytes calldata _proof) external onlyInProgress {
        if (l2BlockNumberChallenged) revert L2BlockNumberChallenged();
        _endByProof(rootClaim(), _proof, GameStatus.DEFENDER_WINS);
    }

    /// @notice Ends the game against the root claim by a validity proof of another root for the same block.
    function proveConflict(Claim _otherRoot, bytes calldata _proof) external onlyInProgress {
        if (_otherRoot.raw() == rootClaim().raw()) revert NoConflict();
        _endByProof(_otherRoot, _proof, GameStatus.CHALLENGER_WINS);
    }

    // --- Ending ------------------------------------------------------------------------------------------------------

    /// @notice Ends the game once the root claim's fate is settled.
    function resolve() external onlyInProgress returns (GameStatus status_) {
        if (!resolvedSubgames[0]) revert OutOfOrderResolution();
        status_ = claimData[0].counteredBy == address(0) ? GameStatus.DEFENDER_WINS : GameStatus.CHALLENGER_WINS;
        resolvedAt = Timestamp.wrap(uint64(block.timestamp));
        status = status_;
        emit Resolved(status_);
    }

    /// @notice Settles a claim, or checks up to `_numToResolve` more of its answers (0 at the first call: all).
    /// @dev    Invariants: a claim is settled after all its answers, once, and after the time to answer it is over. It is
    ///         countered by the leftmost answer that stands, which gets its bond: an answer too far right cannot be
    ///         countered itself and must not take the bond from the right one. After a proof the order does not matter.
    function resolveClaim(uint256 _claimIndex, uint256 _numToResolve) external {
        if (prover != address(0)) {
            _settleAfterProof(_claimIndex);
            return;
        }
        _assertInProgress();
        ClaimData storage subgameRoot = claimData[_claimIndex];
        if (getChallengerDuration(_claimIndex).raw() < MAX_CLOCK_DURATION.raw()) revert ClockNotExpired();
        if (resolvedSubgames[_claimIndex]) revert ClaimAlreadyResolved();

        uint256[] storage answers = subgames[_claimIndex];
        uint256 count = answers.length;
        if (count == 0 && _claimIndex != 0) {
            // At the deepest level a step may have countered it.
            address stepper = subgameRoot.counteredBy;
            _settle(_claimIndex, stepper == address(0) ? subgameRoot.claimant : stepper, subgameRoot.bond);
            return;
        }

        ResolutionCheckpoint memory checkpoint = resolutionCheckpoints[_claimIndex];
        if (!checkpoint.initialCheckpointComplete) {
            checkpoint.leftmostPosition = Position.wrap(type(uint128).max);
            checkpoint.initialCheckpointComplete = true;
            if (_numToResolve == 0) _numToResolve = count;
        }
        uint256 remaining = count - checkpoint.subgameIndex;
        uint256 end = checkpoint.subgameIndex + (_numToResolve < remaining ? _numToResolve : remaining);
        for (uint256 i = checkpoint.subgameIndex; i < end; i++) {
            uint256 index = answers[i];
            if (!resolvedSubgames[index]) revert OutOfOrderResolution();
            ClaimData storage answer = claimData[index];
            if (answer.counteredBy == address(0) && answer.position.raw() < checkpoint.leftmostPosition.raw()) {
                checkpoint.counteredBy = answer.claimant;
                checkpoint.leftmostPosition = answer.position;
            }
        }
        checkpoint.subgameIndex = uint32(end);
        resolutionCheckpoints[_claimIndex] = checkpoint;
        if (end != count) return;

        address winner =
            _claimIndex == 0 && l2BlockNumberChallenged ? l2BlockNumberChallenger : checkpoint.counteredBy;
        subgameRoot.counteredBy = winner;
        _settle(_claimIndex, winner == address(0) ? subgameRoot.claimant : winner, subgameRoot.bond);
    }

    /// @notice Settles how bonds are paid out, and offers the game as the new anchor.
    /// @dev    Invariant: bonds go to the winners only in a proper game whose air gap has passed; in a game that was
    ///         taken out everyone gets their own bonds back. A paused chain settles nothing, because every game looks
    ///         improper then.
    function closeGame() public {
        if (bondDistributionMode != BondDistributionMode.UNDECIDED) return;
        if (ANCHOR_STATE_REGISTRY.paused()) revert GamePaused();
        if (resolvedAt.raw() == 0) revert GameNotResolved();
        if (!ANCHOR_STATE_REGISTRY.isGameFinalized(this)) revert GameNotFinalized();
        // An account's credit is paid once, so it must be whole by then. Without a proof the root claim is settled last.
        if (prover != address(0) && settledClaims != claimData.length) revert ClaimsNotSettled();

        // Fails for games that are not the newest or not won, which is no reason not to close. A caller who makes it fail
        // by lack of gas gains nothing: anyone can call setAnchorState later.
        try ANCHOR_STATE_REGISTRY.setAnchorState(this) { } catch { }

        bondDistributionMode =
            ANCHOR_STATE_REGISTRY.isGameProper(this) ? BondDistributionMode.NORMAL : BondDistributionMode.REFUND;
        emit GameClosed(bondDistributionMode);
    }

    /// @notice Pays out an account's bonds, in two calls: the first starts the delay, the second pays after it.
    function claimCredit(address _recipient) external {
        closeGame();
        uint256 amount = credit(_recipient);
        if (!hasUnlockedCredit[_recipient]) {
            hasUnlockedCredit[_recipient] = true;
            WETH.unlock(_recipient, amount);
            return;
        }
        if (amount == 0) revert NoCreditToClaim();
        refundModeCredit[_recipient] = 0;
        normalModeCredit[_recipient] = 0;
        WETH.withdraw(_recipient, amount);
        (bool success,) = _recipient.call{ value: amount }("");
        if (!success) revert BondTransferFailed();
    }

    // --- Asking ------------------------------------------------------------------------------------------------------

    /// @notice What an account would be paid. Winners' credit as long as the mode is open.
    function credit(address _recipient) public view returns (uint256) {
        return bondDistributionMode == BondDistributionMode.REFUND
            ? refundModeCredit[_recipient]
            : normalModeCredit[_recipient];
    }

    /// @notice Time that the side answering a claim has used up, at most `maxClockDuration`.
    function getChallengerDuration(uint256 _claimIndex) public view onlyInProgress returns (Duration) {
        ClaimData storage claim = claimData[_claimIndex];
        uint256 used = block.timestamp - claim.clock.timestamp().raw();
        if (claim.parentIndex != NO_PARENT) used += claimData[claim.parentIndex].clock.duration().raw();
        return used > MAX_CLOCK_DURATION.raw() ? MAX_CLOCK_DURATION : Duration.wrap(uint64(used));
    }

    /// @notice Answers of a claim that its resolution still has to check.
    function getNumToResolve(uint256 _claimIndex) external view returns (uint256) {
        return subgames[_claimIndex].length - resolutionCheckpoints[_claimIndex].subgameIndex;
    }

    /// @notice Bond of a claim at a position, in wei.
    function getRequiredBond(Position _position) public view returns (uint256) {
        uint256 depth = _position.depth();
        if (depth > MAX_GAME_DEPTH) revert GameDepthExceeded();
        return LibBond.required(depth, MAX_GAME_DEPTH);
    }

    /// @notice Number of claims.
    function claimDataLen() external view returns (uint256) {
        return claimData.length;
    }

    /// @notice Account that created the game.
    function gameCreator() public pure returns (address) {
        return _argAddress(0);
    }

    /// @notice The output root that the game is about.
    function rootClaim() public pure returns (Claim) {
        return Claim.wrap(_argWord(20));
    }

    /// @notice L1 block up to which data counts.
    function l1Head() public pure returns (Hash) {
        return Hash.wrap(_argWord(52));
    }

    /// @notice Number of the L2 block that the root claim is about.
    function l2BlockNumber() public pure returns (uint256) {
        return uint256(_argWord(84));
    }

    /// @notice The same, by the name that is common to all games.
    function l2SequenceNumber() external pure returns (uint256) {
        return l2BlockNumber();
    }

    /// @notice The block number as it went into the factory.
    function extraData() public pure returns (bytes memory) {
        return _arg(84, 32);
    }

    /// @notice What the factory knows the game by.
    function gameData() external view returns (GameType, Claim, bytes memory) {
        return (GAME_TYPE, rootClaim(), extraData());
    }

    /// @notice Number of the anchor's block.
    function startingBlockNumber() external view returns (uint256) {
        return startingOutputRoot.l2SequenceNumber;
    }

    /// @notice The anchor's output root.
    function startingRootHash() external view returns (Hash) {
        return startingOutputRoot.root;
    }

    /// @notice Kind of game.
    function gameType() external view returns (GameType) {
        return GAME_TYPE;
    }

    /// @notice Commitment to the program's first state.
    function absolutePrestate() external view returns (Claim) {
        return ABSOLUTE_PRESTATE;
    }

    /// @notice Deepest level of claims.
    function maxGameDepth() external view returns (uint256) {
        return MAX_GAME_DEPTH;
    }

    /// @notice Level at which output roots end and execution traces begin.
    function splitDepth() external view returns (uint256) {
        return SPLIT_DEPTH;
    }

    /// @notice Time that whoever has to answer is sure to have.
    function clockExtension() external view returns (Duration) {
        return CLOCK_EXTENSION;
    }

    /// @notice Time of each side's clock.
    function maxClockDuration() external view returns (Duration) {
        return MAX_CLOCK_DURATION;
    }

    /// @notice The VM that executes steps.
    function vm() external view returns (IBigStepper) {
        return VM;
    }

    /// @notice The contract that holds the bonds.
    function weth() external view returns (IDelayedWETH) {
        return WETH;
    }

    /// @notice The registry that the game reports to.
    function anchorStateRegistry() external view returns (IAnchorStateRegistry) {
        return ANCHOR_STATE_REGISTRY;
    }

    /// @notice Chain id of the L2 chain.
    function l2ChainId() external view returns (uint256) {
        return L2_CHAIN_ID;
    }

    /// @notice The contract that checks validity proofs; zero where games end by bisection alone.
    function zkVerifier() external view returns (IZKVerifier) {
        return ZK_VERIFIER;
    }

    /// @notice The program that validity proofs are about.
    function zkProgramId() external view returns (bytes32) {
        return ZK_PROGRAM_ID;
    }

    /// @notice Hash of the chain's configuration that validity proofs are bound to.
    function zkConfigHash() external view returns (bytes32) {
        return ZK_CONFIG_HASH;
    }

    // --- Internals ---------------------------------------------------------------------------------------------------

    function _assertInProgress() private view {
        if (status != GameStatus.IN_PROGRESS) revert GameNotInProgress();
    }

    /// @dev Time that the one who has to answer a claim at this depth is sure to have: twice the extension where the
    ///      execution trace must be made, and the oracle's period more before a step.
    function _clockExtension(uint256 _depth) private view returns (uint64) {
        uint64 extension = CLOCK_EXTENSION.raw();
        if (_depth == MAX_GAME_DEPTH - 1) return extension + uint64(VM.oracle().challengePeriod());
        if (_depth == SPLIT_DEPTH - 1) return extension * 2;
        return extension;
    }

    /// @dev Appends a claim and takes its bond, which is what was sent.
    function _addClaim(uint32 _parent, address _claimant, Claim _claim, Position _position, Duration _used) private {
        claimData.push(
            ClaimData({
                parentIndex: _parent,
                counteredBy: address(0),
                claimant: _claimant,
                bond: uint128(msg.value),
                claim: _claim,
                position: _position,
                clock: LibClock.wrap(_used, Timestamp.wrap(uint64(block.timestamp)))
            })
        );
        refundModeCredit[_claimant] += msg.value;
        WETH.deposit{ value: msg.value }();
    }

    function _settle(uint256 _claimIndex, address _recipient, uint128 _bond) private {
        resolvedSubgames[_claimIndex] = true;
        settledClaims++;
        normalModeCredit[_recipient] += _bond;
    }

    function _endByProof(Claim _provenRoot, bytes calldata _proof, GameStatus _status) private {
        if (address(ZK_VERIFIER) == address(0)) revert ProofsDisabled();
        bytes memory publicValues =
            abi.encode(l1Head(), startingOutputRoot.root, _provenRoot, l2BlockNumber(), ZK_CONFIG_HASH);
        ZK_VERIFIER.verify(ZK_PROGRAM_ID, publicValues, _proof);
        prover = msg.sender;
        resolvedAt = Timestamp.wrap(uint64(block.timestamp));
        status = _status;
        emit Proven(msg.sender, _provenRoot);
        emit Resolved(_status);
    }

    /// @dev The bonds that a proof decides are those of the claims that it refutes by itself: the root claim, or the
    ///      attacks on it. They go to the prover. About all others nothing is known any more, as they could no longer be
    ///      answered, so they go back.
    function _settleAfterProof(uint256 _claimIndex) private {
        if (resolvedSubgames[_claimIndex]) revert ClaimAlreadyResolved();
        ClaimData storage claim = claimData[_claimIndex];
        bool refuted = status == GameStatus.DEFENDER_WINS ? claim.parentIndex == 0 : _claimIndex == 0;
        if (refuted) claim.counteredBy = prover;
        _settle(_claimIndex, refuted ? prover : claim.claimant, claim.bond);
    }

    function _executeStep(uint256 _claimIndex, bytes calldata _stateData, bytes calldata _proof)
        private
        returns (bytes32)
    {
        return VM.step(_stateData, _proof, _findLocalContext(_claimIndex));
    }

    /// @dev The claim about the state after a step, and whether it is the answered claim's own side. Reverts unless the
    ///      state before the step has the given hash.
    function _stepPostState(ClaimData storage _parent, bool _isAttack, bytes32 _preStateHash)
        private
        view
        returns (bytes32 postState_, bool sameSide_)
    {
        Position parentPos = _parent.position;
        Position stepPos = parentPos.move(_isAttack);
        if (stepPos.depth() != MAX_GAME_DEPTH + 1) revert InvalidParent();
        Claim preState;
        if (_isAttack) {
            // The first step of an execution trace starts from the absolute prestate, all others from a claim.
            bool isFirst = stepPos.indexAtDepth() % (1 << (MAX_GAME_DEPTH - SPLIT_DEPTH)) == 0;
            preState = isFirst
                ? ABSOLUTE_PRESTATE
                : _findTraceAncestor(Position.wrap(parentPos.raw() - 1), _parent.parentIndex, false).claim;
            (postState_, sameSide_) = (_parent.claim.raw(), true);
        } else {
            preState = _parent.claim;
            ClaimData storage post = _findTraceAncestor(Position.wrap(parentPos.raw() + 1), _parent.parentIndex, false);
            (postState_, sameSide_) = (post.claim.raw(), (parentPos.depth() - post.position.depth()) % 2 == 0);
        }
        // The first byte of a commitment is the VM status, not part of the hash.
        if (_preStateHash << 8 != preState.raw() << 8) revert InvalidPrestate();
    }

    /// @dev The root of an execution trace commits to how the program ended. If the disputed output root is the other
    ///      side's, the program must have refused it (invalid or panic); if it is the own side's, accepted it.
    function _verifyExecBisectionRoot(Claim _root, uint256 _parentIdx, Position _parentPos, bool _isAttack)
        private
        view
    {
        uint8 vmStatus = uint8(_root.raw()[0]);
        bool refuses = _isAttack;
        if (!refuses) {
            Position disputedPos = Position.wrap(_parentPos.raw() + 1);
            refuses = _findTraceAncestor(disputedPos, _parentIdx, true).position.depth() % 2 == SPLIT_DEPTH % 2;
        }
        bool fits = refuses
            ? vmStatus == VMStatuses.INVALID || vmStatus == VMStatuses.PANIC
            : vmStatus == VMStatuses.VALID;
        if (!fits) revert UnexpectedRootClaim(_root);
    }

    /// @dev The claim on the way from `_start` to the root that commits to the trace element at `_pos`; it exists because
    ///      every move to the right of an element left a claim on it behind. Within an execution trace unless `_global`.
    function _findTraceAncestor(Position _pos, uint256 _start, bool _global)
        private
        view
        returns (ClaimData storage ancestor_)
    {
        Position wanted = _global ? _pos.traceAncestor() : _pos.traceAncestorBounded(SPLIT_DEPTH);
        ancestor_ = claimData[_start];
        while (ancestor_.position.raw() != wanted.raw()) {
            ancestor_ = claimData[ancestor_.parentIndex];
        }
    }

    /// @dev The two neighbouring output roots between which an execution trace runs. Position 0 stands for the anchor.
    function _findStartingAndDisputedOutputs(uint256 _start)
        private
        view
        returns (Claim starting_, Position startingPos_, Claim disputed_, Position disputedPos_)
    {
        uint256 index = _start;
        ClaimData storage claim = claimData[index];
        if (claim.position.depth() <= SPLIT_DEPTH) revert ClaimAboveSplit();
        // Up to the output root on which the trace's root was built.
        ClaimData storage execRoot = claim;
        while (claim.position.depth() > SPLIT_DEPTH) {
            execRoot = claim;
            index = claim.parentIndex;
            claim = claimData[index];
        }
        Position outputPos = claim.position;
        bool wasAttack = execRoot.position.parent().raw() == outputPos.raw();
        if (wasAttack) {
            if (outputPos.indexAtDepth() > 0) {
                ClaimData storage before = _findTraceAncestor(Position.wrap(outputPos.raw() - 1), index, true);
                (starting_, startingPos_) = (before.claim, before.position);
            } else {
                starting_ = Claim.wrap(startingOutputRoot.root.raw());
            }
            (disputed_, disputedPos_) = (claim.claim, outputPos);
        } else {
            ClaimData storage disputed = _findTraceAncestor(Position.wrap(outputPos.raw() + 1), index, true);
            (starting_, startingPos_) = (claim.claim, outputPos);
            (disputed_, disputedPos_) = (disputed.claim, disputed.position);
        }
    }

    function _findLocalContext(uint256 _claimIndex) private view returns (bytes32) {
        (Claim starting, Position startingPos, Claim disputed, Position disputedPos) =
            _findStartingAndDisputedOutputs(_claimIndex);
        return _localContext(starting, startingPos, disputed, disputedPos);
    }

    function _localContext(Claim _starting, Position _startingPos, Claim _disputed, Position _disputedPos)
        private
        pure
        returns (bytes32)
    {
        return _startingPos.raw() == 0
            ? keccak256(abi.encode(_disputed, _disputedPos))
            : keccak256(abi.encode(_starting, _startingPos, _disputed, _disputedPos));
    }
}
