"""The connector over a scripted wire: logins, lost sessions, one sending of a write, asking, advancing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import aiohttp
import httpx
import pytest

from connectors.kingdee import KingdeeConnector
from engine.connector.api import Accepted, Existing, NotSent, Outgoing, Target, Unclear
from engine.connector.catalog import Form
from engine.connector.limits import Limits
from engine.connector.references import Secret
from engine.connector.session import CountingMeter, Session
from engine.connector.settings import Connection
from engine.errors import (
    ConfigurationError,
    CredentialsError,
    EngineError,
    FailureClass,
    Position,
    QuotaSpent,
    Unreachable,
)

PASSWORD = "p@ss-canary-1"
SECRET = "secret-canary-2"
LOST = {
    "Result": {
        "ResponseStatus": {
            "ErrorCode": 500,
            "IsSuccess": False,
            "Errors": [{"FieldName": None, "Message": "会话信息已丢失，请重新登录", "DIndex": 0}],
            "SuccessEntitys": [],
            "SuccessMessages": [],
            "MsgCode": 1,
        }
    }
}


class StillClock:
    """Time that moves only by sleeping."""

    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)

    def random(self) -> float:
        return 0.5

    def new_id(self) -> str:
        return "id"


Answer = httpx.Response | BaseException | Any


class Wire(httpx.AsyncBaseTransport):
    """Answers each call by a function of method and body, and keeps what was sent."""

    def __init__(self, answer: Callable[[str, Any], Answer]) -> None:
        self.answer = answer
        self.sent: list[tuple[str, Any, httpx.Headers, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        service = request.url.path.rsplit("/", 1)[-1]
        method = service.removesuffix(".common.kdsvc").rsplit(".", 1)[-1]
        body = json.loads(request.content)
        self.sent.append((method, body, request.headers, str(request.url)))
        answer = self.answer(method, body)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def methods(self) -> list[str]:
        return [method for method, *_ in self.sent]


def logged_in(number: int = 1) -> httpx.Response:
    return httpx.Response(
        200,
        json={"LoginResultType": 1, "KDSVCSessionId": f"session-{number}", "Message": None},
        headers=[
            ("Set-Cookie", f"kdservice-sessionid=session-{number}; path=/"),
            (
                "Set-Cookie",
                f"ASP.NET_SessionId=asp-{number}; path=/; HttpOnly; Expires=Wed, 01 Jan 2031 00:00:00 GMT",
            ),
        ],
    )


def made(
    answer: Callable[[str, Any], Answer], *, meter: Any = None, **settings: Any
) -> tuple[KingdeeConnector, Wire]:
    values: dict[str, Any] = {
        "base_url": "http://127.0.0.1:9/k3cloud",
        "auth": "validate_user",
        "acct_id": "acct",
        "username": "demo",
        "password": Secret(PASSWORD),
        "app_id": "1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        "app_secret": Secret(SECRET),
        **settings,
    }
    connection = Connection(
        name="kingdee",
        connector="kingdee",
        settings=values,
        limits=Limits(),
        environment="test",
        position=Position("connections.yaml"),
    )
    wire = Wire(answer)
    session = Session(connection, StillClock(), wire)
    session.meter = meter or CountingMeter()
    return KingdeeConnector(connection, session), wire


def target_of(connector: KingdeeConnector, interface: str = "batchSave", **options: Any) -> Target:
    return connector.target(interface, connector.catalog().forms["AP_PAYBILL"], options)


def run(awaitable: Awaitable[Any]) -> Any:
    async def within() -> Any:
        return await awaitable

    return asyncio.run(within())


def outgoing(*keys: str) -> list[Outgoing]:
    return [
        Outgoing(
            key,
            {
                "FBillNo": key,
                "FPAYORGID": {"FNumber": "100"},
                "FCONTACTUNIT": {"FNumber": "E0031"},
                "FPAYBILLENTRY": [{"FPAYTOTALAMOUNTFOR": Decimal("328.50")}],
            },
        )
        for key in keys
    ]


def all_saved(body: Any) -> dict[str, Any]:
    models = body["data"]["Model"]
    models = models if isinstance(models, list) else [models]
    done = [{"Id": 100 + at, "Number": one["FBillNo"], "DIndex": at} for at, one in enumerate(models)]
    return {
        "Result": {"ResponseStatus": {"IsSuccess": True, "Errors": [], "SuccessEntitys": done, "MsgCode": 0}}
    }


def yes() -> bool:
    return True


# --- logging in ---------------------------------------------------------------------------------------


LOGINS = {
    "validate_user": (
        "ValidateUser",
        {"acctID": "acct", "username": "demo", "password": PASSWORD, "lcid": 2052},
    ),
    "login_by_app_secret": (
        "LoginByAppSecret",
        {"parameters": ["acct", "demo", "1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", SECRET, 2052]},
    ),
}


@pytest.mark.parametrize("auth", LOGINS)
def test_a_login_sends_what_kingdee_takes(auth: str) -> None:
    connector, wire = made(lambda method, body: logged_in(), auth=auth)
    run(connector.check())
    assert [(method, body) for method, body, *_ in wire.sent] == [LOGINS[auth]]
    assert wire.sent[0][3] == (
        f"http://127.0.0.1:9/k3cloud/Kingdee.BOS.WebApi.ServicesStub.AuthService.{LOGINS[auth][0]}.common.kdsvc"
    )


def test_login_by_sign_never_sends_the_secret() -> None:
    connector, wire = made(lambda method, body: logged_in(), auth="login_by_sign")
    run(connector.check())
    ((method, body, *_),) = wire.sent
    assert method == "LoginBySign"
    assert body["parameters"][3] == 1_700_000_000
    assert SECRET not in json.dumps(body)


def test_session_id_and_both_cookies_go_with_every_later_call() -> None:
    connector, wire = made(lambda method, body: logged_in() if method == "ValidateUser" else [])
    run(target_of(connector).find("FBillNo", ["DD-1"]))
    headers = wire.sent[1][2]
    assert headers["kdservice-sessionid"] == "session-1"
    assert headers["cookie"] == "Theme=standard; kdservice-sessionid=session-1; ASP.NET_SessionId=asp-1"


@pytest.mark.parametrize("kind", [1, -5, "1"])
def test_a_login_without_session_id_relies_on_the_cookie(kind: Any) -> None:
    def answer(method: str, body: Any) -> Answer:
        if method != "ValidateUser":
            return []
        login = logged_in(7)
        return httpx.Response(
            200, json={"LoginResultType": kind, "KDSVCSessionId": None}, headers=login.headers
        )

    connector, wire = made(answer)
    run(target_of(connector).find("FBillNo", ["DD-1"]))
    assert wire.sent[1][2]["kdservice-sessionid"] == "session-7"


def test_a_wrong_password_is_told_in_the_servers_words_and_asked_once() -> None:
    refusal = {"LoginResultType": 0, "Message": f"用户名或密码错误 {PASSWORD}", "KDSVCSessionId": None}
    connector, wire = made(lambda method, body: refusal)

    async def several() -> list[Any]:
        target = target_of(connector)
        calls = [connector.check(), connector.check(), target.find("FBillNo", ["A"])]
        return await asyncio.gather(*calls, return_exceptions=True)

    errors = run(several())
    assert [type(error) for error in errors] == [CredentialsError] * 3
    assert "用户名或密码错误" in errors[0].message
    assert PASSWORD not in errors[0].message
    assert wire.methods() == ["ValidateUser"]
    (answer,) = run(target_of(connector).send(outgoing("A"), yes))
    assert (type(answer), answer.failure) == (NotSent, FailureClass.CREDENTIALS)


def test_a_wrong_address_is_a_matter_of_configuration() -> None:
    connector, wire = made(lambda method, body: httpx.Response(404, text="<html>not found</html>"))
    with pytest.raises(ConfigurationError, match="404"):
        run(connector.check())
    assert len(wire.sent) == 1


def test_a_login_that_nobody_answers_is_tried_again_and_then_given_up() -> None:
    connector, wire = made(lambda method, body: httpx.Response(503))
    with pytest.raises(Unreachable):
        run(connector.check())
    assert wire.methods() == ["ValidateUser"] * 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"auth": "signatur"}, "signature"),
        ({"auth": "validate_user", "password": ""}, "password"),
        ({"auth": "signature", "app_secret": ""}, "app_secret"),
    ],
)
def test_what_a_way_needs_is_asked_for(changes: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        made(lambda method, body: None, **changes)


# --- lost sessions ------------------------------------------------------------------------------------


class Site:
    """A server whose session can be lost: it knows only the session of its latest login."""

    def __init__(self) -> None:
        self.logins = 0
        self.valid = ""
        self.saves: list[Any] = []

    def __call__(self, method: str, body: Any) -> Answer:
        if method == "ValidateUser":
            self.logins += 1
            self.valid = f"session-{self.logins}"
            return logged_in(self.logins)
        if self.wire.sent[-1][2].get("kdservice-sessionid") != self.valid:
            return [[LOST]] if method == "ExecuteBillQuery" else LOST
        if method == "BatchSave":
            self.saves.append(body)
            return all_saved(body)
        return []

    wire: Wire


def site() -> tuple[KingdeeConnector, Site]:
    server = Site()
    connector, wire = made(server)
    server.wire = wire
    return connector, server


def test_a_query_logs_in_again_when_the_session_is_lost() -> None:
    connector, server = site()
    target = target_of(connector)
    run(target.find("FBillNo", ["A"]))
    server.valid = "somebody else's"
    assert run(target.find("FBillNo", ["A"])) == {"A": []}
    assert server.logins == 2


def test_many_tasks_that_see_a_lost_session_log_in_once() -> None:
    connector, server = site()

    async def play() -> None:
        target = target_of(connector)
        await target.find("FBillNo", ["A"])
        server.valid = "somebody else's"
        await asyncio.gather(*(target.find("FBillNo", [str(key)]) for key in range(8)))

    run(play())
    assert server.logins == 2


def test_a_write_is_not_repeated_after_a_lost_session() -> None:
    connector, server = site()

    async def play() -> tuple[Any, Any]:
        target = target_of(connector)
        await target.find("FBillNo", ["A"])
        server.valid = "somebody else's"
        first = await target.send(outgoing("A", "B"), yes)
        return first, await target.send(outgoing("A", "B"), yes)

    first, second = run(play())
    assert [(type(one), one.failure) for one in first] == [(NotSent, FailureClass.TRANSIENT)] * 2
    assert [type(one) for one in second] == [Accepted] * 2
    assert (len(server.saves), server.logins) == (1, 2)


def test_a_session_that_is_lost_twice_in_a_row_is_refused_credentials() -> None:
    connector, wire = made(lambda method, body: [[LOST]], auth="signature")
    with pytest.raises(CredentialsError, match="会话信息已丢失"):
        run(target_of(connector).find("FBillNo", ["A"]))
    assert wire.methods() == ["ExecuteBillQuery"] * 2
    with pytest.raises(CredentialsError):
        run(connector.check())


def test_a_session_lost_again_and_again_after_a_login_is_trouble_and_no_refusal() -> None:
    connector, wire = made(served(lambda method, body: [[LOST]]))
    with pytest.raises(Unreachable, match="会话信息已丢失"):
        run(target_of(connector).find("FBillNo", ["A"]))
    assert wire.methods().count("ExecuteBillQuery") == 5
    assert wire.methods().count("ValidateUser") == 5


def test_a_signed_request_carries_the_session_that_the_first_answer_hands_out() -> None:
    rows = httpx.Response(200, json=[], headers=logged_in(3).headers)
    connector, wire = made(lambda method, body: rows, auth="signature")
    target = target_of(connector)
    run(target.find("FBillNo", ["A"]))
    run(target.find("FBillNo", ["A"]))
    assert "kdservice-sessionid" not in wire.sent[0][2]
    assert wire.sent[1][2]["kdservice-sessionid"] == "session-3"
    assert all(headers["X-Kd-Signature"] for _, _, headers, _ in wire.sent)


def test_a_session_that_the_server_renews_is_followed() -> None:
    renewed = httpx.Response(200, json=[], headers=logged_in(9).headers)
    connector, wire = made(served(lambda method, body: renewed))
    target = target_of(connector)
    run(target.find("FBillNo", ["A"]))
    run(target.find("FBillNo", ["A"]))
    assert [headers.get("kdservice-sessionid") for _, _, headers, _ in wire.sent] == [
        None,
        "session-1",
        "session-9",
    ]
    assert "kdservice-sessionid=session-9;" in wire.sent[2][2]["cookie"]


def test_a_login_page_instead_of_an_answer_leads_to_a_new_login() -> None:
    seen: list[str] = []

    def answer(method: str, body: Any) -> Answer:
        seen.append(method)
        if method == "ValidateUser":
            return logged_in(len(seen))
        return httpx.Response(200, text="<html>login</html>") if len(seen) == 2 else []

    connector, _ = made(answer)
    assert run(target_of(connector).find("FBillNo", ["A"])) == {"A": []}
    assert seen == ["ValidateUser", "ExecuteBillQuery", "ValidateUser", "ExecuteBillQuery"]


# --- sending ------------------------------------------------------------------------------------------


def served(answer: Callable[[str, Any], Answer]) -> Callable[[str, Any], Answer]:
    return lambda method, body: logged_in() if method == "ValidateUser" else answer(method, body)


def test_a_batch_goes_out_in_order_and_digit_for_digit() -> None:
    connector, wire = made(served(lambda method, body: all_saved(body)))
    answers = run(
        target_of(connector, IsVerifyBaseDataField=True, BatchCount="2").send(outgoing("A", "B"), yes)
    )
    assert [(one.id, one.number, one.key) for one in answers] == [("100", "A", "A"), ("101", "B", "B")]
    method, body, *_ = wire.sent[1]
    assert (method, body["formid"]) == ("BatchSave", "AP_PAYBILL")
    assert {name: value for name, value in body["data"].items() if name != "Model"} == {
        "IgnoreInterationFlag": "true",
        "IsVerifyBaseDataField": "true",
        "BatchCount": 2,
    }
    assert [model["FBillNo"] for model in body["data"]["Model"]] == ["A", "B"]
    assert list(body["data"]["Model"][0]) == ["FBillNo", "FPAYORGID", "FCONTACTUNIT", "FPAYBILLENTRY"]


@pytest.mark.parametrize(("interface", "method"), [("save", "Save"), ("draft", "Draft")])
def test_a_single_bill_is_an_object(interface: str, method: str) -> None:
    connector, wire = made(served(lambda method, body: all_saved(body)))
    target = target_of(connector, interface)
    assert target.largest_batch == 1
    (answer,) = run(target.send(outgoing("A"), yes))
    assert answer.id == "100"
    assert wire.sent[1][:2] == (
        method,
        {
            "formid": "AP_PAYBILL",
            "data": {
                "IgnoreInterationFlag": "true",
                "Model": {
                    "FBillNo": "A",
                    "FPAYORGID": {"FNumber": "100"},
                    "FCONTACTUNIT": {"FNumber": "E0031"},
                    "FPAYBILLENTRY": [{"FPAYTOTALAMOUNTFOR": 328.5}],
                },
            },
        },
    )


def refused_connection() -> httpx.ConnectError:
    return httpx.ConnectError("refused")


def hung_up() -> httpx.ConnectTimeout:
    """As httpx-aiohttp reports a server that hung up after the request was sent."""
    error = httpx.ConnectTimeout("hung up")
    error.__cause__ = aiohttp.ServerDisconnectedError()
    return error


ON_THE_WIRE: dict[str, tuple[Callable[[], Answer], type, FailureClass | None]] = {
    "refused": (refused_connection, NotSent, FailureClass.TRANSIENT),
    "hung up": (hung_up, Unclear, None),
    "timed out": (lambda: httpx.ReadTimeout("slow"), Unclear, None),
    "broken off": (lambda: httpx.RemoteProtocolError("cut"), Unclear, None),
    "500": (lambda: httpx.Response(500, text="x"), Unclear, None),
    "403": (lambda: httpx.Response(403, text="N001"), Unclear, None),
    "404": (lambda: httpx.Response(404), Unclear, None),
    "html": (lambda: httpx.Response(200, text="<html/>"), Unclear, None),
    "empty": (lambda: httpx.Response(200), Unclear, None),
    "response_error": (lambda: httpx.Response(200, text="response_error:x"), Unclear, None),
    "empty object": (dict, Unclear, None),
}


@pytest.mark.parametrize(("answer", "verdict", "failure"), ON_THE_WIRE.values(), ids=ON_THE_WIRE.keys())
def test_what_happens_on_the_wire_is_answered_for_each_document(
    answer: Callable[[], Answer], verdict: type, failure: FailureClass | None
) -> None:
    connector, wire = made(served(lambda method, body: answer()))
    answers = run(target_of(connector).send(outgoing("A", "B", "C"), yes))
    assert [type(one) for one in answers] == [verdict] * 3
    assert {getattr(one, "failure", None) for one in answers} == {failure}
    assert wire.methods().count("BatchSave") == 1

    existing = [Existing("1", "A", "save"), Existing("2", "B", "save")]
    answers = run(target_of(connector).advance("submit", existing))
    assert [type(one) for one in answers] == [verdict] * 2


def test_a_closed_gate_keeps_the_write_here() -> None:
    connector, wire = made(served(lambda method, body: all_saved(body)))
    answers = run(target_of(connector).send(outgoing("A"), lambda: False))
    assert [(type(one), one.failure) for one in answers] == [(NotSent, FailureClass.TRANSIENT)]
    assert wire.methods() == ["ValidateUser"]


class Spent:
    async def reserve(self, interface: str, *, metered: bool) -> None:
        raise QuotaSpent("no calls left")


def test_a_spent_quota_sends_nothing() -> None:
    connector, wire = made(served(lambda method, body: all_saved(body)), meter=Spent())
    (answer,) = run(target_of(connector).send(outgoing("A"), yes))
    assert (type(answer), answer.failure) == (NotSent, FailureClass.LIMIT)
    assert wire.methods() == ["ValidateUser"]


def test_calls_are_counted_by_method_and_logins_are_not() -> None:
    meter = CountingMeter()
    connector, _ = made(
        served(lambda method, body: [] if method == "ExecuteBillQuery" else all_saved(body)), meter=meter
    )
    target = target_of(connector)
    run(target.find("FBillNo", ["A"]))
    run(target.send(outgoing("A"), yes))
    assert meter.calls == {"ExecuteBillQuery": 1, "BatchSave": 1}


def test_no_secret_comes_back_in_an_error_that_quotes_it() -> None:
    quoting = {
        "Result": {
            "ResponseStatus": {
                "IsSuccess": False,
                "MsgCode": 11,
                "Errors": [{"Message": f"bad {PASSWORD} {SECRET} session-1", "DIndex": 0}],
            }
        }
    }
    connector, _ = made(served(lambda method, body: quoting))
    shown = repr(run(target_of(connector).send(outgoing("A"), yes)))
    with pytest.raises(ConfigurationError) as caught:
        run(target_of(connector).find("FBillNo", ["A"]))
    for secret in (PASSWORD, SECRET, "session-1"):
        assert secret not in shown + str(caught.value) + repr(connector.client.login)


BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"IsVerifyBaseDatafield": True}, "IsVerifyBaseDataField"),
    ({"IsVerifyBaseDataField": "maybe"}, "boolean"),
    ({"BatchCount": "many"}, "integer"),
    ({"IsAutoSubmitAndAudit": True}, "until"),
    ({"FormId": "AR_RECEIVEBILL"}, "AP_PAYBILL"),
    ({"NeedReturnFields": 3}, "array"),
    ({"Model": {}}, "unknown option"),
]


@pytest.mark.parametrize(("options", "said"), BAD_OPTIONS)
def test_options_are_checked_before_anything_is_sent(options: dict[str, Any], said: str) -> None:
    connector, wire = made(lambda method, body: None)
    with pytest.raises(ConfigurationError) as caught:
        target_of(connector, **options)
    assert said in str(caught.value)
    assert not wire.sent


def test_options_of_an_older_scheme_are_not_sent() -> None:
    connector, wire = made(served(lambda method, body: all_saved(body)))
    options = {"FormId": "AP_PAYBILL", "Operation": "BatchSave", "IsAutoSubmitAndAudit": False}
    run(target_of(connector, **options).send(outgoing("A"), yes))
    assert set(wire.sent[1][1]["data"]) == {"IgnoreInterationFlag", "Model"}


# --- asking -------------------------------------------------------------------------------------------


def bills(*rows: list[Any], amounts: list[list[Any]] | None = None) -> Callable[[str, Any], Answer]:
    """Answers header queries with rows of id, key, status, organisation, payee; the others with amounts, and
    with nothing that is void."""

    def answer(method: str, body: Any) -> Answer:
        fields = body["data"]["FieldKeys"]
        if "FCancelStatus" in fields:
            return []
        return amounts or [] if "FPAYTOTALAMOUNTFOR" in fields else list(rows)

    return served(answer)


def test_nothing_found_costs_one_query() -> None:
    connector, wire = made(bills())
    assert run(target_of(connector).find("FBillNo", ["A", "O'B"])) == {"A": [], "O'B": []}
    ((_, body, *_),) = wire.sent[1:]
    assert body == {
        "data": {
            "FormId": "AP_PAYBILL",
            "FieldKeys": "FID,FBillNo,FDocumentStatus,FPAYORGID.FNumber,FCONTACTUNIT.FNumber",
            "FilterString": "FBillNo in ('A','O''B')",
            "OrderString": "FID",
            "TopRowCount": 0,
            "StartRow": 0,
            "Limit": 2000,
        }
    }


def test_what_is_there_comes_back_with_stage_and_facts() -> None:
    connector, wire = made(
        bills(
            [1, "a", "Z", "100", "E1"],
            [2, "B", "A", "100", "E1"],
            [3, "C", "B", "100", "E1"],
            [4, "D", "C", "100", None],
            [5, "D", "D", "100", "E1"],
            amounts=[[1, 10], [2, 1.25], [2, 2.5], [3, "7.00"], [5, None]],
        )
    )
    found = run(target_of(connector).find("FBillNo", ["A", "B", "C", "D", "E"]))
    assert {key: [(one.id, one.number, one.stage) for one in hits] for key, hits in found.items()} == {
        "A": [("1", "a", "")],
        "B": [("2", "B", "save")],
        "C": [("3", "C", "submit")],
        "D": [("4", "D", "audit"), ("5", "D", "save")],
        "E": [],
    }
    assert found["B"][0].facts == {"organisation": "100", "payee": "E1", "amount": Decimal("3.75")}
    assert found["D"][0].facts == {"organisation": "100"}
    assert wire.sent[2][1]["data"]["FilterString"] == "FBillNo in ('A','B','C','D')"


def test_a_foreign_key_is_asked_for_beside_the_number() -> None:
    connector, wire = made(bills([1, "T-1", "FKD1", "A", "100", "E1"]))
    found = run(target_of(connector).find("FTHIRDBILLNO", ["T-1"]))
    assert [(one.id, one.number) for one in found["T-1"]] == [("1", "FKD1")]
    assert wire.sent[1][1]["data"]["FieldKeys"].startswith("FID,FTHIRDBILLNO,FBillNo,FDocumentStatus")
    assert wire.sent[1][1]["data"]["FilterString"] == "FTHIRDBILLNO='T-1'"


UNKNOWN_FIELD = [
    [
        {
            "Result": {
                "ResponseStatus": {
                    "IsSuccess": False,
                    "MsgCode": 9,
                    "Errors": [{"Message": "元数据中标识为FPAYORGID的字段不存在", "DIndex": 0}],
                }
            }
        }
    ]
]


def test_a_site_without_a_field_to_compare_still_tells_what_is_there() -> None:
    def answer(method: str, body: Any) -> Answer:
        fields = body["data"]["FieldKeys"]
        return UNKNOWN_FIELD if "FPAY" in fields or "FCancel" in fields else [[1, "A", "C"]]

    connector, wire = made(served(answer))
    target = target_of(connector)
    assert run(target.find("FBillNo", ["A"])) == {"A": [Existing("1", "A", "audit", {})]}
    run(target.find("FBillNo", ["A"]))
    assert len(wire.sent) == 1 + 4 + 3


NOT_TO_BE_TRUSTED: dict[str, tuple[Answer, type[EngineError]]] = {
    "wrapped error": (UNKNOWN_FIELD, ConfigurationError),
    "not rows": ({"a": 1}, Unreachable),
    "null": (httpx.Response(200, text="null"), Unreachable),
    "rows of another width": ([[1]], Unreachable),
    "another bill": ([[1, "X", "A", "100", "E1"]], Unreachable),
    "no number": ([[1, None, "A", "100", "E1"]], Unreachable),
    "no id": ([[None, "A", "A", "100", "E1"]], Unreachable),
    "empty": (httpx.Response(200), Unreachable),
    "time-out": (httpx.ReadTimeout("slow"), Unreachable),
}


@pytest.mark.parametrize(("answer", "error"), NOT_TO_BE_TRUSTED.values(), ids=NOT_TO_BE_TRUSTED.keys())
def test_an_answer_that_is_not_to_be_trusted_is_no_none(answer: Answer, error: type[EngineError]) -> None:
    connector, _ = made(served(lambda method, body: answer))
    with pytest.raises(error):
        run(target_of(connector).find("FBillNo", ["A"]))


def test_a_full_page_of_amounts_is_halved_rather_than_paged() -> None:
    header = [[at, f"K{at}", "A", "100", "E1"] for at in range(4)]

    def answer(method: str, body: Any) -> Answer:
        data = body["data"]
        if "FCancelStatus" in data["FieldKeys"]:
            return [[at, "A"] for at in range(4)]
        if "FPAYTOTALAMOUNTFOR" not in data["FieldKeys"]:
            return header
        asked = [at for at in range(4) if f"'K{at}'" in data["FilterString"]]
        return [[at, 1] for at in asked for _ in range(900)][: data["Limit"]]

    connector, wire = made(served(answer))
    found = run(target_of(connector).find("FBillNo", [f"K{at}" for at in range(4)]))
    assert {hits[0].facts["amount"] for hits in found.values()} == {Decimal(900)}
    assert wire.methods().count("ExecuteBillQuery") == 5


def test_a_bill_that_was_made_void_says_so() -> None:
    """It holds its number and pays nothing: adopting it would lose the payment."""

    def answer(method: str, body: Any) -> Answer:
        fields = body["data"]["FieldKeys"]
        if "FCancelStatus" in fields:
            return [[1, "B"], [2, "A"]]
        if "FPAYTOTALAMOUNTFOR" in fields:
            return [[1, 5], [2, 5]]
        return [[1, "A", "C", "100", "E1"], [2, "B", "C", "100", "E1"]]

    connector, _ = made(served(answer))
    found = run(target_of(connector).find("FBillNo", ["A", "B"]))
    assert (found["A"][0].cancelled, found["B"][0].cancelled) == (True, False)


def test_no_keys_cost_no_query() -> None:
    connector, wire = made(lambda method, body: None)
    assert run(target_of(connector).find("FBillNo", [])) == {}
    assert not wire.sent


# --- advancing, facts ---------------------------------------------------------------------------------


def test_bills_are_advanced_by_joined_ids() -> None:
    def answer(method: str, body: Any) -> Answer:
        done = [{"Id": int(id), "Number": "", "DIndex": 0} for id in body["data"]["Ids"].split(",")]
        return {"Result": {"ResponseStatus": {"IsSuccess": True, "SuccessEntitys": done, "MsgCode": 0}}}

    connector, wire = made(served(answer))
    target = target_of(connector)
    existing = [Existing("7", "A", "save"), Existing("8", "B", "save")]
    assert [one.id for one in run(target.advance("submit", existing))] == ["7", "8"]
    assert [one.number for one in run(target.advance("audit", existing))] == ["A", "B"]
    assert [entry[:2] for entry in wire.sent[1:]] == [
        ("Submit", {"formid": "AP_PAYBILL", "data": {"Ids": "7,8"}}),
        ("Audit", {"formid": "AP_PAYBILL", "data": {"Ids": "7,8"}}),
    ]


def test_facts_and_amount_read_a_payload_in_any_case() -> None:
    connector, _ = made(lambda method, body: None)
    target = target_of(connector)
    payload = {
        "FPayOrgId": {"FNUMBER": "100"},
        "FCONTACTUNIT": {"FNumber": "E0031"},
        "FBillNo": " DD-1 ",
        "FPAYBILLENTRY": [{"FPAYTOTALAMOUNTFOR": Decimal("328.50")}, {"fpaytotalamountfor": "96"}, {}],
    }
    assert target.facts(payload) == {"organisation": "100", "payee": "E0031", "amount": Decimal("424.50")}
    assert target.amount({"FPAYBILLENTRY": []}) is None
    assert target.key_of(payload, "FBillNo") == "DD-1"
    assert target.key_of(payload, "FTHIRDBILLNO") is None


def test_a_form_that_the_catalog_lacks_can_be_written() -> None:
    connector, wire = made(served(lambda method, body: all_saved(body)))
    target = connector.target("batchSave", Form("XX_OWN", "XX_OWN", {}, open=True), {})
    (answer,) = run(target.send([Outgoing("A", {"FBillNo": "A"})], yes))
    assert (answer.id, answer.key, wire.sent[1][1]["formid"]) == ("100", "A", "XX_OWN")
    assert target.amount({"FBillNo": "A"}) is None


def test_base_data_that_the_catalog_lacks_goes_by_its_code() -> None:
    saved = {"Result": {"ResponseStatus": {"IsSuccess": True, "SuccessEntitys": [{"Id": 5, "Number": "S1"}]}}}
    connector, wire = made(served(lambda method, body: [[5, "S1", "C"]] if "Query" in method else saved))
    target = connector.target("save", Form("BD_Supplier", "BD_Supplier", {}, open=True), {})
    (answer,) = run(target.send([Outgoing("S1", {"FName": "甲", "FNumber": "S1"})], yes))
    assert (answer.id, answer.number, answer.key) == ("5", "S1", "S1")
    assert run(target.find("FNumber", ["S1"]))["S1"] == [Existing("5", "S1", "audit", {})]
    assert wire.sent[-1][1]["data"]["FieldKeys"] == "FID,FNumber,FDocumentStatus"


def test_identity_is_of_the_system_and_not_of_the_port() -> None:
    here, _ = made(lambda method, body: None)
    there, _ = made(lambda method, body: None, base_url="http://127.0.0.1:8/K3Cloud/", username="other")
    assert here.identity() == there.identity() == "kingdee:127.0.0.1:acct"
    assert (here.account().host, here.account().account) == ("127.0.0.1", "acct/demo")


def test_unknown_interfaces_are_named() -> None:
    connector, _ = made(lambda method, body: None)
    with pytest.raises(ConfigurationError, match="batchSave"):
        target_of(connector, "batchsave")
    with pytest.raises(ConfigurationError, match="executeBillQuery"):
        connector.source("query", {})
    with pytest.raises(ConfigurationError, match="form"):
        connector.target("batchSave", None, {})
