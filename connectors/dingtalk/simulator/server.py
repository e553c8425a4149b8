"""The DingTalk simulator as a server: which request is served by what."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from aiohttp import web

from connectors.company import load_company
from connectors.dingtalk.simulator import answers, instances, tokens, wire_new, wire_old
from connectors.dingtalk.simulator.claims import AMENDED, amendment, make_claim
from connectors.dingtalk.simulator.context import Context, Wrong
from connectors.dingtalk.simulator.limits import admit
from connectors.dingtalk.simulator.loans import COUNT, make_loan
from connectors.dingtalk.simulator.requests import make_request
from connectors.dingtalk.simulator.settings import read_settings
from connectors.dingtalk.simulator.templates import FORMS, REQUESTS
from engine.connector.simulator import Simulator
from engine.connector.simulator.base import Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.connector.simulator import SandboxClock, SandboxState, Store

__all__ = ["DingTalkSimulator"]

_WRITES = {
    "/topapi/process/instance/comment/add",
    "/topapi/message/corpconversation/asyncsend_v2",
    "/v1.0/workflow/processInstances/comments",
}
_TOKEN_HEADER = "x-acs-dingtalk-access-token"


class DingTalkSimulator(Simulator):
    """OA approval, contacts and work notifications over invented claims of the shared company."""

    faults: ClassVar[Mapping[str, str]] = {
        **Simulator.faults,
        "banned": "the caller's address is shut out, as DingTalk does for five minutes",
    }

    def __init__(
        self, state: SandboxState, clock: SandboxClock, settings: Mapping[str, Any], name: str = ""
    ) -> None:
        super().__init__(state, clock, settings, name)
        self.chosen = read_settings(settings)

    def seed(self, store: Store) -> None:
        """Write the claims that are not there yet; a larger `instances` adds to those that are."""
        begun = store.get("seed", "start")
        if begun is None:
            begun = {"ms": instances.to_ms(self.now(store))}
            store.put("seed", "start", begun)
        start = datetime.fromtimestamp(begun["ms"] / 1000, UTC)
        seed = self.chosen.seed
        tokens.credentials(store, self.chosen)
        for number in range(self.chosen.instances):
            if store.get("claim", f"{seed}/{number}") is None:
                claim = make_claim(number, seed, start)
                instances.put(store, claim)
                store.put("claim", f"{seed}/{number}", {"id": claim["id"]})
                if number in AMENDED:
                    instances.put(store, amendment(number, seed, start, claim))
        for number in range(COUNT):
            if store.get("loan", f"{seed}/{number}") is None:
                loan = make_loan(number, seed, start)
                instances.put(store, loan)
                store.put("loan", f"{seed}/{number}", {"id": loan["id"]})
        for kind in REQUESTS:
            for number in range(kind.count):
                if store.get(kind.word, f"{seed}/{number}") is None:
                    made = make_request(kind, number, seed, start)
                    instances.put(store, made)
                    store.put(kind.word, f"{seed}/{number}", {"id": made["id"]})

    def connection_settings(self, base_url: str) -> dict[str, Any]:
        """Both generations answer at one address."""
        with self.reading() as store:
            key, secret = tokens.credentials(store, self.chosen)
        return {"base_url": base_url, "api_base_url": base_url, "app_key": key, "app_secret": secret}

    def announcement(self, base_url: str) -> dict[str, Any]:
        """The settings, and the processes that can be listed."""
        return {**self.connection_settings(base_url), "process_codes": list(FORMS)}

    def call(self, request: web.Request) -> Call:
        """Tokens are log-ins; comments and notifications write."""
        if request.path == "/gettoken" or request.path.startswith("/v1.0/oauth2/"):
            return Call.LOGIN
        return Call.WRITE if request.path in _WRITES else Call.READ

    def throttled(self, request: web.Request) -> web.Response:
        """One call too many in this second, in the ways that were seen, in turn."""
        with self.transaction() as store:
            turn = store.next_number("throttled")
        if _is_new(request):
            return answers.new_throttled(turn)
        return answers.old_throttled(request.path, turn)

    def expire(self, request: web.Request) -> None:
        """Forget the token that the request carries."""
        token = _new_token(request) if _is_new(request) else request.query.get("access_token", "")
        with self.transaction() as store:
            tokens.forget(store, token)

    def server_error(self, request: web.Request) -> web.Response:
        """The body is JSON, since the vendor's SDK reads it so."""
        if _is_new(request):
            return answers.new_error(503, "systemError", "系统错误")
        return answers.reply({"errcode": -1, "errmsg": "系统繁忙"}, 503)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Tokens by name, all other calls by generation."""
        router.add_get("/gettoken", self._old_token)
        router.add_post("/v1.0/oauth2/accessToken", self._new_token)
        router.add_post("/v1.0/oauth2/{corp}/token", self._unified_token)
        router.add_route("*", "/v1.0/{tail:.*}", self._serve_new)
        router.add_route("*", "/{tail:.*}", self._serve_old)

    # --- tokens ---

    async def _old_token(self, request: web.Request) -> web.Response:
        key, secret = request.query.get("appkey"), request.query.get("appsecret")
        if not key or not secret:
            return answers.reply({"errcode": 40035, "errmsg": "缺少参数 corpid or appkey"})
        token = self._mint(key, secret)
        if token is None:
            return answers.reply({"errcode": 40096, "errmsg": "不合法的appKey或appSecret"})
        life = tokens.LIFE_SECONDS
        return answers.reply({"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": life})

    async def _new_token(self, request: web.Request) -> web.Response:
        given = await _json_body(request)
        token = self._mint(str(given.get("appKey") or ""), str(given.get("appSecret") or ""))
        if token is None:
            return answers.new_error(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        return answers.reply({"accessToken": token, "expireIn": tokens.LIFE_SECONDS})

    async def _unified_token(self, request: web.Request) -> web.Response:
        given = await _json_body(request)
        if given.get("grant_type") != "client_credentials":
            return answers.new_error(400, "unsupported.grant.type", "不支持的grant_type")
        token = self._mint(str(given.get("client_id") or ""), str(given.get("client_secret") or ""))
        if token is None:
            return answers.new_error(401, "unauthorized.client", "无效的client")
        return answers.reply({"access_token": token, "expires_in": tokens.LIFE_SECONDS})

    def _mint(self, key: str, secret: str) -> str | None:
        with self.transaction() as store:
            if not tokens.known_app(store, self.chosen, key, secret):
                return None
            return tokens.mint(store, instances.to_ms(self.now(store)))

    # --- calls ---

    async def _serve_old(self, request: web.Request) -> web.Response:
        api = wire_old.APIS.get(request.path)
        if api is None or request.method != "POST":
            name = f"dingtalk.oapi{request.path.removeprefix('/topapi').replace('/', '.')}"
            text = f"不合法ApiName，ApiName = {name}"
            return answers.reply({"errcode": 22, "sub_msg": text, "errmsg": f"Invalid method[submsg={text}]"})
        given = await _old_body(request)
        token = request.query.get("access_token") or str(given.get("access_token") or "")
        with self.transaction() as store:
            if self.fault("banned", store):
                return answers.banned()
            now = instances.to_ms(self.now(store))
            refusal = admit(store, self.chosen, token, request.path, now, metered=api.metered)
            if refusal is not None:
                return answers.old_refusal(refusal, request.path)
            try:
                return answers.old_answer(api.serve(Context(store, now, load_company()), given))
            except Wrong as wrong:
                return answers.old_wrong(wrong)

    async def _serve_new(self, request: web.Request) -> web.Response:
        api = wire_new.APIS.get((request.method, request.path))
        if api is None:
            return answers.new_error(404, "InvalidAction.NotFound", "Specified api is not found")
        given = dict(request.query) if request.method == "GET" else await _json_body(request)
        with self.transaction() as store:
            if self.fault("banned", store):
                return answers.banned()
            now = instances.to_ms(self.now(store))
            refusal = admit(store, self.chosen, _new_token(request), request.path, now, metered=api.metered)
            if refusal is not None:
                return answers.new_refusal(refusal)
            try:
                return answers.reply(api.serve(Context(store, now, load_company()), given))
            except Wrong as wrong:
                return answers.new_wrong(wrong)


def _is_new(request: web.Request) -> bool:
    return request.path.startswith("/v1.0/")


def _new_token(request: web.Request) -> str:
    return request.headers.get(_TOKEN_HEADER, "")


async def _json_body(request: web.Request) -> dict[str, Any]:
    """The body as an object; anything else counts as empty, and then lacks its fields."""
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


async def _old_body(request: web.Request) -> dict[str, Any]:
    """JSON, or a form whose nested values are JSON text (reference §1)."""
    if request.content_type != "application/x-www-form-urlencoded":
        return await _json_body(request)
    given: dict[str, Any] = {}
    for name, value in parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True):
        given[name] = value
        if value[:1] in ("{", "["):
            try:
                given[name] = json.loads(value)
            except ValueError:
                given[name] = value
    return given
