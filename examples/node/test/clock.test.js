'use strict'

const assert = require('node:assert')
const { after, before, test } = require('node:test')

const { Shop } = require('./support/shop')

let shop

before(async () => {
  shop = await Shop.open()
})

after(() => shop?.close())

test('an order is released by itself after two weeks', async () => {
  const order = await shop.paidOrder('K-1', 8_000)
  await shop.pass('13d')
  assert.deepStrictEqual(await shop.market.releaseDue(), [])
  await shop.pass('1d')
  assert.deepStrictEqual(await shop.market.releaseDue(), [order])
  assert.strictEqual(await shop.market.balance(order.seller.wallet), 7_200)
})

test('this platform is ahead of the others, and nobody else is', async () => {
  const others = await Shop.open()
  try {
    assert.ok(shop.at - others.at >= 13 * 86_400, 'two weeks have passed here only')
  } finally {
    await others.close()
  }
})
