// What sysfs says of NUMA: how far the nodes of this machine are from each other, and which node a device is on.
import { checkArguments, shown } from '../errors/arguments.ts'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { PathledgerError } from '../errors.ts'

/** Distance of a node to itself, and the largest there is; it means that a node cannot be reached (ACPI SLIT). */
const LOCAL = 10
const UNREACHABLE = 255

/** How far the nodes are from each other: row `from`, column `to`; 10 is local, 255 out of reach. */
export type NumaDistances = readonly (readonly number[])[]

/** What {@link numaFromSysfs} found; spread it into the options of an engine. */
export interface NumaMachine {
  readonly numaNodes: number
  readonly numaDistance: NumaDistances
}

/**
 * The nodes of this machine with their distances, from /sys/devices/system/node. Numbers that have no node (node1 may be
 * missing) are out of reach. One node where sysfs has none. Throws NUMA_DISTANCES for what cannot be distances.
 */
export function numaFromSysfs(root = '/sys/devices/system/node'): NumaMachine {
  checkArguments('numaFromSysfs', { root }, { root: 'file' })
  const nodes = namesIn(root)
    .flatMap((name) => /^node(\d{1,4})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((one, other) => one - other)
  const last = nodes.at(-1)
  if (last === undefined) return { numaNodes: 1, numaDistance: [[LOCAL]] }
  const table = Array.from({ length: last + 1 }, (_row, from) =>
    Array.from({ length: last + 1 }, (_column, to) => (from === to ? LOCAL : UNREACHABLE)),
  )
  for (const from of nodes) {
    const file = `${root}/node${from}/distance`
    const distances = readFileSync(file, 'latin1').trim().split(/\s+/).map(Number)
    if (distances.length !== nodes.length) {
      throw invalid(file, `It has ${distances.length} numbers, and there are ${nodes.length} nodes.`)
    }
    for (const [at, to] of nodes.entries()) (table[from] as number[])[to] = distances[at] as number
  }
  checkDistances(table, last + 1, root)
  return { numaNodes: last + 1, numaDistance: table }
}

/** Throws NUMA_DISTANCES unless these are the distances of so many nodes: 10 to itself, to the others 10 to 255. */
export function checkDistances(table: NumaDistances, nodes: number, where = 'numaDistance'): void {
  const rows: readonly unknown[] = Array.isArray(table) ? table : []
  const square = rows.length === nodes && rows.every((row) => Array.isArray(row) && row.length === nodes)
  if (!square)
    throw invalid(where, `It has to have ${nodes} rows of ${nodes} numbers, one for each of the numaNodes.`)
  for (const [from, row] of table.entries()) {
    for (const [to, distance] of row.entries()) {
      const fits = Number.isInteger(distance) && distance >= LOCAL && distance <= UNREACHABLE
      if (fits && (from !== to || distance === LOCAL)) continue
      const rule = `a node is ${LOCAL} from itself, and others are whole numbers from ${LOCAL} to ${UNREACHABLE}`
      throw invalid(where, `From node ${from} to node ${to} it says ${shown(distance)}; ${rule}.`)
    }
  }
}

/**
 * The NUMA node of a block device, 'major:minor': its own, else that of the nearest device above it that has one. Null
 * where none has: a loop device belongs to no node.
 */
export function numaNodeOf(number: string, sysRoot = '/sys'): number | null {
  let place: string
  try {
    place = realpathSync(`${sysRoot}/dev/block/${number}`)
  } catch {
    return null
  }
  const top = realpathSync(sysRoot)
  for (; place.startsWith(`${top}/`); place = dirname(place)) {
    const node = nodeIn(place)
    if (node !== null) return node
  }
  return null
}

/** -1 is the kernel's word for none. */
function nodeIn(place: string): number | null {
  try {
    const text = readFileSync(`${place}/numa_node`, 'latin1').trim()
    return /^\d{1,4}$/.test(text) ? Number(text) : null
  } catch {
    return null
  }
}

function namesIn(root: string): string[] {
  try {
    return readdirSync(root)
  } catch {
    return []
  }
}

function invalid(where: string, why: string): PathledgerError {
  return new PathledgerError('NUMA_DISTANCES', {
    message: `${where} does not give valid distances between the NUMA nodes.`,
    why,
    todo: 'Correct it, or leave it out: the default is 10 to the node itself and 20 to any other.',
    errno: 'EINVAL',
  })
}
