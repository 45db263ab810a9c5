// The process that runs one SELECT of somebody's own: it reads the question from stdin, prints the answer, and may be killed
// at any time. Its connection is read-only and query_only.
import { readFileSync } from 'node:fs'
import type Database from 'better-sqlite3'
import koffi from 'koffi'
import { PathledgerError } from '../../errors.ts'
import { connectReadOnly } from '../file/connection.ts'
import { toWire } from '../file/error-wire.ts'
import type { SqlReply } from './ask.ts'

const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

interface Question {
  readonly file: string
  readonly sql: string
  readonly rowsMax: number
  /** The process that asked. */
  readonly asker: number
}

function answer({ file, sql, rowsMax }: Question): SqlReply {
  const db = connectReadOnly(file)
  try {
    db.pragma('query_only = ON')
    const statement = prepared(db, sql)
    if (typeof statement === 'string') return { refused: statement }
    const columns = statement.columns().map(({ name }) => name)
    const rows: (string | number | null)[][] = []
    for (const row of statement.raw().safeIntegers().iterate() as Iterable<unknown[]>) {
      if (rows.length === rowsMax) return { columns, rows, more: true }
      rows.push(row.map(plain))
    }
    return { columns, rows, more: false }
  } finally {
    db.close()
  }
}

function prepared(db: Database.Database, sql: string): Database.Statement | string {
  try {
    const statement = db.prepare(sql)
    return statement.reader && statement.readonly ? statement : 'It does not only read.'
  } catch (error) {
    return error instanceof Error ? `${error.message}.` : String(error)
  }
}

function plain(value: unknown): string | number | null {
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value.toString()
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return value as string | number | null
}

/**
 * A statement that runs cannot be told anything, and would hold its moment of the ledger for ever: the kernel ends this process
 * when the one ends that asked (PR_SET_PDEATHSIG). Nobody may have ended before that was said.
 */
function dieWith(asker: number): void {
  const prctl = koffi.load(null).func('int prctl(int option, unsigned long value)')
  prctl(PR_SET_PDEATHSIG, SIGKILL)
  if (process.ppid !== asker) process.exit(1)
}

function reply(): SqlReply {
  try {
    const question = JSON.parse(readFileSync(0, 'utf8')) as Question
    dieWith(question.asker)
    return answer(question)
  } catch (error) {
    if (error instanceof PathledgerError) return { error: toWire(error) }
    const { code = 'SQLITE_ERROR', message } = error as { code?: string; message: string }
    return code === 'SQLITE_ERROR' || code === 'ERR_SQLITE' ? { refused: `${message}.` } : { code, message }
  }
}

process.stdout.write(JSON.stringify(reply()))
