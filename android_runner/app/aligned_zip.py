"""Writes the APK as a ZIP file that is the same each time, what is mapped out of it on pages of 16 KB."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

PAGE_BYTES = 16384
"""Phones with pages of 16 KB map files straight out of the APK only from such places."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LOCAL_HEADER_BYTES = 30
_ALIGNMENT_FIELD = 0xD935
"""The extra field in which APKs say what a file is aligned to, so that signing keeps it."""
_STORED = (".so", ".arsc")
"""Android wants its table of resources as it is; libraries are stored so that they can be mapped."""


def write_apk(out: Path, linked: Path, added: Mapping[str, bytes]) -> None:
    """Write what `aapt2 link` made and further files.

    Args:
        out: The APK, not signed yet.
        linked: aapt2's own APK.
        added: Contents by name in the APK.
    """
    with zipfile.ZipFile(linked) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files |= added
    with zipfile.ZipFile(out, "w") as apk:
        # The manifest first, as everyone does: tools that only read that need not go on.
        for name in sorted(files, key=lambda name: (name != "AndroidManifest.xml", name)):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o644 << 16
            info.create_system = 0  # or the bytes would tell which system they were written on
            stored = name.endswith(_STORED)
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            if stored:
                place = apk.fp.tell() if apk.fp else 0
                info.extra = _padding(place, name)
            apk.writestr(info, files[name], compresslevel=9)


def _padding(place: int, name: str) -> bytes:
    """The extra field after which the data of a file whose header is at ``place`` start a page."""
    field_bytes = 6  # its number, its size, the alignment
    data = place + _LOCAL_HEADER_BYTES + len(name.encode()) + field_bytes
    fill = -data % PAGE_BYTES
    return struct.pack("<HHH", _ALIGNMENT_FIELD, 2 + fill, PAGE_BYTES) + bytes(fill)
