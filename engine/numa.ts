// NUMA nodes as callers name them.
import { PathledgerError } from '../errors.ts'
import type { Core } from './core.ts'

/** NODE_UNKNOWN for a node that the engine has no cached path for; null for one of its nodes. */
export function nodeRefusal({ settings }: Core, node: number): PathledgerError | null {
  if (Number.isInteger(node) && node >= 0 && node < settings.numaNodes) return null
  return new PathledgerError('NODE_UNKNOWN', {
    message: `There is no NUMA node ${node}.`,
    why: `numaNodes is ${settings.numaNodes}.`,
    todo: 'Nothing was sent. Correct the call.',
    errno: 'EINVAL',
  })
}
