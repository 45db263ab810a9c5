// What the simulated programs, operators and faults do. Each seed picks its own mix (swarm testing): a run without
// removals finds other things than a run full of them.
import { hasCode, PathledgerError } from '../../errors.ts'
import { ACCESS_STATES, IO_POLICIES } from '../../machines/words.ts'
import { BLOCK, fillBlocks, generationOf } from './shadow.ts'
import { addSlot, LATENESS_MAX_US, WWID, type Slot, type World } from './world.ts'
import type { SeededRandom } from '../../adapters/seeded-random.ts'

/** Codes that a caller may meet when no path is left or the head is gone; anything else is a broken promise. */
const EXPECTED = [
  'ABORTED',
  'GHOST_HOLD',
  'NO_PATH',
  'HEAD_REMOVED',
  'IO_ERROR',
  'CLOSED',
  'QUEUE_FULL',
  'HEAD_NOT_FOUND',
]
const MAX_OPEN = 24
/** Blocks of the largest I/O. */
const BLOCKS_MAX = 4
/** Bytes of the largest I/O. */
export const IO_BYTES_MAX = BLOCKS_MAX * BLOCK

/** Blocks that a write covers. */
interface Range {
  readonly first: number
  readonly count: number
}

export interface Tally {
  started: number
  settled: number
  succeeded: number
  failed: number
}

type Action = (workload: Workload) => void

/** Actions by name with their weight when a seed has them on. I/O is always on. */
const ACTIONS: readonly { name: string; weight: number; always?: true; run: Action }[] = [
  { name: 'write', weight: 30, always: true, run: (w) => w.write() },
  { name: 'read', weight: 30, always: true, run: (w) => w.read() },
  { name: 'flush', weight: 4, always: true, run: (w) => w.flush() },
  { name: 'error', weight: 4, run: (w) => w.withSlot((slot) => w.toggleError(slot)) },
  { name: 'rareErrors', weight: 3, run: (w) => w.withSlot((slot) => w.rareErrors(slot)) },
  { name: 'badBlock', weight: 2, run: (w) => w.badBlock() },
  { name: 'delay', weight: 3, run: (w) => w.withSlot((slot) => w.toggleDelay(slot)) },
  { name: 'hang', weight: 3, run: (w) => w.withSlot((slot) => w.toggleHang(slot)) },
  { name: 'landLater', weight: 4, run: (w) => w.withSlot((slot) => w.landLater(slot)) },
  { name: 'abort', weight: 2, run: (w) => w.abort() },
  { name: 'busy', weight: 2, run: (w) => w.withSlot((slot) => w.busy(slot)) },
  { name: 'operator', weight: 3, run: (w) => w.withSlot((slot) => w.operate(slot)) },
  { name: 'access', weight: 3, run: (w) => w.withSlot((slot) => w.access(slot)) },
  { name: 'policy', weight: 2, run: (w) => w.policy() },
  { name: 'remove', weight: 2, run: (w) => w.withSlot((slot) => w.remove(slot)) },
  { name: 'add', weight: 4, run: (w) => w.add() },
  { name: 'healAll', weight: 2, always: true, run: (w) => w.healFaults() },
]

export class Workload {
  readonly world: World
  readonly tally: Tally = { started: 0, settled: 0, succeeded: 0, failed: 0 }
  /** Broken promises that an I/O met. */
  readonly wrong: string[] = []
  readonly #random: SeededRandom
  readonly #mix: readonly { weight: number; run: Action }[]
  readonly #abortable: AbortController[] = []
  readonly #busyBlocks = new Set<number>()

  constructor(world: World) {
    this.world = world
    this.#random = world.random.fork('workload')
    const swarm = world.random.fork('swarm')
    this.#mix = ACTIONS.filter(({ always }) => always === true || swarm.nextUint32() % 3 > 0)
  }

  /** Does one thing of the seed's mix. */
  step(): void {
    const total = this.#mix.reduce((sum, { weight }) => sum + weight, 0)
    let draw = this.#random.nextUint32() % total
    for (const { weight, run } of this.#mix) {
      if (draw < weight) return run(this)
      draw -= weight
    }
  }

  /** Microseconds until the next step. */
  pauseUs(): number {
    return this.#random.nextUint32() % 400
  }

  withSlot(act: (slot: Slot) => void): void {
    const { slots } = this.world
    const slot = slots[this.#random.nextUint32() % slots.length]
    // The switches of a path that is gone would catch its last I/Os, and nobody would ever let them go.
    if (slot !== undefined && slot.path !== null) act(slot)
  }

  write(): void {
    const range = this.#freeRange()
    if (range === null) return
    const { first, count } = range
    const { shadow } = this.world
    const generation = shadow.startWrite(first, count)
    const data = new Uint8Array(count * BLOCK)
    fillBlocks(data, first, generation)
    for (let block = 0; block < count; block += 1) {
      fillBlocks(data.subarray(block * BLOCK, (block + 1) * BLOCK), first + block, generation)
    }
    for (let block = first; block < first + count; block += 1) this.#busyBlocks.add(block)
    const controller = new AbortController()
    this.#abortable.push(controller)
    if (this.#abortable.length > MAX_OPEN) this.#abortable.shift()
    const { signal } = controller
    const done = this.#run({ first, count }, (head) =>
      head.write({ offset: first * BLOCK, data, node: this.#node(), signal }),
    )
    void done.then((ok) => {
      for (let block = first; block < first + count; block += 1) this.#busyBlocks.delete(block)
      if (ok) shadow.acknowledge(first, count, generation)
    })
    // The caller's memory is his again at once as far as the medium is concerned: scribble over it.
    data.fill(0xee)
  }

  read(): void {
    const first = this.#random.nextUint32() % (this.world.shadow.blocks - BLOCKS_MAX)
    const count = 1 + (this.#random.nextUint32() % BLOCKS_MAX)
    const finish = this.world.shadow.startRead(first, count)
    let bytes: Uint8Array = new Uint8Array(0)
    const done = this.#run(null, async (head) => {
      bytes = await head.read({ offset: first * BLOCK, length: count * BLOCK, node: this.#node() })
    })
    void done.then((ok) => {
      const legal = finish()
      if (ok) legal.forEach((set, index) => this.#checkBlock(bytes, first + index, index, set))
    })
  }

  flush(): void {
    void this.#run(null, (head) => head.flush())
  }

  toggleError({ error }: Slot): void {
    if (error.active) return error.disable()
    const errnos = ['EIO', 'ENOLINK', 'ETIMEDOUT', 'ENODEV']
    const errno = errnos[this.#random.nextUint32() % errnos.length] ?? 'EIO'
    error.enable({ errno, op: 'all', ratePerMillion: 1_000_000, count: null, range: null })
  }

  rareErrors({ error }: Slot): void {
    error.enable({ errno: 'EIO', op: 'all', ratePerMillion: 50_000, count: 5, range: null })
  }

  /** Error now, lands later: what a hung path holds is answered with an error, and done all the same within a while. */
  landLater({ hang }: Slot): void {
    if (this.world.final || hang.held === 0) return
    hang.answer('EIO')
    const { clock } = this.world
    const lateUs = this.#random.nextUint32() % LATENESS_MAX_US
    clock.setTimer(clock.monoUs() + lateUs, () => void hang.release())
  }

  abort(): void {
    this.#abortable.shift()?.abort()
  }

  busy({ error }: Slot): void {
    error.enable({ errno: 'EAGAIN', op: 'all', ratePerMillion: 1_000_000, count: 3, range: null })
  }

  /** The same bad block through every path: the LUN's error, for which no path may fail. */
  badBlock(): void {
    const offset = (this.#random.nextUint32() % this.world.shadow.blocks) * BLOCK
    for (const { error } of this.world.slots) {
      error.enable({
        errno: 'EIO',
        op: 'read',
        ratePerMillion: 1_000_000,
        count: null,
        range: { offset, length: 1 },
      })
    }
  }

  toggleDelay({ delay }: Slot): void {
    if (delay.active) delay.disable()
    else delay.enable({ delayUs: 500 + (this.#random.nextUint32() % 30_000) })
  }

  toggleHang({ hang }: Slot): void {
    if (hang.active) hang.disable()
    else hang.enable()
  }

  operate({ path }: Slot): void {
    if (path === null || path.state.device === 'deleted') return
    if (path.state.admin === 'enabled') path.fail({ actor: 'operator:0', reason: 'simulated' })
    else path.reinstate({ actor: 'operator:0', reason: 'simulated' })
  }

  access({ path }: Slot): void {
    if (path === null || path.state.device === 'deleted') return
    const access = ACCESS_STATES[this.#random.nextUint32() % ACCESS_STATES.length] ?? 'optimal'
    path.setAccessState(access, { why: 'simulated' })
  }

  policy(): void {
    const head = this.#head()
    head?.setIoPolicy(IO_POLICIES[this.#random.nextUint32() % 3] ?? 'numa')
  }

  remove(slot: Slot): void {
    const { path } = slot
    if (path === null) return
    slot.path = null
    slot.error.disable()
    slot.hang.disable()
    path.remove({ actor: 'operator:0', reason: 'simulated' }).catch((error: unknown) => this.#note(error))
  }

  add(): void {
    const slot = this.world.slots.find(({ path, adding }) => path === null && !adding)
    if (slot === undefined) return
    addSlot(this.world, slot).catch((error: unknown) => {
      if (!hasCode(error, 'PATH_DUPLICATE')) this.#note(error)
    })
  }

  /** Takes every fault away. */
  healFaults(): void {
    for (const { error, delay, hang } of this.world.slots) {
      error.disable()
      delay.disable()
      hang.disable()
    }
  }

  async #run(
    written: Range | null,
    io: (head: ReturnType<World['mp']['head']>) => Promise<void>,
  ): Promise<boolean> {
    if (this.tally.started - this.tally.settled >= MAX_OPEN) return false
    this.tally.started += 1
    let ok = false
    try {
      await io(this.world.mp.head(WWID))
      ok = true
      this.tally.succeeded += 1
    } catch (error) {
      this.tally.failed += 1
      if (!EXPECTED.some((code) => hasCode(error, code))) this.#note(error)
    }
    this.tally.settled += 1
    if (written !== null) this.#checkExplained(written, ok)
    return ok
  }

  /** A re-sent write is explained on the ledger before its caller hears of it. Writes do not overlap: errors are theirs. */
  #checkExplained({ first, count }: Range, succeeded: boolean): void {
    const { seen, store } = this.world
    const isMine = ({ offset }: { offset: number }) =>
      offset >= first * BLOCK && offset < (first + count) * BLOCK
    const mine = seen.errors.filter(isMine)
    if (mine.length === 0) return
    seen.errors = seen.errors.filter((error) => !isMine(error))
    for (const { offset, hctl } of succeeded ? mine : []) {
      const events = store.read({ stream: `path/${WWID}/${hctl}` })
      if (events.some(({ type }) => EXPLAINS.includes(type))) continue
      this.wrong.push(`an I/O at ${offset} was re-sent from ${hctl} and nothing on the ledger says why`)
    }
  }

  #checkBlock(bytes: Uint8Array, block: number, index: number, legal: ReadonlySet<number>): void {
    const generation = generationOf(bytes.subarray(index * BLOCK, (index + 1) * BLOCK), block)
    if (generation !== null && legal.has(generation)) return
    this.wrong.push(
      `block ${block} was read as generation ${String(generation)}; legal: ${[...legal].join(', ')}`,
    )
  }

  #freeRange(): Range | null {
    if (this.tally.started - this.tally.settled >= MAX_OPEN) return null
    const count = 1 + (this.#random.nextUint32() % BLOCKS_MAX)
    const first = this.#random.nextUint32() % (this.world.shadow.blocks - count)
    for (let block = first; block < first + count; block += 1) if (this.#busyBlocks.has(block)) return null
    return { first, count }
  }

  #node(): number {
    return this.#random.nextUint32() % 2
  }

  #head(): ReturnType<World['mp']['head']> | null {
    return this.world.mp.heads[0] ?? null
  }

  #note(error: unknown): void {
    const code = error instanceof PathledgerError ? error.code : 'unexpected'
    this.wrong.push(`${code}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const EXPLAINS = ['path.suspected', 'path.failed', 'path.cleared', 'path.removed', 'path.probeSucceeded']
