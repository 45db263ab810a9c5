// The shim in front of the command: which Node it takes, which files it runs, how it ends.
import { spawnSync } from 'node:child_process'
import type { SpawnSyncReturns } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const SHIM = join(import.meta.dirname, '../../bin/pathledger.js')

let home: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'pathledger-shim-'))
  write('package.json', '{ "type": "module" }')
  mkdirSync(join(home, 'bin'))
  copyFileSync(SHIM, join(home, 'bin/pathledger.js'))
})

afterEach(() => rmSync(home, { recursive: true }))

function write(path: string, text: string): void {
  mkdirSync(join(home, path, '..'), { recursive: true })
  writeFileSync(join(home, path), text)
}

function run(args: readonly string[] = [], nodeVersion?: string): SpawnSyncReturns<string> {
  const pretend = `Object.defineProperty(process, 'versions', { value: { node: '${nodeVersion}' } })`
  const options = nodeVersion === undefined ? [] : ['--import', `data:text/javascript,${pretend}`]
  return spawnSync(process.execPath, [...options, join(home, 'bin/pathledger.js'), ...args], {
    encoding: 'utf8',
  })
}

const MAIN = 'export async function main(argv) { console.log(argv.join("+")); return 7 }\n'

describe('the shim', () => {
  it.each(['12.22.0', '20.20.2', '22.17.9'])('sends Node %s away in one sentence', (version) => {
    write('dist/cli/main.js', MAIN)
    const { status, stdout, stderr } = run([], version)
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^pathledger needs Node 22\.18 or newer and found Node [^\n]+\.\n$/)
    expect(stderr).toContain(`found Node ${version}:`)
    expect(stderr).toContain('npm ci')
  })

  it.each(['22.18.0', '23.0.0', '24.21.0', '100.0.0'])('takes Node %s', (version) => {
    write('dist/cli/main.js', MAIN)
    expect(run([], version).status).toBe(7)
  })

  it('hands the arguments on, and main decides the exit code', () => {
    write('dist/cli/main.js', MAIN)
    expect(run(['log', '--json'])).toMatchObject({ status: 7, stdout: 'log+--json\n', stderr: '' })
  })

  it('prefers the sources of a checkout to what was built from them', () => {
    write('dist/cli/main.js', MAIN)
    write('cli/main.ts', 'export async function main(): Promise<number> { return 9 }\n')
    expect(run().status).toBe(9)
  })

  it.each([
    ['main rejects', 'export async function main() { throw new Error("lost it") }'],
    [
      'a timer throws',
      'export async function main() { setTimeout(() => { throw new Error("lost it") }); return 0 }',
    ],
    ['a promise floats', 'export async function main() { Promise.reject(new Error("lost it")); return 0 }'],
    ['main cannot be loaded', 'throw new Error("lost it")'],
  ])('exits 70 with a clear line when %s', (_what, text) => {
    write('dist/cli/main.js', text)
    const { status, stderr } = run()
    expect(status).toBe(70)
    expect(stderr.split('\n')[0]).toBe('pathledger stopped because of a bug of its own: lost it')
  })
})
