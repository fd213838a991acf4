'use strict'

const assert = require('node:assert')
const { after, before, test } = require('node:test')

const { Shop } = require('./support/shop')

let shop

before(async () => {
  shop = await Shop.open()
})

after(() => shop?.close())

/** An account whose bank does nothing by itself. */
const WAITS = 'FR699999900001WAITS00000172'

async function sellerWithMoney(iban) {
  const seller = await shop.seller(iban)
  const order = await shop.paidOrder(`P-${seller.user}`, 10_000, { seller })
  await shop.market.release(order)
  return seller
}

test('a seller is paid out', async () => {
  const seller = await sellerWithMoney()
  const payOut = await shop.market.payOut(seller, 9_000)
  await shop.pass('1m')
  await shop.settle()
  assert.strictEqual(payOut.status, 'SUCCEEDED')
  assert.strictEqual(await shop.market.balance(seller.wallet), 0)
})

test('a payout that the bank refuses comes back to the seller', async () => {
  const seller = await sellerWithMoney(WAITS)
  const payOut = await shop.market.payOut(seller, 4_000)
  assert.strictEqual(await shop.market.balance(seller.wallet), 5_000)
  await shop.sandbox(`/payouts/${payOut.id}/fail`, { code: 'wrong_account_type' })
  await shop.settle()
  assert.deepStrictEqual([payOut.status, payOut.code], ['FAILED', '121012'])
  assert.strictEqual(shop.heard('PAYOUT_NORMAL_FAILED', payOut.id), 1)
  assert.strictEqual(await shop.market.balance(seller.wallet), 9_000)
})

test('a seller cannot be paid out more than they have', async () => {
  const seller = await sellerWithMoney()
  const payOut = await shop.market.payOut(seller, 9_001)
  await shop.settle()
  assert.deepStrictEqual([payOut.status, payOut.code], ['FAILED', '001001'])
})
