"""The curves of one run while it trains, painted by the explorer's own painter."""

import traitlets

from labs.widgets.part import Part, number_or_none

SERIES = ("steps", "train_loss", "val_loss")
KEYS = (*SERIES, "last_step", "diverged_at")


class Chart(Part):
    """Training and validation loss of one run, which may still be training.

    `run`: {} before there is one, or a dict of steps, train_loss, val_loss (three lists of one
    length, None where there is no value), last_step, to which its axis reaches, and diverged_at,
    -1 where the run did not diverge. One trait, so that no part of it is drawn without the rest.
    `loss_label`: what the task calls its loss. `log_x`, `log_y`: logarithmic axes. Raises
    ValueError for a `run` of another form.
    """

    part = traitlets.Unicode("chart", read_only=True).tag(sync=True)
    needs_kernel = traitlets.Bool(True, read_only=True).tag(sync=True)
    run = traitlets.Dict().tag(sync=True)
    loss_label = traitlets.Unicode().tag(sync=True)
    log_x = traitlets.Bool(False).tag(sync=True)
    log_y = traitlets.Bool(False).tag(sync=True)

    @traitlets.validate("run")
    def _validate_run(self, proposal):
        run = dict(proposal["value"])
        if not run:
            return run
        lengths = {len(run[key]) for key in SERIES if key in run}
        if set(run) != set(KEYS) or len(lengths) != 1:
            raise ValueError(
                f"run: expected {{}} or a dict of {', '.join(KEYS)} with three lists of one "
                f"length, got keys {sorted(run)} and lengths {sorted(lengths)}; "
                "pass None where there is no value"
            )
        return run | {key: [number_or_none(value) for value in run[key]] for key in SERIES}
