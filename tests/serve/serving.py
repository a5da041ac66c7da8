"""A real server in a process of its own, and requests to it: what the tests of labs.serve share."""

import contextlib
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import threading

import httpx
import psutil
import small_gpt

from labs.serve.__main__ import main

ROOT = pathlib.Path(__file__).parent.parent.parent
CONTEXT, LONG = 512, 4096


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["labs.serve.__main__"])


class Forked:
    """`python -m labs.serve` with some arguments, as a `subprocess.Popen` would be.

    It is forked from a process that has imported everything: to import takes most of the time in
    which a server starts. Without it, `command` starts one as users do.
    """

    def __init__(self, arguments):
        (out, into_out), (err, into_err) = (FORKS.Pipe(duplex=False) for _ in range(2))
        self.process = FORKS.Process(target=serve, args=(arguments, into_out, into_err))
        self.process.start()
        self.pid = self.process.pid
        self.stdout, self.stderr = (
            open(os.dup(end.fileno()), encoding="utf-8") for end in (out, err)
        )
        for end in (out, into_out, err, into_err):
            end.close()

    def poll(self):
        """Its exit status, or None while it runs."""
        return self.process.exitcode

    def wait(self, seconds=None):
        """Its exit status, when it has ended."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("labs.serve", seconds)
        return self.process.exitcode

    def send_signal(self, number):
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        """Ask it to end."""
        self.process.terminate()

    def kill(self):
        """End it."""
        self.process.kill()


def serve(arguments, out, err):
    """What a `Forked` does."""
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    sys.argv = ["labs.serve", *arguments]
    main()


def save_small(folder, context=CONTEXT):
    """A small GPT-2 with random weights, as `transformers` saves it, into a new folder."""
    folder.mkdir()
    small_gpt.save(folder, layers=2, width=48, heads=3, context=context, half=False)
    return folder


class Server:
    """`python -m labs.serve`, where it answers, and what it wrote. `name`: of its model.

    `command`: another command that starts such a server, in the folder `cwd`.
    """

    def __init__(self, folder, *options, command=None, cwd=ROOT):
        self.name = folder.name
        if command:
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            self.process = subprocess.Popen(command, cwd=cwd, env=env, **pipes)
        else:
            self.process = Forked([str(folder), "--port", "0", *map(str, options)])
        said = self.process.stdout.readline()  # it is written when the server listens
        found = re.search(r"http://\S+", said)
        assert found, said + self.process.stderr.read()
        self.url = found[0]
        self.command = self.process.stdout.readline()
        self.errors = []
        self.reader = threading.Thread(target=lambda: self.errors.extend(self.process.stderr))
        self.reader.start()
        self.http = httpx.Client(base_url=self.url.removesuffix("/v1"), timeout=60)
        assert self.http.get("/health").json() == {"status": "ok"}

    def ask(self, prompt="def", path="/v1/completions", **fields):
        """The response to a completion."""
        return self.http.post(path, json={"model": self.name, "prompt": prompt, **fields})

    def text(self, *prompt, **fields):
        """The text of it."""
        answer = self.ask(*prompt, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()["choices"][0]["text"]

    def metric(self, name, **labels):
        """A number of /metrics; 0 for one that is not there yet."""
        labels = ",".join(f'{key}="{value}"' for key, value in labels.items())
        line = f"labs_serve_{name}" + (f"{{{labels}}}" if labels else "")
        found = re.search(rf"^{re.escape(line)} (\S+)$", self.http.get("/metrics").text, re.M)
        return float(found[1]) if found else 0.0

    def wait_until(self, name, value, **labels):
        """Ask until a number of /metrics is `value`. The test's own time limit ends it."""
        while self.metric(name, **labels) != value:
            assert self.process.poll() is None, "".join(self.errors)

    def stop(self):
        """SIGTERM, to the server itself where a command started it. Returns the exit status."""
        started = psutil.Process(self.process.pid)
        [started, *started.children(recursive=True)][-1].terminate()
        return self.process.wait(60)


@contextlib.contextmanager
def server(folder, *options, fails=False, **how):
    """A `Server`, which must end properly, and have written no error unless it `fails`."""
    running = Server(folder, *options, **how)
    try:
        yield running
        if running.process.poll() is None:
            assert running.stop() == 0
        running.reader.join()
        assert ("Traceback" in "".join(running.errors)) == fails, "".join(running.errors)
    finally:
        running.http.close()
        running.process.kill()
        running.process.wait()
        running.reader.join()
        running.process.stdout.close()
        running.process.stderr.close()


def problem(answer):
    """(status, message, field, code) of a refusal, whose form is checked."""
    body = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    error = body["error"]
    return answer.status_code, error["message"], error["param"], error["code"]
