'use strict'

// A marketplace: buyers pay for orders by card or bank wire, the money is kept for them until the order has arrived, and is then
// the seller's, less a commission. Nothing in here knows Florin: it runs against the vendor's API as it is.

const FINAL = ['SUCCEEDED', 'FAILED']

class Marketplace {
  /**
   * `mangopay` is the official SDK, `returnUrl` where payers come back to, `commission` a share in basis points (1 = 0.01 %),
   * `keptFor` how many seconds after its payment an order is released by itself, `now` what time it is (unix seconds).
   */
  constructor({ mangopay, returnUrl, commission = 1_000, keptFor = 14 * 86_400, now = () => Math.floor(Date.now() / 1_000) }) {
    Object.assign(this, { mangopay, returnUrl, commission, keptFor, now })
    this.orders = new Map()
    /** Orders by the id of what is under way for them at Mangopay. */
    this.waiting = new Map()
  }

  async #join(person, category) {
    const user = await this.mangopay.Users.create({
      PersonType: 'NATURAL',
      UserCategory: category,
      TermsAndConditionsAccepted: true,
      ...person,
    })
    const wallet = await this.mangopay.Wallets.create({ Owners: [user.Id], Description: person.FirstName, Currency: 'EUR' })
    return { user: user.Id, wallet: wallet.Id }
  }

  joinAsBuyer(person) {
    return this.#join(person, 'PAYER')
  }

  async joinAsSeller(person, iban) {
    const seller = await this.#join({ Birthday: 652_117_514, Nationality: 'FR', CountryOfResidence: 'FR', ...person }, 'OWNER')
    const account = await this.mangopay.Users.createBankAccount(seller.user, {
      Type: 'IBAN',
      OwnerName: `${person.FirstName} ${person.LastName}`,
      OwnerAddress: { AddressLine1: '1 rue de la Paix', City: 'Paris', PostalCode: '75002', Country: 'FR' },
      IBAN: iban,
    })
    return { ...seller, account: account.Id }
  }

  /** Registers a buyer's card and gives its id. A browser would do the middle step, so that we never see the number. */
  async addCard(buyer, { number, expiry = '1229', code = '123' }) {
    const registration = await this.mangopay.CardRegistrations.create({ UserId: buyer.user, Currency: 'EUR' })
    const typed = {
      accessKeyRef: registration.AccessKey,
      data: registration.PreregistrationData,
      cardNumber: number,
      cardExpirationDate: expiry,
      cardCvx: code,
    }
    const token = await fetch(registration.CardRegistrationURL, { method: 'POST', body: new URLSearchParams(typed) })
    const { CardId } = await this.mangopay.CardRegistrations.update({ Id: registration.Id, RegistrationData: await token.text() })
    if (!CardId) throw new Error('the card was not taken')
    return CardId
  }

  order(number, { buyer, seller, price }) {
    const order = { number, buyer, seller, price, state: 'unpaid', paidAt: null, payment: null, failure: null }
    this.orders.set(number, order)
    return order
  }

  /** Charges a card. The order's `payUrl` is where the payer has to go, if their bank asks. */
  async payByCard(order, card) {
    const payment = await this.mangopay.PayIns.create({
      PaymentType: 'CARD',
      ExecutionType: 'DIRECT',
      AuthorId: order.buyer.user,
      CreditedWalletId: order.buyer.wallet,
      DebitedFunds: { Currency: 'EUR', Amount: order.price },
      Fees: { Currency: 'EUR', Amount: 0 },
      CardId: card,
      SecureModeReturnURL: this.returnUrl,
      Tag: order.number,
    })
    order.payUrl = payment.SecureModeNeeded ? payment.SecureModeRedirectURL : null
    return this.#started(order, payment)
  }

  /** Gives the account and the reference that the buyer has to send the price to. */
  async payByWire(order) {
    const payment = await this.mangopay.PayIns.create({
      PaymentType: 'BANK_WIRE',
      ExecutionType: 'DIRECT',
      AuthorId: order.buyer.user,
      CreditedWalletId: order.buyer.wallet,
      DeclaredDebitedFunds: { Currency: 'EUR', Amount: order.price },
      DeclaredFees: { Currency: 'EUR', Amount: 0 },
    })
    this.#started(order, payment)
    return { iban: payment.BankAccount.IBAN, reference: payment.WireReference }
  }

  #started(order, payment) {
    Object.assign(order, { payment: payment.Id, state: 'paying' })
    this.waiting.set(payment.Id, order)
    return this.#noted(order, payment)
  }

  /** What Mangopay tells of a payment. The same told twice changes nothing. */
  #noted(order, { Id, Status, ResultCode, ResultMessage }) {
    if (order.state !== 'paying' || order.payment !== Id || !FINAL.includes(Status)) return order
    if (Status === 'SUCCEEDED') Object.assign(order, { state: 'paid', paidAt: this.now() })
    else Object.assign(order, { state: 'unpaid', failure: { code: ResultCode, message: ResultMessage } })
    return order
  }

  /** The order has arrived, or nobody complained in time: its price is the seller's, less our commission. */
  async release(order) {
    if (order.state !== 'paid') throw new Error(`order ${order.number} is ${order.state}`)
    const transfer = await this.mangopay.Transfers.create({
      AuthorId: order.buyer.user,
      DebitedWalletId: order.buyer.wallet,
      CreditedWalletId: order.seller.wallet,
      DebitedFunds: { Currency: 'EUR', Amount: order.price },
      Fees: { Currency: 'EUR', Amount: Math.floor((order.price * this.commission) / 10_000) },
    })
    if (transfer.Status !== 'SUCCEEDED') throw new Error(`${transfer.ResultCode} ${transfer.ResultMessage}`)
    Object.assign(order, { state: 'released', transfer: transfer.Id })
    return order
  }

  /** Releases every order that was kept long enough; to be called once an hour. */
  async releaseDue() {
    const due = [...this.orders.values()].filter((order) => order.state === 'paid' && order.paidAt + this.keptFor <= this.now())
    for (const order of due) await this.release(order)
    return due
  }

  /** Gives a paid order's price back to whoever paid it. */
  async refund(order) {
    if (order.state !== 'paid') throw new Error(`order ${order.number} is ${order.state}`)
    const refund = await this.mangopay.PayIns.createRefund(order.payment, { AuthorId: order.buyer.user })
    if (refund.Status !== 'SUCCEEDED') throw new Error(`${refund.ResultCode} ${refund.ResultMessage}`)
    order.state = 'refunded'
    return order
  }

  /** Pays a seller out. What becomes of it is told by webhooks: see `payouts`. */
  async payOut(seller, amount) {
    const payOut = await this.mangopay.PayOuts.create({
      AuthorId: seller.user,
      DebitedWalletId: seller.wallet,
      DebitedFunds: { Currency: 'EUR', Amount: amount },
      Fees: { Currency: 'EUR', Amount: 0 },
      BankAccountId: seller.account,
      BankWireRef: 'Marketplace',
      PaymentType: 'BANK_WIRE',
    })
    const noted = { id: payOut.Id, status: payOut.Status, code: payOut.ResultCode }
    this.waiting.set(payOut.Id, noted)
    return noted
  }

  /**
   * Something has happened, says a webhook: `{ type, id }`. A webhook may come twice, late, or from somebody else, so nothing of
   * it is believed: Mangopay is asked what became of the payment.
   */
  async handle({ type, id }) {
    const noted = this.waiting.get(id)
    if (!noted) return
    if (type.startsWith('PAYIN_NORMAL_')) this.#noted(noted, await this.mangopay.PayIns.get(id))
    if (type.startsWith('PAYOUT_NORMAL_') || type.startsWith('PAYOUT_REFUND_')) {
      const { Status, ResultCode } = await this.mangopay.PayOuts.get(id)
      Object.assign(noted, { status: Status, code: ResultCode })
    }
  }

  async balance(wallet) {
    const { Balance } = await this.mangopay.Wallets.get(wallet)
    return Balance.Amount
  }
}

module.exports = { Marketplace }
