"""An integrator's folder: connections, schemes and tables, the two servers, and the command line."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from outside_dingtalk import BEIJING, Claim, DingTalk, expense_form
from outside_kingdee import Kingdee
from outside_serving import Loop

NOW = datetime.now(BEIJING).replace(microsecond=0)
ROW = {"id", "number", "scheme", "state", "class", "reason", "field", "label", "path", "file", "line"}
EXACT = ("fetched", "already", "delivered", "skipped", "waiting", "failed", "unknown", "pending")

SCHEME = """\
version: 1
id: expense_to_paybill
name: 钉钉费用报销 → 金蝶云星空付款单
params:
  process_code: {label: 审批流的唯一码, type: string, default: PROC-EXPENSE-SANDBOX}
  start_date:   {label: 从哪天发起的审批开始, type: date, default: "-100d"}
  go_live:      {label: 此前办结的报销不付, type: datetime, required: false}
  pay_org:      {label: 付款组织, type: string, default: "100"}

source:
  connection: dingtalk
  interface: topapi/processinstance/get
  request:
    process_code: "{{ params.process_code }}"
    size: 20
  window: {start: "{{ params.start_date }}", overlap: 24h}
  autoFillResponse: true
  id: "$.id"
  number: "$.extend.business_id"
  final: "{{ extend.status in ['COMPLETED', 'TERMINATED', 'CANCELED'] }}"
  where: "{{ extend.status == 'COMPLETED' and extend.result == 'agree' }}"
  hold: "{{ extend.biz_action != 'NONE' }}"

tables:
  expense_item: {file: tables/expense_item.csv, key: 费用明细, value: 费用项目编码, default: FYXM99_SYS}
  settle_type:  {values: {电汇: JSFS04_SYS, 现金: JSFS01_SYS}}
  employee:
    {connection: dingtalk, interface: topapi/v2/user/get, key: userid, value: job_number, keep: 1d}

target:
  connection: kingdee
  interface: batchSave
  form: AP_PAYBILL
  key: FBillNo
  batch: 20
  until: audit
  options: {IsVerifyBaseDataField: true}
  guard: {documents: 500, amount: "1000000", of: FPAYBILLENTRY.FPAYTOTALAMOUNTFOR}
  mapping:
    FBillNo: "DD{{ extend.business_id }}"
    FBillTypeID: FKDLX02_SYS
    FDATE: "{{ extend.finish_time | date }}"
    FPAYORGID: "{{ params.pay_org }}"
    FCONTACTUNITTYPE: BD_Empinfo
    FCONTACTUNIT: {value: "$.extend.originator_userid", lookup: employee}
    FREMARK: "$.title"
    FRECTUNITTYPE: BD_Empinfo
    FRECTUNIT: {value: "$.extend.originator_userid", lookup: employee}
    FCURRENCYID: PRE001
    FSETTLECUR: PRE001
    FPAYBILLENTRY:
      - each: "$.报销明细[*]"
        row:
          FSETTLETYPEID: JSFS04_SYS
          FPURPOSEID: SFKYT10_SYS
          FCOSTID: {value: "@.费用明细", lookup: expense_item}
          FPAYTOTALAMOUNTFOR: {value: "@.报销金额(元)", type: decimal, required: true}
          FCOMMENT: "{{ row.费用明细 }} {{ row.费用发生日期 }}"
      - each: "$.项目费用明细[*]"
        where: "{{ row['总金额'] is defined }}"
        row: {FPAYTOTALAMOUNTFOR: {value: "@.总金额", type: decimal}, FCOMMENT: 项目费用}
  checks:
    - that: "{{ total('FPAYBILLENTRY.FPAYTOTALAMOUNTFOR') == 总金额 | decimal }}"
      say: 明细合计与总金额不符

callback:
  scheme: paybill_writeback
  on: delivered
  data:
    {id: "$.id", business_id: "$.extend.business_id", originator_userid: "$.extend.originator_userid",
     name: "$.收款账号"}

tests:
  - name: two rows, one bill
    record: {file: tests/two_rows.json}
    tables: {employee: {"5237000000000001": E0031}}
    document: {FBillNo: DD202405081021000178717, FPAYBILLENTRY: [{FPAYTOTALAMOUNTFOR: "328.50"}, {}]}
  - name: a refused claim is left out
    record: {extend: {status: COMPLETED, result: refuse}}
    skipped: true
  - name: a claim without an amount fails, and says where
    record: {file: tests/no_amount.json}
    tables: {employee: {"5237000000000001": E0031}}
    error: FPAYTOTALAMOUNTFOR
"""

WRITEBACK = """\
version: 1
id: paybill_writeback
name: 付款单回写
params:
  comment_userid: {label: 评论人, type: string, default: finance01}
source:
  interface: callback
  id: "$.id"
  number: "$.business_id"
target:
  connection: dingtalk
  interface: topapi/process/instance/comment/add
  key: text
  mapping:
    process_instance_id: "$.id"
    comment_userid: "{{ params.comment_userid }}"
    text: "已付款，付款单号 {{ result.number }}，{{ result.amount | money }} 元"
"""

ITEMS = "费用明细,费用项目编码\n差旅费-市内交通,FYXM01_SYS\n办公费,FYXM05_SYS\n"


def record(rows: list[dict[str, str]], total: str) -> dict[str, Any]:
    """A flat record as the user's document has it."""
    return {
        "报销明细": rows,
        "项目费用明细": [],
        "总金额": total,
        "收款账号": "张三",
        "id": "F9aBcDeFgHiJkLmNoPqRsT03651715134893",
        "title": "张三提交的费用报销",
        "extend": {
            "create_time": "2024-05-08 10:21:33",
            "finish_time": "2024-05-08 15:40:09",
            "originator_userid": "5237000000000001",
            "originator_dept_id": "575403278",
            "status": "COMPLETED",
            "result": "agree",
            "business_id": "202405081021000178717",
            "originator_dept_name": "项目部-实施一组",
            "biz_action": "NONE",
        },
    }


@dataclass(frozen=True, slots=True)
class Result:
    """What a command did: its exit code and its two streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def counts(self) -> dict[str, int]:
        """A run's counts, of which the identity of promise 2 has been checked."""
        assert "counts" in self.json, self.out
        counts = self.json["counts"]
        assert set(counts) == set(EXACT), counts
        assert counts["fetched"] == sum(counts[name] for name in EXACT[1:]), counts
        return {name: counts[name] for name in EXACT}

    def few(self) -> dict[str, int]:
        """The counts that are not zero."""
        return {name: count for name, count in self.counts.items() if count}


class World:
    """A folder, two servers that the product has never seen, and the command line."""

    boot = "from engine.cli.main import run; run()"

    def __init__(self, folder: Path, loop: Loop) -> None:
        self.folder = folder
        self.loop = loop
        self.dingtalk = DingTalk()
        self.kingdee = Kingdee()
        self.now = NOW
        self.outputs: list[str] = []
        self._pinned: datetime | None = None
        self._made = 0

    def open(self) -> None:
        self.loop.do(self.dingtalk.start())
        self.loop.do(self.kingdee.start())
        self.write("schemes/expense_to_paybill.yaml", SCHEME)
        self.write("schemes/paybill_writeback.yaml", WRITEBACK)
        self.write("schemes/tables/expense_item.csv", ITEMS)
        row = {"费用发生日期": "2024-05-06", "报销金额(元)": "328.50", "费用明细": "差旅费-市内交通"}
        second = {"费用发生日期": "2024-05-07", "报销金额(元)": "96.00", "费用明细": "办公费"}
        lacking = {"费用发生日期": "2024-05-07", "费用明细": "办公费"}
        self.write_json("schemes/tests/two_rows.json", record([row, second], "424.50"))
        self.write_json("schemes/tests/no_amount.json", record([lacking], "424.50"))
        self.connect()
        for n in range(1, 6):
            self.employ(f"52370000000000{n:02d}", f"E00{30 + n}")

    def close(self) -> None:
        self.loop.do(self.dingtalk.stop())
        self.loop.do(self.kingdee.stop())

    # --- the integrator's files -----------------------------------------------------------------------

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def write_json(self, name: str, value: Any) -> Path:
        return self.write(name, json.dumps(value, ensure_ascii=False, indent=1))

    def scheme(self, *changes: tuple[str, str], name: str = "expense_to_paybill") -> None:
        """Write the example scheme with some texts replaced, each of which must be there."""
        text = WRITEBACK if name == "paybill_writeback" else SCHEME
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        self.write(f"schemes/{name}.yaml", text)

    def without_callback(self, *changes: tuple[str, str]) -> None:
        start, end = SCHEME.index("callback:"), SCHEME.index("tests:")
        self.scheme((SCHEME[start:end], ""), *changes)

    def connect(
        self,
        *,
        auth: str = "signature",
        unique: bool = True,
        ding: dict[str, Any] | None = None,
        kd: dict[str, Any] | None = None,
        values: dict[str, Any] | None = None,
        settle: str = "0.3s",
        timeout: str = "3s",
        senders: int = 1,
    ) -> None:
        """Write connections.yaml: an environment `company` on the two servers, as design §8 shows it."""
        dingtalk = {
            "connector": "dingtalk",
            "base_url": f"http://127.0.0.1:{self.dingtalk.port}",
            "api_base_url": f"http://127.0.0.1:{self.dingtalk.port}",
            "app_key": self.dingtalk.app_key,
            "app_secret": "${env:OUTSIDE_DING_SECRET}",
            "limits": {"per_second": 2000, "concurrency": 8, "timeout": timeout, "settle": "0.3s"},
        } | (ding or {})
        kingdee = {
            "connector": "kingdee",
            "base_url": f"http://127.0.0.1:{self.kingdee.port}/k3cloud/",
            "auth": auth,
            "acct_id": self.kingdee.acct_id,
            "username": self.kingdee.username,
            "lcid": 2052,
            "org_num": "100",
            "limits": {"concurrency": senders, "timeout": timeout, "settle": settle, "per_second": 1000},
        }
        if auth == "validate_user":
            kingdee["password"] = self.kingdee.password
        else:
            kingdee |= {"app_id": self.kingdee.app_id, "app_secret": "${env:OUTSIDE_KD_SECRET}"}
        if unique:
            kingdee["unique"] = ["FBillNo"]
        self.kingdee.unique = unique
        kingdee |= kd or {}
        found = (
            {"params": {"process_code": "PROC-EXPENSE-SANDBOX", "start_date": "-100d"}}
            if values is None
            else values
        )
        self.write_json(
            "connections.yaml",
            {
                "environments": {"company": {"dingtalk": dingtalk, "kingdee": kingdee}},
                "values": {"company": {"expense_to_paybill": found}},
            },
        )

    # --- the company ----------------------------------------------------------------------------------

    def employ(self, userid: str, job: str) -> None:
        self.dingtalk.users[userid] = {"userid": userid, "name": "员工", "job_number": job}
        self.kingdee.codes.add(job)

    def claim(
        self, amount: str = "100.00", *, days_ago: float = 3, rows: list[str] | None = None, **more: Any
    ) -> Claim:
        """File a claim of one row, or of several, and return it; agreed unless `more` says otherwise."""
        self._made += 1
        n = self._made
        created = self.now - timedelta(days=days_ago) + timedelta(seconds=n)
        sums = rows or [amount]
        total = str(sum(_cents(text) for text in sums) / 100) if rows else amount
        form = more.pop("form", None) or expense_form(
            [("办公费", "2024-05-06", text) for text in sums], total
        )
        instance = secrets.token_hex(11) + f"{n:04d}" + str(int(created.timestamp()))
        claim = Claim(
            instance,
            created,
            created.strftime("%Y%m%d%H%M") + f"{n:09d}",
            userid=more.pop("userid", f"52370000000000{n % 5 + 1:02d}"),
            components=form,
            **more,
        )
        return self.dingtalk.add(claim)

    def claims(self, count: int, **more: Any) -> list[Claim]:
        return [self.claim(f"{100 + n}.{n % 100:02d}", **more) for n in range(count)]

    def at(self, later: timedelta) -> None:
        """Move everybody's clock to so long after the present."""
        self.dingtalk.offset = self.kingdee.offset = later.total_seconds()
        self._pinned = datetime.now(BEIJING) + later

    def pause(self, seconds: float) -> None:
        """Let real time pass."""
        self.loop.do(asyncio.sleep(seconds))

    # --- the command line -----------------------------------------------------------------------------

    def engine(self, *arguments: str, env: str | None = "company", **environment: str) -> Result:
        """Run a command in this process, as the console script would."""
        from engine.cli.main import run

        out, err = io.StringIO(), io.StringIO()
        code: Any = 0
        settings = self.environment(env) | environment
        with (
            _environ(settings),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                run(list(arguments))
            except SystemExit as end:
                code = end.code
        return self._kept(Result(int(code or 0), out.getvalue(), err.getvalue()))

    def run(self, *arguments: str, scheme: str = "expense_to_paybill", **more: Any) -> Result:
        """engine run --json."""
        return self.engine("run", scheme, "--json", *arguments, **more)

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        """The rows of engine records list --json."""
        found = self.engine("records", "list", "expense_to_paybill", "--json", *arguments)
        assert found.code == 0, found.err
        rows: list[dict[str, Any]] = found.json["records"]
        assert all(set(row) == ROW for row in rows)
        return rows

    def spawn(self, *arguments: str, env: str | None = "company") -> subprocess.Popen[str]:
        """Start a command as a process of its own, whose kill the servers can trigger."""
        process = subprocess.Popen(
            [sys.executable, "-c", self.boot, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment(env)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

        def kill() -> None:
            process.send_signal(signal.SIGKILL)

        self.dingtalk.on_kill = self.kingdee.on_kill = kill
        return process

    def finish(self, process: subprocess.Popen[str], timeout: float = 60) -> Result:
        out, err = process.communicate(timeout=timeout)
        return self._kept(Result(process.returncode, out, err))

    def environment(self, env: str | None) -> dict[str, str]:
        given = {
            "ENGINE_LANG": "en",
            "OUTSIDE_DING_SECRET": self.dingtalk.app_secret,
            "OUTSIDE_KD_SECRET": self.kingdee.app_secret,
        }
        if env:
            given["ENGINE_ENV"] = env
        if self._pinned:
            given["ENGINE_NOW"] = self._pinned.isoformat()
        return given

    def _kept(self, result: Result) -> Result:
        assert "Traceback" not in result.err + result.out, result.err
        self.outputs.append(result.out + result.err)
        return result


def _cents(text: str) -> int:
    whole, _, part = text.replace(",", "").partition(".")
    return int(whole) * 100 + int((part + "00")[:2])


@contextlib.contextmanager
def _environ(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in ("ENGINE_NOW", "ENGINE_ENV", "ENGINE_CONNECTIONS", "ENGINE_LEDGER"):
        os.environ.pop(name, None)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
