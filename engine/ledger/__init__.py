"""The ledger (台账): records, deliveries, runs, windows and call budgets, durably. The only place that knows SQL."""
