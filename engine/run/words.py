"""The ledger's words in the user's language: states, stages, classes of failure."""

from __future__ import annotations

from engine.language import tr

__all__ = ["class_word", "stage_word", "state_word", "status_word"]


def state_word(state: str) -> str:
    """How far a record has come."""
    return {
        "waiting": tr("waiting"),
        "ready": tr("ready"),
        "sending": tr("sending"),
        "delivered": tr("delivered"),
        "done": tr("done"),
        "skipped": tr("skipped"),
        "failed": tr("failed"),
        "unknown": tr("unknown"),
    }.get(state, state)


def class_word(failure: str) -> str:
    """Why a record failed, by who can mend it."""
    return {
        "data": tr("data"),
        "base data missing": tr("base data missing"),
        "changed after approval": tr("changed after approval"),
        "form changed": tr("form changed"),
        "configuration": tr("configuration"),
        "credentials": tr("credentials"),
        "limit": tr("limit"),
        "transient": tr("transient"),
        "unknown": tr("unknown"),
        "conflict": tr("conflict"),
        "handed in again": tr("handed in again"),
        "bill changed": tr("bill changed"),
    }.get(failure, failure)


def stage_word(stage: str) -> str:
    """What was done to a document in the target."""
    return {
        "save": tr("saved"),
        "submit": tr("submitted"),
        "audit": tr("audited"),
        "send": tr("sent"),
    }.get(stage, stage)


def status_word(status: str) -> str:
    """How a run ended."""
    return {"success": tr("success"), "partial": tr("partial"), "failed": tr("failed")}.get(status, status)
