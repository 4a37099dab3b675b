// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title WETH98
/// @notice Ether as an ERC-20 token: one token is one wei held by this contract, created by `deposit` and destroyed by
///         `withdraw`. Base of the L2 WETH predeploy and of the dispute games' DelayedWETH.
/// @dev Invariant: the sum of all balances never exceeds the contract's ether. Forced ether (selfdestruct, block
///      rewards) shows up in `totalSupply` and in nobody's balance.
contract WETH98 {
    /// @notice The caller owns fewer tokens than the operation needs.
    error InsufficientBalance(address owner, uint256 balance, uint256 needed);
    /// @notice The spender may not move that much of the owner's tokens.
    error InsufficientAllowance(address owner, address spender, uint256 allowed, uint256 needed);
    /// @notice The receiver of unwrapped ether refused it.
    error EtherTransferFailed(address to, uint256 amount);

    event Approval(address indexed src, address indexed guy, uint256 wad);
    event Transfer(address indexed src, address indexed dst, uint256 wad);
    event Deposit(address indexed dst, uint256 wad);
    event Withdrawal(address indexed src, uint256 wad);

    uint8 public constant decimals = 18;

    mapping(address => uint256) internal _balanceOf;
    mapping(address => mapping(address => uint256)) internal _allowance;

    receive() external payable {
        deposit();
    }

    fallback() external payable {
        deposit();
    }

    function name() external view virtual returns (string memory) {
        return "Wrapped Ether";
    }

    function symbol() external view virtual returns (string memory) {
        return "WETH";
    }

    /// @notice All ether held here, which is at least what the holders own together.
    function totalSupply() external view returns (uint256) {
        return address(this).balance;
    }

    function balanceOf(address src) public view returns (uint256) {
        return _balanceOf[src];
    }

    function allowance(address owner, address spender) external view returns (uint256) {
        return _allowance[owner][spender];
    }

    /// @notice Wraps the attached ether for the caller. Keeps the invariant: both sides grow by `msg.value`.
    function deposit() public payable virtual {
        _balanceOf[msg.sender] += msg.value;
        emit Deposit(msg.sender, msg.value);
    }

    /// @notice Unwraps `wad` of the caller's tokens. The balance falls before the ether leaves, so a re-entering
    ///         receiver finds it already gone.
    function withdraw(uint256 wad) public virtual {
        _debit(msg.sender, wad);
        emit Withdrawal(msg.sender, wad);
        (bool sent,) = msg.sender.call{ value: wad }("");
        if (!sent) revert EtherTransferFailed(msg.sender, wad);
    }

    function approve(address guy, uint256 wad) external returns (bool) {
        _allowance[msg.sender][guy] = wad;
        emit Approval(msg.sender, guy, wad);
        return true;
    }

    function transfer(address dst, uint256 wad) external returns (bool) {
        return transferFrom(msg.sender, dst, wad);
    }

    /// @notice Moves `wad` from `src` to `dst`. An allowance of 2^256-1 is unlimited and is not used up.
    function transferFrom(address src, address dst, uint256 wad) public returns (bool) {
        if (src != msg.sender) {
            uint256 allowed = _allowance[src][msg.sender];
            if (allowed != type(uint256).max) {
                if (allowed < wad) revert InsufficientAllowance(src, msg.sender, allowed, wad);
                unchecked {
                    _allowance[src][msg.sender] = allowed - wad;
                }
            }
        }
        _debit(src, wad);
        _balanceOf[dst] += wad;
        emit Transfer(src, dst, wad);
        return true;
    }

    /// @dev Takes `wad` from an owner's balance or reverts: no balance ever goes below zero.
    function _debit(address src, uint256 wad) private {
        uint256 balance = _balanceOf[src];
        if (balance < wad) revert InsufficientBalance(src, balance, wad);
        unchecked {
            _balanceOf[src] = balance - wad;
        }
    }
}
