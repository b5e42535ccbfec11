"""The arguments of `python -m rbvae` and of its commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rbvae.editing.animation import VIEWS
from rbvae.editing.parts import PARTS
from rbvae.errors import quoted

Run = Callable[[argparse.Namespace], None]
REPLACED = "paste the model's face over the photo (models that observe images)"


def build_parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """Build the parser; `runs` are the functions of the commands by name, whose docstrings are the commands' help."""
    parser = argparse.ArgumentParser(
        prog="python -m rbvae",
        description="New expressions for a face, new styles for a digit.",
        epilog="example: python -m rbvae transfer friend.jpg me.jpg -o out.png",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(example: str) -> argparse.ArgumentParser:
        name = example.split()[0]
        text = (runs[name].__doc__ or "").strip()
        subparser = commands.add_parser(name, help=text, description=text, epilog=f"example: python -m rbvae {example}")
        subparser.set_defaults(run=runs[name])
        subparser.add_argument(
            "--checkpoint", help="folder or Hub id (default: RBVAE_FACES or RBVAE_DIGITS, else the bundled one)"
        )
        return subparser

    _add_edits(command)
    _add_films(command)
    _add_others(command)
    return parser


def _add_edits(command: Callable[[str], argparse.ArgumentParser]) -> None:
    subparser = command("transfer friend.jpg me.jpg -o out.png --strength 1")
    subparser.add_argument("a", type=Path, help="photo to take the expression from")
    subparser.add_argument("b", type=Path, help="photo to edit")
    _add_strength(subparser)
    _add_edit_options(subparser, "transfer.png")
    subparser = command("neutral me.jpg -o out.png")
    subparser.add_argument("photo", type=Path)
    _add_edit_options(subparser, "neutral.png")
    subparser = command("edit me.jpg --set smile=2 -o out.png")
    subparser.add_argument("photo", type=Path)
    _add_changes(subparser, required=True, help="a direction and the distance to move along it; may be repeated")
    _add_edit_options(subparser, "edit.png")
    subparser = command("random me.jpg -n 8 --seed 0 -o out.png")
    subparser.add_argument("photo", type=Path)
    subparser.add_argument("-n", type=int, default=8, help="number of expressions (default: 8)")
    subparser.add_argument("--seed", type=int, default=0)
    _add_face_options(subparser)
    _add_output(subparser, "random.png")


def _add_films(command: Callable[[str], argparse.ArgumentParser]) -> None:
    subparser = command("animate me.jpg --set smile=2 -o film.mp4")
    subparser.add_argument("photo", type=Path)
    _add_changes(subparser, help="expression to change to (default: neutral)")
    subparser.add_argument("--seconds", type=float, default=1.5)
    subparser.add_argument("--fps", type=int, default=20)
    large = "longer side in pixels (default: 384 for the face, at most 1080 for the photo)"
    subparser.add_argument("--size", type=int, help=large)
    subparser.add_argument("--view", choices=VIEWS, default="crop")
    subparser.add_argument("--once", action="store_true", help="do not change back")
    _add_face_options(subparser)
    _add_output(subparser, "film.mp4")
    subparser = command("drive clip.mp4 me.jpg -o driven.mp4")
    subparser.add_argument("clip", type=Path, help="film of a face, whose expressions the photo follows")
    subparser.add_argument("photo", type=Path)
    _add_strength(subparser)
    subparser.add_argument("--seconds", type=float, default=20.0, help="longest clip that is accepted (default: 20)")
    subparser.add_argument("--size", type=int, help="longer side in pixels (default: the photo's, at most 1280)")
    _add_parts(subparser)
    _add_face_options(subparser)
    _add_output(subparser, "driven.mp4")


def _add_others(command: Callable[[str], argparse.ArgumentParser]) -> None:
    subparser = command("batch photos -o out.zip --set smile=2")
    subparser.add_argument("folder", type=Path)
    _add_changes(subparser, help="named changes (default: neutral, unless --like is given)")
    subparser.add_argument("--like", type=Path, help="photo to take the expression from")
    _add_strength(subparser)
    subparser.add_argument("--replaced", action="store_true", help=REPLACED)
    _add_output(subparser, "edited.zip")
    subparser = command("digit-transfer seven.png red-three.png -o out.png")
    subparser.add_argument("digit", type=Path)
    subparser.add_argument("style", type=Path, help="digit to take the style from")
    subparser.add_argument("--strength", type=float, default=1.0)
    _add_output(subparser, "digit.png")
    command("app")
    command("info --checkpoint checkpoints/digits")
    _add_output(command("export --checkpoint checkpoints/faces -o generator.onnx"), "generator.onnx")


def _add_edit_options(subparser: argparse.ArgumentParser, default: str) -> None:
    _add_face_options(subparser)
    _add_parts(subparser)
    subparser.add_argument("--crop", action="store_true", help="write only the face, not the whole photo")
    subparser.add_argument("--replaced", action="store_true", help=REPLACED)
    _add_output(subparser, default)


def _add_parts(subparser: argparse.ArgumentParser) -> None:
    subparser.add_argument("--parts", type=_parts, default=PARTS, help="parts to change (default: mouth,eyes,brows)")
    teeth = "a second photo of the same person that shows their teeth, for a mouth that opens"
    subparser.add_argument("--teeth-from", type=Path, metavar="PHOTO", help=teeth)


def _add_face_options(subparser: argparse.ArgumentParser) -> None:
    subparser.add_argument("--face", type=int, default=0, help="index of the face, from 0, the most prominent first")
    subparser.add_argument("--refine", nargs="?", const="", help=argparse.SUPPRESS)  # accepted for one release


def _add_strength(subparser: argparse.ArgumentParser) -> None:
    subparser.add_argument("--strength", type=float, default=1.0, help="0 to 1.5 (default: 1)")


def _add_changes(subparser: argparse.ArgumentParser, **options: Any) -> None:
    subparser.add_argument("--set", type=_named_change, action="append", default=[], metavar="NAME=SIGMAS", **options)


def _add_output(subparser: argparse.ArgumentParser, default: str) -> None:
    subparser.add_argument("-o", "--out", type=Path, default=Path(default), help=f"output file (default: {default})")


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    if set(parts) - set(PARTS):
        raise argparse.ArgumentTypeError(f"{quoted(text)} has unknown parts; give some of {','.join(PARTS)}")
    return parts


def _named_change(text: str) -> tuple[str, float]:
    name, _, amount = text.rpartition("=")
    try:
        return name, float(amount)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a change; give one such as smile=2") from error
