"""View, the two queries and QueryBusinessInfo as calls."""

from __future__ import annotations

from typing import Any

from connectors.kingdee.simulator.answers import MsgCode, Refusal, succeeded
from connectors.kingdee.simulator.bills import BillStore
from connectors.kingdee.simulator.body import Body
from connectors.kingdee.simulator.query import Query, objects, run_query
from connectors.kingdee.simulator.site import Site, any_form, bill_form, named_bills
from connectors.kingdee.simulator.views import bill_entity, bill_summary, business_info

__all__ = ["Reading"]


class Reading:
    """Reads bills, base data and metadata."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def view(self, body: Body, user: str) -> dict[str, Any]:
        """One bill by Id or Number, in property names."""
        form, data = bill_form(self._site, body.form_id()), body.data()
        with self._site.reading() as store:
            found = named_bills(
                BillStore(store), form, {"Ids": data.get("Id"), "Numbers": data.get("Number")}
            )
            bill = next(iter(found), None)
        if bill is None:
            raise Refusal(f"{form.label}不存在，请检查传入的编码或内码", MsgCode.NOT_FOUND)
        return succeeded(Result=bill_entity(form, bill))

    def execute_bill_query(self, body: Body, user: str) -> list[list[Any]]:
        """Rows as lists, in the order of FieldKeys."""
        return self._query(body)[1]

    def bill_query(self, body: Body, user: str) -> list[dict[str, Any]]:
        """The same rows as objects."""
        query, rows = self._query(body)
        return objects(query.keys, rows)

    def query_business_info(self, body: Body, user: str) -> dict[str, Any]:
        """A form's metadata."""
        data = body.data()
        return succeeded(NeedReturnData=business_info(any_form(self._site, str(data.get("FormId") or ""))))

    def bills(self, form_id: str) -> list[dict[str, Any]]:
        """All bills of a form, for people who look at the sandbox."""
        form = bill_form(self._site, form_id)
        with self._site.reading() as store:
            return [bill_summary(form, bill) for bill in BillStore(store).all(form.id)]

    def _query(self, body: Body) -> tuple[Query, list[list[Any]]]:
        data = body.data()
        form_id = str(next((value for key, value in data.items() if key.lower() == "formid"), "") or "")
        form = any_form(self._site, form_id)
        query = Query.read(data, self._site.site.query_limit)
        with self._site.reading() as store:
            return query, run_query(form, self._site.base, BillStore(store), query)
