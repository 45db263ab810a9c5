// The parts that the backends are made of, each by itself.
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { alignedBytes } from '../../adapters/aligned.ts'
import { childBackend } from '../../adapters/child/backend.ts'
import { encodeFrame, FrameReader } from '../../adapters/child/frames.ts'
import type { Head } from '../../adapters/child/frames.ts'
import { performIo } from '../../adapters/child/io.ts'
import { chooseBackend } from '../../adapters/paths/choose-backend.ts'
import { filePath } from '../../adapters/paths/file-path.ts'
import { answerCall, fromWire, isCallName } from '../../adapters/helper/calls.ts'
import type { ErrorOnTheWire } from '../../adapters/helper/calls.ts'
import { pathHelper } from '../../adapters/helper/helper.ts'
import type { IoCompletion, IoRequest } from '../../adapters/ports.ts'
import { systemClock, systemTurns } from '../../adapters/system.ts'
import { Attention, COMPLETION_WAIT_MS, SPIN_TURNS } from '../../adapters/uring/attention.ts'
import type { Seen } from '../../adapters/uring/attention.ts'
import { Fifo } from '../../adapters/uring/fifo.ts'
import { inFlightLimit, probeUring, readQueue } from '../../adapters/uring/index.ts'
import { joinPieces, piecesOf } from '../../adapters/completions.ts'
import { companyOf, type Member } from '../../adapters/uring/company.ts'
import { GATHER_US, PAYS_US, QuickWait, TURN_US, WAIT_US, WATCH_US } from '../../adapters/uring/quick-wait.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import { performOn } from './backend-contract.ts'
import { makeRequest, makeWrite, pathContract, perform } from './contract.ts'

const LUN = { wwid: 'naa.6000', implicitAlua: true }
const SIZE = 131_072

let directory: string
let file: string

function makeFile(): void {
  directory = mkdtempSync(join(tmpdir(), 'pathledger-parts-'))
  file = join(directory, 'lun.img')
  writeFileSync(file, new Uint8Array(SIZE).fill(0x11))
}

describe('the parts of the backends', () => {
  test('a queue gives in the order it took, and puts back before all others', () => {
    const fifo = new Fifo<number>()
    for (let item = 0; item < 10; item += 1) fifo.push(item)
    expect([fifo.shift(), fifo.shift(), fifo.length]).toEqual([0, 1, 8])
    fifo.putBack([100, 101])
    fifo.putBack([])
    expect(Array.from({ length: 11 }, () => fifo.shift())).toEqual([
      100,
      101,
      ...[2, 3, 4, 5, 6, 7, 8, 9],
      undefined,
    ])
  })

  test('in flight stay 8 below the queue, at least one and at most 4096', () => {
    const queue = { transferBytesMax: 4096, discardBytesMax: 0 }
    const limits = [1, 9, 128, 100_000].map((requests) => inFlightLimit({ ...queue, requests }))
    expect([...limits, inFlightLimit(null)]).toEqual([1, 1, 120, 4096, 64])
    expect(readQueue('9999:0')).toBeNull()
  })

  describe('a quick wait', () => {
    /** A ring that answers so long after it was handed something; its clock moves with each look and each wait. */
    function makeRing(sleepingUs: number, watchedUs = sleepingUs) {
      const seen = { us: 0, sleepingUs, watchedUs, waited: [] as number[], watched: 0 }
      let readyAtUs = Infinity
      const wait = (us: number): void => {
        seen.waited.push(us)
        readyAtUs = Math.min(readyAtUs, seen.us + seen.sleepingUs)
        seen.us = Math.min(Math.max(readyAtUs, seen.us), seen.us + us)
      }
      const ring = {
        isReady: () => {
          seen.us += 0.25
          return seen.us >= readyAtUs
        },
        wait,
        submit: (us: number) => {
          readyAtUs = us > 0 ? Infinity : seen.us + seen.watchedUs
          if (us > 0) wait(us)
          else seen.watched += 1
          return null
        },
      }
      const others = companyOf({ next: () => undefined })
      others.enter({ look: () => 0, isReady: ring.isReady })
      const quick = new QuickWait({ monoUs: () => (seen.us += 0.01) }, ring, others)
      return Object.assign(seen, {
        others,
        /** Forgets what has been answered. */
        begin: () => void (readyAtUs = Infinity),
        wait: quick,
      })
    }
    const times = (count: number, call: () => void): void => {
      for (let index = 0; index < count; index += 1) call()
    }

    test('lets the kernel wait where answers come soon, in the call that hands over or in one of its own', () => {
      const ring = makeRing(20)
      expect(ring.wait.submit(1)).toBeNull()
      ring.begin()
      ring.wait.forSome(16)
      ring.wait.forSome(16)
      expect(ring.waited).toEqual([WAIT_US, WAIT_US])
    })

    test('keeps the event loop from no turn for long: some answers later it waits no more until the next one', () => {
      const ring = makeRing(20)
      times(1000, () => void ring.wait.submit(1))
      expect(ring.us).toBeLessThanOrEqual(TURN_US + 21)
      ring.wait.turn()
      times(1000, () => {
        ring.begin()
        ring.wait.forSome(1)
      })
      expect(ring.waited.length).toBeLessThanOrEqual(2 * (TURN_US / 20 + 1))
    })

    test('ends with the first wait in vain: a hung path costs its bound once, and a short trial now and then', () => {
      const hung = makeRing(Infinity)
      times(320, () => {
        hung.wait.turn()
        void hung.wait.submit(1)
      })
      expect(hung.waited.filter((us) => us === WAIT_US)).toHaveLength(1)
      expect(hung.waited.length).toBeLessThanOrEqual(11)
      expect(hung.us).toBeLessThanOrEqual(WAIT_US + 10 * PAYS_US + 320)
    })

    test('ends after a few answers that came late, and begins again when a trial finds them soon', () => {
      const ring = makeRing(PAYS_US * 2)
      const turns = (count: number): void => {
        times(count, () => {
          ring.wait.turn()
          ring.begin()
          ring.wait.forSome(1)
        })
      }
      turns(32)
      expect(ring.waited).toHaveLength(5)
      ring.sleepingUs = 20
      turns(100)
      expect(ring.waited.length).toBeGreaterThan(60)
    })

    test('watches the ring, for a moment at most, where that is quicker than to sleep, and tries the other now and then', () => {
      const many = (ring: ReturnType<typeof makeRing>, inFlight: number): void => {
        times(2000, () => {
          ring.wait.turn()
          void ring.wait.submit(inFlight)
        })
      }
      const quicker = makeRing(40, 20)
      many(quicker, 1)
      expect([quicker.watched > 1700, quicker.waited.length > 50]).toEqual([true, true])
      const slower = makeRing(20, 40)
      many(slower, 1)
      expect([slower.watched < 300, slower.watched > 50]).toEqual([true, true])
      const tooSlow = makeRing(20, Infinity)
      many(tooSlow, 1)
      expect(tooSlow.watched).toBeLessThan(300)
      expect(tooSlow.us).toBeLessThan(2000 * 21 + tooSlow.watched * (WATCH_US + 50))
    })

    test('with many in flight sleeps or watches by what a completion takes, and gathers a few before it ends a watch', () => {
      const load = (ring: ReturnType<typeof makeRing>, asleep: number, watched: number): void => {
        times(20_000, () => {
          ring.wait.turn()
          const before = ring.watched
          void ring.wait.submit(16)
          ring.others.told += ring.watched > before ? watched : asleep
        })
      }
      const watching = makeRing(40, 10)
      load(watching, 4, 4)
      expect([watching.watched > 15_000, watching.waited.length > 500]).toEqual([true, true])
      expect(watching.us).toBeGreaterThan(watching.watched * (10 + GATHER_US))
      // A watch is over sooner, but with fewer of them.
      const sleeping = makeRing(40, 10)
      load(sleeping, 8, 1)
      expect([sleeping.watched < 5000, sleeping.watched > 500]).toEqual([true, true])
      const slow = makeRing(100, Infinity)
      load(slow, 4, 4)
      expect(slow.watched).toBeLessThan(2500)
    })

    test('with many in flight watches every ring: one that hangs does not keep another waiting', () => {
      const ring = makeRing(Infinity)
      ring.others.manner.watches = true
      let other = 20
      ring.others.enter({ look: () => 0, isReady: () => (other -= 1) === 0 })
      ring.wait.forSome(16)
      expect(ring.waited).toEqual([])
      expect(ring.us).toBeLessThan(20 + GATHER_US)
    })
  })

  describe('the rings of one event loop', () => {
    test('look for each other, and none waits while another has something to hand over', () => {
      const turns = { next: () => undefined }
      const company = companyOf(turns)
      expect(companyOf(turns)).toBe(company)
      const looked: string[] = []
      const member = (name: string, leaves = false): Member => {
        const made: Member = {
          look: () => {
            looked.push(name)
            if (leaves) company.leave(made)
            return 1
          },
          isReady: () => false,
        }
        return made
      }
      const [first, second, third] = [member('first', true), member('second', true), member('third')]
      for (const one of [first, second, third]) company.enter(one)
      expect([company.lookForOthers(third), looked, company.awake]).toEqual([2, ['second', 'first'], 1])
      company.due += 1
      expect(company.mayWait).toBe(false)
      company.due -= 1
      expect(company.mayWait).toBe(true)
      for (let more = 0; more < 8; more += 1) company.enter(member('more'))
      expect(company.mayWait).toBe(false)
      company.latest = third
      company.leave(third)
      expect(company.latest).toBeNull()
    })
  })

  describe('pieces', () => {
    const request = makeRequest({ op: 'read', offset: 4096, length: 10_240 })
    const answer = (bytes: number, errno: string | null = null): IoCompletion => ({
      errno,
      status: null,
      bytes,
    })
    const join3 = (...answers: IoCompletion[]): IoCompletion[] => {
      const whole: IoCompletion[] = []
      const dones = joinPieces(piecesOf(request, 4096), (completion) => whole.push(completion))
      // Backwards: the order of the answers must not matter.
      for (const index of [2, 1, 0]) dones[index]!(answers[index]!)
      return whole
    }

    test('they cover the I/O, each with its own bytes', () => {
      const pieces = piecesOf(request, 4096)
      expect(pieces.map(({ offset, length }) => [offset, length])).toEqual([
        [4096, 4096],
        [8192, 4096],
        [12_288, 2048],
      ])
      expect(pieces.map(({ data }) => data!.byteOffset)).toEqual([0, 4096, 8192])
      expect(piecesOf(request, 10_240)).toEqual([request])
      expect(piecesOf(makeRequest({ op: 'discard', length: 8192 }), 4096)).toMatchObject([
        { op: 'discard', data: null, offset: 0 },
        { offset: 4096, length: 4096 },
      ])
    })

    test('together they succeed, are short where the first is, or fail with the first error', () => {
      expect(join3(answer(4096), answer(4096), answer(2048))).toEqual([answer(10_240)])
      expect(join3(answer(4096), answer(512), answer(2048))).toEqual([answer(4608)])
      expect(join3(answer(4096), answer(0, 'EIO'), answer(0, 'ENOSPC'))).toEqual([answer(0, 'EIO')])
      const abandoned = { ...answer(0, 'ECANCELED'), abandoned: true }
      expect(join3(answer(4096), answer(0, 'EIO'), abandoned)).toEqual([
        { ...answer(0, 'EIO'), abandoned: true },
      ])
    })
  })

  test('attention spins, sleeps until its wake or for 50 ms, and runs nothing while idle', () => {
    const clock = new VirtualClock()
    const turns: (() => void)[] = []
    const turn = (): void => turns.shift()?.()
    const noted: string[] = []
    let seen: Seen = 'nothing'
    let looks = 0
    const attention = new Attention({
      clock,
      turns: { next: (call) => void turns.push(call) },
      wake: {
        arm: () => void noted.push('arm'),
        keepAlive: (on) => void noted.push(on ? 'hold' : 'let go'),
        close: () => undefined,
      },
      look: () => {
        looks += 1
        return seen
      },
    })
    attention.watch()
    attention.watch()
    expect([turns.length, looks]).toEqual([1, 0])
    for (let count = 0; count < SPIN_TURNS; count += 1) turn()
    expect([looks, turns.length, noted]).toEqual([SPIN_TURNS, 0, ['hold', 'arm']])
    clock.advanceTo(COMPLETION_WAIT_MS * 1000)
    expect([looks, turns.length, noted.length]).toEqual([SPIN_TURNS + 1, 0, 3])
    seen = 'completions'
    attention.wakeUp()
    expect(turns).toHaveLength(1)
    seen = 'idle'
    turn()
    expect([turns.length, noted.at(-1)]).toEqual([0, 'let go'])
    const before = looks
    clock.advanceTo(10_000_000)
    expect(looks).toBe(before)
  })

  test('frames survive any cut of the stream', () => {
    const found: [Head, number[]][] = []
    const reader = new FrameReader((head, data) => found.push([head, [...data]]))
    const stream = Buffer.concat([
      ...encodeFrame({ id: 1 }, new Uint8Array([1, 2, 3])),
      ...encodeFrame({ id: 2, what: 'é' }, null),
      ...encodeFrame({ id: 3 }, new Uint8Array([4])),
    ])
    for (const byte of stream) reader.push(Buffer.from([byte]))
    reader.push(stream)
    const each = [
      [{ id: 1 }, [1, 2, 3]],
      [{ id: 2, what: 'é' }, []],
      [{ id: 3 }, [4]],
    ]
    expect(found).toEqual([...each, ...each])
  })
})

describe('the child’s side', () => {
  beforeEach(makeFile)
  afterEach(() => rmSync(directory, { recursive: true }))

  test('it does each I/O on its descriptor', async () => {
    const fd = openSync(file, 'r+')
    const run = async (op: IoRequest['op'], data = new Uint8Array(0)): Promise<unknown> => {
      const { release, read, ...outcome } = await performIo(
        fd,
        { op, offset: 4096, length: op === 'flush' ? 0 : 4096, fua: false },
        data,
      )
      const first = read?.[0]
      release()
      return { ...outcome, first }
    }
    expect(await run('write', new Uint8Array(4096).fill(7))).toMatchObject({ errno: null, bytes: 4096 })
    expect(await run('read')).toEqual({ errno: null, bytes: 4096, first: 7 })
    expect(await run('flush')).toMatchObject({ errno: null, bytes: 0 })
    expect(await run('writeZeroes')).toMatchObject({ errno: null, bytes: 4096 })
    expect(await run('read')).toMatchObject({ first: 0 })
    await run('write', new Uint8Array(4096).fill(9))
    expect(await run('discard')).toMatchObject({ errno: null, bytes: 4096 })
    expect(readFileSync(file).subarray(4095, 8193)).toEqual(
      Buffer.from([0x11, ...new Uint8Array(4096), 0x11]),
    )
    closeSync(fd)
    expect(await run('discard')).toMatchObject({ errno: 'EBADF' })
  })

  test('an error of ours crosses the channel whole', async () => {
    expect([isCallName('attach'), isCallName('exit'), isCallName(7)]).toEqual([true, false, false])
    const answer = await answerCall('attach', { image: join(directory, 'nothing'), wwid: 'naa.1' }, -1)
    const wire = JSON.parse(JSON.stringify((answer as { error: unknown }).error)) as ErrorOnTheWire
    const error = fromWire(wire)
    expect(error).toMatchObject({ code: 'PATH_NOT_FOUND', errno: 'ENOENT', why: 'There is no such file.' })
    expect(error.message.match(/There is no such file/g)).toHaveLength(1)
    expect(await answerCall('attach', null, -1)).toMatchObject({ error: { code: 'HELPER_FAILED' } })
  })
})

describe('processes', () => {
  beforeEach(makeFile)
  afterEach(() => rmSync(directory, { recursive: true }))

  test('a helper answers calls with their errors, and no descriptor but its own', async () => {
    const fd = openSync(file, 'r+')
    const helper = pathHelper({ clock: systemClock, fd })
    expect(helper.running).toBe(0)
    const call = helper.call('detach', { device: join(directory, 'nothing') })
    await expect(call).rejects.toMatchObject({ code: 'PATH_NOT_FOUND' })
    expect(helper.running).toBe(1)
    expect(await performOn(helper.backend, fd + 1, makeRequest({ op: 'flush' }))).toMatchObject({
      errno: 'EINVAL',
    })
    await helper.close()
    expect(helper.running).toBe(0)
    await expect(helper.call('detach', { device: file })).rejects.toMatchObject({ code: 'HELPER_LOST' })
    closeSync(fd)
  })

  test('what is under way when a child backend is closed is abandoned, and what waits is not', async () => {
    const fd = openSync(file, 'r+')
    const backend = childBackend({ clock: systemClock })
    const all = Array.from({ length: 65 }, (_, index) => performOn(backend, fd, makeWrite(0, 512, index)))
    await backend.close()
    const answers = await Promise.all(all)
    expect(answers[0]).toMatchObject({ errno: 'ECANCELED', abandoned: true })
    expect(answers[64]).toEqual({ errno: 'ECANCELED', status: null, bytes: 0 })
    closeSync(fd)
  })

  test('without io_uring the child is chosen, and the reason given', async () => {
    const fd = openSync(file, 'r+')
    const helper = pathHelper({ clock: systemClock, fd })
    const probe = () => ({ available: false, why: 'the sysctl says 2', readWrite: false, commands: false })
    const { backend, why } = chooseBackend({
      ...{ clock: systemClock, turns: systemTurns, fd, number: null, helper },
      probe,
    })
    expect([backend.name, why]).toEqual(['child-fs', 'node:fs in a child process: the sysctl says 2'])
    expect(await performOn(backend, fd, makeRequest({ op: 'flush' }))).toMatchObject({ errno: null })
    await backend.close()
    closeSync(fd)
  })

  test('a filesystem that cannot but wait gets the child, and one that need not gets io_uring', async () => {
    const fd = openSync(file, constants.O_RDWR | constants.O_DIRECT)
    const helper = pathHelper({ clock: systemClock, fd })
    const { backend, why } = chooseBackend({
      ...{ clock: systemClock, turns: systemTurns, fd, number: null, helper },
    })
    expect(['io_uring', 'child-fs']).toContain(backend.name)
    if (!probeUring().available) expect(backend.name).toBe('child-fs')
    expect(why.length).toBeGreaterThan(20)
    expect(await performOn(backend, fd, makeRequest({ op: 'read', length: 512 }))).toMatchObject({
      bytes: 512,
    })
    await backend.close()
    closeSync(fd)
  })
})

pathContract('an isolated file path', async () => {
  makeFile()
  const path = await filePath(file, { lun: LUN, hctl: '9:0:0:0', isolate: true })
  const cleanUp = (): void => {
    rmSync(directory, { recursive: true })
  }
  expect(path.guarantees.isolatesExit).toBe(true)
  expect(await perform({ path }, makeRequest({ op: 'read', length: 512, data: alignedBytes(512) }))).toEqual({
    ...{ errno: null, status: null, bytes: 512 },
  })
  return { path, cleanUp }
})
