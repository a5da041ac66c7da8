"""Packs the built pages into one zip that opens from disk, in one folder: `make zip`."""

import built


def files():
    """(name, bytes) of every file that the pages may ask for, in the order of their names."""
    for path in sorted(built.SITE.rglob("*")):
        if path.is_file() and path.name not in ("objects.inv", ".buildinfo"):
            name = path.relative_to(built.SITE).as_posix()
            yield f"{built.NAME}/{name}", path.read_bytes()


if __name__ == "__main__":
    built.pages()
    target = built.TAKE / f"{built.NAME}.zip"
    built.pack(target, files())
    print(built.said(target))
