"""PyYAML's composer with few types and firm limits: what is text to a person stays text."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import yaml
from yaml.composer import Composer
from yaml.resolver import Resolver

from engine.language import tr

if TYPE_CHECKING:
    from yaml.nodes import ScalarNode

__all__ = ["ALIASES_MOST", "DEPTH_MOST", "TAG", "LimitReached", "compose", "scalar"]

DEPTH_MOST = 100
ALIASES_MOST = 100
TAG = "tag:yaml.org,2002:"


class _Limits(Composer):
    """Composes nodes, and stops where a text nests or repeats too much."""

    depth = 0
    aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[attr-defined]
        if isinstance(event, yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > ALIASES_MOST:
                raise LimitReached(tr("more than {most} aliases", most=ALIASES_MOST), event.start_mark)
        self.depth += 1
        if self.depth > DEPTH_MOST:
            raise LimitReached(tr("nested deeper than {most} levels", most=DEPTH_MOST), event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class Loader(_Limits, yaml.SafeLoader):
    """PyYAML's composer with few implicit types, and limits that hold while it reads."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own hook


def compose(text: str) -> Any:
    """The root node of a text, or None. Raises yaml.YAMLError in PyYAML's words, and LimitReached.

    libyaml reads six times as fast, with the same marks. What it refuses is read again in Python, whose
    errors are the ones that are explained; so is a text with tabs, of which it takes more than YAML allows.
    """
    if _FastLoader is not None and "\t" not in text:
        with suppress(yaml.YAMLError):
            return _root(_FastLoader(text))
    return _root(Loader(text))


def _root(loader: Any) -> Any:
    try:
        return loader.get_single_node()
    except (OverflowError, ValueError) as error:  # an escape such as \UFFFFFFFF
        raise yaml.YAMLError(tr("an escape in double quotes names no character")) from error
    finally:
        loader.dispose()


class LimitReached(Exception):
    def __init__(self, message: str, mark: Any) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark


def _resolver(tag: str, pattern: str, first: str) -> None:
    Loader.add_implicit_resolver(TAG + tag, re.compile(pattern), list(first))


_resolver("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolver("null", r"^(?:~|null|Null|NULL|)$", "~nN")
Loader.add_implicit_resolver(TAG + "null", re.compile(r"^$"), [""])
_resolver("int", r"^-?(?:0|[1-9][0-9]{0,39})$", "-0123456789")
_resolver("float", r"^-?(?:0|[1-9][0-9]{0,39})\.[0-9]{1,40}$", "-0123456789")
_resolver("merge", r"^<<$", "<")


def _fast_loader() -> Any:
    """A loader over libyaml's parser; None where PyYAML was built without it."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        return None

    class FastLoader(_Limits, CParser, Resolver):
        yaml_implicit_resolvers = Loader.yaml_implicit_resolvers

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            Resolver.__init__(self)

    return FastLoader


_FastLoader: Any = _fast_loader()


def scalar(node: ScalarNode) -> Any:
    """The value of a scalar: str, int, Decimal, bool or None."""
    value = node.value
    if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise LimitReached(tr("an escape in double quotes names no character"), node.start_mark)
    match node.tag.removeprefix(TAG):
        case "bool" if value.lower() in {"true", "false"}:
            return value.lower() == "true"
        case "null":
            return None
        case "int" if re.fullmatch(r"-?[0-9]{1,40}", value):
            return int(value)
        case "float" if re.fullmatch(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", value):
            return Decimal(value)
    return value
