'use strict'

const assert = require('node:assert')
const { after, before, test } = require('node:test')

const { Shop } = require('./support/shop')

let shop

before(async () => {
  shop = await Shop.open()
})

after(() => shop?.close())

async function tryToPay(number, price, card) {
  const [buyer, seller] = [await shop.buyer(), await shop.seller()]
  const id = await shop.market.addCard(buyer, card)
  return shop.market.payByCard(shop.market.order(number, { buyer, seller, price }), id)
}

for (const [code, cents] of [['101105', 33_333], ['008003', 33_343], ['101102', 33_351]]) {
  test(`a bank's refusal ${code} leaves the order unpaid, and tells why`, async () => {
    const order = await tryToPay(`D-${code}`, cents, { number: '4970107111111119' })
    await shop.settle()
    assert.deepStrictEqual([order.state, order.failure.code], ['unpaid', code])
    assert.strictEqual(shop.heard('PAYIN_NORMAL_FAILED', order.payment), 1)
    assert.strictEqual(await shop.market.balance(order.buyer.wallet), 0)
  })
}

test('a payer who does not authenticate has not paid, and may try again', async () => {
  const order = await tryToPay('D-1', 2_500, { number: '4970105181818183' })
  await shop.sandbox(`/payins/${order.payment}/3ds/fail`)
  await shop.settle()
  assert.strictEqual(order.state, 'unpaid')

  const card = await shop.market.addCard(order.buyer, { number: '4970107111111119' })
  await shop.market.payByCard(order, card)
  await shop.settle()
  assert.strictEqual(order.state, 'paid')
})
