"""Write Python source line by line. Names are the engine's own; what a scheme says goes in as data only."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import CodeType

__all__ = ["Lines", "Writer"]

_SMALL: Final = 2**31


class Lines(list["tuple[int, str] | Lines"]):
    """Lines with their depth; a part within stands for lines that may still be added there."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.depth = depth

    def line(self, text: str) -> None:
        """Add a line at this part's depth."""
        self.append((self.depth, text))


class Writer:
    """Source under construction, with the values that it names.

    A text of a scheme becomes an ASCII literal by `literal`, any other value a name by `keep`; nothing else
    that a scheme holds may reach `line`.
    """

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names: dict[str, Any] = dict(names)
        self._all = self._here = Lines(0)
        self._depth = 0
        self._count = 0
        self._kept: dict[int, str] = {}

    def line(self, text: str) -> None:
        """Add a line at the present depth."""
        self._here.append((self._depth, text))

    def open(self, head: str) -> None:
        """Begin a block that goes on to the end."""
        self.line(head)
        self._depth += 1

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines within a block, which may stay empty."""
        self.line(head)
        self._depth += 1
        before = len(self._here)
        yield
        if not any(_flat(self._here[before:])):
            self.line("pass")
        self._depth -= 1

    @contextmanager
    def into(self, part: Lines) -> Iterator[None]:
        """Lines that go to an earlier place."""
        here, depth = self._here, self._depth
        self._here, self._depth = part, part.depth
        try:
            yield
        finally:
            self._here, self._depth = here, depth

    def attempt(self, write: Callable[[], None]) -> None:
        """Write something; when that raises, nothing of it stays but what was added to parts before."""
        here, depth, kept = self._here, self._depth, len(self._here)
        try:
            write()
        except BaseException:
            self._here, self._depth = here, depth
            del here[kept:]
            raise

    def part(self) -> Lines:
        """A place to which lines can still be added when others follow."""
        made = Lines(self._depth)
        self._here.append(made)
        return made

    def local(self) -> str:
        """A new variable's name."""
        self._count += 1
        return f"v{self._count}"

    def keep(self, value: Any) -> str:
        """The name of a value that the source uses."""
        name = self._kept.get(id(value))
        if name is None:
            name = f"k{len(self._kept)}"
            self._kept[id(value)] = name
            self.names[name] = value  # and so it lives as long as its id is remembered
        return name

    def literal(self, value: Any) -> str:
        """A plain value as a literal, any other as a name."""
        if value is None or value is True or value is False:
            return repr(value)
        if type(value) is str:
            return ascii(value)
        if type(value) is int and -_SMALL < value < _SMALL:
            return f"({value})"
        return self.keep(value)

    def source(self) -> str:
        """All that was written."""
        return "\n".join(f"{' ' * depth}{text}" for depth, text in _flat(self._all)) + "\n"

    def code(self) -> CodeType:
        """The source, compiled. Raises SyntaxError, RecursionError or MemoryError where Python cannot."""
        return _code(self.source())


@lru_cache(maxsize=32)
def _code(source: str) -> CodeType:
    return compile(source, "<mapping>", "exec", dont_inherit=True)


def _flat(lines: Iterable[Any]) -> Iterator[tuple[int, str]]:
    for each in lines:
        if isinstance(each, Lines):
            yield from _flat(each)
        else:
            yield each
