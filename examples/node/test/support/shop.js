'use strict'

// A marketplace for one test file, on a platform of its own: its own users, its own clock, its own webhooks.

const Mangopay = require('mangopay4-nodejs-sdk')

const { Marketplace } = require('../../src/marketplace')
const { listen, subscribe } = require('../../src/webhooks')

const URL_OF_FLORIN = process.env.FLORIN_URL ?? 'http://127.0.0.1:8080'
const CLIENT_ID = process.env.FLORIN_CLIENT_ID ?? 'sandbox'
const API_KEY = process.env.FLORIN_API_KEY
/** What webhooks reach these tests by, and where they listen: in a container that is not the same. */
const WEBHOOK_HOST = process.env.WEBHOOK_HOST ?? '127.0.0.1'

const EVENTS = [
  'PAYIN_NORMAL_SUCCEEDED',
  'PAYIN_NORMAL_FAILED',
  'PAYOUT_NORMAL_SUCCEEDED',
  'PAYOUT_NORMAL_FAILED',
  'TRANSFER_NORMAL_SUCCEEDED',
  'PAYIN_REFUND_SUCCEEDED',
]

/** Asks the sandbox's own API. */
async function sandbox({ clientId, apiKey }, method, path, body) {
  const authorization = `Basic ${Buffer.from(`${clientId}:${apiKey}`).toString('base64')}`
  const answer = await fetch(`${URL_OF_FLORIN}/sandbox/v1${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text ? JSON.parse(text) : null
}

class Shop {
  static async open(options = {}) {
    const shop = new Shop()
    if (!API_KEY) throw new Error('FLORIN_API_KEY has to be set: the key that the first `florin serve` has shown')
    shop.root = { clientId: CLIENT_ID, apiKey: API_KEY }
    const made = await sandbox(shop.root, 'POST', '/platforms', {})
    shop.id = made.client_id
    shop.credentials = { clientId: made.client_id, apiKey: made.api_key }
    shop.mangopay = new Mangopay({
      clientId: made.client_id,
      clientApiKey: made.api_key,
      baseUrl: URL_OF_FLORIN,
      // The SDK prints every refusal unless told otherwise; tests provoke some.
      errorHandler: () => {},
    })
    shop.at = made.now
    shop.events = []
    const handle = async (event) => {
      shop.events.push(event)
      await (shop.disturbed ? shop.disturbed(event) : shop.market.handle(event))
    }
    const place = WEBHOOK_HOST === '127.0.0.1' ? {} : { host: '0.0.0.0', named: WEBHOOK_HOST }
    shop.webhooks = await listen(handle, place)
    shop.market = new Marketplace({ mangopay: shop.mangopay, returnUrl: shop.webhooks.url, now: () => shop.at, ...options })
    await subscribe(shop.mangopay, shop.webhooks.url, EVENTS)
    return shop
  }

  async close() {
    this.webhooks.closeAllConnections()
    await new Promise((resolve) => this.webhooks.close(resolve))
    await sandbox(this.root, 'DELETE', `/platforms/${this.id}`)
  }

  sandbox(path, body = {}) {
    return sandbox(this.credentials, 'POST', path, body)
  }

  /** Waits until everything that follows from what was done is done, its webhooks delivered too. */
  async settle() {
    const told = await this.sandbox('/settle')
    if (!told.settled) throw new Error(`not settled: ${JSON.stringify(told)}`)
  }

  /** Lets time pass (`31d`, `10m`); whatever becomes due meanwhile happens in its order. */
  async pass(span) {
    const told = await this.sandbox('/clock', { advance: span })
    this.at = told.now
    if (!told.reached) throw new Error(`the clock stopped on its way: ${JSON.stringify(told)}`)
  }

  /** How often an event came for an object. */
  heard(type, id) {
    return this.events.filter((event) => event.type === type && event.id === id).length
  }

  buyer() {
    return this.market.joinAsBuyer({ FirstName: 'Ada', LastName: 'Byron', Email: 'ada@example.com' })
  }

  /** A seller whose identity was checked: only those are paid out. */
  async seller(iban = 'FR7630004000031234567890143') {
    const seller = await this.market.joinAsSeller({ FirstName: 'Jean', LastName: 'Martin', Email: 'jean@example.com' }, iban)
    await this.sandbox(`/users/${seller.user}/verify`)
    return seller
  }

  /** An order that was paid by a card that does not ask. */
  async paidOrder(number, price, parties = {}) {
    const buyer = parties.buyer ?? (await this.buyer())
    const seller = parties.seller ?? (await this.seller())
    const card = await this.market.addCard(buyer, { number: '4970107111111119' })
    return this.market.payByCard(this.market.order(number, { buyer, seller, price }), card)
  }
}

module.exports = { Shop }
