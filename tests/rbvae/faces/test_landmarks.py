"""Claims about rbvae.faces.landmarks, on a real face (skimage's astronaut)."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae.errors import ImageError, LandmarkerError
from rbvae.faces.boxes import intersection_over_union, merge_duplicates
from rbvae.faces.detectors import map_in_threads
from rbvae.faces.landmarks import (
    BLENDSHAPES,
    Face,
    FaceLandmarker,
    expression_energy,
)
from rbvae.images.decoding import load_photo

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def landmarker():
    with FaceLandmarker() as opened:
        yield opened


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return data.astronaut()


@pytest.fixture(scope="module")
def face(landmarker: FaceLandmarker, astronaut: np.ndarray) -> Face:
    (only,) = landmarker.detect(astronaut)
    return only


def shrunk(photo: np.ndarray, scale: float) -> np.ndarray:
    return cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def test_the_astronaut_is_one_smiling_face_where_it_is(face: Face):
    left, top, right, bottom = face.box
    assert (160 < left < 190) and (60 < top < 90) and (255 < right < 290) and (165 < bottom < 195)
    assert face.points.shape == (478, 3) and face.points.dtype == np.float32
    assert face.blendshapes.shape == (52,) and face.blendshapes.min() >= 0 and face.blendshapes.max() <= 1
    smile = face.blendshapes[[BLENDSHAPES.index("mouthSmileLeft"), BLENDSHAPES.index("mouthSmileRight")]]
    assert smile.min() > 0.5
    assert face.size == pytest.approx(bottom - top)


def test_roll_follows_the_picture_and_yaw_flips_with_its_mirror(landmarker, astronaut, face: Face):
    turn = cv2.getRotationMatrix2D((225, 125), 20, 1.0)  # counter-clockwise as seen
    (turned,) = landmarker.detect(cv2.warpAffine(astronaut, turn, (512, 512)))
    assert turned.roll - face.roll == pytest.approx(20, abs=3)
    (mirrored,) = landmarker.detect(np.ascontiguousarray(astronaut[:, ::-1]))
    assert mirrored.roll == pytest.approx(-face.roll, abs=2)
    assert mirrored.yaw == pytest.approx(-face.yaw, abs=3)


def test_two_faces_come_largest_first(landmarker, astronaut):
    pair = np.zeros((512, 900, 3), np.uint8)
    pair[:350, :350] = shrunk(astronaut, 350 / 512)
    pair[:, 388:] = astronaut
    faces = landmarker.detect(pair)
    assert len(faces) == 2
    assert faces[0].box[0] > 388 and faces[1].box[2] < 350


@pytest.mark.parametrize("height", [60, 110, 250])
def test_a_small_face_in_a_large_picture_is_found(landmarker, astronaut, face: Face, height: int):
    scale = height / face.size
    small = shrunk(astronaut[:240, 110:340], scale)
    noise = np.random.default_rng(0).integers(60, 190, (27, 48, 3)).astype(np.uint8)
    picture = cv2.resize(noise, (1920, 1080), interpolation=cv2.INTER_CUBIC)
    picture[433 : 433 + small.shape[0], 1217 : 1217 + small.shape[1]] = small
    (found,) = landmarker.detect(picture)
    expected = (face.points - [110, 0, 0]) * scale + [1217, 433, 0]
    assert np.abs(found.points - expected).mean() < 0.05 * height


@pytest.mark.parametrize("size", [48, 96, 600])
def test_a_face_that_fills_its_picture_is_found(landmarker, astronaut, size: int):
    tight = cv2.resize(astronaut[70:185, 170:280], (size, size), interpolation=cv2.INTER_AREA)
    (found,) = landmarker.detect(tight)
    assert 0.75 * size < found.size < 1.1 * size


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_no_face_is_seen_in_a_cup_a_cat_or_a_rocket(landmarker, name: str):
    assert landmarker.detect(getattr(data, name)()) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 3), (30, 30)])
def test_tiny_and_thin_pictures_hold_no_face(landmarker, shape: tuple[int, int]):
    assert landmarker.detect(np.full((*shape, 3), 128, np.uint8)) == []


def test_grey_rgba_and_16_bit_pictures_give_the_same_face(landmarker, astronaut, face: Face):
    grey = np.asarray(Image.fromarray(astronaut).convert("L"))
    deep = io.BytesIO()
    Image.fromarray(grey.astype(np.uint16) * 257).save(deep, "PNG")
    (plain,) = landmarker.detect(load_photo(np.repeat(grey[..., None], 3, axis=2)))
    for picture in (grey, Image.fromarray(grey).convert("RGBA"), deep.getvalue()):
        (same,) = landmarker.detect(load_photo(picture))
        np.testing.assert_allclose(same.points, plain.points, atol=0.5)
    layered = np.dstack([astronaut, np.full(astronaut.shape[:2], 255, np.uint8)])
    (coloured,) = landmarker.detect(load_photo(layered))
    np.testing.assert_array_equal(coloured.points, face.points)


def test_a_view_that_is_not_contiguous_gives_the_same_face(landmarker, astronaut, face: Face):
    view = np.asfortranarray(astronaut)
    assert not view.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(landmarker.detect(view)[0].points, face.points)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64, 3)),
        np.zeros((0, 9, 3), np.uint8),
    ],
    ids=["grey", "rgba", "float", "empty"],
)
def test_other_arrays_are_refused_and_do_no_harm(landmarker, astronaut, picture: np.ndarray):
    with pytest.raises(ImageError):
        landmarker.detect(picture)
    assert len(landmarker.detect(astronaut)) == 1


def test_many_threads_may_share_one_landmarker(landmarker, astronaut, face: Face):
    with ThreadPoolExecutor(4) as pool:
        for (found,) in pool.map(landmarker.detect, [astronaut] * 12):
            np.testing.assert_array_equal(found.points, face.points)


def test_two_looks_run_at_once_and_never_three(astronaut, monkeypatch):
    with FaceLandmarker() as landmarker:
        pool, running, most = landmarker._detectors, [], []
        meeting = threading.Barrier(2, timeout=20)
        give_back = pool._give_back

        def seen(raw, works):
            most.append(len(pool._in_use))
            if not running:
                meeting.wait()  # two of them get here together, or this fails
                running.append(True)
            give_back(raw, works)

        monkeypatch.setattr(pool, "_give_back", seen)
        with ThreadPoolExecutor(8) as threads:
            assert all(len(found) == 1 for found in threads.map(landmarker.glance, [astronaut] * 16))
        assert max(most) == 2 and len(pool._idle) == pool._created <= 2 and not pool._in_use


def test_failures_in_a_crowd_cost_nobody_else_a_face(astronaut):
    with FaceLandmarker() as landmarker, ThreadPoolExecutor(6) as threads:
        broken = [threads.submit(landmarker._detectors.detect, np.zeros((0, 0, 3), np.uint8)) for _ in range(4)]
        found = [threads.submit(landmarker.glance, astronaut) for _ in range(8)]
        assert all(isinstance(job.exception(), LandmarkerError) for job in broken)
        assert all(len(job.result()) == 1 for job in found)


def test_closing_twice_is_harmless_and_a_closed_landmarker_says_so(astronaut):
    landmarker = FaceLandmarker()
    landmarker.close()
    landmarker.close()
    with pytest.raises(LandmarkerError, match="closed"):
        landmarker.detect(astronaut)


def test_a_landmarker_that_mediapipe_broke_is_replaced(astronaut):
    with FaceLandmarker() as landmarker:
        with pytest.raises(LandmarkerError):
            landmarker._detectors.detect(np.zeros((0, 0, 3), np.uint8))
        assert len(landmarker.detect(astronaut)) == 1


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_one_kept_to_the_end_of_the_program_prints_nothing():
    done = run(
        "from skimage import data; from rbvae.faces.landmarks import FaceLandmarker\n"
        "kept = FaceLandmarker(); print(len(kept.detect(data.astronaut())))"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_can_use_and_drop_what_it_inherits():
    done = run(
        "import os, warnings; warnings.simplefilter('ignore'); from skimage import data\n"
        "from rbvae.faces.landmarks import FaceLandmarker\n"
        "kept = FaceLandmarker(); photo = data.astronaut(); kept.detect(photo); child = os.fork()\n"
        "found = len(kept.detect(photo)); kept.close()\n"
        "if child: print(found, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "else: os._exit(10 + found)"
    )
    assert done.stdout == "1 11\n", done.stderr


def test_the_module_imports_where_mediapipe_is_missing():
    done = run(
        "import sys; sys.modules['mediapipe'] = None\nimport rbvae.faces.landmarks as l; print(len(l.BLENDSHAPES))"
    )
    assert (done.returncode, done.stdout) == (0, "52\n")


def test_energy_is_the_root_of_the_summed_squares_without_neutral_and_where_the_eyes_look():
    scores = np.zeros((4, 52), np.float32)
    scores[0, BLENDSHAPES.index("jawOpen")] = 0.4
    scores[1, [BLENDSHAPES.index("mouthSmileLeft"), BLENDSHAPES.index("mouthSmileRight")]] = 0.3, 0.4
    scores[2, BLENDSHAPES.index("eyeBlinkLeft")] = 0.6
    scores[3, [0, BLENDSHAPES.index("eyeLookUpLeft")]] = 1.0
    np.testing.assert_allclose(expression_energy(scores), [0.4, 0.5, 0.6, 0.0], rtol=1e-5)
    assert expression_energy(scores[0]).shape == ()


def test_a_border_brings_a_face_that_fills_its_picture_to_where_it_is_in_the_whole_photo(landmarker, astronaut, face):
    tight = np.ascontiguousarray(astronaut[70:185, 165:280])
    (found,) = landmarker.glance(tight, border=True)
    assert np.abs((found.points - face.points)[:, :2] + [165, 70]).mean() < 0.02 * face.size


def test_overlapping_faces_are_merged_into_the_larger(face: Face):
    def moved(right: float, scale: float) -> Face:
        return Face(face.points * scale + [right, 0, 0], face.blendshapes, 0.0, 0.0, 0.0)

    kept = merge_duplicates([face, moved(-5.0, 1.02), moved(500.0, 1.0)])
    assert [round(other.box[0]) for other in kept] == [round(face.box[0] * 1.02 - 5), round(face.box[0] + 500)]
    assert intersection_over_union((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)


def test_looks_at_once_come_back_in_their_order_and_end_at_the_first_failure():
    def slower_first(number):
        time.sleep(0.02 * (3 - number))
        return 10 // number

    assert map_in_threads(slower_first, [1, 2, 3]) == [10, 5, 3]
    with pytest.raises(ZeroDivisionError):
        map_in_threads(slower_first, [1, 0, 2])
