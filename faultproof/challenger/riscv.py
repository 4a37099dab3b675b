"""Runs of the fault-proof program: states and steps of one dispute, from a machine that is run once and then revisited."""

import logging
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

from config.errors import CriticalError
from config.types import Hash32
from faultproof.challenger.programs import ProgramInputs
from faultproof.game import BlobElement, ExecutionTrace, PrecompileCall, PreimageNeed, StepWitness
from faultproof.preimage import KeyType, PreimageSource, key_type, local_key
from faultproof.vm.machine import Machine, NativeMachine
from faultproof.vm.snapshot import read_snapshot
from faultproof.vm.state import State
from faultproof.vm.witness import witness

log = logging.getLogger("lamina.challenger")

_LENGTH_PREFIX = 8
_FIRST_INTERVAL = 1 << 22
_MAX_CHECKPOINTS = 8
_MAX_RECENT = 4
"""Copies of a machine hold all memory that a program has touched; running on from one takes a second or so."""


class RunSource(PreimageSource, Protocol):
    """Preimages of a run, and why those that are no preimages of a hash are the right ones."""

    def evidence(self, key: bytes) -> BlobElement | PrecompileCall | None:
        """For keys of blobs and precompiled contracts; None where it is not known. Raises TemporaryError."""
        ...


Evidence = Callable[[bytes], BlobElement | PrecompileCall | None]
SourceFactory = Callable[[ProgramInputs], RunSource]


class LocalDataSource:
    """A dispute's local data in front of a source of everything else."""

    def __init__(self, inputs: ProgramInputs, source: RunSource) -> None:
        self._local = {local_key(ident): value for ident, value in inputs.local_data().items()}
        self._source = source

    def preimage(self, key: bytes) -> bytes:
        """The preimage of a key. Raises MissingPreimage."""
        if key_type(key) == KeyType.LOCAL and key in self._local:
            return self._local[Hash32(key)]
        return self._source.preimage(key)

    def hint(self, text: bytes) -> None:
        """Passed on."""
        self._source.hint(text)

    def evidence(self, key: bytes) -> BlobElement | PrecompileCall | None:
        """See `RunSource`."""
        return self._source.evidence(key)


class RiscvProgram:
    """The fault-proof program of a chain, from its first state as `lamina vm load` writes it."""

    def __init__(self, first: Machine, sources: SourceFactory, make: Callable[[PreimageSource], Machine]) -> None:
        """`make` gives a machine at the first state that reads from a source; `first` is one such."""
        self._prestate = first.state().hash()
        self._sources = sources
        self._make = make
        # Games that are created in one L1 block and are about the same L2 block are about the same run.
        self._runs: WeakValueDictionary[tuple[ProgramInputs, int], MachineTrace] = WeakValueDictionary()

    @staticmethod
    def load(path: Path, sources: SourceFactory) -> "RiscvProgram":
        """From a file. Raises CriticalError when it is no first state."""
        try:
            state, memory = read_snapshot(path.read_bytes())
        except (OSError, ValueError) as error:
            raise CriticalError(
                f"{path} holds no first state of the fault-proof program ({error}): make one with `lamina vm load`"
            ) from error

        def make(source: PreimageSource) -> Machine:
            return NativeMachine.load(State.decode(state.encode()), memory.pages(), source)

        return RiscvProgram(make(_NoSource()), sources, make)

    @property
    def prestate(self) -> Hash32:
        """The commitment to its first state."""
        return self._prestate

    def trace(self, inputs: ProgramInputs, length: int) -> ExecutionTrace:
        """A run. Raises CriticalError when it is longer than a game's trace, and what the source raises."""
        run = self._runs.get((inputs, length))
        if run is None:
            source = LocalDataSource(inputs, self._sources(inputs))
            run = MachineTrace(self._make(source), length, evidence=source.evidence)
            self._runs[inputs, length] = run
        return run


class _NoSource:
    """For machines that are not run."""

    def preimage(self, key: bytes) -> bytes:
        raise CriticalError("this machine is not meant to run")

    def hint(self, text: bytes) -> None:
        return None


class MachineTrace:
    """One run of a machine: made once, with copies of it kept on the way, from which any moment is near.

    One thread at a time may use it.
    """

    def __init__(
        self, machine: Machine, length: int, *, interval: int = _FIRST_INTERVAL, evidence: Evidence | None = None
    ) -> None:
        """`machine` is at its first state; it may make `length` steps. `interval`: steps between the first copies.

        `evidence` is that of the machine's source, where it has one.
        """
        self._evidence = evidence
        self._steps = [0]
        self._machines = [machine.fork()]
        self._recent: dict[int, Machine] = {}
        self._hashes: dict[int, Hash32] = {}
        self._interval = interval
        self._run(machine, length)
        self._last = machine.moment.step
        self._last_hash = machine.state().hash()
        log.info("ran the fault-proof program", extra={"steps": self._last, "exit_code": machine.moment.exit_code})

    def _run(self, machine: Machine, length: int) -> None:
        while not machine.moment.exited:
            if machine.moment.step >= length:
                raise CriticalError(
                    f"the fault-proof program has not ended after {length} steps, all that a game's trace has"
                )
            machine.run(min(machine.moment.step + self._interval, length))
            self._keep(machine)

    def _keep(self, machine: Machine) -> None:
        if len(self._machines) == _MAX_CHECKPOINTS:
            # Every second one goes, and the distance doubles: any length takes the same memory.
            self._steps, self._machines = self._steps[::2], self._machines[::2]
            self._interval *= 2
        if machine.moment.step - self._steps[-1] >= self._interval:
            self._steps.append(machine.moment.step)
            self._machines.append(machine.fork())

    @property
    def steps(self) -> int:
        """How many steps the program makes."""
        return self._last

    def state_hash_after(self, steps: int) -> Hash32:
        """See `faultproof.game.ExecutionTrace`."""
        if steps >= self._last:
            return self._last_hash
        # Every round asks about all claims of a game again.
        if steps not in self._hashes:
            self._hashes[steps] = self.machine_at(steps).state().hash()
        return self._hashes[steps]

    def step_after(self, steps: int) -> StepWitness:
        """See `faultproof.game.ExecutionTrace`. Raises CriticalError where the program reads what it cannot."""
        evidence = witness(self.machine_at(steps))
        needs: tuple[PreimageNeed, ...] = ()
        if evidence.read is not None:
            read = evidence.read
            known = None
            if self._evidence is not None and key_type(read.key) in (KeyType.BLOB, KeyType.PRECOMPILE):
                known = self._evidence(read.key)
            needs = (PreimageNeed(read.key, read.offset, read.value[_LENGTH_PREFIX:], known),)
        return StepWitness(evidence.state_data, evidence.proof_data, needs)

    def machine_at(self, steps: int) -> Machine:
        """A machine of the caller's own after so many steps.

        The last few asked for are kept: a bisection's next question is near them.
        """
        place = bisect_right(self._steps, steps) - 1
        start, machine = self._steps[place], self._machines[place]
        for known, recent in self._recent.items():
            if start < known <= steps:
                start, machine = known, recent
        copy = machine.fork()
        copy.run(steps)
        if start < steps:
            if len(self._recent) == _MAX_RECENT:
                del self._recent[next(iter(self._recent))]
            self._recent[steps] = copy.fork()
        return copy
