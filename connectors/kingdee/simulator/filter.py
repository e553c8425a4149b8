"""FilterString: SQL-like text, or ``[{Left, FieldName, Compare, Value, Right, Logic}]`` (reference §6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.kingdee.simulator.conditions import (
    AllOf,
    AnyOf,
    Column,
    Comparison,
    Condition,
    ConditionError,
    IsNull,
    Like,
    Literal,
    Negation,
    OneOf,
)

__all__ = ["parse_filter"]

Resolve = Callable[[str], Column]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<moment>\{\s*(?:ts|d)\s*'(?:[^']|'')*'\s*\})
      | (?P<text>[Nn]?'(?:[^']|'')*')
      | (?P<number>[-+]?\d+(?:\.\d+)?(?![\w.]))
      | (?P<operator><>|!=|>=|<=|=|>|<)
      | (?P<mark>[(),])
      | (?P<word>[^\W\d][\w.]*)
    )""",
    re.VERBOSE,
)
_COMPARISONS = {"67": "=", "statusequalto": "=", "equal": "=", "=": "=", "<>": "<>", "!=": "<>"} | {
    operator: operator for operator in (">", ">=", "<", "<=", "like", "in")
}
_LOGIC = {"0": "and", "1": "or", "and": "and", "or": "or"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter: its kind (text, number, operator, mark, word) and value."""

    kind: str
    value: Any

    def says(self, *words: str) -> bool:
        return self.kind in ("word", "mark") and str(self.value).lower() in words


_END = Token("end", "")


def parse_filter(source: Any, resolve: Resolve) -> Condition | None:
    """The condition of a FilterString, None when empty. Raises ConditionError, and what `resolve` raises."""
    if isinstance(source, str):
        tokens = _tokens(source)
    elif isinstance(source, list):
        tokens = _tokens_of_rows(source)
    elif source is None:
        return None
    else:
        raise ConditionError("FilterString 应为字符串或数组")
    if not tokens:
        return None
    parser = _Parser(tokens, resolve)
    condition = parser.any_of()
    parser.expect_end()
    return condition


def _tokens(text: str) -> list[Token]:
    found, place = [], 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ConditionError(f"“{text[place:].strip()[:20]}”附近有语法错误")
        found.append(_token(match))
        place = match.end()
    return found


def _token(match: re.Match[str]) -> Token:
    kind, value = str(match.lastgroup), match[str(match.lastgroup)]
    if kind in ("text", "moment"):
        quoted = value[value.index("'") + 1 : value.rindex("'")]
        return Token("text", quoted.replace("''", "'"))
    return Token(kind, Decimal(value) if kind == "number" else value)


def _tokens_of_rows(rows: Sequence[Any]) -> list[Token]:
    tokens: list[Token] = []
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ConditionError("FilterString 数组的每一项应为对象")
        tokens += [Token("mark", mark) for mark in str(row.get("Left") or "").replace(" ", "")]
        tokens += _tokens_of_row(row)
        tokens += [Token("mark", mark) for mark in str(row.get("Right") or "").replace(" ", "")]
        if place < len(rows) - 1:
            logic = _LOGIC.get(str(row.get("Logic") or "0").strip().lower())
            if logic is None:
                raise ConditionError(f"逻辑符“{row.get('Logic')}”不存在")
            tokens.append(Token("word", logic))
    return tokens


def _tokens_of_row(row: Mapping[str, Any]) -> list[Token]:
    comparison = _COMPARISONS.get(str(row.get("Compare") or "").strip().lower())
    if comparison is None:
        raise ConditionError(f"比较符“{row.get('Compare')}”不存在")
    field, value = Token("word", str(row.get("FieldName") or "")), row.get("Value")
    if comparison == "in":
        values = value if isinstance(value, list) else str(value).split(",")
        inner = [token for item in values for token in (Token("text", str(item)), Token("mark", ","))]
        return [field, Token("word", "in"), Token("mark", "("), *inner[:-1], Token("mark", ")")]
    kind = "word" if comparison == "like" else "operator"
    return [field, Token(kind, comparison), Token("text", "" if value is None else str(value))]


class _Parser:
    """Recursive descent: or, and, not, parentheses, predicates."""

    def __init__(self, tokens: Sequence[Token], resolve: Resolve) -> None:
        self._tokens = tokens
        self._resolve = resolve
        self._place = 0

    def any_of(self) -> Condition:
        parts = [self._all_of()]
        while self._accept("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def expect_end(self) -> None:
        if self._peek() is not _END:
            raise self._wrong()

    def _all_of(self) -> Condition:
        parts = [self._negation()]
        while self._accept("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _negation(self) -> Condition:
        if self._accept("not"):
            return Negation(self._negation())
        if self._accept("("):
            inner = self.any_of()
            self._expect(")")
            return inner
        return self._predicate()

    def _predicate(self) -> Condition:
        left = self._operand()
        if self._peek().kind == "operator":
            operator = self._next().value
            return Comparison(left, operator, self._operand())
        if self._accept("is"):
            negated = self._accept("not")
            self._expect("null")
            return Negation(IsNull(left)) if negated else IsNull(left)
        negated = self._accept("not")
        found = self._range(left)
        return Negation(found) if negated else found

    def _range(self, left: Column | Literal) -> Condition:
        if self._accept("like"):
            return Like(left, str(self._literal().value))
        if self._accept("in"):
            return self._one_of(left)
        if self._accept("between"):
            low = self._literal()
            self._expect("and")
            return AllOf((Comparison(left, ">=", low), Comparison(left, "<=", self._literal())))
        raise self._wrong()

    def _one_of(self, left: Column | Literal) -> Condition:
        self._expect("(")
        choices = [self._literal()]
        while self._accept(","):
            choices.append(self._literal())
        self._expect(")")
        return OneOf(left, tuple(choices))

    def _operand(self) -> Column | Literal:
        token = self._peek()
        if token.kind == "word" and not token.says("null"):
            return self._resolve(str(self._next().value))
        return self._literal()

    def _literal(self) -> Literal:
        token = self._next()
        if token.says("null"):
            return Literal(None)
        if token.kind not in ("text", "number"):
            self._place -= 1
            raise self._wrong()
        return Literal(token.value)

    def _peek(self) -> Token:
        return self._tokens[self._place] if self._place < len(self._tokens) else _END

    def _next(self) -> Token:
        token = self._peek()
        self._place += 1
        return token

    def _accept(self, word: str) -> bool:
        if self._peek().says(word):
            self._place += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._wrong()

    def _wrong(self) -> ConditionError:
        token = self._peek()
        shown = token.value if token is not _END else "结尾"
        return ConditionError(f"“{shown}”附近有语法错误")
