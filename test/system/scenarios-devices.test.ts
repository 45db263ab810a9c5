// Scenarios 27 and 34, and what is passed through, on real loop devices: needs root. Nothing here is timed.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { attachLoop, loopPath } from '../../adapters/paths/loops.ts'
import { numaFromSysfs } from '../../adapters/numa.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { Multipath } from '../../engine/multipath.ts'
import type { Path } from '../../engine/api/path.ts'
import { hasCode } from '../../errors.ts'
import { pages } from '../../store/pages.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { expectExplainedIn } from '../explained.ts'

const WWID = 'naa.60014050000000000000000000005ce1'
const MIB = 1024 * 1024
const BLOCK = 4096
const BLOCKS = MIB / BLOCK
/** Divides the blocks, so that no two workers ever have the same one. */
const WORKERS = 4

let directory: string
let undo: (() => Promise<void>)[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pathledger-devices-'))
  undo = []
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
  rmSync(directory, { recursive: true })
})

async function build(count: number): Promise<{ mp: Multipath; paths: Path[]; ledger: string }> {
  const image = join(directory, 'lun.img')
  writeFileSync(image, '')
  truncateSync(image, MIB)
  const ledger = join(directory, 'mp.ledger')
  const mp = await Multipath.open({ ledger, multipath: 'always', ...numaFromSysfs() })
  undo.push(() => mp.close())
  const lun = virtualLun({ wwid: WWID })
  const paths: Path[] = []
  for (let host = 8; host < 8 + count; host += 1) {
    const attached = await attachLoop({ image, wwid: WWID })
    undo.push(() => attached.release())
    paths.push(await mp.addPath(await loopPath(attached.device, { lun, hctl: `${host}:0:0:0` })))
    await attached.release()
  }
  return { mp, paths, ledger }
}

/** Writes and reads back, each worker its own blocks, until told to stop; returns how many blocks it wrote. */
function verifiedLoad(mp: Multipath): { stop(): Promise<number> } {
  const head = mp.head(WWID)
  let running = true
  const work = async (first: number) => {
    let turn = 0
    for (; running; turn += 1) {
      const offset = ((first + turn * WORKERS) % BLOCKS) * BLOCK
      const data = new Uint8Array(BLOCK).fill((first + turn) % 251)
      await head.write({ offset, data })
      expect(Buffer.compare(await head.read({ offset, length: BLOCK }), data)).toBe(0)
    }
    return turn
  }
  const all = Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)))
  return {
    stop: async () => {
      running = false
      return (await all).reduce((sum, turns) => sum + turns, 0)
    },
  }
}

test('scenario 27: two loops of 200 enable and disable on one loop device, under load: nothing is lost, one order', async () => {
  const { mp, paths, ledger } = await build(2)
  const [a] = paths as [Path, Path]
  const head = mp.head(WWID)
  const load = verifiedLoad(mp)
  const isTaken = (step: () => void): boolean => {
    try {
      step()
      return true
    } catch (error) {
      if (hasCode(error, 'TRANSITION_REFUSED')) return false
      throw error
    }
  }
  const loop = async (actor: string) => {
    let taken = 0
    for (let turn = 0; turn < 200; turn += 1) {
      for (const step of [() => a.fail({ actor }), () => a.reinstate({ actor })]) {
        if (isTaken(step)) taken += 1
        // Real I/O in between: how long it takes decides how the loops meet.
        await head.read({ offset: 0, length: BLOCK })
      }
    }
    return taken
  }
  const taken = (await Promise.all([loop('one'), loop('two')])).reduce((sum, count) => sum + count, 0)
  expect(await load.stop()).toBeGreaterThan(10)
  expect(head.counters).toMatchObject({ callerErrors: 0, requeued: 0 })
  await mp.close()
  expect(verifyLedger(ledger)).toMatchObject({ chain: 'ok', replay: 'equal', firstBad: null })
  const reader = openLedgerReader(ledger)
  const rows = [...pages(reader, { stream: `path/${WWID}/8:0:0:0` })].flat()
  reader.close()
  const pulled = { kind: 'operator', actor: 'one', path: '8:0:0:0' } as const
  expectExplainedIn(ledger, { stream: `path/${WWID}/8:0:0:0` }, pulled, 'path.disabled')
  const asked = rows.filter(({ type }) => type === 'path.disabled' || type === 'path.enabled')
  const accepted = asked.filter(({ decision }) => !decision.includes('"refused":true'))
  expect([asked.length, accepted.length]).toEqual([800, taken])
  expect(accepted.map(({ type }) => type)).toEqual(
    accepted.map((_row, at) => (at % 2 === 0 ? 'path.disabled' : 'path.enabled')),
  )
})

test('scenario 34: the policy changes under load on three loop devices: no error, data verifies, counters at zero', async () => {
  const { mp, paths, ledger } = await build(3)
  const head = mp.head(WWID)
  const load = verifiedLoad(mp)
  for (let change = 0; change < 30; change += 1) {
    head.setIoPolicy((['round-robin', 'queue-depth', 'numa'] as const)[change % 3] ?? 'numa')
    for (let turn = 0; turn < 20; turn += 1) await head.read({ offset: turn * BLOCK, length: BLOCK })
  }
  expect(await load.stop()).toBeGreaterThan(10)
  expect(head.counters).toMatchObject({ callerErrors: 0, requeued: 0, resent: 0 })
  expect(paths.every(({ counters }) => counters.reads > 0)).toBe(true)
  expect(paths.map(({ inFlight, queueDepth }) => [inFlight, queueDepth])).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
  ])
  await mp.close()
  expect(verifyLedger(ledger)).toMatchObject({ chain: 'ok', replay: 'equal' })
})

test('ioctls reach one loop device, which answers as the kernel does; getUniqueId reads its page 0x83', async () => {
  const { mp, paths } = await build(2)
  const head = mp.head(WWID)
  const ask = async (command: string) => Buffer.from((await head.ioctl({ command })).data)
  expect((await ask('BLKGETSIZE64')).readBigUInt64LE()).toBe(BigInt(MIB))
  expect((await ask('BLKSSZGET')).readUInt32LE()).toBe(head.logicalBlockBytes)
  for (const command of ['BLKPBSZGET', 'BLKIOMIN', 'BLKIOOPT', 'BLKALIGNOFF', 'BLKROGET', 'BLKGETDISKSEQ']) {
    expect((await ask(command)).length, command).toBeGreaterThanOrEqual(4)
  }
  // A loop device has no geometry, and nothing that writes is passed on.
  for (const command of ['HDIO_GETGEO', 'BLKZEROOUT', 'LOOP_CLR_FD']) {
    await expect(head.ioctl({ command }), command).rejects.toMatchObject({ errno: 'ENOTTY' })
  }
  await expect(head.getGeometry()).rejects.toMatchObject({ code: 'IOCTL_UNSUPPORTED', errno: 'ENOTTY' })
  expect(Buffer.from(await head.getUniqueId('naa')).toString('hex')).toBe(WWID.slice('naa.'.length))
  const part = head.partition({ start: BLOCK, length: BLOCK })
  await expect(part.ioctl({ command: 'BLKSSZGET' })).rejects.toMatchObject({ errno: 'ENOIOCTLCMD' })
  for (const path of paths) path.block()
  await expect(head.ioctl({ command: 'BLKSSZGET' })).rejects.toMatchObject({ errno: 'EWOULDBLOCK' })
  expect(paths.map(({ numaNode, inFlight }) => [numaNode, inFlight])).toEqual([
    [null, 0],
    [null, 0],
  ])
  for (const path of paths) path.unblock()
})
