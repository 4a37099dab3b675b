// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ISystemConfig } from "../L1/interfaces/ISystemConfig.sol";
import { ISuperchainConfig } from "../L1/interfaces/ISuperchainConfig.sol";
import { Initializable } from "../universal/Initializable.sol";
import { ISemver } from "../universal/ISemver.sol";
import { ProxyAdminOwnedBase } from "../universal/ProxyAdminOwnedBase.sol";
import { IAnchorStateRegistry } from "./interfaces/IAnchorStateRegistry.sol";
import { IDisputeGame } from "./interfaces/IDisputeGame.sol";
import { IDisputeGameFactory } from "./interfaces/IDisputeGameFactory.sol";
import { GameType, Hash } from "./lib/LibUDT.sol";
import { GameStatus, Proposal } from "./lib/Types.sol";

/// @title AnchorStateRegistry
/// @notice Says which games count, and from which state new games start. The guardian can take games out (one by one,
///         all before a time, or by changing the type) as long as they are in the air gap, the finality delay.
contract AnchorStateRegistry is ProxyAdminOwnedBase, Initializable, IAnchorStateRegistry, ISemver {
    uint256 internal immutable DISPUTE_GAME_FINALITY_DELAY_SECONDS;

    /// @notice The chain's configuration, which knows the pause.
    ISystemConfig public systemConfig;
    /// @notice The factory whose games are judged.
    IDisputeGameFactory public disputeGameFactory;
    Proposal internal _startingAnchorRoot;
    /// @notice Game whose claim is the anchor; zero as long as the starting anchor is.
    IDisputeGame public anchorGame;
    /// @notice Type of game that counts.
    GameType public respectedGameType;
    /// @notice Games the guardian took out.
    mapping(IDisputeGame => bool) public disputeGameBlacklist;
    /// @notice Games created up to this time do not count.
    uint64 public retirementTimestamp;

    /// @notice The anchor moved.
    event AnchorUpdated(IDisputeGame indexed game);
    /// @notice A game was taken out.
    event DisputeGameBlacklisted(IDisputeGame indexed disputeGame);
    /// @notice Another type counts now.
    event RespectedGameTypeSet(GameType gameType);
    /// @notice All games so far were taken out.
    event RetirementTimestampSet(uint256 timestamp);

    /// @notice Only the guardian may do this.
    error AnchorStateRegistry_Unauthorized();
    /// @notice The game cannot be the anchor.
    error AnchorStateRegistry_InvalidAnchorGame();

    /// @param _disputeGameFinalityDelaySeconds Seconds between a game's resolution and its acceptance.
    constructor(uint256 _disputeGameFinalityDelaySeconds) {
        DISPUTE_GAME_FINALITY_DELAY_SECONDS = _disputeGameFinalityDelaySeconds;
        _disableInitializers();
    }

    modifier onlyGuardian() {
        if (msg.sender != systemConfig.guardian()) revert AnchorStateRegistry_Unauthorized();
        _;
    }

    /// @notice Sets everything once; games created before do not count.
    function initialize(
        ISystemConfig _systemConfig,
        IDisputeGameFactory _disputeGameFactory,
        Proposal memory _anchorRoot,
        GameType _startingRespectedGameType
    )
        external
        initializer
    {
        _assertOnlyProxyAdminOrProxyAdminOwner();
        systemConfig = _systemConfig;
        disputeGameFactory = _disputeGameFactory;
        _startingAnchorRoot = _anchorRoot;
        respectedGameType = _startingRespectedGameType;
        retirementTimestamp = uint64(block.timestamp);
    }

    /// @notice Semantic version.
    function version() external pure returns (string memory) {
        return "3.5.0";
    }

    /// @notice Whether the chain is paused.
    function paused() public view returns (bool) {
        return systemConfig.paused();
    }

    /// @notice The pause switch.
    function superchainConfig() external view returns (ISuperchainConfig) {
        return systemConfig.superchainConfig();
    }

    /// @notice Seconds between a game's resolution and its acceptance.
    function disputeGameFinalityDelaySeconds() external view returns (uint256) {
        return DISPUTE_GAME_FINALITY_DELAY_SECONDS;
    }

    /// @notice The anchor that was set at the start.
    function getStartingAnchorRoot() external view returns (Proposal memory) {
        return _startingAnchorRoot;
    }

    /// @notice Root and L2 block number from which a new game starts.
    function getAnchorRoot() public view returns (Hash, uint256) {
        if (address(anchorGame) == address(0)) return (_startingAnchorRoot.root, _startingAnchorRoot.l2SequenceNumber);
        return (Hash.wrap(anchorGame.rootClaim().raw()), anchorGame.l2SequenceNumber());
    }

    /// @notice The anchor; the same for every type.
    function anchors(GameType) external view returns (Hash, uint256) {
        return getAnchorRoot();
    }

    /// @notice Changes the type that counts. Games that were created under the old type keep their standing.
    function setRespectedGameType(GameType _gameType) external onlyGuardian {
        respectedGameType = _gameType;
        emit RespectedGameTypeSet(_gameType);
    }

    /// @notice Takes out all games created up to now.
    function updateRetirementTimestamp() external onlyGuardian {
        retirementTimestamp = uint64(block.timestamp);
        emit RetirementTimestampSet(block.timestamp);
    }

    /// @notice Takes out one game.
    function blacklistDisputeGame(IDisputeGame _game) external onlyGuardian {
        disputeGameBlacklist[_game] = true;
        emit DisputeGameBlacklisted(_game);
    }

    /// @notice Whether the factory created the game and the game reports to this registry.
    function isGameRegistered(IDisputeGame _game) public view returns (bool) {
        (GameType gameType, , bytes memory extraData) = _game.gameData();
        (IDisputeGame listed,) = disputeGameFactory.games(gameType, _game.rootClaim(), extraData);
        return address(listed) == address(_game) && address(_game.anchorStateRegistry()) == address(this);
    }

    /// @notice Whether the game's type counted when it was created.
    function isGameRespected(IDisputeGame _game) public view returns (bool) {
        return _game.wasRespectedGameTypeWhenCreated();
    }

    /// @notice Whether the guardian took the game out.
    function isGameBlacklisted(IDisputeGame _game) public view returns (bool) {
        return disputeGameBlacklist[_game];
    }

    /// @notice Whether the game was created at or before the retirement time.
    function isGameRetired(IDisputeGame _game) public view returns (bool) {
        return _game.createdAt().raw() <= retirementTimestamp;
    }

    /// @notice Whether the game ended.
    function isGameResolved(IDisputeGame _game) public view returns (bool) {
        GameStatus status = _game.status();
        return _game.resolvedAt().raw() != 0
            && (status == GameStatus.DEFENDER_WINS || status == GameStatus.CHALLENGER_WINS);
    }

    /// @notice Whether nothing speaks against the game: from the factory, not taken out, chain not paused.
    function isGameProper(IDisputeGame _game) public view returns (bool) {
        return isGameRegistered(_game) && !isGameBlacklisted(_game) && !isGameRetired(_game) && !paused();
    }

    /// @notice Whether the game ended and its air gap has passed.
    function isGameFinalized(IDisputeGame _game) public view returns (bool) {
        return isGameResolved(_game)
            && block.timestamp - _game.resolvedAt().raw() > DISPUTE_GAME_FINALITY_DELAY_SECONDS;
    }

    /// @notice Whether withdrawals may rely on the game's root claim.
    /// @dev    Invariant: no claim is valid that the guardian could not have taken out for the whole air gap.
    function isGameClaimValid(IDisputeGame _game) public view returns (bool) {
        return isGameProper(_game) && isGameRespected(_game) && isGameFinalized(_game)
            && _game.status() == GameStatus.DEFENDER_WINS;
    }

    /// @notice Makes a game's claim the anchor. Anyone may call it.
    /// @dev    Invariant: the anchor is a valid claim and only moves forward.
    function setAnchorState(IDisputeGame _game) external {
        if (!isGameClaimValid(_game)) revert AnchorStateRegistry_InvalidAnchorGame();
        (, uint256 anchorBlock) = getAnchorRoot();
        if (_game.l2SequenceNumber() <= anchorBlock) revert AnchorStateRegistry_InvalidAnchorGame();
        anchorGame = _game;
        emit AnchorUpdated(_game);
    }
}
