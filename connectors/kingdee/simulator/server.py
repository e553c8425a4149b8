"""The simulated Kingdee as an HTTP server: routing, sessions, and the shape of every refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aiohttp import web

from connectors.company import load_company
from connectors.kingdee.simulator.answers import SESSION_LOST, MsgCode, Refusal, nested
from connectors.kingdee.simulator.basedata import BaseData
from connectors.kingdee.simulator.body import Body, UnreadableError, flag
from connectors.kingdee.simulator.logins import LOGINS, Login, logged_in, refused
from connectors.kingdee.simulator.services import QUERIES, READS, FormService
from connectors.kingdee.simulator.sessions import Account, Presented, Session, Sessions
from connectors.kingdee.simulator.settings import SiteSettings
from connectors.kingdee.simulator.signature import SignedHeaders
from engine import jsontext
from engine.connector.simulator import Simulator
from engine.connector.simulator.base import Call

if TYPE_CHECKING:
    from engine.connector.simulator import SandboxClock, SandboxState, Store

__all__ = ["KingdeeSimulator"]

_SUFFIX = ".common.kdsvc"
_FORMS = "kingdee.bos.webapi.servicesstub.dynamicformservice."
_AUTH = "kingdee.bos.webapi.servicesstub.authservice."
_CENTRES = "kingdee.bos.servicefacade.servicesstub.account.accountservice.getdatacenterlist"
_PEOPLE = "/sandbox/"


class KingdeeSimulator(Simulator):
    """One K/3Cloud site with one data centre, one integration user and one third-party app.

    ``GET /sandbox/bills?form=AP_PAYBILL`` lists a form's bills for people; no fault touches it.
    """

    faults: ClassVar[Mapping[str, str]] = {
        **Simulator.faults,
        "submit_fails": "submits are refused",
        "audit_fails": "audits are refused",
        "unique_number": "the target keeps bill numbers unique; switch it off to allow doubles",
        "number_ignored": "the target numbers bills itself, whatever number is given",
        "missing_dindex": "a batch's answer leaves its last bill out",
    }

    def __init__(
        self, state: SandboxState, clock: SandboxClock, settings: Mapping[str, Any], name: str = ""
    ) -> None:
        super().__init__(state, clock, settings, name)
        self.site = SiteSettings.read(settings)
        self.base = BaseData(load_company(), self.site.base_data)
        self._forms = FormService(self)

    def seed(self, store: Store) -> None:
        Account.keep(store, self.site.credentials)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(f"{_PEOPLE}bills", self._list_bills)
        router.add_post("/{path:.*}", self._serve)

    def application(self) -> web.Application:
        app = super().application()
        app.middlewares.insert(0, self._for_people)
        return app

    def connection_settings(self, base_url: str) -> dict[str, Any]:
        self.prepare()
        return {**self.announcement(base_url), "auth": self.site.auth}

    def announcement(self, base_url: str) -> dict[str, Any]:
        self.prepare()
        with self.reading() as store:
            account = Account.load(store)
        return {
            "base_url": f"{base_url.rstrip('/')}/k3cloud/",
            "acct_id": account.acct_id,
            "username": account.username,
            "password": account.password,
            "app_id": account.app_id,
            "app_secret": account.app_secret,
        }

    def call(self, request: web.Request) -> Call:
        service = _service(request)
        if not service.startswith(_FORMS):
            return Call.LOGIN
        return Call.READ if service.removeprefix(_FORMS) in READS else Call.WRITE

    def throttled(self, request: web.Request) -> web.Response:
        method = _service(request).removeprefix(_FORMS)
        if method in ("submit", "audit", "unaudit", "delete"):
            refusal = Refusal("单据正在被其他用户操作，网络控制冲突，请稍后重试", MsgCode.LOCKED)
        else:
            refusal = Refusal("接口调用次数超过限制，请稍后重试", MsgCode.CALL_LIMIT)
        return _refusal(request, refusal)

    def expire(self, request: web.Request) -> None:
        with self.transaction() as store:
            self._sessions(store).end(Presented.read(request.headers, request.cookies))

    def server_error(self, request: web.Request) -> web.Response:
        return web.Response(
            status=504, text="<html><body>504 Gateway Time-out</body></html>", content_type="text/html"
        )

    # --- requests ---

    async def _serve(self, request: web.Request) -> web.Response:
        service = _service(request)
        try:
            body = Body.read(await request.text(), request.content_type)
        except UnreadableError as error:
            return web.Response(status=500, text=str(error))
        if service == _CENTRES:
            return self._data_centres()
        if service.startswith(_AUTH):
            return self._authenticate(request, service.removeprefix(_AUTH), body)
        method = service.removeprefix(_FORMS)
        if not service.startswith(_FORMS) or method not in self._forms.methods:
            return web.Response(status=500, text=f"The service {service} does not exist.")
        return self._form_call(request, method, body)

    def _form_call(self, request: web.Request, method: str, body: Body) -> web.Response:
        with self.transaction() as store:
            session, fresh = self._session(request, store)
        if session is None:
            return _refusal(request, Refusal(SESSION_LOST, MsgCode.SESSION_LOST))
        try:
            answer = self._forms.answer(method, body, session.user)
        except Refusal as refusal:
            response = _refusal(request, refusal)
        else:
            response = _json(answer)
        return _with_cookies(response, session) if fresh else response

    def _session(self, request: web.Request, store: Store) -> tuple[Session | None, bool]:
        """The caller's session, and whether it begins with this request (a first signed one)."""
        sessions = self._sessions(store)
        signed = SignedHeaders.read(request.headers)
        account = Account.load(store)
        if signed is not None and not sessions.admits(signed, account, request.path):
            return None, False
        presented = Presented.read(request.headers, request.cookies)
        if presented.any or signed is None:
            return sessions.find(presented), False
        return sessions.start(signed.user), True

    def _authenticate(self, request: web.Request, method: str, body: Body) -> web.Response:
        if method == "logout":
            with self.transaction() as store:
                self._sessions(store).end(Presented.read(request.headers, request.cookies))
            return _json(True)
        login = LOGINS.get(method)
        if login is None:
            return web.Response(status=500, text=f"The service {method} does not exist.")
        return self._log_in(login, login.read(body))

    def _log_in(self, login: Login, given: Mapping[str, str]) -> web.Response:
        with self.transaction() as store:
            account = Account.load(store)
            wrong = login.check(account, given, self.site)
            if wrong is not None:
                return _json(refused(wrong))
            kick_off = login.kicks and flag(given, "isKickOff", False)
            session = self._sessions(store).start(account.username, kick_off=kick_off)
        return _with_cookies(_json(logged_in(session, account, reminder=self.site.reminder)), session)

    def _data_centres(self) -> web.Response:
        with self.reading() as store:
            account = Account.load(store)
        return _json([{"Id": account.acct_id, "Number": "01", "Name": load_company().name}])

    def _sessions(self, store: Store) -> Sessions:
        return Sessions(store, self.site, self.now(store))

    # --- for people ---

    async def _list_bills(self, request: web.Request) -> web.Response:
        try:
            return _json(self._forms.reading.bills(request.query.get("form", "AP_PAYBILL")))
        except Refusal as refusal:
            return web.Response(status=404, text=str(refusal))

    @web.middleware
    async def _for_people(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.method == "GET" and request.path == f"{_PEOPLE}bills":
            self.prepare()
            return await self._list_bills(request)
        return await handler(request)


def _service(request: web.Request) -> str:
    """The service a path names, in lower case: any case, under any base (reference §1)."""
    return request.path.rsplit("/", 1)[-1].lower().removesuffix(_SUFFIX)


def _refusal(request: web.Request, refusal: Refusal) -> web.Response:
    """A refusal in the method's own shape: queries give it two lists deep."""
    answer = refusal.answer()
    return _json(nested(answer) if _service(request).removeprefix(_FORMS) in QUERIES else answer)


def _json(answer: Any) -> web.Response:
    return web.Response(text=jsontext.dumps(answer), content_type="application/json")


def _with_cookies(response: web.Response, session: Session) -> web.Response:
    """Both cookies together: the SDK takes the last answer's cookies for all there are."""
    response.set_cookie("kdservice-sessionid", session.id, path="/")
    response.set_cookie("ASP.NET_SessionId", session.web_id, path="/", httponly=True)
    return response
