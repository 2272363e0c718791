"""Memory by its address, for kernels that hand a buffer on and on, or ask for it ahead of time.

An array that goes from one kernel to another is counted, two atomic operations a call, and takes
seven registers; an address is one number. Nothing holds the memory behind it but whoever made it:
the array has to outlive the kernel that asks for its address, and nothing looks at its bounds.
"""

from collections.abc import Callable
from ctypes import c_ubyte
from typing import Any, TypeAlias, cast

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from detectors.compiled import UNCOMPILED, Function, kernel

Address: TypeAlias = int

LINE_BYTES = 64  # what a prefetch brings

_BYTE, _WORD, _FLAG = ir.IntType(8), ir.IntType(64), ir.IntType(32)


@kernel
def address_of(array: NDArray[Any]) -> Address:
    """Where its items lie; contiguous."""
    return np.int64(array.ctypes.data)  # type: ignore[return-value]  # compiled, np.int64 and int are the same


def _generate_byte(_typing: Any, _address: Any, _index: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.load(_place(builder, arguments)), _WORD)

    return types.int64(types.int64, types.int64), generate


def _generate_put_byte(_typing: Any, _address: Any, _index: Any, _value: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(builder.trunc(arguments[2], _BYTE), _place(builder, arguments))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


def _generate_prefetch(_typing: Any, _address: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = _BYTE.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, _FLAG, _FLAG, _FLAG])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        read, near, data = _FLAG(0), _FLAG(3), _FLAG(1)
        builder.call(function, [builder.inttoptr(arguments[0], pointer), read, near, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _generate_trailing_zeros(_typing: Any, _bits: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.uint64), generate


def _place(builder: Any, arguments: Any) -> Any:
    return builder.inttoptr(builder.add(arguments[0], arguments[1]), _BYTE.as_pointer())


def _either(plain: Function, generate: Callable[..., Any]) -> Function:
    """`plain` where nothing is compiled, else what is generated; typed as `plain`."""
    return plain if UNCOMPILED else cast(Function, intrinsic(generate))


def _byte(address: Address, index: int) -> int:
    return c_ubyte.from_address(int(address + index)).value


def _put_byte(address: Address, index: int, value: int) -> None:
    c_ubyte.from_address(int(address + index)).value = value


def _trailing_zeros(bits: np.uint64) -> int:
    return (int(bits) & -int(bits)).bit_length() - 1


def _prefetch(_address: Address) -> None:
    """Nothing: only compiled code can ask for memory before it is needed."""


byte = _either(_byte, _generate_byte)
"""The byte so far behind an address."""

put_byte = _either(_put_byte, _generate_put_byte)
"""Set the byte so far behind an address."""

prefetch = _either(_prefetch, _generate_prefetch)
"""Bring the line of memory at an address into the caches; whatever stands there."""

trailing_zeros = _either(_trailing_zeros, _generate_trailing_zeros)
"""The number of the lowest bit that is set; one of them is."""


@kernel
def same(one: Address, one_start: int, two: Address, two_start: int, length: int) -> bool:
    """Whether two slices of the same length are equal."""
    for i in range(length):  # noqa: SIM110 (numba compiles loops, not generator expressions)
        if byte(one, one_start + i) != byte(two, two_start + i):
            return False
    return True
