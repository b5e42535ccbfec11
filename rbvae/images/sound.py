"""The sound of a film: decoded to samples on the film's own clock, and encoded as AAC."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000)  # samples a second that are kept; others become the first
BIT_RATE = 160_000
CHUNK = 1024  # samples of a frame of AAC


@dataclass(frozen=True)
class Sound:
    """Samples float32 [C, N] in [-1, 1] of one or two channels, from the first frame of the film on."""

    samples: np.ndarray
    rate: int


def read_sound(file: av.container.InputContainer, start: float, seconds: float) -> Sound | None:
    """Decode the sound of a film from `start` on, in seconds of the file's clock; None if it has none.

    Each piece is put where its time stamp says, so gaps stay silent. A damaged or unknown stream ends there.
    """
    streams = [stream for stream in file.streams.audio if stream.codec_context is not None]
    if not streams:
        return None
    stream = streams[0]
    rate = stream.codec_context.sample_rate if stream.codec_context.sample_rate in RATES else RATES[0]
    layout = "mono" if stream.codec_context.layout.nb_channels == 1 else "stereo"
    samples = np.zeros((1 if layout == "mono" else 2, round(seconds * rate)), np.float32)
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    heard = False
    try:
        for frame in file.decode(stream):
            if frame.time is not None and frame.time > start + seconds:
                break
            for piece in resampler.resample(frame):
                heard |= _put(samples, piece.to_ndarray(), round((_time(piece) - start) * rate))
    except av.FFmpegError:  # a damaged sound is kept up to where it breaks off
        pass
    return Sound(samples, rate) if heard else None


class SoundWriter:
    """Adds a sound to a film that is being written, as AAC, in step with its frames."""

    def __init__(self, file: av.container.OutputContainer, sound: Sound) -> None:
        self._file, self._sound, self._done = file, sound, 0
        self._layout = "mono" if len(sound.samples) == 1 else "stereo"
        self._stream = file.add_stream("aac", rate=sound.rate, layout=self._layout)
        self._stream.bit_rate = BIT_RATE

    def write_until(self, seconds: float) -> None:
        """Encode the samples up to this second of the film."""
        samples, rate = self._sound.samples, self._sound.rate
        end = min(samples.shape[1], round(seconds * rate))
        while self._done < end:
            chunk = np.ascontiguousarray(samples[:, self._done : min(self._done + CHUNK, samples.shape[1])])
            frame = av.AudioFrame.from_ndarray(chunk, format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, self._done, Fraction(1, rate)
            self._file.mux(self._stream.encode(frame))
            self._done += chunk.shape[1]

    def finish(self) -> None:
        """Encode what is left in the encoder."""
        self._file.mux(self._stream.encode())


def _time(frame: av.AudioFrame) -> float:
    return 0.0 if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)


def _put(samples: np.ndarray, piece: np.ndarray, at: int) -> bool:
    """Copy the part of a piece [C, n] that begins at sample `at` and lies within `samples`; False if none does."""
    low, high = max(0, at), min(samples.shape[1], at + piece.shape[1])
    if low >= high:
        return False
    samples[:, low:high] = piece[:, low - at : high - at]
    return True
