// Every backend over plain files.
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusal } from '../../adapters/uring/probe.ts'
import { probeUring } from '../../adapters/uring/index.ts'
import { backendContract, CONTRACT_BYTES, performOn } from './backend-contract.ts'
import type { BackendSubject } from './backend-contract.ts'
import { BACKENDS } from './backends.ts'
import type { BackendMaker } from './backends.ts'
import { makeRequest } from './contract.ts'

async function onFile({ make }: BackendMaker): Promise<BackendSubject> {
  const directory = mkdtempSync(join(tmpdir(), 'pathledger-backend-'))
  const file = join(directory, 'lun.img')
  writeFileSync(file, new Uint8Array(CONTRACT_BYTES))
  const fd = openSync(file, constants.O_RDWR | constants.O_DIRECT)
  const cleanUp = (): void => {
    closeSync(fd)
    rmSync(directory, { recursive: true })
  }
  return { backend: make(fd, null), fd, file, manyInFlight: 300, cleanUp }
}

for (const maker of BACKENDS) {
  backendContract(`${maker.declared.name} on a file`, maker.declared, () => onFile(maker))

  describe(`${maker.declared.name} on a file`, () => {
    test('a read over the end is short, and one behind it empty', async () => {
      const { backend, fd, cleanUp } = await onFile(maker)
      const over = makeRequest({ op: 'read', offset: CONTRACT_BYTES - 4096, length: 8192 })
      const behind = makeRequest({ op: 'read', offset: CONTRACT_BYTES, length: 4096 })
      expect(await performOn(backend, fd, over)).toEqual({ errno: null, status: null, bytes: 4096 })
      expect(await performOn(backend, fd, behind)).toEqual({ errno: null, status: null, bytes: 0 })
      await backend.close?.()
      await cleanUp()
    })
  })
}

describe('what the kernel offers', () => {
  test('io_uring is there, or the probe says in a sentence why not', () => {
    const { available, why, readWrite } = probeUring()
    expect(available).toBe(readWrite)
    expect(available ? why === null : why !== null && why.length > 20).toBe(true)
    expect(BACKENDS.some(({ declared }) => declared.name === 'io_uring')).toBe(available)
  })

  test.each([
    ['EPERM', '2', 'the sysctl kernel.io_uring_disabled is 2 (EPERM)'],
    ['EPERM', '0', 'a seccomp filter or a security module forbids io_uring (EPERM)'],
    ['EPERM', null, 'a seccomp filter or a security module forbids io_uring (EPERM)'],
    ['ENOSYS', null, 'the kernel, or a seccomp filter, has no io_uring (ENOSYS)'],
    ['ENOMEM', '0', 'there is no memory for a ring: see ulimit -l (ENOMEM)'],
    ['EOPNOTSUPP', '0', 'its io_uring is too old: it may drop completions'],
    ['EMFILE', '0', 'io_uring_setup failed with EMFILE'],
  ])('%s with the sysctl at %s is told as it is', (errno, sysctl, why) => {
    expect(refusal(errno, sysctl)).toBe(why)
  })
})
