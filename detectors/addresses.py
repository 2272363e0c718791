"""Bytes by their address, for kernels that hand a buffer on and on.

An array that goes from one kernel to another is counted, two atomic operations a call, and takes
seven registers; an address is one number. Nothing holds the memory behind it but whoever made it:
the array has to outlive the kernel that asks for its address.

Uncompiled, an array is its own address.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from detectors.compiled import UNCOMPILED, Function, kernel

Address: TypeAlias = Any
"""Where an array of bytes begins."""


def _address(_typing: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(made.data, cgutils.intp_t)

    return types.intp(array), generate


def _byte(_typing: Any, address: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _pointer(context, builder, signature, arguments)
        return builder.zext(builder.load(at), cgutils.intp_t)

    return types.intp(address, index), generate


def _put_byte(_typing: Any, address: Any, index: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _pointer(context, builder, signature, arguments)
        wide = context.cast(builder, arguments[2], signature.args[2], types.uint8)
        builder.store(wide, at)
        return context.get_dummy_value()

    return types.void(address, index, value), generate


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    places = (
        context.cast(builder, given, kind, types.intp)
        for given, kind in zip(arguments[:2], signature.args[:2], strict=True)
    )
    return builder.inttoptr(builder.add(*places), cgutils.voidptr_t)


def _either(plain: Function, generate: Callable[..., Any]) -> Function:
    """`plain` where nothing is compiled, else what is generated; typed as `plain`."""
    return plain if UNCOMPILED else cast(Function, intrinsic(generate))


def _plain_address(array: NDArray[Any]) -> Address:
    return array


def _plain_byte(address: Address, index: int) -> int:
    return int(address[index])


def _plain_put_byte(address: Address, index: int, value: int) -> None:
    address[index] = value


address = _either(_plain_address, _address)
"""Where an array begins; contiguous, of bytes."""

byte = _either(_plain_byte, _byte)
"""The byte so far behind an address."""

put_byte = _either(_plain_put_byte, _put_byte)
"""Set the byte so far behind an address."""


@kernel
def same(one: Address, one_start: int, two: Address, two_start: int, length: int) -> bool:
    """Whether two slices of the same length are equal."""
    for i in range(length):  # noqa: SIM110 (numba compiles loops, not generator expressions)
        if byte(one, one_start + i) != byte(two, two_start + i):
            return False
    return True
