'use strict'

// Where Mangopay's webhooks arrive: a GET whose query has EventType, RessourceId and Date. It is answered once the event has been
// handled; anything but 200 has it sent again.

const http = require('node:http')

/** Listens at `host` and gives a server with its `url`. `handle` takes `{ type, id, date }`. */
async function listen(handle, { host = '127.0.0.1', port = 0, named = host } = {}) {
  const server = http.createServer(async (request, response) => {
    const query = new URL(request.url, 'http://localhost').searchParams
    const event = { type: query.get('EventType'), id: query.get('RessourceId'), date: Number(query.get('Date')) }
    if (request.method !== 'GET' || !event.type || !event.id) {
      response.writeHead(400).end()
      return
    }
    try {
      await handle(event)
      response.writeHead(200).end()
    } catch (error) {
      response.writeHead(500).end(error.message)
    }
  })
  await new Promise((resolve, reject) => server.on('error', reject).listen(port, host, resolve))
  server.url = `http://${named}:${server.address().port}/mangopay`
  return server
}

/** Has Mangopay send events of these types to a URL. */
async function subscribe(mangopay, url, types) {
  for (const type of types) await mangopay.Hooks.create({ EventType: type, Url: url })
}

module.exports = { listen, subscribe }
