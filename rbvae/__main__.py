"""Command line: rbvae COMMAND --help, or python -m rbvae COMMAND --help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from rbvae.bundled import CHECKOUT, default_checkpoint
from rbvae.checkpoint import load_checkpoint
from rbvae.config import ModelConfig
from rbvae.editing import PortraitEditor, StyleEditor
from rbvae.editing.animation import FORMATS, Film, animate
from rbvae.editing.batch import NEUTRAL, Result, edit_all, expression, named_photos, write_zip
from rbvae.editing.driving import Drive, drive
from rbvae.editing.edits import Edit, Portrait
from rbvae.editing.gestures import RANGES
from rbvae.editing.parts import PARTS
from rbvae.editing.smaller import close_up
from rbvae.editing.warnings import identity_shift_words
from rbvae.errors import ConfigError, ImageError, RbvaeError, shown, shown_path
from rbvae.images.ai_metadata import save
from rbvae.images.clips import Clip
from rbvae.images.grids import grid
from rbvae.parser import build_parser
from rbvae.terminal import interrupt_on_termination, printable_output

SHEET_COLUMNS = 4
SHEET_SIDE = 192  # pixels per side of one picture of a sheet
STRENGTHS = (0.0, 1.5)
LONGEST_ERROR = 1000  # characters


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 on success, 2 after an error, which is printed on one line, and 130 after Ctrl-C."""
    printable_output()
    options = build_parser(RUNS).parse_args(arguments)
    if getattr(options, "refine", None) is not None:
        print("rbvae: --refine does nothing any more and will be removed. Leave it out.", file=sys.stderr)
    torch.set_num_threads(1)  # a picture takes milliseconds, but seconds if threads wait for each other
    try:
        options.run(options)
    except RbvaeError as error:
        print(f"rbvae: {shown(str(error), LONGEST_ERROR)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rbvae: stopped", file=sys.stderr)
        return 130
    return 0


def transfer(options: argparse.Namespace) -> None:
    """Transfer the expression of one face to the face in another photo."""
    strength = _strength(options)
    editor = _faces(options)
    onto = editor.infer(options.b, options.face)
    part_options = _part_options(editor, options)
    _write_edit(editor, editor.transfer(_donor(editor, options.a), onto, strength, **part_options), options)


def neutral(options: argparse.Namespace) -> None:
    """Give a face the neutral expression."""
    editor = _faces(options)
    portrait = editor.infer(options.photo, options.face)
    _write_edit(editor, editor.edit(portrait, editor.neutral_e(portrait), **_part_options(editor, options)), options)


def edit(options: argparse.Namespace) -> None:
    """Edit a face by named changes, in sigmas."""
    editor = _faces(options)
    portrait = editor.infer(options.photo, options.face)
    _write_edit(editor, editor.edit(portrait, dict(options.set), **_part_options(editor, options)), options)


def random(options: argparse.Namespace) -> None:
    """Draw a sheet of random expressions of one face."""
    editor = _faces(options)
    portrait = close_up(_warned(options.photo, editor.infer(options.photo, options.face)), SHEET_SIDE)
    assert isinstance(portrait, Portrait)
    edits = editor.sample(portrait, options.n, options.seed)
    sheet = grid([edit.crop for edit in edits], SHEET_SIDE, SHEET_COLUMNS, gap=0)
    _write(sheet, options.out)


def film(options: argparse.Namespace) -> None:
    """Make a film that changes a face's expression and back."""
    format = options.out.suffix.lower().lstrip(".")
    if format not in FORMATS:
        raise ConfigError(f"{shown(options.out.name)} is not a film; give a name that ends in .{', .'.join(FORMATS)}")
    settings = Film(options.seconds, options.fps, options.size, not options.once, format, options.view)
    editor = _faces(options)
    portrait = _warned(options.photo, editor.infer(options.photo, options.face))
    e = expression(editor, dict(options.set) or NEUTRAL, portrait)
    _write_bytes(animate(editor, portrait, [portrait.e, e], settings), options.out)


def driven(options: argparse.Namespace) -> None:
    """Make a film in which the face of a photo follows the face of a clip, with the clip's sound."""
    if options.out.suffix.lower() != ".mp4":
        raise ConfigError(f"{shown(options.out.name)} is not an MP4; give a name that ends in .mp4")
    settings = Drive(_strength(options), options.seconds, options.parts, options.size, options.teeth_from)
    clip = Clip(options.clip, settings.seconds)
    editor = _faces(options)
    _part_options(editor, options)
    portrait = _warned(options.photo, editor.infer(options.photo, options.face))
    _write_bytes(drive(editor, clip, portrait, settings, _show), options.out)


def batch(options: argparse.Namespace) -> None:
    """Give every photo of a folder one expression, and write a ZIP."""

    def report(result: Result) -> None:
        said = result.error or identity_shift_words(result.identity_shift)
        print(f"{result.share:4.0%}  {shown(result.name)}  {said}", file=sys.stderr)
        for warning in result.edit.warnings if result.edit else ():
            print(f"      {shown(result.name)}: {warning}", file=sys.stderr)

    strength = _strength(options)
    editor = _faces(options)
    _check_replaced(editor, options)
    target: Any = _donor(editor, options.like) if options.like else dict(options.set) or NEUTRAL
    photos, left_out = named_photos(options.folder)
    if left_out:
        print(left_out, file=sys.stderr)
    results = edit_all(editor, photos, target, strength)
    partial = options.out.with_name(f".{options.out.name}.partial")
    try:
        entries = write_zip(results, partial, not options.replaced, report)
    except OSError as error:
        partial.unlink(missing_ok=True)
        place = shown_path(options.out)
        raise ImageError(f"{place} cannot be written ({error.strerror}); choose another place") from error
    finally:
        if partial.exists():
            partial.replace(options.out)  # after an interrupt, the photos that are ready
    print(f"{options.out}: {sum(entry['ok'] for entry in entries)} of {len(entries)} photos edited")


def digit_transfer(options: argparse.Namespace) -> None:
    """Transfer the style of one digit to another."""
    editor = StyleEditor.from_pretrained(options.checkpoint or None)
    _write(editor.transfer(options.style, options.digit, options.strength).crop, options.out)


def info(options: argparse.Namespace) -> None:
    """Describe a checkpoint and list its directions."""
    source = options.checkpoint or default_checkpoint("faces")
    checkpoint = load_checkpoint(source)
    config = checkpoint.model.config
    weights = sum(weight.numel() for weight in checkpoint.model.parameters())
    print(f"{source}: {checkpoint.kind}, {checkpoint.method}, {config.image_size} px, {weights:,} weights")
    print(f"observes {_observation(config)}")
    print(f"z of {config.dim_z}, e of {config.dim_e}; directions of e:")
    for fields in checkpoint.directions:
        print(f"  {fields['name']:<16} {fields['low']:+.1f} to {fields['high']:+.1f} sigma, "
              f"moves {fields['moves']:.1f} grey levels, correlation {fields['correlation']:.2f}")  # fmt: skip
    if checkpoint.kind == "faces" and config.observes == "code":
        print("gestures of eyes and head, in degrees where they turn it:")
        for name, (low, high) in RANGES.items():
            print(f"  {name:<16} {low:g} to {high:g}")


def app(options: argparse.Namespace) -> None:
    """Start the app on http://127.0.0.1:7860; needs a checkout."""
    script = CHECKOUT.parent / "app" / "app.py"
    if not script.is_file():
        raise ConfigError("the app is not part of the installed package; clone the repository and run `make app` there")
    if options.checkpoint:
        os.environ["RBVAE_FACES"] = options.checkpoint
    os.execv(sys.executable, [sys.executable, str(script)])


def export(options: argparse.Namespace) -> None:
    """Export the generator of a checkpoint to ONNX."""
    from rbvae.editing.onnx import export_generator

    source = options.checkpoint or default_checkpoint("faces")
    _write_bytes(export_generator(load_checkpoint(source).model), options.out)


def _donor(editor: PortraitEditor, path: Path) -> Portrait:
    """Infer the photo that an expression is taken from, and print its warnings."""
    return _warned(path, editor.infer(path))


def _warned(path: Path, portrait: Portrait) -> Portrait:
    """Print the warnings about a photo."""
    for warning in portrait.warnings:
        print(f"{shown_path(path)}: {warning}", file=sys.stderr)
    return portrait


def _faces(options: argparse.Namespace) -> PortraitEditor:
    return PortraitEditor.from_pretrained(options.checkpoint or None)


def _observation(config: ModelConfig) -> str:
    """Describe what the model observes."""
    if config.observes == "image":
        return f"images of {config.image_size} x {config.image_size} pixels"
    basis = config.basis
    return f"codes of {basis.texture} numbers for texture, at {config.image_size} px, and {basis.shape} for shape"


def _part_options(editor: PortraitEditor, options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments `parts` and `teeth_from`; raises ConfigError if the model does not support them."""
    _check_replaced(editor, options)
    if editor.config.observes == "code":
        return {"parts": options.parts, "teeth_from": options.teeth_from}
    for name, is_given in (("parts", options.parts != PARTS), ("teeth-from", options.teeth_from)):
        if is_given:
            raise ConfigError(
                f"--{name} needs a checkpoint that observes codes, but this one observes images. Leave it out."
            )
    return {}


def _check_replaced(editor: PortraitEditor, options: argparse.Namespace) -> None:
    if getattr(options, "replaced", False) and editor.config.observes == "code":
        raise ConfigError(
            "--replaced needs a checkpoint that observes images, but this one edits the photo's own pixels. "
            "Leave it out."
        )


def _strength(options: argparse.Namespace) -> float:
    low, high = STRENGTHS
    if not low <= options.strength <= high:
        raise ConfigError(f"--strength {options.strength}: give a number from 0 (unchanged) to 1.5 (exaggerated)")
    return float(options.strength)


def _write_edit(editor: PortraitEditor, result: Edit, options: argparse.Namespace) -> None:
    _write(result.crop if options.crop else result.replaced if options.replaced else result.photo, options.out)
    shift = identity_shift_words(editor.identity_shift(result))
    for warning in (*result.warnings, *([shift] if shift != identity_shift_words(0.0) else [])):
        print(f"{shown_path(options.out)}: {warning}", file=sys.stderr)


def _show(share: float) -> None:
    """Show the share of work done on the terminal, if there is one."""
    if sys.stderr.isatty():
        print(f"\r{share:4.0%}", end="" if share < 1 else "\n", file=sys.stderr, flush=True)


def _write(image: Image.Image, path: Path) -> None:
    save(image, path)
    print(path)


def _write_bytes(content: bytes, path: Path) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ImageError(f"{shown_path(path)} cannot be written ({error.strerror}); choose another place") from error
    print(path)


RUNS = {
    "transfer": transfer,
    "neutral": neutral,
    "edit": edit,
    "random": random,
    "animate": film,
    "drive": driven,
    "batch": batch,
    "digit-transfer": digit_transfer,
    "info": info,
    "export": export,
    "app": app,
}


if __name__ == "__main__":
    interrupt_on_termination()
    sys.exit(main())
