"""What a page holds in place of a widget or a plotly figure, until a script has drawn it.

The output's picture and its sentence, as plain HTML: they are what a reader sees without
JavaScript, and on a slow line. Elsewhere than on pages of HTML they are all there is.
"""

import html
import os

from captions import PLOTLY, WIDGET, elements, part, text_of, words_of
from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.images import get_image_size
from widget_states import find_states, is_hidden, works

from labs import words

WITH_STATES = ("html", "dirhtml")
WITH_PLOTLY = (*WITH_STATES, "singlehtml")


class Places(SphinxPostTransform):
    """Chooses among an output's formats before MyST-NB does (its SelectMimeType has priority 4)."""

    default_priority = 3

    def run(self, **kwargs):
        builder = self.app.builder.name
        for bundle in list(elements(self.document, "mime_bundle")):
            said = words_of(bundle)
            for image in bundle.findall(nodes.image):
                image["alt"] = said
            if builder in WITH_STATES and part(bundle, WIDGET):
                bundle.replace_self(self.widget(bundle))
            elif builder in WITH_PLOTLY and part(bundle, PLOTLY):
                bundle.replace_self(self.plotly(bundle, said))
            elif (
                builder in WITH_PLOTLY
                and part(bundle, "image/png")
                and not part(bundle, "text/html")
            ):
                bundle.replace_self(self.picture(bundle))
            else:
                self.without_scripts(bundle)

    def without_scripts(self, bundle):
        """Picture or text of what only a script can draw; a sentence where it has neither."""
        if (
            part(bundle, WIDGET)
            and not part(bundle, "image/png", "text/html")
            and not text_of(bundle)
        ):
            states = find_states(self.env, self.env.docname)
            there = works(states, _model_of(part(bundle, WIDGET)))
            text = self.words("elsewhere" if there else "no_script_kernel")
            bundle.replace_self(nodes.paragraph("", text))
            return
        for mime in (WIDGET, PLOTLY):
            if part(bundle, mime) and len(bundle) > 1:
                bundle.remove(part(bundle, mime))

    def widget(self, bundle):
        """The place of a widget; nothing for one that its kernel had hidden."""
        view = part(bundle, WIDGET)
        states, model = find_states(self.env, self.env.docname), _model_of(view)
        if is_hidden(states, model):
            return []
        picture, text = self.picture(bundle), text_of(bundle)
        own = states.get(model, {}).get("state", {}).get("no_script") or "no_script"
        need = own if picture else "no_script_panel"
        if not works(states, model):
            need, text = "no_script_kernel", ""
        said = f'<p class="widget-words">{html.escape(text)}</p>' if text else ""
        note = f'<noscript><p class="widget-note">{self.say(need)}</p></noscript>'
        kind = "widget-place with-picture" if picture else "widget-place"
        return [raw(f'<div class="{kind}">'), *picture, raw(f"{said}{note}</div>"), *view.children]

    def plotly(self, bundle, said):
        """The place of a plotly figure."""
        figure, picture = part(bundle, PLOTLY).children, self.picture(bundle)
        note = f"<noscript><p>{self.say('no_script_figure')}</p></noscript>" if picture else ""
        label, height = html.escape(said, quote=True), figure[0]["height"]
        opening = (
            f'<div class="plotly-figure" role="figure" aria-label="{label}" '
            f'style="--height: {height:g}px"><div class="figure-place">'
        )
        return [raw(opening), *picture, raw(f"{note}</div>"), *figure, raw("</div>")]

    def picture(self, bundle):
        """The output's PNG in a box that it may be wider than: no text in it gets too small."""
        found = part(bundle, "image/png")
        if found is None:
            return []
        image = next(iter(found.findall(nodes.image)))
        # relative to the sources by now, with or without a leading slash
        path = os.path.join(self.app.srcdir, image["uri"].lstrip("/"))
        width, height = get_image_size(path) or (640, 480)
        if part(bundle, WIDGET, PLOTLY):
            image["loading"] = "lazy"  # most are never seen: a script draws what they stand for
        box = f'<div class="picture" style="--wide: {width}px; --shape: {width} / {height}">'
        return [raw(box), *found.children, raw("</div>")]

    def words(self, name):
        return words.text(f"host.{name}")

    def say(self, name):
        return html.escape(self.words(name))


def raw(text):
    """HTML as it stands."""
    return nodes.raw("", text, format="html")


def _model_of(view):
    return view.children[0]["model"]
