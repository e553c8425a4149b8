"""The connector against a DingTalk that answers by script: tokens, listings, errors by code, messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.dingtalk.connector import DingtalkConnector
from engine.connector.api import Accepted, NotSent, Outgoing, Refused, Span, SpanRefused, Unclear
from engine.connector.limits import Limits
from engine.connector.session import CountingMeter, Session
from engine.connector.settings import Connection, Secret
from engine.errors import (
    ConfigurationError,
    CredentialsError,
    FailureClass,
    Position,
    QuotaSpent,
    RecordError,
    Unreachable,
)

NOW = datetime(2024, 5, 20, tzinfo=UTC)
SPAN = Span(NOW - timedelta(days=100), NOW)
OLD, NEW = "topapi/processinstance/get", "v1.0/workflow/processInstances"
BOTH = pytest.mark.parametrize("interface", [OLD, NEW])
REQUEST = {"process_code": "PROC-1", "size": "20"}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are matched as the code writes them."""
    monkeypatch.setenv("ENGINE_LANG", "en")


class FakeClock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    def random(self) -> float:
        return 0.5

    def new_id(self) -> str:
        return "id"


Answer = Any
"""A dict (HTTP 200), a (status, dict) pair, a text, an exception; or a function of the request."""


class FakeDingtalk(httpx.AsyncBaseTransport):
    """Gives out tokens, and answers each path from its list; the last answer stays."""

    def __init__(self, **answers: list[Answer]) -> None:
        self.answers = {path.replace("__", "/"): list(found) for path, found in answers.items()}
        self.requests: list[httpx.Request] = []
        self.tokens = 0

    def on(self, path: str, *answers: Answer) -> FakeDingtalk:
        self.answers[path] = list(answers)
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.lstrip("/")
        await asyncio.sleep(0)
        if path in ("gettoken", "v1.0/oauth2/accessToken") and path not in self.answers:
            self.tokens += 1
            token = f"token-{self.tokens}"
            return (
                httpx.Response(200, json={"errcode": 0, "access_token": token, "expires_in": 7200})
                if (path == "gettoken")
                else httpx.Response(200, json={"accessToken": token, "expireIn": 7200})
            )
        left = self.answers[path]
        found = left.pop(0) if len(left) > 1 else left[0]
        if callable(found):
            found = found(request)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, tuple):
            return httpx.Response(found[0], json=found[1])
        if isinstance(found, str):
            return httpx.Response(200, text=found)
        return httpx.Response(200, json=found)

    def bodies(self, path: str) -> list[Any]:
        return [json.loads(one.content) for one in self.requests if one.url.path == f"/{path}"]


def make_connector(fake: httpx.AsyncBaseTransport, **settings: Any) -> DingtalkConnector:
    connection = Connection(
        name="dingtalk",
        connector="dingtalk",
        settings={
            "base_url": "http://127.0.0.1:1/",
            "app_key": Secret("dingcanarykey00"),
            "app_secret": Secret("canary+secret/1"),
            **settings,
        },
        limits=Limits(),
        environment="production",
        position=Position("connections.yaml", 3, 5),
    )
    return DingtalkConnector(connection, Session(connection, FakeClock(), fake))


def wrapped(code: str, text: str = "坏了") -> dict[str, Any]:
    return {
        "errcode": 88,
        "sub_code": code,
        "sub_msg": text,
        "errmsg": f"ding talk error[subcode={code},submsg={text}]",
    }


def listing(interface: str, ids: list[Any], cursor: Any = None) -> dict[str, Any]:
    result: dict[str, Any] = {"list": ids}
    if cursor is not None:
        result["next_cursor" if interface == OLD else "nextToken"] = cursor
    return {"errcode": 0, "result": result} if interface == OLD else {"result": result, "success": True}


def list_path(interface: str) -> str:
    return (
        "topapi/processinstance/listids" if interface == OLD else "v1.0/workflow/processes/instanceIds/query"
    )


def failure(interface: str, old: str, new: str, status: int = 403) -> Answer:
    return wrapped(old) if interface == OLD else (status, {"code": new, "message": "坏了", "requestid": "r"})


def instance(interface: str) -> dict[str, Any]:
    if interface == OLD:
        found = {
            "status": "COMPLETED",
            "result": "agree",
            "business_id": "1",
            "title": "t",
            "form_component_values": [{"id": "T_1", "name": "总金额", "value": "1.00"}],
        }
        return {"errcode": 0, "process_instance": found}
    return {
        "success": "true",
        "result": {
            "status": "COMPLETED",
            "result": "agree",
            "businessId": "1",
            "title": "t",
            "formComponentValues": [{"id": "T_1", "name": "总金额", "value": "1.00"}],
        },
    }


def run_page(interface: str, *answers: Answer, span: Span = SPAN, cursor: Any = None) -> Any:
    fake = FakeDingtalk().on(list_path(interface), *answers)
    connector = make_connector(fake)
    source = connector.source(interface, REQUEST)
    return asyncio.run(source.page(REQUEST, span, cursor)), connector, fake


# --- listing and getting --------------------------------------------------------------------------------


def test_the_old_listing_is_asked_as_documented() -> None:
    page, connector, fake = run_page(OLD, listing(OLD, ["a", "b"], 20))
    assert [item.id for item in page.items] == ["a", "b"]
    assert page.cursor == 20
    assert fake.bodies(list_path(OLD)) == [
        {
            "process_code": "PROC-1",
            "start_time": int(SPAN.start.timestamp() * 1000),
            "end_time": int(SPAN.end.timestamp() * 1000),
            "size": 20,
            "cursor": 0,
        }
    ]
    assert fake.requests[-1].url.params["access_token"] == "token-1"
    assert connector.session.meter.calls == {"topapi/processinstance/listids": 1}


def test_the_new_listing_is_asked_as_documented() -> None:
    page, connector, fake = run_page(NEW, listing(NEW, ["a"], "40"), cursor="20")
    assert page.cursor == "40"
    (body,) = fake.bodies(list_path(NEW))
    assert (body["nextToken"], body["maxResults"], body["processCode"]) == (20, 20, "PROC-1")
    assert "statuses" not in body
    assert fake.requests[-1].headers["x-acs-dingtalk-access-token"] == "token-1"
    assert "access_token" not in fake.requests[-1].url.params
    assert connector.session.meter.calls == {"v1.0/workflow/processes/instanceIds/query": 1}


@BOTH
@pytest.mark.parametrize("cursor", ["opaque==", 7, "7", 0])
def test_cursors_are_opaque(interface: str, cursor: Any) -> None:
    if cursor == 0:
        with pytest.raises(Unreachable):
            run_page(interface, listing(interface, ["a"], cursor))
    else:
        page, _, _ = run_page(interface, listing(interface, ["a"], cursor))
        assert page.cursor == cursor


@BOTH
def test_a_last_page_has_no_cursor(interface: str) -> None:
    for cursor in (None, ""):
        page, _, _ = run_page(interface, listing(interface, [], cursor))
        assert (page.items, page.cursor) == ((), None)


@BOTH
@pytest.mark.parametrize("ids", [["a", None], ["a", 3], [""], [{}]])
def test_a_page_with_an_id_that_is_none_is_listed_again_and_then_faulty(
    interface: str, ids: list[Any]
) -> None:
    page, _, fake = run_page(interface, listing(interface, ids, 7))
    assert len(fake.bodies(list_path(interface))) == 2
    assert page.fault
    assert [item.id for item in page.items] == [one for one in ids if one == "a"]
    assert page.cursor == 7  # the others go on


@BOTH
@pytest.mark.parametrize(
    "result",
    [None, [], {}, {"list": None}, {"list": {}}, {"list": ["a"], "next_cursor": {}, "nextToken": {}}],
)
def test_a_listing_of_another_shape_fails_its_page(interface: str, result: Any) -> None:
    with pytest.raises(Unreachable):
        run_page(interface, {"errcode": 0, "result": result} if interface == OLD else {"result": result})


@BOTH
def test_a_listing_that_runs_in_a_circle_ends(interface: str) -> None:
    async def main() -> None:
        fake = FakeDingtalk().on(
            list_path(interface), *[listing(interface, ["a"], cursor) for cursor in (1, 2, 2, 1)]
        )
        source = make_connector(fake).source(interface, REQUEST)
        await source.page(REQUEST, SPAN, None)
        await source.page(REQUEST, SPAN, 1)
        await source.page(REQUEST, SPAN, 1)  # asking again is no circle
        with pytest.raises(Unreachable, match="circle"):
            await source.page(REQUEST, SPAN, 2)

    asyncio.run(main())


@BOTH
def test_a_get_gives_the_record_under_the_lists_id(interface: str) -> None:
    path = OLD if interface == OLD else NEW
    fake = FakeDingtalk().on(path, instance(interface))
    connector = make_connector(fake)
    record = asyncio.run(connector.source(interface, REQUEST).get("F9"))
    assert (record["id"], record["总金额"], record["extend"]["status"]) == ("F9", "1.00", "COMPLETED")
    assert connector.session.meter.calls == {path: 1}


@BOTH
@pytest.mark.parametrize(
    "broken", [{}, {"status": "COMPLETED"}, {"formComponentValues": [], "form_component_values": []}]
)
def test_an_instance_of_another_shape_is_transient(interface: str, broken: dict[str, Any]) -> None:
    answer = {"errcode": 0, "process_instance": broken} if interface == OLD else {"result": broken}
    connector = make_connector(FakeDingtalk().on(interface, answer))
    with pytest.raises(Unreachable):
        asyncio.run(connector.source(interface, REQUEST).get("F9"))


@BOTH
def test_a_bad_or_unknown_instance_fails_its_record_only(interface: str) -> None:
    for old, new in (
        ("820005", "processInstanceNotExist"),
        ("40035", "invalidParameter"),
        ("777", "newCode"),
    ):
        connector = make_connector(FakeDingtalk().on(interface, failure(interface, old, new, 400)))
        with pytest.raises(RecordError) as caught:
            asyncio.run(connector.source(interface, REQUEST).get("F9"))
        assert caught.value.failure is FailureClass.DATA


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        ({}, "process_code"),
        ({"process_code": "P", "size": 21}, "size"),
        ({"process_code": "P", "size": "x"}, "size"),
    ],
)
def test_a_bad_request_is_a_configuration_error(request_: dict[str, Any], part: str) -> None:
    source = make_connector(FakeDingtalk()).source(OLD, request_)
    with pytest.raises(ConfigurationError, match=part):
        asyncio.run(source.page(request_, SPAN, None))


# --- errors by code -------------------------------------------------------------------------------------


@BOTH
def test_throttling_is_waited_out(interface: str) -> None:
    limit = failure(interface, "90018", "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")
    page, connector, _ = run_page(interface, limit, limit, listing(interface, ["a"]))
    assert [item.id for item in page.items] == ["a"]
    assert sum(connector.session.clock.slept) >= 2


@BOTH
def test_a_minutes_limit_is_waited_out_longer(interface: str) -> None:
    limit = failure(interface, "90005", "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi")
    _, connector, _ = run_page(interface, limit, listing(interface, ["a"]))
    assert sum(connector.session.clock.slept) >= 30


@BOTH
def test_a_spent_quota_is_never_asked_again(interface: str) -> None:
    spent = failure(interface, "90020", "Forbidden.AccessDenied.ApiCountLimitForOrg")

    async def main() -> None:
        fake = FakeDingtalk().on(list_path(interface), spent)
        source = make_connector(fake).source(interface, REQUEST)
        for _ in range(3):
            with pytest.raises(QuotaSpent):
                await source.page(REQUEST, SPAN, None)
        assert len(fake.bodies(list_path(interface))) == 1

    asyncio.run(main())


@BOTH
@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("60011", "Forbidden.AccessDenied.AccessTokenPermissionDenied", CredentialsError),
        ("60020", "Forbidden.AccessDenied.IpNotInWhiteList", ConfigurationError),
        ("40035", "invalidProcessCode", ConfigurationError),
        ("12345", "neverSeen", ConfigurationError),
    ],
)
def test_final_refusals_are_not_repeated(interface: str, old: str, new: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        run_page(interface, failure(interface, old, new), AssertionError("asked again"))


@BOTH
@pytest.mark.parametrize(
    "answer",
    ["<html>gateway</html>", "", "no json", "[]", (503, {}), (502, {"code": "x"}), httpx.ReadError("gone")],
)
def test_busy_and_broken_answers_are_tried_again(interface: str, answer: Answer) -> None:
    page, _, fake = run_page(interface, answer, answer, listing(interface, ["a"]))
    assert [item.id for item in page.items] == ["a"]
    assert len(fake.bodies(list_path(interface))) == 3


@BOTH
def test_a_ban_stops_all_calls_for_five_minutes(interface: str) -> None:
    ban = {"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "u"}

    async def main() -> None:
        fake = FakeDingtalk().on(list_path(interface), ban, listing(interface, ["a"]))
        connector = make_connector(fake)
        source = connector.source(interface, REQUEST)
        for _ in range(2):
            with pytest.raises(Unreachable):
                await source.page(REQUEST, SPAN, None)
        assert len(fake.bodies(list_path(interface))) == 1
        connector.session.clock.time += 301  # type: ignore[attr-defined]
        assert (await source.page(REQUEST, SPAN, None)).items

    asyncio.run(main())


@pytest.mark.parametrize(
    ("interface", "days", "answer", "refused"),
    [
        (NEW, 400, (400, {"code": "invalidEndTime", "message": "结束时间不合法"}), True),
        (NEW, 10, (400, {"code": "invalidEndTime", "message": "结束时间不合法"}), False),
        (OLD, 400, wrapped("400002", "参数错误"), True),
        (OLD, 130, wrapped("400002", "start_time不合法"), True),
        (OLD, 130, wrapped("400002", "process_code不合法"), False),
        (OLD, 10, wrapped("400002", "start_time不合法"), False),
    ],
)
def test_a_span_too_old_is_told_from_a_bad_request(
    interface: str, days: int, answer: Answer, refused: bool
) -> None:
    span = Span(NOW - timedelta(days=days), NOW - timedelta(days=days - 9))
    with pytest.raises(SpanRefused if refused else ConfigurationError):
        run_page(interface, answer, span=span)


# --- tokens ---------------------------------------------------------------------------------------------


@BOTH
def test_many_tasks_that_find_the_token_expired_fetch_one_anew(interface: str) -> None:
    def by_token(request: httpx.Request) -> Answer:
        used = request.url.params.get("access_token") or request.headers.get("x-acs-dingtalk-access-token")
        if used == "token-1":
            return failure(interface, "42001", "InvalidAuthentication", 400)
        return instance(interface)

    async def main() -> None:
        fake = FakeDingtalk().on(interface, by_token)
        source = make_connector(fake).source(interface, REQUEST)
        records = await asyncio.gather(*[source.get(f"F{n}") for n in range(20)])
        assert len(records) == 20
        assert fake.tokens == 2

    asyncio.run(main())


def test_a_token_is_fetched_anew_before_its_end() -> None:
    async def main() -> None:
        fake = FakeDingtalk().on(OLD, instance(OLD))
        connector = make_connector(fake)
        source = connector.source(OLD, REQUEST)
        for seconds in (0, 6500, 200):
            connector.session.clock.time += seconds  # type: ignore[attr-defined]
            await source.get("F9")
        assert fake.tokens == 2
        assert connector.session.meter.calls == {OLD: 3}  # type: ignore[attr-defined]

    asyncio.run(main())


def test_many_tasks_share_the_failure_to_fetch_a_token() -> None:
    async def main() -> None:
        fake = FakeDingtalk().on("gettoken", "")
        source = make_connector(fake).source(OLD, REQUEST)
        answers = await asyncio.gather(*[source.get(f"F{n}") for n in range(20)], return_exceptions=True)
        assert all(isinstance(one, Unreachable) for one in answers)
        assert len(fake.requests) == 4

    asyncio.run(main())


@BOTH
def test_a_token_refused_twice_is_a_matter_of_credentials(interface: str) -> None:
    with pytest.raises(CredentialsError):
        run_page(interface, failure(interface, "40014", "InvalidAuthentication", 400))


@BOTH
def test_tokens_that_keep_getting_lost_are_no_matter_of_credentials(interface: str) -> None:
    lost = failure(interface, "40014", "InvalidAuthentication", 400)
    answers = iter([instance(interface), lost, lost, lost, instance(interface)])

    async def main() -> None:
        source = make_connector(FakeDingtalk().on(interface, lambda _: next(answers))).source(
            interface, REQUEST
        )
        assert await source.get("F1")
        assert await source.get("F2")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("path", "interface", "answer"),
    [
        ("gettoken", OLD, {"errcode": 40096, "errmsg": "不合法的appKey dingcanarykey00 canary+secret/1"}),
        ("gettoken", OLD, {"errcode": 40035, "errmsg": "缺少参数 corpid or appkey"}),
        (
            "v1.0/oauth2/accessToken",
            NEW,
            (400, {"code": "invalidClientIdOrSecret", "message": "无效的clientId"}),
        ),
    ],
)
def test_refused_credentials_say_where_they_stand_and_never_what_they_are(
    path: str, interface: str, answer: Answer
) -> None:
    connector = make_connector(FakeDingtalk().on(path, answer))
    with pytest.raises(CredentialsError) as caught:
        asyncio.run(connector.source(interface, REQUEST).page(REQUEST, SPAN, None))
    assert "connections.yaml:3:5" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_no_secret_shows_when_the_wire_breaks() -> None:
    def break_with_address(request: httpx.Request) -> Answer:
        return httpx.ReadError(f"failed at {request.url}")

    connector = make_connector(FakeDingtalk().on("gettoken", break_with_address))
    with pytest.raises(Unreachable) as caught:
        asyncio.run(connector.check())
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(connector.connection)


# --- who is reached -------------------------------------------------------------------------------------


def test_identity_and_account_show_no_key() -> None:
    connector = make_connector(FakeDingtalk())
    assert connector.identity().startswith("dingtalk:")
    assert "canary" not in connector.identity()
    assert connector.account().account == "app dingca…"
    assert make_connector(FakeDingtalk()).identity() == connector.identity()


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://oapi.dingtalk.com", "https://api.dingtalk.com"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9"),
    ],
)
def test_the_new_apis_address_follows_from_the_olds(base: str, expected: str) -> None:
    assert make_connector(FakeDingtalk(), base_url=base)._new.base == expected


# --- look-ups -------------------------------------------------------------------------------------------


def look_up(interface: str, key: str, *answers: Answer) -> Any:
    connector = make_connector(FakeDingtalk().on(interface, *answers))
    return asyncio.run(connector.lookup(interface).look_up(key)), connector


USER, DEPARTMENT = "topapi/v2/user/get", "topapi/v2/department/get"


def test_a_user_is_looked_up_as_text() -> None:
    entry, _ = look_up(
        USER,
        "u1",
        {"errcode": 0, "result": {"userid": "u1", "job_number": 31, "dept_id_list": [7], "active": True}},
    )
    assert entry == {"userid": "u1", "job_number": "31", "dept_id_list": ["7"], "active": True}


@pytest.mark.parametrize("code", ["33012", "60121", "40003"])
def test_an_unknown_user_is_a_miss(code: str) -> None:
    assert look_up(USER, "u1", wrapped(code))[0] is None


def test_an_unanswered_look_up_is_no_miss() -> None:
    with pytest.raises(Unreachable):
        look_up(USER, "u1", "")


def test_the_root_department_is_written_as_minus_one() -> None:
    fake = FakeDingtalk().on(DEPARTMENT, {"errcode": 0, "result": {"dept_id": 1, "name": "总部"}})
    entry = asyncio.run(make_connector(fake).lookup(DEPARTMENT).look_up("-1"))
    assert entry == {"dept_id": "1", "name": "总部"}
    assert fake.bodies(DEPARTMENT)[0]["dept_id"] == 1
    assert look_up(DEPARTMENT, "财务部")[0] is None


# --- messages -------------------------------------------------------------------------------------------

COMMENT, NEW_COMMENT = "topapi/process/instance/comment/add", "v1.0/workflow/processInstances/comments"
NOTIFICATION = "topapi/message/corpconversation/asyncsend_v2"
PAYLOADS = {
    COMMENT: {"process_instance_id": "F9", "comment_userid": "fin", "text": "已付款 DD1"},
    NEW_COMMENT: {"processInstanceId": "F9", "commentUserId": "fin", "text": "已付款 DD1"},
    NOTIFICATION: {"agent_id": 7, "userid_list": "u1", "text": "已付款 DD1"},
}
MESSAGES = pytest.mark.parametrize("interface", list(PAYLOADS))


def send(
    interface: str, *answers: Answer, payload: Any = None, gate: Callable[[], bool] = lambda: True
) -> Any:
    fake = FakeDingtalk().on(interface, *answers)
    target = make_connector(fake).target(interface, None, {})
    payload = PAYLOADS[interface] if payload is None else payload
    document = Outgoing(target.key_of(payload, "text") or "", payload)
    (answer,) = asyncio.run(target.send([document], gate))
    return answer, fake


GOOD = {
    COMMENT: {"errcode": 0, "result": True, "success": True},
    NEW_COMMENT: {"result": True, "success": True},
    NOTIFICATION: {"errcode": 0, "task_id": 256271667526},
}


@MESSAGES
def test_a_message_is_accepted_and_named_by_addressee_and_text(interface: str) -> None:
    answer, fake = send(interface, GOOD[interface])
    assert isinstance(answer, Accepted)
    target = make_connector(fake).target(interface, None, {})
    assert target.key_of(PAYLOADS[interface], "text") in ("F9:已付款 DD1", "u1:已付款 DD1")
    assert target.key_of({"text": "x"}, "text") is None


def test_bodies_are_as_documented() -> None:
    assert send(COMMENT, GOOD[COMMENT])[1].bodies(COMMENT) == [{"request": PAYLOADS[COMMENT]}]
    assert send(NEW_COMMENT, GOOD[NEW_COMMENT])[1].bodies(NEW_COMMENT) == [PAYLOADS[NEW_COMMENT]]
    assert send(NOTIFICATION, GOOD[NOTIFICATION])[1].bodies(NOTIFICATION) == [
        {"agent_id": 7, "userid_list": "u1", "msg": {"msgtype": "text", "text": {"content": "已付款 DD1"}}}
    ]
    titled = {**PAYLOADS[NOTIFICATION], "title": "报销已付款"}
    (body,) = send(NOTIFICATION, GOOD[NOTIFICATION], payload=titled)[1].bodies(NOTIFICATION)
    assert body["msg"] == {"msgtype": "markdown", "markdown": {"title": "报销已付款", "text": "已付款 DD1"}}


@MESSAGES
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.ConnectError("no"), NotSent),
        (httpx.ReadError("gone"), Unclear),
        (httpx.ReadTimeout("slow"), Unclear),
        ((503, {"code": "systemError", "message": "忙"}), Unclear),
        ("<html></html>", Unclear),
        ("", Unclear),
        ({}, Unclear),
        (wrapped("-1"), Unclear),
        (wrapped("90018"), NotSent),
        (wrapped("40014"), NotSent),
        (wrapped("90020"), NotSent),
        ({"status": 1111, "punish": "deny", "uuid": "u"}, NotSent),
        (wrapped("33012"), Refused),
        (wrapped("60011"), Refused),
        ((400, {"code": "invalidInstanceCommentText", "message": "太长"}), Refused),
    ],
)
def test_what_becomes_of_a_message(interface: str, answer: Answer, kind: type) -> None:
    found, fake = send(interface, answer)
    assert type(found) is kind
    assert len(fake.bodies(interface)) == 1


def test_a_throttled_message_slows_those_after_it() -> None:
    async def main() -> None:
        fake = FakeDingtalk().on(COMMENT, wrapped("90018"), GOOD[COMMENT])
        connector = make_connector(fake)
        target = connector.target(COMMENT, None, {})
        document = Outgoing("F9:x", PAYLOADS[COMMENT])
        (first,) = await target.send([document], lambda: True)
        (second,) = await target.send([document], lambda: True)
        assert (type(first), type(second)) == (NotSent, Accepted)
        assert connector.session.clock.slept == [1.0]  # type: ignore[attr-defined]

    asyncio.run(main())


@MESSAGES
def test_a_closed_gate_sends_nothing(interface: str) -> None:
    answer, fake = send(interface, GOOD[interface], gate=lambda: False)
    assert isinstance(answer, NotSent)
    assert fake.bodies(interface) == []


@MESSAGES
def test_a_message_without_a_field_is_refused_here(interface: str) -> None:
    answer, fake = send(interface, payload={**PAYLOADS[interface], "text": ""})
    assert isinstance(answer, Refused)
    assert fake.requests == []


@pytest.mark.parametrize("interface", [COMMENT, NEW_COMMENT])
@pytest.mark.parametrize(
    ("remark", "stands"),
    [
        ("已付款 DD1", True),
        ("已付款 DD1 ", True),
        ("已付款 DD2", False),
        ("已付款 DD10", False),
        ("注：已付款 DD1。", True),
    ],
)
def test_a_comment_is_found_under_its_approval(interface: str, remark: str, stands: bool) -> None:
    where = OLD if interface == COMMENT else NEW
    answer = instance(where)
    if where == OLD:
        answer["process_instance"]["operation_records"] = [{"operation_type": "ADD_REMARK", "remark": remark}]
    else:
        answer["result"]["operationRecords"] = [{"type": "ADD_REMARK", "remark": remark}]
    fake = FakeDingtalk().on(where, answer)
    target = make_connector(fake).target(interface, None, {})
    found = asyncio.run(target.find("text", ["F9:已付款 DD1"]))
    assert bool(found["F9:已付款 DD1"]) is stands
    with pytest.raises(Unreachable):
        asyncio.run(
            make_connector(FakeDingtalk().on(where, "")).target(interface, None, {}).find("text", ["F9:x"])
        )


# --- the catalog ----------------------------------------------------------------------------------------


def test_the_catalog_knows_every_field_of_the_interface_design() -> None:
    catalog = DingtalkConnector.catalog()
    for interface in (OLD, NEW):
        declared = catalog.interfaces[interface]
        for alias, true in declared.aliases.items():
            fields = declared.response
            for name in true.split("."):
                assert name in fields, (alias, true)
                fields = fields[name].fields
        assert len(declared.aliases) == 24
    assert set(catalog.interfaces[OLD].fields) >= {"end_time", "process_code", "size", "cursor", "start_time"}
    assert not catalog.interfaces[USER].metered
    assert all(field.label for found in catalog.interfaces.values() for field in found.fields.values())


def test_counting_leaves_out_tokens() -> None:
    _, connector, _ = run_page(OLD, listing(OLD, ["a"]))
    assert isinstance(connector.session.meter, CountingMeter)
    assert set(connector.session.meter.calls) == {"topapi/processinstance/listids"}
