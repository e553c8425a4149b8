"""The simulated Kingdee over HTTP: routing, logins, sessions, bodies, faults (reference §2, §3, §11)."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, CookieJar
from aiohttp.test_utils import TestClient, TestServer

from connectors.kingdee.simulator import KingdeeSimulator
from connectors.kingdee.simulator.signature import (
    client_secret,
    gateway_signature,
    login_sign,
    product_signature,
)
from engine.connector.simulator import SandboxClock, SandboxState, advance, set_faults
from engine.errors import ConfigurationError

AUTH = "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.AuthService."
FORMS = "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService."
SUFFIX = ".common.kdsvc"
GIVEN = {
    "acct_id": "acct-demo",
    "username": "demo",
    "password": "pass",
    "app_id": "100001_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    "app_secret": "0123456789abcdef0123456789abcdef",
}
QUERY = {"FormId": "BD_Currency", "FieldKeys": "FNumber", "FilterString": "FNumber='PRE001'"}
LOST = "会话信息已丢失，请重新登录"


class Site:
    """The simulator behind a real server, and a client without a cookie jar of its own."""

    def __init__(self, folder: Path, client: TestClient[Any, Any]) -> None:
        self.folder = folder
        self.client = client

    async def post(self, path: str, body: Any, **more: Any) -> Any:
        if isinstance(body, str):
            more["data"] = body
        else:
            more["json"] = body
        async with self.client.post(path, **more) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text[:1] in ("{", "[", "t") else text

    async def login(self, method: str = "ValidateUser", **changes: Any) -> dict[str, Any]:
        body = {"acctID": "acct-demo", "username": "demo", "password": "pass", "lcid": 2052, **changes}
        _, answer = await self.post(AUTH + method + SUFFIX, body)
        return answer  # type: ignore[no-any-return]

    async def query(self, session: str, **more: Any) -> Any:
        headers = {"kdservice-sessionid": session} if session else {}
        _, answer = await self.post(
            FORMS + "ExecuteBillQuery" + SUFFIX, {"data": QUERY}, headers=headers, **more
        )
        return answer


def play(
    folder: Path, scene: Callable[[Site], Awaitable[None]], settings: dict[str, Any] | None = None
) -> None:
    """Run a scene against a simulator that lives as long as the scene."""

    async def run() -> None:
        state = SandboxState(folder)
        given = {**GIVEN, "late_seconds": 0, "slow_seconds": 0, **(settings or {})}
        simulator = KingdeeSimulator(state, SandboxClock(state), given, "kingdee")
        jar = CookieJar(unsafe=True)
        async with TestClient(TestServer(simulator.application()), cookie_jar=jar) as client:
            await scene(Site(folder, client))
            await simulator.settled()
        state.close()

    asyncio.run(run())


def lost(answer: Any) -> bool:
    inner = answer[0][0] if isinstance(answer, list) else answer
    status = inner["Result"]["ResponseStatus"]
    return bool(status["MsgCode"] == 1 and status["Errors"][0]["Message"] == LOST)


# --- the arithmetic ---


def test_the_references_vectors_hold() -> None:
    parts = ("acct1", "demo", "1_abc", "secret", "1700000000")
    assert login_sign(parts) == "dbda05a5a6ce60d16330bb3b59e07d96e3ef7681f0f53c85c4186ac408bdb1c7"
    app_id = GIVEN["app_id"]
    assert client_secret(app_id) == "MDE3N2I2PzBrPzg4OD45N3IhK3B1InIk"
    path = "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.Save.common.kdsvc"
    assert gateway_signature(app_id, path, "1700000000", "1700000000") == (
        "NzI2MjZlOGJiNjBiYTJkYzM3NTU3NTI0ZGE3YWY4MDhmMDNhMmZmOTc0ZGI4ZWJiYjg0NWFiYWFiNzIwZTczNg=="
    )
    assert product_signature(app_id, "acct-demo,集成用户,2052,100", GIVEN["app_secret"]) == (
        "M2ExMjNiOTBiMTg1YmYxMmM5NjFjZmJlM2ZmYzgxNTIyMjMyMjgzZDVhMDkzOWViZDhlNmE3NGJlN2M0YTkyNw=="
    )


# --- routing and bodies ---


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/K3Cloud/kingdee.bos.webapi.servicesstub.authservice.validateuser.common.kdsvc", {}, 200),
        ("/any/base/Kingdee.BOS.WebApi.ServicesStub.AuthService.ValidateUser.common.kdsvc", {}, 200),
        (AUTH + "Nothing" + SUFFIX, {}, 500),
        (FORMS + "Nothing" + SUFFIX, {}, 500),
        ("/k3cloud/Other.Service.Do.common.kdsvc", {}, 500),
        (AUTH + "ValidateUser" + SUFFIX, '["acct-demo","demo","pass",2052]', 500),
        (FORMS + "Save" + SUFFIX, "{broken", 500),
    ],
)
def test_a_path_is_served_or_not(tmp_path: Path, path: str, body: Any, status: int) -> None:
    async def scene(site: Site) -> None:
        assert (await site.post(path, body))[0] == status

    play(tmp_path, scene)


WRAPPER = {"format": 1, "useragent": "ApiClient", "rid": "1", "timestamp": "2025-01-01 00:00:00", "v": "1.0"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"acctid": "acct-demo", "UserName": "demo", "password": "pass", "lcid": 2052}, "json"),
        ("acctID=acct-demo&username=demo&password=pass&lcid=2052", "x-www-form-urlencoded"),
        ({"parameters": ["acct-demo", "demo", "pass", 2052]}, "json"),
        ({**WRAPPER, "parameters": ["acct-demo", "demo", "pass", 2052]}, "json"),
        ({"parameters": '["acct-demo","demo","pass",2052]'}, "json"),
    ],
)
def test_a_login_comes_in_many_bodies(tmp_path: Path, body: Any, kind: str) -> None:
    async def scene(site: Site) -> None:
        headers = {"Content-Type": f"application/{kind}"}
        _, answer = await site.post(AUTH + "ValidateUser" + SUFFIX, body, headers=headers)
        assert (answer["LoginResultType"], answer["IsSuccessByAPI"]) == (1, True)
        cookies = {cookie.key: cookie.value for cookie in site.client.session.cookie_jar}
        assert cookies["kdservice-sessionid"] == answer["KDSVCSessionId"]
        assert cookies["ASP.NET_SessionId"] == answer["Context"]["SessionId"]

    play(tmp_path, scene)


@pytest.mark.parametrize(
    "body",
    [
        {"formid": "AP_PAYBILL", "data": {"Model": {"FBillNo": "DD-1"}}},
        {"FormId": "ap_paybill", "Data": '{"Model": {"FBillNo": "DD-1"}}'},
        {"parameters": ["AP_PAYBILL", '{"Model": {"FBillNo": "DD-1"}}']},
        {**WRAPPER, "parameters": '["AP_PAYBILL", {"Model": {"FBillNo": "DD-1"}}]'},
    ],
)
def test_a_call_comes_in_many_bodies(tmp_path: Path, body: dict[str, Any]) -> None:
    async def scene(site: Site) -> None:
        await site.login()
        _, answer = await site.post(FORMS + "draft" + SUFFIX, body)
        assert answer["Result"]["Number"] == "DD-1"

    play(tmp_path, scene)


# --- logging in ---


def signed(algorithm: str = "sha256", app_secret: str = GIVEN["app_secret"]) -> dict[str, Any]:
    parts = sorted([GIVEN["acct_id"], GIVEN["username"], GIVEN["app_id"], app_secret, "1700000000"])
    sign = hashlib.new(algorithm, "".join(parts).encode()).hexdigest()
    return {"appId": GIVEN["app_id"], "timestamp": 1700000000, "sign": sign}


@pytest.mark.parametrize(
    ("method", "changes", "settings", "result"),
    [
        ("ValidateUser", {}, {}, 1),
        ("ValidateUser2", {"isKickOff": True}, {}, 1),
        ("ValidateUser", {"password": "wrong"}, {}, 0),
        ("ValidateUser", {"username": "nobody"}, {}, 0),
        ("ValidateUser", {"acctID": "elsewhere"}, {}, 0),
        ("ValidateUser", {"password": GIVEN["app_secret"]}, {}, 0),
        ("LoginByAppSecret", {"appId": GIVEN["app_id"], "appSecret": GIVEN["app_secret"]}, {}, 1),
        ("LoginByAppSecret2", {"appId": GIVEN["app_id"], "appSecret": GIVEN["app_secret"]}, {}, 1),
        ("LoginByAppSecret", {"appId": GIVEN["app_id"], "appSecret": "wrong"}, {}, 0),
        ("LoginBySign", signed(), {}, 1),
        ("LoginBySign2", signed(), {}, 1),
        ("LoginBySign", signed(app_secret="wrong"), {}, 0),
        ("LoginBySign", {**signed(), "timestamp": 1700000000000}, {}, 0),
        ("LoginBySign", signed("sha1"), {}, 0),
        ("LoginBySign", signed("sha1"), {"sha1": True}, 1),
    ],
)
def test_a_login_is_checked(
    tmp_path: Path, method: str, changes: dict[str, Any], settings: dict[str, Any], result: int
) -> None:
    async def scene(site: Site) -> None:
        answer = await site.login(method, **changes)
        assert answer["LoginResultType"] == result
        assert bool(answer["KDSVCSessionId"]) == bool(result)
        assert bool(answer["Message"]) == (not result)

    play(tmp_path, scene, settings)


def test_a_reminder_leaves_the_session_to_the_cookies(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        answer = await site.login()
        assert (answer["LoginResultType"], answer["KDSVCSessionId"]) == (-5, None)
        assert answer["FormId"] == "BOS_CloudInspection"
        assert await site.query("") == [["PRE001"]]

    play(tmp_path, scene, {"reminder": True})


# --- sessions ---


def test_a_session_is_known_by_header_or_cookie(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        assert lost(await site.query(""))
        session = (await site.login())["KDSVCSessionId"]
        assert await site.query("") == [["PRE001"]]  # by cookies
        site.client.session.cookie_jar.clear()
        assert await site.query(session) == [["PRE001"]]
        assert lost(await site.query("unknown"))

    play(tmp_path, scene)


def test_a_lost_session_is_told_in_the_methods_shape(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        answer = await site.query("unknown")
        assert answer[0][0]["Result"]["ResponseStatus"]["ErrorCode"] == 500
        _, answer = await site.post(FORMS + "Save" + SUFFIX, {"formid": "AP_PAYBILL", "data": {}})
        assert lost(answer)

    play(tmp_path, scene)


def test_a_session_ends(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        session = (await site.login())["KDSVCSessionId"]
        advance(site.folder, timedelta(minutes=15))
        assert await site.query(session) == [["PRE001"]]
        advance(site.folder, timedelta(minutes=15))
        assert await site.query(session) == [["PRE001"]]  # idle time counts, not age
        advance(site.folder, timedelta(minutes=21))
        assert lost(await site.query(session))

        first = (await site.login())["KDSVCSessionId"]
        site.client.session.cookie_jar.clear()
        second = (await site.login("ValidateUser2", isKickOff="true"))["KDSVCSessionId"]
        site.client.session.cookie_jar.clear()
        assert lost(await site.query(first))
        assert await site.query(second) == [["PRE001"]]
        headers = {"kdservice-sessionid": second}
        assert await site.post(AUTH + "Logout" + SUFFIX, {}, headers=headers) == (200, True)
        assert lost(await site.query(second))

    play(tmp_path, scene)


def test_two_servers_are_views_of_one_kingdee(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        session = (await site.login())["KDSVCSessionId"]
        body = {"formid": "AP_PAYBILL", "data": {"Model": {"FBillNo": "DD-1"}}}
        await site.post(FORMS + "Draft" + SUFFIX, body)

        async def elsewhere(other: Site) -> None:
            assert await other.query(session) == [["PRE001"]]
            async with other.client.get("/sandbox/bills?form=AP_PAYBILL") as answer:
                (shown,) = await answer.json()
            assert (shown["number"], shown["status"], shown["model"]) == ("DD-1", "Z", {"FBillNo": "DD-1"})

        state = SandboxState(tmp_path)
        simulator = KingdeeSimulator(state, SandboxClock(state), GIVEN, "kingdee")
        async with TestClient(TestServer(simulator.application())) as client:
            await elsewhere(Site(tmp_path, client))
        state.close()

    play(tmp_path, scene)


# --- faults ---


async def draft(site: Site, session: str, number: str) -> Any:
    body = {"formid": "AP_PAYBILL", "data": {"Model": {"FBillNo": number}}}
    return await site.post(FORMS + "Draft" + SUFFIX, body, headers={"kdservice-sessionid": session})


async def numbers(site: Site) -> list[str]:
    async with site.client.get("/sandbox/bills") as answer:
        return [bill["number"] for bill in await answer.json()]


@pytest.mark.parametrize(
    ("fault", "status", "kept"),
    [
        ("drop_before", None, False),
        ("error_before", 504, False),
        ("throttle", 200, False),
        ("expired", 200, False),
        ("drop_after", None, True),
        ("error_after", 504, True),
        ("empty", 200, True),
        ("html", 200, True),
        ("slow", 200, True),
    ],
)
def test_a_fault_shows_before_or_after_the_effect(
    tmp_path: Path, fault: str, status: int | None, kept: bool
) -> None:
    async def scene(site: Site) -> None:
        session = (await site.login())["KDSVCSessionId"]
        site.client.session.cookie_jar.clear()
        set_faults(tmp_path, {fault: 1})
        try:
            shown: int | None = (await draft(site, session, "DD-1"))[0]
        except ClientConnectionError:
            shown = None
        assert shown == status
        assert await numbers(site) == (["DD-1"] if kept else [])

    play(tmp_path, scene)


def test_a_throttled_call_says_so_in_its_own_shape(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        session = (await site.login())["KDSVCSessionId"]
        set_faults(tmp_path, {"throttle": 1})
        assert (await site.query(session))[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 14
        _, answer = await site.post(FORMS + "Audit" + SUFFIX, {"formid": "AP_PAYBILL", "data": {"Ids": "1"}})
        assert answer["Result"]["ResponseStatus"]["MsgCode"] == 13

    play(tmp_path, scene)


def test_a_late_commit_lands_after_its_client_gave_up(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        session = (await site.login())["KDSVCSessionId"]
        set_faults(tmp_path, {"late_commit": 1})
        with pytest.raises(ClientConnectionError):
            await draft(site, session, "DD-1")
        for _ in range(100):
            if await numbers(site):
                break
        assert await numbers(site) == ["DD-1"]

    play(tmp_path, scene)


# --- settings ---


def test_credentials_are_minted_once_and_told(tmp_path: Path) -> None:
    def told(settings: dict[str, Any]) -> dict[str, Any]:
        state = SandboxState(tmp_path)
        simulator = KingdeeSimulator(state, SandboxClock(state), settings, "kingdee")
        found = simulator.connection_settings("http://127.0.0.1:1")
        state.close()
        return found

    first = told({})
    assert first == told({})
    assert first["base_url"] == "http://127.0.0.1:1/k3cloud/"
    assert first["auth"] == "signature"
    assert len(first["app_id"].split("_")[1]) == 32
    assert told({"password": "pass", "auth": "validate_user"}) == {
        **first, "password": "pass", "auth": "validate_user"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pasword": "x"}, 'no setting "pasword"'),
        ({"session_idle": "long"}, '"session_idle" cannot be "long"'),
        ({"auth": "magic"}, '"auth" cannot be "magic"'),
        ({"base_data": {"BD_Nothing": {"1": "x"}}}, '"base_data" cannot be'),
        ({"closed_before": "soon"}, '"closed_before" cannot be "soon"'),
    ],
)
def test_a_wrong_setting_is_refused(
    tmp_path: Path, settings: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGINE_LANG", "en")
    state = SandboxState(tmp_path)
    with pytest.raises(ConfigurationError, match=said):
        KingdeeSimulator(state, SandboxClock(state), settings, "kingdee")
    state.close()
