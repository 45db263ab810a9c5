// A quicker yes of a payload's schema: built of the schema itself, for those of its parts that most events are made of. It never
// says yes where zod says no; where it is not certain, zod is asked. test/machines/events.test.ts holds the two equal.
import { z } from 'zod'
import { whole, word } from './events.ts'

/** True for a value that the schema takes as it is. False says nothing. */
export type QuickCheck = (value: unknown) => boolean

/** Made of a schema; null where it has parts that are not known here. */
export function quickCheck(schema: unknown): QuickCheck | null {
  if (schema === whole) return isWhole
  if (schema === word) return isWord
  if (schema instanceof z.ZodBoolean) return isBoolean
  if (schema instanceof z.ZodNullable) {
    const inner = quickCheck(schema.unwrap())
    return inner === null ? null : (value) => value === null || inner(value)
  }
  return schema instanceof z.ZodObject ? quickObject(schema) : null
}

function quickObject({ def, shape }: z.ZodObject): QuickCheck | null {
  if (!(def.catchall instanceof z.ZodNever) || (def.checks ?? []).length > 0) return null
  const fields = new Map<string, QuickCheck>()
  for (const [name, schema] of Object.entries(shape)) {
    const check = quickCheck(schema)
    if (check === null) return null
    fields.set(name, check)
  }
  return (value) => {
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
      return false
    const names = Object.keys(value)
    if (names.length !== fields.size) return false
    for (const name of names) {
      const check = fields.get(name)
      if (check === undefined || !check((value as Record<string, unknown>)[name])) return false
    }
    return true
  }
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isWord(value: unknown): boolean {
  return typeof value === 'string' && value.length >= 1 && value.length <= 512
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean'
}
