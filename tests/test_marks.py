"""Points that a record brings along lie where they say, and are drawn in the picture as well."""

import io

import matplotlib.image
import numpy as np
import pytest
import xarray as xr

import labs
from labs.widgets import marks, payload, still

POINTS = [
    {"at": {"model": "70B", "devices": 4}, "values": {"days": 21}},
    {"at": {"model": "7B", "devices": 2, "chip": "new"}, "label": "mine"},
]


def table(points=POINTS, label="published"):
    days = np.geomspace(1, 100, 24).reshape(3, 4, 2)
    runs = xr.Dataset(
        {"days": (("model", "devices", "chip"), days)},
        {"model": ["1B", "7B", "70B"], "devices": [1, 2, 4, 8], "chip": ["old", "new"]},
    )
    runs.attrs["marks"] = {"label": label, "points": points}
    return runs


def test_places_become_positions_and_numbers_stay():
    explorer = labs.Explorer(table())
    assert explorer.meta["marks"] == {
        "label": "published",
        "points": [
            {"at": {"model": 2, "devices": 2}, "values": {"days": 21.0}},
            {"at": {"model": 1, "devices": 1, "chip": 1}, "values": {}, "label": "mine"},
        ],
    }
    assert labs.Explorer(table().drop_attrs()).meta["marks"] is None
    assert payload.decode(explorer.meta, explorer.payload)["days"].shape == (3, 4, 2)


def test_a_point_shows_wherever_the_setting_agrees_with_it():
    found = labs.Explorer(table()).found.marks
    everywhere = [point["at"] for point in marks.shown(found, {})]
    assert everywhere == [{"model": 2, "devices": 2}, {"model": 1, "devices": 1, "chip": 1}]
    assert len(marks.shown(found, {"chip": 0})) == 1
    assert len(marks.shown(found, {"chip": 1, "devices": 1})) == 1
    assert marks.shown(None, {}) == []


@pytest.mark.parametrize(
    "points, expected",
    [
        ([{"at": {"size": "7B"}}], r"marks, at: expected one of \['model', 'devices', 'chip'\]"),
        ([{"at": {"model": "8B"}}], "model must be one of .*got '8B'"),
        ([{"at": {}, "values": {"hours": 1}}], r"values: expected one of \['days'\], got 'hours'"),
        ([{"at": {}, "values": {"days": "21"}}], "expected a number for days, got '21'"),
        ([{"at": {}, "values": {"days": float("nan")}}], "expected a number for days, got nan"),
    ],
)
def test_a_point_that_fits_no_setting_is_refused(points, expected):
    with pytest.raises(ValueError, match=expected):
        labs.Explorer(table(points))


def test_marks_of_another_form_are_refused():
    runs = table()
    runs.attrs["marks"] = POINTS
    with pytest.raises(ValueError, match='marks: expected {"label": text, "points": a list}'):
        labs.Explorer(runs)


def picture(runs, **choice):
    explorer = labs.Explorer(runs, map_axes=["devices", "model"], start=choice)
    data = still.picture(explorer.found, explorer.choice, ["devices", "model"], "days")
    return matplotlib.image.imread(io.BytesIO(data))


def test_the_still_picture_has_the_points_of_its_setting():
    with_one, with_both = picture(table(), chip="old"), picture(table(), chip="new")
    without = [picture(table([]), chip=chip) for chip in ("old", "new")]
    changed = [(one != none).any() for one, none in zip((with_one, with_both), without)]
    assert changed == [True, True]
    places = [(one != none).any(-1).sum() for one, none in zip((with_one, with_both), without)]
    assert places[1] == pytest.approx(2 * places[0], rel=0.3)
