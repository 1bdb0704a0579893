"""The notebooks run from top to bottom, and none is committed with outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
FOUND = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.skipif(not NOTEBOOKS.exists(), reason="runs away from the checkout")
def test_there_are_notebooks() -> None:
    assert FOUND


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
# The machinery that runs notebooks warns of its own affairs.
@pytest.mark.filterwarnings("ignore")
def test_notebook_runs_and_bears_no_outputs(path: Path) -> None:
    nbformat: Any = pytest.importorskip("nbformat")
    nbclient: Any = pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
