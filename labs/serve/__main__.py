"""Serve a GPT: `python -m labs.serve [FOLDER] [--port 8000] [--key KEY] ...`."""

import argparse
import asyncio
import dataclasses
import ipaddress
import os
import pathlib
import sys

import torch

from labs.compress import int8_
from labs.gpt import folder
from labs.serve.limits import Limits

try:
    import uvicorn

    from labs.serve.api import app_of
    from labs.serve.server import Server
    from labs.serve.service import Service
except ModuleNotFoundError as error:
    sys.exit(
        f"expected FastAPI, uvicorn and prometheus-client ({error}); pip install 'labs[serve]'"
    )

HELP = {
    "slots": "how many requests run at a time; 1: one after another",
    "waiting": "how many more may wait; one more gets status 429",
    "prompt": "the longest prompt, in tokens; by default the model's context",
    "tokens": "the most tokens that an answer may have",
    "seconds": "how long a request may take",
    "body": "the most bytes of a request",
}


def arguments():
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m labs.serve", description=__doc__)
    add = parser.add_argument
    add("folder", nargs="?", type=pathlib.Path, default=folder.RECORDED, help="a GPT-2's folder")
    add("--host", default="127.0.0.1", help="the address to listen at; 0.0.0.0 for all")
    add("--port", type=a_port, default=8000, help="0 for a free one")
    add("--name", help="the model's name for clients; by default that of its folder")
    add("--key", default=os.environ.get("LABS_SERVE_KEY") or None, help="or in LABS_SERVE_KEY")
    add("--device", default="cpu", help="cpu, cuda, mps, ...")
    add("--threads", type=int, help="of the processor, for one step")
    add("--int8", action="store_true", help="weights of 8 bits")
    add("--no-cache", action="store_true", help="keep no keys and values, to see what they save")
    for field in dataclasses.fields(Limits):
        kind = float if field.name == "seconds" else int
        add(f"--{field.name}", type=kind, default=field.default, help=HELP[field.name])
    return parser.parse_args()


def a_port(text):
    """The number of a port."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def service_of(asked):
    """The `Service` that the arguments describe."""
    model, tokenizer = folder.load(asked.folder, asked.device)
    if tokenizer is None:
        raise ValueError(f"{asked.folder}: expected a {folder.TOKENIZER}, found none; add it")
    if asked.int8:
        int8_(model)
    names = [field.name for field in dataclasses.fields(Limits)]
    limits = Limits(**{name: getattr(asked, name) for name in names})
    name = asked.name or asked.folder.resolve().name
    return Service(model, tokenizer, name, limits, asked.key, cache=not asked.no_cache)


def is_loopback(host):
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def main():
    """Serve until a signal comes."""
    asked = arguments()
    try:
        if asked.threads is not None:
            torch.set_num_threads(asked.threads)
        service = service_of(asked)
    except (OSError, ValueError, RuntimeError) as error:  # torch's, of threads and devices
        sys.exit(str(error))
    if not is_loopback(asked.host) and not asked.key:
        print(
            f"Warning: {asked.host} is open to other machines, and no key is asked for: whoever "
            "reaches it can use it. Set --key, or leave --host out.",
            file=sys.stderr,
        )
    app = app_of(service)
    config = uvicorn.Config(
        app, asked.host, asked.port, log_level="warning", timeout_graceful_shutdown=5
    )
    asyncio.run(Server(config, service).serve())


if __name__ == "__main__":
    main()
