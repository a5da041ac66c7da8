"""Packs the built pages into one zip that opens from disk, in one folder: `make zip`."""

import built


def files():
    """(name, bytes) of every file that the pages may ask for, in the order of their names."""
    paths = (path for path in built.SITE.rglob("*") if path.is_file())
    names = (path.relative_to(built.SITE).as_posix() for path in paths)
    for name in sorted(names):
        if name.rpartition("/")[2] not in ("objects.inv", ".buildinfo"):
            yield f"{built.NAME}/{name}", (built.SITE / name).read_bytes()


if __name__ == "__main__":
    built.pages()
    target = built.TAKE / f"{built.NAME}.zip"
    built.pack(target, files())
    print(built.said(target))
