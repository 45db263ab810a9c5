// The engine and a ledger that is slow, full, hung, or not its own any more.
import { describe, expect, test } from 'vitest'
import { foldAll } from '../../store/state/fold.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { FaultyStore, type StoreMode } from './faulty-store.ts'
import { BLOCK, bytesOf, Rig, WWID, type RigOptions } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'

async function openFaulty(options: RigOptions = {}): Promise<{ rig: Rig; store: FaultyStore }> {
  const made: FaultyStore[] = []
  const rig = await Rig.open({
    ...options,
    store: (inner) => {
      const store = new FaultyStore(inner)
      made.push(store)
      return store
    },
  })
  return { rig, store: made[0]! }
}

/** F-09: an engine whose last events never reached the ledger is closed, and does not say that all is well. */
async function closesIncomplete(rig: Rig): Promise<void> {
  const error = await rig.errorOf(rig.mp.close())
  expect(error).toMatchObject({ code: 'CLOSE_INCOMPLETE', outcome: 'unknown' })
  expect(error.details['events']).toBeGreaterThan(0)
  expect(() => rig.mp.watch({ list: async () => [] } as never)).toThrow(
    expect.objectContaining({ code: 'CLOSED' }),
  )
}

/** A switch that the operator throws, one event each time. */
function toggle(rig: Rig, times: number): void {
  for (let turn = 0; turn < times; turn += 1) {
    rig.head.setNoPathRetry(rig.head.noPathRetry === 'fail' ? 'queue' : 'fail')
  }
}

const statesOf = (rig: Rig) => rig.events('head.noPathRetryChanged').map(({ to }) => to)

describe('batches', () => {
  test('one append is in flight, and what comes meanwhile is the next one', async () => {
    const { rig, store } = await openFaulty()
    await rig.add(A)
    const before = store.tried.length
    toggle(rig, 300)
    await rig.settle()
    expect(store.tried.slice(before).map(({ events }) => events.length)).toEqual([1, 299])
    expect(statesOf(rig)).toHaveLength(300)
  })

  test('each append says how far its streams have come, so that a second writer is seen', async () => {
    const { rig, store } = await openFaulty({ checked: false })
    await rig.add(A)
    // Somebody else writes to the head's stream.
    const row = rig.memory.rows().findLast(({ stream }) => stream === `head/${WWID}`)
    const { eventId, stream, type, schema, recordedAtUs, monoUs, bootId, actor, reason, data, decision } =
      row!
    const copied = { stream, type, schema, recordedAtUs, monoUs, bootId, actor, reason, data, decision }
    await rig.drive(rig.memory.append({ events: [{ ...copied, eventId: `${eventId}'`, cause: null }] }))
    toggle(rig, 1)
    await rig.settle()
    expect(rig.mp.broken?.code).toBe('EXPECTED_VERSION')
    expect(statesOf(rig)).toEqual([])
    expect((await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))).code).toBe('EXPECTED_VERSION')
    expect(store.mode).toBe('ok')
    await closesIncomplete(rig)
  })
})

test('a store that fails with no error of ours stops the engine, with what it said', async () => {
  const { rig, store } = await openFaulty({ checked: false })
  await rig.add(A)
  Object.assign(store, { mode: 'fails', thrown: new Error('a wire is loose') })
  toggle(rig, 1)
  await rig.settle()
  expect(rig.mp.broken).toMatchObject({ code: 'LEDGER_IO', why: 'a wire is loose' })
  expect(() => rig.head.alloc(BLOCK)).toThrow(rig.mp.broken!)
  await closesIncomplete(rig)
})

describe('a ledger that is away for a while', () => {
  test.each<[StoreMode, string]>([
    ['fails', 'LEDGER_IO'],
    ['fails', 'LEDGER_FULL'],
    ['fails', 'LEDGER_BUSY'],
    ['forgets', 'LEDGER_IO'],
    ['hangs', 'LEDGER_IO'],
  ])(
    '%s with %s: I/O goes on, and afterwards nothing is lost, doubled or out of order',
    async (mode, code) => {
      const { rig, store } = await openFaulty()
      await rig.add(A)
      const awayUs = rig.clock.monoUs()
      Object.assign(store, { mode, code })
      toggle(rig, 5)
      await rig.pass(1)
      toggle(rig, 5)
      await rig.write(0, bytesOf(1))
      expect(await rig.read(0)).toEqual(bytesOf(1))
      await rig.pass(1_500)
      store.heal()
      await rig.pass(300)

      expect(statesOf(rig)).toEqual(Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? 'queue' : 'fail')))
      // A hung commit is no error yet: nothing says that the ledger is away, and nothing has to.
      if (mode === 'hangs') return
      expect(rig.events('engine.ledgerDegraded')).toEqual([
        { why: expect.stringContaining('says no') as unknown },
      ])
      const [recovered, ...more] = rig.events('engine.ledgerRecovered')
      expect(more).toEqual([])
      expect(recovered).toMatchObject({ sinceUs: awayUs, dropped: 0 })
      expect(recovered?.['waited']).toBeGreaterThanOrEqual(10)
      // The gap is told after what came before it, and by the engine's own machine.
      const engine = rig.rows().filter(({ stream }) => stream === 'engine')
      const values = engine.map(({ decision }) => (JSON.parse(decision) as { state: string }).state)
      expect(values).toEqual(['stopped', 'running', 'degraded', 'running'])
    },
  )

  test('the re-sent write of a failed path waits for its record, and then succeeds', async () => {
    const { rig, store } = await openFaulty({ ledgerStallMs: 10_000 })
    const a = await rig.add(A)
    await rig.add(B)
    store.mode = 'fails'
    a.fail()
    let acknowledged = false
    const writing = rig.head.write({ offset: 0, data: bytesOf(1) }).then(() => void (acknowledged = true))
    await rig.pass(9_000)
    expect(rig.lun.medium.subarray(0, BLOCK), 'it was done').toEqual(bytesOf(1))
    expect(acknowledged, 'but nobody may know yet').toBe(false)
    store.heal()
    await rig.drive(writing)
    expect(rig.rows('path.failed')).toHaveLength(1)
  })

  test('with ledgerStall continue it goes on, says so on the ledger, and the next start is unclean', async () => {
    for (const mode of ['fails', 'hangs'] as const) {
      const { rig, store } = await openFaulty({ ledgerStallMs: 3_000, ledgerStall: 'continue' })
      const a = await rig.add(A)
      await rig.add(B)
      store.mode = mode
      a.fail()
      const startUs = rig.clock.monoUs()
      await rig.drive(rig.head.write({ offset: 0, data: bytesOf(1) }))
      expect((rig.clock.monoUs() - startUs) / 1_000_000).toBeCloseTo(3, 1)
      store.heal()
      await rig.pass(500)
      expect(rig.rows('path.failed'), mode).toHaveLength(1)
      expect(rig.events('engine.proceededWithoutRecord')[0]).toMatchObject({ why: 'ledgerStall' })
      await rig.drive(rig.mp.close())
      expect(rig.rows('engine.stopped')).toHaveLength(0)
      expect(foldAll(memoryReader(rig.memory.rows())).streams['engine']?.value).toBe('running')
    }
  })

  test('when it does not come back, the re-sent write fails with LEDGER_STALLED: its outcome is unknown', async () => {
    for (const mode of ['fails', 'hangs'] as const) {
      const { rig, store } = await openFaulty({ ledgerStallMs: 3_000 })
      const a = await rig.add(A)
      await rig.add(B)
      store.mode = mode
      a.fail()
      const startUs = rig.clock.monoUs()
      const error = await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
      expect(error, mode).toMatchObject({ code: 'LEDGER_STALLED', outcome: 'unknown' })
      expect((rig.clock.monoUs() - startUs) / 1_000_000).toBeCloseTo(3, 1)
      // What needs no record goes on.
      expect(await rig.read(0)).toEqual(bytesOf(1))
      expect(rig.mp.broken).toBeNull()
      store.heal()
      await rig.pass(500)
      expect(rig.rows('path.failed')).toHaveLength(1)
    }
  })

  test('a path whose record does not become durable is not given to its caller', async () => {
    const { rig, store } = await openFaulty({ ledgerStallMs: 1_000 })
    await rig.add(A)
    store.mode = 'hangs'
    const made = rig.makePath(B)
    const error = await rig.errorOf(rig.mp.addPath(made.device))
    expect(error.code).toBe('LEDGER_STALLED')
    // The device is still its owner's: no I/O goes down it, and he may close it without harm.
    expect(rig.head.paths.map(({ hctl }) => hctl)).toEqual([A])
    await made.device.close()
    await rig.write(0, bytesOf(1))
    expect(await rig.read(0)).toEqual(bytesOf(1))
    expect(made.ios).toEqual([])
    store.heal()
    await rig.settle()
    expect(rig.rows(undefined, B).map(({ type }) => type)).toEqual(['path.added', 'path.removed'])
    await rig.add(B)
    expect(rig.head.paths).toHaveLength(2)
  })
})

describe('a ledger that is gone for good', () => {
  test.each(['LEDGER_CLOSED', 'LEDGER_DAMAGED', 'EVENT_ID_REUSED'])(
    'F-09: %s stops the engine with that code; closing it ends all the same, and says what is lost',
    async (code) => {
      const { rig, store } = await openFaulty({ checked: false })
      const a = await rig.add(A)
      Object.assign(store, { mode: 'fails', code })
      toggle(rig, 1)
      await rig.settle()
      expect(rig.mp.broken?.code).toBe(code)
      expect((await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))).code).toBe(code)
      expect((await rig.errorOf(rig.mp.addPath(rig.makePath(B).device))).code).toBe(code)
      await closesIncomplete(rig)
      expect(a.inFlight).toBe(0)
    },
  )

  test.each<StoreMode>(['fails', 'hangs'])(
    'F-09: closing ends although the ledger %s for ever, and says what is lost',
    async (mode) => {
      const { rig, store } = await openFaulty({ checked: false, ledgerStallMs: 2_000 })
      await rig.add(A)
      await rig.write(0, bytesOf(1))
      store.mode = mode
      toggle(rig, 3)
      const startUs = rig.clock.monoUs()
      await closesIncomplete(rig)
      expect(rig.clock.monoUs() - startUs).toBeLessThan(10_000_000)
      expect(rig.rows('engine.stopped'), 'the next start will see that it was no clean end').toEqual([])
    },
  )
})

describe('too much waits for the ledger', () => {
  test('samples are dropped and counted, nothing else is, and their figures come with later ones', async () => {
    const { rig, store } = await openFaulty({ ledgerPendingMax: 16, sampleMs: 10, ledgerStallMs: 600_000 })
    await rig.add(A)
    store.mode = 'fails'
    for (let turn = 0; turn < 40; turn += 1) {
      await rig.read(0)
      await rig.pass(10)
    }
    toggle(rig, 6)
    store.heal()
    await rig.pass(1_000)
    await rig.read(0)
    await rig.pass(100)
    const [recovered] = rig.events('engine.ledgerRecovered')
    expect(recovered?.['dropped']).toBeGreaterThan(20)
    expect(statesOf(rig)).toHaveLength(6)
    await rig.end()
    for (const type of ['head.ioSampled', 'path.ioSampled']) {
      const reads = rig.events(type).reduce((sum, event) => sum + Number(event['reads']), 0)
      expect(reads, type).toBe(41)
    }
  })

  test('at twice the bound the engine stops: better no I/O than I/O without a record', async () => {
    const { rig, store } = await openFaulty({ ledgerPendingMax: 16, checked: false })
    await rig.add(A)
    store.mode = 'hangs'
    toggle(rig, 31)
    expect(rig.mp.broken).toBeNull()
    toggle(rig, 10)
    expect(rig.mp.broken?.code).toBe('LEDGER_STALLED')
    expect((await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))).code).toBe('LEDGER_STALLED')
    await closesIncomplete(rig)
  })
})
