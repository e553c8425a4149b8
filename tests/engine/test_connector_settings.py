"""connections.yaml: what it may say, what it must not, and what never shows."""

from __future__ import annotations

import pickle
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.connector.environments import is_loopback
from engine.connector.limits import Limits, parse_duration
from engine.connector.settings import (
    Connection,
    Secret,
    Settings,
    find_connections,
    load_settings,
)
from engine.errors import (
    ConfigurationError,
    CredentialsError,
    EngineError,
    Position,
    SchemeError,
    UsageError,
)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are matched as the code writes them."""
    monkeypatch.setenv("ENGINE_LANG", "en")


GOOD = """\
environments:
  production:
    dingtalk:
      connector: dingtalk
      base_url: https://oapi.dingtalk.com
      app_key: ${env:TEST_APP_KEY}
      app_secret: ${file:secret.txt}
      unique: [FBillNo]
      limits: {per_second: 20, per_minute: 600, per_month: 5000, concurrency: 16, timeout: 2m, settle: 90s}
values:
  production:
    expense:
      params: {process_code: PROC-1, start_date: "2026-12-01"}
      tables: {item: tables/items.csv, employee: {values: {"01": E1}}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "connections.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def production(tmp_path: Path, text: str = GOOD) -> Connection:
    return load_settings(write(tmp_path, text)).environment("production").connection("dingtalk")


def test_a_connection_is_read_whole(tmp_path: Path) -> None:
    found = production(tmp_path)
    assert found.connector == "dingtalk"
    assert found.unique == ("FBillNo",)
    assert found.limits == Limits(Decimal(20), Decimal(600), None, 5000, 16, 120.0, 90.0, 16)
    assert found.position == Position(str(tmp_path / "connections.yaml"), 3, 5)


def test_values_are_kept_by_environment_and_scheme(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD))
    values = settings.environment("production").scheme_values("expense")
    assert values.params == {"process_code": "PROC-1", "start_date": "2026-12-01"}
    assert values.tables["item"].value == "tables/items.csv"
    assert values.tables["employee"].plain() == {"values": {"01": "E1"}}
    assert values.folder == tmp_path
    assert settings.environment("production").scheme_values("other").params == {}


def test_references_are_looked_up_late_and_for_this_connection_only(tmp_path: Path) -> None:
    found = production(tmp_path)
    (tmp_path / "secret.txt").write_text("canary-secret\n")
    resolved = found.resolved({"TEST_APP_KEY": "canary-key"})
    assert resolved.secret("app_secret") == "canary-secret"
    assert resolved.secret("app_key") == "canary-key"
    assert "canary" not in repr(resolved)
    assert "canary" not in repr(found)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("app_key: ${env:TEST_NOT_THERE}", "TEST_NOT_THERE"),
        ("app_key: ${file:not_there.txt}", "not_there.txt"),
        ("app_key: ${file:.}", "cannot be read"),
    ],
)
def test_what_is_missing_is_named_with_its_place(tmp_path: Path, line: str, part: str) -> None:
    text = GOOD.replace("app_key: ${env:TEST_APP_KEY}", line)
    with pytest.raises(CredentialsError, match=part) as caught:
        production(tmp_path, text).resolved({})
    assert caught.value.position is not None
    assert caught.value.position.line == 6


def test_a_reference_can_stand_inside_a_text(tmp_path: Path) -> None:
    text = GOOD.replace("https://oapi.dingtalk.com", "https://${env:TEST_HOST}/x")
    (tmp_path / "secret.txt").write_text("s")
    resolved = production(tmp_path, text).resolved({"TEST_HOST": "erp.example", "TEST_APP_KEY": "k"})
    assert resolved.settings["base_url"] == "https://erp.example/x"


def keyring_with(password: str | None, *, broken: bool = False) -> dict[str, ModuleType]:
    errors = ModuleType("keyring.errors")
    errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]
    module = ModuleType("keyring")

    def get_password(service: str, name: str) -> str | None:
        if broken:
            raise errors.KeyringError("canary")
        assert (service, name) == ("erp/test", "secret")
        return password

    module.get_password = get_password  # type: ignore[attr-defined]
    return {"keyring": module, "keyring.errors": errors}


@pytest.mark.parametrize(
    ("modules", "error"),
    [
        (keyring_with("canary"), None),
        (keyring_with(None), CredentialsError),
        (keyring_with("x", broken=True), ConfigurationError),
        ({"keyring": None}, ConfigurationError),
    ],
)
def test_the_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modules: dict[str, Any], error: type[EngineError] | None
) -> None:
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    text = GOOD.replace("${file:secret.txt}", "${keyring:erp/test/secret}")
    connection = production(tmp_path, text)
    if error is None:
        assert connection.resolved({"TEST_APP_KEY": "k"}).secret("app_secret") == "canary"
        return
    with pytest.raises(error) as caught:
        connection.resolved({"TEST_APP_KEY": "k"})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "part"),
    [
        ("environments:", "enviroments:", 1, 1, "environments"),
        ("      connector: dingtalk", "      conector: dingtalk", 3, 5, "dingtalk"),
        ("connector: dingtalk", "connector: dingtak", 4, 18, "dingtalk"),
        ("app_key:", "appkey:", 6, 7, "app_key"),
        ("${env:TEST_APP_KEY}", "${evn:TEST_APP_KEY}", 6, 16, "env"),
        ("${env:TEST_APP_KEY}", "${env:TEST_APP_KEY", 6, 16, "brace"),
        ("https://oapi.dingtalk.com", "oapi.dingtalk.com", 3, 5, "https://"),
        ("per_month", "per_mont", 9, 49, "per_month"),
        ("per_month: 5000", "per_month: many", 9, 60, "number"),
        ("concurrency: 16", "concurrency: 1.5", 9, 79, "whole"),
        ("timeout: 2m", "timeout: soon", 9, 92, "120s"),
        ("timeout: 2m", "timeout: 0s", 9, 92, "longer"),
        ("per_second: 20", "per_second: -1", 9, 28, "above 0"),
        ("[FBillNo]", "[[FBillNo]]", 8, 16, "field names"),
        ("      params:", "      parms:", 13, 7, "params"),
        ("values:\n  production:", "values:\n  prodution:", 11, 3, "production"),
    ],
)
def test_a_mistake_is_placed_and_says_what_to_write(
    tmp_path: Path, old: str, new: str, line: int, column: int, part: str
) -> None:
    assert old in GOOD
    with pytest.raises(EngineError) as caught:
        load_settings(write(tmp_path, GOOD.replace(old, new, 1)))
    position = caught.value.position
    assert position is not None
    assert (position.line, position.column) == (line, column), caught.value
    assert part in str(caught.value)


@pytest.mark.parametrize(
    "text", ["- a", "environments: [a]", "environments: {production: 3}", "values: {a: {b: c}}", "{", "text"]
)
def test_another_shape_is_an_error_of_the_users(tmp_path: Path, text: str) -> None:
    with pytest.raises(EngineError):
        load_settings(write(tmp_path, text))


@pytest.mark.parametrize("text", ["", "environments:\n", "environments: {}\nvalues:\n", "values: {}\n"])
def test_an_empty_file_has_the_sandbox(tmp_path: Path, text: str) -> None:
    settings = load_settings(write(tmp_path, text))
    assert list(settings.environment().connections) == ["dingtalk", "kingdee", "tables"]


def test_without_a_file_there_is_the_sandbox() -> None:
    settings = load_settings(None)
    sandbox = settings.environment()
    assert sandbox.is_sandbox
    assert sandbox.connection("kingdee").unique == ("FBillNo",)
    assert sandbox.connection("dingtalk").simulator == {"seed": 1, "instances": 40}
    with pytest.raises(UsageError, match="production"):
        settings.environment("production")
    with pytest.raises(ConfigurationError, match="dingtalk"):
        sandbox.connection("dingtak")


def test_a_missing_setting_is_named_by_its_label(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="AppSecret"):
        production(tmp_path, GOOD.replace("      app_secret: ${file:secret.txt}\n", ""))


# --- the sandbox ----------------------------------------------------------------------------------------

SANDBOX = """\
environments:
  sandbox:
    dingtalk: {{connector: dingtalk, base_url: "{url}", app_key: k, app_secret: s}}
"""


@pytest.mark.parametrize(
    "url",
    [
        "https://oapi.dingtalk.com",
        "http://10.0.0.1:80",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example/",
    ],
)
def test_the_sandbox_reaches_nothing_beyond_this_machine(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="sandbox"):
        load_settings(write(tmp_path, SANDBOX.format(url=url)))


def test_nor_by_a_reference_nor_by_what_a_simulator_says(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, SANDBOX.format(url="${env:TEST_URL}")))
    connection = settings.environment().connection("dingtalk")
    with pytest.raises(ConfigurationError):
        connection.resolved({"TEST_URL": "https://oapi.dingtalk.com"})
    assert connection.resolved({"TEST_URL": "http://localhost:9"}).settings["base_url"]
    with pytest.raises(ConfigurationError):
        connection.with_settings({"base_url": "https://oapi.dingtalk.com"}, {})


@pytest.mark.parametrize(
    "url",
    [
        "oapi.dingtalk.com",
        "ftp://x",
        "http://",
        "http://x:y",
        "http://[::1",
        "http://a b/",
        "http://u:p@x/",
        "http://x?a=b",
    ],
)
def test_an_address_must_be_one(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        production(tmp_path, GOOD.replace("https://oapi.dingtalk.com", f'"{url}"'))
    text = GOOD.replace("https://oapi.dingtalk.com", "${env:TEST_URL}").replace("${file:secret.txt}", "s")
    with pytest.raises(ConfigurationError, match="base_url"):
        production(tmp_path, text).resolved({"TEST_URL": url, "TEST_APP_KEY": "k"})


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://localhost:1/x", True),
        ("http://127.0.0.1", True),
        ("http://127.8.9.1", True),
        ("http://[::1]:8080/", True),
        ("http://0.0.0.0", False),
        ("http://localhost.example", False),
        ("http://192.168.0.1", False),
        ("nonsense", False),
        ("http://[::1", False),
    ],
)
def test_what_this_machine_is(url: str, inside: bool) -> None:
    assert is_loopback(url) is inside


@pytest.mark.parametrize(
    ("sandbox", "unique", "given", "seconds"),
    [
        (False, False, None, 180.0),
        (False, True, None, 5.0),
        (True, False, None, 2.0),
        (True, True, None, 2.0),
        (True, True, 7.0, 7.0),
        (False, False, 0.0, 0.0),
    ],
)
def test_settle(sandbox: bool, unique: bool, given: float | None, seconds: float) -> None:
    assert Limits(settle=given).settle_for(sandbox=sandbox, unique=unique) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120s", 120), ("500ms", 0.5), ("2m", 120), ("1.5h", 5400), ("40d", 3456000)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "s", "1 week", "-3s", "1e3s", "٣s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse_duration(text)


def test_a_vendors_usual_rate_holds_where_none_is_given(tmp_path: Path) -> None:
    assert production(tmp_path, GOOD.replace("per_second: 20, ", "")).limits.per_second == Decimal(19)
    assert load_settings(None).environment().connection("dingtalk").limits.per_second == Decimal(19)


# --- finding, secrets -----------------------------------------------------------------------------------


def test_the_nearest_file_upward_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_connections(inner) is None or tmp_path not in (find_connections(inner) or tmp_path).parents
    outer_file = write(tmp_path, GOOD)
    assert find_connections(inner) == outer_file.resolve()
    inner_file = write(tmp_path / "a", GOOD)
    assert find_connections(inner) == inner_file.resolve()


def test_a_secret_shows_in_no_text_and_is_not_stored() -> None:
    secret = Secret("canary")
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>10}", repr({"a": [secret]})]
    assert not any("canary" in text for text in shown)
    assert secret.reveal() == "canary"
    assert secret == Secret("canary")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SchemeError, match=r"no_such\.yaml"):
        load_settings(tmp_path / "no_such.yaml")
    assert isinstance(load_settings(None), Settings)
