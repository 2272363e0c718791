"""What a worker loads, loaded: the process that workers are forked from imports this."""

import faust

from streams import app, loop, warmup
from streams.cli import worker

__all__ = ["app", "faust", "loop", "worker"]

warmup.compile_kernels()
