// The whole chain, by several threads at once, while the caller's own takes the decisions again.
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type Database from 'better-sqlite3'
import { hex, sameBytes } from '../rows/encoding.ts'
import { endingOf } from '../file/ending.ts'
import { payloadsFit } from './check-payloads.ts'
import { checkRange, hasRepeatedIds, joinRanges } from './fast-chain.ts'
import { VERIFY_RANGE_ROWS, VERIFY_THREADS } from '../limits.ts'
import type { RangeAnswer, VerifyData } from './verify-worker.ts'

/** Where the chain ends, when all of it is as it was written. */
export interface WholeChain {
  readonly events: number
  readonly head: string
}

/** A check that is under way. */
export interface FastCheck {
  /** The events that it is about. */
  readonly events: number
  /** Waits for its end. Null where something may be wrong: the slow check says what. */
  end(): WholeChain | null
}

/**
 * Begins to check the chain of a file; null where its texts are not UTF-8 or it does not begin and end as its head says, so that the slow check has to look. With
 * no threads it is done in the caller's own, when its end is asked for.
 */
export function beginFastCheck(
  file: string,
  db: Database.Database,
  { threadsMax = VERIFY_THREADS, payloads = true } = {},
): FastCheck | null {
  if (db.pragma('encoding', { simple: true }) !== 'UTF-8') return null
  const claim = claimOf(db)
  if (claim === null) return null
  const { events, hash } = claim
  const ranges = Math.ceil(events / VERIFY_RANGE_ROWS)
  const threads = Math.min(threadsMax, ranges)
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const ports = Array.from({ length: threads }, () =>
    start({ file, events, rangeRows: VERIFY_RANGE_ROWS, payloads, shared }),
  )
  const answersOf = (): RangeAnswer[] => {
    if (threads === 0) {
      const whole = !hasRepeatedIds(db) && (!payloads || payloadsFit(db, 1, events))
      return [{ range: 0, check: whole ? checkRange(db, 1, events) : null }]
    }
    waitFor(shared, threads)
    return ports.flatMap(({ port, worker }) => {
      const own = received(port)
      port.close()
      void worker.terminate()
      return own
    })
  }
  return {
    events,
    end: () => {
      const answers = answersOf().sort((one, other) => one.range - other.range)
      const good = answers.map(({ check }) => check).filter((check) => check !== null)
      const all = good.length === (threads === 0 ? 1 : ranges + 1)
      return all && joinRanges(good) ? { events, head: hex(hash) } : null
    },
  }
}

function waitFor(shared: Int32Array, threads: number): void {
  for (let ended = Atomics.load(shared, 1); ended < threads; ended = Atomics.load(shared, 1)) {
    Atomics.wait(shared, 1, ended)
  }
}

/** The end that the head claims, when the last row is there and has that hash, and none lies outside of 1 to that. */
function claimOf(db: Database.Database): { events: number; hash: Uint8Array } | null {
  const claims = db.transaction(() => {
    const head = db
      .prepare<[], { events: number; hash: unknown; heads: number }>(
        'SELECT events, hash, count(*) AS heads FROM ledger_head',
      )
      .get()
    const ends = db.prepare('SELECT min(position), max(position) FROM events').raw().get() as [
      unknown,
      unknown,
    ]
    const first = db.prepare('SELECT type, data FROM events WHERE position = 1').raw().get() as
      [unknown, unknown] | undefined
    const last = db.prepare('SELECT hash FROM events WHERE position = ?').pluck().get(Number(ends[1]))
    return { head, ends, first, last }
  })
  const { head, ends, first, last } = claims()
  if (!(head?.hash instanceof Uint8Array) || !(last instanceof Uint8Array)) return null
  const fits = head.heads === 1 && ends[0] === 1 && ends[1] === head.events && first?.[0] === 'ledger.header'
  // A segment goes on from versions of the one before: that is for the slow check.
  const alone = typeof first?.[1] === 'string' && !first[1].includes('"previous"')
  return fits && alone && sameBytes(last, head.hash) ? { events: head.events, hash: head.hash } : null
}

function start(data: Omit<VerifyData, 'port'>): { port: MessageChannel['port1']; worker: Worker } {
  const { port1, port2 } = new MessageChannel()
  const entry = new URL(`./verify-worker.${endingOf(import.meta.url)}`, import.meta.url)
  const worker = new Worker(entry, {
    workerData: { ...data, port: port2 },
    transferList: [port2],
    execArgv: [],
  })
  worker.unref()
  return { port: port1, worker }
}

function received(port: MessageChannel['port1']): RangeAnswer[] {
  const answers: RangeAnswer[] = []
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    answers.push(next.message as RangeAnswer)
  }
  return answers
}
