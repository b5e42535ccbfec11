"""Claims about the processes that decode uploads: what they give, what ends one, and that the next one goes on."""

from __future__ import annotations

import signal
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image
from skimage import data

from app.server.decoder import LARGE, Decoder, await_turn, in_turns
from app.server.decoder_process import seconds_for
from app.server.job_queue import BusyError
from rbvae.errors import ImageError
from rbvae.images.decoding import load_photo
from tests import hostile
from tests.hostile import encoded

PHOTO = Image.fromarray(data.astronaut()).resize((96, 96))


@pytest.fixture(scope="module")
def decoder():
    made = Decoder(workers=1)
    yield made
    made.close()


def test_a_process_of_its_own_gives_the_same_pixels_and_words(decoder):
    content = encoded(PHOTO, "PNG")
    np.testing.assert_array_equal(decoder.decode(content), load_photo(content))
    assert decoder.decode(content, max_side=48).shape == (48, 48, 3)
    for bad in (b"", b"words", content[:500], hostile.png(11000, 10000), bytes(40_000_001)):
        with pytest.raises(ImageError, match=r"^a\.jpg "):
            decoder.decode(bad, "a.jpg")


def test_a_picture_that_takes_too_long_is_given_up_and_the_next_one_is_decoded():
    impatient = Decoder(workers=1, seconds=1.0)
    try:
        slow = next(case for case in hostile.bombs() if case.name == "blocks.gif")
        started = time.monotonic()
        with pytest.raises(ImageError, match="takes too long to decode"):
            impatient.decode(slow.content)
        assert time.monotonic() - started < 4
        assert impatient.decode(encoded(PHOTO, "PNG")).shape == (96, 96, 3)
    finally:
        impatient.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stops processes by these signals")
def test_a_busy_machine_does_not_refuse_a_photo(decoder):
    process = decoder.workers[0].start()
    process.send_signal(signal.SIGSTOP)  # as if others had the cores for four seconds
    threading.Timer(4, process.send_signal, [signal.SIGCONT]).start()
    assert decoder.decode(encoded(PHOTO, "PNG")).shape == (96, 96, 3)


def test_the_time_to_decode_grows_with_the_photo_and_is_limited():
    assert (
        4 < seconds_for("HEIF", 12_000_000) < seconds_for("HEIF", 48_000_000) == seconds_for("AVIF", 100_000_000) == 12
    )
    assert 4 < seconds_for("PNG", 50_000_000) < 6
    assert seconds_for("GIF", 1_000_000) < 1.1


def test_above_fifty_megapixels_a_photo_is_made_smaller_and_it_is_said(decoder):
    pixels, note = decoder.decode_with_note(encoded(PHOTO.resize((7600, 7200)), "JPEG", quality=50))
    assert note == "the photo has 55 megapixels and was reduced to 50"
    assert 49_500_000 < pixels.shape[0] * pixels.shape[1] <= 50_000_000
    assert decoder.decode_with_note(encoded(PHOTO, "PNG"))[1] == ""


def test_the_time_that_a_process_takes_to_start_is_not_the_pictures(tmp_path):
    program = tmp_path / "program.py"  # ready after a second and a half, answers one picture, and hangs at the next
    answer = "b'+' + struct.pack('>III', 0, 0, 2) + b'ok'"
    lines = ("time.sleep(1.5)", f"sys.stdout.buffer.write({answer})", "sys.stdout.flush()", "time.sleep(9)")
    program.write_text("\n".join(("import struct, sys, time", *lines)))
    sleepy = Decoder(workers=1, seconds=0.5, program=program)
    try:
        for words in ("ok", "takes too long"):
            with pytest.raises(ImageError, match=words):
                sleepy.decode(b"")
    finally:
        sleepy.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit memory otherwise")
def test_a_picture_that_takes_too_much_memory_is_refused_and_the_next_one_is_decoded(decoder):
    greedy = hostile.tiff(
        hostile.grey_tiff(64, 64) | {60000 + n: (1, 9_000_000, 8) for n in range(5000)}, bytes(9_000_000)
    )
    with pytest.raises(ImageError, match="too much memory|takes too long"):
        decoder.decode(greedy)
    assert decoder.decode(encoded(PHOTO, "PNG")).shape == (96, 96, 3)


def kill(decoder):
    decoder.workers[0].process.kill()
    decoder.workers[0].process.wait()


def test_a_process_that_cannot_be_replaced_is_so_at_the_next_picture(decoder, monkeypatch):
    kill(decoder)
    with monkeypatch.context() as broken:
        broken.setattr("sys.executable", "/no/such/python")
        for _ in range(2):
            with pytest.raises(BusyError, match="try again in a moment"):
                decoder.decode(encoded(PHOTO, "PNG"))
    assert decoder.decode(encoded(PHOTO, "PNG")).shape == (96, 96, 3)


def test_what_was_left_unread_of_one_photo_is_not_given_to_the_next_caller(decoder, monkeypatch):
    def scarce(size):
        if size > 1000:
            raise MemoryError
        return bytearray(size)

    mine, yours = PHOTO, Image.new("RGB", PHOTO.size, "green")
    for error, failing in ((ImageError, scarce), (KeyboardInterrupt, lambda size: _interrupt())):
        with monkeypatch.context() as full:
            full.setattr("app.server.decoder.bytearray", failing, raising=False)
            with pytest.raises(error):
                decoder.decode(encoded(mine, "PNG"))
        np.testing.assert_array_equal(decoder.decode(encoded(yours, "PNG")), np.asarray(yours))


def _interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("answer", [(30000, 30000, 0), (2**32 - 1, 2**32 - 1, 0), (0, 0, 2**31), (9, 9, 0)])
def test_an_answer_that_is_none_of_ours_ends_its_process(tmp_path, answer):
    program = tmp_path / "program.py"
    program.write_text(f"import struct, sys\nsys.stdout.buffer.write(b'+' + struct.pack('>III', *{answer}))\n")
    odd = Decoder(workers=1, program=program)
    try:
        with pytest.raises(ImageError, match="cannot be decoded"):
            odd.decode(encoded(PHOTO, "PNG"))
    finally:
        odd.close()


def test_who_waits_long_for_a_process_is_told_that_all_are_busy():
    crowded = Decoder(workers=1, wait_seconds=0.05)
    try:
        with crowded._worker(), pytest.raises(BusyError, match="busy: 0 are waiting before you"):
            crowded.decode(encoded(PHOTO, "PNG"))
        assert crowded.decode(encoded(PHOTO, "PNG")).shape == (96, 96, 3)
    finally:
        crowded.close()


def test_a_process_that_dies_is_replaced(decoder):
    kill(decoder)
    assert decoder.decode(encoded(PHOTO, "PNG")).shape == (96, 96, 3)


def test_such_a_process_knows_no_secrets(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    made = Decoder(workers=1)
    try:
        environment = (
            open(f"/proc/{made.workers[0].process.pid}/environ", "rb").read() if sys.platform == "linux" else b""
        )
        assert b"secret" not in environment
    finally:
        made.close()


def test_large_pictures_take_turns_and_small_ones_do_not():
    happened, first_is_in, first_may_end = [], threading.Event(), threading.Event()

    def first():
        with in_turns():
            await_turn(LARGE + 1)
            await_turn(LARGE + 1)  # a donor's photo, in the same turn
            first_is_in.set()
            first_may_end.wait(10)
            happened.append("first ends")

    def second():
        with in_turns():
            await_turn(LARGE)  # not large
            happened.append("small")
            first_may_end.set()
            await_turn(LARGE + 1)
            happened.append("second")

    threads = [threading.Thread(target=run) for run in (first, second)]
    threads[0].start()
    first_is_in.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join(10)
    assert happened == ["small", "first ends", "second"]


def test_a_turn_that_does_not_come_is_reported_as_busy(monkeypatch):
    monkeypatch.setattr("app.server.decoder.WAIT_SECONDS", 0.05)
    refused = []

    def other():
        try:
            with in_turns():
                await_turn(LARGE + 1)
        except BusyError as error:
            refused.append(error)

    with in_turns():
        await_turn(LARGE + 1)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
    assert len(refused) == 1
    await_turn(LARGE + 1)  # outside of such a context nothing waits
