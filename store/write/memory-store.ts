// The simulator's ledger: the file's semantics and hash chain over a plain array. Nothing ambient in it: a run over it
// is a function of what is appended and of when its scheduler lets a commit happen.
import { checkFields } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import { genesis } from '../rows/encoding.ts'
import { closed } from '../file/closed.ts'
import { GroupCommit } from './group-commit.ts'
import type { Settled } from './group-commit.ts'
import { headerEvent } from '../rows/header.ts'
import type { HeaderFacts } from '../rows/header.ts'
import { PAGE_ROWS, WRITER_LIMITS } from '../limits.ts'
import type { WriterLimits } from '../limits.ts'
import { planAppend } from './plan.ts'
import type { Ledgered } from './plan.ts'
import { checkQuery, matchesQuery } from '../read/query.ts'
import type { Append, LedgerHead, LedgerReader, LedgerStore, ReadQuery, StoredEvent } from '../types.ts'

/** What a memory store is made of. */
export interface MemoryStoreOptions {
  /** What position 1 says; not used with `rows`. */
  readonly header: HeaderFacts
  /** Calls `deliver` once, later, and never inside this call: then the commit happens. Default: in a microtask. */
  readonly schedule?: (deliver: () => void) => void
  /** Rows of an earlier memory store, to go on from: the ledger that a crashed run left. */
  readonly rows?: readonly StoredEvent[]
  readonly limits?: Partial<WriterLimits>
}

/** A {@link LedgerStore} in memory. */
export interface MemoryStore extends LedgerStore, LedgerReader {
  /** Every committed row so far, also after close: what a restart or a check goes on from. */
  rows(): readonly StoredEvent[]
}

/** Makes a memory store; with no `rows` its position 1 is the header. */
export function memoryStore(options: MemoryStoreOptions): MemoryStore {
  checkFields('memoryStore', 'options', options, { rows: 'list?', schedule: 'call?', limits: 'object?' })
  for (const row of options.rows ?? [])
    checkFields('memoryStore', 'a row', row, { position: 'count', eventId: 'text', stream: 'text' })
  if (options.rows === undefined) checkHeader(options.header)
  const table = new Table(options.rows ?? [])
  if (options.rows === undefined) table.commit({ events: [headerEvent(options.header)] })
  const schedule = options.schedule ?? ((deliver) => queueMicrotask(deliver))
  const queue = new GroupCommit(
    (batch, done) => schedule(() => done(batch.map((append) => table.commit(append)))),
    { ...WRITER_LIMITS, ...options.limits },
  )
  let isClosed = false
  const whileOpen = <Arguments extends unknown[], Result>(act: (...given: Arguments) => Result) => {
    return (...given: Arguments): Result => {
      if (isClosed) throw closed()
      return act(...given)
    }
  }
  const reader = readerOf(table)
  return {
    append: (append) => queue.append(append),
    read: whileOpen((query: ReadQuery) => reader.read(query)),
    head: whileOpen(() => reader.head()),
    positionAt: whileOpen((timeUs: number) => reader.positionAt(timeUs)),
    subscribe: (listener) => queue.subscribe(listener),
    close: async () => {
      await queue.finish(closed())
      isClosed = true
    },
    rows: () => table.rows.slice(),
  }
}

function checkHeader(header: unknown): void {
  const facts = { recordedAtUs: 'count', monoUs: 'count', flags: 'texts?', previous: 'object?' } as const
  const texts = { eventId: 'text', bootId: 'text', engine: 'text', xstate: 'text' } as const
  checkFields('memoryStore', 'header', header, { ...facts, ...texts })
}

/** A reader of rows that no store holds any more. */
export function memoryReader(rows: readonly StoredEvent[]): LedgerReader {
  return readerOf(new Table(rows))
}

function readerOf(table: Table): LedgerReader {
  return {
    read: (query) => {
      checkQuery(query)
      return table.read(query)
    },
    head: () => table.head(),
    positionAt: (timeUs) => table.rows.findLast(({ recordedAtUs }) => recordedAtUs <= timeUs)?.position ?? 0,
  }
}

/** The rows and what a planner looks up in them. */
class Table implements Ledgered {
  readonly rows: StoredEvent[] = []
  readonly #byEventId = new Map<string, StoredEvent>()
  readonly #versions = new Map<string, number>()

  constructor(rows: readonly StoredEvent[]) {
    for (const row of rows) this.#take(row)
  }

  head(): LedgerHead {
    return { events: this.rows.length, hash: this.rows.at(-1)?.hash ?? genesis() }
  }

  byEventId(eventId: string): StoredEvent | null {
    return this.#byEventId.get(eventId) ?? null
  }

  versionOf(stream: string): number {
    return this.#versions.get(stream) ?? 0
  }

  commit(append: Append): Settled {
    try {
      const { rows, answer } = planAppend(append, this)
      for (const row of rows) this.#take(row)
      return { ok: true, answer, events: rows }
    } catch (error) {
      if (error instanceof PathledgerError && error.code !== 'INVARIANT_BROKEN') return { ok: false, error }
      throw error
    }
  }

  /** Positions have no gaps, so a row's index is its position less one. */
  read(query: ReadQuery): readonly StoredEvent[] {
    const limit = query.limit ?? PAGE_ROWS
    const last = Math.min(this.rows.length, query.toPosition ?? this.rows.length)
    const page: StoredEvent[] = []
    for (let at = Math.max(1, query.fromPosition ?? 1); at <= last && page.length < limit; at += 1) {
      const row = this.rows[at - 1]
      if (row !== undefined && matchesQuery(row, query)) page.push(row)
    }
    return page
  }

  #take(row: StoredEvent): void {
    this.rows.push(row)
    this.#byEventId.set(row.eventId, row)
    this.#versions.set(row.stream, row.version)
  }
}
