// A thread that checks ranges of a ledger's chain (fast-chain.ts), one after the other, until there are no more. Whoever comes
// first looks through the event ids: that takes as long as some ten ranges.
import { workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type Database from 'better-sqlite3'
import { connectReadOnly } from '../file/connection.ts'
import { payloadsFit } from './check-payloads.ts'
import { checkRange, hasRepeatedIds } from './fast-chain.ts'
import type { RangeCheck } from './fast-chain.ts'

/** What the thread is started with: ranges by turns are taken from a shared counter. */
export interface VerifyData {
  readonly file: string
  readonly events: number
  readonly rangeRows: number
  /** Whether payloads are looked at, too. */
  readonly payloads: boolean
  /** Next thing to do, the event ids or a range, and how many threads have ended. */
  readonly shared: Int32Array
  readonly port: MessagePort
}

/** What it answers for each range; of the event ids, range -1, only whether each is there once. */
export interface RangeAnswer {
  readonly range: number
  readonly check: RangeCheck
}

const { file, events, rangeRows, payloads, shared, port } = workerData as VerifyData
try {
  const db = connectReadOnly(file)
  while (true) {
    const range = Atomics.add(shared, 0, 1) - 1
    const from = range * rangeRows + 1
    if (from > events) break
    const check = range === -1 ? checkIds(db) : checkRows(db, from, Math.min(events, from + rangeRows - 1))
    port.postMessage({ range, check } satisfies RangeAnswer)
    if (check === null) Atomics.store(shared, 0, events)
  }
  db.close()
} catch {
  // Its ranges are missing, and then the slow check is asked.
}
Atomics.add(shared, 1, 1)
Atomics.notify(shared, 1)

function checkRows(connection: Database.Database, from: number, to: number): RangeCheck {
  const check = checkRange(connection, from, to)
  return check === null || !payloads || payloadsFit(connection, from, to) ? check : null
}

function checkIds(connection: Database.Database): RangeCheck {
  return hasRepeatedIds(connection) ? null : new Map()
}
