// What an append costs, against a bare loop of the same rows, and where its time goes.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { batchOfWire, batchToWire, settledOfWire, settledToWire } from '../../store/write/append-wire.ts'
import { hashRow } from '../../store/rows/encoding.ts'
import { openLedger } from '../../store/write/open.ts'
import { checkAppend } from '../../store/write/plan.ts'
import { COLUMN_LIST, valuesOfEvent } from '../../store/rows/rows.ts'
import { EVENTS_TABLE, makeDurable, SCHEMA_VERSION, schemaOf, setPageSize } from '../../store/rows/schema.ts'
import { prepareStatements } from '../../store/write/statements.ts'
import type { Append, StoredEvent } from '../../store/types.ts'
import { chained, take } from './long.ts'
import { median, perSecond, round, timed } from './timing.ts'
import { HEADER, workload } from './workload.ts'

const BATCH = 256
const BATCHES = 240
/** Measured by turns; the first of each is for the compiler. */
const ROUNDS = 4
const SINGLES = 500

export interface AppendReport {
  readonly append_batch256_per_s: number
  readonly append_single_p50_us: number
  /** A bare better-sqlite3 loop of the same rows: the table with its constraints, no hash, trigger or index besides. */
  readonly baseline_sqlite_per_s: number
  /** Median of the rounds' ratios. */
  readonly append_vs_baseline: number
  /** The same loop over the whole schema: its triggers and its index. */
  readonly baseline_schema_per_s: number
  /** Microseconds of one event, each part by itself, in one thread, without waiting for the medium. */
  readonly append_parts_us: Readonly<Record<string, number>>
}

export async function measureAppends(folder: string): Promise<AppendReport> {
  const events = workload('append')
  const appends = Array.from({ length: BATCHES }, () => ({ events: take(events, BATCH) }))
  const rows = take(chained(appends.flatMap((append) => append.events)), BATCH * BATCHES)
  const rounds: { ours: number; single: number; bare: number; schema: number }[] = []
  for (let at = 0; at < ROUNDS; at += 1) {
    const { perS: ours, single } = await asAnEngine(join(folder, 'append.ledger'), appends)
    const bare = bareLoop(join(folder, 'bare.db'), rows, [EVENTS_TABLE])
    const schema = bareLoop(join(folder, 'schema.db'), rows, [...schemaOf(SCHEMA_VERSION).values()])
    rounds.push({ ours, single, bare, schema })
  }
  const warm = rounds.slice(1)
  return {
    append_batch256_per_s: median(warm.map(({ ours }) => ours)),
    append_single_p50_us: Math.round(median(warm.map(({ single }) => single))),
    baseline_sqlite_per_s: median(warm.map(({ bare }) => bare)),
    append_vs_baseline: round(median(warm.map(({ ours, bare }) => ours / bare))),
    baseline_schema_per_s: median(warm.map(({ schema }) => schema)),
    append_parts_us: parts(folder, appends, rows),
  }
}

/** Its writer in a thread of its own, a few appends under way. Then one event at a time. */
async function asAnEngine(
  file: string,
  appends: readonly Append[],
): Promise<{ perS: number; single: number }> {
  forget(file)
  const store = await openLedger(file, { header: HEADER })
  const waiting: Promise<unknown>[] = []
  const begun = performance.now()
  for (const append of appends) {
    waiting.push(store.append(append))
    if (waiting.length >= 8) await waiting.shift()
  }
  await Promise.all(waiting)
  const perS = perSecond(BATCH * BATCHES, performance.now() - begun)
  const singles: number[] = []
  for (const event of take(workload('append'), BATCH * BATCHES + SINGLES).slice(-SINGLES)) {
    const at = performance.now()
    await store.append({ events: [event] })
    singles.push((performance.now() - at) * 1000)
  }
  await store.close()
  return { perS, single: median(singles) }
}

function bareLoop(file: string, rows: readonly StoredEvent[], schema: readonly string[]): number {
  const db = fresh(file, schema)
  const insert = db.prepare(
    `INSERT INTO events (${COLUMN_LIST}) VALUES (${COLUMN_LIST.replaceAll(/\w+/g, '?')})`,
  )
  const values = rows.map((row) => valuesOfEvent(row))
  const took = timed(() => {
    for (let at = 0; at < values.length; at += BATCH) {
      db.transaction(() => values.slice(at, at + BATCH).forEach((row) => insert.run(...row))).immediate()
    }
  })
  db.close()
  return perSecond(rows.length, took)
}

function parts(folder: string, appends: readonly Append[], rows: readonly StoredEvent[]) {
  const us = (act: () => unknown) => round((timed(act) * 1000) / rows.length)
  const inserted = (schema: readonly string[]): number => {
    const db = fresh(join(folder, 'parts.db'), schema)
    db.pragma('synchronous = OFF')
    const statements = prepareStatements(db)
    const took = us(() => {
      for (let at = 0; at < rows.length; at += 512)
        db.transaction(() => statements.insert(rows.slice(at, at + 512))).immediate()
    })
    db.close()
    return took
  }
  const settled = appends.map(({ events }, at) => {
    const own = rows.slice(at * BATCH, (at + 1) * BATCH)
    const answer = { positions: own.map(({ position }) => position), duplicates: 0 }
    return { append: { events }, settled: { ok: true, answer, events: own } as const }
  })
  const schema = [...schemaOf(SCHEMA_VERSION).values()]
  return {
    'checked, in the engine’s thread': us(() => appends.forEach((append) => checkAppend(append))),
    'packed, copied to the writer, unpacked': us(() => {
      for (const append of appends) batchOfWire(structuredClone(batchToWire([append])))
    }),
    'hashed, in the writer’s thread': us(() => rows.forEach((row) => hashRow(row.hash, row))),
    'inserted into the whole schema, sixteen rows a statement': inserted(schema),
    'answered, copied back, made rows of': us(() => {
      for (const one of settled) settledOfWire(structuredClone(settledToWire(one.settled)), one.append)
    }),
  }
}

function fresh(file: string, schema: readonly string[]): Database.Database {
  forget(file)
  const db = new Database(file)
  const isLedger = schema.length > 1
  if (isLedger) setPageSize(db)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  for (const sql of schema) db.exec(sql)
  if (isLedger) makeDurable(db)
  return db
}

function forget(file: string): void {
  for (const ending of ['', '-wal', '-shm', '.lock']) rmSync(`${file}${ending}`, { force: true })
}
