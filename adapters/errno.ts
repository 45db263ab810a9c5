// Errors by the kernel's names. A name says the same on every machine; a number does not.
import { constants } from 'node:os'

/** Two names of one number on Linux, and the one of them that we use: the kernel's own. */
const KERNEL_NAME: Readonly<Record<string, string>> = {
  EWOULDBLOCK: 'EAGAIN',
  ENOTSUP: 'EOPNOTSUPP',
  EDEADLOCK: 'EDEADLK',
}

const NAME_OF_NUMBER: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, KERNEL_NAME[name] ?? name]),
)

/** The name of an error number of this machine; EIO for one that Node does not know. */
export function errnoOfNumber(number: number): string {
  return NAME_OF_NUMBER.get(Math.abs(number)) ?? 'EIO'
}

/** The name in an error that Node gave: its `code`, else its `errno`, else EIO. */
export function errnoOf(error: unknown): string {
  const { code, errno } = error as { code?: unknown; errno?: unknown }
  if (typeof code === 'string' && isErrnoName(code)) return KERNEL_NAME[code] ?? code
  return typeof errno === 'number' ? errnoOfNumber(errno) : 'EIO'
}

/** True for a word that looks like an errno name: 'EIO'. Not for ERR_OUT_OF_RANGE, which is Node's own. */
export function isErrnoName(word: unknown): boolean {
  return typeof word === 'string' && /^E(?!RR_)[A-Z0-9]+$/.test(word)
}
