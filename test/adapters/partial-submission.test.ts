// A kernel that is short of memory takes a part of what a ring hands over: the rest goes a moment later, whoever else comes.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { systemClock, systemTurns } from '../../adapters/system.ts'
import { probeUring, uringBackend } from '../../adapters/uring/index.ts'
import { Ring } from '../../adapters/uring/ring.ts'
import { fsBackend } from '../../adapters/fs-backend.ts'
import { performOn } from './backend-contract.ts'
import { makeWrite } from './contract.ts'

const BLOCK = 4096

// Where a machine has no ring there is nothing to submit to: the backend contract says which backends there are.
test.runIf(probeUring().available)(
  'a submission that the kernel took in part ends whole, though nothing comes after it',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pathledger-partial-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'file')
    writeFileSync(file, new Uint8Array(16 * BLOCK))
    const fd = openSync(file, 'r+')
    onTestFinished(() => closeSync(fd))
    const submit = Ring.prototype.submit
    let parts = 0
    const spy = vi.spyOn(Ring.prototype, 'submit').mockImplementation(function (this: Ring, ...waits) {
      if (this.unsubmitted < 2) return submit.apply(this, waits)
      parts += 1
      Object.defineProperty(this, 'unsubmitted', { configurable: true, get: () => 1 })
      try {
        return submit.apply(this, waits)
      } finally {
        Reflect.deleteProperty(this, 'unsubmitted')
      }
    })
    onTestFinished(() => spy.mockRestore())
    const backend = uringBackend(
      { clock: systemClock, turns: systemTurns, helper: fsBackend() },
      { inFlightMax: 64, transferBytesMax: Infinity, discardBytesMax: 0, again: 'helper' },
    )
    const writes = Array.from({ length: 16 }, (_, at) => makeWrite(at * BLOCK, BLOCK, at + 1))
    const answers = await Promise.all(writes.map((request) => performOn(backend, fd, request)))
    expect(answers.map(({ errno, bytes }) => [errno, bytes])).toEqual(writes.map(() => [null, BLOCK]))
    expect(parts).toBeGreaterThan(0)
    expect(writes.map((_, at) => readFileSync(file)[at * BLOCK])).toEqual(writes.map((_, at) => at + 1))
    await backend.close()
  },
)
