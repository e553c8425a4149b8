"""The codes of what is found in a market folder: stable, beside those of schemes (`engine.scheme.codes`)."""

from __future__ import annotations

__all__ = ["CODES"]

CODES: dict[str, str] = {
    # the card
    "M101": "the card cannot be read",
    "M102": "the card lacks a key, or has one that is not known",
    "M103": "a value of the card is not as it must be",
    "M104": "the card's name is not that of its folder",
    "M105": "the changes do not begin with the card's release",
    # the folder
    "M201": "the folder cannot be read",
    "M202": "a link, device, pipe or socket stands where a file should",
    "M203": "a file or folder is hidden",
    "M204": "a name would not do on every system",
    "M205": "a file is of a kind, or lies in a place, that a market scheme does not have",
    "M206": "a file can be run as a program",
    "M207": "there is too much of it",
    "M208": "a file is no text",
    # the schemes
    "M301": "a scheme of the card is not there, or one that is there is not in the card",
    "M302": "a scheme's id is not the name of its file",
    "M303": "a scheme reaches a connection that the card does not name",
    "M304": "a connector that the card names is not installed",
    "M305": "a scheme has no test",
    "M306": "a test of a scheme fails",
    "M307": "the tests are too many, or take too long",
    "M308": "the card speaks of a param or field that no scheme has",
    "M309": "a file is used by no scheme",
    "M310": "a test rests on the default of a param, which a copier changes",
    # the page
    "M401": "the page is not there, or not made from what the folder holds",
}
