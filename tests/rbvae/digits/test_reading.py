"""What becomes of pictures of a digit: clean ones stay as they are, others are repaired or refused."""

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

from rbvae import StyleEditor
from rbvae.digits.reading import over_contrast, read_digit
from rbvae.errors import ImageError

SIZE = 64
SEVEN = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]
NONE = "no digit can be seen"


def stroke(points=SEVEN, width=9, side=128, colour=(255, 255, 255)):
    """A drawing, white on black; `points` are shares of the side."""
    path = (np.array(points) * side).astype(np.int32)
    return cv2.polylines(np.zeros((side, side, 3), np.uint8), [path], False, colour, width, cv2.LINE_AA)


def on_paper(digit, shade, ink=(35, 35, 45), paper=(230, 226, 216)):
    """A photograph of a white drawing as ink on paper [H, W, 3], lit by `shade` [H, W] and with grain."""
    cover = digit[..., :1] / 255
    lit = (np.array(paper) * (1 - cover) + np.array(ink) * cover) * shade[..., None]
    return (lit + np.random.default_rng(0).normal(0, 3, lit.shape)).clip(0, 255).astype(np.uint8)


def shades(side):
    y, x = np.mgrid[:side, :side] / side
    return {
        "none": np.ones((side, side)),
        "soft": 1 - 0.5 * x,
        "hard": 1 - 0.45 / (1 + np.exp(150 * (0.4 - x - 0.3 * y))),
    }


def centred(digit, paper=0):
    """What a clean drawing is read as that has to be put in the middle."""
    wide = cv2.copyMakeBorder(digit, 30, 200, 30, 200, cv2.BORDER_CONSTANT, value=(paper, paper, paper))
    return read_digit(wide, SIZE).pixels


def alike(first, second):
    return np.corrcoef(first.mean(axis=2).ravel(), second.mean(axis=2).ravel())[0, 1]


@pytest.fixture(scope="module")
def written():
    """Handwritten digits of scikit-learn, enlarged to 256 pixels: white on black."""
    small = (load_digits().images[:10] * 15).astype(np.uint8)
    large = (cv2.resize(digit, (256, 256), interpolation=cv2.INTER_CUBIC) for digit in small)
    crisp = (((digit.astype(np.float32) - 90) / 60).clip(0, 1) * 255 for digit in large)
    return [cv2.resize(np.repeat(one[..., None], 3, axis=2), (128, 128)).astype(np.uint8) for one in crisp]


def test_a_light_digit_in_the_middle_of_black_is_not_changed():
    digit = stroke(side=SIZE, width=5, colour=(40, 120, 90))
    reading = read_digit(digit, SIZE)
    assert np.array_equal(reading.pixels, digit) and reading.notes == ()


def test_dark_ink_is_turned_over_and_keeps_its_colour():
    blue = read_digit(255 - stroke(colour=(225, 205, 100)), SIZE)  # (30, 50, 155) on white
    assert "dark on light paper" in " ".join(blue.notes)
    red, _, strongest = blue.pixels.reshape(-1, 3).max(axis=0)
    assert strongest > 240 and red < 70
    assert alike(read_digit(255 - stroke(), SIZE).pixels, read_digit(stroke(), SIZE).pixels) > 0.999


@pytest.mark.parametrize("light", ["none", "soft", "hard"])
def test_a_photograph_of_ink_on_paper_is_read_without_its_shadow(written, light):
    for digit in written:
        sheet = np.zeros((360, 360, 3), np.uint8)
        sheet[40:168, 40:168] = digit
        reading = read_digit(on_paper(sheet, shades(360)[light]), SIZE)
        assert alike(reading.pixels, centred(digit)) > 0.9
        assert reading.pixels[0].max() < 30


@pytest.mark.parametrize("line", [True, False])
def test_a_frame_is_left_out(line):
    digit = 255 - stroke(side=160, width=11)
    if line:
        framed = cv2.rectangle(digit.copy(), (7, 7), (152, 152), (20, 20, 20), 3)
    else:
        framed = cv2.copyMakeBorder(digit, 14, 14, 14, 14, cv2.BORDER_CONSTANT, value=(120, 70, 30))
    reading = read_digit(framed, SIZE)
    assert "the frame around the digit was left out" in reading.notes
    assert alike(reading.pixels, centred(digit, paper=255)) > 0.9


def test_a_small_digit_in_a_corner_is_put_in_the_middle():
    corner = stroke([(0.05 + 0.3 * x, 0.1 + 0.3 * y) for x, y in SEVEN], width=4)
    reading = read_digit(corner, SIZE)
    assert "the digit was put in the middle" in reading.notes
    rows, columns = np.nonzero(reading.pixels.max(axis=2) > 100)
    assert rows.mean() == pytest.approx(SIZE / 2, abs=9) and columns.mean() == pytest.approx(SIZE / 2, abs=9)
    assert np.ptp(rows) > 0.55 * SIZE


@pytest.mark.parametrize("colour", [0, 255])
def test_strokes_on_nothing_are_read_whatever_their_colour(colour):
    alpha = stroke()[..., 0]
    over_white = np.repeat((colour * (alpha / 255) + 255 * (1 - alpha / 255))[..., None], 3, axis=2).astype(np.uint8)
    reading = read_digit(over_contrast(over_white, alpha), SIZE)
    assert alike(reading.pixels, read_digit(stroke(), SIZE).pixels) > 0.99


def blank_sheets():
    y, x = np.mgrid[:200, :300]
    grain = np.random.default_rng(1).normal(0, 3, (200, 300, 3))
    lit = (210 - 90 * x / 300)[..., None] + grain
    return [np.zeros((64, 64, 3)), np.full((64, 64, 3), 127), np.full((90, 64, 3), 255), lit.clip(0, 255)]


def test_a_blank_picture_is_refused_with_what_to_do():
    for sheet in blank_sheets():
        with pytest.raises(ImageError, match=f"{NONE} in this picture; draw one, or use"):
            read_digit(sheet.astype(np.uint8), SIZE)


def test_a_photograph_of_something_else_is_refused(astronaut):
    photo = cv2.cvtColor(cv2.imread(str(astronaut)), cv2.COLOR_BGR2RGB)
    for picture in (photo, photo[60:220, 140:300], photo[200:, 200:]):
        with pytest.raises(ImageError, match=NONE):
            read_digit(picture, SIZE)


def test_a_copy_that_does_not_look_like_the_digit_says_so():
    editor = StyleEditor.from_pretrained("checkpoints/digits")
    assert editor.infer(stroke()).warnings == ()
    star = [(0.2, 0.2), (0.8, 0.8), (0.2, 0.8), (0.8, 0.2), (0.2, 0.5), (0.8, 0.5), (0.5, 0.2), (0.5, 0.8)]
    (warning,) = editor.infer(stroke(star, width=5)).warnings
    assert "copy does not look like this digit" in warning
