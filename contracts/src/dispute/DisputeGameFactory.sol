// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ISemver } from "../universal/ISemver.sol";
import { OwnableUpgradeable } from "../universal/OwnableUpgradeable.sol";
import { ProxyAdminOwnedBase } from "../universal/ProxyAdminOwnedBase.sol";
import { IDisputeGame } from "./interfaces/IDisputeGame.sol";
import { IDisputeGameFactory } from "./interfaces/IDisputeGameFactory.sol";
import { CloneWithArgs } from "./lib/CloneWithArgs.sol";
import { Timestamp } from "./lib/LibClock.sol";
import { Claim, GameId, GameType, Hash, LibGameId } from "./lib/LibUDT.sol";

/// @title DisputeGameFactory
/// @notice Creates dispute games and lists them. Anyone may create one by paying the bond.
contract DisputeGameFactory is ProxyAdminOwnedBase, OwnableUpgradeable, IDisputeGameFactory, ISemver {
    /// @notice A game as `findLatestGames` returns it.
    struct GameSearchResult {
        uint256 index;
        GameId metadata;
        Timestamp timestamp;
        Claim rootClaim;
        bytes extraData;
    }

    /// @notice Contract that games of a type are clones of.
    mapping(GameType => IDisputeGame) public gameImpls;
    /// @notice Bond of a new game's root claim, in wei.
    mapping(GameType => uint256) public initBonds;
    mapping(Hash => GameId) internal _disputeGames;
    GameId[] internal _disputeGameList;

    /// @notice A game was created.
    event DisputeGameCreated(address indexed disputeProxy, GameType indexed gameType, Claim indexed rootClaim);
    /// @notice A type's implementation changed.
    event ImplementationSet(address indexed impl, GameType indexed gameType);
    /// @notice A type's bond changed.
    event InitBondUpdated(GameType indexed gameType, uint256 indexed newBond);

    /// @notice There is no implementation for the type.
    error NoImplementation(GameType gameType);
    /// @notice The claim has a game already.
    error GameAlreadyExists(Hash uuid);
    /// @notice The value sent is not the bond.
    error IncorrectBondAmount();

    constructor() {
        _disableInitializers();
    }

    /// @notice Sets the owner.
    function initialize(address _owner) external initializer {
        _assertOnlyProxyAdminOrProxyAdminOwner();
        _transferOwnership(_owner);
    }

    /// @notice Semantic version.
    function version() external pure returns (string memory) {
        return "1.3.0";
    }

    /// @notice Number of games.
    function gameCount() external view returns (uint256) {
        return _disputeGameList.length;
    }

    /// @inheritdoc IDisputeGameFactory
    function games(
        GameType _gameType,
        Claim _rootClaim,
        bytes calldata _extraData
    )
        external
        view
        returns (IDisputeGame proxy_, Timestamp timestamp_)
    {
        address proxy;
        (, timestamp_, proxy) = _disputeGames[getGameUUID(_gameType, _rootClaim, _extraData)].unpack();
        proxy_ = IDisputeGame(proxy);
    }

    /// @inheritdoc IDisputeGameFactory
    function gameAtIndex(uint256 _index)
        external
        view
        returns (GameType gameType_, Timestamp timestamp_, IDisputeGame proxy_)
    {
        address proxy;
        (gameType_, timestamp_, proxy) = _disputeGameList[_index].unpack();
        proxy_ = IDisputeGame(proxy);
    }

    /// @notice Creates a game.
    /// @dev    Invariants: one game per type, claim and extra data; the game's L1 head is the parent of the block that
    ///         creates it, so that everyone agrees on the data that the claim is judged by.
    function create(
        GameType _gameType,
        Claim _rootClaim,
        bytes calldata _extraData
    )
        external
        payable
        returns (IDisputeGame proxy_)
    {
        IDisputeGame impl = gameImpls[_gameType];
        if (address(impl) == address(0)) revert NoImplementation(_gameType);
        if (msg.value != initBonds[_gameType]) revert IncorrectBondAmount();
        Hash uuid = getGameUUID(_gameType, _rootClaim, _extraData);
        if (GameId.unwrap(_disputeGames[uuid]) != bytes32(0)) revert GameAlreadyExists(uuid);

        bytes memory args = abi.encodePacked(msg.sender, _rootClaim, blockhash(block.number - 1), _extraData);
        proxy_ = IDisputeGame(CloneWithArgs.clone(address(impl), args));
        GameId id = LibGameId.pack(_gameType, Timestamp.wrap(uint64(block.timestamp)), address(proxy_));
        _disputeGames[uuid] = id;
        _disputeGameList.push(id);
        proxy_.initialize{ value: msg.value }();
        emit DisputeGameCreated(address(proxy_), _gameType, _rootClaim);
    }

    /// @notice Identity of a game.
    function getGameUUID(
        GameType _gameType,
        Claim _rootClaim,
        bytes calldata _extraData
    )
        public
        pure
        returns (Hash)
    {
        return Hash.wrap(keccak256(abi.encode(_gameType, _rootClaim, _extraData)));
    }

    /// @notice Up to `_n` games of a type, newest first, from index `_start` down.
    function findLatestGames(
        GameType _gameType,
        uint256 _start,
        uint256 _n
    )
        external
        view
        returns (GameSearchResult[] memory games_)
    {
        if (_start >= _disputeGameList.length || _n == 0) return games_;
        games_ = new GameSearchResult[](_n < _start + 1 ? _n : _start + 1);
        uint256 found;
        for (uint256 i = _start + 1; i > 0 && found < games_.length; i--) {
            GameId id = _disputeGameList[i - 1];
            (GameType gameType, Timestamp timestamp, address proxy) = id.unpack();
            if (gameType.raw() != _gameType.raw()) continue;
            games_[found++] = GameSearchResult({
                index: i - 1,
                metadata: id,
                timestamp: timestamp,
                rootClaim: IDisputeGame(proxy).rootClaim(),
                extraData: IDisputeGame(proxy).extraData()
            });
        }
        assembly {
            // Only ever shorter than what was allocated.
            mstore(games_, found)
        }
    }

    /// @notice Sets a type's implementation.
    function setImplementation(GameType _gameType, IDisputeGame _impl) external onlyOwner {
        gameImpls[_gameType] = _impl;
        emit ImplementationSet(address(_impl), _gameType);
    }

    /// @notice Sets a type's bond.
    function setInitBond(GameType _gameType, uint256 _initBond) external onlyOwner {
        initBonds[_gameType] = _initBond;
        emit InitBondUpdated(_gameType, _initBond);
    }
}
