"""Predict first, in a chromium: what is covered, what a prediction brings, and how it counts."""

import numpy as np
import pytest
from explorers import AXE, open_all, write_page
from test_payload import record

import labs

OPTIONS = {"up": "it moves up", "stays": "it stays at 0.1", "down": "it moves down"}
NOTE = "Covered until you predict, or say “Show me”."
BECAUSE = "The largest rate that still falls is 0.188 instead of 0.099."


def limit():
    return labs.Question("With momentum, does the limit move?", OPTIONS, "up", BECAUSE)


def best():
    """A question that the record answers."""
    lowest = lambda runs: runs.val_loss.isel(step=-1).min(["learning_rate", "batch_size"])
    answer = lambda runs: lowest(runs).squeeze().idxmin().item()
    why = {"sgd": "It ends lower than adam.", "adam": "It ends lower than sgd."}
    return labs.Question("Which ends lower?", {"sgd": "sgd", "adam": "adam"}, answer, why)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A page of an explorer that asks once, one that asks twice, one that does not ask, and the
    count of predictions.
    """
    runs = record(rates=3, decays=(0.0,), seeds=1)
    once, twice = (
        labs.Explorer(runs, name=name, ask=ask)
        for name, ask in (("once", limit()), ("twice", [limit(), best()]))
    )
    folder = tmp_path_factory.mktemp("asking")
    silent = labs.Explorer(runs, name="silent")
    counted = labs.Predictions(once, twice)
    return write_page(folder / "asking.html", once, twice, silent, counted)


@pytest.fixture
def opened(chromium, path):
    """Open that page with these options; no trouble may be left when the test is over."""
    pages = []

    def show(**options):
        explorers = open_all(chromium, path, **options)
        pages.append(explorers[0].page)
        pages[-1].locator(".labs-predictions .score").wait_for()
        return explorers

    yield show
    for page in pages:
        assert page.troubles == []
        page.context.close()


def asked(shown, position=0):
    return shown.root.locator(f'[data-question="{position}"]')


def answer(shown, option, position=0):
    question = asked(shown, position)
    question.locator(f'[data-option="{option}"]').click()
    question.locator("[data-commit]").click()


def heard(page, name):
    """What a screen reader finds in the explorer `name`: [(role, name)] in the browser's own
    accessibility tree.
    """
    client = page.context.new_cdp_session(page)
    client.send("DOM.enable")
    root = client.send("DOM.getDocument")["root"]["nodeId"]
    selector = {"nodeId": root, "selector": f'[data-name="{name}"]'}
    node = client.send("DOM.querySelector", selector)["nodeId"]
    told = client.send("Accessibility.queryAXTree", {"nodeId": node})["nodes"]
    part = lambda node, key: node.get(key, {}).get("value", "")
    return [(part(n, "role"), part(n, "name")) for n in told if not n["ignored"]]


def expect_covered(shown, note_text=NOTE):
    panel, why = shown.root.locator(".panel-map"), shown.root.locator(".why")
    assert shown.root.locator("[data-covered]").count() == 2
    assert not panel.is_visible() and not why.is_visible()
    notes = shown.root.locator(".cover-note").all()
    assert [note.is_visible() and note.inner_text() == note_text for note in notes] == [True, True]
    told = heard(shown.page, shown.root.get_attribute("data-name"))
    assert ("paragraph", "") in told and not [role for role, _ in told if role == "gridcell"]
    assert [name for role, name in told if role == "StaticText"].count(note_text) == 2


def expect_open(shown):
    assert shown.root.locator("[data-covered]").count() == 0
    assert shown.root.locator(".panel-map").is_visible()
    assert shown.root.locator(".why").is_visible()
    assert not any(note.is_visible() for note in shown.root.locator(".cover-note").all())
    told = heard(shown.page, shown.root.get_attribute("data-name"))
    assert "gridcell" in [role for role, _ in told] and NOTE not in [name for _, name in told]


def test_map_and_why_are_covered_for_eye_and_ear_until_a_prediction(opened):
    once = opened()[0]
    expect_covered(once)
    answer(once, "up")
    expect_open(once)


def test_under_the_cover_nothing_takes_the_keyboard(opened):
    once = opened()[0]
    reached = once.page.evaluate("""() => {
      const all = [...document.querySelectorAll("[data-covered] :is(select, button, [tabindex])")];
      return [all.length, all.filter((e) => (e.focus(), document.activeElement === e)).length];
    }""")
    assert reached[0] > 3 and reached[1] == 0


def test_the_cover_keeps_the_place_of_what_it_hides(opened):
    once = opened(viewport={"width": 860, "height": 900})[0]
    panels = [once.root.locator(place) for place in (".panel-map", ".reason")]
    sizes = lambda: [(p.bounding_box()["width"], p.bounding_box()["height"]) for p in panels]
    before = sizes()
    asked(once).locator("[data-reveal]").click()
    assert np.allclose(sizes(), before, atol=6)


def test_sliders_curves_and_picture_work_before_the_prediction(opened):
    once = opened()[0]
    before = once.run
    once.move_by_keyboard("learning_rate", 1)
    once.expect_run(once.after(before, "learning_rate", 1), before)
    assert once.root.locator("svg.curves").is_visible() and once.root.locator("canvas").is_visible()
    expect_covered(once)


def test_a_prediction_can_be_given_only_when_one_is_chosen(opened):
    once = opened()[0]
    commit = asked(once).locator("[data-commit]")
    assert commit.is_disabled()
    asked(once).get_by_label("it moves down").check()
    assert commit.is_enabled()
    once.move_by_keyboard("learning_rate", 1)
    assert asked(once).get_by_label("it moves down").is_checked() and commit.is_enabled()


@pytest.mark.parametrize(
    "given, verdict, told",
    [
        ("up", "✓Right: it moves up.", {"up": "✓your prediction, right"}),
        (
            "stays",
            "✗Not so: you predicted “it stays at 0.1”, the answer is “it moves up”.",
            {"up": "✓right", "stays": "✗your prediction"},
        ),
        ("", "The answer: it moves up.", {"up": "✓right"}),
    ],
)
def test_the_verdict_says_whether_and_what_and_why_and_has_the_focus(opened, given, verdict, told):
    once = opened()[0]
    question, said = asked(once), asked(once).locator("[data-verdict]")
    assert said.text_content() == "" and said.get_attribute("role") == "status"
    answer(once, given) if given else question.locator("[data-reveal]").click()
    assert said.inner_text() == f"{verdict} {BECAUSE}"
    assert said.evaluate("e => e === document.activeElement")
    for key, label in OPTIONS.items():
        option = question.locator(".option", has=once.page.locator(f'[data-option="{key}"]'))
        assert "".join(option.locator(".tick, .tag").all_inner_texts()) == told.get(key, "")
        box = question.get_by_label(label, exact=True)
        assert box.is_disabled() and box.is_checked() == (key == given)
    assert not question.locator("[data-commit]").is_visible()


def test_the_next_question_comes_after_the_one_before_and_the_cover_lifts_with_the_last(opened):
    twice = opened()[1]
    assert asked(twice, 0).is_visible() and not asked(twice, 1).is_visible()
    answer(twice, "down")
    expect_covered(twice, "Covered until all 2 questions are answered (1 so far).")
    assert asked(twice, 0).locator("[data-verdict]").is_visible()
    twice.page.keyboard.press("Tab")
    assert asked(twice, 1).locator("[data-option]").first.evaluate("e => e.matches(':focus')")
    asked(twice, 1).locator("[data-reveal]").click()
    expect_open(twice)
    assert asked(twice, 0).is_visible() and asked(twice, 1).is_visible()


def test_the_records_own_answer_is_the_right_one(opened):
    twice = opened()[1]
    asked(twice).locator("[data-reveal]").click()
    losses = twice.record.arrays["val_loss"][..., -1].reshape(2, -1)
    order = list(twice.record.axes["optimizer"])
    lower = order[int(np.nanargmin(np.nanmin(losses, axis=1)))]
    answer(twice, lower, position=1)
    assert asked(twice, 1).get_attribute("data-outcome") == "right"
    assert f"lower than {order[1 - order.index(lower)]}." in asked(twice, 1).inner_text()


def test_a_keyboard_is_enough(opened):
    once = opened()[0]
    page = once.page
    page.keyboard.press("Tab")
    assert asked(once).locator('[data-option="up"]').evaluate("e => e === document.activeElement")
    for key in ("ArrowDown", "ArrowDown", "Tab", "Enter"):
        page.keyboard.press(key)
    assert asked(once).get_attribute("data-outcome") == "wrong"
    assert asked(once).locator('[data-option="down"]').is_checked()
    page.keyboard.press("Tab")
    assert once.root.locator("[data-axis]").first.evaluate("e => e === document.activeElement")


def test_an_explorer_without_questions_covers_nothing(opened):
    silent = opened()[2]
    assert silent.root.locator("fieldset, .cover-note").count() == 0
    expect_open(silent)


def test_on_paper_nothing_is_covered(opened):
    once = opened()[0]
    once.page.emulate_media(media="print")
    assert once.root.locator(".panel-map").is_visible() and once.root.locator(".why").is_visible()
    assert once.root.locator("[role=gridcell]").first.is_visible()
    assert not once.root.locator(".cover-note").first.is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_before_and_after(opened, theme):
    once, twice, _ = opened(color_scheme=theme)
    page = once.page
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    page.add_script_tag(path=str(AXE))
    run = (
        "axe.run({include: ['.questions', '.panel-words', '[data-covered]', '.labs-predictions']})"
    )
    found = lambda: [(v["id"], v["nodes"][0]["html"]) for v in page.evaluate(run)["violations"]]
    assert found() == []
    answer(once, "up")
    answer(twice, "down")
    asked(twice, 1).locator("[data-reveal]").click()
    assert found() == []


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_questions_fit_320_pixels_in_both_directions(opened, direction):
    once, twice, _ = opened(viewport={"width": 320, "height": 740})
    once.page.evaluate("direction => document.documentElement.dir = direction", direction)
    for step in ("open", "settled"):
        outside = once.page.evaluate("""() => {
          const places = [".questions *", ".cover-note", ".labs-predictions *"];
          const leaves = (e) => {
            const box = (element) => element.getBoundingClientRect();
            const [own, all] = [box(e), box(e.closest(".labs-explorer"))];
            return own.width && (own.left < all.left - 0.5 || own.right > all.right + 0.5);
          };
          const found = [...document.querySelectorAll(places)].filter(leaves);
          return found.map((e) => e.outerHTML);
        }""")
        assert outside == [], step
        if step == "open":
            answer(once, "down")
            answer(twice, "down")


def test_predictions_count_over_the_explorers_and_lead_to_the_open_ones(opened):
    once, twice, _ = opened()
    counted = once.page.locator(".labs-predictions")
    said = lambda: [line for line in counted.inner_text().split("\n") if line]
    question, second = "With momentum, does the limit move?", "Which ends lower?"
    nothing = "You have not predicted anything yet."
    assert said() == [nothing, "Questions still open: 3.", question, question]
    answer(once, "up")
    assert said() == ["You predicted 1 of 1 right.", "Questions still open: 2.", question]
    asked(twice).locator("[data-reveal]").click()
    told = "Questions still open: 1. Answers shown without a prediction: 1."
    assert said() == ["You predicted 1 of 1 right.", told, second]
    counted.get_by_role("button", name=second).click()
    assert (
        asked(twice, 1).locator("[data-option]").first.evaluate("e => e === document.activeElement")
    )
    answer(twice, "adam", position=1)
    right = 1 + (asked(twice, 1).get_attribute("data-outcome") == "right")
    assert said() == [
        f"You predicted {right} of 2 right.",
        "Answers shown without a prediction: 1.",
    ]


def test_predictions_of_an_explorer_that_is_gone_say_so(chromium, tmp_path):
    explorer = labs.Explorer(record(rates=2), name="gone", ask=limit())
    path = write_page(tmp_path / "gone.html", labs.Predictions(explorer))
    path.write_text(
        path.read_text(encoding="utf-8").replace(f'"{explorer.model_id}": ', '"another": '),
        encoding="utf-8",
    )
    page = chromium.new_page()
    page.goto(path.as_uri())
    page.locator(".labs-predictions [role=alert]").wait_for()
    assert "cannot be found" in page.locator(".labs-predictions").inner_text()
    page.close()
