// The demo on real loop devices: needs root. On plain files: test/cli/demo.test.ts.
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redecide, stateAt } from '../../doors/ledger.ts'
import { listLoops, openLedgerReader } from '../../index.ts'

const ROOT = join(import.meta.dirname, '../..')
const SHIM = join(ROOT, 'bin/pathledger.js')

let folder: string
let temporary: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-system-'))
  temporary = join(folder, 'tmp')
  mkdirSync(temporary)
  // The demo of nobody puts its files there too.
  chmodSync(folder, 0o755)
  chmodSync(temporary, 0o1777)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, TMPDIR: temporary, NO_COLOR: '1' })

function pathledger(...argv: string[]) {
  return spawnSync(process.execPath, [SHIM, ...argv], { encoding: 'utf8', env: environment() })
}

/** Loop devices over a file in our folder: those of the demo, and of nobody else. */
function attached(): string[] {
  return listLoops()
    .filter(({ backingFile }) => backingFile.startsWith(temporary) || backingFile.startsWith(folder))
    .map(({ device }) => device)
}

describe('demo --json --seconds 3 as root', () => {
  const ledger = (): string => join(folder, 'demo.ledger')
  let ran: ReturnType<typeof pathledger>
  beforeAll(() => {
    ran = pathledger('demo', '--json', '--seconds', '3', '--ledger', ledger())
  })

  test('runs on three loop devices, and nothing is lost', () => {
    expect({ status: ran.status, stderr: ran.stderr }).toEqual({ status: 0, stderr: '' })
    const document = JSON.parse(ran.stdout)
    expect(document).toMatchObject({
      ...{ backend: 'loop', paths: 3, lost: 0, mismatched: 0, callerErrors: 0 },
      ledger: { file: ledger(), chain: 'ok', replay: 'equal' },
    })
    expect(new Set(document.devices).size).toBe(3)
    for (const device of document.devices) expect(device).toMatch(/^\/dev\/loop\d+$/)
    expect(document.image).toContain(temporary)
    expect(document.writes).toBeGreaterThan(1_000)
    expect(document.reads).toBeGreaterThan(1_000)
    expect(document.failovers).toBeGreaterThanOrEqual(3)
    expect(document.requeued).toBeGreaterThanOrEqual(1)
  })

  test('leaves no device attached and no file behind', () => {
    expect(attached()).toEqual([])
    expect(readdirSync(temporary)).toEqual([])
  })

  test('leaves a ledger that verify holds for whole', () => {
    const { status, stdout } = pathledger('verify', ledger(), '--json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      events: JSON.parse(ran.stdout).ledger.events,
      chain: 'ok',
      head: expect.stringMatching(/^[0-9a-f]{64}$/),
      replay: 'equal',
      lastRun: 'ended',
    })
  })

  test('replays to the state of its stored decisions, at every position', () => {
    const reader = openLedgerReader(ledger())
    const { events } = reader.head()
    for (let position = 1; position <= events; position += 1) {
      expect(redecide(reader, { toPosition: position })).toEqual(stateAt(reader, { position }))
    }
    reader.close()
  })

  test('replay --to prints the same as the library', () => {
    const reader = openLedgerReader(ledger())
    const { events } = reader.head()
    for (const position of [1, 2, Math.floor(events / 3), Math.floor(events / 2), events]) {
      const { status, stdout } = pathledger('replay', ledger(), '--to', String(position), '--json')
      expect(status).toBe(0)
      const { time: _time, ...replayed } = JSON.parse(stdout)
      expect(replayed).toEqual(JSON.parse(JSON.stringify(stateAt(reader, { position }))))
    }
    reader.close()
  })
})

/** Starts a long demo, and waits until it has failed its first path. */
async function startDemo(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [SHIM, 'demo', '--seconds', '60'], {
    env: environment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk) => {
      if (String(chunk).includes('goes bad')) resolve()
    })
  })
  return child
}

function ended(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)))
}

describe('a demo that is stopped', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s exits with %i and leaves nothing', async (signal, code) => {
    const child = await startDemo()
    expect(attached()).toHaveLength(3)
    const end = ended(child)
    child.kill(signal)
    expect(await end).toBe(code)
    expect(attached()).toEqual([])
    expect(readdirSync(temporary)).toEqual([])
  })

  test('by SIGKILL leaves no device attached', async () => {
    const child = await startDemo()
    expect(attached()).toHaveLength(3)
    const end = ended(child)
    child.kill('SIGKILL')
    expect(await end).toBe('SIGKILL')
    for (let tried = 0; attached().length > 0 && tried < 50; tried += 1) await sleep(100)
    expect(attached()).toEqual([])
    for (const left of readdirSync(temporary)) rmSync(join(temporary, left), { recursive: true })
  })
})

/** Whether somebody without rights can run what is here: the checkout may lie where only root may look. */
function nobodyCanRun(): boolean {
  const { status } = spawnSync('setpriv', [...NOBODY, process.execPath, SHIM, '--version'], {
    env: environment(),
  })
  return status === 0
}
const NOBODY = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--']

describe('without root', () => {
  test.runIf(nobodyCanRun())('says so, and uses files', () => {
    const argv = [...NOBODY, process.execPath, SHIM, 'demo', '--json', '--seconds', '1']
    const { status, stdout, stderr } = spawnSync('setpriv', argv, { encoding: 'utf8', env: environment() })
    expect(stderr).toMatch(/No loop devices here, so the paths are plain files\. .*root/)
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      backend: 'file',
      paths: 3,
      lost: 0,
      mismatched: 0,
      callerErrors: 0,
    })
    expect(readdirSync(temporary)).toEqual([])
  })
})
