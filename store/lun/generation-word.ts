// One word that every engine of a LUN has in its memory: the epoch of the reservations. Whoever changes them stores it
// after the commit; a submit loads it, which costs what a load costs.
import { closeSync, constants, fstatSync, ftruncateSync, openSync } from 'node:fs'
import koffi from 'koffi'

const BYTES = 4096
const PROT_READ_WRITE = 3
const MAP_SHARED = 1

/** The mapped word of one LUN. */
export interface GenerationWord {
  load(): number
  /** Raises it; a smaller value than it has is ignored. */
  raise(epoch: number): void
  close(): void
}

/** Maps the word's file, made when it is not there. Throws when the kernel does not map it. */
export function openGenerationWord(file: string): GenerationWord {
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
  let words: Uint32Array | null = new Uint32Array(koffi.view(address, BYTES))
  let last = 0
  return {
    load: () => {
      // After the close nobody submits; what was there last is as good as anything.
      if (words !== null) last = Atomics.load(words, 0)
      return last
    },
    raise: (epoch) => {
      while (words !== null) {
        const now = Atomics.load(words, 0)
        if (now >= epoch || Atomics.compareExchange(words, 0, now, epoch) === now) return
      }
    },
    close: () => {
      if (words === null) return
      last = Atomics.load(words, 0)
      words = null
      munmap(address, BYTES)
    },
  }
}
