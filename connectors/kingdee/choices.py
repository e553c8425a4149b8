"""What a wizard can offer: the codes and names of any base data form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.kingdee.query import query
from engine.connector.api import Choice
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from connectors.kingdee.client import KingdeeClient

__all__ = ["choices"]

_FORM = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,60}")
_MOST = 500
_NAMES = {
    "organizations": "ORG_Organizations",
    "accounts": "CN_BANKACNT",
    "departments": "BD_Department",
    "employees": "BD_Empinfo",
    "suppliers": "BD_Supplier",
    "customers": "BD_Customer",
    "currencies": "BD_Currency",
    "expense_items": "BD_Expense",
}


async def choices(client: KingdeeClient, kind: str) -> list[Choice]:
    """The first 500 codes of a base data form (``ORG_Organizations``, or `organizations` for short), by code.

    Raises ConfigurationError for what is no form's name, and what a query raises.
    """
    form = _NAMES.get(kind, kind)
    if not _FORM.fullmatch(form):
        raise ConfigurationError(tr('"{form}" is no name of a Kingdee form', form=form))
    data = query(form, ["FNumber", "FName"], "", "FNumber", limit=_MOST)
    rows = await client.execute_bill_query(data)
    return [Choice(str(number), str(name or number)) for number, name in rows if number]
