"""Claims about the app: its named endpoints through gradio_client, its state, and how it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from app.app import address, build, launch
from app.editors import Editors, checkpoint_source, imagined
from app.rendering import AI_NOTE, figure, notice, picture_file
from app.state import Session, loaded, shown_directions, slid, slider_range
from rbvae import ConfigError, Inference, PortraitEditor, StyleEditor

ROOT = Path(__file__).resolve().parents[1]
ENDPOINTS = {"/infer", "/sample", "/transfer", "/edit", "/digits_transfer"}


class CountingEditor(PortraitEditor):
    """Counts how often a photo is inferred."""

    inferred = 0

    def infer(self, photo, face=0):
        self.inferred += 1
        return super().infer(photo, face)


@pytest.fixture(scope="module")
def editors(tiny_faces, tiny_digits):
    return Editors(CountingEditor.from_pretrained(tiny_faces), StyleEditor.from_pretrained(tiny_digits))


@pytest.fixture(scope="module")
def client(editors):
    demo = build(editors)
    _, url, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    opened = Client(url, verbose=False)
    yield opened
    opened.close()
    demo.close(verbose=False)


@pytest.fixture
def photo(astronaut):
    return handle_file(str(astronaut))


@pytest.fixture(scope="module")
def digit_file(editors, tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digit.png"
    imagined(editors.digits, 1, 0, Inference)[0].crop.save(path)
    return handle_file(str(path))


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), dtype=np.int16)


def test_only_the_contracts_endpoints_are_public(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == ENDPOINTS


def test_infer_gives_latents_crop_and_reconstruction(client, editors, photo):
    facts, crop, reconstruction = client.predict(photo, api_name="/infer")
    assert len(facts["z"]) == editors.faces.config.dim_z
    assert len(facts["e"]) == editors.faces.config.dim_e
    left, top, right, bottom = facts["box"]
    assert 0 < left < right < 512 and 0 < top < bottom < 512
    assert isinstance(facts["warnings"], list)
    assert pixels(crop).shape == pixels(reconstruction).shape == (32, 32, 3)


def test_sample_is_seeded(client, photo):
    first, again, other = (
        [pixels(item["image"]) for item in client.predict(photo, count, seed, api_name="/sample")]
        for count, seed in ((3, 1), (2, 1), (2, 2))
    )
    assert len(first) == 3
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=False))
    assert not np.array_equal(first[0], other[0])


def test_transfer_gives_the_whole_photo_and_changes_only_its_face(client, photo, editors, astronaut):
    facts, *_ = client.predict(photo, api_name="/infer")
    twisted = client.predict(photo, [3.0, -3.0, 3.0, -3.0], api_name="/edit")
    moved = pixels(client.predict(handle_file(twisted), photo, 1.0, api_name="/transfer"))
    before = pixels(astronaut)
    assert moved.shape == before.shape
    left, top, right, bottom = (int(edge) for edge in facts["box"])
    outside = np.abs(moved - before)
    margin = bottom - top  # the crop is wider than the landmarks
    outside[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin] = 0
    assert outside.mean() < 1.0  # JPEG alone


def test_edit_takes_e_or_named_sigmas(client, photo):
    facts, *_ = client.predict(photo, api_name="/infer")
    moved = list(facts["e"])
    moved[0] += 2.0  # the first direction is the first axis, with a sigma of 1
    by_list = pixels(client.predict(photo, moved, api_name="/edit"))
    by_name = pixels(client.predict(photo, {"smile": 2}, api_name="/edit"))
    by_text = pixels(client.predict(photo, '{"smile": 2}', api_name="/edit"))
    assert by_list.shape == (512, 512, 3)
    assert np.array_equal(by_list, by_name) and np.array_equal(by_name, by_text)


def test_digits_transfer_gives_a_digit(client, digit_file):
    assert pixels(client.predict(digit_file, digit_file, api_name="/digits_transfer")).shape == (32, 32, 3)


def test_results_carry_no_exif_and_say_they_are_edited(client, tmp_path):
    from skimage import data

    exif = Image.Exif()
    exif[0x010E] = "where I live"
    located = tmp_path / "located.jpg"
    Image.fromarray(data.astronaut()).save(located, exif=exif)
    result = client.predict(handle_file(str(located)), {"smile": 1}, api_name="/edit")
    with Image.open(result) as image:
        assert not image.getexif()
        assert image.info["comment"].decode() == AI_NOTE


def refusal(client, *args, api_name="/edit") -> str:
    with pytest.raises(AppError) as caught:
        client.predict(*args, api_name=api_name)
    text = str(caught.value)
    assert "\n" not in text and "Traceback" not in text
    return text


def test_a_text_file_named_jpg_is_refused_in_words(client, tmp_path):
    path = tmp_path / "notes.jpg"
    path.write_text("not a picture")
    text = refusal(client, handle_file(str(path)), api_name="/infer")
    assert "notes.jpg is not a picture" in text and "JPEG" in text


def test_a_picture_without_a_face_is_refused_in_words(client, tmp_path):
    path = tmp_path / "wall.png"
    Image.new("RGB", (200, 200), "gray").save(path)
    text = refusal(client, handle_file(str(path)), api_name="/infer")
    assert "no face found" in text and str(tmp_path) not in text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0], "this model takes 4"),
        ({"grin": 1}, "no direction 'grin'"),
        ({"smile": "big"}, "smile='big'"),
        ([0, 0, 0, "x"], "values='x'"),
        ("{", "not JSON"),
        (3, "give a list"),
    ],
)
def test_wrong_values_are_refused_in_words(client, photo, values, words):
    assert words in refusal(client, photo, values)


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (65, 0), (2, -1)])
def test_wrong_counts_and_seeds_are_refused_in_words(client, photo, count, seed):
    assert "give a whole number" in refusal(client, photo, count, seed, api_name="/sample")


def test_wrong_strength_is_refused_in_words(client, photo):
    assert "strength=99" in refusal(client, photo, photo, 99, api_name="/transfer")


def test_sliders_only_decode(editors, astronaut):
    before = editors.faces.inferred
    session = Session().opened(editors.faces.infer(astronaut))
    for value in np.linspace(-2, 2, 5):
        session = slid(editors.faces, session, [value, 0, 0, 0])
        editors.faces.edit(session.picture(), session.e)
    assert editors.faces.inferred == before + 1


def test_sliders_add_up_to_what_was_loaded(editors, astronaut):
    session = Session().opened(editors.faces.infer(astronaut))
    for e in (editors.faces.e_ref, *editors.faces.sample_e(4), 20 * editors.faces.sample_e(1)[0]):
        session, values = loaded(editors.faces, session, e)
        for value, direction in zip(values, shown_directions(editors.faces), strict=True):
            low, high = slider_range(direction)
            assert low <= value <= high
        assert slid(editors.faces, session, values).e == pytest.approx(e, abs=1e-5)


def test_loading_a_pictures_own_e_puts_the_sliders_at_zero(editors, astronaut):
    session = Session().opened(editors.faces.infer(astronaut))
    session, _ = loaded(editors.faces, session, editors.faces.sample_e(1)[0])
    _, values = loaded(editors.faces, session, session.picture().e)
    assert values == [0, 0, 0, 0]


def test_a_session_without_a_picture_says_what_to_do(editors):
    with pytest.raises(ConfigError, match="choose a picture first"):
        slid(editors.faces, Session(), [0, 0, 0, 0])


def test_words_are_escaped_in_html():
    assert "<b>" not in notice(("<b>",)) and "<b>" not in figure(None, "<b>")
    assert notice(()) == ""


def test_small_pictures_are_lossless_files():
    image = Image.effect_noise((40, 40), 80).convert("RGB")
    assert np.array_equal(pixels(picture_file(image, "crop")), np.asarray(image))


def test_address_comes_from_the_environment(monkeypatch):
    for name in ("GRADIO_SERVER_PORT", "GRADIO_SERVER_NAME", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    assert address() == {"server_name": "127.0.0.1", "server_port": 7860}
    monkeypatch.setenv("SPACE_ID", "user/name")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8000")
    assert address() == {"server_name": "0.0.0.0", "server_port": 8000}
    monkeypatch.setenv("GRADIO_SERVER_PORT", "http")
    with pytest.raises(ConfigError, match="GRADIO_SERVER_PORT=http"):
        address()


def test_checkpoints_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("RBVAE_FACES", "user/faces")
    monkeypatch.delenv("RBVAE_DIGITS", raising=False)
    assert checkpoint_source("faces") == "user/faces"
    assert checkpoint_source("digits") == ROOT / "checkpoints" / "digits"


def test_a_missing_or_broken_checkpoint_is_one_line_and_exit_code_2(tmp_path, tiny_digits):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text(json.dumps({"format": 99}))
    environment = {**os.environ, "RBVAE_FACES": str(broken), "RBVAE_DIGITS": str(tiny_digits)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "app" / "app.py")], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("error: ") and "Traceback" not in done.stderr
