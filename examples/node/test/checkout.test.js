'use strict'

const assert = require('node:assert')
const { after, before, test } = require('node:test')

const { Shop } = require('./support/shop')

let shop

before(async () => {
  shop = await Shop.open()
})

after(() => shop?.close())

test('an order is paid once the payer has authenticated, and a webhook says so', async () => {
  const [buyer, seller] = [await shop.buyer(), await shop.seller()]
  const card = await shop.market.addCard(buyer, { number: '4970105181818183' })
  const order = await shop.market.payByCard(shop.market.order('A-1', { buyer, seller, price: 4_200 }), card)
  assert.strictEqual(order.state, 'paying')
  assert.ok(order.payUrl, 'their bank asks')

  await shop.sandbox(`/payins/${order.payment}/3ds/pass`)
  await shop.settle()
  assert.strictEqual(order.state, 'paid')
  assert.strictEqual(shop.heard('PAYIN_NORMAL_SUCCEEDED', order.payment), 1)
  assert.strictEqual(await shop.market.balance(buyer.wallet), 4_200)
})

test('a card that does not ask is charged at once', async () => {
  const order = await shop.paidOrder('A-2', 1_999)
  assert.strictEqual(order.state, 'paid')
  await shop.settle()
  assert.strictEqual(shop.heard('PAYIN_NORMAL_SUCCEEDED', order.payment), 1)
})
