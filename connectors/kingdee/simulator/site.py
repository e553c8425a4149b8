"""What the services share: the site they serve, its forms, and how a call names bills."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from connectors.kingdee.simulator.answers import MsgCode, Refusal
from connectors.kingdee.simulator.bills import Bill, BillStore
from connectors.kingdee.simulator.forms import Form, bill_forms
from engine.clock import SHANGHAI

if TYPE_CHECKING:
    from connectors.kingdee.simulator.basedata import BaseData
    from connectors.kingdee.simulator.settings import SiteSettings
    from engine.connector.simulator import Store

__all__ = ["Site", "any_form", "bill_form", "named_bills", "present"]


class Site(Protocol):
    """What the services need of the simulator."""

    site: SiteSettings
    base: BaseData

    def transaction(self) -> AbstractContextManager[Store]: ...

    def reading(self) -> AbstractContextManager[Store]: ...

    def now(self, store: Store | None = None) -> datetime: ...

    def fault(self, name: str, store: Store | None = None) -> bool: ...


def any_form(site: Site, id: str) -> Form:
    """The bill or base-data form with this id, in any case. Raises Refusal."""
    if not id.strip():
        raise Refusal("业务对象标识不能为空", MsgCode.NO_FORM)
    form = bill_forms().get(id.strip().lower()) or site.base.form(id.strip())
    if form is None:
        raise Refusal("业务对象不存在", MsgCode.EXCEPTION)
    return form


def bill_form(site: Site, id: str) -> Form:
    """The same for what can be written. Raises Refusal."""
    form = any_form(site, id)
    if not form.prefix:
        raise Refusal(f"沙箱中的{form.label}只能查询", MsgCode.NOT_OPERABLE)
    return form


def present(site: Site, store: Store) -> str:
    """Sandbox time as the product writes it: Beijing's, without zone."""
    return site.now(store).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def named_bills(bills: BillStore, form: Form, data: Mapping[str, Any]) -> Iterator[Bill]:
    """The bills that Ids (comma-joined text) and Numbers (array) name, in this order, each once."""
    seen: set[int] = set()
    found = [
        bill for id in _items(data.get("Ids")) if id.isdecimal() and (bill := bills.get(form.id, int(id)))
    ]
    found += [bill for number in _items(data.get("Numbers")) for bill in bills.numbered(form.id, number)]
    for bill in found:
        if bill.id not in seen:
            seen.add(bill.id)
            yield bill


def _items(value: Any) -> list[str]:
    parts = value if isinstance(value, list) else str(value or "").split(",")
    return [str(part).strip() for part in parts if str(part).strip()]
