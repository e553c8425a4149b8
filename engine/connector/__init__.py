"""What a connector author imports: the classes to write, the catalog, the session, the simulators' base."""

import sys

# Where rich happens to be there, httpx loads its own command line with itself: 6 MB and 90 modules.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
