'use strict';

// Holds three tellings of the same ledger against each other, once a suite has run: hledger's balances of the
// exported journal, the API's, and the sums of the postings that `florin ledger balance` gives. And the journal has one
// entry for each succeeded payment of the API, of its kind, and no other.
//
// Start with `check`, which asks all of them; `disagreements` compares, and is what agreement.test.js doctors.

const { spawnSync } = require('node:child_process');

const HLEDGER = '/usr/bin/hledger';

/** Payouts end a moment after they were made; what they will take is missing in the API's balance until then. */
const SETTLE_LIMIT_MS = 30_000;
const SETTLE_PAUSE_MS = 200;

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const JOURNAL_MAX_BYTES = 256 * 1024 * 1024;

/** The kind of entry that a transaction of the wire has, by its Type and Nature. A refund is of the type it undoes it by. */
const KINDS = {
    'PAYIN REGULAR': 'pay-in',
    'TRANSFER REGULAR': 'transfer',
    'PAYOUT REGULAR': 'payout',
    'PAYOUT REFUND': 'pay-in-refund',
    'TRANSFER REFUND': 'transfer-refund',
    'PAYIN REFUND': 'payout-return',
};

/** What a server of this binary, whose store these arguments name, disagrees about; texts, none when all agree. */
async function check({ binary, store, url, credentials }) {
    const api = new Api(url, credentials);
    const { wallets, operations } = await settled(api);
    const verified = JSON.parse(run(binary, ['ledger', 'verify', '--json', ...store]));
    const journal = run(binary, ['ledger', 'export', '--format', 'hledger', ...store]);
    const balances = balancesOf(journal);
    for (const wallet of wallets) wallet.account = accountOf(wallet, balances);
    const sums = new Map();
    for (const { account } of wallets.filter((wallet) => wallet.account)) {
        sums.set(account.id, JSON.parse(run(binary, ['ledger', 'balance', account.id, '--json', ...store])));
    }
    const found = disagreements({ wallets, operations, balances, sums, entries: entriesOf(journal) });
    if (!verified.holds) found.push(`the ledger does not hold: ${verified.findings.join('; ')}`);
    return { found, wallets: wallets.length, operations: operations.length };
}

/**
 * Compares. `wallets`: of the API, `{ id, currency, amount, account }`, the account `{ name, id }` or null where a client
 * wallet is in no entry; `operations`: succeeded payments of the API, `{ id, kind }`; `balances`: hledger's, account
 * name -> currency -> minor units; `sums`: the ledger's, account id -> `{ balance, currency }`; `entries`: of the
 * journal, `{ operation, kind }`. Amounts are minor units.
 */
function disagreements({ wallets, operations, balances, sums, entries }) {
    const found = [];
    const shown = new Set();
    for (const { id, currency, amount, account } of wallets) {
        if (!account) {
            // One of the platform's own that nothing has come to yet.
            if (amount !== 0) found.push(`${id}: the API has it with ${amount} ${currency}, and no entry names it`);
            continue;
        }
        shown.add(account.name);
        const tellings = { ...balances.get(account.name) };
        const hledger = tellings[currency] ?? 0;
        delete tellings[currency];
        if (hledger !== amount) found.push(`${id}: hledger says ${hledger} ${currency}, the API ${amount}`);
        for (const [other, more] of Object.entries(tellings)) {
            if (more !== 0) found.push(`${id}: hledger has ${more} ${other} in a wallet of ${currency}`);
        }
        const sum = sums.get(account.id);
        if (!sum || sum.currency !== currency || sum.balance !== amount) {
            const said = sum ? `${sum.balance} ${sum.currency}` : 'nothing';
            found.push(`${id}: its postings give ${said}, the API ${amount} ${currency}`);
        }
    }
    for (const name of balances.keys()) {
        if (/^(wallet|fees|credit):/.test(name) && !shown.has(name)) found.push(`${name}: the API does not show it`);
    }
    return found.concat(unpaired(operations, entries));
}

/** Operations without an entry of their kind, and entries without an operation. */
function unpaired(operations, entries) {
    const found = [];
    const open = new Map();
    const key = (kind, uuid) => `${kind} ${uuid}`;
    for (const { kind, operation } of entries) open.set(key(kind, operation), (open.get(key(kind, operation)) || 0) + 1);
    for (const { id, kind } of operations) {
        const paired = key(kind, uuidOf(id));
        const entriesOfIt = open.get(paired) || 0;
        if (entriesOfIt !== 1) found.push(`${id}: SUCCEEDED, with ${entriesOfIt} entries of the kind ${kind}`);
        open.delete(paired);
    }
    for (const [left, count] of open) found.push(`${left}: ${count} in the journal, and no succeeded payment of the API`);
    return found;
}

// hledger --------------------------------------------------------------------------------------------------------

/** hledger's balances of a journal: account name -> currency -> minor units. */
function balancesOf(journal) {
    const [rows] = JSON.parse(hledger(journal, ['balance', '--flat', '--empty', '--no-total', '-O', 'json']));
    const balances = new Map();
    for (const [name, , , amounts] of rows) {
        balances.set(name, Object.fromEntries(amounts.map((amount) => [amount.acommodity, minorUnits(amount)])));
    }
    return balances;
}

/** A journal's entries as hledger reads them: `{ kind, operation }`. */
function entriesOf(journal) {
    return JSON.parse(hledger(journal, ['print', '-O', 'json'])).map((entry) => {
        const operation = entry.ttags.find(([name]) => name === 'operation');
        return { kind: entry.tdescription.trim(), operation: operation ? operation[1] : null };
    });
}

function minorUnits({ acommodity, aquantity: { decimalMantissa, decimalPlaces } }) {
    const format = new Intl.NumberFormat('en', { style: 'currency', currency: acommodity });
    const places = format.resolvedOptions().maximumFractionDigits;
    const minor = (BigInt(decimalMantissa) * 10n ** BigInt(places)) / 10n ** BigInt(decimalPlaces);
    return Number(minor);
}

function hledger(journal, args) {
    return run(HLEDGER, ['-f', '-', ...args], journal);
}

/** Runs a program to its end; gives what it printed. */
function run(program, args, input) {
    const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', input, maxBuffer: JOURNAL_MAX_BYTES });
    if (error) throw new Error(`${program}: ${error.message}`);
    // `ledger verify` prints what it found, and ends with 1.
    if (status !== 0 && !stdout.startsWith('{')) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}`);
    return stdout;
}

// The API --------------------------------------------------------------------------------------------------------

class Api {
    constructor(url, { clientId, apiKey }) {
        this.base = `${url}/v2.01/${clientId}`;
        this.headers = { authorization: `Basic ${Buffer.from(`${clientId}:${apiKey}`).toString('base64')}` };
    }

    /** All items of a list, in pages. */
    async list(path) {
        const all = [];
        for (let page = 1; ; page += 1) {
            const answer = await fetch(`${this.base}${path}?page=${page}&per_page=100`, { headers: this.headers });
            if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
            const items = await answer.json();
            all.push(...items);
            if (all.length >= Number(answer.headers.get('x-number-of-items'))) return all;
            if (items.length === 0) throw new Error(`GET ${path}: page ${page} is empty before the list's end`);
        }
    }
}

/** Every wallet, and every payment that succeeded, once no payout is under way. */
async function settled(api) {
    const end = Date.now() + SETTLE_LIMIT_MS;
    for (;;) {
        const state = await stateOf(api);
        if (state.underWay.length === 0) return state;
        if (Date.now() > end) throw new Error(`still under way after ${SETTLE_LIMIT_MS / 1000} s: ${state.underWay.join(', ')}`);
        await new Promise((resolve) => setTimeout(resolve, SETTLE_PAUSE_MS));
    }
}

async function stateOf(api) {
    const lists = [];
    const bodies = [];
    for (const { Id } of await api.list('/users')) bodies.push(...(await api.list(`/users/${Id}/wallets`)));
    for (const wallet of bodies) lists.push(`/wallets/${wallet.Id}/transactions`);
    for (const wallet of await api.list('/clients/wallets')) {
        bodies.push(wallet);
        lists.push(`/clients/wallets/${wallet.FundsType}/${wallet.Currency}/transactions`);
    }
    const transactions = new Map();
    for (const path of lists) for (const it of await api.list(path)) transactions.set(it.Id, it);
    const all = [...transactions.values()];
    const wallets = bodies.map((it) => ({ id: it.Id, currency: it.Balance.Currency, amount: it.Balance.Amount }));
    const operations = all
        .filter((it) => it.Status === 'SUCCEEDED')
        .map((it) => ({ id: it.Id, kind: KINDS[`${it.Type} ${it.Nature}`] || `${it.Type} ${it.Nature}` }));
    const underWay = all.filter((it) => it.Type === 'PAYOUT' && it.Status === 'CREATED').map((it) => it.Id);
    return { wallets, operations, underWay };
}

/** The ledger's account of a wallet: by its id, or by its role and currency for one of the platform's own. */
function accountOf({ id, currency }, balances) {
    const names = [...balances.keys()];
    const own = /^(FEES|CREDIT)_/.exec(id);
    if (own) {
        const ofRole = names.filter((name) => name.startsWith(`${own[1].toLowerCase()}:`) && currency in balances.get(name));
        return ofRole.length === 1 ? { name: ofRole[0], id: ofRole[0].split(':')[2] } : null;
    }
    const uuid = uuidOf(id);
    const name = names.find((other) => other.startsWith('wallet:') && other.endsWith(`:${uuid}`));
    // One that was never used is in no entry; its sum is asked all the same.
    return { name: name || `wallet:unused:${uuid}`, id: uuid };
}

/** `wlt_m_01JF7FKVP51PS3TYKCN79VZZ8M` as the UUID of the same 128 bits. */
function uuidOf(id) {
    const bits = [...id.slice(-26)].reduce((sum, digit) => sum * 32n + BigInt(DIGITS.indexOf(digit)), 0n);
    return bits.toString(16).padStart(32, '0').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

module.exports = { check, disagreements, balancesOf, entriesOf, accountOf, uuidOf };
