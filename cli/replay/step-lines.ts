// A step of a replay as lines for people, and as an object for programs.
import type { ReplayStep, StreamChange, Stepper } from '../../doors/ledger.ts'
import { describeEvent, oneLine } from '../show/describe-event.ts'
import { isoOf } from '../moment.ts'
import type { NameOf } from '../names.ts'
import { shownHeads } from '../show/state.ts'
import { parseJson, table } from '../text.ts'
import type { Paint } from '../text.ts'

/** The event, and under it what it changed and what it asked of the world. */
export function stepLines({ event, decision, change }: ReplayStep, nameOf: NameOf, paint: Paint): string {
  const effects = decision.effects.length === 0 ? [] : [[paint.dim('effects'), decision.effects.join(' ')]]
  const rows = [...changeRows(change, paint), ...effects]
  return `${describeEvent(event, nameOf, paint)}\n${table(rows, '        ')}`
}

/** 'health  online -> failed', one row for each thing that changed. */
export function changeRows({ state, context }: StreamChange, paint: Paint): string[][] {
  const row = (key: string, from: unknown, to: unknown): string[] => [
    paint.bold(key === '' ? 'state' : key),
    `${paint.dim(short(from))} -> ${short(to)}`,
  ]
  return [
    ...state.map(({ key, from, to }) => row(key, from, to)),
    ...context.map(({ key, from, to }) => row(key, from, to)),
  ]
}

/** What a program gets of a step: the event, what it changed, and every head with its paths after it. */
export function stepDocument({ event, decision, change }: ReplayStep, stepper: Stepper): unknown {
  const { position, recordedAtUs, stream, version, type, cause, actor, reason, data } = event
  return {
    ...{ position, time: isoOf(recordedAtUs), stream, version, type, cause, actor, reason },
    data: parseJson(data),
    changed: { state: change.state, context: change.context },
    effects: decision.effects,
    refused: decision.refused === true,
    heads: shownHeads(stepper.state),
  }
}

const SHORT_MAX = 90

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null)
  const plain = oneLine(text)
  return plain.length > SHORT_MAX ? `${plain.slice(0, SHORT_MAX)}...` : plain
}
