"""Which encoding a document is in, by rule and never by guessing at letters."""

from __future__ import annotations

import codecs
import re

_HEADER = re.compile(rb"charset\s*=\s*[\"']?([^\s\"';,]+)", re.IGNORECASE)
_INSIDE = re.compile(
    rb"<meta\s[^>]*?charset\s*=\s*[\"']?\s*([^\s\"'/>;]+)"
    rb"|<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"'>]+)"
    rb"|^@charset\s+\"([^\"]+)\"",
    re.IGNORECASE,
)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# What browsers take these names for (WHATWG Encoding Standard, section 4.2)
_MEANT = {
    **dict.fromkeys(("iso8859-1", "ascii", "latin-1", "latin1", "us-ascii", "iso-8859-1"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "gb_2312-80"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("euc-kr", "euc_kr", "ks_c_5601-1987", "windows-949"), "cp949"),
    **dict.fromkeys(("iso8859-9", "iso-8859-9"), "cp1254"),
    **dict.fromkeys(("iso8859-11", "iso-8859-11", "tis-620"), "cp874"),
    **dict.fromkeys(("big5", "x-x-big5"), "big5hkscs"),
    **dict.fromkeys(("utf8", "unicode-1-1-utf-8", "utf-8"), "utf-8"),
    **dict.fromkeys(("utf-16", "unicode", "ucs-2"), "utf-16-le"),
}
_TRUSTED = re.compile(
    r"utf-8|utf-16-[lb]e|gb18030|big5hkscs|euc_j[px]\w*|iso2022_jp|koi8-[ru]|mac-(?:roman|cyrillic)"
    r"|cp(?:125\d|866|874|932|949)|iso8859-\d+"
)


def charset_of(content_type: bytes | None, body: bytes) -> str:
    """A Python codec for a document: byte order mark, header, meta or XML declaration, utf-8, cp1252.

    The mark comes first, as in browsers. A name nobody knows counts as none. Decode with "replace".
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name
    if content_type and (found := _HEADER.search(content_type)):
        codec = _codec(found[1])
        if codec:
            return codec
    if found := _INSIDE.search(body[:4096]):
        codec = _codec(found[1] or found[2] or found[3])
        if codec:
            # It was read as ASCII, so it cannot be in two-byte letters, whatever it says.
            return "utf-8" if codec.startswith("utf-16") else codec
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as problem:
        # A page cut within a letter is still utf-8.
        return "utf-8" if problem.end == len(body) else "cp1252"
    return "utf-8"


def _codec(label: bytes) -> str | None:
    name = label.decode("latin-1").strip().lower()
    if name in _MEANT:
        return _MEANT[name]
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    codec = _MEANT.get(codec, codec)
    return codec if _TRUSTED.fullmatch(codec) else None
