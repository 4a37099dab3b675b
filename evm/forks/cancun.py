"""Cancun: transient storage, MCOPY, blob opcodes, point evaluation; on L2: Ecotone."""

from eth.vm.forks.cancun.computation import CancunComputation

from evm.forks.computation import MessageRunner
from evm.forks.shanghai import CREATE_OPCODES, Shanghai
from evm.precompiles.point_evaluation import point_evaluation
from evm.types import Address

POINT_EVALUATION = Address(bytes(19) + b"\x0a")


class Cancun(MessageRunner, CancunComputation):  # type: ignore[misc]
    """Adds the Cancun opcodes and the point evaluation precompile."""

    opcodes = {**CancunComputation.opcodes, **CREATE_OPCODES}  # noqa: RUF012
    _precompiles = {**Shanghai._precompiles, POINT_EVALUATION: point_evaluation}  # noqa: RUF012
