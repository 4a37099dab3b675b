// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

using LibClock for Clock global;
using LibDuration for Duration global;
using LibTimestamp for Timestamp global;

/// @notice Seconds.
type Duration is uint64;

/// @notice Seconds since the epoch.
type Timestamp is uint64;

/// @notice A claim's chess clock: in the high half the time that its side had used up, in the low half when the claim
///         was made.
type Clock is uint128;

/// @title LibClock
/// @notice Packing of clocks.
library LibClock {
    /// @notice A clock with this duration, started at this time.
    function wrap(Duration _duration, Timestamp _timestamp) internal pure returns (Clock) {
        return Clock.wrap((uint128(Duration.unwrap(_duration)) << 64) | Timestamp.unwrap(_timestamp));
    }

    /// @notice Time used up before the clock started.
    function duration(Clock _clock) internal pure returns (Duration) {
        return Duration.wrap(uint64(Clock.unwrap(_clock) >> 64));
    }

    /// @notice When the clock started.
    function timestamp(Clock _clock) internal pure returns (Timestamp) {
        return Timestamp.wrap(uint64(Clock.unwrap(_clock)));
    }

    /// @notice The packed value.
    function raw(Clock _clock) internal pure returns (uint128) {
        return Clock.unwrap(_clock);
    }
}

/// @title LibDuration
/// @notice Plain value of a duration.
library LibDuration {
    /// @notice Seconds.
    function raw(Duration _duration) internal pure returns (uint64) {
        return Duration.unwrap(_duration);
    }
}

/// @title LibTimestamp
/// @notice Plain value of a timestamp.
library LibTimestamp {
    /// @notice Seconds since the epoch.
    function raw(Timestamp _timestamp) internal pure returns (uint64) {
        return Timestamp.unwrap(_timestamp);
    }
}
