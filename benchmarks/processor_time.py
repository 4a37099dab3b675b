"""Processor time that a devnet's roles have used so far, read from /proc; empty where there is no /proc."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_COMMANDS = {"devl1": "l1", "batcher": "batcher", "proposer": "proposer", "challenger": "challenger"}


def processor_seconds(devnet_pid: int) -> dict[str, float]:
    """Seconds by role, those of its worker processes (KZG, checking behind the head) apart; `devnet` supervises them all."""
    parents, used = _processes()
    seconds: dict[str, float] = {}
    for pid in parents:
        role = _role(pid, devnet_pid, parents)
        if role is not None and pid != devnet_pid and parents[pid] != devnet_pid:
            role += "Workers"
        if role is not None:
            seconds[role] = seconds.get(role, 0.0) + used[pid]
    return seconds


def _processes() -> tuple[dict[int, int], dict[int, float]]:
    """Parent and seconds used, by process id."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        pid = int(entry.name)
        parents[pid] = int(fields[1])
        used[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
    return parents, used


def _role(pid: int, devnet_pid: int, parents: dict[int, int]) -> str | None:
    """The role whose process this is, or descends from; None when it is none of the devnet's."""
    if pid == devnet_pid:
        return "devnet"
    while parents.get(pid, 0) != devnet_pid:
        if pid not in parents:
            return None
        pid = parents[pid]
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    if "--sequencer.enabled" in words:
        return "sequencer"
    return next((name for word, name in _COMMANDS.items() if word in words), "verifier" if "node" in words else "other")
