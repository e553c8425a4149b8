"""The policies of a life: whether the target can carry them out, and the date that one of them moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.language import tr
from engine.scheme.lint.look import Look, did_you_mean

if TYPE_CHECKING:
    from engine.connector.catalog import Form, Interface

__all__ = ["check_life"]

_ALERT = "alert"


def check_life(look: Look, form: Form | None, interface: Interface | None) -> None:
    """Whether each policy can be carried out by the target."""
    if look.scheme.node.get("life") is None:
        return
    if look.scheme.is_callback:
        message = tr("a callback scheme has no life of its own: the policies are its caller's")
        look.error("S711", look.key("life"), message, tr("remove it"))
        return
    life = look.scheme.life
    if interface is not None:
        if life.revoked == "act" and not interface.takes_back:
            message = tr(
                '"{interface}" cannot take a document back, so "revoked" cannot act', interface=interface.name
            )
            _refuse(look, "revoked", message)
        for name in ("bill_deleted", "bill_unaudited"):
            if getattr(life, name) == "act" and interface.asking != "first":
                message = tr(
                    '"{interface}" cannot be asked what became of a document, so "{name}" cannot act',
                    interface=interface.name,
                    name=name,
                )
                _refuse(look, name, message)
    _check_date(look, form)


def _refuse(look: Look, name: str, message: str) -> None:
    place = look.node("life", name).position
    look.error("S711", place, message, tr("write {line}", line=f"{name}: {_ALERT}"))


def _check_date(look: Look, form: Form | None) -> None:
    life = look.scheme.life
    place = look.node("life", "date_field").position
    fields = look.node("target", "mapping")
    date = form.date if form is not None else None
    if life.date_field is None:
        if life.closed_period == "act":
            message = tr('"closed_period: act" moves a date, and "date_field" does not say which')
            line = f"date_field: {date or 'FDATE'}"
            look.error(
                "S712", look.node("life", "closed_period").position, message, tr("add {line}", line=line)
            )
        return
    if life.closed_period != "act":
        message = tr('"date_field" is used by "closed_period: act" alone')
        look.hint("S712", look.key("life", "date_field"), message)
    if fields.get(life.date_field) is None:
        message = tr('the mapping has no field "{name}"', name=life.date_field)
        look.error(
            "S712", place, message, did_you_mean(life.date_field, [name for name, _ in fields.items()])
        )
        return
    known = form.field((life.date_field,)) if form is not None else None
    if known is not None and known.type not in ("date", "datetime"):
        message = tr('"{name}" is no date', name=life.date_field)
        hint = tr('did you mean "{word}"?', word=date) if date else None
        look.error("S712", place, message, hint)
