"""Code that runs often, as Python functions: a loop then costs what it does, not what it takes to look up its opcodes.

The instruction loop counts how often each JUMPDEST is jumped to. From one that is hot, `compile_path` follows the
code, through jumps to known places and past branches not taken, and writes it down as one function. Words on the stack
become local variables; stack bounds are checked once at the start; gas is charged once for each stretch in which
nothing can be seen from outside. Where gas or stack might not suffice the function gives way to the instruction loop,
before the stretch, and that fails at the very instruction. So gas, state and errors are the same either way.

A charge that depends on operands (memory, EXP, KECCAK256) may come after a later instruction's share has been taken
already. It fails then exactly when some instruction up to the end of the stretch would. Reading storage can be seen
(witnesses) and GAS reads what is left: both stand alone.
Spec: yellow paper, 9.4 "Execution Overview" and appendix H.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth.exceptions import OutOfGas

from evm.forks.memory import expand
from evm.types import keccak256

HotPath = Callable[[list[int], int, Any], tuple[int, int]]
"""Takes stack, gas and computation; answers gas left and where to go on: a jump's target (unchecked, not counted), or
`~position` where the instruction loop has to."""

ROUNDS = 1024
"""Turns of a loop inside one call, so that the caller can look at its budget."""

_MOST_INSTRUCTIONS = 96
_FEWEST_INSTRUCTIONS = 4
_STACK_LIMIT = 1024
_MASK = f"0x{(1 << 256) - 1:x}"
_SIGN = f"0x{1 << 255:x}"

_UNARY = {0x15: "0 if {a} else 1", 0x19: f"{{a}} ^ {_MASK}"}
_BINARY = {
    0x01: (3, f"{{a}} + {{b}} & {_MASK}"),
    0x02: (5, f"{{a}} * {{b}} & {_MASK}"),
    0x03: (3, f"{{a}} - {{b}} & {_MASK}"),
    0x04: (5, "{a} // {b} if {b} else 0"),
    0x06: (5, "{a} % {b} if {b} else 0"),
    0x10: (3, "1 if {a} < {b} else 0"),
    0x11: (3, "1 if {a} > {b} else 0"),
    0x12: (3, f"1 if {{a}} ^ {_SIGN} < {{b}} ^ {_SIGN} else 0"),
    0x13: (3, f"1 if {{a}} ^ {_SIGN} > {{b}} ^ {_SIGN} else 0"),
    0x14: (3, "1 if {a} == {b} else 0"),
    0x16: (3, "{a} & {b}"),
    0x17: (3, "{a} | {b}"),
    0x18: (3, "{a} ^ {b}"),
    0x1A: (3, "{b} >> 8 * (31 - {a}) & 255 if {a} < 32 else 0"),
    0x1B: (3, f"{{b}} << {{a}} & {_MASK} if {{a}} < 256 else 0"),
    0x1C: (3, "{b} >> {a} if {a} < 256 else 0"),
    0x1D: (3, f"({{b}} - ({{b}} >> 255 << 256)) >> ({{a}} if {{a}} < 256 else 256) & {_MASK}"),
}
_TERNARY = {
    0x08: "({a} + {b}) % {c} if {c} else 0",
    0x09: "{a} * {b} % {c} if {c} else 0",
}
_CONTEXT = {
    0x30: "from_bytes(message.storage_address, 'big')",
    0x33: "from_bytes(message.sender, 'big')",
    0x34: "message.value",
    0x36: "len(message.data)",
    0x3D: "len(computation.return_data)",
}
_PRELUDE = {
    "message": "computation.msg",
    "memory": "computation._memory",
    "mem": "computation._memory._bytes",
    "state": "computation.state",
    "address": "computation.msg.storage_address",
}


def _word_at(data: Any, start: int) -> int:
    return int.from_bytes(bytes(data[start : start + 32]).ljust(32, b"\x00"), "big")


def _read_storage(state: Any, address: Any, slot: int, gas: int) -> tuple[int, int]:
    """The slot's value, and the gas left after reading it. Spec: EIP-2929."""
    if (address, slot) in state.warm_slots:
        gas -= 100
    else:
        gas -= 2100
        state.mark_storage_warm(address, slot)
    if gas < 0:
        raise OutOfGas("SLOAD")
    return state.get_storage(address, slot), gas


_NAMES = {
    "from_bytes": int.from_bytes,
    "expand": expand,
    "keccak256": keccak256,
    "word_at": _word_at,
    "read_storage": _read_storage,
    "OutOfGas": OutOfGas,
}


@dataclass
class _Moment:
    """The stack between two instructions: `words` (variables, numbers) in place of what were the `taken` topmost."""

    position: int
    taken: int
    words: tuple[str, ...]


@dataclass
class _Stretch:
    """Instructions that are paid for together; `gas` is what they cost in all."""

    begin: _Moment
    gas: int = 0


@dataclass
class _Leave:
    """The way out: to the target of a jump, or into the instruction loop when `target` begins with ~."""

    moment: _Moment
    target: str
    condition: str = ""


@dataclass
class _Again:
    """The way back to the start, on a stack as high as it was there."""

    moment: _Moment
    condition: str = ""


_Step = str | _Stretch | _Leave | _Again


def compile_path(code: bytes, targets: bytes, start: int, has_push0: bool) -> HotPath | None:
    """The code from the JUMPDEST at `start` on, or None where that is not worth it. `code` ends with STOPs."""
    path = _Path(code, targets, start, has_push0)
    path.follow()
    if path.instructions < _FEWEST_INSTRUCTIONS:
        return None
    names: dict[str, Any] = dict(_NAMES)
    # The source is made of our own words and of numbers: nothing of the code reaches it as text.
    exec(compile(path.source(), f"<evm {start}>", "exec"), names)
    function: HotPath = names["path"]
    return function


class _Path:
    """Follows code and writes down what it does."""

    def __init__(self, code: bytes, targets: bytes, start: int, has_push0: bool) -> None:
        self._code = code
        self._targets = targets
        self._start = start
        self._has_push0 = has_push0
        self._words: list[str] = []
        self._taken = 0
        self._growth = 0
        self._variables = 0
        self._steps: list[_Step] = []
        self._stretch = _Stretch(_Moment(start, 0, ()))
        self.instructions = 0

    # --- the stack as names ---

    def _need(self, count: int) -> None:
        while len(self._words) < count:
            self._taken += 1
            self._words.insert(0, f"s{self._taken}")

    def _pop(self) -> str:
        self._need(1)
        return self._words.pop()

    def _push(self, word: str) -> None:
        self._words.append(word)
        self._growth = max(self._growth, len(self._words) - self._taken)

    def _push_value_of(self, expression: str) -> None:
        self._variables += 1
        self._steps.append(f"v{self._variables} = {expression}")
        self._push(f"v{self._variables}")

    def _moment(self, position: int) -> _Moment:
        return _Moment(position, self._taken, tuple(self._words))

    def _new_stretch(self, position: int) -> None:
        self._stretch = _Stretch(self._moment(position))
        self._steps.append(self._stretch)

    # --- following the code ---

    def follow(self) -> None:
        """Go through the code until it ends, turns back, or does what only the instruction loop can do."""
        position, seen = self._start, {self._start}
        self._new_stretch(position)
        while self.instructions < _MOST_INSTRUCTIONS:
            op = self._code[position]
            self.instructions += 1
            if op == 0x56:
                after = self._jump(position, seen)
                if after is None:
                    return
                position = after
            elif op == 0x57:
                if not self._branch(position):
                    break
                position += 1
                self._new_stretch(position)
            elif 0x5F < op < 0x80 or (op == 0x5F and self._has_push0):
                size = op - 0x5F
                self._stretch.gas += 3 if size else 2
                self._push(hex(int.from_bytes(self._code[position + 1 : position + 1 + size], "big")))
                position += 1 + size
            elif self._plain(op, position):
                position += 1
            else:
                self.instructions -= 1
                break
        self._steps.append(_Leave(self._moment(position), f"~{position}"))

    def _known(self, word: str) -> int | None:
        return int(word, 16) if word[0] == "0" else None

    def _leads_nowhere(self, target: int | None) -> bool:
        return target is not None and (target >= len(self._targets) or not self._targets[target])

    def _jump(self, position: int, seen: set[int]) -> int | None:
        """Where an unconditional jump leads, or None when the path ends with it."""
        self._need(1)
        target = self._known(self._words[-1])
        if self._leads_nowhere(target):
            self._steps.append(_Leave(self._moment(position), f"~{position}"))
            return None
        self._stretch.gas += 8
        word = self._pop()
        if target is None or (target in seen and target != self._start):
            self._steps.append(_Leave(self._moment(position), word))
            return None
        if target == self._start:
            self._steps.append(self._back())
            return None
        seen.add(target)
        return target

    def _back(self, condition: str = "") -> _Step:
        moment = self._moment(self._start)
        if len(moment.words) == moment.taken:
            return _Again(moment, condition)
        return _Leave(moment, str(self._start), condition)

    def _branch(self, position: int) -> bool:
        """A conditional jump; False when the instruction loop has to see to it."""
        self._need(2)
        target = self._known(self._words[-1])
        if self._leads_nowhere(target):
            self.instructions -= 1
            return False
        self._stretch.gas += 10
        word, condition = self._pop(), self._pop()
        if target == self._start:
            self._steps.append(self._back(condition))
        else:
            self._steps.append(_Leave(self._moment(position), word, condition))
        return True

    def _plain(self, op: int, position: int) -> bool:
        """One instruction that does not jump; False when only the instruction loop knows it."""
        if 0x80 <= op < 0x90:
            self._stretch.gas += 3
            self._need(op - 0x7F)
            self._push(self._words[0x7F - op])
        elif 0x90 <= op < 0xA0:
            self._stretch.gas += 3
            self._need(op - 0x8E)
            words, other = self._words, 0x8E - op
            words[-1], words[other] = words[other], words[-1]
        elif op in _BINARY:
            gas, expression = _BINARY[op]
            self._stretch.gas += gas
            a, b = self._pop(), self._pop()
            self._push_value_of(expression.format(a=a, b=b))
        elif op in _UNARY:
            self._stretch.gas += 3
            self._push_value_of(_UNARY[op].format(a=self._pop()))
        elif op in _TERNARY:
            self._stretch.gas += 8
            a, b, c = self._pop(), self._pop(), self._pop()
            self._push_value_of(_TERNARY[op].format(a=a, b=b, c=c))
        elif op == 0x5B:
            self._stretch.gas += 1
        elif op == 0x50:
            self._stretch.gas += 2
            self._pop()
        elif op == 0x58:
            self._stretch.gas += 2
            self._push(hex(position))
        elif op in _CONTEXT:
            self._stretch.gas += 2
            self._push_value_of(_CONTEXT[op])
        elif op == 0x35:
            self._stretch.gas += 3
            self._push_value_of(f"word_at(message.data, {self._pop()})")
        elif op == 0x5A:
            self._stretch.gas += 2
            self._push_value_of("gas")
            self._new_stretch(position + 1)
        elif op == 0x54:
            self._new_stretch(position)
            self._variables += 1
            value = f"v{self._variables}"
            self._steps.append(f"{value}, gas = read_storage(state, address, {self._pop()}, gas)")
            self._push(value)
            self._new_stretch(position + 1)
        else:
            return self._memory(op)
        return True

    def _memory(self, op: int) -> bool:
        if op == 0x51:
            self._stretch.gas += 3
            start = self._reach(self._pop(), "32")
            self._push_value_of(f"from_bytes(mem[{start}:end], 'big')")
        elif op == 0x52:
            self._stretch.gas += 3
            start = self._reach(self._pop(), "32")
            self._steps.append(f"mem[{start}:end] = ({self._pop()}).to_bytes(32, 'big')")
        elif op == 0x53:
            self._stretch.gas += 3
            start = self._reach(self._pop(), "1")
            self._steps.append(f"mem[{start}] = {self._pop()} & 255")
        elif op == 0x20:
            self._stretch.gas += 30
            start, size = self._pop(), self._pop()
            self._charge(f"6 * (({size} + 31) // 32)", "KECCAK256")
            self._reach(start, size, f"{size} and ")
            self._push_value_of(f"from_bytes(keccak256(mem[{start}:end]), 'big')")
        elif op == 0x0A:
            self._stretch.gas += 10
            base, exponent = self._pop(), self._pop()
            self._charge(f"50 * ((({exponent}).bit_length() + 7) // 8)", "EXP")
            self._push_value_of(f"pow({base}, {exponent}, 0x1{'0' * 64})")
        else:
            return False
        return True

    def _charge(self, amount: str, why: str) -> None:
        self._steps += [f"gas -= {amount}", f"if gas < 0: raise OutOfGas('{why}')"]

    def _reach(self, start: str, size: str, when: str = "") -> str:
        """Set `end` and make the memory reach it."""
        self._steps += [
            f"end = {start} + {size}",
            f"if {when}end > len(mem): gas = expand(memory, end, gas); mem = memory._bytes",
        ]
        return start

    # --- writing it down ---

    def source(self) -> str:
        """The function's text."""
        again = [step.moment for step in self._steps if isinstance(step, _Again)]
        moved = {
            index
            for moment in again
            for index in range(1, moment.taken + 1)
            if moment.words[moment.taken - index] != f"s{index}"
        }
        body: list[str] = []
        for step in self._steps:
            body += [f"{'  ' if again else ' '}{line}" for line in self._lines(step, moved)]
        if again:
            whole = _Moment(self._start, self._taken, tuple(f"s{index}" for index in range(self._taken, 0, -1)))
            body = [f" for _ in range({ROUNDS}):", *body]
            body += [f" {line}" for line in self._leave(whole, str(self._start), moved)]
        used = set(re.findall(r"[a-z]\w*", "\n".join(body)))
        head = [
            "def path(values, gas, computation):",
            f" if not {self._taken} <= len(values) <= {_STACK_LIMIT - self._growth}: return gas, ~{self._start}",
            *(f" s{index} = values[-{index}]" for index in range(1, self._taken + 1) if f"s{index}" in used),
            *(f" {name} = {value}" for name, value in _PRELUDE.items() if name in used),
        ]
        return "\n".join([*head, *body, ""])

    def _lines(self, step: _Step, moved: set[int]) -> list[str]:
        if isinstance(step, str):
            return [step]
        if isinstance(step, _Stretch):
            if not step.gas:
                return []
            give_way = self._leave(step.begin, f"~{step.begin.position}", moved)
            return [f"if gas < {step.gas}:", *(f" {line}" for line in give_way), f"gas -= {step.gas}"]
        if isinstance(step, _Again):
            lines = self._again(step.moment)
        else:
            lines = self._leave(step.moment, step.target, moved)
        if step.condition:
            return [f"if {step.condition}:", *(f" {line}" for line in lines)]
        return lines

    def _again(self, moment: _Moment) -> list[str]:
        changed = [
            (f"s{index}", word)
            for index, word in zip(range(moment.taken, 0, -1), moment.words, strict=True)
            if word != f"s{index}"
        ]
        if not changed:
            return ["continue"]
        names, words = zip(*changed, strict=True)
        return [f"{', '.join(names)} = {', '.join(words)}", "continue"]

    def _leave(self, moment: _Moment, target: str, moved: set[int]) -> list[str]:
        """Put back what differs on the stack, and return."""
        taken, words = moment.taken, list(moment.words)
        deepest = max(moved, default=0)
        if deepest > taken:
            words = [f"s{index}" for index in range(deepest, taken, -1)] + words
            taken = deepest
        while taken and words and words[0] == f"s{taken}" and taken not in moved:
            taken -= 1
            words.pop(0)
        finish = f"return gas, {target}"
        if not taken:
            return [*(f"values.append({word})" for word in words), finish]
        if len(words) == taken == 1:
            return [f"values[-1] = {words[0]}", finish]
        if not words:
            return [f"del values[-{taken}:]", finish]
        return [f"values[-{taken}:] = ({', '.join(words)},)", finish]
