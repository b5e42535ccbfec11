"""Command line: python -m rbvae COMMAND --help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from rbvae.checkpoint import load_checkpoint
from rbvae.config import ModelConfig
from rbvae.editing import PortraitEditor, StyleEditor
from rbvae.editing.animation import FORMATS, VIEWS, Film, animate
from rbvae.editing.batch import NEUTRAL, Result, edit_all, expression, photos_in, write_zip
from rbvae.editing.edits import Edit, Portrait
from rbvae.editing.parts import PARTS
from rbvae.editing.smaller import close_up
from rbvae.editing.warnings import identity_shift_words
from rbvae.errors import ConfigError, ImageError, RbvaeError, quoted
from rbvae.images.ai_metadata import save

BUNDLED = Path(__file__).resolve().parents[1] / "checkpoints"
SHEET_COLUMNS = 4
SHEET_SIDE = 192  # pixels per side of one picture of a sheet
STRENGTHS = (0.0, 1.5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 on success, 2 after an error, which is printed on one line, and 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    if getattr(options, "refine", None) is not None:
        print("rbvae: --refine does nothing any more and will be removed. Leave it out.", file=sys.stderr)
    torch.set_num_threads(1)  # a picture takes milliseconds, but seconds if threads wait for each other
    try:
        options.run(options)
    except RbvaeError as error:
        print(f"rbvae: {error}", file=sys.stderr)
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
    _write_edit(editor, editor.transfer(editor.infer(options.a), onto, strength, **part_options), options)


def neutral(options: argparse.Namespace) -> None:
    """Give a face the neutral expression."""
    editor = _faces(options)
    portrait = editor.infer(options.photo, options.face)
    _write_edit(editor, editor.edit(portrait, editor.neutral_e(portrait), **_part_options(editor, options)), options)


def edit(options: argparse.Namespace) -> None:
    """Edit a face by named changes, in sigmas."""
    editor = _faces(options)
    portrait = editor.infer(options.photo, options.face)
    e = expression(editor, dict(options.set), portrait)
    _write_edit(editor, editor.edit(portrait, e, **_part_options(editor, options)), options)


def random(options: argparse.Namespace) -> None:
    """Draw a sheet of random expressions of one face."""
    editor = _faces(options)
    portrait = close_up(editor.infer(options.photo, options.face), SHEET_SIDE)
    assert isinstance(portrait, Portrait)
    edits = editor.sample(portrait, options.n, options.seed)
    columns = min(options.n, SHEET_COLUMNS)
    sheet = Image.new("RGB", (columns * SHEET_SIDE, -(-options.n // columns) * SHEET_SIDE), "white")
    for number, result in enumerate(edits):
        place = (number % columns * SHEET_SIDE, number // columns * SHEET_SIDE)
        sheet.paste(result.crop.resize((SHEET_SIDE, SHEET_SIDE), Image.Resampling.BICUBIC), place)
    _write(sheet, options.out)


def film(options: argparse.Namespace) -> None:
    """Make a film that changes a face's expression and back."""
    format = options.out.suffix.lower().lstrip(".")
    if format not in FORMATS:
        raise ConfigError(f"{options.out.name} is not a film; give a name that ends in .{', .'.join(FORMATS)}")
    settings = Film(options.seconds, options.fps, options.size, not options.once, format, options.view)
    editor = _faces(options)
    portrait = editor.infer(options.photo, options.face)
    e = expression(editor, dict(options.set) or NEUTRAL, portrait)
    _write_bytes(animate(editor, portrait, [portrait.e, e], settings), options.out)


def batch(options: argparse.Namespace) -> None:
    """Give every photo of a folder one expression, and write a ZIP."""

    def report(result: Result) -> None:
        print(
            f"{result.share:4.0%}  {result.name}  {result.error or identity_shift_words(result.identity_shift)}",
            file=sys.stderr,
        )

    strength = _strength(options)
    editor = _faces(options)
    _check_replaced(editor, options)
    target: Any = editor.infer(options.like) if options.like else dict(options.set) or NEUTRAL
    results = edit_all(editor, photos_in(options.folder), target, strength)
    try:
        entries = write_zip(results, options.out, not options.replaced, report)
    except OSError as error:
        raise ImageError(f"{options.out} cannot be written ({error.strerror}); choose another place") from error
    print(f"{options.out}: {sum(entry['ok'] for entry in entries)} of {len(entries)} photos edited")


def digit_transfer(options: argparse.Namespace) -> None:
    """Transfer the style of one digit to another."""
    editor = StyleEditor.from_pretrained(options.checkpoint or _default("digits"))
    _write(editor.transfer(options.style, options.digit, options.strength).crop, options.out)


def info(options: argparse.Namespace) -> None:
    """Describe a checkpoint and list its directions."""
    source = options.checkpoint or _default("faces")
    checkpoint = load_checkpoint(source)
    config = checkpoint.model.config
    weights = sum(weight.numel() for weight in checkpoint.model.parameters())
    print(f"{source}: {checkpoint.kind}, {checkpoint.method}, {config.image_size} px, {weights:,} weights")
    print(f"observes {_observation(config)}")
    print(f"z of {config.dim_z}, e of {config.dim_e}; directions of e:")
    for fields in checkpoint.directions:
        print(f"  {fields['name']:<16} {fields['low']:+.1f} to {fields['high']:+.1f} sigma, "
              f"moves {fields['moves']:.1f} grey levels, correlation {fields['correlation']:.2f}")  # fmt: skip


def export(options: argparse.Namespace) -> None:
    """Export the generator of a checkpoint to ONNX."""
    from rbvae.editing.onnx import export_generator

    _write_bytes(export_generator(load_checkpoint(options.checkpoint or _default("faces")).model), options.out)


def _faces(options: argparse.Namespace) -> PortraitEditor:
    return PortraitEditor.from_pretrained(options.checkpoint or _default("faces"))


def _default(kind: str) -> str | Path:
    return os.environ.get(f"RBVAE_{kind.upper()}") or BUNDLED / kind


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
    if options.replaced and editor.config.observes == "code":
        raise ConfigError(
            "--replaced needs a checkpoint that observes images, but this one edits the photo's own pixels. "
            "Leave it out."
        )


def _strength(options: argparse.Namespace) -> float:
    low, high = STRENGTHS
    if not low <= options.strength <= high:
        raise ConfigError(f"--strength {options.strength}: give a number from 0 (unchanged) to 1.5 (exaggerated)")
    return float(options.strength)


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    if set(parts) - set(PARTS):
        raise argparse.ArgumentTypeError(f"{quoted(text)} has unknown parts; give some of {','.join(PARTS)}")
    return parts


def _write_edit(editor: PortraitEditor, result: Edit, options: argparse.Namespace) -> None:
    _write(result.crop if options.crop else result.replaced if options.replaced else result.photo, options.out)
    shift = identity_shift_words(editor.identity_shift(result))
    for warning in (*result.inference.warnings, *([shift] if shift != identity_shift_words(0.0) else [])):
        print(f"{options.out}: {warning}", file=sys.stderr)


def _write(image: Image.Image, path: Path) -> None:
    save(image, path)
    print(path)


def _write_bytes(content: bytes, path: Path) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ImageError(f"{path} cannot be written ({error.strerror}); choose another place") from error
    print(path)


def _named_change(text: str) -> tuple[str, float]:
    name, _, amount = text.rpartition("=")
    try:
        return name, float(amount)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a change; give one such as smile=2") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rbvae",
        description="New expressions for a face, new styles for a digit.",
        epilog="example: python -m rbvae transfer friend.jpg me.jpg -o out.png",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], example: str) -> argparse.ArgumentParser:
        text = (run.__doc__ or "").strip()
        subparser = commands.add_parser(name, help=text, description=text, epilog=f"example: python -m rbvae {example}")
        subparser.set_defaults(run=run)
        subparser.add_argument(
            "--checkpoint", help="folder or Hub id (default: RBVAE_FACES or RBVAE_DIGITS, else the bundled one)"
        )
        return subparser

    def add_output(subparser: argparse.ArgumentParser, default: str) -> None:
        subparser.add_argument(
            "-o", "--out", type=Path, default=Path(default), help=f"output file (default: {default})"
        )

    def add_face_options(subparser: argparse.ArgumentParser) -> None:
        subparser.add_argument(
            "--face", type=int, default=0, help="index of the face, from 0, the most prominent first"
        )
        subparser.add_argument("--refine", nargs="?", const="", help=argparse.SUPPRESS)  # accepted for one release

    def add_edit_options(subparser: argparse.ArgumentParser, default: str) -> None:
        add_face_options(subparser)
        subparser.add_argument(
            "--parts", type=_parts, default=PARTS, help="parts to change (default: mouth,eyes,brows)"
        )
        teeth = "a second photo of the same person that shows their teeth, for a mouth that opens"
        subparser.add_argument("--teeth-from", type=Path, metavar="PHOTO", help=teeth)
        subparser.add_argument("--crop", action="store_true", help="write only the face, not the whole photo")
        subparser.add_argument("--replaced", action="store_true", help=replaced)
        add_output(subparser, default)

    replaced = "paste the model's face over the photo (models that observe images)"

    def add_changes(subparser: argparse.ArgumentParser, **options: Any) -> None:
        subparser.add_argument(
            "--set", type=_named_change, action="append", default=[], metavar="NAME=SIGMAS", **options
        )

    subparser = command("transfer", transfer, "transfer friend.jpg me.jpg -o out.png --strength 1")
    subparser.add_argument("a", type=Path, help="photo to take the expression from")
    subparser.add_argument("b", type=Path, help="photo to edit")
    subparser.add_argument("--strength", type=float, default=1.0, help="0 to 1.5 (default: 1)")
    add_edit_options(subparser, "transfer.png")
    subparser = command("neutral", neutral, "neutral me.jpg -o out.png")
    subparser.add_argument("photo", type=Path)
    add_edit_options(subparser, "neutral.png")
    subparser = command("edit", edit, "edit me.jpg --set smile=2 -o out.png")
    subparser.add_argument("photo", type=Path)
    add_changes(subparser, required=True, help="a direction and the distance to move along it; may be repeated")
    add_edit_options(subparser, "edit.png")
    subparser = command("random", random, "random me.jpg -n 8 --seed 0 -o out.png")
    subparser.add_argument("photo", type=Path)
    subparser.add_argument("-n", type=int, default=8, help="number of expressions (default: 8)")
    subparser.add_argument("--seed", type=int, default=0)
    add_face_options(subparser)
    add_output(subparser, "random.png")
    subparser = command("animate", film, "animate me.jpg --set smile=2 -o film.mp4")
    subparser.add_argument("photo", type=Path)
    add_changes(subparser, help="expression to change to (default: neutral)")
    subparser.add_argument("--seconds", type=float, default=1.5)
    subparser.add_argument("--fps", type=int, default=20)
    large = "longer side in pixels (default: 384 for the face, at most 1080 for the photo)"
    subparser.add_argument("--size", type=int, help=large)
    subparser.add_argument("--view", choices=VIEWS, default="crop")
    subparser.add_argument("--once", action="store_true", help="do not change back")
    add_face_options(subparser)
    add_output(subparser, "film.mp4")
    subparser = command("batch", batch, "batch photos -o out.zip --set smile=2")
    subparser.add_argument("folder", type=Path)
    add_changes(subparser, help="named changes (default: neutral, unless --like is given)")
    subparser.add_argument("--like", type=Path, help="photo to take the expression from")
    subparser.add_argument("--strength", type=float, default=1.0, help="0 to 1.5 (default: 1)")
    subparser.add_argument("--replaced", action="store_true", help=replaced)
    add_output(subparser, "edited.zip")
    subparser = command("digit-transfer", digit_transfer, "digit-transfer seven.png red-three.png -o out.png")
    subparser.add_argument("digit", type=Path)
    subparser.add_argument("style", type=Path, help="digit to take the style from")
    subparser.add_argument("--strength", type=float, default=1.0)
    add_output(subparser, "digit.png")
    command("info", info, "info --checkpoint checkpoints/digits")
    add_output(command("export", export, "export --checkpoint checkpoints/faces -o generator.onnx"), "generator.onnx")
    return parser


if __name__ == "__main__":
    sys.exit(main())
