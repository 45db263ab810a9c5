// A file that has its name only once it is whole and on the medium. Until then it lies under a name of its own, which nobody else
// uses: two that make a file of one name do not meet before the end, and one of them hears that the name is taken.
import {
  chownSync,
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import koffi from 'koffi'
import { PathledgerError } from '../../errors.ts'
import { errnoOf, unreachable } from '../file/connection.ts'
import { tryFlock } from '../file/flock.ts'

export class NewFile {
  readonly #file: string
  readonly #fd: number
  /** What it is called until it is whole. */
  readonly partial: string

  /**
   * Begins a file that must not exist, for its owner alone; `like` names one whose owner it is to have, which counts for root. What
   * others left half made under this name, and work on no more, is removed. Throws FILE_EXISTS, LEDGER_PERMISSION, LEDGER_FULL or LEDGER_IO.
   */
  constructor(file: string, like?: string) {
    if (isThere(file)) throw fileExists(file)
    this.#file = file
    try {
      sweep(file)
      const { name, fd } = openFree(file)
      this.partial = name
      this.#fd = fd
      // Held while it is worked on: whoever sweeps up leaves it alone.
      tryFlock(fd)
      if (like !== undefined) giveTo(name, like)
    } catch (error) {
      throw unreachable(error, file)
    }
  }

  /** Gives the file its name, unless somebody was quicker; on the medium before it returns. Throws FILE_EXISTS and LEDGER_*. */
  take(): void {
    try {
      fsyncSync(this.#fd)
      moveOver(this.partial, this.#file)
      syncFolder(dirname(this.#file))
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? fileExists(this.#file) : unreachable(error, this.#file)
    } finally {
      this.abandon()
    }
  }

  /** Lets go of what was begun. Calling it twice, or after {@link take}, does nothing. */
  abandon(): void {
    if (this.#isOver) return
    this.#isOver = true
    removeIfThere(this.partial)
    closeSync(this.#fd)
  }

  #isOver = false
}

/** Something of any kind under a name: a file, a folder, a FIFO that nobody must wait for, a link that leads nowhere. */
function isThere(name: string): boolean {
  try {
    return lstatSync(name, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    throw unreachable(error, name)
  }
}

/** More files of one name are not made at once. */
const PARTIALS_MAX = 1_000

function openFree(file: string): { readonly name: string; readonly fd: number } {
  for (let number = 1; ; number += 1) {
    const name = `${file}.partial-${number}`
    try {
      return { name, fd: openSync(name, 'wx', 0o600) }
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || number === PARTIALS_MAX) throw error
    }
  }
}

/** Removes what was left half made under a name by those who were killed. */
function sweep(file: string): void {
  const left = /\.partial-\d+$/
  for (const name of readdirSync(dirname(file))) {
    if (!name.startsWith(basename(file)) || name.replace(left, '') !== basename(file)) continue
    const partial = join(dirname(file), name)
    const fd = openSync(partial, 'r+')
    // An empty one may have been made a moment ago, and not be held yet.
    if (tryFlock(fd) && fstatSync(fd).size > 0) removeIfThere(partial)
    closeSync(fd)
  }
}

/** Only root can give a file away, and what it makes of somebody's ledger is to be theirs. */
function giveTo(file: string, like: string): void {
  const { uid, gid } = statSync(like)
  if (statSync(file).uid === 0) chownSync(file, uid, gid)
}

const AT_FDCWD = -100
const RENAME_NOREPLACE = 1
const EEXIST = 17

/** Renames, but not over another file. Where the system cannot, a second name is made and the first one taken away. */
function moveOver(from: string, to: string): void {
  const rename = koffi
    .load(null)
    .func('int renameat2(int from, const char *old, int to, const char *new, unsigned int flags)')
  if (rename(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) === 0) return
  if (koffi.errno() === EEXIST) throw Object.assign(new Error(`${to} exists`), { code: 'EEXIST' })
  linkSync(from, to)
  unlinkSync(from)
}

function syncFolder(name: string): void {
  const fd = openSync(name, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The error for a name that is taken: nothing of ours ever overwrites a file. */
export function fileExists(file: string): PathledgerError {
  return new PathledgerError('FILE_EXISTS', {
    message: `The file ${basename(file)} exists already.`,
    why: 'A ledger is never written over another file.',
    todo: 'Name a file that does not exist.',
    errno: 'EEXIST',
    details: { file },
  })
}

export function removeIfThere(name: string): void {
  try {
    unlinkSync(name)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw unreachable(error, name)
  }
}
