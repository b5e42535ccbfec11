"""Prepares folders of photos as a dataset of aligned faces, and lists skipped photos with the reason.

    python training/prepare_faces.py --photos photos/lfw photos/utkface --out data/faces96 --size 96

Any folder of photos works. For the published layouts of LFW, UTKFace, FER-2013 and AffectNet, people, labels,
attributes and splits are read from the paths (training/data/photo_folders.py).
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import signal
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2

from rbvae.checkpoint import write_atomically
from rbvae.errors import ConfigError, DatasetError
from rbvae.faces.landmarker_bundle import landmarker_bundle
from rbvae.faces.landmarks import FaceLandmarker
from training.data.dataset_card import dataset_card
from training.data.photo_faces import Outcome, prepare_photo
from training.data.photo_folders import Photo, some_of, survey_folders
from training.data.preparation_summary import PreparationSummary, summary
from training.data.progress import track
from training.data.shards import Shards, in_one_piece, mark_references, may_replace
from training.data.splits import required_moves
from training.engine.cli import cores, run_command, write_json

CHUNK = 32


@dataclass(frozen=True)
class Settings:
    """The settings of a preparation run; `reference` is "mined", "labels" or a folder inside one of `photos`.

    "mined" takes the `reference_share` of faces with the lowest expression energy, in each group of age and ethnicity
    where these are known.
    """

    photos: tuple[Path, ...]
    target: Path
    labels: Path | None = None
    size: int = 96
    workers: int | None = None
    reference: str = "mined"
    reference_share: float = 0.2
    limit: int | None = None
    seed: int = 0

    def validate(self) -> None:
        """Raises ConfigError or DatasetError for the first invalid setting."""
        if not 32 <= self.size <= 256 or self.size % 8:
            raise ConfigError(f"--size is {self.size}; use a multiple of 8 from 32 to 256")
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"--workers is {self.workers}; use 1 or more")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit is {self.limit}; use 1 or more")
        if not 0 < self.reference_share < 1:
            raise ConfigError(f"--reference-share is {self.reference_share}; use a share between 0 and 1, such as 0.2")
        for folder in self.photos:
            if not folder.is_dir():
                raise DatasetError(f"no folder at {folder}; --photos takes folders of pictures")
        if len({folder.resolve() for folder in self.photos}) < len(self.photos):
            raise DatasetError("--photos names a folder twice; name each once")
        if self.target.exists() and not may_replace(self.target):
            raise DatasetError(f"{self.target} exists and is not a dataset this script made; choose another --out")
        if (reference := self.reference_folder()) is not None:
            if not reference.is_dir():
                raise DatasetError(f"no folder at {self.reference}; --reference takes mined, labels or a folder")
            if not any(
                path.is_relative_to(folder.absolute()) or path.is_relative_to(folder.resolve())
                for path in (reference.absolute(), reference.resolve())
                for folder in self.photos
            ):
                raise DatasetError(f"--reference {self.reference} is not inside any folder of --photos; move it there")

    def reference_folder(self) -> Path | None:
        """Returns the folder of reference photos, or None for "mined" and "labels".

        The folder may be given relative to one of `photos`.
        """
        if self.reference in ("mined", "labels"):
            return None
        inside = (folder / self.reference for folder in self.photos)
        return next((folder for folder in inside if folder.is_dir()), Path(self.reference))


def prepare_faces(settings: Settings) -> dict[str, Any]:
    """Aligns and describes one face per photo and writes Parquet shards; returns the content of dataset.json.

    `settings.target` is created only when the dataset is complete. Raises ConfigError for invalid settings,
    DatasetError if the photos cannot be used, and LandmarkerError if the landmarker is not available.
    """
    settings.validate()
    started = time.monotonic()
    listing = survey_folders(settings.photos, settings.labels, settings.reference_folder(), settings.seed)
    photos = some_of(listing.photos, settings.limit, settings.seed)
    if settings.reference == "labels" and not any(photo.listed_reference for photo in photos):
        raise DatasetError("no photo is labelled neutral; give --labels with such photos, or --reference mined")
    bundle = landmarker_bundle()  # download and check it once, before the workers start
    tally = PreparationSummary()
    with in_one_piece(settings.target) as folder:
        with Shards(folder) as shards, contextlib.closing(_outcomes(photos, settings, bundle)) as outcomes:
            for outcome in track(outcomes, "photo", len(photos)):
                if outcome.row is None:
                    tally.skip(outcome.photo.source, outcome.reason)
                else:
                    tally.keep(outcome.row)
                    shards.add(outcome.row)
            if not shards.are_written:  # with thousands of faces, both sides have some
                moves = required_moves(tally.rows, settings.seed)
                shards.move(moves)
                tally.move(moves)
        if not tally.rows:
            raise DatasetError(
                f"no face found in any of the {len(photos)} pictures in {', '.join(map(str, settings.photos))}"
            )
        if settings.reference == "mined":
            mark_references(folder, tally.mine(settings.reference_share))
        description = tally.describe(asdict(settings), time.monotonic() - started)
        description |= {"left_out": list(listing.left_out), "labels_not_used": listing.labels.unused_text()}
        description["megabytes"] = round(sum(f.stat().st_size for f in folder.iterdir()) / 1e6, 2)
        write_json(folder / "dataset.json", description)
        card = dataset_card(settings.target.name, description, [path.name for path in folder.glob("*.parquet")])
        write_atomically(folder / "README.md", card.encode("utf-8", "replace"))
        tally.write_skipped(folder / "skipped.csv")
    return description


def _outcomes(photos: list[Photo], settings: Settings, bundle: bytes) -> Generator[Outcome, None, None]:
    """Yields outcomes in the order of `photos`, computed in parallel by worker processes."""
    chunks = [photos[start : start + CHUNK] for start in range(0, len(photos), CHUNK)]
    workers = min(settings.workers or cores(), len(chunks))
    if workers == 1:
        with FaceLandmarker(bundle) as landmarker:
            for photo in photos:
                yield prepare_photo(photo, landmarker, settings.size)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context)
    try:
        with _interrupts_deferred():
            prepared = pool.map(partial(_prepare_chunk, size=settings.size), chunks)
        for outcomes in prepared:
            yield from outcomes
    except BrokenProcessPool as error:
        raise DatasetError("a worker process died, perhaps out of memory; use fewer --workers") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Defers Ctrl-C until the block ends; processes started in it never receive it and are stopped by the parent."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_worker: list[FaceLandmarker] = []  # the landmarker of this worker process, created on first use


def _prepare_chunk(photos: list[Photo], size: int) -> list[Outcome]:
    if not _worker:
        cv2.setNumThreads(1)
        _worker.append(FaceLandmarker())
    return [prepare_photo(photo, _worker[0], size) for photo in photos]


def parse(argv: list[str] | None) -> Settings:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description="Detect and align the faces in folders of photos, and pack them into a dataset.",
        epilog="example: python training/prepare_faces.py --photos photos/lfw photos/utkface --out data/faces96",
    )
    parser.add_argument(
        "--photos", type=Path, nargs="+", required=True, metavar="DIR", help="folders of photos, searched recursively"
    )
    parser.add_argument("--labels", type=Path, metavar="CSV", help="columns image,expression; image: file name or path")
    parser.add_argument("--out", dest="target", type=Path, required=True, metavar="DIR", help="folder of the dataset")
    parser.add_argument(
        "--size", type=int, default=96, help="side of crops and textures in pixels, a multiple of 8 (default: 96)"
    )
    parser.add_argument("--workers", type=int, help="number of processes (default: one per core)")
    parser.add_argument(
        "--reference",
        default="mined",
        metavar="{mined,labels,DIR}",
        help="reference faces: low expression energy, labelled neutral, or in a folder (default: mined)",
    )
    parser.add_argument(
        "--reference-share",
        type=float,
        default=0.2,
        metavar="P",
        help="mined: this share of each group of age and ethnicity where known, otherwise of all (default: 0.2)",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="use only N photos, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="seed of the train/test split and of --limit (default: 0)")
    options = vars(parser.parse_args(argv))
    return Settings(**options | {"photos": tuple(options["photos"])})


def main(argv: list[str] | None = None) -> int:
    settings = parse(argv)
    try:
        print(summary(prepare_faces(settings)))
    except KeyboardInterrupt:  # unlike in run_command's message, nothing is saved
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up on SIGTERM as on Ctrl-C
    sys.exit(run_command(main))
