"""Logs: one line that a person can read, or one JSON object."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from node.log_setup import set_up_logging


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("lamina")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:], root.level, ours.level = before[0], before[1], before[2]


def logged(style: str = "text", level: str = "info", role: str = "") -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    set_up_logging(level, style, role, stream)
    return logging.getLogger("lamina.test"), stream


def test_a_line_has_level_time_message_and_facts() -> None:
    log, stream = logged()
    log.info("block sealed", extra={"number": 7, "head": "block 7 (0x01..)"})
    pattern = r'INFO  \[\d\d-\d\d\|\d\d:\d\d:\d\d\.\d{3}\] block sealed {28} number=7 head="block 7 \(0x01\.\.\)"\n'
    assert re.fullmatch(pattern, stream.getvalue())


def test_a_role_stands_in_front_of_the_message() -> None:
    log, stream = logged(role="batcher")
    log.warning("slow")
    assert stream.getvalue().endswith("] batcher slow\n")
    assert stream.getvalue().startswith("WARN  [")


def test_a_text_line_has_no_colours_where_no_terminal_is() -> None:
    log, stream = logged()
    log.error("down")
    assert "\x1b" not in stream.getvalue()


def test_json_lines_carry_the_facts_as_they_are() -> None:
    log, stream = logged("json")
    log.info("block %s", "sealed", extra={"number": 7, "hash": b"\x01"})
    entry = json.loads(stream.getvalue())
    assert {key: entry[key] for key in ("lvl", "logger", "msg", "number", "hash")} == {
        "lvl": "info",
        "logger": "lamina.test",
        "msg": "block sealed",
        "number": 7,
        "hash": str(b"\x01"),
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", entry["t"])


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_failure_is_logged_with_its_trace(style: str) -> None:
    log, stream = logged(style)
    try:
        raise KeyError("lost")
    except KeyError:
        log.exception("it broke")
    text = stream.getvalue()
    trace = json.loads(text)["trace"] if style == "json" else text
    assert "Traceback" in trace
    assert "KeyError: 'lost'" in trace


def test_the_level_holds_for_our_logs_and_others_only_warn() -> None:
    log, stream = logged(level="debug")
    log.debug("ours")
    logging.getLogger("someone.else").info("theirs")
    logging.getLogger("someone.else").warning("their warning")
    assert "ours" in stream.getvalue()
    assert "theirs" not in stream.getvalue()
    assert "their warning" in stream.getvalue()
    log, stream = logged(level="warning")
    log.info("quiet")
    assert stream.getvalue() == ""


def test_unknown_levels_and_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown log level 'loud': choose one of debug, info, warning, error"):
        set_up_logging("loud")
    with pytest.raises(ValueError, match="unknown log format 'xml': choose one of text, json"):
        set_up_logging("info", "xml")
