"""Tests of one `xdist_group` share what they build only if pytest-xdist sees the group."""

import pytest


@pytest.mark.xdist_group("seen")
def test_the_workers_see_groups(request: pytest.FixtureRequest, worker_id: str) -> None:
    if worker_id == "master":
        pytest.skip("there are no workers")
    assert request.node.nodeid.endswith("@seen")
