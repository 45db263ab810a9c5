// docs/events.md: every event type with its number, version and payload, from machines/.
import { z } from 'zod'
import { ENGINE_EVENTS } from '../../machines/engine/events.ts'
import { evidence, interval, type EventType } from '../../machines/events.ts'
import { HEAD_EVENTS } from '../../machines/head/events.ts'
import { LUN_EVENTS } from '../../machines/lun/events.ts'
import { PATH_EVENTS } from '../../machines/path/events.ts'
import { RESERVATION_EVENTS } from '../../machines/reservation/events.ts'
import { EVENT_MEANINGS } from './event-meanings.ts'
import { fieldsInWords, type Names, type Schema } from './json-schema.ts'
import { code, page, table } from './markdown.ts'

const evidenceSchema = schemaOf(evidence)
const NAMES: Names = new Map([
  [JSON.stringify(evidenceSchema), 'evidence'],
  [JSON.stringify(schemaOf(interval)), 'interval'],
])

export function eventsPage(): Promise<string> {
  return page(
    'Events',
    'Every row of a ledger is one of these. The number and the type never change; a payload that changes gets a new ' +
      'version (the column `schema`), and the old one stays readable. A **gate** is durable before its consequence is ' +
      "visible, everything else is a **note**. What the machine of the stream made of an event is in the row's " +
      '`decision`; the machines are drawn in [path.mmd](path.mmd), [head.mmd](head.mmd), [lun.mmd](lun.mmd), ' +
      '[reservation.mmd](reservation.mmd) and [engine.mmd](engine.mmd).',
    'Fields are all present, and no others are. *Text* has 1 to 512 characters; a *whole* number is 0 or more. Times ' +
      'end in `Us`: microseconds of the monotonic clock (`mono_us`). An *interval* is in microseconds too, and at most ' +
      `a day. *Evidence* is an error as the engine saw it: ${fieldsInWords(evidenceSchema, NAMES)}.`,
    ...section('path', 'path/<wwid>/<H:C:I:L>', PATH_EVENTS),
    ...section('head', 'head/<wwid>', HEAD_EVENTS),
    ...section('lun', 'lun/<wwid>', LUN_EVENTS),
    ...section('reservation', 'reservation/<wwid>', RESERVATION_EVENTS),
    ...section('engine', 'engine', ENGINE_EVENTS),
  )
}

function section(name: string, stream: string, types: readonly EventType[]): string[] {
  const columns = ['number', 'event', 'version', 'kind', 'what it says']
  const rows = types.map((eventType) => [
    String(eventType.number),
    code(eventType.type),
    String(eventType.schema),
    eventType.gate ? 'gate' : 'note',
    meaningOf(eventType),
  ])
  return [`## ${name}`, `Streams ${code(stream)}.`, table(columns, rows), types.map(payloadLine).join('\n')]
}

function meaningOf({ type }: EventType): string {
  const meaning = EVENT_MEANINGS[type]
  if (meaning === undefined) throw new Error(`${type} has no line in scripts/pages/event-meanings.ts`)
  return meaning
}

function payloadLine({ type, payload }: EventType): string {
  const fields = fieldsInWords(schemaOf(payload), NAMES)
  return `- ${code(type)}: ${fields === '' ? 'no fields' : fields}`
}

function schemaOf(type: z.ZodType): Schema {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(type)
  return schema as Schema
}
