// Names that people use for streams: 'sda:0' for 'path/naa.6001/8:0:0:0', 'sda' for its head.
import { PathledgerError } from '../errors.ts'
import { pages } from '../doors/ledger.ts'
import type { LedgerReader } from '../store/types.ts'
import { usageError } from './failure.ts'
import { parseObject } from './text.ts'

/**
 * What a stream was called at a position; default: the last name of it. A stream that was never given a name keeps its own, and one
 * that had none yet by then has its first.
 */
export type NameOf = (stream: string, position?: number) => string

/** Names by stream, each with the position from which on it is the one. */
type Namings = ReadonlyMap<string, readonly { readonly position: number; readonly name: string }[]>

/** Events that give a stream its name: names are given anew at each start. */
const GIVING = ['head.created', 'path.added', 'path.returned']

/** Reads the names that heads and paths were given, and when. */
export function readNames(reader: LedgerReader): NameOf {
  const namings = namingsOf(reader)
  return (stream, position = Infinity) => {
    const names = namings.get(stream) ?? namings.get(stream.replace(/^(lun|reservation)\//, 'head/')) ?? []
    return (names.findLast((naming) => naming.position <= position) ?? names[0])?.name ?? stream
  }
}

/**
 * The stream of a path by any of its names: 'sda:0', its H:C:I:L, or the stream itself. A name is the one that was in force at a
 * position (default the end); one that nobody had then is of who ever had it. Throws PATH_NOT_FOUND, and USAGE where several LUNs
 * of the ledger have such a path.
 */
export function findPath(reader: LedgerReader, typed: string, position = Infinity): string {
  const namings = namingsOf(reader)
  const isPath = (stream: string): boolean => stream.startsWith('path/')
  // What was refused was never given a name: people know the device.
  const others = [...refused(reader)].flatMap(([stream, device]) =>
    [stream, device, stream.split('/').at(-1)].includes(typed) ? [stream] : [],
  )
  const named = calledSo(
    namings,
    typed,
    position,
    (stream) => isPath(stream) && [stream, stream.split('/').at(-1)].includes(typed),
  )
  const found = [...new Set([...named.filter(isPath), ...others])]
  const known = [...new Set([...refused(reader).keys(), ...[...namings.keys()].filter(isPath)])]
  return theOne(found, typed, 'path', () => {
    return new PathledgerError('PATH_NOT_FOUND', {
      message: `There is no path '${typed}' on this ledger.`,
      why: known.length === 0 ? 'No path was ever added.' : `There are ${known.join(', ')}.`,
      todo: "Use one of these, or its short name ('sda:0', '8:0:0:0').",
    })
  })
}

/** The stream of a head by any of its names, as {@link findPath} finds paths. Throws HEAD_NOT_FOUND and USAGE. */
export function findHead(reader: LedgerReader, typed: string, position = Infinity): string {
  const namings = namingsOf(reader)
  const isHead = (stream: string): boolean => stream.startsWith('head/')
  const isItself = (stream: string): boolean =>
    isHead(stream) && [stream, stream.slice('head/'.length)].includes(typed)
  const found = calledSo(namings, typed, position, isItself).filter(isHead)
  return theOne(found, typed, 'head', () => {
    const names = [...namings].flatMap(([stream, given]) =>
      isHead(stream) ? given.map(({ name }) => name) : [],
    )
    return new PathledgerError('HEAD_NOT_FOUND', {
      message: `There is no head '${typed}' on this ledger.`,
      why: names.length === 0 ? 'No head was ever made.' : `There are ${[...new Set(names)].join(', ')}.`,
      todo: 'Use one of these names, or its wwid.',
    })
  })
}

/** Streams that are `typed` itself, or had that name at a position; where none had, those that ever had it. */
function calledSo(
  namings: Namings,
  typed: string,
  position: number,
  isItself: (stream: string) => boolean,
): string[] {
  const streams = [...namings.keys()]
  const itself = streams.filter(isItself)
  if (itself.length > 0) return itself
  const namesOf = (stream: string) => namings.get(stream) ?? []
  const then = streams.filter(
    (stream) => namesOf(stream).findLast((naming) => naming.position <= position)?.name === typed,
  )
  return then.length > 0
    ? then
    : streams.filter((stream) => namesOf(stream).some(({ name }) => name === typed))
}

function theOne(found: readonly string[], typed: string, what: string, none: () => PathledgerError): string {
  const [first, ...others] = found
  if (first === undefined) throw none()
  if (others.length === 0) return first
  throw usageError(
    `'${typed}' means more than one ${what}.`,
    `There are ${found.join(', ')}.`,
    'Name one of these.',
  )
}

/** The stream of a path or a head by any of its names. Throws as {@link findPath} does where neither is there. */
export function findStream(reader: LedgerReader, typed: string, position = Infinity): string {
  if (isNoDevice(reader, typed)) return typed
  try {
    return findHead(reader, typed, position)
  } catch (error) {
    if (!(error instanceof PathledgerError) || error.code !== 'HEAD_NOT_FOUND') throw error
    return findPath(reader, typed, position)
  }
}

/** What lines tell of ports and of the host has its own streams, which people name as they are. */
function isNoDevice(reader: LedgerReader, typed: string): boolean {
  return /^(?:port\/|host$)/.test(typed) && reader.read({ stream: typed, limit: 1 }).length > 0
}

/** Every name that a stream was given, or brought with it from the segment before, in order. */
function namingsOf(reader: LedgerReader): Namings {
  const namings = new Map<string, { position: number; name: string }[]>()
  const add = (stream: string, position: number, name: unknown): void => {
    if (typeof name !== 'string' || name === '') return
    namings.set(stream, [...(namings.get(stream) ?? []), { position, name }])
  }
  for (const { data, position } of [...pages(reader, { type: 'ledger.stateCarried' })].flat()) {
    const streams = parseObject(data)['streams'] as
      Record<string, { context?: { name?: unknown } }> | undefined
    for (const [stream, { context }] of Object.entries(streams ?? {})) add(stream, position, context?.name)
  }
  for (const [stream, position, name] of observedNames(reader)) add(stream, position, name)
  const given = GIVING.flatMap((type) => [...pages(reader, { type })].flat())
  for (const { stream, position, data } of given.sort((one, other) => one.position - other.position)) {
    add(stream, position, parseObject(data)['name'])
  }
  return namings
}

/** True for a ledger that was made of what others logged: nothing on it was decided here. */
export function isObservedLedger(reader: LedgerReader): boolean {
  return reader.read({ type: 'source.opened', limit: 1 }).length > 0
}

/** What lines call maps and paths: a path has its device's name, which may change, and often no line adds it. */
function observedNames(reader: LedgerReader): (readonly [string, number, unknown])[] {
  if (!isObservedLedger(reader)) return []
  const found: (readonly [string, number, unknown])[] = []
  const last = new Map<string, unknown>()
  for (const { stream, position, data } of [...pages(reader, {})].flat()) {
    const house = /^(?:path|head)(?=\/)/.exec(stream)?.[0]
    if (house === undefined) continue
    const { map, dev } = parseObject(data)
    const name = house === 'head' ? map : dev
    if (typeof name !== 'string' || last.get(stream) === name) continue
    last.set(stream, name)
    found.push([stream, position, name])
  }
  return found
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
