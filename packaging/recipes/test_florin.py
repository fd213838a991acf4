"""Florin in a container for the tests of a Python program: pip install pytest testcontainers mangopay4-python-sdk, then pytest.

With FLORIN_URL, FLORIN_CLIENT_ID and FLORIN_API_KEY in the environment it takes the server that is there.
"""

import os

import mangopay
import pytest
from mangopay.api import APIRequest

IMAGE = os.environ.get("FLORIN_IMAGE", "florin")
PORT = 8080
CLIENT_ID = os.environ.get("FLORIN_CLIENT_ID", "tests")
API_KEY = os.environ.get("FLORIN_API_KEY", "a-key-for-these-tests-only")


@pytest.fixture(scope="session")
def florin_url():
    """Where Florin is."""
    if url := os.environ.get("FLORIN_URL"):
        yield url
        return
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy

    container = (
        DockerContainer(IMAGE)
        .with_env("FLORIN_FIRST_CLIENT_ID", CLIENT_ID)
        .with_env("FLORIN_FIRST_API_KEY", API_KEY)
        # Webhooks reach these tests at http://host.docker.internal:PORT.
        .with_kwargs(extra_hosts={"host.docker.internal": "host-gateway"})
        .with_exposed_ports(PORT)
        .waiting_for(HttpWaitStrategy(PORT, "/health"))
    )
    with container:
        yield f"http://{container.get_container_host_ip()}:{container.get_exposed_port(PORT)}"


@pytest.fixture(scope="session", autouse=True)
def api(florin_url):
    """The SDK, pointed at Florin."""
    mangopay.client_id, mangopay.apikey = CLIENT_ID, API_KEY
    mangopay.api_sandbox_url = f"{florin_url}/v2.01/"
    return APIRequest(sandbox=True)


def test_a_new_wallet_is_empty():
    from mangopay.resources import NaturalUser, Wallet

    user = NaturalUser(
        user_category="PAYER",
        terms_and_conditions_accepted=True,
        first_name="Ada",
        last_name="Byron",
        email="ada@example.com",
    )
    user.save()
    wallet = Wallet(owners=[user], description="Ada", currency="EUR")
    wallet.save()
    assert int(wallet.balance.amount) == 0
