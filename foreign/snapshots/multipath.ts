// `multipath -ll`, `multipathd show paths format`, `show maps json`.
import { stated, type Stated } from './snapshot.ts'

const HEAD =
  /^(?:(?:create|reload|switchpg|reinstate|rename|resize|nothing|undef|reject|forced reload)\w*: )?(?:(\S+) \((\S+)\)|(\S+)) (dm-\d+) (\S.*)$/
const NATIVE = /^(\S+) \[nvme\]:(\S+) (.*)$/
const SIZE = /^\[?size=(\S+?)\]?[ [].*features='?([^'\]]*)'?/
const PATH =
  /^[\s|`\\_-]*(?<hctl>[\d#]+:[\d#]+:[\d#]+:[\d#]+) +(?<dev>\S+) +(?<devt>\d+:\d+|-:-|#:#) +(?:(?<kernel>active|failed|undef|n\/a) +(?<checker>ready|faulty|shaky|ghost|delayed|disconnected|undef|i\/o pending|i\/o timeout|optimized|non-optimized|inaccessible|persistent-loss|change) +(?<device>\S+)|\[(?<kernel2>\w+)\]\[(?<checker2>\w+)\])/

/** `multipath -ll` of any age. */
export function multipathLl(lines: readonly string[]): Stated[] | null {
  if (!lines.some((line) => HEAD.test(line)) && !lines.some((line) => NATIVE.test(line))) return null
  const found: Stated[] = []
  let map: { map: string; wwid: string; dm: string; line: number } | null = null
  for (const [index, line] of lines.entries()) {
    const head = HEAD.exec(line)
    if (head !== null) {
      const wwid = head[2] ?? head[3] ?? ''
      map = { map: head[1] ?? wwid, wwid, dm: head[4] ?? '', line: index + 1 }
      found.push(stated(index + 1, 'snapMap', { map: map.map, wwid: map.wwid, dm: map.dm }))
      continue
    }
    if (map === null) continue
    const size = SIZE.exec(line)
    if (size !== null) found.push(stated(index + 1, 'snapMap', { map: map.map, features: size[2] }))
    const path = PATH.exec(line)?.groups
    if (path !== undefined) found.push(pathStated(index + 1, map, path))
  }
  return found
}

function pathStated(line: number, map: { map: string; wwid: string }, path: Record<string, string>): Stated {
  const hctl = path.hctl?.includes('#') === true ? undefined : path.hctl
  const devt = /^\d+:\d+$/.test(path.devt ?? '') ? path.devt : undefined
  return stated(line, 'snapPath', {
    ...{ map: map.map, wwid: map.wwid, hctl, dev: path.dev, devt },
    ...{ kernel: path.kernel ?? path.kernel2, checker: path.checker ?? path.checker2, device: path.device },
  })
}

/** Columns are padded to the widest value; a value may have a blank in it, so they are cut where the header's stand. */
export function showPaths(lines: readonly string[]): Stated[] | null {
  const header = lines[0] ?? ''
  if (!/\bhcil\b/.test(header) || !/\bdev\b/.test(header)) return null
  const columns = [...header.matchAll(/\S+/g)].map(({ 0: name, index }) => ({ name, index }))
  const found: Stated[] = []
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === '') continue
    const cell = (name: string): string | undefined => {
      const at = columns.findIndex((column) => column.name === name)
      const from = columns[at]?.index
      return from === undefined ? undefined : line.slice(from, columns[at + 1]?.index).trim()
    }
    const uuid = cell('uuid')
    const map = cell('multipath')
    found.push(
      stated(index + 1, 'snapPath', {
        ...{ map: map === '[orphan]' ? undefined : map, wwid: uuid, hctl: cell('hcil'), dev: cell('dev') },
        ...{ devt: cell('dev_t'), kernel: cell('dm_st'), checker: cell('chk_st'), device: cell('dev_st') },
        ...{ marginal: cell('marginal_st') },
      }),
    )
  }
  return found
}

interface JsonPath {
  readonly [key: string]: string | undefined
}
interface JsonMap {
  readonly name: string
  readonly uuid: string
  readonly sysfs?: string
  readonly features?: string
  readonly queueing?: string
  readonly path_groups?: readonly { readonly paths?: readonly JsonPath[] }[]
}

/** `multipathd show maps json`, `show map M json`. */
export function showMapsJson(lines: readonly string[]): Stated[] | null {
  const whole = parsed(lines)
  if (whole === null || typeof whole !== 'object' || Array.isArray(whole)) return null
  const object = whole as { maps?: unknown; map?: unknown }
  const maps = Array.isArray(object.maps)
    ? (object.maps as JsonMap[])
    : object.map === undefined
      ? null
      : [object.map as JsonMap]
  if (maps === null) return null
  const at = finder(lines)
  return maps.flatMap((map) => [
    stated(at(`"${map.name}"`), 'snapMap', {
      ...{ map: map.name, wwid: map.uuid, dm: map.sysfs, features: map.features, queueing: map.queueing },
    }),
    ...(map.path_groups ?? []).flatMap(({ paths }) => (paths ?? []).map((path) => jsonPath(at, map, path))),
  ])
}

function jsonPath(at: (needle: string) => number, map: JsonMap, path: JsonPath): Stated {
  const known = (text: string | undefined): string | undefined =>
    text === '[undef]' || text === '' ? undefined : text
  return stated(at(`"${path.dev ?? ''}"`), 'snapPath', {
    ...{ map: map.name, wwid: map.uuid, dev: path.dev, devt: path.dev_t, adapter: known(path.host_adapter) },
    ...{ kernel: path.dm_st, checker: path.chk_st, device: path.dev_st, wwpn: known(path.target_wwpn) },
  })
}

/** The text as JSON; null where it is none. */
export function parsed(lines: readonly string[]): unknown {
  try {
    return JSON.parse(lines.join('\n'))
  } catch {
    return null
  }
}

/** Finds the lines of words that stand in the order in which they are asked for. */
export function finder(lines: readonly string[]): (needle: string) => number {
  let from = 0
  return (needle) => {
    const index = lines.findIndex((line, at) => at >= from && line.includes(needle))
    if (index >= 0) from = index
    return (index < 0 ? from : index) + 1
  }
}
