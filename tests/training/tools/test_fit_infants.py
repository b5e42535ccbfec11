"""The weights that tell infants are fitted to files named by age; too few of them are refused."""

import pytest
from PIL import Image

from rbvae.errors import DatasetError
from training.tools.fit_infants import main


def test_a_folder_with_too_few_faces_of_either_kind_is_refused(tmp_path):
    for age in (0, 1, 30, 40):
        Image.new("RGB", (64, 64)).save(tmp_path / f"{age}_0_0_1.jpg")
    with pytest.raises(DatasetError, match="too few files"):
        main(["--photos", str(tmp_path)])
