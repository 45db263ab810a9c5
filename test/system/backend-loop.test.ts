// Every backend over loop devices: needs root.
import { closeSync, constants, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fsBackend } from '../../adapters/fs-backend.ts'
import { attachLoop, loopPath } from '../../adapters/paths/loops.ts'
import type { AttachedLoop } from '../../adapters/paths/loops.ts'
import { inFlightLimit, probeDescriptor, readQueue } from '../../adapters/uring/index.ts'
import { backendContract, CONTRACT_BYTES, performOn } from '../adapters/backend-contract.ts'
import type { BackendSubject } from '../adapters/backend-contract.ts'
import { BACKENDS } from '../adapters/backends.ts'
import type { BackendMaker } from '../adapters/backends.ts'
import { makeRequest, makeWrite, pathContract, perform } from '../adapters/contract.ts'

const LUN = { wwid: 'naa.60014050a1b2c3d5', implicitAlua: true }

interface Device {
  readonly attached: AttachedLoop
  readonly cleanUp: () => Promise<void>
}

async function attach(): Promise<Device> {
  const directory = mkdtempSync(join(tmpdir(), 'pathledger-backend-'))
  const image = join(directory, 'lun.img')
  writeFileSync(image, '')
  truncateSync(image, CONTRACT_BYTES)
  const attached = await attachLoop({ image, wwid: LUN.wwid })
  const cleanUp = async (): Promise<void> => {
    await attached.release()
    rmSync(directory, { recursive: true })
  }
  return { attached, cleanUp }
}

async function onLoop({ make }: BackendMaker): Promise<BackendSubject> {
  const { attached, cleanUp } = await attach()
  const fd = openSync(attached.device, constants.O_RDWR | constants.O_DIRECT | constants.O_EXCL)
  const queue = readQueue(`7:${attached.number}`)
  return {
    backend: make(fd, queue),
    fd,
    file: attached.device,
    manyInFlight: queue!.requests * 3,
    cleanUp: async () => {
      closeSync(fd)
      await cleanUp()
    },
  }
}

for (const maker of BACKENDS) {
  backendContract(`${maker.declared.name} on a loop device`, maker.declared, () => onLoop(maker))

  describe(`${maker.declared.name} on a loop device`, () => {
    test('with its queue filled by another program, "queue full" stays inside', async () => {
      const { backend, fd, file, manyInFlight, cleanUp } = await onLoop(maker)
      const queue = readQueue(`7:${file.slice('/dev/loop'.length)}`)!
      const other = openSync(file, constants.O_RDWR | constants.O_DIRECT)
      const rival = BACKENDS.at(-1)!.make(other, {
        ...queue,
        requests: 4096,
      })
      const many = Array.from({ length: manyInFlight }, (_, index) => makeWrite(index * 4096, 4096, 7))
      const rivals = many.map((request) => performOn(rival, other, request))
      const answers = await Promise.all(many.map((request) => performOn(backend, fd, request)))
      expect(new Set(answers.map(({ errno }) => errno))).toEqual(new Set([null]))
      expect(new Set((await Promise.all(rivals)).map(({ errno }) => errno))).toEqual(new Set([null]))
      await rival.close?.()
      await backend.close?.()
      closeSync(other)
      await cleanUp()
    })
  })
}

pathContract('a loop path over its fallback', async () => {
  const { attached, cleanUp } = await attach()
  const path = await loopPath(attached.device, {
    lun: LUN,
    hctl: '8:0:0:0',
    probe: () => ({ available: false, why: 'the test says so', readWrite: false, commands: false }),
  })
  await attached.release()
  expect(path.guarantees).toMatchObject({ backend: 'child-fs', isolatesExit: true })
  expect(path.facts.backendWhy).toBe('node:fs in a child process: the test says so')
  return { path, cleanUp }
})

describe('a loop path', () => {
  test('the backend that is asked for is taken, and the path says so', async () => {
    const { attached, cleanUp } = await attach()
    const path = await loopPath(attached.device, { lun: LUN, hctl: '8:0:0:0', backend: fsBackend() })
    expect(path.guarantees).toMatchObject({ backend: 'fs', isolatesExit: false })
    expect(path.facts.backendWhy).toBe('it was asked for')
    expect(await perform({ path }, makeRequest({ op: 'flush' }))).toMatchObject({ errno: null })
    await path.close()
    await cleanUp()
  })

  test('what its queue takes is known without I/O', async () => {
    const { attached, cleanUp } = await attach()
    const queue = readQueue(`7:${attached.number}`)!
    const fd = openSync(attached.device, constants.O_RDWR | constants.O_DIRECT)
    expect(inFlightLimit(queue)).toBe(queue.requests - 8)
    expect(probeDescriptor(fd)).toEqual({ nowait: true, discard: true })
    closeSync(fd)
    await cleanUp()
  })
})
