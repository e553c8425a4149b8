"""Merging three versions of a generated text: nothing of the user's is lost, and it means what it must."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.merge import Conflict, Outcome, merge_csv, merge_lines, merge_yaml
from engine.market.merge.reading import Unstructured, read_tree
from engine.scheme.marks import open_choices
from engine.yaml_nodes import read_yaml_text

# --- texts with comments and styles, and edits of them ------------------------------------------------------


@dataclass
class Part:
    """A value with its key, its style and its comments; `value` is a text, or a list of parts."""

    key: str
    value: Any
    kind: str = "leaf"
    style: str = "block"
    above: list[str] = field(default_factory=list)
    behind: str = ""


class Maker:
    """Makes and edits parts; every leaf and comment that it makes is there once."""

    def __init__(self, random: Random, letter: str) -> None:
        self.random = random
        self.letter = letter
        self.count = 0

    def word(self) -> str:
        self.count += 1
        return f"{self.letter}{self.count}"

    def comment(self) -> str:
        return f"# {self.word()} 注释: [x] 'y'"

    def leaf(self, *, flow: bool = True) -> str:
        """A scalar; one of several lines has a NUL where the indentation comes."""
        word = self.word()
        if not flow and self.random.random() < 0.2:
            long = [f"|\n\0{word}\n\0  # text", f">-\n\0{word}\n\n\0x", f'"{word}\n\0x: # y"', f"{word}\n\0x"]
            return self.random.choice(long)
        return self.random.choice([word, f'"{word}: {{{{ x }}}}"', f"'{word} # no comment'", f"{word} 值"])

    def part(self, depth: int, *, flow: bool = False) -> Part:
        random = self.random
        kind = random.choice(["leaf", "leaf", "leaf", "map", "map", "list", "rows"]) if depth else "leaf"
        style = "flow" if flow or random.random() < 0.3 else "block"
        made = Part(f"k{self.word()}", "", kind, style)
        if kind == "leaf":
            made.value = self.leaf(flow=flow)
        else:
            made.value = [
                self.item(kind, depth - 1, flow=style == "flow") for _ in range(random.randint(1, 4))
            ]
        if not flow:
            made.above = [self.comment() for _ in range(random.choice([0, 0, 0, 1, 2]))]
            made.behind = self.comment() if random.random() < 0.25 else ""
        return made

    def item(self, kind: str, depth: int, *, flow: bool) -> Part:
        if kind == "list":
            return Part("", self.leaf(), "leaf", "flow" if flow else "block")
        if kind == "rows":
            name = Part("name", self.word(), "leaf", "flow")
            rest = [self.part(0, flow=flow) for _ in range(self.random.randint(0, 3))]
            return Part("", [name, *rest], "map", "flow" if flow else "block")
        return self.part(depth, flow=flow)

    def edit(self, root: Part, times: int) -> None:
        for _ in range(times):
            part = self.random.choice(parts_with_children(root))
            self.edit_one(part, root)

    def edit_one(self, part: Part, root: Part) -> None:
        random = self.random
        place = random.randrange(len(part.value))
        child = part.value[place]
        in_flow = part.style == "flow"
        match random.choice(["change", "change", "change", "delete", "add", "move", "above", "behind"]):
            case "change" if child.kind == "leaf" and child.key != "name":
                child.value = self.leaf(flow=in_flow or part.kind != "map" or child.style == "flow")
            case "delete" if len(part.value) > 1 and child.key != "name":
                del part.value[place]
            case "add":
                new = self.item(part.kind, 1, flow=in_flow)
                part.value.insert(
                    random.randint(0 if part.value[0].key != "name" else 1, len(part.value)), new
                )
            case "move" if child.key != "name":
                part.value.remove(child)
                least = 1 if part.value and part.value[0].key == "name" else 0
                part.value.insert(random.randint(least, len(part.value)), child)
            case "above" if not in_flow and part.kind == "map":
                child.above = [self.comment()] if random.random() < 0.7 else []
            case "behind" if not in_flow and (child.kind == "leaf" or child.key):
                child.behind = self.comment() if random.random() < 0.7 else ""


def parts_with_children(root: Part) -> list[Part]:
    found = [root]
    for child in root.value:
        if child.kind != "leaf":
            found += parts_with_children(child)
    return found


def block(part: Part, indent: int, step: int = 2) -> str:
    return "".join(entry(child, indent, part.kind, step) for child in part.value)


def entry(part: Part, indent: int, kind: str, step: int) -> str:
    space = " " * indent
    above = "".join(f"{space}{line}\n" for line in part.above)
    behind = f"   {part.behind}" if part.behind else ""
    if kind in ("list", "rows"):
        if part.kind == "map" and part.style == "block":
            body = block(part, indent + 2, step)
            first = body.index(f"{space}  name")  # its first line; comments above it would follow the dash
            return above + f"{space}- " + body[first + indent + 2 :]
        return f"{above}{space}- {flow(part)}{behind}\n"
    if part.kind == "leaf" or part.style == "flow":
        text = flow(part)
        behind = "" if text[:1] in "|>" else behind
        return f"{above}{space}{part.key}: {text.replace(chr(0), ' ' * (indent + step))}{behind}\n"
    return f"{above}{space}{part.key}:{behind}\n{block(part, indent + step, step)}"


def flow(part: Part) -> str:
    if part.kind == "leaf":
        return str(part.value)
    signs = "{}" if part.kind == "map" else "[]"
    inside = [flow(child) if part.kind != "map" else f"{child.key}: {flow(child)}" for child in part.value]
    return signs[0] + ", ".join(inside) + signs[1]


def plain(text: str) -> Any:
    return read_yaml_text(text, "x.yaml").plain()


# --- what merging key by key means, written a second time ---------------------------------------------------

MISSING = object()


class Clash(Exception):
    pass


def merged(base: Any, mine: Any, theirs: Any) -> Any:
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    kinds = {type(value) for value in (mine, theirs)}
    if kinds == {dict}:
        old = base if isinstance(base, dict) else {}
        values = {
            key: merged(old.get(key, MISSING), mine.get(key, MISSING), theirs.get(key, MISSING))
            for key in {**old, **mine, **theirs}
        }
        return {key: value for key, value in values.items() if value is not MISSING}
    raise Clash


def keyed(value: Any) -> Any:
    """Lists as mappings from what names their items, order and all left aside."""
    if isinstance(value, dict):
        return {key: keyed(child) for key, child in value.items()}
    if isinstance(value, list):
        return {
            f"item {child['name'] if isinstance(child, dict) else child}": keyed(child) for child in value
        }
    return value


@dataclass
class History:
    base: str
    mine: str
    theirs: str


@st.composite
def histories(draw: st.DrawFn) -> History:
    random = Random(draw(st.integers(0, 2**32)))
    maker = Maker(random, "b")
    root = Part("", [maker.part(3) for _ in range(random.randint(1, 6))], "map")
    mine, theirs = copy.deepcopy(root), copy.deepcopy(root)
    Maker(random, "m").edit(mine, draw(st.integers(0, 5)))
    Maker(random, "t").edit(theirs, draw(st.integers(0, 5)))
    if random.random() < 0.2:  # the same edit on both sides
        place = random.randrange(min(len(mine.value), len(theirs.value)))
        theirs.value[place] = copy.deepcopy(mine.value[place])
        seen: dict[str, Part] = {part.key: part for part in theirs.value}
        theirs.value = list(seen.values())
    step = random.choice([2, 2, 2, 4])  # an editor that indents the user's file anew
    return History(block(root, 0), block(mine, 0, step), block(theirs, 0))


def words(text: str) -> set[str]:
    """The leaves and comments that the edits made."""
    return set(re.findall(r"\b[bmt][0-9]+\b", text))


def decided(outcome: Outcome, side: str) -> str:
    """The text after somebody has chosen one side everywhere."""
    pattern = re.compile(r"^<<<<<<< [^\n]*\n(.*?)^=======\n(.*?)^>>>>>>> [^\n]*\n", re.DOTALL | re.MULTILINE)
    return pattern.sub(lambda found: found[1 if side == "mine" else 2], outcome.text)


@settings(max_examples=600)
@given(histories())
def test_a_merge_keeps_what_it_must(history: History) -> None:
    base, mine, theirs = history.base, history.mine, history.theirs
    outcome = merge_yaml(base, mine, theirs)

    assert words(mine) - words(base) <= words(outcome.text)
    comments = {line.strip() for line in mine.splitlines() if line.strip().startswith("#")}
    assert {one for one in comments if one not in base} <= {
        line.strip() for line in outcome.text.splitlines()
    }
    assert [at + 1 for at, line in enumerate(outcome.text.splitlines()) if line.startswith("<<<")] == list(
        outcome.lines
    )
    for side in ("mine", "theirs"):
        plain(decided(outcome, side))
    if not outcome.conflicts:
        assert not open_choices(outcome.text)
        assert keyed(plain(outcome.text)) == merged(*(keyed(plain(text)) for text in (base, mine, theirs)))
        assert merge_yaml(base, outcome.text, theirs).text == outcome.text  # an upgrade that is done again
        assert merge_yaml(theirs, outcome.text, theirs).text == outcome.text


@settings(max_examples=200)
@given(histories())
def test_a_conflict_is_one_by_keys_too(history: History) -> None:
    """Only what both changed is in conflict, and marks have both sides in full."""
    outcome = merge_yaml(history.base, history.mine, history.theirs)
    try:
        merged(*(keyed(plain(text)) for text in (history.base, history.mine, history.theirs)))
    except Clash:
        assert outcome.conflicts
        new = words(history.theirs) - words(history.base)
        assert {word for word in new if word in leaves(history.theirs)} <= words(outcome.text)


def leaves(text: str) -> set[str]:
    return words(
        "\n".join(line.split("   #")[0] for line in text.splitlines() if not line.strip().startswith("#"))
    )


@settings(max_examples=150)
@given(histories())
def test_one_side_alone_is_taken_as_it_is(history: History) -> None:
    base, mine = history.base, history.mine
    for ours, other in ((mine, base), (base, mine), (mine, mine)):
        for merge in (merge_yaml, merge_lines, lambda *texts: merge_csv(*texts, "k")):
            assert merge(base, ours, other) == Outcome(mine)


@settings(max_examples=150)
@given(histories(), st.booleans(), st.booleans(), st.booleans())
def test_line_endings_a_mark_and_the_last_line_are_the_users(
    history: History, windows: bool, mark: bool, cut: bool
) -> None:
    def dressed(text: str) -> str:
        text = text.removesuffix("\n") if cut else text
        return ("\ufeff" if mark else "") + (text.replace("\n", "\r\n") if windows else text)

    plainly = merge_yaml(history.base, history.mine, history.theirs)
    outcome = merge_yaml(history.base, dressed(history.mine), history.theirs)
    assert outcome.text == dressed(plainly.text)


@settings(max_examples=150)
@given(histories())
def test_every_text_is_read_to_a_tree_that_holds_all_of_it(history: History) -> None:
    assert read_tree(history.mine).text == history.mine


@settings(max_examples=300)
@given(*[st.text("ab:-# {}[],'\"|>\n&*!?%", max_size=40)] * 3)
def test_any_three_texts_are_merged(base: str, mine: str, theirs: str) -> None:
    """Whatever the texts are: none is a crash, and what was YAML is so again once it is decided."""
    outcome = merge_yaml(base, mine, theirs)
    try:
        for text in (mine, theirs):
            if text.endswith("\n"):
                read_tree(text)
            else:
                return
    except Unstructured:
        return
    for side in ("mine", "theirs"):
        plain(decided(outcome, side))


# --- tables ------------------------------------------------------------------------------------------------

CELLS = st.sampled_from(["", "x", "y", '"a,b"', '"say ""so"""', "值"])
TABLES = st.dictionaries(st.sampled_from("abcdef"), st.tuples(CELLS, CELLS), max_size=6)


def table(rows: dict[str, tuple[str, str]]) -> str:
    return "k,v,w\n" + "".join(f"{key},{one},{two}\n" for key, (one, two) in rows.items())


@settings(max_examples=300)
@given(TABLES, TABLES, TABLES)
def test_tables_are_merged_by_rows_and_cells(
    base: dict[str, tuple[str, str]], mine: dict[str, tuple[str, str]], theirs: dict[str, tuple[str, str]]
) -> None:
    outcome = merge_csv(table(base), table(mine), table(theirs), "k")
    try:
        by_hand = merged(
            *({key: dict(enumerate(row)) for key, row in rows.items()} for rows in (base, mine, theirs))
        )
    except Clash:
        assert outcome.conflicts
        return
    lines = outcome.text.splitlines()
    assert not outcome.conflicts
    assert sorted(lines[1:]) == sorted(f"{key},{row[0]},{row[1]}" for key, row in by_hand.items())


@pytest.mark.parametrize("text", ["a: 1", "a: 1\n\n# end\n"])
def test_conflicts_stand_on_lines_of_their_own(text: str) -> None:
    outcome = merge_yaml(text, text.replace("1", "2"), text.replace("1", "3"))
    assert outcome.conflicts == (Conflict("a: 2\n", "a: 3\n", "a"),)
    assert outcome.text.startswith("<<<<<<< 我的 mine\na: 2\n=======\na: 3\n>>>>>>> 市场 market")
