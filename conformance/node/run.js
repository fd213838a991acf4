#!/usr/bin/env node
'use strict';

// Runs the official Node SDK's own suite, unedited, against a Florin server and compares with expected.txt.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');

const { Florin, Refusal, ended, tail, track, waitForHealth } = require('../server');
const agreement = require('../agreement');

const USAGE = `usage: node run.js [options]          (once before: npm ci)

Against a server that runs already, at FLORIN_URL (default http://127.0.0.1:8080), with a platform that has the suite's
ClientId and API key (or those in FLORIN_CLIENT_ID and FLORIN_API_KEY); or, with --florin, against one started here.

  --florin PATH      start this florin binary on a fresh data folder, with the suite's platform and fixtures.jsonl
  --database URL     give it this database, which has to be empty; without it, SQLite
  --data DIR         use and keep this data folder instead of a temporary one
  --only A,B         run only these files of the suite, such as Users,Wallets
  --report FILE      where the result of every test goes as JSON (default report.json; the suite's output beside it)
  --update           move newly passing tests from not-yet.txt to expected.txt; never takes one out of expected.txt
  --owner NAME       with --update, move only those that not-yet.txt gives to this owner: webhooks, people, money
  --check            only check that every test is in exactly one of expected.txt and not-yet.txt; needs no server
  --help

Exit status: 0 when all expected tests that ran pass, 1 when one does not or the lists are wrong, 2 when nothing could
be run. With --florin, the ledger is looked at afterwards too: hledger, the API and the sums of postings have to agree.`;

const HERE = __dirname;
const EXPECTED = path.join(HERE, 'expected.txt');
const NOT_YET = path.join(HERE, 'not-yet.txt');
const FIXTURES = path.join(HERE, 'fixtures.jsonl');

/** The reason, in not-yet.txt, of tests that the suite skips on its own. */
const SKIPPED = 'always skipped by the suite itself';

/** Some hooks of the suite sleep 10 s. */
const TEST_LIMIT_MS = 15_000;

async function main() {
    const options = readArguments();
    const suite = loadSuite();

    const all = await listTests(suite);
    const lists = readLists();
    const problems = checkLists(all, lists);
    if (problems.length > 0) {
        console.error(problems.join('\n'));
        return 1;
    }
    if (options.check) {
        console.log(`${all.length} tests: ${lists.expected.length} expected, ${lists.notYet.size} not yet`);
        return 0;
    }

    const files = chooseFiles(suite, options.only);
    const florin = options.florin ? await Florin.start(setUp(options, suite)) : null;
    let results;
    let died = false;
    let agrees = true;
    try {
        const url = florin ? florin.url : process.env.FLORIN_URL || 'http://127.0.0.1:8080';
        if (!florin) await waitForHealth(url, 5_000);
        results = await runSuite(suite, files, url, options.report);
        if (florin && !florin.ended()) agrees = await agreed(florin);
    } finally {
        if (florin) died = await florin.stop();
    }
    const status = judge(all, lists, results, options);
    return died || !agrees ? 1 : status;
}

/** The server that the suite wants: its platform, its fixtures, its log beside the report. */
function setUp({ florin, database, data, report }, suite) {
    const { clientId, apiKey } = suite.credentials();
    const credentials = { clientId: process.env.FLORIN_CLIENT_ID || clientId, apiKey: process.env.FLORIN_API_KEY || apiKey };
    return { binary: florin, database, data, credentials, fixtures: FIXTURES, log: report.replace(/(\.json)?$/, '.server.log') };
}

/** Whether all tellings of the server's ledger agree; says where they do not. */
async function agreed(florin) {
    const { found, wallets, operations } = await agreement.check(florin);
    for (const disagreement of found) console.log(`DISAGREES  ${disagreement}`);
    if (found.length === 0) console.log(`hledger, the API and the postings agree on ${wallets} wallets and ${operations} payments`);
    return found.length === 0;
}

function readArguments() {
    const { values } = parseArgs({
        options: {
            florin: { type: 'string' },
            database: { type: 'string' },
            data: { type: 'string' },
            only: { type: 'string' },
            report: { type: 'string' },
            update: { type: 'boolean', default: false },
            owner: { type: 'string' },
            check: { type: 'boolean', default: false },
            help: { type: 'boolean', default: false },
        },
    });
    if (values.help) {
        console.log(USAGE);
        process.exit(0);
    }
    for (const name of ['database', 'data']) {
        if (values[name] && !values.florin) throw new Refusal(`--${name} needs --florin`);
    }
    if (values.owner && !values.update) throw new Refusal('--owner needs --update');
    values.report = path.resolve(values.report || path.join(HERE, 'report.json'));
    return values;
}

function loadSuite() {
    try {
        return require('./suite');
    } catch (error) {
        throw new Refusal(error.message);
    }
}

function chooseFiles(suite, only) {
    const files = suite.files();
    if (!only) return files;
    const wanted = only.split(',').map((name) => name.trim().toLowerCase());
    for (const name of wanted) {
        if (!files.some((file) => file.toLowerCase() === name)) {
            throw new Refusal(`--only: the suite has no file ${name}; it has ${files.join(', ')}`);
        }
    }
    return files.filter((file) => wanted.includes(file.toLowerCase()));
}

// The lists ------------------------------------------------------------------------------------------------------

/** expected.txt: one title a line. not-yet.txt: `owner: subject | title`. In both, lines with # are remarks. */
function readLists() {
    const expected = lines(EXPECTED);
    const notYet = new Map();
    const wrong = [];
    for (const line of lines(NOT_YET)) {
        const at = line.indexOf(' | ');
        if (at < 0) {
            wrong.push(`not-yet.txt: not "reason | title": ${line}`);
            continue;
        }
        const title = line.slice(at + 3).trim();
        if (notYet.has(title)) wrong.push(`twice in not-yet.txt: ${title}`);
        notYet.set(title, line.slice(0, at).trim());
    }
    return { expected, notYet, wrong };
}

function lines(file) {
    if (!fs.existsSync(file)) return [];
    return fs
        .readFileSync(file, 'utf8')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Every test of the suite is in exactly one list, and the lists hold nothing else. */
function checkLists(all, { expected, notYet, wrong }) {
    const problems = [...wrong];
    const inExpected = new Set(expected);
    const titles = new Set(all.map((test) => test.title));
    if (inExpected.size !== expected.length) {
        const twice = expected.filter((title, at) => expected.indexOf(title) !== at);
        for (const title of twice) problems.push(`twice in expected.txt: ${title}`);
    }
    for (const { title, skipped } of all) {
        if (inExpected.has(title) && notYet.has(title)) problems.push(`in both lists: ${title}`);
        if (!inExpected.has(title) && !notYet.has(title)) problems.push(`in neither list: ${title}`);
        if (skipped !== (notYet.get(title) === SKIPPED)) {
            problems.push(`${skipped ? 'skipped by the suite' : 'not skipped by the suite'}, not-yet.txt differs: ${title}`);
        }
    }
    for (const title of [...inExpected, ...notYet.keys()]) {
        if (!titles.has(title)) problems.push(`not in the suite: ${title}`);
    }
    return problems;
}

function moveToExpected(all, { expected, notYet }, titles) {
    const moved = new Set(titles);
    const keep = new Set([...expected, ...moved]);
    const ordered = all.map((test) => test.title).filter((title) => keep.has(title));
    const remarks = fs.existsSync(EXPECTED)
        ? fs.readFileSync(EXPECTED, 'utf8').split('\n').filter((line) => line.startsWith('#'))
        : [];
    fs.writeFileSync(EXPECTED, [...remarks, ...ordered, ''].join('\n'));

    const left = fs.readFileSync(NOT_YET, 'utf8').split('\n').filter((line) => {
        const at = line.indexOf(' | ');
        return line.startsWith('#') || at < 0 || !moved.has(line.slice(at + 3).trim());
    });
    fs.writeFileSync(NOT_YET, left.join('\n'));
    for (const title of moved) notYet.delete(title);
}

// The suite ------------------------------------------------------------------------------------------------------

/** All tests in order, without running any. */
async function listTests(suite) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'florin-node-list-'));
    try {
        const report = path.join(folder, 'list.json');
        return await mocha(suite, suite.files(), { FLORIN_ONLY_LIST: '1' }, report);
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

async function runSuite(suite, files, url, report) {
    const results = await mocha(suite, files, { FLORIN_URL: url }, report);
    console.log(`every test's result: ${report}`);
    return results;
}

async function mocha(suite, files, environment, report) {
    const args = [
        path.join(HERE, 'node_modules', 'mocha', 'bin', 'mocha'),
        ...['--no-config', '--no-package', '--ui', 'bdd', '--recursive', '--timeout', String(TEST_LIMIT_MS), '--exit'],
        ...['--require', path.join(HERE, 'setup.js'), '--reporter', path.join(HERE, 'reporter.js')],
        ...files.map((file) => path.join('test', 'services', `${file}.js`)),
    ];
    const env = { ...process.env, ...environment, FLORIN_REPORT: report };
    // The SDK's HTTP client would go through a proxy even to loopback.
    for (const name of Object.keys(env)) if (/^(https?|all|no)_proxy$/i.test(name)) delete env[name];

    const log = report.replace(/(\.json)?$/, '.log');
    fs.mkdirSync(path.dirname(report), { recursive: true });
    fs.rmSync(report, { force: true });
    const output = fs.openSync(log, 'w');
    const child = track(spawn(process.execPath, args, { cwd: suite.folder, env, stdio: ['ignore', output, output] }));
    await ended(child);
    fs.closeSync(output);
    if (!fs.existsSync(report)) throw new Refusal(`mocha wrote no report; its output:\n${tail(log)}`);
    return JSON.parse(fs.readFileSync(report, 'utf8'));
}

// The judgement --------------------------------------------------------------------------------------------------

function judge(all, lists, results, options) {
    const expected = new Set(lists.expected);
    const fresh = results.filter((test) => test.state === 'passed' && !expected.has(test.title));
    if (options.update) {
        const owned = (test) => !options.owner || ownerOf(lists.notYet.get(test.title)) === options.owner;
        const moved = fresh.filter(owned).map((test) => test.title);
        moveToExpected(all, lists, moved);
        for (const title of moved) {
            expected.add(title);
            console.log(`ADDED   ${title}`);
        }
    } else if (fresh.length > 0) {
        console.log(`${fresh.length} more pass; add them with --update where they are right:`);
        for (const test of fresh) {
            console.log(`NEW     ${test.title}  (${lists.notYet.get(test.title)})`);
            // Some tests of the suite pass on an error answer too.
            const refusal = test.refusals[0];
            if (refusal) console.log(`        though the server refused ${refusal.slice(0, 160)}`);
        }
    }

    const ran = results.filter((test) => expected.has(test.title));
    const broken = ran.filter((test) => test.state !== 'passed');
    for (const test of broken) {
        console.log(`FAILED  ${test.title}\n        ${test.error || `is ${test.state}`}`);
    }
    console.log(`${ran.length - broken.length} passed, ${broken.length} failed`);
    return broken.length === 0 ? 0 : 1;
}

/** `people` of `people: recipients`. */
function ownerOf(reason) {
    const found = /^(\w+):/.exec(reason || '');
    return found ? found[1] : null;
}

main().then(
    (status) => {
        process.exitCode = status;
    },
    (error) => {
        const plain = error instanceof Refusal || String(error.code).startsWith('ERR_PARSE_ARGS');
        console.error(plain ? `run.js: ${error.message}` : error);
        process.exitCode = 2;
    },
);
