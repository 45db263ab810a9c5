// Tracing of single I/Os: what is told of each, which ones are, and that nothing is lost where the ledger has no room.
import { describe, expect, test } from 'vitest'
import { explain } from '../../store/explain/explain.ts'
import type { Append, LedgerStore } from '../../store/types.ts'
import { blockPath } from '../../store/audit/index.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { invariants } from '../../store/audit/index.ts'
import { writeLedger } from '../store/random-histories.ts'
import { tempFiles } from '../store/tmp.ts'
import { bytesOf, Rig, WWID } from './rig.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const
const tempFile = tempFiles()

interface Traced {
  readonly bio: number
  readonly op: string
  readonly offset: number
  readonly tookUs: number
  readonly parkedUs: number
  readonly status: string
  readonly errno: string | null
  readonly attempts: readonly { path: string; status: string; errno: string | null; tookUs: number }[]
  readonly dropped: number
}

const traced = (rig: Rig) => rig.events('head.ioTraced') as unknown as Traced[]

describe('a traced I/O', () => {
  test('tells every attempt with its path, its time and its answer', async () => {
    const rig = await Rig.open({ ioTrace: 'full' })
    const a = await rig.add(A, { latencyUs: 100 })
    await rig.add(B, { latencyUs: 300 })
    await rig.write(512, bytesOf(1))
    a.fail({ errno: 'ENOLINK', op: 'write' })
    await rig.write(1024, bytesOf(2))
    await rig.settle()
    const [first, second] = traced(rig)
    expect(first).toMatchObject({ bio: 1, op: 'write', offset: 512, tookUs: 100, status: 'OK', parkedUs: 0 })
    expect(first!.attempts).toMatchObject([{ path: A, incarnation: 1, status: 'OK', tookUs: 100 }])
    expect(second!.attempts).toMatchObject([
      { path: A, status: 'TRANSPORT', errno: 'ENOLINK' },
      { path: B, status: 'OK', errno: null, tookUs: 300 },
    ])
    expect(second).toMatchObject({ bio: 2, status: 'OK', errno: null })
    // Nobody is told of one, and then the next: numbers are those that errors on the ledger name.
    const root = explain(rig.memory, { io: 2 }, { position: rig.position }).root
    expect(root).toMatchObject({ kind: 'pathError', errno: 'ENOLINK', path: A, incarnation: 1, offset: 1024 })
    const well = explain(rig.memory, { io: 1 }, { position: rig.position })
    expect(well).toMatchObject({ root: { kind: 'nothing' }, now: false })
    expect(well.chain[0]?.says).toBe(
      "sda:0 took it after 100 us. Chosen by numa: it was the node's cached path (rank 0, 2 paths usable).",
    )
  })

  test('tells how long it waited for a path, also when it waits still', async () => {
    const rig = await Rig.open({ ioTrace: 'full', noPathRetry: 'queue' })
    const a = await rig.add(A)
    a.path.fail({ actor: 'operator:0', reason: 'cable' })
    const write = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.pass(250)
    expect(rig.events('head.ioParked')).toEqual([{ bio: 1, op: 'write', offset: 0, length: 512 }])
    expect(traced(rig)).toEqual([])
    a.path.reinstate({ actor: 'operator:0', reason: 'cable swapped' })
    await rig.drive(write)
    await rig.settle()
    expect(traced(rig)).toMatchObject([{ bio: 1, parkedUs: 250_000, status: 'OK' }])
  })

  test('that found no path is explained by what the head explains', async () => {
    const rig = await Rig.open({ ioTrace: 'full', noPathRetry: 'fail' })
    const a = await rig.add(A)
    a.path.fail({ actor: 'operator:0', reason: 'cable' })
    await rig.errorOf(rig.head.read({ offset: 0, length: 512 }))
    await rig.settle()
    expect(traced(rig)).toMatchObject([{ status: 'NO_PATH', attempts: [] }])
    const { root, symptom } = explain(rig.memory, { io: 1 }, { position: rig.position })
    expect(root).toMatchObject({ kind: 'operator', reason: 'cable', path: A })
    expect(symptom).toContain('failed with NO_PATH')
  })

  test('that hung is told with the time it was given, and its path', async () => {
    const rig = await Rig.open({ ioTrace: 'full', attemptTimeoutMs: 1_000 })
    const a = await rig.add(A, { errorsAreFinal: false })
    await rig.add(B)
    a.hang.enable()
    await rig.drive(rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.settle()
    const [trace] = traced(rig)
    expect(trace!.attempts[0]).toMatchObject({
      path: A,
      status: 'TIMEOUT',
      errno: 'ETIMEDOUT',
      tookUs: 1_000_000,
    })
    a.hang.disable()
    await rig.pass(10_000)
  })
})

describe('which I/Os are traced', () => {
  test('none by default, and nothing of it is on the ledger', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    for (let turn = 0; turn < 20; turn += 1) await rig.write(0, bytesOf(turn))
    expect(rig.head.tracing.mode).toBe('off')
    expect(traced(rig)).toEqual([])
  })

  test('each fourth; so many a second; all; switched by head, by its operator', async () => {
    const rig = await Rig.open({ ioTrace: 'sampled', ioTraceEvery: 4 })
    await rig.add(A, { latencyUs: 1_000 })
    for (let turn = 0; turn < 10; turn += 1) await rig.write(0, bytesOf(turn))
    await rig.settle()
    expect(traced(rig).map(({ bio }) => bio)).toEqual([1, 5, 9])
    rig.head.setTracing({ mode: 'bounded', perSecond: 3 }, { actor: 'operator:0', reason: 'a closer look' })
    for (let turn = 0; turn < 10; turn += 1) await rig.write(0, bytesOf(turn))
    await rig.pass(1_000)
    for (let turn = 0; turn < 10; turn += 1) await rig.write(0, bytesOf(turn))
    await rig.settle()
    expect(traced(rig).map(({ bio }) => bio)).toEqual([1, 5, 9, 11, 12, 13, 21, 22, 23])
    rig.head.setTracing({ mode: 'off' })
    await rig.write(0, bytesOf(1))
    await rig.settle()
    expect(traced(rig)).toHaveLength(9)
    expect(rig.rows('head.tracingChanged')).toMatchObject([
      { actor: 'operator:0', reason: 'a closer look' },
      { actor: 'operator' },
    ])
    expect(() => rig.head.setTracing({ mode: 'some' as never })).toThrow(
      expect.objectContaining({ code: 'TRACING_INVALID' }),
    )
    expect(() => rig.head.setTracing({ every: 0 })).toThrow(
      expect.objectContaining({ code: 'TRACING_INVALID' }),
    )
  })

  test('where the ledger has no room they are dropped, counted, and nothing stops', async () => {
    let open: (() => void) | null = null
    const rig = await Rig.open({
      ioTrace: 'full',
      ledgerPendingMax: 40,
      ledgerStallMs: 600_000,
      store: (inner): LedgerStore => ({
        ...inner,
        append: async (append: Append) => {
          const [event] = append.events
          if (event?.type === 'head.ioTraced' && open === null) await new Promise<void>((go) => (open = go))
          return inner.append(append)
        },
      }),
    })
    await rig.add(A)
    for (let turn = 0; turn < 100; turn += 1) await rig.write(0, bytesOf(turn))
    open!()
    await rig.pass(100)
    await rig.write(0, bytesOf(1))
    await rig.settle()
    const all = traced(rig)
    expect(all.length).toBeLessThan(60)
    expect(all.reduce((sum, { dropped }) => sum + dropped, 0)).toBe(101 - all.length)
    expect(rig.mp.broken).toBeNull()
  })
})

test('which path served a block, and that no traced I/O went where none may: asked of the ledger', async () => {
  const rig = await Rig.open({ ioTrace: 'full', noPathRetry: 'queue', iopolicy: 'round-robin' })
  const a = await rig.add(A)
  await rig.add(B)
  for (let turn = 0; turn < 6; turn += 1) await rig.write(512 * turn, bytesOf(turn))
  a.fail({ errno: 'EIO' })
  for (let turn = 0; turn < 6; turn += 1) await rig.write(512 * turn, bytesOf(turn + 1))
  rig.mp.path(B).fail({ actor: 'operator:0', reason: 'both' })
  const write = rig.head.write({ offset: 512, data: bytesOf(9) })
  await rig.pass(100)
  rig.mp.path(B).reinstate({ actor: 'operator:0', reason: 'one' })
  await rig.drive(write)
  await rig.end()
  const file = tempFile()
  writeLedger(file, rig.memory.rows())
  const reader = openLedgerReader(file)
  const byHand = (rig.events('head.ioTraced') as unknown as (Traced & { length: number })[]).filter(
    ({ offset, length }) => offset < 1536 && offset + length > 512,
  )
  const rows = blockPath(reader, { head: `head/${WWID}`, offset: 512, length: 1024 })
  expect(rows.map(({ bio, servedBy, attempts }) => ({ bio, servedBy, attempts }))).toEqual(
    byHand.map(({ bio, attempts }) => ({
      ...{ bio, attempts },
      servedBy: attempts.findLast(({ status }) => status === 'OK')?.path ?? null,
    })),
  )
  expect(rows.length).toBeGreaterThan(4)
  expect(new Set(rows.map(({ servedBy }) => servedBy))).toEqual(new Set([A, B]))
  const held = invariants(reader).filter(({ invariant }) => /no-io|requeues/.test(invariant))
  expect(held).toEqual([
    { invariant: 'no-io-to-disabled-paths', checked: 14, violated: 0, firstPosition: null },
    { invariant: 'requeues-end', checked: 1, violated: 0, firstPosition: null },
  ])
  reader.close()
})
