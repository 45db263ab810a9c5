// SQLite's error codes in our words. Extended codes ('SQLITE_IOERR_WRITE') begin with their primary one.
import type { ErrorCode } from '../../errors/codes.ts'
import { messageOf, PathledgerError } from '../../errors.ts'
import type { ErrorParts } from '../../errors.ts'

interface Meaning {
  readonly begins: readonly string[]
  readonly code: ErrorCode
  readonly errno?: string
  readonly parts: (file: string) => Pick<ErrorParts, 'message' | 'todo'>
}

const MEANINGS: readonly Meaning[] = [
  {
    // The shared index of the write-ahead log cannot grow.
    begins: ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE'],
    code: 'LEDGER_FULL',
    errno: 'ENOSPC',
    parts: (file) => ({
      message: `There is no room to write the ledger ${file}.`,
      todo: 'Free space on its file system and append again: an event id that did land is not written twice.',
    }),
  },
  {
    begins: ['SQLITE_BUSY', 'SQLITE_LOCKED'],
    code: 'LEDGER_BUSY',
    errno: 'EBUSY',
    parts: (file) => ({
      message: `Another program holds the write lock of the ledger ${file}.`,
      todo: 'Let it finish (a backup, an open sqlite3 shell with a transaction) and try again.',
    }),
  },
  {
    begins: ['SQLITE_NOTADB'],
    code: 'NOT_A_LEDGER',
    parts: (file) => ({
      message: `${file} is not a ledger.`,
      todo: 'Name a ledger file, or a file that does not exist yet to start a new one.',
    }),
  },
  {
    begins: ['SQLITE_CORRUPT'],
    code: 'LEDGER_DAMAGED',
    parts: (file) => ({
      message: `The ledger ${file} is damaged.`,
      todo: 'Keep a copy of the file, run `pathledger verify` on it, and start a new ledger.',
    }),
  },
  {
    begins: ['SQLITE_READONLY', 'SQLITE_PERM', 'SQLITE_AUTH', 'SQLITE_CANTOPEN'],
    code: 'LEDGER_PERMISSION',
    errno: 'EACCES',
    parts: (file) => ({
      message: `The ledger ${file} cannot be opened as it has to be.`,
      todo: 'Check the mode and the owner of the file and of its folder: SQLite keeps two files beside it.',
    }),
  },
  {
    begins: [
      ...['SQLITE_CONSTRAINT_CHECK', 'SQLITE_CONSTRAINT_NOTNULL', 'SQLITE_CONSTRAINT_DATATYPE'],
      ...['SQLITE_MISMATCH', 'SQLITE_TOOBIG'],
    ],
    code: 'EVENT_INVALID',
    parts: (file) => ({
      message: `The ledger ${file} refuses an event.`,
      todo: 'Correct the event; nothing of its append was written.',
    }),
  },
  {
    // What is appended collides with nothing that the head knows of: a row is there that nobody appended.
    begins: ['SQLITE_CONSTRAINT'],
    code: 'LEDGER_DAMAGED',
    parts: (file) => ({
      message: `The ledger ${file} was written to by something else.`,
      todo: 'Keep a copy of the file, run `pathledger verify` on it, and start a new ledger.',
    }),
  },
]

const OTHER: Meaning = {
  begins: [],
  code: 'LEDGER_IO',
  errno: 'EIO',
  parts: (file) => ({
    message: `The ledger ${file} could not be read or written.`,
    todo: 'Check the device that the ledger is on.',
  }),
}

/** True for an error that SQLite itself raised. */
export function isSqliteError(error: unknown): error is Error & { readonly code: string } {
  const code = (error as { code?: unknown } | null)?.code
  return error instanceof Error && typeof code === 'string' && code.startsWith('SQLITE_')
}

/** True when a row of the batch is at fault, not the file or the disk. */
export function blamesRow(error: unknown): boolean {
  return isSqliteError(error) && meaningOf(error.code).code === 'EVENT_INVALID'
}

/**
 * Any error met while using a ledger file as one of ours; ours pass through. A write that failed may have reached the
 * medium, so `outcome` is 'unknown': appending again with the same event ids is safe.
 */
export function ledgerError(error: unknown, file: string): PathledgerError {
  if (error instanceof PathledgerError) return error
  const code = isSqliteError(error) ? error.code : ''
  const { code: ours, errno, parts } = meaningOf(code)
  return new PathledgerError(ours, {
    ...parts(file),
    why: `${code === '' ? 'The error is' : `SQLite says ${code}`}: ${errorText(error)}.`,
    ...(errno === undefined ? {} : { errno }),
    outcome: ours === 'LEDGER_IO' || ours === 'LEDGER_FULL' ? 'unknown' : 'failed',
    details: { file, sqlite: code },
    cause: error,
  })
}

function meaningOf(code: string): Meaning {
  return MEANINGS.find(({ begins }) => begins.some((start) => code.startsWith(start))) ?? OTHER
}

function errorText(error: unknown): string {
  return messageOf(error).replace(/\.$/, '')
}
