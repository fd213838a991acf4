'use strict';

// Given to mocha's --require. Points the SDK at a Florin server without editing the suite, and counts what the running
// test still waits for, so that reporter.js can end a test that nothing will ever finish.
//
//   FLORIN_URL        base URL of the server         (default http://127.0.0.1:8080)
//   FLORIN_CLIENT_ID  ClientId instead of the suite's
//   FLORIN_API_KEY    API key instead of the suite's

const suite = require('./suite');

const own = suite.credentials();
const baseUrl = process.env.FLORIN_URL || 'http://127.0.0.1:8080';
const clientId = process.env.FLORIN_CLIENT_ID || own.clientId;
const apiKey = process.env.FLORIN_API_KEY || own.apiKey;

// The suite's own credentials are replaced; others are left, because a test builds a client with a wrong key on purpose.
const Sdk = require(suite.entry);
require.cache[suite.entry].exports = new Proxy(Sdk, {
    construct(target, [config = {}], newTarget) {
        const ours = { baseUrl, ...config };
        if (ours.clientId === own.clientId) ours.clientId = clientId;
        if (ours.clientApiKey === own.apiKey) ours.clientApiKey = apiKey;
        return Reflect.construct(target, [ours], newTarget);
    },
});

/**
 * What could still call the running test's `done`: answers on their way, and the suite's own sleeps.
 * `refusals` are the answers to it that were no success, for the reports.
 */
const waiting = { requests: 0, timers: 0, refusals: [] };

// The very instance of axios that the SDK uses.
const axios = require(require.resolve('axios', { paths: [suite.folder] }));
axios.interceptors.request.use((config) => {
    waiting.requests += 1;
    return config;
});
axios.interceptors.response.use(
    (response) => {
        waiting.requests -= 1;
        return response;
    },
    (error) => {
        waiting.requests -= 1;
        waiting.refusals.push(describe(error));
        return Promise.reject(error);
    },
);

function describe(error) {
    const { method = '', url = '' } = error.config || {};
    const call = `${method.toUpperCase()} ${url}`;
    if (!error.response) return `${call}: ${error.code || error.message}`;
    const body = JSON.stringify(error.response.data) || '';
    return `${call}: ${error.response.status} ${body.slice(0, 300)}`;
}

// mocha took its own reference to setTimeout when it was loaded, so its time limits are not counted here.
const { setTimeout: realSetTimeout, clearTimeout: realClearTimeout } = global;
const counted = new Set();

global.setTimeout = function countedSetTimeout(callback, ...rest) {
    const timer = realSetTimeout((...args) => {
        forget(timer);
        callback(...args);
    }, ...rest);
    counted.add(timer);
    waiting.timers += 1;
    return timer;
};
global.clearTimeout = function countedClearTimeout(timer) {
    forget(timer);
    realClearTimeout(timer);
};

function forget(timer) {
    if (counted.delete(timer)) waiting.timers -= 1;
}

// Something thrown after an `await` in a callback of the suite: mocha ignores it, here it is kept for the reports.
process.on('unhandledRejection', (reason) => {
    const text = reason instanceof Error ? `${reason.name}: ${reason.message}` : JSON.stringify(reason);
    waiting.refusals.push(text);
});

module.exports = { waiting };
