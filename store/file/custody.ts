// Is what we write to still what its name says? A file that was renamed, deleted or replaced goes on taking commits, and nobody
// who opens the ledger by its name ever sees them: so each commit looks first, and again before it is told to be durable.
import { statSync } from 'node:fs'
import { PathledgerError } from '../../errors.ts'

interface Identity {
  readonly dev: bigint
  readonly ino: bigint
}

/** What lies under a name; null for nothing. */
function identityOf(name: string): (Identity & { readonly nlink: bigint }) | null {
  try {
    return statSync(name, { bigint: true, throwIfNoEntry: false }) ?? null
  } catch {
    // A name that leads nowhere any more (a folder on the way is gone or shut) is a name without a file.
    return null
  }
}

function isSame(one: Identity | null, other: Identity | null): boolean {
  return one?.dev === other?.dev && one?.ino === other?.ino
}

/** A ledger's file, its write-ahead log and its lock, as they were when it was opened. */
export class Custody {
  readonly #file: string
  readonly #main: Identity | null
  readonly #wal: Identity | null
  readonly #lock: Identity | null

  /** Remembers what lies there now; call it once SQLite has opened all of it. */
  constructor(file: string) {
    this.#file = file
    this.#main = identityOf(file)
    this.#wal = identityOf(`${file}-wal`)
    this.#lock = identityOf(`${file}.lock`)
  }

  /** Throws LEDGER_MOVED where one of them is not under its name any more, or the ledger has a second name. */
  check(): void {
    const file = this.#file
    const main = identityOf(file)
    if (main === null) throw moved(file, `Nothing is under the name ${file} any more.`)
    if (!isSame(main, this.#main)) throw moved(file, `Another file is under the name ${file} now.`)
    if (main.nlink !== 1n) throw moved(file, `The file has ${main.nlink} names now: a hard link was made.`)
    if (!this.walIsOurs()) throw moved(file, `Its write-ahead log ${file}-wal was taken away or replaced.`)
    if (this.#lock !== null && !isSame(identityOf(`${file}.lock`), this.#lock)) {
      throw moved(file, `Its lock ${file}.lock was taken away or replaced: another engine could have it too.`)
    }
  }

  /** {@link check} without the error. */
  isKept(): boolean {
    try {
      this.check()
      return true
    } catch {
      return false
    }
  }

  /** Whether the write-ahead log under its name is the one that is written to: only then may it be removed by name. */
  walIsOurs(): boolean {
    return isSame(identityOf(`${this.#file}-wal`), this.#wal)
  }
}

/** Throws LEDGER_LINKED for a file with several names: each has a write-ahead log of its own, and one does not see the other's. */
export function refuseLinks(file: string): void {
  const nlink = identityOf(file)?.nlink ?? 1n
  if (nlink === 1n) return
  throw new PathledgerError('LEDGER_LINKED', {
    message: `The ledger ${file} has ${nlink} names (hard links).`,
    why: 'Lock and write-ahead log go by the name: two engines could write it, and neither would see the other.',
    todo: 'Remove the other names, or copy the ledger with `pathledger backup`.',
    errno: 'EMLINK',
    details: { file, names: Number(nlink) },
  })
}

function moved(file: string, why: string): PathledgerError {
  return new PathledgerError('LEDGER_MOVED', {
    message: `The ledger ${file} was moved, deleted, linked or replaced while it was written to.`,
    why,
    todo: 'Put it back together with its -wal, or start a new one. Rotate with `pathledger segment`, copy with `pathledger backup`.',
    errno: 'ESTALE',
    outcome: 'unknown',
    details: { file },
  })
}
