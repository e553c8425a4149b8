"""What the page of performance says of figures, and that the peers' parts fit together."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import targets, whole_job
from benchmarks.peers import PEERS, node_red
from benchmarks.targets import Target


def row(name: str, latency: float, per_second: float, **others: Any) -> dict[str, Any]:
    return {
        "name": name,
        "latency": latency,
        "claims": 20_000,
        "per_second": per_second,
        "cpu_ms": 0.4,
        "peak": 80.0,
        **others,
    }


@pytest.mark.parametrize(
    ("measured", "least", "holds"), [(5, False, True), (6, False, False), (5, True, True), (4, True, False)]
)
def test_a_target_is_a_bound(measured: float, least: bool, holds: bool) -> None:
    target = Target("what", measured, 5, " MB", least=least)
    assert target.holds is holds
    assert target.row()[-1] == ("yes" if holds else "**no**")


def test_the_engine_is_held_against_the_job_by_hand_and_the_peers() -> None:
    airbyte, node = PEERS[1].name, PEERS[0].name
    found = [
        *(row(whole_job.BY_HAND, 0.0, 1000), row(whole_job.ENGINE, 0.0, 700), row(airbyte, 0.0, 300)),
        *(row(node, 0.0, 500), row(whole_job.BY_HAND, 0.02, 1000), row(whole_job.ENGINE, 0.02, 800)),
    ]
    said = {target.what: target.holds for target in targets.of_whole_job(found)}
    assert said == {
        "whole job, of by hand, at 0 ms a call": True,
        f"whole job, of {airbyte}, at 0 ms a call": False,
        f"whole job, of {node}, at 0 ms a call": True,
        "processor time of a claim": True,
        "memory at 20000 claims": True,
        "whole job, of by hand, at 20 ms a call": False,
    }


def test_memory_is_flat_within_a_tenth() -> None:
    [flat] = targets.of_memory([{"claims": n, "peak": peak} for n, peak in ((1, 70), (2, 80.0), (9, 87.0))])
    [grown] = targets.of_memory([{"claims": 2, "peak": 80.0}, {"claims": 9, "peak": 89.0}])
    assert flat.holds
    assert not grown.holds


def test_every_wire_of_the_flow_leads_to_a_node() -> None:
    nodes = node_red.flows({"BASE": "http://x"})
    ids = {node["id"] for node in nodes}
    assert len(ids) == len(nodes)
    wired = {to for node in nodes for output in node.get("wires", []) for to in output}
    assert wired <= ids
    assert wired == ids - {"flow", "start"}


def test_a_peer_that_is_not_installed_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("BENCH_PEERS", str(tmp_path_factory.mktemp("none")))
    assert whole_job.able() == (whole_job.NO_LEDGER, whole_job.BY_HAND, whole_job.ENGINE)
