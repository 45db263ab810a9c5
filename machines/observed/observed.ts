// Machines of streams that others decided: a pure function of what was observed. No timers, no effects, no refusals, and
// `unknown` is a state of every region.
import { createHash } from 'node:crypto'
import type { StateValue, StreamState } from '../step.ts'
import type { ObservedKind } from './events.ts'

type Data = Readonly<Record<string, unknown>>
type Regions = Readonly<Record<string, string>>
type Step = (before: Regions, data: Data) => Regions

const UNKNOWN_PATH: Regions = { device: 'unknown', access: 'unknown', health: 'unknown', admin: 'unknown' }

const INITIAL: Readonly<Record<ObservedKind, Regions>> = {
  path: UNKNOWN_PATH,
  head: { life: 'unknown', service: 'unknown' },
  port: { link: 'unknown' },
  host: { power: 'unknown', daemon: 'unknown' },
  source: { reading: 'open' },
}

const set =
  (changed: Regions): Step =>
  (before) => ({ ...before, ...changed })

/** What a count of usable paths means; what becomes of I/O without one is not always told. */
function service(before: Regions, { usable, of, io }: Data): Regions {
  if (usable === 0) {
    const word = { queued: 'queueing', failed: 'failing', queuedThenFailed: 'failing' }[String(io)]
    const dark = ['queueing', 'failing', 'dark'].includes(before.service ?? '')
    return { ...before, life: 'live', service: word ?? (dark ? (before.service ?? 'dark') : 'dark') }
  }
  const less = typeof of === 'number' && typeof usable === 'number' && usable < of
  return { ...before, life: 'live', service: less ? 'degraded' : 'serving' }
}

function queueing(before: Regions, data: Data): Regions {
  const dark = ['queueing', 'failing', 'dark'].includes(before.service ?? '')
  return dark ? { ...before, service: data.queueing === true ? 'queueing' : 'failing' } : before
}

/** What a snapshot may state, in the words of the machines. */
const DEVICES = new Set(['running', 'offline', 'transportOffline', 'blocked', 'quiesced'])
const ACCESSES = new Set(['optimal', 'active', 'standby', 'unavailable', 'offline', 'transitioning'])

const STEPS: Readonly<Record<string, Step>> = {
  'path.known': (before, { after }) => (after === 'boot' ? UNKNOWN_PATH : before),
  'path.added': set({ device: 'running', health: 'online', admin: 'enabled' }),
  'path.removed': set({ device: 'deleted', health: 'unknown' }),
  'path.failed': (before, { by }) => ({
    ...before,
    health: 'failed',
    ...(by === 'operator' ? { admin: 'disabled' } : {}),
  }),
  'path.reinstated': set({ health: 'online', admin: 'enabled' }),
  'path.wentOffline': set({ device: 'offline' }),
  'path.accessChanged': (before, { access }) => ({ ...before, access: String(access) }),
  'path.stateStated': (before, { device, access }) => ({
    ...before,
    ...(DEVICES.has(String(device)) ? { device: String(device) } : {}),
    ...(ACCESSES.has(String(access)) ? { access: String(access) } : {}),
  }),
  'path.becameMarginal': (before) =>
    before.health === 'failed' ? before : { ...before, health: 'marginal' },
  'path.becameSteady': (before) => (before.health === 'marginal' ? { ...before, health: 'online' } : before),
  'head.known': (before, { after }) => (after === 'boot' ? INITIAL.head : { ...before, life: 'live' }),
  'head.tableLoaded': set({ life: 'live' }),
  'head.pathsChanged': service,
  'head.noPathRetryChanged': queueing,
  'head.closed': set({ life: 'removed', service: 'unknown' }),
  'port.wentDown': set({ link: 'down' }),
  'port.timedOut': set({ link: 'down' }),
  'port.cameUp': set({ link: 'up' }),
  'port.removed': set({ link: 'removed' }),
  'host.booted': set({ power: 'up', daemon: 'unknown' }),
  'host.shutDown': set({ power: 'goingDown' }),
  'host.daemonStarted': set({ daemon: 'up' }),
  'host.daemonStopped': set({ daemon: 'down' }),
  'source.closed': set({ reading: 'closed' }),
}

/** Names that are kept of a stream, as they were told last. */
const KEPT: readonly string[] = ['map', 'dev', 'devt', 'hctl', 'dm', 'life', 'usable', 'name', 'host']

/** The state before anything was observed. */
export function observedInitial(kind: ObservedKind): StreamState {
  return { value: INITIAL[kind], context: {} }
}

/** The state after an observation. Every type is taken; one that changes no region keeps its time and names. */
export function observedStep(before: StreamState, type: string, data: Data): StreamState {
  const regions = typeof before.value === 'string' ? {} : before.value
  const value: StateValue = STEPS[type]?.(regions, data) ?? regions
  const context: Record<string, unknown> = { ...before.context, observed: true }
  for (const name of KEPT) if (data[name] !== undefined && data[name] !== null) context[name] = data[name]
  return { value, context }
}

/** Raised with every change of what an observation means. */
const OBSERVED_VERSION = 2

/** Changes when what is decided changes. */
export const OBSERVED_HASH = createHash('sha256')
  .update(JSON.stringify([OBSERVED_VERSION, INITIAL, Object.keys(STEPS)]))
  .digest('hex')
