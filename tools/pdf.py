"""Prints the whole book into one PDF, with the print sheet and Chromium: `make pdf`.

Each page of the book is printed by itself, its numbers going on from the page before, so one pass
is enough; the contents, which need the numbers, come last and stand in front, under Roman numbers.
Links between pages of the book become links within the file.
"""

import html
import io
from urllib.parse import unquote, urldefrag

import built
import debian
import find_chromium
from pypdf import PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle
from pypdf.generic import ArrayObject, Fit, NameObject, TextStringObject

from labs import words
from labs.record import write_whole

HIGH = 960  # CSS pixels of a sheet between its margins, less the line under a widget
SHEET = """
@page {{ size: A4; margin: 19mm 15mm 18mm; font: 8.5px sans-serif; color: #55616e;
  @top-left {{ content: "{book}"; }} @top-right {{ content: "{page}"; }}
  @bottom-center {{ content: counter(page{style}); }} }}
@page :first {{ @top-left {{ content: none; }} @top-right {{ content: none; }} }}
html {{ counter-reset: page {before}; }}
/* The theme prints a title and a list of contents of its own, and hides the title of the page. */
#jb-print-docs-body {{ display: none !important; }}
.bd-main .bd-content .bd-article h1:first-of-type {{ display: block !important; margin-top: 0; }}
.take-live {{ font: 9px sans-serif; break-before: avoid; margin: 2px 0 14px; }}
"""
FONTS = ["fonts-noto-cjk"]  # Debian's package with the letters of the glossary's Chinese names
# Under each widget that works on the web, its address there. One that is higher than a sheet gets
# smaller, so that it stays on one; so does a table that is wider. Chromium notes only the places to
# which a page itself leads: so a link that is not shown leads to each that others may name. And it
# leaves out a link to a place of the page that is not there, such as a widget's on the web: `live:`
# keeps it, until the pages are bound.
MENDED = """([address, text, high]) => {
  // What a reader predicted is on the web only; and a caption is no heading.
  const each = (places, change) => document.querySelectorAll(places).forEach(change);
  each('section section:has(.labs-predictions)', (section) => section.remove());
  each('.bd-article [role=heading]', (caption) => caption.removeAttribute('role'));
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const states = JSON.parse(document.querySelector(STATE)?.textContent ?? '{}').state;
  for (const view of document.querySelectorAll(VIEW)) {
    const host = view.previousElementSibling;
    if (!host?.matches('.widget-host') || host.querySelector('.widget-note')) continue;
    for (let tries = 0; tries < 5; tries += 1) {  // text that gets smaller wraps elsewhere
      const tall = host.getBoundingClientRect().height;
      if (tall <= high) break;
      host.style.zoom = parseFloat(getComputedStyle(host).zoom) * high / tall;
    }
    const { name } = states[JSON.parse(view.textContent).model_id]?.state.meta ?? {};
    const link = document.createElement('a');
    link.textContent = address + (name ? `#${name}:` : '');
    link.href = `live:${link.textContent}`;
    const said = Object.assign(document.createElement('p'), { className: 'take-live' });
    const [before, after] = text.split('{link}');
    said.append(before, link, after);
    host.after(said);
  }
  for (const table of document.querySelectorAll('.bd-article table')) {
    const { width, left } = table.getBoundingClientRect();
    if (left + width > innerWidth) table.style.zoom = (innerWidth - left) / width;
  }
  const places = Object.assign(document.createElement('div'), { hidden: true });
  for (const { id } of document.querySelectorAll('.bd-article [id]:not(svg *)')) {
    places.append(Object.assign(document.createElement('a'), { href: `#${id}` }));
  }
  document.querySelector('.bd-article').append(places);
}"""
# What is cut at the right: wider than the sheet, or than a box that one would scroll.
TOO_WIDE = """() => [...document.querySelectorAll('.bd-article *')].filter((el) => {
  const { right, width } = el.getBoundingClientRect();
  const scrolls = getComputedStyle(el).overflowX !== 'visible' && el.clientWidth > 20;
  const cut = right > innerWidth + 1 || scrolls && el.scrollWidth > el.clientWidth + 1;
  return width && cut && el.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && !el.closest('svg *, span.math, mjx-assistive-mml, mjx-stretchy-h');
}).map((el) => `${el.tagName.toLowerCase()}.${el.className}, ${el.textContent.slice(0, 40)}`)"""
# The letters that no font has: they are drawn as is a code that stands for no letter.
MISSING = """(text) => {
  const paper = Object.assign(document.createElement('canvas'), { width: 40, height: 40 });
  const pen = paper.getContext('2d', { willReadFrequently: true });
  pen.font = '24px sans-serif';
  const drawn = (letter) => {
    pen.clearRect(0, 0, 40, 40);
    pen.fillText(letter, 4, 30);
    return pen.getImageData(0, 0, 40, 40).data.join();
  };
  const none = drawn('\\u{10ffff}');
  return [...new Set(text)].filter((letter) => drawn(letter) === none).join('');
}"""
TEXT = """() => [...document.querySelectorAll('.bd-article *')]
  .filter((el) => el.checkVisibility() && !el.closest('mjx-container, script, style'))
  .flatMap((el) => [...el.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE))
  .map((node) => node.data).join('')"""
FRONT = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title>
<style>{sheet}
body {{ font: 12px/1.5 "Noto Serif", serif; }}
header {{ break-after: page; padding-top: 60mm; }} header h1 {{ font: 650 40px/1.15 sans-serif; }}
h2 {{ font: 650 22px sans-serif; }} h3 {{ font: 650 13px sans-serif; margin: 14px 0 2px; }}
h3, .page {{ break-after: avoid; }} a {{ color: inherit; text-decoration: none; }}
.line {{ display: flex; gap: 6px; }} .page {{ font-weight: 600; margin-top: 5px; }}
.part {{ padding-left: 16px; font-size: 11px; }}
i {{ flex: 1; border-bottom: 1px dotted #99a; margin-bottom: 5px; }}
</style><header><h1>{title}</h1><p>{author}</p><p>{says}</p></header><h2>{contents}</h2>{lines}"""


def sheet(page, before, style=""):
    """The style sheet of one printed file, whose first page has the number after `before`."""
    right = "" if page == built.TITLE else page
    quoted = [text.replace("\\", "").replace('"', "”") for text in (built.TITLE, right)]
    return SHEET.format(book=quoted[0], page=quoted[1], before=before, style=style)


def draw(tab, page, before):
    """Show a page of the book as on paper, complete. SystemExit where something would be cut."""
    tab.emulate_media(media="print", color_scheme="light")
    tab.goto(page.address)
    tab.wait_for_function(built.DRAWN, timeout=120_000)
    tab.evaluate("document.fonts.ready.then(() => window.MathJax?.startup?.promise)")
    tab.add_style_tag(content=sheet(page.title, before))
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")  # answers unfold
    tab.evaluate(MENDED, [page.address, words.text("take.live", link="{link}"), HIGH])
    refuse_cuts(tab, page.name)
    refuse_boxes(tab, page.name)


def refuse_cuts(tab, name):
    """SystemExit where something on a page would be cut at the right."""
    if wide := tab.evaluate(TOO_WIDE):
        raise SystemExit(
            f"expected all of {name} to be as narrow as the sheet, got {wide[-1]!r}; let it wrap "
            "or shrink in book/_static/print.css"
        )


def refuse_boxes(tab, name):
    """SystemExit where a letter on a page would be printed as an empty box."""
    if missing := tab.evaluate(MISSING, tab.evaluate(TEXT)):
        raise SystemExit(
            f"expected a font that has every letter of {name}, found none for {missing[:20]!r}; "
            f"install one (Debian: apt-get install {' '.join(FONTS)})"
        )


def find_letters():
    """Where no font has Chinese letters, install one with apt, if there is apt and it may."""
    with find_chromium.running() as chromium, built.tab(chromium) as tab:
        missing = tab.evaluate(MISSING, "词")
    if missing:
        debian.install(FONTS)


def printed(tab):
    """The page that is shown, as a PDF with an outline of its headings."""
    return PdfReader(
        io.BytesIO(
            tab.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
        )
    )


class Printed:
    """The PDF of one page of the book, and how many pages stand before it."""

    def __init__(self, page, reader, before):
        self.page, self.reader, self.before = page, reader, before
        self.sections = list(_under(reader.outline))
        named = reader.named_destinations.items()
        self.places = {unquote(name.removeprefix("/")): place for name, place in named}

    def find(self, fragment):
        """(page in this file, place) of an id or of the n-th heading, `heading-n`; its beginning
        where it has none such.
        """
        kind, _, number = fragment.partition("-")
        if kind == "heading" and number.isdigit():
            place = self.sections[int(number)][1]
        else:
            place = self.places.get(unquote(fragment))
        return (0, None) if place is None else (self.number(place), place)

    def number(self, place):
        """The page in this file, from 0, on which a place is."""
        return self.reader.get_destination_page_number(place) or 0


def _under(items, depth=0):
    """(depth, place) of each heading below the title."""
    for item in items:
        if isinstance(item, list):
            yield from _under(item, depth + 1)
        elif depth:
            yield depth, item


def name(place):
    """A heading's text. Chromium writes it twice where the heading begins a sheet."""
    text = place.title
    half = text[: len(text) // 2]
    return half if text == half + half else text


def contents(parts):
    """The title and the contents, as HTML."""
    lines, caption = [], ""
    line = '<a class="line {}" href="{}"><span>{}</span><i></i><span>{}</span></a>'.format
    for part in parts:
        if part.page.part != caption:
            caption = part.page.part
            lines.append(f"<h3>{html.escape(caption)}</h3>")
        address, first = part.page.address, part.before + 1
        lines.append(line("page", address, html.escape(part.page.title), first))
        for k, (depth, place) in enumerate(part.sections):
            if depth == 1:
                heading, number = html.escape(name(place)), first + part.number(place)
                lines.append(line("part", f"{address}#heading-{k}", heading, number))
    link = f'<a href="{built.LIVE}">{built.LIVE}</a>'
    return FRONT.format(
        language=built.LANGUAGE,
        title=html.escape(built.TITLE),
        author=html.escape(built.CONFIG["author"]),
        says=words.text("take.about", link=link, day=built.day()),
        contents=html.escape(words.text("take.contents")),
        sheet=sheet(words.text("take.contents"), 0, ", lower-roman"),
        lines="".join(lines),
    )


def fit(place):
    """Where to look on a page: at a place, or at all of it."""
    return Fit.xyz(left=0, top=place.top) if place is not None and place.top else Fit.fit()


def lead_within(leaf, part, parts, writer):
    """Turn the links of one printed page that lead to the book into links within the file."""
    by_address = {other.page.address: other for other in parts}
    for reference in leaf.get("/Annots", ()):
        link = reference.get_object()
        if link.get("/Subtype") != "/Link":
            continue
        action = link.get("/A", {})
        address, fragment = urldefrag(str(action.get("/URI", "")))
        to = by_address.get(address)
        if address.startswith("live:"):
            action[NameObject("/URI")] = TextStringObject(action["/URI"].removeprefix("live:"))
            continue
        if "/Dest" in link:
            to, fragment = part, str(link["/Dest"]).removeprefix("/")
        if to is None or fragment.endswith(":"):
            continue
        number, place = to.find(fragment)
        target = writer.pages[to.first + number].indirect_reference
        link.pop("/A", None)
        look = fit(place)
        link[NameObject("/Dest")] = ArrayObject([target, NameObject(look.fit_type), *look.fit_args])


def bind(front, parts):
    """All of it as one file, with bookmarks, page labels and links."""
    writer = PdfWriter()
    owner = []
    for part in [front, *parts]:
        part.first = len(writer.pages)
        for leaf in part.reader.pages:
            writer.add_page(leaf)
            owner.append(part)
    for leaf, part in zip(writer.pages, owner):
        lead_within(leaf, part, parts, writer)
    caption, holder = "", None
    writer.add_outline_item(
        title=words.text("take.contents"), page_number=min(1, parts[0].first - 1)
    )
    for part in parts:
        if part.page.part != caption:
            caption = part.page.part
            holder = writer.add_outline_item(title=caption, page_number=part.first)
        title, at = part.page.title, part.first
        above = {0: writer.add_outline_item(title=title, page_number=at, parent=holder)}
        for depth, place in part.sections:
            holds = above[max(d for d in above if d < depth)]
            at = part.first + part.number(place)
            told = {"title": name(place), "page_number": at, "parent": holds, "fit": fit(place)}
            above[depth] = writer.add_outline_item(**told)
            above = {d: item for d, item in above.items() if d <= depth}
    writer.set_page_label(0, parts[0].first - 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(parts[0].first, len(owner) - 1, style=PageLabelStyle.DECIMAL, start=1)
    writer.add_metadata({"/Title": built.TITLE, "/Author": built.CONFIG["author"]})
    writer.root_object[NameObject("/Lang")] = TextStringObject(built.LANGUAGE)
    writer.page_mode = "/UseOutlines"
    writer.compress_identical_objects(remove_duplicates=True, remove_unreferenced=True)
    return writer


def make():
    """Every page of the book as one PDF."""
    find_letters()
    parts, before = [], 0
    with find_chromium.running() as chromium, built.tab(chromium) as tab:
        for page in built.pages():
            draw(tab, page, before)
            parts.append(Printed(page, printed(tab), before))
            before += len(parts[-1].reader.pages)
        tab.set_content(contents(parts))
        front = Printed(None, printed(tab), 0)
    return bind(front, parts)


if __name__ == "__main__":
    target = built.TAKE / f"{built.NAME}.pdf"
    write_whole(target, make().write)
    print(built.said(target))
