// What if the engine had been set otherwise? The production engine runs twice over the recorded paths: with the settings of then,
// and with those that are asked about. What differs is the answer; how far the first run equals the record says what it is worth.
import { checkArguments, checkFields } from '../errors/arguments.ts'
import { PathledgerError } from '../errors.ts'
import { behaviourOfHeader } from '../store/rows/header.ts'
import type { LedgerReader, StoredEvent } from '../store/types.ts'
import { parseSettings, type SettingsInput } from '../engine/core/settings.ts'
import { readRecording, type RecordedIo, type Recording } from './recording.ts'
import { rerun, type IoOutcome, type Rerun } from './rerun.ts'

/** What is asked. */
export interface WhatIfQuestion {
  /** Settings to run with instead (docs/settings.md). */
  readonly settings: SettingsInput
  /** Settings of then that the ledger does not tell: attemptTimeoutMs, probeTimeoutMs ... Default: docs/settings.md. */
  readonly recorded?: SettingsInput
}

/** An I/O that went otherwise: when, what, and what it came to in either run. */
export interface DifferingIo {
  readonly atUs: number
  readonly op: string
  readonly offset: number
  readonly length: number
  readonly then: IoOutcome
  readonly instead: IoOutcome
}

/** A lifecycle event that only one of the runs has, or has otherwise; null where a run has none left. */
export interface Divergence {
  readonly atUs: number
  readonly then: string | null
  readonly instead: string | null
}

/** What a run came to, in figures. */
export interface RunFigures {
  readonly ios: number
  /** By what their callers got: 'OK', 'IO_ERROR', 'NO_PATH', 'OPEN' ... */
  readonly outcomes: Readonly<Record<string, number>>
  readonly attempts: number
  /** First attempts by H:C:I:L. */
  readonly firstPaths: Readonly<Record<string, number>>
  readonly tookUs: { readonly total: number; readonly median: number; readonly most: number }
  readonly failovers: number
  readonly headsRemoved: number
  /** Events of each type, but those that only count. */
  readonly events: Readonly<Record<string, number>>
}

/** The answer. */
export interface WhatIf {
  /** Whether I/O was traced; without it only the lives of paths and heads are compared. */
  readonly traced: boolean
  /** The settings of either run that were given or found, and differ. */
  readonly settings: { readonly then: SettingsInput; readonly instead: SettingsInput }
  /** How far the run with the settings of then equals the record: I/Os with the same first path and the same end. */
  readonly fidelity: { readonly same: number; readonly of: number }
  /** What that says of the rest: all of it went as recorded, most of it did, or nothing was traced that could tell. */
  readonly trust: 'exact' | 'close' | 'untraced'
  /** The first I/O or lifecycle event that differs; null where nothing does. */
  readonly firstDivergence: { readonly io: DifferingIo | null; readonly event: Divergence | null } | null
  readonly differing: readonly DifferingIo[]
  /** How many differ; `differing` has the first thousand. */
  readonly differingCount: number
  readonly then: RunFigures
  readonly instead: RunFigures
}

/** Settings that say something about the lives of paths and heads, also where no I/O was traced. */
const LIFECYCLE = ['noPathRetry', 'noPathCheckMs', 'delayedRemovalMs', 'checker', 'reattachMs']
const DIFFERING_MAX = 1_000
/** Of a thousand I/Os so many must go as recorded with the settings of then: below it the two runs say nothing of the record. */
export const FIDELITY_LEAST = 900

/**
 * Answers a what-if question about the last run on a ledger. Rejects with WHAT_IF_NEEDS_TRACE for a setting that only
 * I/O can tell about where none was traced, WHAT_IF_UNLIKE where the run of then cannot be done again, WHAT_IF_EMPTY,
 * SETTINGS_INVALID and LEDGER_*.
 */
export async function whatIf(reader: LedgerReader, question: WhatIfQuestion): Promise<WhatIf> {
  checkArguments('whatIf', { reader }, { reader: 'reader' })
  checkFields('whatIf', 'question', question, { settings: 'object', recorded: 'object?' })
  const { settings, recorded = {} } = question
  refuseObservations(reader)
  const recording = readRecording(reader, recorded)
  const base = recording.settings
  const other: SettingsInput = { ...base, ...settings, ...checkerOf(base, settings) }
  parseSettings(other)
  if (!recording.traced) refuseWhatNeedsIo(settings)
  const then = await rerun(recording, base)
  const fidelity = fidelityOf(recording, then)
  const trust = trustIn(fidelity)
  const instead = await rerun(recording, other)
  const differing = recording.traced ? differingIos(recording.ios, then.outcomes, instead.outcomes) : []
  const event = firstDifferentEvent(then.rows, instead.rows)
  const io = differing[0] ?? null
  return {
    traced: recording.traced,
    settings: { then: base, instead: other },
    fidelity,
    trust,
    firstDivergence: io === null && event === null ? null : { io, event },
    differing: differing.slice(0, DIFFERING_MAX),
    differingCount: differing.length,
    then: figuresOf(then, recording.traced),
    instead: figuresOf(instead, recording.traced),
  }
}

function refuseObservations(reader: LedgerReader): void {
  const [header] = reader.read({ limit: 1 })
  if (header === undefined || !behaviourOfHeader(header.data).observed) return
  throw new PathledgerError('LEDGER_OBSERVED', {
    message: 'The ledger holds observations of a host, so there is nothing to decide again.',
    why: 'pathledger decided nothing on it, so no decision can change.',
    todo: 'Query it with `audit` and `explain`.',
  })
}

/** `checker` has two halves: one that is given alone leaves the other as it was. */
function checkerOf(base: SettingsInput, { checker }: SettingsInput): SettingsInput {
  return checker === undefined ? {} : { checker: { ...base.checker, ...checker } }
}

function refuseWhatNeedsIo(settings: SettingsInput): void {
  const asked = Object.keys(settings).filter((name) => !LIFECYCLE.includes(name))
  if (asked.length === 0) return
  throw new PathledgerError('WHAT_IF_NEEDS_TRACE', {
    message: `This ledger cannot show what ${asked.join(', ')} would have changed.`,
    why: 'It changes what happens to single I/Os, and none was traced: the ledger knows which paths failed, but not the I/O that they got.',
    todo: `Trace I/O (the setting ioTrace, head.setTracing) and ask about that run. Without a trace you can ask only about ${LIFECYCLE.join(', ')}.`,
  })
}

function differingIos(
  ios: readonly RecordedIo[],
  then: readonly IoOutcome[],
  instead: readonly IoOutcome[],
): DifferingIo[] {
  return ios.flatMap(({ atUs, op, offset, length }, at) => {
    const [one, other] = [then[at] as IoOutcome, instead[at] as IoOutcome]
    const same =
      one.status === other.status && one.tookUs === other.tookUs && String(one.paths) === String(other.paths)
    return same ? [] : [{ atUs, op, offset, length, then: one, instead: other }]
  })
}

/** Sampled figures differ whenever I/O does; they say nothing of a life. */
const COUNTING = /\.(ioSampled|ioTraced|ioParked)$|^ledger\.|^lun\.found$/

/** The first event at which the lives of the two runs part: another one, in another state, or at another time. */
function firstDifferentEvent(
  then: readonly StoredEvent[],
  instead: readonly StoredEvent[],
): Divergence | null {
  const [one, other] = [linesOf(then), linesOf(instead)]
  const at = Array.from({ length: Math.max(one.length, other.length) }).findIndex((_none, index) => {
    return one[index]?.text !== other[index]?.text || one[index]?.atUs !== other[index]?.atUs
  })
  if (at < 0) return null
  const [left = NO_LINE, right = NO_LINE] = [one[at], other[at]]
  return { atUs: Math.min(left.atUs, right.atUs), then: left.text, instead: right.text }
}

const NO_LINE = { atUs: Infinity, text: null }

function linesOf(rows: readonly StoredEvent[]): Line[] {
  return rows.filter(({ type }) => !COUNTING.test(type)).map(lineOf)
}

interface Line {
  readonly atUs: number
  readonly text: string
}

function lineOf({ stream, type, monoUs, decision }: StoredEvent): Line {
  const { state } = JSON.parse(decision) as { state: unknown }
  const words = typeof state === 'string' ? state : Object.values(state as Record<string, string>).join('/')
  return { atUs: monoUs, text: `${type} of ${stream} -> ${words}` }
}

function fidelityOf({ ios, traced }: Recording, { outcomes }: Rerun): WhatIf['fidelity'] {
  if (!traced) return { same: 0, of: 0 }
  const same = ios.filter(({ outcome }, at) => {
    const again = outcomes[at]
    return (
      outcome !== null && again?.status === outcome.status && (again.paths[0] ?? null) === outcome.firstPath
    )
  })
  return { same: same.length, of: ios.length }
}

/** What the comparison with the record is worth. Throws WHAT_IF_UNLIKE where it is worth nothing. */
function trustIn({ same, of }: WhatIf['fidelity']): WhatIf['trust'] {
  if (of === 0) return 'untraced'
  if (same === of) return 'exact'
  if (same * 1000 >= of * FIDELITY_LEAST) return 'close'
  throw new PathledgerError('WHAT_IF_UNLIKE', {
    message: `Even with the original settings only ${same} of ${of} I/Os go as recorded.`,
    why: `Below ${FIDELITY_LEAST} of 1000 the repeated run differs too much from the recorded one to answer anything.`,
    todo: 'Use `--recorded` for original settings that are not on the ledger. docs/what-if.md lists those that are.',
    details: { same, of },
  })
}

function figuresOf({ rows, outcomes }: Rerun, traced: boolean): RunFigures {
  const told = traced ? outcomes : []
  const times = told.map(({ tookUs }) => tookUs).sort((one, other) => one - other)
  return {
    ios: told.length,
    outcomes: tally(told.map(({ status }) => status)),
    attempts: told.reduce((sum, { paths }) => sum + paths.length, 0),
    firstPaths: tally(told.flatMap(({ paths }) => paths.slice(0, 1))),
    tookUs: {
      total: times.reduce((sum, us) => sum + us, 0),
      median: times[Math.floor(times.length / 2)] ?? 0,
      most: times.at(-1) ?? 0,
    },
    failovers: rows.filter(({ type }) => type === 'path.failed').length,
    headsRemoved: rows.filter(
      ({ decision, type }) => /^head\./.test(type) && decision.includes('"removeDisk"'),
    ).length,
    events: tally(rows.flatMap(({ type }) => (COUNTING.test(type) ? [] : [type]))),
  }
}

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of [...words].sort()) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
