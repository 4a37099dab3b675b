"""Processor time that a devnet's roles have used so far, read from /proc; empty where there is no /proc."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_ROLE_MARK = "lamina "
"""What the short names of roles' processes begin with (`node.devnet.role_process`); the kernel cuts them to 15 characters."""


def processor_seconds(devnet_pid: int) -> dict[str, float]:
    """Seconds by role, and of all `workers` together (KZG, checking behind the head): one process forks them all.

    `devnet` is the process that supervises them.
    """
    parents, names, used = _processes()
    seconds: dict[str, float] = {}
    for pid, name in names.items():
        if pid == devnet_pid:
            role = "devnet"
        elif not _descends(pid, devnet_pid, parents):
            continue
        else:
            role = name.removeprefix(_ROLE_MARK) if name.startswith(_ROLE_MARK) else "workers"
        seconds[role] = seconds.get(role, 0.0) + used[pid]
    return seconds


def _processes() -> tuple[dict[int, int], dict[int, str], dict[int, float]]:
    """Parent, short name and seconds used, by process id."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            start, _, rest = (entry / "stat").read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        pid, fields = int(entry.name), rest.split()
        parents[pid] = int(fields[1])
        names[pid] = start.partition("(")[2]
        used[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
    return parents, names, used


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False
