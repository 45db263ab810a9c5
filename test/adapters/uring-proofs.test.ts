// What the ring backend promises to those who prove by it that a write is over, or durable.
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { alignedBytes } from '../../adapters/aligned.ts'
import type { IoCompletion } from '../../adapters/ports.ts'
import { probeUring } from '../../adapters/uring/index.ts'
import type { Ring } from '../../adapters/uring/ring.ts'
import { Submitter } from '../../adapters/uring/submission.ts'
import { RW } from '../../adapters/uring/abi.ts'
import { BACKENDS } from './backends.ts'
import { makeRequest } from './contract.ts'

test('FUA goes to the kernel with a write that asks for it, and with nothing else', () => {
  const flags: number[] = []
  const prepare: Ring['prepare'] = (...[, , , , , , rw]) => flags.push(rw) > 0
  const submitter = new Submitter({
    prepare,
    registerFile: () => false,
    registerMemory: () => false,
  } as never)
  const data = alignedBytes(512)
  const write = { op: 'write', offset: 0, length: 512, data } as const
  submitter.prepare(3, { ...write, fua: true }, 0)
  submitter.prepare(3, { ...write, fua: false }, 1)
  submitter.prepare(3, { ...write, op: 'read', fua: false }, 2)
  expect(flags).toEqual([RW.nowait | RW.dsync, RW.nowait, RW.nowait])
})

test('a ring that is closed says of what the kernel may have that it may still happen', async () => {
  const uring = BACKENDS.find(({ declared }) => declared.name === 'io_uring')
  // Without io_uring there is nothing to hold; the probe says why.
  if (uring === undefined) {
    expect(probeUring().available).toBe(false)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-uring-'))
  const file = join(folder, 'lun.img')
  writeFileSync(file, new Uint8Array(65_536))
  const fd = openSync(file, 'r+')
  onTestFinished(() => {
    closeSync(fd)
    rmSync(folder, { recursive: true })
  })
  const backend = uring.make(fd, null)
  const answers: IoCompletion[] = []
  const request = makeRequest({ op: 'write', offset: 0, length: 512, data: alignedBytes(512) })
  backend.submit(fd, request, (completion) => void answers.push(completion))
  await backend.close?.()
  expect(answers).toMatchObject([{ errno: 'ECANCELED', abandoned: true }])
})
