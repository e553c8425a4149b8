from __future__ import annotations

from connectors.company import load_company


def test_the_company_holds_together() -> None:
    company = load_company()
    first = company.employees[0]
    assert (first.userid, first.name, first.job_number) == ("5237000000000001", "张三", "E0031")
    assert company.employee("nobody") is None
    department = company.department("575403278")
    assert department is not None
    assert (department.name, department.number) == ("项目部-实施一组", "BM000007")
    assert company.employee(company.finance_user) is not None
    assert all(company.department(one.dept_id) for one in company.employees)
    for values in (
        [one.userid for one in company.employees],
        [one.job_number for one in company.employees],
        [one.account for one in company.employees],
        [one.code for one in company.expense_items],
    ):
        assert len(values) == len(set(values))
