"""The ledger (台账): records, deliveries, runs, windows, call budgets. The only place that knows SQL."""
