// What must hold of a ledger as a whole, whatever the test did, and how to look at it at a position.
import { expect } from 'vitest'
import type { LiveEvent } from '../../engine/ledger/recorder.ts'
import { decisionText } from '../../machines/decision.ts'
import { machineOf } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import { foldAll, redecide, stateAt } from '../../store/state/fold.ts'
import type { LedgerState, StoredEvent } from '../../store/types.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { verifyRows } from '../../store/verify/verify.ts'
import { TimerBook } from './timer-book.ts'

/**
 * Replays every row from its input alone, with no code of store/fold.ts, and compares: with the decision as stored, and
 * with what a subscriber collected live. Then asks the store's own fold, replay and verification for their opinion.
 */
export function checkLedger(
  rows: readonly StoredEvent[],
  lives: readonly LiveEvent[],
  rowsBefore: number,
): void {
  const live = new Map(lives.map(({ event, state }) => [event.position, state]))
  const streams = new Map<string, { state: StreamState; version: number }>()
  const timers = new TimerBook()
  rows.forEach((row, index) => {
    const where = `position ${row.position}, ${row.type} on ${row.stream}`
    const machine = machineOf(row.stream)
    const { state, version } = streams.get(row.stream) ?? { state: machine.initial(), version: 0 }
    expect([row.position, row.version], where).toEqual([index + 1, version + 1])
    if (row.cause !== null) expect(row.cause, `the cause of ${where}`).toBeLessThan(row.position)
    const data = JSON.parse(row.data) as Record<string, unknown>
    const decided = machine.decide(state, { type: row.type, atUs: row.monoUs, data })
    expect(decisionText(decided.decision), where).toBe(row.decision)
    timers.take(row, decided, where)
    streams.set(row.stream, { state: decided.state, version: row.version })
    if (row.position > rowsBefore) expect(live.get(row.position), `live at ${where}`).toEqual(decided.state)
  })
  if (rows.at(-1)?.type === 'engine.stopped') timers.expectNoneLeft()
  const reader = memoryReader(rows)
  expect(foldAll(reader)).toEqual(redecide(reader))
  expect(verifyRows(reader)).toMatchObject({ chain: 'ok', replay: 'equal' })
}

/** The state of every stream when the ledger had so many rows, by its stored decisions and by deciding again. */
export function streamsAt(rows: readonly StoredEvent[], position: number): LedgerState['streams'] {
  const reader = memoryReader(rows)
  const state = stateAt(reader, { position })
  expect(redecide(reader, { toPosition: position })).toEqual(state)
  return state.streams
}
