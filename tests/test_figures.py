"""Figures show the record's numbers."""

import base64
import datetime
import io

import numpy as np
import plotly.graph_objects as go
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.colors import to_rgba
from matplotlib.dates import AutoDateLocator, num2date
from PIL import Image
from plotly.subplots import make_subplots
from test_payload import record

import labs
from labs import painter, strokes, words


@pytest.fixture(scope="module")
def runs():
    return record()


def test_the_figure_shows_the_mean_over_repetitions_and_leaves_diverged_points_out(runs):
    figure = labs.figures.final_losses(runs, batch_size=32, weight_decay=0.0)
    for line, optimizer in zip(figure.data, ["sgd", "adam"]):
        final = runs.val_loss.sel(optimizer=optimizer, batch_size=32, weight_decay=0.0).isel(
            step=-1
        )
        expected = final.squeeze().mean("seed", skipna=False).values
        assert line.name == optimizer and line.y[-1] is None and np.isnan(expected[-1])
        shown = np.array([np.nan if y is None else y for y in line.y])
        np.testing.assert_allclose(shown, expected, atol=1e-4)
        bars = [np.nan if y is None else y for y in line.error_y.array]
        deviations = final.squeeze().std("seed", ddof=1, skipna=False)
        np.testing.assert_allclose(bars, deviations, atol=1e-4)


def test_a_single_run_has_no_deviation(runs):
    one = labs.figures.final_losses(runs.isel(seed=0), batch_size=32, weight_decay=0.0)
    assert all(y is None for line in one.data for y in line.error_y.array)


def test_axes_and_values_are_named_in_words(runs):
    layout = labs.figures.final_losses(runs, series="val_metric", batch_size=32).layout
    assert layout.xaxis.title.text == "learning rate" and layout.xaxis.type == "log"
    assert layout.yaxis.title.text == "final accuracy on the validation samples"


def test_lines_and_axis_may_be_exchanged(runs):
    table = np.array([line.y for line in labs.figures.final_losses(runs, batch_size=32).data])
    turned = labs.figures.final_losses(runs, "optimizer", "learning_rate", batch_size=32)
    assert np.array_equal(np.array([line.y for line in turned.data]).T, table)
    assert turned.layout.xaxis.type == "category"


def test_an_axis_of_bounds_has_a_place_for_none():
    grid = labs.Grid(optimizer=["sgd", "adam"], clip_norm=[0.5, None])
    runs = labs.sweep(labs.tasks.spirals(), grid, steps=2)
    for line in labs.figures.final_losses(runs, along="clip_norm").data:
        assert list(line.x) == [0.5, "inf"] and len(line.y) == 2 and None not in line.y


def test_a_record_with_a_selected_axis_is_drawn_as_the_whole_with_that_axis_fixed(runs):
    some = labs.figures.final_losses(runs.sel(batch_size=32))
    whole = labs.figures.final_losses(runs, batch_size=32)
    assert [line.y for line in some.data] == [line.y for line in whole.data]


def test_any_number_over_the_axes_can_be_drawn(runs):
    last = runs.isel(step=-1)
    lines = lambda figure: [line.y for line in figure.data]
    drawn, again = (labs.figures.final_losses(r, batch_size=32) for r in (runs, last))
    assert lines(drawn) == lines(again)


@pytest.mark.parametrize(
    "fixed, expected",
    [
        ({"optimizer": "sgd"}, "'optimizer' must be an axis that is left open"),
        ({"rate": 1}, "'rate' must be an axis, one of .*learning_rate.*; check the spelling"),
        ({"batch_size": 7}, "batch_size must be one of .*8, 32.*, got 7; choose a recorded value"),
    ],
)
def test_an_impossible_figure_is_refused_in_words(runs, fixed, expected):
    with pytest.raises(ValueError, match=expected):
        labs.figures.final_losses(runs, **fixed)


def test_a_figure_carries_a_sentence_and_a_picture(runs):
    figure = labs.figures.final_losses(runs, batch_size=32)
    bundle = figure._repr_mimebundle_()
    assert (
        bundle["text/plain"]
        == figure.says
        == ("Final validation loss against learning rate, a line for each optimizer: sgd, adam.")
    )
    assert pixels(base64.b64decode(bundle["image/png"])).size == (700, 380)


def pixels(png):
    return Image.open(io.BytesIO(png)).convert("RGB")


def shades(png, least=20):
    """The colours of a picture that are no grey, each of at least so many pixels."""
    found = pixels(png).getcolors(1_000_000)
    return {color for count, color in found if count >= least and max(color) - min(color) > 60}


@pytest.mark.parametrize(
    "trace",
    [
        go.Scatter(x=[1, 2], y=[1, 3], error_y={"array": [0.1, 0.2]}, line={"color": "red"}),
        go.Scatter(x=[1, None, 3], y=[1, 3, 2], mode="markers", marker={"color": "rgb(255,0,0)"}),
        go.Scatter(x=["a", "b"], y=[1, 2], fill="tozeroy", line={"color": "#f00", "dash": "dot"}),
        go.Bar(x=["a", "b"], y=[1, 2], marker={"color": "rgba(255, 0, 0, 1)"}),
        go.Bar(y=["a", "b"], x=[1, 2], orientation="h", marker={"color": "red"}),
        go.Heatmap(z=[[1, 2], [3, 4]], x=["a", "b"], colorscale=[[0, "red"], [1, "blue"]]),
        go.Contour(z=[[1, 2], [3, 4]], colorscale=[[0, "red"], [1, "blue"]]),
        go.Surface(z=[[1, 2], [3, 5]], colorscale=[[0, "red"], [1, "blue"]]),
        go.Scatter3d(x=[1, 2], y=[1, 2], z=[1, 2], line={"color": "red"}),
    ],
    ids=lambda trace: trace.type,
)
def test_the_picture_of_every_kind_of_trace_has_its_colour(trace):
    assert shades(painter.paint(go.Figure(trace)))


@pytest.mark.parametrize(
    "trace",
    [
        go.Pie(values=[1, 2]),
        go.Box(y=[1, 2, 3]),
        go.Scatterpolar(r=[1, 2], theta=[0, 90]),
        go.Mesh3d(x=[0, 1, 0, 0], y=[0, 0, 1, 0], z=[0, 0, 0, 1]),
        go.Volume(x=[0, 1], y=[0, 1], z=[0, 1], value=[1, 2]),
    ],
    ids=lambda trace: trace.type,
)
def test_an_unknown_kind_of_trace_is_named_in_the_picture(trace):
    figure = go.Figure(trace)
    (axes,) = painter.drawn(figure).axes
    said = words.text("figure.other", kind=trace.type)
    assert [text.get_text() for text in axes.texts] == [said]
    assert pixels(painter.paint(figure)).size == (700, 450)


def test_two_unknown_kinds_are_named_below_each_other():
    (axes,) = painter.drawn(go.Figure([go.Box(y=[1, 2]), go.Violin(y=[1, 2])])).axes
    first, second = axes.texts
    assert "box" in first.get_text() and "violin" in second.get_text()
    assert first.get_position()[1] > second.get_position()[1]


@pytest.mark.parametrize(
    "given",
    [
        "red",
        "Red",
        "#f00",
        "rgb(255, 0, 0)",
        "rgb(100%, 0%, 0%)",
        "rgba(255 0 0 / 1)",
        "hsl(0, 100%, 50%)",
        "hsla(0, 100%, 50%, 1)",
        "hsl(0deg 100% 50%)",
    ],
)
def test_a_colour_is_the_same_however_it_is_written(given):
    assert to_rgba(strokes.color(given)) == (1, 0, 0, 1)
    assert (255, 0, 0) in shades(painter.paint(go.Figure(go.Bar(y=[1], marker_color=given))))
    layout = {"colorway": [given]}
    assert (255, 0, 0) in shades(painter.paint(go.Figure(go.Bar(y=[1]), layout=layout)))


def test_a_colour_that_is_not_known_is_the_traces_own():
    for given in ("oklch(0.7 0.15 180)", "rgb(var(--ink))", ""):
        assert strokes.color(given, "#2a6fbb") == "#2a6fbb"
    assert strokes.color("hsla(120, 50%, 50%, 0.5)") == (0.25, 0.75, 0.25, 0.5)


DAYS = [datetime.date(2024, 1, day) for day in (1, 2, 4)]
HOURS = [datetime.datetime(2024, 1, 1, hour) for hour in (1, 2, 4)]
ABROAD = [hour.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=9))) for hour in HOURS]


@pytest.mark.parametrize("dates", [DAYS, HOURS, ABROAD, [HOURS[0], None, HOURS[2]]])
@pytest.mark.parametrize("kind", [go.Scatter, go.Bar])
def test_a_list_of_dates_is_drawn_along_an_axis_of_dates(kind, dates):
    figure = go.Figure(kind(x=dates, y=[1, 3, 2]))
    (axes,) = painter.drawn(figure).axes
    start, end = num2date(axes.get_xlim())
    assert start.date() <= datetime.date(2024, 1, 1) <= end.date() < datetime.date(2024, 1, 7)
    assert isinstance(axes.xaxis.get_major_locator(), AutoDateLocator)
    assert shades(painter.paint(figure))


def test_dates_may_stand_on_any_axis():
    for trace in (go.Heatmap(x=DAYS, z=[[1, 2, 3], [3, 4, 5]]), go.Bar(y=DAYS, x=[1, 2, 3])):
        trace.update({"orientation": "h"} if trace.type == "bar" else {})
        assert shades(painter.paint(go.Figure(trace)))


def test_what_a_scatter_writes_beside_its_points_is_in_the_picture():
    words_of = lambda **more: [
        (told.get_text(), told.xy, told.get_ha(), told.get_va())
        for told in painter.drawn(go.Figure(go.Scatter(x=[1, 2], y=[3, 4], **more))).axes[0].texts
    ]
    said = words_of(mode="markers+text", text=["a", "<b>b</b>"])
    assert said == [("a", (1, 3), "left", "bottom"), ("b", (2, 4), "left", "bottom")]
    assert words_of(mode="text", text=["a"], textposition="bottom left")[0][2:] == ("right", "top")
    assert words_of(mode="markers", text=["a", "b"]) == []  # such a text is for the pointer


def test_the_picture_has_the_axes_and_places_that_the_figure_asks_for():
    logs = go.Figure(go.Scatter(x=[1, 10, 100], y=[1, 10, 100]))
    scales = lambda: [(a.get_xscale(), a.get_yscale()) for a in painter.drawn(logs).axes]
    assert scales() == [("linear", "linear")]
    logs.update_xaxes(type="log")
    assert scales() == [("log", "linear")]
    two = make_subplots(1, 2)
    two.add_scatter(x=[1, 2], y=[1, 2], row=1, col=1, line_color="red")
    two.add_bar(x=[1, 2], y=[1, 2], row=1, col=2, marker_color="blue")
    left, right = (pixels(painter.paint(two)).crop((a, 0, a + 350, 450)) for a in (0, 350))
    assert (0, 0, 255) in {color for _, color in right.getcolors(100_000)}
    assert (0, 0, 255) not in {color for _, color in left.getcolors(100_000)}


def test_the_picture_shows_the_first_frame_and_what_it_leaves_as_it_was():
    frame = go.Frame(data=[go.Scatter(y=[5, 6])], traces=[1])
    figure = go.Figure([go.Scatter(y=[0, 1]), go.Scatter(x=[7, 8], y=[0, 1])], frames=[frame])
    still, moved = painter.first_frame(figure)
    assert list(still.y) == [0, 1] and list(moved.y) == [5, 6] and list(moved.x) == [7, 8]


def test_a_figure_of_ones_own_is_shown_with_its_sentence():
    InteractiveShell.instance()
    try:
        with capture_output() as shown:
            labs.figures.show(go.Figure(go.Scatter(y=[1, 2])), says="It rises by one.")
    finally:
        InteractiveShell.clear_instance()
    assert shown.outputs[0].data["text/plain"] == "It rises by one."
    assert pixels(base64.b64decode(shown.outputs[0].data["image/png"])).size == (700, 450)


@pytest.mark.parametrize("nothing", ["", "Figure", None])
def test_a_figure_without_a_sentence_is_refused(nothing):
    with pytest.raises(ValueError, match="says: expected a sentence on what to see"):
        labs.figures.show(go.Figure(), says=nothing)
