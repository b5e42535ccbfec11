"""Odd use of the page in headless Chromium: odd photos opened, edited, saved, taken as references, and many at once."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Locator, expect, sync_playwright

from tests.browser.visitor import Visitor
from tests.fuzz.outcomes import Outcome, fault, judged, picture_fault, refused
from tests.fuzz.photos import Photo, photo, plain_photo

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SCREENS = ((1280, 800), (1440, 900), (390, 844), (844, 390), (320, 640))
LOCALES = ("en-GB", "de-DE", "ja-JP", "ar-EG")
EXPECTED = re.compile(r"Failed to load resource: .* status of (413|422) ")  # Chromium's own line about a refusal
TILES = ("Big smile", "Surprised", "Serious", "Neutral")
NOT_BY_CHROMIUM = "This is no picture. Choose a JPEG, PNG, WebP or HEIC photo."


class Pages:
    """Cases for one app, each with a browser window of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

    def close(self) -> None:
        """Ends the browser."""
        self._browser.close()
        self._playwright.stop()

    def case(self, rng: random.Random, number: int) -> tuple[str, Outcome]:
        """One visit; returns what was done and what came of it. Errors on the console are faults."""
        folder = self.folder / f"page-{number}"
        folder.mkdir()
        (width, height), locale = rng.choice(SCREENS), rng.choice(LOCALES)
        visitor = Visitor(self._browser, self.url, width, height, locale=locale)
        try:
            act = rng.choice((self.edit, self.edit, self.edit, self.reference, self.many, self.digit))
            about, outcome = act(rng, folder, visitor)
            told = [words for words in visitor.errors if not EXPECTED.search(words)]
            return f"{width}x{height} {locale}, {about}", fault(f"console: {told}") if told else outcome
        finally:
            visitor.context.close()

    def edit(self, rng: random.Random, folder: Path, visitor: Visitor) -> tuple[str, Outcome]:
        """A photo is opened, one of its faces edited, and the edit saved."""
        made, tile = photo(rng), rng.choice(TILES)
        about = f"{tile} of {made.name!r}: {made.about}"
        if words := self._opened(visitor, _written(made, folder)):
            return about, refused_by_page(words, made)
        chips = visitor.room.locator(".chips button")
        if made.people > 1 and made.clear:
            if chips.count() != made.people:
                return about, fault(f"{chips.count()} faces were found")
            self._acted(visitor, chips.nth(rng.randrange(made.people)))
        self._acted(visitor, visitor.tile(tile))
        if visitor.patch.count() == 0 and tile != "Neutral":
            return about, fault(f"nothing was drawn; {_said(visitor)!r}")
        name, content = visitor.saves()
        if not re.fullmatch(r"[^/\\\n]+-edited\.(jpg|png|webp)", name):
            return about, fault(f"saved as {name!r}")
        return about, judged(picture_fault(content, made))

    def reference(self, rng: random.Random, folder: Path, visitor: Visitor) -> tuple[str, Outcome]:
        """The expression of an odd photo is given to a plain one."""
        made, mine = photo(rng), plain_photo()
        about = f"reference {made.name!r}: {made.about}"
        if words := self._opened(visitor, mine.written(folder / "mine")):
            return about, fault(words)
        visitor.mode("From a photo")
        visitor.upload(_written(made, folder), name="donor")
        chosen = visitor.room.locator(".donors [aria-pressed=true]")
        expect(chosen.or_(visitor.notice).first).to_be_visible()
        if chosen.count() == 0:
            return about, refused_by_page(_said(visitor), made)
        visitor.settled()
        _, content = visitor.saves()
        return about, judged(picture_fault(content, mine))

    def many(self, rng: random.Random, folder: Path, visitor: Visitor) -> tuple[str, Outcome]:
        """An album of one to twelve photos gets one edit, and comes back as a ZIP."""
        album = [photo(rng) if rng.random() < 0.5 else plain_photo() for _ in range(rng.randint(1, 12))]
        paths = {_written(made, folder / str(k)): made for k, made in enumerate(album)}
        about = f"many: {[(path.name, made.about) for path, made in paths.items()]}"
        if words := self._opened(visitor, plain_photo().written(folder / "mine")):
            return about, fault(words)
        self._acted(visitor, visitor.tile("Big smile"))
        visitor.press("Save as…")
        visitor.room.locator(".saving").get_by_role("menuitem", name="Many photos…").click()
        visitor.upload(*paths, name="many")
        dialog = visitor.page.locator("dialog[open]")
        done = re.compile(rf"^{len(album)} of {len(album)}")
        expect(dialog.locator(".progress output")).to_have_text(done, timeout=120_000)
        keep = dialog.get_by_role("button", name="Save all (ZIP)")
        if not keep.is_visible():
            return about, fault("nothing came of any photo") if any(made.clear for made in album) else refused(
                "no face was found"
            )
        _, packed = visitor.downloads(keep.click)
        return about, judged(_zip_fault(packed, list(paths.items())))

    def digit(self, rng: random.Random, folder: Path, visitor: Visitor) -> tuple[str, Outcome]:
        """A photo of people is opened as a digit: a picture comes of it, or a sentence."""
        made = photo(rng)
        about = f"digit {made.name!r}: {made.about}"
        visitor.page.goto(f"{self.url}#digits")
        visitor.page.reload()
        room = visitor.page.locator(".rb.digits")
        expect(room.locator(".stage .edited")).to_be_visible()
        before = room.locator(".stage .edited").get_attribute("src")
        room.locator("input[type=file]").first.set_input_files(str(_written(made, folder)))
        visitor.page.wait_for_timeout(200)
        visitor.settled()
        notice = room.locator(".said .notice")
        if notice.count():
            return about, refused_by_page(notice.inner_text().strip().replace("\n", " "), None)
        changed = room.locator(".stage .edited").get_attribute("src") != before
        return about, judged("" if changed else "neither another digit nor a word came")

    def _opened(self, visitor: Visitor, path: Path) -> str:
        """Opens a photo; returns "" once it is shown with its faces, or what the page said instead."""
        before = visitor.photo.get_attribute("src") or ""
        visitor.upload(path)
        changed = visitor.room.locator(f'.stage .before:not([src="{before}"])')
        expect(changed.or_(visitor.notice).first).to_be_visible()
        expect(visitor.room.locator(".stage.waiting")).to_have_count(0)
        visitor.settled()
        return "" if visitor.room.locator(".saving .save").is_enabled() and changed.count() else _said(visitor)

    def _acted(self, visitor: Visitor, button: Locator) -> None:
        button.click()
        visitor.settled()


def refused_by_page(words: str, made: Photo | None) -> Outcome:
    """A refusal, unless Chromium takes the file for no picture because of its name."""
    return refused(words, None if words == NOT_BY_CHROMIUM else made)


def _written(made: Photo, folder: Path) -> Path:
    """Writes a photo under a name that Playwright can hand to Chromium, which is UTF-8."""
    name = made.name if "\udce9" not in made.name else f"plain.{made.name.rpartition('.')[2]}"
    return replace(made, name=name).written(folder)


def _said(visitor: Visitor) -> str:
    notice = visitor.notice
    return notice.first.inner_text().strip().replace("\n", " ") if notice.count() else ""


def _zip_fault(packed: bytes, album: list[tuple[Path, Photo]]) -> str:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        entries = json.loads(archive.read("manifest.json"))["photos"]
        if len(entries) != len(album) or archive.testzip() is not None:
            return f"{len(entries)} entries for {len(album)} photos, or a damaged ZIP"
        for (path, made), entry in zip(album, entries, strict=True):
            if not entry["ok"] and made.clear:
                return f"{path.name!r}: {entry['error']!r}"
            if entry["ok"] and (wrong := picture_fault(archive.read(entry["file"]), made)):
                return f"{path.name!r}: {wrong}"
    return ""
