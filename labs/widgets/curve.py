"""A loss curve as one piece of SVG text: what a stock HTML widget can show."""

import html
import math

from labs import words

# In SVG units; the picture scales with the page.
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 250, 62, 112, 10, 40
# Mixed with the text's own colour: darker on a light page, lighter on a dark one.
INK = {"train_loss": ("#2f7ed8", 1.5), "val_loss": ("#e8710a", 2.5)}
APART = 16  # between the labels of two curves


def svg(steps, series, last_step, loss_label):
    """Draw the series measured at `steps`, which run to `last_step`; a value of None or NaN is left
    out.

    `series`: {"train_loss": values, "val_loss": values}. The vertical axis is logarithmic where all
    values are positive. `data-` attributes of the svg hold the scales, so that a reader of the page
    can turn coordinates back into losses.
    """
    values = [v for column in series.values() for v in column if _is_number(v)]
    log = min(values) > 0
    low, high = _domain(values, log)
    x_of, y_of = _places(last_step, low, high, log)
    parts = [_axes(x_of, y_of, x_ticks(last_step), y_ticks(low, high, log), loss_label)]
    ends = {}
    for name, column in series.items():
        there = [(step, v) for step, v in zip(steps, column) if _is_number(v)]
        if there:
            drawn = [(x_of(step), y_of(v)) for step, v in there]
            parts.append(_path(name, drawn))
            ends[name] = (drawn[-1], there[-1][1])
    parts.append(_labels(ends))
    facts = {
        "x-domain": f"0,{last_step}",
        "y-scale": "log" if log else "linear",
        "y-domain": f"{low!r},{high!r}",
        "x-range": f"{LEFT},{WIDTH - RIGHT}",
        "y-range": f"{HEIGHT - BOTTOM},{TOP}",
    }
    data = " ".join(f'data-{name}="{value}"' for name, value in facts.items())
    sentence = html.escape(_sentence(steps, series, last_step))
    style = "width: 100%; height: auto; color: inherit; font-size: 12px"
    return (
        f'<svg role="img" aria-label="{sentence}" viewBox="0 0 {WIDTH} {HEIGHT}" style="{style}" '
        f'fill="currentColor" {data}>{"".join(parts)}</svg>'
    )


def _is_number(value):
    return value is not None and math.isfinite(value)


def _domain(values, log):
    low, high = min(values), max(values)
    margin = max(0.06 * (math.log(high / low) if log else high - low), 0.02)
    if log:
        return low * math.exp(-margin), high * math.exp(margin)
    return low - margin, high + margin


def _places(last_step, low, high, log):
    """The functions from steps and from losses to coordinates."""
    bend = math.log if log else float
    slope = (HEIGHT - TOP - BOTTOM) / (bend(high) - bend(low))
    x_of = lambda step: LEFT + (WIDTH - LEFT - RIGHT) * step / last_step
    y_of = lambda loss: HEIGHT - BOTTOM - slope * (bend(loss) - bend(low))
    return x_of, y_of


def _path(name, points):
    colour, width = INK[name]
    path = "M" + " L".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return (
        f'<path data-series="{name}" d="{path}" fill="none" stroke-width="{width}" '
        f'stroke-linejoin="round" stroke="{colour}" '
        f'style="stroke: color-mix(in srgb, currentColor 30%, {colour})"/>'
    )


def x_ticks(last_step):
    """Round steps from 0 to `last_step`, at most six."""
    sizes = (n * 10**e for e in range(12) for n in (1, 2, 5))
    size = next(size for size in sizes if last_step / size <= 5)
    return list(range(0, last_step + 1, size))


def y_ticks(low, high, log):
    """Round losses between `low` and `high`: 1, 2 and 5 times powers of ten where those are at
    least two, or evenly apart.
    """
    if log:
        tens = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digits in ((1,), (1, 2, 5)):
            ticks = [n * 10.0**e for e in tens for n in digits if low <= n * 10.0**e <= high]
            if len(ticks) >= 3:
                return ticks[:: -(-len(ticks) // 7)]
    sizes = (n * 10.0**e for e in range(-9, 40) for n in (1, 2, 5))
    size = next(size for size in sizes if (high - low) / size <= 5)
    return [i * size for i in range(math.ceil(low / size), math.floor(high / size) + 1)]


def _axes(x_of, y_of, steps, losses, loss_label):
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    middle = (TOP + bottom) / 2
    lines = [_line(left, right, bottom, bottom)]
    for loss in losses:
        y = y_of(loss)
        lines.append(_line(left, right, y, y, ' stroke-opacity="0.15"'))
        lines.append(_text(f'x="{left - 6}" y="{y + 4:.1f}" text-anchor="end"', f"{loss:.3g}"))
    for step in steps:
        x = x_of(step)
        lines.append(_line(x, x, bottom, bottom + 4))
        lines.append(_text(f'x="{x:.1f}" y="{bottom + 17}" text-anchor="middle"', str(step)))
    below = f'x="{(left + right) / 2}" y="{HEIGHT - 5}" text-anchor="middle"'
    beside = f'transform="translate(14,{middle}) rotate(-90)" text-anchor="middle"'
    lines.append(_text(below, words.text("curves.step")))
    lines.append(_text(beside, words.text("curves.loss", loss=words.label(loss_label)).strip()))
    return f"<g>{''.join(lines)}</g>"


def _line(x1, x2, y1, y2, more=""):
    places = f'x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"'
    return f'<line {places} stroke="currentColor"{more}/>'


def _text(attributes, text):
    return f"<text {attributes}>{html.escape(text)}</text>"


def _labels(ends):
    """The name and last value of each curve at its end, pushed apart where they would overlap."""
    places = sorted((y, x, name, value) for name, ((x, y), value) in ends.items())
    if len(places) == 2 and places[1][0] - places[0][0] < APART:
        middle = (places[0][0] + places[1][0]) / 2
        middle = min(max(middle, TOP + APART / 2), HEIGHT - BOTTOM - APART / 2)
        places = [(middle + s * APART / 2, *place[1:]) for s, place in zip((-1, 1), places)]
    return "".join(_label(*place) for place in places)


def _label(y, x, name, value):
    style = f'style="fill: color-mix(in srgb, currentColor 45%, {INK[name][0]})"'
    said = f"{words.text(f'curves.{name}')} {value:.3g}"
    return _text(f'x="{x + 6:.1f}" y="{y + 4:.1f}" {style}', said)


def _sentence(steps, series, last_step):
    number = lambda value: "—" if value is None else f"{value:.3g}"
    first = {f"{name}_first": number(column[0]) for name, column in series.items()}
    last = {f"{name}_last": number(column[-1]) for name, column in series.items()}
    return words.text("live.curve", step=steps[-1], steps=last_step, **first, **last)
