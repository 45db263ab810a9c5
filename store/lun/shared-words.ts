// Three words that every engine of a LUN has in its memory: the epoch of the reservations, and how often its target port
// groups and its ghosts, attachments and engines have changed. Whoever changes them stores the word after the commit; a
// submit loads it, which costs what a load costs. The page is locked into memory, so that no load waits for a disk.
import { closeSync, constants, fstatSync, ftruncateSync, openSync } from 'node:fs'
import koffi from 'koffi'
import { PathledgerError } from '../../errors.ts'

const BYTES = 4096
const PROT_READ_WRITE = 3
const MAP_SHARED = 1

/** A mapped word of one LUN. */
export interface SharedWord {
  load(): number
  /** Raises it; a smaller value than it has is ignored. */
  raise(count: number): void
}

export interface SharedWords {
  readonly epoch: SharedWord
  readonly groups: SharedWord
  readonly contents: SharedWord
}

export interface MappedWords extends SharedWords {
  /** Where they are in this process's memory. */
  readonly at: bigint
  /** Inode of the file that is mapped. */
  readonly inode: number
  /** After it nobody may load them. */
  close(): void
}

type Map = (...given: [null, number, number, number, number, number]) => unknown
type OfPage = (address: unknown, length: number) => number

/** The calls that a map takes; a test has its own. */
export interface PageCalls {
  readonly mmap: Map
  readonly munmap: OfPage
  readonly mlock: OfPage
}

/** The C library's. */
export function pageCalls(): PageCalls {
  const library = koffi.load(null)
  const ofPage = (name: string) =>
    library.func(`int ${name}(void *address, size_t length)`) as unknown as OfPage
  return {
    mmap: library.func(
      'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
    ),
    munmap: ofPage('munmap'),
    mlock: ofPage('mlock'),
  }
}

/** Maps the words' file, made when it is not there. Throws when the kernel does not map it, or not lock it into memory. */
export function mapSharedWords(file: string, calls = pageCalls()): MappedWords {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  try {
    const { size, ino } = fstatSync(fd)
    if (size < BYTES) ftruncateSync(fd, BYTES)
    const address = calls.mmap(null, BYTES, PROT_READ_WRITE, MAP_SHARED, fd, 0)
    const at = koffi.address(address)
    if (BigInt.asIntN(64, at) === -1n) throw new Error(`${file} cannot be mapped`)
    if (calls.mlock(address, BYTES) !== 0) {
      calls.munmap(address, BYTES)
      throw notLocked(file)
    }
    return { ...wordsAt(at), at, inode: ino, close: () => void calls.munmap(address, BYTES) }
  } finally {
    closeSync(fd)
  }
}

/** Words that are mapped already, by whichever thread. */
export function wordsAt(at: bigint): SharedWords {
  const words = new Uint32Array(koffi.view(at, BYTES))
  return { epoch: wordOf(words, 0), groups: wordOf(words, 1), contents: wordOf(words, 2) }
}

function wordOf(words: Uint32Array, at: number): SharedWord {
  return {
    load: () => Atomics.load(words, at),
    raise: (count) => {
      for (;;) {
        const now = Atomics.load(words, at)
        if (now >= count || Atomics.compareExchange(words, at, now, count) === now) return
      }
    },
  }
}

function notLocked(file: string): PathledgerError {
  return new PathledgerError('LUN_STORAGE', {
    message: `The page of ${file} cannot be locked into memory.`,
    why: 'A submit reads it, and must not wait for a disk: so much locked memory is not allowed to this process.',
    todo: 'Allow 4 KiB of locked memory for each LUN (ulimit -l, LimitMEMLOCK=).',
    errno: 'ENOMEM',
  })
}
