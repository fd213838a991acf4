'use strict';

// What the tests of the pages stand on: a server with a platform, its API, the platform's own page to return to, and a
// browser without scripts.

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const { chromium } = require('playwright-core');

const { Florin } = require('../server');

const TARGET = path.join(__dirname, '..', '..', 'target');
/** The platform, with a name as long as they come. */
const CREDENTIALS = { clientId: 'marketplace-of-the-browser-tests', apiKey: 'key-of-the-browser-tests' };
/** Where screenshots go, to be looked at. */
const SCREENSHOTS = path.join(TARGET, 'browser');

const BROWSER = {
    executablePath: process.env.FLORIN_CHROMIUM || '/usr/bin/chromium',
    args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
    ],
};

/** Cards that the vendor documents: one whose bank does not ask, and one whose bank does. */
const PLAIN = '4970107111111119';
const ASKING = '4970105181818183';

class Scene {
    static async open() {
        const scene = new Scene();
        const binary = process.env.FLORIN || path.join(TARGET, 'release', 'florin');
        fs.rmSync(SCREENSHOTS, { recursive: true, force: true });
        fs.mkdirSync(SCREENSHOTS, { recursive: true });
        try {
            scene.florin = await Florin.start({ binary, credentials: CREDENTIALS, log: path.join(SCREENSHOTS, 'server.log') });
            scene.merchant = await Merchant.open();
            scene.browser = await chromium.launch(BROWSER);
        } catch (error) {
            await scene.close();
            throw error;
        }
        return scene;
    }

    async close() {
        await this.browser?.close();
        await this.merchant?.close();
        if (this.florin && (await this.florin.stop())) throw new Error('the server ended by itself');
    }

    /** A fresh browser page that runs no script, without anything remembered. */
    async page(options = {}) {
        const context = await this.browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 }, ...options });
        return context.newPage();
    }

    /** The answer to an API call, which has to be done. */
    api(method, below, body, credentials = CREDENTIALS) {
        return this.ask(method, `/v2.01/${credentials.clientId}${below}`, body, credentials);
    }

    /** The same of the sandbox's own API. */
    sandbox(method, below, body, credentials = CREDENTIALS) {
        return this.ask(method, `/sandbox/v1${below}`, body, credentials);
    }

    async ask(method, path, body, { clientId, apiKey }) {
        const basic = Buffer.from(`${clientId}:${apiKey}`).toString('base64');
        const headers = { authorization: `Basic ${basic}`, 'content-type': 'application/json' };
        const answer = await fetch(`${this.florin.url}${path}`, { method, headers, body: body && JSON.stringify(body) });
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
        return answer.json();
    }

    /** An owner with a wallet in EUR: `{ user, wallet }`, their ids. */
    async seller() {
        const { Id: user } = await this.api('POST', '/users/natural', person('Sophia'));
        const { Id: wallet } = await this.api('POST', '/wallets', { Owners: [user], Description: 'sales', Currency: 'EUR' });
        return { user, wallet };
    }

    /** A pay-in by a page of ours. */
    async payInOnPage(change = {}) {
        const { user, wallet } = await this.seller();
        return this.api('POST', '/payins/card/web', {
            AuthorId: user,
            CreditedWalletId: wallet,
            DebitedFunds: { Currency: 'EUR', Amount: 12_345 },
            Fees: { Currency: 'EUR', Amount: 0 },
            CardType: 'CB_VISA_MASTERCARD',
            ReturnURL: this.merchant.url,
            Culture: 'EN',
            ...change,
        });
    }

    /** A registered card of a new owner: `{ user, wallet, card }`, their ids. */
    async registeredCard(number) {
        const { user, wallet } = await this.seller();
        const registration = await this.api('POST', '/cardregistrations', { UserId: user, Currency: 'EUR' });
        const form = { data: registration.PreregistrationData, accessKeyRef: registration.AccessKey };
        const card = { cardNumber: number, cardExpirationDate: '1229', cardCvx: '123' };
        const token = await fetch(registration.CardRegistrationURL, { method: 'POST', body: new URLSearchParams({ ...form, ...card }) });
        const body = { RegistrationData: await token.text() };
        const { CardId } = await this.api('PUT', `/cardregistrations/${registration.Id}`, body);
        return { user, wallet, card: CardId };
    }

    /** A pay-in by a card whose bank asks. */
    async challengedPayIn() {
        const { user, wallet, card } = await this.registeredCard(ASKING);
        return this.api('POST', '/payins/card/direct', {
            AuthorId: user,
            CreditedWalletId: wallet,
            DebitedFunds: { Currency: 'EUR', Amount: 4_200 },
            Fees: { Currency: 'EUR', Amount: 0 },
            CardId: card,
            SecureModeReturnURL: this.merchant.url,
        });
    }

    /** A validation of a card whose bank asks. */
    async challengedValidation() {
        const { user, card } = await this.registeredCard(ASKING);
        return this.api('POST', `/cards/${card}/validation`, {
            AuthorId: user,
            SecureModeReturnURL: this.merchant.url,
            IpAddress: '127.0.0.1',
            BrowserInfo: {
                AcceptHeader: '*/*',
                ColorDepth: 4,
                JavaEnabled: true,
                JavascriptEnabled: true,
                Language: 'EN-GB',
                ScreenHeight: 1800,
                ScreenWidth: 400,
                TimeZoneOffset: '+60',
                UserAgent: 'agent',
            },
        });
    }

    /** An owner who has to show who they are: `{ id, url }`, the page's with where to return to. */
    async enrolling() {
        const body = { ...person('Marie'), PhoneNumber: '+33600000000', PhoneNumberCountry: 'FR' };
        const { Id, PendingUserAction } = await this.api('POST', '/sca/users/natural', body);
        return { id: Id, url: `${PendingUserAction.RedirectUrl}&returnUrl=${encodeURIComponent(this.merchant.url)}` };
    }
}

/** The platform's own site, where payers are sent back to; it keeps the queries that they came with. */
class Merchant {
    static async open() {
        const merchant = new Merchant();
        merchant.seen = [];
        merchant.server = http.createServer((request, response) => {
            const url = new URL(request.url, merchant.url);
            if (url.pathname === '/back') merchant.seen.push(url.searchParams);
            response.setHeader('content-type', 'text/html; charset=utf-8');
            response.end('<!doctype html><html lang="en"><title>Shop</title><h1>Back in the shop</h1></html>');
        });
        await new Promise((resolve) => merchant.server.listen(0, '127.0.0.1', resolve));
        merchant.url = `http://127.0.0.1:${merchant.server.address().port}/back`;
        return merchant;
    }

    close() {
        this.server.closeAllConnections();
        return new Promise((resolve) => this.server.close(resolve));
    }
}

function person(firstName) {
    return {
        FirstName: firstName,
        LastName: 'Garnier',
        Email: `${firstName.toLowerCase()}@example.com`,
        Birthday: 652_117_514,
        Nationality: 'FR',
        CountryOfResidence: 'FR',
        TermsAndConditionsAccepted: true,
        UserCategory: 'OWNER',
    };
}

module.exports = { Scene, person, SCREENSHOTS, PLAIN, ASKING };
