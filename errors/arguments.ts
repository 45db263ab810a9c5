// What a program without types may hand over: looked at where it comes in, before anything has happened.
import { PathledgerError } from '../errors.ts'

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): value is string => typeof value === 'string'
const hasCalls = (...names: readonly string[]) => {
  return (value: unknown): boolean =>
    isObject(value) && names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

/** What an argument can be, by a word; and the word as a sentence says it. */
const KINDS = {
  text: [isText, 'text'],
  file: [
    (value: unknown) => isText(value) && value !== '' && value.isWellFormed() && !value.includes('\0'),
    'the name of a file',
  ],
  texts: [(value: unknown) => Array.isArray(value) && value.every(isText), 'a list of texts'],
  list: [Array.isArray, 'a list'],
  bytes: [(value: unknown) => value instanceof Uint8Array, 'a Uint8Array (a Buffer is one)'],
  number: [(value: unknown) => typeof value === 'number' && !Number.isNaN(value), 'a number'],
  whole: [(value: unknown) => Number.isSafeInteger(value), 'a whole number'],
  count: [(value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0, 'a whole number from 0'],
  position: [(value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0, 'a position'],
  flag: [(value: unknown) => typeof value === 'boolean', 'true or false'],
  object: [isObject, 'an object'],
  call: [(value: unknown) => typeof value === 'function', 'a function'],
  clock: [hasCalls('wallUs', 'monoUs', 'setTimer'), 'a clock'],
  reader: [hasCalls('read', 'head'), 'a reader of a ledger'],
  sqlReader: [hasCalls('read', 'head', 'select'), 'a reader that openLedgerReader gives'],
  signal: [hasCalls('addEventListener', 'removeEventListener'), 'an AbortSignal'],
} as const satisfies Readonly<Record<string, readonly [(value: unknown) => boolean, string]>>

/** What an argument is to be: with a '?' at the end it may be left out; a list: one of these words. */
export type Wanted = keyof typeof KINDS | `${keyof typeof KINDS}?` | readonly string[]

/**
 * Throws ARGUMENT_INVALID unless each of these is what it is to be. `call` is what was called; what may be left out may also
 * be undefined, and what is not named is not looked at.
 */
export function checkArguments(
  call: string,
  given: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, Wanted>>,
): void {
  for (const [name, want] of Object.entries(wanted)) {
    const value = given[name]
    const mayMiss = typeof want === 'string' && want.endsWith('?')
    if ((mayMiss && value === undefined) || isWanted(value, want)) continue
    throw argumentInvalid(call, `${name} is ${wordsOf(want)}, and it was given ${shown(value)}.`)
  }
}

/** The same of what is in an object; and of the object itself, which `name` is called in the sentence. */
export function checkFields(
  call: string,
  name: string,
  object: unknown,
  wanted: Readonly<Record<string, Wanted>>,
): void {
  checkArguments(call, { [name]: object }, { [name]: 'object' })
  checkArguments(call, object as Readonly<Record<string, unknown>>, wanted)
}

/** Something that was called with what it does not take. */
export function argumentInvalid(call: string, why: string): PathledgerError {
  return new PathledgerError('ARGUMENT_INVALID', {
    message: `${call} was called with what it does not take.`,
    why,
    todo: 'Nothing was done. Correct the call.',
    errno: 'EINVAL',
  })
}

/** Any value, in a few words: asking it for its text could throw. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > SHOWN_MAX ? `${quoted(value)}...` : quoted(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return `${value}n`.slice(0, SHOWN_MAX)
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

const SHOWN_MAX = 80

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, SHOWN_MAX))
}

function isWanted(value: unknown, want: Wanted): boolean {
  if (typeof want !== 'string') return isText(value) && want.includes(value)
  const [is] = KINDS[want.replace('?', '') as keyof typeof KINDS]
  return is(value)
}

function wordsOf(want: Wanted): string {
  if (typeof want !== 'string') return `one of ${want.join(', ')}`
  return KINDS[want.replace('?', '') as keyof typeof KINDS][1]
}
