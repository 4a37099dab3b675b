// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Burn } from "../libraries/Burn.sol";
import { FixedPoint } from "../libraries/FixedPoint.sol";
import { Initializable } from "../universal/Initializable.sol";
import { IResourceMetering } from "./interfaces/IResourceMetering.sol";

/// @title ResourceMetering
/// @notice Sells L2 gas to deposits by an EIP-1559 market of its own. The price is paid by burning L1 gas.
abstract contract ResourceMetering is Initializable, IResourceMetering {
    /// @notice State of the market as of the last deposit.
    /// @param prevBaseFee   Base fee in wei.
    /// @param prevBoughtGas L2 gas bought in the block.
    /// @param prevBlockNum  The block.
    struct ResourceParams {
        uint128 prevBaseFee;
        uint64 prevBoughtGas;
        uint64 prevBlockNum;
    }

    /// @notice State of the market.
    ResourceParams public params;

    uint256[48] private __gap;

    /// @notice The L1 block's L2 gas is sold out.
    error OutOfGas();

    /// @notice Charges for L2 gas after the body has run; gas that the body used on L1 counts towards the price.
    modifier metered(uint64 _amount) {
        uint256 initialGas = gasleft();
        _;
        _metered(_amount, initialGas);
    }

    /// @dev Invariant: the deposits of one L1 block buy at most `maxResourceLimit` gas.
    function _metered(uint64 _amount, uint256 _initialGas) internal {
        ResourceConfig memory config = _resourceConfig();
        ResourceParams memory market = params;

        uint256 blocks = block.number - market.prevBlockNum;
        if (blocks > 0) {
            market.prevBaseFee = uint128(_nextBaseFee(market, config, blocks));
            market.prevBoughtGas = 0;
            market.prevBlockNum = uint64(block.number);
        }

        uint256 bought = uint256(market.prevBoughtGas) + _amount;
        if (bought > config.maxResourceLimit) revert OutOfGas();
        market.prevBoughtGas = uint64(bought);
        params = market;

        // A floor for L1's base fee, so that a nearly free L1 block does not ask for more gas than a block has.
        uint256 price = uint256(_amount) * market.prevBaseFee / (block.basefee > 1 gwei ? block.basefee : 1 gwei);
        uint256 used = _initialGas - gasleft();
        if (price > used) Burn.gas(price - used);
    }

    /// @dev The step of the last block with deposits, then a decay by 1/denominator for each block without.
    function _nextBaseFee(
        ResourceParams memory _market,
        ResourceConfig memory _config,
        uint256 _blocks
    )
        private
        pure
        returns (uint256 fee_)
    {
        int256 target = int256(uint256(_config.maxResourceLimit / _config.elasticityMultiplier));
        int256 previous = int256(uint256(_market.prevBaseFee));
        int256 delta = previous * (int256(uint256(_market.prevBoughtGas)) - target)
            / (target * int256(uint256(_config.baseFeeMaxChangeDenominator)));
        fee_ = _clamp(previous + delta, _config);
        if (_blocks > 1) {
            uint256 factor = 1e18 - 1e18 / uint256(_config.baseFeeMaxChangeDenominator);
            fee_ = _clamp(int256(fee_ * FixedPoint.powWad(factor, _blocks - 1) / 1e18), _config);
        }
    }

    function _clamp(int256 _value, ResourceConfig memory _config) private pure returns (uint256) {
        int256 low = int256(uint256(_config.minimumBaseFee));
        int256 high = int256(uint256(_config.maximumBaseFee));
        return uint256(_value < low ? low : (_value > high ? high : _value));
    }

    /// @notice The market's parameters.
    function _resourceConfig() internal view virtual returns (ResourceConfig memory);

    function __ResourceMetering_init() internal onlyInitializing {
        if (params.prevBlockNum == 0) {
            params = ResourceParams({ prevBaseFee: 1 gwei, prevBoughtGas: 0, prevBlockNum: uint64(block.number) });
        }
    }
}
