"""engine sandbox: begin anew, with or without a run before; move the clock; and how findings are graded."""

from __future__ import annotations

from typing import Any

SCHEME = "expense_to_paybill"


def test_a_reset_forgets_the_ledgers_records_too(prompt: Any) -> None:
    first = prompt("run", SCHEME, "--json").json
    assert first["counts"]["delivered"] > 0
    listed = prompt("records", "list", SCHEME, "--json").json["records"]
    said = prompt("sandbox", "reset", "--json")
    assert (said.code, said.json["reset"]) == (0, True), said.err
    assert said.json["records"] >= len(listed) > 0
    assert prompt("records", "list", SCHEME, "--json").json["records"] == []
    again = prompt("run", SCHEME, "--json").json
    assert again["counts"] == first["counts"]


def test_a_reset_says_that_credentials_are_new(prompt: Any) -> None:
    said = prompt("sandbox", "reset")
    assert said.code == 0, said.err
    assert "its keys and passwords are new too: `engine sandbox` shows them" in said.out


def test_moving_the_clock_says_by_how_much_and_where_it_is(prompt: Any) -> None:
    assert prompt("sandbox", "advance", "40d").out.startswith("moved on by 40d; the sandbox's clock shows 20")
    assert prompt("sandbox", "advance", "40").out.startswith("moved on by 40s; ")


def test_findings_say_how_grave_they_are(prompt: Any) -> None:
    scheme = (prompt.folder / "schemes" / f"{SCHEME}.yaml").read_text(encoding="utf-8")
    bad = scheme.replace("until: audit", "until: audited").replace("    FSETTLECUR:", "    #FSETTLECUR:")
    (prompt.folder / "schemes" / "bad.yaml").write_text(bad, encoding="utf-8")
    for language, words in (("en", ("error", "hint")), ("zh", ("错误", "提示"))):
        said = prompt("validate", "schemes/bad.yaml", language=language)
        assert said.code == 1
        assert f"  S705 {words[0]}  " in said.out
        assert f"  S424 {words[1]}  " in said.out


def test_a_system_that_is_not_there_is_said_once_and_in_words(prompt: Any) -> None:
    (prompt.folder / "nowhere.yaml").write_text(
        "environments:\n"
        "  test:\n"
        "    dingtalk: {connector: dingtalk, base_url: 'http://127.0.0.1:9', app_key: a, app_secret: b}\n"
        "    kingdee: {connector: kingdee, base_url: 'http://127.0.0.1:9/k3cloud/', acct_id: '1',\n"
        "      username: u, auth: validate_user, password: secret-one}\n",
        encoding="utf-8",
    )
    here = ("--env", "test", "--connections", "nowhere.yaml")
    checked = prompt("connections", "check", *here)
    assert checked.code == 3
    assert checked.out.count("nothing listens at this address and port") == 2
    assert checked.out.count("check the address in connections.yaml") == 2


def test_the_list_of_connectors_has_their_forms(prompt: Any) -> None:
    said = prompt("connectors", "list")
    assert "  AP_PAYBILL  付款单  [form]" in said.out
    assert "[]" not in said.out
    assert "()" not in prompt("connectors", "show", "kingdee").out
