// What comes from outside, made up: requests, settings, arguments. None crashes, none harms, each refusal is
// a typed error. The corpus holds what is worth trying every time.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { controlRequest, isRefusal, parseRequest, PATH_VERBS } from '../../adapters/control/frames.ts'
import { controlHandler } from '../../engine/views/control.ts'
import { parseSettings, settingsSchema } from '../../engine/core/settings.ts'
import { PathledgerError } from '../../errors.ts'
import { EXIT } from '../../cli/exit-codes.ts'
import { makeFolder, recordStory, removeFolder, run } from '../cli/harness.ts'
import { Rig } from '../engine/rig.ts'

let folder = ''
let ledger = ''
beforeAll(async () => {
  folder = makeFolder()
  ledger = join(folder, 'mp.ledger')
  await recordStory(ledger)
})
afterAll(() => removeFolder(folder))

function corpus(name: string): string[] {
  const file = new URL(`corpus/${name}.txt`, import.meta.url)
  return readFileSync(file, 'utf8').trimEnd().split('\n')
}

const word = fc.oneof(
  fc.constantFrom('sda', 'sda:0', '8:0:0:0', 'host8', '__proto__', 'toString', '', '\0', '..'),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const attribute = fc.oneof(
  word,
  fc
    .array(
      fc.constantFrom(
        'sys',
        'class',
        'block',
        'scsi_mpath_device',
        '0',
        'sda',
        'iopolicy',
        'multipath',
        '..',
        '8:0:0:0',
        'state',
        'uevent',
      ),
    )
    .map((names) => `/${names.join('/')}`),
)
const value = fc.oneof(
  word,
  fc.constantFrom('numa\n', '0x10', '-1', 'offline', 'running', 'change', '9'.repeat(400)),
)
const reason = fc.option(fc.oneof(word, fc.string({ maxLength: 600 })), { nil: undefined })

/** Requests that are well-formed more often than not. */
const request = fc.oneof(
  fc.record({ verb: fc.constantFrom('show', 'sysfs', 'ghosts', 'nothing') }),
  fc.record({ verb: fc.constantFrom(...PATH_VERBS), path: word, reason }),
  fc.record({ verb: fc.constant('drain'), head: word, reason }),
  fc.record({ verb: fc.constant('sysfsGet'), attribute }),
  fc.record({ verb: fc.constant('sysfsSet'), attribute, value, reason }),
  fc.record({
    verb: fc.constant('countersSet'),
    of: word,
    counters: fc.dictionary(word, fc.double()),
    reason,
  }),
  fc.record({ verb: fc.constant('ghostsRelease'), reason: word, ids: fc.array(word, { maxLength: 3 }) }),
)
const line = fc.oneof(
  request.map((object) => JSON.stringify(object)),
  fc.json(),
  fc.string({ maxLength: 200 }),
)

test('a line on the control socket is answered or refused with a code; the engine lives and its ledger is whole', async () => {
  // Checked at its end: chain, replay, and every live state against it.
  const rig = await Rig.open({ iopolicy: 'round-robin' })
  await rig.add('8:0:0:0')
  await rig.add('9:0:0:0')
  const answer = controlHandler(rig.mp)
  let done = 0
  // What asks the target is answered later.
  const later: Promise<unknown>[] = []
  const one = (text: string) => {
    const parsed = parseRequest(text)
    if (isRefusal(parsed)) {
      expect(parsed).toMatchObject({ code: 'CONTROL_REQUEST', errno: 'EINVAL' })
      return
    }
    expect(controlRequest.safeParse(parsed).success).toBe(true)
    const refused = (error: unknown) => {
      expect(error, text).toBeInstanceOf(PathledgerError)
    }
    try {
      const result = answer(parsed, 'operator:65534')
      if (result instanceof Promise) later.push(result.catch(refused))
      else JSON.stringify(result)
      done += 1
    } catch (error) {
      refused(error)
    }
  }
  for (const text of corpus('control-lines')) one(text)
  fc.assert(fc.property(line, one), { numRuns: 1_600 })
  expect(done).toBeGreaterThan(50)
  await rig.drive(Promise.all(later))
  expect(rig.mp.broken).toBeNull()
  const others = rig.rows().filter(({ actor }) => actor !== 'engine' && actor !== 'operator:65534')
  expect(others).toEqual([])
})

test('settings are taken or refused as SETTINGS_INVALID, whatever they are', () => {
  const names = Object.keys(settingsSchema.shape)
  const key = fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 12 }))
  fc.assert(
    fc.property(fc.oneof(fc.dictionary(key, fc.anything()), fc.anything()), (settings) => {
      try {
        expect(Object.keys(parseSettings(settings as object)).sort()).toEqual(
          expect.arrayContaining(['multipath']),
        )
      } catch (error) {
        expect(error).toMatchObject({ code: 'SETTINGS_INVALID', errno: 'EINVAL' })
      }
    }),
    { numRuns: 500 },
  )
})

test('a command line ends with an exit code of the table, never with a bug; what fails prints no data', async () => {
  const known = new Set<number>(Object.values(EXIT).filter((code) => code !== EXIT.bug))
  const one = async (typed: readonly string[]) => {
    const args = typed.map((arg) => arg.replaceAll('LEDGER', ledger))
    const { code, stderr } = await run(...args)
    expect(known.has(code), `${args.join(' ')}: ${code} ${stderr}`).toBe(true)
    if (code !== EXIT.ok && code !== EXIT.verification) expect(stderr.length).toBeGreaterThan(0)
  }
  for (const text of corpus('arguments')) await one(JSON.parse(text) as string[])
  const verb = fc.constantFrom(
    'log',
    'show',
    'replay',
    'verify',
    'audit',
    'topology',
    'sysfs',
    'path',
    'drain',
    'ghosts',
    'counters',
    'nothing',
  )
  const arg = fc.oneof(
    fc.constantFrom(
      'LEDGER',
      '--json',
      '--at',
      '--to',
      '--limit',
      '--type',
      '--ledger',
      'get',
      'failovers',
      '-5m',
      '17',
      '0',
      'path.failed',
      '--',
    ),
    fc.string({ maxLength: 12 }),
  )
  await fc.assert(
    fc.asyncProperty(verb, fc.array(arg, { maxLength: 5 }), async (first, rest) => one([first, ...rest])),
    { numRuns: 120 },
  )
})
