"""Writing of films as MP4, animated WebP or GIF, one picture in memory at a time; all are marked as made by AI."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from rbvae.images.ai_metadata import AI_NOTE, XMP, marked_mp4
from rbvae.images.sound import Sound, SoundWriter

TICKS = 90_000  # a second: a whole number for each frame at every common rate, 29.97 frames/s too
GIF_SHORTEST = 2  # hundredths of a second: browsers show frames of less than this for a tenth of a second
X264 = {"preset": "veryfast", "crf": "20"}
BT709 = 1  # matrix, primaries and transfer of HD video, in the numbers of ITU-T H.273
LIMITED = 1  # range of values: 16 to 235


def as_mp4(
    pictures: Iterator[Image.Image] | Iterator[np.ndarray], times: Sequence[float], sound: Sound | None = None
) -> bytes:
    """Encode RGB pictures of one size with even sides as MP4: H.264 and AAC, playable on phones and while it loads.

    Pictures are Pillow's, or pixels uint8 [H, W, 3].
    `times` are the N + 1 seconds at which each picture begins and the last one ends.
    """
    first = np.ascontiguousarray(next(pictures))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as file:
            video = _h264(file, first.shape[1::-1], (len(times) - 1) / (times[-1] - times[0]))
            audio = SoundWriter(file, sound) if sound else None
            lengths = iter(_whole(times, TICKS))
            start = 0
            for number, length in enumerate(lengths):
                pixels = np.ascontiguousarray(next(pictures)) if number else first
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
                frame.pts, frame.time_base = start, Fraction(1, TICKS)
                start += length
                file.mux(video.encode(frame))
                if audio:
                    audio.write_until(start / TICKS)
            file.mux(video.encode())
            if audio:
                audio.finish()
        return marked_mp4(path.read_bytes())


def as_webp(pictures: Iterator[Image.Image], times: Sequence[float], forever: bool = True) -> bytes:
    """Encode pictures as an animated WebP, in milliseconds; plays once unless `forever`."""
    stream = io.BytesIO()
    FilmFrames(pictures, len(times) - 1).save(stream, "WEBP", save_all=True, quality=80, method=2, xmp=XMP,
                                              duration=_whole(times, 1000), loop=0 if forever else 1)  # fmt: skip
    return stream.getvalue()


def as_gif(
    pictures: Iterator[Image.Image], times: Sequence[float], samples: Sequence[Image.Image], forever: bool = True
) -> bytes:
    """Encode a GIF with one palette, taken from the samples, and without dithering, so that still areas stay still.

    A GIF counts hundredths of a second: at 30 frames/s, frames last 3, 4 and 3 of them, so that the film keeps its
    length. Frames must last GIF_SHORTEST hundredths or more.
    """
    width, height = samples[0].size
    sheet = Image.new("RGB", (len(samples) * width, height))
    for place, sample in enumerate(samples):
        sheet.paste(sample, (place * width, 0))
    palette = sheet.quantize(256, Image.Quantize.MEDIANCUT)
    quantised = (picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures)
    stream = io.BytesIO()
    durations = [10 * hundredths for hundredths in _whole(times, 100)]
    loop = {"loop": 0} if forever else {}
    FilmFrames(quantised, len(durations)).save(
        stream, "GIF", save_all=True, comment=AI_NOTE.encode(), duration=durations, **loop
    )
    return stream.getvalue()


class FilmFrames(Image.Image):
    """A sequence of pictures for Pillow's encoders, each drawn when needed, so that only one is in memory."""

    def __init__(self, pictures: Iterator[Image.Image], n_frames: int) -> None:
        super().__init__()
        self.n_frames, self._pictures, self._current = n_frames, pictures, -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go forward to a frame; earlier pictures are gone, so seeking backwards does nothing."""
        if frame >= self.n_frames:
            raise EOFError
        if frame > self._current:
            picture = next(self._pictures)
            self.im, self.palette, self._current = picture.im, picture.palette, frame
            self._mode, self._size = picture.mode, picture.size

    def tell(self) -> int:
        """Return the number of the current frame."""
        return self._current


def _h264(file: av.container.OutputContainer, size: tuple[int, int], rate: float) -> av.VideoStream:
    """Add a video stream in the format that every phone plays: H.264, 4:2:0, in the colours of BT.709."""
    stream = file.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001), options=X264)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, TICKS)
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = LIMITED
    return stream


def _whole(times: Sequence[float], unit: int) -> list[int]:
    """Return the lengths of the frames in whole 1 / `unit` seconds, whose sums stay within half a unit of `times`."""
    edges = [round((time - times[0]) * unit) for time in times]
    return [max(1, end - start) for start, end in zip(edges, edges[1:], strict=False)]
