'use strict'

const assert = require('node:assert')
const { after, before, test } = require('node:test')

const { Shop } = require('./support/shop')

let shop

before(async () => {
  shop = await Shop.open()
})

after(() => shop?.close())

test('the seller gets the price less our commission', async () => {
  const order = await shop.paidOrder('C-1', 10_000)
  await shop.market.release(order)
  await shop.settle()
  assert.strictEqual(await shop.market.balance(order.buyer.wallet), 0)
  assert.strictEqual(await shop.market.balance(order.seller.wallet), 9_000)
  assert.strictEqual(shop.heard('TRANSFER_NORMAL_SUCCEEDED', order.transfer), 1)
})

test('commissions are kept on our own wallet', async () => {
  const before = await fees()
  const order = await shop.paidOrder('C-2', 12_345)
  await shop.market.release(order)
  assert.strictEqual((await fees()) - before, 1_234)
})

test('an order is released once', async () => {
  const order = await shop.paidOrder('C-3', 500)
  await shop.market.release(order)
  await assert.rejects(shop.market.release(order), /is released/)
})

async function fees() {
  const { Balance } = await shop.mangopay.Clients.getClientWallet('FEES', 'EUR')
  return Balance.Amount
}
