// What every filter shares: a path around a path, and the switch.
import { shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import type { IoOp } from '../../machines/words.ts'
import { isErrnoName } from '../errno.ts'
import type { FilterControl, IoRequest, PathDevice } from '../ports.ts'

/** A path and the switch of the filter that lies around it. */
export interface Filtered<Control> {
  readonly path: PathDevice
  readonly control: Control
}

/** The operations a filter acts on: one of them, or all. */
export type FilteredOp = IoOp | 'all'

/**
 * A path that is `inner` in everything but `submit` and, where it is given, `command`. What it is asked, it asks `inner`
 * at that time.
 */
export function wrapPath(
  inner: PathDevice,
  submit: PathDevice['submit'],
  command: PathDevice['command'] = (sent, done) => inner.command?.(sent, done),
): PathDevice {
  return {
    get kind() {
      return inner.kind
    },
    get device() {
      return inner.device
    },
    get hctl() {
      return inner.hctl
    },
    get lun() {
      return inner.lun
    },
    get numaNode() {
      return inner.numaNode
    },
    get geometry() {
      return inner.geometry
    },
    get guarantees() {
      return inner.guarantees
    },
    get coherence() {
      return inner.coherence
    },
    get deviceKey() {
      return inner.deviceKey
    },
    ...(inner.medium === undefined ? {} : { medium: inner.medium }),
    get facts() {
      return inner.facts
    },
    submit,
    useMemory: (memory) => inner.useMemory?.(memory),
    ...(inner.command === undefined ? {} : { command }),
    // What a device cannot do, a filter around it cannot either.
    ...(inner.ioctl === undefined
      ? {}
      : { ioctl: (request) => (inner.ioctl as NonNullable<PathDevice['ioctl']>)(request) }),
    ...(inner.uniqueId === undefined
      ? {}
      : { uniqueId: (type) => (inner.uniqueId as NonNullable<PathDevice['uniqueId']>)(type) }),
    ...(inner.sizeNow === undefined
      ? {}
      : { sizeNow: () => (inner.sizeNow as NonNullable<PathDevice['sizeNow']>)() }),
    ...(inner.limitsNow === undefined
      ? {}
      : { limitsNow: () => (inner.limitsNow as NonNullable<PathDevice['limitsNow']>)() }),
    identify: () => inner.identify(),
    carries: (file) => inner.carries(file),
    close: () => inner.close(),
  }
}

/** True when a filter set to `op` acts on `request`. */
export function actsOn(op: FilteredOp, request: IoRequest): boolean {
  return op === 'all' || op === request.op
}

/** The switch of a filter, and what happens when it is thrown. */
export interface SwitchParts<Settings> {
  readonly settings: Settings
  readonly active: boolean
  /** Throws FILTER_SETTING for settings that cannot be. Called before they are taken. */
  readonly check: (settings: Settings) => void
  readonly onEnable?: () => void
  readonly onDisable?: () => void
}

/** Makes a filter's switch. `enable` keeps the settings it is not given. Throws what `check` throws. */
export function filterSwitch<Settings extends object>(parts: SwitchParts<Settings>): FilterControl<Settings> {
  parts.check(parts.settings)
  let { settings, active } = parts
  return {
    get active() {
      return active
    },
    get settings() {
      return settings
    },
    enable(changes = {}) {
      const next = { ...settings, ...changes }
      parts.check(next)
      settings = next
      active = true
      parts.onEnable?.()
    },
    disable() {
      active = false
      parts.onDisable?.()
    },
  }
}

/** A switch with more on it. Getters stay getters. */
export function extendSwitch<Control extends object, More extends object>(
  control: Control,
  more: More,
): Control & More {
  return Object.defineProperties(control, Object.getOwnPropertyDescriptors(more)) as Control & More
}

/** Throws FILTER_SETTING unless `holds`: filter, name, value and the rule go into the message. */
export function checkSetting(
  holds: boolean,
  filter: string,
  setting: string,
  value: unknown,
  rule: string,
): void {
  if (holds) return
  throw new PathledgerError('FILTER_SETTING', {
    message: `The ${filter} filter cannot take ${setting} ${shown(value)}.`,
    why: `It must be ${rule}.`,
    todo: `See docs/filters/${filter}.md.`,
  })
}

const FILTERED_OPS: readonly FilteredOp[] = ['all', 'read', 'write', 'flush', 'discard', 'writeZeroes']

/** Throws FILTER_SETTING unless `op` is one of the operations, or all. */
export function checkOp(filter: string, op: FilteredOp): void {
  checkSetting(FILTERED_OPS.includes(op), filter, 'op', op, `one of ${FILTERED_OPS.join(', ')}`)
}

/** Throws FILTER_SETTING unless `errno` is an errno name. */
export function checkErrno(filter: string, errno: string): void {
  checkSetting(isErrnoName(errno), filter, 'errno', errno, "the kernel's name of an error, like EIO")
}
