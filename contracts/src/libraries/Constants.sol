// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Constants
/// @notice Addresses and storage slots that several contracts agree on.
library Constants {
    /// @notice Sender used by nodes when they estimate gas; never the sender of a real transaction.
    address internal constant ESTIMATION_ADDRESS = address(1);

    /// @notice Value of `l2Sender` and `xDomainMessageSender` outside of a message. Not zero, so that setting the
    ///         slot back costs less.
    address internal constant DEFAULT_L2_SENDER = 0x000000000000000000000000000000000000dEaD;

    /// @notice EIP-1967 slot of the implementation: keccak256("eip1967.proxy.implementation") - 1.
    bytes32 internal constant PROXY_IMPLEMENTATION_ADDRESS =
        0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    /// @notice EIP-1967 slot of the admin: keccak256("eip1967.proxy.admin") - 1.
    bytes32 internal constant PROXY_OWNER_ADDRESS = 0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103;

    /// @notice Stands for ETH where a token address is asked for.
    address internal constant ETHER = 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE;

    /// @notice Sender of the L1 attributes transaction on L2.
    address internal constant DEPOSITOR_ACCOUNT = 0xDeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001;
}
