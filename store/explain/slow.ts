// I/O that was answered, and far later than others on the same path: slowness and short hangs that stayed under every limit. Only
// traces tell of it.
import { pages } from '../pages.ts'
import { lastPart, tell, type History, type Told } from './history.ts'
import { NOTHING } from './root.ts'
import type { ExplainRoot } from './types.ts'

/** So many times what a path usually takes is slow, where it is this much at least: what a human notices. */
const SLOW_TIMES = 10
const SLOW_US = 100_000
/** How far back a path's traces are looked at, and how many pages of them at most. */
const BACK_US = 600_000_000
const PAGES_MAX = 10

/** Late answers of one path. */
export interface Slow {
  /** The trace of the first of them. */
  readonly trace: Told
  readonly tookUs: number
  readonly usualUs: number
  /** How many there were, of so many that were traced. */
  readonly count: number
  readonly of: number
}

interface Attempted {
  readonly trace: Told
  readonly tookUs: number
}

/** The late answers on a path behind a position; null where there is none, or no trace. */
export function slowness(
  history: History,
  stream: string,
  { fromPosition = 1, io }: { fromPosition?: number; io?: Told } = {},
): Slow | null {
  const attempts = [...attemptsOn(history, stream)]
  const usualUs = median(attempts.map(({ tookUs }) => tookUs))
  const isLate = ({ tookUs }: Attempted): boolean => tookUs >= SLOW_US && tookUs >= usualUs * SLOW_TIMES
  const late = attempts.filter((one) => isLate(one) && one.trace.position >= fromPosition)
  const [first] = io === undefined ? late : late.filter(({ trace }) => trace.position === io.position)
  if (first === undefined) return null
  return { ...first, usualUs, count: late.length, of: attempts.length }
}

/** As the first evidence: nothing failed. */
export function rootOfSlow({ trace, tookUs, usualUs }: Slow, stream: string): ExplainRoot {
  const { op, offset, length } = trace.data as { op: string; offset: number; length: number }
  return {
    ...NOTHING,
    ...{
      kind: 'slow',
      position: trace.position,
      stream: trace.stream,
      op,
      offset,
      length,
      path: lastPart(stream),
    },
    reason: `answered after ${tookUs} us; ${usualUs} us is usual of this path`,
  }
}

/** 'sda:0 answered I/O 17 after 1300000 us, where 200 us is usual of it: slow, and under every limit.' */
export function saySlow({ trace, tookUs, usualUs, count, of }: Slow, name: string): string {
  const many = count > 1 ? ` So did ${count - 1} more of the ${of} that were traced.` : ''
  return `${name} answered I/O ${String(trace.data['bio'])} after ${tookUs} us, where ${usualUs} us is usual of it: slow, and under every limit.${many}`
}

/** What was answered well on a path lately, as far as it was traced. */
function* attemptsOn(history: History, stream: string): Generator<Attempted> {
  const wwid = stream.slice('path/'.length, stream.lastIndexOf('/'))
  const untilUs = history.at(history.position)?.recordedAtUs ?? 0
  const query = {
    type: 'head.ioTraced',
    stream: `head/${wwid}`,
    toPosition: history.position,
    fromTimeUs: Math.max(0, untilUs - BACK_US),
  }
  let read = 0
  for (const page of pages(history.reader, query)) {
    for (const row of page) yield* answersOf(tell(row), lastPart(stream))
    read += 1
    if (read >= PAGES_MAX) return
  }
}

function* answersOf(trace: Told, hctl: string): Generator<Attempted> {
  const attempts = trace.data['attempts'] as readonly { path: string; status: string; tookUs: number }[]
  for (const { path, status, tookUs } of attempts)
    if (path === hctl && status === 'OK') yield { trace, tookUs }
}

function median(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? 0
}
