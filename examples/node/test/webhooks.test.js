'use strict'

const assert = require('node:assert')
const { after, before, test } = require('node:test')

const { Shop } = require('./support/shop')

let shop

before(async () => {
  shop = await Shop.open()
})

after(() => shop?.close())

test('a webhook that could not be handled comes again after ten minutes', async () => {
  let failures = 0
  shop.disturbed = async (event) => {
    if (event.type === 'PAYIN_NORMAL_SUCCEEDED' && failures === 0) {
      failures += 1
      throw new Error('the database is away')
    }
    return shop.market.handle(event)
  }
  const [buyer, seller] = [await shop.buyer(), await shop.seller()]
  const card = await shop.market.addCard(buyer, { number: '4970105181818183' })
  const order = await shop.market.payByCard(shop.market.order('H-1', { buyer, seller, price: 2_000 }), card)
  await shop.sandbox(`/payins/${order.payment}/3ds/pass`)
  await shop.settle()
  assert.deepStrictEqual([order.state, failures], ['paying', 1])

  await shop.pass('11m')
  await shop.settle()
  shop.disturbed = null
  assert.strictEqual(order.state, 'paid')
  assert.strictEqual(shop.heard('PAYIN_NORMAL_SUCCEEDED', order.payment), 2)
})

test('the same webhook twice changes nothing', async () => {
  const order = await shop.paidOrder('H-2', 2_000)
  await shop.settle()
  await shop.market.release(order)
  await shop.market.handle({ type: 'PAYIN_NORMAL_SUCCEEDED', id: order.payment })
  assert.strictEqual(order.state, 'released')
})

test('a webhook that somebody made up is not believed', async () => {
  const [buyer, seller] = [await shop.buyer(), await shop.seller()]
  const card = await shop.market.addCard(buyer, { number: '4970105181818183' })
  const order = await shop.market.payByCard(shop.market.order('H-3', { buyer, seller, price: 2_000 }), card)
  const forged = new URL(shop.webhooks.url)
  forged.search = new URLSearchParams({ EventType: 'PAYIN_NORMAL_SUCCEEDED', RessourceId: order.payment, Date: '0' })
  await fetch(forged)
  assert.strictEqual(order.state, 'paying')
})
