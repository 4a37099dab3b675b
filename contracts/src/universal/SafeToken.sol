// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The part of ERC-20 that moves tokens.
interface IERC20Transfers {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

/// @title SafeToken
/// @notice Moves ERC-20 tokens, also those that return nothing where the standard says a boolean.
/// @dev Invariant: when a function returns, the token said yes: it has code, did not revert and did not return false.
library SafeToken {
    /// @notice The token reverted, returned false or does not exist.
    error TokenTransferFailed(address token);
    /// @notice The token moved another amount than asked for, e.g. because it takes a fee.
    error UnexpectedTokenAmount(address token, uint256 expected, uint256 received);

    function safeTransfer(address token, address to, uint256 amount) internal {
        _call(token, abi.encodeCall(IERC20Transfers.transfer, (to, amount)));
    }

    /// @notice Pulls exactly `amount` from `from` into this contract.
    function pullExactly(address token, address from, uint256 amount) internal {
        uint256 before = IERC20Transfers(token).balanceOf(address(this));
        _call(token, abi.encodeCall(IERC20Transfers.transferFrom, (from, address(this), amount)));
        uint256 received = IERC20Transfers(token).balanceOf(address(this)) - before;
        if (received != amount) revert UnexpectedTokenAmount(token, amount, received);
    }

    function _call(address token, bytes memory data) private {
        (bool success, bytes memory answer) = token.call(data);
        if (!success || token.code.length == 0 || (answer.length != 0 && !abi.decode(answer, (bool)))) {
            revert TokenTransferFailed(token);
        }
    }
}
