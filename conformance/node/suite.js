'use strict';

// What the harness knows about the official SDK's suite, read from the installed package so that nothing is copied here.

const fs = require('node:fs');
const path = require('node:path');

const SDK = 'mangopay4-nodejs-sdk';

let entry;
try {
    entry = require.resolve(SDK);
} catch {
    throw new Error(`${SDK} is not installed: run \`npm ci\` in ${__dirname}`);
}

/** The package's folder; mocha runs in it, as the suite's own script does. */
const folder = path.dirname(entry);

/** The ClientId and API key that the suite's `test/main.js` constructs its client with. */
function credentials() {
    const main = fs.readFileSync(path.join(folder, 'test', 'main.js'), 'utf8');
    const value = (name) => {
        const found = main.match(new RegExp(`${name}:\\s*'([^']+)'`));
        if (!found) throw new Error(`no ${name} in the suite's test/main.js`);
        return found[1];
    };
    return { clientId: value('clientId'), apiKey: value('clientApiKey') };
}

/** The names of the suite's files, without folder and extension, in the order mocha runs them. */
function files() {
    return fs
        .readdirSync(path.join(folder, 'test', 'services'))
        .filter((name) => name.endsWith('.js'))
        .map((name) => path.basename(name, '.js'))
        .sort();
}

module.exports = { entry, folder, credentials, files };
