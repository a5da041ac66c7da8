"""A faster product of many small matrices for compiled programs on x86 processors: `matmul.cpp`, and how it gets there."""
import contextlib
import functools
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import torch
from torch._inductor.custom_graph_pass import CustomGraphPass

from labs import cache

SOURCE = pathlib.Path(__file__).with_suffix(".cpp")
FLAGS = {"AVX512": ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mfma"], "AVX2": ["-mavx2", "-mfma"]}
MOST_FLOATS = 2**16      # of the factor that is arranged: a larger one leaves the cache, and PyTorch's own product is as good


def compiler():
    """The C++ compiler that torch.compile uses too, or None."""
    return next((found for name in (os.environ.get("CXX"), "g++", "clang++") if name and (found := shutil.which(name))), None)


@functools.cache
def load():
    """Compile and load the operator torch.ops.labs.bmm; say whether it is there. It is built once, beside the cache's files."""
    capability = torch.backends.cpu.get_cpu_capability()
    if capability not in FLAGS or sys.platform != "linux" or not compiler():
        return False
    include, library = (pathlib.Path(torch.__file__).parent / name for name in ("include", "lib"))
    command = [compiler(), "-std=c++20", "-O3", *FLAGS[capability], "-shared", "-fPIC", f"-I{include}",
               f"-I{include / 'torch/csrc/api/include'}", str(SOURCE), f"-L{library}", "-ltorch_cpu"]
    name = hashlib.sha256(repr((command, torch.__version__, SOURCE.read_text())).encode()).hexdigest()[:16]
    place = cache.folder() or pathlib.Path(tempfile.gettempdir(), f"labs-{os.getuid()}")
    try:
        _build(command, place / f"matmul-{name}.so")
    except (OSError, subprocess.CalledProcessError) as error:
        warnings.warn(f"{SOURCE.name} should compile, but does not ({getattr(error, 'stderr', None) or error}); PyTorch's own "
                      "matrix product stands in for it, at about half the speed", stacklevel=2)
        return False
    torch.ops.load_library(place / f"matmul-{name}.so")
    torch.library.register_fake("labs::bmm", lambda a, b: a.new_empty(a.shape[0], a.shape[1], b.shape[2]))
    return True


def _build(command, target):
    """Write `target` whole or not at all, unless it is there."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        subprocess.run([*command, "-o", temporary], check=True, capture_output=True, text=True)
        os.replace(temporary, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


class UseSmallProducts(CustomGraphPass):
    """Puts labs.bmm where a compiled program has aten.bmm, for float32 matrices small enough. A vector is left to inductor."""

    def __call__(self, graph):
        """Change the nodes of a torch.fx graph in place."""
        for node in graph.find_nodes(op="call_function", target=torch.ops.aten.bmm.default):
            (_, rows, inner), (*_, columns) = (argument.meta["val"].shape for argument in node.args)
            if node.meta["val"].dtype == torch.float32 and min(rows, inner, columns) > 1 and inner * columns <= MOST_FLOATS:
                node.target = torch.ops.labs.bmm.default

    def uuid(self):
        """What inductor's own cache tells programs apart by."""
        return hashlib.sha256(SOURCE.read_bytes() + pathlib.Path(__file__).read_bytes()).hexdigest()
