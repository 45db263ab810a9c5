// Ledger files, their text, and files of settings, made up or spoilt. Each is refused with an error of ours, or its first bad
// position is told, or it is what it was: nothing crashes, hangs, or takes what is wrong for right. PATHLEDGER_FUZZ_RUNS=100
// makes a hundred times as many; `corpus` has what is worth trying every time.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fenceFromConfig } from '../../adapters/fence-command.ts'
import { PathledgerError } from '../../errors.ts'
import { foldAll } from '../../store/state/fold.ts'
import { exportLedger, importLedger } from '../../store/life/ndjson.ts'
import { parseSignedHead } from '../../store/life/signed-head.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { makeFolder, removeFolder } from '../cli/harness.ts'
import { HEADER } from '../store/events.ts'
import { story } from '../store/story.ts'

const TIMES = Number(process.env['PATHLEDGER_FUZZ_RUNS'] ?? 1)
const LONG_MS = 20_000 + TIMES * 20_000

let folder = ''
let whole: Buffer
let text: readonly string[]

beforeAll(() => {
  folder = makeFolder()
  const file = join(folder, 'whole.ledger')
  const ledger = LedgerFile.open(file, { header: HEADER })
  for (const events of story()) ledger.appendBatch([{ events }])
  ledger.close()
  whole = readFileSync(file)
  text = linesOf(file)
})
afterAll(() => removeFolder(folder))

function corpus(name: string): string[] {
  const lines = readFileSync(new URL(`corpus/${name}.txt`, import.meta.url), 'utf8').split('\n')
  return lines.slice(0, -1)
}

function linesOf(file: string): string[] {
  const reader = openLedgerReader(file)
  try {
    return [...exportLedger(reader)].join('').trimEnd().split('\n')
  } finally {
    reader.close()
  }
}

/** What something comes to: its value, or an error that has to be one of ours and no bug of ours. */
function orRefusal<Value>(work: () => Value): Value | PathledgerError {
  try {
    return work()
  } catch (error) {
    return expectOurs(error)
  }
}

function expectOurs(error: unknown): PathledgerError {
  if (!(error instanceof PathledgerError)) throw error
  expect(error.code).not.toBe('INVARIANT_BROKEN')
  for (const words of [error.why, error.todo]) expect(words.length).toBeGreaterThan(5)
  return error
}

interface Edit {
  readonly at?: number
  readonly bytes?: readonly number[]
  /** The file ends there. */
  readonly cut?: number
}

function spoilt(edits: readonly Edit[]): Buffer {
  let bytes = Buffer.from(whole)
  for (const { at = 0, bytes: put = [], cut } of edits) {
    bytes.set(put.slice(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length))
    if (cut !== undefined) bytes = bytes.subarray(0, cut)
  }
  return bytes
}

/** Everything that reads a ledger, on a file that is perhaps none. */
function tryLedger(edits: readonly Edit[]): void {
  const file = join(folder, 'spoilt.ledger')
  writeFileSync(file, spoilt(edits))
  const found = orRefusal(() => verifyLedger(file))
  if (!(found instanceof PathledgerError) && found.firstBad === null && found.warnings.length === 0) {
    // It hit what no row is made of. An audit of it says what an audit of the whole one says.
    expect(linesOf(file)).toEqual(text)
  }
  orRefusal(() => {
    const reader = openLedgerReader(file)
    try {
      foldAll(reader)
      for (const _page of exportLedger(reader)) continue
    } finally {
      reader.close()
    }
  })
  orRefusal(() => {
    const ledger = LedgerFile.open(file, { header: HEADER, create: false })
    ledger.keepUp()
    ledger.close()
  })
  for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true })
}

const byte = fc.integer({ min: 0, max: 255 })
const place = () =>
  fc.oneof(
    fc.integer({ min: 0, max: whole.length - 1 }),
    fc.integer({ min: 0, max: 120 }),
    // The headers of pages, where a little goes a long way.
    fc
      .tuple(fc.integer({ min: 0, max: whole.length / 4096 - 1 }), fc.integer({ min: 0, max: 16 }))
      .map(([page, at]) => page * 4096 + at),
  )
const edit = () =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ at: place(), bytes: fc.array(byte, { minLength: 1, maxLength: 8 }) }),
    },
    {
      weight: 2,
      // Pages that change places, or are there twice.
      arbitrary: fc
        .tuple(fc.integer({ min: 0, max: 11 }), fc.integer({ min: 0, max: 11 }))
        .map(([to, from]) => ({ at: to * 4096, bytes: [...whole.subarray(from * 4096, (from + 1) * 4096)] })),
    },
    { weight: 1, arbitrary: fc.record({ cut: fc.integer({ min: 0, max: whole.length }) }) },
  )

test(
  'a ledger file that was spoilt is refused, or told, or says what it said',
  () => {
    for (const line of corpus('ledger-edits')) tryLedger(JSON.parse(line) as Edit[])
    fc.assert(fc.property(fc.array(edit(), { minLength: 1, maxLength: 4 }), tryLedger), {
      numRuns: 25 * TIMES,
    })
  },
  LONG_MS,
)

/** Takes in lines: what comes of it is the ledger that they say, or no file at all. */
async function tryImport(lines: readonly string[]): Promise<void> {
  const file = join(folder, 'import.ledger')
  const taken = await importLedger(file, lines).catch(expectOurs)
  if (taken instanceof PathledgerError) {
    expect([file, `${file}.partial`].filter((name) => existsSync(name))).toEqual([])
    return
  }
  expect(linesOf(file).map((line) => JSON.parse(line) as unknown)).toEqual(
    lines.map((line) => JSON.parse(line) as unknown),
  )
  expect(verifyLedger(file)).toMatchObject({ chain: 'ok', firstBad: null })
  rmSync(file)
}

type Spoil = (lines: string[]) => string[]

const spoil = () => {
  const at = fc.integer({ min: 0, max: text.length - 1 })
  const field = fc.constantFrom(...Object.keys(JSON.parse(text[0] ?? '{}') as object), 'events')
  return fc.oneof(
    at.map(
      (line): Spoil =>
        (lines) =>
          lines.toSpliced(line, 1),
    ),
    fc.tuple(at, at).map(
      ([line, to]): Spoil =>
        (lines) =>
          lines.toSpliced(to, 0, lines[line] ?? ''),
    ),
    fc.tuple(at, fc.constantFrom(...corpus('ndjson-lines'))).map(([line, put]): Spoil => {
      return (lines) => lines.with(line % lines.length, put)
    }),
    fc.tuple(at, fc.nat(400), fc.string({ maxLength: 3 })).map(([line, from, put]): Spoil => {
      return (lines) =>
        lines.map((old, no) => (no === line ? old.slice(0, from) + put + old.slice(from + 1) : old))
    }),
    fc.tuple(at, field, fc.jsonValue()).map(([line, name, put]): Spoil => {
      return (lines) => lines.map((old, no) => (no === line ? withField(old, name, put) : old))
    }),
  )
}

function withField(line: string, name: string, value: unknown): string {
  try {
    return JSON.stringify({ ...(JSON.parse(line) as object), [name]: value })
  } catch {
    return line
  }
}

test(
  'the text of a ledger is taken in as it is, or refused and no file is left',
  async () => {
    await tryImport(text)
    for (const line of corpus('ndjson-lines')) await tryImport([line])
    const spoils = fc.array(spoil(), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(spoils, (list) => {
        return tryImport(
          list.reduce<string[]>((lines, one) => (lines.length > 0 ? one(lines) : lines), [...text]),
        )
      }),
      { numRuns: 12 * TIMES },
    )
  },
  LONG_MS,
)

test(
  'a signed head and a file of fence commands are what they have to be, or refused by their code',
  () => {
    const file = join(folder, 'fences.json')
    const words = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((fences) => JSON.stringify({ fences })),
    )
    fc.assert(
      fc.property(words, (written) => {
        const head = orRefusal(() => parseSignedHead(written))
        if (head instanceof PathledgerError) expect(head.code).toBe('SIGNED_HEAD_INVALID')
        writeFileSync(file, written)
        const fence = orRefusal(() => fenceFromConfig(file))
        if (fence instanceof PathledgerError) expect(fence.code).toMatch(/^FENCE_CONFIG/)
      }),
      { numRuns: 60 * TIMES },
    )
  },
  LONG_MS,
)
