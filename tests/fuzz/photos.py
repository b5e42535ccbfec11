"""Intact photos in odd but honest forms: shapes, formats, colour modes, EXIF, profiles, names, numbers of faces."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from skimage import data

from rbvae.images.decoding import add_heic
from rbvae.images.profiles import HLG, made_profile, srgb_profile

FACE = Image.fromarray(data.astronaut()).crop((100, 0, 356, 256))
MODES = {
    "JPEG": ("RGB", "RGB", "L", "CMYK"),
    "PNG": ("RGB", "RGBA", "L", "LA", "P", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("RGB", "L", "CMYK", "RGBA"),
    "BMP": ("RGB", "L"),
    "GIF": ("P", "L"),
    "AVIF": ("RGB", "RGBA"),
    "HEIF": ("RGB", "L"),
    "MPO": ("RGB",),
}
SUFFIXES = {
    "JPEG": ("jpg", "JPG", "jpeg", "jfif", "jpe", "png"),
    "TIFF": ("tif", "tiff", "TIF"),
    "WEBP": ("webp", "jpg"),
    "HEIF": ("heic", "HEIC", "heif", "hif"),
    "MPO": ("jpg", "mpo"),
}
NAMES = (
    "me", "Ich und Du", "na\u00efve", "nai\u0308ve", "日本", "😀", "👩‍👩‍👧‍👦", "-o", "a.b.c", "#1", "100%", "%2e%2e",
    "it's", '"quoted"', "[x]", "a&b", "a;b", "a:b", "a\\b", "<b>", "x" * 120, "é" * 110, " lead", "trail ", "trail.",
    "\udce9t\udce9", "new\nline", "tab\t", "$HOME", "`id`", "~", "*", "?", "CON", "photo.jpg", "\u202egpj", "עברית",
    "\u200b", "0", "null",
)  # fmt: skip
SHAPES = ((1, 1), (1, 1), (1, 1.3), (1, 2), (1, 6), (2, 1), (6, 1), (12, 1))  # of the frame, times the faces' own
T = Image.Transpose  # how a photo is stored whose EXIF orientation is 2, 3, ...
TURNS = {2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE, 6: T.ROTATE_90, 7: T.TRANSVERSE,
         8: T.ROTATE_270}  # fmt: skip
WITH_EXIF = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "MPO")
WITH_PROFILE = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "MPO")
CORNERS = ((200, 60, 60), (60, 170, 60), (60, 60, 190), (215, 215, 70))
CLEAR, CLEAR_SHARE = 100, 0.08  # side of FACE, of which half is face, in pixels and of the photo's longer side


@dataclass(frozen=True)
class Photo:
    """An intact photo: its name and bytes, what it is made of, its faces and their side, its upright size.

    `corners` are the colours of its corners, from the upper left clockwise, or () where a profile changes them.
    """

    name: str
    content: bytes
    about: str
    people: int
    face: int
    size: tuple[int, int]
    grey: bool
    corners: tuple[tuple[int, int, int], ...]

    @property
    def clear(self) -> bool:
        """Whether its faces are large enough, also in the photo as it is searched, that each is found."""
        return self.face >= CLEAR and self.face >= CLEAR_SHARE * max(self.size)

    def written(self, folder: Path) -> Path:
        """Writes it into a folder, under its own name if the file system takes it."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.name
        try:
            path.write_bytes(self.content)
        except (OSError, ValueError):
            path = folder / f"plain.{self.name.rpartition('.')[2]}"
            path.write_bytes(self.content)
        return path


def photo(rng: random.Random) -> Photo:
    """One photo, of people in a row or a column."""
    people, face = rng.choice((1, 1, 1, 1, 2, 3, 5, 9)), rng.choice((70, 110, 180, 256))
    picture = scene(rng, people, face)
    kinds = [kind for kind in MODES if kind != "HEIF" or add_heic()]
    kind = rng.choice(kinds)
    mode = rng.choice(MODES[kind])
    options, notes, turn = exif(rng, kind)
    stored = in_mode(picture.transpose(TURNS[turn]) if turn in TURNS else picture, mode, rng)
    profile, told = colours(rng, kind, mode)
    options |= profile | extras(rng, kind, stored)
    stream = io.BytesIO()
    stored.save(stream, kind, **options)
    name = f"{rng.choice(NAMES)}.{rng.choice(SUFFIXES.get(kind, (kind.lower(),)))}"
    half = stored.mode in ("RGBA", "LA") and stored.getchannel("A").getextrema()[0] < 255
    about = (
        f"{people} people of {face} px in {picture.size}, {kind} {mode}{' half clear' if half else ''}, {notes}{told}"
    )
    exact = not told and not half and mode != "CMYK"
    corners = tuple(picture.getpixel(place) for place in places(picture.size)) if exact else ()
    return Photo(name, stream.getvalue(), about, people, face, picture.size, mode in ("L", "LA", "I;16"), corners)


def plain_photo() -> Photo:
    """A photo whose face is found, without anything odd."""
    rng = random.Random(0)
    picture, stream = scene(rng, 1, 256), io.BytesIO()
    picture.save(stream, "JPEG", quality=92)
    return Photo("plain.jpg", stream.getvalue(), "plain", 1, 256, picture.size, False, ())


def scene(rng: random.Random, people: int, face: int) -> Image.Image:
    """People in a row or a column, in a frame of any shape, with a colour in each corner."""
    gap, (wide, high) = rng.choice((1.0, 1.4, 3.0)), rng.choice(SHAPES)
    along, across = round(people * gap * face), face
    column = people > 1 and rng.random() < 0.3
    width, height = (across, along) if column else (along, across)
    width, height = min(6000, round(width * wide)), min(6000, round(height * high))
    picture = Image.new("RGB", (width, height), tuple(rng.randrange(60, 200) for _ in range(3)))
    one = FACE.resize((face, face), Image.Resampling.LANCZOS)
    for k in range(people):
        centre = (width / 2, (k + 0.5) * height / people) if column else ((k + 0.5) * width / people, height / 2)
        picture.paste(one, tuple(round(middle - face / 2) for middle in centre))
    for colour, (x, y) in zip(CORNERS, places(picture.size), strict=True):
        picture.paste(colour, (x - 4, y - 4, x + 5, y + 5))
    return picture


def places(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Where the corners' colours are, clockwise from the upper left."""
    right, low = size[0] - 5, size[1] - 5
    return [(4, 4), (right, 4), (right, low), (4, low)]


def in_mode(picture: Image.Image, mode: str, rng: random.Random) -> Image.Image:
    """The picture in a colour mode; with alpha, opaque or half clear."""
    if mode == "I;16":
        return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    stored = picture.convert(mode)
    if mode in ("RGBA", "LA"):
        stored.putalpha(rng.choice((255, 255, 128)))
    return stored


def exif(rng: random.Random, kind: str) -> tuple[dict[str, Any], str, int]:
    """EXIF to save with, what it is, and the orientation that it gives."""
    if kind not in WITH_EXIF or rng.random() < 0.4:
        return {}, "no EXIF", 1
    if rng.random() < 0.15 and kind in ("JPEG", "PNG", "WEBP"):
        return {"exif": b"Exif\0\0" + rng.randbytes(40)}, "broken EXIF", 1
    turn, tags = rng.randrange(1, 9) if kind == "TIFF" else rng.randrange(10), Image.Exif()
    tags[0x0112] = turn
    if rng.random() < 0.5:
        tags[0x010F], tags[0x8298], tags[0x9C9B] = "Kamera ü", "x" * rng.choice((1, 60_000)), b"t\0i\0"
        if kind != "TIFF":  # which Pillow writes with a place that libtiff refuses
            tags.get_ifd(0x8825)[1] = "N"
    return {"exif": tags.tobytes()}, f"orientation {turn}", turn


def colours(rng: random.Random, kind: str, mode: str) -> tuple[dict[str, Any], str]:
    """A profile to save with, and what it is if it changes the colours."""
    if kind not in WITH_PROFILE or mode not in ("RGB", "RGBA", "L") or rng.random() < 0.5:
        return {}, ""
    srgb = srgb_profile()
    if mode == "L":
        return {"icc_profile": srgb}, ""  # of the wrong kind, so it is ignored
    name = rng.choice(("sRGB", "padded", "cut", "noise", "Lab", "grey", "P3", "BT.2020", "HLG"))
    profile = {
        "padded": srgb + bytes(2 << 20 if kind == "PNG" else 5000),
        "cut": srgb[: len(srgb) // 2],
        "noise": rng.randbytes(700),
        "Lab": ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
        "grey": made_profile(1, HLG).replace(b"RGB ", b"GRAY", 1).replace(b"rTRC", b"kTRC", 1),
        "P3": made_profile(12),
        "BT.2020": made_profile(9),
        "HLG": made_profile(9, HLG),
    }.get(name, srgb)
    return {"icc_profile": profile}, f", {name} profile" if name in ("P3", "BT.2020", "HLG") else ""


def extras(rng: random.Random, kind: str, stored: Image.Image) -> dict[str, Any]:
    """Other things that files hold: comments, several frames, progressive scans, compressions."""
    if kind == "MPO" or (kind in ("GIF", "PNG", "WEBP") and stored.mode != "I;16" and rng.random() < 0.15):
        return {"save_all": True, "append_images": [stored.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]}
    if kind == "PNG" and rng.random() < 0.3:
        text = PngInfo()
        text.add_text("Comment", "a" * rng.choice((10, 2 << 20)), zip=rng.random() < 0.5)
        return {"pnginfo": text}
    if kind == "JPEG":
        return {"progressive": rng.random() < 0.3, "quality": rng.choice((60, 92, 100)), "comment": b"\xff\xfe ok"}
    if kind == "TIFF" and rng.random() < 0.5:
        return {"compression": rng.choice(("tiff_lzw", "tiff_deflate", "packbits"))}
    return {}
