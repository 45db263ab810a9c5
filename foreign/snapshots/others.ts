// dmsetup, nvme list-subsys, iscsiadm, lists out of sysfs.
import { finder, parsed } from './multipath.ts'
import { stated, type Stated } from './snapshot.ts'
import { pathsOfTable } from '../templates/dm-table.ts'

/** `dmsetup status` and `dmsetup table` of multipath maps. */
export function dmsetup(lines: readonly string[]): Stated[] | null {
  const rows = lines.map((line, index) => ({
    line: index + 1,
    match: /^(\S+): 0 (\d+) multipath (.*)$/.exec(line),
  }))
  if (!rows.some(({ match }) => match !== null)) return null
  return rows.flatMap(({ line, match }) => {
    if (match === null) return []
    const [, map = '', , rest = ''] = match
    const states = [...rest.matchAll(/(\d+:\d+) ([AF]) (\d+)/g)]
    if (states.length > 0)
      return states.map(([, devt, state]) =>
        stated(line, 'snapPath', { map, devt, kernel: state === 'F' ? 'failed' : 'active' }),
      )
    const { paths, features } = pathsOfTable(rest)
    return [
      stated(line, 'snapMap', { map, features }),
      ...paths.map((devt) => stated(line, 'snapPath', { map, devt })),
    ]
  })
}

interface Subsystem {
  readonly Name?: string
  readonly NQN?: string
  readonly Paths?: readonly {
    readonly Name?: string
    readonly Address?: string
    readonly State?: string
    readonly ANAState?: string
  }[]
}

/** `nvme list-subsys -o json` of any version. */
export function nvmeJson(lines: readonly string[]): Stated[] | null {
  const whole = parsed(lines)
  const systems = subsystemsOf(whole)
  if (systems.length === 0) return null
  const at = finder(lines)
  return systems.flatMap((system) =>
    (system.Paths ?? []).map((path) => {
      at(`"${path.Name ?? ''}"`)
      const line = at(path.ANAState === undefined ? `"${path.State ?? ''}"` : `"ANAState"`)
      const result = stated(line, 'snapCtrl', {
        ...{ ctrl: path.Name, nqn: system.NQN, subsystem: system.Name, addr: path.Address },
        ...{ state: path.State, ana: path.ANAState },
      })
      return result
    }),
  )
}

function subsystemsOf(whole: unknown): Subsystem[] {
  if (typeof whole !== 'object' || whole === null) return []
  if (!Array.isArray(whole)) {
    const { Subsystems } = whole as { Subsystems?: unknown }
    return Array.isArray(Subsystems) ? subsystemsOf(Subsystems) : 'Paths' in whole ? [whole as Subsystem] : []
  }
  const list: unknown[] = whole
  return list.flatMap((item) => subsystemsOf(item))
}

const TEXT_PATH =
  /^ *\+- (nvme\d+) (\w+) (\S+)(?: (\w+))?(?: (optimized|non-optimized|inaccessible|persistent-loss|change))?$/

/** `nvme list-subsys` as text. */
export function nvmeText(lines: readonly string[]): Stated[] | null {
  let nqn: string | undefined
  const found: Stated[] = []
  for (const [index, line] of lines.entries()) {
    nqn = /^nvme-subsys\d+ - NQN=(\S+)/.exec(line)?.[1] ?? nqn
    const path = nqn === undefined ? null : TEXT_PATH.exec(line)
    if (path === null) continue
    found.push(
      stated(index + 1, 'snapCtrl', { ctrl: path[1], nqn, addr: path[3], state: path[4], ana: path[5] }),
    )
  }
  return found.length === 0 ? null : found
}

/** `iscsiadm -m session -P 3`: the only thing that ties a session to a SCSI host. */
export function iscsiadm(lines: readonly string[]): Stated[] | null {
  if (!lines.some((line) => /^\s*SID: \d+/.test(line))) return null
  const found: Stated[] = []
  let target: string | undefined
  let portal: string | undefined
  let sid: string | undefined
  let hctl: string | undefined
  for (const [index, line] of lines.entries()) {
    target = /^Target: (\S+)/.exec(line)?.[1] ?? target
    portal = /^\s*Current Portal: (\S+)/.exec(line)?.[1] ?? portal
    sid = /^\s*SID: (\d+)/.exec(line)?.[1] ?? sid
    const host = /^\s*Host Number: (\d+)/.exec(line)?.[1]
    if (host !== undefined) found.push(stated(index + 1, 'snapSession', { sid, target, portal, host }))
    const lun = /^\s*scsi(\d+) Channel (\d+) Id (\d+) Lun: (\d+)/.exec(line)
    if (lun !== null) hctl = lun.slice(1).map(Number).join(':')
    const dev = /^\s*Attached scsi disk (\w+)/.exec(line)?.[1]
    if (dev !== undefined) found.push(stated(index + 1, 'snapPath', { hctl, dev }))
  }
  return found
}

/** A list of SCSI disks as sysfs has them: name, address, then key=value. */
export function sysfsList(lines: readonly string[]): Stated[] | null {
  const rows = lines.map((line, index) => ({
    line: index + 1,
    match: /^(sd[a-z]+) (\d+:\d+:\d+:\d+) dev=(\d+:\d+) (.*)$/.exec(line),
  }))
  if (!rows.some(({ match }) => match !== null)) return null
  return rows.flatMap(({ line, match }) => {
    if (match === null) return []
    const values = new Map(
      [...(match[4] ?? '').matchAll(/(\w+)=(\S*)/g)].map(([, key = '', value = '']) => [key, value]),
    )
    return [
      stated(line, 'snapPath', {
        ...{ dev: match[1], hctl: match[2], devt: match[3] },
        ...{ device: values.get('state'), access: values.get('access_state') },
      }),
    ]
  })
}
