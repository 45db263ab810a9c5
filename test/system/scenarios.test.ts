// Scenarios of test/scenarios/ once more, on real loop devices: needs root. Nothing here is timed; what takes its time is
// waited for by its event on the ledger.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { errorFilter, type ErrorControl } from '../../adapters/filters/error.ts'
import { attachLoop, listLoops, loopPath } from '../../adapters/paths/loops.ts'
import type { Lun } from '../../adapters/ports.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { Multipath } from '../../engine/multipath.ts'
import type { Path } from '../../engine/api/path.ts'
import type { LiveEvent } from '../../engine/ledger/recorder.ts'
import type { SettingsInput } from '../../engine/core/settings.ts'
import { redecide, stateAt } from '../../store/state/fold.ts'
import type { ExplainRoot } from '../../store/explain/types.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { expectExplained, expectExplainedIn } from '../explained.ts'

const WWID = 'naa.60014050000000000000000000005ce0'
const LUN = { wwid: WWID, implicitAlua: true }
const MIB = 1024 * 1024
const BLOCK = 4096
const BLOCKS = MIB / BLOCK
const SERVING = { life: 'live', service: 'serving' }

let directory: string
let undo: (() => Promise<void>)[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pathledger-scenarios-'))
  undo = []
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
  const image = join(directory, 'lun.img')
  expect(listLoops().filter(({ backingFile }) => backingFile === image)).toEqual([])
  rmSync(directory, { recursive: true })
})

interface Bench {
  readonly mp: Multipath
  readonly paths: { readonly path: Path; readonly error: ErrorControl }[]
  readonly seen: LiveEvent[]
  readonly image: string
  readonly ledger: string
  /** Resolves with the next event of this type. */
  next(type: string): Promise<LiveEvent>
}

/** One image, loop devices over it, and an engine on top. */
async function build(count: number, settings: SettingsInput = {}, lun: Lun = LUN): Promise<Bench> {
  const image = join(directory, 'lun.img')
  writeFileSync(image, '')
  truncateSync(image, MIB)
  const ledger = join(directory, 'mp.ledger')
  const options = { ledger, multipath: 'always', checker: { minMs: 20, maxMs: 200 }, ...settings } as const
  const mp = await Multipath.open(options)
  undo.push(() => mp.close())
  const seen: LiveEvent[] = []
  mp.subscribe((live) => void seen.push(live))
  const paths: Bench['paths'] = []
  for (let host = 8; host < 8 + count; host += 1) {
    const attached = await attachLoop({ image, wwid: lun.wwid })
    undo.push(() => attached.release())
    const device = await loopPath(attached.device, { lun, hctl: `${host}:0:0:0` })
    const { path, control } = errorFilter(device)
    paths.push({ path: await mp.addPath(path), error: control })
    await attached.release()
  }
  const next = (type: string) =>
    new Promise<LiveEvent>((resolve) => {
      const leave = mp.subscribe((live) => {
        if (live.event.type !== type) return
        leave()
        resolve(live)
      })
    })
  return { mp, paths, seen, image, ledger, next }
}

function blockOf(block: number, generation: number): Uint8Array {
  const words = new Uint32Array(BLOCK / 4)
  for (let at = 0; at < words.length; at += 2) {
    words[at] = block
    words[at + 1] = generation
  }
  return new Uint8Array(words.buffer)
}

/** Closes the engine; then the ledger's own verification and every live state against a replay up to its position. */
async function endAndReplay({ mp, seen, ledger }: Bench): Promise<void> {
  await mp.close()
  expect(verifyLedger(ledger)).toMatchObject({ chain: 'ok', replay: 'equal', firstBad: null })
  const reader = openLedgerReader(ledger)
  try {
    for (const { event, state } of seen) {
      const { streams } = redecide(reader, { toPosition: event.position })
      expect(streams[event.stream]).toMatchObject({ value: state.value, context: state.context })
    }
    expect(stateAt(reader, { position: seen.at(-1)!.event.position }).streams['engine']?.value).toBe(
      'stopped',
    )
  } finally {
    reader.close()
  }
}

/** That `explain` names the first evidence of a path, or of the head where none is named, at the first event of a type. */
function explains({ ledger }: Bench, hctl: string | null, type: string, root: Partial<ExplainRoot>): void {
  const reader = openLedgerReader(ledger)
  const [event] = reader.read({ type, limit: 1 })
  const stream = hctl === null ? `head/${WWID}` : `path/${WWID}/${hctl}`
  expectExplained(reader, { stream }, root, event!.position)
  reader.close()
}

const typesOf = ({ seen }: Bench) => seen.map(({ event }) => event.type)
const eventsOf = ({ seen }: Bench, type: string) =>
  seen.flatMap(({ event }) =>
    event.type === type ? [JSON.parse(event.data) as Record<string, unknown>] : [],
  )

test('scenario 1: four loop devices under verified load: no error, no state event, counts add up', async () => {
  const bench = await build(4, { iopolicy: 'round-robin' })
  const head = bench.mp.head(WWID)
  const generations = new Array<number>(BLOCKS).fill(0)
  const worker = async (first: number) => {
    for (let turn = 0; turn < 200; turn += 1) {
      const block = (first + turn * 4) % BLOCKS
      generations[block] = turn + 1
      await head.write({ offset: block * BLOCK, data: blockOf(block, turn + 1) })
      const read = await head.read({ offset: block * BLOCK, length: BLOCK })
      expect(Buffer.compare(read, blockOf(block, turn + 1))).toBe(0)
    }
  }
  await Promise.all([0, 1, 2, 3].map(worker))
  await head.flush()
  expect(head.counters).toMatchObject({ reads: 800, writes: 800, callerErrors: 0, resent: 0, requeued: 0 })
  const perPath = bench.paths.map(({ path }) => path.counters)
  for (const figure of ['reads', 'writes', 'readBytes', 'writeBytes'] as const) {
    expect(perPath.reduce((sum, counters) => sum + counters[figure], 0)).toBe(head.counters[figure])
  }
  for (const { reads, writes, errors } of perPath) expect([reads + writes > 200, errors]).toEqual([true, 0])
  // After the last path had joined nothing but samples.
  const joined = bench.seen.findIndex(({ event }) => event.data.includes('"paths":4'))
  const types = typesOf(bench).slice(joined + 1)
  expect(types.filter((type) => !type.endsWith('.ioSampled'))).toEqual([])
  await endAndReplay(bench)
  explains(bench, null, 'head.ioSampled', { kind: 'nothing' })
  const image = readFileSync(bench.image)
  for (let block = 0; block < BLOCKS; block += 1) {
    if (generations[block] === 0) continue
    const found = image.subarray(block * BLOCK, (block + 1) * BLOCK)
    expect(Buffer.compare(found, blockOf(block, generations[block]!)), `block ${block}`).toBe(0)
  }
})

test('scenario 2: the active loop device fails: one write succeeds, one failover is told, and it heals', async () => {
  const bench = await build(2)
  const [a, b] = bench.paths
  const head = bench.mp.head(WWID)
  a!.error.enable({ errno: 'EIO' })
  await head.write({ offset: 2 * BLOCK, data: blockOf(2, 1) })
  expect([a!.path.usable, b!.path.usable, b!.path.counters.writes]).toEqual([false, true, 1])
  expect(head.state).toEqual({ life: 'live', service: 'degraded' })
  expect(eventsOf(bench, 'path.failed')).toEqual([
    expect.objectContaining({
      first: { errno: 'EIO', status: 'IOERR', op: 'write', offset: 2 * BLOCK, length: BLOCK },
    }),
  ])
  const healed = bench.next('path.probeSucceeded')
  a!.error.disable()
  await healed
  expect(head.state).toEqual(SERVING)
  expect(Buffer.compare(await head.read({ offset: 2 * BLOCK, length: BLOCK }), blockOf(2, 1))).toBe(0)
  await endAndReplay(bench)
  const root = { kind: 'pathError', errno: 'EIO', op: 'write', offset: 2 * BLOCK, path: '8:0:0:0' } as const
  for (const hctl of ['8:0:0:0', null]) explains(bench, hctl, 'path.failed', root)
})

test('scenario 3: both loop devices fail, one 4 KiB write: EIO for the caller, no loop, the image as it was', async () => {
  const bench = await build(2, { checker: { minMs: 60_000, maxMs: 60_000 } })
  for (const { error } of bench.paths) error.enable({ errno: 'EIO' })
  const head = bench.mp.head(WWID)
  await expect(head.write({ offset: 0, data: blockOf(0, 1) })).rejects.toMatchObject({ errno: 'EIO' })
  expect(bench.paths.map(({ path }) => path.state.health)).toEqual(['failed', 'failed'])
  // Each path refused the write once, and then the reads of its check at several places: a bounded number of them.
  expect(bench.paths.map(({ path }) => path.counters.errors)).toEqual([1, 1])
  for (const { error } of bench.paths) expect(error.failed).toBeLessThanOrEqual(1 + 2 * 4)
  expect(eventsOf(bench, 'path.failed').map(({ first }) => (first as { op: string }).op)).toEqual([
    'write',
    'write',
  ])
  expect(head.state).toEqual({ life: 'live', service: 'failing' })
  await endAndReplay(bench)
  explains(bench, null, 'path.failed', { kind: 'pathError', errno: 'EIO', op: 'write', offset: 0 })
  expect(readFileSync(bench.image).every((byte) => byte === 0)).toBe(true)
})

test('scenario 36: one bad block read through every loop device: the caller gets the error, no path fails', async () => {
  const bench = await build(3)
  const bad = 10 * BLOCK
  for (const { error } of bench.paths) {
    error.enable({ errno: 'EIO', op: 'read', range: { offset: bad, length: BLOCK } })
  }
  const head = bench.mp.head(WWID)
  await expect(head.read({ offset: bad, length: BLOCK })).rejects.toMatchObject({
    code: 'IO_ERROR',
    errno: 'EIO',
  })
  expect(bench.paths.map(({ path }) => path.state.health)).toEqual(['online', 'online', 'online'])
  expect(head.state).toEqual(SERVING)
  await head.write({ offset: bad, data: blockOf(10, 1) })
  expect(Buffer.compare(await head.read({ offset: 0, length: BLOCK }), new Uint8Array(BLOCK))).toBe(0)
  await endAndReplay(bench)
  const root = { kind: 'lunError', errno: 'EIO', op: 'read', offset: bad } as const
  explains(bench, null, 'lun.bioPoisoned', root)
  expect(typesOf(bench)).not.toContain('path.failed')
  expect(eventsOf(bench, 'lun.bioPoisoned')).toEqual([
    expect.objectContaining({
      evidence: expect.objectContaining({ errno: 'EIO', op: 'read', offset: bad }) as unknown,
    }),
  ])
})

test('scenario 7: on loop devices: access states change places under load; I/O follows, no error, both dated', async () => {
  const wwid = 'naa.60014050000000000000000000005ce7'
  const hctls = ['8:0:0:0', '9:0:0:0', '10:0:0:0', '11:0:0:0']
  const before = ['optimal', 'active', 'unavailable', 'unavailable'] as const
  const after = ['unavailable', 'unavailable', 'optimal', 'active'] as const
  const groups = hctls.map((hctl, at) => ({ id: at + 1, paths: [hctl], access: before[at]! }))
  const lun = virtualLun({ wwid, groups })
  const bench = await build(4, { multipath: 'on', iopolicy: 'round-robin' }, lun)
  const head = bench.mp.head(wwid)
  const accesses = () => bench.paths.map(({ path }) => path.state.access)
  expect(accesses()).toEqual(before)
  let over = false
  const done = [0, 0]
  const worker = async (first: number) => {
    for (let turn = 1; !over; turn += 1) {
      const block = (first + turn * 2) % BLOCKS
      await head.write({ offset: block * BLOCK, data: blockOf(block, turn) })
      const read = await head.read({ offset: block * BLOCK, length: BLOCK })
      expect(Buffer.compare(read, blockOf(block, turn))).toBe(0)
      done[first]! += 1
    }
  }
  const load = Promise.all([worker(0), worker(1)])
  const rounds = async (count: number) => {
    const from = done[0]! + done[1]!
    while (done[0]! + done[1]! < from + count) await head.read({ offset: 0, length: BLOCK })
  }
  const carried = async () => {
    const reads = () => bench.paths.map(({ path }) => path.counters.reads)
    const from = reads()
    await rounds(200)
    return reads().map((count, at) => count > from[at]!)
  }
  const change = async (states: readonly (typeof before)[number][]) => {
    states.forEach((access, at) => lun.scsi.setGroup(at + 1, { access }))
    await rounds(20)
    expect(accesses()).toEqual(states)
  }
  expect(await carried()).toEqual([true, false, false, false])
  await change(after)
  expect(await carried()).toEqual([false, false, true, false])
  await change(before)
  expect(await carried()).toEqual([true, false, false, false])
  over = true
  await load
  expect(head.counters).toMatchObject({ callerErrors: 0, failedNoPath: 0 })
  expect(typesOf(bench)).not.toContain('path.failed')
  expect(eventsOf(bench, 'path.accessChanged').length).toBeGreaterThanOrEqual(8)
  await endAndReplay(bench)
  const root = { kind: 'accessState', path: hctls[0]! } as const
  expectExplainedIn(bench.ledger, { stream: `path/${wwid}/${hctls[0]}` }, root, 'path.accessChanged')
})
