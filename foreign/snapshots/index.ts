// Which snapshot a text is, by its content: names of files vary with every collector.
import { dmsetup, iscsiadm, nvmeJson, nvmeText, sysfsList } from './others.ts'
import { multipathLl, showMapsJson, showPaths } from './multipath.ts'
import { isoUs } from '../time/calendar.ts'
import type { SnapshotReader, Stated } from './snapshot.ts'

const READERS: readonly (readonly [kind: string, reader: SnapshotReader])[] = [
  ['show maps json', showMapsJson],
  ['nvme list-subsys', nvmeJson],
  ['show paths', showPaths],
  ['multipath -ll', multipathLl],
  ['dmsetup', dmsetup],
  ['iscsiadm', iscsiadm],
  ['nvme list-subsys text', nvmeText],
  ['sysfs', sysfsList],
]

/** A dated series of one command, as collectors write that call it again and again. */
const SERIES = /^### (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)(?: .*?)?( same)?$/

export interface Snapshot {
  readonly kind: string
  readonly atUs: number | null
  readonly stated: readonly Stated[]
}

/** The snapshots in these lines; null where they are none. */
export function snapshotsIn(lines: readonly string[]): Snapshot[] | null {
  if (!SERIES.test(lines[0] ?? '')) {
    const one = oneSnapshot(lines)
    return one === null ? null : [{ ...one, atUs: null }]
  }
  const snapshots: Snapshot[] = []
  for (const section of sections(lines)) {
    const one = oneSnapshot(section.lines)
    if (one === null) continue
    const moved = one.stated.map(({ line, statement }) => ({ line: line + section.first, statement }))
    snapshots.push({ kind: one.kind, atUs: section.atUs, stated: moved })
  }
  return snapshots.length === 0 ? null : snapshots
}

function oneSnapshot(lines: readonly string[]): { kind: string; stated: readonly Stated[] } | null {
  for (const [kind, reader] of READERS) {
    const found = reader(lines)
    if (found !== null) return { kind, stated: found }
  }
  return null
}

function sections(lines: readonly string[]): { first: number; atUs: number; lines: string[] }[] {
  const found: { first: number; atUs: number; lines: string[] }[] = []
  for (const [index, line] of lines.entries()) {
    const head = SERIES.exec(line)
    if (head !== null) found.push({ first: index + 1, atUs: isoUs(head[1] ?? '') ?? 0, lines: [] })
    else found.at(-1)?.lines.push(line)
  }
  return found.filter(({ lines: body }) => body.length > 0)
}

/** True where the first lines of a file may be a snapshot's: it is then read as a whole. */
export function looksLikeSnapshot(lines: readonly string[]): boolean {
  const [first = '', second = ''] = lines
  if (/^[[{]/.test(first)) return !/"(?:__|MESSAGE|_)/.test(first) && !/"_|"MESSAGE/.test(second)
  return snapshotsIn(lines) !== null
}
