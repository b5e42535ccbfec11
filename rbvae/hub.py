"""Checkpoints on the Hugging Face Hub: fetching their files, and what to do about the Hub's errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rbvae.errors import CheckpointError


def fetched(name: str, revision: str | None, most: Mapping[str, int]) -> Path:
    """Return the folder of a repository's files in the Hub's local cache, after fetching them if needed.

    `most` are the files by name with their largest sizes in bytes; the first two must exist. Raises CheckpointError.
    """
    from huggingface_hub.errors import HTTPError

    try:
        return _download(name, revision, most)
    except (HTTPError, OSError, ValueError, ImportError) as error:  # ImportError: a SOCKS proxy without its package
        at = f" at revision {revision}" if revision else ""
        raise CheckpointError(f"cannot fetch {name}{at} from the Hub: {hub_advice(error)}") from error


def _download(name: str, revision: str | None, most: Mapping[str, int]) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError

    commit = bool(revision and re.fullmatch("[0-9a-f]{40}", revision))
    if commit:  # a commit never changes, so there is no need to ask the Hub
        try:
            cached = Path(snapshot_download(name, revision=revision, allow_patterns=list(most), local_files_only=True))
            if all((cached / required).is_file() for required in list(most)[:2]):
                return cached
        except LocalEntryNotFoundError:
            pass
    try:
        about = HfApi().model_info(name, revision=revision, timeout=10, files_metadata=True)
        _check_sizes(name, about.siblings or [], most)
    except (HTTPError, OSError):
        if commit:
            raise  # immediately, while a download would retry for 23 s; a branch or a tag may be in the cache
    return Path(snapshot_download(name, revision=revision, allow_patterns=list(most)))


def _check_sizes(name: str, files: list[Any], most: Mapping[str, int]) -> None:
    """Raise CheckpointError if the Hub reports a file that is too large; unreported sizes are checked on reading."""
    for file in files:
        limit = most.get(file.rfilename)
        if limit is not None and file.size is not None and file.size > limit:
            raise CheckpointError(
                f"{file.rfilename} of {name} has {file.size} bytes, over the limit of {limit}, and was not fetched; "
                "give a checkpoint of this project"
            )


def hub_advice(error: Exception) -> str:
    """Describe an error of the Hub and its fix in one line: access, names, revisions and the network."""
    from huggingface_hub import constants, errors

    if isinstance(error, errors.GatedRepoError):
        return "its owner grants access on request; ask for it on its page, then log in with `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "it does not exist or is private; check the name, or log in with `hf auth login` or set HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return "there is no such revision; give one of its branches, tags or commit ids, or none for main"
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return f"access denied ({status}); log in with `hf auth login`, or set HF_TOKEN to a token with permission"
        return f"the Hub answered {status} ({' '.join(str(error).split())[:200]}); try again later"
    if constants.HF_HUB_OFFLINE:
        detail = " and the local cache does not have it" if isinstance(error, errors.LocalEntryNotFoundError) else ""
        return f"HF_HUB_OFFLINE is set{detail}; unset it and try again"
    if isinstance(error, (ValueError, ImportError)):
        message = " ".join(str(error).split())[:200]
        return f"{message}; check the name" if isinstance(error, errors.HFValidationError) else message
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename} cannot be written ({error.strerror}); set HF_HOME to a folder that can be"
    return f"{constants.ENDPOINT} cannot be reached ({type(error).__name__}); check the network"
