"""A Talk on an open page, used as a reader does it."""

from explorers import until


class Talking:
    """One Talk; `name`: the one with this name."""

    def __init__(self, page, name):
        self.page, self.root = page, page.locator(f'.labs-talk[data-name="{name}"]')

    def wait(self, state="ready", seconds=30):
        """Wait until it is in a state; AssertionError where it fails instead."""
        self.root.wait_for(state="attached")
        self.root.scroll_into_view_if_needed()
        self.page.wait_for_function(
            "([root, state]) => [state, 'failed'].includes(root.dataset.state)",
            arg=[self.root.element_handle(), state],
            timeout=1000 * seconds,
        )
        assert self.state == state, self.said
        return self

    @property
    def state(self):
        return self.root.get_attribute("data-state")

    @property
    def said(self):
        """The sentence on what goes on."""
        return self.root.locator("[role=status]").inner_text()

    @property
    def text(self):
        """The text shown, prompt and all."""
        return self.root.locator("[data-output]").evaluate("e => e.textContent")

    def find(self, selector):
        return self.root.locator(selector)

    def set(self, **values):
        """Move sliders to values."""
        for name, value in values.items():
            self.find(f'input[data-control="{name}"]').fill(str(value))

    def settle(self):
        """Wait until what was asked of the thread is answered, and drawn."""
        self.ask("encode", "")
        self.page.evaluate("() => new Promise(requestAnimationFrame)")

    def write_prompt(self, text):
        """Type another prompt, and wait until it is shown or refused."""
        self.find("[data-prompt]").fill(text)
        until(self.page, lambda: self.refuses or self.text == (text or "<|endoftext|>"))
        self.settle()

    @property
    def refuses(self):
        """Whether the prompt is refused."""
        return self.find("[data-prompt]").get_attribute("aria-invalid") == "true"

    def generate(self, seconds=60):
        """Press Generate and wait for the end; return the text."""
        self.find("[data-generate]").click()
        self.wait("ready", seconds)
        return self.text

    def ask(self, what, *arguments):
        """What the root's property `talk` answers; typed arrays as lists."""
        return self.root.evaluate(
            f"async (root, given) => {{ const found = await root.talk.{what}(...given);"
            " return ArrayBuffer.isView(found) ? [...found] : found; }",
            list(arguments),
        )

    def bars(self):
        """The bars as [(token's id, per cent, cut away, chosen)]."""
        return self.find("[data-take]").evaluate_all(
            "all => all.map((b) => [Number(b.dataset.take),"
            " parseFloat(b.querySelector('.talk-share').textContent.replace(/[<>]/, '')),"
            " 'cut' in b.dataset, 'chosen' in b.dataset])"
        )

    def rate(self):
        """Tokens a second of the last run."""
        count, seconds = (self.root.get_attribute(f"data-{n}") for n in ("tokens", "seconds"))
        return int(count) / float(seconds)
