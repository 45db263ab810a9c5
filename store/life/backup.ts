// A copy of a ledger while an engine writes it: of one moment, and verified before it has its name.
import { checkArguments } from '../../errors/arguments.ts'
import { resolve } from 'node:path'
import { PathledgerError } from '../../errors.ts'
import { connect, connectReadOnly, ledgerFile } from '../file/connection.ts'
import { ledgerError } from '../file/sqlite-errors.ts'
import { verifyChain } from '../verify/verify.ts'
import { refuseLeftWal } from '../file/write-ahead.ts'
import { NewFile } from './new-file.ts'

/** What was copied. */
export interface Backup {
  readonly file: string
  readonly events: number
  /** Hash of the copy's last event, in hex. */
  readonly head: string
}

/**
 * Copies a ledger, also while an engine writes it: it reads one moment and holds up nobody, but the write-ahead log cannot
 * start over meanwhile. The copy is verified. Throws FILE_EXISTS, BACKUP_DAMAGED, LEDGER_*; then there is no copy.
 */
export function backupLedger(name: string, copyName: string): Backup {
  const file = ledgerFile(name)
  checkArguments('backupLedger', { copyName }, { copyName: 'file' })
  const copy = resolve(copyName)
  refuseLeftWal(copy)
  const made = new NewFile(copy, file)
  try {
    const db = connectReadOnly(file)
    try {
      db.prepare('VACUUM INTO ?').run(made.partial)
    } finally {
      db.close()
    }
    const { firstBad, why, events, head } = verifyChain(made.partial)
    if (firstBad !== null) throw damaged(file, why)
    reindex(made.partial)
    made.take()
    return { file: copy, events, head }
  } catch (error) {
    made.abandon()
    throw ledgerError(error, file)
  }
}

/** VACUUM copies an index as it is, and it may say otherwise than the rows. Nobody else sees the file yet: its journal need not outlive us. */
function reindex(partial: string): void {
  const db = connect(partial, { mode: 'rw' })
  try {
    db.pragma('journal_mode = MEMORY')
    db.pragma('synchronous = OFF')
    db.exec('REINDEX')
  } finally {
    db.close()
  }
}

function damaged(file: string, why: string): PathledgerError {
  return new PathledgerError('BACKUP_DAMAGED', {
    message: `The copy of ${file} does not verify, and was deleted.`,
    why,
    todo: 'Run `pathledger verify` on the ledger itself.',
    details: { file },
  })
}
