"""Amounts as DingTalk's forms show them: digits, and the capital writing of cheques."""

from __future__ import annotations

from decimal import Decimal

__all__ = ["capital", "plain", "separated"]

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿")


def plain(amount: Decimal) -> str:
    """``1500.00``"""
    return f"{amount:.2f}"


def separated(amount: Decimal) -> str:
    """``1,500.00``, as calculated fields sometimes have it."""
    return f"{amount:,.2f}"


def capital(amount: Decimal) -> str:
    """``壹仟伍佰元整``, below a trillion."""
    cents = int(amount * 100)
    whole, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    text = (_whole(whole) + "元") if whole else ""
    if not jiao and not fen:
        return (text or "零元") + "整"
    if jiao:
        text += _DIGITS[jiao] + "角"
    elif whole:
        text += "零"
    return text + (_DIGITS[fen] + "分" if fen else "整")


def _whole(number: int) -> str:
    groups = []
    for place, unit in enumerate(_GROUPS):
        part = number // 10000**place % 10000
        if part:
            gap = "零" if part < 1000 and number // 10000 ** (place + 1) else ""
            groups.append(gap + _four(part) + unit)
    return "".join(reversed(groups))


def _four(number: int) -> str:
    text = ""
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += _DIGITS[digit] + _PLACES[place]
        elif text and not text.endswith("零"):
            text += "零"
    return text.rstrip("零")
