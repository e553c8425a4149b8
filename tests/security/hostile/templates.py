"""Templates of copied schemes that would reach Python's inside, never end, or eat the memory.

As a program: works each one out as a leaf of a mapping, within little memory and processor time, and prints
what came of it as one JSON object.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

INSIDE = (
    *("''.__class__", "''['__class__']", "''|attr('__class__')", "record.__class__", "record['__class__']"),
    *("[].__class__.__mro__", "'{0.__class__}'.format(record)", "'{0.__class__}'.format_map(record)"),
    *("''.mro()", "range.__globals__", "lookup.__init__", "self", "self._TemplateReference__context"),
    *("cycler.__init__", "lipsum()", "namespace()", "joiner()", "dict()", "config", "record.items()"),
    *(
        "''['__cla'~'ss__']",
        "record['__cla'~'ss__']",
        "'a'.encode()",
        "'a'.translate({})",
        "''|safe|attr('x')",
    ),
    *("(1).bit_length()", "(1.5).as_tuple()", "['a']|map(attribute='__class__')|list", "row.__class__"),
    *("['a']|map('attr','__class__')|list", "['a']|groupby('__class__')", "['a']|selectattr('__class__')"),
    *("['a']|sum(attribute='__class__')", "[{'a':1}]|sort(attribute='__class__')", "'a' is callable"),
    *(
        "'a'|default.__class__",
        "params.__class__",
        "document.__class__",
        "''.join.__self__",
        "''.join.__func__",
    ),
    *("_expression_", "' allowance'|lookup('x')", "record[' scope']", "record.extend.__class__"),
)
STATEMENTS = (
    *("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{% include 'x' %}", "{% extends 'x' %}"),
    *("{% import 'os' as os %}", "{% block a %}{{ self.a() }}{% endblock %}", "{% call x() %}{% endcall %}"),
    *(
        "{% set ns.x = 1 %}",
        "{% filter upper %}x{% endfilter %}",
        "{% with a=1 %}{% endwith %}",
        "{% debug %}",
    ),
    *("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "{% do x %}", "{% trans %}x{% endtrans %}"),
    *(
        "{% for a in [1] %}{{ loop.__init__ }}{% endfor %}",
        "{% for a in [1] %}{{ loop._iterator }}{% endfor %}",
    ),
    *("{% for a in [1] %}{{ loop.changed(1) }}{% endfor %}", "{% autoescape true %}{% endautoescape %}"),
    "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "{% set x='x'*60000 %}{% for i in range(5000) %}{{ x }}{% endfor %}",
    "{% set a=range(9999)|list %}{{ [a,a,a,a,a,a,a,a,a,a] }}",
    "{% for a in range(99) %}" * 15 + "{% endfor %}" * 15,
    "{% if 1 %}" * 500 + "{% endif %}" * 500,
)
BOMBS = (
    *(
        "'x' * 10**9",
        "10**9 * 'x'",
        "'x'*60000 ~ 'x'*60000",
        "range(10**12)|list",
        "[1]*10**9",
        "[[1]*10]*10",
    ),
    *(
        "range(9999)|map('string')|join('x'*60000)",
        "'x'|center(10**9)",
        "'x'|indent(10**9)",
        "'x'|wordwrap(1)",
    ),
    *("'%1000000000d' % 1", "'{:1000000000}'.format(1)", "'%s'|format(1)", "2**100**100", "(10**100)**100"),
    *("9**9**9**9", "1|round(10**9)", "'1e999999999'|decimal", "'x'.zfill(10**9)", "'x'.ljust(10**9)"),
    *("'x'.expandtabs(10**9)", "('a'*60000).replace('a','b'*60000)", "('a'*60000)|replace('','b'*60000)"),
    *("('a'*60000).split('a')|length", "('a,'*30000).split(',')*1000", "'x'.join(['y'*60000]*1000)"),
    *(
        "('&'*60000)|escape",
        "('\"'*60000)|tojson",
        "('中'*60000)|urlencode",
        "('ß'*60000)|upper",
        "'a'|urlize",
    ),
    *("(('a'*60000)|list)|join('b'*60000)", "('ab'*30000)|replace('a','c'*60000,1)", "x|default('x'*10**9)"),
    *("[[range(9999)|list]|list]|tojson", "'2024-01-01'|date('%Y'*30000)", "'2024-01-01'|date('%99999999Y')"),
    *("'2024-01-01'|datetime('%c'*30000)", "99999999999999999999|datetime", "('9'*60000)|int", "1/0", "1%0"),
    *("('9'*60000)|float|round(30)", "('9'*60000)|filesizeformat", "('9'*60000)|money", "range(1,10,0)"),
    *("'x'|list|batch(10**9)", "'abc'[10**400]", "1e999999999", "'a'[::0]", "total('x'*60000)"),
    *("(" * 5000 + "1" + ")" * 5000, "-" * 5000 + "1", "not " * 5000 + "1", "1" + "+1" * 5000, "9" * 60000),
    *("[" * 3000 + "]" * 3000, "x" + ".a" * 5000, "x" + "|upper" * 5000, "1" + " and 1" * 5000),
    *("x" + "[0]" * 5000, "0x" + "f" * 60000, "1_0" + "_0" * 20000, "1 if " * 3000 + "1" + " else 1" * 3000),
)
HARMLESS = (
    "{% set x='x'*60000 %}{% for i in range(9999) %}{% set y = x ~ '' %}{% endfor %}",
    *(
        "('<'*60000)|striptags",
        "('<a'*30000)|striptags",
        "('a '*30000)|title|wordcount",
        "'a'" + " ~ 'a'" * 5000,
    ),
    *("('x'*60000)|truncate(10,end='y'*60000)", "range(9999)|map('string')|list|sort|unique|list|length"),
    *("('a'*60000).find('a'*30000+'b')", "('a'*60000+'b')|replace('a'*30000+'c','d')", "1 " + "< 1 " * 5000),
)
"""What looks bad and is not: it ends with a value, within the same bounds."""

MEMORY = 700 << 20
SECONDS = 30


def outcome(text: str) -> str:
    """`refused`, `value`, or the name of an error that no user should see."""
    from engine.errors import EngineError
    from engine.mapping.mapper import Mapper
    from engine.mapping.parse import parse_mapping
    from engine.mapping.scope import MISS
    from engine.yaml_nodes import read_yaml_text

    record: dict[str, Any] = {
        "id": "A",
        "title": "t",
        "extend": {"status": "COMPLETED"},
        "rows": [{"a": "1"}],
    }
    quoted = json.dumps(text, ensure_ascii=False)
    leaf = (
        f"A: {quoted}\nB: {{value: {quoted}, type: string}}\nC: {{each: '$.rows[*]', row: {{A: {quoted}}}}}\n"
    )
    try:
        findings: list[Any] = []
        spec = parse_mapping(read_yaml_text(leaf, "s.yaml"), findings)
        if any(finding.severity == "error" for finding in findings):
            return "refused"
        Mapper(spec, form=None, table_defaults={}).map(record, {}, lambda table, key: MISS)
    except EngineError as error:
        return "refused" if str(error).strip() else "a refusal without words"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "value"


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    found: dict[str, str] = {}
    longest = 0.0
    for text in json.load(sys.stdin):
        began = time.process_time()
        found[text] = outcome(text)
        longest = max(longest, time.process_time() - began)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + SECONDS, -1))
    print(json.dumps({"found": found, "peak": peak(), "longest": longest}))  # noqa: T201


def peak() -> int:
    """The most memory that this process has held, in KiB; getrusage would count its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    main()
