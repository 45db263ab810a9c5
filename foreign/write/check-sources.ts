// Are the sources of a ledger still what was read? Their files are read again: each line that a row rests on has to have the
// hash that the row has, and what the files tell has to come to the same rows.
import { createHash } from 'node:crypto'
import { pages } from '../../store/pages.ts'
import type { LedgerReader } from '../../store/types.ts'
import { oneHost, readHistory, type Given, type ReadSettings } from '../read.ts'
import { linesOf } from '../sources/lines.ts'
import type { Reach, SourceFile } from '../sources/open.ts'
import { hashOf } from '../sources/read-source.ts'
import { TEMPLATE_SET } from '../templates/index.ts'
import { rowsOf } from './rows.ts'

/** What became of one source since it was read. */
export interface SourceCheck {
  readonly name: string
  /** 'missing': no file has its name or its bytes; 'changed': lines that rows rest on are others now, or bytes of it. */
  readonly state: 'same' | 'changed' | 'missing'
  /** Lines that rows rest on. */
  readonly lines: number
  /** Numbers of those whose hash is another one, the first hundred. */
  readonly changed: readonly number[]
}

/** What became of the sources of a ledger. */
export interface SourcesCheck {
  readonly sources: readonly SourceCheck[]
  /** Whether they tell the same facts again; null where a source is not the same, or templates are of another version. */
  readonly facts: 'same' | 'different' | null
  /** Why facts were not compared, or which row is the first that differs. */
  readonly why: string
}

/** Changed lines that are named. */
const CHANGED_NAMED = 100

interface Kept {
  readonly name: string
  readonly sha256: string
  readonly templates: number
  readonly given: ReadSettings
  /** Hash by number of the line. */
  readonly lines: Map<number, string>
}

/** Reads the files under `paths` again and compares. */
export async function checkSources(
  reader: LedgerReader,
  reach: Reach,
  paths: readonly string[],
  progress: (bytes: number, of: number) => void = () => undefined,
): Promise<SourcesCheck> {
  const { host, kept, ids } = standing(reader)
  const files = await reach.filesOf(paths)
  const of = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const sources: SourceCheck[] = []
  const same: string[] = []
  let bytes = 0
  for (const source of kept.values()) {
    const file = fileOf(source, files)
    if (file === undefined) {
      sources.push({ name: source.name, state: 'missing', lines: source.lines.size, changed: [] })
      continue
    }
    const { changed, isSame } = await compare(source, reach, file)
    sources.push({
      ...{ name: source.name, state: isSame ? 'same' : 'changed', lines: source.lines.size },
      changed: changed.slice(0, CHANGED_NAMED),
    })
    if (isSame) same.push(file.path)
    bytes += file.bytes
    progress(bytes, of)
  }
  const why = notCompared(sources, [...kept.values()])
  if (why !== '') return { sources, facts: null, why }
  return {
    sources,
    ...(await compareFacts({ host, given: [...kept.values()][0]?.given ?? {}, ids }, reach, same)),
  }
}

function standing(reader: LedgerReader): { host: string; kept: Map<number, Kept>; ids: ReadonlySet<string> } {
  const kept = new Map<number, Kept>()
  const ids = new Set<string>()
  let host = ''
  for (const page of pages(reader, {})) {
    for (const { type, stream, data, eventId, position } of page) {
      const parsed = JSON.parse(data) as Record<string, unknown>
      if (position > 1) ids.add(eventId)
      if (type === 'source.opened') {
        host = String(parsed.host)
        kept.set(Number(stream.slice('source/'.length)), {
          ...{
            name: String(parsed.name),
            sha256: String(parsed.sha256),
            templates: Number(parsed.templates),
          },
          ...{ given: givenOf(parsed.given), lines: new Map<number, string>() },
        })
      }
      const seen = parsed.seen as { source: number; line: number; bytes: string } | undefined
      if (seen !== undefined && seen.bytes !== '') kept.get(seen.source)?.lines.set(seen.line, seen.bytes)
    }
  }
  return { host, kept, ids }
}

/** What was said when they were read, as it stands on the row. */
function givenOf(given: unknown): ReadSettings {
  const { takenAt, ...rest } = (given ?? {}) as Given
  return { ...rest, ...(takenAt === undefined ? {} : { takenAt: new Map(Object.entries(takenAt)) }) }
}

/** A file by the name that it had; it may lie under another folder now. */
function fileOf({ name }: Kept, files: readonly SourceFile[]): SourceFile | undefined {
  const last = name.split('/').at(-1) ?? name
  return (
    files.find((file) => file.name === name) ??
    files.find((file) => file.name.endsWith(`/${name}`)) ??
    files.find((file) => file.name.split('/').at(-1) === last)
  )
}

async function compare(
  { lines, sha256 }: Kept,
  reach: Reach,
  file: SourceFile,
): Promise<{ changed: number[]; isSame: boolean }> {
  const left = new Map(lines)
  const changed: number[] = []
  const whole = createHash('sha256')
  let number = 0
  for await (const block of linesOf(reach.bytesOf(file.path, () => undefined))) {
    for (const raw of block) {
      number += 1
      whole.update(raw, 'latin1').update('\n')
      const hash = left.get(number)
      if (hash === undefined) continue
      left.delete(number)
      if (hashOf(raw) !== hash) changed.push(number)
    }
  }
  // Lines that are gone are others than they were.
  changed.push(...left.keys())
  const isSame = changed.length === 0 && whole.digest('hex') === sha256
  return { changed: changed.sort((one, other) => one - other), isSame }
}

function notCompared(sources: readonly SourceCheck[], kept: readonly Kept[]): string {
  if (sources.some(({ state }) => state !== 'same')) return 'A source is not what was read.'
  if (kept.some(({ templates }) => templates !== TEMPLATE_SET))
    return `It was read with templates of another version than ${TEMPLATE_SET}, which this pathledger has.`
  return ''
}

async function compareFacts(
  { host, given, ids }: { host: string; given: ReadSettings; ids: ReadonlySet<string> },
  reach: Reach,
  paths: readonly string[],
): Promise<Pick<SourcesCheck, 'facts' | 'why'>> {
  const history = await readHistory(reach, paths, { ...given, ...(host === '' ? {} : { host }) })
  const rows = rowsOf(history, oneHost(history, host)).events
  const other = rows.find(({ eventId }) => !ids.has(eventId))
  if (other === undefined && rows.length === ids.size) return { facts: 'same', why: '' }
  const which =
    other === undefined
      ? 'rows are on the ledger that the files do not tell'
      : `${other.type} of ${other.stream} is new`
  return { facts: 'different', why: `Read again, the files tell otherwise: ${which}.` }
}
