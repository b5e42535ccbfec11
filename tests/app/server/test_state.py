"""Claims about what the app keeps of an opened picture: the reach of its sliders, and for how long it is known."""

from __future__ import annotations

import numpy as np
import pytest

from app.server.state import KEPT_FOR, ForgottenError, Opened, Visits, reaches, within_reach
from rbvae import ConfigError


def test_changes_are_limited_to_what_the_model_has_seen(editors, portrait):
    kept, words = within_reach(editors.faces, {"smile": 50, "frown": -1})
    assert kept == {"smile": 2.7, "frown": -1}  # the data reach from -2.3 to 2.7
    assert words == "limited to what the model has seen: smile 50 became 2.7"
    assert within_reach(editors.faces, {"smile": 2}) == ({"smile": 2}, "")
    with pytest.raises(ConfigError, match="no direction 'grin'"):
        within_reach(editors.faces, {"grin": 1})


def test_a_face_far_from_the_middle_may_go_all_the_way_to_the_other_end(editors):
    e = np.float32([2.5, 0, 0, -2.0])
    (low, high), *_, (lowest, highest) = reaches(editors.faces, e)
    assert (low, high) == (-4.8, 1.0) and (lowest, highest) == (-1.0, 4.7)  # and at least one sigma to either side
    assert reaches(editors.digits, e) == reaches(editors.digits)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_picture_is_forgotten_an_hour_after_its_last_use(portrait):
    clock = Clock()
    visits = Visits(clock=clock)
    key, example = visits.keep(Opened(portrait)), visits.publish("example", Opened(portrait))
    for clock.now in (KEPT_FOR - 1, 2 * KEPT_FOR - 2):
        assert visits.get(key).picture is portrait
    clock.now = 3 * KEPT_FOR
    with pytest.raises(ForgottenError, match="open it again"):
        visits.get(key)
    assert visits.get(example).picture is portrait


def test_the_least_recently_used_pictures_go_first(portrait):
    opened = Opened(portrait)
    visits = Visits(capacity=2 * opened.size)
    first, second = visits.keep(opened), visits.keep(opened)
    visits.get(first)
    visits.keep(opened)
    assert visits.get(first) is opened
    with pytest.raises(ForgottenError):
        visits.get(second)


def test_keys_cannot_be_guessed(portrait):
    visits = Visits()
    keys = {visits.keep(Opened(portrait)) for _ in range(50)}
    assert len(keys) == 50 and min(map(len, keys)) >= 32
