// Random events: any payload that the schema of its type takes. The arbitrary is built from the schema itself, so that a
// new field is fuzzed from its first day.
import fc from 'fast-check'
import { z } from 'zod'
import type { EventType } from '../../machines/events.ts'
import type { Data } from './given.ts'

/** As much of JSON Schema as our payloads use; anything else throws. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
}

export interface RandomEvent {
  readonly type: string
  readonly data: Data
  /** Microseconds since the event before it. */
  readonly afterUs: number
  /** For timers: fire one that is armed, where there is one, instead of what `data` says. */
  readonly aimed: boolean
}

/** Events of these types, one after the other, the first one taken from `openings` half of the time. */
export function randomStory(
  types: readonly EventType[],
  openings: readonly string[],
): fc.Arbitrary<RandomEvent[]> {
  const any = fc.oneof(...types.map(randomEvent))
  const opening = fc.oneof(...types.filter(({ type }) => openings.includes(type)).map(randomEvent))
  const story = fc.array(any, { maxLength: 60, size: 'max' })
  return fc.oneof(
    story,
    fc.tuple(opening, story).map(([first, rest]) => [first, ...rest]),
  )
}

export function randomEvent(eventType: EventType): fc.Arbitrary<RandomEvent> {
  return fc.record({
    type: fc.constant(eventType.type),
    data: randomPayload(eventType),
    afterUs: fc.oneof(fc.nat(10), fc.nat(100_000_000)),
    aimed: fc.boolean(),
  })
}

/** Any payload that the type's schema takes. */
export function randomPayload({ type, payload }: EventType): fc.Arbitrary<Data> {
  // Four numbers in the order that the schema asks for; filtering would throw nearly all away.
  if (type === 'head.pathsChanged') {
    return fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }).map((numbers) => {
      const [optimized, usable, available, paths] = numbers.sort((one, other) => one - other)
      return { paths, usable, optimized, available }
    })
  }
  return arbitraryOf(z.toJSONSchema(payload) as Schema).filter(
    (data) => payload.safeParse(data).success,
  ) as fc.Arbitrary<Data>
}

function arbitraryOf(schema: Schema): fc.Arbitrary<unknown> {
  const { type } = schema
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(arbitraryOf))
  if (typeof type === 'object') return fc.oneof(...type.map((one) => arbitraryOf({ ...schema, type: one })))
  if (Object.keys(schema).length === 0) return fc.jsonValue({ maxDepth: 2 })
  const make = BY_TYPE[type ?? '']
  if (make === undefined) throw new Error(`no arbitrary for ${JSON.stringify(schema)}`)
  return make(schema)
}

const BY_TYPE: Readonly<Record<string, (schema: Schema) => fc.Arbitrary<unknown>>> = {
  null: () => fc.constant(null),
  boolean: () => fc.boolean(),
  number: () => fc.double({ noNaN: true, noDefaultInfinity: true }),
  integer,
  string: ({ minLength = 0, maxLength = 20, pattern }) =>
    pattern === undefined
      ? fc.string({ minLength, maxLength: Math.min(maxLength, 20), unit: 'grapheme' })
      : fc.stringMatching(new RegExp(pattern)),
  array: ({ items = {}, minItems: minLength = 0, maxItems = 5 }) =>
    fc.array(arbitraryOf(items), { minLength, maxLength: Math.min(maxItems, 5) }),
  object,
}

/** Small numbers often: they are the ones that meet each other. */
function integer({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): fc.Arbitrary<number> {
  const small = fc.integer({ min: minimum, max: Math.min(maximum, minimum + 4) })
  return fc.oneof(small, fc.integer({ min: minimum, max: maximum }))
}

function object({ properties, additionalProperties }: Schema): fc.Arbitrary<unknown> {
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([key, schema]) => [key, arbitraryOf(schema)] as const)
    return fc.record(Object.fromEntries(fields), { noNullPrototype: true })
  }
  if (typeof additionalProperties !== 'object') return fc.constant({})
  // The schema drops __proto__, as it must.
  const key = fc.string({ maxLength: 10 }).filter((text) => text !== '__proto__')
  return fc.dictionary(key, arbitraryOf(additionalProperties), {
    maxKeys: 4,
    noNullPrototype: true,
  })
}
