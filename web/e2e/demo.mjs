// The journeys of people through all other pages, over what `lh demo` has. They run once as somebody who may do everything, then as somebody
// who may only read.
import { readFileSync } from 'node:fs';
import { again, apart, base, budgeted, end, journey, look, need, open, out, please, rpc } from './harness.mjs';

const at = (path) => `${base}/default/${path}`;

/** done presses the button of a dialog and waits until it has closed. */
async function done(dialog, name) {
  await dialog.getByRole('button', { name, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

await journey('an expense is claimed, saved, commented on and approved', {
  path: 'user-tasks/0-1/expense-taxi',
  shown: '[data-form]',
  begin: async (page) => {
    await page.getByLabel('In the name of').fill('ana');
    await page.getByLabel(/^Amount/).fill('31.5');
  },
  meanwhile: (page) => page.getByText('The server cannot be reached.').first().waitFor(),
  end: async (page) => {
    await need('what was typed is still there', async () => (await page.getByLabel(/^Amount/).inputValue()) === '31.5');
    await page.getByRole('button', { name: 'Save' }).click();
    await done(page.getByRole('dialog'), 'Save');
    await page.getByText('ana saved').waitFor();
  },
  refused: [['RUN on ACL_USER_TASK', 'Save', 'Complete', 'Comment', 'Cancel']],
  picture: 'user-task',
}, async () => {
  const page = await open();
  await budgeted(page, 'user-tasks', page.getByText('asks for'));
  await look(page, 'inbox');
  await page.getByLabel('In the name of').fill('ana');
  await page.locator('[data-row^="expense-lunch/"] a').click();
  await page.waitForURL(/user-tasks\/0-1\/expense-lunch/);
  await page.locator('[data-form]').waitFor();
  await look(page, 'inbox-task');
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Claim' }).click();
  await dialog.getByText('lhctl assign userTaskRun expense-lunch 0-1 --userId ana --userGroup finance').waitFor();
  await look(page, 'inbox-claim');
  await done(dialog, 'Claim');
  await page.getByText('ana, of finance').first().waitFor();
  await page.getByLabel(/^Amount/).fill('many');
  await page.getByText('It must be a number.').waitFor();
  await page.getByLabel(/^Amount/).fill('18.5');
  await page.getByLabel(/^Cost centre/).fill('9007199254740993');
  await page.getByLabel(/^Pay on/).fill('2026-12-24T10:00:00Z');
  await page.getByLabel(/^Trip/).fill('trip-1');
  await page.getByLabel('Take it from a file').setInputFiles({ name: 'receipt.txt', mimeType: 'text/plain', buffer: Buffer.from('lunch: 18.50') });
  await page.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('5 of 7 fields').waitFor();
  await look(page, 'inbox-save');
  await done(dialog, 'Save');
  await page.getByText('ana saved').waitFor();
  await page.reload();
  await page.getByLabel('In the name of').fill('ana');
  await need('what was saved is there again', async () => (await page.getByLabel(/^Cost centre/).inputValue()) === '9007199254740993');
  await need('bytes are there again', async () => (await page.getByLabel(/^Receipt/).inputValue()) === Buffer.from('lunch: 18.50').toString('base64'));
  await page.getByRole('button', { name: 'Complete', exact: true }).click();
  await dialog.getByText('Still needed: Approved.').first().waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  await page.getByRole('button', { name: 'Comment', exact: true }).click();
  await dialog.getByLabel('Comment').fill("<b>fine</b>, isn't it");
  await dialog.getByText(`| lhctl put userTaskRunComment expense-lunch 0-1`).waitFor();
  await done(dialog, 'Comment');
  await page.locator('[data-comment="1"]').getByText('<b>fine</b>').waitFor();
  await page.getByRole('button', { name: 'Change comment 1' }).click();
  await dialog.getByLabel('Comment').fill('It is fine.');
  await dialog.getByText('lhctl edit userTaskRunComment expense-lunch 0-1 1').waitFor();
  await done(dialog, 'Comment');
  await page.locator('[data-comment="1"]').getByText('It is fine.').waitFor();
  await page.getByRole('button', { name: 'Delete comment 1' }).click();
  await dialog.getByText('lhctl delete userTaskRunComment expense-lunch 0-1 1 ana').waitFor();
  await done(dialog, 'Delete');
  await page.getByText('Nobody has commented.').waitFor();

  await page.getByLabel(/^Approved/).selectOption('true');
  await page.keyboard.press('Control+Enter');
  await dialog.getByText('| lhctl execute userTaskRun expense-lunch 0-1').waitFor();
  await look(page, 'inbox-complete');
  await done(dialog, 'Complete');
  await page.locator('[data-user-task]').getByText('done', { exact: true }).waitFor();
  await look(page, 'inbox-done');
  await page.locator('[data-user-task]').getByRole('link', { name: 'expense-lunch' }).click();
  await page.locator('.title').getByText('completed').waitFor();
  await page.getByRole('tab', { name: 'Events' }).click();
  const story = page.getByRole('region', { name: 'What happened, in order' });
  await story.getByText(/^user task expense-approval: ana commented; <b>fine/).waitFor();
  await page.getByLabel('Show', { exact: true }).selectOption('userTask');
  await story.getByText('user task expense-approval: completed').waitFor();
  await look(page, 'story-user-task');
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as NDJSON' }).click();
  const told = readFileSync(await (await saving).path(), 'utf8').trimEnd().split('\n').map(JSON.parse);
  need('what people did is saved in order', told.every((h, i) => h.sort === 'userTask' && h.at >= (told[i - 1]?.at ?? '')) && told.at(-1).what === 'user task expense-approval: completed');
  await page.getByLabel('Show', { exact: true }).selectOption('variable');
  await story.getByText(/^variable amount began as /).waitFor();
});

await journey('runs are found by a field of a document', { path: 'runs?spec=expense&var=verdict_%24.approved&value=true&type=BOOL', shown: 'tbody a', refused: [], picture: 'runs-field' }, async () => {
  const page = await open();
  await page.goto(at('runs?spec=expense'));
  await page.getByRole('link', { name: 'expense-books' }).waitFor();
  await page.getByLabel('Variable').selectOption({ label: 'verdict.approved' });
  await page.getByLabel('is', { exact: true }).selectOption('true');
  await page.getByRole('button', { name: 'verdict.approved is true' }).waitFor();
  await page.getByRole('link', { name: 'expense-books' }).waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'expense-hotel' }).waitFor();
  // What is no value of the type is no condition.
  await page.goto(at('runs?spec=order'));
  await page.getByLabel('Variable').selectOption('total');
  await page.getByLabel('is', { exact: true }).fill('much');
  await page.getByText('It must be a number.').waitFor();
});

await journey('a user task is found by user, taken over, given back, assigned and cancelled', { path: 'user-tasks/0-1/expense-taxi', shown: '[data-form]', refused: [['WRITE_METADATA on ACL_USER_TASK', 'Claim', 'Assign…']] }, async () => {
  const page = await open();
  await page.goto(at('runs/expense-train'));
  await page.locator('[data-why]').getByRole('link', { name: 'Open the user task' }).click();
  await page.waitForURL('**/user-tasks/0-1/expense-train?queue=all');
  await page.locator('[data-user-task]').waitFor();
  await page.goto(at('user-tasks?queue=mine'));
  await page.getByText('Say in whose name you look.').waitFor();
  await page.getByLabel('In the name of').fill('ana');
  await page.locator('[data-row^="expense-train/"] a').click();
  await page.getByText('The receipt is missing.').first().waitFor();
  await page.locator('[data-due]').waitFor();
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Release' }).click();
  await dialog.getByText('lhctl assign userTaskRun expense-train 0-1 --userGroup finance --overrideClaim').waitFor();
  await done(dialog, 'Release');
  await page.locator('[data-user-task]').getByText('anybody of finance').first().waitFor();
  await page.getByRole('button', { name: 'Assign…' }).click();
  await dialog.getByLabel('User').fill('bo');
  await dialog.getByText('lhctl assign userTaskRun expense-train 0-1 --userId bo --userGroup finance').waitFor();
  await look(page, 'inbox-assign');
  await done(dialog, 'Assign');
  await page.locator('[data-user-task]').getByText('bo, of finance').first().waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await dialog.getByLabel('Save although bo has it').check();
  await done(dialog, 'Save');
  await page.getByRole('button', { name: 'Claim' }).click();
  await dialog.getByLabel('Take it from bo').check();
  await dialog.getByText('--overrideClaim').waitFor();
  await done(dialog, 'Claim');
  await page.locator('.actions').getByRole('button', { name: 'Cancel' }).click();
  await dialog.getByText('lhctl cancel userTaskRun expense-train 0-1').waitFor();
  await look(page, 'inbox-cancel');
  await done(dialog, 'Cancel the task');
  await page.locator('[data-user-task]').getByText('cancelled', { exact: true }).waitFor();
  await page.goto(at('user-tasks?queue=group&group=finance&status=UNASSIGNED'));
  await page.locator('[data-row^="expense-taxi/"]').waitFor();
  await page.goto(at('user-tasks?queue=all&status=DONE'));
  await page.locator('.ticket').nth(1).waitFor();
  await page.locator('.ticket').first().click();
  await page.locator('[data-user-task]').waitFor();
  const before = page.url();
  await page.locator('h1').click();
  await page.keyboard.press('j');
  await page.waitForURL((u) => u.href !== before);
  await page.keyboard.press('k');
  await page.waitForURL(before);
});

await journey('a form that was begun stays while another task is looked at, and the inbox is narrowed to a workflow', {
  path: 'user-tasks/0-1/leave-2?spec=leave',
  shown: '[data-form]',
  refused: [['RUN on ACL_USER_TASK', 'Save', 'Complete']],
}, async () => {
  await rpc('PutUserTaskDef', { name: 'leave', fields: [{ name: 'days', type: 'INT', required: true }] });
  await rpc('PutWfSpec', {
    name: 'leave',
    entrypointThreadName: 'main',
    threadSpecs: { main: { nodes: { begins: { entrypoint: {}, outgoingEdges: [{ sinkNodeName: 'asks' }] }, asks: { userTask: { userTaskDefName: 'leave', userGroup: { literalValue: { str: 'people' } } }, outgoingEdges: [{ sinkNodeName: 'ends' }] }, ends: { exit: {} } } } },
  });
  for (const n of [1, 2]) await rpc('RunWf', { wfSpecName: 'leave', id: `leave-${n}` });
  const page = await open();
  await page.goto(at('user-tasks'));
  await page.locator('[data-row^="expense-taxi/"]').waitFor();
  await page.getByLabel('In the name of').fill('ana');
  await page.getByLabel('Workflow', { exact: true }).fill('leave');
  await page.waitForURL(/spec=leave/);
  await page.locator('[data-row^="leave-1/"]').waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.ticket').length === 2);
  const other = await open();
  await other.goto(page.url());
  await other.locator('[data-row^="leave-2/"]').waitFor();
  await need('the address is the filter', async () => (await other.locator('.ticket').count()) === 2);
  const days = page.getByLabel(/^days/);
  const task = async (id) => {
    await page.locator(`[data-row^="${id}/"] a`).click();
    await page.locator('[data-user-task]').getByRole('link', { name: id }).waitFor();
  };
  await task('leave-1');
  await need('nothing is said of what is as it was', async () => !(await page.locator('[data-draft]').innerText()));
  await days.fill('5');
  await page.locator('[data-draft]').getByText('is not saved yet').waitFor();
  await task('leave-2');
  await need('another task has a form of its own', async () => (await days.inputValue()) === '');
  await days.fill('7');
  await page.getByText('not saved', { exact: true }).nth(1).waitFor();
  await look(page, 'inbox-begun');
  await page.getByRole('link', { name: 'Runs', exact: true }).click();
  await page.waitForURL('**/default/runs');
  await page.goBack();
  await task('leave-1');
  await need('what was begun is still there', async () => (await days.inputValue()) === '5');
  need('the address does not tell it', !/=5|days/.test(page.url()));
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Complete', exact: true }).click();
  await done(dialog, 'Complete');
  await page.locator('[data-user-task]').getByText('done', { exact: true }).waitFor();
  await task('leave-2');
  await need('the other one is still there', async () => (await days.inputValue()) === '7');
  // The browser asks before it closes what is not saved.
  let asked;
  page.once('dialog', (d) => {
    asked = d.type();
    void d.accept();
  });
  await page.reload();
  await page.locator('[data-form]').waitFor();
  need(`the browser asks: ${asked}`, asked === 'beforeunload');
  await need('and keeps nothing', async () => (await days.inputValue()) === '');
  await page.getByLabel('In the name of').fill('ana');
  await days.fill('8');
  await page.getByText('not saved', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('not saved', { exact: true }).waitFor({ state: 'detached' });
});

await journey('a form shows its versions, its fields and who works with it', { path: 'user-task-defs/expense-approval/1', shown: '[data-row="reason"]', refused: [['WRITE_METADATA on ACL_USER_TASK', 'Delete this version']], picture: 'form' }, async () => {
  const page = await open();
  await budgeted(page, 'user-task-defs', page.getByRole('link', { name: /expense-approval/ }));
  await look(page, 'forms');
  await budgeted(page, 'user-task-defs/expense-approval/1?status=ANY', page.getByText('with its history'), 4);
  await page.getByRole('cell', { name: 'costCenter' }).waitFor();
  await page.locator('[data-used-by]').getByRole('link', { name: /^expense / }).waitFor();
  await page.getByLabel(/^Approved/).selectOption('true');
  await look(page, 'form');
  await page.getByLabel('Other version').selectOption('0');
  await page.locator('[data-change="added"]').getByText('costCenter').waitFor();
  await page.getByLabel('Status').selectOption('DONE');
  await page.waitForURL(/status=DONE/);
  await page.getByLabel('User', { exact: true }).fill('bo');
  await page.getByRole('link', { name: 'expense-books' }).waitFor();
  await page.getByLabel('Version', { exact: true }).selectOption('0');
  await page.waitForURL(/expense-approval\/0/);
  await page.getByRole('cell', { name: 'reason', exact: true }).waitFor();
  await need('the older version has fewer fields', async () => (await page.getByRole('cell', { name: 'costCenter' }).count()) === 0);
  await page.goto(at('user-task-defs/expense-approval/1?status=DONE'));
  await page.getByRole('link', { name: /with its history/ }).first().click();
  await page.getByText('completed', { exact: true }).first().waitFor();
});

await journey('an event is posted to a run, and one by a key finds its run', { path: 'events/payment-received', shown: '.facts', refused: [['RUN on ACL_EXTERNAL_EVENT', 'Post event'], ['WRITE_METADATA on ACL_EXTERNAL_EVENT', "Delete this event's definition"]], picture: 'event' }, async () => {
  const page = await open();
  await budgeted(page, 'events', page.getByRole('link', { name: 'order-released' }));
  await page.getByRole('link', { name: 'machine-recovered' }).waitFor();
  await look(page, 'events');
  await budgeted(page, 'events/order-released', page.locator('[data-used-by]').getByRole('link', { name: /^order / }), 4);
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Post event' }).click();
  await dialog.getByLabel('Id of the run').fill('order-1030');
  await dialog.getByLabel(/^Content/).fill('by the manager');
  await dialog.getByText("lhctl postEvent order-1030 order-released STR 'by the manager'").waitFor();
  await look(page, 'event-post');
  await done(dialog, 'Post');
  await page.getByRole('link', { name: 'order-1030' }).waitFor();
  await page.getByLabel('Taken by a run').selectOption('yes');
  await page.getByRole('link', { name: 'order-1030' }).waitFor();
  await look(page, 'event');

  await page.goto(at('events/payment-received'));
  await page.getByRole('button', { name: 'Post event' }).click();
  await dialog.getByLabel('Key', { exact: true }).fill('2026-001');
  await dialog.getByLabel(/^Content/).fill('{"reference": "by hand", "amount": 110.0}');
  await dialog.getByText('lhctl put correlatedEvent 2026-001 payment-received JSON_OBJ').waitFor();
  await done(dialog, 'Post');
  await page.getByRole('tab', { name: 'Correlated events' }).click();
  await page.getByText('2027-001', { exact: true }).waitFor();
  await page.getByLabel('Has found a run').selectOption('no');
  await page.waitForURL(/claimed=no/);
  await look(page, 'correlated');
  await page.getByRole('button', { name: 'Delete the event 2027-001' }).click();
  await dialog.getByText('lhctl delete correlatedEvent 2027-001 payment-received').waitFor();
  await done(dialog, 'Delete');
  await page.getByText('2027-001', { exact: true }).waitFor({ state: 'detached' });
  await page.goto(at('runs/invoice-2026-001'));
  await page.locator('.title').getByText('completed').waitFor();
});

await journey('a thrown event leads to its run', { path: 'workflow-events/machine-recovered', shown: 'tbody tr', refused: [['WRITE_METADATA on ACL_WORKFLOW_EVENT', "Delete this event's definition"]], picture: 'workflow-event' }, async () => {
  const page = await open();
  await budgeted(page, 'workflow-events/machine-recovered', page.getByRole('link', { name: 'alert-press-1' }));
  await need('who throws it is one workflow', async () => (await page.locator('[data-used-by="1"]').getByRole('link').count()) === 1);
  await look(page, 'workflow-event');
  await page.goto(at('workflow-events/machine-recovered'));
  await page.getByRole('button', { name: 'Follow the latest' }).click();
  await page.waitForURL(/tail=1/);
  const tail = page.getByRole('log', { name: 'Thrown lately' });
  await tail.locator('li').first().waitFor();
  const before = await tail.locator('[data-thrown]').count();
  const { contentType } = await rpc('GetWorkflowEventDef', { name: 'machine-recovered' });
  need('it is thrown with a text', contentType?.returnType?.primitiveType === 'STR');
  await rpc('PutWfSpec', {
    name: 'heralds',
    entrypointThreadName: 'main',
    threadSpecs: { main: { nodes: { begins: { entrypoint: {}, outgoingEdges: [{ sinkNodeName: 'throws' }] }, throws: { throwEvent: { eventDefId: { name: 'machine-recovered' }, content: { literalValue: { str: 'press 9' } } }, outgoingEdges: [{ sinkNodeName: 'ends' }] }, ends: { exit: {} } } } },
  });
  for (const n of [1, 2]) {
    await rpc('RunWf', { wfSpecName: 'heralds', id: `heralds-${n}` });
    await tail.locator(`[data-thrown^="heralds-${n}/"]`).getByText('press 9').waitFor(); // by itself
  }
  await need('each is there once', async () => (await tail.locator('[data-thrown]').count()) === before + 2);
  await look(page, 'workflow-event-tail');
  await page.getByRole('link', { name: 'alert-press-1' }).last().click();
  await page.waitForURL('**/runs/alert-press-1');
});

await journey('a struct shows its fields, what changed, and whether a change would be compatible', { path: 'structs/address/1', shown: '[data-row="city"]', refused: [['WRITE_METADATA on ACL_STRUCT', 'Delete this version']], picture: 'struct' }, async () => {
  const page = await open();
  await budgeted(page, 'structs', page.getByRole('link', { name: /address/ }));
  await look(page, 'structs');
  await page.getByRole('link', { name: /address/ }).click();
  await page.getByRole('cell', { name: 'country' }).waitFor();
  await page.getByLabel('Other version').selectOption('0');
  await page.locator('[data-change="added"]').getByText('country').waitFor();
  const users = page.locator('[data-used-by]');
  await users.getByRole('link', { name: /^order / }).waitFor();
  await page.getByRole('button', { name: 'Delete this version' }).click();
  await page.getByRole('dialog').getByRole('link', { name: /^order / }).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await look(page, 'struct');
  await page.getByRole('button', { name: 'Check' }).click();
  await page.getByText('It is compatible.').waitFor();
  await page.getByRole('button', { name: 'Source' }).click();
  await page.locator('[data-source="Protobuf text"]').getByText('name: "address"').waitFor();
  await page.waitForURL(/source=1/);
  const fields = await page.getByLabel('The fields as they would be').inputValue();
  await page.getByLabel('The fields as they would be').fill(fields.replace('"city"', '"town"'));
  await page.getByRole('button', { name: 'Check' }).click();
  await page.getByText('It is not compatible.').waitFor();
});

await journey('a schedule is made, looked at and deleted', {
  path: 'schedules',
  shown: 'tbody tr',
  begin: async (page) => {
    await page.getByRole('button', { name: 'Schedule', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Workflow').selectOption('sales-report');
    await dialog.getByLabel(/^When/).fill('0 12 * * MON-FRI');
    await dialog.getByLabel(/^region/).fill('the south');
    await dialog.getByLabel('Id of the schedule').fill('after-noon');
  },
  end: async (page) => {
    await done(page.getByRole('dialog'), 'Schedule');
    await page.getByText('after-noon', { exact: true }).waitFor();
  },
  refused: [['RUN on ACL_WORKFLOW', 'Schedule', 'Delete the schedule nightly-report']],
  picture: 'schedules',
}, async () => {
  const page = await open();
  await budgeted(page, 'schedules', page.getByText('nightly-report'));
  await look(page, 'schedules');
  await page.getByRole('button', { name: 'nightly-report', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('ol li').nth(4).waitFor();
  await need('it is due at three', async () => (await dialog.locator('ol li').first().textContent()).includes('T03:00:00'));
  await look(page, 'schedule');
  await dialog.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Schedule', exact: true }).click();
  await dialog.getByLabel('Workflow').selectOption('sales-report');
  await dialog.getByLabel(/^When/).fill('0 3 * *');
  await dialog.getByText('It has five fields').waitFor();
  await dialog.getByLabel(/^When/).fill('0 12 * * MON-FRI');
  await dialog.getByLabel(/^region/).fill('the north');
  await dialog.getByLabel('Id of the schedule').fill('noon');
  await dialog.getByText("lhctl schedule run '0 12 * * MON-FRI' sales-report region 'the north' --id noon").waitFor();
  await look(page, 'schedule-form');
  await done(dialog, 'Schedule');
  await page.getByText('noon', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Delete the schedule noon' }).click();
  await dialog.getByText('lhctl delete schedule noon').waitFor();
  await done(dialog, 'Delete');
  await page.getByText('noon', { exact: true }).waitFor({ state: 'detached' });
});

await journey('many runs are counted before they are deleted, and the job tells how far it is', { path: 'jobs', shown: 'tbody tr', refused: [['WRITE_METADATA on ACL_WORKFLOW', 'Delete many runs'], ['RUN on ACL_WORKFLOW', 'Stop many runs', 'Resume many runs']], picture: 'jobs' }, async () => {
  const page = await open();
  await budgeted(page, 'jobs', page.getByText('clean-up'));
  await look(page, 'jobs');
  await page.getByRole('button', { name: 'Delete many runs' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Workflow').fill('trip');
  await dialog.getByLabel('Begun until').fill('2100-01-01T00:00:00Z');
  await dialog.locator('[data-dry-run]').getByText('4', { exact: true }).waitFor();
  await dialog.getByText('lhctl delete wfRunBulk trip --from 1970-01-01T00:00:00.000Z --to 2100-01-01T00:00:00.000Z --status COMPLETED').waitFor();
  await look(page, 'job-form');
  await done(dialog, 'Delete them');
  await page.locator('tbody tr').nth(1).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('tbody .badge.good').length === 2);
  await page.getByRole('button', { name: 'Each partition of job clean-up' }).click();
  await page.waitForURL(/job=clean-up/);
  const partitions = page.getByRole('region', { name: 'Partitions of job clean-up' });
  await partitions.locator('[data-row="partition-2"]').getByText('completed').waitFor();
  await need('each partition is told of', async () => (await partitions.locator('tbody tr').count()) === 3);
  await look(page, 'job-partitions');
  await page.getByRole('button', { name: 'Each partition of job clean-up' }).click();
  await partitions.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Forget job clean-up' }).click();
  await dialog.getByText('lhctl delete bulkJob clean-up').waitFor();
  await done(dialog, 'Forget');
  await page.getByText('clean-up').waitFor({ state: 'detached' });
});

await journey('a migration plan is read', { path: 'migrations/orders-with-gifts', shown: 'tbody tr', refused: [['RUN on ACL_WORKFLOW', 'Apply to a run'], ['WRITE_METADATA on ACL_WORKFLOW', 'Delete this plan']], picture: 'migration' }, async () => {
  const page = await open();
  await budgeted(page, 'migrations', page.getByRole('link', { name: 'orders-with-gifts' }));
  await page.getByRole('link', { name: 'orders-with-gifts' }).click();
  await page.getByRole('cell', { name: 'reserve-stock' }).first().waitFor();
  await look(page, 'migration');
  await page.getByRole('button', { name: 'Apply to a run' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Id of the run').fill('order-1');
  await dialog.getByText('lhctl apply workflowMigrationPlan orders-with-gifts order-1').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
});

await journey('tenants, principals with their rights, and quotas are made, changed and deleted', {
  path: 'principals/auditor',
  shown: '.matrix tr',
  begin: (page) => page.getByLabel('run on workflow', { exact: true }).check(),
  end: async (page) => need('the right that was ticked is so', () => page.getByLabel('run on workflow', { exact: true }).isChecked()),
  refused: [['WRITE_METADATA on ACL_PRINCIPAL', 'Save', 'Delete this principal']],
  picture: 'principal',
}, async () => {
  const page = await open();
  await budgeted(page, 'tenants', page.getByRole('link', { name: 'acme', exact: true }));
  await look(page, 'tenants');
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'New tenant' }).click();
  await dialog.getByLabel('Name').fill('north');
  await dialog.getByText('lhctl put tenant north').waitFor();
  await done(dialog, 'Make it');
  await page.getByRole('link', { name: 'north', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Change tenant north' }).click();
  await dialog.getByLabel('Output topics').selectOption('NO_ENTITY_EVENTS');
  await dialog.getByText('lhctl put tenant north --no-entity-events').waitFor();
  await done(dialog, 'Change');
  await page.locator('[data-row="north"]').getByText('record what is asked for').waitFor();

  await budgeted(page, 'principals', page.getByRole('link', { name: 'auditor' }));
  await look(page, 'principals');
  await page.getByRole('button', { name: 'New principal' }).click();
  await page.getByLabel('Name').fill('operator');
  await page.getByLabel('run on workflow', { exact: true }).check();
  await page.getByLabel('read on everything', { exact: true }).check();
  await page.getByRole('row', { name: /^workflow .*read, run$/ }).waitFor();
  await look(page, 'principal');
  await page.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('lhctl put principal operator --acl all:read,acl_workflow:run').waitFor();
  await done(dialog, 'Make it');
  await page.waitForURL('**/principals/operator');
  await page.getByLabel('Another tenant').fill('acme');
  await page.getByRole('button', { name: 'Add' }).click();
  await page.getByLabel('all on user task', { exact: true }).check();
  await page.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('lhctl deploy principal -').waitFor();
  // Of a dialog that is longer than the screen it is seen why the server refuses.
  page.alone = true;
  await page.route('**/api/PutPrincipal', (route) => route.fulfill({ status: 400, json: { code: 'invalid_argument', message: 'These rights are none.' } }), { times: 1 });
  await dialog.getByRole('button', { name: 'Change them' }).click();
  const refusal = await dialog.getByText('These rights are none.').boundingBox();
  const foot = await dialog.locator('footer').boundingBox();
  need('the refusal is in sight', refusal.y > 0 && refusal.y + refusal.height <= foot.y);
  page.alone = false;
  await done(dialog, 'Change them');
  await page.getByRole('button', { name: 'Delete this principal' }).click();
  await dialog.getByText('lhctl delete principal operator').waitFor();
  await done(dialog, 'Delete');
  await page.waitForURL('**/principals');
  await page.getByLabel('Of the tenant').fill('default');
  await page.getByRole('link', { name: 'auditor' }).waitFor();

  await budgeted(page, 'quotas', page.locator('[data-row="acme/"]'), 4);
  await look(page, 'quotas');
  await page.getByRole('button', { name: 'New quota' }).click();
  await dialog.getByLabel('Tenant').fill('north');
  await dialog.getByLabel('Writes in a second').fill('7');
  await dialog.getByText('lhctl put quota north --writeRequestsPerSecond 7').waitFor();
  await done(dialog, 'Make it');
  await page.locator('[data-row="north/"]').getByText('7', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Delete the quota of north/' }).click();
  await dialog.getByText('lhctl delete quota north').waitFor();
  await done(dialog, 'Delete');
  await page.locator('[data-row="north/"]').waitFor({ state: 'detached' });
});

await journey('the cluster tells how its server is', {
  path: 'cluster',
  shown: '.facts',
  meanwhile: (page) => page.getByText('The server cannot be reached.').first().waitFor(),
  refused: [],
}, async () => {
  const page = await open();
  await budgeted(page, 'cluster', page.getByText('running'));
  await page.getByRole('cell', { name: 'PLAIN' }).first().waitFor();
  await look(page, 'cluster');
});

await journey('another tenant shows the same page of its own', { path: 'tenants', shown: 'tbody tr', refused: [['WRITE_METADATA on ACL_TENANT', 'New tenant', 'Change tenant acme']], picture: 'tenants' }, async () => {
  const page = await open();
  await page.goto(at('tasks'));
  await page.getByRole('link', { name: 'charge-card' }).waitFor();
  await page.getByLabel('Tenant', { exact: true }).selectOption('acme');
  await page.waitForURL('**/acme/tasks');
  await page.getByText('There is no task yet').waitFor();
  await page.getByRole('link', { name: 'Runs', exact: true }).click();
  await page.waitForURL('**/acme/runs');
  await page.getByText('No runs are like that').waitFor();
});

await journey('of several servers it is told who is silent, what nobody serves, and what waits where', { path: 'quotas', shown: 'tbody tr', refused: [['WRITE_METADATA on ACL_QUOTA', 'New quota', 'Delete the quota of acme/']], picture: 'quotas' }, async () => {
  const page = await open();
  await page.route('**/ui/v1/server', (route) => route.fulfill({ json: JSON.parse(process.env.CLUSTER) }));
  await page.goto(at('cluster'));
  const servers = page.getByRole('region', { name: 'Servers' });
  await servers.locator('[data-row="10.0.0.1:2011"]').getByText('12, 12 of them in partition 1').waitFor();
  await servers.locator('[data-row="10.0.0.2:2011"]').getByText('2–3').waitFor();
  await servers.locator('[data-row="10.0.0.2:2011"]').getByText('0–1, 3 entries behind').waitFor();
  await page.locator('[data-checkpoints]').getByText('41 written since it started, 3.0 MiB, 1 failed and tried again').waitFor();
  await page.getByRole('region', { name: 'Partitions that it serves' }).locator('[data-row="1"]').getByText('21').waitFor();
  await servers.locator('[data-row="10.0.0.3:2011"]').getByText('connection refused').waitFor();
  await page.getByText('Nobody serves the partitions 5 at this moment.').waitFor();
  await page.getByText('3 servers for 6 partitions, of 2 versions').waitFor();
  await look(page, 'cluster-of-several');
  await page.goto(at('overview'));
  const card = page.locator('.card').filter({ hasText: '3 servers' });
  await card.getByText('not well').waitFor();
  await card.getByText('12 waiting, 2 hot copies 3 behind').waitFor();
  await card.getByText('10.0.0.1:2011 leads').waitFor();
});

await journey('the overview tells of the last hour of each workflow', { path: 'overview', shown: '[data-row="started"]', refused: [] }, async () => {
  const page = await open();
  // The counts of an hour, as a busier server would tell them.
  const counts = { order: [[4, 2, 1, 1], [0, 1, 0, 0]], 'sales-report': [[9, 8, 0, 0], [1, 1, 0, 0]] };
  await page.route('**/ui/v1/batch', async (route) => {
    const { calls } = route.request().postDataJSON();
    const answer = await route.fetch();
    const said = await answer.json();
    calls.forEach(({ rpc: name, request }, i) => {
      if (name !== 'GetWfRunCounts' || !request.wfSpecId) return;
      const { name: spec, revision } = request.wfSpecId;
      need('it asks for the last hour in parts', request.minutes === 60 && request.parts === 12);
      const parts = said.answers[i].reply.parts;
      for (const p of parts) Object.assign(p, { started: '0', completed: '0', failed: '0', exceptions: '0' });
      (counts[spec] && revision === 0 ? counts[spec] : []).forEach(([started, completed, failed, exceptions], n) => Object.assign(parts[n], { started: `${started}`, completed: `${completed}`, failed: `${failed}`, exceptions: `${exceptions}` }));
    });
    await route.fulfill({ response: answer, json: said });
  });
  await page.goto(at('overview'));
  const hour = page.getByRole('region', { name: 'The last hour by workflow' });
  await hour.locator('[data-row="hour-order"]').getByText('40.0 %').waitFor();
  await need('those that ended badly come first', async () => (await hour.locator('tbody tr').evaluateAll((all) => all.map((r) => r.dataset.row))).join() === 'hour-order,hour-sales-report');
  await need('an hour has twelve parts', async () => (await hour.locator('[data-row="hour-order"] rect').count()) === 12);
  await hour.locator('[data-row="hour-sales-report"]').getByText('0.0 %').waitFor();
  await hour.scrollIntoViewIfNeeded();
  await look(page, 'overview-hour');
  await page.unrouteAll({ behavior: 'wait' });
});

await journey('a run is begun by a form with a struct and a whole number of 64 bits', { path: 'runs/order-by-form', shown: '[data-variable="looks"]', refused: [['RUN on ACL_WORKFLOW', 'Run again']] }, async () => {
  const page = await open();
  await page.goto(at('specs/order'));
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^customer/).fill('Ana');
  await dialog.getByLabel(/^items/).fill('["lamp"]');
  await dialog.getByLabel(/^total/).fill('12.5');
  await dialog.getByLabel(/^looks/).fill('9007199254740993');
  await dialog.getByLabel(/^street/).fill('Rua 1');
  await dialog.getByText('address: city is missing.').or(dialog.getByText('city is missing.')).first().waitFor();
  await dialog.getByLabel(/^city/).fill('Lisboa');
  await dialog.getByLabel('Id of the run').fill('order-by-form');
  await dialog.getByText(`address '{"city": "Lisboa", "street": "Rua 1"}'`).waitFor();
  await look(page, 'run-form');
  await done(dialog, 'Run');
  await page.waitForURL('**/runs/order-by-form');
  await page.locator('[data-variable="looks"]').getByText('9007199254740993').waitFor();
});

await journey('two versions of a workflow are compared', { path: 'specs/order?tab=versions', shown: '[data-change="added"]', refused: [['RUN on ACL_WORKFLOW', 'Run']] }, async () => {
  const page = await open();
  await page.goto(at('specs/order'));
  await page.getByRole('tab', { name: 'Versions' }).click();
  await page.locator('[data-change="added"]').getByText('task wrap-gift').waitFor();
  await page.locator('[data-change="added"]').getByText('variable gift').waitFor();
  await need('nothing was removed', async () => (await page.locator('[data-change="removed"]').count()) === 0);
  await page.locator('[data-kind-of-change]').getByText('raises the revision').waitFor();
  await page.locator('.react-flow__node[aria-label*="wrap-gift"][aria-label*="added"]').first().waitFor();
  const open_ = page.locator('[data-still-on]');
  await open_.getByText('No open run is on 0.0 any more.').waitFor();
  await rpc('RunWf', { wfSpecName: 'order', majorVersion: 0, revision: 0, id: 'order-old', variables: { customer: { str: 'Ana' }, items: { jsonArr: '["lamp"]' }, total: { double: 900 }, card: { str: '4111' } } });
  await page.reload();
  await open_.getByRole('link', { name: '1 open run is still on 0.0' }).click();
  await page.getByRole('link', { name: 'order-old' }).waitFor();
  await rpc('StopWfRun', { wfRunId: { id: 'order-old' }, threadRunNumber: 0 });
  await rpc('DeleteWfRun', { id: { id: 'order-old' } });
  await page.goBack();
  await page.locator('[data-change="added"]').getByText('task wrap-gift').waitFor();
  await page.locator('[data-kind-of-change]').scrollIntoViewIfNeeded();
  await look(page, 'versions');
});

await journey('a workflow shows where it is busy, its schedules and its numbers', {
  path: 'specs/sales-report?tab=schedules&heat=count',
  shown: 'tbody tr',
  refused: [['RUN on ACL_WORKFLOW', 'Schedule']],
  picture: 'spec-schedules',
}, async () => {
  const page = await open();
  await budgeted(page, 'specs/order?heat=failures', page.locator('.react-flow__node[aria-label*="ship-parcel"]'), 5);
  await page.locator('.react-flow__node[aria-label*="ship-parcel"][aria-label*="1 failures"]').waitFor();
  await look(page, 'heat');
  await page.getByLabel('Shown on the steps').selectOption('count');
  await page.locator('.react-flow__node[aria-label*="charge-card"][aria-label*="times"]').waitFor();
  await page.locator('.react-flow__node[aria-label*="order-released"][aria-label*="3 times"]').waitFor(); // not only tasks count
  await page.locator('.react-flow__node[aria-label*="wrap-gift"][aria-label*=" 0 times"]').waitFor();
  await page.getByLabel('Shown on the steps').selectOption('time');
  await page.locator('.react-flow__node[aria-label*="charge-card"][aria-label*="on average"]').waitFor();
  await page.locator('.react-flow__node[aria-label*="charge-card"]').click();
  await page.locator('[data-heat]').getByText(/at most/).waitFor();
  await page.getByLabel('Runs that count').selectOption('any');
  await page.waitForURL(/over=any/);
  await page.locator('[data-heat-of]').getByText(/^\d+ runs$/).waitFor();
  await page.getByRole('button', { name: 'failed', exact: true }).click();
  await page.waitForURL(/status=ERROR/);
  await page.getByLabel('Variable').selectOption('total');
  await page.getByLabel('is', { exact: true }).fill('120');
  await page.getByLabel('is', { exact: true }).press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('table.runs tbody tr').length === 1);
  await page.getByRole('link', { name: 'order-1042' }).waitFor();
  await look(page, 'spec-runs');
  await page.getByRole('tab', { name: 'Metrics' }).click();
  await page.locator('[data-row="completed"]').waitFor();
  await look(page, 'spec-metrics');
  await page.getByRole('tab', { name: 'Source' }).click();
  await page.locator('[data-source="Mermaid"]').getByText('subgraph t0["entrypoint"]').waitFor();
  const text = page.locator('[data-source="Protobuf text"]');
  await text.getByText('entrypoint_thread_name: "entrypoint"').waitFor();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save protobuf text' }).click()]);
  need('it is saved by the name of the version', /^order-\d+\.\d+\.txtpb$/.test(file.suggestedFilename()));
  need('what is saved is what is shown', readFileSync(await file.path(), 'utf8') === (await text.textContent()));
  await look(page, 'spec-source');
  await page.goto(at('specs/sales-report?tab=schedules'));
  await page.getByText('nightly-report').waitFor();
});

await journey('a task shows its workers, its numbers and its runs', { path: 'tasks/ship-parcel', shown: '[data-row="done"]', refused: [] }, async () => {
  const page = await open();
  // What nobody does waits, and it is told since when.
  const nodes = { begins: { entrypoint: {}, outgoingEdges: [{ sinkNodeName: 'waits' }] }, waits: { task: { taskDefId: { name: 'nobody-does' }, timeoutSeconds: 60 }, outgoingEdges: [{ sinkNodeName: 'ends' }] }, ends: { exit: {} } };
  await rpc('PutTaskDef', { name: 'nobody-does' });
  await rpc('PutWfSpec', { name: 'idle', entrypointThreadName: 'main', threadSpecs: { main: { nodes } } });
  for (const id of ['idle-1', 'idle-2']) await rpc('RunWf', { wfSpecName: 'idle', id });
  await page.goto(at('tasks'));
  await page.locator('main .card').filter({ hasText: 'nobody-does' }).locator('[data-queue]').getByText(/^2 wait, the oldest since/).waitFor();
  await look(page, 'tasks-waiting');
  await page.goto(at('overview'));
  await page.getByRole('region', { name: 'Tasks that wait' }).locator('[data-row="nobody-does"] time').waitFor();
  await look(page, 'overview-waiting');
  await page.goto(at('tasks/nobody-does'));
  await page.locator('[data-oldest] time').waitFor();
  await budgeted(page, 'tasks/ship-parcel', page.locator('[data-row="done"]'), 5);
  await page.getByRole('cell', { name: /^worker-/ }).first().waitFor();
  await page.getByLabel('Status').selectOption('TASK_FAILED');
  await page.waitForURL(/status=TASK_FAILED/);
  await page.locator('[data-row^="order-1042/"]').getByText('3 of 3').waitFor();
  await look(page, 'task-runs');
});

// What somebody writes who means no good: markup, addresses that run, words that read backwards, and much of it.
const odd = `<img src=x onerror=globalThis.broken=1> <script>globalThis.broken=1</script> javascript:globalThis.broken=1 \u202egnp.\u2066 ${'W'.repeat(300)}`;
const oddName = (n) => `<img src=x onerror=globalThis.broken=1> \u202e${n}`;

/** writeOdd puts it wherever the server takes it. */
async function writeOdd() {
  const str = (text) => ({ str: text });
  const literal = (text) => ({ literalValue: str(text) });
  const to = (...names) => names.map((n) => ({ sinkNodeName: oddName(n) }));
  const kept = { varDef: { name: 'text', typeDef: { primitiveType: 'STR' }, defaultValue: str(odd) }, accessLevel: 'PRIVATE_VAR', searchable: true };
  const json = { varDef: { name: 'data', typeDef: { primitiveType: 'JSON_OBJ' }, defaultValue: { jsonObj: JSON.stringify({ [odd]: [odd, { [odd]: odd }] }) } }, accessLevel: 'PRIVATE_VAR' };
  const begins = {
    entrypoint: {},
    outgoingEdges: [
      {
        sinkNodeName: oddName('throws'),
        legacyCondition: { comparator: 'NOT_EQUALS', left: literal(odd), right: { variableName: 'text' } },
        variableMutations: [{ lhsName: 'text', operation: 'ASSIGN', rhsAssignment: literal(odd) }],
      },
      { sinkNodeName: oddName('throws') },
    ],
  };
  await rpc('PutTaskDef', { name: 'odd', description: odd, inputVars: [{ name: 'text', typeDef: { primitiveType: 'STR' } }] });
  await rpc('PutExternalEventDef', { name: 'odd', contentType: { returnType: { primitiveType: 'STR' } }, correlatedEventConfig: {} });
  await rpc('PutWorkflowEventDef', { name: 'odd', contentType: { returnType: { primitiveType: 'STR' } } });
  await rpc('PutUserTaskDef', { name: 'odd', description: odd, fields: [{ name: oddName('field'), displayName: odd, description: odd, type: 'STR' }] });
  await rpc('PutStructDef', { name: 'odd', description: odd, structDef: { fields: { odd: { fieldType: { primitiveType: 'STR' }, description: odd, defaultValue: str(odd) } } } });
  await rpc('PutWfSpec', {
    name: 'odd',
    entrypointThreadName: oddName('thread'),
    threadSpecs: {
      [oddName('thread')]: {
        variableDefs: [kept, json],
        nodes: {
          [oddName('begins')]: begins,
          [oddName('throws')]: { throwEvent: { eventDefId: { name: 'odd' }, content: literal(odd) }, outgoingEdges: to('asks') },
          [oddName('asks')]: { userTask: { userTaskDefName: 'odd', userId: literal(odd), userGroup: literal(odd), notes: literal(odd) }, outgoingEdges: to('waits') },
          [oddName('waits')]: { externalEvent: { externalEventDefId: { name: 'odd' }, correlationKey: literal(odd) }, outgoingEdges: to('works') },
          [oddName('works')]: { task: { taskDefId: { name: 'odd' }, variables: [literal(odd)], timeoutSeconds: 60 }, outgoingEdges: to('ends') },
          [oddName('ends')]: { exit: {} },
        },
      },
    },
  });
  await rpc('PutWfSpec', {
    name: 'odd-fails',
    entrypointThreadName: oddName('thread'),
    threadSpecs: {
      [oddName('thread')]: {
        nodes: {
          [oddName('begins')]: { entrypoint: {}, outgoingEdges: to('ends') },
          [oddName('ends')]: { exit: { failureDef: { failureName: 'odd', message: odd, content: literal(odd) } } },
        },
      },
    },
  });
  await rpc('RunWf', { wfSpecName: 'odd-fails', id: 'odd-failed' });
  const working = ['odd-works', 'odd-errs', 'odd-throws'];
  for (const id of ['odd-asks', 'odd-waits', ...working]) await rpc('RunWf', { wfSpecName: 'odd', id });
  for (const id of ['odd-asks', 'odd-waits', ...working]) {
    const task = { wfRunId: { id }, userTaskGuid: '0-2' };
    await rpc('PutUserTaskRunComment', { userTaskRunId: task, userId: odd, comment: odd });
    await rpc('SaveUserTaskRunProgress', { userTaskRunId: task, userId: odd, results: { [oddName('field')]: str(odd) } });
    if (id !== 'odd-asks') await rpc('CompleteUserTaskRun', { userTaskRunId: task, userId: odd, results: { [oddName('field')]: str(odd) } });
  }
  for (const id of working) await rpc('PutExternalEvent', { wfRunId: { id }, externalEventDefId: { name: 'odd' }, content: str(odd) });
  await rpc('PutCorrelatedEvent', { key: oddName('key'), externalEventDefId: { name: 'odd' }, content: str(odd) });
  await rpc('ScheduleWf', { id: oddName('schedule'), wfSpecName: 'sales-report', cronExpression: '0 0 1 1 *', variables: { region: str(odd) } });
  await rpc('PutPrincipal', { id: oddName('principal'), globalAcls: { acls: [{ resources: ['ACL_WORKFLOW'], allowedActions: ['READ'] }] } });
  await rpc('PutQuota', { tenant: { id: 'acme' }, principal: { id: oddName('principal') }, writeRequestsPerSecond: 5 });
  await rpc('CreateBulkJob', { id: oddName('job'), bulkDeleteWfRun: { wfSpecName: 'odd-none', wfRunStatus: 'COMPLETED' } });
}

/** inert sees that the page shows it, and that it is nothing but text. */
async function inert(page, what) {
  const shown = page.locator('main, dialog').getByText('<img src=x').first().waitFor();
  await shown.catch(() => need(`${what} does not show it`, false));
  const made = await page.evaluate(() => {
    const made = [...document.querySelectorAll('main :is(img, script, iframe, object, embed, form[action]), [onerror], [onload], [onclick], [href^="javascript:" i], [src="x"]')].map((e) => e.outerHTML.slice(0, 80));
    if (globalThis.broken) made.push('what it says was run');
    if (document.documentElement.scrollWidth > innerWidth) made.push(`the page is ${document.documentElement.scrollWidth} wide`);
    // What reads backwards does so within itself.
    for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode(); ) {
      if (!/[\u202a-\u202e]/.test(walk.currentNode.data)) continue;
      const style = getComputedStyle(walk.currentNode.parentElement);
      if (style.display === 'inline' && !/isolate/.test(style.unicodeBidi)) made.push(`${walk.currentNode.parentElement.outerHTML.slice(0, 60)} turns what follows around`);
    }
    return made;
  });
  for (const m of new Set(made)) need(`${what}: ${m}`, false);
}

await journey('what workflows and people write is no markup on any page', { path: 'principals', shown: 'tbody tr', refused: [['WRITE_METADATA on ACL_PRINCIPAL', 'New principal']], picture: 'principals' }, async () => {
  await writeOdd();
  const page = await open();
  page.on('dialog', (d) => {
    need(`a window opens: ${d.message()}`, false);
    void d.dismiss();
  });
  await page.goto(at('runs/odd-works'));
  await page.locator('[data-why]').waitFor();
  await please('report');
  await page.locator('.title').getByText('completed').waitFor();
  await page.goto(at(`runs/odd-works?node=${encodeURIComponent(oddName('works'))}`));
  for (const part of ['[data-checkpoints]', '.attempt']) need(`${part} shows it`, (await page.locator(part).getByText('<img src=x').first().waitFor().then(() => true, () => false)));
  const key = encodeURIComponent(oddName('principal'));
  const node = (n) => `node=${encodeURIComponent(oddName(n))}`;
  for (const path of [
    'runs?spec=odd&columns=text,data',
    'runs?status=EXCEPTION',
    'runs/odd-failed',
    `runs/odd-failed?${node('ends')}`,
    `runs/odd-works?${node('works')}`,
    `runs/odd-waits?${node('waits')}`,
    `runs/odd-works?tab=timeline&${node('throws')}`,
    'overview',
    `runs/odd-errs?${node('works')}`,
    `runs/odd-throws?${node('works')}`,
    'runs/odd-works?tab=steps',
    'runs/odd-works?tab=events',
    'runs/odd-works?tab=json',
    'structs/odd/0?source=1',
    `specs/odd?${node('begins')}`,
    'specs/odd?tab=json',
    'specs/odd?tab=runs',
    'tasks/odd',
    'tasks/odd?status=TASK_SUCCESS',
    'user-tasks/0-2/odd-asks?queue=all',
    'user-task-defs/odd/0?status=ANY',
    'events/odd',
    'events/odd?tab=correlated',
    'workflow-events/odd',
    'structs/odd/0',
    'schedules',
    'jobs',
    'principals',
    `principals/${key}`,
    'quotas',
  ]) {
    await page.goto(at(path));
    await inert(page, path);
  }
  await page.goto(at('schedules'));
  await page.getByRole('button', { name: oddName('schedule'), exact: true }).click();
  await page.getByRole('dialog').getByText('<img src=x').first().waitFor();
  await inert(page, 'a schedule');
});

/** pictures are of a page in the light on a wide screen, and in the dark on a narrow one, for people to look at. */
async function pictures(page, path) {
  const name = path.replace(/\W+/g, '-');
  await page.screenshot({ path: `${out}route-${name}.png` });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: `${out}route-${name}-dark-narrow.png` });
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: 'light' });
}

await journey('no page takes more calls than it may', apart, async () => {
  const page = await open();
  const budgets = [
    ['overview', 'tbody tr', 4],
    ['runs', 'tbody tr'],
    ['runs?spec=order&columns=customer', 'tbody tr'],
    ['runs/order-1042', '.react-flow__node'],
    ['runs/order-1042?tab=timeline', '.timeline .bar'],
    ['specs', '.card'],
    ['specs/order', '.react-flow__node'],
    ['specs/order?tab=versions', '[data-change]', 4],
    ['specs/order?tab=metrics', '[data-row="completed"]', 4],
    ['specs/sales-report?tab=schedules', 'tbody tr', 5],
    ['specs/order?heat=count', '[data-heat-of]', 4],
    ['tasks', '.card'],
    ['tasks/ship-parcel', '[data-row="done"]', 5],
    ['user-tasks', '.ticket'],
    ['user-tasks/0-1/expense-taxi', '[data-form]', 4],
    ['user-task-defs', '.card'],
    ['user-task-defs/expense-approval/1', '[data-row="reason"]', 4],
    ['events', '.card'],
    ['events/payment-received', '.facts', 4],
    ['workflow-events/machine-recovered', 'tbody tr'],
    ['structs', '.card'],
    ['structs/address/1', '[data-row="city"]'],
    ['schedules', 'tbody tr'],
    ['jobs', 'tbody tr'],
    ['migrations', 'main a'],
    ['migrations/orders-with-gifts', 'tbody tr'],
    ['tenants', 'tbody tr'],
    ['principals', 'tbody tr'],
    ['principals/auditor', '.matrix tr'],
    ['quotas', 'tbody tr', 4],
    ['cluster', '.facts'],
  ];
  for (const [path, shown, most] of budgets) {
    await budgeted(page, path, page.locator(shown), most);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await pictures(page, path);
  }
  const places = await page.locator('.side .nav a').evaluateAll((all) => all.map((a) => a.getAttribute('href').split('/').at(-1)));
  for (const place of places) need(`${place} has no budget`, place === 'more' || budgets.some(([path]) => path === place));
});

await journey('all pages stay whole on a narrow screen and in the dark', apart, async () => {
  const page = await open({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
  await page.goto(at('more'));
  await page.getByRole('link', { name: /Schedules/ }).first().waitFor();
  await page.locator('main').getByText('no authentication').waitFor();
  await look(page, 'more-narrow');
  for (const [path, shown] of [
    ['overview', 'tbody tr'],
    ['user-tasks?queue=all&status=DONE', '.ticket'],
    ['user-tasks/0-1/expense-taxi', '[data-form]'],
    ['user-task-defs/expense-approval/1?status=ANY', '[data-row="reason"]'],
    ['events/payment-received', 'tbody tr'],
    ['structs/address/1', '[data-row="city"]'],
    ['schedules', 'tbody tr'],
    ['principals/auditor', '.matrix tr'],
    ['quotas', 'tbody tr'],
    ['cluster', '.facts'],
  ]) {
    await page.goto(at(path));
    await page.locator(shown).first().waitFor();
    await look(page, `narrow-${path.replace(/\W+/g, '-')}`);
    await need(`${path}: nothing is cut off`, () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  }
});

await again();

await journey('the server refuses by itself who may only read', apart, async () => {
  const page = await open();
  await page.goto(at('overview'));
  page.alone = true;
  for (const [rpc, body] of [
    ['CompleteUserTaskRun', '{"userTaskRunId": {"wfRunId": {"id": "expense-taxi"}, "userTaskGuid": "0-1"}, "userId": "ana"}'],
    ['PutCorrelatedEvent', '{"key": "1", "externalEventDefId": {"name": "payment-received"}}'],
    ['PutPrincipal', '{"id": "me", "overwrite": true}'],
    ['PutQuota', '{"tenant": {"id": "acme"}, "writeRequestsPerSecond": 1}'],
    ['ScheduleWf', '{"wfSpecName": "sales-report", "cronExpression": "* * * * *"}'],
  ]) {
    const answer = await page.evaluate(
      async ([name, text]) => {
        const said = await fetch(`/api/${name}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-LH-UI': '1' }, body: text });
        return said.status;
      },
      [rpc, body],
    );
    need(`${rpc} is refused by the server: ${answer}`, answer === 403);
  }
});

await end();
