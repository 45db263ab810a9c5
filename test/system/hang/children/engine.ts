// An engine in a process of its own. Argument: JSON of ChildSettings. Takes one order a line, answers each with a line
// that carries its id; says {"ready":true} when it is open.
import { openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { attachLoop, loopPath } from '../../../../adapters/paths/loops.ts'
import { seededRandom } from '../../../../adapters/seeded-random.ts'
import { systemPorts } from '../../../../engine/assemble.ts'
import type { MultipathOptions } from '../../../../engine/assemble.ts'
import { Multipath } from '../../../../engine/multipath.ts'
import type { ChildPath, ChildSettings, Doing, Order } from './orders.ts'

const settings = JSON.parse(process.argv[2] ?? '') as ChildSettings
const { wwid } = settings

function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

const mp = await Multipath.open({
  ...(settings.options as Partial<MultipathOptions>),
  ledger: settings.ledger,
  ports: { ...systemPorts(), guardsOff: settings.guardsOff },
})

async function add({ device, hctl }: ChildPath): Promise<void> {
  const lun = { wwid, implicitAlua: true }
  await mp.addPath(await loopPath(device, { lun, hctl, helperTimeoutMs: 10_000 }), { trustIdentity: true })
}

const PERFORM: Readonly<Record<Doing, (order: Order) => unknown>> = {
  write: ({ offset = 0, length = 4096, mark = 0 }) =>
    mp.head(wwid).write({ offset, data: new Uint8Array(length).fill(mark) }),
  read: async ({ offset = 0, length = 4096 }) => (await mp.head(wwid).read({ offset, length }))[0],
  flush: () => mp.head(wwid).flush(),
  zero: ({ offset = 0, length = 4096 }) => mp.head(wwid).writeZeroes({ offset, length }),
  discard: ({ offset = 0, length = 4096 }) => mp.head(wwid).discard({ offset, length }),
  add: (order) => add(order.path as ChildPath),
  fail: (order) => {
    mp.path((order.path as ChildPath).hctl).fail()
  },
  show: () =>
    mp.heads.map(({ name, state, held, paths }) => ({
      name,
      state,
      held,
      paths: paths.map((path) => ({ hctl: path.hctl, state: path.state, inFlight: path.inFlight })),
    })),
  ghosts: () => mp.ghosts,
  release: () => mp.releaseGhosts({ reason: 'the test saw that the server is done' }),
  attach: ({ image = '' }) => attachLoop({ image, wwid }),
  load,
  close: () => mp.close(),
  exit: () => process.exit(0),
}

/** Writes and flushes without end; each write is in the log before it starts, and once more when it is acknowledged. */
function load({ log = '', seed = 1, blocks = 64, workers = 16, generation = 0 }: Order): void {
  const fd = openSync(log, 'a')
  const random = seededRandom(seed)
  const busy = new Set<number>()
  let last = generation
  const work = async (): Promise<never> => {
    for (;;) {
      let block = random.nextUint32() % blocks
      while (busy.has(block)) block = (block + 1) % blocks
      busy.add(block)
      last += 1
      const mine = last
      const data = new Uint8Array(4096)
      new Uint32Array(data.buffer).fill(mine)
      writeSync(fd, `S ${block} ${mine}\n`)
      try {
        await mp.head(wwid).write({ offset: block * 4096, data })
        writeSync(fd, `A ${block} ${mine}\n`)
        if (mine % 64 === 0) await mp.head(wwid).flush()
      } catch (error) {
        writeSync(fd, `E ${block} ${mine} ${String(error)}\n`)
        await sleep(10)
      }
      busy.delete(block)
    }
  }
  for (let worker = 0; worker < workers; worker += 1) void work()
}

for (const path of settings.paths) await add(path)
say({ ready: true })

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order
  const answer = (result: Record<string, unknown>) => say({ id: order.id, ...result })
  const performed = (async () => PERFORM[order.do](order))()
  performed.then(
    (value) => answer({ ok: true, value: value ?? null }),
    (error: unknown) => {
      const { code = null, outcome = null } = error as { code?: string; outcome?: string }
      answer({ ok: false, code, outcome, error: String(error) })
    },
  )
}
