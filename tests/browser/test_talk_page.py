"""The GPT in the page, in a chromium, on a built page from disk: it writes what PyTorch writes."""

import copy
import random
import unicodedata

import numpy as np
import pytest
import small_book
import small_gpt
import torch
from explorers import AXE, until
from small_book import cell, text, view
from talks import Talking
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper
from transformers import TopPLogitsWarper as TopP

import labs
from labs import compress
from labs.gpt import folder, generate
from labs.widgets.weights import Weights

PROMPTS = ("def ", 'import os\n\n\nclass Café(object):\n\t"""', "for i in range(10): print(i")
BITS = (16, 8, 4, 3, 2)
FLOOR = 15  # tokens a second; 100 to 200 on two idle cores, but tests share theirs with others
LONG = "# Page\n\n" + "\n\n".join("Words above it." for _ in range(120))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder, the model, its tokenizer), as large as the recorded one."""
    saved = tmp_path_factory.mktemp("model") / "saved"
    shape = {"layers": 4, "width": 192, "heads": 6, "vocabulary": 1024, "context": 256}
    return saved, *small_gpt.save(saved, **shape)


@pytest.fixture(scope="module")
def shelf(made, tmp_path_factory):
    """{name: widget}: two Talks of one model, one whose weights are spoilt."""
    saved = made[0]
    spoilt = labs.Talk(saved, name="spoilt")
    spoilt.set_trait("weights", Weights(b"no weights"))
    return {
        "one": labs.Talk(saved, name="one", prompt="def "),
        "two": labs.Talk(saved, name="two", prompt="import os", bits=4, top_k=0, seed=5),
        "spoilt": spoilt,
    }


@pytest.fixture(scope="module")
def path(shelf, tmp_path_factory):
    """A page of the book with all of them, far below its top."""
    cells = [text(LONG), *(cell(view(widget)) for widget in shelf.values())]
    book = small_book.write(tmp_path_factory.mktemp("talk"), cells, shelf.values())
    return small_book.built(book)


@pytest.fixture(scope="module")
def opened(path, visitor):
    """The page from disk; no trouble may be left when all is over."""
    with visitor() as visit:
        seen = visit(path.as_uri())
        yield seen
        assert seen.errors == [] and seen.elsewhere == []


@pytest.fixture
def one(opened):
    """The first Talk, with the settings it had at first."""
    talk = Talking(opened.page, "one").wait()
    talk.set(temperature=0.8, top_k=40, top_p=0.95, bits=16, seed=0)
    for prompt in ("d", "def "):
        talk.write_prompt(prompt)
    return talk.wait()


@pytest.fixture
def alone(path, visit):
    """Open the page anew: alone(**options of a browser's context) → the first Talk."""

    def show(**options):
        return Talking(visit(path.as_uri(), **options).page, "one")

    return show


def with_bits(model, bits):
    """A copy of the model whose matrices, but positions, have so few bits a weight."""
    fewer = copy.deepcopy(model)
    for name, parameter in fewer.named_parameters():
        if parameter.ndim == 2 and "wpe" not in name and bits < 16:
            outputs_first = parameter.data if "wte" in name else parameter.data.T
            rows = compress.quantized(outputs_first, bits)
            parameter.data = rows if "wte" in name else rows.T
    return fewer


@torch.no_grad()
def torch_logits(model, ids):
    return model(torch.tensor([ids])).logits[0, -1]


# What travels, and when


def test_weights_are_one_file_of_the_page_and_fetched_when_the_reader_comes_near(path, alone):
    html = path.read_text(encoding="utf-8")
    files = {f.name: f.stat().st_size for f in (path.parent / "_static" / "widgets").glob("*.js")}
    large = [name for name, size in files.items() if size > 1_000_000]
    assert len(html) < 100_000 and len(files) == 3 and len(large) == 1
    talk = alone()
    loaded = f"window.widgetFiles && {large[0].removesuffix('.js')!r} in window.widgetFiles"
    talk.page.wait_for_function("!document.querySelector('.widget-place, .in-the-making')")
    talk.page.wait_for_timeout(500)
    assert talk.state == "loading" and not talk.page.evaluate(loaded)
    talk.wait()
    assert talk.page.evaluate(loaded)
    assert talk.page.locator(f'script[src*="{large[0]}"]').count() == 1
    Talking(talk.page, "two").wait()
    assert talk.page.locator(f'script[src*="{large[0]}"]').count() == 1


def test_its_elements_are_those_of_the_contract(one):
    for selector in ("textarea[data-prompt]", "button[data-generate]", "button[data-stop]"):
        assert one.find(selector).count() == 1
    assert one.find("[data-output]").count() == 1 and one.state == "ready"
    shown = {"temperature": "0.8", "top_k": "40", "top_p": "0.95", "bits": "16", "seed": "0"}
    for name, value in shown.items():
        assert one.find(f'input[data-control="{name}"]').input_value() == value
    two = Talking(one.page, "two").wait()
    assert two.find('input[data-control="bits"]').input_value() == "4"
    assert two.find('input[data-control="top_k"]').get_attribute("aria-valuetext") == (
        "top-k no limit"
    )


# The tokenizer

WRITTEN = [
    *("", " ", "  ", "\n", "\r\n", "\t\t x", "a\r\nb\rc", "x  \n\n  y", "\0\1\x7f"),
    *("I'll we've 'tis don't 'S 's", "1234567 3.14 ½ ²³ Ⅷ ٣٤", "naïve Café Ångström"),
    *("日本語のテキスト", "中文，字符。", "한국어 문장", "العربية نص", "עברית", "ไทยไม่มีวรรค"),
    *("👍🏽 👨\u200d👩\u200d👧 🇩🇪", "e\u0301 \u1e9b\u0323", "𝔘𝔫𝔦 𐍈 𒀀", "ß ẞ ǆ ﬁ"),
    *("\u2028\u2029\u0085\u00a0\u3000", "\u200b\u200d\u2060", "\u180e\u1680\u2007"),
    *("\ufeffBOM\ufeff", "<|endoftext|>", "a<|endoftext|>b <|endoftext|>", "<|endoftext"),
    *("__init__(self)->None:", "    \n\t  \n "),
]


def strings():
    """More than 200 texts of every kind."""
    draw = random.Random(0)
    signs = [chr(c) for c in range(0x3000) if unicodedata.category(chr(c))[0] not in "C"]
    near = [*" \n\t's1_\r\0", "é", "²", "\u00a0", "中", "😀", "\u2003"]
    runs = [" " * n + "x" for n in range(1, 12)] + ["a" * 300, "=" * 80, "\n" * 30, "0" * 40]
    mixed = ["".join(draw.choices(near, k=draw.randint(1, 30))) for _ in range(80)]
    wide = ["".join(draw.choices(signs, k=draw.randint(1, 60))) for _ in range(80)]
    return [*PROMPTS, *WRITTEN, *runs, *mixed, *wide]


def test_text_becomes_the_tokens_that_hugging_face_makes_of_it(one, made):
    tokenizer, texts = made[2], strings()
    assert len(set(texts)) > 200
    for said in texts:
        ids = tokenizer.encode(said).ids
        assert one.ask("encode", said) == ids, ascii(said)
        assert one.ask("decode", ids) == tokenizer.decode(ids, skip_special_tokens=False)


def test_any_tokens_become_the_text_that_hugging_face_makes_of_them(one, made):
    draw = random.Random(1)
    for _ in range(60):
        ids = [draw.randrange(1024) for _ in range(draw.randint(1, 40))]
        ids = [draw.randrange(1, 257) for _ in ids] if draw.random() < 0.5 else ids
        assert one.ask("decode", ids) == made[2].decode(ids, skip_special_tokens=False)


# The model


@pytest.mark.parametrize("bits", BITS)
def test_logits_are_pytorchs_at_every_number_of_bits(one, made, bits):
    model = with_bits(made[1], bits)
    for prompt in PROMPTS:
        expected = torch_logits(model, made[2].encode(prompt).ids).numpy()
        found = np.array(one.ask("logits", prompt, bits))
        assert expected.std() > 0.5
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)


def test_greedy_text_is_that_of_labs_gpt(one, made):
    model, tokenizer = folder.load(made[0])
    one.set(temperature=0, bits=4)
    for prompt in PROMPTS:
        one.write_prompt(prompt)
        compress.quantize_(model, 4)
        more = generate.complete(model, tokenizer, prompt, stop=0, most=256, temperature=0)
        assert one.generate() == prompt + more


def test_greedy_text_is_that_of_transformers(one, made):
    _, model, tokenizer = made
    one.write_prompt("class ")
    for bits in (16, 3):
        one.set(temperature=0, bits=bits)
        one.settle()
        shown = one.generate()
        ids = tokenizer.encode("class ").ids
        expected = with_bits(model, bits).generate(
            torch.tensor([ids]), do_sample=False, max_length=256, pad_token_id=0
        )[0]
        assert shown == tokenizer.decode(expected.tolist()), "skips the end, as the page does"


@pytest.mark.parametrize(
    "temperature, top_k, top_p", [(0.8, 40, 0.95), (1, 0, 0.5), (1.5, 7, 1), (0.3, 0, 0.01)]
)
def test_what_is_left_is_what_transformers_leaves(one, made, temperature, top_k, top_p):
    logits = torch_logits(made[1], made[2].encode("def ").ids)[None]
    warp = LogitsProcessorList([TemperatureLogitsWarper(float(temperature))])
    before = warp(None, logits)[0].softmax(0)
    warp += [TopKLogitsWarper(top_k)] if top_k else []
    warp += [TopP(float(top_p))] if top_p < 1 else []
    left = warp(None, logits)[0].softmax(0)
    one.set(temperature=temperature, top_k=top_k, top_p=top_p)
    one.settle()
    kept = int((left > 0).sum())
    note = one.find(".talk-next .note").inner_text()
    assert f"leave {kept} of 1,024 tokens" in note
    order = before.argsort(descending=True)[:10].tolist()
    bars = one.bars()
    assert [bar[0] for bar in bars] == order
    for token, share, cut, chosen in bars:
        expected = 100 * float(before[token] if cut else left[token])
        assert cut == (left[token] == 0) and not chosen
        assert share == pytest.approx(expected, abs=0.51 if expected > 9.9 else 0.0501)


def test_attention_is_that_of_pytorch(one, made):
    _, model, tokenizer = made
    prompt = "for x in y:\n    z"
    one.write_prompt(prompt)
    ids = tokenizer.encode(prompt).ids
    with torch.no_grad():
        found = model(torch.tensor([ids]), output_attentions=True)
    attentions = torch.stack(found.attentions)[:, 0]
    last = len(ids) - 1
    one.find(f'[data-token="{last}"]').click()
    for layer, head in ((0, 0), (2, 0), (0, 5), (4, 6)):
        one.find('[data-attention="layer"]').select_option(index=layer)
        one.find('[data-attention="head"]').select_option(index=head)
        one.settle()
        some = attentions[layer - 1 : layer] if layer else attentions
        some = some[:, head - 1 : head] if head else some
        expected = some.mean((0, 1))[last].numpy()
        found = one.find("[data-token]").evaluate_all(
            "all => all.map((e) => Number(e.style.getPropertyValue('--share')))"
        )
        np.testing.assert_allclose(found, expected, atol=1e-4)
    named = int(expected.argmax()) + 1
    assert f"(token {named}) " in one.find(".talk-words").inner_text()


# Writing


def test_the_same_seed_gives_the_same_text_and_another_another(one):
    first = one.generate()
    assert first.startswith("def ") and len(first) > 60
    assert one.generate() == first
    one.set(seed=1)
    other = one.generate()
    assert other != first
    one.set(seed=0, temperature=0.5)
    assert one.generate() not in (first, other)
    one.set(temperature=0.8)
    assert one.generate() == first
    assert one.page.locator(".labs-talk").first.evaluate("e => e.dataset.state") == "ready"


def test_step_by_step_it_writes_the_same(one):
    whole = one.generate()
    one.write_prompt("def")
    one.write_prompt("def ")
    for _ in range(5):
        one.find("[data-next]").click()
        one.wait()
    assert whole.startswith(one.text) and len(one.text) > len("def ")
    one.find("[data-on]").click()
    one.wait()
    assert one.text == whole


def test_it_writes_fast_enough_and_the_page_answers_meanwhile(one):
    one.set(seed=3, temperature=1.2, top_k=0, top_p=1)
    one.find("[data-generate]").click()
    one.page.wait_for_function(
        "document.querySelectorAll('.labs-talk[data-state=running] [data-token]').length > 5"
    )
    late = one.root.evaluate("""async (root) => {
      const area = root.querySelector("textarea");
      const frame = () => new Promise(requestAnimationFrame);
      const waits = [];
      while (root.dataset.state === "running" && waits.length < 40) {
        const start = performance.now();
        area.value += "x";
        area.dispatchEvent(new Event("input", { bubbles: true }));
        await frame();
        waits.push(performance.now() - start);
      }
      return waits;
    }""")
    one.wait()
    assert len(late) > 3 and np.median(late) < 100
    assert "xxx" in one.find("[data-prompt]").input_value() and "xxx" not in one.text
    assert one.rate() > FLOOR, one.said


def test_stop_stops_and_it_can_begin_again(one):
    one.set(seed=4, temperature=1.5, top_k=0, top_p=1)
    whole = one.generate()
    one.find("[data-generate]").click()
    one.page.wait_for_function(
        "document.querySelectorAll('.labs-talk[data-state=running] [data-token]').length > 5"
    )
    took = one.root.evaluate("""async (root) => {
      const start = performance.now();
      root.querySelector("[data-stop]").click();
      while (root.dataset.state === "running") await new Promise(requestAnimationFrame);
      return performance.now() - start;
    }""")
    assert took < 500 and one.said.endswith("Stopped.")  # a frame or two, on an idle machine
    begun = one.text
    assert whole.startswith(begun.rstrip("\ufffd")) and len(begun) < len(whole)
    assert one.generate() == whole


def test_pressed_again_while_it_runs_it_begins_anew(one):
    whole = one.generate()
    one.find("[data-generate]").click()
    one.find("[data-generate]").click()
    one.wait()
    assert one.text == whole


def test_a_bar_that_is_pressed_goes_into_the_text(one, made):
    one.generate()
    one.find('[data-token="4"]').click()
    one.settle()
    chosen = [token for token, *_, chosen in one.bars() if chosen]
    other = next(token for token, *_, chosen in one.bars() if not chosen)
    ids = one.ask("encode", "def ")
    assert len(chosen) == 1 and len(ids) < 4
    one.find(f'[data-take="{other}"]').click()
    one.settle()
    assert one.find("[data-token]").count() == 5 and other not in chosen
    assert one.find(".talk-next .title").inner_text() == "What comes next"
    before = one.text
    one.find("[data-on]").click()
    one.wait()
    assert one.text.startswith(before.rstrip("\ufffd")) and len(one.text) > len(before)


# What it is asked and cannot do


def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(one):
    before = one.text
    for said in ("x = 1\n" * 200, "z" * 100_000):
        one.write_prompt(said)
        one.find("[data-generate]").click()
        one.wait().settle()
        assert one.refuses and one.text == before
        assert "and the model reads at most 256: shorten it." in one.said
    one.find("[data-prompt]").fill("de")
    one.page.wait_for_function("() => !document.querySelector('[data-prompt][aria-invalid]')")
    assert one.said.startswith("Ready: ")


def test_a_full_context_ends_the_text_with_a_sentence(one, made):
    ids = made[2].encode("x = 1\n" * 200).ids[:256]
    prompt = made[2].decode(ids)
    assert len(one.ask("encode", prompt)) == 256
    one.write_prompt(prompt)
    assert one.generate() == prompt
    assert "The context of 256 tokens is full" in one.said
    one.find("[data-on]").click()
    one.wait()
    assert one.text == prompt and "is full" in one.said


def test_an_empty_prompt_begins_at_the_token_between_texts(one, made):
    one.set(temperature=0)
    one.write_prompt("")
    shown = one.generate()
    begin, options = torch.tensor([[0]]), {"max_length": 256, "pad_token_id": 0}
    expected = made[1].generate(begin, do_sample=False, **options)
    assert shown == "<|endoftext|>" + made[2].decode(expected[0].tolist())


def test_a_seed_that_is_no_whole_number_is_refused_in_words(one):
    field = one.find('input[data-control="seed"]')
    for wrong in ("", "-1", "1.5", "4294967296"):
        field.fill(wrong)
        one.find("[data-generate]").click()
        assert "The seed must be a whole number from 0 to 4294967295" in one.said
        assert field.get_attribute("aria-invalid") == "true" and one.state == "ready"
    field.fill("4294967295")
    assert field.get_attribute("aria-invalid") is None
    assert one.generate()


def test_another_seed_is_a_press_away(one):
    before = one.find('input[data-control="seed"]').input_value()
    one.find("[data-another]").click()
    one.wait()
    assert one.find('input[data-control="seed"]').input_value() != before
    assert len(one.text) > len("def ")


def test_bits_step_to_those_that_there_are(one):
    slider = one.find('input[data-control="bits"]')
    slider.focus()
    seen = []
    for key in ["ArrowLeft"] * 5 + ["ArrowRight"] * 5:
        one.page.keyboard.press(key)
        seen.append(slider.input_value())
    assert seen == ["8", "4", "3", "2", "2", "3", "4", "8", "16", "16"]
    one.page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "bits a weight 8 bits: loss 1.53"
    current = one.find(".talk-losses [aria-current]")
    assert current.count() == 1 and current.inner_text().split("\n")[0] == "8 bits"
    for value, near in (("12", "8"), ("13", "16"), ("6", "4"), ("7", "8")):
        slider.evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', { bubbles: true })); }",
            value,
        )
        assert slider.input_value() in (near, "8")


def test_other_bits_change_what_is_likely_where_the_reader_looks(one):
    one.generate()
    one.find('[data-token="6"]').click()
    one.settle()
    whole, before = one.bars(), one.text
    one.set(bits=2)
    until(one.page, lambda: one.bars() != whole)
    assert one.find('[data-looked][data-token="6"]').count() == 1 and one.text == before
    one.set(bits=16)
    until(one.page, lambda: one.bars() == whole)
    assert one.text == before


def test_spoilt_weights_fail_with_a_sentence_and_leave_the_page_alone(path, visit):
    seen = visit(path.as_uri())
    spoilt = Talking(seen.page, "spoilt")
    spoilt.wait("failed")
    assert "The model cannot run here (" in spoilt.said and "reload the page" in spoilt.said
    spoilt.find("[data-generate]").click()
    spoilt.wait("failed")
    assert Talking(seen.page, "one").wait().generate()


# For every reader


def test_a_keyboard_is_enough(alone):
    talk = alone().wait()
    page = talk.page
    talk.find("[data-prompt]").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("import ")
    page.keyboard.press("Control+Enter")
    talk.wait("running")
    talk.wait()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.generate") == ""
    for _ in range(3):  # Stop is off
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "talk-caret"
    page.keyboard.press("Home")
    talk.settle()
    assert "is the first. It attends to" in talk.find(".talk-words").inner_text()
    page.keyboard.press("ArrowRight")
    talk.settle()
    said = talk.find(".talk-words").inner_text()
    assert said.startswith("Token 2, ") and " It attends most to " in said
    assert talk.find("[data-looked]").count() == 1
    assert sum(chosen for *_, chosen in talk.bars()) == 1
    page.keyboard.press("Escape")
    talk.settle()
    assert talk.find("[data-shaded]").count() == 0
    assert talk.find(".talk-next .title").inner_text() == "What comes next"
    assert page.evaluate("document.activeElement.tabIndex") == 0


def test_pointing_shows_and_leaving_forgets(one):
    one.generate()
    one.find('[data-token="3"]').hover()
    one.settle()
    assert one.find(".talk-words").inner_text().startswith("Token 4, ")
    one.find(".about").hover()
    one.settle()
    assert one.find(".talk-words").inner_text() == "" and one.find("[data-shaded]").count() == 0


def test_a_tap_shows_and_a_second_forgets(path, chromium):
    context = chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = context.new_page()
    page.goto(path.as_uri())
    talk = Talking(page, "one").wait()
    talk.find("[data-generate]").tap()
    talk.wait()
    talk.find('[data-token="3"]').tap()
    talk.settle()
    assert talk.find(".talk-words").inner_text().startswith("Token 4, ")
    talk.find('[data-token="3"]').tap()
    talk.settle()
    assert talk.find("[data-shaded]").count() == 0
    context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 820, 1280])
def test_nothing_sticks_out_and_axe_finds_nothing(alone, width, dark):
    talk = alone(width=width, dark=dark).wait()
    talk.generate()
    talk.find('[data-token="5"]').click()
    talk.settle()
    assert talk.page.evaluate("document.documentElement.scrollWidth") <= width
    inside = """root => [...root.querySelectorAll("*")].filter((e) => {
      const box = e.getBoundingClientRect(), own = root.getBoundingClientRect();
      const scrolls = e.closest("[data-output]");
      return box.width && !scrolls && (box.right > own.right + 1 || box.left < own.left - 1);
    }).map((e) => e.className)"""
    assert talk.root.evaluate(inside) == []
    talk.page.add_script_tag(path=str(AXE))
    found = talk.page.evaluate("axe.run('.labs-talk', {resultTypes: ['violations']})")
    assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []


def test_one_sentence_is_spoken_for_a_text_and_none_for_a_token(one):
    one.root.evaluate("""root => {
      window.spoken = [];
      const live = root.querySelectorAll("[role=status], [aria-live]");
      new Set([...live]).forEach((e) => new MutationObserver(() => spoken.push(e.innerText))
        .observe(e, { childList: true, characterData: true, subtree: true }));
    }""")
    one.generate()
    spoken = one.page.evaluate("spoken")
    assert [said.split(" ")[0] for said in spoken] == ["Writing.", "Wrote"]


def test_forced_colours_leave_lines_for_what_backgrounds_said(path, chromium):
    context = chromium.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(path.as_uri())
    talk = Talking(page, "one").wait()
    talk.write_prompt("for x in y")
    talk.find('[data-token="3"]').click()
    talk.settle()
    line = "e => getComputedStyle(e).textDecorationLine"
    assert talk.find('[data-token="0"]').evaluate(line) == "underline"
    bar = talk.find(".talk-bars .talk-track i").first
    assert bar.evaluate("e => getComputedStyle(e).backgroundColor") != "rgba(0, 0, 0, 0)"
    context.close()


def test_on_paper_the_whole_text_and_the_bars_stand(one):
    one.generate()
    one.page.emulate_media(media="print")
    output = one.find("[data-output]")
    assert output.evaluate("e => e.scrollHeight - e.clientHeight") <= 1
    assert one.find(".talk-bars button").first.is_visible()
    assert not one.find("[data-generate]").is_visible()
    one.page.emulate_media(media="screen")


def test_who_wants_less_motion_gets_none(path, chromium):
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(path.as_uri())
    talk = Talking(page, "one").wait()
    moving = "e => [getComputedStyle(e).transitionDuration, getComputedStyle(e).animationName]"
    assert talk.find(".talk-track i").first.evaluate(moving) == ["0s", "none"]
    assert talk.find(".talk-caret").evaluate(moving) == ["0s", "none"]
    context.close()


def test_without_javascript_its_loss_is_a_picture_and_a_true_sentence_says_why(path, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    place = page.locator(".widget-place").first
    assert place.locator("img").get_attribute("alt").startswith("A GPT of ")
    assert "so only the loss of its model is shown" in place.locator("noscript").inner_text()
    context.close()
