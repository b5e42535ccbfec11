"""Every command of python -m rbvae: what it writes, its help, and one line for what is wrong."""

import io
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rbvae import PortraitEditor
from rbvae.__main__ import RUNS, main
from rbvae.images.ai_metadata import AI_NOTE
from rbvae.images.clips import Clip
from rbvae.parser import build_parser
from tests.clips import write_clip

COMMANDS = ("transfer", "neutral", "edit", "random", "animate", "drive", "batch", "digit-transfer", "info", "export")


@pytest.fixture
def run(tmp_path, monkeypatch, tiny_faces, tiny_digits):
    """Runs a command line in an empty folder with the tiny checkpoints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RBVAE_FACES", str(tiny_faces))
    monkeypatch.setenv("RBVAE_DIGITS", str(tiny_digits))
    return lambda line: main(shlex.split(line))


def test_a_transfer_writes_the_whole_photo_marked(run, astronaut, tmp_path, tiny_faces, capsys):
    assert run(f"transfer {astronaut} {astronaut} -o out.png --strength 1") == 0
    written = (tmp_path / "out.png").read_bytes()
    assert Image.open(io.BytesIO(written)).size == (512, 512) and AI_NOTE.encode() in written
    assert capsys.readouterr().out == "out.png\n"


def test_neutral_and_edit_write_what_the_editor_makes(run, astronaut, tmp_path, tiny_faces):
    editor = PortraitEditor.from_pretrained(tiny_faces)
    portrait = editor.infer(astronaut)
    assert run(f"neutral {astronaut} --crop") == 0
    assert Image.open(tmp_path / "neutral.png").tobytes() == editor.neutral(portrait).crop.tobytes()
    assert run(f"edit {astronaut} --set smile=2 --set 'jaw open=-1' --replaced -o out.png") == 0
    made = editor.edit(portrait, editor.moved(portrait.e, {"smile": 2, "jaw open": -1})).replaced
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), np.asarray(made))


def test_refine_is_still_taken_and_does_nothing(run, astronaut, tmp_path, tiny_faces, capsys):
    editor = PortraitEditor.from_pretrained(tiny_faces)
    for words in ("--refine", "--refine 3"):
        assert run(f"neutral {astronaut} --crop {words}") == 0
        made = editor.neutral(editor.infer(astronaut)).crop
        assert Image.open(tmp_path / "neutral.png").tobytes() == made.tobytes()
        said = capsys.readouterr().err.splitlines()
        assert said[0] == "rbvae: --refine does nothing any more and will be removed. Leave it out."


def test_random_is_a_sheet(run, astronaut, tmp_path):
    assert run(f"random {astronaut} -n 6 --seed 1") == 0
    assert Image.open(tmp_path / "random.png").size == (4 * 192, 2 * 192)


@pytest.mark.parametrize("name", ["film.mp4", "film.webp", "film.gif"])
def test_animate_writes_a_film(run, astronaut, tmp_path, name):
    assert run(f"animate {astronaut} --set smile=2 --seconds 0.3 --fps 10 --size 64 -o {name}") == 0
    assert (tmp_path / name).stat().st_size > 500


def test_drive_writes_a_film_of_the_clips_length(run, astronaut, tmp_path, capsys):
    write_clip(tmp_path / "clip.mp4", [np.asarray(Image.open(astronaut).resize((256, 256)))] * 6, np.arange(6) / 10)
    assert run(f"drive clip.mp4 {astronaut} --strength 0.5 --size 64 -o out.mp4") == 0
    film = Clip(tmp_path / "out.mp4", 20)
    assert len(list(film.frames(64))) == 6 and abs(film.length - 0.6) < 0.02
    assert AI_NOTE.encode() in (tmp_path / "out.mp4").read_bytes()
    assert all("the model does not know a face like this" in line for line in capsys.readouterr().err.splitlines())
    assert run(f"drive clip.mp4 {astronaut} --seconds 0.3 -o out.mp4") == 2
    assert "clip.mp4 lasts 1 s or more, and the limit is 0.3 s. Give a shorter clip" in capsys.readouterr().err


def test_batch_writes_a_zip_and_says_how_many(run, astronaut, tmp_path, capsys):
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "a.jpg").write_bytes(astronaut.read_bytes())
    (tmp_path / "album" / "b.jpg").write_text("no picture")
    assert run("batch album -o out.zip --set smile=1") == 0
    assert zipfile.ZipFile(tmp_path / "out.zip").namelist() == ["0001-a.jpg", "manifest.json"]
    said = capsys.readouterr()
    assert "1 of 2 photos edited" in said.out and "b.jpg is not a picture" in said.err


def test_batch_reads_every_kind_of_name_and_says_what_it_left_out(run, astronaut, tmp_path, capsys):
    album = tmp_path / "album"
    (album / "__MACOSX").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    content = astronaut.read_bytes()
    for name in ("a.JFIF", "b.jpe", "._a.JFIF", "__MACOSX/._b.jpe"):
        (album / name).write_bytes(content)
    Image.open(astronaut).save(album / "c.mpo", "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    (tmp_path / "elsewhere" / "d.jpg").write_bytes(content)
    (album / "linked").symlink_to(tmp_path / "elsewhere")
    (album / "again").symlink_to(album)
    (album / "notes.txt").touch()
    (album / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert run("batch album -o out.zip") == 0
    said = capsys.readouterr()
    assert "4 of 4 photos edited" in said.out
    assert "2 files are left out: 1 .txt, 1 (broken link)" in said.err


def test_an_interrupted_batch_leaves_a_zip_of_what_is_ready(run, astronaut, tmp_path, monkeypatch):
    (tmp_path / "album").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "album" / name).write_bytes(astronaut.read_bytes())
    shift, calls = PortraitEditor.identity_shift, []

    def stopped(editor, edit):
        calls.append(edit)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return shift(editor, edit)

    monkeypatch.setattr(PortraitEditor, "identity_shift", stopped)
    assert run("batch album -o out.zip") == 130
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == ["0001-a.jpg", "manifest.json"] and archive.testzip() is None
        assert json.loads(archive.read("manifest.json"))["finished"] is False
    assert not (tmp_path / ".out.zip.partial").exists()


@pytest.mark.parametrize(
    "line", ["transfer {cut} {photo}", "animate {cut} --seconds 0.3 --fps 10 --size 64", "random {cut} -n 1",
             "batch album --like {cut}", "batch cuts"])  # fmt: skip
def test_doubts_about_a_photo_are_printed_by_every_command(run, astronaut, tmp_path, capsys, line):
    for folder in ("album", "cuts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "album" / "a.jpg").write_bytes(astronaut.read_bytes())
    cut = tmp_path / "cuts" / "cut.png"
    Image.open(astronaut).crop((100, 0, 400, 150)).save(cut)
    assert run(line.format(cut=cut, photo=astronaut)) == 0
    assert re.search(r"cut.png: the photo cuts off \d+% of the face", capsys.readouterr().err)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_the_terminal_cannot_show_is_no_error(astronaut, tmp_path, tiny_faces):
    odd = os.fsdecode(b"caf\xe9.jpg")
    (tmp_path / odd).write_bytes(astronaut.read_bytes())
    for encoding, out in (("utf-8", os.fsdecode(b"\xe9.png")), ("cp1252", "\u540d.png"), ("ascii", "\u00fc.png")):
        command = [sys.executable, "-m", "rbvae", "neutral", odd, "-o", out, "--checkpoint", str(tiny_faces)]
        environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(Path.cwd())}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert done.returncode == 0 and b"Traceback" not in done.stderr and done.stdout.startswith(b"\\")
        assert (tmp_path / out).is_file()


def test_digit_transfer_and_info(run, tmp_path, capsys):
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(tmp_path / "one.png")
    assert run("digit-transfer one.png one.png") == 0
    assert Image.open(tmp_path / "digit.png").size == (32, 32)
    assert run("info") == 0
    assert "faces, srb, 32 px" in (said := capsys.readouterr().out) and "smile" in said
    assert "observes images of 32 x 32 pixels" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("neutral nowhere.jpg", "no file at nowhere.jpg"),
        ("edit {photo} --set wink=2", "no direction 'wink'"),
        ("neutral {photo} --face 4", "face 4"),
        ("neutral {photo} --parts mouth", "--parts needs a checkpoint that observes codes"),
        ("edit {photo} --set smile=1 --teeth-from {photo}", "--teeth-from needs a checkpoint that observes codes"),
        ("transfer {photo} {photo} --strength 2", "--strength 2.0: give a number from 0"),
        ("neutral {photo} -o out.exe", "out.exe cannot be written"),
        ("animate {photo} -o out.avi", "out.avi is not a film"),
        ("drive {photo} {photo}", "is a single picture, not a film. Give a film such as an MP4 or MOV."),
        ("drive nowhere.mp4 {photo}", "There is no file at nowhere.mp4. Check the path."),
        ("drive {photo} {photo} -o out.gif", "out.gif is not an MP4"),
        ("drive {photo} {photo} --strength 2", "--strength 2.0: give a number from 0"),
        ("info --checkpoint /nowhere", "no checkpoint"),
        ("batch .", "no pictures in"),
    ],
)
def test_what_is_wrong_is_one_line(run, astronaut, capsys, line, said):
    assert run(line.format(photo=astronaut)) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and error.startswith("rbvae: ")


def test_a_name_of_several_lines_is_shown_on_one(run, capsys):
    name = "holiday\n\u202egpj.png"
    Image.new("RGB", (300, 200)).save(name)
    for line in (["neutral", name], ["neutral", f"no {name}"], ["animate", name, "-o", f"{name}.avi"]):
        assert run(shlex.join(line)) == 2
        said = capsys.readouterr().err.removesuffix("\n")
        assert said.isprintable() and "holiday__gpj.png" in said


def test_a_change_that_is_no_number_is_named(run, astronaut, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(f"edit {astronaut} --set smile")
    assert stopped.value.code == 2 and "smile=2" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example_that_parses(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    example = " ".join(capsys.readouterr().out.partition("example: ")[2].split())
    words = shlex.split(example)
    assert words[:4] == ["python", "-m", "rbvae", command]
    build_parser(RUNS).parse_args(words[3:])
