"""The invented company that both simulators share: who works there, and what its ERP knows.

The DingTalk simulator takes employees, departments and expense labels from it, the Kingdee simulator its
base data, so that a claim's words always have a code on the other side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

__all__ = ["Account", "Coded", "Company", "Department", "Employee", "Material", "Numbered", "load_company"]


@dataclass(frozen=True, slots=True)
class Coded:
    """A word of the forms and the ERP's code for it: ``差旅费-住宿`` is ``FYXM02_SYS``."""

    label: str
    code: str


@dataclass(frozen=True, slots=True)
class Numbered:
    """An organisation, supplier or customer of the ERP."""

    number: str
    name: str


@dataclass(frozen=True, slots=True)
class Department:
    """A department; `parent` is a `dept_id`, '' at the root."""

    dept_id: str
    name: str
    parent: str
    number: str


@dataclass(frozen=True, slots=True)
class Employee:
    """A person: `userid` in DingTalk, `job_number` in the ERP, and the private bank account for refunds."""

    userid: str
    name: str
    job_number: str
    dept_id: str
    title: str
    mobile: str
    bank: str
    account: str
    cnaps: str


@dataclass(frozen=True, slots=True)
class Account:
    """One of the company's own bank accounts; `organisation` is the number of its owner."""

    number: str
    name: str
    bank: str
    account: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Material:
    """What is bought: `unit` as the forms say it, `price` what one unit is expected to cost."""

    number: str
    name: str
    unit: str
    price: str


@dataclass(frozen=True, slots=True)
class Company:
    """All that is known of the company."""

    name: str
    finance_user: str
    organisations: tuple[Numbered, ...]
    departments: tuple[Department, ...]
    employees: tuple[Employee, ...]
    expense_items: tuple[Coded, ...]
    settle_types: tuple[Coded, ...]
    purposes: tuple[Coded, ...]
    bill_types: tuple[Coded, ...]
    currencies: tuple[Coded, ...]
    accounts: tuple[Account, ...]
    suppliers: tuple[Numbered, ...]
    customers: tuple[Numbered, ...]
    units: tuple[Coded, ...]
    materials: tuple[Material, ...]
    projects: tuple[str, ...]

    def employee(self, userid: str) -> Employee | None:
        """The employee with this DingTalk userid."""
        return next((one for one in self.employees if one.userid == userid), None)

    def department(self, dept_id: str) -> Department | None:
        """The department with this DingTalk id."""
        return next((one for one in self.departments if one.dept_id == dept_id), None)


_KINDS: dict[str, type[Any]] = {
    "organisations": Numbered,
    "departments": Department,
    "expense_items": Coded,
    "settle_types": Coded,
    "purposes": Coded,
    "bill_types": Coded,
    "currencies": Coded,
    "accounts": Account,
    "suppliers": Numbered,
    "customers": Numbered,
    "units": Coded,
    "materials": Material,
}


@cache
def load_company() -> Company:
    """The company, read once from `company.yaml` and `employees.yaml`."""
    data = _read("company.yaml")
    parts = {name: tuple(kind(**row) for row in data[name]) for name, kind in _KINDS.items()}
    return Company(
        name=data["name"],
        finance_user=data["finance_user"],
        employees=tuple(Employee(**row) for row in _read("employees.yaml")),
        projects=tuple(data["projects"]),
        **parts,
    )


def _read(name: str) -> Any:
    return yaml.safe_load(files(__package__).joinpath(name).read_text(encoding="utf-8"))
