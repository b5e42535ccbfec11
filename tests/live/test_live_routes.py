"""The routes of live drawing: the model for everybody, a face's file for the visitor who opened it."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.server.face_actions import FaceActions
from app.server.live import model_address
from app.server.request_limits import GET_PATHS
from app.server.routes import routes
from app.server.state import Opened, Visits
from rbvae import PortraitEditor

VISITOR, OTHER = {"visitor": "a" * 22}, {"visitor": "b" * 22}


def client_of(editor, visits):
    return TestClient(Starlette(routes=routes({"faces": FaceActions(editor, visits)}, visits)))


@pytest.fixture(scope="module")
def visits():
    return Visits()


@pytest.fixture(scope="module")
def client(editor, visits):
    with client_of(editor, visits) as opened:
        yield opened


@pytest.fixture(scope="module")
def key(visits, small):
    return visits.keep(Opened(small), VISITOR["visitor"])


def header_of(content):
    plain = gzip.decompress(content)
    return json.loads(plain[8 : 8 + int(np.frombuffer(plain[4:8], np.uint32)[0])])


def test_the_pages_model_is_there_for_everybody_and_stays_in_the_browser(client, editor):
    path, _, version = model_address(editor).partition("?")
    answer = client.get(f"/{path}")
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"] and len(version) == 16
    assert [one["name"] for one in header_of(answer.content)["about"]["directions"]] == [
        one.name for one in editor.directions
    ]
    assert GET_PATHS.fullmatch(f"/{path}")


def test_a_faces_file_is_for_its_visitor_alone(client, key, small):
    def asked(**fields):
        return client.post("/page/faces/live", json={"key": key}, **fields)

    assert header_of(asked(headers=VISITOR).content)["about"]["size"] == list(small.source.shape[1::-1])
    assert asked(headers=OTHER).status_code == 410 and asked().status_code == 410


def test_a_donor_lends_an_open_mouth(client, key):
    answer = client.post("/page/faces/live", json={"key": key, "donor": key}, headers=VISITOR)
    assert "picture" in header_of(answer.content)["arrays"]


def test_a_model_of_images_has_no_page_model(tiny_faces):
    editor = PortraitEditor.from_pretrained(tiny_faces)
    with client_of(editor, Visits()) as client:
        assert client.get("/page/faces/model").status_code == 404 and model_address(editor) == ""
