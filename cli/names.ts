// Names that people use for streams: 'sda:0' for 'path/naa.6001/8:0:0:0', 'sda' for its head.
import { PathledgerError } from '../errors.ts'
import { pages } from '../doors/ledger.ts'
import type { LedgerReader } from '../store/types.ts'
import { usageError } from './failure.ts'
import { parseObject } from './text.ts'

/** What a stream is called; a stream that was never given a name keeps its own. */
export type NameOf = (stream: string) => string

/** Reads the names that heads and paths were given. Where one came back under another name, the last one counts. */
export function readNames(reader: LedgerReader): NameOf {
  const names = new Map([
    ...carried(reader),
    ...given(reader, 'head.created'),
    ...given(reader, 'path.added'),
  ])
  return (stream) => names.get(stream) ?? names.get(stream.replace(/^lun\//, 'head/')) ?? stream
}

/**
 * The stream of a path by any of its names: 'sda:0', its H:C:I:L, or the stream itself. Throws PATH_NOT_FOUND, and USAGE
 * where several LUNs of the ledger have such a path.
 */
export function findPath(reader: LedgerReader, typed: string): string {
  const paths = [...carried(reader), ...given(reader, 'path.added')].filter(([stream]) =>
    stream.startsWith('path/'),
  )
  // What was refused was never given a name: people know the device.
  const names = new Map([...refused(reader), ...paths])
  const isMeant = ([stream, name]: readonly [string, string]): boolean =>
    [stream, name, stream.split('/').at(-1)].includes(typed)
  const [found, ...others] = [...names].filter(isMeant).map(([stream]) => stream)
  if (found === undefined) {
    throw new PathledgerError('PATH_NOT_FOUND', {
      message: `There is no path '${typed}' on this ledger.`,
      why: names.size === 0 ? 'No path was ever added.' : `There are ${[...names.keys()].join(', ')}.`,
      todo: "Use one of these, or its short name ('sda:0', '8:0:0:0').",
    })
  }
  if (others.length === 0) return found
  throw usageError(
    `'${typed}' means more than one path.`,
    `There are ${[found, ...others].join(', ')}.`,
    'Name one of these.',
  )
}

/** The stream of a head by any of its names: 'sda', its wwid, or the stream itself. Throws HEAD_NOT_FOUND and USAGE. */
export function findHead(reader: LedgerReader, typed: string): string {
  const heads = [...carried(reader), ...given(reader, 'head.created')]
  const names = new Map(heads.filter(([stream]) => stream.startsWith('head/')))
  const isMeant = ([stream, name]: readonly [string, string]): boolean =>
    [stream, name, stream.slice('head/'.length)].includes(typed)
  const [found, ...others] = [...names].filter(isMeant).map(([stream]) => stream)
  if (found === undefined) {
    throw new PathledgerError('HEAD_NOT_FOUND', {
      message: `There is no head '${typed}' on this ledger.`,
      why: names.size === 0 ? 'No head was ever made.' : `There are ${[...names.values()].join(', ')}.`,
      todo: 'Use one of these names, or its wwid.',
    })
  }
  if (others.length === 0) return found
  throw usageError(
    `'${typed}' means more than one head.`,
    `There are ${[found, ...others].join(', ')}.`,
    'Name one of these.',
  )
}

/** The stream of a path or a head by any of its names. Throws as {@link findPath} does where neither is there. */
export function findStream(reader: LedgerReader, typed: string): string {
  try {
    return findHead(reader, typed)
  } catch (error) {
    if (!(error instanceof PathledgerError) || error.code !== 'HEAD_NOT_FOUND') throw error
    return findPath(reader, typed)
  }
}

/** The names that streams brought with them from the segment before. */
function carried(reader: LedgerReader): Map<string, string> {
  const names = new Map<string, string>()
  for (const { data } of [...pages(reader, { type: 'ledger.stateCarried' })].flat()) {
    const { streams } = parseObject(data)
    for (const [stream, at] of Object.entries(
      (streams ?? {}) as Record<string, { context?: { name?: unknown } }>,
    )) {
      const name = at.context?.name
      if (typeof name === 'string' && name !== '') names.set(stream, name)
    }
  }
  return names
}

/** Devices that were not taken, by the stream of the path that they were to be. */
function refused(reader: LedgerReader): Map<string, string> {
  const rows = [...pages(reader, { type: 'engine.pathRefused' })].flat()
  return new Map(
    rows.map(({ data }) => {
      const { wwid, hctl, device } = parseObject(data)
      return [`path/${String(wwid)}/${String(hctl)}`, String(device)] as const
    }),
  )
}

/** The names that one type of event gave to streams. */
function given(reader: LedgerReader, type: string): Map<string, string> {
  const rows = [...pages(reader, { type })].flat()
  return new Map(
    rows.flatMap(({ stream, data }) => {
      const { name } = parseObject(data)
      return typeof name === 'string' ? [[stream, name] as const] : []
    }),
  )
}
