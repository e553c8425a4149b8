"""The DynamicFormService: each of its methods as one handler in a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.kingdee.simulator.answers import MsgCode, Refusal
from connectors.kingdee.simulator.body import Body
from connectors.kingdee.simulator.lifecycle import TRANSITIONS, Transition
from connectors.kingdee.simulator.moving import Moving
from connectors.kingdee.simulator.reading import Reading
from connectors.kingdee.simulator.site import Site
from connectors.kingdee.simulator.tasks import Handler, Tasks
from connectors.kingdee.simulator.writing import Writing

__all__ = ["QUERIES", "READS", "FormService"]

QUERIES = frozenset({"executebillquery", "billquery"})
READS = QUERIES | {"view", "querybusinessinfo", "queryasyncresult"}
_NOT_PLAYED = (
    *("push", "allocate", "cancelallocate", "disassembly", "workflowaudit", "sendmsg"),
    *("flexsave", "groupsave", "groupdelete", "querygroupinfo", "getsysreportdata", "switchorg"),
    *("attachmentupload", "attachmentdownload"),
)


class FormService:
    """All methods by lower-case name; an unknown one is the server's HTTP 500."""

    def __init__(self, site: Site) -> None:
        self.reading, self._tasks, self._moving = Reading(site), Tasks(site), Moving(site)
        writing = Writing(site, self._moving)
        self.methods: Mapping[str, Handler] = {
            "save": writing.save,
            "batchsave": writing.batch_save,
            "draft": writing.draft,
            "excuteoperation": self._moving.operation,
            "view": self.reading.view,
            "executebillquery": self.reading.execute_bill_query,
            "billquery": self.reading.bill_query,
            "querybusinessinfo": self.reading.query_business_info,
            "queryasyncresult": self._tasks.query_async_result,
            **{name: self._move(transition) for name, transition in TRANSITIONS.items()},
            **dict.fromkeys(_NOT_PLAYED, _not_played),
        }

    def answer(self, method: str, body: Body, user: str) -> Any:
        """The answer of a method of the table, or of its beginning where the body asks for polling."""
        handler = self.methods[method]
        if str(body.named.get("beginmethod") or "").lower() == "beginqueryimpl":
            return self._tasks.begin(handler, body, user)
        return handler(body, user)

    def _move(self, transition: Transition) -> Handler:
        return lambda body, user: self._moving.apply(transition, body)


def _not_played(body: Body, user: str) -> Any:
    """What the real server has and the sandbox has not."""
    raise Refusal("沙箱不支持此操作", MsgCode.NOT_OPERABLE)
