// Putting one directory in the place of another in one step, where the kernel and the file system can.
import { renameSync } from 'node:fs'
import koffi from 'koffi'

const AT_FDCWD = -100
const RENAME_EXCHANGE = 2

/** After it `place` is what `made` was, and the other way round. Where that takes two steps, `place` is missing in between. */
export function exchange(made: string, place: string): void {
  if (exchangeAtOnce(made, place)) return
  const aside = `${made}.old`
  renameSync(place, aside)
  try {
    renameSync(made, place)
  } catch (error) {
    renameSync(aside, place)
    throw error
  }
  renameSync(aside, made)
}

function exchangeAtOnce(made: string, place: string): boolean {
  try {
    const renameat2 = koffi
      .load(null)
      .func('int renameat2(int from, const char *old, int to, const char *new, unsigned int flags)')
    return renameat2(AT_FDCWD, made, AT_FDCWD, place, RENAME_EXCHANGE) === 0
  } catch {
    // A C library without it.
    return false
  }
}
