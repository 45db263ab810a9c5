// Limits of a real queue, lowered through sysfs under an engine that uses it: needs root.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { attachLoop, loopPath } from '../../adapters/paths/loops.ts'
import { probeUring } from '../../adapters/uring/index.ts'
import { Multipath } from '../../engine/multipath.ts'

const KIB = 1024
const BYTES = 16 * KIB * KIB
const WWID = 'naa.60014050a1b2f015'

test('F-15: max_sectors_kb and nr_requests of a loop device are lowered: larger I/O of an engine that uses it ends well', async () => {
  expect(probeUring()).toMatchObject({ available: true })
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-limits-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const image = join(folder, 'lun.img')
  writeFileSync(image, '')
  truncateSync(image, BYTES)
  const attached = await attachLoop({ image, wwid: WWID })
  onTestFinished(() => attached.release())
  const queue = (attribute: string) => `/sys/block/loop${attached.number}/queue/${attribute}`
  const lower = (attribute: string, to: number) => {
    const was = readFileSync(queue(attribute), 'utf8')
    onTestFinished(() => writeFileSync(queue(attribute), was))
    writeFileSync(queue(attribute), String(to))
    expect(Number(readFileSync(queue(attribute), 'utf8'))).toBe(to)
  }

  const mp = await Multipath.open({
    ledger: join(folder, 'ledger.db'),
    multipath: 'always',
    attemptTimeoutMs: 5_000,
  })
  await mp.addPath(loopPath(attached.device, { lun: { wwid: WWID, implicitAlua: true }, hctl: '8:0:0:0' }))
  onTestFinished(() => mp.close())
  const [head] = mp.heads
  const write = (offset: number, fill: number) =>
    head!.write({ offset, data: new Uint8Array(512 * KIB).fill(fill) })
  await write(0, 1)
  // Some are on their way while the limits are lowered.
  const under = Array.from({ length: 16 }, (_, at) => write(at * 512 * KIB, 2))
  lower('max_sectors_kb', 4)
  lower('nr_requests', 16)
  await Promise.all(under)
  await Promise.all(Array.from({ length: 16 }, (_, at) => write(at * 512 * KIB, 3)))
  const read = await head!.read({ offset: 0, length: 8 * KIB * KIB })
  expect(read.every((byte) => byte === 3)).toBe(true)
  await head!.discard({ offset: 0, length: 8 * KIB * KIB })
  expect(head!.counters.callerErrors).toBe(0)
})
