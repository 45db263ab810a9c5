// A process with one path that hangs and one that does not. Arguments: the two devices, 'io_uring' or 'child-fs', and how to
// end: 'exit' or 'wait'. Talks in lines of JSON; begins when it gets a line.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { loopPath } from '../../../adapters/paths/loops.ts'
import type { IoCompletion, IoRequest, PathDevice } from '../../../adapters/ports.ts'
import { alignedBytes } from '../../../adapters/aligned.ts'

const [hungDevice = '', soundDevice = '', backend = '', ending = ''] = process.argv.slice(2)
const LUN = { wwid: 'naa.6001', implicitAlua: true }
const BLOCK = 4096
const HELPER_TIMEOUT_MS = 1500

function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function open(device: string): Promise<PathDevice> {
  const none = { available: false, why: 'the test says so', readWrite: false, commands: false }
  return loopPath(device, {
    lun: LUN,
    hctl: '8:0:0:0',
    helperTimeoutMs: HELPER_TIMEOUT_MS,
    ...(backend === 'io_uring' ? {} : { probe: () => none }),
  })
}

function request(op: IoRequest['op'], offset: number, length: number): IoRequest {
  const data = op === 'read' || op === 'write' ? alignedBytes(length).fill(0x5a) : null
  return { op, offset, length, data, fua: false }
}

function run(path: PathDevice, what: IoRequest): Promise<IoCompletion> {
  return new Promise((resolve) => {
    path.submit(what, resolve)
  })
}

const hung = await open(hungDevice)
const sound = await open(soundDevice)
say({ ready: hung.guarantees.backend })
await once(process.stdin, 'data')

const fromHung: IoCompletion[] = []
const toHung = [
  request('flush', 0, 0),
  request('writeZeroes', 0, BLOCK),
  request('discard', BLOCK, BLOCK),
  ...Array.from({ length: 300 }, (_, index) => request(index % 2 ? 'write' : 'read', index * BLOCK, BLOCK)),
]
for (const what of toHung) hung.submit(what, (completion) => fromHung.push(completion))
await sleep(300)

let worstLagMs = 0
const lag = (async () => {
  for (;;) {
    const start = performance.now()
    await sleep(10)
    worstLagMs = Math.max(worstLagMs, performance.now() - start - 10)
  }
})()
lag.catch(() => undefined)

const start = performance.now()
const answers = await Promise.all(
  Array.from({ length: 500 }, (_, index) =>
    run(sound, request(index % 2 ? 'write' : 'read', (index % 256) * BLOCK, BLOCK)),
  ),
)
for (const op of ['flush', 'writeZeroes', 'discard'] as const) {
  answers.push(await run(sound, request(op, 0, op === 'flush' ? 0 : BLOCK)))
}
const soundMs = performance.now() - start
const verdict = await hung.identify()
await sleep(HELPER_TIMEOUT_MS)
say({
  errors: answers.filter(({ errno }) => errno !== null).length,
  soundMs,
  worstLagMs,
  same: verdict.same,
  fromHung,
})
if (ending === 'exit') process.exit(0)
await sleep(60_000)
