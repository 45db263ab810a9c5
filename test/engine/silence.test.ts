// One path of several hangs. New I/O does not wait for it, and neither do reads that it has.
import { describe, expect, test } from 'vitest'
import type { IoPolicy } from '../../machines/words.ts'
import { BLOCK, bytesOf, Rig } from './rig.ts'

const HCTLS = ['8:0:0:0', '9:0:0:0', '10:0:0:0', '11:0:0:0']

async function open(iopolicy: IoPolicy, latencyUs = 100) {
  const rig = await Rig.open({ iopolicy, attemptTimeoutMs: 8_000 })
  const all = [
    await rig.add(HCTLS[0]!, { latencyUs }),
    await rig.add(HCTLS[1]!, { latencyUs }),
    await rig.add(HCTLS[2]!, { latencyUs }),
    await rig.add(HCTLS[3]!, { latencyUs }),
  ]
  return { rig, all, a: all[0]! }
}

describe('a hung path', () => {
  test.each(['round-robin', 'numa', 'queue-depth', 'service-time'] as const)(
    'F-17: %s: callers wait for it about `silentMs`, not for the limit of an attempt',
    async (iopolicy) => {
      // Two milliseconds each: enough I/O for the policies, and not a quarter of a million of them.
      const { rig, a } = await open(iopolicy, 2_000)
      await rig.read(0)
      a.hang.enable()
      let done = 0
      let stop = false
      const worker = async (at: number): Promise<void> => {
        for (let turn = at; !stop; turn += 1) {
          await rig.head.read({ offset: (turn % 64) * BLOCK, length: BLOCK })
          done += 1
        }
      }
      const workers = Array.from({ length: 8 }, (_, at) => worker(at))
      await rig.pass(2_500)
      const before = done
      await rig.pass(500)
      expect(done - before).toBeGreaterThan(1_000)
      expect(rig.events('path.silent', HCTLS[0])[0]).toMatchObject({
        why: expect.stringContaining('and sda:') as unknown,
      })
      expect(a.path.flags.silent).toBe(true)
      stop = true
      a.hang.disable()
      await rig.drive(Promise.all(workers))
      rig.expectReplayEqualsLive()
    },
  )

  test('F-17: is used again as soon as it answers, and nothing is lost of what it had', async () => {
    const { rig, a } = await open('round-robin')
    a.hang.enable()
    const writes = Array.from({ length: 8 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.pass(2_500)
    expect(rig.rows('path.silent')).toHaveLength(1)
    expect(a.hang.held, 'its writes stay where they are').toBe(2)
    a.hang.disable()
    await rig.drive(Promise.all(writes))
    expect(rig.rows('path.answersAgain')).toHaveLength(1)
    expect(a.path.flags).not.toHaveProperty('silent')
    expect(rig.lun.medium.subarray(7 * BLOCK, 8 * BLOCK)).toEqual(bytesOf(7))
    const before = a.ios.length
    for (let turn = 0; turn < 4; turn += 1) await rig.read(turn * BLOCK)
    expect(a.ios.length).toBe(before + 1)
    expect(rig.rows('path.failed')).toEqual([])
  })

  test('F-17: that never answers fails by the limit of its attempts, and is not silent any more', async () => {
    const { rig, a } = await open('round-robin')
    a.hang.enable()
    const writes = Array.from({ length: 4 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.pass(15_000)
    await rig.drive(Promise.all(writes))
    expect(a.path.state.health).not.toBe('online')
    expect(a.path.flags).not.toHaveProperty('silent')
    rig.expectReplayEqualsLive()
  })

  test('F-17: of an array that is slow as a whole no path is silent; nor is one that is alone; nor any with 0', async () => {
    for (const [paths, more] of [
      [4, {}],
      [1, {}],
      [4, { silentMs: 0 }],
    ] as const) {
      const rig = await Rig.open({ iopolicy: 'round-robin', attemptTimeoutMs: 20_000, ...more })
      const all = []
      for (const hctl of HCTLS.slice(0, paths)) all.push(await rig.add(hctl))
      for (const path of paths === 4 && !('silentMs' in more) ? all : all.slice(0, 1))
        path.delay.enable({ delayUs: 5_000_000 })
      const reads = Array.from({ length: 8 }, (_, at) => rig.head.read({ offset: at * BLOCK, length: BLOCK }))
      await rig.pass(3_500)
      expect(rig.rows('path.silent')).toEqual([])
      await rig.drive(Promise.all(reads))
    }
  })
})
