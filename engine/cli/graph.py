"""engine graph: source fields on the left, target fields on the right, as Mermaid or SVG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.context import Common, common_options, emit
from engine.language import tr

if TYPE_CHECKING:
    from engine.scheme.links import Link
    from engine.scheme.model import Scheme

__all__ = ["graph"]


@click.command(help=tr("Draw which source fields go into which target fields."))
@click.argument("scheme")
@click.option(
    "--format",
    "style",
    type=click.Choice(["mermaid", "svg"]),
    default="mermaid",
    show_default=True,
    help=tr("What to draw with."),
)
@click.option("--out", metavar="FILE", help=tr("Where to; standard output by default."))
@common_options
def graph(common: Common, scheme: str, style: str, out: str | None) -> int:
    """Draw a scheme's mapping."""
    from engine.cli.graph_drawing import mermaid, svg

    checked, links = _links(common, scheme)
    if common.json:
        emit(
            {
                "scheme": checked.id,
                "links": [
                    {
                        "target": link.target,
                        "label": link.label,
                        "sources": list(link.sources),
                        "tables": list(link.tables),
                        "constant": link.constant,
                    }
                    for link in links
                ],
            }
        )
        return 0
    drawn = mermaid(links) if style == "mermaid" else svg(links, checked.name)
    if out is None:
        click.echo(drawn, nl=False)
    else:
        Path(out).write_text(drawn, encoding="utf-8")
        click.echo(tr("the drawing is {file}", file=out))
    return 0


def _links(common: Common, name: str) -> tuple[Scheme, list[Link]]:
    from engine.connector.registry import catalog
    from engine.document.walk import target_fields
    from engine.run.setup import checked_scheme
    from engine.scheme.links import links_of
    from engine.scheme.reach import Reach

    environment = common.environment()
    scheme = checked_scheme(name, environment)
    return scheme, links_of(scheme, target_fields(scheme, Reach(catalog, environment)))
