"""Three texts in, one text out: what the user changed and what the market changed, together.

Pure: no files are read or written here. `merge_yaml` goes by structure, `merge_csv` by rows, and
`merge_lines` by lines where there is no structure to go by.
"""

from __future__ import annotations

from engine.market.merge.csv_merge import merge_csv
from engine.market.merge.pieces import Conflict, Outcome, Sides
from engine.market.merge.text_merge import merge_lines
from engine.market.merge.yaml_merge import merge_yaml

__all__ = ["Conflict", "Outcome", "Sides", "merge_csv", "merge_lines", "merge_yaml"]
