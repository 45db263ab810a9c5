// What `npm pack` ships, used as a stranger uses it: installed from the registry's point of view, outside the repository.
import { spawnSync } from 'node:child_process'
import type { SpawnSyncReturns } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PRODUCT_FOLDERS } from '../../scripts/structure/rooms.ts'
import { PROGRAMS } from './programs.ts'

const ROOT = join(import.meta.dirname, '../..')
const PRODUCT = `{${PRODUCT_FOLDERS.join(',')}}`

const packed = mkdtempSync(join(tmpdir(), 'pathledger-pack-'))
const stranger = mkdtempSync(join(tmpdir(), 'pathledger-stranger-'))
const installed = join(stranger, 'node_modules/pathledger')

function run(command: string, args: readonly string[], cwd: string): SpawnSyncReturns<string> {
  return spawnSync(command, args, { cwd, encoding: 'utf8' })
}

function succeed(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = run(command, args, cwd)
  expect(status, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0)
  return stdout
}

let tarball: string

beforeAll(() => {
  succeed('npm', ['pack', '--pack-destination', packed], ROOT)
  tarball = join(packed, readdirSync(packed)[0]!)
  writeFileSync(join(stranger, 'package.json'), '{ "private": true, "type": "module" }')
  // What `npm ci` has fetched is not fetched again, and a connection that stands still is given up in time.
  const patience = ['--prefer-offline', '--fetch-timeout=30000', '--fetch-retries=5']
  succeed('npm', ['install', '--no-audit', '--no-fund', ...patience, tarball], stranger)
}, 300_000)

afterAll(() => {
  for (const folder of [packed, stranger]) rmSync(folder, { recursive: true, force: true })
})

describe('the tarball', () => {
  const shipped = (): string[] =>
    succeed('tar', ['-tzf', tarball], packed)
      .trim()
      .split('\n')
      .map((path) => path.replace(/^package\//, ''))

  it('holds what a user needs', () => {
    const built = globSync(`${PRODUCT}/**/*.ts`, { cwd: ROOT, exclude: ['**/*.d.ts'] })
    const besides = globSync([`${PRODUCT}/**/*.sql`], { cwd: ROOT }).map((path) => `dist/${path}`)
    expect(shipped()).toEqual(
      expect.arrayContaining([
        ...[
          'LICENSE',
          'README.md',
          'SECURITY.md',
          'package.json',
          'bin/pathledger.js',
          'dist/index.js',
          'dist/index.d.ts',
        ],
        ...built.map((path) => `dist/${path.replace(/ts$/, 'js')}`),
        ...besides,
      ]),
    )
  })

  it('holds nothing else', () => {
    const expected =
      /^(LICENSE|(README|SECURITY|CHANGELOG)\.md|package\.json|bin\/pathledger\.js|docs\/.+\.(md|mmd)|docs\/verify-ledger\.py|dist\/.+\.(js|d\.ts|sql))$/
    expect(shipped().filter((path) => !expected.test(path))).toEqual([])
    expect(shipped().filter((path) => /(^|\/)(test|bench|scripts)\//.test(path))).toEqual([])
  })
})

describe('the installed package', () => {
  it('has a command that runs', () => {
    const command = join(stranger, 'node_modules/.bin/pathledger')
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(succeed(process.execPath, [command, '--version'], stranger).trim()).toBe(version)
  })

  it('is a library that opens a ledger and closes it', () => {
    writeFileSync(
      join(stranger, 'program.js'),
      `import { Multipath } from 'pathledger'
       const mp = await Multipath.open({ ledger: 'mp.ledger', multipath: 'always' })
       await mp.close()
       console.log('closed')\n`,
    )
    expect(succeed(process.execPath, ['program.js'], stranger)).toBe('closed\n')
    expect(readdirSync(stranger)).toContain('mp.ledger')
  })

  it('has a door for each program', () => {
    const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const doors = Object.keys(exports).filter((door) => door !== './package.json')
    expect(doors.map((door) => door.replace('.', 'pathledger'))).toEqual(PROGRAMS.map(({ door }) => door))
  })

  it.each(PROGRAMS)(
    '$door: a program written from it alone is typed, and runs',
    ({ door, text, answers }) => {
      const file = `${door.replace('/', '-')}.ts`
      writeFileSync(join(stranger, file), text)
      const asked = `const { answer } = await import('./${file}'); console.log(JSON.stringify(answer))`
      const said = succeed(process.execPath, ['--no-warnings', '--input-type=module', '-e', asked], stranger)
      expect(JSON.parse(said)).toEqual(answers)
    },
  )

  // With skipLibCheck false, and no package but those that it brings: not even the types of Node.
  it('brings its types, and needs none of others', () => {
    writeFileSync(
      join(stranger, 'typed.ts'),
      `import { Multipath } from 'pathledger'
       export const opened = Multipath.open({ ledger: 'mp.ledger', multipath: 'always' })
       // @ts-expect-error The class is no number: where its types are missing, it could be one.
       export const wrong: number = Multipath\n`,
    )
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      'false',
      '--module',
      'nodenext',
      '--target',
      'es2024',
    ]
    const files = PROGRAMS.map(({ door }) => `${door.replace('/', '-')}.ts`)
    expect(globSync('node_modules/@types/*', { cwd: stranger })).toEqual([])
    succeed(process.execPath, [tsc, ...options, 'typed.ts', ...files], stranger)
  })
})

/** A Node before 22 that this machine happens to have. */
function findOldNode(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/bin', '/usr/local/bin']
  return folders
    .map((folder) => join(folder, 'node'))
    .find((node) => {
      const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8', env: {} })
      const major = /^v(\d+)\./.exec(stdout)?.[1]
      return major !== undefined && Number(major) < 22
    })
}

describe('under an old Node', () => {
  const oldNode = findOldNode()

  it.runIf(oldNode !== undefined)('the command says in one sentence what is needed', () => {
    const shim = join(installed, 'bin/pathledger.js')
    const { status, stdout, stderr } = spawnSync(
      '/usr/bin/env',
      ['-i', `PATH=${dirname(oldNode!)}`, 'node', shim],
      {
        encoding: 'utf8',
      },
    )
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^pathledger needs Node 22\.18 or newer and found Node [^\n]+\.\n$/)
  })
})
