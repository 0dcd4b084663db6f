"""The space of each kernel that has one: every sensible choice, the kernel's default first."""

from collections.abc import Callable
from typing import Any

from tvm_schedules.binary_conv2d import fused_binary_conv2d_kernel
from tvm_schedules.bitserial_conv2d import bitserial_conv2d_kernel
from tvm_schedules.cores import register_file
from tvm_schedules.float_conv2d import float_conv2d_kernel
from tvm_schedules.grouped_conv2d import candidate_regions, grouped_conv2d_kernel
from tvm_schedules.pixel_conv2d import pixel_conv2d_kernel
from tvm_schedules.pixel_weights import needed_registers
from tvm_schedules.tile import RegisterFile, Tile, candidate_tiles
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelRequest


def kernel_space(request: KernelRequest, target: Any) -> list[Choice]:
    """List what the kernel may be built with, its default first; empty: there is nothing to choose."""
    space = _SPACES.get(request.maker)
    return space(request, target) if space else []


def _tiles(request: KernelRequest, registers: RegisterFile, *, binary: bool) -> list[Tile]:
    shape = request.shape
    extents = shape.out_height, shape.out_width, shape.out_channels
    return candidate_tiles(*extents, registers, binary=binary)


def _binary(request: KernelRequest, target: Any) -> list[Choice]:
    return [Choice(tile) for tile in _tiles(request, register_file(target), binary=True)]


def _float(request: KernelRequest, target: Any) -> list[Choice]:
    return [Choice(tile) for tile in _tiles(request, register_file(target), binary=False)]


def _pixel(request: KernelRequest, target: Any) -> list[Choice]:
    return [Choice(tile) for tile in _tiles(request, needed_registers(target), binary=False)]


def _grouped(request: KernelRequest, target: Any) -> list[Choice]:
    tiles = _tiles(request, register_file(target), binary=True)
    shape, branches = request.shape, dict(request.options)["branches"]
    return [Choice(tile, region) for tile in tiles for region in candidate_regions(shape, branches, tile)]


_SPACES: dict[Callable[..., Any], Callable[[KernelRequest, Any], list[Choice]]] = {
    fused_binary_conv2d_kernel: _binary,
    bitserial_conv2d_kernel: _binary,
    float_conv2d_kernel: _float,
    pixel_conv2d_kernel: _pixel,
    grouped_conv2d_kernel: _grouped,
}
