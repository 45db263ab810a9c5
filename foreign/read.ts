// Files to facts: the whole of reading, without a ledger.
import { PathledgerError } from '../errors.ts'
import { factsOf, type HostFacts } from './rules/index.ts'
import { readFile, type Progress, type Reach } from './sources/open.ts'
import { clockOf, hostsOf, place, type PlacedHost, type PlaceSettings } from './sources/place.ts'
import type { SourceRead } from './sources/read-source.ts'
import { zoneOf } from './time/civil.ts'

/** What lines do not say by themselves, and what is to be left out. */
export interface ReadSettings {
  /** Zone of stamps that state none. */
  readonly zone?: string
  /** Years are counted back from here; default: the newest dated thing in the sources. */
  readonly nowUs?: number
  /** Only this host. */
  readonly host?: string
  readonly takenAt?: ReadonlyMap<string, number>
  readonly progress?: Progress
  /** Files that are no sources, by name. */
  readonly leaveOut?: (name: string) => boolean
}

/** What whoever read the sources said of them, as a row can have it. */
export interface Given {
  readonly zone?: string
  readonly nowUs?: number
  readonly takenAt?: Readonly<Record<string, number>>
}

export interface History {
  readonly given: Given
  readonly sources: readonly SourceRead[]
  readonly hosts: readonly (HostFacts & PlacedHost)[]
  readonly settings: PlaceSettings
}

/** Reads everything and says what happened, host by host. */
export async function readHistory(
  reach: Reach,
  paths: readonly string[],
  settings: ReadSettings = {},
): Promise<History> {
  const files = (await reach.filesOf(paths)).filter(({ name }) => settings.leaveOut?.(name) !== true)
  const of = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const sources: SourceRead[] = []
  let lines = 0
  let bytes = 0
  for (const file of files) {
    const source = await readFile(reach, file, (count) => {
      lines += count
      settings.progress?.({ lines, bytes, of })
    })
    bytes += file.bytes
    sources.push(withTaken(source))
  }
  const newest = newestOf(sources)
  const modified = files.reduce((last, { modifiedUs }) => Math.max(last, modifiedUs), 0)
  const placing: PlaceSettings = {
    zone: settings.zone === undefined ? null : zoneOf(settings.zone, reach.zones),
    nowUs: settings.nowUs ?? newest ?? modified,
    ...(settings.takenAt === undefined ? {} : { takenAt: settings.takenAt }),
  }
  const hosts = place(sources, placing).filter(
    ({ host }) => settings.host === undefined || host === settings.host,
  )
  const { zone, nowUs, takenAt } = settings
  return {
    sources,
    given: {
      ...(zone === undefined ? {} : { zone }),
      ...(nowUs === undefined ? {} : { nowUs }),
      ...(takenAt === undefined || takenAt.size === 0 ? {} : { takenAt: Object.fromEntries(takenAt) }),
    },
    settings: placing,
    hosts: hosts.map((host) => ({ ...host, ...factsOf(host.host, host.placed) })),
  }
}

/** A snapshot's name may say on which side of the trouble it was taken. */
function withTaken(source: SourceRead): SourceRead {
  const taken = /before/i.test(source.name) ? 'before' : /after/i.test(source.name) ? 'after' : null
  if (taken === null) return source
  for (const [index, found] of source.found.entries()) {
    if (found.snapshot !== true) continue
    const fields = { ...found.statement.fields, taken }
    source.found[index] = { ...found, statement: { ...found.statement, fields } }
  }
  return source
}

function newestOf(sources: readonly SourceRead[]): number | null {
  let newest: number | null = null
  for (const { clock, headerEndUs } of sources) {
    for (const us of [clock.newestUs, headerEndUs])
      if (us !== null && (newest === null || us > newest)) newest = us
  }
  return newest
}

/** A ledger has one host. Throws HOST_CHOICE where several speak and none was named. */
export function oneHost(history: History, asked: string | undefined): History['hosts'][number] {
  const [only] = history.hosts
  if (history.hosts.length === 1 && only !== undefined) return only
  const names = hostsOf(history.sources)
  throw new PathledgerError('HOST_CHOICE', {
    message:
      asked === undefined ? 'The sources are of several hosts.' : `No line of the sources is of ${asked}.`,
    why: `They name ${names.join(', ') || 'no host'}; a ledger is about one host, because the clocks of two hosts cannot be compared.`,
    todo: 'Name one with --host, and make one ledger for each.',
  })
}

export { clockOf }
