"""The vendor's own SDK as a client of the simulator: what it can read, real callers can."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from connectors.company import load_company
from engine.connector.simulator import SimulatorSpec
from engine.connector.simulator.serve import serving

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from alibabacloud_dingtalk.oauth2_1_0 import models as oauth_models
    from alibabacloud_dingtalk.oauth2_1_0.client import Client as OauthClient
    from alibabacloud_dingtalk.workflow_1_0 import models
    from alibabacloud_dingtalk.workflow_1_0.client import Client
    from alibabacloud_tea_openapi.models import Config
    from alibabacloud_tea_util.models import RuntimeOptions
    from Tea.exceptions import TeaException

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")

SPEC = SimulatorSpec(
    "dingtalk", "connectors.dingtalk.simulator:DingTalkSimulator", {"instances": 40, "per_second": 500}
)


class Vendor:
    """The SDK against one server."""

    def __init__(self, settings: dict[str, Any]) -> None:
        config = Config(endpoint=settings["base_url"].removeprefix("http://"), protocol="http")
        self.flow, self.oauth = Client(config), OauthClient(config)
        self.settings = settings

    def token(self, secret: str | None = None) -> str:
        request = oauth_models.GetAccessTokenRequest(
            app_key=self.settings["app_key"], app_secret=secret or self.settings["app_secret"]
        )
        body = self.oauth.get_access_token(request).body
        assert body.expire_in == 7200
        return str(body.access_token)

    def page(self, token: str, **given: Any) -> Any:
        request = models.ListProcessInstanceIdsRequest(process_code="PROC-EXPENSE-SANDBOX", **given)
        headers = models.ListProcessInstanceIdsHeaders(x_acs_dingtalk_access_token=token)
        return self.flow.list_process_instance_ids_with_options(request, headers, RuntimeOptions()).body

    def get(self, token: str, id: str) -> Any:
        request = models.GetProcessInstanceRequest(process_instance_id=id)
        headers = models.GetProcessInstanceHeaders(x_acs_dingtalk_access_token=token)
        return self.flow.get_process_instance_with_options(request, headers, RuntimeOptions()).body.result

    def comment(self, token: str, id: str, text: str) -> Any:
        request = models.AddProcessInstanceCommentRequest(
            process_instance_id=id, text=text, comment_user_id=load_company().finance_user
        )
        headers = models.AddProcessInstanceCommentHeaders(x_acs_dingtalk_access_token=token)
        return self.flow.add_process_instance_comment_with_options(request, headers, RuntimeOptions()).body

    def schema(self, token: str) -> Any:
        request = models.QuerySchemaByProcessCodeRequest(process_code="PROC-EXPENSE-SANDBOX")
        headers = models.QuerySchemaByProcessCodeHeaders(x_acs_dingtalk_access_token=token)
        return self.flow.query_schema_by_process_code_with_options(request, headers, RuntimeOptions()).body


def against_server(folder: Path, play: Callable[[Vendor, int], None]) -> None:
    async def run() -> None:
        async with serving(folder, [SPEC]) as served:
            one = served["dingtalk"]
            now = round(one.simulator.now().timestamp() * 1000)
            vendor = Vendor(one.simulator.connection_settings(one.base_url))
            await asyncio.to_thread(play, vendor, now)

    asyncio.run(run())


def test_token_list_get_and_comment(tmp_path: Path) -> None:
    def play(vendor: Vendor, now: int) -> None:
        token = vendor.token()
        assert vendor.token() == token
        ids: list[str] = []
        cursor: Any = 0
        while cursor is not None:
            body = vendor.page(token, start_time=now - 100 * 86_400_000, max_results=20, next_token=cursor)
            ids += body.result.list
            cursor = body.result.next_token
            assert cursor is None or isinstance(cursor, str)
        assert len(ids) == len(set(ids)) == 40
        finished = vendor.page(
            token, start_time=now - 100 * 86_400_000, max_results=20, next_token=0, statuses=["COMPLETED"]
        )
        instance = vendor.get(token, finished.result.list[0])
        assert (instance.status, instance.create_time[-1]) == ("COMPLETED", "Z")
        assert instance.business_id[:12] == "".join(c for c in instance.create_time if c.isdigit())
        assert "总金额" in {one.name for one in instance.form_component_values}
        assert vendor.comment(token, finished.result.list[0], "已付款").success
        last = vendor.get(token, finished.result.list[0]).operation_records[-1]
        assert (last.type, last.remark, last.user_id) == ("ADD_REMARK", "已付款", "finance01")
        names = [one.props.label for one in vendor.schema(token).result.schema_content.items]
        assert names.index("报销明细") < names.index("总金额")

    against_server(tmp_path, play)


def test_the_sdk_reads_the_errors(tmp_path: Path) -> None:
    def refused(call: Callable[[], Any]) -> tuple[str, int]:
        with pytest.raises(TeaException) as caught:
            call()
        return caught.value.code, caught.value.statusCode

    def play(vendor: Vendor, now: int) -> None:
        token = vendor.token()
        assert refused(lambda: vendor.token("wrong")) == ("invalidClientIdOrSecret", 400)
        assert refused(lambda: vendor.get("nobody", "x")) == ("InvalidAuthentication", 400)
        assert refused(lambda: vendor.get(token, "x")) == ("processInstanceNotExist", 400)
        old = now - 400 * 86_400_000
        late = {"start_time": old, "end_time": old + 86_400_000, "max_results": 20, "next_token": 0}
        assert refused(lambda: vendor.page(token, **late)) == ("invalidEndTime", 400)
        many = {"start_time": now - 86_400_000, "max_results": 21, "next_token": 0}
        assert refused(lambda: vendor.page(token, **many)) == ("invalidMaxResults", 400)

    against_server(tmp_path, play)
