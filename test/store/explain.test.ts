// Explanations: from what somebody sees to the first evidence, whatever it was that went wrong.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../machines/events.ts'
import { isDisabled } from '../../machines/predicates.ts'
import type { PathValue } from '../../machines/words.ts'
import { EVENT_TYPES } from '../../machines/registry.ts'
import { explain } from '../../store/explain/explain.ts'
import { History } from '../../store/explain/history.ts'
import { SENTENCES } from '../../store/explain/sentences.ts'
import { stateAt } from '../../store/state/fold.ts'
import { memoryReader, memoryStore } from '../../store/write/memory-store.ts'
import type { LedgerReader, NewEvent, StoredEvent } from '../../store/types.ts'
import { bytesOf, Rig, testLun, WWID } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'
import { STORIES } from '../histories/stories.ts'
import { added, EVIDENCE, failed, HEAD as SCRIBED, HEADER, PATH_A, Scribe } from './events.ts'
import { histories } from './random-histories.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const
const path = (hctl: string) => ({ stream: `path/${WWID}/${hctl}` })
const HEAD = { stream: `head/${WWID}` }

test('a path that its operator pulled: who, and in his words', async () => {
  const rig = await Rig.open()
  const a = await rig.add(A)
  await rig.add(B)
  a.path.fail({ actor: 'operator:1000', reason: 'cable swap' })
  await rig.settle()
  const root = { kind: 'operator', actor: 'operator:1000', reason: 'cable swap', path: A } as const
  const { symptom, advice } = expectExplained(rig.memory, path(A), root)
  expect(symptom).toBe('sda:0 was disabled by its operator and has not been enabled again.')
  expect(advice).toContain('path reinstate')
  expectExplained(rig.memory, HEAD, root)
})

test('a path that failed and was pulled afterwards: the failure first, the operator beside it', async () => {
  const rig = await Rig.open()
  const a = await rig.add(A)
  await rig.add(B)
  a.fail({ errno: 'ENOLINK' })
  await rig.write(0, bytesOf(1))
  a.path.fail({ actor: 'operator:0', reason: 'enough' })
  await rig.settle()
  const root = { kind: 'pathError', errno: 'ENOLINK', status: 'TRANSPORT', op: 'write', offset: 0 } as const
  const { chain, also } = expectExplained(rig.memory, path(A), root)
  expect(chain.map(({ type }) => type)).toEqual(['path.failed', 'path.suspected'])
  expect(chain[1]?.says).toBe(
    'sda:0 answered a write of 512 bytes at offset 0 with ENOLINK (TRANSPORT): it came under suspicion, and the I/O was sent again.',
  )
  expect(also).toEqual([expect.stringContaining('sda:0 was disabled by its operator')])
})

test('a path that hangs: no errno of the device, but the time that ran out', async () => {
  const rig = await Rig.open({ attemptTimeoutMs: 1_000, probeTimeoutMs: 500 })
  const a = await rig.add(A, { errorsAreFinal: false })
  await rig.add(B)
  a.hang.enable()
  const write = rig.head.write({ offset: 4096, data: bytesOf(1) })
  await rig.drive(write)
  const root = {
    kind: 'pathError',
    errno: 'ETIMEDOUT',
    status: 'TIMEOUT',
    op: 'write',
    offset: 4096,
  } as const
  const { advice } = expectExplained(rig.memory, path(A), root)
  expect(advice).toContain('hangs rather than fails')
  // The write may still land: the head says so as well.
  expect(expectExplained(rig.memory, HEAD, root).also).toEqual([
    expect.stringMatching(/1 attempt on 8:0:0:0 may still land: it was not answered in time/),
  ])
  a.hang.disable()
  await rig.pass(10_000)
})

test('a suspicion whose verdict is out, and an error that was nobody’s path', async () => {
  const rig = await Rig.open()
  const a = await rig.add(A)
  await rig.add(B)
  a.fail({ errno: 'EIO', op: 'write', count: 1 })
  await rig.write(512, bytesOf(1))
  const [suspected] = rig.rows('path.suspected')
  const root = { kind: 'pathError', errno: 'EIO', op: 'write', offset: 512, path: A } as const
  const then = expectExplained(rig.memory, path(A), root, suspected!.position)
  expect(then).toMatchObject({ now: true, symptom: expect.stringContaining('under suspicion') as unknown })
  await rig.pass(1_000)
  expect(expectExplained(rig.memory, path(A), root)).toMatchObject({ now: false })
})

test('a flush that was lost, and the path that lost it', async () => {
  const rig = await Rig.open()
  const a = await rig.add(A)
  a.fail({ errno: 'EIO', op: 'flush', count: 1 })
  await rig.errorOf(rig.head.flush())
  expectExplained(rig.memory, HEAD, { kind: 'lunError', op: 'flush', errno: 'EIO', path: A })
})

test('a head whose time without a path ran out, and one whose run ended without a word', async () => {
  const rig = await Rig.open({ delayedRemovalMs: 5_000 })
  const a = await rig.add(A)
  await rig.drive(a.path.remove({ actor: 'operator:0', reason: 'moved' }))
  await rig.pass(6_000)
  const { chain: way, advice } = expectExplained(rig.memory, HEAD, {
    ...{ kind: 'operator', reason: 'moved', path: A, timer: 'removal' },
  })
  expect(way.map(({ type }) => type)).toEqual(['head.timerFired', 'head.pathsChanged', 'path.removed'])
  expect(advice).toContain("The timer 'removal' ran out over it")
  expectExplained(rig.memory, path(A), { kind: 'operator', reason: 'moved' })

  const rows = await STORIES['1-queueing']!()
  const unclean = rows.find(({ type, data }) => type === 'engine.started' && data.includes('"unclean":true'))!
  const gone = rows.find(({ type, cause }) => type === 'path.lost' && cause === unclean.position)!
  const root = { kind: 'engine', position: unclean.position } as const
  const { chain } = expectExplained(memoryReader(rows), { stream: gone.stream }, root, gone.position)
  expect(chain.at(-1)?.says).toBe('The engine started, after a run that ended without closing.')
})

test('paths of one adapter that failed together: look at the adapter first', async () => {
  const scribe = new Scribe()
  const streams = ['8:0:0:0', '8:0:0:1'].map((hctl, at) => ({ stream: `path/w/${hctl}`, at, hctl }))
  const events = [
    ...streams.map(({ stream, at, hctl }) => scribe.event(stream, 'path.added', added(hctl, at))),
    ...streams.map(({ stream }) => scribe.event(stream, 'path.failed', failed())),
  ]
  const store = memoryStore({ header: HEADER })
  await store.append({ events })
  const { also } = expectExplained(store, { stream: 'path/w/8:0:0:0' }, { ...EVIDENCE, kind: 'pathError' })
  expect(also).toEqual([
    'sda:0, sda:1 failed within two seconds: all 2 paths of adapter 8. No other path was left to compare them with.',
  ])
})

test('a path that is held back: what it failed by, and how its I/O comes back', async () => {
  const rig = await Rig.open({ failback: 'manual' })
  const a = await rig.add(A)
  await rig.add(B)
  a.fail({ errno: 'EIO' })
  await rig.write(0, bytesOf(1))
  a.heal()
  await rig.pass(10_000)
  expect(a.path.flags.heldBack).toBe(true)
  const root = { kind: 'pathError', errno: 'EIO', op: 'write', path: A } as const
  const { symptom, advice, now } = expectExplained(rig.memory, path(A), root)
  expect([symptom, now]).toEqual([
    'sda:0 is back and does not take its I/O yet: it waits for its failback.',
    true,
  ])
  expect(advice).toContain('`pathledger path prefer sda:0`')
  expect(expectExplained(rig.memory, HEAD, root).also).toEqual([
    expect.stringContaining('waits for its failback'),
  ])
})

test('a path that its operator pulled and that is used all the same: what failed instead, and the other word beside it', async () => {
  const rig = await Rig.open({ restoreOnError: true })
  const a = await rig.add(A)
  const b = await rig.add(B)
  a.path.fail({ actor: 'operator:1000', reason: 'cable swap' })
  await rig.settle()
  b.fail({ errno: 'ENOLINK' })
  await rig.write(0, bytesOf(1))
  const root = { kind: 'pathError', errno: 'ENOLINK', path: B } as const
  const { symptom, now } = expectExplained(rig.memory, path(A), root)
  expect([symptom, now]).toEqual([
    'sda:0 was disabled by its operator, but is used because every other path failed.',
    true,
  ])
})

test('a check of a path that is well finds the error: it is the first evidence, not what real I/O met later', async () => {
  const rig = await Rig.open({ checker: { minMs: 100, maxMs: 400, healthyMaxMs: 1_000 } })
  const a = await rig.add(A)
  await rig.add(B)
  a.fail({ errno: 'EIO' })
  await rig.pass(5_000)
  const { chain } = expectExplained(rig.memory, path(A), {
    kind: 'pathError',
    op: 'read',
    errno: 'EIO',
    path: A,
  })
  expect(chain.map(({ type }) => type)).toEqual(['path.failed', 'path.suspected', 'path.checkFailed'])
})

test('a loss that ran out in the next run: from the removal over the restart back to the error in the run before', async () => {
  const loss = { lossSeconds: 60, reconnectSeconds: 1, fastFailSeconds: 0 }
  const first = await Rig.open({ loss, checked: false })
  const a = await first.add(A)
  await first.add(B)
  a.fail({ errno: 'EIO' })
  await first.write(0, bytesOf(1))
  const rig = await Rig.open({ loss, reattachMs: 600_000, rows: first.rows(), lun: first.lun })
  await rig.add(B)
  await rig.pass(120_000)
  expect(rig.rows('path.forgotten', A)).toHaveLength(1)
  const root = { kind: 'pathError', errno: 'EIO', op: 'write', path: A } as const
  const [forgotten] = rig.rows('path.forgotten', A)
  const chain = new History(rig.memory, rig.position).causes(
    new History(rig.memory, rig.position).at(forgotten!.position)!,
  )
  expect(chain.map(({ type }) => type)).toEqual([
    ...['path.forgotten', 'path.timerFired', 'path.failed', 'path.suspected'],
  ])
  expect(chain.at(-1)?.data).toMatchObject({ errno: root.errno, op: root.op })
})

test('a device that was refused is told of, though it never became a path', async () => {
  const rig = await Rig.open()
  await rig.add(A)
  const other = rig.makePath(B, { lun: testLun({ sizeBytes: 512 * 1024 }) })
  expect((await rig.errorOf(rig.mp.addPath(other.device))).code).toBe('PATH_SIZE_MISMATCH')
  const { symptom, chain } = expectExplained(rig.memory, path(B), { kind: 'refused', path: B })
  expect(symptom).toBe('9:0:0:0 is no path: what was found there was refused.')
  expect(chain[0]?.says).toContain('PATH_SIZE_MISMATCH')
})

test('every event that a chain can end at or go through has a sentence of its own', () => {
  // Figures and settings: nothing follows from them that anybody asks about.
  const untold =
    /Sampled|ioTraced|ioParked|ountersSet|episodeEnded|ueventAsked|transitionRefused|(iopolicy|noPathRetry|delayedRemoval|tracing)Changed|failbackSet|quantumSet|lun\.found|pathUngrouped|ghostsSuperseded|reservation\.(pathRegistered|acknowledged|settled|attentionsHeard)|ledger\.(header|segmentClosed|repaired)/
  const silent = [...EVENT_TYPES.keys()].filter((type) => SENTENCES[type] === undefined && !untold.test(type))
  expect(silent).toEqual([])
})

describe('as a ledger tells it that was written by hand', () => {
  const told = async (make: (scribe: Scribe) => readonly NewEvent[]) => {
    const store = memoryStore({ header: HEADER })
    await store.append({ events: make(new Scribe()) })
    return store
  }
  const PATH = { stream: PATH_A }
  const traced = {
    ...{ bio: 7, node: 0, op: 'write', fua: false, offset: 0, length: 512, status: 'OK', errno: null },
    ...{ startedUs: 1, tookUs: 900, parkedUs: 0, dropped: 0 },
  }

  test('a path that is going away is used last, and says since when', async () => {
    const store = await told((scribe) => [
      scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)),
      scribe.event(PATH_A, 'path.goingAway', { why: 'the slot button' }),
      scribe.event(PATH_A, 'path.accessChanged', { access: 'active', preferred: false, why: 'asked' }),
    ])
    const { symptom, chain, now } = expectExplained(store, PATH, { kind: 'deviceState', position: 3 })
    expect([symptom, now]).toEqual(['sda:0 is going away: it is used last.', true])
    expect(chain[0]?.says).toBe('sda:0 is going away: the slot button.')
  })

  test('a position behind the end is the end', async () => {
    const store = await told((scribe) => [scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0))])
    expect(explain(store, PATH, { position: 999 })).toEqual(explain(store, PATH, { position: 2 }))
  })

  test('a failure whose decision was changed into none is a trouble without an end', async () => {
    const store = await told((scribe) => {
      const events = [
        scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)),
        scribe.event(PATH_A, 'path.failed', failed()),
      ]
      return [events[0]!, { ...events[1]!, decision: events[1]!.decision.replace('"failed"', '"online"') }]
    })
    expect(explain(store, PATH, { position: 3 }).symptom).toBe('sda:0 is well now. Its last trouble ended.')
  })

  test('a state of a head that it does not know is told in its own word', async () => {
    const store = await told((scribe) => {
      const event = scribe.event(HEAD.stream, 'head.closed', { why: 'asked' })
      return [{ ...event, decision: JSON.stringify({ state: { life: 'live', service: 'resting' } }) }]
    })
    expect(explain(store, HEAD, { position: 2 }).symptom).toMatch(/ resting\.$/)
  })

  test('of two I/Os with one number it is the later one', async () => {
    const data = { bio: 7, path: 'sda:0', evidence: { ...EVIDENCE, op: 'read' } }
    const store = await told((scribe) => [
      scribe.event(`lun/${WWID}`, 'lun.ioFailed', { ...data, evidence: EVIDENCE }),
      scribe.event(`lun/${WWID}`, 'lun.ioFailed', data),
    ])
    expectExplained(store, { io: 7 }, { kind: 'lunError', op: 'read', position: 3 })
  })

  test('an I/O that waited and was not answered in time, on a path of which nothing else is known', async () => {
    const attempt = {
      path: '8:0:0:0',
      incarnation: 1,
      startedUs: 5,
      tookUs: 800,
      status: 'TIMEOUT',
      errno: null,
    }
    const data = { ...traced, status: 'TIMEOUT', parkedUs: 100, attempts: [attempt] }
    const store = await told((scribe) => [scribe.event(SCRIBED, 'head.ioTraced', data)])
    const { symptom, chain } = explain(store, { io: 7 }, { position: 2 })
    expect(symptom).toBe(
      'I/O 7, a write of 512 bytes at offset 0, failed with TIMEOUT after 900 us. It waited 100 us of that for a path.',
    )
    expect(chain).toHaveLength(1)
    expect(chain[0]?.says).toMatch(/did not answer .* in time after 800 us\.$/)
  })

  test('an I/O that its path refused before anything else went wrong there: the trouble that came of it', async () => {
    const attempt = {
      path: '8:0:0:0',
      incarnation: 1,
      startedUs: 5,
      tookUs: 8,
      status: 'IOERR',
      errno: 'EIO',
    }
    const store = await told((scribe) => [
      scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)),
      scribe.event(PATH_A, 'path.failed', failed()),
      scribe.event(SCRIBED, 'head.ioTraced', { ...traced, attempts: [attempt] }),
    ])
    expectExplained(store, { io: 7 }, { kind: 'pathError', errno: 'EIO', position: 3 })
  })
})

describe('what the ledger does not tell of', () => {
  test('is refused, with the reason', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const refusal = (target: Parameters<typeof explain>[1], position = rig.position) => {
      try {
        explain(rig.memory, target, { position })
      } catch (error) {
        return (error as { code: string }).code
      }
      return 'none'
    }
    expect(refusal(path('7:7:7:7'))).toBe('EXPLAIN_UNKNOWN')
    expect(refusal({ stream: 'head/naa.none' })).toBe('EXPLAIN_UNKNOWN')
    expect(refusal(path(A), 1)).toBe('EXPLAIN_UNKNOWN')
    expect(refusal({ io: 1 })).toBe('IO_NOT_TRACED')
  })
})

describe('over random histories', () => {
  let all: ReadonlyMap<string, readonly StoredEvent[]>
  beforeAll(async () => {
    all = await histories()
  }, 60_000)

  /** Whether another device was found where a failed path was: no I/O is the evidence of that. */
  function isAnotherDevice(rows: readonly StoredEvent[], stream: string, position: number): boolean {
    const last = rows
      .slice(0, position)
      .findLast((row) => row.stream === stream && /^path\.(failed|probeFailed)$/.test(row.type))
    return last !== undefined && /"(verdict|found)":"identity"/.test(last.data)
  }

  /** First evidence by the machine's own memory of it. */
  function evidenceByHand(reader: LedgerReader, stream: string, position: number): Evidence | null {
    const at = stateAt(reader, { position }).streams[stream]
    const value = at?.value as unknown as PathValue | undefined
    if (at === undefined || value === undefined || value.device === 'deleted') return null
    const onlyHealth = isDisabled(value) && !isDisabled({ ...value, health: 'online' })
    return onlyHealth ? (at.context['failure'] as Evidence | null) : null
  }

  function explainAll(reader: LedgerReader, rows: readonly StoredEvent[], position: number): number {
    const streams = new Set(rows.slice(0, position).map(({ stream }) => stream))
    const asked = [...streams].filter((stream) => /^(path|head)\//.test(stream))
    const evidence = asked.map((stream) => evidenceByHand(reader, stream, position))
    for (const [at, stream] of asked.entries()) {
      const found = evidence[at] ?? null
      const identity = isAnotherDevice(rows, stream, position)
      const ofIo = identity
        ? { kind: 'identity' as const, op: null }
        : { ...found, kind: 'pathError' as const }
      const expected = found === null ? {} : ofIo
      expectExplained(reader, { stream }, expected, position)
    }
    return evidence.filter((found) => found !== null).length
  }

  test('every failed path is explained by its first evidence, and everything else by something', () => {
    let explained = 0
    for (const rows of all.values()) {
      const reader = memoryReader(rows)
      for (let position = 10; position <= rows.length; position += 23) {
        explained += explainAll(reader, rows, position)
      }
    }
    expect(explained).toBeGreaterThan(50)
  })
})
