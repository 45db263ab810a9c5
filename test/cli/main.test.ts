// The command as a whole: help, version, wrong command lines, and how it ends.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PathledgerError } from '../../errors.ts'
import { exitCodeOf, KNOWN_CODES } from '../../cli/exit-codes.ts'
import { tellFailure } from '../../cli/failure.ts'
import { errorIn, makeFolder, recordStory, removeFolder, run, runWith } from './harness.ts'

const ROOT = join(import.meta.dirname, '../..')
const VERBS = ['demo', 'log', 'show', 'replay', 'verify', 'simulate', 'audit', 'path', 'drain', 'ghosts']
/** Those that only hold others together. */
const GROUPS = ['audit', 'path']
const BELOW = [
  ...['path-history', 'failovers', 'time-in-state', 'io-by-path'].map((question) => ['audit', question]),
  ...['fail', 'reinstate'].map((word) => ['path', word]),
  ['ghosts', 'release'],
]

describe('help', () => {
  test('begins with examples and names every verb and every exit code', async () => {
    const { code, stdout, stderr } = await run('--help')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Examples:\n {2}pathledger demo /)
    for (const verb of VERBS) expect(stdout).toMatch(new RegExp(`^ {2}${verb}\\b`, 'm'))
    expect(stdout).toMatch(/0 ok, 1 failure, 2 usage, 3 not found/)
  })

  test.each([...VERBS.map((verb) => [verb]), ...BELOW].map((words) => words.join(' ')))(
    'of %s begins with examples and offers --json',
    async (words) => {
      const { code, stdout } = await run(...words.split(' '), '--help')
      expect(code).toBe(0)
      expect(stdout).toMatch(new RegExp(`^Examples:\n {2}pathledger ${words} `))
      if (!GROUPS.includes(words)) expect(stdout).toContain('--json')
    },
  )

  test('--version prints the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })
})

describe('a wrong command line exits with 2', () => {
  test.each([
    ['nothing at all', [], /No command was given/],
    ['a verb that does not exist', ['lgo'], /Unknown command 'lgo'\. Did you mean log\?/],
    ['a question that does not exist', ['audit', 'failover', 'x'], /Did you mean failovers\?/],
    ['an option that does not exist', ['log', 'x', '--strem', 'y'], /--strem.*Did you mean --stream\?/],
    ['no file', ['verify'], /Missing required argument 'file'/],
    ['two files', ['verify', 'a', 'b'], /Too many arguments/],
    ['an option without its value', ['show', 'x', '--at'], /--at <POSITION\|TIME>.*argument missing/],
    ['no seeds', ['simulate'], /--seeds <A\.\.B>.*not specified/],
  ])('%s', async (_what, argv, message) => {
    const ran = await run(...argv)
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toMatch(message)
    expect(ran.stderr).toMatch(/^pathledger: [^\n]+\n$/)
  })

  test('and with --json says so as an object', async () => {
    const ran = await run('lgo', '--json')
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(errorIn(ran)).toEqual({
      code: 'USAGE',
      message: expect.stringContaining("Unknown command 'lgo'"),
      why: 'Did you mean log?',
      todo: expect.any(String),
      errno: 'EINVAL',
    })
  })
})

describe('exit codes', () => {
  test('every code of the table is one that the sources throw', () => {
    const sources = spawnSync(
      'grep',
      [
        '-rhoE',
        "'[A-Z]+(_[A-Z0-9]+)*'",
        '--include=*.ts',
        'cli',
        'engine',
        'simulation',
        'what-if',
        'store',
        'adapters',
        'errors.ts',
        'machines',
      ],
      { cwd: ROOT, encoding: 'utf8' },
    )
    const thrown = new Set(sources.stdout.split('\n').map((word) => word.replaceAll("'", '')))
    expect(KNOWN_CODES.filter((code) => !thrown.has(code))).toEqual([])
  })

  test.each([
    ['LEDGER_NOT_FOUND', 3],
    ['LEDGER_LOCKED', 4],
    ['LEDGER_FROM_THE_FUTURE', 4],
    ['LEDGER_DAMAGED', 5],
    ['NOT_A_LEDGER', 6],
    ['LEDGER_PERMISSION', 6],
    ['INVARIANT_BROKEN', 70],
    ['ABORTED', 1],
  ] as const)('%s exits with %i', (code, exit) => {
    expect(exitCodeOf(new PathledgerError(code, { message: '', why: '', todo: '' }))).toBe(exit)
  })

  test('what is no error of ours is a bug, with its stack', async () => {
    const told: string[] = []
    const io = {
      out: async () => {},
      err: (text: string) => void told.push(text),
      terminal: false,
      color: false,
      live: false,
      columns: 80,
    }
    expect(tellFailure(io, new TypeError('lost it'), false)).toBe(70)
    expect(tellFailure(io, new TypeError('lost it'), true)).toBe(70)
    expect(told[0]).toMatch(/bug of its own: TypeError: lost it\n {4}at /)
    expect(JSON.parse(told[1]!).error).toMatchObject({ code: 'BUG', message: 'lost it', errno: null })
  })
})

describe('output', () => {
  let folder: string
  let file: string
  beforeAll(async () => {
    folder = makeFolder()
    file = join(folder, 'story.ledger')
    await recordStory(file)
  })
  afterAll(() => removeFolder(folder))

  test('a reader that goes away ends the command quietly', async () => {
    expect(await runWith({ printsMax: 0 }, 'log', file)).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('`| head -1` gets one line, and nobody complains', () => {
    const command = `"${process.execPath}" bin/pathledger.js log "${file}" --json | head -1; echo "\${PIPESTATUS[0]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', command], { cwd: ROOT, encoding: 'utf8' })
    const [line, status] = stdout.trim().split('\n')
    expect(JSON.parse(line!)).toMatchObject({ position: 1 })
    expect({ status, stderr }).toEqual({ status: '0', stderr: '' })
  })

  test('has colours only where they are wanted', async () => {
    const escape = String.fromCharCode(27)
    for (const verb of ['log', 'show', 'verify', 'replay']) {
      expect((await run(verb, file)).stdout).not.toContain(escape)
      expect((await runWith({ color: true }, verb, file)).stdout).toContain(escape)
    }
  })

  test('NO_COLOR, and a stdout that is no terminal, mean no colours', () => {
    const { stdout } = spawnSync(process.execPath, ['bin/pathledger.js', 'show', file], {
      cwd: ROOT,
      encoding: 'utf8',
    })
    expect(stdout).toContain('sda')
    expect(stdout).not.toContain(String.fromCharCode(27))
  })
})
