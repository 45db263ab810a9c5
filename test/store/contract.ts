// What every ledger store promises. The same cases run over the file and over memory.
import { NEWEST_FLAGS } from '../../machines/behaviour.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { hasCode } from '../../errors.ts'
import { genesis, hashRow } from '../../store/rows/encoding.ts'
import type { WriterLimits } from '../../store/limits.ts'
import type { Append, LedgerReader, LedgerStore, NewEvent, StoredEvent } from '../../store/types.ts'
import { failed, HEAD, HEADER, LUN, PATH_A, PATH_B, Scribe, started, twoPaths, WWID } from './events.ts'

export type OpenStore = (limits?: Partial<WriterLimits>) => Promise<LedgerStore & LedgerReader>

/** Tells vitest the contract's cases, over the stores that `open` makes: each one new, with the header {@link HEADER}. */
export function ledgerStoreContract(name: string, open: OpenStore): void {
  describe(`ledger store contract: ${name}`, () => {
    const stores: LedgerStore[] = []
    const openStore: OpenStore = async (limits) => {
      const store = await open(limits)
      stores.push(store)
      return store
    }
    afterEach(async () => {
      for (const store of stores.splice(0)) await store.close()
    })

    appending(openStore)
    expecting(openStore)
    repeating(openStore)
    refusing(openStore)
    reading(openStore)
    listening(openStore)
    closing(openStore)
  })
}

function appending(open: OpenStore): void {
  it('begins with the header at position 1, on top of 32 zero bytes', async () => {
    const store = await open()
    const [header] = store.read({})
    expect(header).toMatchObject({ position: 1, version: 1, stream: 'engine', type: 'ledger.header' })
    const { machines, ...rest } = JSON.parse(header!.data) as { machines: Record<string, string> }
    expect(rest).toEqual({ format: 2, xstate: '5.33.3', engine: '0.1.0', flags: NEWEST_FLAGS })
    expect(Object.keys(machines)).toEqual(['path', 'head', 'lun', 'engine', 'reservation'])
    expect(header!.hash).toEqual(hashRow(genesis(), header!))
    expect(store.head()).toEqual({ events: 1, hash: header!.hash })
  })

  it('numbers positions without gaps and versions within each stream, and chains the hashes', async () => {
    const store = await open()
    const scribe = new Scribe()
    const events = [started(scribe), ...twoPaths(scribe)]
    const answer = await store.append({ events: [...events, scribe.event(PATH_A, 'path.failed', failed())] })
    expect(answer).toEqual({ positions: [2, 3, 4, 5], duplicates: 0 })
    const rows = store.read({})
    expect(rows.map(({ stream, version }) => [stream, version])).toEqual([
      ['engine', 1],
      ['engine', 2],
      [PATH_A, 1],
      [PATH_B, 1],
      [PATH_A, 2],
    ])
    expectChain(rows)
    expect(store.head()).toEqual({ events: 5, hash: rows[4]!.hash })
  })

  it('gives back what was appended, to the byte', async () => {
    const store = await open()
    const scribe = new Scribe()
    const event = scribe.event(
      PATH_A,
      'path.disabled',
      { why: 'cable «pulled» \u{1f50c}, \\ and "quotes"' },
      { actor: 'operator:0', reason: 'nächtliche Wartung', bootId: 'other' },
    )
    await store.append({ events: [event] })
    expect(store.read({ stream: PATH_A })[0]).toMatchObject({ ...event, cause: null })
  })

  it('takes an append of no events', async () => {
    const store = await open()
    expect(await store.append({ events: [] })).toEqual({ positions: [], duplicates: 0 })
    expect(store.head().events).toBe(1)
  })

  it('commits appends in the order in which they were made', async () => {
    const store = await open()
    const scribe = new Scribe()
    const appends = manyFailures(scribe, 300).map((event) => store.append({ events: [event] }))
    const answers = await Promise.all(appends)
    expect(answers.map(({ positions }) => positions[0])).toEqual(answers.map((_answer, index) => index + 2))
    expectChain(store.read({}))
  })

  it('resolves a cause given by id: on the ledger, earlier in the append, unknown', async () => {
    const store = await open()
    const scribe = new Scribe()
    const [first, second] = twoPaths(scribe)
    await store.append({ events: [first!] })
    const byId = scribe.event(PATH_A, 'path.failed', failed(), { cause: { eventId: first!.eventId } })
    const sibling = scribe.event(PATH_B, 'path.failed', failed(), { cause: { eventId: byId.eventId } })
    const orphan = scribe.event(LUN, 'lun.found', lunFound(), { cause: { eventId: 'never seen' } })
    const plain = scribe.event(PATH_B, 'path.removed', { why: 'test' }, { cause: 1 })
    await store.append({ events: [second!, byId, sibling, orphan, plain] })
    expect(store.read({ fromPosition: 3 }).map(({ cause }) => cause)).toEqual([null, 2, 4, null, 1])
  })
}

function expecting(open: OpenStore): void {
  it('honours every kind of expected version, and says what it found', async () => {
    const store = await open()
    const scribe = new Scribe()
    const [first, second] = twoPaths(scribe)
    await store.append({ events: [first!], expected: { [PATH_A]: 'none', [PATH_B]: 0, engine: 1 } })
    const next = scribe.event(PATH_A, 'path.failed', failed())
    const refused = store.append({ events: [next], expected: { [PATH_A]: 'none' } })
    await expect(refused).rejects.toMatchObject({
      code: 'EXPECTED_VERSION',
      details: { stream: PATH_A, expected: 'none', actual: 1 },
    })
    await expectCode(store.append({ events: [next], expected: { [PATH_A]: 2 } }), 'EXPECTED_VERSION')
    await expectCode(
      store.append({ events: [second!], expected: { [PATH_B]: 'exists' } }),
      'EXPECTED_VERSION',
    )
    // A stream that the append does not write to can be demanded too.
    await expectCode(store.append({ events: [second!], expected: { [HEAD]: 'exists' } }), 'EXPECTED_VERSION')
    expect(store.head().events).toBe(2)
    await store.append({
      events: [next, second!],
      expected: { [PATH_A]: 1, [PATH_B]: 'any', engine: 'exists' },
    })
    expect(store.head().events).toBe(4)
  })

  it('refuses an expectation that it does not know', async () => {
    const store = await open()
    const events = twoPaths(new Scribe())
    await expectCode(store.append({ events, expected: { [PATH_A]: 'some' as never } }), 'EXPECTED_VERSION')
    await expectCode(store.append({ events, expected: { [PATH_A]: -1 } }), 'EXPECTED_VERSION')
    expect(store.head().events).toBe(1)
  })

  it('refuses only the append whose expectation fails, whatever was appended around it', async () => {
    const store = await open()
    const scribe = new Scribe()
    const [first, second] = twoPaths(scribe)
    const third = scribe.event(PATH_B, 'path.failed', failed())
    const results = await Promise.allSettled([
      store.append({ events: [first!], expected: { [PATH_A]: 'none' } }),
      store.append({ events: [second!], expected: { [PATH_A]: 'none' } }),
      store.append({ events: [{ ...third, data: '{' }] }),
      store.append({ events: [second!], expected: { [PATH_B]: 'none' } }),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(store.read({ fromPosition: 2 }).map(({ stream }) => stream)).toEqual([PATH_A, PATH_B])
    expectChain(store.read({}))
  })
}

function repeating(open: OpenStore): void {
  it('appends an event id once, and answers a retry with the old positions', async () => {
    const store = await open()
    const scribe = new Scribe()
    const [first, second] = twoPaths(scribe)
    const append: Append = { events: [first!, second!], expected: { [PATH_A]: 'none', [PATH_B]: 'none' } }
    await store.append(append)
    // The expected versions were true when the append was first made; its answer was lost, nothing else.
    expect(await store.append(append)).toEqual({ positions: [2, 3], duplicates: 2 })
    const third = scribe.event(PATH_B, 'path.failed', failed())
    expect(await store.append({ events: [second!, third, third] })).toEqual({
      positions: [3, 4, 4],
      duplicates: 2,
    })
    expect(store.head().events).toBe(4)
  })

  it('refuses an event id that is on the ledger with other content', async () => {
    const store = await open()
    const scribe = new Scribe()
    const [first, second] = twoPaths(scribe)
    await store.append({ events: [first!] })
    const stolen = { ...second!, eventId: first!.eventId }
    await expectCode(store.append({ events: [second!, stolen] }), 'EVENT_ID_REUSED')
    const changes: Partial<NewEvent>[] = [
      { recordedAtUs: 1 },
      { monoUs: 1 },
      { bootId: 'b' },
      { cause: 1 },
      { actor: 'checker' },
      { reason: 'r' },
      { data: ` ${first!.data}` },
      { decision: ` ${first!.decision}` },
    ]
    for (const change of changes) {
      await expectCode(store.append({ events: [{ ...first!, ...change }] }), 'EVENT_ID_REUSED')
    }
    expect(store.head().events).toBe(2)
  })

  it('takes a retry whose cause was unknown the first time', async () => {
    const store = await open()
    const scribe = new Scribe()
    const [first, second] = twoPaths(scribe)
    const caused = { ...second!, cause: { eventId: first!.eventId } }
    await store.append({ events: [caused] })
    await store.append({ events: [first!] })
    expect(await store.append({ events: [caused] })).toEqual({ positions: [2], duplicates: 1 })
  })
}

function refusing(open: OpenStore): void {
  it('refuses what is not fit for the ledger, and writes nothing of its append', async () => {
    const store = await open()
    const scribe = new Scribe()
    const [first, second] = twoPaths(scribe)
    const bad: [string, Partial<NewEvent>][] = [
      ['data is not JSON', { data: '{"wwid":' }],
      ['data is of another shape', { data: '{"why":"no"}' }],
      ['data is empty', { data: '' }],
      ['decision is not JSON', { decision: 'online' }],
      ['decision is none', { decision: '{}' }],
      ['unknown type', { type: 'path.exploded' }],
      ['type of another machine', { type: 'head.published', data: '{}' }],
      ['unknown stream', { stream: 'disk/sda' }],
      ['no event id', { eventId: '' }],
      ['payload version from the future', { schema: 2 }],
      ['time that is not whole', { recordedAtUs: 1.5 }],
      ['time before time', { monoUs: -1 }],
      ['a lone surrogate', { reason: 'half \ud83d' }],
      ['a NUL', { actor: 'engine\0' }],
      ['an endless reason', { reason: 'x'.repeat(5_000) }],
      ['a field we do not have', { colour: 'red' } as never],
    ]
    for (const [what, change] of bad) {
      const error: unknown = await store
        .append({ events: [first!, { ...second!, ...change }] })
        .catch((e: unknown) => e)
      expect(hasCode(error, 'EVENT_INVALID'), what).toBe(true)
    }
    expect(store.head().events).toBe(1)
  })

  it('rejects with LEDGER_STALLED when too much waits, and goes on when it does not any more', async () => {
    const store = await open({ maxPendingEvents: 3 })
    const events = manyFailures(new Scribe(), 5)
    const results = await Promise.allSettled(events.map((event) => store.append({ events: [event] })))
    expect(results.map(({ status }) => status)).toEqual([
      ...['fulfilled', 'fulfilled', 'fulfilled'],
      ...['rejected', 'rejected'],
    ])
    expect(results[3]).toMatchObject({ reason: { code: 'LEDGER_STALLED', details: { pendingEvents: 3 } } })
    await store.append({ events: events.slice(3) })
    expect(store.head().events).toBe(6)
    const small = await open({ maxPendingBytes: 10 })
    await expectCode(small.append({ events: events.slice(0, 1) }), 'LEDGER_STALLED')
  })
}

function reading(open: OpenStore): void {
  it('reads by stream, type, position and time, all of them together', async () => {
    const store = await open()
    const rows = await appendSome(store)
    const positions = (query: Parameters<LedgerStore['read']>[0]) =>
      store.read(query).map((row) => row.position)
    expect(positions({})).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(positions({ stream: PATH_A })).toEqual([3, 5, 7])
    expect(positions({ type: 'path.failed' })).toEqual([5, 6])
    expect(positions({ fromPosition: 3, toPosition: 5 })).toEqual([3, 4, 5])
    expect(positions({ fromTimeUs: rows[3]!.recordedAtUs, toTimeUs: rows[4]!.recordedAtUs })).toEqual([4, 5])
    expect(positions({ stream: PATH_A, type: 'path.failed', fromPosition: 2, toTimeUs: 2e15 })).toEqual([5])
    expect(positions({ stream: 'path/nobody/0:0:0:0' })).toEqual([])
    expect(positions({ fromPosition: 8 })).toEqual([])
    expect(positions({ fromPosition: -3, toPosition: 1 })).toEqual([1])
  })

  it('gives pages', async () => {
    const store = await open()
    await store.append({ events: manyFailures(new Scribe(), 1_200) })
    const first = store.read({})
    expect(first).toHaveLength(1_000)
    expect(store.read({ fromPosition: first.at(-1)!.position + 1 })).toHaveLength(201)
    expect(
      store.read({ stream: PATH_A, limit: 2, fromPosition: 700 }).map(({ position }) => position),
    ).toEqual([700, 701])
  })

  it('refuses a query that it cannot honour instead of ignoring a part of it', async () => {
    const store = await open()
    const bad = [
      { streams: [PATH_A] },
      { limit: 1_001 },
      { limit: 0 },
      { fromPosition: 1.5 },
      { actor: 'engine' },
    ]
    for (const query of bad) {
      expect(() => store.read(query as never)).toThrow(expect.objectContaining({ code: 'QUERY_INVALID' }))
    }
  })

  it('finds the position of a time, also where the wall clock stepped back', async () => {
    const store = await open()
    const scribe = new Scribe()
    const at = (recordedAtUs: number) => scribe.event(PATH_A, 'path.failed', failed(), { recordedAtUs })
    const base = HEADER.recordedAtUs
    await store.append({ events: [at(base + 200), at(base + 150), at(base + 300)] })
    expect(store.positionAt(base - 1)).toBe(0)
    expect(store.positionAt(base)).toBe(1)
    expect(store.positionAt(base + 149)).toBe(1)
    expect(store.positionAt(base + 160)).toBe(3)
    expect(store.positionAt(base + 299)).toBe(3)
    expect(store.positionAt(base + 1_000)).toBe(4)
  })
}

function listening(open: OpenStore): void {
  it('tells listeners each commit once, in order, before the append resolves', async () => {
    const store = await open()
    const heard: StoredEvent[] = []
    const order: string[] = []
    const stop = store.subscribe((events) => {
      heard.push(...events)
      order.push('heard')
    })
    const rows = await appendSome(store, () => order.push('resolved'))
    expect(order[0]).toBe('heard')
    expect(heard).toEqual(rows.slice(1))
    stop()
    await store.append({ events: [new Scribe().event(LUN, 'lun.found', lunFound(), { eventId: 'late' })] })
    expect(heard).toHaveLength(6)
  })

  it('tells nothing of what was refused or a duplicate', async () => {
    const store = await open()
    const events = twoPaths(new Scribe())
    await store.append({ events })
    const heard: StoredEvent[] = []
    store.subscribe((page) => heard.push(...page))
    await store.append({ events })
    await store.append({ events: [], expected: { [PATH_A]: 'none' } }).catch(() => null)
    expect(heard).toEqual([])
  })

  it('lets a listener append', async () => {
    const store = await open()
    const scribe = new Scribe()
    const [first, second] = twoPaths(scribe)
    const inner = Promise.withResolvers<unknown>()
    const stop = store.subscribe(() => {
      stop()
      store.append({ events: [second!] }).then(inner.resolve, inner.reject)
    })
    await store.append({ events: [first!] })
    expect(await inner.promise).toEqual({ positions: [3], duplicates: 0 })
  })
}

function closing(open: OpenStore): void {
  it('commits what waits, then refuses everything with LEDGER_CLOSED', async () => {
    const store = await open()
    const events = manyFailures(new Scribe(), 20)
    const appends = events.slice(1).map((event) => store.append({ events: [event] }))
    const closed = store.close()
    await expectCode(store.append({ events: events.slice(0, 1) }), 'LEDGER_CLOSED')
    await closed
    expect(await Promise.all(appends)).toHaveLength(19)
    await store.close()
    const isClosed = expect.objectContaining({ code: 'LEDGER_CLOSED' }) as Error
    expect(() => store.read({})).toThrow(isClosed)
    expect(() => store.head()).toThrow(isClosed)
    expect(() => store.positionAt(0)).toThrow(isClosed)
  })
}

function lunFound(): Readonly<Record<string, unknown>> {
  return { wwid: WWID, sizeBytes: 1_048_576, logicalBlockBytes: 512 }
}

/** Events of one path that are quickly made. */
function manyFailures(scribe: Scribe, count: number): NewEvent[] {
  return Array.from({ length: count }, () => scribe.event(PATH_A, 'path.failed', failed()))
}

/** Six events on three streams; gives all seven rows. */
async function appendSome(store: LedgerStore, resolved?: () => void): Promise<readonly StoredEvent[]> {
  const scribe = new Scribe()
  await store.append({ events: [started(scribe), ...twoPaths(scribe)] })
  resolved?.()
  await store.append({ events: [scribe.event(PATH_A, 'path.failed', failed())] })
  await store.append({ events: [scribe.event(PATH_B, 'path.failed', failed())] })
  await store.append({ events: [scribe.event(PATH_A, 'path.removed', { why: 'test' })] })
  return store.read({})
}

function expectChain(rows: readonly StoredEvent[]): void {
  let hash = genesis()
  for (const row of rows) {
    hash = hashRow(hash, row)
    expect(row.hash).toEqual(hash)
  }
}

async function expectCode(promise: Promise<unknown>, code: string): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code })
}
