"""Prague: delegated accounts and BLS12-381 precompiles."""

from eth.vm.forks.prague.computation import PragueComputation

from evm.forks.cancun import Cancun
from evm.forks.computation import MessageRunner
from evm.forks.shanghai import CREATE_OPCODES
from evm.precompiles.bls12 import (
    bls12_g1_add,
    bls12_g1_msm,
    bls12_g2_add,
    bls12_g2_msm,
    bls12_map_fp2_to_g2,
    bls12_pairing,
)
from evm.precompiles.limits import BLS12_G1_MSM, BLS12_G2_MSM, BLS12_PAIRING
from evm.types import Address

BLS12_G1_ADD = Address(bytes(19) + b"\x0b")
BLS12_G2_ADD = Address(bytes(19) + b"\x0d")
BLS12_MAP_FP2_TO_G2 = Address(bytes(19) + b"\x11")


class Prague(MessageRunner, PragueComputation):  # type: ignore[misc]
    """Adds calls to delegated accounts (EIP-7702) and the BLS12-381 precompiles (EIP-2537), most of them our own."""

    opcodes = {**PragueComputation.opcodes, **CREATE_OPCODES}  # noqa: RUF012
    _precompiles = {  # noqa: RUF012
        **PragueComputation._precompiles,
        **Cancun._precompiles,
        BLS12_G1_ADD: bls12_g1_add,
        BLS12_G1_MSM: bls12_g1_msm,
        BLS12_G2_ADD: bls12_g2_add,
        BLS12_G2_MSM: bls12_g2_msm,
        BLS12_PAIRING: bls12_pairing,
        BLS12_MAP_FP2_TO_G2: bls12_map_fp2_to_g2,
    }
