"""A platform of its own for each run (and each worker of pytest-xdist): its own users, clock and webhooks."""

import os

import mangopay
import pytest
import requests
from mangopay.resources import Notification

from rentals import Rentals
from webhooks import listen

URL = os.environ.get("FLORIN_URL", "http://127.0.0.1:8080")
ROOT = (os.environ.get("FLORIN_CLIENT_ID", "sandbox"), os.environ.get("FLORIN_API_KEY", ""))
# What webhooks reach these tests by, and where they listen: in a container that is not the same.
WEBHOOK_HOST = os.environ.get("WEBHOOK_HOST", "127.0.0.1")

EVENTS = ("PAYIN_NORMAL_SUCCEEDED", "PAYIN_NORMAL_FAILED", "PAYOUT_NORMAL_SUCCEEDED", "PAYOUT_NORMAL_FAILED")


def sandbox(credentials, method, path, body=None):
    """Asks the sandbox's own API."""
    answer = requests.request(method, f"{URL}/sandbox/v1{path}", auth=credentials, json=body or {}, timeout=60)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


class Shop:
    """The rentals under test, and what lets things happen around them."""

    def __init__(self, credentials):
        self.credentials = credentials
        self.heard = []
        self.webhooks = listen(self._hear, "127.0.0.1" if WEBHOOK_HOST == "127.0.0.1" else "0.0.0.0")
        url = f"http://{WEBHOOK_HOST}:{self.webhooks.server_address[1]}/mangopay"
        self.rentals = Rentals(return_url=url)
        for event in EVENTS:
            Notification(event_type=event, url=url).save()

    def _hear(self, event, subject):
        self.heard.append((event, subject))
        self.rentals.handle(event, subject)

    def sandbox(self, path, body=None):
        return sandbox(self.credentials, "POST", path, body)

    def settle(self):
        """Waits until everything that follows from what was done is done, its webhooks delivered too."""
        told = self.sandbox("/settle")
        assert told["settled"], told

    def passes(self, span):
        """Lets time pass (`31d`, `10m`); whatever becomes due meanwhile happens in its order."""
        told = self.sandbox("/clock", {"advance": span})
        assert told["reached"], told


@pytest.fixture(scope="session")
def shop():
    assert ROOT[1], "FLORIN_API_KEY has to be set: the key that the first `florin serve` has shown"
    made = sandbox(ROOT, "POST", "/platforms")
    mangopay.client_id, mangopay.apikey = made["client_id"], made["api_key"]
    mangopay.api_sandbox_url = f"{URL}/v2.01/"
    shop = Shop((made["client_id"], made["api_key"]))
    yield shop
    shop.webhooks.shutdown()
    sandbox(ROOT, "DELETE", f"/platforms/{made['client_id']}")


@pytest.fixture
def tenant(shop):
    return shop.rentals.join_as_tenant("Ada", "Byron")


@pytest.fixture
def host(shop):
    """A host whose identity was checked: only those are paid out."""
    host = shop.rentals.join_as_host("Jean", "Martin", "FR7630004000031234567890143")
    shop.sandbox(f"/users/{host.user.id}/verify")
    return host
