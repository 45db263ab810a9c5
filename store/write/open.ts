// The ledger of an engine: its lock, its writer, and a reader of its own.
import { PathledgerError } from '../../errors.ts'
import { behaviourOf } from '../../machines/behaviour.ts'
import { inspectFile, notFound } from '../file/connection.ts'
import { Custody } from '../file/custody.ts'
import type { HeaderFacts, LedgerHeader } from '../rows/header.ts'
import type { WriterLimits } from '../limits.ts'
import { lockLedger } from '../file/lock.ts'
import { openLedgerReader } from '../read/reader.ts'
import type { FileReader, SqlReader } from '../read/reader.ts'
import type { LedgerStore } from '../types.ts'
import { startWriter } from './writer.ts'
import type { SpawnWriter, Writer } from './writer.ts'

/** How an engine opens its ledger. */
export interface OpenLedgerOptions {
  /** What position 1 says when the ledger is new; its clock values also say when the lock was taken. */
  readonly header: HeaderFacts
  /** Makes the file when it does not exist. Default true; false gives LEDGER_NOT_FOUND. */
  readonly create?: boolean
  readonly limits?: Partial<WriterLimits>
  /** Starts the writer's thread; for tests. */
  readonly spawn?: SpawnWriter
}

/** The store of a ledger file, with what only a file has. */
export interface FileLedger extends LedgerStore, SqlReader {
  /** The file, without symbolic links. */
  readonly file: string
  readonly header: LedgerHeader
  /** True when this open made the ledger. */
  readonly created: boolean
}

/**
 * Opens a ledger for an engine, or makes it. Rejects with LEDGER_LOCKED (it names the pid of the engine that has it),
 * NOT_A_LEDGER, LEDGER_FROM_THE_FUTURE, LEDGER_NOT_FOUND, LEDGER_LINKED, LEDGER_WAL_FOREIGN, LEDGER_PERMISSION,
 * LEDGER_DAMAGED, LEDGER_BUSY, LEDGER_FULL or LEDGER_IO; a refused open loses nothing and creates nothing but the lock file.
 */
export async function openLedger(name: string, options: OpenLedgerOptions): Promise<FileLedger> {
  const { file, kind } = inspectFile(name)
  if (kind !== 'ledger' && options.create === false) throw notFound(file)
  const lock = lockLedger(file, options.header.recordedAtUs)
  let writer: Writer | null = null
  try {
    writer = await startWriter(file, options)
    refuseObservations(file, writer.header)
    return ledgerOf(writer, openLedgerReader(file), () => lock.release())
  } catch (error) {
    try {
      await writer?.close()
    } finally {
      lock.release()
    }
    throw error
  }
}

/** An engine decides; on a ledger of observations nobody did, so that nothing may be decided behind them. */
function refuseObservations(file: string, { flags }: LedgerHeader): void {
  if (!behaviourOf(flags).observed) return
  throw new PathledgerError('LEDGER_OBSERVED', {
    message: `${file} holds observations of a host, and no engine can continue it.`,
    why: 'pathledger decided nothing on it: its paths and maps belong to other software.',
    todo: 'Give the engine a ledger of its own. Query this one with `audit`, `explain`, `replay` and `show`.',
  })
}

function ledgerOf(writer: Writer, reader: FileReader, release: () => void): FileLedger {
  let closing: Promise<void> | null = null
  const custody = new Custody(reader.file)
  const close = async (): Promise<void> => {
    try {
      await writer.finish()
      // The last connection to close empties the WAL and removes it by its name; that has to be one that may write. Where
      // somebody else's is under that name, it must be none that may.
      if (custody.walIsOurs()) reader.close()
      await writer.close()
      reader.close()
    } finally {
      release()
    }
  }
  return {
    file: reader.file,
    header: writer.header,
    created: writer.created,
    append: (append) => writer.append(append),
    subscribe: (listener) => writer.subscribe(listener),
    read: (query) => reader.read(query),
    head: () => reader.head(),
    positionAt: (timeUs) => reader.positionAt(timeUs),
    snapshot: (position) => reader.snapshot(position),
    decisions: (from, to) => reader.decisions(from, to),
    inputs: (from, to) => reader.inputs(from, to),
    select: (sql, values) => reader.select(sql, values),
    atOnce: (ask) => reader.atOnce(ask),
    close: () => (closing ??= close()),
  }
}
