// NUMA nodes as callers name them, and how far they are from each other.
import { shown } from '../../errors/arguments.ts'
import { checkDistances, type NumaDistances } from '../../adapters/numa.ts'
import { PathledgerError } from '../../errors.ts'
import type { Core } from './core.ts'

/** How far NUMA nodes are from each other: a table, or a function of two nodes. */
export type NumaDistance = NumaDistances | ((from: number, to: number) => number)

/** For a node that a table does not know: further than any other. */
const UNKNOWN_DISTANCE = 255

/** Throws NUMA_DISTANCES for a table that is not one of so many nodes. */
export function checkNuma(given: NumaDistance | undefined, numaNodes: number): void {
  if (given !== undefined && typeof given !== 'function') checkDistances(given, numaNodes)
}

/** The distances as a function; null for the kernel's own. */
export function distanceBy(given: NumaDistance | undefined): ((from: number, to: number) => number) | null {
  if (given === undefined || typeof given === 'function') return given ?? null
  const table = given.map((row) => [...row])
  return (from, to) => table[from]?.[to] ?? UNKNOWN_DISTANCE
}

/** NODE_UNKNOWN for a node that the engine has no cached path for; null for one of its nodes. */
export function nodeRefusal({ settings }: Core, node: number): PathledgerError | null {
  if (Number.isInteger(node) && node >= 0 && node < settings.numaNodes) return null
  return new PathledgerError('NODE_UNKNOWN', {
    message: `There is no NUMA node ${shown(node)}.`,
    why: `numaNodes is ${settings.numaNodes}.`,
    todo: 'Nothing was sent. Correct the call.',
    errno: 'EINVAL',
  })
}
