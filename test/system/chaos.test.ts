// A taste of chaos; ten minutes of it, and what they came to: docs/chaos.md.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listLoops } from '../../index.ts'

const ENTRY = join(import.meta.dirname, '../chaos/index.ts')

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly folder: string
}

/** Runs it, and interrupts it when it has said so much. */
async function run(argv: readonly string[], interruptAt: RegExp | null): Promise<Ran> {
  const child = spawn(process.execPath, [ENTRY, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
    if (interruptAt?.test(stderr) === true) child.kill('SIGINT')
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, folder: /, in (\S+)/.exec(stderr)?.[1] ?? 'it never ran' }
}

/** Nothing of a run is left: no folder, mount, device or process. */
function expectNothingOf(folder: string): void {
  expect(folder).toContain('pathledger-chaos-')
  expect(readdirSync(tmpdir())).not.toContain(folder.split('/').at(-1))
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder)
  expect(listLoops().filter(({ backingFile }) => backingFile.startsWith(folder))).toEqual([])
  const commands = readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8')] : []
    } catch {
      return []
    }
  })
  expect(commands.filter((command) => command.includes(folder))).toEqual([])
}

test('chaos: some seconds of every kind of fault lose nothing, and leave nothing behind', async () => {
  const { code, stdout, folder } = await run(['--minutes', '0.2', '--seed', '5', '--json'], null)
  const report = JSON.parse(stdout)
  expect(report.violations).toEqual([])
  expect(code).toBe(0)
  expect(report).toMatchObject({ seed: '5', ledger: { chain: 'ok', replay: 'equal', fold: 'equal' } })
  expect(Object.values<number>(report.faults).reduce((sum, used) => sum + used, 0)).toBeGreaterThan(3)
  expect(report.ios.writes).toBeGreaterThan(100)
  expectNothingOf(folder)
})

test('chaos: interrupted in the middle of a fault it leaves nothing behind', async () => {
  const { code, folder } = await run(['--minutes', '5', '--seed', '6'], /(HANG|GONE|DEAD) on/)
  expect(code).toBe(130)
  expectNothingOf(folder)
})
