"""A short storm in every test run; `make chaos` has the long one.

The numbers of the verdict come from what both platforms recorded, never from our own tables.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.chaos.storm import SHORT, storm

pytestmark = pytest.mark.long


@pytest.mark.timeout(400)
def test_killed_again_and_again_every_message_is_seen_once(
    engine: sa.Engine, tmp_path: Path
) -> None:
    url = engine.url.render_as_string(hide_password=False)
    verdict = storm(tmp_path, url, SHORT[engine.dialect.name])
    assert verdict.is_clean, verdict
