// An I/O whose caller waits, in words; and the places that those were at whose end nobody knows.
import type { OpenIo } from '../world/parts.ts'

/** Blocks. */
export interface Range {
  readonly first: number
  readonly count: number
}

/** So many places are remembered. */
const HAUNTS_MAX = 6

/** Where it was, newer writes go rather than elsewhere. */
export function haunt({ lun, first, count }: OpenIo): void {
  lun.haunts = [{ first, count }, ...lun.haunts].slice(0, HAUNTS_MAX)
}

/** For the story. */
export function wordsOf({ op, first, count, write, host }: OpenIo): string {
  const generation = write === null ? '' : ` ${write.generation}`
  return `${host.name}'s ${op}${generation}${count === 0 ? '' : ` of blocks ${first}..${first + count - 1}`}`
}
