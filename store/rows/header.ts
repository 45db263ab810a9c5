// Position 1 of every ledger: what wrote it, inside the chain.
import { z } from 'zod'
import { PathledgerError } from '../../errors.ts'
import { behaviourOf, NEWEST_FLAGS, unknownFlag, type Behaviour } from '../../machines/behaviour.ts'
import { decisionText } from '../../machines/decision.ts'
import { machineOf, MACHINES } from '../../machines/registry.ts'
import { FORMAT } from './schema.ts'
import type { LedgerReader, NewEvent, StoredEvent } from '../types.ts'

/** What only the caller knows when a ledger is made. Time and ids come from its ports. */
export interface HeaderFacts {
  readonly eventId: string
  /** Wall clock, microseconds. */
  readonly recordedAtUs: number
  /** Monotonic clock, microseconds. */
  readonly monoUs: number
  readonly bootId: string
  /** Version of pathledger. */
  readonly engine: string
  /** Version of XState. */
  readonly xstate: string
  /** Behaviour flags by name: an old ledger keeps the behaviour that it was written with. Default: all there are. */
  readonly flags?: readonly string[]
  /** The segment that this ledger goes on from. */
  readonly previous?: PreviousSegment
  /** Default 'engine'. */
  readonly actor?: string
}

/** The segment before: its file's name in the same folder, and where it ended. */
export interface PreviousSegment {
  readonly file: string
  readonly format: number
  readonly events: number
  /** Hash of its last event, in hex. */
  readonly hash: string
}

/** The header as it is on the ledger. */
export interface LedgerHeader {
  readonly format: number
  /** Hash of each machine's definition, by its name. */
  readonly machines: Readonly<Record<string, string>>
  readonly xstate: string
  readonly engine: string
  readonly flags: readonly string[]
  /** Null for a ledger that begins at the beginning. */
  readonly previous: PreviousSegment | null
}

const STREAM = 'engine'
const TYPE = 'ledger.header'

const headerSchema = z.object({
  format: z.int().min(1),
  machines: z.record(z.string(), z.string()),
  xstate: z.string(),
  engine: z.string(),
  flags: z.array(z.string()),
  previous: z
    .object({ file: z.string(), format: z.int(), events: z.int(), hash: z.string() })
    .nullish()
    .transform((previous) => previous ?? null),
})

/** The header's event, with the decision that the engine's machine comes to. Pure. */
export function headerEvent(facts: HeaderFacts): NewEvent {
  const data = {
    format: FORMAT,
    machines: machineHashes(),
    xstate: facts.xstate,
    engine: facts.engine,
    flags: facts.flags ?? NEWEST_FLAGS,
    ...(facts.previous === undefined ? {} : { previous: facts.previous }),
  }
  const machine = machineOf(STREAM)
  const { decision } = machine.decide(machine.initial(), { type: TYPE, atUs: facts.monoUs, data })
  return {
    eventId: facts.eventId,
    stream: STREAM,
    type: TYPE,
    schema: 1,
    recordedAtUs: facts.recordedAtUs,
    monoUs: facts.monoUs,
    bootId: facts.bootId,
    cause: null,
    actor: facts.actor ?? 'engine',
    reason: null,
    data: JSON.stringify(data),
    decision: decisionText(decision, behaviourOf(data.flags)),
  }
}

/** Hash of each machine's definition now, by its name. */
export function machineHashes(): Record<string, string> {
  return Object.fromEntries(Object.values(MACHINES).map(({ name, hash }) => [name, hash]))
}

/**
 * The header in the row of position 1. Throws LEDGER_FROM_THE_FUTURE for a format that this pathledger does not know,
 * and LEDGER_DAMAGED where there is no header.
 */
export function readHeader(row: StoredEvent | undefined, file: string): LedgerHeader {
  const parsed = headerSchema.safeParse(row?.type === TYPE ? jsonOrNull(row.data) : null)
  if (!parsed.success) {
    throw new PathledgerError('LEDGER_DAMAGED', {
      message: `The ledger ${file} has no header at position 1.`,
      why: 'Every ledger begins with a header. This file is a ledger, so somebody has changed it.',
      todo: 'Run `pathledger verify` on it, and start a new ledger.',
    })
  }
  if (parsed.data.format > FORMAT) throw fromTheFuture(file, 'header format', parsed.data.format, FORMAT)
  const unknown = unknownFlag(parsed.data.flags)
  if (unknown !== null) throw behavesOtherwise(file, unknown)
  return parsed.data
}

/**
 * Throws LEDGER_FROM_THE_FUTURE for the payload of a header that this pathledger does not know, and nothing else: what is damaged is
 * told by whoever reads it.
 */
export function refuseNewer(data: unknown, file: string): void {
  const header = typeof data === 'string' ? jsonOrNull(data) : null
  if (typeof header !== 'object' || header === null) return
  const { format, flags } = header as { format?: unknown; flags?: unknown }
  if (typeof format === 'number' && format > FORMAT)
    throw fromTheFuture(file, 'header format', format, FORMAT)
  const unknown = Array.isArray(flags) ? unknownFlag(flags.filter((flag) => typeof flag === 'string')) : null
  if (unknown !== null) throw behavesOtherwise(file, unknown)
}

/** How the ledger behind a reader behaves: by its header, or as the first ledgers did where there is none. */
export function behaviourAt(reader: Pick<LedgerReader, 'read'>): Behaviour {
  const [first] = reader.read({ limit: 1 })
  const parsed = headerSchema.safeParse(first?.type === TYPE ? jsonOrNull(first.data) : null)
  return behaviourOf(parsed.success ? parsed.data.flags : [])
}

/** The behaviour that a header's payload asks for. */
export function behaviourOfHeader(data: string): Behaviour {
  const parsed = headerSchema.safeParse(jsonOrNull(data))
  return behaviourOf(parsed.success ? parsed.data.flags : [])
}

function behavesOtherwise(file: string, flag: string): PathledgerError {
  return new PathledgerError('LEDGER_FROM_THE_FUTURE', {
    message: `The ledger ${file} was written by a newer pathledger.`,
    why: `It has the behaviour '${flag}', which this one does not know.`,
    todo: 'Use that version of pathledger or a newer one. The file was not touched.',
    details: { file, what: 'behaviour flag', theirs: flag },
  })
}

/** The error for a file that a newer pathledger made: names what is newer, its version, and ours. */
export function fromTheFuture(file: string, what: string, theirs: number, ours: number): PathledgerError {
  return new PathledgerError('LEDGER_FROM_THE_FUTURE', {
    message: `The ledger ${file} was written by a newer pathledger.`,
    why: `Its ${what} is ${theirs}; this one knows versions up to ${ours}.`,
    todo: 'Use that version of pathledger or a newer one. The file was not touched.',
    details: { file, what, theirs, ours },
  })
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
