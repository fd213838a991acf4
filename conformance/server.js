'use strict';

// A Florin server of one's own: started on a fresh data folder, stopped at the end, never left behind.

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const HEALTH_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;

/** What cannot be done, said plainly. */
class Refusal extends Error {}

class Florin {
    /**
     * Starts `binary` with a platform of these `credentials` (`{ clientId, apiKey }`), its output going to the file `log`.
     * Optional: `database`, an empty one; `data`, a folder to keep instead of a temporary one; `fixtures`, a file to load.
     */
    static async start({ binary, credentials, log, database, data, fixtures }) {
        const florin = new Florin();
        florin.binary = path.resolve(binary);
        if (!fs.existsSync(florin.binary)) throw new Refusal(`there is no ${florin.binary}`);
        florin.kept = data !== undefined;
        florin.data = florin.kept ? path.resolve(data) : fs.mkdtempSync(path.join(os.tmpdir(), 'florin-conformance-'));
        florin.store = ['--data', florin.data, ...(database ? ['--database', database] : [])];
        florin.credentials = credentials;
        florin.log = log;
        try {
            const platform = ['--client-id', credentials.clientId, '--api-key', credentials.apiKey];
            command(florin.binary, ['platform', 'create', ...platform, ...florin.store]);
            if (fixtures && fs.existsSync(fixtures) && fs.statSync(fixtures).size > 0) {
                command(florin.binary, ['fixtures', 'load', fixtures, ...florin.store]);
            }
            const address = `127.0.0.1:${await freePort()}`;
            florin.url = `http://${address}`;
            fs.mkdirSync(path.dirname(log), { recursive: true });
            const output = fs.openSync(log, 'w');
            const args = ['serve', '--listen', address, ...florin.store];
            florin.child = track(spawn(florin.binary, args, { stdio: ['ignore', output, output] }));
            fs.closeSync(output);
            await waitForHealth(florin.url, HEALTH_LIMIT_MS, florin);
        } catch (error) {
            await florin.stop();
            throw error;
        }
        return florin;
    }

    ended() {
        return this.child !== undefined && (this.child.exitCode !== null || this.child.signalCode !== null);
    }

    /** Whether the server had ended by itself, which it must not. */
    async stop() {
        const died = this.ended();
        if (this.child && !died) {
            this.child.kill('SIGTERM');
            const force = setTimeout(() => this.child.kill('SIGKILL'), STOP_LIMIT_MS);
            await ended(this.child);
            clearTimeout(force);
        } else if (died) {
            console.error(`the server ended by itself; its last words:\n${tail(this.log)}`);
        }
        if (!this.kept) fs.rmSync(this.data, { recursive: true, force: true });
        return died;
    }
}

/** Runs one command of the binary to its end. */
function command(binary, args) {
    const { status, error, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8' });
    if (error) throw new Refusal(`${binary}: ${error.message}`);
    if (status !== 0) throw new Refusal(`florin ${args.slice(0, 2).join(' ')} ended with ${status}:\n${stdout}${stderr}`);
}

async function waitForHealth(url, limitMs, florin) {
    const end = Date.now() + limitMs;
    for (;;) {
        try {
            const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) });
            if (answer.ok) return;
        } catch {
            // not there yet
        }
        if (florin && florin.ended()) throw new Refusal('florin serve ended before it was healthy');
        if (Date.now() > end) throw new Refusal(`no healthy server at ${url}/health within ${limitMs / 1000} s`);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

function freePort() {
    return new Promise((resolve, reject) => {
        const server = net.createServer();
        server.on('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

const children = new Set();

/** No child outlives this process. */
function track(child) {
    children.add(child);
    child.on('exit', () => children.delete(child));
    return child;
}

for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
        for (const child of children) child.kill('SIGKILL');
        process.exit(2);
    });
}

function ended(child) {
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve, reject) => {
        child.on('exit', resolve);
        child.on('error', reject);
    });
}

function tail(file) {
    if (!fs.existsSync(file)) return '';
    return fs.readFileSync(file, 'utf8').split('\n').slice(-30).join('\n');
}

module.exports = { Florin, Refusal, ended, tail, track, waitForHealth };
