"""What lies inside of texts: data addresses with their pictures, pages in attributes, and what the files say of themselves."""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from taskkit.report.linter.reading import Contents, Piece, read_page

_ADDRESS = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.=+-]+)*?)(;base64)?,((?:[^\"'\s)]|(?<=,)\s)*)", re.IGNORECASE)
_PNG, _JPEG, _GIF, _WEBP, _PDF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"GIF8", b"RIFF", b"%PDF"
_LARGEST_TEXT = 1_000_000  # bytes that one compressed text may unfold to
_PRINTED = re.compile(rb"[\x20-\x7e\xa0-\xff]{4,}")
_PRINTED_WIDE = re.compile(rb"(?:[\x20-\x7e]\x00){4,}")


def read_inner(piece: Piece, *, depth: int) -> Iterator[Contents]:
    """What stands inside of a text: the files of its data addresses, and markup where the text is a page of its own."""
    for match in _ADDRESS.finditer(piece.text):
        content = _content(match)
        if content:
            yield _read_file(content, f"{piece.place}, file in a data address", depth)
    if piece.sort in ("attribute", "chart", "comment", "data", "script") and re.search(r"<[a-zA-Z!/]", piece.text):
        yield read_page(piece.text, inside=f"{piece.place}: ", depth=depth + 1)


def _content(match: re.Match[str]) -> bytes:
    raw = unquote_to_bytes(match[4])
    if not match[3]:
        return raw
    try:
        return base64.b64decode(re.sub(rb"\s", b"", raw).translate(bytes.maketrans(b"-_", b"+/")) + b"==")
    except (binascii.Error, ValueError):
        return raw


def _read_file(content: bytes, place: str, depth: int) -> Contents:
    """A file by what it begins with: a picture's own texts, a drawing's markup, or text."""
    if content.startswith((_PNG, _JPEG, _GIF, _WEBP, _PDF)):
        texts = _png_texts(content) if content.startswith(_PNG) else _printed(content)
        pieces = [Piece(f"{place}: {what}", "metadata", text) for what, text in texts]
        return Contents([Piece(place, "picture", ""), *pieces])
    if b"\x00" in content[:1000]:
        return Contents([Piece(f"{place}: text", "metadata", text) for _, text in _printed(content)])
    text = content.decode("utf-8", errors="replace")
    if "<" in text:
        return read_page(text, inside=f"{place}: ", depth=depth + 1)
    return Contents([Piece(place, "metadata", text)])


def _png_texts(content: bytes) -> Iterator[tuple[str, str]]:
    """Texts in the chunks of a PNG, unfolded where they are compressed; and what follows its end."""
    at = len(_PNG)
    while at + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 8 : at + 8 + length]
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP"):
            what = f"{kind.decode()} chunk"
            yield what, body.replace(b"\x00", b" ").decode("utf-8", errors="replace")
            unfolded = _unfold(body)
            if unfolded:
                yield what, unfolded
        at += 12 + length
        if kind == b"IEND":
            break
    yield from (("after the picture", text) for _, text in _printed(content[at:]))


def _unfold(body: bytes) -> str:
    """The compressed text of a chunk, wherever in it the compressed stream begins."""
    for start in [match.start() for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", body)][:5]:
        try:
            return zlib.decompressobj().decompress(body[start:], _LARGEST_TEXT).decode("utf-8", errors="replace")
        except zlib.error:
            continue
    return ""


def _printed(content: bytes) -> Iterator[tuple[str, str]]:
    """Runs of readable characters: camera notes, comments, names of authors, wherever a format keeps them."""
    found = [match[0].decode("latin-1") for match in _PRINTED.finditer(content)]
    found += [match[0].decode("utf-16-le") for match in _PRINTED_WIDE.finditer(content)]
    found += [match[0] for match in re.finditer(r"[^\x00-\x1f\ufffd]{4,}", content.decode("utf-8", errors="replace"))]
    for text in dict.fromkeys(found):
        yield "text in it", text
