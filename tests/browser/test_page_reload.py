"""A reload keeps the work, in its own tab and for an hour; and deleting photos reaches every tab."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

RECORDS = """() => new Promise((done) => {
  const request = indexedDB.open("rbvae");
  request.onsuccess = () => {
    const files = request.result.transaction("files").objectStore("files").getAll();
    files.onsuccess = () => {
      done(files.result.map(({ photo }) => photo?.name ?? "example"));
      request.result.close();
    };
  };
})"""

EXPIRE = """() => {
  const open = indexedDB.open("rbvae");
  return new Promise((done) => (open.onsuccess = () => {
    const change = open.result.transaction(["work", "files"], "readwrite");
    for (const name of ["work", "files"]) {
      const store = change.objectStore(name);
      store.getAllKeys().onsuccess = ({ target }) => target.result.forEach((key) =>
        (store.get(key).onsuccess = (event) => store.put({ ...event.target.result, until: Date.now() - 1 }, key)));
    }
    change.oncomplete = () => { open.result.close(); done(); };
  }));
}"""


def pictures(visitor):
    visitor.settled()
    return sorted(patch.get_attribute("src") for patch in visitor.patch.all())


@pytest.fixture(scope="module")
def group(visit, several, astronaut):
    """A visitor who has edited both faces of a group, one of them with the expression of another photo."""
    visitor = visit()
    visitor.asked_before = []
    visitor.page.on("dialog", lambda dialog: (visitor.asked_before.append(dialog.type), dialog.accept()))
    visitor.opens(several)
    visitor.drawn(visitor.tile("Big smile").click)
    visitor.drawn(visitor.tile("Surprised").click)
    visitor.room.locator(".chips button").first.click()
    expect(visitor.tile("As is")).to_have_attribute("aria-pressed", "true")
    visitor.mode("From a photo")
    visitor.upload(astronaut, name="donor")
    expect(visitor.patch).to_have_count(2)
    return visitor


def reloaded(visitor):
    visitor.page.reload()
    expect(visitor.room.locator(".chips button")).to_have_count(2, timeout=30_000)
    expect(visitor.patch).to_have_count(2)


def test_a_reload_keeps_photo_edits_versions_donor_and_mode_and_asks_nothing(group):
    before = pictures(group)
    reloaded(group)
    assert pictures(group) == before and group.asked_before == []
    expect(group.room.get_by_role("tab", name="From a photo")).to_have_attribute("aria-selected", "true")
    expect(group.room.locator(".donors [aria-pressed=true]")).to_have_count(1)
    group.room.locator(".chips button").nth(1).click()
    expect(group.room.locator(".versions button")).to_have_count(2)
    group.mode("Expressions")
    expect(group.tile("Surprised")).to_have_attribute("aria-pressed", "true")
    group.press("Undo")  # of the last step, the expression of another photo
    expect(group.patch).to_have_count(1)
    group.press("Redo")
    expect(group.patch).to_have_count(2)


def test_a_reload_finds_the_photo_also_after_the_server_has_forgotten_all(group, demo):
    before = pictures(group)
    demo.visits.clear()
    reloaded(group)
    assert pictures(group) == before
    name, content = group.saves()
    assert name == "two-edited.jpg" and content[:2] == b"\xff\xd8"


def test_a_second_tab_neither_takes_the_work_nor_loses_it(group):
    before = pictures(group)
    with group.context.expect_page() as opened:  # a copy has this tab's storage, too
        group.page.evaluate("window.open(location.href)")
    second = opened.value
    second.locator(".rb.faces .stage .patch").first.wait_for()  # an example
    expect(second.locator(".rb.faces .chips button")).to_have_count(0)
    reloaded(group)
    assert pictures(group) == before
    second.close()


def test_delete_reaches_other_tabs_and_says_what_it_deleted(visit, astronaut, several):
    visitor = visit()
    visitor.opens(astronaut)
    second = visitor.context.new_page()
    second.goto(visitor.page.url)
    second.locator(".rb.faces .stage .patch").first.wait_for()
    with second.expect_response(lambda answer: answer.url.endswith("/faces/open")):
        second.locator("input[name=photo]").set_input_files(str(several))
    expect(second.locator(".rb.faces .chips button")).to_have_count(2)
    visitor.page.wait_for_function(f"({RECORDS})().then((names) => names.length === 2)")
    visitor.room.locator(".erase").first.click()
    visitor.answer("Delete")
    words = "2 photos, 1 of them in other tabs, and everything made from them were deleted from the server."
    expect(visitor.page.locator("dialog[open]")).to_contain_text(f"{words} This browser keeps none of them either.")
    assert "astronaut.jpg" not in visitor.page.evaluate(RECORDS)
    expect(second.locator(".said .notice")).to_contain_text("deleted, as you asked in another tab", timeout=30_000)
    expect(second.locator(".rb.faces .chips button")).to_have_count(0)
    visitor.answer("Start again")
    expect(visitor.room.locator(".examples")).to_be_visible(timeout=30_000)


def test_after_an_hour_nothing_is_kept(visit, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    visitor.settled()
    assert visitor.page.evaluate(RECORDS) == ["astronaut.jpg"]
    visitor.page.evaluate(EXPIRE)
    visitor.page.reload()
    expect(visitor.room.locator(".examples")).to_be_visible(timeout=30_000)
    visitor.page.wait_for_function(f"({RECORDS})().then((names) => names.join() === 'example')")


def test_without_storage_a_reload_asks_before_work_is_lost(visit, astronaut):
    closed = "Object.defineProperty(window, 'indexedDB', { get() { throw new Error('closed'); } });"
    visitor = visit(before=lambda page: page.add_init_script(closed))
    asked = []
    visitor.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    visitor.opens(astronaut)
    visitor.page.reload()
    visitor.sees(visitor.patch.first)
    assert asked == []  # there was nothing to lose
    visitor.opens(astronaut)
    visitor.drawn(visitor.tile("Surprised").click)
    visitor.page.reload()
    assert asked == ["beforeunload"]
