// A run that ended without a word, and the next one on its ledger: what was there is there again, its timers by their
// original deadlines, and what was asked and not answered is asked once more.
import { describe, expect, test } from 'vitest'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { foldAll } from '../../store/state/fold.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { expectExplained } from '../explained.ts'
import { SharedLuns } from './lun-storage.ts'
import { BLOCK, bytesOf, Rig, WWID, type RigOptions } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const SECOND = 1_000_000

/** The next run after this one was killed. */
function restart(killed: Rig, more: RigOptions = {}): Promise<Rig> {
  return Rig.open({ rows: killed.rows(), lun: killed.lun, ...more })
}

const unchecked = (more: RigOptions = {}): Promise<Rig> => Rig.open({ checked: false, ...more })

/** A device with a disk sequence number, as a loop device has. */
const withDiskseq =
  (diskseq: number) =>
  (device: PathDevice): PathDevice => ({
    ...{ ...wrapPath(device, (request, done) => device.submit(request, done)), facts: { diskseq } },
  })

const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error as { code: string }).code,
  )

const deadlines = (rows: Rig, stream: string) =>
  foldAll(memoryReader(rows.rows())).streams[stream]?.context['timers'] as Record<string, number>
const pathStream = (hctl: string) => `path/${WWID}/${hctl}`
const HEAD = `head/${WWID}`

describe('a head of a run that was killed', () => {
  test('is back as it was: name, policy, noPathRetry and what it is; its paths are known and lost', async () => {
    const first = await unchecked({ noPathRetry: 3, delayedRemovalMs: 5_000 })
    await first.add(A)
    await first.add(B)
    first.head.setIoPolicy('queue-depth')
    first.head.setNoPathRetry('queue')
    first.head.setDelayedRemoval(7_000)
    await first.settle()

    const rig = await restart(first, { iopolicy: 'round-robin', noPathRetry: 'fail' })
    const { head } = rig
    expect([head.name, head.sizeBytes, head.logicalBlockBytes]).toEqual(['sda', rig.lun.medium.length, BLOCK])
    expect([head.ioPolicy, head.noPathRetry]).toEqual(['queue-depth', 'queue'])
    expect(head.state).toEqual({ life: 'live', service: 'queueing' })
    expect(head.paths).toEqual([])
    expect(head.lost).toEqual([
      { name: 'sda:0', hctl: A },
      { name: 'sda:1', hctl: B },
    ])
    // I/O waits, as the head was told to, and goes on with the first path; the second is still missing.
    const waiting = rig.head.write({ offset: 0, data: bytesOf(5) })
    await rig.settle()
    const b = await rig.add(B)
    await rig.drive(waiting)
    expect(b.path.name).toBe('sda:1')
    expect(head.state.service).toBe('degraded')
    await rig.add(A)
    expect(head.state.service).toBe('serving')
    expect(head.lost).toEqual([])
    expect(rig.rows('head.created')).toHaveLength(1)
  })

  test('gives up what is not attached again within reattachMs, and then goes by its own rules', async () => {
    for (const delayedRemovalMs of [0, 5_000]) {
      const first = await unchecked({ delayedRemovalMs })
      await first.add(A)
      await first.add(B)
      const rig = await restart(first, { reattachMs: 10_000 })
      await rig.pass(9_999)
      expect(rig.head.state.life).toBe('live')
      await rig.pass(1)
      expect(rig.events('path.forgotten')).toHaveLength(2)
      expect(rig.mp.heads.map(({ state }) => state.life)).toEqual(
        delayedRemovalMs === 0 ? [] : ['removalPending'],
      )
      await rig.pass(5_000)
      expect(rig.mp.heads).toEqual([])
      const [fired, forgotten] = [rig.rows('head.timerFired')[0]!, rig.rows('path.forgotten')[0]!]
      expect(forgotten.cause).toBe(fired.position)
      // The LUN and its paths are free for a new life.
      const again = await rig.add(A)
      expect(again.path.state.health).toBe('online')
    }
  })

  test('keeps the paths that did come back', async () => {
    const first = await unchecked()
    await first.add(A)
    await first.add(B)
    const rig = await restart(first, { reattachMs: 10_000 })
    await rig.add(A)
    await rig.pass(20_000)
    expect(rig.head.paths.map(({ hctl }) => hctl)).toEqual([A])
    expect(rig.head.state).toEqual({ life: 'live', service: 'serving' })
    // The index of the one that was given up is free.
    const b = await rig.add('10:0:0:0')
    expect(b.path.name).toBe('sda:1')
  })

  test('a head that was allocated and never became visible is closed, or becomes so with its path', async () => {
    const first = await unchecked()
    await first.add(A)
    const cut = (type: string) => first.rows().findIndex((row) => row.type === type)
    const empty = await Rig.open({ rows: first.rows().slice(0, cut('path.added')), lun: first.lun })
    expect(empty.mp.heads).toEqual([])
    expect(empty.rows('head.closed')).toHaveLength(1)

    const rig = await Rig.open({ rows: first.rows().slice(0, cut('head.published')), lun: first.lun })
    expect(rig.head.state.life).toBe('allocated')
    expect(rig.rows('head.published')).toHaveLength(0)
    await rig.add(A)
    expect(rig.head.state).toEqual({ life: 'live', service: 'serving' })
    expect(rig.rows('head.published')).toHaveLength(1)
  })
})

describe('timers over a restart', () => {
  test('the removal of a head without paths comes at its original deadline, once', async () => {
    const first = await unchecked({ delayedRemovalMs: 60_000 })
    const a = await first.add(A)
    await first.drive(a.path.remove())
    const dueUs = deadlines(first, HEAD)['removal']!
    await first.pass(20_000)
    first.mp.subscribe(() => undefined)

    const rig = await restart(first)
    expect(rig.head.state).toEqual({ life: 'removalPending', service: 'queueing' })
    const parked = outcome(rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.clock.drain(dueUs - 1)
    expect(rig.head.state.life).toBe('removalPending')
    await rig.clock.drain(dueUs)
    expect(await parked).toBe('HEAD_REMOVED')
    expect(rig.mp.heads).toEqual([])
    expect(rig.events('head.timerFired')).toEqual([{ timer: 'removal', dueUs }])
    expect(rig.rows('head.timerFired')[0]!.monoUs).toBe(dueUs)
  })

  test('scenario 15: a path that comes back in the next run cancels it, and the head is kept', async () => {
    const first = await unchecked({ delayedRemovalMs: 60_000 })
    const a = await first.add(A)
    await first.drive(a.path.remove())
    const rig = await restart(first)
    const parked = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.settle()
    // The restart is not what it waits for: who took its path away in the run before is.
    expectExplained(rig.memory, { stream: HEAD }, { kind: 'operator', path: A })
    await rig.add(A)
    await rig.drive(parked)
    await rig.pass(120_000)
    expect(rig.rows('head.created')).toHaveLength(1)
    expect(rig.rows('head.timerFired')).toEqual([])
    expect(rig.head.state).toEqual({ life: 'live', service: 'serving' })
  })

  test('a deadline that passed while no engine ran fires at once, and the event shows both times', async () => {
    const first = await unchecked({ delayedRemovalMs: 5_000 })
    const a = await first.add(A)
    await first.drive(a.path.remove())
    const dueUs = deadlines(first, HEAD)['removal']!
    const late = { monoUs: dueUs + 3_600 * SECOND, wallUs: first.clock.wallUs() + 3_600 * SECOND }
    const rig = await restart(first, { boot: late })
    await rig.pass(0)
    expect(rig.mp.heads).toEqual([])
    const [fired, ...more] = rig.rows('head.timerFired')
    expect(more).toEqual([])
    expect([JSON.parse(fired!.data), fired!.monoUs]).toEqual([{ timer: 'removal', dueUs }, late.monoUs])
  })

  test('also after a clean end: a head that waits goes on waiting, and close() itself leaves no timer', async () => {
    const first = await unchecked({ delayedRemovalMs: 60_000 })
    const a = await first.add(A)
    await first.drive(a.path.remove())
    const dueUs = deadlines(first, HEAD)['removal']!
    await first.drive(first.mp.close())
    expect(first.clock.pendingTimers()).toBe(0)
    const rig = await restart(first)
    expect(rig.events('engine.started').at(-1)).toMatchObject({ unclean: false })
    expect(rig.head.state.life).toBe('removalPending')
    await rig.clock.drain(dueUs)
    expect(rig.mp.heads).toEqual([])
  })

  test('noPathRetry goes on counting where it was', async () => {
    const first = await unchecked({
      noPathRetry: 4,
      noPathCheckMs: 1_000,
      checker: { minMs: 60_000, maxMs: 60_000 },
    })
    const a = await first.add(A)
    a.fail()
    void outcome(first.head.write({ offset: 0, data: bytesOf(1) }))
    await first.pass(2_500)
    const { countdown } = first.head
    expect(countdown?.checksLeft).toBe(2)
    const dueUs = deadlines(first, HEAD)['noPath']!

    const rig = await restart(first, {
      boot: { monoUs: first.clock.monoUs() + 1, wallUs: first.clock.wallUs() + 1 },
    })
    expect(rig.head.countdown?.checksLeft).toBe(2)
    expect(deadlines(rig, HEAD)['noPath']).toBe(dueUs)
    const parked = outcome(rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.clock.drain(dueUs + SECOND - 1)
    expect(rig.head.state.service).toBe('queueing')
    await rig.clock.drain(dueUs + SECOND)
    expect(await parked).toBe('NO_PATH')
    expect(rig.head.state.service).toBe('failing')
  })

  test('a failed path stays failed, and is probed at the deadline it had', async () => {
    const first = await unchecked({ checker: { minMs: 8_000, maxMs: 20_000 } })
    const a = await first.add(A)
    await first.add(B)
    a.fail()
    await first.write(0, bytesOf(1))
    const dueUs = deadlines(first, pathStream(A))['probe']!

    const rig = await restart(first)
    const back = await rig.add(A)
    await rig.add(B)
    expect(back.path.state).toMatchObject({ device: 'running', health: 'failed' })
    expect(back.path.failure).toMatchObject({ errno: 'EIO', op: 'write', offset: 0 })
    await rig.clock.drain(dueUs - 1)
    expect(back.probes).toHaveLength(0)
    await rig.clock.drain(dueUs + SECOND)
    expect(back.path.state.health).toBe('online')
    expect(rig.events('path.timerFired', A)).toEqual([{ timer: 'probe', dueUs }])
  })

  test('a probe that fell due while the path was lost is sent when it is attached, once', async () => {
    const first = await unchecked({ checker: { minMs: 2_000, maxMs: 20_000 } })
    const a = await first.add(A)
    await first.add(B)
    a.fail()
    await first.write(0, bytesOf(1))
    const rig = await restart(first)
    await rig.pass(10_000)
    expect(rig.events('path.timerFired', A)).toHaveLength(1)
    const back = await rig.add(A)
    expect(back.path.state.health).toBe('probing')
    await rig.pass(10)
    expect(back.path.state.health).toBe('online')
    expect(back.probes).toHaveLength(3)
    expect(rig.events('path.timerFired', A)).toHaveLength(1)
  })
})

describe('another boot of the machine', () => {
  const pending = async () => {
    const first = await unchecked({ delayedRemovalMs: 60_000 })
    const a = await first.add(A)
    await first.drive(a.path.remove())
    return { first, wallUs: first.clock.wallUs(), dueUs: deadlines(first, HEAD)['removal']! }
  }

  test('tells deadlines anew, by the wall clock', async () => {
    const { first, wallUs, dueUs } = await pending()
    const leftUs = dueUs - first.clock.monoUs()
    const boot = { bootId: 'another', monoUs: 5 * SECOND, wallUs: wallUs + 20 * SECOND }
    const rig = await restart(first, { boot })
    expect(deadlines(rig, HEAD)['removal']).toBe(5 * SECOND + leftUs - 20 * SECOND)
    await rig.pass(39_999)
    expect(rig.head.state.life).toBe('removalPending')
    await rig.pass(1)
    expect(rig.mp.heads).toEqual([])
  })

  test('a wall clock that was set back does not hang them: never longer than what was left', async () => {
    const { first, wallUs, dueUs } = await pending()
    const leftUs = dueUs - first.clock.monoUs()
    const boot = { bootId: 'another', monoUs: SECOND, wallUs: wallUs - 365 * 86_400 * SECOND }
    const rig = await restart(first, { boot })
    expect(deadlines(rig, HEAD)['removal']).toBe(SECOND + leftUs)
  })

  test('a deadline long past fires at once', async () => {
    const { first, wallUs } = await pending()
    const boot = { bootId: 'another', monoUs: SECOND, wallUs: wallUs + 365 * 86_400 * SECOND }
    const rig = await restart(first, { boot })
    await rig.pass(0)
    expect(rig.mp.heads).toEqual([])
    expect(rig.events('head.timerFired')).toEqual([{ timer: 'removal', dueUs: 0 }])
  })

  test('boots without a name are never taken for the same', async () => {
    const first = await unchecked({
      delayedRemovalMs: 60_000,
      boot: { bootId: 'unknown', monoUs: 1_000 * SECOND },
    })
    const a = await first.add(A)
    await first.drive(a.path.remove())
    const leftUs = deadlines(first, HEAD)['removal']! - first.clock.monoUs()
    const boot = { bootId: 'unknown', monoUs: 2_000 * SECOND, wallUs: first.clock.wallUs() }
    const rig = await restart(first, { boot })
    expect(deadlines(rig, HEAD)['removal']).toBe(2_000 * SECOND + leftUs)
  })
})

describe('a path of a run that was killed', () => {
  test('that an operator had pulled stays pulled, and one under suspicion is probed again', async () => {
    const first = await unchecked({ probeTimeoutMs: 5_000 })
    const a = await first.add(A)
    const b = await first.add(B)
    b.path.fail({ reason: 'out of service' })
    a.error.enable({ errno: 'EIO', op: 'write', count: 1 })
    a.hang.enable({ op: 'read' })
    void outcome(first.head.write({ offset: 0, data: bytesOf(1) }))
    await first.pass(1_000)
    expect(first.rows('path.suspected', A)).toHaveLength(1)

    const rig = await restart(first)
    const [back, pulled] = [await rig.add(A), await rig.add(B)]
    await rig.pass(10)
    expect(pulled.path.state.admin).toBe('disabled')
    expect(back.probes).toHaveLength(1)
    const [cleared] = rig.rows('path.cleared', A)
    expect(cleared?.cause).toBe(rig.rows('path.returned', A)[0]!.position)
  })

  test('that was fenced stays fenced, until it is attached anew', async () => {
    const first = await unchecked({ attemptTimeoutMs: 1_000, fence: async () => 'killed 4242' })
    const a = await first.add(A, { errorsAreFinal: false, wrap: withDiskseq(7) })
    await first.add(B)
    a.hang.enable()
    await first.write(0, bytesOf(1))
    await first.pass(5_000)
    expect(first.events('path.fenced')).toHaveLength(1)

    const rig = await restart(first)
    const back = await rig.add(A, { errorsAreFinal: false, wrap: withDiskseq(7) })
    await rig.add(B)
    await rig.pass(60_000)
    expect(back.path.state.health).toBe('failed')
    expect(back.probes).toEqual([])

    const next = await restart(rig)
    const anew = await next.add(A, { errorsAreFinal: false, wrap: withDiskseq(8) })
    expect(anew.path.state.health).toBe('online')
    expect(next.events('path.forgotten')).toEqual([{ why: 'another attach: diskseq was 7 and is 8' }])
  })

  test('is compared with what is there: the same device goes on, and what changed of it is told', async () => {
    const first = await unchecked()
    const a = await first.add(A, { wrap: withDiskseq(7) })
    a.fail()
    await first.add(B)
    await first.write(0, bytesOf(1))
    const rig = await restart(first)
    const renamed = (device: PathDevice): PathDevice => ({ ...withDiskseq(7)(device), device: '/dev/loop9' })
    const back = await rig.add(A, { wrap: renamed })
    expect(back.path.state.health).toBe('failed')
    expect(rig.events('path.returned')).toEqual([
      expect.objectContaining({ changed: ['device was memory memory and is memory /dev/loop9'] }),
    ])
    const { context } = foldAll(memoryReader(rig.rows())).streams[pathStream(A)]!
    expect(context).toMatchObject({ device: 'memory /dev/loop9', incarnation: 2, lost: false, present: true })
  })

  test('after another boot a disk sequence number says nothing: it is a new attach', async () => {
    const first = await unchecked()
    await first.add(A, { wrap: withDiskseq(7) })
    const rig = await restart(first, { boot: { bootId: 'another' } })
    await rig.add(A, { wrap: withDiskseq(7) })
    expect(rig.rows('path.returned')).toEqual([])
    expect(rig.rows('path.added')).toHaveLength(2)
  })

  test('of another size is not taken: the head is that of the LUN as it was', async () => {
    const first = await unchecked()
    await first.add(A)
    const rig = await restart(first)
    const smaller = (device: PathDevice): PathDevice => ({
      ...wrapPath(device, (request, done) => device.submit(request, done)),
      geometry: { ...device.geometry, sizeBytes: device.geometry.sizeBytes / 2 },
    })
    const made = rig.makePath(A, { wrap: smaller })
    expect(await rig.errorOf(rig.mp.addPath(made.device))).toMatchObject({ code: 'PATH_SIZE_MISMATCH' })
    expect(rig.head.lost).toHaveLength(1)
  })

  test('has the access state it had, unless it is told another', async () => {
    const first = await unchecked()
    const [a, b] = [await first.add(A), await first.add(B)]
    a.path.setAccessState('standby')
    b.path.setAccessState('standby')
    await first.settle()
    const rig = await restart(first)
    expect((await rig.add(A)).path.state.access).toBe('standby')
    expect((await rig.add(B, { access: 'active' })).path.state.access).toBe('active')
  })

  test('a fence that was not answered runs again when the path is there', async () => {
    const luns = new SharedLuns()
    const first = await unchecked({
      luns,
      attemptTimeoutMs: 1_000,
      fence: () => new Promise<string>(() => undefined),
    })
    const a = await first.add(A, { errorsAreFinal: false })
    await first.add(B)
    a.hang.enable()
    void outcome(first.head.write({ offset: 0, data: bytesOf(1) }))
    await first.pass(4_000)
    expect(first.events('lun.ghostsOpened')).toHaveLength(1)

    const fenced: string[] = []
    const fence = async ({ hctl }: { hctl: string }) => {
      fenced.push(hctl)
      return 'killed 4242'
    }
    const rig = await restart(first, { luns, fence })
    const back = await rig.add(A, { errorsAreFinal: false })
    back.hang.enable()
    await rig.add(B)
    await rig.pass(100)
    expect(fenced).toEqual([A])
    expect(back.path.state.health).toBe('failed')
    expect(rig.events('path.fenced')).toEqual([{ detail: 'killed 4242' }])
  })
})

describe('a crash between the two records of a ghost', () => {
  const ghosting = { attemptTimeoutMs: 1_000, ghostQuiesceMs: 0 }
  const ghostsOf = (rig: Rig) => foldAll(memoryReader(rig.rows())).streams[`lun/${WWID}`]?.context['ghosts']

  test('opened on the ledger alone: the whole LUN is held for it, and the count comes out right', async () => {
    const luns = new SharedLuns()
    const first = await unchecked({ luns, ...ghosting })
    const a = await first.add(A, { errorsAreFinal: false })
    await first.add(B)
    a.hang.enable()
    luns.deaf = true
    void outcome(first.head.write({ offset: 0, data: bytesOf(1) }))
    await first.pass(4_000)
    expect([first.events('lun.ghostsOpened').length, luns.ghosts.size]).toEqual([1, 0])

    const rig = await restart(first, { luns, ...ghosting })
    await rig.add(B)
    // Of A and of B nothing is known: both may have had writes in flight.
    expect(rig.mp.ghosts.map(({ path, reason }) => [path, reason])).toEqual([
      [A, 'unclean'],
      [B, 'unclean'],
    ])
    expect(rig.events('lun.ghostsSuperseded')).toHaveLength(1)
    expect(ghostsOf(rig)).toBe(2)
    rig.mp.releaseGhosts({ reason: 'a test' })
    await rig.settle()
    expect([ghostsOf(rig), luns.ghosts.size]).toEqual([0, 0])
  })

  test('ended on the ledger alone: it does not hold anything again, and is ended in the storage, once', async () => {
    const luns = new SharedLuns()
    const first = await unchecked({ luns, ...ghosting })
    const a = await first.add(A, { errorsAreFinal: false })
    await first.add(B)
    a.hang.enable()
    const late = outcome(first.head.write({ offset: 0, data: bytesOf(1) }))
    await first.pass(4_000)
    expect([await late, luns.ghosts.size]).toEqual(['ok', 1])
    luns.deaf = true
    a.hang.disable()
    await first.pass(1_000)
    expect([first.events('lun.ghostsEnded').length, luns.ghosts.size]).toEqual([1, 1])

    luns.attachments = []
    const rig = await restart(first, { luns, ...ghosting })
    await rig.add(B)
    await rig.settle()
    expect([rig.mp.ghosts, luns.ghosts.size]).toEqual([[], 0])
    await rig.write(0, bytesOf(2))
    expect(rig.events('lun.ghostsEnded')).toHaveLength(1)
  })
})
