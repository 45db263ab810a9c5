// Where the time of one I/O goes: the sampling profiler over a loaded head, by layer and by function.
import { Session } from 'node:inspector/promises'
import type { Profiler } from 'node:inspector'
import { loadHead } from '../shared/load.ts'
import { rounded } from '../shared/stats.ts'
import type { Backing } from './backing.ts'
import { openEngine } from './engines.ts'

/** One line of a profile: a function, or a whole layer. */
export interface ProfileRow {
  readonly what: string
  /** Of all samples, per cent. */
  readonly share: number
  readonly nsPerIo: number
}

const PROFILE_MS = 3000
const SAMPLE_US = 100
/** Functions told of: the rest is small. */
const FUNCTIONS = 25

/** Profiles random reads at depth 32: first the layers, then the functions with the most time of their own. */
export async function profileHead(backing: Backing): Promise<ProfileRow[]> {
  const engine = await openEngine(backing, 'profile', backing.lend(2))
  await loadHead(engine.head, { op: 'read', depth: 32, milliseconds: 500 })
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })
  await session.post('Profiler.start')
  const { ios } = await loadHead(engine.head, { op: 'read', depth: 32, milliseconds: PROFILE_MS })
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  await engine.close()
  return [...rowsOf(profile, ios, layerOf), ...rowsOf(profile, ios, nameOf).slice(0, FUNCTIONS)]
}

function rowsOf(
  profile: Profiler.Profile,
  ios: number,
  name: (frame: Profiler.ProfileNode['callFrame']) => string,
): ProfileRow[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const spent = new Map<string, number>()
  let all = 0
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const node = nodes.get(id)
    const us = profile.timeDeltas?.[index] ?? 0
    // The profiler itself is no part of an I/O.
    if (node === undefined || node.callFrame.url === 'node:inspector') continue
    const key = name(node.callFrame)
    spent.set(key, (spent.get(key) ?? 0) + us)
    all += us
  }
  return [...spent]
    .sort(([, one], [, other]) => other - one)
    .map(([what, us]) => ({ what, share: rounded((us / all) * 100), nsPerIo: Math.round((us * 1000) / ios) }))
}

/** The folder of ours that a function is in, or what else it belongs to. */
function layerOf({ functionName, url }: Profiler.ProfileNode['callFrame']): string {
  // Calls into the kernel are functions without a name or a file.
  const call =
    functionName === 'ringEnter' || functionName === 'ringWait' || (functionName === '' && url === '')
  if (call) return 'layer: system calls'
  if (functionName.startsWith('(')) return `layer: ${functionName}`
  const folder = /\/(engine|store|machines|bench|adapters\/\w+)\//.exec(url)?.[1]
  if (folder !== undefined) return `layer: ${folder}`
  return url.startsWith('node:') ? 'layer: Node' : 'layer: other'
}

function nameOf({ functionName, url, lineNumber }: Profiler.ProfileNode['callFrame']): string {
  const file = url.split('/').slice(-2).join('/')
  return file === '' ? functionName : `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`
}
