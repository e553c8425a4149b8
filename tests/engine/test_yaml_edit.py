"""One value is set in a YAML text, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SchemeError
from engine.yaml_edit import quoted, with_value

TEXT = """\
# the company's connections
environments:
  production:                # real
    dingtalk: {connector: dingtalk, app_key: "k"}   # one line
values:
  production:
    expense:
      params:
        start_date: "2026-01-01"   # from when on
        remark: |
          two
          lines
    # the end
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        ("values.production.expense.params.start_date", "x", '"2026-01-01"', "x"),
        (
            "values.production.expense.params.pay_org",
            '"100"',
            "          lines\n",
            '          lines\n        pay_org: "100"\n',
        ),
        ("environments.production.dingtalk.lcid", "1", 'app_key: "k"}', 'app_key: "k", lcid: 1}'),
        (
            "values.production.travel.params.a",
            "1",
            "          lines\n",
            "          lines\n    travel:\n      params:\n        a: 1\n",
        ),
    ],
)
def test_only_the_value_changes(path: str, value: str, old: str, new: str) -> None:
    for ending in ("\n", "\r\n"):
        text = TEXT.replace("\n", ending)
        wanted = TEXT.replace(old, new, 1).replace("\n", ending)
        assert with_value(text, path.split("."), value, name="c.yaml") == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet",
        "# nothing yet\n",
        "a:\n",
        "a: # later\n",
        "a: null\n",
        "a: {}\n",
        "{a: null}",
        "{a: }",
        "{a}",
        "a : \n",
    ],
)
def test_what_is_missing_is_made(text: str) -> None:
    made = with_value(text, ["a", "b", "c"], "1", name="c.yaml")
    assert yaml.safe_load(made) == {"a": {"b": {"c": 1}}}
    assert all(part in made for part in ("# nothing yet", "# later") if part in text)


@pytest.mark.parametrize("text", ["- 1\n", "a: [1]\n", "a: 1\n", "a: {b: [1]}\n", "a: {\n"])
def test_what_is_in_the_way_is_said_with_its_place(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        with_value(text, ["a", "b"], "1", name="c.yaml")
    assert caught.value.position is not None


@given(st.text(max_size=40))
def test_a_quoted_text_means_itself(text: str) -> None:
    try:
        yaml.safe_load(yaml.safe_dump(text))
    except yaml.YAMLError:
        return
    assert yaml.safe_load(quoted(text)) == text
    assert yaml.safe_load(f"[{quoted(text)}, x]") == [text, "x"]


KEYS = st.sampled_from(["a", "b", "c d", "金额"])
TREES = st.recursive(
    st.sampled_from([1, "x", "2026-01-01", None]),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(
    tree=st.dictionaries(KEYS, TREES, max_size=3),
    path=st.lists(KEYS, min_size=1, max_size=3),
    flow=st.booleans(),
)
def test_the_rest_means_what_it_meant(tree: dict[str, Any], path: list[str], flow: bool) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True, default_flow_style=flow, sort_keys=False)
    try:
        made = yaml.safe_load(with_value(text, path, "new", name="c.yaml"))
    except SchemeError:
        return
    wanted = tree
    for key in path[:-1]:
        if not isinstance(wanted.get(key), dict):
            assert wanted.get(key) is None
            wanted[key] = {}
        wanted = wanted[key]
    wanted[path[-1]] = "new"
    assert made == tree
