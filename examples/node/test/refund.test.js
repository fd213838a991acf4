'use strict'

const assert = require('node:assert')
const { after, before, test } = require('node:test')

const { Shop } = require('./support/shop')

let shop

before(async () => {
  shop = await Shop.open()
})

after(() => shop?.close())

test('a buyer gets their money back', async () => {
  const order = await shop.paidOrder('R-1', 3_000)
  await shop.market.refund(order)
  await shop.settle()
  assert.strictEqual(order.state, 'refunded')
  assert.strictEqual(await shop.market.balance(order.buyer.wallet), 0)
  assert.ok(shop.events.some((event) => event.type === 'PAYIN_REFUND_SUCCEEDED'))
})

test('what was released cannot be refunded', async () => {
  const order = await shop.paidOrder('R-2', 3_000)
  await shop.market.release(order)
  await assert.rejects(shop.market.refund(order), /is released/)
})
