'use strict';

// A browser without scripts goes through every hosted page of a real server, as payers and users do, and what came of it
// is asked of the API. `FLORIN` names another binary than target/release/florin.

const assert = require('node:assert');
const { after, before, test } = require('node:test');

const agreement = require('../agreement');
const { look } = require('./looks');
const { Scene, person, PLAIN, ASKING } = require('./scene');

const TEST_LIMIT_MS = 60_000;
/** The code of the sandbox, which the page itself tells. */
const CODE = '702100';
const TRIES_MAX = 5;

let scene;

before(async () => {
    scene = await Scene.open();
}, { timeout: TEST_LIMIT_MS });

after(() => scene?.close());

/** A test with a page that may ask nobody but the server and the platform. */
function journey(name, steps) {
    test(name, { timeout: TEST_LIMIT_MS }, async () => {
        const page = await scene.page();
        const asked = [];
        page.on('request', (request) => asked.push(request.url()));
        await steps(page);
        const ours = [scene.florin.url, new URL(scene.merchant.url).origin];
        const elsewhere = asked.filter((url) => !ours.includes(new URL(url).origin));
        assert.deepStrictEqual(elsewhere, [], 'nothing is asked of anybody else');
        await page.context().close();
    });
}

async function typeCard(page, { number = PLAIN, expiry = '12/29', code = '123' } = {}) {
    await page.getByLabel('Card number').fill(number);
    await page.getByLabel('Expires').fill(expiry);
    await page.getByLabel('Security code').fill(code);
}

/** The parameters with which the browser came back to the platform. */
async function back(page) {
    await page.waitForURL((url) => url.href.startsWith(scene.merchant.url));
    return new URL(page.url()).searchParams;
}

async function assertPayIn(id, status, code) {
    const seen = await scene.api('GET', `/payins/${id}`);
    assert.deepStrictEqual([seen.Status, seen.ResultCode], [status, code]);
    const { Balance } = await scene.api('GET', `/wallets/${seen.CreditedWalletId}`);
    assert.strictEqual(Balance.Amount, status === 'SUCCEEDED' ? seen.CreditedFunds.Amount : 0);
}

// Paying by card --------------------------------------------------------------------------------------------------

journey('a payer pays by keyboard alone', async (page) => {
    const payIn = await scene.payInOnPage();
    await page.goto(payIn.RedirectURL);
    await look(page, 'card');
    await page.getByLabel('Card number').focus();
    await page.keyboard.type('4970 1071 1111 1119');
    await page.keyboard.press('Tab');
    await page.keyboard.type('12/29');
    await page.keyboard.press('Tab');
    await page.keyboard.type('123');
    await page.keyboard.press('Enter');
    assert.strictEqual((await back(page)).get('transactionId'), payIn.Id);
    await assertPayIn(payIn.Id, 'SUCCEEDED', '000000');

    await page.goto(payIn.RedirectURL);
    assert.strictEqual(await page.getByRole('heading').textContent(), 'This page is over');
    await look(page, 'over');
});

journey('a card that its bank refuses sends the payer back', async (page) => {
    const payIn = await scene.payInOnPage();
    await page.goto(payIn.RedirectURL);
    await typeCard(page, { code: '999' });
    await page.getByRole('button', { name: 'Pay 123.45 EUR' }).click();
    assert.strictEqual((await back(page)).get('transactionId'), payIn.Id);
    await assertPayIn(payIn.Id, 'FAILED', '101101');
});

journey('a payer changes their mind', async (page) => {
    const payIn = await scene.payInOnPage();
    await page.goto(payIn.RedirectURL);
    await page.getByRole('button', { name: 'Cancel' }).click();
    assert.strictEqual((await back(page)).get('transactionId'), payIn.Id);
    const { Status, ResultCode } = await scene.api('GET', `/payins/${payIn.Id}`);
    assert.deepStrictEqual([Status, ResultCode], ['FAILED', '101002']);
});

journey('what was typed wrong is told beside its field, and the card can be typed again', async (page) => {
    const payIn = await scene.payInOnPage();
    await page.goto(payIn.RedirectURL);
    await typeCard(page, { number: '1234', expiry: '13/29', code: '123' });
    await page.getByRole('button', { name: /^Pay/ }).click();
    const told = async (label) => {
        const field = page.getByLabel(label);
        const noted = await field.getAttribute('aria-describedby');
        const note = noted && (await page.locator(`#${noted}`).textContent());
        return [await field.getAttribute('aria-invalid'), note, await field.inputValue()];
    };
    assert.deepStrictEqual(await told('Card number'), ['true', 'Check the card number.', '']);
    assert.deepStrictEqual(await told('Expires'), ['true', 'Write the date as on the card, month and year: 12/29.', '']);
    assert.strictEqual((await told('Security code'))[0], null);
    assert.strictEqual(await page.getByRole('alert').count(), 1);
    const focused = await page.evaluate(() => document.activeElement.id);
    assert.strictEqual(focused, 'number', 'the first wrong field has the focus');
    await look(page, 'card-wrong');

    // Luhn's check, an expired card and a code that is too short are found by the acquirer.
    for (const [card, label, text] of [
        [{ number: '4970107111111118' }, 'Card number', 'Check the card number.'],
        [{ expiry: '12/19' }, 'Expires', 'This card has expired. Use another one.'],
        [{ code: '1' }, 'Security code', 'Check the security code: three digits on the back, four on American Express.'],
    ]) {
        await typeCard(page, card);
        await page.getByRole('button', { name: /^Pay/ }).click();
        assert.deepStrictEqual((await told(label)).slice(0, 2), ['true', text]);
    }
    const { Status } = await scene.api('GET', `/payins/${payIn.Id}`);
    assert.strictEqual(Status, 'CREATED', 'nothing was charged meanwhile');
    await typeCard(page);
    await page.getByRole('button', { name: /^Pay/ }).click();
    await back(page);
    await assertPayIn(payIn.Id, 'SUCCEEDED', '000000');
});

journey('a great sum fits the page', async (page) => {
    const DebitedFunds = { Currency: 'EUR', Amount: 999_999_999_999_99 };
    const payIn = await scene.payInOnPage({ DebitedFunds });
    await page.goto(payIn.RedirectURL);
    await look(page, 'card-great-sum');
});

// Authenticating -------------------------------------------------------------------------------------------------

journey('a bank asks after the card was typed, and the payer confirms', async (page) => {
    const payIn = await scene.payInOnPage();
    await page.goto(payIn.RedirectURL);
    await typeCard(page, { number: ASKING });
    await page.getByRole('button', { name: /^Pay/ }).click();
    assert.strictEqual(await page.getByRole('heading').textContent(), 'Confirm it is you');
    await look(page, 'challenge');
    await page.getByRole('button', { name: 'Authenticate' }).click();
    assert.strictEqual((await back(page)).get('transactionId'), payIn.Id);
    await assertPayIn(payIn.Id, 'SUCCEEDED', '000000');
});

for (const [button, code] of [['Authenticate', '000000'], ['Fail authentication', '101301'], ['Abandon', '101002']]) {
    journey(`a payer answers a bank with "${button}"`, async (page) => {
        const payIn = await scene.challengedPayIn();
        await page.goto(payIn.SecureModeRedirectURL);
        await page.getByRole('button', { name: button, exact: true }).press('Enter');
        assert.strictEqual((await back(page)).get('transactionId'), payIn.Id);
        await assertPayIn(payIn.Id, code === '000000' ? 'SUCCEEDED' : 'FAILED', code);
    });
}

for (const [button, status] of [['Authenticate', 'SUCCEEDED'], ['Fail authentication', 'FAILED']]) {
    journey(`the holder of a card that is validated answers with "${button}"`, async (page) => {
        const validation = await scene.challengedValidation();
        await page.goto(validation.SecureModeRedirectURL);
        await look(page, 'validation');
        await page.getByRole('button', { name: button, exact: true }).click();
        assert.strictEqual((await back(page)).get('cardValidationId'), validation.Id);
        const list = await scene.api('GET', `/events?EventType=CARD_VALIDATION_${status}&per_page=100`);
        assert.ok(list.some((event) => event.ResourceId === validation.Id), `it is ${status}`);
    });
}

// Showing who one is ---------------------------------------------------------------------------------------------

journey('a user types a wrong code, then the right one', async (page) => {
    const { id, url } = await scene.enrolling();
    await page.goto(url);
    await look(page, 'sca');
    for (const [code, told] of [['12', 'The code has 6 digits.'], ['000000', 'This code is wrong. 4 tries left.']]) {
        await page.getByLabel('Code').fill(code);
        await page.getByRole('button', { name: 'Confirm' }).click();
        assert.strictEqual(await page.getByLabel('Code').getAttribute('aria-invalid'), 'true');
        const noted = await page.getByLabel('Code').getAttribute('aria-describedby');
        assert.strictEqual(await page.locator(`#${noted.split(' ')[0]}`).textContent(), told);
    }
    await look(page, 'sca-wrong');
    await page.getByLabel('Code').fill(CODE);
    await page.keyboard.press('Enter');
    assert.strictEqual((await back(page)).get('controlStatus'), 'VALIDATED');
    assert.strictEqual((await scene.api('GET', `/sca/users/${id}`)).UserStatus, 'ACTIVE');
});

journey('a user who guesses is sent back', async (page) => {
    const { id, url } = await scene.enrolling();
    await page.goto(url);
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        await page.getByLabel('Code').fill('111111');
        await page.getByRole('button', { name: 'Confirm' }).click();
    }
    assert.strictEqual((await back(page)).get('controlStatus'), 'FAILED');
    assert.strictEqual((await scene.api('GET', `/sca/users/${id}`)).UserStatus, 'PENDING_USER_ACTION');
});

// Watching webhooks ----------------------------------------------------------------------------------------------

journey('a developer sees every delivery, its answer and its next try', async (page) => {
    const made = await scene.sandbox('POST', '/platforms', { client_id: 'marketplace-with-hooks' });
    const its = { clientId: made.client_id, apiKey: made.api_key };
    const sandbox = (method, below, body) => scene.sandbox(method, below, body, its);
    const hook = (EventType, Url) => scene.api('POST', '/hooks', { EventType, Url }, its);
    const { Id: someone } = await scene.api('POST', '/users/natural', person('Sophia'), its);
    const user = async (id, block) => {
        await sandbox('POST', `/users/${id}/${block}`, {});
        await sandbox('POST', '/settle', {});
    };
    await page.goto(`${made.receiver}?still`);
    await look(page, 'receiver-empty');

    // One that fails as often as it is tried, one that nobody takes, one that is refused for now, and one that is taken.
    await hook('USER_OUTFLOWS_BLOCKED', `${made.receiver}?status=500`);
    await hook('USER_INFLOWS_UNBLOCKED', scene.merchant.url);
    await sandbox('POST', `/users/${someone}/block`, {});
    await sandbox('POST', '/clock', { advance: '5d' });
    await hook('USER_OUTFLOWS_UNBLOCKED', 'http://127.0.0.1:9/nobody-listens');
    await hook('USER_INFLOWS_BLOCKED', made.receiver);
    await user(someone, 'unblock');
    await page.goto(made.receiver);
    await page.getByRole('button', { name: 'Answer 500' }).click();
    assert.strictEqual((await sandbox('GET', '/receiver')).answer.status, 500);
    await user(someone, 'block');
    await page.getByRole('button', { name: 'Answer 200' }).click();
    assert.strictEqual((await sandbox('GET', '/receiver')).answer.status, 200);
    await user(someone, 'unblock');
    // The page renews itself: what happens while it is open is on it in a moment.
    const taken = page.getByRole('listitem').filter({ hasText: 'USER_INFLOWS_BLOCKED' }).filter({ hasText: 'delivered' });
    assert.strictEqual(await taken.count(), 0);
    await user(someone, 'block');
    await taken.first().waitFor();

    await page.goto(`${made.receiver}?still`);
    const row = (text) => page.getByRole('listitem').filter({ hasText: text }).last();
    const told = async (event) => (await row(event).locator('.chip').textContent()).trim();
    assert.strictEqual(await told('USER_OUTFLOWS_BLOCKED'), 'failed');
    assert.strictEqual(await told('USER_OUTFLOWS_UNBLOCKED'), 'to be tried again');
    assert.match(await row('USER_OUTFLOWS_UNBLOCKED').textContent(), /unreachable.*Next try/s);
    assert.strictEqual(await told('USER_INFLOWS_BLOCKED'), 'to be tried again');
    assert.strictEqual(await told('USER_INFLOWS_UNBLOCKED'), 'delivered');
    await page.locator('summary').first().click();
    assert.match(await page.locator('pre').first().textContent(), /GET \?.*EventType=USER_.*webhook-id: /s);
    await look(page, 'receiver');

    await page.getByRole('link', { name: someone }).first().click();
    await page.getByRole('heading', { name: 'Timeline' }).waitFor();
    await look(page, 'receiver-object');
    await page.getByRole('link', { name: 'All deliveries' }).click();
    await page.getByRole('heading', { name: 'Webhooks of marketplace-with-hooks' }).waitFor();
});

journey('a link that is wrong leads nowhere, and says so', async (page) => {
    for (const [name, below] of [['no-page', '/pay/card/nothing'], ['no-challenge', '/pay/3ds/nothing'], ['no-sca', '/sca?token=nothing'], ['no-receiver', '/sandbox/receiver/nothing']]) {
        const answer = await page.goto(`${scene.florin.url}${below}`);
        assert.strictEqual(answer.status(), 404, below);
        await look(page, name);
    }
});

// What came of it all ---------------------------------------------------------------------------------------------

test('the ledger has what the pages did, and nothing else', { timeout: TEST_LIMIT_MS }, async () => {
    const { found, operations } = await agreement.check(scene.florin);
    assert.deepStrictEqual(found, []);
    assert.ok(operations > 0, 'something was paid');
});
