"""A live panel in an open notebook, and how every explorer and panel there must respond."""

from explorers import Record, Shown, until
from ipywidgets.embed import dependency_state

import labs


def record_of(path, name):
    """What the page of an explorer of this record must show."""
    explorer = labs.Explorer(labs.load(path), name=name)
    return Record(dependency_state([explorer], drop_defaults=False)[explorer.model_id])


class Panel:
    """The live panel in an open notebook, used as a reader does it."""

    def __init__(self, page):
        self.page, self.root = page, page.locator(".labs-live")
        self.chart = Chart(page)

    def field(self, label):
        """The control with this label."""
        row = self.root.locator(".widget-inline-hbox").filter(
            has=self.page.get_by_text(label, exact=True)
        )
        return row.locator("input, select, .widget-readout").last

    def press(self, name):
        """Click a button by its name."""
        self.root.get_by_role("button", name=name).click()

    def enter(self, label, text):
        """Type into a field and leave it."""
        field = self.field(label)
        # the kernel may write into the field between its selection and the new text
        until(self.page, lambda: field.fill(text) or field.input_value() == text)
        self.page.keyboard.press("Tab")

    def said(self, kind, timeout=30):
        """Wait until the status line is of this kind; return what it says."""
        line = self.root.locator(f'[data-status="{kind}"]')
        line.wait_for(timeout=1000 * timeout)
        return line.inner_text()

    def points(self):
        """How many points the streamed curve has."""
        return (
            self.chart.root.locator('path[data-series="train_loss"]').get_attribute("d").count(",")
        )


class Chart(Shown):
    """The panel's chart, read as an explorer's is."""

    def __init__(self, page):
        self.page, self.root = page, page.locator(".labs-live .labs-chart")

    @property
    def name(self):
        """What those who hear the page are told of the picture."""
        return self.root.get_by_role("img").get_attribute("aria-label")


def label(shown, series):
    """The number at the end of a curve."""
    return shown.root.locator(f".value.of-{series}").text_content()


def colour(shown, series):
    """The colour that a curve has."""
    path = shown.root.locator(f'path[data-series="{series}"]')
    return path.evaluate("path => getComputedStyle(path).stroke")


def expect_move(shown, before, axis, index):
    """The page shows the run `before` with this position on `axis` instead: its controls, its
    curves, its words.
    """
    run = shown.record.run({**shown.record.choice(before), axis: index})
    shown.expect_run(run, before if run != before else None)


def respond(notebook, records):
    """Every panel trains, and every axis of every explorer moves to what was recorded.

    The first axis moves by keyboard, too. What every control does is tested on the pages.
    """
    for _ in range(notebook.page.locator(".labs-live").count()):  # at the explorer's first place
        panel = Panel(notebook.page)
        panel.press("Train")
        panel.said("done", timeout=60)
    assert notebook.page.locator(".labs-explorer[data-run]").count() == len(records)
    for name, record in records.items():
        shown = Shown(notebook.page, name, record)
        for number, axis in enumerate(shown.moving_axes()):
            last = len(record.axes[axis]) - 1
            moves = [(shown.move_by_pointer, last if shown.choice[axis] != last else 0)]
            if number == 0:
                moves += [(shown.move_by_pointer, 0), (shown.move_by_keyboard, 1)]
            for move, to in moves:
                before = shown.run
                move(axis, to)
                expect_move(shown, before, axis, to)
