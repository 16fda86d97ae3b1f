"""XLSX, written a piece at a time, so that a worker may stop between pieces and memory holds one of them. Pure.

A workbook is a ZIP of XML files. The small ones come first and stored; the sheet is last, and each piece of it a run of
complete deflate blocks, so that pieces of different processes join into one stream. What the end of the file has to
know (checksum, sizes) is carried along in `Progress`. Sources: ECMA-376 part 1, RFC 1951, PKWARE's APPNOTE.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from struct import pack
from typing import Final
from xml.sax.saxutils import escape

from hub.outbound.exports.cells import Plain

MAX_ROWS: Final = 1_048_576  # the head line among them
DAY_STYLE, TIME_STYLE, HEAD_STYLE = 1, 2, 3
_EPOCH: Final = date(1899, 12, 30)
_SHEET: Final = "xl/worksheets/sheet1.xml"
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_KIND: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"

_PARTS: Final[dict[str, str]] = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>'
    f'<Override PartName="/{_SHEET}" ContentType="{_KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="Export" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf xfId="0"/>'
    '<xf numFmtId="14" xfId="0" applyNumberFormat="1"/><xf numFmtId="164" xfId="0" applyNumberFormat="1"/>'
    '<xf fontId="1" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
_OPENING: Final = (
    f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)
_CLOSING: Final = "</sheetData></worksheet>"
# Sizes and checksum of the sheet follow it, in a descriptor.
_FOLLOWS: Final = 0x08
_STORED, _DEFLATED = 0, 8
_MIDNIGHT_1980: Final = pack("<HH", 0, 0x21)


@dataclass(frozen=True, slots=True)
class Progress:
    """Of the sheet so far: checksum and length of its text, and how many bytes it takes in the file."""

    crc: int = 0
    length: int = 0
    packed: int = 0


def begin(columns: Sequence[str]) -> tuple[bytes, Progress]:
    """The start of the file up to and with the head line."""
    small = b"".join(_local(name, text) + text for name, text in _texts())
    opening = _OPENING + _row(columns, style=HEAD_STYLE)
    piece, progress = _pack(opening, Progress())
    return small + _local(_SHEET) + piece, progress


def rows(values: Iterable[Sequence[Plain]], progress: Progress) -> tuple[bytes, Progress]:
    """A piece of the sheet; at least the text of one row."""
    return _pack("".join(map(_row, values)), progress)


def end(progress: Progress) -> tuple[bytes, Progress]:
    """The end of the sheet and of the file."""
    piece, progress = _pack(_CLOSING, progress, last=True)
    measures = pack("<III", progress.crc, progress.packed, progress.length)
    directory, offset = b"", 0
    for name, text in _texts():
        directory += _entry(name, _measures_of(text), _STORED, 0, offset)
        offset += len(_local(name, text)) + len(text)
    directory += _entry(_SHEET, measures, _DEFLATED, _FOLLOWS, offset)
    start = offset + len(_local(_SHEET)) + progress.packed + 16
    count = len(_PARTS) + 1
    tail = b"PK\x05\x06" + pack("<HHHHIIH", 0, 0, count, count, len(directory), start, 0)
    return piece + b"PK\x07\x08" + measures + directory + tail, progress


def _pack(text: str, progress: Progress, *, last: bool = False) -> tuple[bytes, Progress]:
    raw = text.encode()
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    # A sync flush ends on a byte and leaves the stream open for the next piece.
    piece = squeeze.compress(raw) + squeeze.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
    return piece, replace(
        progress,
        crc=zlib.crc32(raw, progress.crc),
        length=progress.length + len(raw),
        packed=progress.packed + len(piece),
    )


def _texts() -> list[tuple[str, bytes]]:
    return [(name, (_XML + text).encode()) for name, text in _PARTS.items()]


def _measures_of(text: bytes) -> bytes:
    return pack("<III", zlib.crc32(text), len(text), len(text))


def _local(name: str, text: bytes | None = None) -> bytes:
    """The header in front of a file; one without `text` says its measures after it."""
    flags, method = (_FOLLOWS, _DEFLATED) if text is None else (0, _STORED)
    measures = bytes(12) if text is None else _measures_of(text)
    return (
        b"PK\x03\x04"
        + pack("<HHH", 20, flags, method)
        + _MIDNIGHT_1980
        + measures
        + pack("<HH", len(name), 0)
        + name.encode()
    )


def _entry(name: str, measures: bytes, method: int, flags: int, offset: int) -> bytes:
    return (
        b"PK\x01\x02"
        + pack("<HHHH", 20, 20, flags, method)
        + _MIDNIGHT_1980
        + measures
        + pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, offset)
        + name.encode()
    )


def _row(values: Sequence[Plain], *, style: int = 0) -> str:
    return f"<row>{''.join(_cell(value, style) for value in values)}</row>"


def _cell(value: Plain, style: int = 0) -> str:
    match value:
        case None | "":
            return "<c/>"
        case bool():
            return f'<c t="b"><v>{value:d}</v></c>'
        case datetime():
            return f'<c s="{TIME_STYLE}"><v>{_days(value)}</v></c>'
        case date():
            return f'<c s="{DAY_STYLE}"><v>{(value - _EPOCH).days}</v></c>'
        case Decimal():
            return f"<c><v>{value:f}</v></c>"
        case int() | float():
            return f"<c><v>{value}</v></c>"
        case _:
            return f'<c t="inlineStr" s="{style}"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def _days(moment: datetime) -> str:
    """A spreadsheet's time: days since 1899-12-30, by the clock of the moment's own zone."""
    clock = moment.replace(tzinfo=None) - datetime(_EPOCH.year, _EPOCH.month, _EPOCH.day)  # noqa: DTZ001  # a wall clock
    return f"{clock.days + clock.seconds / 86_400:.10f}"
