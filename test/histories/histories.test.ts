// Golden histories: ledgers as they were written once, replayed for ever. A machine that decides one of them otherwise
// breaks old ledgers. This test writes nothing; scripts/golden.ts does, when somebody means it.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { decisionText } from '../../machines/decision.ts'
import { checkEvent, EVENT_TYPES, machineOf } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import { foldAll, redecide } from '../../store/state/fold.ts'
import { behaviourOfHeader } from '../../store/rows/header.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import type { StoredEvent } from '../../store/types.ts'
import { verifyRows } from '../../store/verify/verify.ts'
import { lineOf, STORIES } from './stories.ts'

const FOLDER = new URL('.', import.meta.url)
const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.ndjson'))
  .map((file) => file.slice(0, -'.ndjson'.length))

function textOf(name: string): string {
  return readFileSync(new URL(`${name}.ndjson`, FOLDER), 'utf8')
}

function rowsOf(name: string): StoredEvent[] {
  return textOf(name)
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { hash, ...row } = JSON.parse(line) as Omit<StoredEvent, 'hash'> & { hash: string }
      return { ...row, hash: new Uint8Array(Buffer.from(hash, 'hex')) }
    })
}

describe('golden histories', () => {
  test('are there: each story has its file, and no file is without its story', () => {
    expect([...NAMES].sort()).toEqual(Object.keys(STORIES).sort())
  })

  test('tell of everything that an engine records in normal and in bad times', () => {
    const told = new Set(NAMES.flatMap((name) => rowsOf(name).map(({ type }) => type)))
    // What no public call and no fault of these stories makes an engine say.
    const untold = ['path.becameMarginal', 'path.becameSteady']
    untold.push('head.resized', 'head.shrinkRefused', 'lun.ghostsSuperseded', 'engine.ledgerDegraded', 'engine.ledgerRecovered', 'engine.broke')
    untold.push('ledger.segmentClosed', 'ledger.stateCarried', 'ledger.repaired', 'engine.proceededWithoutRecord')
    untold.push('path.silent', 'path.answersAgain', 'path.busy', 'path.busyEnded', 'path.lateError', 'path.triedAtOnce', 'path.placeUnreadable', 'lun.waitBegan', 'lun.waitEnded')
    const missing = [...EVENT_TYPES.keys()].filter((type) => !told.has(type) && !untold.includes(type))
    expect(missing).toEqual([])
  })

  test('are each the same bytes whenever their story is told', async () => {
    for (const tell of Object.values(STORIES)) {
      expect((await tell()).map(lineOf)).toEqual((await tell()).map(lineOf))
    }
  })

  test('are not rewritten by running the script that writes them', () => {
    const before = NAMES.map(textOf)
    const script = fileURLToPath(new URL('../../scripts/golden.ts', import.meta.url))
    const said = execFileSync(process.execPath, [script], { encoding: 'utf8' })
    expect(said.trimEnd().split('\n')).toEqual(Object.keys(STORIES).map((name) => `${name}: kept`))
    expect(NAMES.map(textOf)).toEqual(before)
  })
})

describe.each(NAMES)('%s', (name) => {
  const rows = rowsOf(name)

  test('is decided again, byte for byte, from its inputs alone', () => {
    const states = new Map<string, StreamState>()
    const behaviour = behaviourOfHeader(rows[0]!.data)
    for (const { stream, type, position, monoUs, data, decision } of rows) {
      const machine = machineOf(stream)
      const input = { type, atUs: monoUs, data: JSON.parse(data) as Record<string, unknown> }
      const decided = machine.decide(states.get(stream) ?? machine.initial(), input, behaviour)
      expect(decisionText(decided.decision, behaviour), `position ${position}: ${type} on ${stream}`).toBe(decision)
      states.set(stream, decided.state)
    }
    expect(states.size).toBeGreaterThanOrEqual(5)
  })

  test('has an unbroken chain, payloads that are still valid, and one state however it is read', () => {
    const reader = memoryReader(rows)
    expect(verifyRows(reader)).toMatchObject({ events: rows.length, chain: 'ok', replay: 'equal', firstBad: null })
    expect(foldAll(reader)).toEqual(redecide(reader))
    for (const { stream, type, data } of rows) {
      expect(() => checkEvent(stream, type, JSON.parse(data))).not.toThrow()
    }
    expect(rows.map(lineOf).join('\n')).toBe(textOf(name).trimEnd())
  })

  test('would not pass with one decision changed', () => {
    const at = rows.findIndex(({ type }) => type === 'head.pathsChanged')
    const row = rows[at]!
    const changed = rows.with(at, { ...row, decision: row.decision.replace('"service":"', '"service":"x') })
    const result = verifyRows(memoryReader(changed))
    expect(result.firstBad).toBe(row.position)
  })
})
