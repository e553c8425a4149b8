"""Reconciliation (对账): both sides compared; each difference with its cause and the command that mends it.

`claims` reads the source, `bills` the target, `told` the ledger; `differences` compares and `balance` adds
up, both pure; `marks` keeps in the ledger what was found and what a human has dealt with; `execute` puts them
together.
"""
