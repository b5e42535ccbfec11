"""Checkpoint -> Hugging Face Hub, with its model card.

python training/publish.py --checkpoint checkpoints/faces --repo user/rbvae-faces --private
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rbvae.checkpoint import load_checkpoint
from rbvae.errors import CheckpointError, ConfigError
from training.cli import run_command


def publish(folder: Path, repo: str, private: bool) -> str:
    """Uploads the checkpoint in one commit, after loading it to be sure that it is whole; returns the commit's URL.

    Raises CheckpointError for a checkpoint that does not load and for a Hub that refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    load_checkpoint(folder)
    api = HfApi()
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        return str(
            api.upload_folder(repo_id=repo, folder_path=folder, commit_message="Checkpoint", ignore_patterns=".*")
        )
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise CheckpointError(
            f"the Hub did not take {repo} ({type(error).__name__}: {error}); check the name, network and login"
        ) from error


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Push a checkpoint with its model card to the Hugging Face Hub.",
        epilog="example: python training/publish.py --checkpoint checkpoints/faces --repo user/rbvae-faces --private",
    )
    parser.add_argument("--checkpoint", required=True, type=Path, metavar="DIR", help="checkpoint folder")
    parser.add_argument("--repo", required=True, metavar="USER/NAME", help="where to; made when it does not exist")
    parser.add_argument("--private", action="store_true", help="visible to you alone")
    options = parser.parse_args(argv)
    if not options.checkpoint.is_dir():
        raise CheckpointError(f"no checkpoint folder at {options.checkpoint}")
    if options.repo.count("/") != 1:
        raise ConfigError(f"--repo {options.repo!r}; write USER/NAME")
    print(publish(options.checkpoint, options.repo, options.private))
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
