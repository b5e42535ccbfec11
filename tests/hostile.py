"""500 files that mean no good, or look as if: the same ones for the same seed.

    python tests/hostile.py --out DIR     # writes them, with their real names in names.json
    python tests/hostile_run.py           # sends them to the app, over HTTP

Every one has to be answered with a picture or with one plain sentence.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import pickle
import random
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from skimage import data

COUNT = 500
ZEROS = bytes(100_000_000)
FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "GIF": "gif", "BMP": "bmp", "TIFF": "tif"}
NAMES = (
    "line\nbreak.jpg", "../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/shadow.jpg", "photo.jpg\0.exe",
    "smile 😀.jpg", "👩‍👩‍👧‍👦.png", "日本語.webp", "\u202egpj.exe", "\u0301" * 40, "a" * 300 + ".jpg", ".jpg", ".",
    "..", "jpg", "<img src=x onerror=alert(1)>.jpg", "'; DROP TABLE photos; --.jpg", 'semi;colon="quote".jpg',
    "CON.jpg", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "file:///etc/passwd", "http://127.0.0.1:22/a.jpg", "$(reboot).jpg",
    "tab\there.jpg", "-rf *.jpg",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A file as a visitor sends it; `kind` says what is wrong with it."""

    kind: str
    name: str
    content: bytes


def corpus(seed: int = 0) -> list[Case]:
    """COUNT cases, in a fixed order."""
    rng = random.Random(seed)
    cases = [*bombs(), *polyglots(), *oddities(), *colours(rng), *names(), *wrong_extensions(rng), *flipped(rng)]
    cases += truncated(COUNT - len(cases) - 21)
    cases += noise(rng, COUNT - len(cases))
    return cases


def picture(side: int = 256) -> Image.Image:
    """A real photo with a face."""
    return Image.fromarray(data.astronaut()).crop((100, 0, 360, 260)).resize((side, side))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A file's bytes, the same at any time."""
    stream = io.BytesIO()
    if kind == "PDF":
        options = {"creationDate": time.gmtime(0), "modDate": time.gmtime(0), **options}
    image.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int = 8, colour: int = 0, rows: bytes = b"") -> bytes:
    """A PNG that claims to be so large, whatever it holds."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def tiff(tags: dict[int, tuple[int, int, int]], content: bytes = b"") -> bytes:
    """A TIFF of one directory (tag: type, count, value), whose content begins right behind it (where a value is -1)."""
    end = 8 + 2 + 12 * len(tags) + 4
    rows = [
        struct.pack("<HHII", tag, *entry[:2], end if entry[2] < 0 else entry[2]) for tag, entry in sorted(tags.items())
    ]
    return b"II*\0" + struct.pack("<IH", 8, len(rows)) + b"".join(rows) + bytes(4) + content


def grey_tiff(width: int, height: int, how: int = 1) -> dict[int, tuple[int, int, int]]:
    """The tags of a grey TIFF."""
    size = {256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 259: (3, 1, how), 262: (3, 1, 1)}
    return size | {273: (4, 1, -1), 277: (3, 1, 1), 278: (4, 1, height), 279: (4, 1, 4096)}


def bombs() -> Iterator[Case]:
    """Small files that ask for much memory or time."""
    small = picture(64)
    a_png, a_jpeg, a_gif, a_webp = (encoded(small, kind) for kind in ("PNG", "JPEG", "GIF", "WEBP"))
    table = 13 + (3 << ((a_gif[10] & 7) + 1))  # where a GIF's header ends
    smooth = encoded(Image.new("L", (5000, 5000), 128), "JPEG", progressive=True)
    scan = smooth[smooth.rfind(b"\xff\xda") : -2]
    tiles = {322: (4, 1, 20000), 323: (4, 1, 20000), 324: (4, 1, -1), 325: (4, 1, 10**5)}
    strips = {273: (4, 2_000_000, 200), 278: (4, 1, 1), 279: (4, 2_000_000, 200)}
    overlapping = {60000 + tag: (1, 9_000_000, 8) for tag in range(5000)}
    rle = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 1078, 40, 5000, 5000, 1, 8, 1, 0, 0, 0, 256, 0) + bytes(1024)
    noisy = Image.frombytes("L", (3000, 3000), random.Random(1).randbytes(9_000_000))
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photo.jpg", ZEROS)
    yield from (
        Case("bomb", name, content)
        for name, content in {
            "12000.png": png(12000, 12000, 1, 0, bytes(1501 * 12000)),
            "60000.png": png(60000, 60000),
            "most.png": png(2**31 - 1, 2**31 - 1),
            "colour.png": png(20000, 20000, 8, 2, bytes(1000)),
            "chunks.png": a_png[:33] + chunk(b"aaAa", b"") * 800_000 + a_png[33:],
            "parts.png": a_png[:33] + chunk(b"IDAT", b"") * 800_000 + a_png[33:],
            "text.png": a_png[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6))) * 200 + a_png[33:],
            "profile.png": a_png[:33] + chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(10**8))) + a_png[33:],
            "zlib.png": png(64, 64, rows=ZEROS),
            "canvas.gif": a_gif[:6] + struct.pack("<HH", 60000, 60000) + a_gif[10:],
            "comment.gif": a_gif[:table] + b"!\xfe" + (b"\xff" + b"x" * 255) * 38_000 + b"\0" + a_gif[table:],
            "comments.gif": a_gif[:table] + b"!\xfe\x01x\0" * 1_900_000 + a_gif[table:],
            "blocks.gif": a_gif[:table] + b"!\xfe" + b"\x01x" * 4_800_000 + b"\0" + a_gif[table:],
            "frames.gif": encoded(small.convert("P"), "GIF", save_all=True, append_images=[small.convert("P")] * 500),
            "scans.jpg": smooth[:-2] + scan * ((9_800_000 - len(smooth)) // len(scan)) + b"\xff\xd9",
            "segments.jpg": a_jpeg[:2] + b"\xff\xe5\0\x02" * 2_400_000 + a_jpeg[2:],
            "exifs.jpg": a_jpeg[:2] + b"\xff\xe1\0\x09Exif\0\0a" * 880_000 + a_jpeg[2:],
            "header.jpg": a_jpeg.replace(struct.pack(">HH", 64, 64), struct.pack(">HH", 65500, 65500), 1),
            "tile.tif": tiff(grey_tiff(8, 8, 8) | tiles, zlib.compress(ZEROS, 1)),
            "tags.tif": tiff(grey_tiff(64, 64) | overlapping, bytes(9_000_000)),
            "60000.tif": tiff(grey_tiff(60000, 60000), bytes(4096)),
            "strips.tif": tiff(grey_tiff(64, 64) | strips, bytes(8_100_000)),
            "strip.tif": tiff(grey_tiff(5000, 5000, 8), zlib.compress(ZEROS, 1)),
            "loop.tif": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
            "runs.bmp": rle + b"\x01\x05" * 4_800_000,
            "lines.bmp": rle + b"\0\0" * 4_800_000,
            "huge.bmp": rle.replace(struct.pack("<ii", 5000, 5000), struct.pack("<ii", 2**31 - 1, 2**31 - 1)),
            "minus.bmp": rle.replace(struct.pack("<ii", 5000, 5000), struct.pack("<ii", -5000, -(2**31))),
            "canvas.webp": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + b"\xff" * 6 + b"ANIM\x06\0\0\0" + bytes(6),
            "16383.webp": a_webp[:26] + struct.pack("<HH", 16383, 16383) + a_webp[30:],
            "5000.webp": encoded(Image.new("RGB", (4990, 5000), "teal"), "WEBP", quality=1, method=0),
            "4990.avif": encoded(Image.new("RGB", (4990, 5000), "teal"), "AVIF", quality=10, speed=10),
            "laughs.svg": f'<!DOCTYPE svg [<!ENTITY l0 "ha">{laughs}]><svg>&l9;</svg>'.encode(),
            "huge.svg": b'<svg width="1e9" height="1e9"><image href="file:///etc/passwd"/></svg>',
            "photos.zip": many.getvalue(),
            "photo.jpg": many.getvalue(),
            "photo.svgz": gzip.compress(ZEROS, 1),
            "noise.png": encoded(noisy, "PNG", compress_level=0),
            "teal.jpg": encoded(Image.new("RGB", (5000, 5000), "teal"), "JPEG"),
            "layers.png": encoded(Image.new("RGBA", (5000, 5000), (9, 9, 9, 9)), "PNG", compress_level=1),
            "deep.png": encoded(Image.new("I;16", (5000, 5000), 9), "PNG", compress_level=1),
            "deep.tif": encoded(Image.new("F", (1500, 1500), 9), "TIFF"),
        }.items()
    )  # fmt: skip


def polyglots() -> Iterator[Case]:
    """Two kinds of file in one."""
    small = picture()
    jpeg, gif, a_png = encoded(small, "JPEG"), encoded(small, "GIF"), encoded(picture(96), "PNG")
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.html", "<script>alert(1)</script>")
    page, script = b"<html><script>alert(document.domain)</script></html>", b"=1;alert(1)//"
    made = {
        "photo.jpg": jpeg + zipped.getvalue(),
        "photo.html": jpeg + page,
        "photo.gif": gif[:6] + script[:4] + gif[10:],
        "photo.js": gif + script,
        "photo.php": encoded(small, "JPEG", comment=b"<?php system($_GET['c']); ?>"),
        "photo.pdf": jpeg + b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript>>>>endobj",
        "late.jpg": b"%PDF-1.7\n" + jpeg,
        "photo.exe": b"MZ" + jpeg,
        "photo.png": a_png + pickle.dumps(Case),
        "page.png": a_png[:33] + chunk(b"tEXt", b"Comment\0" + page) + a_png[33:],
        "movie.mp4": struct.pack(">I4s4s", 24, b"ftyp", b"avif") + b"\0\0\0\0mif1avif" + page,
        "photo.heic": struct.pack(">I4s4s", 24, b"ftyp", b"heic") + b"\0\0\0\0mif1heic" + bytes(500),
    }
    yield from (Case("polyglot", name, content) for name, content in made.items())


def oddities() -> Iterator[Case]:
    """Sizes, films and orientations that a decoder meets seldom."""
    few = (b"", b"\0", b"\xff\xd8", b"GIF89a", b"BM")
    yield from (Case("tiny", f"{number}.jpg", content) for number, content in enumerate(few))
    for kind, ending in FORMATS.items():
        yield Case("1x1", f"one.{ending}", encoded(Image.new("RGB", (1, 1), "red"), kind))
        yield Case("2x3", f"six.{ending}", encoded(Image.new("RGB", (2, 3), "red"), kind))
        for size in ((60000, 1), (1, 60000)):
            if kind not in ("WEBP", "AVIF"):  # which cannot
                yield Case("line", f"{size[0]}x{size[1]}.{ending}", encoded(Image.new("RGB", size, "red"), kind))
    person, other = picture(), Image.new("RGB", (256, 256), "green")
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        film = encoded(person, kind, save_all=True, append_images=[other, person])
        yield Case("animated", f"film.{FORMATS[kind]}", film)
    for kind in ("JPEG", "PNG", "WEBP"):
        for number in range(10):  # 0 and 9 are none
            exif = Image.Exif()
            exif[0x0112] = number
            exif.get_ifd(0x8825)[2] = (48.0, 8.0, 15.0)  # where it was taken
            yield Case("turned", f"turned-{number}.{FORMATS[kind]}", encoded(person, kind, exif=exif))
    broken = {
        "none": b"",
        "short": b"Exif\0\0II*",
        "far": b"Exif\0\0II*\0\xff\xff\xff\xff",
        "noise": b"Exif\0\0" + bytes(range(250)),
        "loop": b"Exif\0\0" + tiff({0x8769: (4, 1, 8)}),
        "many": b"Exif\0\0" + tiff({60000 + number: (1, 60000, 8) for number in range(4000)}),
    }
    for name, exif in broken.items():
        for kind in ("JPEG", "WEBP"):
            yield Case("broken EXIF", f"{name}.{FORMATS[kind]}", encoded(person, kind, exif=exif))


def colours(rng: random.Random) -> Iterator[Case]:
    """Every mode a file may have, and colour profiles good and bad."""
    person = picture(200)
    deep = np.asarray(person.convert("L"), np.uint16) * 257
    modes = {mode: person.convert(mode) for mode in ("1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F")}
    modes["LAB"].info.pop("icc_profile", None)  # it holds the time at which it was made
    modes |= {"I;16": Image.fromarray(deep), "fraction": Image.fromarray(deep.astype(np.float32) / 65535)}
    modes["nan"] = Image.fromarray(np.where(deep > 30000, np.nan, deep.astype(np.float32)))
    for mode, image in modes.items():
        for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
            try:
                yield Case("mode", f"{mode.replace(';', '')}.{FORMATS[kind]}", encoded(image, kind))
            except (OSError, ValueError, DeprecationWarning):  # what this kind cannot hold
                continue
    cmyk = encoded(person.convert("CMYK"), "JPEG")
    yield Case("mode", "inverted.jpg", cmyk.replace(b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0\x02"))
    good, lab = (ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes() for space in ("sRGB", "LAB"))
    good, lab = (profile[:24] + bytes(12) + profile[36:] for profile in (good, lab))  # without the time
    profiles = {"srgb": good, "lab": lab, "cut": good[:200], "empty": b"\0" * 128, "noise": rng.randbytes(3000),
                "large": good + bytes(3_000_000), "many": good[:128] + b"\xff\xff\xff\xff" + good[132:]}  # fmt: skip
    profiles |= {f"flipped-{n}": flip(good, rng, 8) for n in range(6)}
    for name, profile in profiles.items():
        yield Case("profile", f"{name}.jpg", encoded(person, "JPEG", icc_profile=profile))
        yield Case("profile", f"{name}.png", encoded(person.convert("RGBA"), "PNG", icc_profile=profile))


def names() -> Iterator[Case]:
    """Good photos and bad ones under names that mean no good."""
    good, bad = encoded(picture(), "JPEG"), b"nothing of a picture"
    yield from (Case("name", name, bad if number % 5 == 0 else good) for number, name in enumerate(NAMES))


def wrong_extensions(rng: random.Random) -> Iterator[Case]:
    """Pictures that call themselves another kind, and what is no picture at all."""
    person = picture(160)
    endings = list(FORMATS.values())
    for number, kind in enumerate(FORMATS):
        for step in (1, 2, 3):
            yield Case("wrong extension", f"photo.{endings[(number + step) % len(endings)]}", encoded(person, kind))
    foreign = {
        kind.lower(): encoded(person, kind) for kind in ("ICO", "PCX", "TGA", "PPM", "JPEG2000", "EPS", "PDF", "DDS")
    }
    for name, content in {
        **{f"photo.{kind}": content for kind, content in foreign.items()},
        "letter.jpg": b"Dear Sir,\n",
        "page.png": b"<html></html>",
        "code.gif": b"#!/bin/sh\nrm -rf /\n",
        "data.jpg": pickle.dumps({"a": 1}),
        "model.png": struct.pack("<Q", 2**60) + b"{}",
        "photo.psd": b"8BPS" + rng.randbytes(200),
        "list.csv": b"image,expression\n",
        "photo.jpg": b"\xff\xd8\xff\xe0" + rng.randbytes(500),
    }.items():
        yield Case("wrong kind", name, content)


def flip(content: bytes, rng: random.Random, bits: int) -> bytes:
    """The same with some bits turned over."""
    changed = bytearray(content)
    for _ in range(bits):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def flipped(rng: random.Random) -> Iterator[Case]:
    """Files with a few bits turned over."""
    for kind, ending in FORMATS.items():
        whole = encoded(picture(), kind)
        yield from (Case("flipped", f"flipped-{n}.{ending}", flip(whole, rng, 1 << n)) for n in range(9))


def truncated(most: int) -> list[Case]:
    """Files cut at every kilobyte, at most so many."""
    sides = {"JPEG": 600, "PNG": 160, "WEBP": 256, "AVIF": 256, "GIF": 128, "BMP": 64, "TIFF": 64}
    wholes = {ending: encoded(picture(sides[kind]), kind) for kind, ending in FORMATS.items()}
    cuts = [(at, ending) for ending, whole in wholes.items() for at in range(1024, len(whole), 1024)]
    return [Case("truncated", f"cut-{at}.{ending}", wholes[ending][:at]) for at, ending in sorted(cuts)[:most]]


def noise(rng: random.Random, count: int) -> list[Case]:
    """Random bytes, half of them behind a header that promises a picture."""
    heads = (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF\xff\0\0\0WEBPVP8 ")
    return [Case("noise", f"noise-{n}.jpg", heads[n % len(heads)] + rng.randbytes(2000)) for n in range(count)]


def main() -> None:
    """Writes the files."""
    parser = argparse.ArgumentParser(
        description="Write the hostile files.", epilog="example: python tests/hostile.py --out DIR"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    told = {}
    for number, case in enumerate(corpus(options.seed)):
        (options.out / f"{number:03d}").write_bytes(case.content)
        told[f"{number:03d}"] = {"kind": case.kind, "name": case.name}
    (options.out / "names.json").write_text(json.dumps(told, indent=1))
    print(f"{len(told)} files in {options.out}")


if __name__ == "__main__":
    main()
