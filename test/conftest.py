# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "lib"), os.path.join(HERE, "golden"),
                os.path.join(HERE, "compare")]

import engines as real_servers  # noqa: E402
from programs import weir_path  # noqa: E402

PRODUCTS = ("opensearch", "elasticsearch")


@pytest.fixture(scope="session")
def engines():
    found = real_servers.Engines()
    yield found
    found.clean()


def get_or_skip(engines, product):
    try:
        return engines.get(product)
    except real_servers.Missing as why:
        pytest.skip(str(why))


@pytest.fixture
def opensearch(engines):
    """A real OpenSearch."""
    return get_or_skip(engines, "opensearch")


@pytest.fixture
def elasticsearch(engines):
    """A real Elasticsearch."""
    return get_or_skip(engines, "elasticsearch")


@pytest.fixture(params=PRODUCTS)
def engine(engines, request):
    """Each of both."""
    return get_or_skip(engines, request.param)


def pytest_collection_modifyitems(config, items):
    """Real servers are slow, and what sanitizers can find, scripted servers show as well: tests that
    use real ones run with the release build only."""
    if "san" in os.path.basename(os.path.dirname(weir_path())):
        left_out = [item for item in items if "engines" in item.fixturenames]
        items[:] = [item for item in items if "engines" not in item.fixturenames]
        config.hook.pytest_deselected(items=left_out)
