"""Makes one EPUB of the built book: `make epub`.

It is the pages as they are before a script has run: an explorer is its picture and its sentences,
and a link to the page where it moves. Formulas become MathML, by the MathJax that the pages use.
"""

import copy
import html
import posixpath
import time
from urllib.parse import unquote, urldefrag, urljoin

import built
import find_chromium
from bs4 import BeautifulSoup
from pygments.formatters import HtmlFormatter

from labs import words

DROPPED = (
    "script, noscript, style, button, input, .headerlink, .plotly-figure .picture ~ p, "
    ".citation > .label"
)
# Attributes that a book has a use for, beside those of formulas.
KEPT = "id class href src alt title lang dir start open colspan rowspan scope".split()
KINDS = {"png": "image/png", "jpg": "image/jpeg", "svg": "image/svg+xml", "gif": "image/gif"}
MATHML = """async (formulas) => {
  await MathJax.startup.promise;
  return formulas.map(([text, display]) => MathJax.tex2mml(text, { display }));
}"""
DOCUMENT = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"
  lang="{language}" xml:lang="{language}">
<head><title>{title}</title><link rel="stylesheet" type="text/css" href="{up}book.css"/></head>
<body>{body}</body></html>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="book"
  xml:lang="{language}">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="book">{live}</dc:identifier><dc:title>{title}</dc:title>
<dc:language>{language}</dc:language><dc:creator>{author}</dc:creator>
<dc:rights>CC BY 4.0; code: MIT</dc:rights><dc:source>{live}</dc:source>
<meta property="dcterms:modified">{changed}</meta>
<meta property="schema:accessMode">textual</meta><meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
</metadata>
<manifest>{manifest}</manifest>
<spine>{spine}</spine>
</package>
"""
CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/book.opf"
  media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
COVER = """<html lang="{language}"><body style="margin:0;height:100vh;background:#16324f;color:#fff;
display:flex;flex-direction:column;justify-content:space-between;padding:90px 80px;
box-sizing:border-box;font-family:sans-serif">
<h1 style="font-size:92px;line-height:1.1;margin:0">{title}</h1>
<p style="font-size:30px">{author}</p></body></html>"""


def mend(page, names):
    """The page's text with nothing that a book can't show; `names` are all pages by address."""
    article = page.article
    link_widgets(page, article)
    for element in article.select(DROPPED):
        element.decompose()
    for summary in article.select("summary"):
        first = summary.find("p")
        if first is not None:  # one text for folded and one for open, of which one is shown
            summary.string = first.get_text()
    for first in article.select(".labs-claim > p > span:first-child"):
        first.insert_after(" ")
    seen = set()
    for element in [article, *article.find_all(True)]:
        element.attrs = {k: v for k, v in element.attrs.items() if k in KEPT}
        if element.get("id") in seen:
            del element["id"]
        seen.add(element.get("id"))
    for link in article.select("a[href]:not(.widget-live a)"):
        link["href"] = lead(link["href"], page, names)
    return article


def link_widgets(page, article):
    """Below the sentences of each widget, the address where it moves."""
    for place in article.select(".widget-place"):
        name = (page.state(place).get("meta") or {}).get("name")
        if not place.select_one(".widget-words"):
            place.noscript.unwrap()  # it needs a kernel, says this note
        address = page.address + (f"#{name}:" if name else "")
        link = f'<a href="{address}">{address}</a>'
        said = f'<p class="widget-live">{words.text("take.live", link=link)}</p>'
        place.append(BeautifulSoup(said, "html.parser"))
        image = place.find("img")
        if image:  # its sentences stand below it
            image["alt"] = image["alt"].partition(". ")[0] + "."


def lead(href, page, names):
    """Where a link leads: to a page in the book, else to the web."""
    address, fragment = urldefrag(urljoin(page.address, href))
    if address not in names or fragment.endswith(":"):
        return urljoin(page.address, href)
    other = names[address]
    there = unquote(fragment) in other.ids
    start = posixpath.dirname(page.name) or "."
    path = posixpath.relpath(f"{other.name}.xhtml", start)
    return f"{path}#{fragment}" if there else path


def typeset(articles, tab):
    """Put MathML in the place of every formula, its source with it."""
    places = [place for article in articles for place in article.select(".math")]
    texts = [formula(place) for place in places]
    tab.goto(f"{built.LIVE}/genindex.html")
    tab.add_script_tag(url=f"{built.LIVE}/_static/mathjax/tex-chtml.js")
    for place, (source, _), written in zip(places, texts, tab.evaluate(MATHML, texts)):
        found = BeautifulSoup(written, "html.parser").math
        if found.find("merror"):
            raise SystemExit(f"expected a formula that MathJax can set, got {source}")
        for element in [found, *found.find_all(True)]:
            element.attrs = {k: v for k, v in element.attrs.items() if not k.startswith("data-")}
            element.attrs.pop("class", None)
        found["alttext"] = source
        number = place.find(class_="eqno")
        place.clear()
        place.extend([number, found] if number else [found])


def formula(place):
    """(TeX, whether it stands by itself) of a formula's element."""
    own = [str(text) for text in place.find_all(string=True, recursive=False)]
    text = "".join(own).strip()
    return text[2:-2].strip(), text.startswith("\\[")


def take_images(page, article, images):
    """Bring the pictures that a page shows into the book."""
    for image in article.select("img"):
        path = (built.SITE / f"{page.name}.html").parent / unquote(image["src"])
        name = f"images/{path.name}"
        images[name] = path.read_bytes()
        image["src"] = posixpath.relpath(name, posixpath.dirname(page.name) or ".")


def document(name, title, body):
    """One file of the book as XHTML."""
    up = "../" * name.count("/")
    text = DOCUMENT.format(language=built.LANGUAGE, title=html.escape(title), up=up, body=body)
    return text.encode()


def contents(found):
    """The table of contents that a reader's device shows: parts, pages, sections."""
    rows, caption = [], ""
    for page, article in found:
        if page.part != caption:
            rows += ["</ol></li>"] * bool(caption)
            rows.append(f"<li><span>{html.escape(page.part)}</span><ol>")
            caption = page.part
        sections = [s for s in article.select("section[id]") if s.find("h2", recursive=False)]
        inner = "".join(entry(f"{page.name}.xhtml#{s['id']}", heading(s.h2)) for s in sections)
        rows.append(entry(f"{page.name}.xhtml", page.title, inner))
    rows += ["</ol></li>"] * bool(caption)
    title = html.escape(words.text("take.contents"))
    return f'<nav epub:type="toc" id="toc"><h1>{title}</h1><ol>{"".join(rows)}</ol></nav>'


def entry(where, title, inner=""):
    """A line of the contents, and those below it."""
    below = f"<ol>{inner}</ol>" if inner else ""
    return f'<li><a href="{where}">{html.escape(title)}</a>{below}</li>'


def heading(element):
    """A heading in plain text; a formula is its source."""
    plain = copy.copy(element)
    for math in plain.select("math"):
        math.replace_with(math["alttext"])
    return plain.get_text().strip()


def package(names, files):
    """What the book consists of, and in which order it is read."""
    special = {"contents.xhtml": "nav", "cover.png": "cover-image"}
    items, ids = [], {}
    for number, name in enumerate(files):
        ids[name] = f"f{number}"
        suffix = name.rpartition(".")[2]
        kind = {"xhtml": "application/xhtml+xml", "css": "text/css"}.get(suffix) or KINDS[suffix]
        marks = [special[name]] if name in special else []
        if name in names and b"<math" in files[name]:
            marks.append("mathml")
        properties = f' properties="{" ".join(marks)}"' if marks else ""
        items.append(f'<item id="{ids[name]}" href="{name}" media-type="{kind}"{properties}/>')
    spine = "".join(f'<itemref idref="{ids[name]}"/>' for name in ["contents.xhtml", *names])
    return PACKAGE.format(
        language=built.LANGUAGE,
        live=built.LIVE,
        title=html.escape(built.TITLE),
        author=html.escape(built.CONFIG["author"]),
        changed=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(built.changed())),
        manifest="".join(items),
        spine=spine,
    ).encode()


def make():
    """{name: bytes} of the files of the book, in their order."""
    pages = built.pages()
    names = {page.address: page for page in pages}
    found = [(page, mend(page, names)) for page in pages]
    with find_chromium.running() as chromium, built.tab(chromium, 1200, 1600) as tab:
        typeset([article for _, article in found], tab)
        author = html.escape(built.CONFIG["author"])
        tab.set_content(
            COVER.format(language=built.LANGUAGE, title=html.escape(built.TITLE), author=author)
        )
        files = {"cover.png": tab.screenshot()}
    code = HtmlFormatter(style=built.CODE_STYLE).get_style_defs(".highlight")
    files["book.css"] = (built.ROOT / "tools/epub.css").read_bytes() + code.encode()
    for page, article in found:
        take_images(page, article, files)
    files["contents.xhtml"] = document("contents.xhtml", built.TITLE, contents(found))
    texts = {}
    for page, article in found:
        article.name, article.attrs = "main", {}
        name = f"{page.name}.xhtml"
        texts[name] = document(name, page.title, article.decode())
    files |= texts
    files["book.opf"] = package(list(texts), files)
    return files


if __name__ == "__main__":
    files = {f"book/{name}": data for name, data in make().items()}
    head = {"mimetype": b"application/epub+zip", "META-INF/container.xml": CONTAINER.encode()}
    target = built.TAKE / f"{built.NAME}.epub"
    built.pack(target, (head | files).items())
    print(built.said(target))
