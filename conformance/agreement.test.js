'use strict';

// The check of agreement.js can fail: a journal that was doctored disagrees, and the wallet is named.

const assert = require('node:assert');
const test = require('node:test');

const { disagreements, balancesOf, entriesOf, accountOf, uuidOf } = require('./agreement');

const PLATFORM = '01a1fde0-4b5d-71a9-81d9-58847ecbf099';
const PAYER = 'wlt_m_01JF7FKVP51PS3TYKCN79VZZ8M';
const SELLER = 'wlt_m_01JF7FKVP51PS3TYKCN79VZZ8N';
const UNUSED = 'wlt_m_01JF7FKVP51PS3TYKCN79VZZ8P';
const PAY_IN = 'payin_m_01JF7FKVP51PS3TYKCN79VZZ8Q';
const TRANSFER = 'xfer_m_01JF7FKVP51PS3TYKCN79VZZ8R';

const wallet = (id) => `wallet:${PLATFORM}:${uuidOf(id)}`;
const entry = (kind, operation, postings) =>
    [`2026-11-21 (e) ${kind}  ; operation:${uuidOf(operation)}`, ...postings.map(([account, amount]) => `    ${account}  ${amount}`)].join('\n');

const PAY_IN_ENTRY = entry('pay-in', PAY_IN, [['safeguarding:p:1', '-10.00 EUR'], [wallet(PAYER), '10.00 EUR']]);
const TRANSFER_ENTRY = entry('transfer', TRANSFER, [
    [wallet(PAYER), '-3.50 EUR'],
    [wallet(SELLER), '3.00 EUR'],
    [`fees:${PLATFORM}:f1`, '0.50 EUR'],
]);
const JOURNAL = [PAY_IN_ENTRY, TRANSFER_ENTRY];

/** What is found when the API and the sums are right and the journal is this. */
function found(journal, change = {}) {
    const text = `${journal.join('\n\n')}\n`;
    const balances = balancesOf(text);
    const api = { [PAYER]: 650, [SELLER]: 300, [UNUSED]: 0, FEES_EUR: 50, ...change.api };
    const wallets = Object.entries(api).map(([id, amount]) => ({ id, currency: 'EUR', amount }));
    for (const it of wallets) it.account = accountOf(it, balances);
    const right = { [PAYER]: 650, [SELLER]: 300, [UNUSED]: 0, FEES_EUR: 50, ...change.sums };
    const sums = new Map(
        wallets.filter((it) => it.account).map((it) => [it.account.id, { balance: right[it.id], currency: 'EUR' }]),
    );
    const operations = change.operations || [
        { id: PAY_IN, kind: 'pay-in' },
        { id: TRANSFER, kind: 'transfer' },
    ];
    return disagreements({ wallets, operations, balances, sums, entries: entriesOf(text) });
}

test('a journal that tells the truth agrees', () => {
    assert.deepStrictEqual(found(JOURNAL), []);
});

test('an amount that was changed names the wallets', () => {
    const doctored = TRANSFER_ENTRY.replace('-3.50', '-3.51').replace(' 3.00', ' 3.01');
    assert.deepStrictEqual(found([PAY_IN_ENTRY, doctored]), [
        `${PAYER}: hledger says 649 EUR, the API 650`,
        `${SELLER}: hledger says 301 EUR, the API 300`,
    ]);
});

test('money of another currency in a wallet is told', () => {
    const doctored = entry('pay-in', PAY_IN, [
        ['safeguarding:p:1', '-10.00 EUR'],
        ['safeguarding:p:1', '-7 JPY'],
        [wallet(PAYER), '10.00 EUR'],
        [wallet(PAYER), '7 JPY'],
    ]);
    assert.deepStrictEqual(found([doctored, TRANSFER_ENTRY]), [`${PAYER}: hledger has 7 JPY in a wallet of EUR`]);
});

test('an entry that is missing, doubled or of another kind is told', () => {
    const missing = found([PAY_IN_ENTRY]);
    assert.ok(missing.includes(`${TRANSFER}: SUCCEEDED, with 0 entries of the kind transfer`), missing.join('\n'));
    assert.ok(missing.some((text) => text.startsWith('FEES_EUR: the API has it')), missing.join('\n'));
    const doubled = found([PAY_IN_ENTRY, PAY_IN_ENTRY, TRANSFER_ENTRY]);
    assert.ok(doubled.includes(`${PAY_IN}: SUCCEEDED, with 2 entries of the kind pay-in`), doubled.join('\n'));
    const other = found([PAY_IN_ENTRY.replace('pay-in', 'receipt'), TRANSFER_ENTRY]);
    assert.deepStrictEqual(other, [
        `${PAY_IN}: SUCCEEDED, with 0 entries of the kind pay-in`,
        `receipt ${uuidOf(PAY_IN)}: 1 in the journal, and no succeeded payment of the API`,
    ]);
});

test('a sum of postings and an answer of the API that are wrong are told', () => {
    assert.deepStrictEqual(found(JOURNAL, { sums: { [SELLER]: 299 } }), [`${SELLER}: its postings give 299 EUR, the API 300 EUR`]);
    assert.deepStrictEqual(found(JOURNAL, { api: { [UNUSED]: 1 }, sums: { [UNUSED]: 0 } }), [
        `${UNUSED}: hledger says 0 EUR, the API 1`,
        `${UNUSED}: its postings give 0 EUR, the API 1 EUR`,
    ]);
});

test('a wallet that only the journal has is told', () => {
    const stray = entry('pay-in', PAY_IN, [['safeguarding:p:1', '-10.00 EUR'], [wallet(PAYER), '9.00 EUR'], ['wallet:p:stray', '1.00 EUR']]);
    assert.ok(found([stray, TRANSFER_ENTRY]).includes('wallet:p:stray: the API does not show it'));
});
