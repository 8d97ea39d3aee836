// The journeys of people through runs, workflows and tasks. BROKEN is the run that they find and repair.
import { readFileSync } from 'node:fs';
import { again, apart, base, budgeted, end, journey, look, need, open, please, refused, rpc, violations } from './harness.mjs';
import { differ, same, samePage } from './pixels.mjs';

const broken = process.env.BROKEN;

// Before anything is changed: later there are other runs.
await journey('pages look as they did, in the light and in the dark', apart, async () => {
  const routes = [
    ['overview', 'overview', '[data-row="day-started"]'],
    ['runs', 'runs', 'tbody a'],
    ['run', 'runs/order-1007', '.react-flow__node'],
    ['timeline', 'runs/order-1007?tab=timeline', '.timeline .bar'],
    ['specs', 'specs', 'main .card'],
    ['task', 'tasks/charge-card', '[data-row="done"]'],
    ['jobs', 'jobs', 'main .empty'],
    ['principal', 'principals/anonymous', '.matrix tr'],
  ];
  const seen = {};
  for (const [scheme, all] of [['light', routes], ['dark', routes.slice(0, 3)]]) {
    const page = await open({ colorScheme: scheme });
    for (const [name, path, shown] of all) {
      await page.goto(`${base}/default/${path}`);
      await page.locator(shown).first().waitFor();
      await page.waitForFunction(() => !document.querySelector('.skeleton'));
      seen[`${name}-${scheme}`] = await samePage(page, `page-${name}-${scheme}`);
    }
  }
  need('another page is seen to be another', (await differ(seen['runs-light'], seen['overview-light'])) > 0.03);
});

const enhanced = 'color-contrast-enhanced';

await journey('who needs more contrast has it', apart, async () => {
  const usual = await open();
  await usual.goto(`${base}/default/runs`);
  await usual.locator('tbody a').first().waitFor();
  need('what is asked of them is more than is usual', (await violations(usual, [enhanced])).some((v) => v.id === enhanced));
  const [list, axis] = [['runs', 'tbody a'], [`runs/${broken}?tab=timeline`, '.timeline .bar']];
  for (const [options, name, paths] of [[{ contrast: 'more' }, 'contrast', [list, axis]], [{ contrast: 'more', colorScheme: 'dark' }, 'contrast-dark', [axis]], [{ forcedColors: 'active' }, 'forced', [axis]]]) {
    const page = await open(options);
    for (const [path, shown] of paths) {
      await page.goto(`${base}/default/${path}`);
      await page.locator(shown).first().waitFor();
      await page.waitForFunction(() => !document.querySelector('.skeleton'));
      await look(page, `${name}-${path.replace(/\W+/g, '-')}`, name === 'forced' ? [] : [enhanced]);
      if (!path.includes('timeline')) continue;
      // What is only a ground elsewhere has an edge here.
      const bar = await page.locator('.timeline .bar').first().evaluate((e) => [getComputedStyle(e).borderTopWidth, getComputedStyle(e).borderTopColor, getComputedStyle(e.parentElement).backgroundColor]);
      if (name === 'forced') need(`a bar is seen: ${bar}`, bar[0] !== '0px' && bar[1] !== bar[2]);
    }
  }
});

await journey('a failed run is found, understood, rescued and seen to complete', {
  path: 'runs/order-1043',
  shown: 'h1',
  begin: (page) => page.getByRole('button', { name: 'Rescue' }).click(),
  end: async (page) => {
    await page.getByRole('dialog').getByRole('button', { name: 'Rescue' }).click();
    await page.locator('.title').getByText('completed').waitFor();
  },
  refused: [['WRITE_METADATA on ACL_WORKFLOW', 'Delete this run']],
}, async () => {
  const page = await open();
  await page.goto(base);
  await page.waitForURL('**/default/overview');
  await page.locator('.side').getByText('no authentication').waitFor();
  const failures = page.getByRole('region', { name: 'Latest failures' });
  await failures.getByText('connection refused').waitFor();
  await need('what failed alike is one line', async () => (await failures.getByRole('cell', { name: 'charge-card' }).count()) === 1);
  await page.locator('.card').filter({ hasText: '1 server' }).getByText(/3 partitions, version .* · \d+ waiting/).waitFor();
  await need('the last day is told hour by hour', async () => (await page.locator('[data-row="day-started"] rect').count()) === 24);
  await look(page, 'overview');
  await budgeted(page, 'overview', failures, 4);
  await failures.getByRole('link', { name: 'order', exact: true }).click();
  await page.waitForURL('**/runs?spec=order&status=ERROR%2CEXCEPTION&within=24h');
  await page.getByRole('link', { name: broken }).waitFor();
  await page.goto(`${base}/default/runs`);
  await page.getByRole('link', { name: broken }).waitFor();
  await look(page, 'runs');
  await page.getByRole('button', { name: 'failed', exact: true }).click();
  await page.waitForURL('**/runs?status=ERROR');
  await page.getByText('connection refused').first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 3); // only failed runs are shown
  page.calls = 0;
  await page.getByRole('link', { name: broken }).click();
  await page.locator('[data-why]').getByText(/Failed at charge-card after 2 of 2 attempts/).waitFor();
  await page.locator('.react-flow__node').first().waitFor();
  need(`the page of a run takes ${page.calls} calls`, page.calls <= 3);
  await page.locator('[data-why]').getByRole('button', { name: 'Show charge-card' }).click();
  await page.locator('[data-details]').getByText('Attempt 2').waitFor();
  await page.locator('[data-details] summary').first().click();
  await page.getByText('bank.go:117').first().waitFor();
  await page.getByRole('tab', { name: 'Timeline' }).click();
  await page.locator('.timeline .bar.bad').first().waitFor();
  await page.getByRole('tab', { name: 'Timeline' }).press('ArrowRight');
  await page.getByRole('region', { name: 'Steps in order' }).waitFor();
  await page.getByRole('tab', { name: 'Events' }).click();
  const story = page.getByRole('region', { name: 'What happened, in order' });
  for (const told of ['attempt 2 of charge-card failed', 'variable tries became 2']) {
    await page.getByLabel('With the text').fill(told);
    await story.getByText(told, { exact: true }).waitFor();
  }
  await page.getByLabel('With the text').fill('');
  await look(page, 'run-story');
  await page.getByLabel('Show', { exact: true }).selectOption('bad');
  await page.waitForFunction(() => document.querySelectorAll('.fixed-rows tbody tr:not([aria-hidden])').length === 4); // two attempts, the step, the thread
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as NDJSON' }).click();
  const saved = readFileSync(await (await saving).path(), 'utf8').trimEnd().split('\n').map(JSON.parse);
  need(`four lines are saved, not ${saved.length}`, saved.length === 4 && saved.every((h) => h.bad));
  await page.getByRole('tab', { name: 'Steps' }).click();
  await look(page, 'run-failed');
  await page.getByRole('button', { name: 'Rescue' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(`lhctl rescue ${broken} 0`).waitFor();
  await dialog.getByLabel('Skip the failed node').check();
  await dialog.getByText(`lhctl rescue ${broken} 0 --skipCurrentNode`).waitFor();
  await dialog.getByLabel('Try the failed node again').check();
  await dialog.getByText('The same over HTTP').click();
  await dialog.getByText('/api/RescueThreadRun').waitFor();
  await look(page, 'rescue');
  await dialog.getByRole('button', { name: 'Rescue' }).click();
  await page.locator('.title').getByText('completed').waitFor();
  await look(page, 'run-completed');
});

await journey('a run that waits says for what, and goes on when the event is posted', {
  path: 'runs/parcel-1?thread=2',
  shown: 'h1',
  begin: async (page) => {
    await page.locator('[data-why]').getByText(/Waits for the event weighed/).waitFor();
    await page.getByRole('button', { name: 'Post event' }).click();
    await page.getByRole('dialog').getByLabel('Event', { exact: true }).fill('weighed');
    await page.getByRole('dialog').getByLabel('Content', { exact: true }).fill('2 kg');
  },
  meanwhile: async (page) => {
    // What is sent in the meantime is not lost to whoever has written it.
    await page.getByRole('dialog').getByRole('button', { name: 'Post' }).click();
    await page.getByRole('dialog').getByText('The server cannot be reached.').waitFor();
  },
  end: async (page) => {
    await need('the content is still there', async () => (await page.getByRole('dialog').getByLabel('Content', { exact: true }).inputValue()) === '2 kg');
    await page.getByRole('dialog').getByRole('button', { name: 'Post' }).click();
    await page.locator('.title').getByText('completed').waitFor();
  },
  refused: [['RUN on ACL_WORKFLOW', 'Run again']],
}, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs/order-1030`);
  await page.locator('[data-why]').getByText(/Waits for the event manager-approved with the key/).waitFor();
  await page.locator('.react-flow__node').first().waitFor();
  await look(page, 'run-waiting');
  await page.getByRole('button', { name: 'Post event' }).click();
  const dialog = page.getByRole('dialog');
  await need('the event is named', async () => (await dialog.getByLabel('Event', { exact: true }).inputValue()) === 'manager-approved');
  await dialog.getByLabel('Content', { exact: true }).fill('fine');
  await dialog.getByText('lhctl postEvent order-1030 manager-approved STR fine').waitFor();
  await look(page, 'post-event');
  await dialog.getByRole('button', { name: 'Post' }).click();
  await page.locator('.title').getByText('completed').waitFor();
});

await journey('what happens is seen as it happens, and nothing is asked for in between', {
  path: 'runs/order-1031?tab=events',
  shown: '[data-why]',
  refused: [['RUN on ACL_EXTERNAL_EVENT', 'Post event'], ['RUN on ACL_WORKFLOW', 'Stop']],
}, async () => {
  const page = await open();
  const listening = page.waitForResponse(/\/ui\/v1\/live/);
  await page.goto(`${base}/default/runs/order-1032`);
  await page.locator('[data-why]').getByText(/Waits for the event/).waitFor();
  await listening;
  await page.locator('.react-flow__node').first().waitFor(); // what the page has asked for itself is there
  page.calls = 0;
  const began = Date.now();
  await rpc('PutExternalEvent', { wfRunId: { id: 'order-1032' }, externalEventDefId: { name: 'manager-approved' }, content: { str: 'fine' } });
  await page.locator('.title').getByText('completed').waitFor();
  console.log(`    the event was seen to end the run after ${Date.now() - began} ms`);
  need(`it took ${page.calls} calls`, page.calls <= 4);
});

await journey('what is seen stays as it is while live updates are paused, and catches up', {
  path: 'runs/order-1031?tab=timeline',
  shown: '.timeline .bar',
  begin: (page) => page.getByRole('button', { name: 'Pause live updates' }).click(),
  end: (page) => page.getByRole('button', { name: 'Go on', exact: true }).click(),
  refused: [['RUN on ACL_WORKFLOW', 'Stop']],
}, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs/order-1033?tab=events&tail=1`);
  await page.locator('[data-why]').getByText(/Waits for the event/).waitFor();
  const story = page.getByRole('region', { name: 'What happened, in order' });
  await story.getByText('came to it').last().waitFor();
  await page.getByRole('button', { name: 'Pause live updates' }).click();
  await page.getByText('Live updates are paused.').waitFor();
  await look(page, 'paused');
  const other = await open();
  await other.goto(`${base}/default/runs/order-1033`);
  await other.locator('[data-why]').getByText(/Waits for the event/).waitFor();
  page.calls = 0;
  await rpc('PutExternalEvent', { wfRunId: { id: 'order-1033' }, externalEventDefId: { name: 'manager-approved' }, content: { str: 'fine' } });
  await other.locator('.title').getByText('completed').waitFor(); // others see it
  need(`a page that stands asks ${page.calls} times`, page.calls === 0);
  need('it is as it was', await page.locator('.title').getByText('running').isVisible());
  await page.getByRole('button', { name: 'Go on', exact: true }).click();
  await page.locator('.title').getByText('completed').waitFor();
  await story.getByText('thread entrypoint completed').waitFor();
  // Nor is asked what is no news but numbers.
  const numbers = await open();
  await numbers.clock.install();
  await numbers.goto(`${base}/default/cluster`);
  await numbers.locator('.facts').waitFor();
  for (const [path, shown] of [['cluster', '.facts'], ['specs/order?tab=metrics&heat=count', '[data-row="completed"]'], ['specs', '[data-sparkline]']]) {
    await numbers.goto(`${base}/default/${path}`);
    await numbers.locator(shown).first().waitFor();
    await numbers.getByRole('button', { name: 'Pause live updates' }).click();
    await numbers.getByText('Live updates are paused.').waitFor();
    numbers.calls = 0;
    await numbers.clock.fastForward(120_000);
    need(`${path} asks ${numbers.calls} times while it stands`, numbers.calls === 0);
    const asks = numbers.waitForRequest(/\/(api|ui\/v1\/(batch|server))/);
    await numbers.getByRole('button', { name: 'Go on', exact: true }).click();
    await numbers.clock.fastForward(61_000);
    await asks;
  }
  await need('the latest is in sight', () => story.evaluate((e) => e.scrollTop + e.clientHeight >= e.scrollHeight - 2));
});

await journey('a run is replayed on its graph, and the graph saved as a picture', { path: 'runs/order-1007?replay=2', shown: '[data-replay] time', refused: [['RUN on ACL_WORKFLOW', 'Run again']] }, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs/order-1007`);
  await page.locator('.react-flow__node').first().waitFor();
  await page.getByText('Legend', { exact: true }).click();
  await page.getByText('back to what was done before: a loop').waitFor();
  await look(page, 'legend');
  await page.getByText('Legend', { exact: true }).click();
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as SVG' }).click();
  const saved = await saving;
  need(`it is called ${saved.suggestedFilename()}`, saved.suggestedFilename() === 'order-1007.svg');
  const svg = readFileSync(await saved.path(), 'utf8');
  const drawn = await page.evaluate((text) => {
    const doc = new DOMParser().parseFromString(text, 'image/svg+xml');
    return { bad: doc.querySelector('parsererror')?.textContent, titles: [...doc.querySelectorAll('title')].map((t) => t.textContent) };
  }, svg);
  need(`the picture is whole: ${drawn.bad ?? drawn.titles}`, !drawn.bad && drawn.titles.includes('task charge-card'));
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  await page.waitForURL(/replay=0/);
  const moment = page.getByLabel('Moment of the run');
  await page.locator('.react-flow__node[aria-label*="charge-card"][aria-label*="not reached"]').waitFor();
  await look(page, 'replay');
  await page.getByRole('button', { name: 'Play it' }).click();
  await page.waitForURL(/replay=[1-9]/);
  await page.getByRole('button', { name: 'Pause the replay' }).click();
  await moment.press('End');
  await page.locator('.react-flow__node[aria-label*="charge-card"][aria-label*="completed"]').waitFor();
  const other = await open();
  await other.goto(`${base}/default/runs/order-1007?replay=1`);
  await other.locator('[data-replay] time').waitFor();
  await other.locator('.react-flow__node[aria-label*="charge-card"][aria-label*="not reached"]').waitFor();
});

await journey('whole numbers stay whole, masked values stay masked, names are no markup', { path: 'runs/order-1005', shown: '[data-variable="number"]', refused: [['WRITE_METADATA on ACL_WORKFLOW', 'Delete this run']] }, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs/order-1005`);
  await page.locator('[data-variable="number"]').getByText('9007199254740993').waitFor();
  need('a masked value is not shown', !(await page.content()).includes('4111-1111'));
  await page.locator('[data-variable="customer"]').getByText('<img src=x').waitFor();
  need('a value is no markup', (await page.title()) !== 'broken' && (await page.locator('main img').count()) === 0);
});

await journey('a variable tells what it was, and who wrote it', { path: 'runs/order-1006?was=order-1006%2F0%2Ftries', shown: '[data-history="tries"] li', refused: [['RUN on ACL_WORKFLOW', 'Run again']] }, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs/order-1006`);
  const was = (name) => page.getByRole('list', { name: `What ${name} was` });
  await page.getByRole('button', { name: 'What it was: tries' }).click();
  await page.waitForURL(/was=order-1006/);
  await was('tries').locator('li').nth(2).waitFor();
  const told = (await was('tries').locator('li .text').allInnerTexts()).join(' ');
  need(`tries was ${told}`, told === '0 1 2');
  await page.getByRole('button', { name: 'What it was: reservation' }).click();
  await was('reservation').getByText('shelf 7 for lamp-order-1006').first().waitFor();
  await was('reservation').getByText('What it was then is not kept.').waitFor();
  await page.getByRole('button', { name: 'What it was: reservation' }).scrollIntoViewIfNeeded();
  await look(page, 'variable-history');
  await was('reservation').getByRole('button', { name: 'reserve-stock' }).last().click();
  await page.waitForURL(/node=.*visit=5/);
  const other = await open();
  await other.goto(page.url());
  await was('reservation').first().waitFor();
});

await journey('a large value is searched, its parts give their paths, and bytes are readable', {
  path: 'runs/payload-1',
  shown: '[data-hex]',
  begin: (page) => page.getByLabel('Search in this value').fill('lamp-7'),
  end: (page) => page.getByText('1 found').waitFor(),
  refused: [['RUN on ACL_WORKFLOW', 'Run again']],
}, async () => {
  const var_ = (name, primitiveType) => ({ varDef: { name, typeDef: { primitiveType } }, accessLevel: 'PRIVATE_VAR' });
  await rpc('PutWfSpec', {
    name: 'payloads',
    entrypointThreadName: 'main',
    threadSpecs: { main: { variableDefs: [var_('doc', 'JSON_OBJ'), var_('file', 'BYTES'), var_('when', 'TIMESTAMP'), var_('said', 'STR')], nodes: { begins: { entrypoint: {}, outgoingEdges: [{ sinkNodeName: 'ends' }] }, ends: { exit: {} } } } },
  });
  const line = { structDefId: { name: 'payload-line', version: 0 } };
  const inline = (name, typeDef) => ({ varDef: { name, typeDef }, accessLevel: 'PRIVATE_VAR' });
  await rpc('PutStructDef', { name: 'payload-line', structDef: { fields: { sku: { fieldType: { primitiveType: 'STR' } }, count: { fieldType: { primitiveType: 'INT' }, defaultValue: { int: '1' } }, note: { fieldType: { primitiveType: 'STR' }, isNullable: true } } } });
  await rpc('PutWfSpec', {
    name: 'parts',
    entrypointThreadName: 'main',
    threadSpecs: { main: { variableDefs: [inline('lines', { inlineArrayDef: { arrayType: line } }), inline('prices', { inlineMapDef: { keyType: { primitiveType: 'STR' }, valueType: { primitiveType: 'DOUBLE' } } }), inline('first', line)], nodes: { begins: { entrypoint: {}, outgoingEdges: [{ sinkNodeName: 'ends' }] }, ends: { exit: {} } } } },
  });
  const struct = (fields) => ({ struct: { ...line, struct: { fields: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { value }])) } } });
  const items = [struct({ sku: { str: 'lamp' }, count: { int: '9007199254740993' } }), struct({ sku: { str: 'rug' }, count: { int: '2' } })];
  await rpc('RunWf', {
    wfSpecName: 'parts',
    id: 'parts-1',
    variables: {
      lines: { array: { items, elementType: line } },
      prices: { map: { entries: [{ key: { str: 'lamp' }, value: { double: 12.5 } }, { key: { str: 'a rug' }, value: { double: 3 } }], mapType: { keyType: { primitiveType: 'STR' }, valueType: { primitiveType: 'DOUBLE' } } } },
      first: items[0],
    },
  });
  const doc = `{"lines": [${Array.from({ length: 40 }, (_, i) => `{"sku": "lamp-${i}", "more": {"deep": {"id": 9007199254740${100 + i}}}}`)}], "it's": {"a b": true}}`;
  const bytes = Buffer.from(`lunch: 18.50\n${'\u00ff'.repeat(2000)}`, 'latin1');
  await rpc('RunWf', { wfSpecName: 'payloads', id: 'payload-1', variables: { doc: { jsonObj: doc }, file: { bytes: bytes.toString('base64') }, when: { utcTimestamp: '2026-01-02T03:04:05Z' }, said: { str: '{"answer": {"id": 9007199254740993}}' } } });
  const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await page.goto(`${base}/default/runs/payload-1`);
  const value = page.locator('[data-variable="doc"]');
  await value.getByLabel('Search in this value').fill('9007199254740133');
  await value.getByText('1 found').waitFor();
  await value.getByText('9007199254740133').waitFor();
  need('only what was looked for is open', (await value.getByText('9007199254740134').count()) === 0);
  await value.locator('.found').getByRole('button', { name: 'id', exact: true }).click();
  await page.getByText('Copied the path $.lines[33].more.deep.id.').waitFor();
  need('the path is what is pasted', (await page.evaluate(() => navigator.clipboard.readText())) === '$.lines[33].more.deep.id');
  await look(page, 'payload-search');
  await value.getByLabel('Search in this value').fill('');
  await need('the deep parts are closed', async () => (await value.getByText('9007199254740134').count()) === 0);
  await value.getByLabel('Open to').selectOption('all levels');
  await value.getByText('9007199254740134').waitFor();
  await value.getByLabel('Open to').selectOption('1 level');
  await need('only the first level is open', async () => (await value.getByRole('button', { name: '0', exact: true }).count()) === 0);
  await value.getByLabel('Paths are copied as').selectOption('field path');
  await value.getByRole('button', { name: 'lines', exact: true }).click();
  await page.getByText('Copied the path doc.lines.').waitFor();
  await value.getByLabel('Paths are copied as').selectOption('JSONPath');
  const large = JSON.stringify({ all: Array.from({ length: 9000 }, (_, i) => `word ${i}`), last: 'the end of it' });
  need('it is a large one', large.length > 64 << 10);
  await rpc('RunWf', { wfSpecName: 'payloads', id: 'payload-2', variables: { doc: { jsonObj: large } } });
  const two = await open();
  await two.goto(`${base}/default/runs/payload-2`);
  const whole = two.locator('[data-variable="doc"]');
  await whole.getByRole('button', { name: /^Show its \d+ bytes/ }).click();
  await whole.getByRole('button', { name: /^Show all \d+ characters/ }).waitFor();
  await need('what is large is not shown at once', async () => (await whole.getByText('the end of it').count()) === 0);
  await whole.getByRole('button', { name: 'show as a tree' }).click();
  await whole.getByText('"the end of it"').waitFor();
  await whole.getByRole('button', { name: 'Show more of 9000' }).waitFor();
  await value.getByLabel('Search in this value').fill('a b');
  await value.locator('.found').getByRole('button', { name: 'a b', exact: true }).click();
  await page.getByText("Copied the path $['it\\'s']['a b'].").waitFor();
  const said = page.locator('[data-variable="said"]');
  await said.getByRole('button', { name: 'read it as JSON' }).click();
  await said.getByRole('button', { name: 'id', exact: true }).click();
  await page.getByText('Copied the path $.answer.id.').waitFor();
  await said.getByText('9007199254740993').waitFor();
  const file = page.locator('[data-variable="file"]');
  await file.locator('[data-hex]').getByText('00000000 6c 75 6e 63 68 3a 20 31').waitFor();
  const parts = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await parts.goto(`${base}/default/runs/parts-1`);
  const lines = parts.locator('[data-variable="lines"]');
  await lines.getByRole('columnheader', { name: 'count' }).waitFor();
  await lines.getByRole('cell', { name: '9007199254740993' }).waitFor();
  await lines.getByRole('button', { name: '1', exact: true }).click();
  await parts.getByText('Copied the path $[1].').waitFor();
  const prices = parts.locator('[data-variable="prices"]');
  await prices.getByRole('row', { name: 'a rug 3' }).waitFor();
  await prices.getByRole('button', { name: 'a rug' }).click();
  await parts.getByText("Copied the path $['a rug'].").waitFor();
  const one = parts.locator('[data-variable="first"]');
  await one.getByText('lamp').waitFor();
  await need('what it has not is not shown at first', async () => (await one.getByText('not set').count()) === 0);
  await one.getByRole('button', { name: 'with all fields of its definition' }).click();
  await one.getByText('not set').waitFor();
  await one.getByText('may be null').waitFor();
  await one.getByRole('link', { name: 'payload-line 0' }).waitFor();
  await look(parts, 'payload-parts');
  // What is done in a dialog is told there: what is behind it is not spoken.
  await page.getByRole('button', { name: 'Delete this run' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Copy command' }).first().click();
  await dialog.getByRole('status').getByText('Copied command.').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  need('only the beginning is shown at first', !(await file.locator('[data-hex]').innerText()).includes('00000400'));
  await file.getByRole('button', { name: `Show all ${bytes.length} bytes` }).click();
  await file.locator('[data-hex]').getByText('00000400').waitFor();
  const saving = page.waitForEvent('download');
  await file.getByRole('button', { name: 'Save as a file' }).click();
  need('the file is what the value is', readFileSync(await (await saving).path()).equals(bytes));
  await file.scrollIntoViewIfNeeded();
  await look(page, 'payload-bytes');
});

await journey('runs are searched for by a variable, and the address is the search', {
  path: 'runs?spec=order&var=customer&value=Dana+Scully&type=STR',
  shown: 'tbody a',
  begin: (page) => page.getByLabel('Select order-1004').check(),
  end: async (page) => need('what was selected is so', () => page.getByLabel('Select order-1004').isChecked()),
  before: (page) => page.getByLabel('Select order-1004').check(),
  refused: [['RUN on ACL_WORKFLOW', 'Stop…', 'Resume…'], ['WRITE_METADATA on ACL_WORKFLOW', 'Delete…']],
}, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs`);
  await page.getByLabel('Workflow').fill('order');
  await page.getByLabel('Workflow').press('Enter');
  await page.getByLabel('Variable').selectOption('customer');
  await page.getByLabel('is', { exact: true }).fill('Dana Scully');
  await page.getByLabel('is', { exact: true }).press('Enter');
  await page.waitForURL(/var=customer/);
  const four = async (p) => {
    await p.locator('tbody tr').nth(3).waitFor();
    await p.waitForFunction(() => document.querySelectorAll('tbody tr').length === 4);
  };
  await four(page);
  const other = await open();
  await other.goto(page.url());
  await four(other);
  // One condition more finds fewer; each can be taken back.
  await other.getByLabel('Variable').selectOption('sku');
  await other.getByLabel('is', { exact: true }).fill('lamp-order-1004');
  await other.getByLabel('is', { exact: true }).press('Enter');
  await other.waitForURL(/var=customer&.*var=sku/);
  await other.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  await other.getByRole('link', { name: 'order-1004' }).waitFor();
  await look(other, 'runs-conditions');
  await page.goto(other.url());
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  await page.getByRole('button', { name: 'sku is lamp-order-1004' }).click();
  await four(page);
});

await journey('runs are narrowed to a version of a workflow', { path: 'runs?spec=versions&version=1', shown: 'tbody a', refused: [] }, async () => {
  const version = (...names) => ({
    name: 'versions',
    entrypointThreadName: 'main',
    threadSpecs: { main: { variableDefs: names.map((name) => ({ varDef: { name, typeDef: { primitiveType: 'STR' } }, accessLevel: 'PRIVATE_VAR', required: name === 'must' })), nodes: { begins: { entrypoint: {}, outgoingEdges: [{ sinkNodeName: 'ends' }] }, ends: { exit: {} } } } },
  });
  const ids = [];
  for (const names of [[], ['may'], ['may', 'must']]) {
    const { id } = await rpc('PutWfSpec', version(...names));
    const text = `${id.majorVersion}.${id.revision}`;
    await rpc('RunWf', { wfSpecName: 'versions', id: `versions-${text.replace('.', '-')}`, ...(names.length === 2 ? { variables: { must: { str: 'so' } } } : {}) });
    ids.push(text);
  }
  need(`three versions: ${ids}`, ids.join() === '0.0,0.1,1.0');
  const page = await open();
  await page.goto(`${base}/default/runs?spec=versions`);
  await page.getByRole('link', { name: 'versions-0-0' }).waitFor();
  const only = async (text, ...runs) => {
    await page.getByLabel('Version', { exact: true }).fill(text);
    await page.getByLabel('Version', { exact: true }).press('Enter');
    await page.waitForURL((u) => u.searchParams.get('version') === text);
    await need(`of ${text} there are ${runs}`, async () => (await page.locator('tbody a').allInnerTexts()).sort().join() === runs.join());
  };
  await only('0', 'versions-0-0', 'versions-0-1');
  await only('0.1', 'versions-0-1');
  await only('1', 'versions-1-0');
  const other = await open();
  await other.goto(page.url());
  await other.getByRole('link', { name: 'versions-1-0' }).waitFor();
  await need('the address has the version', async () => (await other.locator('tbody a').count()) === 1);
  await page.getByLabel('Version', { exact: true }).fill('the first');
  await page.getByLabel('Version', { exact: true }).press('Enter');
  await page.getByText('It is like 1 or 1.2.').waitFor();
  await look(page, 'runs-version');
});

await journey('runs are narrowed by id, parent and exact times, and a search is kept by a name', {
  path: 'runs?id=order-104',
  shown: 'tbody a',
  before: (page) => page.getByLabel('Select order-1044').check(),
  refused: [['RUN on ACL_WORKFLOW', 'Stop…']],
}, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs`);
  await page.getByText('More filters').click();
  await page.getByLabel('Id begins with').fill('order-103');
  await page.getByLabel('Id begins with').press('Enter');
  await page.waitForURL(/id=order-103/);
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 4);
  await page.getByLabel('Begun until').fill('2020-01-01T00:00');
  await page.getByText('No runs are like that').waitFor();
  need('the address has the moment', new URL(page.url()).searchParams.get('until')?.startsWith('20'));
  await page.getByLabel('Begun until').fill('');
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 4);
  await look(page, 'runs-more-filters');
  await page.getByRole('button', { name: 'None of these' }).click();
  await page.getByLabel('Child of the run').fill('parcel-1');
  await page.getByLabel('Child of the run').press('Enter');
  await page.getByRole('link', { name: /^parcel-1_/ }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  await page.getByText('More filters').click();
  await page.getByText('Saved searches').click();
  await page.getByLabel('Save this search as').fill('below the parcel');
  await page.getByLabel('Save this search as').press('Enter');
  await page.goto(`${base}/default/runs`);
  await page.getByText('Saved searches (1)').click();
  await look(page, 'runs-saved');
  await page.getByRole('link', { name: 'below the parcel' }).click();
  await page.waitForURL(/parent=parcel-1/);
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  await page.getByRole('button', { name: 'Forget the search below the parcel' }).click();
  await page.getByText('There is none yet in this browser.').waitFor();
});

await journey('of a search all that match are counted, and deleted by a job', {
  path: 'runs?spec=order&status=COMPLETED',
  shown: 'tbody a',
  before: (page) => page.getByLabel('Select all that are shown').check(),
  refused: [['WRITE_METADATA on ACL_WORKFLOW', 'Delete all that match…']],
}, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs?spec=insure`);
  await page.getByLabel('Select all that are shown').check();
  const all = page.getByRole('button', { name: 'Delete all that match…' });
  await need('a job needs one status', async () => (await all.getAttribute('title'))?.startsWith('A job deletes runs of one workflow'));
  await page.goto(`${base}/default/runs?spec=insure&status=COMPLETED`);
  await page.getByLabel('Select all that are shown').check();
  await page.getByRole('button', { name: 'Delete all that match…' }).click();
  await page.waitForURL('**/jobs?delete=insure&of=COMPLETED');
  const dialog = page.getByRole('dialog');
  await dialog.locator('[data-dry-run]').getByText('1', { exact: true }).waitFor();
  await dialog.getByText(/lhctl delete wfRunBulk insure --from 1970-01-01T00:00:00.000Z .* --status COMPLETED/).waitFor();
  await look(page, 'job-of-search');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForURL('**/jobs');
});

await journey('all runs that match are stopped by a job, and go on by another', {
  path: 'runs?spec=holds&status=RUNNING',
  shown: 'tbody a',
  before: (page) => page.getByLabel('Select all that are shown').check(),
  refused: [['RUN on ACL_WORKFLOW', 'Stop all that match…']],
}, async () => {
  await rpc('PutExternalEventDef', { name: 'go-on' });
  await rpc('PutWfSpec', {
    name: 'holds',
    entrypointThreadName: 'main',
    threadSpecs: { main: { variableDefs: [{ varDef: { name: 'mark', typeDef: { primitiveType: 'STR' } }, searchable: true, accessLevel: 'PRIVATE_VAR' }], nodes: { begins: { entrypoint: {}, outgoingEdges: [{ sinkNodeName: 'holds' }] }, holds: { externalEvent: { externalEventDefId: { name: 'go-on' } }, outgoingEdges: [{ sinkNodeName: 'ends' }] }, ends: { exit: {} } } } },
  });
  for (const n of [1, 2, 3, 4, 5]) await rpc('RunWf', { wfSpecName: 'holds', id: `holds-${n}`, variables: { mark: { str: n % 2 === 1 ? 'odd' : 'even' } } });
  const page = await open();
  const dialog = page.getByRole('dialog');
  for (const [now, then, deed, done] of [['RUNNING', 'HALTED', 'Stop', 'stops'], ['HALTED', 'RUNNING', 'Resume', 'resumes']]) {
    await page.goto(`${base}/default/runs?spec=holds&status=${now}`);
    await page.getByLabel('Select all that are shown').check();
    await page.getByRole('button', { name: `${deed} all that match…` }).click();
    await page.waitForURL(`**/jobs?${deed.toLowerCase()}=holds&of=${now}`);
    await dialog.locator('[data-dry-run]').getByText('5', { exact: true }).waitFor();
    await dialog.getByText(`lhctl ${deed.toLowerCase()} wfRunBulk holds --from `).first().waitFor();
    if (deed === 'Stop') await look(page, 'job-stop');
    await dialog.getByRole('button', { name: `${deed} them` }).click();
    await dialog.waitFor({ state: 'detached' });
    const row = page.locator('tbody tr').filter({ hasText: `${done} runs of holds` });
    await row.getByText('5 so far').waitFor();
    await row.getByText('completed').waitFor();
    await page.goto(`${base}/default/runs?spec=holds&status=${then}`);
    await page.getByRole('link', { name: 'holds-5' }).waitFor();
    await need(`all five are ${then}`, async () => (await page.locator('tbody a').count()) === 5);
  }
  // A search by variables is a job, too.
  await page.goto(`${base}/default/runs?spec=holds&status=RUNNING&var=mark&value=odd&type=STR`);
  await page.getByLabel('Select all that are shown').check();
  await page.getByRole('button', { name: 'Stop all that match…' }).click();
  await page.waitForURL('**/jobs?stop=holds&of=RUNNING&var=mark&value=odd&type=STR');
  await dialog.locator('[data-conditions]').getByText('odd').waitFor();
  await dialog.locator('[data-dry-run]').getByText('3', { exact: true }).waitFor();
  await dialog.getByText('--where mark=odd').first().waitFor();
  await look(page, 'job-of-variables');
  await dialog.getByRole('button', { name: 'Stop them' }).click();
  await dialog.waitFor({ state: 'detached' });
  const odd = page.locator('tbody tr').filter({ hasText: 'mark is odd' });
  await odd.getByText('3 so far').waitFor();
  await odd.getByText('completed').waitFor();
  await page.goto(`${base}/default/runs?spec=holds&status=RUNNING`);
  await page.getByRole('link', { name: 'holds-4' }).waitFor();
  await need('the others run on', async () => (await page.locator('tbody a').count()) === 2);
  // A job that runs can be cancelled: here one that the page takes for running.
  await page.route('**/ui/v1/batch', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replaceAll('BULK_JOB_COMPLETED', 'BULK_JOB_RUNNING') });
  });
  await page.goto(`${base}/default/jobs`);
  await page.getByRole('button', { name: /^Cancel job/ }).first().click();
  await dialog.getByText(/lhctl cancel bulkJob \S+/).waitFor();
  await look(page, 'job-cancel');
  await dialog.getByRole('button', { name: 'Cancel the job' }).click();
  await page.getByText('It does no more.').waitFor();
  await page.unrouteAll({ behavior: 'wait' });
});

await journey('the axis of time has marks of timers, failures, handlers and interrupts', { path: 'runs/marks-1?tab=timeline', shown: '.timeline .sign', refused: [['RUN on ACL_WORKFLOW', 'Stop']] }, async () => {
  await rpc('PutExternalEventDef', { name: 'never' });
  await rpc('PutExternalEventDef', { name: 'knock' });
  const to = (sinkNodeName) => [{ sinkNodeName }];
  const brief = { nodes: { begins: { entrypoint: {}, outgoingEdges: to('ends') }, ends: { exit: {} } } };
  await rpc('PutWfSpec', {
    name: 'marks',
    entrypointThreadName: 'main',
    threadSpecs: {
      main: {
        variableDefs: [{ varDef: { name: 'none', typeDef: { primitiveType: 'INT' } }, accessLevel: 'PRIVATE_VAR' }],
        interruptDefs: [{ externalEventDefId: { name: 'knock' }, handlerSpecName: 'answer' }],
        nodes: {
          begins: { entrypoint: {}, outgoingEdges: to('fails') },
          fails: { sleep: { rawSeconds: { variableName: 'none' } }, failureHandlers: [{ handlerSpecName: 'mend', anyFailureOfType: 'FAILURE_TYPE_ERROR' }], outgoingEdges: to('waits') },
          waits: { externalEvent: { externalEventDefId: { name: 'never' }, timeoutSeconds: { literalValue: { int: '7200' } } }, outgoingEdges: to('ends') },
          ends: { exit: {} },
        },
      },
      mend: brief,
      answer: { variableDefs: [], ...brief },
    },
  });
  await rpc('RunWf', { wfSpecName: 'marks', id: 'marks-1' });
  await rpc('PutExternalEvent', { wfRunId: { id: 'marks-1' }, externalEventDefId: { name: 'knock' } });
  const page = await open();
  await page.goto(`${base}/default/runs/marks-1?tab=timeline`);
  const axis = page.locator('.timeline');
  await axis.getByRole('img', { name: 'VAR_SUB_ERROR' }).waitFor();
  await axis.getByRole('img', { name: /^the event is not waited for any longer in 1 h/ }).waitFor();
  await axis.getByText('handles VAR_SUB_ERROR of thread 0').waitFor();
  await axis.getByText('interrupts thread 0 for knock').waitFor();
  await page.getByRole('tab', { name: 'Events' }).click();
  const story = page.getByRole('region', { name: 'What happened, in order' });
  await story.getByText(/^thread 0 was halted: thread \d interrupts it for the event knock$/).waitFor();
  await story.getByText('thread 0 went on').first().waitFor();
  await page.getByRole('tab', { name: 'Timeline' }).click();
  const graph = page.locator('.react-flow');
  await graph.getByText('on VAR_SUB_ERROR').waitFor();
  await graph.getByText('interrupted by knock').waitFor();
  for (const cause of ['handler', 'interrupt']) await graph.locator(`.react-flow__edge.${cause}`).waitFor({ state: 'attached' });
  await look(page, 'graph-handlers');
  await axis.getByRole('button', { name: 'mend handles the failure: thread 1' }).waitFor();
  await look(page, 'timeline-marks');
  await axis.getByRole('button', { name: 'knock interrupts it: thread 2' }).click();
  await page.waitForURL(/thread=2/);
  await page.goto(`${base}/default/specs/marks`);
  await page.getByRole('button', { name: 'All threads' }).click();
  await page.waitForURL(/threads=all/);
  await graph.getByText('on any error').waitFor();
  await graph.getByText('interrupted by knock').waitFor();
  for (const cause of ['handler', 'interrupt']) await graph.locator(`.react-flow__edge.${cause}`).waitFor({ state: 'attached' });
  await graph.locator('[data-node="waits"]').click();
  await page.waitForURL(/in=main&node=waits/);
  await look(page, 'spec-threads');
  await page.goto(`${base}/default/runs/${broken}?tab=timeline`);
  await axis.getByRole('img', { name: 'attempt 1 failed' }).waitFor();
  await axis.getByRole('img', { name: 'attempt 2 was due' }).waitFor();
});

await journey('of many workers some are looked for by their ids', { path: 'tasks/reserve-stock?worker=nobody', shown: '[data-row="done"]', refused: [] }, async () => {
  for (let n = 1; n <= 22; n++) await rpc('RegisterTaskWorker', { taskWorkerId: `silent-${n}`, taskDefId: { name: 'reserve-stock' } });
  const page = await open();
  await page.goto(`${base}/default/tasks/reserve-stock`);
  const workers = page.getByRole('region', { name: 'Workers' });
  await workers.locator('tbody tr').nth(19).waitFor();
  await need('the first twenty are shown', async () => (await workers.locator('tbody tr').count()) === 20);
  await page.getByRole('button', { name: 'Show more' }).first().click();
  await workers.locator('tbody tr').nth(20).waitFor();
  await page.getByLabel('Worker has').fill('silent-2');
  await page.waitForURL(/worker=silent-2/);
  await page.waitForFunction(() => document.querySelectorAll('[data-row^="silent-"]').length === 4); // 2, 20, 21 and 22
  await page.getByText(/^4 of 2\d$/).waitFor();
  // Of a list that cannot be read on it is said why, and what is there stays.
  await page.getByLabel('Worker has').fill('');
  const runs = page.getByRole('region', { name: 'Task runs' });
  await runs.locator('tbody tr').nth(49).waitFor();
  await page.route('**/ui/v1/batch', async (route) => {
    if (!route.request().postData().includes('bookmark')) return route.continue();
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { answers: [{ error: { code: 'internal', message: 'The next page is torn.' } }] } });
  });
  await page.getByRole('button', { name: 'Show more' }).last().click();
  await page.getByText('The next page is torn.').waitFor();
  await need('what was read is still there', async () => (await runs.locator('tbody tr').count()) === 50);
  await page.unrouteAll({ behavior: 'wait' });
  await page.getByRole('button', { name: 'Show more' }).last().click();
  await runs.locator('tbody tr').nth(50).waitFor();
  await page.getByText('The next page is torn.').waitFor({ state: 'detached' });
});

await journey('a workflow is run by its form', {
  path: 'specs/order',
  shown: '.react-flow__node',
  begin: async (page) => {
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('dialog').getByLabel(/^customer/).fill('Ana');
    await page.getByRole('dialog').getByLabel(/^sku/).fill('lamp');
    await page.getByRole('dialog').getByLabel('Id of the run').fill('begun-before');
  },
  end: async (page) => {
    await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click();
    await page.waitForURL('**/runs/begun-before');
    await page.locator('.title').getByText('completed').waitFor();
  },
  refused: [['RUN on ACL_WORKFLOW', 'Run']],
}, async () => {
  const page = await open();
  await page.goto(`${base}/default/specs`);
  await page.getByRole('link', { name: /order/ }).waitFor();
  await page.locator('main .card').filter({ hasText: 'parcel' }).locator('[data-last-run]').getByText('running').waitFor();
  await look(page, 'specs');
  await page.getByRole('link', { name: /order/ }).click();
  await page.locator('.react-flow__node').first().waitFor();
  await look(page, 'spec');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^customer/).fill("O'Hara");
  await dialog.getByLabel(/^sku/).fill('lamp');
  await dialog.getByLabel(/^number/).fill('9223372036854775807');
  await dialog.getByLabel(/^card/).fill('4000-0000');
  await dialog.getByText('The same over HTTP').click();
  await dialog.getByText('/api/RunWf').waitFor();
  need('what is masked is not written down', !(await dialog.textContent()).includes('4000-0000'));
  await dialog.getByLabel('Id of the run').fill('by-form');
  await look(page, 'run-form');
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  await page.waitForURL('**/runs/by-form');
  await page.locator('.title').getByText('completed').waitFor();
  await page.locator('[data-variable="number"]').getByText('9223372036854775807').waitFor();
});

await journey('the palette opens what is typed, and a dialog stays until it is left', { path: 'runs/order-1007', shown: '.react-flow__node', refused: [] }, async () => {
  const page = await open();
  await page.goto(`${base}/default/specs/order`);
  await page.locator('.react-flow__node').first().waitFor();
  // The answer to what was typed before is none to what is typed now.
  let [go, hold] = [undefined, undefined];
  await page.route('**/ui/v1/batch', async (route) => {
    await hold;
    await route.continue();
  });
  await page.keyboard.press('Control+k');
  await page.keyboard.type('parcel');
  await page.getByRole('option', { name: 'parcel workflow' }).waitFor();
  hold = new Promise((done) => {
    go = done;
  });
  await page.locator('dialog [role=combobox]').fill('order-1007');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/runs/order-1007');
  go();
  await page.locator('.react-flow__node').first().waitFor();
  await page.unrouteAll({ behavior: 'wait' });
  // What was chosen by the arrows is opened, whatever is found meanwhile.
  hold = new Promise((done) => {
    go = done;
  });
  await page.route('**/ui/v1/batch', async (route) => {
    await hold;
    await route.continue();
  });
  await page.keyboard.press('Control+k');
  await page.keyboard.type('or');
  await page.getByRole('option', { name: 'Open run or run' }).waitFor();
  await page.keyboard.press('ArrowDown');
  const chosen = page.locator('#palette [aria-selected="true"]');
  const before = await chosen.innerText();
  need(`one of the pages is chosen: ${before}`, before.includes('page'));
  go();
  await page.getByRole('option', { name: 'order workflow' }).waitFor();
  await need('it is still chosen', async () => (await chosen.innerText()) === before);
  await page.unrouteAll({ behavior: 'wait' });
  await page.keyboard.press('Escape');

  await page.goto(`${base}/default/specs/order`);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^sku/).fill('a lamp that is meant');
  const [field, box] = [await dialog.getByLabel(/^sku/).boundingBox(), await dialog.boundingBox()];
  await page.mouse.move(field.x + 60, field.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x - 40, field.y + 10);
  await page.mouse.up();
  need('what was typed is still there', (await dialog.getByLabel(/^sku/).inputValue({ timeout: 5000 }).catch(() => 'gone')) === 'a lamp that is meant');
  await page.mouse.click(box.x - 40, field.y + 10);
  await dialog.waitFor({ state: 'detached' });
});

await journey('the palette offers what can be done, here and everywhere', { path: 'specs/parcel?do=run', shown: '.react-flow__node', refused: [['RUN on ACL_WORKFLOW', 'Run']] }, async () => {
  const page = await open();
  const dialog = page.getByRole('dialog');
  const ask = async (text, option) => {
    await page.keyboard.press('Control+k');
    await page.locator('dialog [role=combobox]').fill(text);
    await page.getByRole('option', { name: option }).waitFor();
    await page.waitForFunction((name) => document.querySelector('#palette [aria-selected="true"]')?.innerText.startsWith(name), option.split(' action')[0]);
    await page.keyboard.press('Enter');
  };
  await page.goto(`${base}/default/runs/order-1007`);
  await page.getByRole('button', { name: 'Run again' }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('option', { name: 'Run again action here' }).waitFor();
  await look(page, 'palette-actions');
  await page.keyboard.press('Escape');
  await ask('delete', 'Delete this run action here');
  await dialog.getByText('lhctl delete wfRun order-1007').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await ask('run parc', 'Run parcel action');
  await page.waitForURL('**/specs/parcel?do=run');
  await dialog.getByLabel('Id of the run').waitFor();
  await page.keyboard.press('Escape');
  await page.waitForURL('**/specs/parcel');
  await need('the form has gone', async () => (await dialog.count()) === 0);
  await ask('post weigh', 'Post weighed action');
  await page.waitForURL('**/events/weighed?do=post');
  await dialog.getByLabel('Id of the run').waitFor();
  await page.keyboard.press('Escape');
  for (const [name, where] of [['New tenant', 'tenants'], ['New quota', 'quotas'], ['New principal', 'principals'], ['New schedule', 'schedules']]) {
    await ask(name.toLowerCase(), `${name} action`);
    await page.waitForURL(`**/${where}?do=*`);
    await (name === 'New principal' ? page.getByRole('heading', { name }) : dialog.getByRole('heading', { name: name.replace('New schedule', 'Schedule runs') })).waitFor();
    if (name !== 'New principal') await page.keyboard.press('Escape');
  }
  await page.goto(`${base}/default/tenants?do=new`);
  await dialog.getByRole('heading', { name: 'New tenant' }).waitFor();
  await page.keyboard.press('Escape');
  for (const [now, then] of [['Dark', 'dark'], ['Light', 'light']]) {
    await ask(`${then} col`, `${now} colours action`);
    await page.waitForFunction((theme) => document.documentElement.dataset.theme === theme, then);
  }
  await ask('pause', 'Pause live updates action');
  await page.getByText('Live updates are paused.').waitFor();
  await ask('go on', 'Go on with live updates action');
  await page.getByText('Live updates are paused.').waitFor({ state: 'detached' });
  await ask('keys', 'Show the keys action');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
});

await journey('where no stream can be opened, the page asks every few seconds while somebody looks', { path: 'runs/order-1031?tab=json', shown: '[data-why]', refused: [['RUN on ACL_WORKFLOW', 'Stop']] }, async () => {
  await rpc('PutWfSpec', {
    name: 'polled',
    entrypointThreadName: 'main',
    threadSpecs: { main: { nodes: { begins: { entrypoint: {}, outgoingEdges: [{ sinkNodeName: 'waits' }] }, waits: { externalEvent: { externalEventDefId: { name: 'weighed' } }, outgoingEdges: [{ sinkNodeName: 'ends' }] }, ends: { exit: {} } } } },
  });
  for (const n of [1, 2]) await rpc('RunWf', { wfSpecName: 'polled', id: `polled-${n}` });
  const posted = (id) => rpc('PutExternalEvent', { wfRunId: { id }, externalEventDefId: { name: 'weighed' } });
  const page = await open();
  page.alone = true; // that the stream is refused is noted by the browser
  const tried = page.waitForRequest(/\/ui\/v1\/live/);
  await page.route('**/ui/v1/live**', (route) => route.fulfill({ status: 404, json: { code: 'unimplemented', message: 'No streams pass here.' } }));
  await page.goto(`${base}/default/runs/polled-1`);
  await page.locator('[data-why]').getByText(/Waits for the event/).waitFor();
  await tried;
  await posted('polled-1');
  await page.locator('.title').getByText('completed').waitFor();
  // Nobody asks for a page that nobody sees.
  await page.clock.install();
  await page.addInitScript(() => {
    const { fetch } = globalThis;
    globalThis.asked = 0;
    globalThis.fetch = (...of) => {
      globalThis.asked++;
      return fetch(...of);
    };
  });
  await page.goto(`${base}/default/runs/polled-2`);
  await page.locator('[data-why]').getByText(/Waits for the event/).waitFor();
  await page.locator('.react-flow__node').first().waitFor();
  const seen = (is) =>
    page.evaluate((state) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }, is);
  const asked = () => page.evaluate(() => globalThis.asked);
  await need('a page that somebody sees asks', async () => {
    const before = await asked();
    await page.clock.fastForward(4_000);
    return (await asked()) > before;
  });
  await seen('hidden');
  await need('a page that nobody sees does not ask', async () => {
    const before = await asked();
    await page.clock.fastForward(60_000);
    return (await asked()) === before;
  });
  await posted('polled-2');
  await seen('visible');
  await page.locator('.title').getByText('completed').waitFor();
  await page.unrouteAll({ behavior: 'wait' });
});

await journey('everything is reached by the keyboard, in the dark', {
  path: 'tasks',
  shown: 'main .card',
  end: async (page) => {
    await page.keyboard.press('Control+k');
    await page.keyboard.type('order-1031');
    await page.getByRole('option', { name: /order-1031/ }).first().waitFor();
    await page.keyboard.press('Escape');
  },
  refused: [],
}, async () => {
  const page = await open({ colorScheme: 'dark' });
  await page.goto(`${base}/default/tasks`);
  const charge = page.locator('main .card').filter({ hasText: 'charge-card' });
  await charge.locator('[data-queue]').getByText('nothing waits').waitFor();
  await charge.locator('[data-sparkline]').waitFor();
  await look(page, 'tasks-dark');
  await page.keyboard.press('Control+k');
  await page.keyboard.type(broken);
  await page.getByRole('option', { name: new RegExp(broken) }).first().waitFor();
  await look(page, 'palette-dark');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/runs/${broken}`);
  await page.locator('.react-flow__node').first().waitFor();
  await page.locator('.react-flow__node[aria-label*="charge-card"]').focus();
  await page.keyboard.press('Enter');
  await page.locator('[data-details]').getByText('Attempt 1').waitFor();
  await look(page, 'run-dark');
  const focused = (name) => page.waitForFunction((n) => document.activeElement?.getAttribute('aria-label')?.includes(n), name);
  await page.keyboard.press('ArrowRight');
  await focused('decides');
  await page.keyboard.press('ArrowLeft');
  await focused('charge-card');
  // Of a step that was passed several times the visits are looked at one by one.
  await page.locator('.react-flow__node[aria-label*="reserve-stock"]').focus();
  await page.keyboard.press('Enter');
  await page.locator('[data-details]').getByText('2 visits').waitFor();
  await page.keyboard.press('[');
  await page.waitForURL(/visit=2/);
  await page.keyboard.press(']');
  await page.waitForURL(/visit=5/);
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await page.waitForURL('**/tasks');
  await page.getByRole('link', { name: 'charge-card' }).click();
  await page.getByText('Last heard of').waitFor();
  await look(page, 'task-dark');
});

await journey('threads are lanes of one graph, with child runs inside', { path: 'runs/parcel-1?inside=1', shown: '.react-flow__node-lane', refused: [['WRITE_METADATA on ACL_WORKFLOW', 'Delete this run']] }, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs/parcel-1`);
  const lanes = page.locator('.react-flow__node-lane');
  await lanes.nth(2).waitFor();
  await need('each thread is a lane', async () => (await lanes.count()) === 3);
  await page.getByText('Thread 2: weigh').waitFor();
  await page.getByRole('button', { name: 'Child runs inside' }).click();
  await page.waitForURL(/inside=1/);
  await lanes.nth(3).waitFor();
  await page.locator('.react-flow__node-lane').getByText(/insure · parcel-1_/).waitFor();
  await page.locator('.react-flow__node[aria-label*="weighed"]').focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/thread=2/);
  await page.locator('[data-details]').getByText('Event').waitFor();
  await look(page, 'run-lanes');
  const other = await open();
  await other.goto(page.url());
  await other.locator('[data-details]').getByText('Event').waitFor();
  await page.locator('h1').click();
  await page.keyboard.press('t');
  await page.waitForURL((u) => !u.searchParams.has('thread')); // behind the last comes the first
  await page.keyboard.press('t');
  await page.waitForURL(/thread=1/);
  await page.getByRole('tab', { name: 'Timeline' }).click();
  await page.getByRole('list', { name: 'Steps on the axis of time' }).getByText('2 · weigh').waitFor();
  await look(page, 'run-lanes-timeline');
  const bars = page.locator('.timeline .bar');
  const before = await page.locator('.axis span').last().innerText();
  const axis = await page.locator('.timeline .axis').boundingBox();
  await page.mouse.move(axis.x + axis.width * 0.25, axis.y + 5);
  await page.locator('[data-cursor]').getByText(/after the beginning/).waitFor();
  await page.mouse.down();
  await page.mouse.move(axis.x + axis.width * 0.75, axis.y + 5);
  await page.mouse.up();
  await page.waitForURL(/zoom=/);
  await need('less of the time is seen', async () => (await page.locator('.axis span').last().innerText()) !== before);
  await page.getByRole('button', { name: 'All of it' }).click();
  await page.waitForURL((u) => !u.searchParams.has('zoom'));
  await page.getByRole('button', { name: 'Closer' }).press('Enter');
  await page.waitForURL(/zoom=/);
  await page.getByRole('button', { name: 'All of it' }).click();
  await page.getByRole('button', { name: 'Critical path' }).click();
  await page.locator('.line.off-path').first().waitFor();
  await need('most is on the path, or some is not', async () => (await bars.count()) > (await page.locator('.off-path .bar').count()));
  await page.getByText('Where the time went').click();
  await page.getByRole('region', { name: 'Where the time went' }).getByRole('cell', { name: 'weighed' }).waitFor();
  await look(page, 'timeline-critical');
  await page.getByRole('tab', { name: 'Child runs' }).click();
  const children = page.getByRole('region', { name: 'Child runs' });
  await children.getByRole('link', { name: /^parcel-1_/ }).waitFor();
  await look(page, 'run-children');
  await page.getByLabel('Status').selectOption('ERROR');
  await page.getByText('There is none like that').waitFor();
  await page.getByLabel('Status').selectOption('COMPLETED');
  await page.getByRole('link', { name: /^parcel-1_/ }).click();
  await page.locator('[data-variable="worth"]').getByText(/the last of 3 times/).waitFor();
  await page.locator('.react-flow__node').filter({ hasText: '× 3' }).first().waitFor(); // loops are counted
});

await journey('threads of a kind are one lane or each its own, one is seen alone, and who waits says until when', {
  path: 'runs/crates-1?each=crate', shown: '.react-flow__node .due', refused: [['RUN on ACL_WORKFLOW', 'Stop']],
}, async () => {
  const to = (sinkNodeName) => [{ sinkNodeName }];
  const crates = 7;
  await rpc('PutExternalEventDef', { name: 'loaded' });
  await rpc('PutWfSpec', {
    name: 'crates',
    entrypointThreadName: 'main',
    threadSpecs: {
      main: {
        nodes: {
          begins: { entrypoint: {}, outgoingEdges: to('crate0') },
          ...Object.fromEntries(Array.from({ length: crates }, (_, i) => [`crate${i}`, { startThread: { threadSpecName: 'crate' }, outgoingEdges: to(i + 1 < crates ? `crate${i + 1}` : 'all') }])),
          all: { externalEvent: { externalEventDefId: { name: 'loaded' } }, outgoingEdges: to('ends') },
          ends: { exit: {} },
        },
      },
      crate: { nodes: { begins: { entrypoint: {}, outgoingEdges: to('loads') }, loads: { externalEvent: { externalEventDefId: { name: 'loaded' }, timeoutSeconds: { literalValue: { int: '5400' } } }, outgoingEdges: to('ends') }, ends: { exit: {} } } },
    },
  });
  await rpc('RunWf', { wfSpecName: 'crates', id: 'crates-1' });
  const page = await open();
  const lanes = page.locator('.react-flow__node-lane');
  const many = (n) => need(`there are ${n} lanes`, async () => (await lanes.count()) === n);
  await page.goto(`${base}/default/runs/crates-1`);
  await lanes.getByText('7 × crate').waitFor();
  await lanes.getByText('7 running').waitFor();
  await many(2);
  await page.locator('.react-flow__node[aria-label*="waits for loaded, times out at"] .due').getByText('times out in 1 h').waitFor();
  await look(page, 'run-folded');
  await lanes.getByRole('button', { name: 'Each by itself' }).press('Enter');
  await page.waitForURL(/each=crate/);
  await lanes.getByText('Thread 7: crate').waitFor();
  await many(1 + crates);
  await page.reload();
  await lanes.getByText('Thread 7: crate').waitFor();
  await many(1 + crates);
  await page.getByRole('group', { name: 'Threads of the run' }).getByRole('button', { name: /^3 · crate/ }).click();
  await page.getByRole('button', { name: 'Only this thread' }).click();
  await page.waitForURL(/alone=1/);
  await many(1);
  await lanes.getByText('Thread 3: crate').waitFor();
  await look(page, 'run-alone');
  await page.reload();
  await lanes.getByText('Thread 3: crate').waitFor();
  await many(1);
  await page.getByRole('button', { name: 'Only this thread' }).click();
  await many(1 + crates);
  await lanes.getByRole('button', { name: 'As one' }).press('Enter');
  await page.waitForURL((u) => !u.searchParams.has('each'));
  await many(2);
  const scale = (n) => page.waitForFunction((most) => new DOMMatrix(getComputedStyle(document.querySelector('.react-flow__viewport')).transform).a === most, n);
  await page.getByRole('button', { name: 'Show at 100%' }).click();
  await scale(1);
  await page.getByText('Legend', { exact: true }).click();
  await page.waitForURL(/unfolded=legend/);
  await page.reload();
  await page.getByRole('list', { name: 'Signs of the graph' }).waitFor();
});

await journey('what becomes of an open run is spoken', { path: 'runs/crates-2', shown: '[data-why]', refused: [['RUN on ACL_WORKFLOW', 'Stop']] }, async () => {
  await rpc('RunWf', { wfSpecName: 'crates', id: 'crates-2' });
  const page = await open();
  await page.goto(`${base}/default/runs/crates-2`);
  await page.locator('[data-why]').getByText(/Waits for the event loaded/).first().waitFor();
  const spoken = page.locator('[data-spoken][aria-live="polite"]');
  need('nothing is spoken before something happens', (await spoken.innerText()) === '');
  await rpc('StopWfRun', { wfRunId: { id: 'crates-2' }, threadRunNumber: 0 });
  await spoken.getByText(/^The run is halted/).waitFor();
  await rpc('ResumeWfRun', { wfRunId: { id: 'crates-2' }, threadRunNumber: 0 });
  await spoken.getByText('The run is running, at all').waitFor();
});

await journey('columns and statuses are in the address, and many runs are dealt with at once', {
  path: 'runs?spec=order&columns=customer&status=ERROR',
  shown: 'td.column',
  before: (page) => page.getByLabel('Select order-1044').check(),
  refused: [['RUN on ACL_WORKFLOW', 'Stop…', 'Resume…'], ['WRITE_METADATA on ACL_WORKFLOW', 'Delete…']],
}, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs?spec=order&status=COMPLETED,RUNNING&columns=customer,number,card`);
  await page.getByRole('columnheader', { name: 'customer' }).waitFor();
  await page.getByText('9007199254740993').first().waitFor();
  await page.getByText('Columns (3)').click();
  const head = (name) => page.getByRole('columnheader', { name, exact: true });
  await page.getByRole('group', { name: 'Columns of the table' }).getByLabel('Where it stands').uncheck();
  await page.getByRole('group', { name: 'Columns of the table' }).getByLabel('Took').uncheck();
  await page.waitForURL(/without=where%2Ctook/);
  await head('Took').waitFor({ state: 'detached' });
  await page.getByText('Columns (5)').click();
  const narrower = await open();
  await narrower.goto(page.url());
  await narrower.getByRole('columnheader', { name: 'customer' }).waitFor();
  await need('the address has the columns', async () => (await narrower.getByRole('columnheader').allInnerTexts()).join().replace(/^,/, '') === 'Status,Run,Workflow,customer,number,card,Started');
  need('a masked value is no column', !(await page.content()).includes('4111-1111'));
  need('a value is no markup', (await page.locator('main img').count()) === 0);
  await need('two statuses are chosen', async () => (await page.locator('.chips [aria-pressed="true"]').count()) === 2);
  await look(page, 'runs-columns');
  for (const id of ['order-1031', 'order-1011']) await page.getByLabel(`Select ${id}`).check();
  await page.getByText('2 selected').waitFor();
  await page.getByRole('button', { name: 'Stop…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('[data-dry-run]').getByText('1 of 2').waitFor();
  await look(page, 'many');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Delete…' }).click();
  await dialog.locator('[data-dry-run]').getByText('1 of 2').waitFor(); // what runs is not deleted
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Select none' }).click();
  for (const id of ['order-1011', 'order-1012']) await page.getByLabel(`Select ${id}`).check();
  await page.getByRole('button', { name: 'Delete…' }).click();
  await dialog.locator('[data-dry-run]').getByText('2 of 2').waitFor();
  await dialog.getByText('lhctl delete wfRun order-1011').waitFor();
  // What goes wrong on the way can be tried again.
  page.alone = true;
  await page.route('**/ui/v1/batch', (route) => route.fulfill({ status: 503, json: { code: 'unavailable', message: 'The server is about to end.' } }), { times: 1 });
  await dialog.getByRole('button', { name: 'Delete 2' }).click();
  await dialog.getByText('The server is about to end.').waitFor();
  page.alone = false;
  await dialog.getByRole('button', { name: 'Delete 2' }).click();
  await page.getByRole('link', { name: 'order-1012' }).waitFor({ state: 'detached' });
});

await journey('what is searched for otherwise begins anew, and what leaves the first page is not lost', { path: 'runs?status=ERROR', shown: 'tbody a', refused: [] }, async () => {
  const page = await open();
  const run = (n, status) => ({ id: { id: `${status}-${n}` }, wfSpecId: { name: 'many', majorVersion: 0, revision: 0 }, status, startTime: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(), node: '', failure: '', openThreads: 1, variables: [] });
  const rows = (status, from) => Array.from({ length: 100 }, (_, i) => run(from - i, status));
  let [newest, hold] = [1000, undefined];
  await page.route('**/ui/v1/batch', async (route) => {
    const [first] = route.request().postDataJSON().calls;
    if (first.rpc !== 'SearchWfRunView') return route.continue();
    const other = first.request.statuses.length > 0;
    if (other) await hold;
    const answer = await route.fetch();
    const said = await answer.json();
    said.answers[0].reply = other ? { results: [run(2000, 'ERROR')] } : { results: rows('RUNNING', newest), bookmark: 'behind' };
    await route.fulfill({ response: answer, json: said });
  });
  await page.route('**/api/SearchWfRunView', (route) => route.fulfill({ json: { results: rows('RUNNING', 900) } }));
  await page.goto(`${base}/default/runs`);
  await page.getByRole('link', { name: 'RUNNING-1000', exact: true }).waitFor();
  const end = () => page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await end();
  const listed = (many) => page.waitForFunction((n) => document.querySelector('table.runs').getAttribute('aria-rowcount') === `${n + 1}`, many);
  await listed(200);
  // So many are for a job.
  await page.getByLabel('Select all that are shown').check();
  await page.getByText('200 selected').waitFor();
  await refused(page, 'two hundred selected runs', ['Stop…', 'Resume…', 'Delete…'], 'More than 100 are selected.');
  await page.getByRole('button', { name: 'Select none' }).click();
  // Sixty begin, and once more sixty: those of the first sixty that the first page has no more are behind it.
  for (const now of [1060, 1120]) {
    newest = now;
    await rpc('RunWf', { wfSpecName: 'insure' });
    await listed(now - 800);
  }
  let go;
  hold = new Promise((done) => {
    go = done;
  });
  await page.getByRole('button', { name: 'failed', exact: true }).click();
  await page.waitForURL(/status=ERROR/);
  await end();
  await page.getByRole('link', { name: 'RUNNING-1021', exact: true }).waitFor();
  go();
  await page.getByRole('link', { name: 'ERROR-2000', exact: true }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('table.runs tbody a').length === 1);
  await page.unrouteAll({ behavior: 'wait' });
});

await journey('threads of a run are stopped and go on one by one', { path: 'runs/forks-1?thread=2', shown: '[data-why]', refused: [['RUN on ACL_WORKFLOW', 'Stop']] }, async () => {
  const next = (sinkNodeName) => [{ sinkNodeName }];
  const starts = { startThread: { threadSpecName: 'waits', variables: {} } };
  await rpc('PutExternalEventDef', { name: 'forked' });
  await rpc('PutWfSpec', {
    name: 'forks',
    entrypointThreadName: 'main',
    threadSpecs: {
      main: { nodes: { begins: { entrypoint: {}, outgoingEdges: next('one') }, one: { ...starts, outgoingEdges: next('two') }, two: { ...starts, outgoingEdges: next('holds') }, holds: { externalEvent: { externalEventDefId: { name: 'forked' } }, outgoingEdges: next('ends') }, ends: { exit: {} } } },
      waits: { nodes: { begins: { entrypoint: {}, outgoingEdges: next('event') }, event: { externalEvent: { externalEventDefId: { name: 'forked' } }, outgoingEdges: next('ends') }, ends: { exit: {} } } },
    },
  });
  await rpc('RunWf', { wfSpecName: 'forks', id: 'forks-1' });
  const page = await open();
  const dialog = page.getByRole('dialog');
  const halted = (...threads) => page.waitForFunction((all) => [...document.querySelectorAll('[data-why] .note.warn')].map((n) => n.innerText.match(/thread (\d+)/)?.[1]).join() === all, threads.join());
  for (const thread of [1, 2]) {
    await page.goto(`${base}/default/runs/forks-1?thread=${thread}`);
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await dialog.getByText(`lhctl stop wfRun forks-1 --threadRunNumber ${thread}`).waitFor();
    await dialog.getByRole('button', { name: 'Stop', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await halted(...[1, 2].slice(0, thread));
  }
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await dialog.getByText('lhctl resume wfRun forks-1 --threadRunNumber 2').waitFor(); // which is looked at
  await look(page, 'resume');
  await dialog.getByLabel('Stopped thread').selectOption('1');
  await dialog.getByText('lhctl resume wfRun forks-1 --threadRunNumber 1').waitFor();
  await dialog.getByRole('button', { name: 'Resume', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  await halted(2);
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await dialog.getByText('lhctl resume wfRun forks-1 --threadRunNumber 2').waitFor();
  await dialog.getByRole('button', { name: 'Resume', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  await halted();
});

await journey('a run is stopped, goes on, is run again with what it was given, and deleted', { path: 'runs/order-1031', shown: '[data-why]', refused: [['RUN on ACL_WORKFLOW', 'Stop', 'Run again'], ['WRITE_METADATA on ACL_WORKFLOW', 'Delete this run']], picture: 'run' }, async () => {
  const page = await open();
  const dialog = page.getByRole('dialog');
  const sure = async (name) => {
    await dialog.getByRole('button', { name, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  await page.goto(`${base}/default/runs/order-1031`);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await dialog.getByText('lhctl stop wfRun order-1031').waitFor();
  await look(page, 'stop');
  await sure('Stop');
  await page.locator('.title').getByText('halted').waitFor();
  await page.locator('[data-why]').getByText(/^Halted at/).waitFor();
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await dialog.getByText('lhctl resume wfRun order-1031').waitFor();
  await sure('Resume');
  await page.locator('.title').getByText('running').waitFor();
  await page.getByRole('button', { name: 'Run again' }).click();
  await dialog.getByLabel(/^customer/).waitFor();
  await need('it has the inputs of the run', async () => (await dialog.getByLabel(/^sku/).inputValue()) === 'lamp-order-1031');
  await need('but not the one that is masked', async () => (await dialog.getByLabel(/^card/).inputValue()) === '');
  await need('what was computed on the way is none', async () => (await dialog.getByLabel(/^tries/).inputValue()) === '0' && (await dialog.getByLabel(/^reservation/).inputValue()) === '');
  await dialog.getByLabel(/^amount/).fill('5');
  await dialog.getByLabel('Id of the run').fill('again-1031');
  await sure('Run');
  await page.waitForURL('**/runs/again-1031');
  await page.locator('.title').getByText('completed').waitFor();
  // Where it is not told what a run was given, that is said.
  const told = await open();
  await told.route('**/ui/v1/batch', async (route) => {
    const at = route.request().postDataJSON().calls.findIndex((c) => c.rpc === 'ListVariables');
    if (at < 0) return route.continue();
    const answer = await route.fetch();
    const said = await answer.json();
    said.answers[at] = { error: { code: 'permission_denied', message: 'Variables are not for you.' } };
    await route.fulfill({ response: answer, json: said });
  });
  await told.goto(`${base}/default/specs/order?run=again-1031`);
  await told.getByText('Variables are not for you.').waitFor();
  await told.unrouteAll({ behavior: 'wait' });
  await page.getByRole('button', { name: 'Delete this run' }).click();
  await dialog.getByText('lhctl delete wfRun again-1031').waitFor();
  await look(page, 'delete');
  await sure('Delete');
  await page.waitForURL('**/default/runs');
});

await journey('graphs look as they did, in the light and in the dark', apart, async () => {
  const shots = [];
  for (const colorScheme of ['light', 'dark']) {
    const page = await open({ colorScheme });
    for (const [name, path] of [['order', 'specs/order'], ['parcel', 'specs/parcel'], ['run', 'runs/order-1007']]) {
      await page.goto(`${base}/default/${path}`);
      await page.locator('.react-flow__node').first().waitFor();
      await page.locator('.react-flow__edge').first().waitFor({ state: 'attached' });
      await same(page, `${name}-${colorScheme}`);
      if (name === 'order') shots.push(await page.locator('.canvas').screenshot());
    }
  }
  need('what differs is seen to differ', (await differ(shots[0], shots[1])) > 0.5 && (await differ(shots[0], shots[0])) === 0);
});

await journey('definitions are found by how their names begin', { path: 'specs?prefix=parc', shown: 'main .card', refused: [] }, async () => {
  const page = await open();
  for (const [list, prefix, found] of [['specs', 'parc', 'parcel'], ['tasks', 'char', 'charge-card']]) {
    await page.goto(`${base}/default/${list}`);
    await page.locator('main .card').nth(2).waitFor();
    await page.getByLabel('Name begins with').fill(prefix);
    await page.waitForURL(`**/${list}?prefix=${prefix}`);
    await page.waitForFunction(() => document.querySelectorAll('main .card').length === 1);
    await page.getByRole('link', { name: found }).waitFor();
  }
  // Not every letter is a search.
  await page.clock.install();
  page.asked.clear();
  await page.goto(`${base}/default/specs`);
  await page.locator('[data-last-run]').first().waitFor();
  await page.clock.pauseAt(Date.now() + 60_000);
  const searches = () => [...page.asked].filter((a) => a.includes('"prefix":"p')).length;
  await page.getByLabel('Name begins with').pressSequentially('parc');
  need(`${searches()} searches while somebody types`, searches() === 0);
  await page.clock.runFor(500);
  await page.clock.resume();
  await page.waitForFunction(() => document.querySelectorAll('main .card').length === 1);
  await page.waitForURL('**/specs?prefix=parc');
  need(`${searches()} searches for what was typed`, searches() === 1);
  // What was typed is not lost to who goes on at once.
  await page.getByLabel('Name begins with').fill('ord');
  await page.getByLabel('Name begins with').press('Enter');
  await need('it is asked for', () => page.url().endsWith('prefix=ord'));
});

await journey('a narrow screen shows the same', {
  path: 'overview',
  shown: 'tbody tr',
  meanwhile: (page) => page.getByText('The server cannot be reached.').first().waitFor(),
  refused: [],
}, async () => {
  const page = await open({ viewport: { width: 390, height: 844 } });
  await page.goto(`${base}/default/runs?id=order-104`);
  await page.getByRole('link', { name: broken }).waitFor();
  await page.goto(`${base}/default/runs`);
  await page.locator('tbody a').first().waitFor();
  await look(page, 'runs-narrow');
  await need('nothing is cut off', () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.goto(`${base}/default/runs/${broken}`);
  await page.locator('.react-flow__node').first().waitFor();
  await look(page, 'run-narrow');
  await need('nothing of a run is cut off', () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
});

await journey('the server is away for a moment: the page says so, and goes on', apart, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs/order-1031`);
  await page.locator('[data-why]').getByText(/Waits for the event/).waitFor();
  page.alone = true;
  await please('stop');
  await page.getByText('The server cannot be reached.').first().waitFor();
  await need('what was there is still seen', () => page.locator('[data-why]').isVisible());
  await look(page, 'unreachable');
  await please('start');
  await page.getByText('The server cannot be reached.').first().waitFor({ state: 'detached' });
  page.alone = false;
  await page.getByRole('tab', { name: 'Timeline' }).click();
  await page.locator('.timeline .bar.waited').waitFor();
  await look(page, 'timeline');
});

await again();

await journey('who may only read is shown what he may not do, and why', apart, async () => {
  const page = await open();
  await page.goto(`${base}/default/runs/order-1031`);
  const stop = page.getByRole('button', { name: 'Stop' });
  await stop.waitFor();
  await page.locator('button[aria-disabled="true"][title="You have no right to RUN on ACL_WORKFLOW."]').first().waitFor();
  await stop.click({ force: true });
  need('nothing opens', (await page.getByRole('dialog').count()) === 0);
  await look(page, 'run-reader');
  await refused(page, 'a run that waits', ['Post event'], 'RUN on ACL_EXTERNAL_EVENT');
  await refused(page, 'a run that waits', ['Delete this run'], 'WRITE_METADATA on ACL_WORKFLOW');
  // He finds what has failed and understands it, as others do.
  await page.goto(`${base}/default/overview`);
  await page.getByRole('region', { name: 'Latest failures' }).getByText('connection refused').waitFor();
  await page.goto(`${base}/default/runs?status=ERROR`);
  await page.getByRole('link', { name: 'order-1044' }).click();
  await page.locator('[data-why]').getByText(/Failed at charge-card after 2 of 2 attempts/).waitFor();
  await page.locator('[data-why]').getByRole('button', { name: 'Show charge-card' }).click();
  await page.locator('[data-details]').getByText('Attempt 2').waitFor();
  await refused(page, 'a run that failed', ['Rescue', 'Run again'], 'RUN on ACL_WORKFLOW');
  await page.goto(`${base}/default/runs?spec=order&var=customer&value=Dana+Scully&type=STR`);
  await page.getByLabel('Select order-1004').check();
  await refused(page, 'selected runs', ['Stop…', 'Resume…'], 'RUN on ACL_WORKFLOW');
  await refused(page, 'selected runs', ['Delete…'], 'WRITE_METADATA on ACL_WORKFLOW');
  await page.goto(`${base}/default/specs/order`);
  await page.locator('.react-flow__node').first().waitFor();
  await refused(page, 'a workflow', ['Run'], 'RUN on ACL_WORKFLOW');
  // The palette says it, too, and a form that he may not use is not opened by its address.
  await page.keyboard.press('Control+k');
  await page.locator('dialog [role=combobox]').fill('new tenant');
  await page.getByRole('option', { name: 'New tenant' }).getByText('You have no right to WRITE_METADATA on ACL_TENANT.').waitFor();
  const where = page.url();
  await page.keyboard.press('Enter');
  await need('the palette stays', async () => (await page.getByRole('dialog').count()) === 1 && page.url() === where);
  await look(page, 'palette-reader');
  await page.goto(`${base}/default/tenants?do=new`);
  await page.locator('button[aria-disabled="true"]').getByText('New tenant').waitFor();
  await need('the form is not open', async () => (await page.getByRole('dialog').count()) === 0);
  page.alone = true;
  const said = await page.evaluate(async () => {
    const answer = await fetch('/api/StopWfRun', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-LH-UI': '1' }, body: '{"wfRunId": {"id": "order-1031"}}' });
    return `${answer.status} ${await answer.text()}`;
  });
  need(`the server refuses by itself: ${said}`, said.startsWith('403') && said.includes('permission_denied'));
});

await end();
