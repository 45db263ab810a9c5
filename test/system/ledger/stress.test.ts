// The ledger's own disk is full, errs, hangs, or somebody else has it: what needs its record waits and then goes by policy,
// everything else goes on, what waited is told afterwards, and the ledger is whole. Needs root.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { errorFilter } from '../../../adapters/filters/error.ts'
import { memoryLun, memoryPath } from '../../../adapters/paths/memory.ts'
import { systemClock } from '../../../adapters/system.ts'
import { Multipath } from '../../../engine/multipath.ts'
import type { LiveEvent } from '../../../engine/ledger/recorder.ts'
import type { SettingsInput } from '../../../engine/core/settings.ts'
import type { ExplainRoot } from '../../../store/explain/types.ts'
import { pages } from '../../../store/pages.ts'
import { openLedgerReader } from '../../../store/read/reader.ts'
import { verifyLedger } from '../../../store/verify/verify.ts'
import { expectExplained } from '../../explained.ts'
import { end, until } from '../hang/servers.ts'
import { servedDisk, smallDisk, type LedgerDisk } from './file-systems.ts'

const WWID = 'naa.600140500000000000000000000ed6e0'
const HEAD = { stream: `head/${WWID}` }
const BLOCK = 4096
const STALL_MS = 600

const bytes = (mark: number) => new Uint8Array(BLOCK).fill(mark)

/** An engine on a ledger in that file, with two paths in memory of which the first can be made to fail. */
async function engineOn(file: string, settings: SettingsInput = {}) {
  const mp = await Multipath.open({
    ...{ ledger: file, multipath: 'always', ledgerStallMs: STALL_MS, sampleMs: 100 },
    ...{ checker: { minMs: 50, maxMs: 100 }, ...settings },
  })
  onTestFinished(() => mp.close())
  const lun = memoryLun({ wwid: WWID, sizeBytes: 1024 * 1024, logicalBlockBytes: 512 })
  const device = (hctl: string) => memoryPath(lun, { hctl, clock: systemClock })
  const a = errorFilter(device('8:0:0:0'), { errno: 'EIO' })
  await mp.addPath(a.path)
  await mp.addPath(device('9:0:0:0'))
  const head = mp.head(WWID)
  const lives: LiveEvent[] = []
  mp.subscribe((live) => void lives.push(live))
  return {
    ...{ mp, head, fail: a.control },
    /** Resolves once an event of that type is durable. */
    seen: (type: string) => until(type, () => lives.some(({ event }) => event.type === type)),
    write: (mark: number) => head.write({ offset: 0, data: bytes(mark) }),
    read: async () => (await head.read({ offset: 0, length: BLOCK }))[0],
  }
}

const DISKS: readonly (readonly [says: string, why: string, make: () => Promise<LedgerDisk>])[] = [
  ['is full', 'There is no room to write', async () => smallDisk()],
  ['errs', 'I/O error', () => servedDisk('errs')],
  ['hangs', 'has not taken an event within', () => servedDisk('hangs')],
]

function rowsOf(file: string, type: string) {
  const reader = openLedgerReader(file)
  try {
    const rows = [...pages(reader, { type })].flat()
    return rows.map(({ data }) => JSON.parse(data) as Record<string, unknown>)
  } finally {
    reader.close()
  }
}

/** What lies on the disk, and not in a cache, is one chain that is decided again alike. */
function expectWhole(disk: LedgerDisk): void {
  disk.reread()
  expect(verifyLedger(disk.file)).toMatchObject({ chain: 'ok', replay: 'equal', firstBad: null })
}

/** That `explain` names the ledger as the head's last trouble, once its path was back and before the engine closed. */
function expectLedgerExplained(file: string, root: Partial<ExplainRoot>): void {
  const reader = openLedgerReader(file)
  try {
    const [removed] = reader.read({ type: 'path.removed', limit: 1 })
    expectExplained(reader, HEAD, root, removed!.position - 1)
  } finally {
    reader.close()
  }
}

describe.each(DISKS)('the disk of the ledger %s', (_says, why, make) => {
  test('by default the re-sent write fails with LEDGER_STALLED, other I/O goes on, and the gap is told', async () => {
    const disk = await make()
    const { mp, head, fail, seen, write, read } = await engineOn(disk.file)
    await write(1)
    disk.break()
    fail.enable({ errno: 'EIO' })
    await expect(write(2)).rejects.toMatchObject({ code: 'LEDGER_STALLED', outcome: 'unknown' })
    // Whatever needs no record: I/O, and a look at what there is.
    for (let mark = 3; mark < 60; mark += 1) {
      await write(mark)
      expect(await read()).toBe(mark)
    }
    expect(mp.broken).toBeNull()
    expect(head.paths.map(({ state }) => state.health)).toEqual([
      expect.stringMatching(/failed|probing/),
      'online',
    ])
    fail.disable()
    disk.heal()
    await seen('path.probeSucceeded')
    await seen('engine.ledgerRecovered')
    await write(60)
    await mp.close()
    expectWhole(disk)
    expect(rowsOf(disk.file, 'path.failed')).toHaveLength(1)
    expect(rowsOf(disk.file, 'engine.stopped')).toHaveLength(1)
    const samples = rowsOf(disk.file, 'head.ioSampled').reduce((sum, { writes }) => sum + Number(writes), 0)
    expect(samples, 'every acknowledged write is in a sample').toBe(59)
    const [gap] = rowsOf(disk.file, 'engine.ledgerRecovered')
    expect(gap?.['waited']).toBeGreaterThan(0)
    const root = { kind: 'ledger', reason: expect.stringContaining(why) as string } as const
    expectLedgerExplained(disk.file, root)
  })

  test("with ledgerStall 'continue' it goes on without its record, says so, and the next start is unclean", async () => {
    const disk = await make()
    const { mp, fail, seen, write, read } = await engineOn(disk.file, { ledgerStall: 'continue' })
    disk.break()
    fail.enable({ errno: 'EIO' })
    await write(2)
    expect(await read()).toBe(2)
    fail.disable()
    disk.heal()
    await seen('engine.proceededWithoutRecord')
    await mp.close()
    expectWhole(disk)
    expect(rowsOf(disk.file, 'engine.stopped')).toEqual([])
    const next = await engineOn(disk.file)
    expect(rowsOf(disk.file, 'engine.started').at(-1)).toMatchObject({ unclean: true })
    await next.mp.close()
    expectWhole(disk)
  })
})

/** Another program that has the ledger until `release`. */
async function holder(file: string, what: 'write' | 'engine') {
  const script = fileURLToPath(new URL('./children/hold-lock.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [script, file, what], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => end(child))
  let output = ''
  child.stdout?.on('data', (chunk) => (output += String(chunk)))
  await until('the other program has it', () => output.includes('held') || child.exitCode !== null)
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const release = async () => {
    child.stdin?.end()
    await ended
  }
  return { child, release }
}

describe('somebody else has the ledger', () => {
  test("SQLite's write lock in another program is a ledger that takes no events, until it lets go", async () => {
    const disk = smallDisk()
    const { mp, fail, seen, write, read } = await engineOn(disk.file)
    await write(1)
    const other = await holder(disk.file, 'write')
    fail.enable({ errno: 'EIO' })
    await expect(write(2)).rejects.toMatchObject({ code: 'LEDGER_STALLED' })
    await write(3)
    expect(await read()).toBe(3)
    expect(mp.broken).toBeNull()
    fail.disable()
    await other.release()
    await seen('path.probeSucceeded')
    await seen('engine.ledgerRecovered')
    await mp.close()
    expectWhole(disk)
    expect(rowsOf(disk.file, 'engine.ledgerDegraded')).toHaveLength(1)
    expectLedgerExplained(disk.file, { kind: 'ledger' })
  })

  test('an engine in another process: LEDGER_LOCKED with its pid, nothing is written, and it is free afterwards', async () => {
    const disk = smallDisk()
    const other = await holder(disk.file, 'engine')
    await expect(Multipath.open({ ledger: disk.file, multipath: 'always' })).rejects.toMatchObject({
      code: 'LEDGER_LOCKED',
      message: expect.stringContaining(String(other.child.pid)) as string,
    })
    expect(rowsOf(disk.file, 'engine.started')).toHaveLength(1)
    await other.release()
    const { mp } = await engineOn(disk.file)
    await mp.close()
    expectWhole(disk)
    expect(rowsOf(disk.file, 'engine.started').map(({ unclean }) => unclean)).toEqual([false, false])
  })
})
