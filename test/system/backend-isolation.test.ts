// What `isolatesExit` declares, on a path whose server has stopped: needs root, loop devices, nbdkit, nbdfuse.
import { spawn } from 'node:child_process'
import { mkdtempSync, openSync, closeSync, constants, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ABANDONED_MAX } from '../../adapters/child/caller.ts'
import { pathHelper } from '../../adapters/helper/helper.ts'
import { attachLoop, detachLoop, loopPath } from '../../adapters/paths/loops.ts'
import type { IoCompletion } from '../../adapters/ports.ts'
import { systemClock } from '../../adapters/system.ts'
import { probeUring } from '../../adapters/uring/index.ts'
import { performOn } from '../adapters/backend-contract.ts'
import { makeRequest, makeWrite, perform } from '../adapters/contract.ts'
import { end, makeFaultPath } from './backend-fault-path.ts'
import type { FaultPath } from './backend-fault-path.ts'

const SIZE = 4 * 1024 * 1024
const LUN = { wwid: 'naa.6001', implicitAlua: true }
const BACKENDS = probeUring().available ? ['io_uring', 'child-fs'] : ['child-fs']

let directory: string
const undo: (() => Promise<void> | void)[] = []

async function faultPath(name: string): Promise<FaultPath> {
  const image = join(directory, `${name}.img`)
  writeFileSync(image, new Uint8Array(SIZE))
  const path = await makeFaultPath(directory, name, image)
  undo.push(() => path.cleanUp())
  return path
}

/** Whether the device can be claimed: a claim says that nothing of a dead engine is left in the kernel. */
function claimable(device: string): boolean {
  try {
    closeSync(openSync(device, constants.O_RDWR | constants.O_EXCL))
    return true
  } catch {
    return false
  }
}

/** What `children/backend-on-hung-path.ts` says: first what it is ready with, then what it saw. */
interface ChildReport {
  readonly soundMs: number
  readonly worstLagMs: number
  readonly fromHung: readonly IoCompletion[]
}

/** Runs the child of this test up to where it says what it saw. */
async function runChild(devices: readonly string[], backend: string, ending: string, begin: () => void) {
  const entry = join(import.meta.dirname, 'children', 'backend-on-hung-path.ts')
  const child = spawn(process.execPath, [entry, ...devices, backend, ending], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  undo.push(() => end(child))
  const exited = new Promise<number>((resolve) => child.once('exit', () => resolve(performance.now())))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<ChildReport> => JSON.parse((await lines.next()).value as string)
  expect(await next()).toEqual({ ready: backend })
  begin()
  child.stdin.write('go\n')
  const report = await next()
  return { child, report, saidAt: performance.now(), exited }
}

describe('a hung path', () => {
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pathledger-isolation-'))
  })

  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
    rmSync(directory, { recursive: true })
  })

  test.each(BACKENDS)(
    '%s: the other path works, and process.exit returns within a second',
    async (backend) => {
      const [hung, sound] = [await faultPath('hung'), await faultPath('sound')]
      const { report, saidAt, exited } = await runChild(
        [hung.device, sound.device],
        backend,
        'exit',
        hung.hang,
      )
      expect(report).toMatchObject({ errors: 0, same: true })
      expect(report.soundMs).toBeLessThan(10_000)
      expect(report.worstLagMs).toBeLessThan(1000)
      // Flush and zeroing were given up on; everything else waits, and nothing was made up.
      for (const completion of report.fromHung) {
        expect(completion).toMatchObject({ errno: 'ETIMEDOUT', abandoned: true })
      }
      expect(report.fromHung.length).toBeGreaterThanOrEqual(2)
      expect((await exited) - saidAt).toBeLessThan(1000)
      expect(claimable(hung.device)).toBe(false)
      hung.wake()
      await vi.waitFor(() => expect(claimable(hung.device)).toBe(true), { timeout: 20_000 })
    },
  )

  test.each(BACKENDS)('%s: SIGKILL ends the process within a second', async (backend) => {
    const [hung, sound] = [await faultPath('hung'), await faultPath('sound')]
    const { child, exited } = await runChild([hung.device, sound.device], backend, 'wait', hung.hang)
    const killedAt = performance.now()
    child.kill('SIGKILL')
    expect((await exited) - killedAt).toBeLessThan(1000)
  })

  test('a helper that hangs is given up on; the next request gets another one, up to a bound', async () => {
    const hung = await faultPath('hung')
    const fd = openSync(hung.device, constants.O_RDWR | constants.O_DIRECT)
    const helper = pathHelper({ clock: systemClock, fd, timeoutMs: 2000 })
    undo.push(async () => {
      hung.wake()
      await helper.close()
      closeSync(fd)
    })
    const flush = makeRequest({ op: 'flush' })
    expect(await performOn(helper.backend, fd, flush)).toMatchObject({ errno: null })
    hung.hang()
    for (let given = 1; given <= ABANDONED_MAX; given += 1) {
      expect(await performOn(helper.backend, fd, flush)).toMatchObject({
        errno: 'ETIMEDOUT',
        abandoned: true,
      })
      expect(helper.running).toBe(given)
    }
    const beyond = await performOn(helper.backend, fd, flush)
    expect(beyond).toEqual({ errno: 'ETIMEDOUT', status: null, bytes: 0 })
    hung.wake()
    await vi.waitFor(() => expect(helper.running).toBe(0), { timeout: 20_000 })
    expect(await performOn(helper.backend, fd, flush)).toMatchObject({ errno: null })
  })

  test('opening and detaching a device whose server hangs fail in time, and do not hang', async () => {
    const hung = await faultPath('hung')
    hung.freeze()
    // What FUSE remembers of the file is good for a second.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const opened = loopPath(hung.device, { lun: LUN, hctl: '8:0:0:0', helperTimeoutMs: 1000 })
    await expect(opened).rejects.toMatchObject({ code: 'HELPER_TIMEOUT', outcome: 'unknown' })
    const attached = attachLoop(
      { image: join(directory, 'hung', 'nbd'), wwid: LUN.wwid },
      { timeoutMs: 1000 },
    )
    await expect(attached).rejects.toMatchObject({ code: 'HELPER_TIMEOUT' })
    await detachLoop(hung.device, { timeoutMs: 1000 }).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'HELPER_TIMEOUT' })
    })
  })

  test.each(BACKENDS)('%s: I/O that woke up completes as if nothing had been', async (backend) => {
    const hung = await faultPath('hung')
    const none = { available: false, why: 'the test says so', readWrite: false, commands: false }
    const path = await loopPath(hung.device, {
      lun: LUN,
      hctl: '8:0:0:0',
      ...(backend === 'io_uring' ? {} : { probe: () => none }),
    })
    undo.push(async () => {
      hung.wake()
      await path.close()
    })
    hung.hang()
    const all = Array.from({ length: 300 }, (_, index) =>
      perform({ path }, makeWrite(index * 4096, 4096, index)),
    )
    const flushed = perform({ path }, makeRequest({ op: 'flush' }))
    const first = await Promise.race([...all, new Promise((resolve) => setTimeout(resolve, 500, 'hung'))])
    expect(first).toBe('hung')
    hung.wake()
    for (const done of await Promise.all(all))
      expect(done).toEqual({ errno: null, status: null, bytes: 4096 })
    expect(await flushed).toMatchObject({ errno: null })
  })
})
