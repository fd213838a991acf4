'use strict';

// What holds of every page, however it looks: it fits the screen, can be read, used by keyboard and told by a screen
// reader, and loads nothing. A picture of it at each width is left to be looked at.

const assert = require('node:assert');
const path = require('node:path');

const { SCREENSHOTS } = require('./scene');

const WIDTHS = [1280, 375];
const SCHEMES = ['light', 'dark'];
/** Of text of an ordinary size. Source: WCAG 2.2, 1.4.3. */
const CONTRAST_MIN = 4.5;
/** Of the border of a field, without which nobody sees that it is one. Source: WCAG 2.2, 1.4.11. */
const BORDER_CONTRAST_MIN = 3;
/** CSS pixels of what is touched. Source: WCAG 2.2, 2.5.8. */
const TARGET_MIN = 24;

/** Asserts all of it of the page as it stands, and leaves its pictures as `name-WIDTH-SCHEME.png`. */
async function look(page, name) {
    for (const width of WIDTHS) {
        for (const colorScheme of SCHEMES) {
            await page.setViewportSize({ width, height: 800 });
            await page.emulateMedia({ colorScheme });
            const file = path.join(SCREENSHOTS, `${name}-${width}-${colorScheme}.png`);
            await page.screenshot({ path: file, fullPage: true, animations: 'disabled' });
            const faults = await page.evaluate(faultsOf, { CONTRAST_MIN, BORDER_CONTRAST_MIN, TARGET_MIN });
            assert.deepStrictEqual(faults, [], `${name} at ${width} px, ${colorScheme}`);
        }
    }
    await page.setViewportSize({ width: WIDTHS[0], height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
    await assertKeyboard(page, name);
}

/** Every field and button is reached by Tab, in the order of the page, and shows that it is. */
async function assertKeyboard(page, name) {
    const wanted = await page.evaluate(() => [...document.querySelectorAll('input, button, a[href], summary')].map((it) => it.id || it.textContent));
    await page.evaluate(() => document.activeElement?.blur());
    // From before the first of them, wherever the page has put the focus.
    await page.evaluate(() => {
        const start = document.createElement('span');
        start.tabIndex = -1;
        document.body.prepend(start);
        start.focus();
        start.remove();
    });
    const reached = [];
    for (let turn = 0; turn < wanted.length; turn += 1) {
        await page.keyboard.press('Tab');
        const focused = await page.evaluate(() => {
            const it = document.activeElement;
            const { outlineStyle, outlineWidth } = getComputedStyle(it);
            return { name: it.id || it.textContent, isShown: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
        });
        assert.ok(focused.isShown, `${name}: it shows that ${focused.name} has the focus`);
        reached.push(focused.name);
    }
    assert.deepStrictEqual(reached, wanted, `${name}: what Tab reaches`);
}

/** Runs in the page: everything that is wrong with it, as texts. */
function faultsOf({ CONTRAST_MIN, BORDER_CONTRAST_MIN, TARGET_MIN }) {
    const faults = [];
    const root = document.documentElement;
    if (!root.lang) faults.push('the page has no language');
    if (!document.title) faults.push('the page has no title');
    if (document.querySelectorAll('h1').length !== 1) faults.push('the page has not one heading');
    if (!document.querySelector('main')) faults.push('the page has no main part');
    if (root.scrollWidth > root.clientWidth) faults.push(`the page is ${root.scrollWidth - root.clientWidth} px too wide`);
    const loaded = performance.getEntriesByType('resource').map((it) => it.name);
    if (loaded.length > 0) faults.push(`the page loads ${loaded.join(', ')}`);

    const channels = (color) => {
        const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
        return { red, green, blue, alpha };
    };
    const groundOf = (element) => {
        for (let it = element; it; it = it.parentElement) {
            const color = channels(getComputedStyle(it).backgroundColor);
            if (color.alpha === 1) return color;
        }
        return { red: 255, green: 255, blue: 255 };
    };
    const luminance = ({ red, green, blue }) => {
        const linear = (channel) => (channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    };
    const contrast = (one, other) => {
        const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
    };

    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
        const text = node.textContent.trim();
        const element = node.parentElement;
        if (!text || element.closest('style, script')) continue;
        const ratio = contrast(channels(getComputedStyle(element).color), groundOf(element));
        if (ratio < CONTRAST_MIN) faults.push(`"${text}" has a contrast of ${ratio.toFixed(2)}`);
        const { width, height } = element.getBoundingClientRect();
        if (element.scrollWidth > Math.ceil(width) || height === 0) faults.push(`"${text}" is cut off`);
    }
    for (const input of document.querySelectorAll('input:not([type=hidden])')) {
        if (!input.labels || input.labels.length === 0) faults.push(`${input.name} has no label`);
        if (!input.autocomplete) faults.push(`${input.name} does not say what it takes`);
        const described = (input.getAttribute('aria-describedby') || '').split(' ').filter(Boolean);
        for (const id of described) if (!document.getElementById(id)) faults.push(`${input.name} is described by nothing: ${id}`);
        if (input.getAttribute('aria-invalid') === 'true' && described.length === 0) faults.push(`${input.name} is wrong without a word`);
        const ratio = contrast(channels(getComputedStyle(input).borderTopColor), groundOf(input.parentElement));
        if (ratio < BORDER_CONTRAST_MIN) faults.push(`${input.name} has a border with a contrast of ${ratio.toFixed(2)}`);
    }
    for (const it of document.querySelectorAll('input:not([type=hidden]), button')) {
        const { width, height } = it.getBoundingClientRect();
        if (width < TARGET_MIN || height < TARGET_MIN) faults.push(`${it.name || it.textContent} is too small: ${width} by ${height}`);
    }
    return faults;
}

module.exports = { look };
