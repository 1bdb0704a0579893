"""What the documentation shows is what happens."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"

pytestmark = pytest.mark.skipif(
    not README.exists(), reason="runs away from the checkout"
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_python_examples_run() -> None:
    found = blocks("python")
    assert found
    for block in found:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102 - our own text


def test_commands_print_what_is_shown(
    dateline: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    ran = 0
    for block in blocks("console"):
        for part in block.split("$ ")[1:]:
            command, _, shown = part.partition("\n")
            arguments = shlex.split(command)
            if arguments[0] in ("cat", "head"):
                Path(arguments[-1]).write_text(shown, encoding="utf-8")
                continue
            assert arguments[0] == "dateline"
            run = dateline(*arguments[1:])
            assert run.code == 0
            assert_alike(run.out, shown)
            ran += 1
    assert ran


def assert_alike(found: str, shown: str) -> None:
    """The same but for the last digits of scores."""
    number = re.compile(r"\d\.\d+")
    assert number.sub("#", found) == number.sub("#", shown)
    for one, other in zip(number.findall(found), number.findall(shown), strict=True):
        assert float(one) == pytest.approx(float(other), abs=0.02)


def test_every_command_is_documented() -> None:
    from dateline.cli import _COMMANDS

    text = README.read_text("utf-8")
    for name in _COMMANDS:
        assert f"dateline {name}" in text


def test_commands_of_the_first_lines_are_found_by_ci() -> None:
    text = README.read_text("utf-8")
    for name in ("first-command", "test-command"):
        assert re.search(
            rf"<!-- {name} -->\n```\npython -m pip install [^\n]+\n```\n", text
        )
