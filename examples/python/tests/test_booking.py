PLAIN = "4970107111111119"
ASKING = "4970105181818183"


def test_a_stay_is_paid_once_the_tenant_has_authenticated(shop, tenant, host):
    booking = shop.rentals.book(tenant, host, 42_000, shop.rentals.add_card(tenant, ASKING))
    assert booking.state == "paying" and booking.pay_url
    shop.sandbox(f"/payins/{booking.payment}/3ds/pass")
    shop.settle()
    assert booking.state == "paid"
    assert shop.heard.count(("PAYIN_NORMAL_SUCCEEDED", booking.payment)) == 1


def test_a_card_that_has_expired_pays_nothing(shop, tenant, host):
    booking = shop.rentals.book(tenant, host, 33_333, shop.rentals.add_card(tenant, PLAIN))
    shop.settle()
    assert (booking.state, booking.failure) == ("unpaid", "101105")
    assert shop.heard.count(("PAYIN_NORMAL_FAILED", booking.payment)) == 1
    assert shop.rentals.balance(tenant) == 0


def test_a_cancelled_stay_costs_nothing(shop, tenant, host):
    booking = shop.rentals.book(tenant, host, 10_000, shop.rentals.add_card(tenant, PLAIN))
    shop.rentals.cancel(booking)
    assert booking.state == "cancelled"
    assert shop.rentals.balance(tenant) == 0


def test_a_host_is_paid_out_what_a_stay_has_brought(shop, tenant, host):
    booking = shop.rentals.book(tenant, host, 10_000, shop.rentals.add_card(tenant, PLAIN))
    shop.rentals.begin(booking)
    assert shop.rentals.balance(host) == 8_800
    payout = shop.rentals.pay_out(host, 8_800)
    shop.passes("1m")
    shop.settle()
    assert ("PAYOUT_NORMAL_SUCCEEDED", payout) in shop.heard
    assert shop.rentals.balance(host) == 0
