// A ledger that somebody hands you: text that would steer the terminal of whoever reads it, in every column and payload.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QUESTIONS } from '../../cli/audit/questions.ts'
import { inOneLine, printable, sealed } from '../../cli/text.ts'
import { makeFolder, recordStory, removeFolder, run, runWith } from './harness.ts'
import type { Ran } from './harness.ts'

const ESCAPE = '\u001b'
/** Wipes the screen, turns text round, breaks the line in every way there is, and forges the next one. */
const STEERING = `${ESCAPE}[2J${ESCAPE}[31m\u202e\u2066\u200f\u2028\u2029\u0085\u009b2J\ufeff\u{e0041}\u0007\r\n   999  forged`
const PLAIN = 'evil'
// What no terminal may get, but line feeds.
/* eslint-disable no-control-regex -- it is what is looked for */
const STEERS =
  /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\u{e0041}/u

const folder = makeFolder()
const [story, hostile, plain] = ['story', 'hostile', 'plain'].map((name) =>
  join(folder, `${name}.ledger`),
) as [string, string, string]

/** What stands in a text column or payload from now on has more text behind it. */
const CHANGES = [
  `UPDATE events SET type = type || $more WHERE position = 9`,
  `UPDATE events SET data = json_set(data, '$.name', 'sda:0' || $more) WHERE type = 'path.added' AND stream LIKE '%/8:0:0:0'`,
  `UPDATE events SET data = json_set(data, '$.name', 'sda' || $more) WHERE type = 'head.created'`,
  `UPDATE events SET data = json_set(data, '$.first.errno', 'EIO' || $more, '$.detail', $more) WHERE type = 'path.failed'`,
  `UPDATE events SET data = json_set(data, '$.device', $more, '$.' || json_quote('k' || $more), 1) WHERE type = 'path.added'`,
  `UPDATE events SET decision = json_set(decision, '$.state.health', 'fine' || $more, '$.context.why', $more) WHERE type = 'path.disabled'`,
  `UPDATE events SET decision = json_set(decision, '$.context.name', 'sda' || $more, '$.context.wwid', wwid || $more)
     FROM (SELECT 'naa.1' AS wwid) WHERE type = 'head.created'`,
  `UPDATE events SET reason = 'said' || $more, actor = 'operator:0' || $more WHERE actor = 'operator:0'`,
  `UPDATE events SET event_id = event_id || $more, boot_id = boot_id || $more WHERE position = 5`,
  `UPDATE events SET stream = 'path/naa.2' || $more || '/7:0:0:0' WHERE type = 'path.enabled'`,
]

beforeAll(async () => {
  await recordStory(story)
  for (const [file, more] of [
    [hostile, STEERING],
    [plain, PLAIN],
  ] as const) {
    copyFileSync(story, file)
    const db = new Database(file)
    const trigger = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'events_no_update'").pluck().get()
    db.exec('DROP TRIGGER events_no_update')
    for (const sql of CHANGES) db.prepare(sql).run({ more })
    db.exec(String(trigger))
    db.pragma('journal_mode = DELETE')
    db.close()
  }
})
afterAll(() => removeFolder(folder))

/** Every verb that takes a ledger, for people and for programs. */
function questions(file: string): string[][] {
  const at = ['--at', '20']
  const asked = [
    ...[
      ['log'],
      ['log', '--type', 'nothing'],
      ['show'],
      ['show', ...at],
      ['topology', '--all', ...at],
      ['verify'],
    ],
    ...[
      ['verify', '--segments'],
      ['replay', '--step'],
      ['replay', '--verify'],
      ['replay', '--to', '8'],
      ['snapshot'],
    ],
    ...[['snapshot', '--check'], ['export'], ['what-if', '--set', 'iopolicy=numa']],
  ].map(([verb = '', ...more]) => [verb, file, ...more])
  return [
    ...asked,
    ...['sda', 'sda:1', 'sda:0', '8:0:0:0', 'io:1'].map((what) => ['explain', what, file, ...at]),
    ...QUESTIONS.map(({ name }) => ['audit', name, file]),
    ['diff', file, '5', '20'],
    ['sql', file, 'SELECT * FROM events'],
    ['sysfs', '--ledger', file, ...at],
  ]
}

const steers = ({ stdout, stderr }: Ran): string | undefined => STEERS.exec(stdout + stderr)?.[0]
const linesIn = ({ stdout, stderr }: Ran): number => (stdout + stderr).split('\n').length

describe('F-25: no byte of a ledger, name or reason', () => {
  it.each(questions(hostile).map((argv) => [argv.filter((word) => word !== hostile).join(' '), argv]))(
    'reaches a terminal as an escape, a turn of direction or a line break: %s',
    async (_said, argv) => {
      const [evil, twin] = [
        await run(...argv),
        await run(...argv.map((word) => (word === hostile ? plain : word))),
      ]
      expect(steers(evil)).toBeUndefined()
      expect(evil.stdout + evil.stderr).not.toMatch(/^ {3}999 {2}forged/m)
      expect(linesIn(evil)).toBe(linesIn(twin))
      expect(evil.code).toBe(twin.code)
      const json = await run(...argv, '--json')
      expect(steers(json)).toBeUndefined()
      for (const line of [...json.stdout.split('\n'), ...json.stderr.split('\n')]) {
        if (line !== '') expect(() => JSON.parse(line)).not.toThrow()
      }
    },
  )

  it('with colours only ours reach it', async () => {
    const { stdout } = await runWith({ color: true, terminal: true }, 'log', hostile)
    const ours = stdout.replaceAll(new RegExp(`${ESCAPE}\\[(?:0|1|2|31|32|33)m`, 'g'), '')
    expect(ours).not.toContain(ESCAPE)
    expect(stdout).toContain('\\u001b[31m')
  })

  it('is told apart as it was, for programs: JSON gives every character back, CSV every byte but to a terminal', async () => {
    const asked = ['sql', hostile, "SELECT reason FROM events WHERE type = 'path.disabled'"]
    const { stdout: json } = await run(...asked, '--json')
    expect(JSON.parse(json)).toEqual({ reason: `said${STEERING}` })
    expect((await run(...asked, '--csv')).stdout).toContain(STEERING)
    expect(steers(await runWith({ terminal: true }, ...asked, '--csv'))).toBeUndefined()
  })

  it('and none of what was typed: file names, words', async () => {
    for (const argv of [
      ['verify', `no${STEERING}`],
      [`no${STEERING}`],
      ['explain', STEERING, plain],
      ['log', plain, '--from', STEERING],
    ]) {
      for (const more of [[], ['--json']]) {
        const told = await run(...argv, ...more)
        expect(told.code).toBeGreaterThan(0)
        expect(steers(told)).toBeUndefined()
        expect(told.stderr.trimEnd().split('\n')).toHaveLength(1)
      }
    }
  })
})

it('F-25: printable text keeps what people write, and our own sequences', () => {
  const fine = 'Kabel geprüft, パス, 👩‍🔧, é\n\tnext'
  expect(printable(fine)).toBe(fine)
  expect(printable(`${sealed('[1m')}a${ESCAPE}[1m\ud800${sealed('[0m')}`)).toBe(
    `${ESCAPE}[1ma\\u001b[1m\\ud800${ESCAPE}[0m`,
  )
  expect(JSON.parse(printable(JSON.stringify({ a: STEERING })))).toEqual({ a: STEERING })
  expect(inOneLine('a\tb\r\nc')).toBe('a\\tb\\r\\nc')
})
