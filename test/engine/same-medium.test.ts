// Two disks may say the same wwid. Where an inode cannot tell, blocks do; where those cannot either, the program has to.
import { describe, expect, test } from 'vitest'
import { memoryPath, type MemoryLun } from '../../adapters/paths/memory.ts'
import type { IoRequest, PathDevice } from '../../adapters/ports.ts'
import { isSameMedium, placesCompared } from '../../engine/health/same-medium.ts'
import { describeState } from '../../cli/show/state.ts'
import { paint } from '../../cli/text.ts'
import { foldAll } from '../../store/state/fold.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { fieldsOf } from './device-fields.ts'
import { streamsAt } from './ledger.ts'
import { BLOCK, bytesOf, Rig, testLun, WWID } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const C = '10:0:0:0'

/** As a device behind a server: no inode that could tell, and its medium is nothing that this program holds. */
function behindServer(device: PathDevice): PathDevice {
  const { medium: _, ...fields } = fieldsOf(device)
  return { ...fields, guarantees: { ...fields.guarantees, errorsAreFinal: false } }
}

function written(fill: number): MemoryLun {
  const lun = testLun()
  for (let at = 0; at < lun.medium.length; at += 1) lun.medium[at] = (at * fill) % 251
  return lun
}

/** A device of a LUN behind a server, with what its reads give where a test says so. */
function deviceOf(rig: Rig, hctl: string, lun: MemoryLun, read?: (request: IoRequest) => void): PathDevice {
  const inner = memoryPath(lun, { hctl, clock: rig.clock, latencyUs: 100 })
  const submit: PathDevice['submit'] = (request, done) =>
    inner.submit(request, (completion) => {
      if (request.op === 'read') read?.(request)
      done(completion)
    })
  return { ...behindServer(inner), submit }
}

const sameness = (rig: Rig, hctl: string) => rig.events('path.added', hctl)[0]?.['sameness']

const trusted = (rig: Rig) =>
  streamsAt(rig.memory.rows(), rig.position)[`path/${WWID}/${B}`]?.context['trusted']

/** What `show` says. */
const shown = (rig: Rig) => describeState(foldAll(memoryReader(rig.memory.rows())), paint(false))

describe('F-01: paths of one wwid', () => {
  test('F-01: two media in memory of this process are known to be two', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const other = memoryPath(testLun(), { hctl: B, clock: rig.clock })
    const error = await rig.errorOf(rig.mp.addPath(other))
    expect(error).toMatchObject({
      code: 'PATH_OTHER_MEDIUM',
      why: expect.stringContaining('two media') as string,
    })
    expect(rig.events('engine.pathRefused')).toMatchObject([{ code: 'PATH_OTHER_MEDIUM', hctl: B }])
    // Nobody can answer for what is certain.
    expect(await rig.errorOf(rig.mp.addPath(other, { trustIdentity: true }))).toMatchObject({
      code: 'PATH_OTHER_MEDIUM',
    })
  })

  test('F-01: another part of one file is another medium', async () => {
    const rig = await Rig.open()
    const at = (offset: number) => (device: PathDevice) => ({
      ...fieldsOf(device),
      coherence: { inode: '8:1:99', direct: true },
      facts: { offset },
    })
    await rig.add(A, { wrap: at(0) })
    const other = at(1_048_576)(rig.makePath(B).device)
    expect(await rig.errorOf(rig.mp.addPath(other))).toMatchObject({
      code: 'PATH_OTHER_MEDIUM',
      why: expect.stringContaining('from byte 1048576 on') as string,
    })
    await rig.add(C, { wrap: at(0) })
  })

  test('F-01: where no inode can tell, blocks that differ refuse a path, and blocks that are equal take it', async () => {
    const lun = written(7)
    const rig = await Rig.open({ lun })
    await rig.add(A, { wrap: behindServer })
    expect(await rig.errorOf(rig.mp.addPath(deviceOf(rig, B, written(11))))).toMatchObject({
      code: 'PATH_OTHER_MEDIUM',
      why: expect.stringContaining('blocks differ') as string,
    })
    expect(rig.head.paths).toHaveLength(1)
    await rig.drive(rig.mp.addPath(deviceOf(rig, B, lun)))
    expect([sameness(rig, A), sameness(rig, B)]).toEqual([undefined, 'blocks'])
    rig.expectReplayEqualsLive()
  })

  test('F-01: a difference in the last place alone is found; so is one in the first pages', async () => {
    for (const place of [-BLOCK, 4096 * 3 + 17]) {
      const lun = written(7)
      const rig = await Rig.open({ lun })
      await rig.add(A, { wrap: behindServer })
      const other = written(7)
      other.medium[place < 0 ? other.medium.length + place : place]! ^= 1
      const device = deviceOf(rig, B, other)
      expect(placesCompared(device).length).toBeGreaterThan(16)
      expect(await rig.errorOf(rig.mp.addPath(device))).toMatchObject({ code: 'PATH_OTHER_MEDIUM' })
    }
  })

  test('F-01: blank blocks prove nothing: refused, unless the program answers for it, which the ledger says', async () => {
    const rig = await Rig.open()
    await rig.add(A, { wrap: behindServer })
    const device = deviceOf(rig, B, rig.lun)
    const error = await rig.errorOf(rig.mp.addPath(device))
    expect(error).toMatchObject({
      code: 'PATH_MEDIUM_UNPROVED',
      todo: expect.stringContaining('trustIdentity: true') as string,
    })
    await rig.drive(rig.mp.addPath(device, { trustIdentity: true }))
    expect(sameness(rig, B)).toBe('trusted')
    expect(trusted(rig)).toBe(true)
    expect(shown(rig)).toContain('its identity is taken on trust (trustIdentity)')
    // As soon as there is something to compare nobody need answer for anything.
    await rig.write(0, bytesOf(1, 16 * BLOCK))
    await rig.drive(rig.mp.path(B).remove())
    await rig.drive(rig.mp.addPath(deviceOf(rig, B, rig.lun)))
    expect(trusted(rig)).toBe(false)
    expect(shown(rig)).not.toContain('trustIdentity')
    rig.expectReplayEqualsLive()
  })

  test('F-01: a block that somebody is writing meanwhile is no difference', async () => {
    const lun = written(7)
    const rig = await Rig.open({ lun })
    await rig.add(A, { wrap: behindServer })
    let turn = 0
    const busy = deviceOf(rig, B, lun, ({ offset }) => {
      turn += 1
      if (offset === 0) lun.medium.fill(turn, 0, 512)
    })
    await rig.drive(rig.mp.addPath(busy))
    expect(sameness(rig, B)).toBe('blocks')
  })

  test('F-01: a path that cannot be read, or does not answer in time, is not taken on faith', async () => {
    const lun = written(7)
    const rig = await Rig.open({ lun, probeTimeoutMs: 1_000 })
    await rig.add(A, { wrap: behindServer })
    const hung = rig.makePath(B, { wrap: behindServer })
    hung.hang.enable()
    const from = rig.clock.monoUs()
    expect(await rig.errorOf(rig.mp.addPath(hung.device))).toMatchObject({ code: 'PATH_MEDIUM_UNPROVED' })
    expect((rig.clock.monoUs() - from) / 1000).toBeLessThan(1_100)
    hung.hang.disable()
    hung.fail()
    expect(await rig.errorOf(rig.mp.addPath(hung.device))).toMatchObject({ code: 'PATH_MEDIUM_UNPROVED' })
    hung.heal()
    await rig.drive(rig.mp.addPath(hung.device))
    expect(sameness(rig, B)).toBe('blocks')
  })

  test('F-01: where the first path does not answer, another one is compared with; with none there is no proof', async () => {
    const lun = written(7)
    const rig = await Rig.open({ lun, probeTimeoutMs: 1_000, attemptTimeoutMs: 0 })
    const a = await rig.add(A, { wrap: behindServer })
    await rig.add(B, { wrap: behindServer })
    a.hang.enable()
    await rig.drive(rig.mp.addPath(deviceOf(rig, C, lun)))
    expect(sameness(rig, C)).toBe('blocks')
    a.hang.disable()
    await rig.settle()
  })

  test('F-01: two that are added at once to a LUN that nobody has are compared with each other', async () => {
    const rig = await Rig.open()
    const both = [deviceOf(rig, A, written(7)), deviceOf(rig, B, written(11))]
    const taken = await rig.drive(Promise.allSettled(both.map((device) => rig.mp.addPath(device))))
    expect(taken.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(rig.head.paths).toHaveLength(1)
  })

  test.each(['reinstated by its operator', 'healed'])(
    'F-01: a path that comes back over another medium, %s, is found out before I/O goes there',
    async (how) => {
      const lun = written(7)
      const rig = await Rig.open({ lun, iopolicy: 'round-robin', checker: { minMs: 100, maxMs: 100 } })
      await rig.add(A, { wrap: behindServer })
      let behind = lun
      const swap = (device: PathDevice): PathDevice => ({
        ...behindServer(device),
        submit: (request, done) =>
          device.submit(request, (completion) => {
            if (request.op === 'read' && completion.errno === null)
              request.data?.set(behind.medium.subarray(request.offset, request.offset + request.length))
            done(completion)
          }),
      })
      const b = await rig.add(B, { wrap: swap })
      if (how === 'healed') b.fail()
      else b.path.fail({ reason: 'the server is exchanged' })
      for (let turn = 0; turn < 4; turn += 1) await rig.read(turn * BLOCK)
      behind = written(11)
      b.heal()
      if (how !== 'healed') b.path.reinstate({ reason: 'it is back' })
      const before = b.ios.filter(({ op }) => op === 'read').length
      await rig.pass(1_000)
      for (let turn = 0; turn < 4; turn += 1) await rig.read(turn * BLOCK)
      expect(b.path.usable).toBe(false)
      expect(b.ios.filter(({ op }) => op === 'read').length).toBe(before)
      expect(JSON.stringify(rig.events(how === 'healed' ? 'path.probeFailed' : 'path.failed', B))).toContain(
        'its blocks differ from those of sda:0',
      )
    },
  )
})

test('F-01: after a restart a path that comes back over another inode is told and not taken, by the ledger of the last run', async () => {
  const on = (inode: string) => (device: PathDevice) => {
    const { medium: _, ...fields } = fieldsOf(device)
    return { ...fields, coherence: { inode, direct: true }, facts: { inode } }
  }
  const first = await Rig.open()
  await first.add(A, { wrap: on('8:1:99') })
  const again = (boot = {}) => Rig.open({ rows: first.rows(), lun: first.lun, ...boot })
  const rig = await again()
  const other = rig.makePath(A, { wrap: on('8:1:100') }).device
  expect(await rig.errorOf(rig.mp.addPath(other))).toMatchObject({
    code: 'PATH_OTHER_MEDIUM',
    why: expect.stringContaining('sda:0 rested on inode 8:1:99 in the last run') as string,
  })
  expect(rig.head.lost).toHaveLength(1)
  expect(rig.events('engine.pathRefused')).toMatchObject([{ code: 'PATH_OTHER_MEDIUM' }])
  // It took the place of the other one with the same bytes, from a backup: the program says so.
  await rig.drive(rig.mp.addPath(other, { trustIdentity: true }))
  expect(rig.events('path.added', A).at(-1)?.['sameness']).toBe('trusted')
  // After a boot a file system may have another number; the file in it has not.
  const booted = await again({ boot: { bootId: 'another boot' } })
  const refused = booted.makePath(A, { wrap: on('259:3:100') }).device
  expect(await booted.errorOf(booted.mp.addPath(refused))).toMatchObject({ code: 'PATH_OTHER_MEDIUM' })
  await booted.add(A, { wrap: on('259:3:99') })
})

test('F-01: what only one of two devices says is no proof either way', () => {
  const device = (more: Partial<PathDevice>) =>
    ({
      ...{ coherence: { inode: null, direct: true }, facts: {}, guarantees: { errorsAreFinal: true } },
      ...more,
    }) as unknown as PathDevice
  const inode = (name: string) => ({ coherence: { inode: name, direct: true } })
  expect(isSameMedium(device({}), device(inode('8:1:9')))).toBeNull()
  expect(isSameMedium(device({ medium: {} }), device({}))).toBeNull()
  expect(isSameMedium(device(inode('8:1:9')), device(inode('8:1:9')))).toBe(true)
  expect(isSameMedium(device(inode('8:1:9')), device(inode('8:1:8')))).toBe(false)
})
