// Loop devices that come, change and go under a running engine, for real: what sysfs shows of them, and what the kernel
// tells. Needs root, loop devices and losetup.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { attachLoop, detachLoop, listLoops, loopSource } from '../../adapters/paths/loops.ts'
import type { LoopListing } from '../../adapters/paths/loops.ts'
import { kernelUevents } from '../../adapters/uevents/index.ts'
import type { MultipathOptions } from '../../engine/assemble.ts'
import { Multipath } from '../../engine/multipath.ts'
import type { Path } from '../../engine/api/path.ts'
import type { LiveEvent } from '../../engine/ledger/recorder.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { until } from './hang/servers.ts'

const WWID = 'naa.60014050000000000000000000107507'
const MIB = 1024 * 1024
const BLOCK = 4096

let directory: string
let image: string
let mp: Multipath
let events: LiveEvent[]
let undo: (() => Promise<void> | void)[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pathledger-source-'))
  image = makeImage('lun.img')
  events = []
  undo = []
})

afterEach(async () => {
  await mp.close()
  expect(verifyLedger(join(directory, 'mp.ledger'))).toMatchObject({ chain: 'ok', replay: 'equal' })
  for (const step of undo.splice(0).reverse()) await step()
  await until('our loop devices are gone', () => ours().length === 0)
  rmSync(directory, { recursive: true })
})

function makeImage(name: string, sizeBytes = MIB): string {
  const file = join(directory, name)
  writeFileSync(file, '')
  truncateSync(file, sizeBytes)
  return file
}

const ours = () => listLoops().filter(({ backingFile }) => backingFile.startsWith(directory))
const losetup = (...words: string[]) => execFileSync('losetup', words, { encoding: 'utf8' }).trim()

/** Attaches as an operator does, with a name of his own or the next that is free; his device stays when it is closed. */
function attach(file = image, device = '--find'): string {
  const words = ['--direct-io=on', ...(device === '--find' ? ['--find', '--show', file] : [device, file])]
  const made = device === '--find' ? losetup(...words) : (losetup(...words), device)
  undo.push(() => detach(made))
  return made
}

/** The number may be somebody else's by now. */
async function detach(device: string): Promise<void> {
  if (ours().some((loop) => loop.device === device)) await detachLoop(device)
}

interface Watched extends Partial<MultipathOptions> {
  readonly match?: (loop: LoopListing) => boolean
}

/** An engine that takes every loop device over our image as a path. */
async function watch(options: Watched = {}): Promise<void> {
  const { match = ({ backingFile }: LoopListing) => backingFile === image, ...settings } = options
  mp = await Multipath.open({
    ...{ ledger: join(directory, 'mp.ledger'), multipath: 'always', iopolicy: 'round-robin' },
    ...{ discoveryPollMs: 20, ueventPollMs: 10, checker: { minMs: 50, maxMs: 100 }, ...settings },
  })
  mp.subscribe((live) => void events.push(live))
  const lun = { wwid: WWID, implicitAlua: true }
  const source = loopSource({
    match: (loop) => (match(loop) ? { lun, hctl: hctlOf(loop.device) } : null),
  })
  mp.watch(source, { uevents: kernelUevents() })
}

const hctlOf = (device: string) => `${8 + Number(device.replace('/dev/loop', ''))}:0:0:0`
const paths = (): string[] => mp.heads.flatMap((head) => head.paths.map(({ device }) => device))
const path = (device: string): Path => mp.path(hctlOf(device))
const seen = (type: string) =>
  events
    .filter(({ event }) => event.type === type)
    .map(({ event }) => JSON.parse(event.data) as Record<string, unknown>)

/** Waits until the devices of all paths are these. */
const hasPaths = (...devices: string[]) =>
  until(
    `the paths are ${devices.join(', ')}`,
    () => [...paths()].sort().join() === [...devices].sort().join(),
  )

async function readsAndWrites(mark: number): Promise<void> {
  const head = mp.head(WWID)
  for (let turn = 0; turn < 4; turn += 1) {
    const data = new Uint8Array(BLOCK).fill(mark + turn)
    await head.write({ offset: turn * BLOCK, data })
    expect(Buffer.compare(await head.read({ offset: turn * BLOCK, length: BLOCK }), data)).toBe(0)
  }
}

describe('the kernel tells', () => {
  // Nobody looks for a minute: what is found was told.
  const TOLD = { discoveryPollMs: 60_000 }

  test('of a device that is attached, and it becomes a path; of another capacity, and the head grows', async () => {
    await watch(TOLD)
    const [a, b] = [attach(), attach()]
    await hasPaths(a, b)
    await readsAndWrites(1)
    truncateSync(image, 2 * MIB)
    losetup('--set-capacity', a)
    await until('the first has grown', () => seen('path.capacityChanged').length === 1)
    expect(mp.head(WWID).sizeBytes).toBe(MIB)
    losetup('--set-capacity', b)
    await until('the head has grown', () => mp.head(WWID).sizeBytes === 2 * MIB)
    expect(seen('path.capacityChanged')).toEqual([1, 2].map(() => ({ fromBytes: MIB, toBytes: 2 * MIB })))
    const data = new Uint8Array(BLOCK).fill(77)
    await mp.head(WWID).write({ offset: 2 * MIB - BLOCK, data })
    for (let turn = 0; turn < 2; turn += 1) {
      const read = await mp.head(WWID).read({ offset: 2 * MIB - BLOCK, length: BLOCK })
      expect(Buffer.compare(read, data)).toBe(0)
    }
  })

  test('of a device that is detached, and it is a path no more', async () => {
    const devices = [attach(), attach()]
    await watch(TOLD)
    await hasPaths(...devices)
    const [gone = '', stays = ''] = devices
    losetup('--detach', gone)
    // A lazy detach sends no word. The next word of any device makes the engine look.
    const other = attach(makeImage('other.img'))
    await hasPaths(stays)
    await until('it is let go of', () => !listLoops().some(({ device }) => device === gone))
    await until('that is on the ledger', () => seen('path.goingAway').length === 1)
    expect(seen('path.failed')).toEqual([])
    expect(paths()).not.toContain(other)
  })
})

describe('sysfs shows', () => {
  test('a lazy detach: the last path is kept for as long as it is the last', async () => {
    const [a, b] = [attach(), attach()]
    await watch()
    await hasPaths(a, b)
    losetup('--detach', a)
    await hasPaths(b)
    losetup('--detach', b)
    await until('it is going away', () => path(b).flags.goingAway)
    await readsAndWrites(1)
    expect(paths()).toEqual([b])
    const c = attach()
    await hasPaths(c)
    await readsAndWrites(11)
    await until('nothing but the new one is attached', () => ours().length === 1)
    expect(seen('path.failed')).toEqual([])
  })

  test('a number that is used again, over another file: refused by its label, once, with an event', async () => {
    const [a, b] = [attach(), attach()]
    const isMeant = (file: string) => file === image || file.endsWith('another.img')
    await watch({ match: ({ backingFile }) => isMeant(backingFile) })
    await hasPaths(a, b)
    losetup('--detach', a)
    await hasPaths(b)
    await until('it is free', () => !listLoops().some(({ device }) => device === a))
    // The kernel hands out the lowest number that is free. What this program attaches has a label.
    const another = await attachLoop({
      image: makeImage('another.img'),
      wwid: 'naa.600140500000000000000000000bad00',
    })
    undo.push(() => another.release())
    expect(another.device).toBe(a)
    await until('it is refused', () => seen('engine.pathRefused').length === 1)
    expect(seen('engine.pathRefused')).toMatchObject([{ code: 'PATH_WRONG_LUN', device: another.device }])
    await readsAndWrites(1)
    expect(paths()).toEqual([b])
    expect(seen('engine.pathRefused')).toHaveLength(1)
  })

  test('direct I/O that is switched off: the path fails, and comes back when it is on again', async () => {
    const [a, b] = [attach(), attach()]
    await watch()
    await hasPaths(a, b)
    await readsAndWrites(1)
    losetup('--direct-io=off', a)
    await until('it has failed', () => seen('path.failed').length === 1)
    expect(path(a).usable).toBe(false)
    expect(seen('path.failed')).toMatchObject([
      { verdict: 'identity', detail: expect.stringContaining('direct I/O was switched off') as string },
    ])
    await readsAndWrites(11)
    losetup('--direct-io=on', a)
    await until('it is back', () => path(a).usable)
    await readsAndWrites(21)
    await until('that is on the ledger', () => seen('path.probeSucceeded').length === 1)
  })

  test('another capacity: smaller is refused, and the head keeps its size', async () => {
    const [a, b] = [attach(), attach()]
    await watch()
    await hasPaths(a, b)
    truncateSync(image, MIB / 2)
    losetup('--set-capacity', a)
    await until('it is told', () => seen('head.shrinkRefused').length === 1)
    expect(seen('head.shrinkRefused')).toMatchObject([{ fromBytes: MIB, toBytes: MIB / 2 }])
    expect(mp.head(WWID).sizeBytes).toBe(MIB)
    truncateSync(image, MIB)
    losetup('--set-capacity', a)
    await until('it is as it was', () => seen('path.capacityChanged').length === 2)
    expect(seen('head.resized')).toEqual([])
    await readsAndWrites(1)
  })
})
