// The child of a path is killed under load, as the OOM killer does: what it had ends, is done again, and leaves nothing behind.
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { childBackend } from '../../adapters/child/backend.ts'
import { filePath } from '../../adapters/paths/file-path.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { systemClock } from '../../adapters/system.ts'
import { Multipath } from '../../engine/multipath.ts'
import { performOn } from './backend-contract.ts'
import { makeRequest, makeWrite } from './contract.ts'

const BLOCK = 4096

function makeFile(): { folder: string; file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-killed-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'file')
  writeFileSync(file, new Uint8Array(64 * BLOCK))
  return { folder, file }
}

/** Children of this process whose device is the file: only these are signalled. */
function childrenOn(file: string): number[] {
  const isOurs = (pid: string): boolean => {
    try {
      const parent = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1]
      return parent === String(process.pid) && readlinkSync(`/proc/${pid}/fd/3`) === file
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isOurs(name))
    .map(Number)
}

test('review 14: what a killed child had under way is over with it, and the next I/O has another child', async () => {
  const { file } = makeFile()
  const fd = openSync(file, 'r+')
  onTestFinished(() => closeSync(fd))
  const backend = childBackend({ clock: systemClock })
  onTestFinished(() => backend.close())
  expect(await performOn(backend, fd, makeRequest({ op: 'read', length: BLOCK }))).toMatchObject({
    errno: null,
  })
  const [child] = childrenOn(file)
  process.kill(child!, 'SIGSTOP')
  const under = [1, 2, 3].map((at) => performOn(backend, fd, makeWrite(at * BLOCK, BLOCK, at)))
  process.kill(child!, 'SIGKILL')
  for (const answer of await Promise.all(under)) {
    expect(answer.errno).toBe('EIO')
    // A process that is gone has nothing in the kernel.
    expect(answer.abandoned ?? false).toBe(false)
  }
  expect(await performOn(backend, fd, makeWrite(0, BLOCK, 9))).toMatchObject({ errno: null, bytes: BLOCK })
  expect(childrenOn(file)).not.toContain(child)
})

test('review 14: under load every write is acknowledged all the same, and no range stays held', async () => {
  const { folder, file } = makeFile()
  const lun = virtualLun({ wwid: 'naa.600140505200a986f0043c9afa1fd077' })
  const mp = await Multipath.open({
    ledger: join(folder, 'mp.ledger'),
    multipath: 'always',
    iopolicy: 'round-robin',
  })
  onTestFinished(() => mp.close())
  for (const hctl of ['8:0:0:0', '9:0:0:0']) {
    const device = await filePath(file, { lun, hctl, backend: childBackend({ clock: systemClock }) })
    // As on a disk of this machine, wherever the tests are run.
    await mp.addPath({ ...device, guarantees: { ...device.guarantees, errorsAreFinal: true } })
  }
  const head = mp.head(lun.wwid)
  let done = 0
  let stop = false
  const workers = Array.from({ length: 16 }, async (_, at) => {
    for (let turn = 1; !stop; turn += 1) {
      await head.write({ offset: at * BLOCK, data: new Uint8Array(BLOCK).fill(turn % 256) })
      done += 1
    }
  })
  await vi.waitFor(() => expect(childrenOn(file)).toHaveLength(2), { timeout: 10_000 })
  const before = done
  process.kill(childrenOn(file)[0]!, 'SIGKILL')
  await vi.waitFor(() => expect(done).toBeGreaterThan(before + 64), { timeout: 10_000 })
  stop = true
  await Promise.all(workers)
  expect([mp.ghosts, head.held.bios, head.counters.callerErrors]).toEqual([[], 0, 0])
})
