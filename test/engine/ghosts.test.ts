// Ghosts on virtual time: the hang filter answers a write with an error, or not at all, and does it later all the same.
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { Gate } from '../../engine/ledger/gate.ts'
import { GhostIndex, type Ghost } from '../../engine/lun/ghosts.ts'
import type { ExplainRoot } from '../../store/explain/types.ts'
import { overlaps } from '../../engine/lun/range-index.ts'
import { expectExplained } from '../explained.ts'
import { SharedLuns } from './lun-storage.ts'
import { BLOCK, bytesOf, Rig, type RigOptions, type RigPath } from './rig.ts'

const A = '8:0:0:0'
const OLD = bytesOf(1)
const NEW = bytesOf(2)
const QUICK = {
  attemptTimeoutMs: 50,
  probeTimeoutMs: 20,
  ghostQuiesceMs: 0,
  ghostHoldMaxMs: 1_000,
  closeGraceMs: 20,
}

/** Two paths whose errors prove nothing, the first one in use. */
async function twoPaths(options: RigOptions = {}): Promise<{ rig: Rig; a: RigPath; b: RigPath }> {
  const rig = await Rig.open({ ...QUICK, ...options })
  const a = await rig.add('8:0:0:0', { errorsAreFinal: false })
  const b = await rig.add('9:0:0:0', { errorsAreFinal: false })
  return { rig, a, b }
}

/** A write that hangs on A, is given up, acknowledged through B, and still held by A. */
async function haunted(options: RigOptions = {}): Promise<{ rig: Rig; a: RigPath; b: RigPath }> {
  const made = await twoPaths(options)
  made.a.hang.enable()
  await made.rig.write(0, OLD)
  return made
}

test('a ghost that the storage of the LUN does not take: its caller is told that nobody knows, and with what it failed', async () => {
  const luns = new SharedLuns()
  const { rig, a } = await twoPaths({ luns })
  luns.fails = 'the disk is full'
  a.hang.enable()
  const error = await rig.errorOf(rig.head.write({ offset: 0, data: OLD }))
  expect(error).toMatchObject({
    code: 'LUN_STORAGE',
    errno: 'EIO',
    outcome: 'unknown',
    why: 'the disk is full',
  })
  luns.fails = null
  a.hang.drop('EIO')
})

/** That `explain` names what was done to A as the first evidence of its failure. */
function expectFailureExplained(rig: Rig, root: Partial<ExplainRoot> = {}): void {
  const [failed] = rig.rows('path.failed', A)
  const hung = {
    kind: 'pathError',
    status: 'TIMEOUT',
    op: 'write',
    offset: 0,
    path: A,
    incarnation: 1,
  } as const
  expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/${A}` }, { ...hung, ...root }, failed?.position)
}

describe('a write that hangs and is given up', () => {
  test('is acknowledged through another path when its ghost is durable', async () => {
    const { rig, b } = await haunted()
    expect(b.ios.map(({ op, offset }) => [op, offset])).toEqual([['write', 0]])
    expect(rig.events('lun.ghostsOpened')).toMatchObject([
      {
        path: '8:0:0:0',
        incarnation: 1,
        reason: 'timeout',
        ghosts: [{ op: 'write', offset: 0, length: BLOCK }],
      },
    ])
    expect(rig.mp.ghosts).toMatchObject([
      { path: '8:0:0:0', reason: 'timeout', returned: false, foreign: false },
    ])
  })

  test('scenario 19: holds a newer write until it has landed; the newer data survives', async () => {
    const { rig, a } = await haunted()
    const newer = rig.head.write({ offset: 0, data: NEW })
    await rig.pass(200)
    expect(rig.head.held).toEqual({ bios: 1, bytes: BLOCK })
    a.hang.disable()
    await rig.drive(newer)
    await rig.pass(100)
    expect([...(await rig.read(0))]).toEqual([...NEW])
    expect(rig.events('lun.ghostsEnded')).toMatchObject([{ proof: 'completion' }])
    expect(rig.mp.ghosts).toEqual([])
    expectFailureExplained(rig)
  })

  test('scenario 19: with the guard switched off the old write lands on the newer one', async () => {
    const { rig, a } = await twoPaths({ guardsOff: true })
    a.hang.enable()
    await rig.write(0, OLD)
    await rig.write(0, NEW)
    // The switch gives hung memory back as well: another write has it by now, and its bytes are what lands.
    await rig.write(8 * BLOCK, bytesOf(3))
    a.hang.disable()
    await rig.pass(100)
    expect([...rig.lun.medium.subarray(0, BLOCK)]).not.toEqual([...NEW])
  })

  test('scenario 19b: an error completion is not its end', async () => {
    const { rig, a } = await twoPaths()
    a.hang.enable()
    const first = rig.head.write({ offset: 0, data: OLD })
    await rig.settle()
    a.hang.answer('EIO')
    await rig.drive(first)
    expect(rig.mp.ghosts).toMatchObject([{ reason: 'error', returned: true }])
    const newer = errorLater(rig.head.write({ offset: 0, data: NEW }))
    await rig.pass(500)
    a.hang.release()
    expect(await rig.drive(newer)).toMatchObject({ code: 'GHOST_HOLD', outcome: 'failed', errno: 'EBUSY' })
    expect(rig.events('lun.holdExpired')).toHaveLength(1)
    expectFailureExplained(rig, { status: 'IOERR', errno: 'EIO' })
  })

  test('scenario 19d: lands with the bytes that were acknowledged, whatever the caller does to his own', async () => {
    const { rig, a } = await twoPaths()
    a.hang.enable()
    const data = OLD.slice()
    await rig.write(0, data)
    data.fill(0xee)
    a.hang.disable()
    await rig.pass(100)
    expect([...rig.lun.medium.subarray(0, BLOCK)]).toEqual([...OLD])
    expectFailureExplained(rig)
  })

  test('scenario 19e: outlives the path and the head', async () => {
    const rig = await Rig.open({ ...QUICK, ghostHoldMaxMs: 60_000 })
    const a = await rig.add('8:0:0:0', { errorsAreFinal: false })
    a.hang.enable()
    const lost = errorLater(rig.head.write({ offset: 0, data: OLD }))
    await rig.settle()
    await rig.drive(a.path.remove())
    expect(await rig.drive(lost)).toMatchObject({ code: 'HEAD_REMOVED', outcome: 'unknown' })
    expect(rig.mp.ghosts).toHaveLength(1)
    await rig.add('9:0:0:0', { errorsAreFinal: false })
    const newer = rig.head.write({ offset: 0, data: NEW })
    await rig.pass(100)
    expect(rig.head.held.bios).toBe(1)
    const ghost = { kind: 'ghost', op: 'write', offset: 0, path: A, incarnation: 1 } as const
    expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, ghost)
    a.hang.disable()
    await rig.drive(newer)
    await rig.pass(100)
    expect([...rig.lun.medium.subarray(0, BLOCK)]).toEqual([...NEW])
  })

  test('scenario 19f: holds what overlaps it by one block at either edge, and nothing beside it', async () => {
    const { rig, a } = await twoPaths()
    a.hang.enable()
    await rig.write(64 * BLOCK, bytesOf(3, 128 * BLOCK))
    const held = [64, 191].map((block) => rig.head.write({ offset: block * BLOCK, data: NEW }))
    const free = [63, 192].map((block) => rig.head.write({ offset: block * BLOCK, data: NEW }))
    await rig.drive(Promise.all(free))
    expect(rig.head.held.bios).toBe(2)
    a.hang.disable()
    await rig.drive(Promise.all(held))
    expectFailureExplained(rig, { offset: 64 * BLOCK, length: 128 * BLOCK })
  })

  test('scenario 19g: an aborted write is a ghost as well', async () => {
    const { rig, a } = await twoPaths()
    a.hang.enable()
    const controller = new AbortController()
    const aborted = errorLater(rig.head.write({ offset: 0, data: OLD, signal: controller.signal }))
    await rig.settle()
    controller.abort()
    expect(await rig.drive(aborted)).toMatchObject({
      ...{ code: 'ABORTED', outcome: 'unknown', why: 'An attempt was in flight and may still land.' },
    })
    expect(rig.events('lun.ghostsOpened')).toMatchObject([{ reason: 'abort' }])
    const newer = rig.head.write({ offset: 0, data: NEW })
    await rig.pass(20)
    // The path is well as far as anybody knows: newer writes wait for what was aborted.
    const ghost = { kind: 'ghost', op: 'write', offset: 0, path: A } as const
    expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, ghost)
    a.hang.disable()
    await rig.drive(newer)
    await rig.pass(100)
    expect([...rig.lun.medium.subarray(0, BLOCK)]).toEqual([...NEW])
  })
})

describe('what need not wait', () => {
  test('reads, flushes and writes elsewhere go on beside a ghost', async () => {
    const { rig } = await haunted()
    await rig.drive(Promise.all([rig.head.flush(), rig.head.read({ offset: 0, length: BLOCK })]))
    await rig.write(BLOCK, NEW)
    expect(rig.head.held.bios).toBe(0)
  })

  test('a read that hangs is sent elsewhere with fresh memory, and leaves no ghost', async () => {
    const { rig, a } = await twoPaths()
    await rig.write(0, OLD)
    a.hang.enable()
    expect([...(await rig.read(0))]).toEqual([...OLD])
    expect(rig.mp.ghosts).toEqual([])
  })
})

describe('what ends a ghost', () => {
  test('a later I/O that one connection answers', async () => {
    const rig = await Rig.open({ ...QUICK, checker: { minMs: 5, maxMs: 10 } })
    const a = await rig.add('8:0:0:0', {
      errorsAreFinal: false,
      wrap: (device) => ({ ...device, guarantees: { ...device.guarantees, oneConnection: true } }),
    })
    await rig.add('9:0:0:0', { errorsAreFinal: false })
    a.fail()
    await rig.write(0, OLD)
    expect(rig.mp.ghosts).toHaveLength(1)
    a.heal()
    await rig.pass(100)
    expect(rig.events('lun.ghostsEnded')).toMatchObject([{ proof: 'laterIo' }])
  })

  test('the fence of its path, which the checker then leaves alone', async () => {
    const fenced: string[] = []
    const fence = (target: { hctl: string }) => {
      fenced.push(target.hctl)
      return Promise.resolve('server killed')
    }
    const { rig, a } = await twoPaths({ fence, checker: { minMs: 5, maxMs: 10 } })
    a.fail()
    await rig.write(0, OLD)
    await rig.pass(500)
    expect(fenced).toEqual(['8:0:0:0'])
    expect(rig.events('lun.ghostsEnded')).toMatchObject([{ proof: 'fence', detail: 'server killed' }])
    a.heal()
    await rig.pass(500)
    expect(a.path.state.health).toBe('failed')
    expect(rig.rows('path.fenced')).toHaveLength(1)
  })

  test.each<[string, (later: (resolve: (detail: string) => void) => void) => Promise<string | null>]>([
    ['fails', () => Promise.reject(new Error('no such server'))],
    ['is none', () => Promise.resolve(null)],
    ['answers when its time is up', (later) => new Promise(later)],
  ])('no fence that %s', async (_what, answer) => {
    const late: ((detail: string) => void)[] = []
    const { rig, a } = await twoPaths({
      fence: () => answer((done) => void late.push(done)),
      fenceTimeoutMs: 30,
    })
    a.fail()
    await rig.write(0, OLD)
    await rig.pass(500)
    for (const done of late) done('killed too late')
    await rig.settle()
    expect([rig.rows('path.fenced').length, rig.mp.ghosts.length]).toEqual([0, 1])
    rig.mp.releaseGhosts({ reason: 'a test' })
  })

  test('time, which says that it is not proof, and only when the kernel has given the attempt back', async () => {
    const { rig, a } = await haunted({ ghostQuiesceMs: 300 })
    await rig.pass(5_000)
    expect(rig.mp.ghosts).toHaveLength(1)
    a.hang.drop('EIO')
    await rig.pass(400)
    expect(rig.events('lun.ghostsEnded')).toMatchObject([{ proof: 'time' }])
  })

  test('an operator with a reason, who is on the ledger', async () => {
    const { rig } = await haunted()
    expect(() => rig.mp.releaseGhosts({ reason: ' ' })).toThrow(/reason/)
    expect(rig.mp.releaseGhosts({ reason: 'port powered off', actor: 'operator:0' })).toBe(1)
    await rig.pass(10)
    expect(rig.rows('lun.ghostsEnded')).toMatchObject([{ actor: 'operator:0', reason: 'port powered off' }])
    expect(rig.mp.ghosts).toEqual([])
  })
})

test('a path in trouble holds no more memory than inFlightBytesMax', async () => {
  const { rig, a } = await twoPaths({ inFlightBytesMax: 4096 })
  a.hang.enable()
  const writes = Array.from({ length: 32 }, (_, index) =>
    rig.head.write({ offset: index * BLOCK, data: NEW }),
  )
  await rig.settle()
  expect(a.hang.held).toBe(8)
  await rig.drive(Promise.all(writes))
})

test('what waits can be drained, and says so', async () => {
  const { rig } = await haunted()
  const newer = errorLater(rig.head.write({ offset: 0, data: NEW }))
  await rig.settle()
  expect(rig.head.drain({ actor: 'operator:0', reason: 'maintenance' })).toEqual({ bios: 1, bytes: BLOCK })
  expect(await rig.drive(newer)).toMatchObject({ code: 'DRAINED' })
  expect(rig.rows('head.drained')).toMatchObject([{ actor: 'operator:0', reason: 'maintenance' }])
})

test('looking for an overlap among thousands of ghosts finds what a look at each of them finds', () => {
  const random = seededRandom('ghosts')
  const index = new GhostIndex()
  const ghosts: Ghost[] = []
  const place = (most: number) => ({
    offset: (random.nextUint32() % 200_000) * BLOCK,
    length: (1 + (random.nextUint32() % most)) * BLOCK,
  })
  for (let id = 0; id < 5_000; id += 1) {
    const ghost = ghostAt(String(id), id % 500 === 0 ? place(20_000) : place(200))
    ghosts.push(ghost)
    index.add(ghost)
  }
  for (const ghost of ghosts.filter((_, at) => at % 3 === 0)) index.delete(ghost)
  const left = ghosts.filter((_, at) => at % 3 !== 0)
  for (let look = 0; look < 2_000; look += 1) {
    const range = place(64)
    expect(index.conflict(range, -1) !== null).toBe(left.some((ghost) => overlaps(ghost, range)))
  }
})

/** The error a promise ends with, without moving the clock for it. */
function errorLater(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'it succeeded',
    (error: unknown) => error,
  )
}

function ghostAt(id: string, range: { offset: number; length: number }): Ghost {
  const place = { path: '8:0:0:0', incarnation: 1, device: 'memory', deviceKey: '', bootId: 'boot' }
  const facts = {
    op: 'write',
    reason: 'error',
    bio: null,
    attach: { id: 'a', ...place, final: false },
  } as const
  const state = { openedUs: 0, returnedUs: 0, gate: new Gate(), ending: null, foreign: false, orphan: false }
  return { id, path: place.path, ...facts, ...range, ...state }
}
