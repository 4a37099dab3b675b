// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Initializable
/// @notice A constructor's work for contracts behind a proxy: each version's initializer runs once.
/// @dev    Slot 0: byte 0 the version reached, byte 1 whether an initializer is running.
abstract contract Initializable {
    uint8 private _initialized;
    bool private _initializing;

    /// @notice The contract reached a version.
    event Initialized(uint8 version);

    /// @notice The initializer of this or of a later version has run.
    error Initializable_AlreadyInitialized();
    /// @notice The function belongs into an initializer.
    error Initializable_NotInitializing();

    /// @notice Runs once, as the first version.
    modifier initializer() {
        _begin(1);
        _;
        _end(1);
    }

    /// @notice Runs once for `_version`, which must be above every version that has run.
    modifier reinitializer(uint8 _version) {
        _begin(_version);
        _;
        _end(_version);
    }

    /// @notice Only callable while an initializer runs.
    modifier onlyInitializing() {
        if (!_initializing) revert Initializable_NotInitializing();
        _;
    }

    /// @dev Locks a contract for good: what an implementation does in its constructor.
    function _disableInitializers() internal {
        if (_initializing) revert Initializable_AlreadyInitialized();
        if (_initialized != type(uint8).max) {
            _initialized = type(uint8).max;
            emit Initialized(type(uint8).max);
        }
    }

    function _begin(uint8 _version) private {
        if (_initializing || _initialized >= _version) revert Initializable_AlreadyInitialized();
        _initialized = _version;
        _initializing = true;
    }

    function _end(uint8 _version) private {
        _initializing = false;
        emit Initialized(_version);
    }
}
