"""Finished runs, kept on disk: a file a run, under the run's key (see `labs.engine.keys`).

A file is the bytes of one row of a structured array, and a digest of these bytes and of the key.
Its size and its digest say whether it is what the run must have; whatever is damaged counts as
missing.
"""

import hashlib
import os
import pathlib
import threading
import warnings

import numpy as np

from labs.record import write_whole

DIGEST = 32  # bytes


def folder():
    """Where runs are kept: LABS_CACHE, or `labs` in the user's cache folder. It is there then.

    None where LABS_CACHE is "off". Raises OSError or, where nobody is at home, RuntimeError.
    """
    wish = os.environ.get("LABS_CACHE", "").strip()
    if wish.lower() == "off":
        return None
    home = lambda: os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    place = pathlib.Path(wish) if wish else pathlib.Path(home(), "labs")
    place.mkdir(parents=True, exist_ok=True)
    os.scandir(place).close()  # may it be read?
    return place


class Cache:
    """The runs on disk, for one sweep.

    A folder that cannot be had, and a full or read-only disk, are reported once; the sweep goes on.
    """

    def __init__(self):
        self.place, self.damaged, self.lock = None, 0, threading.Lock()
        try:
            self.place = folder()
        except (OSError, RuntimeError) as error:
            _warn(error)

    def read(self, keys, row):
        """(positions that were found, their rows of dtype `row`) of `keys`; counts the damaged."""
        found, rows = [], np.zeros(len(keys), row)
        for i, key in enumerate(keys if self.place else ()):
            try:
                whole = _path(self.place, key).read_bytes()
            except FileNotFoundError:
                continue
            except OSError:
                whole = b""
            content, seal = whole[:-DIGEST], whole[-DIGEST:]
            if len(content) == rows.itemsize and seal == _seal(key, content):
                rows[i] = np.frombuffer(content, row)[0]
                found.append(i)
            else:
                self.damaged += 1
        return found, rows[found]

    def write(self, keys, rows):
        """Keep rows under their keys."""
        place = self.place
        try:
            for key, row in zip(keys if place else (), rows):
                content = row.tobytes()
                whole = content + _seal(key, content)
                write_whole(_path(place, key), lambda file, whole=whole: file.write(whole))
        except OSError as error:
            with self.lock:  # other threads write, too
                first, self.place = self.place, None
            if first:
                _warn(error)


def _warn(error):
    warnings.warn(
        f"the folder of the cache should be there and writable, but is not ({error}), so runs are "
        "not kept; set LABS_CACHE to another folder or to off",
        stacklevel=3,
    )


def _path(place, key):
    return place / key[:2] / f"{key[2:]}.run"


def _seal(key, content):
    return hashlib.blake2b(key.encode() + content, digest_size=DIGEST).digest()
