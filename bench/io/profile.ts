// Where the time of one I/O goes: the sampling profiler over a load, by layer and by function.
import { Session } from 'node:inspector/promises'
import type { Profiler } from 'node:inspector'
import { loadDevices, loadHead, type LoadResult } from '../shared/load.ts'
import { rounded } from '../shared/stats.ts'
import type { Backing } from './backing.ts'
import { openEngine, openFlapping } from './engines.ts'

/** One line of a profile: a function, or a whole layer. */
export interface ProfileRow {
  readonly what: string
  /** Of all samples, per cent. */
  readonly share: number
  readonly nsPerIo: number
}

/**
 * What was loaded while it was profiled. 'raw': the paths without a head. 'flapping': three paths, one of which fails and
 * heals, with samples and a ledger in a file; 'quiet': the same without any of that.
 */
export type ProfiledLoad =
  | 'randread_qd32'
  | 'randread_qd128'
  | 'randwrite_qd32'
  | 'randread_qd1'
  | 'raw_qd32'
  | 'flapping_qd32'
  | 'quiet_qd32'

/** Nanoseconds of one I/O, by where this thread spent them; together they are `total`. */
export interface LayerTimes {
  readonly total: number
  /** In calls that only hand over to the kernel, or ask it what has completed. */
  readonly handingOver: number
  /** In calls that wait for a completion, what they hand over included, and in watching for one. */
  readonly waiting: number
  /** engine/, machines/ and store/. */
  readonly engine: number
  readonly adapters: number
  /** The event loop and the garbage collector. */
  readonly loop: number
  /** The event loop asleep: no ring had anything, nor any timer. */
  readonly idle: number
  /** What makes the load. */
  readonly bench: number
}

export interface Profiles {
  /** Random reads at depth 32: first the layers, then the functions with the most time of their own. */
  readonly rows: readonly ProfileRow[]
  readonly layers: Readonly<Record<ProfiledLoad, LayerTimes>>
  /** Functions that take more of an I/O on the flapping paths than on the quiet ones; the most first. */
  readonly flapping: readonly GrownRow[]
}

/** A function, and its nanoseconds of one I/O on the flapping paths and on the quiet ones. */
export interface GrownRow {
  readonly what: string
  readonly flappingNs: number
  readonly quietNs: number
}

const PROFILE_MS = 2000
/** Not more often: each sample interrupts the call that waits. */
const SAMPLE_US = 250
/** Functions told of: the rest is small. */
const FUNCTIONS = 25
const GROWN_FUNCTIONS = 8

/** Profiles each of the loads. */
export async function profileHead(backing: Backing): Promise<Profiles> {
  const engine = await openEngine(backing, 'profile', backing.lend(2))
  const head = (op: 'read' | 'write', depth: number) => (milliseconds: number) =>
    loadHead(engine.head, { op, depth, milliseconds })
  const raw = (milliseconds: number) =>
    loadDevices(backing.devices.slice(0, 2), backing.memory, { op: 'read', depth: 32, milliseconds })
  const read32 = await profiled(head('read', 32))
  const flapping = await profiledFlapping(backing, true)
  const quiet = await profiledFlapping(backing, false)
  const layers = {
    randread_qd32: layersOf(read32),
    randread_qd128: layersOf(await profiled(head('read', 128))),
    randwrite_qd32: layersOf(await profiled(head('write', 32))),
    randread_qd1: layersOf(await profiled(head('read', 1))),
    raw_qd32: layersOf(await profiled(raw)),
    flapping_qd32: layersOf(flapping),
    quiet_qd32: layersOf(quiet),
  }
  await engine.close()
  const rows = [
    ...rowsOf(read32, ({ layer }) => `layer: ${layer}`),
    ...rowsOf(read32, ({ name }) => name).slice(0, FUNCTIONS),
  ]
  return { rows, layers, flapping: grownRows(flapping, quiet).slice(0, GROWN_FUNCTIONS) }
}

async function profiledFlapping(backing: Backing, loud: boolean): Promise<Profiled> {
  const engine = await openFlapping(backing, loud)
  if (loud) engine.start()
  const result = await profiled((milliseconds) =>
    loadHead(engine.head, { op: 'read', depth: 32, milliseconds }),
  )
  await engine.close()
  return result
}

/** Microseconds that were spent in one function. */
interface Spent {
  readonly name: string
  readonly layer: string
  us: number
}

interface Profiled {
  readonly spent: readonly Spent[]
  readonly us: number
  readonly ios: number
  /** Nanoseconds from one I/O to the next. */
  readonly wallNs: number
}

async function profiled(load: (milliseconds: number) => Promise<LoadResult>): Promise<Profiled> {
  await load(500)
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })
  await session.post('Profiler.start')
  const { ios, iops } = await load(PROFILE_MS)
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  const spent = spentIn(profile)
  return { spent, us: spent.reduce((sum, { us }) => sum + us, 0), ios, wallNs: 1e9 / iops }
}

type Frame = Profiler.ProfileNode['callFrame']

function spentIn(profile: Profiler.Profile): Spent[] {
  const places = placesOf(profile)
  const spent = new Map<string, Spent>()
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const place = places.get(id)
    if (place === undefined) continue
    const { layer, name } = place
    const one = spent.get(`${layer} ${name}`) ?? { name, layer, us: 0 }
    one.us += profile.timeDeltas?.[index] ?? 0
    spent.set(`${layer} ${name}`, one)
  }
  return [...spent.values()]
}

/** The layer and the name of each node, but for the profiler itself, which is no part of an I/O. */
function placesOf({
  nodes,
}: Profiler.Profile): Map<number, { readonly layer: string; readonly name: string }> {
  const callers = new Map<number, Frame>()
  const watching = new Set<number>()
  const places = new Map<number, { readonly layer: string; readonly name: string }>()
  // Callers come before what they call.
  for (const { id, callFrame, children = [] } of nodes) {
    const caller = callers.get(id)
    if (isWatch(callFrame)) watching.add(id)
    for (const child of children) {
      callers.set(child, callFrame)
      if (watching.has(id)) watching.add(child)
    }
    if ([callFrame, caller].some((one) => one?.url === 'node:inspector')) continue
    const layer = watching.has(id) ? WATCHING : layerOf(callFrame, caller?.functionName ?? '')
    const isOne = layer.startsWith(CALLS) || layer === WATCHING
    places.set(id, { layer, name: isOne ? `(${layer})` : nameOf(callFrame) })
  }
  return places
}

function rowsOf({ spent, us: all, ios }: Profiled, keyOf: (one: Spent) => string): ProfileRow[] {
  const sums = new Map<string, number>()
  for (const one of spent) sums.set(keyOf(one), (sums.get(keyOf(one)) ?? 0) + one.us)
  return [...sums]
    .sort(([, one], [, other]) => other - one)
    .map(([what, us]) => ({ what, share: rounded((us / all) * 100), nsPerIo: Math.round((us * 1000) / ios) }))
}

function grownRows(flapping: Profiled, quiet: Profiled): GrownRow[] {
  const [now, before] = [nsByFunction(flapping), nsByFunction(quiet)]
  return [...now]
    .map(([what, flappingNs]) => ({ what, flappingNs, quietNs: before.get(what) ?? 0 }))
    .filter(({ flappingNs, quietNs }) => flappingNs > quietNs)
    .sort((one, other) => other.flappingNs - other.quietNs - (one.flappingNs - one.quietNs))
}

function nsByFunction({ spent, us: all, wallNs }: Profiled): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { name, us } of spent) sums.set(name, (sums.get(name) ?? 0) + us)
  return new Map([...sums].map(([name, us]) => [name, Math.round((us / all) * wallNs)]))
}

/** The samples tell the shares, and the rate of the load the time. */
function layersOf({ spent, us: all, wallNs }: Profiled): LayerTimes {
  const of = (...layers: readonly RegExp[]) => {
    const ours = spent.filter(({ layer }) => layers.some((one) => one.test(layer)))
    return Math.round((ours.reduce((sum, { us }) => sum + us, 0) / all) * wallNs)
  }
  const times = {
    handingOver: of(/^system calls$/),
    waiting: of(/^(system calls that wait|watching)$/),
    engine: of(/^(engine|machines|store)$/),
    adapters: of(/^adapters\//),
    bench: of(/^bench$/),
    idle: of(/^\(idle\)$/),
  }
  const total = Math.round(wallNs)
  const loop = total - Object.values(times).reduce((sum, ns) => sum + ns, 0)
  return { total, ...times, loop }
}

const CALLS = 'system calls'
/** Looking at the rings until something has completed: a wait, though one without a call. */
const WATCHING = 'watching'

function isWatch({ functionName, url }: Frame): boolean {
  return url.endsWith('/quick-wait.ts') && ['#gather', '#watch'].includes(functionName)
}

/** The folder of ours that a function is in, or what else it belongs to. */
function layerOf({ functionName, url }: Frame, caller: string): string {
  // Calls into the kernel are functions without a file, under whatever name, made by two of ours.
  const native = url === '' ? caller : ''
  if (functionName === 'ringWait' || native === 'ringWait') return `${CALLS} that wait`
  if (functionName === 'ringEnter' || native === 'ringEnter') return CALLS
  if (functionName.startsWith('(')) return functionName
  const folder = /\/(engine|store|machines|bench|adapters\/\w+)\//.exec(url)?.[1]
  if (folder !== undefined) return folder
  if (/\/adapters\/[\w-]+\.ts$/.test(url)) return 'adapters/'
  return url.startsWith('node:') ? 'Node' : 'other'
}

function nameOf({ functionName, url, lineNumber }: Frame): string {
  const file = url.split('/').slice(-2).join('/')
  return file === '' ? functionName : `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`
}
