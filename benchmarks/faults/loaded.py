"""What a worker loads, loaded: the process that workers are forked from imports this."""

import faust
import uvloop

from streams import app, warmup
from streams.cli import worker

__all__ = ["app", "faust", "uvloop", "worker"]

warmup.compile_kernels()
