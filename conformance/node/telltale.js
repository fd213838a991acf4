#!/usr/bin/env node
'use strict';

// Writes telltale.txt: the literals of the official SDK's test/ folder that no product code has a reason to know.
// `cargo xtask tidy` looks for them in crates/*/src: a server that passes the suite by knowing its data is no server.
//
// A literal tells when nobody would write it by chance: an e-mail address, an id, a UUID, an address of a machine, a
// secret, a phone, card or account number. Words, codes, colours, round numbers and counting (123456) do not.
//
//   node telltale.js           writes the list
//   node telltale.js --check   says whether it is the one that the installed suite gives

const fs = require('node:fs');
const path = require('node:path');

const LIST = path.join(__dirname, 'telltale.txt');
const SDK = path.join(__dirname, 'node_modules', 'mangopay4-nodejs-sdk');

/** A longer literal is data such as a picture; this much of it is enough to know it by. */
const LONGEST = 64;

const TELLS = [
    /^[^@\s]+@[^@\s]+\.[a-z]+$/i, // an e-mail address
    /^[a-z]+_m_[0-9A-Z]{26}$/, // an id
    /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i, // a UUID
    /^\d{1,3}(\.\d{1,3}){3}$/, // an address of a machine
    /^[0-9a-f:]{20,}$/i, // one of the newer kind
    /^[A-Za-z0-9+/=]{32,}$/, // a secret, a digest, or a file
    /^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/, // an IBAN
    /^\+?\d{8,}$/, // a phone, card or account number
    /^[A-Z]+\d{4,}[A-Z]*\d*$/, // a number of a paper
];

/** Digits that go up by one, or are one digit with zeros after it: examples, which anybody writes. */
function isPlain(literal) {
    if (!/^\+?\d+$/.test(literal)) return false;
    const digits = literal.replace('+', '');
    return '01234567890'.includes(digits) || /^\d0*$/.test(digits) || /^(\d)\1*$/.test(digits);
}

function sources(folder) {
    return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const file = path.join(folder, entry.name);
        if (entry.isDirectory()) return sources(file);
        return file.endsWith('.js') ? [file] : [];
    });
}

function literals(text) {
    const strings = [...text.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/g)].map((found) => found[1] ?? found[2]);
    const rest = text.replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, '');
    return [...strings, ...[...rest.matchAll(/(?<![\w.])\d{8,}(?![\w.])/g)].map(([number]) => number)];
}

function list() {
    const { name, version } = JSON.parse(fs.readFileSync(path.join(SDK, 'package.json'), 'utf8'));
    const all = sources(path.join(SDK, 'test')).flatMap((file) => literals(fs.readFileSync(file, 'utf8')));
    const telling = all.filter((literal) => TELLS.some((tells) => tells.test(literal)) && !isPlain(literal));
    const { clientId } = require('./suite').credentials();
    const unique = [...new Set([name, clientId, ...telling.map((literal) => literal.slice(0, LONGEST))])].sort();
    return [
        `# Literals of the test/ folder of ${name} ${version} that no code under crates/*/src may have, but for`,
        '# the modules of magic values that the vendor documents. Made by telltale.js.',
        ...unique,
        '',
    ].join('\n');
}

const made = list();
if (!process.argv.includes('--check')) {
    fs.writeFileSync(LIST, made);
} else if (fs.readFileSync(LIST, 'utf8') !== made) {
    console.error('telltale.txt is not what the installed suite gives: run node conformance/node/telltale.js');
    process.exit(1);
}
