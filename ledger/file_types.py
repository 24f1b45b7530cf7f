"""Which kinds of files may be attached, and whether a file is of the kind that its sender says."""

from __future__ import annotations

from collections.abc import Callable

from complaints.base import Refused

SNIFFED_BYTES = 4096
"""How much of a file's beginning `check_type` wants to see, or the whole of a shorter one."""

_OFFICE = (b"PK\x03\x04",)
_MP4_BRANDS = (
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"M4A ",
    b"M4V ",
    b"MSNV",
    b"3gp",
)
_HEIC_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"hevc")


def _starts(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magics)


def _riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == form


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[4:8] == b"ftyp" and head[8:12].startswith(brands)


def _is_text(head: bytes) -> bool:
    """UTF-8 (a character may be cut off at the end of what is looked at) without control characters."""
    if any(byte < 0x20 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return (
            len(head) >= SNIFFED_BYTES
            and error.start > len(head) - 4
            and error.reason == "unexpected end of data"
        )
    return True


_TYPES: dict[str, tuple[str, Callable[[bytes], bool]]] = {
    "application/pdf": ("PDF document", _starts(b"%PDF-")),
    "image/png": ("PNG picture", _starts(b"\x89PNG\r\n\x1a\n")),
    "image/jpeg": ("JPEG picture", _starts(b"\xff\xd8\xff")),
    "image/gif": ("GIF picture", _starts(b"GIF87a", b"GIF89a")),
    "image/webp": ("WebP picture", _riff(b"WEBP")),
    "image/heic": ("HEIC picture", _brand(*_HEIC_BRANDS)),
    "image/tiff": ("TIFF picture", _starts(b"II*\x00", b"MM\x00*")),
    "audio/mpeg": ("MP3 recording", _starts(b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    "audio/wav": ("WAV recording", _riff(b"WAVE")),
    "audio/ogg": ("Ogg recording", _starts(b"OggS")),
    "audio/mp4": ("MPEG-4 recording", _brand(*_MP4_BRANDS)),
    "video/mp4": ("MPEG-4 film", _brand(*_MP4_BRANDS)),
    "text/plain": ("plain text", _is_text),
    "text/csv": ("table as text", _is_text),
    "message/rfc822": ("mail", _is_text),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (
        "Word document",
        _starts(*_OFFICE),
    ),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("Excel table", _starts(*_OFFICE)),
    "application/vnd.oasis.opendocument.text": ("OpenDocument text", _starts(*_OFFICE)),
}

MEDIA_TYPES = frozenset(_TYPES)
"""The media types that may be attached: what evidence of a complaint comes as, and nothing that runs."""


def check_type(media_type: str, head: bytes) -> str:
    """The media type without its parameters, where it may be attached and `head` looks like it.

    `head` is the first SNIFFED_BYTES of the file. Raises Refused: `file_type_not_allowed` for a type
    that is not on the list, `file_type_wrong` for a file that is not what it is said to be.
    """
    plain = media_type.partition(";")[0].strip().lower()
    if plain not in _TYPES:
        named = ", ".join(sorted({name for name, _ in _TYPES.values()}))
        raise Refused(
            "file_type_not_allowed", f"Files of this type can not be attached. What can be: {named}."
        )
    name, looks_right = _TYPES[plain]
    if not looks_right(head):
        raise Refused(
            "file_type_wrong",
            f"This file was sent as a {name}, but it is none. Check that you chose the right file.",
        )
    return plain
