// One engine at a time: an exclusive flock on FILE.lock. The kernel lets go of it when its holder dies, however it
// dies; the text inside is for people and for the error message only.
import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs'
import { PathledgerError } from '../../errors.ts'
import { errnoOf, unreachable } from './connection.ts'
import { tryFlock } from './flock.ts'

/** How long a second opener waits for the first one's pid to appear in the file, milliseconds. */
const PID_WAIT_MS = 50

/** A held lock. */
export interface LedgerLock {
  /** Lets go of it. Calling it twice does nothing. */
  release(): void
}

interface Holder {
  readonly pid: number
  readonly startedAtUs: number
}

/**
 * Takes the lock of a ledger; `file` is its name without symbolic links, `startedAtUs` the wall clock for people to
 * read. Throws LEDGER_LOCKED with the holder's pid, also when the holder is this process; LEDGER_PERMISSION, LEDGER_IO.
 */
export function lockLedger(file: string, startedAtUs: number): LedgerLock {
  const name = `${file}.lock`
  const fd = openLockFile(name, file)
  if (!tryFlock(fd)) {
    closeSync(fd)
    throw locked(file, name)
  }
  writeHolder(fd, { pid: process.pid, startedAtUs })
  let held = true
  return {
    release: () => {
      if (!held) return
      held = false
      emptyText(fd)
      closeSync(fd)
    },
  }
}

function openLockFile(name: string, file: string): number {
  try {
    const made = makeLockFile(name, file)
    // Not through a symbolic link: we write into it.
    const fd = made ?? openSync(name, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    if (fstatSync(fd).isFile()) return fd
    closeSync(fd)
  } catch (error) {
    throw unreachable(error, name)
  }
  throw unreachable(new Error('It is not a regular file'), name)
}

/** A lock file that was not there; null where it was. One that root makes is its owner's of the ledger, whose engine takes it next. */
function makeLockFile(name: string, file: string): number | null {
  let fd: number
  try {
    fd = openSync(name, 'wx+', 0o600)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return null
    throw error
  }
  const owner = statSync(file, { throwIfNoEntry: false })
  if (owner !== undefined && fstatSync(fd).uid === 0) fchownSync(fd, owner.uid, owner.gid)
  return fd
}

/** Who has it, for people. A full disk takes no text, and that is no reason to let go of the lock, or to keep it for ever. */
function writeHolder(fd: number, holder: Holder): void {
  try {
    ftruncateSync(fd)
    writeSync(fd, `${JSON.stringify(holder)}\n`, 0)
  } catch {
    // The lock is held all the same: whoever meets it hears of another process without its pid.
  }
}

/** The text of a lock that nobody has helps nobody; where it cannot be taken away, the lock is let go of all the same. */
function emptyText(fd: number): void {
  try {
    ftruncateSync(fd)
  } catch {
    // Whoever takes it next writes a text of their own over it.
  }
}

function locked(file: string, name: string): PathledgerError {
  const holder = readHolder(name)
  const who = holder === null ? 'another process' : `process ${holder.pid}`
  const own = holder?.pid === process.pid
  return new PathledgerError('LEDGER_LOCKED', {
    message: `The ledger ${file} is in use by ${own ? `this process (${holder.pid})` : who}.`,
    why: 'One engine writes a ledger at a time.',
    todo: own
      ? 'Close it first, or use the store that has it open.'
      : 'Stop that engine, or give this one a ledger of its own.',
    errno: 'EBUSY',
    details: { file, pid: holder?.pid ?? null, startedAtUs: holder?.startedAtUs ?? null },
  })
}

/** Between its lock and its pid the holder has a moment in which the file is empty. */
function readHolder(name: string): Holder | null {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  for (let waited = 0; waited < PID_WAIT_MS; waited += 1) {
    const holder = parseHolder(name)
    if (holder !== null) return holder
    Atomics.wait(sleeper, 0, 0, 1)
  }
  return null
}

function parseHolder(name: string): Holder | null {
  try {
    const { pid, startedAtUs } = JSON.parse(readFileSync(name, 'utf8')) as Partial<Holder>
    return typeof pid === 'number' && typeof startedAtUs === 'number' ? { pid, startedAtUs } : null
  } catch (error) {
    if (error instanceof SyntaxError || errnoOf(error) === 'ENOENT') return null
    throw unreachable(error, name)
  }
}
