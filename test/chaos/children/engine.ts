// The engine under chaos, in a process of its own, to be killed at any time. Argument: JSON of ChildSettings. Takes one order
// a line and answers each by its id; says {"ready":true} when it is open, and asks for fences.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { loopPath, Multipath } from '../../../index.ts'
import type { MultipathOptions } from '../../../index.ts'
import type { ChildPath, ChildSettings, Doing, EngineState, Order } from '../orders.ts'
import { Shadow } from '../shadow.ts'
import { Load } from './load.ts'

const settings = JSON.parse(process.argv[2] ?? '') as ChildSettings
const { wwid } = settings
const HELPER_MS = 5_000

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

const fences = new Map<number, (detail: string | null) => void>()
let lastFence = 0

const mp = await Multipath.open({
  ...(settings.options as Partial<MultipathOptions>),
  ledger: settings.ledger,
  ports: {
    guardsOff: settings.guardsOff,
    fence: ({ hctl }) =>
      new Promise((resolve) => {
        lastFence += 1
        fences.set(lastFence, resolve)
        say({ fence: { id: lastFence, hctl } })
      }),
  },
})

const load = new Load({
  head: () => mp.head(wwid),
  shadow: Shadow.load(readFileSync(settings.shadow, 'utf8')),
  log: settings.log,
  seed: settings.seed,
  workers: settings.workers,
})

async function add({ device, hctl }: ChildPath): Promise<void> {
  const opening = loopPath(device, { lun: { wwid, implicitAlua: true }, hctl, helperTimeoutMs: HELPER_MS })
  try {
    await mp.addPath(opening, { trustIdentity: true })
  } catch (error) {
    await opening.then(
      (path) => path.close(),
      () => undefined,
    )
    throw error
  }
}

function sizeBytes(): number {
  return mp.heads.find((head) => head.wwid === wwid && head.paths.length > 0)?.sizeBytes ?? 0
}

function state(): EngineState {
  const head = mp.head(wwid)
  return {
    broken: mp.broken?.message ?? null,
    sizeBytes: head.sizeBytes,
    service: JSON.stringify(head.state),
    held: head.held.bios,
    queued: head.queued.bios,
    ghosts: mp.ghosts,
    usedBytes: mp.memory.usedBytes,
    paths: head.paths.map((path) => ({
      hctl: path.hctl,
      health: path.state.health,
      inFlight: path.inFlight,
    })),
  }
}

const PERFORM: Readonly<Record<Doing, (order: Order) => unknown>> = {
  add: ({ path }) => add(path as ChildPath),
  remove: ({ hctl = '' }) => mp.path(hctl).remove(),
  load: () => load.start(),
  stop: () => load.stop(),
  readAll: () => load.readAll(),
  rescan: () => mp.head(wwid).rescan(),
  size: () => sizeBytes(),
  state,
  ghosts: () => mp.ghosts,
  release: ({ ids = [], reason = '' }) => mp.releaseGhosts({ ids, reason }),
  fenced: ({ fence = 0, detail = null }) => fences.get(fence)?.(detail),
  close: () => mp.close(),
}

say({ ready: true })

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order
  const answer = (result: object) => say({ id: order.id, ...result })
  const performed = (async () => PERFORM[order.do](order))()
  performed.then(
    (value) => answer({ ok: true, value: value ?? null }),
    (error: unknown) => {
      const { code = null } = error as { code?: string }
      answer({ ok: false, code, error: String(error) })
    },
  )
}
// Whoever gave the orders is gone.
process.exit(0)
