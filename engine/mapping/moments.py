"""Dates and times: read from the shapes that forms and interfaces use, written as systems take them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.errors import RecordError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

__all__ = ["format_problem", "to_date", "to_moment", "to_unix_ms", "write_moment"]

_TEXT = re.compile(
    r"(?P<year>\d{4})(?P<sep>[-/.年])(?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?"
    r"(?:[T\s]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,9}))?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_COMPACT = re.compile(r"\d{8}", re.ASCII)
_UNIX_MS = re.compile(r"\d{12,13}", re.ASCII)

_Piece = tuple[str, "Callable[[datetime], str]"]
_LETTERS: dict[str, Callable[[datetime], str]] = {
    "yyyy": lambda at: f"{at.year:04}",
    "yy": lambda at: f"{at.year % 100:02}",
    "MM": lambda at: f"{at.month:02}",
    "M": lambda at: f"{at.month}",
    "dd": lambda at: f"{at.day:02}",
    "d": lambda at: f"{at.day}",
    "HH": lambda at: f"{at.hour:02}",
    "H": lambda at: f"{at.hour}",
    "mm": lambda at: f"{at.minute:02}",
    "ss": lambda at: f"{at.second:02}",
    "SSS": lambda at: f"{at.microsecond // 1000:03}",
}
_DIRECTIVES = {"%Y": "yyyy", "%y": "yy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss"}
_KNOWN = {*_LETTERS, *_DIRECTIVES, "%%", "T"}
_FORMAT = re.compile(r"%.|yyyy|yy|MM|M|dd|d|HH|H|mm|ss|SSS|[A-Za-z]|%|[^A-Za-z%]+", re.DOTALL)


def to_moment(value: Any, zone: tzinfo) -> datetime:
    """The moment, in `zone`.

    Takes a datetime, a date (its midnight), epoch milliseconds (12 or 13 digits, as number or text), and
    texts: ``2024-05-06``, ``2024-05-06 10:00[:00]``, ISO with ``T`` and a zone, ``2024/5/6``,
    ``2024年5月6日``, ``20240506``. A text without a zone is in `zone`. Raises RecordError for anything else.
    """
    try:
        moment = _moment(value, zone)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        shown = f'"{str(value)[:60]}"' if isinstance(value, (str, int, Decimal)) else tr("a group of fields")
        raise RecordError(
            tr("{value} is not a date or time", value=tr("nothing") if value is None else shown),
            hint=tr("a time is written 2024-05-06, 2024-05-06 10:00:00, or as epoch milliseconds"),
        )
    return moment


def to_date(value: Any, zone: tzinfo) -> date:
    """The day in `zone`, from whatever `to_moment` takes. Raises RecordError."""
    if value.__class__ is str:
        day = _short(value)
        if day is not None:
            return day
    elif isinstance(value, date) and not isinstance(value, datetime):
        return value
    return to_moment(value, zone).date()


_SHAPES = frozenset({"-- ::", "--T::", "--"})


def _short(text: str) -> date | None:
    """The day of ``2024-05-08`` and ``2024-05-08 15:40:09``; None for other texts."""
    if text[4::3] not in _SHAPES or len(text) not in (10, 19):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    # 24:00 is a time to Python 3.13
    return moment.date() if moment.hour or text[11:12] != "2" else None


def to_unix_ms(value: Any, zone: tzinfo) -> int:
    """Epoch milliseconds. Raises RecordError."""
    return (to_moment(value, zone) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def write_moment(value: date | time, format: str | None = None) -> str:
    """A date as ``yyyy-MM-dd``, a datetime with `` HH:mm:ss``, a time as ``HH:mm:ss``, or by `format`.

    `format` knows yyyy yy MM M dd d HH H mm ss SSS, or %Y %y %m %d %H %M %S. Raises RecordError for others.
    """
    if format is None:
        return value.strftime("%H:%M:%S") if isinstance(value, time) else _plain(value)
    problem = format_problem(format)
    if problem is not None:
        raise RecordError(problem)
    if isinstance(value, time):
        at = datetime.combine(date(1970, 1, 1), value)
    else:
        at = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001
    return "".join(_piece(part, at) for part in _FORMAT.findall(format))


def format_problem(format: str) -> str | None:
    """What is wrong with a date's or time's format, or None."""
    if len(format) > 100:
        return tr("a format is longer than {most} characters", most=100)
    for part in _FORMAT.findall(format):
        if part in _KNOWN or not (part[0] == "%" or (part[0].isascii() and part[0].isalpha())):
            continue
        return tr(
            "the format '{format}' holds '{part}'; known are yyyy, yy, MM, M, dd, d, HH, H, mm, ss, SSS",
            format=format,
            part=part,
        )
    return None


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=zone) if value.tzinfo is None else value.astimezone(zone)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _UNIX_MS.fullmatch(text):
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(text))).astimezone(zone)
    if _COMPACT.fullmatch(text):
        return datetime(int(text[:4]), int(text[4:6]), int(text[6:]), tzinfo=zone)
    match = _TEXT.fullmatch(text)
    return _from_parts(match, zone) if match else None


def _from_parts(match: re.Match[str], zone: tzinfo) -> datetime:
    numbers = [int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")]
    micro = int((match["part"] or "0")[:6].ljust(6, "0")) if match["part"] else 0
    written = match["zone"]
    if not written:
        return datetime(*numbers[:6], micro, tzinfo=zone)  # type: ignore[misc,arg-type]
    if written == "Z":
        offset = UTC
    else:
        minutes = int(written[1:3]) * 60 + int(written[-2:])
        offset = timezone(timedelta(minutes=-minutes if written[0] == "-" else minutes))
    return datetime(*numbers[:6], micro, tzinfo=offset).astimezone(zone)  # type: ignore[misc,arg-type]


def _plain(value: date) -> str:
    if isinstance(value, datetime):
        return f"{_plain(value.date())} {value.hour:02}:{value.minute:02}:{value.second:02}"
    return f"{value.year:04}-{value.month:02}-{value.day:02}"


def _piece(part: str, at: datetime) -> str:
    if part == "%%":
        return "%"
    write = _LETTERS.get(_DIRECTIVES.get(part, part))
    return write(at) if write else part
