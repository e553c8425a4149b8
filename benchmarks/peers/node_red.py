"""The whole job as a Node-RED flow: list, get, look up the person, map, ask by key, save, submit, audit.

It is what somebody would draw: HTTP request nodes that keep their connections, function nodes between them,
queues in the flow's context so that no more than so many calls are under way. It keeps no ledger, and ends
when all is done.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

__all__ = ["flows", "write"]

TABLES = Path(__file__).parents[2] / "schemes/tables"
WINDOWS = 8
COLUMNS = (("expense_item", 1), ("department", 2), ("bank_account", 1))

BEGIN = """
const end = Date.now() - 5000, step = DAYS * 86400000 / WINDOWS;
flow.set('state', {ids: [], getting: 0, listing: WINDOWS, bills: [], sending: 0, people: {}});
for (let n = 0; n < WINDOWS; n++) {
  const start = Math.floor(end - (n + 1) * step), stop = Math.floor(end - n * step);
  node.send({start, stop, cursor: 0});
}
"""
LIST = """
msg.method = 'POST';
msg.url = BASE + '/topapi/processinstance/listids?access_token=token';
msg.payload = {process_code: 'PROC', start_time: msg.start, end_time: msg.stop, size: 20, cursor: msg.cursor};
return msg;
"""
PAGE = """
const state = flow.get('state'), page = msg.payload.result;
state.ids.push(...page.list);
if (page.next_cursor === undefined) state.listing--;
else node.send([{start: msg.start, stop: msg.stop, cursor: page.next_cursor}, null]);
return [null, {}];
"""
GET = """
const state = flow.get('state'), out = [];
while (state.getting < READERS && state.ids.length) {
  state.getting++;
  const id = state.ids.shift();
  out.push({id, method: 'POST', url: BASE + '/topapi/processinstance/get?access_token=token',
            payload: {process_instance_id: id}});
}
const over = !state.listing && !state.getting && !state.ids.length;
return [out, over ? {} : null];
"""
JUDGE = """
const claim = msg.payload.process_instance, state = flow.get('state');
if (claim.status !== 'COMPLETED' || claim.result !== 'agree' || claim.biz_action !== 'NONE') {
  state.getting--;
  return [null, null, {}];
}
msg.claim = claim;
if (state.people[claim.originator_userid]) return [msg, null, null];
msg.url = BASE + '/topapi/v2/user/get?access_token=token';
msg.payload = {userid: claim.originator_userid, language: 'zh_CN'};
return [null, msg, null];
"""
PERSON = """
flow.get('state').people[msg.claim.originator_userid] = msg.payload.result.job_number;
return msg;
"""
MAP = """
const claim = msg.claim, form = {}, ext = {}, state = flow.get('state');
for (const part of claim.form_component_values) {
  let value = part.value;
  if (part.component_type === 'TableField')
    value = (value ? JSON.parse(value) : []).filter(row => 'rowValue' in row)
      .map(row => Object.fromEntries(row.rowValue.map(cell => [cell.label, cell.value])));
  form[part.name] = value === 'null' ? null : value;
  if (part.ext_value !== undefined) ext[part.name] = JSON.parse(part.ext_value);
}
const employee = {FNumber: state.people[claim.originator_userid]}, org = {FNumber: '100'};
const bill = {
  FBillNo: 'DD' + claim.business_id, FBillTypeID: {FNUMBER: 'FKDLX02_SYS'},
  FDATE: claim.finish_time.slice(0, 10), FPAYORGID: org, FSETTLEORGID: org,
};
const department = TABLES.department[claim.originator_dept_id];
if (department) bill.FDepartment = {FNumber: department};
Object.assign(bill, {
  FCONTACTUNITTYPE: 'BD_Empinfo', FCONTACTUNIT: employee, FRECTUNITTYPE: 'BD_Empinfo', FRECTUNIT: employee,
  FCURRENCYID: {FNumber: 'PRE001'}, FSETTLECUR: {FNUMBER: 'PRE001'},
});
bill.FREMARK = [claim.title, form['报销类别'], form['行政报销类型'], form['项目报销类型'],
  form['费用归属项目']]
  .filter(Boolean).join(' / ').slice(0, 255);
const settle = {'转账支票': 'JSFS03_SYS', '现金支票': 'JSFS02_SYS', '现金': 'JSFS01_SYS'};
const way = (form['公司帐号付款(如需公司帐号付款请选择)'] || '').trim();
const name = form['收款账号'];
const account = (ext['收款账号'] || {}).cardNo || TABLES.bank_account[name] || '';
const cents = text => Math.round(Number(text.replaceAll(',', '')) * 100);
let total = 0;
bill.FPAYBILLENTRY = [];
for (const [table, paid] of [['报销明细', '报销金额(元)'], ['项目费用明细', '总金额']])
  for (const line of form[table]) {
    const item = line['费用明细'] || '';
    total += cents(line[paid]);
    const row = {
      FSETTLETYPEID: {FNumber: settle[way] || 'JSFS04_SYS'}, FPURPOSEID: {FNumber: 'SFKYT10_SYS'},
      FCOSTID: {FNUMBER: TABLES.expense_item[item] || 'FYXM99_SYS'},
      FPAYTOTALAMOUNTFOR: cents(line[paid]) / 100,
    };
    if (name) row.FOPPOSITECCOUNTNAME = name;
    if (account) row.FOPPOSITEBANKACCOUNT = account;
    row.FCOMMENT = item.slice(0, 200) + ' ' + (line['费用发生日期'] || '');
    bill.FPAYBILLENTRY.push(row);
  }
if (!total || total !== cents(form['总金额'])) { node.error('total: ' + claim.business_id); return null; }
state.bills.push(bill);
state.getting--;
return [{}, {}];
"""
BATCH = """
const state = flow.get('state'), out = [];
const over = !state.listing && !state.getting && !state.ids.length;
while (state.sending < SENDERS && (state.bills.length >= SIZE || (over && state.bills.length))) {
  state.sending++;
  const bills = state.bills.splice(0, SIZE), quoted = bills.map(bill => `'${bill.FBillNo}'`).join(',');
  out.push({bills, method: 'POST', url: KINGDEE + 'ExecuteBillQuery.common.kdsvc', payload: {data: {
    FormId: 'AP_PAYBILL', FieldKeys: 'FID,FBillNo,FDocumentStatus', FilterString: `FBillNo in (${quoted})`,
    OrderString: 'FID', TopRowCount: 0, StartRow: 0, Limit: 2000}}});
}
if (over && !state.sending) global.get('end')();
return [out];
"""
SAVE = """
const there = new Set(msg.payload.map(row => row[1]));
const model = msg.bills.filter(bill => !there.has(bill.FBillNo));
if (!model.length) { flow.get('state').sending--; return [null, {}]; }
msg.url = KINGDEE + 'BatchSave.common.kdsvc';
msg.payload = {formid: 'AP_PAYBILL', data: {IsVerifyBaseDataField: 'true', Model: model}};
return [msg, null];
"""
OPERATE = """
const status = msg.payload.Result.ResponseStatus;
if (!status.IsSuccess) { node.error(status); return null; }
msg.url = KINGDEE + 'METHOD.common.kdsvc';
msg.payload = {formid: 'AP_PAYBILL', data: {Ids: status.SuccessEntitys.map(one => one.Id).join(',')}};
return msg;
"""
DONE = """
const status = msg.payload.Result.ResponseStatus;
if (!status.IsSuccess) { node.error(status); return null; }
flow.get('state').sending--;
return {};
"""


def flows(constants: dict[str, Any]) -> list[dict[str, Any]]:
    """The flow: each node with the nodes that each of its outputs leads to."""
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    tables = {name: _table(name, column) for name, column in COLUMNS}
    mapped = f"const TABLES = {json.dumps(tables, ensure_ascii=False)};\n{MAP}"
    functions: dict[str, tuple[str, list[list[str]]]] = {
        "begin": (BEGIN, [["list"]]),
        "list": (LIST, [["list-http"]]),
        "page": (PAGE, [["list"], ["get"]]),
        "get": (GET, [["get-http"], ["batch"]]),
        "judge": (JUDGE, [["map"], ["person-http"], ["get"]]),
        "person": (PERSON, [["map"]]),
        "map": (mapped, [["get"], ["batch"]]),
        "batch": (BATCH, [["ask-http"]]),
        "save": (SAVE, [["save-http"], ["batch"]]),
        "submit": (OPERATE.replace("METHOD", "Submit"), [["submit-http"]]),
        "audit": (OPERATE.replace("METHOD", "Audit"), [["audit-http"]]),
        "done": (DONE, [["batch"]]),
    }
    calls = {
        "list": "page",
        "get": "judge",
        "person": "person",
        "ask": "save",
        "save": "submit",
        "submit": "audit",
        "audit": "done",
    }
    inject = {"type": "inject", "once": True, "onceDelay": 0, "props": []}
    return [
        {"id": "flow", "type": "tab", "label": "expense to paybill"},
        {"id": "start", "z": "flow", "wires": [["begin"]], **inject},
        *(
            {"id": id_, "z": "flow", "type": "function", "func": head + code, "outputs": len(to), "wires": to}
            for id_, (code, to) in functions.items()
        ),
        *(
            {
                "id": f"{id_}-http",
                "z": "flow",
                "type": "http request",
                "method": "use",
                "ret": "obj",
                "persist": True,
                "wires": [[to]],
            }
            for id_, to in calls.items()
        ),
    ]


def _table(name: str, column: int) -> dict[str, str]:
    with (TABLES / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(line for line in file if not line.startswith("#"))
        next(lines)
        return {line[0].strip(): line[column].strip() for line in lines if line}


SETTINGS = """
module.exports = {
  flowFile: 'flows.json', uiHost: '127.0.0.1', uiPort: 0, httpAdminRoot: false, httpNodeRoot: false,
  editorTheme: {projects: {enabled: false}}, diagnostics: {enabled: false}, telemetry: {enabled: false},
  logging: {console: {level: 'error'}},
  functionGlobalContext: {end: () => process.exit(0)},
};
"""


def write(folder: Path, base: str, *, readers: int, senders: int, batch: int, days: int = 100) -> None:
    """Write the flow and the settings that run it."""
    constants = {
        "BASE": base,
        "KINGDEE": f"{base}/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.",
        "READERS": readers,
        "SENDERS": senders,
        "SIZE": batch,
        "DAYS": days,
        "WINDOWS": WINDOWS,
    }
    (folder / "flows.json").write_text(json.dumps(flows(constants)), encoding="utf-8")
    (folder / "settings.js").write_text(SETTINGS, encoding="utf-8")
