"""A program from the core's compiler: start code, heap, preimages, panics and configuration on every machine."""

import pytest

from evm.types import keccak256
from faultproof.preimage import MemorySource, keccak256_key, local_key
from faultproof.vm.elf import Program
from faultproof.vm.reference import program_output
from faultproof.vm.state import VMStatus
from faultproof.vm.witness import witness
from tests.faultproof.opinions import judge
from tests.faultproof.selftest_run import native, preimages, reference

FOREVER = (1 << 64) - 1
DATA = bytes(range(251)) * 3


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 136, 10_000])
def test_the_program_hashes_what_it_reads(selftest: Program, size: int) -> None:
    data = bytes(index & 0xFF for index in range(size))
    machine = native(selftest, preimages(data))
    machine.run(FOREVER)
    assert machine.state().status == VMStatus.VALID
    assert program_output(machine) == keccak256(data)


def test_a_wrong_claim_is_invalid(selftest: Program) -> None:
    machine = native(selftest, preimages(DATA, claim=bytes(32)))
    machine.run(FOREVER)
    assert machine.state().status == VMStatus.INVALID


def test_a_failed_safety_check_is_a_panic_and_says_why(selftest: Program) -> None:
    # The key that local data 1 gives is shorter than a key.
    machine = native(selftest, {local_key(1): b"short"})
    machine.run(FOREVER)
    assert (machine.state().status, machine.moment.exit_code) == (VMStatus.PANIC, 2)
    assert b"index out of bounds" in program_output(machine)


def test_the_configuration_changes_the_prestate_and_reaches_the_program(selftest: Program) -> None:
    plain, configured = (
        native(selftest, preimages(DATA)),
        native(selftest.configured(b"\x02"), preimages(DATA, rounds=2)),
    )
    assert plain.state().hash() != configured.state().hash()
    configured.run(FOREVER)
    assert configured.state().status == VMStatus.VALID


def test_hints_reach_the_source_before_the_preimage_they_are_about(selftest: Program) -> None:
    log: list[bytes] = []

    class Log(MemorySource):
        """Keeps the order of things."""

        def preimage(self, key: bytes) -> bytes:
            log.append(key)
            return super().preimage(key)

        def hint(self, text: bytes) -> None:
            log.append(text)

    machine = native(selftest, Log(preimages(DATA)))
    machine.run(FOREVER)
    expected = [local_key(1), b"selftest-data", keccak256_key(keccak256(DATA)), local_key(2)]
    assert log == expected
    log.clear()
    slow = reference(selftest, preimages(DATA))
    slow.source.hint = log.append  # type: ignore[method-assign]
    slow.run(FOREVER)
    assert log == [b"selftest-data"]


def test_every_machine_has_the_same_state_at_every_step(selftest: Program) -> None:
    source = preimages(DATA)
    fast, slow = native(selftest, source), reference(selftest, source)
    step = 0
    while not slow.moment.exited:
        # Every one of the first steps, then farther and farther apart.
        step += 1 if step < 1200 else 997
        fast.run(step)
        slow.run(step)
        if step % 8 == 0 or step > 1200 or slow.moment.exited:
            assert fast.state() == slow.state()
        assert fast.moment.registers == slow.moment.registers
    assert fast.state() == slow.state()
    assert slow.moment.step > 10_000


def test_the_contract_confirms_steps_of_the_program_all_over_its_run(selftest: Program) -> None:
    machine = native(selftest, preimages(DATA))
    whole = machine.fork()
    whole.run(FOREVER)
    last = whole.moment.step
    interesting = [*range(0, 120, 3), *range(120, last, last // 25), *range(last - 3, last + 2)]
    for step in interesting:
        machine.run(step)
        evidence = witness(machine)
        judge().load_part(evidence)
        after = machine.fork()
        after.run(step + 1)
        assert judge().step(evidence.state_data, evidence.proof_data) == after.state().hash()
    assert machine.state() == whole.state()


def test_a_fork_goes_its_own_way(selftest: Program) -> None:
    machine = native(selftest, preimages(DATA))
    machine.run(5000)
    before = machine.state()
    fork = machine.fork()
    fork.run(FOREVER)
    assert machine.state() == before
    machine.run(FOREVER)
    assert machine.state() == fork.state()


def test_a_fork_in_the_middle_of_a_preimage_reads_on(selftest: Program) -> None:
    machine = native(selftest, preimages(DATA))
    step = 0
    while machine.moment.preimage_key != keccak256_key(keccak256(DATA)) or machine.moment.preimage_offset < 200:
        step += 1
        machine.run(step)
    fork = machine.fork()
    fork.run(FOREVER)
    machine.run(FOREVER)
    assert fork.state() == machine.state()


def test_stopping_anywhere_changes_nothing(selftest: Program) -> None:
    straight, halting = native(selftest, preimages(DATA)), native(selftest, preimages(DATA))
    straight.run(20_000)
    for step in (1, 2, 3, 500, 501, 7_777, 7_777, 19_999, 20_000):
        halting.run(step)
        assert halting.moment.step == step
    assert halting.state() == straight.state()
    # To stop before where it is does nothing.
    halting.run(5)
    assert halting.state() == straight.state()
