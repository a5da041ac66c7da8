"""A loss curve as one piece of SVG text: what a stock HTML widget can show."""
import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 250, 62, 112, 10, 40     # in SVG units; the picture scales with the page
# Mixed with the text's own colour: darker on a light page, lighter on a dark one.
INK = {"train_loss": ("#2f7ed8", 1.5), "val_loss": ("#e8710a", 2.5)}


def svg(steps, series, last_step, loss_label, words):
    """Draw the series measured at `steps`, which run to `last_step`; a value of None or NaN is left out.

    `series`: {"train_loss": values, "val_loss": values}. The vertical axis is logarithmic where all values are positive.
    `data-` attributes of the svg hold the scales, so that a reader of the page can turn coordinates back into losses.
    """
    values = [v for column in series.values() for v in column if v is not None and math.isfinite(v)]
    log = min(values) > 0
    low, high = _domain(values, log)
    x_of = lambda step: LEFT + (WIDTH - LEFT - RIGHT) * step / last_step
    bend = math.log if log else float
    y_of = lambda loss: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (bend(loss) - bend(low)) / (bend(high) - bend(low))
    parts = [_axes(x_of, y_of, x_ticks(last_step), y_ticks(low, high, log), words["axis"].format(loss=loss_label), words["step"])]
    ends = {}
    for name, column in series.items():
        there = [(s, v) for s, v in zip(steps, column) if v is not None and math.isfinite(v)]
        if not there:
            continue
        drawn = [(x_of(s), y_of(v)) for s, v in there]
        colour, width = INK[name]
        path = "M" + " L".join(f"{x:.2f},{y:.2f}" for x, y in drawn)
        parts.append(f'<path data-series="{name}" d="{path}" fill="none" stroke-width="{width}" stroke-linejoin="round" '
                     f'stroke="{colour}" style="stroke: color-mix(in srgb, currentColor 30%, {colour})"/>')
        ends[name] = (drawn[-1], there[-1][1])
    parts.append(_labels(ends, words))
    facts = {"x-domain": f"0,{last_step}", "y-scale": "log" if log else "linear", "y-domain": f"{low!r},{high!r}",
             "x-range": f"{LEFT},{WIDTH - RIGHT}", "y-range": f"{HEIGHT - BOTTOM},{TOP}"}
    sentence = html.escape(_sentence(steps, series, last_step, words))
    return (f'<svg role="img" aria-label="{sentence}" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'style="width: 100%; height: auto; color: inherit; font-size: 12px" fill="currentColor" '
            + " ".join(f'data-{name}="{value}"' for name, value in facts.items()) + f">{''.join(parts)}</svg>")


def _domain(values, log):
    low, high = min(values), max(values)
    margin = max(0.06 * (math.log(high / low) if log else high - low), 0.02)
    return (low * math.exp(-margin), high * math.exp(margin)) if log else (low - margin, high + margin)


def x_ticks(last_step):
    """Round steps from 0 to `last_step`, at most six."""
    size = next(n * 10**e for e in range(12) for n in (1, 2, 5) if last_step / (n * 10**e) <= 5)
    return list(range(0, last_step + 1, size))


def y_ticks(low, high, log):
    """Round losses between `low` and `high`: 1, 2 and 5 times powers of ten where those are at least two, or evenly apart."""
    if log:
        tens = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digits in ((1,), (1, 2, 5)):
            ticks = [n * 10.0**e for e in tens for n in digits if low <= n * 10.0**e <= high]
            if len(ticks) >= 3:
                return ticks[::-(-len(ticks) // 7)]
    size = next(n * 10.0**e for e in range(-9, 40) for n in (1, 2, 5) if (high - low) / (n * 10.0**e) <= 5)
    return [i * size for i in range(math.ceil(low / size), math.floor(high / size) + 1)]


def _axes(x_of, y_of, steps, losses, y_label, x_label):
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = [f'<line x1="{left}" x2="{right}" y1="{y_of(v):.1f}" y2="{y_of(v):.1f}" stroke="currentColor" stroke-opacity="0.15"/>'
             f'<text x="{left - 6}" y="{y_of(v) + 4:.1f}" text-anchor="end">{v:.3g}</text>' for v in losses]
    lines += [f'<line x1="{x_of(s):.1f}" x2="{x_of(s):.1f}" y1="{bottom}" y2="{bottom + 4}" stroke="currentColor"/>'
              f'<text x="{x_of(s):.1f}" y="{bottom + 17}" text-anchor="middle">{s}</text>' for s in steps]
    middle = (TOP + bottom) / 2
    return (f'<g><line x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}" stroke="currentColor"/>{"".join(lines)}'
            f'<text x="{(left + right) / 2}" y="{HEIGHT - 5}" text-anchor="middle">{html.escape(x_label)}</text>'
            f'<text transform="translate(14,{middle}) rotate(-90)" text-anchor="middle">{html.escape(y_label)}</text></g>')


def _labels(ends, words):
    """The name and last value of each curve at its end, pushed apart where they would overlap."""
    places = sorted((y, x, name, value) for name, ((x, y), value) in ends.items())
    apart = 16
    if len(places) == 2 and places[1][0] - places[0][0] < apart:
        middle = min(max((places[0][0] + places[1][0]) / 2, TOP + apart / 2), HEIGHT - BOTTOM - apart / 2)
        places = [(middle + side * apart / 2, *place[1:]) for side, place in zip((-1, 1), places)]
    return "".join(
        f'<text x="{x + 6:.1f}" y="{y + 4:.1f}" style="fill: color-mix(in srgb, currentColor 45%, {INK[name][0]})">'
        f'{html.escape(words[name])} {value:.3g}</text>' for y, x, name, value in places)


def _sentence(steps, series, last_step, words):
    number = lambda value: "—" if value is None else f"{value:.3g}"
    first = {f"{name}_first": number(column[0]) for name, column in series.items()}
    last = {f"{name}_last": number(column[-1]) for name, column in series.items()}
    return words["curve"].format(step=steps[-1], steps=last_step, **first, **last)
