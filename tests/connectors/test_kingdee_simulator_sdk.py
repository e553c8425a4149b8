"""The vendor's own Python SDK as a client of the simulator (reference §3)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import k3cloud_webapi_sdk.core.webapi_client as sdk_client
import pytest
from k3cloud_webapi_sdk.main import K3CloudApiSdk

from engine.connector.simulator.serve import SimulatorSpec, serving

MODEL = {
    "FBillNo": "DD-7",
    "FBillTypeID": {"FNUMBER": "FKDLX02_SYS"},
    "FDATE": "2025-03-01 00:00:00",
    "FCONTACTUNITTYPE": "BD_Empinfo",
    "FCONTACTUNIT": {"FNumber": "E0031"},
    "FRECTUNITTYPE": "BD_Empinfo",
    "FRECTUNIT": {"FNumber": "E0031"},
    "FCURRENCYID": {"FNumber": "PRE001"},
    "FSETTLECUR": {"FNUMBER": "PRE001"},
    "FPAYORGID": {"FNumber": "100"},
    "FPAYBILLENTRY": [
        {
            "FSETTLETYPEID": {"FNumber": "JSFS04_SYS"},
            "FPURPOSEID": {"FNumber": "SFKYT10_SYS"},
            "FPAYTOTALAMOUNTFOR": 860.5,
            "FCOSTID": {"FNUMBER": "FYXM11_SYS"},
        }
    ],
}


@contextmanager
def served(folder: Path, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The simulator on a free port, in a thread of its own; gives its announcement."""
    spec = SimulatorSpec("kingdee", "connectors.kingdee.simulator:KingdeeSimulator", settings)
    loop, told, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found: dict[str, Any] = {}

    async def serve() -> None:
        async with serving(folder, [spec]) as simulators:
            one = simulators["kingdee"]
            found.update(one.simulator.announcement(one.base_url))
            told.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert told.wait(10)
        yield found
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with served(tmp_path_factory.mktemp("kingdee"), {"gateway": True, "link_validity": "10m"}) as found:
        yield found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK waits a second before each look at a task."""
    real = sdk_client.time
    monkeypatch.setattr(sdk_client, "time", SimpleNamespace(time=real.time, sleep=lambda seconds: None))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


def client(site: dict[str, Any], **changes: Any) -> K3CloudApiSdk:
    given = {**site, **changes}
    sdk = K3CloudApiSdk(given["base_url"])
    sdk.InitConfig(
        given["acct_id"],
        given["username"],
        given["app_id"],
        given["app_secret"],
        given["base_url"],
        org_num=100,
    )
    return sdk


def status(answer: str) -> dict[str, Any]:
    return json.loads(answer)["Result"]["ResponseStatus"]  # type: ignore[no-any-return]


def test_a_bill_goes_from_save_to_audit_and_is_found(site: dict[str, Any]) -> None:
    sdk = client(site)
    saved = json.loads(sdk.Save("AP_PAYBILL", {"IsVerifyBaseDataField": "true", "Model": MODEL}))["Result"]
    assert saved["ResponseStatus"]["IsSuccess"]
    assert (saved["Number"], isinstance(saved["Id"], int)) == ("DD-7", True)

    for call in (sdk.Submit, sdk.Audit):
        done = status(call("AP_PAYBILL", {"Ids": str(saved["Id"])}))
        assert done["SuccessEntitys"] == [{"Id": saved["Id"], "Number": "DD-7", "DIndex": 0}]

    rows = sdk.ExecuteBillQuery(
        {
            "FormId": "AP_PAYBILL",
            "FieldKeys": "FID,FBillNo,FDocumentStatus,FRECTUNIT.FNumber,FRECTUNIT.FName,FPAYTOTALAMOUNTFOR",
            "FilterString": "FBillNo='DD-7'",
        }
    )
    assert json.loads(rows) == [[saved["Id"], "DD-7", "C", "E0031", "张三", 860.5]]
    assert json.loads(sdk.View("AP_PAYBILL", {"Number": "DD-7"}))["Result"]["Result"]["DocumentStatus"] == "C"


def test_one_session_serves_all_calls_of_a_client(site: dict[str, Any]) -> None:
    sdk = client(site)
    query = {"FormId": "BD_Currency", "FieldKeys": "FNumber", "FilterString": "FNumber='PRE001'"}
    assert json.loads(sdk.ExecuteBillQuery(query)) == [["PRE001"]]
    first = sdk.cookiesStore.SID
    assert json.loads(sdk.ExecuteBillQuery(query)) == [["PRE001"]]
    assert first
    assert first == sdk.cookiesStore.SID


def test_a_batch_keeps_what_went_through(site: dict[str, Any]) -> None:
    models = [{**MODEL, "FBillNo": "DD-8"}, {**MODEL, "FBillNo": "DD-8"}, {**MODEL, "FBillNo": "DD-9"}]
    answer = status(client(site).BatchSave("AP_PAYBILL", {"Model": models}))
    assert not answer["IsSuccess"]
    assert answer["MsgCode"] == 11
    assert [(one["Number"], one["DIndex"]) for one in answer["SuccessEntitys"]] == [("DD-8", 0), ("DD-9", 2)]
    assert answer["Errors"] == [
        {
            "FieldName": "FBillNo",
            "Message": "违反字段唯一性要求：编码唯一。[DD-8]在当前系统中已经被使用。",
            "DIndex": 1,
        }
    ]


def test_a_batch_is_polled_for(site: dict[str, Any]) -> None:
    answer = client(site).BatchSaveQuery("AP_PAYBILL", {"Model": [{**MODEL, "FBillNo": "DD-10"}]})
    assert status(answer)["SuccessEntitys"][0]["Number"] == "DD-10"


@pytest.mark.parametrize(
    "changes",
    [
        {"app_secret": "0123456789abcdef0123456789abcdef"},
        {"username": "别人"},
        {"acct_id": "elsewhere"},
        {"app_id": "100001_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"},
    ],
)
def test_what_is_wrongly_signed_is_a_lost_session(site: dict[str, Any], changes: dict[str, str]) -> None:
    sdk = client(site, **changes)
    answer = status(sdk.Save("AP_PAYBILL", {"Model": {**MODEL, "FBillNo": "DD-never"}}))
    assert (answer["IsSuccess"], answer["MsgCode"]) == (False, 1)
    query = {"FormId": "AP_PAYBILL", "FieldKeys": "FID", "FilterString": "FBillNo='DD-never'"}
    assert json.loads(client(site).ExecuteBillQuery(query)) == []
    assert json.loads(sdk.ExecuteBillQuery(query))[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 1


def test_the_data_centres_and_metadata_are_shown(site: dict[str, Any]) -> None:
    sdk = client(site)
    assert json.loads(sdk.GetDataCenters())[0]["Id"] == site["acct_id"]
    info = json.loads(sdk.QueryBusinessInfo({"FormId": "AP_PAYBILL"}))["Result"]["NeedReturnData"]
    entry = next(one for one in info["Entrys"] if one["Key"] == "FPAYBILLENTRY")
    amount = next(one for one in entry["Fields"] if one["Key"] == "FPAYTOTALAMOUNTFOR")
    assert (amount["Name"][0]["Value"], amount["ElementType"]) == ("应付金额", "Decimal")


@pytest.mark.parametrize("call", [lambda sdk: sdk.Push, lambda sdk: sdk.Allocate])
def test_what_the_sandbox_does_not_play_says_so(
    site: dict[str, Any], call: Callable[[K3CloudApiSdk], Callable[[str, Any], str]]
) -> None:
    assert status(call(client(site))("AP_PAYBILL", {}))["MsgCode"] == 12
