// A program without types may call anything with anything. What it gets is an error of ours that says what was wrong with the
// call, and never one of JavaScript's that says where in our sources it was noticed.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import { MAIN, type Call } from './calls.ts'
import { AUDIT, LEDGER, SCSI, SIMULATE } from './more-calls.ts'
import { makeFiles, makeWorld, type Files, type World } from './world.ts'

const GARBAGE: readonly unknown[] = [
  ...[undefined, null, true, 0, -1, 1.5, NaN, Infinity, 2 ** 53, 1e308, 10n, Symbol('s')],
  ...['', '\0', '\ud800', '/dev/null/nowhere', 'x'.repeat(5_000)],
  ...[
    {},
    [],
    [null],
    Object.create(null),
    () => undefined,
    new Date(NaN),
    new Uint8Array(3),
    Promise.resolve(null),
  ],
]

let files: Files
beforeAll(async () => {
  files = await makeFiles()
})
afterAll(() => files.remove())

/** What it came to: 'taken', a code of ours, or what it should never be. */
async function outcome(world: World, call: Call, given: readonly unknown[]): Promise<string> {
  try {
    await inTime((call.on(world) as (...all: readonly unknown[]) => unknown)(...given))
    return world.mp.broken === null || world.mp.broken.code === 'CLOSED'
      ? 'taken'
      : `the engine broke: ${world.mp.broken.message}`
  } catch (error) {
    if (error instanceof PathledgerError && error.code !== 'INVARIANT_BROKEN') return error.code
    return error instanceof Error
      ? `${error.name}: ${error.stack?.split('\n').slice(0, 4).join(' ')}`
      : String(error)
  }
}

/** None of these calls waits for anything: what has not settled by then never will. */
function inTime(answer: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const guard = setTimeout(() => reject(new Error('it hangs')), 5_000)
    Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => clearTimeout(guard))
  })
}

/** Garbage that is taken may have closed it, or taken its path away. */
function isWell({ mp, path }: World): boolean {
  return mp.broken === null && mp.heads.length === 1 && path.state.device !== 'deleted'
}

/** An argument, what is in it, and what is in that. */
const DEPTH = 3

type Place = readonly (string | number)[]

/** Each argument, and each thing in an object or list of them. */
function* places(value: unknown, at: Place = []): Generator<Place> {
  if (at.length > 0) yield at
  if (at.length === DEPTH) return
  if (Array.isArray(value)) for (const [index, one] of value.entries()) yield* places(one, [...at, index])
  else if (isPlain(value)) for (const [key, one] of Object.entries(value)) yield* places(one, [...at, key])
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

const isCall = (value: unknown) => typeof value === 'function'

function at(value: unknown, place: Place): unknown {
  return place.reduce((inside: unknown, key) => (inside as Record<string, unknown>)[key], value)
}

/** The same with something else in one place. */
function put(value: unknown, [first, ...rest]: Place, garbage: unknown): unknown {
  if (first === undefined) return garbage
  if (Array.isArray(value)) return value.with(Number(first), put(value[Number(first)], rest, garbage))
  const object = value as Record<string, unknown>
  return { ...object, [first]: put(object[first], rest, garbage) }
}

const named = (garbage: unknown) => shown(garbage).slice(0, 20)

for (const [door, calls] of Object.entries({ MAIN, LEDGER, AUDIT, SCSI, SIMULATE })) {
  test.each(Object.entries(calls))(
    `F-30: ${door} %s`,
    async (_name, call) => {
      const wrong: string[] = []
      let world = await makeWorld(files)
      const spoiled = [...places(call.with(world))].flatMap((place) => {
        const was = at(call.with(world), place)
        // A function that does something else than it should is another matter.
        const wrong = GARBAGE.filter((one) => one !== was && (!isCall(was) || !isCall(one)))
        return wrong.map((garbage) => ({ place, garbage }))
      })
      for (const { place, garbage } of spoiled) {
        const given = put(call.with(world), place, garbage) as readonly unknown[]
        const came = await outcome(world, call, given)
        if (/[^A-Z_a-z]/.test(came)) wrong.push(`${place.join('.')} = ${named(garbage)}: ${came}`)
        if (isWell(world)) continue
        await world.end()
        world = await makeWorld(files)
      }
      const nothing = await outcome(world, call, [])
      if (/[^A-Z_a-z]/.test(nothing)) wrong.push(`nothing: ${nothing}`)
      await world.end()
      expect(wrong).toEqual([])
    },
    60_000,
  )
}
