"""Claims as DingTalk answers them: about 6 KB of JSON, five lines each."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["instance", "instances"]

_ITEMS = ("差旅费-市内交通", "办公费", "差旅费-住宿", "业务招待费", "没见过的费用")
_NOTE = "请如实填写，发票与明细一一对应；超过三十天的发票不予受理，电子发票请上传原件，不要截图。" * 4


def instances(count: int) -> list[dict[str, Any]]:
    """That many claims, no two alike; every tenth is a project's, whose lines stand in the other table."""
    return [instance(number) for number in range(count)]


def instance(number: int, lines: int = 5) -> dict[str, Any]:
    """One instance as ``topapi/processinstance/get`` has it."""
    project = number % 10 == 9
    cents = [1050 + (number * 7919 + line * 104_729) % 250_000 for line in range(lines)]
    rows = [_row(number, line, amount, project) for line, amount in enumerate(cents)]
    total = f"{sum(cents) / 100:,.2f}" if number % 10 == 0 else f"{sum(cents) / 100:.2f}"
    payee = f"职员{number % 500}"
    day = f"2024-{number % 12 + 1:02}-{number % 28 + 1:02}"
    files = [
        {
            "spaceId": "1157",
            "fileName": f"发票{n}.pdf",
            "fileSize": 40288 + n,
            "fileType": "pdf",
            "fileId": str(n),
        }
        for n in range(6)
    ]
    empty = json.dumps([{"componentName": "TextField", "props": {"label": "费用明细"}}], ensure_ascii=False)
    table = json.dumps(rows, ensure_ascii=False)
    values: list[tuple[str, str, str | None, Any]] = [
        ("DDSelectField-A", "报销类别", "项目报销" if project else "行政报销", {"key": "option_0"}),
        ("TextNote_7L0ZKXODKW40", "TextNote_7L0ZKXODKW40", _NOTE, None),
        ("DDSelectField-B", "行政报销类型", None if project else "办公费", None),
        ("DDSelectField-C", "项目报销类型", "项目差旅" if project else None, None),
        ("TableField-D", "报销明细", empty if project else table, None),
        ("TableField-E", "项目费用明细", table if project else empty, None),
        ("CalculateField-F", "总金额", total, {"upper": "人民币壹佰元整"}),
        ("TextField-G", "费用归属项目", f"研发中心{number % 40}", None),
        ("RelateField-H", "关联审批单", None, {"list": []}),
        ("TextNote-KDE5B2G3", "TextNote-KDE5B2G3", _NOTE, None),
        ("RecipientAccountField-I", "收款账号", payee, {"name": payee, "id": "1"}),
        ("DDSelectField-J", "公司帐号付款(如需公司帐号付款请选择)", None if number % 4 else "电汇", None),
        ("DDPhotoField-K", "报销凭证拍照上传", json.dumps(["https://static.example/1.jpg"]), None),
        ("DDAttachment-L", "附件", json.dumps(files, ensure_ascii=False), None),
    ]
    return {
        "title": f"{payee}提交的费用报销",
        "create_time": f"{day} 10:21:33",
        "finish_time": f"{day} 15:40:09",
        "originator_userid": str(5_237_000_000_000_000 + number % 500),
        "originator_dept_id": str(575_403_278 + number % 5),
        "originator_dept_name": "项目部-实施一组",
        "status": "COMPLETED",
        "result": "agree",
        "business_id": f"20240508102100{number:07}",
        "biz_action": "NONE",
        "attached_process_instance_ids": [],
        "form_component_values": [
            {
                "id": id_,
                "component_type": id_.partition("-")[0].partition("_")[0],
                "name": name,
                "value": "null" if value is None else value,
                **({} if ext is None else {"ext_value": json.dumps(ext, ensure_ascii=False)}),
            }
            for id_, name, value, ext in values
        ],
    }


def _row(number: int, line: int, cents: int, project: bool) -> dict[str, Any]:
    item = _ITEMS[(number + line) % len(_ITEMS)]
    cells = [
        ("DDDateField-1", "费用发生日期", f"2024-05-{line + 1:02}"),
        ("MoneyField-2", "总金额" if project else "报销金额(元)", f"{cents / 100:.2f}"),
        ("TextField-3", "费用明细", item),
    ]
    return {
        "rowValue": [{"key": key, "label": label, "value": value} for key, label, value in cells],
        "rowNumber": f"TableField-D_{number}_{line}",
    }
