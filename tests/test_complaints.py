"""What users of other products complained of, each tried on ours by a test that names it.

A complaint is an issue or pull request of the product; the tests' docstrings say what went wrong
there, as far as that could be read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

COMPLAINTS = {
    "doubles": (
        "metabase#69577, #63189, #56978; superset#22664, #32524, #25558; grafana#81198, #53990, "
        "#64805, #7437; PostHog#10580, #21450; litellm#3738, #3113, #14809, PR#32011, PR#35814; "
        "bolt-js#1539; openclaw#22780"
    ),
    "silence": (
        "metabase#58004, #56379, #37459, #62077, #8402, #7409; superset#25058, #23763; "
        "PostHog#22085, #21247; grafana#21256, #15746; apscheduler#429; litellm#16185; "
        "kubecost#2257"
    ),
    "zones": (
        "superset#27952; metabase#31928, #69496, #6698, #30295, #55966; apscheduler#1021; "
        "litellm#22176, PR#40978, #33161"
    ),
    "pictures": (
        "superset#21653, #17245, #33602, PR#43784, PR#42273; grafana#33501, #42788, #54742, "
        "#20883, #9592"
    ),
    "methods that Slack ended": "superset#32200; slack-plugin#972; botkube PR#1468; wee-slack#959",
    "channels that died": "superset#25026; integrations/slack#197; goalert#2176; PostHog#39732",
    "empty reports": "metabase#2430, #34777, #20796; lightdash#7320, #15684",
    "thresholds": "openmeter#3200, PR#4157; blnk#318",
}
# `product#12`, `product PR#12`; `#12` and `PR#12` are of the product before.
NAMED = re.compile(r"(?:([A-Za-z][\w-]*) ?)??(\bPR)?#(\d+)")


def _names(text: str) -> Iterator[str]:
    """The complaints that a text names, each with its product."""
    product = ""
    for known, pull, number in NAMED.findall(text):
        product = known.lower() or product
        yield f"{product} {pull}#{number}"


@cache
def _tried() -> frozenset[str]:
    """The complaints that the docstring of a test names."""
    found: set[str] = set()
    for path in Path(__file__).parent.rglob("test_*.py"):
        source = path.read_text(encoding="utf-8")
        if not NAMED.search(source):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                is_test = node.name.startswith("test_")
                found.update(_names(ast.get_docstring(node) or "") if is_test else ())
    return frozenset(found)


@pytest.mark.parametrize("kind", COMPLAINTS)
def test_every_complaint_is_tried(kind: str) -> None:
    assert set(_names(COMPLAINTS[kind])) - _tried() == set()


def test_the_list_is_whole_and_what_is_not_tried_would_be_seen() -> None:
    every = [one for kind in COMPLAINTS.values() for one in _names(kind)]
    assert len(every) == len(set(every)) == 70
    assert set(_names("metabase#1; wee-slack PR#959")) & _tried() == set()
