// What sysfs says of paths, maps and the ways to them, and what changed since the last look. Reading it touches no device:
// nothing here opens one.
import type { Statement } from '../foreign/types.ts'

/** Sysfs as it is read: from the machine, or in a test. Paths are below /sys. */
export interface Sysfs {
  /** The text of a file without its end; null where there is none. */
  readonly text: (path: string) => string | null
  readonly names: (path: string) => readonly string[]
  /** Where a link leads; null where there is none. */
  readonly target: (path: string) => string | null
}

/** A block device that is watched. */
export interface Device {
  readonly name: string
  readonly devt: string
  readonly kind: 'path' | 'map' | 'loop'
  readonly hctl: string | null
  /** The kernel's word for its state, and the target's for access; null where sysfs has none. */
  readonly state: string | null
  readonly access: string | null
  readonly map: string | null
  readonly wwid: string | null
  readonly slaves: readonly string[]
}

/** One look. */
export interface Look {
  readonly devices: ReadonlyMap<string, Device>
  /** State by port: 'rport/1:0-2', 'session/3', 'ctrl/nvme0', 'ana/nvme0c0n1'. */
  readonly ports: ReadonlyMap<string, string>
}

const DEVICE_WORDS: Readonly<Record<string, string>> = {
  running: 'running',
  blocked: 'blocked',
  offline: 'offline',
  quiesce: 'quiesced',
  'transport-offline': 'transportOffline',
}
const ACCESS_WORDS: Readonly<Record<string, string>> = {
  'active/optimized': 'optimal',
  'active/non-optimized': 'active',
  ...{ standby: 'standby', unavailable: 'unavailable', transitioning: 'transitioning', offline: 'offline' },
}

/** Looks at all of it. */
export function look(sysfs: Sysfs): Look {
  const devices = new Map<string, Device>()
  for (const name of sysfs.names('block')) {
    const device = deviceOf(sysfs, name)
    if (device !== null) devices.set(name, device)
  }
  return { devices, ports: portsOf(sysfs) }
}

function deviceOf(sysfs: Sysfs, name: string): Device | null {
  const devt = sysfs.text(`block/${name}/dev`)
  if (devt === null) return null
  const none = { name, devt, hctl: null, state: null, access: null, map: null, wwid: null, slaves: [] }
  if (/^sd[a-z]+$/.test(name)) {
    const hctl = /\d+:\d+:\d+:\d+$/.exec(sysfs.target(`block/${name}/device`) ?? '')?.[0] ?? null
    const state = sysfs.text(`block/${name}/device/state`)
    return { ...none, kind: 'path', hctl, state, access: sysfs.text(`block/${name}/device/access_state`) }
  }
  if (/^loop\d+$/.test(name))
    return sysfs.text(`block/${name}/loop/backing_file`) === null ? null : { ...none, kind: 'loop' }
  const uuid = sysfs.text(`block/${name}/dm/uuid`) ?? ''
  if (!uuid.startsWith('mpath-')) return null
  return {
    ...{ ...none, kind: 'map', map: sysfs.text(`block/${name}/dm/name`), wwid: uuid.slice('mpath-'.length) },
    slaves: sysfs.names(`block/${name}/slaves`),
  }
}

function portsOf(sysfs: Sysfs): Map<string, string> {
  const ports = new Map<string, string>()
  const put = (key: string, path: string): void => {
    const state = sysfs.text(path)
    if (state !== null) ports.set(key, state)
  }
  for (const name of sysfs.names('class/fc_remote_ports'))
    put(`rport/${name.replace(/^rport-/, '')}`, `class/fc_remote_ports/${name}/port_state`)
  for (const name of sysfs.names('class/iscsi_session'))
    put(`session/${name.replace(/^session/, '')}`, `class/iscsi_session/${name}/state`)
  for (const name of sysfs.names('class/nvme')) {
    put(`ctrl/${name}`, `class/nvme/${name}/state`)
    for (const path of sysfs.names(`class/nvme/${name}`))
      if (/^nvme\d+c\d+n\d+$/.test(path)) put(`ana/${name}/${path}`, `class/nvme/${name}/${path}/ana_state`)
  }
  return ports
}

/** What a look states: names first, then what is not as it was at the look before (null: the first one). */
export function statementsOf(before: Look | null, now: Look): Statement[] {
  return [...namesOf(now), ...changedDevices(before, now), ...changedPorts(before, now)]
}

function said(says: string, fields: Readonly<Record<string, string | null | undefined>>): Statement {
  const known = Object.entries(fields).flatMap(([key, value]) =>
    typeof value === 'string' ? [[key, value]] : [],
  )
  return { template: `sysfs.${says}`, says, fields: Object.fromEntries(known) as Record<string, string> }
}

function namesOf({ devices }: Look): Statement[] {
  return [...devices.values()].flatMap(({ kind, name, map, wwid, slaves }) => {
    if (kind !== 'map') return []
    const paths = slaves.flatMap((slave) => {
      const path = devices.get(slave)
      return path === undefined
        ? []
        : [said('snapPath', { map, wwid, hctl: path.hctl, dev: slave, devt: path.devt })]
    })
    return [said('snapMap', { map, wwid, dm: name }), ...paths]
  })
}

function changedDevices(before: Look | null, { devices }: Look): Statement[] {
  const found: Statement[] = []
  for (const device of devices.values()) {
    const was = before?.devices.get(device.name)
    if (device.kind === 'loop' && before !== null && was === undefined) found.push(named('attached', device))
    if (device.kind !== 'path') continue
    found.push(...stateChange(was, device), ...accessChange(was, device))
  }
  for (const device of before?.devices.values() ?? [])
    if (device.kind === 'loop' && !devices.has(device.name)) found.push(named('pathRemoved', device))
  return found
}

function named(says: string, { name, devt, hctl }: Device, more: Record<string, string> = {}): Statement {
  return said(says, { dev: name, devt, hctl, ...more })
}

/** At the first look only what is not as it should be is told. */
function stateChange(was: Device | undefined, now: Device): Statement[] {
  const before = was?.state ?? 'running'
  if (now.state === null || now.state === before) return []
  return [named('stateStated', now, { device: DEVICE_WORDS[now.state] ?? now.state, was: before })]
}

function accessChange(was: Device | undefined, now: Device): Statement[] {
  const before = was?.access ?? null
  if (now.access === null || now.access === before) return []
  const access = ACCESS_WORDS[now.access] ?? now.access
  return [named('stateStated', now, { access, ...(before === null ? {} : { was: before }) })]
}

const WELL = new Set(['Online', 'LOGGED_IN', 'live', 'optimized'])

function changedPorts(before: Look | null, { ports }: Look): Statement[] {
  const was = before?.ports ?? new Map<string, string>()
  const changed = [...ports].filter(
    ([key, state]) => was.get(key) !== state && (was.has(key) || !WELL.has(state)),
  )
  const gone = [...was.keys()].filter((key) => !ports.has(key) && !key.startsWith('ana/'))
  return [
    ...changed.map(([key, state]) => portStated(key, state, was.get(key))),
    ...gone.map((key) => portStated(key, 'gone', was.get(key))),
  ]
}

function portStated(key: string, state: string, was: string | undefined): Statement {
  const [kind = '', id = '', path] = key.split('/')
  return said('portStated', {
    state: path === undefined ? state : `${path} ${state}`,
    was,
    ...portFields(kind, id),
  })
}

function portFields(kind: string, id: string): Record<string, string> {
  if (kind === 'rport') return { rport: id }
  return kind === 'session' ? { sid: id } : { ctrl: id }
}
