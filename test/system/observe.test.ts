// A live host is watched for real: loop devices that come and go, ends without a word, and that no device is opened. Needs
// root, loop devices, losetup and strace.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLedgerReader } from '../../doors/ledger.ts'
import type { StoredEvent } from '../../store/types.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { until } from './hang/servers.ts'

const BIN = new URL('../../bin/pathledger.js', import.meta.url).pathname
const MIB = 1024 * 1024
const KILLS = 10

let directory: string
let ledger: string
let undo: (() => void)[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pathledger-observe-'))
  ledger = join(directory, 'o.ledger')
  undo = []
})

afterEach(() => {
  for (const step of undo.splice(0).reverse()) step()
  rmSync(directory, { recursive: true })
})

const losetup = (...words: string[]): string => execFileSync('losetup', words, { encoding: 'utf8' }).trim()

function attach(): string {
  const image = join(directory, `image-${undo.length}`)
  writeFileSync(image, '')
  truncateSync(image, MIB)
  const device = losetup('--find', '--show', image)
  undo.push(() => execFileSync('sh', ['-c', `losetup -d ${device} 2>/dev/null || true`]))
  return device
}

interface Watcher {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
}

/** Watches, and resolves when the ledger says so. */
async function watch(...before: string[]): Promise<Watcher> {
  const sessions = rows('source.opened').length
  const words = [...before, process.execPath, BIN, 'observe', ledger]
  // A group of its own: who traces it must not outlive it, nor it them.
  const child = spawn(words[0] ?? '', words.slice(1), {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  undo.push(() => signalGroup(child, 'SIGKILL'))
  await until('it watches', () => rows('source.opened').length > sessions)
  return { child, ended }
}

function signalGroup({ pid, exitCode, signalCode }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, signal)
}

async function end({ child, ended }: Watcher, signal: NodeJS.Signals): Promise<void> {
  signalGroup(child, signal)
  await ended
}

function rows(type: string): StoredEvent[] {
  try {
    const reader = openLedgerReader(ledger)
    try {
      return [...reader.read({ type })]
    } finally {
      reader.close()
    }
  } catch {
    return []
  }
}

function said(type: string): Record<string, unknown>[] {
  return rows(type).map(({ data }) => JSON.parse(data) as Record<string, unknown>)
}

describe('observe on this host', () => {
  test('a loop device that is detached and attached again is seen, by its own name', async () => {
    const device = attach()
    const name = device.replace('/dev/', '')
    const watcher = await watch()
    losetup('-d', device)
    const gone = (): boolean => said('path.removed').some(({ dev }) => dev === name)
    await until('it is seen to go', gone)
    losetup(device, join(directory, 'image-0'))
    const back = (): boolean =>
      said('path.attentionHeard').some(({ dev, what }) => dev === name && what === 'attached')
    await until('it is seen to come', back)
    await end(watcher, 'SIGTERM')
    expect(said('source.closed')).toHaveLength(5)
    expect(verifyLedger(ledger)).toMatchObject({ chain: 'ok', replay: 'equal' })
  })

  test('killed and started ten times: each gap is on the ledger, and the chain holds', async () => {
    for (let n = 0; n < KILLS; n += 1) {
      const watcher = await watch()
      await end(watcher, 'SIGKILL')
    }
    await end(await watch(), 'SIGINT')
    const gaps = said('source.gap').filter(({ why }) => String(why).startsWith('nobody watched'))
    expect(gaps).toHaveLength(KILLS)
    for (const { fromUs, toUs } of gaps) expect(Number(toUs)).toBeGreaterThanOrEqual(Number(fromUs))
    const closed = said('source.closed')
    expect(closed.filter(({ ended }) => ended !== undefined)).toHaveLength(5 * KILLS)
    expect(closed).toHaveLength(5 * (KILLS + 1))
    expect(verifyLedger(ledger)).toMatchObject({ chain: 'ok', replay: 'equal' })
  })

  test('it opens no block device and calls no ioctl on one', async () => {
    const trace = join(directory, 'trace')
    const device = attach()
    const watcher = await watch('strace', '-f', '-y', '-o', trace, '-e', 'trace=open,openat,openat2,ioctl')
    losetup('-d', device)
    await until('it is seen to go', () => rows('path.removed').length > 0)
    await end(watcher, 'SIGTERM')
    const calls = readFileSync(trace, 'utf8').split('\n')
    const opened = calls.flatMap((line) => /open(?:at2?)?\([^"]*"([^"]+)"/.exec(line)?.[1] ?? [])
    // The trace has what it does open, or it proves nothing.
    expect(opened.some((path) => path.startsWith('/sys/block/'))).toBe(true)
    expect(opened).toContain('/dev/kmsg')
    const devices = opened.filter((path) => path.startsWith('/dev/'))
    expect(devices.filter((path) => !/^\/dev\/(?:kmsg|null|urandom|random|tty|shm\/.*)$/.test(path))).toEqual(
      [],
    )
    const ioctls = calls.filter(
      (line) => /ioctl\(\d+<\/dev\//.test(line) && !/<\/dev\/(?:null|tty|pts\/\d+)/.test(line),
    )
    expect(ioctls).toEqual([])
  })
})
