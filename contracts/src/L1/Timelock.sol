// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Timelock
/// @notice Owner of the ProxyAdmin: every call it makes was announced at least `getMinDelay` seconds before, so that
///         users can leave before an upgrade. The proposer announces and cancels; anyone executes what is due.
contract Timelock {
    uint256 internal constant DONE = 1;

    /// @notice Account that may schedule and cancel.
    address public proposer;

    uint256 private _minDelay;
    mapping(bytes32 => uint256) private _timestamps;

    /// @notice A call was announced.
    event CallScheduled(
        bytes32 indexed id,
        uint256 indexed index,
        address target,
        uint256 value,
        bytes data,
        bytes32 predecessor,
        uint256 delay
    );
    /// @notice A call was made.
    event CallExecuted(bytes32 indexed id, uint256 indexed index, address target, uint256 value, bytes data);
    /// @notice An announced call will not be made.
    event Cancelled(bytes32 indexed id);
    /// @notice The delay changed.
    event MinDelayChange(uint256 oldDuration, uint256 newDuration);
    /// @notice The proposer changed.
    event ProposerChange(address indexed oldProposer, address indexed newProposer);

    /// @notice Only the proposer may do this.
    error TimelockNotProposer(address caller);
    /// @notice Only a call that went through the timelock may do this.
    error TimelockNotSelf(address caller);
    /// @notice The announced delay is too short.
    error TimelockInsufficientDelay(uint256 delay, uint256 minDelay);
    /// @notice The call is announced, or was made.
    error TimelockAlreadyScheduled(bytes32 id);
    /// @notice The call is not announced, not due yet, or was made.
    error TimelockNotReady(bytes32 id);
    /// @notice There is no such announcement to withdraw.
    error TimelockNotPending(bytes32 id);
    /// @notice Another call has to be made first.
    error TimelockUnexecutedPredecessor(bytes32 predecessor);
    /// @notice The call reverted.
    error TimelockCallFailed(bytes returndata);

    modifier onlyProposer() {
        if (msg.sender != proposer) revert TimelockNotProposer(msg.sender);
        _;
    }

    /// @dev Changes of the timelock itself wait as long as everything else.
    modifier onlySelf() {
        if (msg.sender != address(this)) revert TimelockNotSelf(msg.sender);
        _;
    }

    /// @param _delay         Shortest time between announcement and execution, in seconds.
    /// @param _firstProposer Account that may schedule and cancel.
    constructor(uint256 _delay, address _firstProposer) {
        _minDelay = _delay;
        proposer = _firstProposer;
        emit MinDelayChange(0, _delay);
        emit ProposerChange(address(0), _firstProposer);
    }

    receive() external payable { }

    /// @notice Announces a call; it can be made once `delay` seconds have passed.
    function schedule(
        address target,
        uint256 value,
        bytes calldata data,
        bytes32 predecessor,
        bytes32 salt,
        uint256 delay
    )
        external
        onlyProposer
    {
        bytes32 id = hashOperation(target, value, data, predecessor, salt);
        if (_timestamps[id] != 0) revert TimelockAlreadyScheduled(id);
        if (delay < _minDelay) revert TimelockInsufficientDelay(delay, _minDelay);
        _timestamps[id] = block.timestamp + delay;
        emit CallScheduled(id, 0, target, value, data, predecessor, delay);
    }

    /// @notice Withdraws an announcement.
    function cancel(bytes32 id) external onlyProposer {
        if (!isOperationPending(id)) revert TimelockNotPending(id);
        delete _timestamps[id];
        emit Cancelled(id);
    }

    /// @notice Makes a call that is due.
    /// @dev    Invariant: exactly the announced call, once, not before its time and not before its predecessor.
    function execute(
        address target,
        uint256 value,
        bytes calldata data,
        bytes32 predecessor,
        bytes32 salt
    )
        external
        payable
    {
        bytes32 id = hashOperation(target, value, data, predecessor, salt);
        if (!isOperationReady(id)) revert TimelockNotReady(id);
        if (predecessor != bytes32(0) && !isOperationDone(predecessor)) {
            revert TimelockUnexecutedPredecessor(predecessor);
        }
        _timestamps[id] = DONE;
        (bool success, bytes memory returndata) = target.call{ value: value }(data);
        if (!success) revert TimelockCallFailed(returndata);
        emit CallExecuted(id, 0, target, value, data);
    }

    /// @notice Changes the delay; only through the timelock.
    function updateDelay(uint256 newDelay) external onlySelf {
        emit MinDelayChange(_minDelay, newDelay);
        _minDelay = newDelay;
    }

    /// @notice Changes the proposer; only through the timelock.
    function updateProposer(address newProposer) external onlySelf {
        emit ProposerChange(proposer, newProposer);
        proposer = newProposer;
    }

    /// @notice Shortest delay, in seconds.
    function getMinDelay() external view returns (uint256) {
        return _minDelay;
    }

    /// @notice When a call is due; 0 when unknown, 1 when made.
    function getTimestamp(bytes32 id) external view returns (uint256) {
        return _timestamps[id];
    }

    /// @notice Whether a call is announced and not made.
    function isOperationPending(bytes32 id) public view returns (bool) {
        return _timestamps[id] > DONE;
    }

    /// @notice Whether a call can be made now.
    function isOperationReady(bytes32 id) public view returns (bool) {
        return _timestamps[id] > DONE && _timestamps[id] <= block.timestamp;
    }

    /// @notice Whether a call was made.
    function isOperationDone(bytes32 id) public view returns (bool) {
        return _timestamps[id] == DONE;
    }

    /// @notice Identity of a call.
    function hashOperation(
        address target,
        uint256 value,
        bytes calldata data,
        bytes32 predecessor,
        bytes32 salt
    )
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(target, value, data, predecessor, salt));
    }
}
