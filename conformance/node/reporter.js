'use strict';

// A mocha reporter that writes every test of the suite with its result as JSON to FLORIN_REPORT, also the tests that
// mocha never reaches because a hook above them failed. It ends hopeless tests early:
//
// - A test or hook that waits for `done` while no request is on its way and no sleep is left can only end by its time
//   limit. It is failed at once. The SDK's promises are not native ones, so Node never reports their unhandled
//   rejections; looking at what is left to wait for catches that case and every other.
// - A file that has used up FLORIN_FILE_SECONDS fails the rest of its tests, and so does a run past FLORIN_RUN_SECONDS.
//
// All of these turn a failure into an earlier failure. None can turn it into a pass.
//
// With FLORIN_ONLY_LIST it writes the tests without running any (mocha's --dry-run stops half way through this suite).

const fs = require('node:fs');
const path = require('node:path');
const { waiting } = require('./setup');

const FILE_MS = Number(process.env.FLORIN_FILE_SECONDS || 120) * 1000;
const RUN_MS = Number(process.env.FLORIN_RUN_SECONDS || 600) * 1000;

/** Turns of the event loop, TURN_MS apart, in which nothing was left to wait for, before a test is given up. */
const QUIET_TURNS = 8;
const TURN_MS = 25;

class Reporter {
    constructor(runner) {
        this.runner = runner;
        this.entries = new Map(); // test -> its line of the report
        this.hookFailures = new Map(); // suite -> why a hook of it failed
        this.hookRefusals = new Map(); // suite -> what the server refused in its hooks
        this.fileStarted = new Map();
        this.started = Date.now();

        runner.on('start', () => {
            this.list(runner.suite);
            if (process.env.FLORIN_ONLY_LIST) {
                this.write();
                process.exit(0);
            }
        });
        runner.on('hook', (hook) => this.begin(hook));
        runner.on('hook end', (hook) => this.hookEnded(hook));
        runner.on('test', (test) => this.begin(test));
        runner.on('pass', (test) => this.finish(test, 'passed'));
        runner.on('pending', (test) => this.finish(test, 'pending'));
        runner.on('fail', (runnable, error) => this.fail(runnable, error));
        runner.on('end', () => this.write());
        this.watch();
    }

    /** Notes all tests in order, so that those never reached are in the report too. */
    list(suite) {
        for (const test of suite.tests) {
            this.entries.set(test, {
                file: path.basename(test.file, '.js'),
                path: test.titlePath().join(' > '),
                skipped: Boolean(test.isPending()),
                state: null,
                error: null,
                refusals: [],
                ms: 0,
            });
        }
        for (const child of suite.suites) this.list(child);
    }

    begin(runnable) {
        waiting.refusals = [];
        this.quietTurns = 0;
        const now = Date.now();
        if (!this.fileStarted.has(runnable.file)) this.fileStarted.set(runnable.file, now);
        const overRun = now - this.started > RUN_MS;
        const overFile = now - this.fileStarted.get(runnable.file) > FILE_MS;
        if (!overRun && !overFile) return;
        const bound = overRun ? `the run's ${RUN_MS / 1000} s` : `the file's ${FILE_MS / 1000} s`;
        runnable.async = 0;
        runnable.sync = true;
        runnable.fn = () => {
            throw new Error(`not run: ${bound} are used up`);
        };
    }

    hookEnded(hook) {
        const before = this.hookRefusals.get(hook.parent) || [];
        this.hookRefusals.set(hook.parent, before.concat(waiting.refusals));
    }

    finish(test, state) {
        const entry = this.entries.get(test);
        entry.state = state;
        entry.ms = test.duration || 0;
        entry.refusals = this.refusalsAbove(test).concat(waiting.refusals);
    }

    fail(runnable, error) {
        let message = String((error && error.message) || error);
        const last = waiting.refusals[waiting.refusals.length - 1];
        if (last) message += ` [last refusal: ${last}]`;
        const entry = this.entries.get(runnable);
        if (entry) {
            entry.state = 'failed';
            entry.error = message;
            entry.ms = runnable.duration || 0;
            entry.refusals = this.refusalsAbove(runnable).concat(waiting.refusals);
        } else {
            this.hookFailures.set(runnable.parent, message);
        }
    }

    watch() {
        const timer = setInterval(() => {
            const runnable = this.runner.currentRunnable;
            const open = runnable && runnable.async && runnable.timer && runnable.callback && !runnable.timedOut;
            const busy = waiting.requests > 0 || waiting.timers > 0 || readingFiles();
            if (!open || busy || runnable !== this.watched) {
                this.watched = runnable;
                this.quietTurns = 0;
                return;
            }
            this.quietTurns += 1;
            if (this.quietTurns < QUIET_TURNS) return;
            this.quietTurns = 0;
            // As mocha does when the time limit is reached.
            runnable.callback(new Error('waits for nothing: no request is on its way and no sleep is left'));
            runnable.timedOut = true;
        }, TURN_MS);
        timer.unref();
        this.runner.on('end', () => clearInterval(timer));
    }

    write() {
        const seen = new Map();
        const report = [];
        for (const [test, entry] of this.entries) {
            const plain = `${entry.file} :: ${entry.path}`;
            const times = (seen.get(plain) || 0) + 1;
            seen.set(plain, times);
            const state = entry.skipped ? 'pending' : entry.state || 'failed';
            report.push({
                title: times === 1 ? plain : `${plain} (${times})`,
                file: entry.file,
                skipped: entry.skipped,
                state,
                error: state === 'failed' ? entry.error || this.whyNotReached(test) : null,
                refusals: entry.refusals,
                ms: entry.ms,
            });
        }
        fs.writeFileSync(process.env.FLORIN_REPORT, `${JSON.stringify(report, null, 2)}\n`);
    }

    refusalsAbove(test) {
        const all = [];
        for (let suite = test.parent; suite; suite = suite.parent) all.unshift(...(this.hookRefusals.get(suite) || []));
        return all;
    }

    whyNotReached(test) {
        for (let suite = test.parent; suite; suite = suite.parent) {
            const failure = this.hookFailures.get(suite);
            if (failure) return `a hook of "${suite.title}" failed: ${failure}`;
        }
        return 'not reached';
    }
}

function readingFiles() {
    return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
}

module.exports = Reporter;
