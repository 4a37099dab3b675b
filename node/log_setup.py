"""Logs: one line per event that a person can read, or JSON.

Modules log to `lamina.<part>` with the standard library; facts go into `extra`:

    log.info("block sealed", extra={"number": 7, "hash": short(block.hash)})
"""

import logging
import sys
from datetime import datetime
from typing import Any, TextIO

import orjson

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_COLOURS = {"DEBUG": "\x1b[36m", "INFO": "\x1b[32m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[35m"}
_SHORT = {"WARNING": "WARN", "CRITICAL": "CRIT"}
LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class TextFormatter(logging.Formatter):
    """`INFO  [11-20|10:50:41.123] block sealed            number=7 hash=0x1f8a42b7..`"""

    def __init__(self, colour: bool, role: str = "") -> None:
        super().__init__()
        self._colour = colour
        self._role = f"{role} " if role else ""

    def format(self, record: logging.LogRecord) -> str:
        """One line, with a traceback below it when there is one."""
        level = _SHORT.get(record.levelname, record.levelname).ljust(5)
        if self._colour:
            level = f"{_COLOURS.get(record.levelname, '')}{level}\x1b[0m"
        when = datetime.fromtimestamp(record.created).strftime("%m-%d|%H:%M:%S.%f")[:-3]
        facts = " ".join(f"{key}={_text(value)}" for key, value in _facts(record).items())
        message = record.getMessage()
        line = f"{level} [{when}] {self._role}{message.ljust(40) if facts else message} {facts}".rstrip()
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `t`, `lvl`, `logger`, `msg`, and the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The object as text."""
        entry: dict[str, Any] = {
            "t": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "lvl": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        entry.update(_facts(record))
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, default=str).decode()


def _text(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text


def set_up_logging(level: str = "info", style: str = "text", role: str = "", stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (default stderr).

    `level` is one of LEVELS, `style` one of FORMATS; `role` prefixes text lines where several roles share a terminal.
    Raises ValueError for another level or style.
    """
    if level not in LEVELS:
        raise ValueError(f"unknown log level {level!r}: choose one of {', '.join(LEVELS)}")
    if style not in FORMATS:
        raise ValueError(f"unknown log format {style!r}: choose one of {', '.join(FORMATS)}")
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter(stream.isatty(), role))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("lamina").setLevel(level.upper())
