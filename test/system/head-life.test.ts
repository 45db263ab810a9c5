// The life of a head on real loop devices: waiting for a path, growing with its LUN, going down and up. Needs root.
// Nothing here is timed; what takes its time is waited for by its event on the ledger.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { attachLoop, listLoops, loopPath } from '../../adapters/paths/loops.ts'
import { Multipath } from '../../engine/multipath.ts'
import type { SettingsInput } from '../../engine/core/settings.ts'
import { foldAll } from '../../store/state/fold.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { expectExplainedIn } from '../explained.ts'

const WWID = 'naa.60014050000000000000000000005ce9'
const HEAD = { stream: `head/${WWID}` }
const LUN = { wwid: WWID, implicitAlua: true }
const MIB = 1024 * 1024
const BLOCK = 4096

let directory: string
let undo: (() => Promise<void>)[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pathledger-head-life-'))
  undo = []
  writeFileSync(image(), '')
  truncateSync(image(), MIB)
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
  expect(listLoops().filter(({ backingFile }) => backingFile === image())).toEqual([])
  rmSync(directory, { recursive: true })
})

const image = () => join(directory, 'lun.img')
const ledger = () => join(directory, 'mp.ledger')

async function open(settings: SettingsInput): Promise<Multipath> {
  const mp = await Multipath.open({ ledger: ledger(), multipath: 'always', ...settings })
  undo.push(() => mp.close())
  return mp
}

/** Attaches a loop device and adds it as a path. */
async function add(mp: Multipath, hctl: string) {
  const attached = await attachLoop({ image: image(), wwid: WWID })
  undo.push(() => attached.release())
  const path = await mp.addPath(loopPath(attached.device, { lun: LUN, hctl }))
  await attached.release()
  return { path, device: attached.device }
}

function next(mp: Multipath, type: string): Promise<unknown> {
  return new Promise((resolve) => {
    const leave = mp.subscribe(({ event }) => {
      if (event.type !== type) return
      leave()
      resolve(JSON.parse(event.data))
    })
  })
}

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error as { code: string }).code,
  )

function expectVerified(): void {
  expect(verifyLedger(ledger())).toMatchObject({ chain: 'ok', replay: 'equal', firstBad: null })
}

const bytes = (mark: number) => new Uint8Array(BLOCK).fill(mark)

test('scenario 14: on a loop device the write fails when the head’s time is over, and the head with it', async () => {
  const mp = await open({ delayedRemovalMs: 300 })
  const { path } = await add(mp, '8:0:0:0')
  const head = mp.head(WWID)
  await path.remove()
  expect(head.state.life).toBe('removalPending')
  const fired = next(mp, 'head.timerFired')
  const write = outcome(head.write({ offset: 0, data: bytes(1) }))
  expect(await fired).toMatchObject({ timer: 'removal' })
  expect(await write).toBe('HEAD_REMOVED')
  expect(mp.heads).toEqual([])
  await mp.close()
  expectVerified()
  const root = { kind: 'operator', path: '8:0:0:0', timer: 'removal' } as const
  expectExplainedIn(ledger(), HEAD, root)
})

test('scenario 15: on a loop device the path comes back in time, and the same write succeeds', async () => {
  const mp = await open({ delayedRemovalMs: 60_000 })
  const { path } = await add(mp, '8:0:0:0')
  const head = mp.head(WWID)
  await path.remove()
  const write = outcome(head.write({ offset: 0, data: bytes(1) }))
  await add(mp, '8:0:0:0')
  expect(await write).toBe('ok')
  expect(mp.head(WWID)).toBe(head)
  expect(head.state).toEqual({ life: 'live', service: 'serving' })
  await mp.close()
  expectVerified()
  expectExplainedIn(ledger(), HEAD, { kind: 'operator', path: '8:0:0:0' }, 'path.removed')
})

test('scenario 26: both loop devices go and come six times under load: no error, states in order each time', async () => {
  const mp = await open({ delayedRemovalMs: 60_000, iopolicy: 'round-robin' })
  const hctls = ['8:0:0:0', '9:0:0:0']
  for (const hctl of hctls) await add(mp, hctl)
  const head = mp.head(WWID)
  const lives: string[] = []
  mp.subscribe(({ event, state }) => {
    if (event.stream !== `head/${WWID}`) return
    const { life, service } = state.value as { life: string; service: string }
    if (lives.at(-1) !== `${life} ${service}`) lives.push(`${life} ${service}`)
  })
  const load = { over: false, errors: 0, writes: 0 }
  const worker = async (first: number) => {
    for (let turn = 0; !load.over; turn += 1) {
      const offset = ((first + turn * 2) % (MIB / BLOCK)) * BLOCK
      const mark = (turn % 250) + 1
      if ((await outcome(head.write({ offset, data: bytes(mark) }))) !== 'ok') load.errors += 1
      const read = await head.read({ offset, length: BLOCK })
      if (read[0] !== mark || read[BLOCK - 1] !== mark) load.errors += 1
      load.writes += 1
    }
  }
  const workers = [worker(0), worker(1)]
  for (let round = 0; round < 6; round += 1) {
    for (const hctl of hctls) await mp.path(hctl).remove()
    expect(head.state).toEqual({ life: 'removalPending', service: 'queueing' })
    for (const hctl of hctls) await add(mp, hctl)
    const from = load.writes
    while (load.writes < from + 20) await head.read({ offset: 0, length: BLOCK })
  }
  load.over = true
  await Promise.all(workers)
  expect([load.errors, head.counters.callerErrors]).toEqual([0, 0])
  const round = ['removalPending queueing', 'live serving']
  const told = lives.filter((one) => round.includes(one))
  expect(told.slice(told.indexOf(round[0]!))).toEqual(Array.from({ length: 6 }, () => round).flat())
  await mp.close()
  expectVerified()
  expectExplainedIn(ledger(), HEAD, { kind: 'operator', path: hctls[0]! }, 'path.removed')
})

test('scenario 29: a loop device grows with its file (losetup -c): the head follows the last of them, and never shrinks', async () => {
  const mp = await open({ iopolicy: 'round-robin' })
  const [a, b] = [await add(mp, '8:0:0:0'), await add(mp, '9:0:0:0')]
  const head = mp.head(WWID)
  truncateSync(image(), 2 * MIB)
  execFileSync('losetup', ['-c', a.device])
  head.rescan()
  expect(head.sizeBytes).toBe(MIB)
  expect(await outcome(head.write({ offset: MIB, data: bytes(1) }))).toBe('IO_OUT_OF_RANGE')
  execFileSync('losetup', ['-c', b.device])
  head.rescan()
  expect(head.sizeBytes).toBe(2 * MIB)
  for (const mark of [7, 8]) {
    await head.write({ offset: 2 * MIB - BLOCK, data: bytes(mark) })
    expect((await head.read({ offset: 2 * MIB - BLOCK, length: BLOCK }))[0]).toBe(mark)
  }
  expect([a.path.state.health, b.path.state.health]).toEqual(['online', 'online'])
  // A third path is one of the new size.
  await add(mp, '10:0:0:0')
  truncateSync(image(), MIB)
  execFileSync('losetup', ['-c', a.device])
  const refused = next(mp, 'head.shrinkRefused')
  head.rescan()
  expect(await refused).toEqual({ path: a.path.name, fromBytes: 2 * MIB, toBytes: MIB })
  expect(head.sizeBytes).toBe(2 * MIB)
  await mp.close()
  expectVerified()
  expectExplainedIn(ledger(), HEAD, { kind: 'deviceState', path: '8:0:0:0' }, 'head.shrinkRefused')
})

test('limits of loop devices are those of sysfs, and I/O is cut to them', async () => {
  const mp = await open({ bioBytesMax: 8 * MIB })
  const { path, device } = await add(mp, '8:0:0:0')
  const queue = (attribute: string) =>
    Number(
      execFileSync('cat', [`/sys/block/${device.slice('/dev/'.length)}/queue/${attribute}`], {
        encoding: 'latin1',
      }),
    )
  const head = mp.head(WWID)
  expect(head.limits).toMatchObject({
    physicalBlockBytes: queue('physical_block_size'),
    ioMinBytes: queue('minimum_io_size'),
    maxTransferBytes: queue('max_sectors_kb') * 1024,
  })
  await head.write({ offset: 0, data: new Uint8Array(MIB).fill(3) })
  expect((await head.read({ offset: 0, length: MIB })).every((byte) => byte === 3)).toBe(true)
  expect(path.counters.errors).toBe(0)
  await mp.close()
})

test('a head that waits survives a clean restart with its deadline, and a path of the next run saves it', async () => {
  const first = await open({ delayedRemovalMs: 60_000 })
  const { path } = await add(first, '8:0:0:0')
  await path.remove()
  await first.close()
  const timersOf = () => {
    const reader = openLedgerReader(ledger())
    try {
      return foldAll(reader).streams[`head/${WWID}`]?.context['timers']
    } finally {
      reader.close()
    }
  }
  const before = timersOf()
  expect(before).toEqual({ removal: expect.any(Number) as number })
  const mp = await open({ delayedRemovalMs: 1_000 })
  expect(timersOf()).toEqual(before)
  expect(mp.head(WWID).state.life).toBe('removalPending')
  await add(mp, '8:0:0:0')
  expect(mp.head(WWID).state).toEqual({ life: 'live', service: 'serving' })
  await mp.close()
  expectVerified()
})
