"""Runs Python over the console's names: at a terminal, or as a script whose results are JSON."""

import ast
import code
import importlib
import importlib.util
import json
import rlcompleter
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from config.errors import TemporaryError
from l1.rpc import RpcError

_HISTORY = Path("~/.lamina_history").expanduser()
_HISTORY_LINES = 1_000


class ScriptFailed(ValueError):
    """A script of the console raised an error; the message says which, and in which line."""


def run_script(text: str, names: dict[str, Any], source: str) -> None:
    """Run statements, and print the value of every expression among them as one line of JSON.

    Raises ScriptFailed with the error of a statement, which ends the script; SystemExit is let through.
    """
    try:
        statements = ast.parse(text, source).body
    except SyntaxError as error:
        raise ScriptFailed(f"{source}, line {error.lineno}: {error.msg}") from error
    for statement in statements:
        try:
            if isinstance(statement, ast.Expr):
                value = eval(compile(ast.Expression(statement.value), source, "eval"), names)
                if value is not None or not _is_print(statement.value):
                    print(json.dumps(value, default=repr), flush=True)
            else:
                exec(compile(ast.Module([statement], []), source, "exec"), names)
        except Exception as error:
            raise ScriptFailed(f"{source}, line {statement.lineno}: {in_words(error)}") from error


def _is_print(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name) and expression.func.id == "print"


def in_words(error: BaseException) -> str:
    """An error in one line; those of calls are sentences already."""
    return str(error) if isinstance(error, RpcError | TemporaryError) else f"{type(error).__name__}: {error}"


def run_terminal(names: dict[str, Any], banner: str) -> None:
    """Talk to whoever sits at the terminal until Ctrl-D; in IPython where it is installed."""
    if importlib.util.find_spec("IPython") is not None:
        _run_ipython(names, banner)
        return
    _with_line_editing(names)
    before = sys.displayhook, sys.excepthook
    # What goes wrong in the line that was typed is no error of the program.
    sys.displayhook, sys.excepthook = _show, sys.__excepthook__
    try:
        _Terminal(names).interact(banner, "")
    finally:
        sys.displayhook, sys.excepthook = before


def _run_ipython(names: dict[str, Any], banner: str) -> None:
    embed = importlib.import_module("IPython.terminal.embed")
    shell = embed.InteractiveShellEmbed(banner1=f"{banner}\n", exit_msg="", confirm_exit=False, user_ns=names)

    def say(_shell: Any, _kind: type, error: BaseException, _trace: Any, tb_offset: int | None = None) -> None:
        print(error)

    shell.set_custom_exc((RpcError, TemporaryError), say)
    shell()


class _Terminal(code.InteractiveConsole):
    """Python's own, but what a node refuses is a line and no traceback."""

    def showtraceback(self) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, RpcError | TemporaryError):
            self.write(f"{error}\n")
        else:
            super().showtraceback()


def _show(value: Any) -> None:
    from rich.console import Console
    from rich.pretty import Pretty

    if isinstance(value, dict | list):
        Console(soft_wrap=True).print(Pretty(value))
    elif value is not None:
        print(repr(value))


def _with_line_editing(names: dict[str, Any]) -> None:
    try:
        readline = importlib.import_module("readline")
    except ImportError:
        return
    import atexit

    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")
    with suppress(OSError):
        readline.read_history_file(_HISTORY)
    readline.set_history_length(_HISTORY_LINES)

    def keep() -> None:
        with suppress(OSError):
            readline.write_history_file(_HISTORY)
            _HISTORY.chmod(0o600)

    atexit.register(keep)
