"""How long a claim's mapping takes: by hand, compiled, interpreted; as ratios in one run.

    python -m benchmarks.mapping [--claims N] [--rounds N] [--json]

By hand is what a programmer would write for `schemes/expense_to_paybill.yaml`: the same bill, with the same
checks. The rounds of all take turns, so that a busy machine is unfair to none; each one's best round counts.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.claims import instances
from connectors.dingtalk.record import make_record
from connectors.kingdee import KingdeeConnector
from engine.clock import SHANGHAI
from engine.mapping.mapper import Mapper
from engine.mapping.scope import MISS
from engine.scheme.load import load_scheme
from engine.scheme.model import Scheme
from engine.scheme.tables import load_tables

ROOT = Path(__file__).parents[1]
FORM = KingdeeConnector.catalog().forms["AP_PAYBILL"]
PARAMS = {"process_code": "PROC", "pay_org": "100", "currency": "PRE001"}
Record = dict[str, Any]


def scheme(text: str | None = None) -> Scheme:
    """The scheme that is measured, or one with another text in the same place."""
    from engine.scheme.load import load_scheme_text

    path = ROOT / "schemes/expense_to_paybill.yaml"
    loaded = load_scheme(path) if text is None else load_scheme_text(text, path)
    if loaded.scheme is None:
        raise SystemExit("\n".join(map(str, loaded.findings)))
    return loaded.scheme


def tables_of(measured: Scheme) -> dict[str, dict[str, str]]:
    """The static tables, and the employees that a run would have asked for."""
    made = {name: dict(table.entries) for name, table in load_tables(measured).items()}
    made["employee"] = {str(5_237_000_000_000_000 + number): f"E{number:04}" for number in range(500)}
    return made


def defaults_of(measured: Scheme) -> dict[str, Any]:
    """The tables' defaults."""
    return {name: spec.default for name, spec in measured.tables.items() if spec.has_default}


def mapper_of(measured: Scheme, compiled: bool) -> Callable[[Record], Record]:
    """The engine's mapping of one record, as a run does it."""
    tables = tables_of(measured)
    mapper = Mapper(
        measured.target.mapping,
        form=FORM,
        table_defaults=defaults_of(measured),
        tables={name: table for name, table in tables.items() if name != "employee"},
        zone=SHANGHAI,
        monotonic=time.monotonic,
        compiled=compiled,
    )

    def find(table: str, key: str) -> Any:
        return tables[table].get(key, MISS)

    def bill(record: Record) -> Record:
        return mapper.map(record, PARAMS, find).payload

    return bill


def by_hand(measured: Scheme) -> Callable[[Record], Record]:
    """The same bill, as a programmer writes it."""
    tables = tables_of(measured)
    items, settle = tables["expense_item"], tables["settle_type"]
    departments, accounts, employees = tables["department"], tables["bank_account"], tables["employee"]

    def filled(value: Any) -> bool:
        return value is not None and bool(value.strip())

    def amount(text: str | None) -> Decimal:
        if text is None:
            raise ValueError("no amount")
        value = Decimal(text.replace(",", ""))
        if not value.is_finite():
            raise ValueError(text)
        return value

    def bill(record: Record) -> Record:
        extend = record["extend"]
        org = {"FNumber": PARAMS["pay_org"]}
        payee = {"FNumber": employees[extend["originator_userid"].strip()]}
        currency = PARAMS["currency"]
        made: Record = {
            "FBillNo": "DD" + extend["business_id"],
            "FBillTypeID": {"FNUMBER": "FKDLX02_SYS"},
            "FDATE": extend["finish_time"][:10],
            "FPAYORGID": org,
            "FSETTLEORGID": dict(org),
        }
        department = departments.get(extend["originator_dept_id"].strip(), "")
        if department:
            made["FDepartment"] = {"FNumber": department}
        made["FCONTACTUNITTYPE"] = "BD_Empinfo"
        made["FCONTACTUNIT"] = payee
        made["FRECTUNITTYPE"] = "BD_Empinfo"
        made["FRECTUNIT"] = dict(payee)
        made["FCURRENCYID"] = {"FNumber": currency}
        made["FSETTLECUR"] = {"FNUMBER": currency}
        parts = [
            record["title"],
            record.get("报销类别"),
            record.get("行政报销类型"),
            record.get("项目报销类型"),
            record.get("费用归属项目"),
        ]
        made["FREMARK"] = " / ".join([part for part in parts if part])[:255]
        way = record.get("公司帐号付款(如需公司帐号付款请选择)")
        settled = settle.get(way.strip(), "JSFS04_SYS") if way is not None else "JSFS04_SYS"
        name = record.get("收款账号")
        account = (record["_ext"].get("收款账号") or {}).get("cardNo")
        if not filled(account):
            account = accounts.get((name or "").strip(), "")
        rows: list[Record] = []
        total = Decimal(0)
        for table, paid in (("报销明细", "报销金额(元)"), ("项目费用明细", "总金额")):
            for line in record[table]:
                spent = amount(line.get(paid))
                total += spent
                item = line.get("费用明细")
                row: Record = {
                    "FSETTLETYPEID": {"FNumber": settled},
                    "FPURPOSEID": {"FNumber": "SFKYT10_SYS"},
                    "FCOSTID": {
                        "FNUMBER": items.get(item.strip(), "FYXM99_SYS") if filled(item) else "FYXM99_SYS"
                    },
                    "FPAYTOTALAMOUNTFOR": spent,
                }
                if filled(name):
                    row["FOPPOSITECCOUNTNAME"] = name
                if filled(account):
                    row["FOPPOSITEBANKACCOUNT"] = account
                row["FCOMMENT"] = f"{(item or '')[:200]} {line.get('费用发生日期') or ''}"
                rows.append(row)
        if not rows:
            raise ValueError("no rows")
        made["FPAYBILLENTRY"] = rows
        if total != amount(record.get("总金额")):
            raise ValueError("明细合计与总金额不符")
        return made

    return bill


def measure(
    works: dict[str, Callable[[Record], Any]], records: list[Record], rounds: int
) -> dict[str, float]:
    """Each one's best microseconds for a record, taking turns."""
    best = dict.fromkeys(works, float("inf"))
    for work in works.values():
        work(records[0])
    for _ in range(rounds):
        for name, work in works.items():
            part = records if name != "interpreted" else records[: max(len(records) // 10, 1)]
            gc.collect()
            gc.disable()
            began = time.perf_counter()
            for record in part:
                work(record)
            took = (time.perf_counter() - began) / len(part)
            gc.enable()
            best[name] = min(best[name], took * 1e6)
    return best


def report(claims: int, rounds: int) -> dict[str, Any]:
    """Microseconds and ratios."""
    measured = scheme()
    raw = instances(claims)
    records = [make_record(f"id{number}", one) for number, one in enumerate(raw)]
    works = {
        "by hand": by_hand(measured),
        "compiled": mapper_of(measured, True),
        "interpreted": mapper_of(measured, False),
    }
    for record in records[:50]:
        bills = [work(record) for work in works.values()]
        if bills[0] != bills[1] or bills[1] != bills[2]:
            raise SystemExit(f"the bills are not the same:\n{bills}")
    best = measure(works, records, rounds)
    return {
        "claims": claims,
        "bytes": len(json.dumps(raw[0], ensure_ascii=False).encode()),
        "microseconds": {name: round(value, 2) for name, value in best.items()},
        "ratio": {name: round(value / best["by hand"], 2) for name, value in best.items()},
    }


def main() -> None:
    """Print what was measured."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--claims", type=int, default=2000)
    reader.add_argument("--rounds", type=int, default=9)
    reader.add_argument("--json", action="store_true")
    given = reader.parse_args()
    found = report(given.claims, given.rounds)
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    print(f"{found['claims']} claims of {found['bytes']} bytes and 5 lines")
    for name, value in found["microseconds"].items():
        print(f"{name:12} {value:9.2f} µs a claim {found['ratio'][name]:7.2f} × by hand")


if __name__ == "__main__":
    main()
