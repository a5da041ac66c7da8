"""English texts that come with what is installed, as the 26 letters and a space."""

import re


def read(name):
    """A text as words of small letters with a space between: all but letters is left out.

    "datasets" describes scikit-learn's data sets, some 13,000 characters; "python" is the reference
    of the Python language, some 375,000, which differs a little from one version of Python to the
    next. Raises ValueError for another name.
    """
    if name not in _TEXTS:
        raise ValueError(f"text must be one of {list(_TEXTS)}, got {name!r}; choose one of these")
    return " ".join(re.findall("[a-z]+", _TEXTS[name]().lower()))


def _datasets():
    from sklearn import datasets  # here: importing takes a second

    loaders = (f"load_{name}" for name in ("iris", "wine", "digits", "diabetes", "breast_cancer"))
    return " ".join(getattr(datasets, name)().DESCR for name in loaders)


def _python():
    from pydoc_data.topics import topics  # what Python's own help() shows of the language

    return " ".join(topics[name] for name in sorted(topics))


_TEXTS = {"datasets": _datasets, "python": _python}
