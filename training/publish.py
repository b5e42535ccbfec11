"""Pushes a checkpoint with its model card and pictures to the Hugging Face Hub in one commit.

python training/publish.py --checkpoint checkpoints/faces --repo user/rbvae-faces --private
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rbvae.checkpoint import FILES, load_checkpoint
from rbvae.editing import PortraitEditor
from rbvae.editing.portrait_file import PortraitFiles
from rbvae.errors import CheckpointError, ConfigError
from rbvae.hub import hub_advice
from training.engine.cli import run_command

PAGE_MODEL = "page.bin"  # for drawing in browsers; the app makes its own
PICTURES = (".png", ".webp", ".jpg", ".jpeg")
ALLOWED = {*FILES, "LICENSE"}  # besides pictures; hidden files are not pushed


@dataclass(frozen=True)
class Target:
    """The destination of a checkpoint: `repo` is USER/NAME, `revision` a branch."""

    repo: str
    private: bool = False
    revision: str = "main"
    message: str = "Checkpoint"


def contents(folder: Path, pictures: list[Path] | None = None) -> dict[str, bytes]:
    """Returns the files to push by their path in the repository: weights, config, card and the card's pictures, and the
    page's model of a model of codes.

    `pictures` None means the pictures in the checkpoint folder and the latest of every kind in its run's grids/.
    Raises CheckpointError if the checkpoint does not load, has no card, or its folder holds other files, such as a
    run's state.pt, or a picture is missing or has another format.
    """
    checkpoint = load_checkpoint(folder)
    found = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    if odd := [path.name for path in found if path.name not in ALLOWED and path.suffix.lower() not in PICTURES]:
        raise CheckpointError(f"{folder} holds {', '.join(odd)}: not part of a checkpoint; move it elsewhere")
    if not (folder / "README.md").is_file():
        raise CheckpointError(f"{folder / 'README.md'} is missing; a checkpoint is published with its card")
    files = {path.name: path.read_bytes() for path in found if path.name in ALLOWED}
    shown = {}
    for path in run_pictures(folder, found) if pictures is None else pictures:
        if path.suffix.lower() not in PICTURES or not path.is_file():
            raise CheckpointError(f"{path} is not a picture; give files that end in {', '.join(PICTURES)}")
        name = re.sub(r"-\d+$", "", path.stem)  # samples-0012000.png: without the step, a later push replaces it
        shown[f"pictures/{name}{path.suffix.lower()}"] = path.read_bytes()
    if checkpoint.kind == PortraitEditor.kind and checkpoint.model.config.observes == "code":
        files[PAGE_MODEL] = PortraitFiles(PortraitEditor(checkpoint)).packed_model
    files["README.md"] = with_pictures(files["README.md"].decode(), list(shown)).encode()
    return files | shown


def run_pictures(folder: Path, found: list[Path]) -> list[Path]:
    """Returns the pictures in the checkpoint folder and the latest of every kind in the grids/ of its run."""
    grids = sorted((folder.parent / "grids").glob("*-*.png")) if (folder.parent / "run.json").exists() else []
    latest = {path.stem.rsplit("-", 1)[0]: path for path in grids}
    return [*(path for path in found if path.suffix.lower() in PICTURES), *latest.values()]


def with_pictures(card: str, names: list[str]) -> str:
    """Returns the card with the pictures it lacks, in a new section before its first section."""
    lines = [f"![{Path(name).stem}]({name})" for name in names if f"]({name})" not in card]
    if not lines:
        return card
    head, rule, rest = card.partition("\n## ")
    return "\n".join([head.rstrip("\n"), "", "## Pictures", "", "\n\n".join(lines), rule + rest])


def publish(files: dict[str, bytes], target: Target) -> str:
    """Pushes the files in one commit, creating the repository and branch if needed; returns the commit id.

    Deletes pictures of earlier pushes that are not among the files. Raises CheckpointError if the Hub refuses or cannot
    be reached, or if the repository is public although a private one was requested.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub.errors import HTTPError

    api = HfApi()
    try:
        api.create_repo(target.repo, private=target.private, exist_ok=True)
        if target.private and not api.model_info(target.repo).private:
            raise CheckpointError(f"{target.repo} exists and is public; make it private on its page, or drop --private")
        if target.revision != "main":
            api.create_branch(target.repo, branch=target.revision, exist_ok=True)
        existing = api.list_repo_files(target.repo, revision=target.revision)
        gone = [path for path in existing if path.startswith("pictures/") and path not in files]
        commit = api.create_commit(
            target.repo,
            [CommitOperationAdd(path, content) for path, content in files.items()]
            + [CommitOperationDelete(path) for path in gone],
            commit_message=target.message,
            revision=target.revision,
        )
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{target.repo} was not pushed: {hub_advice(error)}") from error
    return str(commit.oid)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description="Push a checkpoint with its model card and pictures to the Hugging Face Hub. Log in first with "
        "`hf auth login`, or set HF_TOKEN.",
        epilog="example: python training/publish.py --checkpoint checkpoints/faces --repo user/rbvae-faces --private",
    )
    parser.add_argument("--checkpoint", required=True, type=Path, metavar="DIR", help="checkpoint folder")
    parser.add_argument("--repo", required=True, metavar="USER/NAME", help="repository, created if it does not exist")
    parser.add_argument("--private", action="store_true", help="make the repository visible only to you")
    parser.add_argument("--revision", default="main", metavar="BRANCH", help="created if it does not exist (main)")
    parser.add_argument("--message", default="Checkpoint", metavar="TEXT", help="commit message")
    parser.add_argument("--pictures", nargs="*", type=Path, metavar="FILE",
                        help="pictures for the card (default: those in the checkpoint folder and the latest grids of "
                        "its run, which show faces of the dataset); without a file: none")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="list the files without pushing them")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    options = parse(argv)
    if not options.checkpoint.is_dir():
        raise CheckpointError(f"no checkpoint folder at {options.checkpoint}")
    if options.repo.count("/") != 1:
        raise ConfigError(f"--repo {options.repo!r}; write USER/NAME")
    if re.fullmatch("[0-9a-f]{40}", options.revision):
        raise ConfigError(f"--revision {options.revision} is a commit id; give a branch to push to")
    target = Target(options.repo, options.private, options.revision, options.message)
    files = contents(options.checkpoint, options.pictures)
    for name, content in files.items():
        print(f"{len(content):>12,} bytes  {name}")
    where = f"{target.repo}, {'private' if target.private else 'public unless it is private already'}"
    if options.dry_run:
        print(f"would go to branch {target.revision} of {where}; nothing was pushed")
        return 0
    report(target, publish(files, target), load_checkpoint(options.checkpoint).kind)
    return 0


def report(target: Target, commit: str, kind: str) -> None:
    """Prints the address of the checkpoint and how to load this version."""
    from huggingface_hub import constants

    editor = "PortraitEditor" if kind == "faces" else "StyleEditor"
    print(f"{constants.ENDPOINT}/{target.repo}/tree/{target.revision}")
    print(f'load it with rbvae.{editor}.from_pretrained("{target.repo}", revision="{commit}")')


if __name__ == "__main__":
    sys.exit(run_command(main))
