"""Text is UTF-8 on every machine, whatever its own encoding is."""

import ast
import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).parent.parent


def sources():
    """(name, code) of every file and notebook of the repository that holds Python."""
    listed = ["git", "ls-files", "-z", "*.py", "*.ipynb"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        text = (ROOT / name).read_text(encoding="utf-8")
        if name.endswith(".ipynb"):
            cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
            lines = "".join("".join(cell["source"]) + "\n" for cell in cells).splitlines()
            text = "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
        yield name, text


def leaves_it_open(call):
    """Whether a call reads or writes text and does not say in which encoding."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    mode = call.args[1] if len(call.args) > 1 else given.get("mode", ast.Constant("r"))
    text = {
        "read_text": not call.args,
        "write_text": len(call.args) < 2,
        "open": isinstance(call.func, ast.Name) and "b" not in ast.unparse(mode),
    }
    piped = getattr(given.get("text"), "value", None) is True
    return "encoding" not in given and (text.get(name, False) or piped)


def test_every_text_that_is_read_or_written_says_that_it_is_utf_8():
    silent = [
        f"{name}:{node.lineno}"
        for name, code in sources()
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and leaves_it_open(node)
    ]
    assert not silent, "say encoding='utf-8' in " + ", ".join(silent)
