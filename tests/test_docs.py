"""The documentation is true where a machine can tell: generated pages, links, commands, paths."""

import re
from pathlib import Path
from typing import Any

import pytest

from docs.reference.generate import FOLDER, PAGES
from node.cli.main import command_tree

ROOT = Path(__file__).resolve().parent.parent
PAGES_BY_HAND = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_pages_are_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run `make docs` and commit the result"


@pytest.mark.parametrize("page", PAGES_BY_HAND, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES_BY_HAND, ids=lambda page: page.name)
def test_every_command_that_is_shown_exists_with_its_flags(page: Path) -> None:
    tree = command_tree()
    wrong = []
    for line in re.findall(r"(?m)^\s*(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?lamina ([^`\n#]+)", _joined(page.read_text())):
        words = line.split()
        command: Any = tree
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        if command is tree:
            wrong.append(f"lamina {line}")
            continue
        known = {flag for option in command.params for flag in option.opts}
        wrong += [f"lamina {line}: {word}" for word in words if word.startswith("--") and word not in known]
    assert wrong == []


def _joined(text: str) -> str:
    """Lines that end in a backslash continue on the next one."""
    return re.sub(r"\\\n\s*", " ", text)


@pytest.mark.parametrize("page", PAGES_BY_HAND, ids=lambda page: page.name)
def test_every_make_target_that_is_shown_exists(page: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.M)) <= targets


@pytest.mark.parametrize("page", PAGES_BY_HAND, ids=lambda page: page.name)
def test_every_file_of_the_project_that_is_named_exists(page: Path) -> None:
    rooms = "config|evm|l1|derivation|batcher|proposer|node|contracts|tests|docs|benchmarks|core|faultproof"
    named = re.findall(rf"`((?:{rooms})/[A-Za-z0-9_./-]*)`", page.read_text())
    assert [name for name in named if "node_modules" not in name and not (ROOT / name).exists()] == []
