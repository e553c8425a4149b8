"""The catalog: what a connector's interfaces and forms take and give, as data.

A catalog is a YAML file beside the connector:

    connector: kingdee
    label: 金蝶云星空
    settings:                            # what connections.yaml may hold for it, beside `limits`
      base_url: {label: …, type: string, required: true}
      app_secret: {label: …, type: string, secret: true}
    interfaces:
      topapi/processinstance/get:
        label: 获取审批实例详情
        method: POST
        roles: [source]                  # source | lookup | target
        family: dingtalk.approval        # records of one family are the same things
        metered: true
        fields:                          # request fields; for a target without form: the document's fields
          process_code: {label: 审批流的唯一码, type: string, required: true, description: …}
          end_time: {label: …, type: string, moved: true}     # the engine moves it; a scheme may leave it out
        response:                        # nested with `fields` for objects and arrays
          id: {label: …, type: string}
          extend: {type: object, fields: {status: {label: …, type: string, enum: […]}}}
        open: true                       # more response fields exist than are listed (autofill)
        keys: [text]                     # target: fields that can be the idempotency key
        options: {IsVerifyBaseDataField: {type: boolean, default: false, description: …}}
        forms: true                      # target that writes one of `forms`
        stages: [save, submit, audit]
        asking: first                    # first | unclear | never
        takes_back: true                 # documents that are not at their last stage can be taken back
        batch: 20
        draft: {final: "{{ … }}", where: "{{ … }}"}     # what a new scheme's source begins with
        aliases: {明细.extend.status: extend.status}    # paths of older documents: true paths
        callback: {name: {label: 收款信息}}             # what callbacks about its records are told, by custom
    forms:
      AP_PAYBILL:
        label: 付款单
        keys: [FBillNo, FTHIRDBILLNO]
        amount: FPAYBILLENTRY.FPAYTOTALAMOUNTFOR
        compare: {organisation: FPAYORGID, payee: FCONTACTUNIT}
        date: FDATE                      # the document's own date
        aliases: {FPAYBILLENTRY.FormId: options.FormId}  # paths of older documents: fields, call options
        fields:
          FBillTypeID: {label: 单据类型, type: base, base: FNUMBER, required: true, description: …}
          FPAYBILLENTRY: {label: 付款单明细, type: array, required: true, fields: {…}}

Types: string, integer, decimal, boolean, date, datetime, base (base data: a scalar is wrapped under the key
named by `base`), object, array; a setting may also be a path, from the folder of connections.yaml on. Marks:
`required` (error when missing), `usual` (hint), `unit_type` (names the field that stands before this one).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Catalog", "Field", "Form", "Interface"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request, response, form, or of a connection's settings."""

    name: str
    label: str = ""
    type: str = "string"
    description: str = ""
    required: bool = False
    usual: bool = False
    moved: bool = False
    secret: bool = False
    base: str | None = None
    unit_type: str | None = None
    default: Any = None
    enum: tuple[str, ...] = ()
    choices: str | None = None
    """The list of the connector's (`engine.connector.api.Choosing`) that a value is one of."""
    fields: Mapping[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """A business object's fields, as a target writes them."""

    name: str
    label: str
    fields: Mapping[str, Field]
    keys: tuple[str, ...] = ()
    amount: str | None = None
    compare: Mapping[str, str] = field(default_factory=dict)
    date: str | None = None
    open: bool = False
    """True when the form has more fields than are listed, so that an unknown one is only a warning."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Paths of older documents → fields of the form, or options of the call as ``options.NAME``."""

    def field(self, path: tuple[str, ...]) -> Field | None:
        """The field at ``('FPAYBILLENTRY', 'FCOSTID')``, or None."""
        found: Field | None = None
        fields = self.fields
        for name in path:
            found = fields.get(name)
            if found is None:
                return None
            fields = found.fields
        return found


@dataclass(frozen=True, slots=True)
class Interface:
    """One call of a connector, or one name for a list call and a get call behind it."""

    name: str
    label: str = ""
    method: str = "POST"
    description: str = ""
    roles: tuple[str, ...] = ()
    family: str = ""
    metered: bool = True
    fields: Mapping[str, Field] = field(default_factory=dict)
    response: Mapping[str, Field] = field(default_factory=dict)
    open: bool = False
    keys: tuple[str, ...] = ()
    options: Mapping[str, Field] = field(default_factory=dict)
    forms: bool = False
    stages: tuple[str, ...] = ()
    asking: str = "first"
    takes_back: bool = False
    batch: int = 1
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Paths of older documents → true paths (``报销明细.项目费用明细.extend.status`` → ``extend.status``)."""
    draft: Mapping[str, str] = field(default_factory=dict)
    """What a new scheme's source begins with: `id`, `number`, `final`, `where`, `hold`."""
    callback: Mapping[str, Field] = field(default_factory=dict)
    """What callbacks about this interface's records are told, by custom; a scheme gives what it likes."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that is known of a connector without talking to its system."""

    connector: str
    label: str
    settings: Mapping[str, Field]
    interfaces: Mapping[str, Interface]
    forms: Mapping[str, Form]
