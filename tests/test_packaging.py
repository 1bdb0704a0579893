"""What fails silently in an editable install: folders and files that the wheel lacks."""

from __future__ import annotations

import fnmatch
import importlib
import pkgutil
import tomllib
from pathlib import Path

import pytest

import dateline

ROOT = Path(__file__).parent.parent
FOLDERS = ("train", "predict", "labels")

needs_checkout = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="runs away from the checkout"
)


def setuptools_table() -> dict[str, object]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: dict[str, object] = tomllib.load(file)["tool"]["setuptools"]
    return table


@needs_checkout
def test_every_folder_of_code_is_in_packages() -> None:
    found = {"dateline"} | {
        "dateline." + ".".join(path.parent.relative_to(ROOT).parts)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert found == set(setuptools_table()["packages"])  # type: ignore[call-overload]


@needs_checkout
def test_every_data_file_matches_a_package_data_pattern() -> None:
    patterns = setuptools_table()["package-data"]
    assert isinstance(patterns, dict)
    stray = [
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        # What is compiled is built on the machine that installs.
        and path.suffix not in {".py", ".pyc", ".pyx", ".pxi", ".h", ".so", ".pyd"}
        # Lists that scripts/build_places.py reads; nothing needs them installed.
        and path.suffix != ".txt"
        and not any(
            fnmatch.fnmatch(str(path.relative_to(ROOT / folder)), pattern)
            for pattern in patterns.get(f"dateline.{folder}", [])
        )
    ]
    assert stray == []


@needs_checkout
@pytest.mark.parametrize("folder", FOLDERS)
def test_link_for_checkers_points_at_its_folder(folder: str) -> None:
    link = ROOT / "src" / "dateline" / folder
    if not link.is_symlink():
        pytest.skip("this checkout has no links")
    assert link.resolve() == (ROOT / folder).resolve()


@needs_checkout
def test_version_is_the_same_everywhere() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == dateline.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## {dateline.__version__}" in changelog


def test_every_module_can_be_imported() -> None:
    names = [
        module.name
        for module in pkgutil.walk_packages(dateline.__path__, "dateline.")
        if module.name != "dateline.__main__"  # which runs the command
    ]
    assert "dateline.predict.predictor" in names
    for name in names:
        importlib.import_module(name)


def test_names_of_the_front_door_are_there() -> None:
    for name in dateline.__all__:
        assert getattr(dateline, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dateline.nothing  # noqa: B018


def test_no_module_reads_pickles() -> None:
    root = Path(dateline.__path__[0])
    folders = [root, *(root / folder for folder in FOLDERS)]
    sources = [path for folder in folders for path in folder.glob("*.py")]
    assert len(sources) > 10
    for path in sources:
        text = path.read_text("utf-8")
        for word in ("import pickle", "joblib.load", "allow_pickle=True", "eval("):
            assert word not in text, path
