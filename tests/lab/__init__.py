"""The laboratory: real Consul clusters and real agents on 127.x.y.z.

conf/quickstart shows them to people, tests/system asks them questions.  All of
it but order.py and outcome.py needs nothing but Python's own library.
"""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()
PROGRAM = BUILD / "daemon" / "consul-failover"


def plugin(name):
    """The path of a plugin in the build folder."""
    for folder in ("plugins", "tests"):
        for path in sorted((BUILD / folder).rglob(f"{name}.so")):
            return str(path)
    raise FileNotFoundError(f"{name}.so is not in {BUILD}")
