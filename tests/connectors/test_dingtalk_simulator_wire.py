"""The simulator's wire, both generations, as the reference describes it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine.connector.simulator import SimulatorSpec, advance, reset, set_faults
from engine.connector.simulator.serve import serving
from engine.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

PATH = "connectors.dingtalk.simulator:DingTalkSimulator"
DAY = 86_400_000
EXPENSE = "PROC-EXPENSE-SANDBOX"
LISTIDS, GET = "/topapi/processinstance/listids", "/topapi/processinstance/get"
COMMENT = "/topapi/process/instance/comment/add"
QUERY, INSTANCES = "/v1.0/workflow/processes/instanceIds/query", "/v1.0/workflow/processInstances"
HEADER = "x-acs-dingtalk-access-token"


class Caller:
    """A client that knows nothing but HTTP."""

    def __init__(self, client: httpx.AsyncClient, settings: dict[str, Any], simulator: Any) -> None:
        self.http, self.settings, self.simulator = client, settings, simulator
        self.token = ""

    @property
    def now(self) -> int:
        return round(self.simulator.now().timestamp() * 1000)

    async def log_in(self) -> str:
        pair = {"appkey": self.settings["app_key"], "appsecret": self.settings["app_secret"]}
        self.token = (await self.http.get("/gettoken", params=pair)).json()["access_token"]
        return self.token

    async def old(self, path: str, token: str | None = None, **body: Any) -> dict[str, Any]:
        asked = {"access_token": self.token if token is None else token}
        answer = await self.http.post(path, params=asked, json=body)
        assert answer.status_code == 200
        return answer.json()

    async def new(self, method: str, path: str, token: str | None = None, **given: Any) -> httpx.Response:
        headers = {HEADER: self.token if token is None else token}
        return await self.http.request(method, path, headers=headers, **given)

    async def ids(self, code: str = EXPENSE, **more: Any) -> list[str]:
        found: list[str] = []
        cursor = 0
        while cursor is not None:
            start = self.now - 110 * DAY
            answer = await self.old(LISTIDS, process_code=code, start_time=start, cursor=cursor, **more)
            found += answer["result"]["list"]
            cursor = answer["result"].get("next_cursor")
        return found

    async def instance(self, id: str) -> dict[str, Any]:
        return (await self.old(GET, process_instance_id=id))["process_instance"]


@asynccontextmanager
async def server(folder: Path, **settings: Any) -> AsyncIterator[Caller]:
    spec = SimulatorSpec("dingtalk", PATH, {"per_second": 10_000, **settings})
    async with serving(folder, [spec]) as served:
        one = served["dingtalk"]
        async with httpx.AsyncClient(base_url=one.base_url) as client:
            caller = Caller(client, one.simulator.announcement(one.base_url), one.simulator)
            await caller.log_in()
            yield caller


def play(folder: Path, story: Callable[[Caller], Awaitable[None]], **settings: Any) -> None:
    async def run() -> None:
        async with server(folder, **settings) as caller:
            await story(caller)

    asyncio.run(run())


# --- tokens -------------------------------------------------------------------------------------------


def test_a_token_stays_the_same_is_renewed_and_then_replaced(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        first = caller.token
        advance(tmp_path, timedelta(seconds=7000))
        assert await caller.log_in() == first
        advance(tmp_path, timedelta(seconds=7000))
        assert (await caller.old(GET, process_instance_id="x"))["errcode"] == 820006
        advance(tmp_path, timedelta(seconds=300))
        expired = await caller.old(GET, process_instance_id="x")
        assert (expired["errcode"], expired["sub_code"]) == (88, "42001")
        assert await caller.log_in() != first

    play(tmp_path, story)


def test_tokens_of_all_three_doors_are_one(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        key, secret = caller.settings["app_key"], caller.settings["app_secret"]
        new = await caller.http.post("/v1.0/oauth2/accessToken", json={"appKey": key, "appSecret": secret})
        assert new.json() == {"accessToken": caller.token, "expireIn": 7200}
        body = {"client_id": key, "client_secret": secret, "grant_type": "client_credentials"}
        unified = await caller.http.post("/v1.0/oauth2/ding123/token", json=body)
        assert unified.json() == {"access_token": caller.token, "expires_in": 7200}

    play(tmp_path, story)


def test_wrong_credentials(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        http = caller.http
        assert (await http.get("/gettoken", params={"appkey": "x"})).json()["errcode"] == 40035
        wrong = await http.get("/gettoken", params={"appkey": "x", "appsecret": "错"})
        assert wrong.json() == {"errcode": 40096, "errmsg": "不合法的appKey或appSecret"}
        new = await http.post("/v1.0/oauth2/accessToken", json={"appKey": "x", "appSecret": "y"})
        assert (new.status_code, new.json()["code"]) == (400, "invalidClientIdOrSecret")
        unified = await http.post("/v1.0/oauth2/d/token", json={"grant_type": "client_credentials"})
        assert unified.status_code == 401

    play(tmp_path, story)


def test_credentials_outlive_the_server_but_not_a_reset(tmp_path: Path) -> None:
    async def keys() -> tuple[str, str]:
        async with server(tmp_path) as caller:
            return caller.settings["app_key"], caller.settings["app_secret"]

    first = asyncio.run(keys())
    assert asyncio.run(keys()) == first
    reset(tmp_path)
    assert asyncio.run(keys()) != first


# --- listing ------------------------------------------------------------------------------------------


def test_pages_cover_all_once_and_the_last_has_no_cursor(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        pages = [await caller.ids(size=size) for size in (20, 7, 1)]
        assert [len(set(page)) for page in pages] == [40, 40, 40]
        mine = [one for one in pages[0] if (await caller.instance(one))["originator_userid"][-2:] == "01"]
        assert await caller.ids(userid_list="5237000000000001") == mine
        answer = await caller.old(LISTIDS, process_code=EXPENSE, start_time=caller.now, size=20)
        assert answer["result"] == {"list": []}

    play(tmp_path, story)


def test_a_form_encoded_body_does_as_well(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        fields = {
            "process_code": EXPENSE,
            "start_time": str(caller.now - 100 * DAY),
            "size": "5",
            "cursor": "0",
        }
        answer = (await caller.http.post(LISTIDS, data={**fields, "access_token": caller.token})).json()
        assert len(answer["result"]["list"]) == 5
        request = {
            "process_instance_id": answer["result"]["list"][0],
            "comment_userid": "finance01",
            "text": "好",
        }
        form = {"request": json.dumps(request)}
        said = await caller.http.post(COMMENT, params={"access_token": caller.token}, data=form)
        assert said.json()["success"] is True

    play(tmp_path, story)


BAD_LISTINGS = [
    ({"process_code": "PROC-NONE"}, 830001, "invalidProcessCode"),
    ({"size": 21}, 400002, "invalidMaxResults"),
    ({"size": 0}, 400002, "invalidMaxResults"),
    ({"start": -121}, 400002, "invalidInstanceListIdsStartTime"),
    ({"start": -130, "end": -1}, 400002, "invalidEndTime"),
    ({"start": -370, "end": -300}, 400002, "invalidEndTime"),
    ({"start": -1, "end": -2}, 400002, "invalidEndTime"),
    ({"cursor": 1}, 400002, "invalidNextToken"),
    ({"users": [str(one) for one in range(11)]}, 400002, "invalidUserIds"),
    ({"start": -365, "end": -250}, 0, ""),
    ({"start": -120}, 0, ""),
]


@pytest.mark.parametrize(("given", "old_code", "new_code"), BAD_LISTINGS)
def test_what_a_listing_refuses(tmp_path: Path, given: dict[str, Any], old_code: int, new_code: str) -> None:
    async def story(caller: Caller) -> None:
        now = caller.now
        code, size, cursor = given.get("process_code", EXPENSE), given.get("size", 20), given.get("cursor", 0)
        start, users = now + given.get("start", -10) * DAY, given.get("users", [])
        old = {"process_code": code, "start_time": start, "size": size, "cursor": cursor}
        new = {"processCode": code, "startTime": start, "maxResults": size, "nextToken": cursor}
        if "end" in given:
            old["end_time"] = new["endTime"] = now + given["end"] * DAY
        if users:
            old["userid_list"], new["userIds"] = ",".join(users), users
        assert (await caller.old(LISTIDS, **old))["errcode"] == old_code
        answer = await caller.new("POST", QUERY, json=new)
        assert (answer.status_code, answer.json().get("code", "")) == (400 if new_code else 200, new_code)

    play(tmp_path, story, instances=5)


# --- one instance -------------------------------------------------------------------------------------


def test_both_generations_tell_the_same_of_an_instance(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        for id in await caller.ids():
            old = await caller.instance(id)
            answer = (await caller.new("GET", INSTANCES, params={"processInstanceId": id})).json()
            new = answer["result"]
            assert answer["success"] is True
            assert "process_instance_id" not in old
            assert old["business_id"] == new["businessId"]
            assert old["status"] in (new["status"], "CANCELED")
            assert old["create_time"][:16].replace(" ", "T") + "Z" == new["createTime"]
            old_filled = {one["id"]: one["value"] for one in old["form_component_values"] if "value" in one}
            for one in new["formComponentValues"]:
                if "value" in one and one["componentType"] != "TableField":
                    assert old_filled[one["id"]] == one["value"]
            epoch = datetime.fromtimestamp(int(id[-10:]), UTC) + timedelta(hours=8)
            assert f"{epoch:%Y-%m-%d %H:%M:%S}" == old["create_time"]
            assert f"{epoch:%Y%m%d%H%M}" == old["business_id"][:12]
            assert len(old["business_id"]) == 21

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (GET, {}, 40035),
        (GET, {"process_instance_id": "nothing"}, 820006),
        (COMMENT, {"process_instance_id": "x"}, 40035),
        (COMMENT, {"request": {"process_instance_id": "x", "comment_userid": "u", "text": "t"}}, 820006),
        ("/topapi/v2/user/get", {"userid": "nobody"}, 60121),
        ("/topapi/v2/department/get", {"dept_id": 4}, 60003),
        ("/topapi/nonsense", {}, 22),
    ],
)
def test_old_errors(tmp_path: Path, path: str, body: dict[str, Any], code: int) -> None:
    async def story(caller: Caller) -> None:
        assert (await caller.old(path, **body))["errcode"] == code

    play(tmp_path, story, instances=1)


def test_users_and_departments(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        user = (await caller.old("/topapi/v2/user/get", userid="5237000000000001"))["result"]
        assert (user["name"], user["job_number"], user["dept_id_list"]) == ("张三", "E0031", [575403278])
        department = (await caller.old("/topapi/v2/department/get", dept_id=575403278))["result"]
        assert (department["name"], department["parent_id"]) == ("项目部-实施一组", 1)
        root = (await caller.old("/topapi/v2/department/get", dept_id=1))["result"]
        assert "parent_id" not in root

    play(tmp_path, story, instances=1)


def test_files(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        id = (await caller.ids())[0]
        request = {"process_instance_id": id, "file_id": "77"}
        old = await caller.old("/topapi/processinstance/file/url/get", request=request)
        body = {"processInstanceId": id, "fileId": "77"}
        new = await caller.new("POST", f"{INSTANCES}/spaces/files/urls/download", json=body)
        assert old["result"]["download_uri"] == new.json()["result"]["downloadUri"]

    play(tmp_path, story, instances=1)


# --- writing back -------------------------------------------------------------------------------------


def test_a_comment_is_appended_and_a_second_doubles_it(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        id = (await caller.ids())[0]
        file = {"attachments": [{"space_id": "1", "file_id": "2", "file_name": "回单.pdf", "file_size": "9"}]}
        request = {"process_instance_id": id, "comment_userid": "finance01", "text": "已付款", "file": file}
        assert (await caller.old(COMMENT, request=request))["result"] is True
        body = {"processInstanceId": id, "text": "已付款", "commentUserId": "finance01"}
        assert (await caller.new("POST", f"{INSTANCES}/comments", json=body)).json()["success"] is True
        records = [
            r for r in (await caller.instance(id))["operation_records"] if r["operation_type"] == "ADD_REMARK"
        ]
        assert [(one["remark"], one["userid"]) for one in records] == [("已付款", "finance01")] * 2
        assert records[0]["attachments"][0]["file_name"] == "回单.pdf"

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"commentUserId": "nobody"}, "userNotExist"),
        ({"commentUserId": ""}, "invalidInstanceCommentUserId"),
        ({"processInstanceId": "x"}, "aflowProcessInstNotExist"),
        ({"processInstanceId": ""}, "invalidInstanceId"),
        ({"text": ""}, "invalidInstanceCommentText"),
        ({"text": "长" * 1025}, "invalidInstanceCommentText"),
    ],
)
def test_comments_that_are_refused(tmp_path: Path, change: dict[str, str], code: str) -> None:
    async def story(caller: Caller) -> None:
        id = (await caller.ids())[0]
        body = {"processInstanceId": id, "text": "好", "commentUserId": "finance01", **change}
        assert (await caller.new("POST", f"{INSTANCES}/comments", json=body)).json()["code"] == code

    play(tmp_path, story, instances=1)


def test_notifications_are_dropped_in_silence(tmp_path: Path) -> None:
    send, ask = (
        "/topapi/message/corpconversation/asyncsend_v2",
        "/topapi/message/corpconversation/getsendresult",
    )

    async def story(caller: Caller) -> None:
        async def sent(text: str, users: str) -> dict[str, Any]:
            message = {"msgtype": "text", "text": {"content": text}}
            answer = await caller.old(send, agent_id=1185599675, userid_list=users, msg=message)
            assert answer["errcode"] == 0
            result = await caller.old(ask, agent_id=1185599675, task_id=answer["task_id"])
            return result["send_result"]

        first = await sent("付了", "5237000000000001,nobody")
        assert first["unread_user_id_list"] == ["5237000000000001"]
        assert first["invalid_user_id_list"] == ["nobody"]
        again = await sent("付了", "5237000000000001")
        assert again["unread_user_id_list"] == []
        assert again["forbidden_list"] == [{"code": "143106", "count": 1, "userid": "5237000000000001"}]
        advance(tmp_path, timedelta(days=1))
        await caller.log_in()
        assert (await sent("付了", "5237000000000001"))["forbidden_list"] == []
        long = {"msgtype": "text", "text": {"content": "长" * 800}}
        assert (await caller.old(send, agent_id=1, userid_list="x", msg=long))["errcode"] == 40035

    play(tmp_path, story, instances=0)


# --- limits and faults --------------------------------------------------------------------------------


def test_one_call_too_many_in_a_second(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        answers = [await caller.old(GET, process_instance_id="x") for _ in range(12)]
        throttled = [one for one in answers if one["errcode"] == 88]
        assert throttled
        assert {one["sub_code"] for one in throttled} == {"90018"}
        news = [await caller.new("GET", INSTANCES, params={"processInstanceId": "x"}) for _ in range(12)]
        refused = [one for one in news if one.status_code == 403]
        assert refused
        assert {one.json()["code"] for one in refused} == {"Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"}

    play(tmp_path, story, per_second=3, instances=0)


def test_the_months_calls_are_counted_and_come_back(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        for _ in range(5):
            assert (await caller.old(GET, process_instance_id="x"))["errcode"] == 820006
        spent = await caller.old(GET, process_instance_id="x")
        assert (spent["errcode"], spent["sub_code"]) == (88, "90020")
        new = await caller.new("GET", INSTANCES, params={"processInstanceId": "x"})
        assert new.status_code == 403
        assert new.json()["code"] == "Forbidden.AccessDenied.ApiCountLimitForOrg"
        assert (await caller.old("/topapi/v2/user/get", userid="finance01"))["errcode"] == 0
        advance(tmp_path, timedelta(days=32))
        await caller.log_in()
        assert (await caller.old(GET, process_instance_id="x"))["errcode"] == 820006

    play(tmp_path, story, per_month=5, instances=0)


def test_no_token_and_a_foreign_one(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        assert (await caller.old(GET, token=""))["sub_code"] == "40000"
        foreign = await caller.old(GET, token="foreign")
        assert foreign["errmsg"] == "ding talk error[subcode=40014,submsg=不合法的access_token]"
        missing = await caller.http.get(INSTANCES)
        assert missing.status_code == 400
        assert missing.json()["code"] == "AuthenticationFailed.MissingParameter"
        assert (await caller.new("GET", INSTANCES, token="foreign")).json()["code"] == "InvalidAuthentication"
        assert (await caller.new("GET", "/v1.0/nonsense")).status_code == 404

    play(tmp_path, story, instances=0)


def test_faults_of_its_own(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        set_faults(tmp_path, {"expired": 1})
        assert (await caller.old(GET, process_instance_id="x"))["sub_code"] == "40014"
        set_faults(tmp_path, {"expired": 0, "banned": 1})
        await caller.log_in()
        assert (await caller.old(GET, process_instance_id="x"))["status"] == 1111
        set_faults(tmp_path, {"banned": 0, "throttle": 1})
        throttled = [await caller.old(GET, process_instance_id="x") for _ in range(3)]
        codes = [(one["errcode"], one.get("sub_code")) for one in throttled]
        assert codes == [(88, "90018"), (88, "90002"), (90002, None)]
        news = [await caller.new("GET", INSTANCES) for _ in range(2)]
        assert [one.status_code for one in news] == [403, 403]
        assert {one.json()["code"].rpartition(".")[2] for one in news} == {
            "QpsLimitForApi",
            "QpsLimitForAppkeyAndApi",
        }
        set_faults(tmp_path, {"throttle": 0, "error_before": 1})
        broken = await caller.new("GET", INSTANCES)
        assert (broken.status_code, broken.json()["code"]) == (503, "systemError")

    play(tmp_path, story, instances=0)


@pytest.mark.parametrize("given", [{"instance": 3}, {"instances": "many"}, {"per_second": 0}])
def test_settings_are_checked(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(given))):
        play(tmp_path, lambda caller: caller.log_in(), **given)
