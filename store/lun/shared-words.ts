// Two words that every engine of a LUN has in its memory: the epoch of the reservations, and how often its target port
// groups have changed. Whoever changes them stores the word after the commit; a submit loads it, which costs what a load
// costs.
import { closeSync, constants, fstatSync, ftruncateSync, openSync } from 'node:fs'
import koffi from 'koffi'

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
  close(): void
}

/** Maps the words' file, made when it is not there. Throws when the kernel does not map it. */
export function openSharedWords(file: string): SharedWords {
  const library = koffi.load(null)
  const mmap = library.func(
    'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
  ) as unknown as (...given: [null, number, number, number, number, number]) => unknown
  const munmap = library.func('int munmap(void *address, size_t length)') as unknown as (
    address: unknown,
    length: number,
  ) => number
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  let address: unknown
  try {
    if (fstatSync(fd).size < BYTES) ftruncateSync(fd, BYTES)
    address = mmap(null, BYTES, PROT_READ_WRITE, MAP_SHARED, fd, 0)
  } finally {
    closeSync(fd)
  }
  if (BigInt.asIntN(64, koffi.address(address)) === -1n) throw new Error(`${file} cannot be mapped`)
  const mapped: { words: Uint32Array | null } = { words: new Uint32Array(koffi.view(address, BYTES)) }
  const [epoch, groups] = [wordAt(mapped, 0), wordAt(mapped, 1)]
  return {
    epoch,
    groups,
    close: () => {
      if (mapped.words === null) return
      epoch.load()
      groups.load()
      mapped.words = null
      munmap(address, BYTES)
    },
  }
}

function wordAt(mapped: { readonly words: Uint32Array | null }, at: number): SharedWord {
  let last = 0
  return {
    load: () => {
      // After the close nobody submits; what was there last is as good as anything.
      if (mapped.words !== null) last = Atomics.load(mapped.words, at)
      return last
    },
    raise: (count) => {
      while (mapped.words !== null) {
        const now = Atomics.load(mapped.words, at)
        if (now >= count || Atomics.compareExchange(mapped.words, at, now, count) === now) return
      }
    },
  }
}
