"""Eyes are layers: lids move over an eyeball that does not stretch, and irises move behind the lids."""

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from rbvae.faces.eye_patch import visible
from rbvae.faces.eyeball import Eyeball
from rbvae.faces.eyes import FOLLOWS, SHARPNESS, Eyes, follows_mesh, natural_lids, still_lids
from rbvae.faces.gaze import MEET, gaze_move, iris_radius, lid_moves, openness
from rbvae.faces.iris import IRISES, find_iris
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.mesh import LIDS, POINTS
from rbvae.faces.openings import Opening
from rbvae.faces.view import FaceView

SKIN, WHITE, IRIS, PUPIL = (190, 150, 130), (230, 228, 225), (90, 70, 50), (15, 12, 10)


@pytest.fixture(scope="module")
def face() -> tuple[np.ndarray, np.ndarray]:
    photo = pictures.astronaut()
    with FaceLandmarker() as landmarker:
        return photo, landmarker.detect(photo)[0].points.astype(np.float64)


@pytest.fixture(scope="module")
def drawing() -> tuple[np.ndarray, np.ndarray]:
    """A drawn eye with a catch-light, whose upper lid hides the top of the iris: photo and landmarks [478, 3]."""
    t = np.linspace(0, np.pi, 9)
    x = 100 - 60 * np.cos(t)
    points = np.zeros((478, 3))
    points[LIDS[0][0], :2] = np.stack([x, 80 - 22 * np.sin(t)], axis=1)
    points[LIDS[0][1], :2] = np.stack([x, 80 + 20 * np.sin(t)], axis=1)
    points[LIDS[1][0], :2] = points[LIDS[1][1], :2] = np.stack([x + 200, 80 + 0 * t], axis=1)
    points[IRISES[0], :2] = [[100, 80], [125, 80], [100, 55], [75, 80], [100, 105]]
    eye = np.zeros((160, 400, 3), np.uint8)
    eye[:] = WHITE
    for radius, colour in ((25, IRIS), (10, PUPIL)):
        cv2.circle(eye, (100 * 16 - 8, 80 * 16 - 8), radius * 16, colour, -1, cv2.LINE_AA, 4)
    cv2.circle(eye, (94, 74), 3, (255, 255, 255), -1, cv2.LINE_AA)
    mask = Opening.of(points, LIDS[0]).mask((0, 0, 400, 160), 0.7)[..., None]
    return np.rint(eye * mask + np.array(SKIN) * (1 - mask)).astype(np.uint8), points


def drawn(
    photo: np.ndarray, points: np.ndarray, closed: float = 0, gaze: tuple[float, float] = (0, 0), follows: float = 0.03
) -> np.ndarray:
    """The left eye after an edit, with the skin left where it was."""
    moves = np.array([gaze, (0, 0)], float)
    after = points[:POINTS] + lid_moves(points, 0, closed, moves[0])
    view = FaceView(photo, points)
    eyes = Eyes(photo, points, after, moves, lambda: view.eyeballs, lambda: view.lids, follows)
    out = eyes.skin((0, 0, photo.shape[1], photo.shape[0])).copy()
    eyes.draw(out, (0, 0, photo.shape[1], photo.shape[0]))
    return out


def centre_of(lightness: np.ndarray) -> np.ndarray:
    """Centre of gravity (x, y) of a non-negative picture."""
    y, x = np.indices(lightness.shape)
    return np.array([(x * lightness).sum(), (y * lightness).sum()]) / lightness.sum()


def test_the_layers_of_an_eye_add_up_to_the_photo(drawing, face):
    for photo, points in (drawing, face):
        opening = Opening.of(points, LIDS[0])
        ball = Eyeball.at(photo, points, 0)
        box = opening.box(0, photo.shape[1], photo.shape[0])
        x, y = np.meshgrid(np.arange(box[0], box[2]) + 0.5, np.arange(box[1], box[3]) + 0.5)
        inside = visible(opening.at(x, y)) > 0.999
        again = ball.draw(x, y, np.zeros(2))
        assert inside.sum() > 10
        assert np.abs(again - photo[box[1] : box[3], box[0] : box[2]])[inside].max() < 1


def test_an_iris_is_found_where_the_landmarks_miss_it(drawing):
    photo, points = drawing
    wrong = points.copy()
    wrong[IRISES[0], :2] += [4, -3]
    found = find_iris(photo, wrong, 0, Opening.of(points, LIDS[0]))
    assert np.hypot(found.x - 100, found.y - 80) < 3 < np.hypot(4, -3) and abs(found.radius - 25) < 3


def test_the_iris_moves_by_the_gaze_and_white_is_filled_in_behind_it(drawing):
    photo, points = drawing
    edited = drawn(photo, points, gaze=(15, 0))
    dark = slice(70, 90), slice(60, 145)
    moved = centre_of(255.0 - edited[dark].min(axis=2)) - centre_of(255.0 - photo[dark].min(axis=2))
    assert 9 < moved[0] < 16 and abs(moved[1]) < 1
    assert np.abs(edited[75:90, 78:84].astype(int) - WHITE).max() < 12  # where the iris was
    assert np.abs(edited[80, 126:136].mean(axis=0) - IRIS).max() < 12  # where it is


def test_the_catch_light_moves_much_less_than_the_iris(drawing):
    photo, points = drawing
    edited = drawn(photo, points, gaze=(15, 0))
    inside = slice(66, 82), slice(84, 118)
    lights = [centre_of((picture[inside].mean(axis=2) > 200).astype(float)) for picture in (photo, edited)]
    assert np.abs(lights[1] - lights[0])[0] < 8
    assert edited[inside].mean(axis=2).max() > 240


def test_an_eye_that_opens_shows_the_hidden_top_of_a_round_iris(drawing):
    photo, points = drawing
    edited = drawn(photo, points, closed=-1)
    assert np.abs(photo[56, 100].astype(int) - SKIN).max() < 20  # skin before
    assert np.abs(edited[56:59, 98:103].reshape(-1, 3) - np.array(IRIS)).mean() < 25
    assert np.abs(edited[95:99, 100].astype(int) - photo[95:99, 100]).max() < 12  # below, nothing stretches
    assert np.abs(edited[80, 76:82].astype(int) - photo[80, 76:82]).max() < 12


def test_a_half_closed_lid_covers_the_iris_without_squashing_it(drawing):
    photo, points = drawing
    edited = drawn(photo, points, closed=0.5)
    assert np.abs(edited[86:93, 70:130].astype(int) - photo[86:93, 70:130]).mean() < 6


def test_a_closed_eye_has_neither_slit_nor_blot_but_a_line(drawing):
    photo, points = drawing
    edited = drawn(photo, points, closed=1).astype(int)
    line = 80 - 22 + 0.95 * 42  # where the lids meet in the middle
    lid = edited[62 : int(line) - 5, 80:120]
    assert np.abs(lid - SKIN).max() < 45  # neither white nor iris, and no dark blot
    below = edited[int(line) + 14 : 115, 80:120]  # lashes end above it
    assert np.abs(below - SKIN).max() < 45
    assert edited[int(line) - 2 : int(line) + 4, 100].mean(axis=1).min() < np.mean(SKIN) - 30


def test_a_wink_leaves_the_other_eye_alone(face):
    photo, points = face
    moves = lid_moves(points, 0, 1.0, np.zeros(2))
    after = points[:POINTS] + moves
    assert openness(Opening.of(after, LIDS[0])) < 0.03
    np.testing.assert_array_equal(after[LIDS[1][0]], points[LIDS[1][0]])


def test_a_gaze_keeps_the_iris_between_the_corners(face):
    _, points = face
    for eye in (0, 1):
        aside = points.copy()
        opening, radius = Opening.of(points, LIDS[eye]), iris_radius(points, eye)
        aside[list(IRISES[eye]), :2] += opening.upper[-1] - points[IRISES[eye][0], :2]  # at the right corner
        assert gaze_move(aside, eye, 1.0, 0.0) @ opening.axes()[0] <= 1e-9
        assert gaze_move(points, eye, 1.0, 0.0)[0] > 0.2 * radius
        assert gaze_move(points, eye, 0.0, 1.0)[1] < 0 and not gaze_move(points, eye, 0.0, 0.0).any()


def test_a_closed_eye_is_not_opened(face):
    _, points = face
    shut = points.copy()
    shut[:POINTS] += lid_moves(points, 0, 1.0, np.zeros(2))
    assert not lid_moves(shut, 0, -1.0, np.zeros(2)).any() and not gaze_move(shut, 0, 1.0, 1.0).any()


def with_an_eye_closed(points: np.ndarray, by: float) -> np.ndarray:
    """Landmarks [478, 3] with the lids of the left eye of the picture nearer to each other by a share."""
    closer, (upper, lower) = points.copy(), LIDS[0]
    meet = points[upper] + MEET * (points[lower] - points[upper])
    closer[upper] += by * (meet - points[upper])
    closer[lower] += by * (meet - points[lower])
    return closer


def widening(points: np.ndarray) -> np.ndarray:
    """Moves [468, 3] that raise the upper lids of both eyes by a fifth of the eye's width, and shift the face."""
    moves = np.full((POINTS, 3), 1.5)
    for lids in LIDS:
        arch = np.sin(np.linspace(0, np.pi, len(lids[0])))
        moves[lids[0], 1] -= 0.2 * Opening.of(points, lids).width * arch
    return moves


def gap_after(points: np.ndarray, moves: np.ndarray, eye: int) -> float:
    return Opening.of(points[:POINTS] + moves, LIDS[eye]).gap


def test_a_closed_eye_stays_closed_and_the_open_one_beside_it_opens(face):
    shut = with_an_eye_closed(face[1], 1.0)
    moves = widening(shut)
    still = still_lids(shut, moves)
    closed = Opening.of(shut, LIDS[0]).gap
    assert closed < 0.05 and gap_after(shut, moves, 0) > closed + 0.15
    assert gap_after(shut, still, 0) == pytest.approx(closed, abs=1e-6)
    np.testing.assert_array_equal(still[LIDS[1][0]], moves[LIDS[1][0]])
    np.testing.assert_allclose(still[LIDS[0][0]], np.full((9, 3), 1.5))  # it follows its corners


def test_open_eyes_and_the_rest_of_the_face_move_as_before(face):
    _, points = face
    assert min(Opening.of(points, lids).gap for lids in LIDS) > 0.13
    moves = widening(points)
    np.testing.assert_array_equal(still_lids(points, moves), moves)
    shut = with_an_eye_closed(points, 1.0)
    others = np.setdiff1d(np.arange(POINTS), [point for line in LIDS[0] for point in line])
    np.testing.assert_array_equal(still_lids(shut, moves)[others], moves[others])


def test_an_eye_that_is_half_closed_opens_by_degrees(face):
    _, points = face
    opens = []
    for by in np.linspace(1, 0, 21):
        shut = with_an_eye_closed(points, by)
        opens.append(gap_after(shut, still_lids(shut, widening(shut)), 0) - Opening.of(shut, LIDS[0]).gap)
    assert opens[0] == pytest.approx(0, abs=1e-6) and opens[-1] == pytest.approx(0.2, abs=0.01)
    assert np.diff(opens).min() > -0.005 and np.diff(opens).max() < 0.08  # no jump


def test_a_narrow_eye_opens_no_further_than_is_known_of_it(face):
    """Real eyes are 1.75 times as open after a smile at most; a little is drawn as it is predicted."""
    _, points = face
    narrow, times = with_an_eye_closed(points, 0.5), []
    wide = widening(narrow)
    for share in np.linspace(0, 2, 21):
        before, after = (
            openness(Opening.of(narrow[:POINTS] + moves, LIDS[0]))
            for moves in (np.zeros((POINTS, 3)), natural_lids(narrow, share * wide))
        )
        times.append(after / before)
    predicted = openness(Opening.of(narrow[:POINTS] + 0.1 * wide, LIDS[0])) / openness(Opening.of(narrow, LIDS[0]))
    assert 1.1 < predicted < 1.4 and times[1] == pytest.approx(predicted, abs=0.01)
    assert np.diff(times).min() > -1e-6 and 1.4 < times[-1] < 1.7


def test_small_blurred_eyes_follow_the_mesh_until_they_close(drawing):
    """Drawn in layers, their few pixels would show seams."""
    photo, points = drawing
    for closed in (-0.5, 0.4):
        np.testing.assert_array_equal(drawn(photo, points, closed, follows=FOLLOWS[1]), photo)
        assert (drawn(photo, points, closed) != photo).any()
    shut = drawn(photo, points, 1.0, follows=FOLLOWS[1])
    np.testing.assert_array_equal(shut, drawn(photo, points, 1.0))
    assert [follows_mesh(sharpness) for sharpness in (SHARPNESS[0] + 10, SHARPNESS[1] - 5)] == list(FOLLOWS)
