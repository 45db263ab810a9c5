// Questions that nobody foresaw: one SELECT of the reader's own, on a connection that cannot write, in a process of its own
// that is killed when its time is up. SQLite runs a statement to its end, and a thread cannot stop it.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import { ledgerFile } from '../file/connection.ts'
import { endingOf } from '../file/ending.ts'
import { fromWire, type WireError } from '../file/error-wire.ts'
import { ledgerError } from '../file/sqlite-errors.ts'

/** Bounds of a question. */
export interface SqlBounds {
  /** Rows that are given at most; default 1,000, at most 100,000. */
  readonly rowsMax?: number
  /** Milliseconds that it may take; default 10,000, at most an hour. */
  readonly msMax?: number
}

/**
 * What a question came to. Integers that a JS number does not hold exactly are decimal text, blobs hexadecimal text.
 * `more` says that there are further rows.
 */
export interface SqlAnswer {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number | null)[])[]
  readonly more: boolean
}

/** What the process answers: the rows, or why there are none. */
export type SqlReply =
  | SqlAnswer
  | { readonly refused: string }
  | { readonly error: WireError }
  | { readonly code: string; readonly message: string }

const ROWS = { usual: 1_000, most: 100_000 }
const MS = { usual: 10_000, most: 3_600_000 }
/** Bytes of an answer. */
export const SQL_BYTES_MAX = 64 * 1024 * 1024

/** What a statement may begin with. ATTACH, PRAGMA and the rest cannot be asked, whatever they would do. */
const MAY_BEGIN = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*(?:SELECT|WITH|VALUES|EXPLAIN)\b/i

/**
 * Asks a ledger file one SELECT. Nothing can be written, attached or loaded through it. Rejects with SQL_REFUSED for
 * what is no single SELECT, SQL_BOUNDS when it takes too long or too much, and LEDGER_*.
 */
export async function askSql(name: string, sql: string, bounds: SqlBounds = {}): Promise<SqlAnswer> {
  checkArguments('askSql', { name, sql }, { name: 'file', sql: 'text' })
  checkFields('askSql', 'bounds', bounds, { rowsMax: 'number?', msMax: 'number?' })
  const rowsMax = within('rowsMax', bounds.rowsMax ?? ROWS.usual, ROWS.most)
  const msMax = within('msMax', bounds.msMax ?? MS.usual, MS.most)
  if (!MAY_BEGIN.test(sql)) throw refused('It begins with neither SELECT, WITH, VALUES nor EXPLAIN.')
  const file = ledgerFile(name)
  const reply = await ask({ file, sql, rowsMax }, msMax)
  if ('rows' in reply) return reply
  if ('refused' in reply) throw refused(reply.refused)
  if ('error' in reply) throw fromWire(reply.error)
  throw ledgerError(Object.assign(new Error(reply.message), { code: reply.code }), file)
}

function within(what: string, value: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value
  throw bounded(`${what} is ${value}.`, `It is a whole number from 1 to ${most}.`, 'Correct it.')
}

function ask(question: { file: string; sql: string; rowsMax: number }, msMax: number): Promise<SqlReply> {
  const entry = new URL(`./sql-worker.${endingOf(import.meta.url)}`, import.meta.url)
  // The signal cannot be held up by what the process does.
  const options = {
    timeout: msMax,
    killSignal: 'SIGKILL',
    maxBuffer: SQL_BYTES_MAX,
    encoding: 'utf8',
  } as const
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [fileURLToPath(entry)], options, (error, stdout, stderr) => {
      if (error === null) return resolve(JSON.parse(stdout) as SqlReply)
      if (error.killed === true) {
        reject(bounded(`The statement has not ended within ${msMax} ms.`, 'It was ended.', NARROWER))
      } else reject(bounded('The statement could not be run.', stderr.trim() || error.message, NARROWER))
    })
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(JSON.stringify({ ...question, asker: process.pid }))
  })
}

const NARROWER = 'Ask for less: a range of positions, one stream, one type; or allow it more time.'

function bounded(message: string, why: string, todo: string): PathledgerError {
  return new PathledgerError('SQL_BOUNDS', { message, why, todo, errno: 'ETIMEDOUT' })
}

function refused(why: string): PathledgerError {
  return new PathledgerError('SQL_REFUSED', {
    message: 'This statement cannot be used on a ledger.',
    why,
    todo: 'Write one SELECT. docs/ledger.md has the schema, and store/audit/ has examples.',
    errno: 'EINVAL',
  })
}
