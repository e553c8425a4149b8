"""Signatures against the vectors of the reference and against the vendor's own SDK."""

from __future__ import annotations

import base64
from types import SimpleNamespace

import k3cloud_webapi_sdk.core.webapi_client as sdk_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from k3cloud_webapi_sdk.main import K3CloudApiSdk

from connectors.kingdee.sign import AppIdentity, client_credentials, login_sign, sdk_headers

SAVE = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.Save.common.kdsvc"
DEMO = AppIdentity(
    acct_id="acct-demo",
    username="集成用户",
    app_id="100001_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    app_secret="0123456789abcdef0123456789abcdef",
    lcid=2052,
    org_num="100",
)


def test_the_headers_of_the_vector() -> None:
    headers = sdk_headers(DEMO, f"http://127.0.0.1:8080/k3cloud/{SAVE}", 1700000000)
    assert client_credentials(DEMO.app_id) == ("100001", "MDE3N2I2PzBrPzg4OD45N3IhK3B1InIk")
    assert headers["X-Kd-Appdata"] == "YWNjdC1kZW1vLOmbhuaIkOeUqOaItywyMDUyLDEwMA=="
    assert headers["X-Api-Signature"] == (
        "NzI2MjZlOGJiNjBiYTJkYzM3NTU3NTI0ZGE3YWY4MDhmMDNhMmZmOTc0ZGI4ZWJiYjg0NWFiYWFiNzIwZTczNg=="
    )
    assert headers["X-Kd-Signature"] == (
        "M2ExMjNiOTBiMTg1YmYxMmM5NjFjZmJlM2ZmYzgxNTIyMjMyMjgzZDVhMDkzOWViZDhlNmE3NGJlN2M0YTkyNw=="
    )


def test_the_login_sign_of_the_vector() -> None:
    identity = AppIdentity("acct1", "demo", "1_abc", "secret", 2052, "0")
    assert login_sign(identity, 1700000000) == (
        "dbda05a5a6ce60d16330bb3b59e07d96e3ef7681f0f53c85c4186ac408bdb1c7"
    )


app_ids = st.builds(
    lambda client, raw: f"{client}_{base64.b64encode(raw).decode()}",
    st.integers(1, 999999),
    st.binary(min_size=24, max_size=24),
)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@given(
    acct=words,
    user=words,
    app_id=app_ids,
    secret=words,
    base=st.sampled_from(
        ["http://127.0.0.1:9/k3cloud/", "https://erp.example.com/K3Cloud", "http://a.cn/金蝶/"]
    ),
    at=st.integers(1_600_000_000, 1_900_000_000),
)
def test_the_sdk_signs_the_same(acct: str, user: str, app_id: str, secret: str, base: str, at: int) -> None:
    sdk = K3CloudApiSdk(base)
    sdk.InitConfig(acct, user, app_id, secret, base, org_num=100)
    url = f"{base.rstrip('/')}/{SAVE}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sdk_client, "time", SimpleNamespace(time=lambda: at + 0.7))
        theirs = sdk.BuildHeader(url)
    identity = AppIdentity(acct, user, app_id, secret, 2052, "100")
    ours = sdk_headers(identity, url, at)
    assert {name: theirs[name] for name in theirs if name.lower().startswith("x-")} == ours


@pytest.mark.parametrize("app_id", ["", "plain", "a_b_c", "1_short", "1_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"])
def test_an_app_id_of_another_shape_still_signs(app_id: str) -> None:
    identity = AppIdentity("acct", "user", app_id, "secret", 2052, "0")
    assert sdk_headers(identity, "http://erp/k3cloud/x", 1)["X-Kd-Signature"]


def test_the_secret_is_not_shown() -> None:
    assert DEMO.app_secret not in repr(DEMO)
