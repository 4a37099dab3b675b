"""Shanghai: PUSH0 and limits on initcode; on L2: Canyon."""

from typing import Any

from eth import constants
from eth.exceptions import OutOfGas
from eth.vm import mnemonics, opcode_values
from eth.vm.forks.shanghai.computation import ShanghaiComputation
from eth.vm.forks.shanghai.constants import MAX_INITCODE_SIZE
from eth.vm.forks.shanghai.logic import Create2EIP3860, CreateEIP3860

from evm.forks.computation import MessageRunner
from evm.forks.paris import Paris


def _refuse_long_initcode(length: int) -> None:
    if length > MAX_INITCODE_SIZE:
        raise OutOfGas(f"initcode of {length} bytes is longer than {MAX_INITCODE_SIZE}")


class Create(CreateEIP3860):  # type: ignore[misc]
    """Refuses long initcode before it looks at balance and depth, as the EIP says. Spec: EIP-3860."""

    def get_gas_cost(self, data: Any) -> int:
        """Gas for the opcode, before memory."""
        _refuse_long_initcode(data.memory_length)
        cost: int = super().get_gas_cost(data)
        return cost


class Create2(Create2EIP3860):  # type: ignore[misc]
    """The same for CREATE2. Spec: EIP-3860."""

    def get_gas_cost(self, data: Any) -> int:
        """Gas for the opcode, before memory."""
        _refuse_long_initcode(data.memory_length)
        cost: int = super().get_gas_cost(data)
        return cost


CREATE_OPCODES = {
    opcode_values.CREATE: Create.configure(
        __name__="opcode:CREATE", mnemonic=mnemonics.CREATE, gas_cost=constants.GAS_CREATE
    )(),
    opcode_values.CREATE2: Create2.configure(
        __name__="opcode:CREATE2", mnemonic=mnemonics.CREATE2, gas_cost=constants.GAS_CREATE
    )(),
}


class Shanghai(MessageRunner, ShanghaiComputation):  # type: ignore[misc]
    """Adds PUSH0 and the initcode rules."""

    opcodes = {**ShanghaiComputation.opcodes, **CREATE_OPCODES}  # noqa: RUF012
    _precompiles = Paris._precompiles
