// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC20
/// @notice Fungible token with signed approvals (EIP-2612).
/// @dev Invariant: the balances add up to the total supply; they change only by transfers with the owner's consent and
///      by `_mint` and `_burn`.
abstract contract ERC20 {
    error ERC20_ZeroAddress();
    error ERC20_InsufficientBalance(address owner, uint256 balance, uint256 needed);
    error ERC20_InsufficientAllowance(address owner, address spender, uint256 allowed, uint256 needed);
    error ERC20_PermitExpired(uint256 deadline);
    error ERC20_InvalidSigner(address signer, address owner);

    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant DOMAIN_VERSION_HASH = keccak256("1");
    /// @dev Half of the curve's order: of the two valid `s` of a signature only the lower one counts.
    uint256 private constant MAX_SIGNATURE_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    mapping(address => uint256) private _balances;
    mapping(address => mapping(address => uint256)) private _allowances;
    uint256 private _totalSupply;
    string private _name;
    string private _symbol;
    mapping(address => uint256) private _nonces;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor(string memory name_, string memory symbol_) {
        _name = name_;
        _symbol = symbol_;
    }

    function name() public view returns (string memory) {
        return _name;
    }

    function symbol() external view returns (string memory) {
        return _symbol;
    }

    function totalSupply() external view returns (uint256) {
        return _totalSupply;
    }

    function balanceOf(address account) external view returns (uint256) {
        return _balances[account];
    }

    function allowance(address owner, address spender) public view virtual returns (uint256) {
        return _allowances[owner][spender];
    }

    /// @notice Next nonce for `permit`.
    function nonces(address owner) external view returns (uint256) {
        return _nonces[owner];
    }

    /// @notice EIP-712 domain of `permit`; names the chain it is asked on, so that a fork has its own.
    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256(bytes(_name)), DOMAIN_VERSION_HASH, block.chainid, address(this))
        );
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _transfer(msg.sender, to, amount);
        return true;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        _approve(msg.sender, spender, amount);
        return true;
    }

    /// @notice Moves another's tokens. An allowance of 2^256-1 is unlimited and is not used up.
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        uint256 allowed = allowance(from, msg.sender);
        if (allowed != type(uint256).max) {
            if (allowed < amount) revert ERC20_InsufficientAllowance(from, msg.sender, allowed, amount);
            unchecked {
                _approve(from, msg.sender, allowed - amount);
            }
        }
        _transfer(from, to, amount);
        return true;
    }

    function increaseAllowance(address spender, uint256 addedValue) external returns (bool) {
        _approve(msg.sender, spender, allowance(msg.sender, spender) + addedValue);
        return true;
    }

    function decreaseAllowance(address spender, uint256 subtractedValue) external returns (bool) {
        uint256 allowed = allowance(msg.sender, spender);
        if (allowed < subtractedValue) {
            revert ERC20_InsufficientAllowance(msg.sender, spender, allowed, subtractedValue);
        }
        unchecked {
            _approve(msg.sender, spender, allowed - subtractedValue);
        }
        return true;
    }

    /// @notice Approval by signature. Each counts once: the nonce it signs is used up.
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        if (block.timestamp > deadline) revert ERC20_PermitExpired(deadline);
        bytes32 structHash = keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, _nonces[owner]++, deadline));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), structHash));
        address signer = uint256(s) > MAX_SIGNATURE_S ? address(0) : ecrecover(digest, v, r, s);
        if (signer == address(0) || signer != owner) revert ERC20_InvalidSigner(signer, owner);
        _approve(owner, spender, value);
    }

    function _mint(address to, uint256 amount) internal {
        if (to == address(0)) revert ERC20_ZeroAddress();
        _totalSupply += amount;
        unchecked {
            _balances[to] += amount;
        }
        emit Transfer(address(0), to, amount);
    }

    function _burn(address from, uint256 amount) internal {
        if (from == address(0)) revert ERC20_ZeroAddress();
        _debit(from, amount);
        unchecked {
            _totalSupply -= amount;
        }
        emit Transfer(from, address(0), amount);
    }

    function _approve(address owner, address spender, uint256 amount) internal {
        if (spender == address(0)) revert ERC20_ZeroAddress();
        _allowances[owner][spender] = amount;
        emit Approval(owner, spender, amount);
    }

    function _transfer(address from, address to, uint256 amount) private {
        if (from == address(0) || to == address(0)) revert ERC20_ZeroAddress();
        _debit(from, amount);
        unchecked {
            _balances[to] += amount;
        }
        emit Transfer(from, to, amount);
    }

    function _debit(address from, uint256 amount) private {
        uint256 balance = _balances[from];
        if (balance < amount) revert ERC20_InsufficientBalance(from, balance, amount);
        unchecked {
            _balances[from] = balance - amount;
        }
    }
}
