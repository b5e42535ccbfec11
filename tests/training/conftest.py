"""What tests of tables share."""

from __future__ import annotations

import pytest

from training.engine import start
from training.table1 import probes


@pytest.fixture(scope="module")
def short_probes():
    """Non-linear probes and closed forms that take a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "PASSES", 20)
        patch.setattr(start, "IMAGES", 256)
        yield
