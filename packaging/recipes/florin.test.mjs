// Florin in a container for the tests of a Node program: npm install --save-dev testcontainers mangopay4-nodejs-sdk, then
// node --test. With FLORIN_URL, FLORIN_CLIENT_ID and FLORIN_API_KEY in the environment it takes the server that is there.

import assert from 'node:assert'
import { after, before, test } from 'node:test'

import Mangopay from 'mangopay4-nodejs-sdk'

const IMAGE = process.env.FLORIN_IMAGE ?? 'florin'
const PORT = 8080

let container
let mangopay

before(async () => {
  let url = process.env.FLORIN_URL
  const clientId = process.env.FLORIN_CLIENT_ID ?? 'tests'
  const clientApiKey = process.env.FLORIN_API_KEY ?? 'a-key-for-these-tests-only'
  if (!url) {
    const { GenericContainer, Wait } = await import('testcontainers')
    container = await new GenericContainer(IMAGE)
      .withEnvironment({ FLORIN_FIRST_CLIENT_ID: clientId, FLORIN_FIRST_API_KEY: clientApiKey })
      // Webhooks reach these tests at http://host.docker.internal:PORT.
      .withExtraHosts([{ host: 'host.docker.internal', ipAddress: 'host-gateway' }])
      .withExposedPorts(PORT)
      .withWaitStrategy(Wait.forHttp('/health', PORT))
      .start()
    url = `http://${container.getHost()}:${container.getMappedPort(PORT)}`
  }
  mangopay = new Mangopay({ clientId, clientApiKey, baseUrl: url })
})

after(() => container?.stop())

test('a new wallet is empty', async () => {
  const user = await mangopay.Users.create({
    PersonType: 'NATURAL',
    UserCategory: 'PAYER',
    TermsAndConditionsAccepted: true,
    FirstName: 'Ada',
    LastName: 'Byron',
    Email: 'ada@example.com',
  })
  const wallet = await mangopay.Wallets.create({ Owners: [user.Id], Description: 'Ada', Currency: 'EUR' })
  assert.strictEqual(wallet.Balance.Amount, 0)
})
