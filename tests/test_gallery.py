"""The examples and the notebook of the docs run, and the page of examples is of today's."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from training.tools import gallery

ROOT = Path(__file__).parents[1]


def test_the_page_shows_the_examples_as_they_are():
    scripts = sorted((ROOT / "docs/gallery").glob("*.py"))
    assert len(scripts) == 10
    assert (ROOT / "docs/gallery.md").read_text() == gallery.HEAD + "".join(map(gallery.section, scripts))
    assert all(script.with_suffix(".webp").exists() for script in scripts)
    assert all(len(script.read_text().splitlines()) <= 14 for script in scripts)


def test_examples_run_and_make_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert gallery.main(["--out", str(tmp_path)]) == 0
    assert len(list((tmp_path / "gallery").glob("*.webp"))) == 10


def test_a_broken_example_fails(tmp_path):
    (tmp_path / "broken.py").write_text('"""Broken"""\n\nfrom rbvae import Nothing\n')
    with pytest.raises(ImportError):
        gallery.main(["--examples", str(tmp_path), "--out", str(tmp_path)])


def test_the_notebook_runs(tmp_path):
    notebook = nbformat.read(ROOT / "docs/rbvae.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace('"edited.png"', f'"{tmp_path}/edited.png"')
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    assert (tmp_path / "edited.png").exists()
    assert sum("image/png" in str(cell.get("outputs")) for cell in notebook.cells) >= 4
