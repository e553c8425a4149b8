"""The drawings of `engine graph`: text for Mermaid, and an SVG of two columns. Texts are escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from engine.cli.context import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.scheme.links import Link

__all__ = ["mermaid", "svg"]

_STEP, _TOP, _LEFT, _RIGHT, _WIDTH = 22, 50, 330, 640, 1000


def mermaid(links: Sequence[Link]) -> str:
    """A flowchart; what a table answers stands on the arrow."""
    sources = _numbered(links)
    targets = _targets(links)
    lines = ["flowchart LR"]
    lines += [f'  s{number}["{_quoted(name)}"]' for name, number in sources.items()]
    lines += [f'  t{number}["{_quoted(text)}"]' for number, text in targets.values()]
    for link in links:
        arrow = f"-- {'、'.join(_quoted(table) for table in link.tables)} -->" if link.tables else "-->"
        lines += [f"  s{sources[name]} {arrow} t{targets[link.target][0]}" for name in link.sources]
    seen = dict.fromkeys(lines)
    return "\n".join(seen) + "\n"


def svg(links: Sequence[Link], title: str) -> str:
    """Two columns, sources left and targets right, with a curve for each way."""
    sources, targets = _numbered(links), _targets(links)
    height = _TOP + _STEP * (max(len(sources), len(targets)) + 1)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'font-family="system-ui, sans-serif" font-size="12">',
            f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
            f'<text x="20" y="24" font-size="15" font-weight="bold">{_xml(title)}</text>',
            *_curves(links, sources, targets),
            *(
                f'<text x="{_LEFT - 8}" y="{_y(number)}" text-anchor="end">{_xml(_cut(name))}</text>'
                for name, number in sources.items()
            ),
            *(
                f'<text x="{_RIGHT + 8}" y="{_y(number)}">{_xml(_cut(text))}</text>'
                for number, text in targets.values()
            ),
            "</svg>",
            "",
        ]
    )


def _curves(
    links: Sequence[Link], sources: dict[str, int], targets: dict[str, tuple[int, str]]
) -> Iterator[str]:
    middle = (_LEFT + _RIGHT) / 2
    seen: set[tuple[int, int]] = set()
    for link in links:
        for name in link.sources:
            ends = sources[name], targets[link.target][0]
            if ends in seen:
                continue
            seen.add(ends)
            start, end = _y(ends[0]) - 4, _y(ends[1]) - 4
            colour = "#c60" if link.tables else "#48a"
            told = f"<title>{_xml(', '.join(link.tables))}</title>" if link.tables else ""
            yield (
                f'<path d="M{_LEFT},{start} C{middle},{start} {middle},{end} {_RIGHT},{end}" '
                f'fill="none" stroke="{colour}">{told}</path>'
            )


def _numbered(links: Sequence[Link]) -> dict[str, int]:
    names = dict.fromkeys(name for link in links for name in link.sources)
    return {name: number for number, name in enumerate(names)}


def _targets(links: Sequence[Link]) -> dict[str, tuple[int, str]]:
    """Each target once, with its label, and its value where that is a constant."""
    found: dict[str, tuple[int, str]] = {}
    for link in links:
        if link.target not in found:
            constant = f" = {link.constant}" if link.constant is not None else ""
            found[link.target] = (len(found), f"{link.target} {link.label}".strip() + constant)
    return found


def _y(number: int) -> int:
    return _TOP + _STEP * (number + 1)


def _cut(text: str) -> str:
    return text if len(text) <= 48 else f"{text[:47]}…"


def _xml(text: str) -> str:
    return escape(plain(text))


def _quoted(text: str) -> str:
    """Mermaid's own escapes: entities by number, so that nothing ends the quotes or begins a tag."""
    return "".join(f"#{ord(char)};" if char in '"#<>&`|' else char for char in plain(text))
