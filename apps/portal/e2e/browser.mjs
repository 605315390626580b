import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Starts Debian's Chromium, or the one at `executablePath`. */
export const launch = (executablePath = '/usr/bin/chromium') =>
  chromium.launch({ executablePath, args: FLAGS });

/**
 * What axe finds wrong on a page, or within a part of it, one line each. Evaluated through the debugger, so that the page's own
 * Content-Security-Policy stays in force.
 */
export async function axeViolations(page, within = 'html') {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async (within) => {
    const { violations } = await globalThis.axe.run(within, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations.map(({ id, nodes }) => ({ id, targets: nodes.map(({ target }) => target.join(' ')) }));
  }, within);
  return violations.map(({ id, targets }) => `${id}: ${targets.slice(0, 3).join(', ')}`);
}

/** Collects what must not happen on a page: errors, violations of its policy, requests to other hosts. */
export function watch(page, origin) {
  const seen = { errors: [], foreign: [] };
  page.on('pageerror', (error) => seen.errors.push(error.message));
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && /Content Security Policy|React|Uncaught/.test(text))
      seen.errors.push(text);
  });
  page.on('request', (request) => {
    const url = request.url();
    if (/^(https?|wss?):/.test(url) && !url.replace(/^ws/, 'http').startsWith(origin)) seen.foreign.push(url);
  });
  return seen;
}
