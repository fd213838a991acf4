'use strict'

const assert = require('node:assert')
const { after, before, test } = require('node:test')

const { Shop } = require('./support/shop')

let shop

before(async () => {
  shop = await Shop.open()
})

after(() => shop?.close())

async function wiredOrder(number, price) {
  const [buyer, seller] = [await shop.buyer(), await shop.seller()]
  const order = shop.market.order(number, { buyer, seller, price })
  const { iban, reference } = await shop.market.payByWire(order)
  return { order, iban, reference }
}

test('a wire that arrives pays the order', async () => {
  const { order } = await wiredOrder('W-1', 90_000)
  assert.strictEqual(order.state, 'paying')
  await shop.sandbox(`/payins/${order.payment}/receive`)
  await shop.settle()
  assert.strictEqual(order.state, 'paid')
  assert.strictEqual(await shop.market.balance(order.buyer.wallet), 90_000)
})

test('a wire is known by its reference, however it is written', async () => {
  const { order, iban, reference } = await wiredOrder('W-2', 1_500)
  await shop.sandbox('/wires', { amount: 1_500, currency: 'EUR', iban, reference: `rent, ${reference.toLowerCase()}` })
  await shop.settle()
  assert.strictEqual(order.state, 'paid')
})

test('a wire that nobody sends ends after thirty days', async () => {
  const { order } = await wiredOrder('W-3', 1_000)
  await shop.pass('29d')
  assert.strictEqual(order.state, 'paying')
  await shop.pass('2d')
  await shop.settle()
  assert.strictEqual(order.state, 'unpaid')
  assert.strictEqual(shop.heard('PAYIN_NORMAL_FAILED', order.payment), 1)
})
