// A ledger as text: one row a line, and a last line that says where it ends. Taken in again it is the same ledger, hash by
// hash, and given out again the same text.
import { argumentInvalid, checkArguments, shown } from '../../errors/arguments.ts'
import { z } from 'zod'
import { resolve } from 'node:path'
import { PathledgerError } from '../../errors.ts'
import { hex, sameBytes } from '../rows/encoding.ts'
import { pages } from '../pages.ts'
import type { LedgerHead, LedgerReader, StoredEvent } from '../types.ts'
import { NewLedger, Unchained } from './new-ledger.ts'

/** The text of a ledger, a page of lines at a time. What is appended meanwhile is not in it. */
export function* exportLedger(reader: LedgerReader): Generator<string> {
  checkArguments('exportLedger', { reader }, { reader: 'reader' })
  const { events, hash } = reader.head()
  for (const page of pages(reader, { toPosition: events })) {
    yield page.map((row) => `${lineOfRow(row)}\n`).join('')
  }
  yield `${JSON.stringify({ events, hash: hex(hash) })}\n`
}

/** One row as a line: the columns in their order, the hash in hex. */
export function lineOfRow({ hash, ...row }: StoredEvent): string {
  return JSON.stringify({ ...row, hash: hex(hash) })
}

const hashText = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform((text) => new Uint8Array(Buffer.from(text, 'hex')))
const whole = z.int()
const rowLine = z.strictObject({
  position: whole,
  eventId: z.string(),
  stream: z.string(),
  version: whole,
  type: z.string(),
  schema: whole,
  recordedAtUs: whole,
  monoUs: whole,
  bootId: z.string(),
  cause: whole.nullable(),
  actor: z.string(),
  reason: z.string().nullable(),
  data: z.string(),
  decision: z.string(),
  hash: hashText,
})
const endLine = z.strictObject({ events: whole, hash: hashText })

/** Rows committed together. */
const BATCH = 1_000

/**
 * Makes a ledger of its text: what {@link exportLedger} gives, or its lines. Every row is what it was: actor, times, hash; the chain is checked, and so is the end. Rejects
 * with FILE_EXISTS, IMPORT_INVALID (it names the line), LEDGER_FROM_THE_FUTURE or LEDGER_*, and leaves no file then.
 */
export async function importLedger(
  name: string,
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<LedgerHead> {
  checkArguments('importLedger', { name }, { name: 'file' })
  if (!isLines(lines))
    throw argumentInvalid(
      'importLedger',
      `lines is what exportLedger gives, or lines of it, and it was given ${shown(lines)}.`,
    )
  const ledger = new NewLedger(resolve(name))
  let [number, batch, end]: [number, StoredEvent[], LedgerHead | null] = [0, [], null]
  const commit = (): void => {
    ledger.add(batch)
    batch = []
  }
  try {
    for await (const line of linesOf(lines)) {
      number += 1
      if (end !== null) throw invalid(number, 'It comes behind the line that says where the ledger ends.')
      const parsed = parseLine(line, number)
      if ('position' in parsed) batch.push(parsed)
      else end = parsed
      if (batch.length >= BATCH) commit()
    }
    commit()
    if (end === null)
      throw invalid(number + 1, 'The last line, which says where the ledger ends, is missing.')
    if (end.events !== ledger.head.events || !sameBytes(end.hash, ledger.head.hash)) {
      throw invalid(
        number,
        `It says that there are ${end.events} events; ${ledger.head.events} came before it.`,
      )
    }
    return ledger.finish()
  } catch (error) {
    ledger.abandon()
    throw error instanceof Unchained ? invalid(error.position, `${error.message}.`) : error
  }
}

function isLines(lines: unknown): lines is AsyncIterable<string> | Iterable<string> {
  const object = Object(lines) as Partial<AsyncIterable<string> & Iterable<string>>
  return typeof object[Symbol.iterator] === 'function' || typeof object[Symbol.asyncIterator] === 'function'
}

/**
 * The lines of a text, however it comes: line by line without their ends, as readline gives them; or in pieces with newlines in
 * them, as `exportLedger` and streams give them. A ledger begins with a short line, so its first piece tells which.
 */
async function* linesOf(pieces: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let isText: boolean | null = null
  let rest = ''
  for await (const piece of pieces) {
    if (typeof piece !== 'string')
      throw argumentInvalid('importLedger', `lines are texts, and one of them is ${shown(piece)}.`)
    isText ??= piece.includes('\n')
    if (!isText) yield piece
    else {
      const found = (rest + piece).split('\n')
      rest = found.pop() ?? ''
      yield* found
    }
  }
  if (rest !== '') yield rest
}

function parseLine(line: string, number: number): StoredEvent | LedgerHead {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    throw invalid(number, 'It is not JSON.')
  }
  const parsed = (isEnd(json) ? endLine : rowLine).safeParse(json)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`)
  throw invalid(number, `${issues.join('; ')}.`)
}

function isEnd(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'events' in json
}

function invalid(line: number, why: string): PathledgerError {
  return new PathledgerError('IMPORT_INVALID', {
    message: `Line ${line} is not a valid line of an export.`,
    why,
    todo: 'Export the ledger again, and import the whole output. No file was made.',
    details: { line },
  })
}
