// An engine is alive while it holds the lock on its claim file; the kernel lets go of it when the engine dies, however it
// dies, and not before its last thread is gone.
import { closeSync, constants, fstatSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import koffi from 'koffi'
import { PathledgerError } from '../../errors.ts'

const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4

/** Claims of the engines of one LUN, a file each in one folder. */
export class Claims {
  readonly #folder: string
  readonly #flock = koffi.load(null).func('int flock(int fd, int operation)')
  #own: { fd: number; file: string; inode: number } | null = null

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#folder = folder
  }

  /** Our claim file, and its inode; null while we have none. */
  get own(): { readonly file: string; readonly inode: number } | null {
    return this.#own
  }

  /** Takes this engine's claim. Throws LUN_CLAIMED when somebody has it. */
  take(engine: string): void {
    const file = this.#file(engine)
    const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    if (this.#flock(fd, LOCK_EX | LOCK_NB) === 0) {
      this.#own = { fd, file, inode: fstatSync(fd).ino }
      return
    }
    closeSync(fd)
    throw new PathledgerError('LUN_CLAIMED', {
      message: `The engine id ${engine} is in use already.`,
      why: `Another process holds ${file}.`,
      todo: 'Give each engine an id of its own.',
      errno: 'EBUSY',
    })
  }

  /** Whether an engine still holds its claim. Shared: two that look at once do not take each other for it. */
  isAlive(engine: string): boolean {
    let fd: number
    try {
      fd = openSync(this.#file(engine), constants.O_RDWR | constants.O_NOFOLLOW)
    } catch (error) {
      // No file: it let go of it in peace. Anything else is not proof of death.
      return (error as { code?: unknown }).code !== 'ENOENT'
    }
    const free = this.#flock(fd, LOCK_SH | LOCK_NB) === 0
    closeSync(fd)
    return !free
  }

  /** Lets go of this engine's claim. */
  release(): void {
    if (this.#own === null) return
    rmSync(this.#own.file, { force: true })
    closeSync(this.#own.fd)
    this.#own = null
  }

  #file(engine: string): string {
    if (!/^[\w-]{1,128}$/.test(engine)) {
      throw new PathledgerError('ENGINE_ID', {
        message: `'${engine}' cannot be the id of an engine.`,
        why: 'It names a file: letters, digits, - and _, at most 128.',
        todo: 'Use a UUID.',
      })
    }
    return join(this.#folder, engine)
  }
}
