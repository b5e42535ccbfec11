"""Claims about the tables and tests of Table 1."""

from __future__ import annotations

import numpy as np
import pytest

from training.table1.overview import overview
from training.table1.results import papers, row_of
from training.table1.settings import LADDER, ROWS
from training.table1.statistics import compared, holm, interval, paired
from training.table1.table import tables


def row(title: str, values: list[float]) -> dict:
    return {"title": title, "features": "ze", "average": values, "factors": {"red": values}, "trouble": [None] * 2}


@pytest.fixture
def results() -> dict:
    """Results of three methods with two seeds and one factor."""
    methods = {"vae": row("A", [0.3, 0.3]), "tc": row("B", [0.1, 0.2]), "beta": row("C", [0.2, 0.3])}
    settings = {"minutes": None, "steps": 1, "preset": "small",
                "model": {"image_size": 32, "width": 8, "dim_z": 1, "dim_e": 1}}  # fmt: skip
    paper = {"columns": ["R", "average"], "tc": [0.5, 0.125]}
    return {"methods": methods, "controls": {"pixels": row("P", [0.0, 0.0])}, "names": ["red"], "classes": False,
            "seeds": [0, 1], "device": "CPU", "settings": settings, "paper": paper}  # fmt: skip


def cells_of(text: str) -> dict[str, list[str]]:
    lines = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    return {line[1].strip(): [cell.strip() for cell in line[2:-1]] for line in lines}


def test_the_best_and_the_second_are_marked_and_the_papers_number_stands_beside_ours(results):
    cells = cells_of(tables(results))
    assert cells["B"] == ["all", "2", "**0.150** (0.500)", "**0.150 ± 0.635** (0.125)"]
    assert cells["C"][2] == "*0.250*" and cells["A"][3] == "0.300 ± 0.000"
    assert "*" not in "".join(cells["control: P"])
    percent = tables({**results, "classes": True})
    assert "**30.0**" in tables({**results, "classes": True, "methods": {"vae": row("A", [0.3, 0.3])}})
    assert "*25.0 ± 63.5*" in percent


def test_the_overview_has_a_column_for_each_dataset_and_leaves_out_what_a_dataset_does_not_have(results):
    accuracies = {**results, "classes": True, "methods": {"vae": row("A", [0.5]), "srb": row("S", [0.4])}}
    accuracies["paper"] = {"columns": ["average"], "vae": [0.383]}
    cells = cells_of(overview({"fer-codes": accuracies, "lfw-codes": accuracies, "digits": results}))
    assert cells["method"] == ["digits, error", "paper, digits", "FER-2013, codes", "LFW, codes", "paper, AffectNet"]
    assert cells["VAE"] == ["0.300 ± 0.000", "", "**50.0**", "**50.0**", "38.3"]
    assert cells["β-TCVAE"] == ["**0.150 ± 0.635**", "0.125", "", "", ""]
    assert cells["sRb-VAE"] == ["", "", "*40.0*", "*40.0*", ""] and "DIP-VAE-I" not in cells


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(2000, 5))
    inside = [abs(sample.mean()) <= interval(sample) for sample in samples]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)
    assert interval([1.0]) is None


def test_seeds_are_paired_and_missing_ones_left_out():
    averages = {"a": [0.1, 0.2, None, 0.4], "b": [0.2, 0.3, 0.4]}
    test = paired(averages, "b", "a")
    assert test["seeds"] == 2 and test["difference"] == pytest.approx(-0.1) and test["p"] < 0.01
    assert paired(averages, "b", "c") is None


def test_holms_correction_multiplies_the_smallest_by_the_number_of_tests_and_never_falls():
    rng = np.random.default_rng(1)
    averages = {name: list(rng.normal(shift, 0.1, 8)) for name, shift in zip("abcd", (0, 0.1, 0.2, 0.5), strict=True)}
    tests = sorted(holm(averages, [("b", "a"), ("c", "a"), ("d", "a")]), key=lambda test: test["p"])
    assert tests[0]["p_holm"] == pytest.approx(3 * tests[0]["p"])
    assert tests[1]["p_holm"] == pytest.approx(max(tests[0]["p_holm"], 2 * tests[1]["p"]))
    assert [test["p_holm"] for test in tests] == sorted(test["p_holm"] for test in tests)
    assert all(test["p"] <= test["p_holm"] <= 1 for test in tests)


def test_each_row_is_tested_against_srb_vae_and_each_rung_against_the_one_below():
    averages = {name: [float(place), place + 0.5] for place, name in enumerate(ROWS)}
    tests = compared(averages, LADDER)
    assert {test["other"] for test in tests["rows"]} == set(ROWS) - set(LADDER)
    plain = {test["other"] for test in tests["plain"]}
    assert plain == set(ROWS) - set(LADDER) - {"rb", "mathieu"} and {test["row"] for test in tests["plain"]} == {
        "srb-3"
    }
    assert [(test["other"], test["row"]) for test in tests["ladder"]] == list(zip(LADDER[:-1], LADDER[1:], strict=True))


def test_the_tests_are_printed_with_their_corrected_p(results):
    tests = {"rows": holm({"vae": [0.3, 0.4, 0.5], "tc": [0.1, 0.21, 0.3]}, [("vae", "tc")]), "ladder": []}
    cells = cells_of(tables({**results, "tests": tests}))["B − A"]
    assert cells[0] == "3" and cells[1].startswith("-0.1967 ±") and cells[3] == cells[2] != "–"


def test_a_row_has_one_value_per_seed_and_none_where_a_run_stopped():
    cell = {"probe": {"average": 0.1, "factors": {"red": 0.1}, "splits": [0.1]}, "steps": 5, "commit": "abc"}
    made = row_of("A", "e", [cell, {"stopped": "diverged"}, None])
    assert made["average"] == [0.1, None, None] and made["factors"] == {"red": [0.1, None, None]}
    assert made["trouble"] == [None, "diverged", None] and made["commit"] == ["abc", None, None]


def test_the_papers_rows_average_as_the_paper_says():
    for dataset, places in (("digits", 5), ("fer", 7), ("lfw-codes", 7)):
        paper = papers(dataset)
        rows = {name: numbers for name, numbers in paper.items() if name not in ("source", "columns")}
        assert set(rows) == {"vae", "beta", "tc", "dip1", "dip2", "svae", "mathieu", "rb", "srb"}
        assert all(np.mean(numbers[:places]) == pytest.approx(numbers[places], abs=1.2e-3) for numbers in rows.values())
