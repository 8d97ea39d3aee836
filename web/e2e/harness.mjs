// What journeys share: a browser that notes whatever should not happen. DASHBOARD is the address of the dashboard.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const base = process.env.DASHBOARD;
export const out = new URL('out/', import.meta.url).pathname;
mkdirSync(out, { recursive: true });

const root = process.getuid?.() === 0;
export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', timeout: 120_000, args: root ? ['--no-sandbox'] : [] });
export const problems = [];
let passed = 0;
const failures = [];

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** please asks the test that started this to do something with the server. */
export async function please(what) {
  console.log(`please ${what}`);
  await answers.next();
}

/** rpc calls the server as others do, behind the back of the pages. */
export async function rpc(name, request) {
  const answer = await fetch(`${base}/api/${name}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-LH-UI': '1' }, body: JSON.stringify(request) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${name}: ${said.message}`);
  return said;
}

/** ago is how long ago a moment was in steps of five minutes: who asks for the last day again a minute later asks the same. */
const ago = (at) => `${Math.round((Date.now() - Date.parse(at)) / 300_000)} steps ago`;

/** open makes a page that notes whatever should not happen on it. */
export async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'light', reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.PATIENCE ?? 120_000));
  page.calls = 0;
  page.asked = new Set();
  page.on('console', (m) => m.type() === 'error' && !page.alone && problems.push(`console: ${m.text()}`));
  page.on('pageerror', (e) => problems.push(`uncaught: ${e.message}`));
  page.on('request', (r) => {
    if (![base, 'data:', page.abroad ?? base].some((at) => r.url().startsWith(at))) problems.push(`asks a foreign origin: ${r.url()}`);
    // The one stream that tells what changes is no call of a page.
    if (/\/(api|ui)\//.test(r.url()) && !r.url().includes('/ui/v1/live')) {
      page.calls++;
      page.asked.add(`${r.url()} ${r.postData()?.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, ago)}`);
    }
  });
  page.on('requestfailed', (r) => !page.alone && !r.failure()?.errorText.includes('ABORTED') && problems.push(`failed: ${r.url()} ${r.failure()?.errorText}`));
  page.on('response', (r) => r.status() >= 400 && !page.alone && problems.push(`${r.status()}: ${r.url()}`));
  return page;
}

/** need notes what is not so. A function is asked until it is so, as a page shows what it has read when it has read it. */
export async function need(what, is) {
  if (typeof is !== 'function') {
    if (!is) problems.push(what);
    return;
  }
  for (const until = Date.now() + 30_000; !(await is()); await new Promise((go) => setTimeout(go, 50))) {
    if (Date.now() < until) continue;
    problems.push(what);
    return;
  }
}

/** budgeted goes to a page and sees how many calls it takes until it shows something. What it reads again because something has changed is one call. */
export async function budgeted(page, path, shown, most = 3) {
  await page.goto('about:blank');
  page.asked.clear();
  await page.goto(`${base}/default/${path}`);
  await shown.first().waitFor();
  // Who one is, which tenants there are and what server it is is asked once for all pages.
  need(`${path} takes ${page.asked.size - 3} calls`, page.asked.size - 3 <= most);
}

/** refused sees that buttons say which right is missing, and open nothing. */
export async function refused(page, where, names, right) {
  for (const name of names) {
    const button = page.getByRole('button', { name, exact: true }).first();
    await button.waitFor();
    await page.waitForFunction((b) => b.getAttribute('aria-disabled') === 'true', await button.elementHandle());
    await need(`${where}: ${name} says why not`, async () => (await button.getAttribute('title'))?.includes(right));
    await button.click({ force: true });
    need(`${where}: ${name} opens nothing`, (await page.getByRole('dialog').count()) === 0);
  }
}

/** violations are what axe finds on a page. */
export async function violations(page, further = []) {
  await page.evaluate(axe);
  const told = await page.evaluate(
    (rules) => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], rules }),
    Object.fromEntries(further.map((rule) => [rule, { enabled: true }])),
  );
  return told.violations;
}

/** look takes a picture and asks axe about levels A and AA, and about further rules. */
export async function look(page, name, further = []) {
  await page.screenshot({ path: `${out}${name}.png` });
  for (const v of await violations(page, further)) problems.push(`${name}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? ''}`).join(' | ')}`);
}

/** rows are the journeys as they are gone once more, all at once: with the server started anew in between, and by somebody who may only read. */
const rows = [];

/** apart is in the place of the row of a journey that is about one of the two itself, or about no page. */
export const apart = { apart: true };

/**
 * journey goes a way, and notes its row: path is where one is in the middle of it, shown what is seen there, begin what one has begun when the
 * server stops, and end how one goes on. To who may only read it is shown as well, and refused are names of buttons with the right that
 * they need; those that have to be brought out first are so by before.
 */
export async function journey(name, row, go) {
  if (process.env.ONLY && !new RegExp(process.env.ONLY).test(name)) return;
  const before = problems.length;
  const began = Date.now();
  try {
    await go();
  } catch (e) {
    problems.push(`stopped: ${e.message}`);
    for (const context of browser.contexts()) for (const page of context.pages()) await page.screenshot({ path: `${out}stopped-${name.replaceAll(' ', '-')}.png` }).catch(() => {});
  }
  if (row !== apart && !(row.path && row.shown && row.refused)) problems.push('it has no row');
  const found = problems.slice(before);
  console.log(`${found.length ? 'FAIL' : 'ok'}  ${name} (${Date.now() - began} ms)`);
  for (const p of found) console.log(`      ${p}`);
  if (found.length) failures.push([name, ...found].join('\n      '));
  else passed++;
  for (const context of browser.contexts()) await context.close();
  if (row !== apart) rows.push({ name, ...row });
}

/** several rows are gone at a time: much of each is waiting. */
const several = 4;

/** eachRow does something with every row. */
async function eachRow(act) {
  const left = [...rows];
  const go = async () => {
    for (let row = left.shift(); row; row = left.shift()) await act(row);
  };
  await Promise.all(Array.from({ length: several }, go));
}

/** again goes all journeys once more by their rows. Behind it nobody may do more than read. */
export async function again() {
  await journey(`${rows.length} journeys go on when the server is started anew, and tell who may only read what he may not do`, apart, async () => {
    await eachRow(async (row) => {
      row.page = await open();
      await row.page.goto(`${base}/default/${row.path}`);
      await row.page.locator(row.shown).first().waitFor();
      await row.begin?.(row.page);
    });
    for (const { page } of rows) page.alone = true;
    await please('stop');
    await eachRow(async ({ name, page, shown, meanwhile }) => {
      await need(`${name}: what was there is still seen`, () => page.locator(shown).first().isVisible());
      await meanwhile?.(page);
    });
    await please('start');
    for (const { page } of rows) await page.getByText('The page asks again by itself.').waitFor({ state: 'detached' });
    await eachRow(async ({ page, end }) => {
      page.alone = false;
      await end?.(page);
    });
    await please('limit');
    await eachRow(async (row) => {
      await row.page.goto(`${base}/default/${row.path}`);
      await row.page.locator(row.shown).first().waitFor();
      await row.before?.(row.page);
      for (const [right, ...names] of row.refused) await refused(row.page, row.name, names, right);
      if (row.picture) await look(row.page, `reader-${row.picture}`);
      await row.page.context().close();
    });
  });
}

/** end tells how it went, and once more what failed: of a long output the end is read. */
export async function end() {
  await browser.close();
  answers.return?.();
  console.log([`${passed} passed, ${failures.length} failed`, ...failures].join('\n'));
  process.exit(failures.length ? 1 : 0);
}
