// `npm run bench -- ledger`: what the ledger costs and how fast it answers, with the full chain and synchronous=FULL.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { failovers, ioByPath, pathHistory, timeInState } from '../../index.ts'
import { hashRow } from '../../store/encoding.ts'
import { foldAll, Redecider, stateAt } from '../../store/fold.ts'
import { LedgerFile } from '../../store/ledger-file.ts'
import { catchUp } from '../../store/caches.ts'
import { openLedger } from '../../store/open.ts'
import { pages } from '../../store/pages.ts'
import { openLedgerReader, type FileReader } from '../../store/reader.ts'
import { COLUMN_LIST, valuesOfEvent } from '../../store/rows.ts'
import { EVENTS_TABLE } from '../../store/schema.ts'
import type { NewEvent, StoredEvent } from '../../store/types.ts'
import { verifyChain } from '../../store/verify.ts'
import { HEADER, workload } from './workload.ts'

export interface LedgerSettings {
  /** Events of the long ledger. */
  readonly events: number
  /** Where it is made; the folder of temporary files unless said otherwise. */
  readonly folder?: string
}

/** What was measured; the names are those of the issue, whatever the number of events was: `events` says it. */
export interface LedgerReport {
  readonly events: number
  readonly append_batch256_per_s: number
  readonly append_single_p50_us: number
  readonly fold_per_s: number
  readonly redecide_per_s: number
  /** Share of the decisions that a machine was asked for: the others were known. */
  readonly redecide_asked: number
  readonly verify_chain_per_s: number
  readonly state_at_10M_ms: number
  readonly audit_10M_ms: Readonly<Record<string, number>>
  readonly caches_per_s: number
  readonly bytes_per_event: number
  /** A bare better-sqlite3 loop of the same rows: the table with its constraints, no hash, trigger or index besides. */
  readonly baseline_sqlite_per_s: number
  readonly append_vs_baseline: number
}

const APPENDED = 40_000
const BATCH = 256

/** Runs the benchmark. Ten million events take some ten minutes and five gigabytes. */
export async function benchLedger(settings: LedgerSettings): Promise<LedgerReport> {
  const folder = mkdtempSync(join(settings.folder ?? tmpdir(), 'pathledger-bench-'))
  try {
    const appended = await append(folder)
    const baseline = bareLoop(join(folder, 'bare.db'))
    const file = join(folder, 'long.ledger')
    const caches_per_s = build(file, settings.events)
    const bytes_per_event = round(statSync(file).size / settings.events)
    const chain = timed(() => {
      const { firstBad, why } = verifyChain(file)
      if (firstBad !== null) throw new Error(why)
    })
    const reader = openLedgerReader(file)
    const asked = { share: 1 }
    const report = {
      events: settings.events,
      append_batch256_per_s: appended.perSecond,
      append_single_p50_us: appended.singleUs,
      ...decided(reader, Math.min(settings.events, 1_000_000), asked),
      redecide_asked: asked.share,
      verify_chain_per_s: perSecond(settings.events, chain),
      state_at_10M_ms: statesAt(reader, settings.events),
      audit_10M_ms: audits(reader, settings.events),
      caches_per_s,
      bytes_per_event,
      baseline_sqlite_per_s: baseline,
      append_vs_baseline: round(appended.perSecond / baseline),
    }
    reader.close()
    return report
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function take(events: Generator<NewEvent, never>, count: number): NewEvent[] {
  return Array.from({ length: count }, () => events.next().value)
}

/** As an engine appends: its writer in a thread of its own, a few appends under way. */
async function append(folder: string): Promise<{ perSecond: number; singleUs: number }> {
  const store = await openLedger(join(folder, 'append.ledger'), { header: HEADER })
  const events = workload('append')
  const batches = Array.from({ length: Math.ceil(APPENDED / BATCH) }, () => take(events, BATCH))
  const begun = performance.now()
  const waiting: Promise<unknown>[] = []
  for (const batch of batches) {
    waiting.push(store.append({ events: batch }))
    if (waiting.length >= 8) await waiting.shift()
  }
  await Promise.all(waiting)
  const took = performance.now() - begun
  const singles: number[] = []
  for (const event of take(events, 500)) {
    const at = performance.now()
    await store.append({ events: [event] })
    singles.push((performance.now() - at) * 1000)
  }
  await store.close()
  return { perSecond: perSecond(batches.length * BATCH, took), singleUs: Math.round(median(singles)) }
}

function bareLoop(file: string): number {
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec(EVENTS_TABLE)
  const insert = inserter(db)
  const rows = [...chained(take(workload('append'), APPENDED))].map((row) => valuesOfEvent(row))
  const took = timed(() => {
    for (let at = 0; at < rows.length; at += BATCH) {
      db.transaction(() => rows.slice(at, at + BATCH).forEach((row) => insert.run(...row))).immediate()
    }
  })
  db.close()
  return perSecond(APPENDED, took)
}

/** A long ledger, row by row as the writer would have made it, without its checks. Gives how fast its caches were made. */
function build(file: string, count: number): number {
  LedgerFile.open(file, { header: HEADER }).close()
  const db = new Database(file)
  db.pragma('synchronous = OFF')
  const insert = inserter(db)
  const events = workload('long')
  const rows = chained(events, count - 1, file)
  const setHead = db.prepare('UPDATE ledger_head SET events = ?, hash = ?')
  for (let made = 1; made < count;) {
    db.transaction(() => {
      for (let left = Math.min(20_000, count - made); left > 0; left -= 1) {
        const { value } = rows.next()
        if (value === undefined) throw new Error('the workload has ended')
        insert.run(...valuesOfEvent(value))
        made += 1
        if (left === 1) setHead.run(made, value.hash)
      }
    }).immediate()
  }
  const took = timed(() => catchUp(db, count))
  db.pragma('synchronous = FULL')
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
  return perSecond(count, took)
}

function inserter(db: Database.Database): Database.Statement {
  return db.prepare(`INSERT INTO events (${COLUMN_LIST}) VALUES (${COLUMN_LIST.replaceAll(/\w+/g, '?')})`)
}

/** Events as rows, behind the header of a file or as the first ones. */
function* chained(
  events: Iterable<NewEvent>,
  count = Infinity,
  file?: string,
): Generator<StoredEvent, undefined> {
  const versions = new Map<string, number>()
  let [hash, position]: [Uint8Array, number] = [new Uint8Array(32), 0]
  if (file !== undefined) {
    const reader = openLedgerReader(file)
    hash = reader.head().hash
    reader.close()
    versions.set('engine', 1)
    position = 1
  }
  let left = count
  for (const event of events) {
    if (left === 0) return
    left -= 1
    position += 1
    const version = (versions.get(event.stream) ?? 0) + 1
    versions.set(event.stream, version)
    const row = { ...event, cause: null, position, version }
    hash = hashRow(hash, row)
    yield { ...row, hash }
  }
}

function decided(reader: FileReader, count: number, asked: { share: number }) {
  const fold = timed(() => foldAll(reader, { toPosition: count, snapshots: false }))
  const redecider = new Redecider()
  const redecide = timed(() => {
    for (const page of pages(reader, { toPosition: count })) for (const event of page) redecider.decide(event)
  })
  asked.share = round(redecider.counts.asked / count)
  return { fold_per_s: perSecond(count, fold), redecide_per_s: perSecond(count, redecide) }
}

function statesAt(reader: FileReader, events: number): number {
  const times = Array.from({ length: 21 }, (_, at) => {
    // Not where a snapshot is: as far behind one as half of the time.
    const position = Math.max(1, events - Math.floor((events * at) / 40) - 5_003)
    return timed(() => stateAt(reader, { position }))
  })
  return round(median(times))
}

function audits(reader: FileReader, events: number): Record<string, number> {
  const path =
    Object.keys(stateAt(reader, { position: events }).streams).find((stream) => stream.startsWith('path/')) ??
    ''
  const from = events - 20_000
  const us = reader.read({ fromPosition: Math.max(1, from), limit: 1 })[0]?.recordedAtUs ?? 0
  const questions: Record<string, () => unknown> = {
    'state at a time': () => stateAt(reader, { timeUs: us }),
    'failovers of one path, a recent range': () => failovers(reader, { path, fromPosition: from }),
    'history of one path, a recent range': () => pathHistory(reader, { path, fromPosition: from }),
    'time in state, all paths, all of history': () => timeInState(reader),
    'I/O by path, all of history': () => ioByPath(reader),
  }
  return Object.fromEntries(Object.entries(questions).map(([name, ask]) => [name, round(timed(ask))]))
}

function timed(act: () => unknown): number {
  const begun = performance.now()
  act()
  return performance.now() - begun
}

function perSecond(count: number, milliseconds: number): number {
  return Math.round((count / milliseconds) * 1000)
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
