"""What ties a live panel to its explorer: one panel an explorer, the newest."""

import threading
import weakref

from labs import settings
from labs.widgets.contents import MEAN

UNNAMED = "explorer"  # what an explorer is called that its reader gave no name
# By the explorer's name, which is unique on a page: a cell that makes the explorer again makes it
# under the same name, and the panel of the one before would train where nobody sees it.
_TIES = weakref.WeakValueDictionary()


def shown(explorer):
    """The setting that an explorer shows, as values of TrainConfig. What it shows the mean over is
    left out: one run has one value of it.
    """
    if explorer is None:
        return {}
    told = {
        name: value
        for name, value in explorer.values.items()
        if name in settings.SETTINGS and not (settings.SETTINGS[name].repeats and value == MEAN)
    }
    return told | {"steps": explorer.meta["steps"]}


class Tie:
    """The bond of a panel to `explorer`, which keeps neither of the two alive.

    `moved` and `lost` are methods of the panel: the first is called when the explorer shows another
    setting, the second when a newer panel takes its place. A panel that has the place loses it.
    """

    def __init__(self, explorer, moved, lost):
        self.name = explorer.meta["name"]
        # Explorers that nobody named are all called alike.
        self._key = self.name if self.name != UNNAMED else explorer.model_id
        self._explorer = weakref.ref(explorer)
        self._moved, self._lost = weakref.WeakMethod(moved), weakref.WeakMethod(lost)
        self._writing = threading.RLock()
        before = _TIES.get(self._key)
        if before is not None:
            before._give_up()
        _TIES[self._key] = self
        explorer.observe(self._tell, "choice")

    @property
    def explorer(self):
        """The explorer; None once the tie is cut, or nobody holds the explorer any more."""
        return self._explorer()

    def lay_over(self, curve):
        """Lay a live curve over the explorer's; nothing happens once the tie is cut."""
        # A thread that trains must not write after its panel lost the explorer.
        with self._writing:
            explorer = self._explorer()
            if explorer is not None:
                explorer.live = curve

    def cut(self):
        """End it: the explorer forgets the panel, and the panel's curve leaves it."""
        with self._writing:
            explorer = self._explorer()
            if explorer is None:
                return
            # First: whoever is told that the curve leaves may cut the tie again.
            self._explorer = _nothing
            if _TIES.get(self._key) is self:
                del _TIES[self._key]
            explorer.unobserve(self._tell, "choice")
            explorer.live = {}

    def _give_up(self):
        lost = self._lost()
        self.cut() if lost is None else lost()

    def _tell(self, change):
        moved = self._moved()
        self.cut() if moved is None else moved()


def _nothing():
    return None
