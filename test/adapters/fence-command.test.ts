import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fenceFromConfig } from '../../adapters/fence-command.ts'

const TARGET = { wwid: 'naa.6001', hctl: '8:0:0:0', device: '/dev/loop7' }
const OTHER = { wwid: 'naa.6001', hctl: '9:0:0:0', device: '/dev/loop8' }
const SHELL = '/bin/sh'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-fence-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function config(content: unknown, mode = 0o600): string {
  const file = join(folder, 'fences.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  chmodSync(file, mode)
  return file
}

const shell = (script: string, more: object = { hctl: TARGET.hctl }) => ({
  fences: [{ ...more, command: [SHELL, '-c', script] }],
})

describe('a fence command', () => {
  test('is run for its path, told which, and has succeeded when it ends with 0', async () => {
    const seen = join(folder, 'seen')
    const fence = fenceFromConfig(
      config(shell(`echo "$PATHLEDGER_WWID $PATHLEDGER_HCTL $PATHLEDGER_DEVICE" > ${seen}`)),
    )
    expect(await fence(TARGET, 5000)).toMatch(/^\/bin\/sh -c echo .*: ended with 0$/)
    expect(readFileSync(seen, 'utf8')).toBe('naa.6001 8:0:0:0 /dev/loop7\n')
    expect(await fence(OTHER, 5000)).toBeNull()
  })

  test('kills a server and waits for its death', async () => {
    const server = spawn('/bin/sleep', ['600'], { stdio: 'ignore' })
    const died = new Promise((resolve) => server.once('exit', (_code, signal) => resolve(signal)))
    const fence = fenceFromConfig(config(shell(`kill -9 ${server.pid}`, { device: TARGET.device })))
    expect(await fence(TARGET, 5000)).toContain('ended with 0')
    expect(await died).toBe('SIGKILL')
  })

  test('no shell sees its words', async () => {
    const seen = join(folder, 'a b; $(id)')
    const fence = fenceFromConfig(
      config({ fences: [{ hctl: TARGET.hctl, command: ['/usr/bin/touch', seen] }] }),
    )
    await fence(TARGET, 5000)
    expect(readFileSync(seen, 'utf8')).toBe('')
  })

  test('nothing of our environment goes along', async () => {
    vi.stubEnv('PATHLEDGER_SECRET', 'x')
    const fence = fenceFromConfig(config(shell('test -z "$PATHLEDGER_SECRET" && test -z "$HOME"')))
    expect(await fence(TARGET, 5000)).toContain('ended with 0')
    vi.unstubAllEnvs()
  })

  test('that ends with something else has failed', async () => {
    const fence = fenceFromConfig(config(shell('exit 3')))
    await expect(fence(TARGET, 5000)).rejects.toMatchObject({ code: 'FENCE_FAILED', why: 'It ended with 3.' })
    const killed = fenceFromConfig(config(shell('kill -9 $$')))
    await expect(killed(TARGET, 5000)).rejects.toMatchObject({ why: 'It ended with SIGKILL.' })
  })

  test.each([
    ['the engine’s limit', {}, 100],
    ['its own limit', { timeoutMs: 100 }, 60_000],
  ])('that takes longer than %s is killed, with what it started', async (_what, more, limitMs) => {
    const seen = join(folder, 'pid')
    const script = `sleep 600 & echo $! > ${seen}; wait`
    const fence = fenceFromConfig(config(shell(script, { hctl: TARGET.hctl, ...more })))
    const fenced = fence(TARGET, limitMs)
    await expect(fenced).rejects.toMatchObject({ code: 'FENCE_TIMEOUT', errno: 'ETIMEDOUT' })
    const pid = Number(readFileSync(seen, 'utf8'))
    await vi.waitFor(() => expect(stateOf(pid)).toMatch(/^(gone|Z)$/))
  })

  test('whose program cannot be started has failed', async () => {
    const program = join(folder, 'program')
    writeFileSync(program, '#!/bin/sh\n')
    const fence = fenceFromConfig(config({ fences: [{ hctl: TARGET.hctl, command: [program] }] }))
    await expect(fence(TARGET, 5000)).rejects.toMatchObject({ code: 'FENCE_FAILED' })
  })
})

describe('a file of fence commands', () => {
  test.each([
    ['no JSON', '{', /JSON/],
    ['no fences', {}, /fences/],
    ['a word too many', { fences: [], more: 1 }, /more/],
    ['neither hctl nor device', { fences: [{ command: ['/bin/true'] }] }, /fences\.0/],
    ['both', { fences: [{ hctl: '1:0:0:0', device: 'x', command: ['/bin/true'] }] }, /fences\.0/],
    ['no command', { fences: [{ hctl: '1:0:0:0', command: [] }] }, /fences\.0/],
    ['a program by name only', { fences: [{ hctl: '1:0:0:0', command: ['true'] }] }, /fences\.0/],
    ['no limit', { fences: [{ hctl: '1:0:0:0', command: ['/bin/true'], timeoutMs: 0 }] }, /fences\.0/],
    ['a program that is not there', { fences: [{ hctl: '1:0:0:0', command: ['/no/such'] }] }, /ENOENT/],
  ])('with %s is refused', (_what, content, why) => {
    expect(() => fenceFromConfig(config(content))).toThrow(
      expect.objectContaining({ code: 'FENCE_CONFIG', why: expect.stringMatching(why) }),
    )
  })

  test('that is not there is refused', () => {
    expect(() => fenceFromConfig(join(folder, 'none'))).toThrow(
      expect.objectContaining({ code: 'FENCE_CONFIG' }),
    )
  })

  const unsafe = expect.objectContaining({ code: 'FENCE_CONFIG_UNSAFE', errno: 'EPERM' })

  test.each([0o620, 0o602, 0o666])('that others can write (%o) is refused', (mode) => {
    expect(() => fenceFromConfig(config({ fences: [] }, mode))).toThrow(unsafe)
  })

  test('that others can only read is fine', () => {
    expect(() => fenceFromConfig(config({ fences: [] }, 0o644))).not.toThrow()
  })

  test.each([0o770, 0o1777])('in a folder that others can write (%o) is refused', (mode) => {
    const file = config({ fences: [] })
    chmodSync(folder, mode)
    expect(() => fenceFromConfig(file)).toThrow(unsafe)
  })

  test('behind a link is looked at where it really is', () => {
    const open = join(folder, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    const file = join(open, 'fences.json')
    writeFileSync(file, JSON.stringify({ fences: [] }), { mode: 0o600 })
    const link = join(folder, 'link.json')
    symlinkSync(file, link)
    expect(() => fenceFromConfig(link)).toThrow(unsafe)
  })

  test('that names a program others can write is refused', () => {
    const program = join(folder, 'program')
    writeFileSync(program, '#!/bin/sh\n')
    chmodSync(program, 0o777)
    expect(() => fenceFromConfig(config({ fences: [{ hctl: '1:0:0:0', command: [program] }] }))).toThrow(
      unsafe,
    )
  })

  test.runIf(process.getuid?.() === 0)('that belongs to somebody else is refused', () => {
    const file = config({ fences: [] })
    chownSync(file, 12345, 12345)
    expect(() => fenceFromConfig(file)).toThrow(unsafe)
  })
})

/** A process's state as /proc has it; 'gone' when it is not there. */
function stateOf(pid: number): string {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? 'gone'
  } catch {
    return 'gone'
  }
}
