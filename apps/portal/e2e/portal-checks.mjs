import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { setTimeout as delay } from 'node:timers/promises';
import { axeViolations, launch, watch } from './browser.mjs';
import { CheckList, expect } from './check-list.mjs';

/** First load of script that the portal allows itself, in bytes after gzip. */
const SCRIPT_BUDGET_BYTES = 300_000;
/** A lost feed is visible within 3 s; what the measurement itself takes comes on top. In milliseconds. */
const STALE_WITHIN_MS = 3000;
const MEASUREMENT_MS = 300;
const NARROW = { width: 380, height: 800 };
const WIDE = { width: 1440, height: 900 };
const ROUTES = ['/fleet', '/enrol', '/policy', '/alerts'];
const WAIT_MS = 15_000;

/**
 * Checks the built portal in a real Chromium against a running controller. It makes and deletes a site, makes and
 * revokes a token, saves revisions of the policy and brings the first one back.
 *
 * @param {object} options
 * @param {string} options.url where the controller serves the portal
 * @param {string} options.email of an owner or admin
 * @param {string} options.password
 * @param {string} [options.chromium] path of the browser
 * @param {(line: string) => void} [options.print]
 * @param {(command: string) => Promise<void>} [options.runEnrolCommand] runs what the page says on a machine and starts
 *   the agent; then the page has to turn green. The site and its agent stay.
 * @returns {Promise<{ name: string, passed: boolean, detail?: string }[]>}
 */
export async function checkPortal({ url, email, password, chromium, print = () => {}, runEnrolCommand }) {
  const list = new CheckList(print);
  const browser = await launch(chromium);
  try {
    const portal = new Portal(browser, { origin: url.replace(/\/$/, ''), email, password }, list);
    await portal.open();
    await portal.answers();
    await checkSignIn(portal);
    await checkFleet(portal);
    await checkKeyboard(portal);
    await checkEveryRoute(portal);
    await checkLostFeed(portal);
    await checkEnrolment(portal, runEnrolCommand);
    await checkPolicy(portal);
    await checkAlerts(portal);
    await checkTheme(portal);
    await checkCleanliness(portal);
    await checkSignOut(portal);
  } finally {
    await browser.close();
  }
  return list.results;
}

/** One signed-in browser context and what was seen in it. */
class Portal {
  scripts = new Map();

  constructor(browser, access, list) {
    this.browser = browser;
    this.access = access;
    this.list = list;
  }

  check(name, run) {
    return this.list.check(name, run);
  }

  async open() {
    this.context = await this.browser.newContext({
      // axe reads colours as they are at the moment: none may be on its way to another.
      reducedMotion: 'reduce',
      ignoreHTTPSErrors: true,
      viewport: WIDE,
      colorScheme: 'light',
    });
    this.context.setDefaultTimeout(WAIT_MS);
    this.page = await this.context.newPage();
    this.seen = watch(this.page, this.access.origin);
    // Asked when a page with unsaved changes is left; a check that failed half way leaves one.
    this.context.on('dialog', (dialog) => void dialog.accept());
    this.page.on('response', (response) => {
      if (response.request().resourceType() !== 'script') return;
      const body = response.body();
      // Of a page that is closed meanwhile nothing is asked any more.
      body.catch(() => undefined);
      this.scripts.set(response.url(), body);
    });
  }

  /** Nothing can be checked where nothing answers. */
  async answers() {
    const { origin } = this.access;
    await this.page.goto(origin).catch((error) => {
      throw new Error(`${origin} does not answer: start a controller first.`, { cause: error });
    });
  }

  async goto(path, page = this.page) {
    await page.goto(this.access.origin + path);
    await page.getByRole('heading', { level: 1 }).waitFor();
  }

  /** The API as this viewer, for what the portal has no button for. */
  graphql(query, variables) {
    return this.page.evaluate(
      async (body) => {
        const headers = { 'content-type': 'application/json' };
        const response = await globalThis.fetch('/graphql', {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
        });
        return response.json();
      },
      { query, variables },
    );
  }
}

async function fillSignIn({ page, access }, password) {
  await page.getByLabel('Email').fill(access.email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** What lies behind an open dialog is dimmed and out of reach: only the dialog counts. */
async function expectAccessible(page, where) {
  const dialog = (await page.getByRole('dialog').count()) > 0;
  const violations = await axeViolations(page, dialog ? '[role=dialog]' : 'html');
  expect(violations.length === 0, `${where}: ${violations.join('; ')}`);
}

async function checkSignIn(portal) {
  const { page, access } = portal;
  await portal.check('a page leads to sign-in first', async () => {
    await page.goto(`${access.origin}/policy`);
    await page.waitForURL('**/sign-in?next=*');
  });
  await portal.check('sign-in has no violation that axe knows, light and dark', async () => {
    await expectAccessible(page, 'light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page, 'dark');
    await page.emulateMedia({ colorScheme: 'light' });
  });
  await portal.check('a wrong password is refused in the words of the server', async () => {
    await fillSignIn(portal, `${access.password}-not`);
    const said = await page.getByRole('alert').innerText();
    expect(said.length > 'Not signed in'.length, `said only “${said}”`);
    return said.replaceAll('\n', ': ');
  });
  await portal.check('the right one leads to the page that was asked for', async () => {
    await fillSignIn(portal, access.password);
    await page.waitForURL('**/policy');
    await page.getByRole('heading', { level: 1, name: 'Policy' }).waitFor();
  });
}

const waitForLive = (page) =>
  page.getByText('Live', { exact: true }).filter({ visible: true }).first().waitFor();

async function checkFleet(portal) {
  const { page } = portal;
  await portal.check('the first load is under 300 kB of script after gzip', async () => {
    portal.scripts.clear();
    await portal.goto('/fleet');
    await page.getByRole('heading', { name: 'Recent flows' }).waitFor();
    const bodies = await Promise.all(portal.scripts.values());
    const bytes = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0);
    expect(bytes > 0 && bytes < SCRIPT_BUDGET_BYTES, `${bytes} bytes`);
    return `${Math.round(bytes / 1000)} kB`;
  });
  await portal.check('the fleet is live', async () => {
    await waitForLive(page);
    const numbers = await page.locator('dl').first().innerText();
    for (const label of ['Throughput now', 'Agents online', 'Links up', 'Drift']) {
      expect(numbers.includes(label), `no “${label}” in: ${numbers}`);
    }
    expect(/bit\/s/.test(numbers), `no unit in: ${numbers}`);
  });
  await portal.check('a graph has a table behind it, with units', async () => {
    const link = page.locator('section[aria-labelledby="link-title"]');
    await link.getByRole('button', { name: 'Rate: show as a table' }).click();
    const table = link.getByRole('group', { name: 'Rate, as a table' });
    const cells = await table.getByRole('cell').allInnerTexts();
    expect(
      cells.some((cell) => /\d.*bit\/s/.test(cell)),
      `cells: ${cells.slice(0, 6).join(' | ')}`,
    );
    await link.getByRole('button', { name: 'Rate: show as a graph' }).click();
    return `${cells.length} cells`;
  });
  await portal.check(
    'the history has ranges of an hour to 30 days, of the fleet and of one site',
    async () => {
      const history = page.locator('section[aria-labelledby="history-title"]');
      const shown = history.getByText(/^(Time saved|Nothing measured in this time)$/);
      for (const range of ['1 h', '7 d', '30 d', '24 h']) {
        await history.getByRole('radio', { name: range }).check({ force: true });
        await shown.waitFor();
      }
      await history.getByRole('combobox').selectOption({ index: 1 });
      await shown.waitFor();
      return shown.innerText();
    },
  );
}

async function checkKeyboard(portal) {
  const { page } = portal;
  await portal.check(
    'g p, g e and g f go to the pages, ? shows the shortcuts, Escape hides them',
    async () => {
      await portal.goto('/fleet');
      for (const [key, name] of [
        ['p', 'Policy'],
        ['e', 'Enrol a site'],
        ['f', 'Fleet'],
      ]) {
        await page.keyboard.press('g');
        await page.keyboard.press(key);
        await page.getByRole('heading', { level: 1, name }).waitFor();
      }
      await page.keyboard.press('?');
      const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
      await help.waitFor();
      await expectAccessible(page, 'the shortcuts');
      await page.keyboard.press('Escape');
      await help.waitFor({ state: 'hidden' });
    },
  );
  await portal.check('the first Tab stop skips to the content', async () => {
    await portal.goto('/fleet');
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => globalThis.document.activeElement?.textContent);
    expect(focused === 'Skip to content', `focus is on “${focused}”`);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => globalThis.document.activeElement?.id === 'main');
  });
}

async function checkEveryRoute(portal) {
  const { page } = portal;
  for (const route of ROUTES) {
    for (const colorScheme of ['light', 'dark']) {
      await portal.check(
        `${route} has no violation that axe knows, ${colorScheme}, wide and at 380 px`,
        async () => {
          await page.emulateMedia({ colorScheme });
          await portal.goto(route);
          await page.waitForLoadState('networkidle').catch(() => {});
          await expectAccessible(page, 'wide');
          await page.setViewportSize(NARROW);
          await expectAccessible(page, '380 px');
          const width = await page.evaluate(() => globalThis.document.documentElement.scrollWidth);
          expect(width <= NARROW.width, `the page is ${width} px wide on a screen of ${NARROW.width}`);
        },
      );
      await page.setViewportSize(WIDE);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** In the page: the Unix time in milliseconds at which a text appears on it. */
function whenShown(text) {
  const { document, Date, MutationObserver } = globalThis;
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!document.body.innerText.includes(text)) return;
      observer.disconnect();
      resolve(Date.now());
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}

async function checkLostFeed(portal) {
  await portal.check('a lost feed is visible within 3 s, greys its numbers, and comes back', async () => {
    const page = await portal.context.newPage();
    let cut = false;
    let lastFrameMs = 0;
    await page.routeWebSocket('**/live', (socket) => {
      if (cut) {
        void socket.close();
        return;
      }
      const server = socket.connectToServer();
      server.onMessage((message) => {
        if (cut) return;
        lastFrameMs = Date.now();
        socket.send(message);
      });
    });
    await portal.goto('/fleet', page);
    await waitForLive(page);
    const colour = () =>
      page
        .locator('dl dd .live-value')
        .first()
        .evaluate((node) => globalThis.getComputedStyle(node).color);
    const liveColour = await colour();
    const seenAtMs = page.evaluate(whenShown, 'The live feed was lost');
    cut = true;
    const tookMs = (await seenAtMs) - lastFrameMs;
    const staleColour = await colour();
    await expectAccessible(page, 'with a lost feed');
    cut = false;
    await page.getByText(/The live feed was lost/).waitFor({ state: 'hidden' });
    await page.close();
    expect(tookMs <= STALE_WITHIN_MS + MEASUREMENT_MS, `after ${tookMs} ms`);
    expect(liveColour !== staleColour, `numbers stay ${liveColour}`);
    return `seen after ${tookMs} ms`;
  });
}

/** One address of the block that is set aside for benchmarks (RFC 2544), a different one each time. */
function unusedPrefix() {
  const [a, b] = randomBytes(2);
  return `198.18.${a}.${b}/32`;
}

async function checkEnrolment(portal, runEnrolCommand) {
  const { page } = portal;
  const siteName = `Portal check ${Date.now().toString(36)}`;
  await portal.check('a new site and its token give one command, shown once', async () => {
    await portal.goto('/enrol');
    await page.getByRole('heading', { name: 'New enrolment' }).waitFor();
    const isNew = page.getByText('A new site', { exact: true });
    if (await isNew.isVisible()) await isNew.click();
    await page.getByLabel('Name of the site').fill(siteName);
    await page.getByLabel('Networks behind it').fill(unusedPrefix());
    await page.getByRole('button', { name: 'Create the site and its command' }).click();
    await page.getByLabel('The command').or(page.getByRole('alert')).waitFor();
    expect((await page.getByRole('alert').count()) === 0, await page.getByRole('main').innerText());
    const command = await page.getByLabel('The command').innerText();
    expect(
      /^longhaul agent enroll --controller \S+ --token lh_enr_\S+ --ca-sha256 \S+/.test(command),
      command.slice(0, 60),
    );
    await page.getByRole('button', { name: 'Copy the command' }).click();
    await page.getByText('Copied').waitFor();
    await expectAccessible(page, 'with the command');
    if (runEnrolCommand === undefined) return undefined;
    await runEnrolCommand(command);
    await page
      .getByText(/ is up$/)
      .first()
      .waitFor({ timeout: 60_000 });
    return 'the page turned green by itself';
  });
  if (runEnrolCommand !== undefined) return;
  await portal.check('its token can be revoked, and the site deleted', async () => {
    await portal.goto('/enrol');
    const row = page.getByRole('group', { name: 'Enrolment tokens' }).getByRole('row', { name: siteName });
    await row.getByRole('button', { name: /^Revoke/ }).click();
    expect((await page.getByLabel('The command').count()) === 0, 'the command is shown again');
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await row.getByText('revoked').waitFor();
    await deleteSite(portal, siteName);
  });
}

/** The portal has no button for it. */
async function deleteSite(portal, siteName) {
  const { data } = await portal.graphql('{ sites { nodes { id name } } }');
  const site = data.sites.nodes.find(({ name }) => name === siteName);
  const deleted = await portal.graphql('mutation ($id: ID!) { deleteSite(id: $id) }', { id: site.id });
  expect(deleted.data?.deleteSite === true, JSON.stringify(deleted.errors));
}

async function addRule(page, name) {
  await page.getByRole('button', { name: 'Add a rule' }).click();
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Action', { exact: true }).selectOption('PASS');
  await page.getByLabel('Traffic', { exact: true }).selectOption(':ports');
  await page.getByLabel('Ports', { exact: true }).fill('9');
}

async function save(page, message) {
  await page.getByRole('button', { name: 'Review and save' }).click();
  const dialog = page.getByRole('dialog', { name: /^Save/ });
  await dialog.getByLabel(/^Why/).fill(message);
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
}

const currentRevision = async (portal) =>
  (await portal.graphql('{ policy { revision } }')).data.policy.revision;

async function checkPolicy(portal) {
  const { page, context } = portal;
  await portal.goto('/policy');
  const before = await currentRevision(portal);
  await portal.check('a rule is added, shown as a difference, and saved with a message', async () => {
    await addRule(page, 'Portal check');
    await page.getByRole('button', { name: 'Review and save' }).click();
    await page
      .getByRole('dialog')
      .getByText(/added as rule/)
      .waitFor();
    await expectAccessible(page, 'the difference');
    await page.getByRole('button', { name: 'Back to the rules' }).click();
    await save(page, 'Portal check');
    await page.getByText(/^Revision \d+ is saved$/).waitFor();
  });
  await portal.check('every agent that is online is seen to apply it', async () => {
    const startedMs = Date.now();
    const revision = await currentRevision(portal);
    const agents = page.getByRole('region', { name: 'Applied by' }).getByRole('listitem');
    await agents.first().waitFor();
    const waiting = agents
      .filter({ hasNotText: 'Offline' })
      .filter({ hasNotText: `runs revision ${revision}` });
    await waiting.first().waitFor({ state: 'hidden' });
    const states = await agents.allInnerTexts();
    expect(
      states.every((state) => /Applied|Offline/.test(state)),
      states.join(' | '),
    );
    return `${states.length} agents, ${Date.now() - startedMs} ms after the save was seen`;
  });
  await portal.check('a save over somebody else’s shows both, and offers theirs', async () => {
    await portal.goto('/policy');
    const other = await context.newPage();
    await portal.goto('/policy', other);
    await addRule(page, 'Portal check, mine');
    await addRule(other, 'Portal check, theirs');
    await save(other, 'Portal check, theirs');
    await other.getByText(/^Revision \d+ is saved$/).waitFor();
    await other.close();
    await save(page, 'Portal check, mine');
    const dialog = page.getByRole('dialog', { name: /Somebody else saved/ });
    await dialog.getByText('Portal check, theirs', { exact: true }).waitFor();
    await dialog.getByText('Portal check, mine').waitFor();
    await expectAccessible(page, 'the conflict');
    await dialog.getByRole('button', { name: /^Reload revision/ }).click();
    await page.getByRole('button', { name: /^Portal check, theirs/ }).waitFor();
    expect((await page.getByText('Portal check, mine').count()) === 0, 'the dropped rule is still there');
  });
  await portal.check('an older revision is looked at and restored', async () => {
    await portal.goto('/policy');
    if (before === null) await removeRules(page);
    else await restoreRevision(page, before);
    await save(page, 'Portal check: as it was');
    await page.getByText(/^Revision \d+ is saved$/).waitFor();
    expect(
      (await page.getByRole('button', { name: /^Portal check/ }).count()) === 0,
      'a rule of the check is left',
    );
  });
}

async function restoreRevision(page, revision) {
  const history = page.getByRole('region', { name: 'History' });
  await history.getByRole('link', { name: new RegExp(`^${revision}\\b`) }).click();
  await page.getByRole('dialog', { name: `Revision ${revision}` }).waitFor();
  await expectAccessible(page, 'a revision');
  await page.getByRole('button', { name: 'Restore into the editor' }).click();
}

async function removeRules(page) {
  const remove = page.getByRole('button', { name: /^Remove Portal check/ });
  while ((await remove.count()) > 0) await remove.first().click();
}

async function checkAlerts(portal) {
  const { page } = portal;
  const name = `Portal check ${Date.now().toString(36)}`;
  const rules = page.getByRole('group', { name: 'Alert rules' });
  const webhooks = page.getByRole('group', { name: 'Webhooks' });
  await portal.check('a webhook is added, its secret is shown once, and a test is in the log', async () => {
    await portal.goto('/alerts');
    await page.getByRole('button', { name: 'Add a webhook' }).click();
    const dialog = page.getByRole('dialog', { name: 'New webhook' });
    await dialog.getByLabel('Name').fill(name);
    await dialog.getByLabel('Address').fill('http://127.0.0.1/');
    await dialog.getByRole('button', { name: 'Add the webhook' }).click();
    await dialog.getByRole('alert').waitFor();
    await expectAccessible(page, 'a webhook that is refused');
    // A name that leads nowhere, by RFC 2606.
    await dialog.getByLabel('Address').fill('https://webhook.invalid/hook');
    await dialog.getByRole('button', { name: 'Add the webhook' }).click();
    const secret = await page.getByLabel('The secret').innerText();
    expect(/^whsec_\S{44}$/.test(secret), secret.slice(0, 8));
    await expectAccessible(page, 'the secret');
    await page.getByRole('button', { name: 'Done' }).click();
    await webhooks.getByRole('row', { name }).waitFor();
    expect((await page.getByText(secret).count()) === 0, 'the secret is still there');
    await page.getByRole('button', { name: `Send a test to ${name}` }).click();
    await page.getByRole('button', { name: new RegExp(`^[1-9]\\d*\\sattempts? of Test to ${name}`) }).click();
    await page.getByRole('dialog').getByRole('group', { name: 'Attempts' }).waitFor();
    await expectAccessible(page, 'attempts');
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  });
  await portal.check('a rule is added, changed, switched off and deleted', async () => {
    await page.getByRole('button', { name: 'Add a rule' }).click();
    const dialog = page.getByRole('dialog', { name: 'New rule' });
    await dialog.getByRole('button', { name: 'Save the rule' }).click();
    await dialog.getByText('Give the rule a name.').waitFor();
    await dialog.getByLabel('Name').fill(name);
    await dialog.getByLabel('Fires at, %').fill('3');
    await dialog.getByRole('checkbox', { name }).check();
    await expectAccessible(page, 'a new rule');
    await dialog.getByRole('button', { name: 'Save the rule' }).click();
    const row = rules.getByRole('row', { name });
    await row.getByText(/3 % or more for 5 min; over at 1 %/).waitFor();
    await row.getByRole('button', { name: `Edit ${name}` }).click();
    await page.getByRole('dialog').getByLabel('When it has lasted, minutes').fill('10');
    await page.getByRole('button', { name: 'Save the rule' }).click();
    await row.getByText(/3 % or more for 10 min/).waitFor();
    await row.getByRole('switch').click();
    await row.getByRole('switch', { checked: false }).waitFor();
    await row.getByRole('button', { name: `Delete ${name}` }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await row.waitFor({ state: 'hidden' });
    await webhooks.getByRole('button', { name: `Delete ${name}` }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await webhooks.getByRole('row', { name }).waitFor({ state: 'hidden' });
  });
}

async function checkTheme(portal) {
  const { page } = portal;
  await portal.check('a chosen theme stays over a reload', async () => {
    await portal.goto('/fleet');
    const background = () =>
      page.evaluate(() => globalThis.getComputedStyle(globalThis.document.documentElement).backgroundColor);
    const light = await background();
    await chooseInAccountMenu(page, 'Dark');
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect((await background()) !== light, 'the background is the same');
    await chooseInAccountMenu(page, 'As the system');
  });
}

async function chooseInAccountMenu(page, item) {
  await page.getByRole('button', { name: /^Account/ }).click();
  await page
    .getByRole('menuitemradio', { name: item })
    .or(page.getByRole('menuitem', { name: item }))
    .click();
}

async function checkCleanliness(portal) {
  const { errors, foreign } = portal.seen;
  await portal.check('no page threw, broke its security policy, or asked another host', async () => {
    await delay(0);
    expect(errors.length === 0, errors.slice(0, 3).join('; '));
    expect(foreign.length === 0, foreign.slice(0, 3).join('; '));
  });
}

async function checkSignOut(portal) {
  const { page, access, context } = portal;
  await portal.check(
    'a session that has ended leads to sign-in, and back to the page from there',
    async () => {
      await portal.goto('/enrol');
      await context.clearCookies();
      await page.waitForURL('**/sign-in?next=*');
      await fillSignIn(portal, access.password);
      await page.waitForURL('**/enrol');
    },
  );
  await portal.check('signing out leads to sign-in, and back goes nowhere', async () => {
    await portal.goto('/fleet');
    await chooseInAccountMenu(page, 'Sign out');
    await page.waitForURL('**/sign-in*');
    await page.goto(`${access.origin}/fleet`);
    await page.waitForURL('**/sign-in*');
  });
}
