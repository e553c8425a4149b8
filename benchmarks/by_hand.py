"""The job as a programmer writes it: aiohttp, orjson, sqlite3, and none of the engine.

    python -m benchmarks.by_hand BASE_URL LEDGER|- [--readers N] [--windows N] [--senders N] [--batch N]

Lists, gets, asks by key, saves, submits and audits what `schemes/expense_to_paybill.yaml` would; a SQLite
ledger with two durable commits a batch (`-`: none at all). It forgives nothing: no retries, no limits, no
words for what goes wrong. That is what the engine is measured against.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import orjson

ROOT = Path(__file__).parents[1]
DAYS = 100
Record = dict[str, Any]


class Ledger:
    """Which bills were going to be sent, and which were: enough to ask for, after a crash."""

    def __init__(self, path: str) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE bills "
            "(id TEXT PRIMARY KEY, number TEXT UNIQUE, state TEXT, bill TEXT, target_id TEXT)"
        )

    async def write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Carry out a statement for each row, durably."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self._write, statement, rows)

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(statement, rows)
        self._db.execute("COMMIT")


class Job:
    """One run."""

    def __init__(self, base: str, ledger: Ledger | None, http: aiohttp.ClientSession, size: int) -> None:
        self._base = base
        self._ledger = ledger
        self._http = http
        self._size = size
        self._found: asyncio.Queue[str | None] = asyncio.Queue(1000)
        self._bills: asyncio.Queue[tuple[str, Record] | None] = asyncio.Queue(1000)
        self._token = ""
        self._employees: dict[str, str] = {}
        self._tables = {
            "expense_item": _table("expense_item", 1),
            "department": _table("department", 2),
            "bank_account": _table("bank_account", 1),
        }
        self.listed = self.sent = 0

    async def run(self, windows: int, readers: int, senders: int) -> None:
        """List in several windows, get with several readers, deliver with several senders."""
        self._token = (await self._get("/gettoken?appkey=k&appsecret=s"))["access_token"]
        end = time.time() - 5
        step = DAYS * 86_400 / windows
        edges = [
            (end - DAYS * 86_400 + n * step, end - DAYS * 86_400 + (n + 1) * step) for n in range(windows)
        ]
        async with asyncio.TaskGroup() as group:
            listing = [group.create_task(self._list(start, stop)) for start, stop in edges]
            reading = [group.create_task(self._read()) for _ in range(readers)]
            for _ in range(senders):
                group.create_task(self._send())
            await asyncio.gather(*listing)
            for _ in reading:
                await self._found.put(None)
            await asyncio.gather(*reading)
            for _ in range(senders):
                await self._bills.put(None)

    async def _get(self, path: str) -> Any:
        async with self._http.get(self._base + path) as answer:
            return orjson.loads(await answer.read())

    async def _ding(self, path: str, body: Record) -> Any:
        async with self._http.post(
            f"{self._base}/{path}?access_token={self._token}", data=orjson.dumps(body)
        ) as answer:
            found = orjson.loads(await answer.read())
        if found["errcode"]:
            raise RuntimeError(found)
        return found

    async def _kingdee(self, method: str, body: Record) -> Any:
        url = f"{self._base}/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.{method}.common.kdsvc"
        async with self._http.post(url, data=orjson.dumps(body, default=_number)) as answer:
            return orjson.loads(await answer.read())

    # --- reading --------------------------------------------------------------------------------------------

    async def _list(self, start: float, end: float) -> None:
        cursor: int | None = 0
        while cursor is not None:
            body = {
                "process_code": "PROC",
                "start_time": int(start * 1000),
                "end_time": int(end * 1000),
                "size": 20,
                "cursor": cursor,
            }
            page = (await self._ding("topapi/processinstance/listids", body))["result"]
            self.listed += len(page["list"])
            for id_ in page["list"]:
                await self._found.put(id_)
            cursor = page.get("next_cursor")

    async def _read(self) -> None:
        while (id_ := await self._found.get()) is not None:
            body = {"process_instance_id": id_}
            claim = (await self._ding("topapi/processinstance/get", body))["process_instance"]
            if (
                claim["status"] == "COMPLETED"
                and claim["result"] == "agree"
                and claim["biz_action"] == "NONE"
            ):
                await self._bills.put((id_, await self._bill(claim)))

    async def _employee(self, userid: str) -> str:
        if userid not in self._employees:
            found = await self._ding("topapi/v2/user/get", {"userid": userid, "language": "zh_CN"})
            self._employees[userid] = found["result"]["job_number"]
        return self._employees[userid]

    async def _bill(self, claim: Record) -> Record:
        form: Record = {}
        ext: Record = {}
        for part in claim["form_component_values"]:
            value = part.get("value")
            if part["component_type"] == "TableField":
                rows = orjson.loads(value) if value else []
                value = [
                    {cell["label"]: cell["value"] for cell in row["rowValue"]}
                    for row in rows
                    if "rowValue" in row
                ]
            form[part["name"]] = None if value == "null" else value
            if "ext_value" in part:
                ext[part["name"]] = orjson.loads(part["ext_value"])
        employee = {"FNumber": await self._employee(claim["originator_userid"])}
        org = {"FNumber": "100"}
        bill: Record = {
            "FBillNo": "DD" + claim["business_id"],
            "FBillTypeID": {"FNUMBER": "FKDLX02_SYS"},
            "FDATE": claim["finish_time"][:10],
            "FPAYORGID": org,
            "FSETTLEORGID": org,
        }
        department = self._tables["department"].get(claim["originator_dept_id"], "")
        if department:
            bill["FDepartment"] = {"FNumber": department}
        bill["FCONTACTUNITTYPE"] = "BD_Empinfo"
        bill["FCONTACTUNIT"] = employee
        bill["FRECTUNITTYPE"] = "BD_Empinfo"
        bill["FRECTUNIT"] = employee
        bill["FCURRENCYID"] = {"FNumber": "PRE001"}
        bill["FSETTLECUR"] = {"FNUMBER": "PRE001"}
        words = [claim["title"], *map(form.get, ("报销类别", "行政报销类型", "项目报销类型", "费用归属项目"))]
        bill["FREMARK"] = " / ".join([word for word in words if word])[:255]
        way = form.get("公司帐号付款(如需公司帐号付款请选择)")
        settled = _SETTLE.get(way.strip(), "JSFS04_SYS") if way else "JSFS04_SYS"
        name = form.get("收款账号")
        account = (ext.get("收款账号") or {}).get("cardNo") or self._tables["bank_account"].get(
            name or "", ""
        )
        total = Decimal(0)
        rows = []
        for table, paid in (("报销明细", "报销金额(元)"), ("项目费用明细", "总金额")):
            for line in form[table]:
                amount = Decimal(line[paid].replace(",", ""))
                total += amount
                item = line.get("费用明细") or ""
                row: Record = {
                    "FSETTLETYPEID": {"FNumber": settled},
                    "FPURPOSEID": {"FNumber": "SFKYT10_SYS"},
                    "FCOSTID": {"FNUMBER": self._tables["expense_item"].get(item, "FYXM99_SYS")},
                    "FPAYTOTALAMOUNTFOR": amount,
                }
                if name:
                    row["FOPPOSITECCOUNTNAME"] = name
                if account:
                    row["FOPPOSITEBANKACCOUNT"] = account
                row["FCOMMENT"] = f"{item[:200]} {line.get('费用发生日期') or ''}"
                rows.append(row)
        if not rows or total != Decimal(form["总金额"].replace(",", "")):
            raise ValueError(claim["business_id"])
        bill["FPAYBILLENTRY"] = rows
        return bill

    # --- sending --------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        ended = False
        while not ended:
            batch: list[tuple[str, Record]] = []
            while len(batch) < self._size:
                one = await self._bills.get()
                if one is None:
                    ended = True
                    break
                batch.append(one)
            if batch:
                await self._deliver(batch)

    async def _deliver(self, batch: list[tuple[str, Record]]) -> None:
        numbers = [bill["FBillNo"] for _, bill in batch]
        quoted = ",".join(f"'{number}'" for number in numbers)
        data = {
            "FormId": "AP_PAYBILL",
            "FieldKeys": "FID,FBillNo,FDocumentStatus",
            "FilterString": f"FBillNo in ({quoted})",
            "OrderString": "FID",
            "TopRowCount": 0,
            "StartRow": 0,
            "Limit": 2000,
        }
        there = {row[1] for row in await self._kingdee("ExecuteBillQuery", {"data": data})}
        batch = [one for one in batch if one[1]["FBillNo"] not in there]
        if not batch:
            return
        if self._ledger:
            await self._ledger.write(
                "INSERT INTO bills (id, number, state, bill) VALUES (?, ?, 'sending', ?)",
                [(id_, bill["FBillNo"], orjson.dumps(bill, default=_number).decode()) for id_, bill in batch],
            )
        model = [bill for _, bill in batch]
        saved = _done(
            await self._kingdee(
                "BatchSave",
                {"formid": "AP_PAYBILL", "data": {"IsVerifyBaseDataField": "true", "Model": model}},
            )
        )
        ids = ",".join(str(one["Id"]) for one in saved)
        for method in ("Submit", "Audit"):
            _done(await self._kingdee(method, {"formid": "AP_PAYBILL", "data": {"Ids": ids}}))
        if self._ledger:
            await self._ledger.write(
                "UPDATE bills SET state = 'done', target_id = ? WHERE number = ?",
                [(str(one["Id"]), one["Number"]) for one in saved],
            )
        self.sent += len(saved)


_SETTLE = {"转账支票": "JSFS03_SYS", "现金支票": "JSFS02_SYS", "现金": "JSFS01_SYS"}


def _done(answer: Any) -> list[Record]:
    status = answer["Result"]["ResponseStatus"]
    if not status["IsSuccess"]:
        raise RuntimeError(status)
    return list(status["SuccessEntitys"])


def _number(value: Any) -> Any:
    return orjson.Fragment(format(value, "f"))


def _table(name: str, column: int) -> dict[str, str]:
    with (ROOT / f"schemes/tables/{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(line for line in file if not line.startswith("#"))
        next(lines)
        return {line[0].strip(): line[column].strip() for line in lines if line}


async def _main(given: argparse.Namespace) -> None:
    ledger = None if given.ledger == "-" else Ledger(given.ledger)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        job = Job(given.base, ledger, http, given.batch)
        await job.run(given.windows, given.readers, given.senders)
    print(json.dumps({"fetched": job.listed, "delivered": job.sent}))


def main() -> None:
    """Do the job once."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("base")
    reader.add_argument("ledger")
    reader.add_argument("--windows", type=int, default=8)
    reader.add_argument("--readers", type=int, default=32)
    reader.add_argument("--senders", type=int, default=8)
    reader.add_argument("--batch", type=int, default=20)
    asyncio.run(_main(reader.parse_args()))


if __name__ == "__main__":
    main()
