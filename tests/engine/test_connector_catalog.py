"""Catalogs are read strictly, and connectors are found by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.connector.api import Connector
from engine.connector.catalog_file import load_catalog
from engine.connector.registry import catalog, connector_class, connector_names
from engine.errors import ConfigurationError, SchemeError


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are matched as the code writes them."""
    monkeypatch.setenv("ENGINE_LANG", "en")


GOOD = """\
connector: erp
label: 企业系统
settings:
  password: {label: 密码, type: string, secret: true}
interfaces:
  save:
    label: 保存
    roles: [target]
    keys: [No]
    batch: 5
    asking: first
    stages: [save, audit]
    options: {Verify: {type: boolean, default: false}}
    fields:
      No: {label: 单号, required: true}
      Lines:
        type: array
        fields:
          Item: {type: base, base: FNUMBER}
    aliases: {a.b: b}
forms:
  BILL:
    label: 单据
    keys: [No]
    amount: Lines.Amount
    compare: {payee: Payee}
    fields:
      No: {label: 单号}
      Payee: {label: 收款人}
      Lines: {type: array, fields: {Amount: {type: decimal}}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_catalog_is_read_whole_and_once(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    found = load_catalog(path)
    assert found is load_catalog(path)
    save = found.interfaces["save"]
    assert (save.name, save.roles, save.batch, save.stages) == ("save", ("target",), 5, ("save", "audit"))
    assert save.fields["Lines"].fields["Item"].base == "FNUMBER"
    assert save.options["Verify"].default is False
    assert save.aliases == {"a.b": "b"}
    bill = found.forms["BILL"]
    amount = bill.field(("Lines", "Amount"))
    assert amount is not None
    assert amount.type == "decimal"
    assert found.settings["password"].secret


@pytest.mark.parametrize(
    ("old", "new", "line", "part"),
    [
        ("connector: erp\n", "", 1, "connector"),
        ("interfaces:", "interface:", 5, "interfaces"),
        ("    roles: [target]\n", "", 6, "roles"),
        ("[target]", "[taget]", 8, "target"),
        ("batch: 5", "batch: 0", 10, "above 0"),
        ("asking: first", "asking: often", 11, "never"),
        ("{type: boolean, default: false}", "{type: bool}", 13, "boolean"),
        ("required: true", "requird: true", 15, "required"),
        ("required: true", "required: 1", 15, "true or false"),
        ("{type: base, base: FNUMBER}", "{type: base}", 19, "base"),
        ("amount: Lines.Amount", "amount: Lines.Sum", 23, "Lines.Sum"),
        ("keys: [No]\n    amount", "keys: [Nr]\n    amount", 23, "Nr"),
    ],
)
def test_a_mistake_is_placed(tmp_path: Path, old: str, new: str, line: int, part: str) -> None:
    assert old in GOOD
    with pytest.raises(SchemeError, match=part) as caught:
        load_catalog(write(tmp_path, GOOD.replace(old, new, 1)))
    assert caught.value.position is not None
    assert abs(caught.value.position.line - line) <= 1, caught.value


def test_connectors_are_found_by_their_entry_points() -> None:
    assert "dingtalk" in connector_names()
    assert issubclass(connector_class("dingtalk"), Connector)
    assert catalog("dingtalk").connector == "dingtalk"
    with pytest.raises(ConfigurationError, match="dingtalk"):
        connector_class("dingtak")
