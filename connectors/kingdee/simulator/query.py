"""ExecuteBillQuery and BillQuery: any form's rows by FieldKeys, FilterString, OrderString and paging.

Asking for (or filtering by) a field of an entry table gives one row per entry (reference §6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

from connectors.kingdee.simulator.answers import MsgCode, Refusal
from connectors.kingdee.simulator.basedata import BaseData
from connectors.kingdee.simulator.bills import Bill, BillStore
from connectors.kingdee.simulator.conditions import Column, Condition, ConditionError, Row
from connectors.kingdee.simulator.filter import parse_filter
from connectors.kingdee.simulator.forms import Entity, Form, FormField

__all__ = ["Query", "objects", "run_query"]

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Query:
    """A query's request, read."""

    keys: tuple[str, ...]
    filter: Any
    order: str
    top: int
    start: int
    limit: int

    @classmethod
    def read(cls, data: Mapping[str, Any], most: int) -> Query:
        """`most` is the site's WebAPIMaxQueryLimit. Raises Refusal."""
        given = {str(key).lower(): value for key, value in data.items()}
        raw = given.get("fieldkeys") or ""
        names = raw if isinstance(raw, list) else str(raw).split(",")
        keys = tuple(str(key).strip() for key in names if str(key).strip())
        if not keys:
            raise Refusal("FieldKeys 不能为空", MsgCode.BAD_ARGUMENT)
        return cls(
            keys=keys,
            filter=given.get("filterstring"),
            order=str(given.get("orderstring") or ""),
            top=_count(given, "toprowcount"),
            start=_count(given, "startrow"),
            limit=min(_count(given, "limit") or most, most),
        )


def run_query(form: Form, base: BaseData, bills: BillStore, query: Query) -> list[list[Any]]:
    """The rows, values in the order of `query.keys`. Raises Refusal."""
    scope = _Scope(form, base)
    columns = [scope.column(key) for key in query.keys]
    try:
        condition = parse_filter(query.filter, scope.column)
        order = [_direction(part, scope) for part in query.order.split(",") if part.strip()]
        rows = [row for row in scope.rows(bills, condition) if condition is None or condition.holds(row)]
    except ConditionError as error:
        raise Refusal(f"过滤条件错误：{error}", MsgCode.BAD_ARGUMENT) from None
    for column, descending in reversed(order):
        rows.sort(key=lambda row: _sortable(column, row), reverse=descending)
    end = query.start + query.limit
    if query.top > 0:
        end = min(end, query.top)  # counted from row 0, not from StartRow
    return [[_shown(column, row) for column in columns] for row in rows[query.start : end]]


class _Scope:
    """The columns of one form, and its rows as far as the asked columns need them."""

    def __init__(self, form: Form, base: BaseData) -> None:
        self._form = form
        self._base = base
        self._entities: dict[str, Entity] = {}

    def column(self, name: str) -> Column:
        """The column of a field key; an unknown one is refused with the product's words."""
        head, _, rest = name.partition(".")
        if head.upper() == "FID" or head.lower() == self._form.key.lower():
            return Column("FID", "integer", lambda row: row["id"])
        for table in self._form.entities.values():
            if head.lower() in (table.id_key.lower(), f"{table.key}_FSeq".lower()):
                return self._position(table, name)
        found = self._form.find(head)
        if found is None or (rest and not found[1].references):
            raise Refusal(f"元数据中标识为{name}的字段不存在", MsgCode.NO_SUCH_FIELD)
        entity, field = found
        if entity is not None:
            self._entities[entity.key] = entity
        return self._referred(entity, field, rest, name) if field.references else self._plain(entity, field)

    def rows(self, bills: BillStore, condition: Condition | None) -> Iterator[Row]:
        """One row for each bill, or for each of its entries where an entry's column was asked for."""
        if not self._form.prefix:
            yield from ({"id": row["fid"], "": row} for row in self._base.rows(self._form))
            return
        for bill in self._bills(bills, condition):
            tables = [self._lines(bill, entity) for entity in self._entities.values()]
            for lines in product(*tables):
                yield {"id": bill.id, "": bill.values, **dict(zip(self._entities, lines, strict=True))}

    def _bills(self, bills: BillStore, condition: Condition | None) -> Iterator[Bill]:
        """The bills that can satisfy the condition: by number or id where it names them, else all."""
        numbers = condition.pins(self._form.number) if condition is not None else None
        ids = condition.pins("FID") if condition is not None else None
        if numbers is not None:
            found = {bill.id for number in numbers for bill in bills.numbered(self._form.id, number)}
            return bills.some(self._form.id, found)
        if ids is not None:
            return bills.some(self._form.id, (int(id) for id in ids if id.isdecimal()))
        return bills.all(self._form.id)

    def _lines(self, bill: Bill, entity: Entity) -> list[Mapping[str, Any]]:
        rows = bill.entries.get(entity.key, [])
        lines: list[Mapping[str, Any]] = [
            {**row.values, "id": row.id, "seq": place} for place, row in enumerate(rows, 1)
        ]
        return lines or [_NOTHING]

    def _position(self, entity: Entity, name: str) -> Column:
        self._entities[entity.key] = entity
        key = "seq" if name.lower().endswith("_fseq") else "id"
        return Column(name, "integer", lambda row: row[entity.key].get(key))

    def _plain(self, entity: Entity | None, field: FormField) -> Column:
        place, key = entity.key if entity else "", self._key(field)
        return Column(field.key, field.type, lambda row: row[place].get(key))

    def _key(self, field: FormField) -> str:
        """Bills keep their values under the fields' keys, base data in lower case."""
        return field.key if self._form.prefix else field.key.lower()

    def _referred(self, entity: Entity | None, field: FormField, rest: str, name: str) -> Column:
        """A base-data field: its id, or ``.FNumber``, ``.FName`` and other fields of what it points to."""
        place, key, wanted = entity.key if entity else "", self._key(field), rest.lower()
        if wanted and field.base and wanted not in self._known(field.base):
            raise Refusal(f"元数据中标识为{name}的字段不存在", MsgCode.NO_SUCH_FIELD)

        def read(row: Row) -> Any:
            value = row[place].get(key)
            if value is None:
                return None
            if wanted in ("", "fid", "id"):
                return value["id"]
            if wanted in ("fnumber", "fname"):
                return value[wanted.removeprefix("f")]
            return self._base.more(value["form"], value["number"]).get(wanted)

        return Column(name, "text" if rest else "integer", read)

    def _known(self, base: str) -> Mapping[str, FormField]:
        form = self._base.form(base)
        return form.fields if form is not None else {}


def _direction(part: str, scope: _Scope) -> tuple[Column, bool]:
    words = part.split()
    descending = len(words) == 2 and words[1].lower() == "desc"
    if len(words) > 2 or (len(words) == 2 and words[1].lower() not in ("asc", "desc")):
        raise ConditionError(f"排序“{part.strip()}”有语法错误")
    return scope.column(words[0]), descending


def _sortable(column: Column, row: Row) -> tuple[int, Any]:
    value = column.read(row)
    if value is None:
        return (0, 0)  # nulls first, as SQL Server sorts them
    if column.type in ("decimal", "integer"):
        return (1, Decimal(str(value)))
    return (1, str(value))  # times too: they are kept as yyyy-MM-dd HH:mm:ss


def _shown(column: Column, row: Row) -> Any:
    value = column.read(row)
    if value is None:
        return None
    if column.type == "decimal":
        return Decimal(value)
    if column.type in ("date", "datetime"):
        return str(value).replace(" ", "T")
    return value


def _count(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name)
    if value in (None, ""):
        return 0
    if isinstance(value, bool) or not str(value).strip().isdecimal():
        raise Refusal(f"参数 {name} 的值“{value}”不是有效的整数", MsgCode.BAD_ARGUMENT)
    return int(str(value).strip())


def objects(keys: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """BillQuery's shape of the same rows."""
    return [dict(zip(keys, row, strict=True)) for row in rows]
