"""Rentals on the Mangopay API: a tenant pays by card, the money is kept until the stay begins, and is then the host's, less our fee.

Nothing in here knows Florin: it runs against the vendor's API as it is.
"""

from dataclasses import dataclass
from typing import Optional

import requests
from mangopay.resources import BankAccount, BankWirePayOut, CardRegistration, DirectPayIn, NaturalUser, PayIn, PayInRefund, Transfer, Wallet
from mangopay.utils import Address, Money

FINAL = ("SUCCEEDED", "FAILED")


@dataclass
class Party:
    """A tenant or a host, and where their money is."""

    user: NaturalUser
    wallet: Wallet
    account: Optional[BankAccount] = None


@dataclass
class Booking:
    """A stay, and how far its payment is."""

    tenant: Party
    host: Party
    cents: int
    state: str = "unpaid"
    payment: Optional[str] = None
    pay_url: Optional[str] = None
    failure: Optional[str] = None


def euros(cents: int) -> Money:
    return Money(amount=cents, currency="EUR")


class Rentals:
    def __init__(self, return_url: str, fee_bps: int = 1_200):
        self.return_url = return_url
        self.fee_bps = fee_bps
        self.bookings = {}

    @staticmethod
    def _join(category: str, first_name: str, last_name: str, **more) -> Party:
        email = f"{first_name.lower()}@example.com"
        user = NaturalUser(
            user_category=category, terms_and_conditions_accepted=True, first_name=first_name, last_name=last_name, email=email, **more
        )
        user.save()
        wallet = Wallet(owners=[user], description=first_name, currency="EUR")
        wallet.save()
        return Party(user, wallet)

    def join_as_tenant(self, first_name: str, last_name: str) -> Party:
        return self._join("PAYER", first_name, last_name)

    def join_as_host(self, first_name: str, last_name: str, iban: str) -> Party:
        host = self._join("OWNER", first_name, last_name, birthday=652_117_514, nationality="FR", country_of_residence="FR")
        address = Address(address_line_1="1 rue de la Paix", city="Paris", postal_code="75002", country="FR")
        host.account = BankAccount(user=host.user, type="IBAN", owner_name=f"{first_name} {last_name}", owner_address=address, iban=iban)
        host.account.save()
        return host

    @staticmethod
    def add_card(tenant: Party, number: str, expiry: str = "1229", code: str = "123") -> str:
        """Registers a card. A browser would send its number, so that we never see it."""
        registration = CardRegistration(user=tenant.user, currency="EUR")
        registration.save()
        typed = {
            "accessKeyRef": registration.access_key,
            "data": registration.preregistration_data,
            "cardNumber": number,
            "cardExpirationDate": expiry,
            "cardCvx": code,
        }
        registration.registration_data = requests.post(registration.card_registration_url, data=typed, timeout=10).text
        registration.save()
        return registration.card_id

    def book(self, tenant: Party, host: Party, cents: int, card: str) -> Booking:
        """Charges a card for a stay. `pay_url` is where the tenant has to go, if their bank asks."""
        payment = DirectPayIn(
            author=tenant.user,
            credited_wallet=tenant.wallet,
            debited_funds=euros(cents),
            fees=euros(0),
            card_id=card,
            secure_mode_return_url=self.return_url,
        )
        payment.save()
        booking = Booking(tenant, host, cents, state="paying", payment=payment.id)
        booking.pay_url = payment.secure_mode_redirect_url if payment.secure_mode_needed else None
        self.bookings[payment.id] = booking
        self._note(booking, payment)
        return booking

    @staticmethod
    def _note(booking: Booking, payment) -> None:
        """What Mangopay tells of a payment. The same told twice changes nothing."""
        if booking.state != "paying" or payment.status not in FINAL:
            return
        if payment.status == "SUCCEEDED":
            booking.state = "paid"
        else:
            booking.state, booking.failure = "unpaid", payment.result_code

    def begin(self, booking: Booking) -> None:
        """The stay has begun: the price is the host's, less our fee."""
        if booking.state != "paid":
            raise ValueError(f"the booking is {booking.state}")
        transfer = Transfer(
            author=booking.tenant.user,
            credited_user=booking.host.user,
            debited_funds=euros(booking.cents),
            fees=euros(booking.cents * self.fee_bps // 10_000),
            debited_wallet=booking.tenant.wallet,
            credited_wallet=booking.host.wallet,
        )
        transfer.save()
        if transfer.status != "SUCCEEDED":
            raise RuntimeError(f"{transfer.result_code} {transfer.result_message}")
        booking.state = "begun"

    def cancel(self, booking: Booking) -> None:
        """Gives the price back to the tenant."""
        if booking.state != "paid":
            raise ValueError(f"the booking is {booking.state}")
        refund = PayInRefund(author=booking.tenant.user, payin_id=booking.payment)
        refund.save()
        if refund.status != "SUCCEEDED":
            raise RuntimeError(f"{refund.result_code} {refund.result_message}")
        booking.state = "cancelled"

    @staticmethod
    def pay_out(host: Party, cents: int) -> str:
        payout = BankWirePayOut(
            author=host.user,
            debited_wallet=host.wallet,
            debited_funds=euros(cents),
            fees=euros(0),
            bank_account=host.account,
            bank_wire_ref="Rentals",
        )
        payout.save()
        return payout.id

    def handle(self, event: str, subject: str) -> None:
        """A webhook has come. It may come twice, late, or from somebody else: what became of the payment is asked of Mangopay."""
        booking = self.bookings.get(subject)
        if booking and event.startswith("PAYIN_NORMAL_"):
            self._note(booking, PayIn.get(subject))

    @staticmethod
    def balance(party: Party) -> int:
        return int(Wallet.get(party.wallet.id).balance.amount)
