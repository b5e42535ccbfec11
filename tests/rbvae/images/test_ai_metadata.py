"""Written pictures say that an AI edited them and carry nothing else of the photo."""

import io

import numpy as np
import pytest
from PIL import Image

from rbvae import ImageError
from rbvae.images.ai_metadata import AI_NOTE, encode, save


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_written_picture_is_marked_and_has_no_exif(format):
    exif = Image.Exif()
    exif[0x010E] = "my garden"
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(stream, "JPEG", exif=exif)
    written = encode(Image.open(stream), format)
    read = Image.open(io.BytesIO(written))
    assert read.format == format and not read.getexif() and b"garden" not in written
    assert AI_NOTE.encode() in written and b"compositeWithTrainedAlgorithmicMedia" in written
    assert np.abs(np.asarray(read.convert("RGB"), int) - [254, 0, 0]).max() < 4


def test_a_name_says_the_format_and_other_names_are_refused(tmp_path):
    picture = Image.new("RGB", (8, 8))
    save(picture, tmp_path / "a.PNG")
    assert Image.open(tmp_path / "a.PNG").format == "PNG"
    with pytest.raises(ImageError, match="a.exe cannot be written"):
        save(picture, tmp_path / "a.exe")
    with pytest.raises(ImageError, match="choose another place"):
        save(picture, tmp_path / "nowhere" / "a.png")
