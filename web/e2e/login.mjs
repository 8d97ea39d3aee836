// The journeys of people who log in. ISSUER is the provider with which they do.
import { apart, base, end, journey, look, need, open, please } from './harness.mjs';

const issuer = process.env.ISSUER;

/** visitor opens a page that is not logged in: that he is refused until then is no problem. */
async function visitor() {
  const page = await open();
  page.abroad = issuer;
  page.alone = true;
  return page;
}

/** logIn goes to an address as a stranger, and comes back to it as somebody. */
async function logIn(page, name, path) {
  await page.goto(base + path);
  await page.getByText('You are not logged in.').first().waitFor();
  await page.getByRole('link', { name: 'Log in' }).click();
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.waitForURL(base + path);
}

await journey('somebody logs in, comes back to the page that was asked for, and is refused what is not his to do', apart, async () => {
  const page = await visitor();
  await page.goto(`${base}/default/runs`);
  await page.getByText('You are not logged in.').first().waitFor();
  await look(page, 'login');
  await logIn(page, 'reader', '/default/runs/parcel-1?tab=timeline');
  await page.getByRole('list', { name: 'Steps on the axis of time' }).getByText('2 · weigh').waitFor();
  await page.getByRole('button', { name: 'Log out reader' }).waitFor();
  await page.locator('.side').getByText(/^API \d/).waitFor();
  need('it does not say that nobody logs in', (await page.getByText('no authentication').count()) === 0);
  page.alone = false;
  const [ours] = (await page.context().cookies(base)).filter((c) => c.name.startsWith('lh-'));
  need(`the cookie is ${JSON.stringify(ours)}`, ours.name === 'lh-session' && ours.httpOnly && ours.sameSite === 'Lax' && ours.expires === -1 && ours.value.length < 40);
  const kept = await page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]));
  need(`a page can read ${kept}`, !kept.includes('lh-') && !/ey[A-Za-z0-9_-]{20}|[A-Za-z0-9_-]{40}/.test(kept));
  const stop = page.getByRole('button', { name: 'Stop' });
  await stop.waitFor();
  await page.waitForFunction((b) => b.getAttribute('aria-disabled') === 'true', await stop.elementHandle());
  await need('it says why not', async () => (await stop.getAttribute('title')) === 'You have no right to RUN on ACL_WORKFLOW.');
  await stop.click({ force: true });
  need('nothing opens', (await page.getByRole('dialog').count()) === 0);
  await look(page, 'login-reader');
  page.alone = true;
  const refused = await page.evaluate(async () => {
    const stop = async (headers) => {
      const answer = await fetch('/api/StopWfRun', { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: '{"wfRunId": {"id": "parcel-1"}}' });
      return `${answer.status} ${(await answer.json()).message}`;
    };
    return [await stop({ 'X-LH-UI': '1' }), await stop({})];
  });
  need(`the server refuses by itself: ${refused[0]}`, refused[0].startsWith('403') && refused[0].includes('RUN'));
  need(`a cookie alone is no right: ${refused[1]}`, refused[1].startsWith('403') && refused[1].includes('Only pages'));
});

await journey('who logs out is logged out, also for somebody who has stolen the cookie', apart, async () => {
  const page = await visitor();
  await logIn(page, 'boss', '/default/specs');
  await page.getByRole('link', { name: /parcel/ }).waitFor();
  const cookies = (await page.context().cookies(base)).filter((c) => c.name.startsWith('lh-'));
  const thief = await visitor();
  await thief.context().addCookies(cookies);
  await thief.goto(`${base}/default/specs`);
  await thief.getByRole('link', { name: /parcel/ }).waitFor();
  await page.getByRole('button', { name: 'Log out boss' }).click();
  await page.getByRole('button', { name: 'Leave' }).click();
  await page.waitForURL(`${base}/**`);
  await page.getByText('You are not logged in.').first().waitFor();
  await thief.goto(`${base}/default/specs`);
  await thief.getByText('You are not logged in.').first().waitFor();
  // The provider asks again who one is.
  await logIn(page, 'boss', '/default/tasks');
});

await journey('somebody without a principal is told so', apart, async () => {
  const page = await visitor();
  await logIn(page, 'nobody', '/default/runs');
  await page.getByText('You are logged in, and have no rights here.').first().waitFor();
  await page.locator('main').getByText(/nobody/).first().waitFor();
  await page.getByRole('button', { name: 'Log out' }).waitFor();
  await look(page, 'login-nobody');
});

await journey('a login that failed says why, and can be begun again', apart, async () => {
  const page = await visitor();
  await page.goto(`${base}/auth/callback?state=other&code=x`);
  await page.getByText('not begun in this browser').waitFor();
  await look(page, 'login-failed');
  await page.getByRole('link', { name: 'Log in' }).click();
  await page.getByLabel('Name').waitFor();
});

await journey('the server is started anew: one logs in again, and is where one was', apart, async () => {
  const page = await visitor();
  await logIn(page, 'boss', '/default/runs/parcel-1');
  await page.locator('.react-flow__node').first().waitFor();
  await please('stop');
  await page.getByText('The server cannot be reached.').first().waitFor();
  await please('start');
  await page.getByText('You are not logged in.').first().waitFor();
  await page.getByRole('link', { name: 'Log in' }).click(); // the provider knows who it is
  await page.getByRole('button', { name: 'Log out boss' }).waitFor();
  await page.locator('.react-flow__node').first().waitFor();
  await need('one is where one was', () => page.url() === `${base}/default/runs/parcel-1`);
});

await end();
