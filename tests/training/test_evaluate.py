"""What is measured means what it says: each figure at its floor, at its ceiling, and twice the same."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rbvae.digits.styles import apply_style, outlines, random_styles
from rbvae.faces.landmarks import BLENDSHAPES
from training.data.datasets import load_images
from training.engine.cli import run_command
from training.evaluate import main
from training.evaluation.realism import blurred, distances, likeness
from training.evaluation.styles import right_answer, stroke_colour
from training.evaluation.transfer import (
    Pairs,
    choose_pairs,
    transfer_progress,
    transfer_slope,
)
from training.prepare_faces import main as prepare

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)


def run(*options) -> int:
    return run_command(main, [str(option) for option in options])


@pytest.fixture(scope="module")
def measured_faces(tiny_faces, prepared_faces, tmp_path_factory):
    """JSON and report of a tiny model on the test faces."""
    folder = tmp_path_factory.mktemp("measured")
    options = ("--checkpoint", tiny_faces, "--data", prepared_faces, "--device", "cpu")
    assert run(*options, "--json", folder / "scores.json", "--report", folder / "report.html") == 0
    return json.loads((folder / "scores.json").read_text()), (folder / "report.html").read_text(encoding="utf-8")


def test_progress_is_1_for_a_itself_and_0_for_b():
    a, b = RNG.random((2, 20, 52))
    assert transfer_progress(a, b, a) == pytest.approx(np.ones(20)) and transfer_progress(b, b, a) == pytest.approx(
        np.zeros(20)
    )
    assert transfer_progress((a + b) / 2, b, a) == pytest.approx(np.full(20, 0.5))


def test_the_slope_is_0_for_an_average_face_whose_progress_is_a_half():
    people = RNG.random((2000, 52))
    a, b, average = people, np.roll(people, 1, axis=0), np.broadcast_to(people.mean(axis=0), people.shape)
    assert np.median(transfer_progress(average, b, a)) == pytest.approx(0.5, abs=0.02)
    assert transfer_slope(average, a) == pytest.approx(0, abs=1e-9) and transfer_slope(b, a) == pytest.approx(
        0, abs=0.02
    )
    assert transfer_slope(a, a) == pytest.approx(1) and transfer_slope(0.3 * a + b, a) == pytest.approx(0.3, abs=0.02)


def test_pairs_are_seeded_and_of_different_people():
    shows = tuple(f"person {i // 3}" for i in range(60))
    pairs, again = choose_pairs(shows, 60, 40, seed=1), choose_pairs(shows, 60, 40, seed=1)
    assert np.array_equal(pairs.rows, again.rows) and np.array_equal(pairs.a, again.a)
    assert len(set(pairs.rows.tolist())) == 40
    who = np.array(shows)[pairs.rows]
    assert (
        not (who == who[pairs.a]).any() and not (who == who[pairs.c]).any() and not (who[pairs.a] == who[pairs.c]).any()
    )


def test_pairs_of_one_person_are_still_different_photos():
    pairs = choose_pairs(("me",) * 5, 5, 100, seed=0)
    assert len(pairs) == 5 and not (pairs.a == np.arange(5)).any()


def test_the_colour_of_a_stroke_is_read_from_its_pixels():
    digits = torch.zeros(6, 28, 28, dtype=torch.uint8)
    digits[:, 6:22, 12:16] = 255
    styles = random_styles(6, torch.Generator().manual_seed(0))
    read = stroke_colour(apply_style(outlines(digits), styles))
    assert torch.allclose(read.float(), styles.color, atol=0.01)
    assert torch.allclose(stroke_colour(torch.zeros(1, 3, 8, 8, dtype=torch.uint8)), torch.full((1, 3), 1 / 3).double())


def test_the_right_answer_to_its_own_style_is_the_digit_itself(digits_root):
    sets = load_images(digits_root, "digits", 32, seed=0)
    rows = np.arange(7)
    assert torch.equal(right_answer(sets.test_digits, Pairs(rows, rows, rows)), sets.probe_test.images[:7])
    assert set(sets.probe_test.shows) == set("0123456789") and len(sets.probe_test.shows) == 100


def test_equal_sets_have_no_distance_and_blur_less_than_noise(prepared_faces):
    from training.evaluation.feature_net import EMBEDDED, load_features

    net, _ = load_features(EMBEDDED / "features-faces")
    photos = load_images(prepared_faces, "faces", 32, seed=0).unlabelled
    noise = torch.randint(0, 256, photos.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    own, soft, far = (net.predict(pictures)[0] for pictures in (photos, blurred(photos), noise))
    zero = distances(own, own, seed=0)
    assert abs(zero["fid"]) < 1e-3 and zero["fid"] < distances(soft, own, 0)["fid"] < distances(far, own, 0)["fid"]
    assert distances(far, own, seed=3) == distances(far, own, seed=3)


def test_a_copy_is_like_its_photo():
    photos = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    same, other = likeness(photos, photos), likeness(255 - photos, photos)
    assert same["l1"] == 0 and same["ssim"] == pytest.approx(1) and same["psnr"] > 100
    assert other["l1"] > 100 and other["ssim"] < 0


def test_the_report_holds_every_number_and_no_address(measured_faces):
    scores, page = measured_faces
    numbers = re.findall(r": (-?\d[\d.e+-]*)", json.dumps(scores))
    assert len(numbers) > 50 and not [n for n in numbers if n not in page]
    assert page.count("data:image/webp;base64,") == 3
    assert "http" not in re.sub(r"base64,[^'\"]+", "", page) and "<script" not in page
    for measure in ("FID-expr", "Reconstruction", "What the latents encode"):
        assert measure in page


def test_digits_are_measured_twice_the_same(tiny_digits, digits_root, tmp_path):
    for name in ("first", "again"):
        options = ("--checkpoint", tiny_digits, "--data", digits_root, "--transfer-pairs", 60, "--device", "cpu")
        assert run(*options, "--json", tmp_path / f"{name}.json", "--report", tmp_path / f"{name}.html") == 0
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    assert (tmp_path / "first.html").read_bytes() == (tmp_path / "again.html").read_bytes()
    scores = json.loads((tmp_path / "first.json").read_text())
    assert scores["transfer"]["transfer_slope_by_part"]["red"]["answer"] == pytest.approx(1, abs=0.02)
    assert scores["transfer"]["digit"]["answer"] > 0.25 > scores["transfer"]["digit"]["shuffled"]
    assert {"FID-style", "KID-style"} == set(scores["realism"]["names"])


def test_what_cannot_be_measured_is_said(tiny_faces, prepared_faces, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    options = ("--checkpoint", tiny_faces, "--data", prepared_faces, "--json", tmp_path / "scores.json")
    assert run(*options, "--device", "cpu", "--report", tmp_path / "report.html", "--features", tmp_path) == 0
    scores, page = json.loads((tmp_path / "scores.json").read_text()), (tmp_path / "report.html").read_text()
    assert scores["fidelity"] == {"not_measured": "install torchmetrics"}
    assert "training.tools.features" in scores["realism"]["not_measured"]
    assert "Not measured: install torchmetrics" in page and "transfer" not in scores
    assert scores["reconstruction"]["l1"] > 0


def test_the_feature_network_of_another_kind_is_not_used(tiny_faces, prepared_faces, tmp_path, monkeypatch):
    options = ("--checkpoint", tiny_faces, "--data", prepared_faces, "--json", tmp_path / "scores.json")
    assert run(*options, "--device", "cpu", "--features", ROOT / "checkpoints" / "features-digits") == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert "was trained on digits; give a feature network of faces" in scores["realism"]["not_measured"]


def test_quick_is_what_a_run_ends_with(tiny_faces, prepared_faces, tmp_path):
    options = ("--checkpoint", tiny_faces, "--data", prepared_faces, "--json", tmp_path / "scores.json")
    assert run(*options, "--quick", "--device", "cpu") == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert {"reconstruction", "spread_over_e", "e_std", "predicted_transfer", "probes"} <= set(scores)
    assert "transfer" not in scores and set(scores["predicted_transfer"]) == {"edit", "floor", "rebuilt_a", "photo_a"}


@pytest.mark.parametrize("quick", [True, False])
def test_an_album_of_three_people_has_scores_and_nothing_is_warned_about(tiny_codes, astronaut, tmp_path, quick):
    """Warnings are errors in these tests; of one held-out face, a spread over faces is unknown."""
    for name in ("Ana", "Bo", "Cy"):
        (tmp_path / "album" / name).mkdir(parents=True)
        shutil.copy(astronaut, tmp_path / "album" / name)
    options = ["--photos", tmp_path / "album", "--out", tmp_path / "prepared", "--size", 32, "--workers", 1]
    assert run_command(prepare, [str(option) for option in options]) == 0
    options = ("--checkpoint", tiny_codes, "--data", tmp_path / "prepared", "--json", tmp_path / "scores.json")
    assert run(*options, *(["--quick"] if quick else [])) == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["test_images"] == 1 and scores["e_std"] is None and scores["reconstruction"]


def test_evaluate_imports_nothing_heavy():
    heavy = ("torchmetrics", "dlib", "mediapipe", "sklearn")
    code = f"import sys, training.evaluate; assert not [m for m in {heavy} if m in sys.modules]"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--transfer-pairs", 0), "give a number above 0"), (("--report", "page.pdf"), ".html"),
     (("--quick", "--report", "page.html"), "without --quick")],
)  # fmt: skip
def test_bad_options_are_one_clear_line(options, message, capsys):
    assert run("--checkpoint", "nowhere", *options) == 2
    assert message in capsys.readouterr().err


def test_blendshapes_are_in_the_order_of_the_landmarker():
    assert BLENDSHAPES[0] == "_neutral" and len(BLENDSHAPES) == 52
