'use strict'

// Pictures are made small. A busy machine is tried again, later and later; a file that is no picture is put aside.

const { assign, chain, fromVariable, spec, task, variable } = require('../spec')
const { TaskException } = require('../worker')
const { same } = require('./stage')

const tasks = {
  shrink: {
    inputs: [['file', 'STR']],
    output: 'STR',
    run: ({ file }, { attemptNumber }) => {
      if (!file.endsWith('.png')) throw new TaskException('no-picture', 'cannot be read', { file })
      if (attemptNumber < 2) throw new Error('the machine is busy')
      return file.replace('.png', '-small.png')
    },
  },
}

async function run(s) {
  const backoff = { baseIntervalMs: 50, maxDelayMs: 500, multiplier: 2 }
  await s.put(
    spec('thumbnails', {
      main: chain(
        [
          variable('file', 'STR', { required: true }),
          variable('aside', 'STR', { default: 'none' }),
        ],
        [
          task('shrink', s.name('shrink'), [fromVariable('file')], {
            retries: 3,
            backoff,
            handlers: [{ handlerSpecName: 'put-aside', specificFailure: 'no-picture' }],
          }),
        ],
      ),
      'put-aside': chain([variable('INPUT', 'JSON_OBJ')], [], {
        first: [assign('aside', fromVariable('INPUT', '$.file'))],
      }),
    }),
  )
  await s.run('thumbnails', 'thumbnails', { file: 'horse.png' })
  await s.ended('thumbnails', 'COMPLETED')
  const { attempts } = await s.taskRun('thumbnails', '0-1')
  same('attempts', ['TASK_FAILED', 'TASK_FAILED', 'TASK_SUCCESS'], attempts.map((a) => a.status))
  same('output', 'horse-small.png', attempts[2].output.str)

  await s.run('thumbnails', 'thumbnails-text', { file: 'horse.txt' })
  await s.ended('thumbnails-text', 'COMPLETED')
  same('put aside', 'horse.txt', await s.variable('thumbnails-text', 'aside'))
  const node = await s.client.getNodeRun(s.nodeRunId('thumbnails-text', 0, 1))
  same('failures', [['no-picture', true]], node.failures.map((f) => [f.failureName, f.wasProperlyHandled]))
}

module.exports = { run, tasks }
