// The kernel's own lock of a file: it is let go of when its holder dies, however it dies.
import koffi from 'koffi'

const LOCK_EX = 2
const LOCK_NB = 4

/** Takes an exclusive flock, or says at once that somebody has it. */
export function tryFlock(fd: number): boolean {
  const flock = koffi.load(null).func('int flock(int fd, int operation)')
  return flock(fd, LOCK_EX | LOCK_NB) === 0
}
