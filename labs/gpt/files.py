"""Files of a run or a model: written whole or not at all, read as they are or refused in words.

Weights are safetensors, everything else is JSON; nothing is ever unpickled.
"""

import contextlib
import json
import os
import pathlib
import secrets
import shutil

import safetensors
import safetensors.torch


@contextlib.contextmanager
def written_whole(folder):
    """A new folder to write into, which becomes `folder` when the block ends, or leaves no trace.

    Only a process that is killed leaves one, `folder.partial-…`, which nothing ever reads. Raises
    FileExistsError where there is something already, and OSError with a sentence where the disk is
    full.
    """
    folder = pathlib.Path(folder).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{folder} exists; expected a new folder, so that nothing is lost; give another name, "
            "or remove it"
        )
    part = partial(folder)
    try:
        part.mkdir(parents=True)
        yield part
        for path in part.iterdir():
            _flush(path)
        _flush(part)
        part.replace(folder)
        _flush(folder.parent)
    except (OSError, safetensors.SafetensorError) as error:
        raise OSError(
            f"{folder} could not be written, and nothing of it was kept; is the disk full? Free "
            f"some space and do it again; what stood before still stands ({error})"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def partial(folder):
    """A name beside `folder` for what is not whole yet, or not any more."""
    return folder.with_name(f"{folder.name}.partial-{secrets.token_hex(4)}")


def _flush(path):
    """Have it on the disk, not only in memory, before anything is built on it."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def written_by_all(folder, team):
    """As `written_whole`, by several processes: the folder appears when each has left the block,
    or, where one of them fails, not at all.
    """
    with contextlib.ExitStack() as stack:
        part = ""
        with team.together():
            if team.rank == 0:
                part = stack.enter_context(written_whole(folder))
        part = pathlib.Path(team.told(str(part)))
        with team.together():
            yield part
        with team.together():
            stack.close()


def part_of(path, rank, world):
    """The file that one of several processes writes of `path`, in Hugging Face's numbering."""
    return path.with_stem(f"{path.stem}-{rank + 1:05d}-of-{world:05d}") if world > 1 else path


def write_tensors(path, tensors):
    """Write {name: tensor}, on the disk and not only in memory. Raises OSError."""
    try:
        safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
        _flush(path)
    except safetensors.SafetensorError as error:
        raise OSError(f"{path}: {error}") from error


def read_parts(path):
    """{name: tensor} of a safetensors file, or of all the parts in which it was written."""
    found = {}
    for part in sorted(path.parent.glob(f"{path.stem}*{path.suffix}")) or [path]:
        found |= read_tensors(part)
    return found


def read_tensors(path):
    """{name: tensor} of a safetensors file. Raises ValueError for a damaged one."""
    _refuse_missing(path)
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is damaged: it is no whole safetensors file ({error})") from error


def write_json(path, data):
    """Write `data` for people to read as well."""
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path):
    """The object that a JSON file holds. Raises ValueError for a damaged one."""
    _refuse_missing(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: it is no JSON ({error})") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path} is damaged: expected a JSON object, got {type(data).__name__}")
    return data


def _refuse_missing(path):
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: expected this file, found none; give a folder that labs.gpt or transformers "
            "wrote, and all of it"
        )


def refuse_others(path, wanted, tensors):
    """Raise ValueError where `tensors` are not those of `wanted`, {name: shape}."""
    came = {name: tensor.shape for name, tensor in tensors.items()}
    wrong = sorted(name for name in wanted | came if wanted.get(name) != came.get(name))
    if wrong:
        say = lambda shapes: {name: tuple(shapes[name]) for name in wrong[:3] if name in shapes}
        raise ValueError(
            f"{path}: {len(wrong)} tensors are not those of the shape that its JSON tells of; "
            f"expected {say(wanted)}, got {say(came)}; is a part of it missing, or another's?"
        )
