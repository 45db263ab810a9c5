// Runs one recorded script on the engine and says which path each read was sent down.
import { z } from 'zod'
import {
  hangFilter,
  memoryLun,
  memoryPath,
  memoryStore,
  Multipath,
  VERSION,
  VirtualClock,
  type AccessState,
  type Head,
  type PathDevice,
} from '../../index.ts'

const path = z.int().min(1)
const count = z.int().min(1)
const node = z.int().min(0).optional()
const paths = z.array(path).optional()

const step = z.discriminatedUnion('op', [
  z.object({ op: z.literal('iopolicy'), value: z.enum(['numa', 'round-robin', 'queue-depth']) }),
  z.object({
    op: z.literal('access'),
    path,
    value: z.enum(['optimized', 'non-optimized', 'inaccessible', 'change', 'persistent-loss']),
  }),
  z.object({ op: z.literal('remove'), path }),
  z.object({ op: z.literal('add'), path }),
  z.object({ op: z.literal('io'), n: count, node, paths }),
  z.object({ op: z.literal('hold'), n: count, node, paths }),
])
type Step = z.infer<typeof step>

const schema = z.object({ paths: z.int().min(1).max(64), steps: z.array(step) })
/** A recorded script. */
export type Vector = z.infer<typeof schema>

/** Reads a vector; throws with the file's name when it is not one. */
export function parseVector(text: string, file: string): Vector {
  const parsed = schema.safeParse(JSON.parse(text))
  if (parsed.success) return parsed.data
  throw new Error(`${file} is not a path choice vector: ${z.prettifyError(parsed.error)}`)
}

const ACCESS: Readonly<Record<Extract<Step, { op: 'access' }>['value'], AccessState>> = {
  optimized: 'optimal',
  'non-optimized': 'active',
  inaccessible: 'unavailable',
  change: 'transitioning',
  'persistent-loss': 'offline',
}

const WWID = 'naa.60014050000000000000000000ec0125'
const BLOCK = 4096
const NODES = 2

/** The paths of every read, a list for each `io` or `hold` step. Does not look at recorded paths. */
export async function chooseAll(vector: Vector): Promise<number[][]> {
  const run = await VectorRun.start(vector.paths)
  const choices: number[][] = []
  for (const next of vector.steps) {
    if (next.op === 'io' || next.op === 'hold') choices.push(await run.reads(next))
    else await run.change(next)
  }
  await run.close()
  return choices
}

class VectorRun {
  readonly #clock: VirtualClock
  readonly #mp: Multipath
  readonly #lun = memoryLun({ wwid: WWID, sizeBytes: 256 * BLOCK, logicalBlockBytes: BLOCK })
  readonly #held = new Map<number, { enable(): void; disable(): void }>()
  #chosen: number[] = []

  private constructor(clock: VirtualClock, mp: Multipath) {
    this.#clock = clock
    this.#mp = mp
  }

  static async start(paths: number): Promise<VectorRun> {
    const clock = new VirtualClock()
    let last = 0
    const newId = () => `vector-${(last += 1)}`
    const times = { recordedAtUs: 0, monoUs: 0 }
    const header = { eventId: newId(), ...times, bootId: 'vectors', engine: VERSION, xstate: 'vectors' }
    const ports = { clock, newId, bootId: 'vectors', pid: 0 }
    const options = {
      ledger: memoryStore({ header }),
      multipath: 'always',
      numaNodes: NODES,
      poolBytes: 2 ** 20,
      ports,
    } as const
    const run = new VectorRun(clock, await Multipath.open(options))
    for (let index = 1; index <= paths; index += 1) await run.change({ op: 'add', path: index })
    return run
  }

  async change(next: Exclude<Step, { op: 'io' | 'hold' }>): Promise<void> {
    if (next.op === 'iopolicy') this.#head().setIoPolicy(next.value)
    if (next.op === 'access') this.#mp.path(hctl(next.path)).setAccessState(ACCESS[next.value])
    if (next.op === 'remove') await this.#mp.path(hctl(next.path)).remove()
    if (next.op === 'add') await this.#drive(this.#mp.addPath(this.#device(next.path)))
  }

  /** `io`: one read at a time. `hold`: all of them in flight together, as the medium answers none meanwhile. */
  async reads({ op, n, node = 0 }: Extract<Step, { op: 'io' | 'hold' }>): Promise<number[]> {
    this.#chosen = []
    const head = this.#head()
    const read = () => head.read({ offset: 0, length: BLOCK, node })
    if (op === 'io') {
      for (let index = 0; index < n; index += 1) await this.#drive(read())
      return this.#chosen
    }
    for (const hang of this.#held.values()) hang.enable()
    const all = Promise.all(Array.from({ length: n }, read))
    for (const hang of this.#held.values()) hang.disable()
    await this.#drive(all)
    return this.#chosen
  }

  async close(): Promise<void> {
    await this.#drive(this.#mp.close())
  }

  #head(): Head {
    return this.#mp.head(WWID)
  }

  #device(index: number): PathDevice {
    const onSubmit = () => void this.#chosen.push(index)
    const memory = memoryPath(this.#lun, { hctl: hctl(index), clock: this.#clock, latencyUs: 10 })
    const hang = hangFilter(memory)
    this.#held.set(index, hang.control)
    return {
      ...hang.path,
      submit: (request, done) => {
        onSubmit()
        hang.path.submit(request, done)
      },
    }
  }

  /** Lets virtual time run until the promise has settled. */
  async #drive<Value>(promise: Promise<Value>): Promise<Value> {
    const state = { settled: false }
    const watched = promise.finally(() => void (state.settled = true))
    watched.catch(() => undefined)
    await this.#clock.settle()
    while (!state.settled && this.#clock.runNext()) await this.#clock.settle()
    return watched
  }
}

function hctl(index: number): string {
  return `${index}:0:0:0`
}
