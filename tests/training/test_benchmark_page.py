"""Pages that training/benchmark.py writes its tables into, and published cells that it takes over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tables import TINY, run
from training.table1.page import filled, long_version, published

DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.usefixtures("short_probes")


def test_a_page_gets_tables_and_pictures_between_its_marks_and_keeps_the_rest(digits_root, tmp_path):
    page = tmp_path / "table1.md"
    lines = ["# Mine"]
    for name in ("overview", "digits"):
        lines += [f"<!-- {name}: written by training/benchmark.py -->", "former", f"<!-- end of {name} -->"]
    page.write_text("\n".join([*lines, "rest", ""]))
    options = (
        "--dataset",
        "digits",
        "--data",
        digits_root,
        "--out",
        tmp_path / "run",
        "--seeds",
        1,
        "--methods",
        "vae,srb",
    )
    assert run(*options, *TINY, "--page", page) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Mine\n") and text.endswith("rest\n") and "former" not in text
    assert text.index("| method | digits, error | paper, digits |") < text.index("| sRb-VAE | e | 1 |")
    for name in ("digits.json", "digits-cells.json", "digits.md", "digits.png", "digits-figure2.webp"):
        assert (tmp_path / "table1" / name).exists()
    assert "table1/digits.md" in text and "digits-figure2.webp" in (tmp_path / "table1" / "digits.md").read_text(
        "utf-8"
    )


def test_a_published_figure_with_more_rows_stays(digits_root, tmp_path):
    """Cells from a published table have no networks that could be drawn."""
    page, folder = tmp_path / "table1.md", tmp_path / "table1"
    blocks = [f"<!-- {n}: written by training/benchmark.py -->\n<!-- end of {n} -->\n" for n in ("overview", "digits")]
    page.write_text("".join(blocks))
    options = (
        "--dataset",
        "digits",
        "--data",
        digits_root,
        "--seeds",
        1,
        "--methods",
        "vae,srb",
        *TINY,
        "--page",
        page,
    )
    assert run(*options, "--out", tmp_path / "run") == 0
    before = (folder / "digits-figure2.webp").read_bytes(), (folder / "digits.md").read_text(encoding="utf-8")
    assert run(*options, "--out", tmp_path / "new", "--from", folder / "digits-cells.json") == 0
    after = (folder / "digits-figure2.webp").read_bytes(), (folder / "digits.md").read_text(encoding="utf-8")
    assert after[0] == before[0] and "digits-figure2.webp" in after[1]
    assert json.loads((folder / "digits.json").read_text(encoding="utf-8"))["edited"] == ["sRb-VAE"]


@pytest.mark.parametrize("content", ["[]", '{"nobody:0": {}}', '{"vae:0": 1}', "{"])
def test_a_file_without_cells_is_one_clear_line(content, digits_root, tmp_path, capsys):
    path = tmp_path / "other.json"
    path.write_text(content)
    options = ("--dataset", "digits", "--data", digits_root, "--out", tmp_path, "--methods", "vae", *TINY)
    assert run(*options, "--from", path) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: --from ") and "not a file of cells" in error


def test_the_tables_of_the_page_are_those_of_the_committed_results():
    page = (DOCS / "table1.md").read_text(encoding="utf-8")
    known = published(DOCS / "table1")
    assert filled(page, "table1", known) == page, "run the benchmark with --page again"
    for dataset, results in known.items():
        assert long_version(results) == (DOCS / "table1" / f"{dataset}.md").read_text(encoding="utf-8"), dataset
