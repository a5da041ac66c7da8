"""A real JupyterLab for the tests, and what a reader does in it.

It has its own server, port, token, folders and settings.
"""

import json
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLAB = os.environ.get("COLAB_PYTHON", str(ROOT / ".venv-colab" / "bin" / "python"))
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is in the page
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}


class JupyterLab:
    """`with JupyterLab(folder) as lab:` a server that ends with the block.

    `python`: the environment it runs in.
    """

    def __init__(self, folder, python=sys.executable):
        self.folder, self.python = pathlib.Path(folder), python
        self.notebooks = self.folder / "notebooks"
        self.token, self.log = secrets.token_hex(16), self.folder / "server.log"

    def __enter__(self):
        self.notebooks.mkdir(parents=True)
        for name, values in SETTINGS.items():
            file = self.folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values), encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        options = [
            "--no-browser",
            "--allow-root",
            "--expose-app-in-browser",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.notebooks}",
        ]
        with open(self.log, "wb") as log:
            self.server = subprocess.Popen(
                [self.python, "-m", "jupyterlab", *options],
                env=self.environment(),
                cwd=self.notebooks,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.wait_until_it_answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self.server.terminate()  # it ends its kernels first
        try:
            self.server.wait(20)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

    def environment(self):
        """The variables of this process, and folders of its own.

        They are for everything that a user's JupyterLab has settings in.
        """
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
            "MPLCONFIGDIR": "matplotlib",
        }
        own = {name: str(self.folder / place) for name, place in folders.items()}
        return (
            os.environ
            | own
            | {"JUPYTER_TOKEN": self.token, "PYTHONPATH": str(ROOT), "LABS_PROGRESS": "off"}
        )

    def wait_until_it_answers(self, seconds=60):
        """Return when the server answers; AssertionError with its log where it does not."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.server.poll() is None:
            try:
                urllib.request.urlopen(
                    f"http://127.0.0.1:{self.port}/api?token={self.token}", timeout=5
                ).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise AssertionError(
            f"JupyterLab did not start:\n{self.log.read_text(encoding='utf-8')[-3000:]}"
        )

    def write(self, name, *cells):
        """Write a notebook of code cells."""
        kernel = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel
        )
        nbformat.write(book, self.notebooks / name)

    def open(self, page, name):
        """Open a notebook in a browser page, its kernel started."""
        return Notebook(page, f"http://127.0.0.1:{self.port}/doc/tree/{name}?token={self.token}")


class Notebook:
    """One notebook open in a page.

    `errors`: what the page's console called an error, and uncaught exceptions; but for the font at
    about:blank with which MathJax 2, which JupyterLab 3 has, finds out whether fonts load.
    """

    def __init__(self, page, url):
        self.page, self.errors = page, []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(url)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.wait_for_function(
            "() => jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status"
            " === 'idle'"
        )

    def _note(self, message):
        said = f"{message.text} ({message.location['url']})"
        if message.type == "error" and "about:blank" not in said:
            self.errors.append(said)

    def cell(self, number):
        """The code cell with this number."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)

    def run_all(self, timeout=120):
        """Run every cell and wait until the kernel is idle; AssertionError where a cell failed."""
        self.page.evaluate("""() => {
          window.ran = undefined;
          jupyterapp.commands.execute("notebook:run-all-cells").then(() => (window.ran = true));
        }""")
        self.page.wait_for_function("() => window.ran", timeout=1000 * timeout)
        traces = self.page.locator(".jp-OutputArea-output[data-mime-type*=error]").all_inner_texts()
        assert not traces, traces

    def run(self, number, timeout=30):
        """Run one cell as a reader does, with Ctrl+Enter; return what it printed."""
        end, before = time.monotonic() + timeout, self.prompt(number)
        self.cell(number).locator(".jp-Editor").click()
        # the editor has the focus before the notebook takes its keys: that waits for a frame
        while not self.page.locator(".jp-Notebook.jp-mod-editMode").count():
            assert time.monotonic() < end, f"cell {number} does not take keys in {timeout} s"
            self.page.wait_for_timeout(30)
            self.cell(number).locator(".jp-Editor").click()
        self.page.keyboard.press("Control+Enter")
        while not (self.prompt(number) not in (before, "[*]:") and self.prompt(number) != "[ ]:"):
            assert time.monotonic() < end, (
                f"cell {number} did not finish in {timeout} s: {self.prompt(number)}"
            )
            self.page.wait_for_timeout(30)
        self.page.keyboard.press("Escape")
        return "\n".join(self.cell(number).locator(".jp-OutputArea-output").all_inner_texts())

    def prompt(self, number):
        """The execution count of a cell as it is shown: "[3]:", or "[*]:" while it runs."""
        return self.cell(number).locator(".jp-InputPrompt").inner_text()
