"""The pages as one zip: the same files, the same each time, and they open from disk."""

import zipfile

import built
import pytest
import site_zip
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def names(made):
    with zipfile.ZipFile(made("zip")) as archive:
        return archive.namelist()


def test_it_has_one_folder_and_every_page(names):
    assert {name.partition("/")[0] for name in names} == {built.NAME}
    assert {f"{built.NAME}/{page.name}.html" for page in built.pages()} <= set(names)
    assert names == sorted(names)


def test_the_same_pages_make_the_same_file(tmp_path):
    few = [(name, b"text of " + name.encode()) for name in ("a", "b/c")]
    for name in ("one.zip", "two.zip"):
        built.pack(tmp_path / name, few)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_zip_that_breaks_off_leaves_what_was_there(tmp_path):
    path = tmp_path / "book.zip"
    path.write_bytes(b"the last one")

    def broken():
        yield "a", b"whole"
        raise OSError("no space")

    with pytest.raises(OSError):
        built.pack(path, broken())
    assert path.read_bytes() == b"the last one" and list(tmp_path.iterdir()) == [path]


def test_a_page_that_is_not_built_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(built, "SITE", tmp_path)
    with pytest.raises(SystemExit, match="index.html .* make book"):
        built.pages()


def test_it_opens_from_disk_and_an_explorer_moves(made, chromium, tmp_path):
    with zipfile.ZipFile(made("zip")) as archive:
        archive.extractall(tmp_path)
    index = tmp_path / built.NAME / "index.html"
    troubles = []
    with chromium.new_context() as opened:
        page = opened.new_page()
        page.on("request", lambda r: r.url.startswith("http") and troubles.append(r.url))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        left = "net::ERR_ABORTED"  # what was still to come as the page was left
        page.on("requestfailed", lambda r: r.failure != left and troubles.append(r.url))
        page.goto(index.as_uri())
        explorer = page.locator(".labs-explorer[data-run]").first
        before = explorer.get_attribute("data-run")
        explorer.locator("input[type=range]").first.press("ArrowRight")
        expect(explorer).not_to_have_attribute("data-run", before)
        page.goto((index.parent / "algorithms/learning_rate.html").as_uri())
        page.wait_for_function(built.DRAWN)
    assert troubles == []
    assert "_static/custom.css" in {name.partition("/")[2] for name, _ in site_zip.files()}


def test_the_footer_and_the_first_page_lead_to_what_is_published():
    wanted = {f"{built.LIVE}/take/{built.NAME}.{kind}" for kind in ("pdf", "epub", "zip")}
    for page in built.pages():
        assert wanted <= {link["href"] for link in page.soup.select("footer a[href]")}
    index = built.pages()[0].article
    assert wanted <= {link["href"] for link in index.select("a[href]")}
