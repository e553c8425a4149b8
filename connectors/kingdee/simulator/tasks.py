"""The SDK's polling mode: a call is begun, and its result asked for by task id (reference §3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.kingdee.simulator.answers import MsgCode, Refusal
from connectors.kingdee.simulator.body import Body
from connectors.kingdee.simulator.site import Site
from engine import jsontext

__all__ = ["Handler", "Tasks"]

Handler = Callable[[Body, str], Any]
"""One method of the service: the request's body and the caller's name give the answer."""

_TASK = "task"
_PENDING, _RUNNING, _COMPLETE = 0, 1, 2


class Tasks:
    """Calls that were begun."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def begin(self, handler: Handler, body: Body, user: str) -> dict[str, Any]:
        """``beginmethod: BeginQueryImpl``: the work is done, its result is asked for by task id."""
        try:
            result = handler(body, user)
        except Refusal as refusal:
            result = refusal.answer()
        if self._site.site.polls < 1:
            return {"Status": _COMPLETE, "TaskId": "", "Result": result}
        with self._site.transaction() as store:
            id = f"task-{store.next_number('task'):08d}"
            store.put(_TASK, id, {"left": self._site.site.polls, "result": jsontext.dumps(result)})
        return {"Status": _PENDING, "TaskId": id, "Result": None}

    def query_async_result(self, body: Body, user: str) -> dict[str, Any]:
        """``{"queryInfo": "{\\"TaskId\\": …, \\"Cancelled\\": false}"}``."""
        info = body.named.get("queryinfo") or (body.parameters or ["{}"])[0]
        try:
            wanted = jsontext.loads(info) if isinstance(info, str) else info
            id = str(wanted["TaskId"])
        except (ValueError, KeyError, TypeError):
            raise Refusal("参数 queryInfo 无效", MsgCode.BAD_ARGUMENT) from None
        with self._site.transaction() as store:
            task = store.get(_TASK, id)
            if task is None:
                raise Refusal(f"任务“{id}”不存在", MsgCode.NOT_FOUND)
            task["left"] -= 1
            store.put(_TASK, id, task)
        if task["left"] > 0:
            return {"Status": _RUNNING, "TaskId": id, "Result": None}
        return {"Status": _COMPLETE, "TaskId": id, "Result": jsontext.loads(task["result"])}
