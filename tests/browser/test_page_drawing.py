"""Drawing in the visitor's browser while a slider moves, and by the server where the browser can't."""

from __future__ import annotations

import base64

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from app.page.workbench import add_bench
from app.server.drawing import generator_file
from browser.visitor import cannot_draw
from rbvae import Checkpoint, ModelConfig, PortraitEditor, RbVAE
from rbvae.images.arrays import to_array

DRAW = """async ({ address, file, z, e }) => {
  const { Generator } = await import(address);
  const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
  return [...new Generator(bytes.buffer).draw(z, e).pixels];
}"""
PIXELS = "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
WORST = 2  # grey levels, for half precision


@pytest.mark.parametrize(
    "shape",
    [
        {"image_size": 32, "patch": 2},
        {"image_size": 96, "patch": 3, "linear": True},
        {"image_size": 32, "patch": 1, "linear": True},
        {"image_size": 96, "patch": 2, "linear": True, "linear_patch": 4},
    ],
)
def test_the_page_draws_what_the_model_draws(opened, url, shape):
    torch.manual_seed(1)
    model = RbVAE(ModelConfig(width=8, dim_z=16, dim_e=4, **shape)).eval()
    with torch.no_grad():
        for name, weight in model.generator.named_parameters():
            if name.startswith(("to_image", "linear")):  # which begin as zeros
                weight.normal_(0, 0.2)
    z, e = torch.randn(1, 16), torch.randn(1, 4)
    file = generator_file(PortraitEditor(Checkpoint(model, "faces", "srb")))
    said = {
        "address": f"{url}page/js/generator.js",
        "file": base64.b64encode(file.content).decode(),
        "z": z[0].tolist(),
        "e": e[0].tolist(),
    }
    side = model.config.image_size
    drawn = np.array(opened.page.evaluate(DRAW, said), np.float32).reshape(side, side, 4)
    with torch.inference_mode():
        expected = to_array(model.decode(z, e)[0]).astype(np.float32)
    assert np.ptp(expected) > 100 and (drawn[..., 3] == 255).all()
    assert np.abs(drawn[..., :3] - expected).max() <= WORST


def test_a_moving_slider_is_drawn_here_and_a_resting_one_by_the_server(visit, editors, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    expect(visitor.bench).to_have_attribute("data-drawn", "here")
    canvas = visitor.bench.locator(".edit canvas")
    expect(canvas).to_be_hidden()
    before, asked = visitor.edit.get_attribute("src"), len(visitor.asked)
    for value in (0.5, 1.5):
        visitor.slider.evaluate("(range, v) => { range.value = v; range.dispatchEvent(new Event('input')); }", value)
    expect(canvas).to_be_visible()
    visitor.page.wait_for_timeout(300)
    assert visitor.edit.get_attribute("src") == before
    assert not [request for request in visitor.asked[asked:] if request.url.endswith("/draw")]
    side = editors.faces.config.image_size
    moving = np.array(canvas.evaluate(PIXELS), np.float32).reshape(side, side, 4)[..., :3]
    visitor.changes(visitor.edit, lambda: visitor.slider.dispatch_event("change"))
    expect(canvas).to_be_hidden()
    drawn = [request.post_data_json["change"] for request in visitor.asked[asked:] if request.url.endswith("/draw")]
    assert [change["values"][0] for change in drawn] == [1.5]
    portrait = editors.faces.infer(astronaut)
    first = editors.faces.directions[0].name
    resting = editors.faces.edit(portrait, editors.faces.moved(portrait.e, {first: 1.5})).crop
    assert np.abs(moving - np.asarray(resting, np.float32)).max() <= WORST


@pytest.mark.parametrize("turned", [False, True])
def test_the_photo_follows_here_too_as_the_server_pastes(visit, editors, astronaut, tmp_path, turned):
    path = astronaut
    if turned:  # as a phone writes it: on its side, with a note
        path = tmp_path / "turned.jpg"
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.open(astronaut).transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=exif)
    visitor = visit()
    visitor.opens(path)
    expect(visitor.bench).to_have_attribute("data-drawn", "here")
    visitor.page.wait_for_timeout(500)
    canvas, asked = visitor.bench.locator(".moving"), len(visitor.asked)
    visitor.slider.evaluate("(range) => { range.value = 2; range.dispatchEvent(new Event('input')); }")
    expect(canvas).to_be_visible()
    assert not visitor.asked[asked:]
    side = "(canvas) => [canvas.height, canvas.width, 4]"
    moving = np.array(canvas.evaluate(PIXELS), np.float32).reshape(canvas.evaluate(side))[..., :3]
    frames = [one.bounding_box() for one in (canvas, visitor.patch)]
    assert frames[0] == frames[1]
    before = visitor.patch.get_attribute("src")
    visitor.slider.dispatch_event("change")
    expect(visitor.patch).not_to_have_attribute("src", before)
    expect(canvas).to_be_hidden()
    portrait = editors.faces.infer(path)
    e = editors.faces.moved(portrait.e, {editors.faces.directions[0].name: 2})
    extent = moving.shape[1::-1]
    pasted, plain = (
        np.asarray(editors.faces.edit(portrait, one).patch()[1].resize(extent, Image.Resampling.BOX), np.float32)
        for one in (e, portrait.e)
    )
    assert np.abs(pasted - plain).mean() > 3  # it changes something
    assert np.abs(moving - pasted).mean() < 0.4 * np.abs(pasted - plain).mean()


def test_a_digit_is_drawn_here_too(visit):
    visitor = visit(bench="digits")
    expect(visitor.bench).to_have_attribute("data-drawn", "here")


def test_the_server_draws_where_the_browser_cannot(visit, url):
    visitor = visit(before=cannot_draw)
    expect(visitor.bench).to_have_attribute("data-drawn", "by the server")
    move = "(range) => { range.value = 1; range.dispatchEvent(new Event('input')); }"
    visitor.changes(visitor.edit, lambda: visitor.slider.evaluate(move))
    expect(visitor.bench.locator(".edit canvas")).to_be_hidden()
    visitor.errors.clear()  # the browser says that the file failed


def test_a_generator_can_be_kept_to_the_server(tiny_faces, monkeypatch):
    monkeypatch.setenv("RBVAE_DRAW_IN_BROWSER", "no")
    editor = PortraitEditor.from_pretrained(tiny_faces)
    assert generator_file(editor) is None
    with gr.Blocks():
        assert "generator" not in add_bench(editor, {}).value
