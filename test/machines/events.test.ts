// Event types are for ever: ledgers of years ago are read by their numbers, types and payloads. event-types.txt is what
// was promised; a line may be added, and one may change only by a field that a payload need not have.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { word, type EventType } from '../../machines/events.ts'
import { quickCheck } from '../../machines/quick-check.ts'
import { checkEvent, EVENT_TYPES } from '../../machines/registry.ts'
import { randomPayload } from './arbitraries.ts'
import { MODELS, type Model } from './models.ts'
import { samplesOf } from './payloads.ts'

const TYPES = [...EVENT_TYPES.values()]
/** The type, and a stream that takes it. */
const ROWS = MODELS.flatMap((model) => model.types.map((type) => [type.type, type, streamOf(model)] as const))

function streamOf({ name }: Model): string {
  return name === 'engine' ? name : `${name}/naa.6001405/8:0:0:0`
}

/** '12 path.suspected schema 1 note 0123456789abcdef': the digest is of the payload's JSON Schema. */
function lineOf({ number, type, schema, gate, payload }: EventType): string {
  const shape = createHash('sha256')
    .update(JSON.stringify(z.toJSONSchema(payload)))
    .digest('hex')
  return `${number} ${type} schema ${schema} ${gate ? 'gate' : 'note'} ${shape.slice(0, 16)}`
}

/** A sample of the type, as JSON would bring it. */
function sampleOf(eventType: EventType): Record<string, unknown> {
  return structuredClone(samplesOf([eventType])[0]?.[1] ?? {})
}

const refused = expect.objectContaining({ code: 'EVENT_INVALID' })

describe('the list of event types', () => {
  test('is the one that was promised: number, type, version, gate or note, and the shape of the payload', () => {
    const promised = readFileSync(join(import.meta.dirname, 'event-types.txt'), 'utf8')
    expect(`${TYPES.map(lineOf).join('\n')}\n`).toBe(promised)
  })

  test('uses each number and each type once, the numbers of a machine in a hundred of their own', () => {
    expect(new Set(TYPES.map(({ number }) => number)).size).toBe(TYPES.length)
    expect(ROWS).toHaveLength(TYPES.length)
    const hundreds = MODELS.map(({ types }) => [
      ...new Set(types.map(({ number }) => Math.floor(number / 100))),
    ])
    expect(hundreds).toEqual([[0], [1], [2], [3], [4]])
  })

  test('begins each type with the name of its stream, but those that tell of the file itself', () => {
    const foreign = ROWS.filter(([type, , stream]) => !type.startsWith(`${stream.split('/')[0] ?? ''}.`))
    expect(foreign.map(([type]) => type)).toEqual(
      ['header', 'segmentClosed', 'stateCarried', 'repaired'].map((name) => `ledger.${name}`),
    )
  })
})

describe.each(ROWS)('%s', (type, eventType, stream) => {
  test('takes its sample, and gives back the same', () => {
    const sample = sampleOf(eventType)
    expect(checkEvent(stream, type, sample)).toEqual(sample)
  })

  test('takes any payload of its schema, also after a trip through JSON', () => {
    fc.assert(
      fc.property(randomPayload(eventType), (data) => {
        const plain: unknown = JSON.parse(JSON.stringify(data))
        expect(checkEvent(stream, type, plain)).toEqual(plain)
      }),
      { numRuns: 20 },
    )
  })

  test('refuses a key that it does not know', () => {
    expect(() => checkEvent(stream, type, { ...sampleOf(eventType), extra: 1 })).toThrow(refused)
  })

  test('refuses a payload without one of its keys, or with another kind of value, and names the key', () => {
    const sample = sampleOf(eventType)
    for (const key of Object.keys(sample)) {
      const { [key]: _gone, ...rest } = sample
      const named = expect.objectContaining({ code: 'EVENT_INVALID', why: expect.stringContaining(key) })
      expect(() => checkEvent(stream, type, rest), `without ${key}`).toThrow(named)
      // No field of ours is a function.
      expect(() => checkEvent(stream, type, { ...sample, [key]: () => 0 }), key).toThrow(named)
    }
  })

  test('refuses unknown keys deeper down too', () => {
    const objects = objectsIn(z.toJSONSchema(eventType.payload))
    expect(objects.length).toBeGreaterThan(0)
    expect(objects.filter(({ additionalProperties }) => additionalProperties !== false)).toEqual([])
  })

  test.each([null, undefined, 'text', 7, [[]]])('refuses %s for a payload', (data) => {
    expect(() => checkEvent(stream, type, data)).toThrow(refused)
  })

  test('the quick check says of any payload, whole or spoiled, what zod says', () => {
    const quick = quickCheck(eventType.payload)
    if (quick === null) return
    const odd = fc.constantFrom(
      -1,
      -0,
      0.5,
      2 ** 53,
      '',
      'w'.repeat(513),
      'w',
      null,
      true,
      [],
      {},
      { a: 1 },
      '1',
    )
    const spoiled = fc
      .tuple(randomPayload(eventType), fc.nat(), odd, fc.nat(3))
      .map(([data, at, value, how]) => {
        const plain = JSON.parse(JSON.stringify(data)) as Record<string, unknown>
        const names = Object.keys(plain)
        const name = names[at % Math.max(1, names.length)] ?? 'none'
        if (how === 1) plain[name] = value
        if (how === 2) plain[`${name}s`] = value
        if (how === 3) return Object.fromEntries(Object.entries(plain).filter(([key]) => key !== name))
        return plain
      })
    const property = fc.property(spoiled, (data) => {
      expect(quick(data)).toBe(eventType.payload.safeParse(data).success)
    })
    fc.assert(property, { numRuns: 60 })
  })

  test('belongs to no other kind of stream', () => {
    const others = MODELS.map(streamOf).filter((other) => other !== stream)
    expect(others).toHaveLength(MODELS.length - 1)
    for (const other of others) expect(() => checkEvent(other, type, sampleOf(eventType))).toThrow(refused)
  })
})

/** Every object with named fields in a JSON Schema, however deep. */
function objectsIn(schema: unknown): Record<string, unknown>[] {
  if (typeof schema !== 'object' || schema === null) return []
  const inner = Object.values(schema).flatMap(objectsIn)
  return 'properties' in schema ? [schema, ...inner] : inner
}

test('the quick check knows samples, which most events are, and no payload with a rule of its own', () => {
  const known = TYPES.filter(({ payload }) => quickCheck(payload) !== null).map(({ type }) => type)
  expect(known).toEqual(expect.arrayContaining(['path.ioSampled', 'head.ioSampled', 'path.suspected']))
  expect(known).not.toContain('head.pathsChanged')
  const inherited = Object.create({ why: 'of its prototype' }) as object
  for (const value of [inherited, null, [], 7])
    expect(quickCheck(z.strictObject({ why: word }))!(value)).toBe(false)
  expect(quickCheck(z.object({ why: word }))).toBeNull()
})

describe('numbers in payloads', () => {
  const cleared = { errors: 1, bios: 1, resent: 1 }

  test.each([-1, 0.5, NaN, Infinity, 2 ** 53, '1', 1n])('%s is not a count', (errors) => {
    expect(() => checkEvent('path/a', 'path.cleared', { ...cleared, errors })).toThrow(refused)
  })

  test('counts of paths are in order: optimized, usable, available, all', () => {
    const check = (paths: number, available: number, usable: number, optimized: number) => () =>
      checkEvent('head/a', 'head.pathsChanged', { paths, available, usable, optimized })
    expect(check(4, 3, 2, 1)).not.toThrow()
    expect(check(0, 0, 0, 0)).not.toThrow()
    expect(check(2, 3, 2, 1)).toThrow(refused)
    expect(check(4, 1, 2, 1)).toThrow(refused)
    expect(check(4, 3, 2, 3)).toThrow(refused)
  })
})

describe('what is no event', () => {
  test('an unknown type, also one that objects have by nature', () => {
    for (const type of ['path.exploded', '', 'constructor', '__proto__', 'toString', 'path.Added']) {
      expect(() => checkEvent('path/a', type, {})).toThrow(refused)
    }
  })

  test('a stream of no machine', () => {
    for (const stream of ['disk/a', '', 'Path/a', 'constructor']) {
      expect(() => checkEvent(stream, 'path.removed', { why: 'gone' })).toThrow(
        expect.objectContaining({ code: 'STREAM_UNKNOWN' }),
      )
    }
  })
})
